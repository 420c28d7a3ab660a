/* One attempt at a connection: looks the host up, connects, shakes hands, writes what has gathered, reads
 * replies. It lives until libuv has let go of its handle and its look-up; the link forgets it earlier
 * (link_drop). */
#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "link.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>

static void conn_free(struct conn *c)
{
    if (c->open || c->looking_up)
        return;
    if (c->reader)
        redisReaderFree(c->reader);
    bl_buf_release(&c->out);
    bl_buf_release(&c->writing);
    c->magic = 0;
    free(c);
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct conn *c = BL_CAST(struct conn, handle->data, CONN_MAGIC);
    c->open = false;
    conn_free(c);
}

void link_drop(struct conn *c)
{
    struct bl_link *link = c->link;
    if (!link)
        return;
    c->link = NULL;
    link->conn = NULL;
    link->up = false;
    link->down_due = true;
    queue_move(&c->pending, &link->failed);
    uv_timer_stop(&link->watchdog);
    if (c->looking_up)
        uv_cancel((uv_req_t *)&c->lookup);
    if (c->open)
        uv_close(&c->u.handle, on_conn_closed);
    else if (!c->looking_up)
        conn_free(c);
    link_run_failures(link);
    link_schedule_retry(link);
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    struct conn *c = BL_CAST(struct conn, req->data, CONN_MAGIC);
    c->writing_now = false;
    bl_buf_trim(&c->writing, OUT_KEPT_BYTES);
    if (status < 0)
        link_drop(c);
    else if (c->link)
        link_flush(c);
}

