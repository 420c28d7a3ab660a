/* What one round does besides changing users: gathered while the partition steps, stored by worker_commit.c.
 * The changes of one pattern are merged, so that each pattern is written once a commit. Errors stick in
 * e->err. */
#include "bl/core/rule.h"
#include "plant.h"
#include "worker_owner.h"

#include <stdio.h>
#include <stdlib.h>

void effects_init(struct effects *e)
{
    *e = (struct effects){0};
    bl_map_init(&e->by_id);
    bl_map_init(&e->by_count);
    bl_buf_init(&e->recent, 0);
    bl_buf_init(&e->text, 0);
}

void effects_reset(struct effects *e)
{
    arena_reset(&e->arena);
    bl_map_clear(&e->by_id);
    bl_map_clear(&e->by_count);
    bl_buf_clear(&e->recent);
    e->err = BL_OK;
    e->last_minute = NULL;
    e->received_ms = 0;
    e->n_touched = e->n_changes = e->n_counts = e->n_ids = e->n_poison = e->n_lines = 0;
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
    bl_map_release(&e->by_count);
    bl_buf_release(&e->recent);
    bl_buf_release(&e->text);
    free(e->touched);
    free(e->changes);
    free(e->counts);
    free(e->ids);
    free(e->poison);
    free(e->lines);
}

static void fail(struct effects *e, enum bl_err err)
{
    if (e->err == BL_OK)
        e->err = err;
}

static struct bl_str keep(struct effects *e, struct bl_str s)
{
    struct bl_str copy = arena_copy(&e->arena, s);
    if (!copy.p) {
        fail(e, BL_ERR_NO_MEMORY);
        return BL_STR("");
    }
    return copy;
}

/* ---- counters ---- */

static struct count *count_new(struct effects *e, struct bl_str key, const struct count *like)
{
    struct count *c = arena_get(&e->arena, sizeof *c);
    struct bl_str own = keep(e, key);
    if (!c || e->err != BL_OK || !OWNER_ROOM(e->counts, e->cap_counts, e->n_counts) ||
        bl_map_put(&e->by_count, own, c) != BL_OK) {
        fail(e, BL_ERR_NO_MEMORY);
        return NULL;
    }
    *c = *like;
    c->prefix = keep(e, like->prefix);
    c->page = keep(e, like->page);
    e->counts[e->n_counts++] = c;
    return c;
}

static struct count *count_get(struct effects *e, enum bl_tally tally, int64_t number, struct bl_str prefix,
                               struct bl_str page)
{
    bl_buf_clear(&e->text);
    bl_buf_char(&e->text, (char)('0' + (int)tally));
    bl_buf_int(&e->text, number);
    bl_buf_char(&e->text, ' ');
    bl_buf_str(&e->text, prefix);
    bl_buf_str(&e->text, page);
    if (e->text.err != BL_OK) {
        fail(e, e->text.err);
        return NULL;
    }
    struct count *c = bl_map_get(&e->by_count, bl_buf_view(&e->text));
    if (c)
        return c;
    const struct count like = {tally, number, prefix, page, 0};
    return count_new(e, bl_buf_view(&e->text), &like);
}

void effects_count(struct effects *e, enum bl_tally tally, int64_t number, struct bl_str prefix,
                   struct bl_str page, int64_t n)
{
    struct count *c = count_get(e, tally, number, prefix, page);
    if (c)
        c->n += n;
}

static void count_minute(struct effects *e, int64_t minute)
{
    if (!e->last_minute || e->last_minute->number != minute)
        e->last_minute = count_get(e, BL_TALLY_MINUTE, minute, BL_STR("events"), BL_STR(""));
    if (e->last_minute)
        e->last_minute->n++;
}

/* ---- patterns ---- */

struct touched *effects_find(const struct effects *e, const char id[32])
{
    return bl_map_get(&e->by_id, (struct bl_str){id, 32});
}

static struct touched *touch(struct effects *e, const struct bl_pattern *pattern)
{
    char id[32];
    bl_pattern_id_hex(&pattern->id, id);
    struct touched *t = effects_find(e, id);
    if (t)
        return t;
    t = arena_get(&e->arena, sizeof *t);
    if (!t || !OWNER_ROOM(e->touched, e->cap_touched, e->n_touched)) {
        fail(e, BL_ERR_NO_MEMORY);
        return NULL;
    }
    *t = (struct touched){
        .rule = pattern->rule, .detected_ms = pattern->detected_ms, .received_ms = e->received_ms};
    memcpy(t->id, id, sizeof id);
    t->user_id = keep(e, pattern->user_id);
    t->page = keep(e, pattern->page);
    e->touched[e->n_touched++] = t;
    if (bl_map_put(&e->by_id, (struct bl_str){t->id, 32}, t) != BL_OK)
        fail(e, BL_ERR_NO_MEMORY);
    return t;
}

