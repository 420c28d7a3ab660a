/* See compare.h. All by sorting arrays of pairs: first the pairs, then their order for a reader, then what
 * they amount to by type, by page and by session. */
#include "bl/app/compare.h"
#include "arena.h"

#include <stdlib.h>

/* ---- pairs ---- */

/* Entries of one ledger that the other lacks, in the order in which they are paired. */
struct rest {
    const struct bl_ledger_entry **v;
    size_t n;
};

static int by_column(const struct bl_ledger_entry *a, const struct bl_ledger_entry *b, enum bl_column column)
{
    return bl_str_cmp(a->row.v[column], b->row.v[column]);
}

static int by_kin(const struct bl_ledger_entry *a, const struct bl_ledger_entry *b)
{
    static const enum bl_column columns[] = {BL_COLUMN_USER_ID, BL_COLUMN_TYPE, BL_COLUMN_VARIANT,
                                             BL_COLUMN_PAGE};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        int order = by_column(a, b, columns[i]);
        if (order != 0)
            return order;
    }
    return (a->session_ms > b->session_ms) - (a->session_ms < b->session_ms);
}

static int by_kin_and_time(const void *x, const void *y)
{
    const struct bl_ledger_entry *a = *(const struct bl_ledger_entry *const *)x;
    const struct bl_ledger_entry *b = *(const struct bl_ledger_entry *const *)y;
    int order = by_kin(a, b);
    if (order == 0)
        order = (a->detected_ms > b->detected_ms) - (a->detected_ms < b->detected_ms);
    return order != 0 ? order : memcmp(a->id, b->id, sizeof a->id);
}

static enum bl_err rest_of(const struct bl_ledger *mine, const struct bl_ledger *others, struct rest *out)
{
    size_t n = bl_ledger_count(mine);
    out->v = malloc((n ? n : 1) * sizeof *out->v);
    if (!out->v)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!bl_ledger_find(others, bl_ledger_entry(mine, i)->id))
            out->v[out->n++] = bl_ledger_entry(mine, i);
    qsort(out->v, out->n, sizeof *out->v, by_kin_and_time);
    return BL_OK;
}

static bool differs(const struct bl_difference *d, enum bl_column column)
{
    return by_column(d->before, d->after, column) != 0;
}

static unsigned how(const struct bl_difference *d)
{
    bool moved = d->before->detected_ms != d->after->detected_ms;
    unsigned bits = moved ? BL_DIFF_MOVED : 0;
    if (differs(d, BL_COLUMN_SEVERITY))
        bits |= BL_DIFF_SEVERITY;
    if (differs(d, BL_COLUMN_RESOLUTION) || (!moved && differs(d, BL_COLUMN_RESOLVED_AT)))
        bits |= BL_DIFF_RESOLUTION;
    if (!moved && differs(d, BL_COLUMN_EXPLANATION))
        bits |= BL_DIFF_TEXT;
    return bits;
}

/* `v` has room. A pair without a difference is none. */
static void add(struct bl_comparison *c, const struct bl_ledger_entry *before,
                const struct bl_ledger_entry *after)
{
    struct bl_difference d = {before, after, 0};
    if (before && after)
        d.how = how(&d);
    if (!before || !after || d.how)
        c->v[c->n++] = d;
}

static void pair_rests(struct bl_comparison *c, const struct rest *a, const struct rest *b)
{
    size_t i = 0, j = 0;
    while (i < a->n || j < b->n) {
        int order = i == a->n ? 1 : j == b->n ? -1 : by_kin(a->v[i], b->v[j]);
        int64_t apart = order ? 0 : b->v[j]->detected_ms - a->v[i]->detected_ms;
        if (order < 0 || apart > BL_COMPARE_MOVED_MS)
            add(c, a->v[i++], NULL);
        else if (order > 0 || apart < -BL_COMPARE_MOVED_MS)
            add(c, NULL, b->v[j++]);
        else
            add(c, a->v[i++], b->v[j++]);
    }
}

