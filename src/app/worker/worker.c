/* The worker as a whole: heartbeats, its share of the partitions, renewals. What it does with a partition is
 * in worker/owner.c.
 *
 * With every tick the worker beats and hears who is alive. From the sorted list everyone computes the same
 * shares (share.c): who owns too much gives back, who owns too little looks for what is free. A worker that
 * dies stops beating and its leases run out at about the same time; the others then find both.
 *
 *   bl_worker_tick ──beat──> on_living (share) ──> on_beaten ──> worker_balance: owner_give_up /
 * owner_acquire └──renew──> owner_renew for each */
#include "bl/base/log.h"
#include "worker/owner.h"
#include "worker/share.h"

#include <assert.h>
#include <stdlib.h>

#define BEAT_MS 100

size_t bl_worker_owned(const struct bl_worker *w)
{
    size_t n = 0;
    for (int p = 0; p < w->options.partitions; p++)
        n += owner_holds(&w->owners[p]);
    return n;
}

const struct bl_hand *bl_worker_hand(const struct bl_worker *w)
{
    return &w->hand;
}

const struct bl_worker_totals *bl_worker_totals(const struct bl_worker *w)
{
    return &w->totals;
}

enum bl_err bl_worker_new(const struct bl_worker_options *options, const struct bl_ports *ports,
                          struct bl_worker **out)
{
    struct bl_worker *w = calloc(1, sizeof *w);
    if (!w)
        return BL_ERR_NO_MEMORY;
    w->magic = WORKER_MAGIC;
    w->options = *options;
    w->ports = *ports;
    w->beat_at = INT64_MIN;
    pace_begin(w);
    bl_buf_init(&w->text, 0);
    w->owners = calloc((size_t)options->partitions, sizeof *w->owners);
    w->scratch = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    for (int p = 0; w->owners && p < options->partitions; p++)
        owner_init(&w->owners[p], w, p);
    enum bl_err err = w->owners && w->scratch ? BL_OK : BL_ERR_NO_MEMORY;
    if (err == BL_OK)
        err = bl_decoder_new(&w->decoder);
    if (err == BL_OK)
        err = bl_state_decoder_new(&w->states);
    if (err != BL_OK) {
        bl_worker_free(w);
        w = NULL;
    }
    *out = w;
    return err;
}

void bl_worker_free(struct bl_worker *w)
{
    if (!w)
        return;
    for (int p = 0; w->owners && p < w->options.partitions; p++)
        owner_release_memory(&w->owners[p]);
    assert(bl_hand_members(&w->hand) == 0 && w->hand.bytes == 0);
    free(w->owners);
    free(w->scratch);
    if (w->decoder)
        bl_decoder_free(w->decoder);
    if (w->states)
        bl_state_decoder_free(w->states);
    bl_buf_release(&w->text);
    w->magic = 0;
    free(w);
}

/* ---- sharing ---- */

static void on_living(void *arg, size_t i, const struct bl_str *names, size_t n)
{
    struct bl_worker *w = BL_CAST(struct bl_worker, arg, WORKER_MAGIC);
    (void)i;
    w->rank = bl_share_rank(names, n, bl_str_of(w->options.name));
    w->living = n;
}

void worker_balance(struct bl_worker *w)
{
    if (w->stopping)
        return;
    size_t partitions = (size_t)w->options.partitions, owned = 0;
    size_t share = bl_share(partitions, w->living, w->rank);
    size_t start = bl_share_start(partitions, w->living, w->rank);
    for (size_t p = 0; p < partitions; p++) {
        const struct owner *o = &w->owners[p];
        owned += (owner_holds(o) && !o->give_up) || o->state == OWNER_ACQUIRING;
    }
    for (size_t i = 0; i < partitions && owned < share; i++) {
        struct owner *o = &w->owners[(start + i) % partitions];
        if (o->state == OWNER_FREE) {
            owner_acquire(o);
            owned += o->state == OWNER_ACQUIRING;
        }
    }
    for (size_t i = partitions; i > 0 && owned > share; i--) {
        struct owner *o = &w->owners[(start + i - 1) % partitions];
        if (owner_holds(o) && !o->give_up) {
            owner_give_up(o);
            owned--;
        }
    }
}

static void on_beaten(void *arg, enum bl_err err)
{
    struct bl_worker *w = BL_CAST(struct bl_worker, arg, WORKER_MAGIC);
    w->beating = false;
    if (err == BL_OK)
        worker_balance(w);
    if (w->stopping)
        worker_freed(w);
}

void bl_worker_tick(struct bl_worker *w)
{
    int64_t now = w->ports.now_ms(w->ports.ctx);
    for (int p = 0; p < w->options.partitions; p++)
        owner_renew(&w->owners[p]);
    if (w->stopping || w->beating || (w->beat_at != INT64_MIN && now - w->beat_at < BEAT_MS))
        return;
    w->beating = true;
    w->beat_at = now;
    w->ports.beat(w->ports.ctx, false, on_living, on_beaten, w);
}

/* ---- stopping ---- */

static void on_left(void *arg, enum bl_err err)
{
    struct bl_worker *w = BL_CAST(struct bl_worker, arg, WORKER_MAGIC);
    (void)err; /* the heartbeat runs out by itself */
    w->stopped(w->stopped_ctx);
}

void worker_freed(struct bl_worker *w)
{
    if (!w->stopping || w->left || w->beating)
        return;
    for (int p = 0; p < w->options.partitions; p++)
        if (w->owners[p].state != OWNER_FREE || w->owners[p].renewing)
            return;
    w->left = true;
    w->ports.beat(w->ports.ctx, true, on_living, on_left, w);
}

void bl_worker_stop(struct bl_worker *w, void (*stopped)(void *ctx), void *ctx)
{
    w->stopping = true;
    w->stopped = stopped;
    w->stopped_ctx = ctx;
    for (int p = 0; p < w->options.partitions; p++)
        owner_give_up(&w->owners[p]);
    worker_freed(w);
}
