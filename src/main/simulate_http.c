/* A small HTTP/1.1 client for one purpose: POST /events/batch on a kept connection, until it is confirmed.
 *
 *   idle --flush--> (connecting) --> sending --> waiting --202 207 400--> idle
 *     ^                 |               |           |  \--429, 503--> pausing (Retry-After) --> sending
 *     |                 +---- error ----+-----------+---> pausing (back-off) --> connecting --> sending
 *     +-- failed(): an answer that no repetition will change
 *
 * Invariant: a request leaves `request` only when the server has said for each of its events that it was
 * taken or refused; until then the same bytes, with the same event_ids, are sent again. */
#include "simulate.h"

#include "bl/base/magic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define LINK_MAGIC        BL_MAGIC('s', 'i', 'm', 'l')
#define ANSWER_MAX_BYTES  (256 * 1024)
#define ANSWER_MS         10000
#define PAUSE_MIN_MS      250
#define PAUSE_MAX_MS      5000
#define RETRY_AFTER_MAX_S 30
#define BATCH_MAX_BYTES   (192 * 1024)

static void start_connecting(struct sim_link *l);
static void on_timer(uv_timer_t *timer);

void sim_link_init(struct sim_link *l, uv_loop_t *loop)
{
    l->magic = LINK_MAGIC;
    l->loop = loop;
    bl_buf_init(&l->queue, 0);
    bl_buf_init(&l->request, 0);
    bl_buf_init(&l->answer, ANSWER_MAX_BYTES);
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    l->handles = 1;
}

void sim_link_release(struct sim_link *l)
{
    bl_buf_release(&l->queue);
    bl_buf_release(&l->request);
    bl_buf_release(&l->answer);
}

bool sim_link_add(struct sim_link *l, struct bl_str event)
{
    if (l->queued >= SIM_QUEUE_EVENTS || l->queue.n > BATCH_MAX_BYTES)
        return false;
    if (l->queue.n)
        bl_buf_char(&l->queue, ',');
    bl_buf_str(&l->queue, event);
    l->queued++;
    return true;
}

size_t sim_link_pending(const struct sim_link *l)
{
    return l->queued + l->in_request;
}

static void on_closed(uv_handle_t *handle)
{
    struct sim_link *l = BL_CAST(struct sim_link, handle->data, LINK_MAGIC);
    l->handles--;
    if (handle == (uv_handle_t *)&l->tcp)
        l->open = false;
}

static void drop_connection(struct sim_link *l)
{
    l->connected = false;
    if (l->open && !uv_is_closing((uv_handle_t *)&l->tcp))
        uv_close((uv_handle_t *)&l->tcp, on_closed);
}

void sim_link_close(struct sim_link *l)
{
    l->closing = true;
    drop_connection(l);
    if (!uv_is_closing((uv_handle_t *)&l->timer))
        uv_close((uv_handle_t *)&l->timer, on_closed);
}

/* Repeats the request after a while; `after_ms` < 0: after the back-off. */
static void pause_then_repeat(struct sim_link *l, int64_t after_ms)
{
    if (l->closing || l->pausing)
        return;
    l->counts->retries++;
    l->pause_ms = l->pause_ms ? l->pause_ms * 2 : PAUSE_MIN_MS;
    if (l->pause_ms > PAUSE_MAX_MS)
        l->pause_ms = PAUSE_MAX_MS;
    l->pausing = true;
    uv_timer_start(&l->timer, on_timer, (uint64_t)(after_ms < 0 ? l->pause_ms : after_ms), 0);
}

static void connection_failed(struct sim_link *l)
{
    drop_connection(l);
    pause_then_repeat(l, -1);
}

/* The value of a header field in the head of the answer, -1 if it is absent or no number. */
static int64_t header_number(const struct sim_link *l, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(l->answer.p, "\r\n"); line && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        const char *p = line + 2;
        if (strncasecmp(p, name, length) != 0 || p[length] != ':')
            continue;
        p += length + 1;
        p += strspn(p, " \t");
        return isdigit((unsigned char)*p) ? strtoll(p, NULL, 10) : -1;
    }
    return -1;
}

/* A number in the body, by its name; 0 if it is not there. */
static int64_t body_number(const char *body, const char *name)
{
    const char *p = strstr(body, name);
    return p ? strtoll(p + strlen(name), NULL, 10) : 0;
}

static void confirmed(struct sim_link *l, const char *body)
{
    l->counts->sent += (int64_t)l->in_request;
    l->counts->accepted += body_number(body, "\"accepted\":");
    l->counts->rejected += body_number(body, "\"rejected\":");
    bl_buf_clear(&l->request);
    l->in_request = 0;
    l->pause_ms = 0;
    sim_link_flush(l);
}

