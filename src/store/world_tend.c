/* Retention: what the owner trims of its partition, a bounded step at a time (SPEC 5.4).
 *
 * Nobody else is served while Redis does a step. With a million patterns each that goes takes some 40 us, since nobody has
 * touched it for long: so steps are small, unless many of them in a row are not enough. */
#include "world.h"

#include <stdio.h>

#define TRIM_FIRST  8 /* patterns in a step */
#define TRIM_MOST   32
#define TRIM_GROWTH 8 /* after so many steps in a row it may be twice as many */

static void on_tend(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    if (world_call_reply(s, reply))
        world_call_done(s);
}

static void on_trimmed(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    bool two = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    int64_t detected_ms = two ? world_int(reply->element[0], -1) : -1;
    bool more = two && world_int(reply->element[1], 0) == 1, last = world_call_reply(s, reply);
    s->trims = more ? s->trims + 1 : 0;
    if (s->call.err == BL_OK && detected_ms >= 0)
        s->call.trimmed(s->call.arg, detected_ms, more);
    if (last)
        world_call_done(s);
}

static void send_trim_stream(struct slot *s, const char *max)
{
    static const enum bl_key keys[] = {BL_KEY_EVENTS, BL_KEY_FENCE, BL_KEY_POSITION, BL_KEY_COUNTERS};
    int64_t oldest = s->now_ms - s->world->options.stream_retention_ms;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)(oldest > 0 ? oldest : 0));
    const struct bl_str args[] = {bl_str_of(s->fence), BL_STR(GROUP), bl_str_of(text), bl_str_of(max)};
    world_script(s, s->data, BL_SCRIPT_stream_trim, keys, 4, args, 4, on_tend, s);
}

static int trim_step(const struct slot *s)
{
    int step = TRIM_FIRST;
    for (unsigned i = s->trims / TRIM_GROWTH; i > 0 && step < TRIM_MOST; i--)
        step *= 2;
    return step;
}

static void send_trim_patterns(struct slot *s, int64_t clock_ms)
{
    static const enum bl_key keys[] = {BL_KEY_FENCE, BL_KEY_PATTERNS, BL_KEY_PATTERNS_OPEN, BL_KEY_COUNTERS};
    const struct bl_world_options *o = &s->world->options;
    int64_t now = !o->event_mode && s->now_ms > clock_ms ? s->now_ms : clock_ms;
    int64_t oldest = now > o->pattern_retention_ms ? now - o->pattern_retention_ms : 0;
    int64_t max = o->pattern_max / o->partitions;
    char oldest_text[24], max_text[24], step[24], prefixes[512];
    struct bl_buf b = {.p = prefixes, .cap = sizeof prefixes, .max = sizeof prefixes};
    snprintf(oldest_text, sizeof oldest_text, "%lld", (long long)oldest);
    snprintf(max_text, sizeof max_text, "%lld", (long long)(max > 0 ? max : 1));
    snprintf(step, sizeof step, "%d", trim_step(s));
    bl_key_prefix(&b, bl_str_of(s->world->env), BL_KEY_PATTERN, s->p);
    size_t first = b.n;
    bl_key_prefix(&b, bl_str_of(s->world->env), BL_KEY_PATTERNS_USER, s->p);
    const struct bl_str args[] = {bl_str_of(s->fence), bl_str_of(oldest_text),
                                  bl_str_of(max_text), bl_str_of(step),
                                  {prefixes, first},   {prefixes + first, b.n - first}};
    world_script(s, s->data, BL_SCRIPT_patterns_trim, keys, 4, args, 6, on_trimmed, s);
}

/* The store's clock says how old they are; in event mode that says nothing. */
static const char *oldest_text(const struct slot *s, int64_t keep_ms, char out[24])
{
    bool by_age = keep_ms > 0 && !s->world->options.event_mode && s->now_ms > keep_ms;
    snprintf(out, 24, "%lld", (long long)(s->now_ms - keep_ms));
    return by_age ? out : "";
}

static void send_trim_kept(struct slot *s)
{
    static const enum bl_key keys[] = {BL_KEY_FENCE, BL_KEY_RECENT, BL_KEY_QUARANTINE};
    const struct bl_world_options *o = &s->world->options;
    char recent[24], quarantine[24];
    const struct bl_str args[] = {
        bl_str_of(s->fence), bl_str_of(oldest_text(s, o->recent_retention_ms, recent)),
        bl_str_of(oldest_text(s, o->quarantine_retention_ms, quarantine)), BL_STR("1000")};
    world_script(s, s->data, BL_SCRIPT_kept_trim, keys, 3, args, 4, on_tend, s);
}

void world_tend(void *ctx, int p, int64_t clock_ms, bl_trimmed_fn *trimmed, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    char max[24];
    world_call_begin(s, 3, arg);
    s->call.fn.done = fn;
    s->call.trimmed = trimmed;
    snprintf(max, sizeof max, "%lld", (long long)s->world->options.stream_max);
    send_trim_stream(s, max);
    send_trim_patterns(s, clock_ms);
    send_trim_kept(s);
}
