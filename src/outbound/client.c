/* The requests of a client.
 *
 *   bl_outbound_post --(could not begin)--------------------------------> finished --on_idle--> done
 *                    \--> running --(libcurl is through: drive.c)-------/
 *                                 \--(bl_outbound_close: CANCELLED)----/
 *
 * Invariants
 *  - An exchange stands in exactly one of the lists `running` and `finished`; it is freed when it leaves the latter,
 *    after `done`. Nothing leaves `finished` but in on_idle, so no `done` runs inside a call of the header.
 *  - The idle handle is active whenever `finished` is not empty or the end is due. */
#include "bl/base/memory.h"
#include "internal.h"

#include <assert.h>
#include <stdlib.h>

const char *bl_outbound_outcome(const struct bl_outbound_answer *a)
{
    static const char *const by_status[] = {[2] = "done", [3] = "redirected", [4] = "refused"};
    static const char *const names[BL_OUTBOUND_RESULTS] = {
        [BL_OUTBOUND_DONE] = "failed",
        [BL_OUTBOUND_BUSY] = "busy",
        [BL_OUTBOUND_INVALID] = "invalid",
        [BL_OUTBOUND_REFUSED] = "address_refused",
        [BL_OUTBOUND_UNKNOWN] = "unknown_host",
        [BL_OUTBOUND_CONNECT] = "connect",
        [BL_OUTBOUND_TLS] = "tls",
        [BL_OUTBOUND_TIMEOUT] = "timeout",
        [BL_OUTBOUND_TOO_LARGE] = "too_large",
        [BL_OUTBOUND_BROKEN] = "broken",
        [BL_OUTBOUND_CANCELLED] = "cancelled",
    };
    size_t hundreds = (size_t)a->status / 100;
    const char *answered = hundreds < sizeof by_status / sizeof *by_status ? by_status[hundreds] : NULL;
    return a->result == BL_OUTBOUND_DONE && answered ? answered : names[a->result];
}

static void on_idle(uv_idle_t *idle)
{
    struct bl_outbound *o = BL_CAST(struct bl_outbound, idle->data, CLIENT_MAGIC);
    struct exchange *x = o->finished;
    o->finished = NULL; /* what is finished meanwhile waits for the next turn */
    o->finished_last = &o->finished;
    while (x) {
        struct exchange *next = x->next;
        o->under_way -= x->counted ? 1 : 0;
        x->done(x->ctx, &x->answer);
        exchange_free(x);
        x = next;
    }
    if (o->finished)
        return;
    uv_idle_stop(idle);
    if (!o->closing || o->ended)
        return;
    o->ended = true;
    drive_stop(o);
    uv_close((uv_handle_t *)idle, drive_on_handle_closed);
}

void client_finish(struct exchange *x)
{
    struct bl_outbound *o = x->client;
    if (x->from) {
        *x->from = x->next;
        if (x->next)
            x->next->from = x->from;
    }
    x->from = NULL;
    x->next = NULL;
    *o->finished_last = x;
    o->finished_last = &x->next;
    uv_idle_start(&o->idle, on_idle);
}

void client_handle_gone(struct bl_outbound *o)
{
    if (--o->handles > 0)
        return;
    void (*closed)(void *) = o->closed;
    void *ctx = o->closed_ctx;
    o->magic = 0;
    free(o);
    curl_global_cleanup();
    if (closed)
        closed(ctx);
}

enum bl_err bl_outbound_new(struct uv_loop_s *loop, const struct bl_outbound_options *options,
                            struct bl_outbound **out)
{
    assert(options->under_way_max >= 1 && options->under_way_max <= 64);
    struct bl_outbound *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(o);
        return BL_ERR_NO_MEMORY;
    }
    o->magic = CLIENT_MAGIC;
    o->loop = loop;
    o->options = *options;
    o->finished_last = &o->finished;
    enum bl_err err = drive_start(o);
    if (err != BL_OK) {
        curl_global_cleanup();
        free(o);
        return err;
    }
    uv_idle_init(loop, &o->idle);
    o->idle.data = o;
    o->handles++;
    *out = o;
    return BL_OK;
}

static void run(struct bl_outbound *o, struct exchange *x)
{
    x->counted = true;
    o->under_way++;
    x->next = o->running;
    x->from = &o->running;
    if (x->next)
        x->next->from = &x->next;
    o->running = x;
    if (curl_multi_add_handle(o->multi, x->easy) != CURLM_OK) {
        exchange_settle(x, CURLE_OUT_OF_MEMORY);
        client_finish(x);
    }
}

void bl_outbound_post(struct bl_outbound *o, const struct bl_outbound_request *request)
{
    assert(o->magic == CLIENT_MAGIC);
    struct exchange *x = exchange_new(o, request);
    if (!x)
        bl_out_of_memory(); /* the promise to call back needs memory to remember it */
    if (o->closing)
        x->answer.result = BL_OUTBOUND_CANCELLED;
    else if (x->answer.result == BL_OUTBOUND_DONE && o->under_way >= o->options.under_way_max)
        x->answer.result = BL_OUTBOUND_BUSY;
    if (x->answer.result == BL_OUTBOUND_DONE)
        run(o, x);
    else
        client_finish(x);
}

int bl_outbound_under_way(const struct bl_outbound *o)
{
    return o->under_way;
}

void bl_outbound_close(struct bl_outbound *o, void (*closed)(void *ctx), void *ctx)
{
    assert(o->magic == CLIENT_MAGIC && !o->closing);
    o->closing = true;
    o->closed = closed;
    o->closed_ctx = ctx;
    while (o->running) {
        struct exchange *x = o->running;
        curl_multi_remove_handle(o->multi, x->easy);
        x->answer.result = BL_OUTBOUND_CANCELLED;
        client_finish(x);
    }
    uv_idle_start(&o->idle, on_idle);
}
