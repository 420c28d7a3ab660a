/* The doorbell: an XREAD BLOCK on the partition's own connection. It takes nothing, so a zombie that waits at it does no
 * harm; it decides nothing, so it may ring for no reason.
 *
 *   wait    XREAD BLOCK                              whoever has something to do before he fetches
 *   await   XREAD BLOCK  MULTI  fetch  EXEC  …       everybody else (world_fetch.c): one write, and no round trip between the
 *                                                    two, since Redis goes on with what stands behind a blocked command as
 *                                                    soon as that ends. At 20,000 events/s in batches of 50, a bell on a
 *                                                    connection of its own took Redis 2.9 us an event more (of 25), the
 *                                                    worker 0.9 (of 11), and a pattern came 0.3 ms later (of 3.1).
 *   wake    CLIENT UNBLOCK                           on the connection for leases; it may be there first, and find nobody
 *                                                    blocked: then it is said again, until the bell has rung
 *
 * Blocked, the connection carries nothing else, and nothing else is asked of it: an owner that waits does only that. When all
 * connections have vanished without a word, that for leases notices (world.c); when only this one has, its reply is given up.
 * Redis' user of an older version may not unblock: then the bell rings in its time. So it does when Redis is another one by
 * then; there the number may be that of a stranger, whose waiting ends early. Without a connection a timer stands in. */
#include "world.h"

#include <stdio.h>

#define DEAF_MS       20
#define WAKE_AGAIN_MS 2

static void ring(struct slot *s)
{
    bl_done_fn *fn = s->rung;
    s->rung = NULL;
    if (fn)
        fn(s->rung_arg, BL_OK);
}

static void on_time(uv_timer_t *timer)
{
    struct slot *s = BL_CAST(struct slot, timer->data, SLOT_MAGIC);
    s->timing = false;
    ring(s);
}

static void wait_deaf(struct slot *s, uint64_t ms)
{
    s->timing = true;
    uv_timer_start(&s->bell_timer, on_time, ms, 0);
}

static void rung(struct slot *s)
{
    s->blocked = false;
    uv_timer_stop(&s->bell_timer);
}

static void on_bell(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    (void)reply;
    rung(s);
    ring(s);
}

/* The fetch behind it tells. */
static void on_bell_of_fetch(void *ctx, const redisReply *reply)
{
    (void)reply;
    rung(BL_CAST(struct slot, ctx, SLOT_MAGIC));
}

void world_bell(struct slot *s, struct bl_str id, int64_t wait_ms)
{
    struct commands *c = &s->bell;
    commands_clear(c);
    commands_new(c, "XREAD");
    commands_z(c, "COUNT");
    commands_int(c, 1);
    commands_z(c, "BLOCK");
    commands_int(c, wait_ms < 1 ? 1 : wait_ms);
    commands_z(c, "STREAMS");
    commands_key(c, BL_KEY_EVENTS, BL_STR(""));
    commands_arg(c, id.n ? id : BL_STR("0-0"));
}

static void send_bell(struct slot *s, bl_reply_fn *fn)
{
    s->blocked = true;
    world_send(s->data, &s->bell, 0, fn, s);
    commands_clear(&s->bell);
}

void world_send_bell(struct slot *s)
{
    send_bell(s, on_bell_of_fetch);
}

void world_wait(void *ctx, int p, struct bl_str id, int64_t wait_ms, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->rung = fn;
    s->rung_arg = arg;
    if (bl_link_is_up(s->data)) {
        world_bell(s, id, wait_ms);
        send_bell(s, on_bell);
    } else {
        wait_deaf(s, wait_ms < DEAF_MS ? (uint64_t)wait_ms : DEAF_MS);
    }
}

/* ---- waking ---- */

static void unblock(struct slot *s);

static void on_again(uv_timer_t *timer)
{
    unblock(BL_CAST(struct slot, timer->data, SLOT_MAGIC));
}

static void on_unblocked(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    if (s->blocked && reply && reply->type == REDIS_REPLY_INTEGER)
        uv_timer_start(&s->bell_timer, on_again, WAKE_AGAIN_MS, 0);
}

static void unblock(struct slot *s)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)s->client_id);
    const struct bl_str argv[] = {BL_STR("CLIENT"), BL_STR("UNBLOCK"), bl_str_of(id)};
    if (s->blocked && s->client_id)
        bl_link_send(s->world->control, 3, argv, on_unblocked, s);
}

void world_wake(void *ctx, int p)
{
    struct slot *s = world_slot(ctx, p);
    if (s->timing)
        wait_deaf(s, 0);
    else
        unblock(s);
}

/* ---- pausing ---- */

static void on_pause(uv_idle_t *idle)
{
    struct slot *s = BL_CAST(struct slot, idle->data, SLOT_MAGIC);
    uv_idle_stop(idle);
    ring(s);
}

void world_pause(void *ctx, int p, int64_t ms, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->rung = fn;
    s->rung_arg = arg;
    if (ms > 0)
        wait_deaf(s, (uint64_t)ms);
    else
        uv_idle_start(&s->pause, on_pause);
}
