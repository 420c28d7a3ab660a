/* What comes out of the store into memory: the partition's own memory at take-over, users' states when they
 * are needed. Nothing that is read here is trusted. */
#include "bl/base/log.h"
#include "hook.h"
#include "plant.h"
#include "worker/owner.h"

#include <stdlib.h>

uint32_t load_hash(struct bl_str value)
{
    static const struct bl_hash_key key = {0x62656861766c656eULL, 0x7374617465ULL};
    if (value.n == 0)
        return 0;
    uint32_t h = (uint32_t)bl_hash64(key, value);
    return h ? h : 1;
}

int64_t load_checkout(const struct bl_user *u, struct bl_str *page)
{
    for (size_t i = 0; i < u->n_marks; i++)
        if (u->marks[i].rule == BL_RULE_ABANDONMENT && u->marks[i].due_ms != BL_NEVER) {
            *page = bl_user_str(u, u->marks[i].page);
            return u->marks[i].due_ms;
        }
    return BL_NEVER;
}

static enum bl_err take_user(struct owner *o, struct bl_str id, const struct bl_loaded *l)
{
    struct bl_worker *w = o->worker;
    struct bl_member *m;
    struct bl_str page = {"", 0};
    struct bl_state_stored stored;
    BL_HOOK_LOAD(id);
    enum bl_err err = bl_state_decode(w->states, w->scratch, l->pairs, l->n, &stored);
    bool corrupt = err == BL_ERR_CORRUPT;
    if (err != BL_OK && !corrupt)
        return err;
    bool any = !corrupt && l->n > 0;
    err = bl_partition_member_put(o->partition, id, any ? w->scratch : NULL, &m);
    if (err != BL_OK)
        return err;
    m->stored = stored;
    m->scheduled_ms = l->scheduled_ms;
    m->checkout_ms = any && !w->options.event_mode ? load_checkout(w->scratch, &page) : BL_NEVER;
    m->checkout_at = load_hash(page);
    owner_came(o, m);
    if (!corrupt)
        return BL_OK;
    /* An empty member that the store holds something of: the commit clears it away. */
    bl_log(BL_LOG_ERROR, "a user's state cannot be read and is dropped", BL_LOG_INT("partition", o->p));
    o->effects.corrupt++;
    patterns_unsure(o, bl_partition_clock(o->partition));
    effects_poison(&o->effects, BL_STR("state"), -1, "unreadable state of the user", id);
    return owner_visit(o, m);
}

enum bl_err owner_take_empty(struct owner *o, struct bl_str id, const struct bl_loaded *l)
{
    struct bl_member *m;
    enum bl_err err = bl_partition_member_put(o->partition, id, NULL, &m);
    if (err != BL_OK)
        return err;
    patterns_unsure(o, bl_partition_clock(o->partition));
    m->stored = (struct bl_state_stored){.any = l->n > 0};
    m->scheduled_ms = l->scheduled_ms;
    m->checkout_ms = o->worker->options.event_mode ? BL_NEVER : 0; /* there may be one */
    owner_came(o, m);
    return owner_visit(o, m);
}

void owner_loaded(void *arg, size_t i, const struct bl_loaded *l)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (o->drop || o->load_err != BL_OK || i >= o->n_wanted)
        return;
    o->load_err = take_user(o, o->wanted[i], l);
}

/* ---- at take-over ---- */

static struct bl_str word(struct bl_str *s, char separator)
{
    const char *end = s->n ? memchr(s->p, separator, s->n) : NULL;
    struct bl_str w = {s->p, end ? (size_t)(end - s->p) : s->n};
    size_t taken = w.n + (end ? 1 : 0);
    *s = (struct bl_str){s->p + taken, s->n - taken};
    return w;
}

static bool hex64(struct bl_str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15)
            return false;
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static enum bl_err restore_seen(struct owner *o, struct bl_str element)
{
    int64_t received_ms;
    uint64_t hash;
    size_t n = 0;
    if (!bl_str_int64(word(&element, ' '), &received_ms))
        received_ms = 0;
    while (element.n > 0) {
        if (!hex64(word(&element, ' '), &hash))
            continue;
        enum bl_err err = bl_partition_seen(o->partition, hash, received_ms);
        if (err != BL_OK)
            return err;
        n++;
    }
    return sizes_push(&o->seen, received_ms, n) ? BL_OK : BL_ERR_NO_MEMORY;
}

static void restore_rate(struct owner *o, struct bl_str text)
{
    memset(o->rate, 0, sizeof o->rate);
    while (text.n > 0) {
        struct bl_str pair = word(&text, ' ');
        struct bl_str second = word(&pair, ':');
        int64_t s, n;
        if (bl_str_int64(second, &s) && bl_str_int64(pair, &n) && s >= 0 && n >= 0) {
            o->rate[s % OWNER_RATE_SLOTS].second = s;
            o->rate[s % OWNER_RATE_SLOTS].n = n;
        }
    }
}

static size_t count_lines(struct bl_str s)
{
    size_t n = s.n > 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

enum bl_err owner_restore(struct owner *o, const struct bl_restored *r)
{
    const struct bl_worker_options *x = &o->worker->options;
    struct bl_partition_sink sink = effects_sink(o);
    struct bl_settings rules;
    enum bl_err err = rules_restore(o, r, &rules);
    bool others = r->behind && r->terms.grace_ms >= 0;
    o->terms = others ? r->terms : checkpoint_terms(o);
    rules.grace_ms = o->terms.grace_ms;
    if (err == BL_OK)
        err = bl_partition_new(&rules, x->event_mode, x->hash_key, (size_t)o->terms.seen_max,
                               o->terms.seen_ms, &sink, &o->partition);
    if (err != BL_OK)
        return err;
    bl_partition_join(o->partition, &o->worker->hand, (uint16_t)o->p);
    const struct bl_place *states = r->behind ? &r->states : &r->position;
    if (states->clock_ms >= 0)
        bl_partition_set_clock(o->partition, states->clock_ms);
    o->committed_ms = o->unsure_ms = r->position.clock_ms >= 0 ? r->position.clock_ms : INT64_MIN;
    int64_t grace_ms = BL_PLANT(IDLE_MISSED) ? 0 : BL_GRACE_MAX_MS;
    o->passed_ms = states->clock_ms >= 0 ? states->clock_ms - grace_ms : INT64_MIN;
    for (size_t i = 0; i < r->n_seen && err == BL_OK; i++)
        err = restore_seen(o, r->seen[i]);
    for (size_t i = r->n_recent; i > 0 && err == BL_OK; i--)
        if (!sizes_push(&o->recent, 0, count_lines(r->recent[i - 1])))
            err = BL_ERR_NO_MEMORY;
    if (err == BL_OK)
        err = erase_restore(o, r);
    if (err == BL_OK)
        err = parts_restore(o, r);
    restore_rate(o, r->rate);
    size_t n = r->position.id.n < sizeof o->position ? r->position.id.n : 0;
    if (n > 0)
        memcpy(o->position, r->position.id.p, n);
    o->position[n] = '\0';
    o->entries = r->position.entries;
    checkpoint_set(o, states);
    o->checkpoint.behind = r->behind;
    o->checkpoint.parts = r->behind && o->redo.stored.n > 0;
    return err;
}
