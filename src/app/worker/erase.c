/* Erasure: a command takes away what there is of a user. The user's state goes with the step, as any state that has run
 * out; what else there is, the store must tell of: patterns, and lines among the recent events, but for those that wait for a
 * checkpoint.
 *
 *   batch_step_command ──> erase_command (clock, tombstone, state) ──> owner_settle ──> erase_ask ──> on_erasable
 *        ^                                                                                               │
 *        └── next round, the same entry <── commit without acknowledging <── more patterns than fit ─────┤
 *                                           commit with it: tombstone, note for serve <── all of them ───┘
 *
 * The recent events that are left are written anew. What one commit cannot take of them (some 80,000 usual lines fit) goes with
 * the user's, unread, and is counted: nothing depends on recent events, and an erasure must come to its end.
 *
 * Invariants: the entry is acknowledged in the commit that takes the last of the user away and stores the tombstone; doing
 * it again takes away what has come since, and nothing else. What the command's own time
 * made due has been, like anything before it: it is counted and told, then gone, in one commit. */
#include "bl/base/log.h"
#include "plant.h"
#include "worker/owner.h"

#define PUT(o, call, ...) (o)->worker->ports.call((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

static struct bl_str hash_of(const struct owner *o, struct bl_str user_id, char hex[BL_ERASED_HEX])
{
    bl_erased_hex(bl_erased_hash(bl_partition_erased(o->partition)->key, user_id), hex);
    return (struct bl_str){hex, BL_ERASED_HEX};
}

enum bl_err erase_restore(struct owner *o, const struct bl_restored *r)
{
    struct bl_erased *all = bl_partition_erased(o->partition);
    size_t n = BL_PLANT(ERASED_FORGOTTEN) ? 0 : r->n_erased / 2;
    enum bl_err err = BL_OK;
    for (size_t i = n > all->max ? n - all->max : 0; i < n && err == BL_OK; i++) { /* the oldest come first */
        struct bl_hash128 hash;
        int64_t at_ms;
        if (bl_erased_parse(r->erased[2 * i], &hash) && bl_str_int64(r->erased[2 * i + 1], &at_ms))
            err = bl_erased_put(all, hash, at_ms);
    }
    bl_erased_settle(all);
    return err;
}

enum bl_err erase_command(struct owner *o, const struct batch_entry *e, struct bl_str user_id, int64_t now_ms)
{
    struct erase *x = &o->effects.erase;
    x->user_id = arena_copy(&o->effects.arena, user_id);
    x->at_ms = e->received_ms;
    x->on = true;
    if (!x->user_id.p)
        return BL_ERR_NO_MEMORY;
    return bl_partition_erase(o->partition, user_id, now_ms, e->received_ms, &x->forgotten, &x->oldest);
}

enum bl_err erase_readmit(struct owner *o, struct bl_str user_id, int64_t now_ms)
{
    struct erase *x = &o->effects.erase;
    x->user_id = arena_copy(&o->effects.arena, user_id);
    x->readmit = true;
    return x->user_id.p ? bl_partition_readmit(o->partition, user_id, now_ms) : BL_ERR_NO_MEMORY;
}

/* ---- what the store has ---- */

/* Keeps the lines of others: `received[,mark] {…}` each. */
static bool keep_others(struct owner *o, struct bl_str element, struct bl_buf *out, size_t *n, size_t *gone)
{
    struct bl_str line;
    size_t from = out->n;
    *n = 0;
    while (batch_next_line(&element, &line)) {
        struct bl_record r;
        const char *brace = line.n ? memchr(line.p, '{', line.n) : NULL;
        struct bl_str event = {brace, brace ? line.n - (size_t)(brace - line.p) : 0};
        enum bl_err err = brace ? bl_record_read(o->worker->decoder, event, &r) : BL_ERR_CORRUPT;
        if (err == BL_ERR_NO_MEMORY)
            return false;
        if (err != BL_OK || bl_str_eq(r.user_id, o->effects.erase.user_id)) {
            *gone += 1;
            continue;
        }
        if (out->n > from)
            bl_buf_char(out, '\n');
        bl_buf_str(out, line);
        *n += 1;
    }
    return out->err == BL_OK;
}

/* Lines in elements of the list behind the newest. */
static size_t lines_behind(const struct sizes *s, size_t newest, size_t n)
{
    size_t lines = 0;
    for (size_t i = newest; i < newest + n && i < s->n; i++)
        lines += s->v[s->first + s->n - 1 - i].n;
    return lines;
}

/* What waits for a checkpoint, which this commit is, stands before the list; if that is as many lines as are kept, some were left
 * out between the two, and nothing of the list may stay. */
static enum bl_err take_recent(struct owner *o, const struct bl_erasable *from)
{
    struct erase *x = &o->effects.erase;
    struct bl_str latest = BL_PLANT(RECENT_ERASED) ? BL_STR("") : bl_buf_view(&o->latest.lines);
    bool all = latest.n > 0 && o->latest.n >= o->worker->options.recent_max;
    size_t n_stored = all ? 0 : from->n_recent;
    x->cut = from->n_unread > 0;
    x->n_cut = all ? 0 : lines_behind(&o->recent, n_stored, from->n_unread);
    x->recent = arena_get(&o->effects.arena, (n_stored + 1) * sizeof *x->recent);
    x->lines = arena_get(&o->effects.arena, (n_stored + 1) * sizeof *x->lines);
    if (!x->recent || !x->lines)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i <= n_stored; i++) {
        struct bl_buf *text = &o->effects.text;
        size_t n;
        bl_buf_clear(text);
        if (!keep_others(o, i == 0 ? latest : from->recent[i - 1], text, &n, &x->n_gone))
            return BL_ERR_NO_MEMORY;
        if (n == 0)
            continue;
        x->recent[x->n_recent] = arena_copy(&o->effects.arena, bl_buf_view(text));
        if (!x->recent[x->n_recent].p)
            return BL_ERR_NO_MEMORY;
        x->lines[x->n_recent++] = n;
    }
    return BL_OK;
}

