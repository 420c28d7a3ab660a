/* The doorbell: a plain XREAD BLOCK on a connection of its own. It takes nothing, so a zombie that waits at
 * it does no harm; it decides nothing, so it may ring for no reason. Without a connection a timer
 * stands in; with one the timer sees to it that the bell rings although the other end has vanished without a
 * word: then the connection is made anew. */
#include "world.h"

#define DEAF_MS 20
#define LATE_MS 300 /* later than it was asked to, Redis does not answer */

static void ring(struct slot *s)
{
    bl_done_fn *fn = s->rung;
    s->rung = NULL;
    if (fn)
        fn(s->rung_arg, BL_OK);
}

static void on_bell(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    (void)reply;
    uv_timer_stop(&s->bell_timer);
    ring(s);
}

/* The ring may be in the socket already when a stalled process wakes up: poll once before. */
static void on_late(uv_timer_t *timer)
{
    struct slot *s = BL_CAST(struct slot, timer->data, SLOT_MAGIC);
    if (s->late)
        bl_link_reset(s->bell);
    else
        uv_timer_start(timer, on_late, 1, 0);
    s->late = true;
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

void world_wait(void *ctx, int p, struct bl_str id, int64_t wait_ms, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->rung = fn;
    s->rung_arg = arg;
    if (!bl_link_is_up(s->bell)) {
        wait_deaf(s, wait_ms < DEAF_MS ? (uint64_t)wait_ms : DEAF_MS);
        return;
    }
    wait_ms = wait_ms < 1 ? 1 : wait_ms;
    s->late = false;
    uv_timer_start(&s->bell_timer, on_late, (uint64_t)wait_ms + LATE_MS, 0);
    struct commands *c = &s->commit; /* idle: nothing is being committed while the owner waits */
    commands_clear(c);
    commands_new(c, "XREAD");
    commands_z(c, "COUNT");
    commands_int(c, 1);
    commands_z(c, "BLOCK");
    commands_int(c, wait_ms);
    commands_z(c, "STREAMS");
    commands_key(c, BL_KEY_EVENTS, BL_STR(""));
    commands_arg(c, id.n ? id : BL_STR("0-0"));
    world_send(s->bell, c, 0, on_bell, s);
}

void world_wake(void *ctx, int p)
{
    struct slot *s = world_slot(ctx, p);
    if (s->timing)
        wait_deaf(s, 0);
    else if (s->rung)
        bl_link_reset(s->bell);
}

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
