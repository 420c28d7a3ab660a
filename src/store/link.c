/* A connection to Redis.
 *
 * The stream is libuv's, the parser hiredis', the rest is here: hiredis' asynchronous context frees itself
 * inside callbacks and does not report a refused connection; a stream of our own needs none of its states.
 * Each attempt to connect is one `struct conn`, which lives until libuv has let go of its handle and its
 * look-up; the link forgets it earlier.
 *
 *            link_connect            on_connect, handshake             bl_link_send ... on_read
 *   (retry) ------------> CONNECTING -----------------> UP (up()) ---------------------------> UP
 *      ^                      |                          |
 *      |  on_retry            | conn_drop                | conn_drop: error, end of file, watchdog, reset,
 * close
 *      +--- DOWN <------------+--------------------------+
 *           pending -> failed; on_idle runs those callbacks with NULL, then down()
 *
 * Invariants
 *  - A command's record stands in exactly one list: conn->pending, or link->failed; its callback runs when it
 *    leaves it. Nothing leaves `failed` but in on_idle, so no callback runs inside bl_link_send or
 * bl_link_reset.
 *  - The idle handle is active whenever `failed` is not empty or `down` is due: the loop cannot fall asleep
 * on them.
 *  - Commands stand in conn->out until uv_prepare, so one turn of the loop makes one write; then in
 * conn->writing until libuv has sent all of it. */
#include "bl/store/link.h"
#include "bl/base/buf.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "url.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <uv.h>

#define LINK_MAGIC      BL_MAGIC('l', 'i', 'n', 'k')
#define CONN_MAGIC      BL_MAGIC('c', 'o', 'n', 'n')
#define READ_BYTES      (64 * 1024)
#define OUT_MAX_BYTES   ((size_t)64 * 1024 * 1024)
#define RETRY_FIRST_MS  20
#define CONNECT_WAIT_MS 2000
#define HANDLES_OF_LINK 4

struct pending {
    struct pending *next;
    bl_reply_fn *fn;
    void *ctx;
    uint64_t sent_ms;
};

struct queue {
    struct pending *first, **last;
};

struct conn {
    uint32_t magic;
    struct bl_link *link; /* NULL: the link has dropped it */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
    uv_write_t write;
    bool looking_up, open, writing_now;
    redisReader *reader;
    struct queue pending;
    struct bl_buf out, writing;
    char in[READ_BYTES];
};

struct bl_link {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_link_options options;
    struct bl_url url;
    struct conn *conn; /* NULL: waiting to retry */
    bool up, down_due, closing, suspect;
    unsigned attempt;
    uint64_t connect_ms; /* when the attempt began */
    int64_t retry_ms;
    struct queue failed;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t retry, watchdog;
    int handles; /* still known to libuv */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void link_connect(struct bl_link *link);

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_push(struct queue *q, struct pending *p)
{
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
}

static struct pending *queue_pop(struct queue *q)
{
    struct pending *p = q->first;
    q->first = p->next;
    if (!q->first)
        q->last = &q->first;
    return p;
}

static void queue_move(struct queue *from, struct queue *to)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    queue_init(from);
}

/* The promise that each callback runs needs memory to remember it: without that there is no honest way on. */
static struct pending *pending_new(bl_reply_fn *fn, void *ctx, uint64_t now_ms)
{
    struct pending *p = malloc(sizeof *p);
    if (!p) {
        bl_log_plain(BL_LOG_ERROR, "out of memory");
        abort();
    }
    *p = (struct pending){.fn = fn, .ctx = ctx, .sent_ms = now_ms};
    return p;
}

/* ---- failures run from the idle phase ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct bl_link *link = BL_CAST(struct bl_link, handle->data, LINK_MAGIC);
    if (--link->handles > 0)
        return;
    void (*closed)(void *) = link->closed;
    void *ctx = link->closed_ctx;
    link->magic = 0;
    free(link);
    if (closed)
        closed(ctx);
}

static void close_handles(struct bl_link *link)
{
    uv_close((uv_handle_t *)&link->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&link->idle, on_handle_closed);
    uv_close((uv_handle_t *)&link->retry, on_handle_closed);
    uv_close((uv_handle_t *)&link->watchdog, on_handle_closed);
}

static void on_idle(uv_idle_t *idle)
{
    struct bl_link *link = BL_CAST(struct bl_link, idle->data, LINK_MAGIC);
    struct queue now;
    queue_init(&now);
    queue_move(&link->failed, &now); /* what is sent meanwhile waits for the next turn */
    while (now.first) {
        struct pending *p = queue_pop(&now);
        bl_reply_fn *fn = p->fn;
        void *ctx = p->ctx;
        free(p);
        if (fn)
            fn(ctx, NULL);
    }
    if (link->down_due) {
        link->down_due = false;
        if (!link->closing && link->options.down)
            link->options.down(link->options.ctx);
    }
    if (link->failed.first)
        return;
    uv_idle_stop(idle);
    if (link->closing)
        close_handles(link);
}