void link_flush(struct conn *c)
{
    if (c->writing_now || c->out.n == 0)
        return;
    struct bl_buf swap = c->writing;
    c->writing = c->out;
    c->out = swap;
    uv_buf_t rest = uv_buf_init(c->writing.p, (unsigned)c->writing.n);
    int n = uv_try_write(&c->u.stream, &rest, 1);
    if (n == (int)c->writing.n) {
        bl_buf_trim(&c->writing, OUT_KEPT_BYTES);
        return;
    }
    if (n < 0 && n != UV_EAGAIN) {
        link_drop(c);
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    rest = uv_buf_init(c->writing.p + done, (unsigned)(c->writing.n - done));
    c->write.data = c;
    c->writing_now = uv_write(&c->write, &c->u.stream, &rest, 1, on_written) == 0;
    if (!c->writing_now)
        link_drop(c);
}

#define FRAME_BYTES                                                                                          \
    16 /* of a command, and of an argument: $, a length of up to ten digits, two ends of lines */

bool link_reserve(struct conn *c, size_t commands, size_t args, size_t bytes)
{
    bool room = bl_buf_reserve(&c->out, bytes + FRAME_BYTES * (commands + args));
    c->out.err = BL_OK; /* sticky, but what stands there is whole commands */
    return room;
}

bool link_put(struct conn *c, size_t argc, const struct bl_str *argv)
{
    size_t bytes = 0;
    for (size_t i = 0; i < argc; i++)
        bytes += argv[i].n;
    if (!link_reserve(c, 1, argc, bytes))
        return false;
    bl_buf_char(&c->out, '*');
    bl_buf_int(&c->out, (int64_t)argc);
    for (size_t i = 0; i < argc; i++) {
        bl_buf_add(&c->out, "\r\n$", 3);
        bl_buf_int(&c->out, (int64_t)argv[i].n);
        bl_buf_add(&c->out, "\r\n", 2);
        bl_buf_str(&c->out, argv[i]);
    }
    bl_buf_add(&c->out, "\r\n", 2);
    return true;
}

/* ---- reading ---- */

static bool is_loading(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) == 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = BL_CAST(struct conn, handle->data, CONN_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(c->in, sizeof c->in);
}

/* Answers one command; false when there is nothing whole to read, or the connection is gone. */
static bool conn_answer(struct conn *c)
{
    void *reply = NULL;
    if (!c->link)
        return false;
    if (redisReaderGetReply(c->reader, &reply) != REDIS_OK || (reply && !c->pending.first)) {
        bl_log_plain(BL_LOG_ERROR, "redis sent something that is no reply");
        bl_reply_free(reply);
        link_drop(c);
        return false;
    }
    if (!reply)
        return false;
    struct pending *p = queue_pop(&c->pending);
    bl_reply_fn *fn = p->fn;
    void *ctx = p->ctx;
    free(p);
    struct bl_link *link = c->link; /* lives on for this turn, even if it is closed */
    bool loading = is_loading(reply);
    link->suspect = false;
    link->at_hand = reply;
    if (fn)
        fn(ctx, reply);
    bl_reply_free(link->at_hand);
    link->at_hand = NULL;
    if (c->link && loading) {
        link->loading = true;
        link_drop(c);
    }
    return true;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = BL_CAST(struct conn, stream->data, CONN_MAGIC);
    if (!c->link || n == 0)
        return;
    if (n < 0 || redisReaderFeed(c->reader, buf->base, (size_t)n) != REDIS_OK) {
        link_drop(c);
        return;
    }
    c->link->heard_ms = uv_now(c->link->loop);
    while (conn_answer(c))
        ;
    if (c->link && bl_reader_full(c->reader))
        link_drop(c);
}

/* ---- connecting ---- */

static void on_handshake(void *ctx, const redisReply *reply)
{
    struct bl_link *link = BL_CAST(struct bl_link, ctx, LINK_MAGIC);
    if (!reply || !link->conn || reply->type != REDIS_REPLY_ERROR || is_loading(reply))
        return;
    if (!link->refused)
        bl_log(BL_LOG_ERROR, "redis refused the connection: see user and password in --redis (BL_REDIS)",
               BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
    link->refused = true;
    link_drop(link->conn);
}

/* Tells whether Redis is loading (conn_answer drops it then). A user who may not PING is no worse for it. */
static void on_ping(void *ctx, const redisReply *reply)
{
    struct bl_link *link = BL_CAST(struct bl_link, ctx, LINK_MAGIC);
    if (reply && link->conn && !is_loading(reply))
        link_handshake_done(link);
}

static void handshake_send(struct bl_link *link, size_t argc, const struct bl_str *argv, bl_reply_fn *fn)
{
    struct conn *c = link->conn;
    if (link_put(c, argc, argv))
        queue_push(&c->pending, link_pending(fn, link, uv_now(link->loop)));
}

static void handshake(struct bl_link *link)
{
    const struct bl_url *url = &link->url;
    struct bl_str user = bl_str_of(url->user), password = bl_str_of(url->password);
    char db[16];
    if (password.n > 0 && user.n > 0)
        handshake_send(link, 3, (const struct bl_str[]){BL_STR("AUTH"), user, password}, on_handshake);
    else if (password.n > 0)
        handshake_send(link, 2, (const struct bl_str[]){BL_STR("AUTH"), password}, on_handshake);
    if (url->db > 0) {
        snprintf(db, sizeof db, "%d", url->db);
        handshake_send(link, 2, (const struct bl_str[]){BL_STR("SELECT"), bl_str_of(db)}, on_handshake);
    }
    handshake_send(link, 1, (const struct bl_str[]){BL_STR("PING")}, on_ping);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct conn *c = BL_CAST(struct conn, req->data, CONN_MAGIC);
    if (!c->link)
        return;
    if (status == 0)
        status = uv_read_start(&c->u.stream, on_alloc, on_read);
    if (status < 0) {
        bl_log(BL_LOG_DEBUG, "redis cannot be reached", BL_LOG_TEXT("reason", uv_strerror(status)));
        c->link->loading = false;
        link_drop(c);
        return;
    }
    handshake(c->link);
}

static void connect_tcp(struct conn *c, const struct sockaddr *to)
{
    int err = uv_tcp_init(c->link->loop, &c->u.tcp);
    if (err == 0) {
        c->open = true;
        c->u.handle.data = c;
        uv_tcp_nodelay(&c->u.tcp, 1);
        uv_tcp_keepalive(&c->u.tcp, 1, 15);
        c->connect.data = c;
        err = uv_tcp_connect(&c->connect, &c->u.tcp, to, on_connect);
    }
    if (err != 0)
        link_drop(c);
}

static void connect_unix(struct conn *c)
{
    if (uv_pipe_init(c->link->loop, &c->u.pipe, 0) != 0) {
        link_drop(c);
        return;
    }
    c->open = true;
    c->u.handle.data = c;
    c->connect.data = c;
    uv_pipe_connect(&c->connect, &c->u.pipe, c->link->url.host, on_connect);
}

/* A name may have several addresses of which one answers: each attempt takes the next. */
static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct conn *c = BL_CAST(struct conn, req->data, CONN_MAGIC);
    c->looking_up = false;
    unsigned n = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        n++;
    if (!c->link) {
        conn_free(c);
    } else if (status < 0 || n == 0) {
        bl_log(BL_LOG_DEBUG, "no address for the host of redis", BL_LOG_TEXT("host", c->link->url.host));
        link_drop(c);
    } else {
        const struct addrinfo *a = list;
        for (unsigned i = c->link->attempt % n; i > 0; i--)
            a = a->ai_next;
        connect_tcp(c, a->ai_addr);
    }
    uv_freeaddrinfo(list);
}

static void look_up(struct conn *c)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    snprintf(port, sizeof port, "%d", c->link->url.port);
    c->lookup.data = c;
    c->looking_up = true;
    if (uv_getaddrinfo(c->link->loop, &c->lookup, on_lookup, c->link->url.host, port, &hints) != 0) {
        c->looking_up = false;
        link_drop(c);
    }
}

static struct conn *conn_new(struct bl_link *link)
{
    struct conn *c = calloc(1, sizeof *c);
    redisReader *reader = bl_reader_new();
    if (!c || !reader) {
        free(c);
        if (reader)
            redisReaderFree(reader);
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->link = link;
    c->reader = reader;
    queue_init(&c->pending);
    bl_buf_init(&c->out, BL_LINK_BYTES_MAX);
    bl_buf_init(&c->writing, BL_LINK_BYTES_MAX);
    return c;
}

void link_connect(struct bl_link *link)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
    const struct bl_url *url = &link->url;
    struct conn *c = conn_new(link);
    link->attempt++;
    if (!c) {
        link_schedule_retry(link);
        return;
    }
    link->conn = c;
    link->connect_ms = uv_now(link->loop);
    link_watch(link);
    if (url->port == 0)
        connect_unix(c);
    else if (uv_ip4_addr(url->host, url->port, &to.v4) == 0 || uv_ip6_addr(url->host, url->port, &to.v6) == 0)
        connect_tcp(c, &to.any);
    else
        look_up(c);
}
