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
 *      |  on_retry            | link_drop                | link_drop: error, end of file, watchdog, reset, close
 *      +--- DOWN <------------+--------------------------+
 *           pending -> failed; on_idle runs those callbacks with NULL, then down()
 *
 * Invariants
 *  - A command's record stands in exactly one list: conn->pending, or link->failed; its callback runs when it
 *    leaves it. Nothing leaves `failed` but in on_idle, so no callback runs inside bl_link_send or
 *    bl_link_reset.
 *  - The idle handle is active whenever `failed` is not empty or `down` is due: the loop cannot fall asleep
 *    on them.
 *  - Commands stand in conn->out until uv_prepare, so one turn of the loop makes one write; then in
 *    conn->writing until libuv has sent all of it. */
#include "link.h"
#include "bl/base/log.h"
#include "bl/base/memory.h"

#include <assert.h>
#include <stdlib.h>

/* The promise that each callback runs needs memory to remember it: without that there is no honest way on. */
struct pending *link_pending(bl_reply_fn *fn, void *ctx, uint64_t now_ms)
{
    struct pending *p = malloc(sizeof *p);
    if (!p) {
        bl_out_of_memory();
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

void link_run_failures(struct bl_link *link)
{
    uv_idle_start(&link->idle, on_idle);
}

/* ---- retries, the watchdog ---- */

static void on_retry(uv_timer_t *timer)
{
    link_connect(BL_CAST(struct bl_link, timer->data, LINK_MAGIC));
}

void link_schedule_retry(struct bl_link *link)
{
    if (link->closing)
        return;
    uv_timer_start(&link->retry, on_retry, (uint64_t)link->retry_ms, 0);
    link->retry_ms *= 2;
    if (link->retry_ms > link->options.retry_max_ms)
        link->retry_ms = link->options.retry_max_ms;
}

/* When the first command that is pending has waited too long; UINT64_MAX: it may wait for ever. */
static uint64_t deadline_ms(const struct bl_link *link)
{
    const struct pending *p = link->conn->pending.first;
    const int64_t timeout = link->options.timeout_ms, silence = link->silence_ms;
    uint64_t at = UINT64_MAX;
    if (!link->up)
        return link->connect_ms + CONNECT_WAIT_MS;
    if (p && timeout > 0)
        at = p->sent_ms + (uint64_t)timeout;
    if (p && silence > 0) {
        uint64_t quiet = (p->sent_ms > link->heard_ms ? p->sent_ms : link->heard_ms) + (uint64_t)silence;
        at = quiet < at ? quiet : at;
    }
    return at;
}

static uint64_t waited_ms(const struct bl_link *link, uint64_t now)
{
    return now - (link->up ? link->conn->pending.first->sent_ms : link->connect_ms);
}

/* A reply may be in the socket already when a stalled process wakes up: poll once before giving up. */
static void on_watchdog(uv_timer_t *timer)
{
    struct bl_link *link = BL_CAST(struct bl_link, timer->data, LINK_MAGIC);
    if (!link->conn)
        return;
    uint64_t now = uv_now(link->loop), deadline = deadline_ms(link);
    if (deadline == UINT64_MAX)
        return;
    if (now < deadline) {
        link->suspect = false;
        uv_timer_start(timer, on_watchdog, deadline - now, 0);
    } else if (!link->suspect) {
        link->suspect = true;
        uv_timer_start(timer, on_watchdog, 1, 0);
    } else {
        if (!link->silent)
            bl_log(BL_LOG_WARN, "redis does not answer", BL_LOG_INT("wait_ms", waited_ms(link, now)));
        link->silent = true;
        link_drop(link->conn);
    }
}

void link_watch(struct bl_link *link)
{
    uint64_t now = uv_now(link->loop), deadline = deadline_ms(link);
    if (deadline == UINT64_MAX || uv_is_active((uv_handle_t *)&link->watchdog))
        return;
    link->suspect = false;
    uv_timer_start(&link->watchdog, on_watchdog, deadline > now ? deadline - now : 0, 0);
}

void link_handshake_done(struct bl_link *link)
{
    link->up = true;
    link->loading = link->silent = link->refused = false;
    link->retry_ms = RETRY_FIRST_MS;
    uv_timer_stop(&link->watchdog);
    if (link->options.up)
        link->options.up(link->options.ctx);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct bl_link *link = BL_CAST(struct bl_link, prepare->data, LINK_MAGIC);
    if (link->conn)
        link_flush(link->conn);
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

void bl_link_mind_silence(struct bl_link *link, int64_t silence_ms)
{
    link->silence_ms = silence_ms;
}

bool bl_link_is_up(const struct bl_link *link)
{
    return link->up;
}

bool bl_link_is_silent(const struct bl_link *link)
{
    return link->silent;
}

bool bl_link_is_loading(const struct bl_link *link)
{
    return link->loading;
}

void bl_link_address(const struct bl_link *link, struct bl_buf *out)
{
    const struct bl_url *url = &link->url;
    bl_buf_z(out, url->host);
    if (url->port)
        bl_buf_printf(out, ":%d", url->port);
}

bool bl_link_reserve(struct bl_link *link, size_t commands, size_t args, size_t bytes)
{
    return link->up && link_reserve(link->conn, commands, args, bytes);
}

void bl_link_send(struct bl_link *link, size_t argc, const struct bl_str *argv, bl_reply_fn *fn, void *ctx)
{
    struct pending *p = link_pending(fn, ctx, uv_now(link->loop));
    if (link->up && link_put(link->conn, argc, argv)) {
        queue_push(&link->conn->pending, p);
        link_watch(link);
    } else {
        queue_push(&link->failed, p);
        link_run_failures(link);
    }
}

redisReply *bl_link_keep(struct bl_link *link)
{
    redisReply *reply = link->at_hand;
    assert(reply);
    link->at_hand = NULL;
    return reply;
}

void bl_link_reset(struct bl_link *link)
{
    if (link->conn)
        link_drop(link->conn);
}

void bl_link_close(struct bl_link *link, void (*closed)(void *ctx), void *ctx)
{
    link->closing = true;
    link->closed = closed;
    link->closed_ctx = ctx;
    uv_timer_stop(&link->retry);
    if (link->conn)
        link_drop(link->conn);
    link_run_failures(link);
}