static void run_failures(struct bl_link *link)
{
    uv_idle_start(&link->idle, on_idle);
}

/* ---- one connection ---- */

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

static void on_retry(uv_timer_t *timer)
{
    link_connect(BL_CAST(struct bl_link, timer->data, LINK_MAGIC));
}

static void schedule_retry(struct bl_link *link)
{
    if (link->closing)
        return;
    uv_timer_start(&link->retry, on_retry, (uint64_t)link->retry_ms, 0);
    link->retry_ms *= 2;
    if (link->retry_ms > link->options.retry_max_ms)
        link->retry_ms = link->options.retry_max_ms;
}

/* Lets go of the connection; its commands fail and the next attempt is scheduled. */
static void conn_drop(struct conn *c)
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
    run_failures(link);
    schedule_retry(link);
}

/* A reply may be in the socket already when a stalled process wakes up: poll once before giving up. */
static void on_watchdog(uv_timer_t *timer)
{
    struct bl_link *link = BL_CAST(struct bl_link, timer->data, LINK_MAGIC);
    struct conn *c = link->conn;
    if (!c)
        return;
    const struct pending *p = c->pending.first;
    uint64_t now = uv_now(link->loop), since = link->connect_ms, wait = CONNECT_WAIT_MS;
    if (link->up) {
        if (!p || link->options.timeout_ms == 0)
            return;
        since = p->sent_ms;
        wait = (uint64_t)link->options.timeout_ms;
    }
    if (now < since + wait) {
        link->suspect = false;
        uv_timer_start(timer, on_watchdog, since + wait - now, 0);
    } else if (!link->suspect) {
        link->suspect = true;
        uv_timer_start(timer, on_watchdog, 1, 0);
    } else {
        bl_log(BL_LOG_WARN, "redis does not answer", BL_LOG_INT("wait_ms", now - since));
        conn_drop(c);
    }
}

static void watch(struct bl_link *link, int64_t wait_ms)
{
    if (wait_ms > 0 && !uv_is_active((uv_handle_t *)&link->watchdog)) {
        link->suspect = false;
        uv_timer_start(&link->watchdog, on_watchdog, (uint64_t)wait_ms, 0);
    }
}

/* ---- writing ---- */

static void conn_flush(struct conn *c);

static void on_written(uv_write_t *req, int status)
{
    struct conn *c = BL_CAST(struct conn, req->data, CONN_MAGIC);
    c->writing_now = false;
    bl_buf_clear(&c->writing);
    if (status < 0)
        conn_drop(c);
    else if (c->link)
        conn_flush(c);
}

static void conn_flush(struct conn *c)
{
    if (c->writing_now || c->out.n == 0)
        return;
    struct bl_buf swap = c->writing;
    c->writing = c->out;
    c->out = swap;
    uv_buf_t rest = uv_buf_init(c->writing.p, (unsigned)c->writing.n);
    int n = uv_try_write(&c->u.stream, &rest, 1);
    if (n == (int)c->writing.n) {
        bl_buf_clear(&c->writing);
        return;
    }
    if (n < 0 && n != UV_EAGAIN) {
        conn_drop(c);
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    rest = uv_buf_init(c->writing.p + done, (unsigned)(c->writing.n - done));
    c->write.data = c;
    c->writing_now = uv_write(&c->write, &c->u.stream, &rest, 1, on_written) == 0;
    if (!c->writing_now)
        conn_drop(c);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct bl_link *link = BL_CAST(struct bl_link, prepare->data, LINK_MAGIC);
    if (link->conn)
        conn_flush(link->conn);
}

/* False: no room, nothing was changed. */
static bool conn_put(struct conn *c, size_t argc, const struct bl_str *argv)
{
    size_t bytes = 32;
    for (size_t i = 0; i < argc; i++)
        bytes += argv[i].n + 32;
    if (!bl_buf_reserve(&c->out, bytes)) {
        c->out.err = BL_OK; /* sticky, but what stands there is whole commands */
        return false;
    }
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
        freeReplyObject(reply);
        conn_drop(c);
        return false;
    }
    if (!reply)
        return false;
    struct pending *p = queue_pop(&c->pending);
    bl_reply_fn *fn = p->fn;
    void *ctx = p->ctx;
    free(p);
    c->link->suspect = false;
    if (fn)
        fn(ctx, reply);
    freeReplyObject(reply);
    return true;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = BL_CAST(struct conn, stream->data, CONN_MAGIC);
    if (!c->link || n == 0)
        return;
    if (n < 0 || redisReaderFeed(c->reader, buf->base, (size_t)n) != REDIS_OK) {
        conn_drop(c);
        return;
    }
    while (conn_answer(c))
        ;
}

/* ---- connecting ---- */

static void handshake_done(struct bl_link *link)
{
    link->up = true;
    link->retry_ms = RETRY_FIRST_MS;
    uv_timer_stop(&link->watchdog);
    if (link->options.up)
        link->options.up(link->options.ctx);
}

