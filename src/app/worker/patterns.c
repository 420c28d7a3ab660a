/* The patterns that a round changes: their changes are merged while the partition steps, each pattern is put once a commit,
 * in the form that is left of it, and each change is told in the order in which it came.
 *
 * Invariant: the counters count a pattern once, whatever is processed again (SPEC 5.2).
 *
 * **When the store is asked.** What a pattern is in the store (there or not, resolved or not) follows from what is at hand
 * already, so that hardly any commit waits for an answer first:
 *
 * - Nothing stored was detected after the partition clock of the last commit (committed_ms): a rule's time is an event's t,
 *   which lies at or before `received`, or a deadline at or before the clock. So a pattern detected later is new.
 * - A pattern detected later than all that its user's state has seen (bl_pattern.later) is none that this state has made. In
 *   live time there is no other: a state that was forgotten by its deadline has seen nothing of the five minutes before
 *   the clock, and no event comes with an earlier t (SPEC 3.2, 4.6). In event time one may, and the store is asked.
 * - An open pattern in a user's state is in the store, and unresolved: it is put in the commit of that step, the state
 *   in the same one or later.
 *
 * What breaks these sets unsure_ms, and the store is asked about all that was detected up to then: a new owner (the clock it
 * finds), a state that was set aside or could not be read (the clock at that moment), an id that did exist (the
 * state has it open, whatever the store has), and patterns that retention took away. */
#include "bl/core/rule.h"
#include "worker/owner.h"

#define LIST_RENEW_MS     (24 * 3600 * 1000LL)
#define PUT(o, call, ...) (o)->worker->ports.call((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

/* ---- while the partition steps ---- */

static struct bl_str key_of(const struct bl_pattern_id *id)
{
    return (struct bl_str){(const char *)id->b, sizeof id->b};
}

struct bl_str effects_key(const void *touched)
{
    return key_of(&((const struct touched *)touched)->key);
}

struct touched *effects_find(const struct effects *e, const char id[32])
{
    struct bl_pattern_id key;
    return bl_pattern_id_parse((struct bl_str){id, 32}, &key) ? bl_map_get(&e->by_id, key_of(&key)) : NULL;
}

/* What the store must have of it, unless it says otherwise. */
static void assume(struct touched *t, const struct bl_pattern *pattern)
{
    bool raised = pattern->change == BL_PATTERN_RAISED;
    t->exists = pattern->change != BL_PATTERN_NEW;
    t->stored_severity = !t->exists ? 0 : raised ? pattern->was : pattern->severity;
}

static struct touched *touch(struct effects *e, const struct bl_pattern *pattern)
{
    struct touched *t = bl_map_get(&e->by_id, key_of(&pattern->id));
    if (t)
        return t;
    t = arena_get(&e->arena, sizeof *t);
    if (!t || !OWNER_ROOM(e->touched, e->cap_touched, e->n_touched)) {
        effects_fail(e, BL_ERR_NO_MEMORY);
        return NULL;
    }
    *t = (struct touched){.key = pattern->id,
                          .rule = pattern->rule,
                          .detected_ms = pattern->detected_ms,
                          .received_ms = e->received_ms};
    assume(t, pattern);
    bl_pattern_id_hex(&pattern->id, t->id);
    t->user_id = effects_keep(e, pattern->user_id);
    t->page = effects_keep(e, pattern->page);
    e->touched[e->n_touched++] = t;
    if (bl_map_put(&e->by_id, t) != BL_OK)
        effects_fail(e, BL_ERR_NO_MEMORY);
    return t;
}

static void merge_row(struct effects *e, struct touched *t, const struct bl_pattern *pattern)
{
    struct bl_row change;
    bl_buf_clear(&e->text);
    enum bl_err err = bl_row_of(pattern, &e->text, &change);
    if (err != BL_OK) {
        effects_fail(e, err);
        return;
    }
    struct bl_str text = effects_keep(e, bl_buf_view(&e->text));
    if (text.n == 0)
        return;
    bl_row_move(&change, bl_buf_view(&e->text), text.p);
    bl_row_merge(&t->row, &change);
}

void effects_pattern(struct effects *e, const struct bl_pattern *pattern)
{
    struct touched *t = touch(e, pattern);
    if (!t || !OWNER_ROOM(e->changes, e->cap_changes, e->n_changes)) {
        effects_fail(e, BL_ERR_NO_MEMORY);
        return;
    }
    bool resolved = pattern->change == BL_PATTERN_RESOLVED;
    t->severity = pattern->severity;
    t->created |= pattern->change == BL_PATTERN_NEW;
    if (pattern->change == BL_PATTERN_NEW)
        t->later = pattern->later;
    t->resolved |= resolved;
    int64_t at_ms = resolved ? pattern->resolved_ms : pattern->updated_ms;
    e->changes[e->n_changes++] = (struct change){t, pattern->change, pattern->severity, at_ms};
    merge_row(e, t, pattern);
}

