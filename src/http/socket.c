/* What libh2o asks of libuv for a connection, done with fewer words to the kernel. It calls through the dynamic linker, so
 * these definitions come first (as in parser.c); all streams that are not marked go to libuv as they are.
 *
 * Reading. libh2o stops reading while a request is worked on, and starts again behind its answer. By then libuv takes the
 * socket for a new one and tells epoll twice, the first time in vain (EEXIST). Here it is only held, and nearly always reading
 * has started again before anything comes.
 *
 *          uv_read_start              uv_read_stop
 *   OFF ------------------> ON <--------------------> HELD
 *    ^     (libuv's)        |      uv_read_start        |
 *    +----------------------+---------------------------+
 *       the end, an error       on_alloc, on_read: something came, and stays where it is (libuv's uv_read_stop)
 *
 * Writing. libuv tells of a write that is through in the next turn of its loop, and tells epoll that it no longer waits to
 * write, for which it never waited. Here what the kernel takes at once needs no libuv, and is told of in the idle phase.
 *
 * Invariants
 *  - Not a byte is read while a connection is held: what h2o works on stands in the buffer that would grow.
 *  - The callback of a write never runs inside uv_write, and not when the connection is closing (h2o has forgotten it).
 *
 * Worth, of a single POST over one of 64 connections: three of its five system calls. */
#include "server_internal.h"

#include "bl/base/magic.h"

#include <dlfcn.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default"), used))

/* A connection's stream has no use for connection_cb; libuv sets it to NULL in all others that read or write. */
static void mark(uv_stream_t *stream, int status)
{
    (void)stream;
    (void)status;
}

void bl_socket_init(struct bl_conn *c)
{
    c->reading = BL_READING_OFF;
    c->tcp.connection_cb = mark;
}

static struct bl_conn *conn_of(uv_stream_t *stream)
{
    return stream->connection_cb == mark && !uv_is_closing((uv_handle_t *)stream)
               ? (struct bl_conn *)(void *)stream
               : NULL;
}

/* --- libuv's own */

static void *find(const char *name)
{
    void *at = dlsym(RTLD_NEXT, name);
    if (!at)
        abort(); /* then the linker would have refused two of one name */
    return at;
}

static int libuv_start(uv_stream_t *stream, uv_alloc_cb alloc, uv_read_cb read)
{
    static int (*start)(uv_stream_t *, uv_alloc_cb, uv_read_cb);
    if (!start)
        *(void **)&start = find("uv_read_start");
    return start(stream, alloc, read);
}

static int libuv_stop(uv_stream_t *stream)
{
    static int (*stop)(uv_stream_t *);
    if (!stop)
        *(void **)&stop = find("uv_read_stop");
    return stop(stream);
}

static int libuv_write(uv_write_t *req, uv_stream_t *stream, const uv_buf_t bufs[], unsigned n,
                       uv_write_cb cb)
{
    static int (*write)(uv_write_t *, uv_stream_t *, const uv_buf_t[], unsigned, uv_write_cb);
    if (!write)
        *(void **)&write = find("uv_write");
    return write(req, stream, bufs, n, cb);
}

/* --- reading */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    const struct bl_conn *c = (const struct bl_conn *)(const void *)handle;
    if (c->reading == BL_READING_HELD)
        *buf = uv_buf_init(NULL, 0); /* libuv reads nothing, and calls on_read with UV_ENOBUFS */
    else
        c->alloc(handle, suggested, buf);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct bl_conn *c = (struct bl_conn *)(void *)stream;
    bool held = c->reading == BL_READING_HELD;
    if (held || (n < 0 && n != UV_ENOBUFS))
        c->reading = BL_READING_OFF;
    if (held)
        libuv_stop(stream);
    else
        c->read(stream, n, buf);
}

EXPORTED int uv_read_start(uv_stream_t *stream, uv_alloc_cb alloc, uv_read_cb read)
{
    struct bl_conn *c = conn_of(stream);
    if (!c)
        return libuv_start(stream, alloc, read);
    c->alloc = alloc;
    c->read = read;
    int err = c->reading == BL_READING_HELD ? 0 : libuv_start(stream, on_alloc, on_read);
    if (err == 0)
        c->reading = BL_READING_ON;
    return err;
}

EXPORTED int uv_read_stop(uv_stream_t *stream)
{
    struct bl_conn *c = conn_of(stream);
    if (!c || c->reading == BL_READING_OFF)
        return libuv_stop(stream);
    c->reading = BL_READING_HELD;
    return 0;
}

/* --- writing */

/* Those of which a write is through. */
static void on_idle(uv_idle_t *idle)
{
    struct bl_server *s = BL_CAST(struct bl_server, idle->data, BL_SERVER_MAGIC);
    struct bl_written *all = s->written;
    s->written = NULL; /* what is written meanwhile waits for the next turn */
    uv_idle_stop(idle);
    if (all)
        all->at = &all;
    while (all) {
        struct bl_written *w = all;
        bl_socket_forget(w);
        if (!uv_is_closing((uv_handle_t *)w->req->handle))
            w->cb(w->req, 0);
    }
}

void bl_socket_forget(struct bl_written *w)
{
    if (!w->at)
        return;
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    w->at = NULL;
}

static void remember(struct bl_conn *c, uv_write_t *req, uv_write_cb cb)
{
    struct bl_server *s = c->server;
    struct bl_written *w = &c->written;
    req->handle = (uv_stream_t *)&c->tcp;
    *w = (struct bl_written){req, cb, s->written, &s->written};
    if (w->next)
        w->next->at = &w->next;
    s->written = w;
    uv_idle_start(&s->idle, on_idle);
}

EXPORTED int uv_write(uv_write_t *req, uv_stream_t *stream, const uv_buf_t bufs[], unsigned n, uv_write_cb cb)
{
    enum { BUFS_MAX = 8 };
    uv_buf_t rest[BUFS_MAX];
    struct bl_conn *c = conn_of(stream);
    if (!c || c->written.at || n > BUFS_MAX)
        return libuv_write(req, stream, bufs, n, cb);
    int done = uv_try_write(stream, bufs, n); /* an error is left for libuv to find, and to tell of */
    size_t left = done > 0 ? (size_t)done : 0;
    unsigned first = 0;
    for (; first < n && left >= bufs[first].len; first++)
        left -= bufs[first].len;
    if (first == n) {
        remember(c, req, cb);
        return 0;
    }
    memcpy(rest, bufs + first, (n - first) * sizeof *rest);
    rest[0] = uv_buf_init(rest[0].base + left, (unsigned)(rest[0].len - left));
    return libuv_write(req, stream, rest, n - first, cb);
}
