/* Clients that take their time. h2o has one time for the whole of a request, which is too long for a head and too short
 * for a large body over a thin line; so it is set out of the way, and every connection is looked at four times a second:
 *
 *   idle     no byte of a request yet           cut after idle_ms
 *   head     some of it                         408 after head_ms, however it drips
 *   body     the head is whole                  408 if body_ms bring less than BODY_STEP_BYTES
 *   answer   the handler has it, or it is sent  cut if idle_ms take nothing of what waits to be sent
 *
 * Once somebody was refused because all connections are taken, idle ones and slow heads get half the time with each look,
 * until there is room: who only holds connections must not keep others out for a minute. The time comes back as it went.
 *
 * What unfinished requests hold together is bounded, too: beyond that, whoever sends one is told to come again. */
#include "server_internal.h"

#include "bl/base/magic.h"

#include <stdio.h>
#include <sys/socket.h>

#define LOOK_MS         250
#define BODY_STEP_BYTES 16384
#define PARTS_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define HURRY_MAX       10  /* halvings */
#define HURRIED_MS      500 /* nobody gets less than this, or what is set if that is less */

struct look {
    struct bl_server *server;
    int64_t now_ms, head_ms, idle_ms;
    size_t parts; /* bytes that wait for their rest */
};

static enum bl_pace pace_of(const h2o_req_t *req)
{
    if (req->processed_at.at.tv_sec != 0)
        return BL_PACE_ANSWER;
    if (req->version != 0)
        return BL_PACE_BODY;
    return req->timestamps.request_begin_at.tv_sec != 0 ? BL_PACE_HEAD : BL_PACE_IDLE;
}

/* In our own form. Only in the clear: under TLS the bytes would have to pass h2o, which may be writing. */
static void say(struct bl_conn *c, enum bl_err err)
{
    char text[1024];
    struct bl_buf body;
    if (c->server->tls)
        return;
    bl_buf_init(&body, sizeof text / 2);
    bl_error_json(&body, err, NULL, NULL);
    int status = bl_err_http(err);
    int n =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\n"
                 "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\nContent-Length: %zu\r\n\r\n%.*s",
                 status, bl_respond_reason(status), status == 503 ? "Retry-After: 1\r\n" : "", body.n,
                 BL_STR_ARG(bl_buf_view(&body)));
    bl_buf_release(&body);
    uv_buf_t buf = {text, (size_t)n};
    (void)uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
}

/* Also whatever it has sent besides: pipelined requests are not worked off for nobody. */
static void cut(struct bl_conn *c, h2o_req_t *req, enum bl_err err)
{
    struct bl_server *s = c->server;
    req->http1_is_persistent = 0;
    s->counts.cut_slow++;
    if (err == BL_OK) {
        bl_conn_reset(c);
    } else {
        s->counts.by_class[bl_err_http(err) / 100]++;
        say(c, err);
        bl_conn_shut(c, SHUT_RDWR);
    }
    c->since_ms = INT64_MAX; /* once */
}

static void restart(struct bl_conn *c, int64_t now_ms, size_t amount)
{
    c->since_ms = now_ms;
    c->amount = amount;
}

static void look_at_body(struct bl_conn *c, h2o_req_t *req, const struct look *k, size_t bytes)
{
    if (bytes >= c->amount + BODY_STEP_BYTES)
        restart(c, k->now_ms, bytes);
    if (k->now_ms - c->since_ms > k->server->options.body_ms)
        cut(c, req, BL_ERR_TOO_SLOW);
}

static void look_at_answer(struct bl_conn *c, h2o_req_t *req, const struct look *k)
{
    size_t waiting = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    if (waiting == 0 || waiting != c->amount)
        restart(c, k->now_ms, waiting);
    else if (k->now_ms - c->since_ms > k->server->options.idle_ms)
        cut(c, req, BL_OK);
}

static int look_at(h2o_req_t *req, void *ctx)
{
    struct look *k = ctx;
    struct bl_conn *c = bl_conn_of(req);
    enum bl_pace pace = pace_of(req);
    if (!c || c->since_ms == INT64_MAX)
        return 0;
    size_t bytes = req->conn->callbacks->get_socket(req->conn)->input->size;
    if (c->pace != pace || c->requests != c->requests_seen || c->since_ms == 0) {
        c->pace = pace;
        c->requests_seen = c->requests;
        restart(c, k->now_ms, pace == BL_PACE_ANSWER ? 0 : bytes);
    }
    if (pace == BL_PACE_HEAD || pace == BL_PACE_BODY)
        k->parts += bytes;
    if (k->parts > PARTS_MAX_BYTES && (pace == BL_PACE_HEAD || pace == BL_PACE_BODY))
        cut(c, req, BL_ERR_NO_MEMORY);
    else if (pace == BL_PACE_BODY)
        look_at_body(c, req, k, bytes);
    else if (pace == BL_PACE_ANSWER)
        look_at_answer(c, req, k);
    else if (pace == BL_PACE_HEAD && k->now_ms - c->since_ms > k->head_ms)
        cut(c, req, BL_ERR_TOO_SLOW);
    else if (pace == BL_PACE_IDLE && k->now_ms - c->since_ms > k->idle_ms)
        cut(c, req, BL_OK);
    return 0;
}

static int64_t hurried(int64_t ms, unsigned halvings)
{
    int64_t least = ms < HURRIED_MS ? ms : HURRIED_MS;
    return ms >> halvings > least ? ms >> halvings : least;
}

static void hurry(struct bl_server *s)
{
    s->crowded = s->crowded && s->counts.connections_open >= s->options.connections_max;
    if (s->crowded)
        s->hurry += s->hurry < HURRY_MAX;
    else
        s->hurry -= s->hurry > 0;
}

void bl_pace_look(uv_timer_t *timer)
{
    struct bl_server *s = BL_CAST(struct bl_server, timer->data, BL_SERVER_MAGIC);
    hurry(s);
    struct look k = {.server = s,
                     .now_ms = (int64_t)uv_now(s->loop),
                     .head_ms = hurried(s->options.head_ms, s->hurry),
                     .idle_ms = hurried(s->options.idle_ms, s->hurry)};
    s->config.http1.callbacks.foreach_request(&s->context, look_at, &k);
    bl_conns_sweep(s);
    bl_tls_look(s, k.now_ms);
}

void bl_pace_start(struct bl_server *s)
{
    uv_timer_start(&s->pace, bl_pace_look, LOOK_MS, LOOK_MS);
}