static enum bl_err make_pairs(struct bl_comparison *c, const struct bl_ledger *before,
                              const struct bl_ledger *after)
{
    struct rest a = {NULL, 0}, b = {NULL, 0};
    size_t room = bl_ledger_count(before) + bl_ledger_count(after);
    c->v = malloc((room ? room : 1) * sizeof *c->v);
    enum bl_err err = c->v ? rest_of(before, after, &a) : BL_ERR_NO_MEMORY;
    if (err == BL_OK)
        err = rest_of(after, before, &b);
    for (size_t i = 0; i < bl_ledger_count(before) && err == BL_OK; i++) {
        const struct bl_ledger_entry *mine = bl_ledger_entry(before, i);
        const struct bl_ledger_entry *other = bl_ledger_find(after, mine->id);
        if (other)
            add(c, mine, other);
    }
    if (err == BL_OK)
        pair_rests(c, &a, &b);
    free(a.v);
    free(b.v);
    return err;
}

/* ---- the order of a reader ---- */

static const struct bl_ledger_entry *shown(const struct bl_difference *d)
{
    return d->after ? d->after : d->before;
}

/* By its first letter, which is enough: high, low, medium. */
static int weight(const struct bl_ledger_entry *e)
{
    struct bl_str severity = e->row.v[BL_COLUMN_SEVERITY];
    char first = severity.n ? severity.p[0] : '\0';
    return first == 'h' ? 2 : first == 'm';
}

static int by_weight_and_time(const void *x, const void *y)
{
    const struct bl_ledger_entry *a = shown(x), *b = shown(y);
    if (weight(a) != weight(b))
        return weight(a) > weight(b) ? -1 : 1;
    if (a->detected_ms != b->detected_ms)
        return a->detected_ms < b->detected_ms ? -1 : 1;
    return memcmp(a->id, b->id, sizeof a->id);
}

/* ---- tallies ---- */

struct place {
    struct bl_str key;
    size_t at; /* in v */
};

struct counting {
    struct bl_map by_key; /* struct place */
    struct arena places;
    struct bl_tallies *out;
    size_t cap;
};

static struct bl_tally *tally(struct counting *k, struct bl_str key)
{
    struct bl_tally *v = k->out->v;
    struct place *place = bl_map_get(&k->by_key, key);
    if (place)
        return &v[place->at];
    if (k->out->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 16;
        v = realloc(v, cap * sizeof *v);
        if (!v)
            return NULL;
        k->out->v = v;
        k->cap = cap;
    }
    place = arena_get(&k->places, sizeof *place);
    if (!place)
        return NULL;
    *place = (struct place){key, k->out->n};
    if (bl_map_put(&k->by_key, place) != BL_OK)
        return NULL;
    v[k->out->n] = (struct bl_tally){.key = key};
    return &v[k->out->n++];
}

static void count_difference(struct bl_tally *t, const struct bl_difference *d)
{
    t->only_before += !d->after;
    t->only_after += !d->before;
    t->moved += (d->how & BL_DIFF_MOVED) != 0;
    t->severity += (d->how & BL_DIFF_SEVERITY) != 0;
    t->otherwise += (d->how & (BL_DIFF_RESOLUTION | BL_DIFF_TEXT)) != 0;
}

static int64_t differences(const struct bl_tally *t)
{
    return t->only_before + t->only_after + t->moved + t->severity + t->otherwise;
}

static int by_differences(const void *x, const void *y)
{
    const struct bl_tally *a = x, *b = y;
    if (differences(a) != differences(b))
        return differences(a) > differences(b) ? -1 : 1;
    if (a->before != b->before)
        return a->before > b->before ? -1 : 1;
    return bl_str_cmp(a->key, b->key);
}

static enum bl_err count_by(const struct bl_comparison *c, const struct bl_ledger *const ledgers[2],
                            enum bl_column column, struct bl_tallies *out)
{
    struct counting k = {.out = out};
    struct bl_tally *t = NULL;
    bool ok = true;
    bl_map_init(&k.by_key, bl_map_first);
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < bl_ledger_count(ledgers[side]) && ok; i++) {
            t = tally(&k, bl_ledger_entry(ledgers[side], i)->row.v[column]);
            ok = t != NULL;
            if (ok)
                *(side ? &t->after : &t->before) += 1;
        }
    for (size_t i = 0; i < c->n && ok; i++) {
        t = tally(&k, shown(&c->v[i])->row.v[column]);
        ok = t != NULL;
        if (ok)
            count_difference(t, &c->v[i]);
    }
    bl_map_release(&k.by_key);
    arena_release(&k.places);
    if (ok && out->n)
        qsort(out->v, out->n, sizeof *out->v, by_differences);
    return ok ? BL_OK : BL_ERR_NO_MEMORY;
}