static void answered(struct sim_link *l, const char *body)
{
    long status = l->answer.n > 12 ? strtol(l->answer.p + 9, NULL, 10) : 0;
    int64_t after_s = header_number(l, "retry-after");
    char why[192];
    uv_timer_stop(&l->timer);
    bool close_it = strcasestr(l->answer.p, "\r\nconnection: close") != NULL;
    if (close_it || l->writing) /* an answer before the end of the question: the rest must not follow */
        drop_connection(l);
    if (status == 202 || status == 207 || (status == 400 && strstr(body, "\"rejected\":"))) {
        confirmed(l, body);
    } else if (status == 429 || status >= 500) {
        after_s = after_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : after_s;
        pause_then_repeat(l, after_s < 0 ? -1 : after_s * 1000);
    } else {
        snprintf(why, sizeof why, "it answers %ld to POST %.64s/events/batch%s", status, l->path,
                 status == 401 ? ": give it a write key, in BL_KEY or by --key-file" : "");
        l->failed(l->ctx, why);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct sim_link *l = BL_CAST(struct sim_link, handle->data, LINK_MAGIC);
    (void)suggested;
    char *to = bl_buf_reserve(&l->answer, 4096);
    *buf = uv_buf_init(to, to ? 4095 : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct sim_link *l = BL_CAST(struct sim_link, stream->data, LINK_MAGIC);
    (void)buf;
    if (n == 0)
        return;
    if (n < 0) {
        /* Closed while idle is nothing: the next request connects again. */
        drop_connection(l);
        if (l->in_request)
            pause_then_repeat(l, -1);
        return;
    }
    l->answer.n += (size_t)n;
    l->answer.p[l->answer.n] = '\0';
    const char *end = strstr(l->answer.p, "\r\n\r\n");
    int64_t length = end ? header_number(l, "content-length") : -1;
    if (end && length >= 0 && l->answer.n >= (size_t)(end + 4 - l->answer.p) + (size_t)length &&
        l->in_request)
        answered(l, end + 4);
}

static void on_written(uv_write_t *write, int status)
{
    struct sim_link *l = BL_CAST(struct sim_link, write->data, LINK_MAGIC);
    l->writing = false;
    if (status != 0 && status != UV_ECANCELED)
        connection_failed(l);
}

static void send_request(struct sim_link *l)
{
    uv_buf_t buf = uv_buf_init(l->request.p, (unsigned)l->request.n);
    bl_buf_clear(&l->answer);
    l->write.data = l;
    uv_timer_start(&l->timer, on_timer, ANSWER_MS, 0);
    l->writing = true;
    if (uv_write(&l->write, (uv_stream_t *)&l->tcp, &buf, 1, on_written) != 0) {
        l->writing = false;
        connection_failed(l);
    }
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct sim_link *l = BL_CAST(struct sim_link, connect->data, LINK_MAGIC);
    if (status == UV_ECANCELED || l->closing)
        return;
    if (status != 0)
        l->nobody(l->ctx, uv_strerror(status));
    if (status != 0 || uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read) != 0) {
        connection_failed(l);
        return;
    }
    l->connected = true;
    uv_tcp_nodelay(&l->tcp, 1);
    send_request(l);
}

static void start_connecting(struct sim_link *l)
{
    if (l->open) { /* the old handle is still closing: the timer comes back to it */
        uv_timer_start(&l->timer, on_timer, 1, 0);
        l->pausing = true;
        return;
    }
    uv_tcp_init(l->loop, &l->tcp);
    l->tcp.data = l;
    l->open = true;
    l->handles++;
    l->connect.data = l;
    uv_timer_start(&l->timer, on_timer, ANSWER_MS, 0);
    if (uv_tcp_connect(&l->connect, &l->tcp, l->address->ai_addr, on_connected) != 0)
        connection_failed(l);
}

static void start_request(struct sim_link *l)
{
    if (l->connected)
        send_request(l);
    else
        start_connecting(l);
}

/* Two meanings: the pause is over, or the answer has not come. */
static void on_timer(uv_timer_t *timer)
{
    struct sim_link *l = BL_CAST(struct sim_link, timer->data, LINK_MAGIC);
    if (l->closing)
        return;
    if (l->pausing) {
        l->pausing = false;
        start_request(l);
    } else {
        connection_failed(l);
    }
}

void sim_link_flush(struct sim_link *l)
{
    struct timespec now;
    char head[64];
    if (l->in_request || l->queued == 0 || l->closing)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    int n = snprintf(head, sizeof head, "{\"sent_at\":%lld,\"events\":[",
                     (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    bl_buf_printf(&l->request,
                  "POST %s/events/batch HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\n%s%s%s\r\n",
                  l->path, l->host, (size_t)n + l->queue.n + 2, l->key[0] ? "Authorization: Bearer " : "",
                  l->key, l->key[0] ? "\r\n" : "");
    bl_buf_z(&l->request, head);
    bl_buf_str(&l->request, bl_buf_view(&l->queue));
    bl_buf_z(&l->request, "]}");
    l->in_request = l->queued;
    l->queued = 0;
    bl_buf_clear(&l->queue);
    if (l->request.err != BL_OK)
        l->failed(l->ctx, "out of memory");
    else
        start_request(l);
}
