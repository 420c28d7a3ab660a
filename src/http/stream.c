/* An answer without an end (Server-Sent Events). h2o takes one write at a time and says `proceed` when it is
 * out; what is written meanwhile waits in `waiting`, up to a bound: a reader that is slower than that is
 * dropped, as a client that stops reading is otherwise noticed only when the kernel's buffer is full and a
 * write fails.
 *
 *   start -> [idle <-> sending] -> close (last bytes go out) -> proceed/stop -> freed
 *                               -> drop (connection shut)    -> a write fails -> freed
 *                               -> client gone: stop -> gone() -> freed */
#include "server_internal.h"

#include "bl/base/magic.h"

#include <stdlib.h>
#include <sys/socket.h>

struct bl_stream {
    uint32_t magic;
    struct bl_server *server;
    h2o_req_t *req;
    struct bl_buf waiting, out; /* `out` is with h2o while sending */
    bool sending, closing, dropped;
    char key[BL_KEY_ID_BYTES];
    size_t key_n;
    void (*gone)(void *ctx);
    void *ctx;
    struct bl_stream *next, *prev;
};

struct generator {
    h2o_generator_t super;
    struct bl_stream *s; /* NULL: ended */
};

static void stream_free(struct bl_stream *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        s->server->streams = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->magic = 0;
    bl_buf_release(&s->waiting);
    bl_buf_release(&s->out);
    free(s);
}

static void pump(struct bl_stream *s)
{
    if (s->sending || (s->waiting.n == 0 && !s->closing))
        return;
    struct bl_buf t = s->out;
    s->out = s->waiting;
    s->waiting = t;
    bl_buf_clear(&s->waiting);
    s->sending = true;
    h2o_iovec_t buf = h2o_iovec_init(s->out.p, s->out.n);
    h2o_send(s->req, &buf, s->out.n ? 1 : 0, s->closing ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void on_proceed(h2o_generator_t *g, h2o_req_t *req)
{
    struct bl_stream *s = ((struct generator *)g)->s;
    (void)req;
    if (!s)
        return;
    s->sending = false;
    /* It got out after all: only another write tells h2o that the connection is shut. */
    s->closing |= s->dropped;
    pump(s);
}

/* Also the end after a final send: h2o disposes of the request, whose anchor comes here. */
static void on_died(void *p)
{
    struct bl_stream *s = ((struct generator *)p)->s;
    if (!s)
        return;
    bool tell = !s->closing && !s->dropped;
    void (*gone)(void *) = s->gone;
    void *ctx = s->ctx;
    ((struct generator *)p)->s = NULL;
    stream_free(s);
    if (tell)
        gone(ctx);
}

/* A reader who does not read is noticed when the kernel takes no more: that must be soon, and its memory counts too. */
static void bound_kernel(h2o_req_t *req)
{
    struct bl_conn *c = bl_conn_of(req);
    int bytes = BL_STREAM_KERNEL_BYTES;
    uv_os_fd_t fd;
    if (c && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

struct bl_stream *bl_stream_start(struct bl_request *r, const char *type, size_t bytes_max,
                                  void (*gone)(void *ctx), void *ctx)
{
    struct bl_server *server = r->server;
    struct bl_stream *s = r->req && !server->draining ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        bl_answer_error(r, BL_ERR_NO_MEMORY, NULL, NULL);
        return NULL;
    }
    if (!bl_respond_head(r, 200, type, SIZE_MAX, "no-store"))
        abort(); /* r->req was looked at above */
    *s = (struct bl_stream){.magic = BL_STREAM_MAGIC,
                            .server = server,
                            .req = r->req,
                            .gone = gone,
                            .ctx = ctx,
                            .next = server->streams,
                            .key_n = r->key_n};
    memcpy(s->key, r->key, r->key_n);
    bl_buf_init(&s->waiting, bytes_max);
    bl_buf_init(&s->out, bytes_max);
    if (s->next)
        s->next->prev = s;
    server->streams = s;
    struct generator *g = h2o_mem_alloc_shared(&r->req->pool, sizeof *g, on_died);
    *g = (struct generator){{on_proceed, NULL}, s};
    r->req->http1_is_persistent = 0;
    bound_kernel(r->req);
    h2o_start_response(r->req, &g->super);
    bl_request_release(r);
    return s;
}

static void drop(struct bl_stream *s)
{
    struct bl_conn *c = bl_conn_of(s->req);
    s->dropped = true;
    if (c)
        bl_conn_reset(c);
    if (!s->sending) {
        s->closing = true;
        pump(s);
    }
}

bool bl_stream_write(struct bl_stream *s, struct bl_str text)
{
    assert(s->magic == BL_STREAM_MAGIC && !s->closing && !s->dropped);
    bl_buf_str(&s->waiting, text);
    if (s->waiting.err != BL_OK) {
        drop(s);
        return false;
    }
    pump(s);
    return true;
}

void bl_stream_close(struct bl_stream *s)
{
    assert(s->magic == BL_STREAM_MAGIC && !s->closing && !s->dropped);
    s->closing = true;
    pump(s);
}

size_t bl_stream_waiting(const struct bl_stream *s)
{
    assert(s->magic == BL_STREAM_MAGIC);
    return s->waiting.n + (s->sending ? s->out.n : 0);
}

static bool nobody_stays(void *ctx, struct bl_str key)
{
    (void)ctx, (void)key;
    return false;
}

void bl_streams_drain(struct bl_server *s)
{
    bl_streams_end(s, nobody_stays, NULL);
}

void bl_streams_end(struct bl_server *s, bool (*stays)(void *ctx, struct bl_str key), void *stays_ctx)
{
    struct bl_stream *next;
    for (struct bl_stream *i = s->streams; i; i = next) {
        next = i->next;
        if (i->closing || i->dropped || stays(stays_ctx, (struct bl_str){i->key, i->key_n}))
            continue;
        void (*gone)(void *) = i->gone;
        void *ctx = i->ctx;
        bl_stream_close(i);
        gone(ctx);
    }
}