static void merge_row(struct effects *e, struct touched *t, const struct bl_pattern *pattern)
{
    struct bl_row change;
    bl_buf_clear(&e->text);
    enum bl_err err = bl_row_of(pattern, &e->text, &change);
    if (err != BL_OK) {
        fail(e, err);
        return;
    }
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if (change.v[i].n > 0)
            change.v[i] = keep(e, change.v[i]);
    bl_row_merge(&t->row, &change);
}

void effects_pattern(struct effects *e, const struct bl_pattern *pattern)
{
    struct touched *t = touch(e, pattern);
    if (!t || !OWNER_ROOM(e->changes, e->cap_changes, e->n_changes)) {
        fail(e, BL_ERR_NO_MEMORY);
        return;
    }
    bool resolved = pattern->change == BL_PATTERN_RESOLVED;
    t->severity = pattern->severity;
    t->created |= pattern->change == BL_PATTERN_NEW;
    t->resolved |= resolved;
    int64_t at_ms = resolved ? pattern->resolved_ms : pattern->updated_ms;
    e->changes[e->n_changes++] = (struct change){t, pattern->change, pattern->severity, at_ms};
    merge_row(e, t, pattern);
}

void effects_explain(struct effects *e, const struct bl_pattern *pattern, struct bl_str text, int64_t at_ms)
{
    struct touched *t = touch(e, pattern);
    if (!t || !OWNER_ROOM(e->changes, e->cap_changes, e->n_changes)) {
        fail(e, BL_ERR_NO_MEMORY);
        return;
    }
    if (!t->severity)
        t->severity = pattern->severity; /* not touched by this round otherwise */
    t->row.v[BL_COLUMN_AI_EXPLANATION] = text;
    e->changes[e->n_changes++] = (struct change){t, CHANGE_EXPLAINED, t->severity, at_ms};
}

void effects_latencies(const struct effects *e, int64_t now_ms, struct bl_latency *out)
{
    for (size_t i = 0; i < e->n_touched; i++)
        if (e->touched[i]->created && e->touched[i]->received_ms > 0)
            bl_latency_add(out, now_ms - e->touched[i]->received_ms);
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
    effects_count(&o->effects, BL_TALLY_MINUTE, at_ms / OWNER_MINUTE_MS,
                  completed ? BL_STR("attempts:completed") : BL_STR("attempts:abandoned"), BL_STR(""), 1);
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

static void keep_recent(struct effects *e, const struct bl_taken *taken, struct bl_str line)
{
    if (!OWNER_ROOM(e->lines, e->cap_lines, e->n_lines)) {
        fail(e, BL_ERR_NO_MEMORY);
        return;
    }
    e->lines[e->n_lines++] = e->recent.n;
    bl_buf_int(&e->recent, e->received_ms);
    if (taken->late)
        bl_buf_z(&e->recent, ",late");
    if (taken->clock_adjusted)
        bl_buf_z(&e->recent, ",clock_adjusted");
    bl_buf_char(&e->recent, ' ');
    bl_buf_str(&e->recent, line);
    bl_buf_char(&e->recent, '\n');
    if (e->recent.err != BL_OK)
        fail(e, e->recent.err);
}

static void on_event(void *ctx, const struct bl_record *r, const struct bl_taken *taken)
{
    struct owner *o = owner_of(ctx);
    struct effects *e = &o->effects;
    int64_t minute = taken->t_ms / OWNER_MINUTE_MS;
    e->events++;
    e->late += taken->late;
    e->clock_adjusted += taken->clock_adjusted;
    count_minute(e, minute);
    if (taken->first_in_minute)
        effects_count(e, BL_TALLY_MINUTE, minute, BL_STR("active"), BL_STR(""), 1);
    if (taken->visit)
        effects_count(e, BL_TALLY_PAGES, taken->t_ms / OWNER_PAGES_MS, BL_STR("views "), r->event.page, 1);
    count_rate(o, e->received_ms);
    if (o->worker->options.recent_max > 0)
        keep_recent(e, taken, r->line);
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
        fail(e, BL_ERR_NO_MEMORY);
    else
        e->ids[e->n_ids++] = (struct remembered){received_ms, hash};
}

static void on_erased(void *ctx, const struct bl_record *r)
{
    (void)r;
    owner_of(ctx)->effects.erased++;
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
        fail(e, BL_ERR_NO_MEMORY);
    else
        e->poison[e->n_poison++] = (struct poison){keep(e, id), keep(e, text), reason, line};
}
