/* Leases and heartbeats. The fence decides who may write; the lease only who may try (ARCHITECTURE 5). */
#include "world.h"

#include <stdio.h>

static void on_acquire(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    struct bl_acquired a = {.err = world_error(s->world->control, reply)};
    if (a.err == BL_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        world_int(reply->element[0], 0) == 1) {
        a.taken = true;
        a.epoch = (uint64_t)world_int(reply->element[1], 0);
        snprintf(s->fence, sizeof s->fence, "%s %llu", s->world->nonce, (unsigned long long)a.epoch);
        a.err = world_connect(s);
    }
    s->acquired(s->acquired_arg, &a);
}

void world_acquire(void *ctx, int p, bl_acquired_fn *fn, void *arg)
{
    static const enum bl_key keys[] = {BL_KEY_LEASE, BL_KEY_FENCE, BL_KEY_EVENTS};
    struct slot *s = world_slot(ctx, p);
    char lease[24];
    world_counts_forget(s);
    world_due_forget(s);
    s->acquired = fn;
    s->acquired_arg = arg;
    snprintf(lease, sizeof lease, "%lld", (long long)s->world->options.lease_ms);
    const struct bl_str args[] = {bl_str_of(s->world->nonce), bl_str_of(s->world->name), bl_str_of(lease),
                                  BL_STR(GROUP)};
    world_script(s, s->world->control, BL_SCRIPT_lease_acquire, keys, 3, args, 4, on_acquire, s);
}

static void on_renew(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    s->renewed(s->renewed_arg, world_error(s->world->control, reply));
}

void world_renew(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    static const enum bl_key keys[] = {BL_KEY_LEASE, BL_KEY_FENCE};
    struct slot *s = world_slot(ctx, p);
    char lease[24];
    s->renewed = fn;
    s->renewed_arg = arg;
    snprintf(lease, sizeof lease, "%lld", (long long)s->world->options.lease_ms);
    const struct bl_str args[] = {bl_str_of(s->fence), bl_str_of(s->world->name), bl_str_of(lease)};
    world_script(s, s->world->control, BL_SCRIPT_lease_renew, keys, 2, args, 3, on_renew, s);
}

static void send_release(struct slot *s, const char *fence, bl_reply_fn *fn)
{
    static const enum bl_key keys[] = {BL_KEY_LEASE, BL_KEY_SUSPECT};
    const struct bl_str args[] = {bl_str_of(fence), bl_str_of(s->world->name)};
    world_script(s, s->world->control, BL_SCRIPT_lease_release, keys, 2, args, 2, fn, s);
}

/* What could not be given back runs out; but the mark (suspect_mark.lua) would tell of a death that was none. */
static void on_release(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    enum bl_err err = world_error(s->world->control, reply);
    if (err != BL_OK)
        memcpy(s->owed, s->fence, sizeof s->owed);
    s->released(s->released_arg, err);
}

void world_release(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->released = fn;
    s->released_arg = arg;
    s->watched = false;
    send_release(s, s->fence, on_release);
}

static void on_repaid(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    if (world_error(s->world->control, reply) == BL_OK)
        s->owed[0] = '\0';
}

void world_repay(struct bl_world *w)
{
    for (int p = 0; w->slots && p < w->options.partitions; p++)
        if (w->slots[p].owed[0])
            send_release(&w->slots[p], w->slots[p].owed, on_repaid);
}

static void on_beat(void *ctx, const redisReply *reply)
{
    struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    struct bl_str names[BL_WORKERS_MAX];
    size_t n = 0;
    enum bl_err err = world_error(w->control, reply);
    if (err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2))
        err = BL_ERR_CORRUPT;
    if (err == BL_OK) {
        const redisReply *list = reply->element[1];
        for (size_t i = 0; i < list->elements && n < BL_WORKERS_MAX; i++)
            names[n++] = world_text(list->element[i]);
        w->living(w->beaten_arg, 0, names, n);
    }
    w->beaten(w->beaten_arg, err);
}

/* A heartbeat counts for as long as a lease: both of a dead worker run out at about the same time. */
void world_beat(void *ctx, bool leave, bl_names_fn *living, bl_done_fn *done, void *arg)
{
    struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    char text[128], ttl[24];
    struct bl_buf key = {.p = text, .cap = sizeof text, .max = sizeof text};
    w->living = living;
    w->beaten = done;
    w->beaten_arg = arg;
    bl_key_put(&key, bl_str_of(w->env), BL_KEY_WORKERS, 0, BL_STR(""));
    snprintf(ttl, sizeof ttl, "%lld", (long long)w->options.lease_ms);
    const struct bl_str args[] = {bl_buf_view(&key), bl_str_of(w->name), bl_str_of(ttl),
                                  leave ? BL_STR("0") : BL_STR("1")};
    bl_script_send(w->control, BL_SCRIPT_workers_beat, 1, 4, args, on_beat, w);
}