/* ---- sessions ---- */

struct score {
    struct bl_str user_id;
    int64_t session_ms, friction;
    bool after;
};

static int by_session(const void *x, const void *y)
{
    const struct score *a = x, *b = y;
    int order = bl_str_cmp(a->user_id, b->user_id);
    return order ? order : (a->session_ms > b->session_ms) - (a->session_ms < b->session_ms);
}

static int by_change(const void *x, const void *y)
{
    const struct bl_session_change *a = x, *b = y;
    int64_t da = llabs(a->after - a->before), db = llabs(b->after - b->before);
    if (da != db)
        return da > db ? -1 : 1;
    int order = bl_str_cmp(a->user_id, b->user_id);
    return order ? order : (a->session_ms > b->session_ms) - (a->session_ms < b->session_ms);
}

static void close_session(struct bl_comparison *c, const struct bl_session_change *s)
{
    c->scored_before += s->before > 0;
    c->scored_after += s->after > 0;
    c->friction_before += s->before;
    c->friction_after += s->after;
    if (s->before != s->after)
        c->sessions[c->n_sessions++] = *s;
}

/* The friction of a session is that of its last pattern: it only grows. */
static void walk_sessions(struct bl_comparison *c, const struct score *v, size_t n)
{
    struct bl_session_change at = {0};
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by_session(&v[i - 1], &v[i]) != 0) {
            if (i)
                close_session(c, &at);
            at = (struct bl_session_change){.user_id = v[i].user_id, .session_ms = v[i].session_ms};
        }
        int64_t *friction = v[i].after ? &at.after : &at.before;
        if (v[i].friction > *friction)
            *friction = v[i].friction;
    }
    if (n)
        close_session(c, &at);
    if (c->n_sessions)
        qsort(c->sessions, c->n_sessions, sizeof *c->sessions, by_change);
}

static enum bl_err compare_sessions(struct bl_comparison *c, const struct bl_ledger *const ledgers[2])
{
    size_t n = 0, room = bl_ledger_count(ledgers[0]) + bl_ledger_count(ledgers[1]);
    struct score *v = malloc((room ? room : 1) * sizeof *v);
    c->sessions = malloc((room ? room : 1) * sizeof *c->sessions);
    if (!v || !c->sessions) {
        free(v);
        return BL_ERR_NO_MEMORY;
    }
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < bl_ledger_count(ledgers[side]); i++) {
            const struct bl_ledger_entry *e = bl_ledger_entry(ledgers[side], i);
            v[n++] = (struct score){e->row.v[BL_COLUMN_USER_ID], e->session_ms, e->friction, side == 1};
        }
    qsort(v, n, sizeof *v, by_session);
    walk_sessions(c, v, n);
    free(v);
    return BL_OK;
}

/* ---- all of it ---- */

enum bl_err bl_compare(const struct bl_ledger *before, const struct bl_ledger *after,
                       struct bl_comparison *out)
{
    const struct bl_ledger *const ledgers[2] = {before, after};
    *out = (struct bl_comparison){0};
    enum bl_err err = make_pairs(out, before, after);
    if (err == BL_OK && out->n)
        qsort(out->v, out->n, sizeof *out->v, by_weight_and_time);
    if (err == BL_OK)
        err = count_by(out, ledgers, BL_COLUMN_TYPE, &out->types);
    if (err == BL_OK)
        err = count_by(out, ledgers, BL_COLUMN_PAGE, &out->pages);
    if (err == BL_OK)
        err = compare_sessions(out, ledgers);
    if (err != BL_OK) {
        bl_comparison_release(out);
        return err;
    }
    out->all = (struct bl_tally){.before = (int64_t)bl_ledger_count(before),
                                 .after = (int64_t)bl_ledger_count(after)};
    for (size_t i = 0; i < out->n; i++)
        count_difference(&out->all, &out->v[i]);
    return BL_OK;
}

void bl_comparison_release(struct bl_comparison *c)
{
    free(c->v);
    free(c->types.v);
    free(c->pages.v);
    free(c->sessions);
    *c = (struct bl_comparison){0};
}