static enum bl_err take_patterns(struct owner *o, const struct bl_erasable *from)
{
    struct erase *x = &o->effects.erase;
    x->patterns = arena_get(&o->effects.arena, (from->n_patterns + 1) * sizeof *x->patterns);
    if (!x->patterns)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i < from->n_patterns; i++) {
        x->patterns[i] =
            (struct bl_owned){arena_copy(&o->effects.arena, from->patterns[i].id), from->patterns[i].open};
        if (!x->patterns[i].id.p)
            return BL_ERR_NO_MEMORY;
    }
    x->n_patterns = from->n_patterns;
    return BL_OK;
}

static void on_erasable(void *arg, const struct bl_erasable *from)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    struct erase *x = &o->effects.erase;
    enum bl_err err = from->err;
    if (err == BL_OK && !o->drop)
        err = take_patterns(o, from);
    if (err == BL_OK && !o->drop)
        err = take_recent(o, from);
    if (!owner_proceed(o, err, "erase"))
        return;
    x->asked = true;
    x->more = from->n_patterns >= BL_ERASE_PATTERNS;
    o->partial = x->more && !BL_PLANT(ERASE_HALF);
    owner_settle(o);
}

bool erase_ask(struct owner *o)
{
    const struct erase *x = &o->effects.erase;
    if (!x->on || x->asked)
        return false;
    size_t latest = o->latest.lines.n;
    o->state = OWNER_ERASING;
    PORT(o, erasable, x->user_id, BL_ERASE_PATTERNS,
         latest < BL_ERASE_RECENT_BYTES ? BL_ERASE_RECENT_BYTES - latest : 0, on_erasable, o);
    return true;
}

/* ---- the commit's part ---- */

static void put_gone(struct owner *o, struct bl_str id, bool open)
{
    struct bl_put_change change = {
        .change = "erased", .type = "", .severity = "", .page = BL_STR(""), .at_ms = o->effects.erase.at_ms};
    memcpy(change.id, id.p, sizeof change.id);
    PUT(o, put_erased_pattern, o->effects.erase.user_id, id);
    PUT(o, put_change, &change);
    if (open)
        PUT(o, put_count, BL_TALLY_COUNTERS, 0, BL_STR("open"), -1);
    o->effects.erase.n_put++;
}

/* What this very round did to the pattern has been put before. */
static void put_patterns(struct owner *o)
{
    const struct effects *e = &o->effects;
    for (size_t i = 0; i < e->erase.n_patterns; i++) {
        const struct bl_owned *x = &e->erase.patterns[i];
        const struct touched *t = x->id.n == 32 ? effects_find(e, x->id.p) : NULL;
        if (x->id.n == 32)
            put_gone(o, x->id, x->open && !(t && t->stored && t->resolved));
    }
    for (size_t i = 0; i < e->n_touched && !e->erase.more; i++) {
        const struct touched *t = e->touched[i];
        if (t->stored && t->created && bl_str_eq(t->user_id, e->erase.user_id))
            put_gone(o, (struct bl_str){t->id, sizeof t->id}, !t->resolved);
    }
}

static enum bl_err put_recent(struct owner *o)
{
    const struct erase *x = &o->effects.erase;
    if (x->n_gone == 0 && (!x->cut || BL_PLANT(RECENT_UNREAD)))
        return BL_OK;
    if (x->n_cut > 0)
        bl_log(BL_LOG_WARN, "recent events are dropped: more than an erasure can write anew",
               BL_LOG_INT("partition", o->p), BL_LOG_INT("events", (int64_t)x->n_cut));
    sizes_reset(&o->recent);
    for (size_t i = x->n_recent; i > 0; i--)
        if (!sizes_push(&o->recent, 0, x->lines[i - 1]))
            return BL_ERR_NO_MEMORY;
    PUT(o, put_recent_all, x->recent, x->n_recent);
    if (!BL_PLANT(RECENT_ERASED))
        recent_clear(o);
    return BL_OK;
}

static void put_hash_gone(struct owner *o, struct bl_hash128 hash)
{
    char hex[BL_ERASED_HEX];
    bl_erased_hex(hash, hex);
    PUT(o, put_readmitted, (struct bl_str){hex, sizeof hex});
}

enum bl_err erase_put(struct owner *o)
{
    struct erase *x = &o->effects.erase;
    char hex[BL_ERASED_HEX];
    if (x->readmit)
        put_hash_gone(o, bl_erased_hash(bl_partition_erased(o->partition)->key, x->user_id));
    if (!x->on)
        return BL_OK;
    put_patterns(o);
    enum bl_err err = put_recent(o);
    struct bl_put_erased last = {.hash = hash_of(o, x->user_id, hex),
                                 .user_id = x->user_id,
                                 .at_ms = x->at_ms,
                                 .patterns = (int64_t)x->n_put,
                                 .events = (int64_t)x->n_gone,
                                 .last = !x->more};
    PUT(o, put_erased, &last);
    if (last.last) /* a mark may say `user ID`, and nobody may ever have come for it */
        o->worker->ports.put_unmark(o->worker->ports.ctx, o->p);
    if (x->forgotten)
        put_hash_gone(o, x->oldest);
    return err;
}