static void on_handshake(void *ctx, const redisReply *reply)
{
    struct bl_link *link = BL_CAST(struct bl_link, ctx, LINK_MAGIC);
    if (!reply || !link->conn)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        bl_log(BL_LOG_ERROR, "redis refused the connection",
               BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
        conn_drop(link->conn);
    } else if (!link->conn->pending.first) {
        handshake_done(link);
    }
}

static void handshake_send(struct bl_link *link, size_t argc, const struct bl_str *argv)
{
    struct conn *c = link->conn;
    if (conn_put(c, argc, argv))
        queue_push(&c->pending, pending_new(on_handshake, link, uv_now(link->loop)));
}

static void handshake(struct bl_link *link)
{
    const struct bl_url *url = &link->url;
    struct bl_str user = bl_str_of(url->user), password = bl_str_of(url->password);
    char db[16];
    if (password.n > 0 && user.n > 0)
        handshake_send(link, 3, (const struct bl_str[]){BL_STR("AUTH"), user, password});
    else if (password.n > 0)
        handshake_send(link, 2, (const struct bl_str[]){BL_STR("AUTH"), password});
    if (url->db > 0) {
        snprintf(db, sizeof db, "%d", url->db);
        handshake_send(link, 2, (const struct bl_str[]){BL_STR("SELECT"), bl_str_of(db)});
    }
    if (!link->conn->pending.first)
        handshake_done(link);
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
        conn_drop(c);
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
        conn_drop(c);
}

static void connect_unix(struct conn *c)
{
    if (uv_pipe_init(c->link->loop, &c->u.pipe, 0) != 0) {
        conn_drop(c);
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
        conn_drop(c);
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
        conn_drop(c);
    }
}

static struct conn *conn_new(struct bl_link *link)
{
    struct conn *c = calloc(1, sizeof *c);
    redisReader *reader = redisReaderCreate();
    if (!c || !reader) {
        free(c);
        if (reader)
            redisReaderFree(reader);
        return NULL;
    }
    reader->maxbuf = (size_t)1024 * 1024; /* keeps its buffer between replies */
    c->magic = CONN_MAGIC;
    c->link = link;
    c->reader = reader;
    queue_init(&c->pending);
    bl_buf_init(&c->out, OUT_MAX_BYTES);
    bl_buf_init(&c->writing, OUT_MAX_BYTES);
    return c;
}

static void link_connect(struct bl_link *link)
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
        schedule_retry(link);
        return;
    }
    link->conn = c;
    link->connect_ms = uv_now(link->loop);
    watch(link, CONNECT_WAIT_MS);
    if (url->port == 0)
        connect_unix(c);
    else if (uv_ip4_addr(url->host, url->port, &to.v4) == 0 || uv_ip6_addr(url->host, url->port, &to.v6) == 0)
        connect_tcp(c, &to.any);
    else
        look_up(c);
}

/* ---- what the others see ---- */

enum bl_err bl_link_new(struct uv_loop_s *loop, const struct bl_link_options *options, struct bl_link **out)
{
    struct bl_link *link = calloc(1, sizeof *link);
    if (!link)
        return BL_ERR_NO_MEMORY;
    enum bl_err err = bl_url_parse(options->url, &link->url);
    if (err != BL_OK) {
        free(link);
        return err;
    }
    link->magic = LINK_MAGIC;
    link->loop = loop;
    link->options = *options;
    link->options.url = NULL;
    if (link->options.retry_max_ms < RETRY_FIRST_MS)
        link->options.retry_max_ms = RETRY_FIRST_MS;
    link->retry_ms = RETRY_FIRST_MS;
    queue_init(&link->failed);
    uv_prepare_init(loop, &link->prepare);
    uv_idle_init(loop, &link->idle);
    uv_timer_init(loop, &link->retry);
    uv_timer_init(loop, &link->watchdog);
    link->handles = HANDLES_OF_LINK;
    link->prepare.data = link->idle.data = link->retry.data = link->watchdog.data = link;
    uv_prepare_start(&link->prepare, on_prepare);
    uv_timer_start(&link->retry, on_retry, 0, 0);
    *out = link;
    return BL_OK;
}

bool bl_link_is_up(const struct bl_link *link)
{
    return link->up;
}

void bl_link_send(struct bl_link *link, size_t argc, const struct bl_str *argv, bl_reply_fn *fn, void *ctx)
{
    struct pending *p = pending_new(fn, ctx, uv_now(link->loop));
    if (link->up && conn_put(link->conn, argc, argv)) {
        queue_push(&link->conn->pending, p);
        watch(link, link->options.timeout_ms);
    } else {
        queue_push(&link->failed, p);
        run_failures(link);
    }
}

void bl_link_reset(struct bl_link *link)
{
    if (link->conn)
        conn_drop(link->conn);
}

void bl_link_close(struct bl_link *link, void (*closed)(void *ctx), void *ctx)
{
    link->closing = true;
    link->closed = closed;
    link->closed_ctx = ctx;
    uv_timer_stop(&link->retry);
    if (link->conn)
        conn_drop(link->conn);
    run_failures(link);
}