void effects_explain(struct effects *e, const struct bl_pattern *pattern, struct bl_str text, int64_t at_ms)
{
    struct touched *t = touch(e, pattern);
    if (!t || !OWNER_ROOM(e->changes, e->cap_changes, e->n_changes)) {
        effects_fail(e, BL_ERR_NO_MEMORY);
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

/* ---- what the store has of them ---- */

void patterns_unsure(struct owner *o, int64_t detected_ms)
{
    if (detected_ms > o->unsure_ms)
        o->unsure_ms = detected_ms;
}

static bool must_ask(const struct owner *o, const struct touched *t)
{
    bool unsure = t->detected_ms <= o->unsure_ms;
    if (!t->created)
        return unsure;
    return t->detected_ms <= o->committed_ms && (unsure || !t->later || o->worker->options.event_mode);
}

void patterns_ask(struct owner *o)
{
    struct effects *e = &o->effects;
    e->n_asked = 0;
    e->asked = arena_get(&e->arena, (e->n_touched + 1) * sizeof *e->asked);
    if (!e->asked)
        effects_fail(e, BL_ERR_NO_MEMORY);
    for (size_t i = 0; i < e->n_touched && e->asked; i++)
        if (must_ask(o, e->touched[i]))
            e->asked[e->n_asked++] = e->touched[i];
}

void commit_checked(void *arg, size_t i, const struct bl_checked *c)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (o->drop)
        return;
    if (i >= o->effects.n_asked) {
        manual_checked(o, c);
        return;
    }
    struct touched *t = o->effects.asked[i];
    t->exists = c->exists;
    t->was_resolved = c->resolved;
    t->stored_severity = c->exists ? bl_severity_of(c->severity) : 0;
    if (t->created && t->exists)
        patterns_unsure(o, t->detected_ms);
}

/* ---- the commit ---- */

static void count_created(struct owner *o, const struct touched *t)
{
    struct sums *sum = &o->effects.counts.sum;
    sum->patterns++;
    sum->type[t->rule]++;
    count_minute(&o->effects, t->detected_ms, MINUTE_TYPE + t->rule);
    count_page(&o->effects, t->detected_ms, t->page, PAGE_TYPE + t->rule);
    o->worker->totals.patterns++;
}

static void count_pattern(struct owner *o, const struct touched *t)
{
    struct sums *sum = &o->effects.counts.sum;
    sum->open += (t->created ? 1 : 0) - (t->resolved ? 1 : 0);
    if (t->created)
        count_created(o, t);
    if (t->severity != t->stored_severity) {
        sum->severity[t->severity]++;
        sum->severity[t->stored_severity]--; /* that of none is not told */
    }
}

static void drop_resolution(struct bl_row *row)
{
    row->v[BL_COLUMN_RESOLVED] = row->v[BL_COLUMN_RESOLVED_AT] = row->v[BL_COLUMN_RESOLUTION] = BL_STR("");
}

/* Leaves of t only what is to be stored; false: nothing. */
static bool settle(struct touched *t)
{
    bool again = t->created && t->exists;
    if (again) { /* made before: what remains is at most its resolution, and what a command said of it */
        struct bl_row only = {0};
        only.v[BL_COLUMN_RESOLVED] = t->row.v[BL_COLUMN_RESOLVED];
        only.v[BL_COLUMN_RESOLVED_AT] = t->row.v[BL_COLUMN_RESOLVED_AT];
        only.v[BL_COLUMN_RESOLUTION] = t->row.v[BL_COLUMN_RESOLUTION];
        only.v[BL_COLUMN_AI_EXPLANATION] = t->row.v[BL_COLUMN_AI_EXPLANATION];
        t->row = only;
        t->created = false;
        t->severity = t->stored_severity;
    }
    if (t->resolved && t->exists && t->was_resolved) {
        t->resolved = false;
        drop_resolution(&t->row);
    }
    return again ? t->resolved || t->row.v[BL_COLUMN_AI_EXPLANATION].n > 0 : t->created || t->exists;
}

/* Renewed once a day, and when the list may have come anew because retention took all that was in it. */
static bool list_expires(struct owner *o, const struct touched *t)
{
    if (o->worker->options.event_mode || !t->created)
        return false;
    struct bl_member *m = bl_partition_member(o->partition, t->user_id);
    if (!m)
        return true;
    bool holds = m->listed_ms > o->unsure_ms && o->now_ms - m->listed_at < LIST_RENEW_MS;
    if (!holds)
        m->listed_at = o->now_ms;
    if (!holds || t->detected_ms > m->listed_ms)
        m->listed_ms = t->detected_ms;
    return !holds;
}

static void put_pattern(struct owner *o, struct touched *t)
{
    struct bl_put_pattern x = {.row = &t->row, .created = t->created, .resolved = t->resolved};
    x.user_id = t->user_id;
    x.detected_ms = t->detected_ms;
    x.expires = list_expires(o, t);
    memcpy(x.id, t->id, sizeof x.id);
    PUT(o, put_pattern, &x);
    count_pattern(o, t);
}

static void put_change(struct owner *o, const struct change *c)
{
    static const char *const names[] = {
        [BL_PATTERN_NEW] = "new",
        [BL_PATTERN_RAISED] = "raised",
        [BL_PATTERN_RESOLVED] = "resolved",
        [CHANGE_EXPLAINED] = "explained",
    };
    const struct touched *t = c->of;
    if (!t->stored || (c->change == BL_PATTERN_NEW && !t->created) ||
        (c->change == BL_PATTERN_RESOLVED && !t->resolved))
        return;
    struct bl_put_change x = {.change = names[c->change],
                              .type = bl_rule(t->rule)->name,
                              .severity = bl_severity_name(c->severity),
                              .page = t->page,
                              .at_ms = c->at_ms};
    memcpy(x.id, t->id, sizeof x.id);
    PUT(o, put_change, &x);
    if (c->change == BL_PATTERN_RESOLVED)
        count_minute(&o->effects, c->at_ms, MINUTE_RESOLVED);
}

void patterns_put(struct owner *o)
{
    struct effects *e = &o->effects;
    for (size_t i = 0; i < e->n_touched; i++) {
        e->touched[i]->stored = settle(e->touched[i]);
        if (e->touched[i]->stored)
            put_pattern(o, e->touched[i]);
    }
    for (size_t i = 0; i < e->n_changes; i++)
        put_change(o, &e->changes[i]);
}
