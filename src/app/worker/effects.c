/* What one round does besides changing users: gathered while the partition steps, stored by worker/commit.c. What
 * becomes of patterns is in worker/patterns.c, what is counted in worker/counts.c. Errors stick in e->err. */
#include "bl/core/rule.h"
#include "plant.h"
#include "worker/owner.h"

#include <stdio.h>
#include <stdlib.h>

void effects_init(struct effects *e)
{
    *e = (struct effects){0};
    bl_map_init(&e->by_id, effects_key);
    counts_init(&e->counts);
    bl_buf_init(&e->text, 0);
}

void effects_reset(struct effects *e)
{
    arena_reset(&e->arena);
    bl_map_clear(&e->by_id);
    counts_reset(&e->counts);
    e->err = BL_OK;
    e->received_ms = 0;
    e->n_touched = e->n_changes = e->n_poison = e->n_lines = 0;
    e->events = e->duplicates = e->late = e->clock_adjusted = 0;
    e->completed = e->abandoned = e->forgotten = e->corrupt = e->lost = 0;
    e->rate_changed = false;
    e->erase = (struct erase){0};
    e->erased = 0;
}

void effects_release(struct effects *e)
{
    arena_release(&e->arena);
    bl_map_release(&e->by_id);
    counts_release(&e->counts);
    bl_buf_release(&e->text);
    free(e->touched);
    free(e->changes);
    free(e->ids);
    free(e->poison);
    free(e->lines);
}

void effects_fail(struct effects *e, enum bl_err err)
{
    if (e->err == BL_OK)
        e->err = err;
}

struct bl_str effects_keep(struct effects *e, struct bl_str s)
{
    struct bl_str copy = arena_copy(&e->arena, s);
    if (!copy.p) {
        effects_fail(e, BL_ERR_NO_MEMORY);
        return BL_STR("");
    }
    return copy;
}

/* ---- the partition's sink ---- */

static struct owner *owner_of(void *ctx)
{
    return BL_CAST(struct owner, ctx, OWNER_MAGIC);
}

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    effects_pattern(&owner_of(ctx)->effects, pattern);
}

static void on_attempt(void *ctx, enum bl_attempt_end end, int64_t at_ms)
{
    struct owner *o = owner_of(ctx);
    bool completed = end == BL_ATTEMPT_COMPLETED;
    o->effects.completed += completed;
    o->effects.abandoned += !completed;
    at_ms = BL_PLANT(ATTEMPT_CLOCK) ? bl_partition_clock(o->partition) : at_ms;
    count_minute(&o->effects, at_ms, completed ? MINUTE_COMPLETED : MINUTE_ABANDONED);
}

static void count_rate(struct owner *o, int64_t received_ms)
{
    int64_t second = received_ms / 1000;
    size_t slot = (size_t)(second % OWNER_RATE_SLOTS);
    if (o->rate[slot].second != second)
        o->rate[slot].second = second, o->rate[slot].n = 0;
    o->rate[slot].n++;
    o->effects.rate_changed = true;
}

static void on_event(void *ctx, const struct bl_record *r, const struct bl_taken *taken)
{
    struct owner *o = owner_of(ctx);
    struct effects *e = &o->effects;
    e->events++;
    e->late += taken->late;
    e->clock_adjusted += taken->clock_adjusted;
    count_minute(e, taken->t_ms, MINUTE_EVENTS);
    if (taken->first_in_minute)
        count_minute(e, taken->t_ms, MINUTE_ACTIVE);
    if (taken->visit)
        count_page(e, taken->t_ms, r->event.page, PAGE_VIEWS);
    count_rate(o, e->received_ms);
    recent_event(o, r, taken);
}

static void on_event_again(void *ctx, const struct bl_record *r, const struct bl_taken *taken)
{
    recent_event(owner_of(ctx), r, taken);
}

static void on_duplicate(void *ctx, const struct bl_record *r)
{
    (void)r;
    owner_of(ctx)->effects.duplicates++;
}

static void on_remember(void *ctx, uint64_t hash, int64_t received_ms)
{
    struct effects *e = &owner_of(ctx)->effects;
    if (!OWNER_ROOM(e->ids, e->cap_ids, e->n_ids))
        effects_fail(e, BL_ERR_NO_MEMORY);
    else
        e->ids[e->n_ids++] = (struct remembered){received_ms, hash};
}

static void on_erased(void *ctx, const struct bl_record *r)
{
    (void)r;
    owner_of(ctx)->effects.erased++;
}

struct bl_partition_sink effects_redo_sink(struct owner *o)
{
    return (struct bl_partition_sink){
        .ctx = o, .event = BL_PLANT(RECENT_LOST) ? NULL : on_event_again, .remember = on_remember};
}

struct bl_partition_sink effects_sink(struct owner *o)
{
    return (struct bl_partition_sink){o,           on_pattern, on_attempt, on_event, on_duplicate,
                                      on_remember, on_erased};
}

void effects_poison(struct effects *e, struct bl_str id, int64_t line, const char *reason, struct bl_str text)
{
    if (text.n > BL_BAD_EVENT_MAX_BYTES)
        text.n = BL_BAD_EVENT_MAX_BYTES;
    if (!OWNER_ROOM(e->poison, e->cap_poison, e->n_poison))
        effects_fail(e, BL_ERR_NO_MEMORY);
    else
        e->poison[e->n_poison++] = (struct poison){effects_keep(e, id), effects_keep(e, text), reason, line};
}
