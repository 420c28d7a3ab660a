/* From what a round did to what the store has to be told. Works in two halves: first what must be asked (does
 * the pattern exist already, which pages are counted there), then the puts, which cannot fail any more but
 * for memory.
 *
 * Invariants: nothing is put that did not change; an entry is acknowledged in the same commit as its effects
 * (users may follow: worker/checkpoint.c), and only there (ARCHITECTURE, invariants 1 and 2); the counters count a pattern once, whatever is processed
 * again (SPEC 5.2). */
#include "bl/core/rule.h"
#include "hook.h"
#include "plant.h"
#include "worker/owner.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS            86400000LL
#define SAFETY_MS         (7 * DAY_MS) /* SPEC 3.6: at least a day beyond anything that could matter */
#define SAFETY_SLACK_MS   DAY_MS       /* so that the TTL is renewed once a day, not with each event */
#define PUT(o, call, ...) (o)->worker->ports.call((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

/* ---- what must be asked first ---- */

static void ask_step(struct owner *o, int64_t number)
{
    struct page_step *s = steps_get(o, number);
    if (s && s->known)
        return;
    for (size_t i = 0; i < o->n_buckets; i++)
        if (o->buckets[i] == number)
            return;
    if (!s || !OWNER_ROOM(o->buckets, o->cap_buckets, o->n_buckets))
        o->effects.err = BL_ERR_NO_MEMORY;
    else
        o->buckets[o->n_buckets++] = number;
}

bool commit_needs_check(struct owner *o)
{
    const struct effects *e = &o->effects;
    o->n_buckets = 0;
    patterns_ask(o);
    for (size_t i = 0; i < e->counts.n_pages; i++)
        ask_step(o, e->counts.pages[i]->number);
    for (size_t i = 0; i < e->n_touched; i++)
        if (e->touched[i]->created)
            ask_step(o, e->touched[i]->detected_ms / OWNER_PAGES_MS);
    return e->n_asked > 0 || o->manual || o->n_buckets > 0;
}

/* Fields of a step are `views PAGE` and `TYPE PAGE`. */
void commit_pages(void *arg, size_t i, const struct bl_str *names, size_t n)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    struct page_step *s = o->drop || i >= o->n_buckets ? NULL : steps_get(o, o->buckets[i]);
    if (!s)
        return;
    s->known = true;
    for (size_t k = 0; k < n; k++) {
        const char *space = names[k].n ? memchr(names[k].p, ' ', names[k].n) : NULL;
        size_t skip = space ? (size_t)(space - names[k].p) + 1 : 0;
        struct bl_str page = {names[k].p + skip, names[k].n - skip}, as;
        if (steps_page(s, page, &as) != BL_OK)
            o->effects.err = BL_ERR_NO_MEMORY;
    }
}

/* ---- users ---- */

static int64_t later(int64_t a, int64_t b)
{
    return b != BL_NEVER && b > a ? b : a;
}

static int64_t stale_ms(const struct owner *o)
{
    int64_t clock = bl_partition_clock(o->partition);
    return clock == INT64_MIN ? clock : clock - o->terms.grace_ms;
}

/* Moving somebody among the active users costs Redis 1.4 us and more, not much less than his hash (1.8): the more comes in,
 * the further he may have fallen behind before he is moved. */
static void put_active(const struct owner *o, struct bl_member *m, const struct bl_user *s,
                       struct bl_put_user *u)
{
    int64_t most_ms = BL_ACTIVE_LAG_MS - o->worker->options.behind_ms - 1;
    int64_t lag_ms = pace_lag(o->worker, most_ms);
    bool near = m->active_ms >= 0 && m->active_ms <= s->seen_ms &&
                (m->active_ms >= s->seen_ms - lag_ms || BL_PLANT(ACTIVE_LEFT));
    if (s->seen_ms >= 0 && !near)
        u->active_ms = m->active_ms = s->seen_ms;
}

/* The store comes to him by then, because he was last seen so long ago. */
static bool comes_idle(const struct owner *o, const struct bl_member *m, int64_t due_ms)
{
    int64_t idle_ms = m->active_ms + BL_IDLE_MS;
    return m->active_ms >= 0 && idle_ms <= due_ms && (idle_ms > o->passed_ms || BL_PLANT(IDLE_AGAIN));
}

/* Lazily: written only if nothing, or something later, is scheduled; and once the scheduled time has passed. */
static void put_schedule(const struct owner *o, struct bl_member *m, struct bl_put_user *u)
{
    int64_t due_ms = comes_idle(o, m, m->due_ms) ? BL_NEVER : m->due_ms;
    bool passed = m->scheduled_ms != BL_NEVER && m->scheduled_ms <= stale_ms(o);
    bool earlier = due_ms < m->scheduled_ms && !(BL_PLANT(SCHEDULE_LATE) && m->scheduled_ms != BL_NEVER);
    if (earlier || (passed && due_ms != m->scheduled_ms)) {
        u->reschedule = true;
        u->due_ms = m->scheduled_ms = due_ms;
    }
}

static void put_expiry(const struct owner *o, struct bl_member *m, const struct bl_user *s,
                       struct bl_put_user *u)
{
    const struct bl_worker_options *x = &o->worker->options;
    u->expires_ms = BL_NEVER;
    if (x->event_mode)
        return;
    int64_t latest = later(o->now_ms, bl_partition_clock(o->partition));
    for (size_t i = 0; i < s->n_marks; i++)
        latest = later(latest, s->marks[i].until_ms);
    for (size_t i = 0; i < s->n_open; i++)
        latest = later(latest, s->open[i].due_ms);
    latest += bl_partition_rules(o->partition)->session_timeout_ms + SAFETY_MS;
    if (latest > m->expires_ms)
        u->expires_ms = m->expires_ms = latest + SAFETY_SLACK_MS;
}

static void put_checkout(const struct owner *o, struct bl_member *m, const struct bl_user *s,
                         struct bl_put_user *u)
{
    if (o->worker->options.event_mode)
        return;
    u->checkout_ms = load_checkout(s, &u->page);
    uint32_t at = u->checkout_ms == BL_NEVER ? 0 : load_hash(u->page);
    bool moved = at != m->checkout_at && !BL_PLANT(CHECKOUT_PAGE);
    u->recheckout = u->checkout_ms != m->checkout_ms || moved;
    m->checkout_ms = u->checkout_ms;
    m->checkout_at = at;
}

/* What is written of him since *stored, which becomes what is there then. */
static enum bl_err encode(struct owner *o, const struct bl_member *m, struct bl_state_stored *stored,
                          struct bl_state_changes *out)
{
    const struct bl_user *s = bl_partition_state(o->partition, m);
    BL_HOOK_STORE(bl_member_id(m), s, o->redo.on);
    return bl_state_changes(s, stored, &o->worker->text, out);
}

enum bl_err commit_try(struct owner *o, const struct bl_member *m)
{
    struct bl_state_stored stored = m->stored;
    struct bl_state_changes changes;
    return m->state ? encode(o, m, &stored, &changes) : BL_OK;
}

static enum bl_err put_state(struct owner *o, struct bl_member *m, struct bl_put_user *u)
{
    struct bl_state_changes changes;
    const struct bl_user *s = bl_partition_state(o->partition, m);
    enum bl_err err = encode(o, m, &m->stored, &changes);
    if (err != BL_OK)
        return err;
    u->set = changes.set;
    u->n_set = changes.n_set;
    u->del = changes.del;
    u->n_del = changes.n_del;
    u->replace = changes.replace;
    if (changes.replace)
        m->expires_ms = 0; /* the TTL goes with the key */
    put_expiry(o, m, s, u);
    put_checkout(o, m, s, u);
    PUT(o, put_user, u);
    return BL_OK;
}

static void put_gone(struct owner *o, struct bl_member *m, struct bl_put_user *u)
{
    u->gone = true;
    u->recheckout = m->checkout_ms != BL_NEVER;
    if (m->stored.any || m->scheduled_ms != BL_NEVER || m->active_ms >= 0 || u->recheckout)
        PUT(o, put_user, u);
    m->stored = (struct bl_state_stored){.any = false};
    m->scheduled_ms = m->checkout_ms = BL_NEVER;
    m->active_ms = -1;
    m->expires_ms = 0;
    m->checkout_at = 0;
}

static enum bl_err put_member(struct owner *o, struct bl_member *m)
{
    struct bl_put_user u = {.user_id = bl_member_id(m),
                            .expires_ms = BL_NEVER,
                            .due_ms = BL_NEVER,
                            .checkout_ms = BL_NEVER,
                            .active_ms = BL_NEVER};
    const struct bl_user *s = m->state ? bl_partition_state(o->partition, m) : NULL;
    if (!s || (BL_PLANT(STATE_DROPPED) && !s->in_session)) {
        put_gone(o, m, &u);
        return BL_OK;
    }
    put_active(o, m, s, &u);
    put_schedule(o, m, &u);
    if (m->dirty)
        return put_state(o, m, &u);
    if (u.reschedule || u.active_ms != BL_NEVER)
        PUT(o, put_user, &u);
    return BL_OK;
}

bool commit_must_look(const struct owner *o, const struct bl_member *m)
{
    struct bl_member then = *m;
    struct bl_put_user u = {.active_ms = BL_NEVER};
    const struct bl_user *s = m->state ? bl_partition_state(o->partition, m) : NULL;
    if (!s)
        return m->stored.any || m->scheduled_ms != BL_NEVER || m->active_ms >= 0;
    put_active(o, &then, s, &u);
    put_schedule(o, &then, &u);
    return u.reschedule || u.active_ms != BL_NEVER;
}

/* Whose turn is next but some: their states are on the way into the cache meanwhile. */
static void fetch_next(const struct bl_member *m)
{
    for (enum bl_partition_stage stage = BL_FETCH_LISTS; m && stage > BL_FETCH_SLOT; stage--) {
        bl_member_fetch(m, stage);
        m = m->next_dirty;
    }
}

enum bl_err commit_put_users(struct owner *o, size_t most)
{
    enum bl_err err = BL_OK;
    for (size_t n = 0; n < most && o->next && err == BL_OK; n++) {
        fetch_next(o->next->next_dirty);
        err = put_member(o, o->next);
        o->next = o->next->next_dirty;
        owner_changed(o);
    }
    return err;
}

/* A slice; o->n_visited: so many are done. */
static enum bl_err put_visited(struct owner *o)
{
    enum bl_err err = BL_OK;
    for (size_t n = 0; n < OWNER_SLICE_USERS && o->n_visited < o->n_visit && err == BL_OK; n++) {
        struct bl_member *m = o->visit[o->n_visited++];
        if (!m->dirty)
            err = put_member(o, m);
    }
    return err;
}

/* ---- lists ---- */

static struct bl_str written(struct effects *e)
{
    if (e->text.err != BL_OK)
        e->err = e->text.err;
    return bl_buf_view(&e->text);
}

static void put_rate(struct owner *o)
{
    struct bl_buf *text = &o->effects.text;
    int64_t newest = 0;
    if (!o->effects.rate_changed)
        return;
    for (size_t i = 0; i < OWNER_RATE_SLOTS; i++)
        newest = o->rate[i].second > newest ? o->rate[i].second : newest;
    bl_buf_clear(text);
    for (int64_t second = newest - OWNER_RATE_SLOTS + 1; second <= newest; second++) {
        size_t slot = (size_t)((second % OWNER_RATE_SLOTS + OWNER_RATE_SLOTS) % OWNER_RATE_SLOTS);
        if (o->rate[slot].second == second && o->rate[slot].n > 0)
            bl_buf_printf(text, "%s%lld:%lld", text->n ? " " : "", (long long)second,
                          (long long)o->rate[slot].n);
    }
    PUT(o, put_rate, written(&o->effects));
}

static void put_seen_chunk(struct owner *o, size_t from, size_t to)
{
    struct effects *e = &o->effects;
    bl_buf_clear(&e->text);
    bl_buf_int(&e->text, e->ids[from].received_ms);
    for (size_t i = from; i < to; i++) {
        bl_buf_char(&e->text, ' ');
        bl_buf_hex64(&e->text, e->ids[i].hash);
    }
    if (!sizes_push(&o->seen, e->ids[from].received_ms, to - from))
        e->err = BL_ERR_NO_MEMORY;
    PUT(o, put_seen, written(e));
}

/* Keeps at least what the partition still knows: it forgets one by one, the list by whole elements. */
static void put_seen(struct owner *o)
{
    const struct bl_worker_options *x = &o->worker->options;
    struct effects *e = &o->effects;
    int64_t clock = bl_partition_clock(o->partition);
    size_t drop = 0, from = 0;
    for (size_t i = 1; i <= e->n_ids; i++)
        if (i == e->n_ids || e->ids[i].received_ms != e->ids[from].received_ms) {
            put_seen_chunk(o, from, i);
            from = i;
        }
    for (const struct chunk *c; (c = sizes_oldest(&o->seen)); drop++) {
        bool expired = clock - c->received_ms >= x->seen_ms;
        if (!expired && o->seen.total - c->n < x->seen_max)
            break;
        e->forgotten += expired ? 0 : (int64_t)c->n;
        sizes_pop(&o->seen);
    }
    if (drop > 0)
        o->worker->ports.drop_seen(o->worker->ports.ctx, o->p, drop);
}

static void put_position(struct owner *o)
{
    const struct batch *b = &o->batch;
    size_t upto = o->partial ? b->at : b->upto;
    for (size_t i = b->at; i < upto; i++)
        PUT(o, put_ack, b->v[i].id);
    if (upto > b->at) {
        struct bl_str id = b->v[upto - 1].id;
        size_t n = id.n < sizeof o->position ? id.n : sizeof o->position - 1;
        memcpy(o->position, id.p, n);
        o->position[n] = '\0';
        o->entries += (int64_t)(upto - b->at);
    }
    int64_t clock = bl_partition_clock(o->partition);
    struct bl_place states = checkpoint_place(o);
    struct bl_put_position x = {
        .place = {bl_str_of(o->position), clock == INT64_MIN ? -1 : clock, o->entries},
        .now_ms = o->now_ms,
        .epoch = o->epoch,
        .states = o->storing || o->checkpoint.behind ? NULL : &states,
        .terms = o->terms,
        .caught_up = o->storing && o->checkpoint.behind};
    PUT(o, put_position, &x);
}

enum bl_err commit_begin(struct owner *o)
{
    o->worker->ports.begin(o->worker->ports.ctx, o->p);
    o->n_visited = 0;
    o->next = NULL;
    recent_keep(o);
    checkpoint_choose(o);
    if (o->storing)
        return bl_partition_dirty(o->partition, &o->next);
    checkpoint_keep_visited(o);
    return BL_OK;
}

enum bl_err commit_put(struct owner *o, bool *done)
{
    struct effects *e = &o->effects;
    enum bl_err err = commit_put_users(o, OWNER_SLICE_USERS);
    *done = !o->next;
    if (err != BL_OK || !*done)
        return err;
    err = put_visited(o);
    *done = o->n_visited == o->n_visit;
    if (err != BL_OK || !*done)
        return err;
    patterns_put(o);
    err = erase_put(o);
    if (err != BL_OK)
        return err;
    if (o->storing)
        put_seen(o);
    if (o->storing || BL_PLANT(RECENT_EARLY))
        recent_put(o);
    put_rate(o);
    counts_put(o);
    for (size_t i = 0; i < e->n_poison; i++)
        PUT(o, put_quarantine, e->poison[i].id, e->poison[i].line, e->poison[i].reason, e->poison[i].text);
    if (o->careful.any && !o->partial && !BL_PLANT(MARK_KEPT))
        o->worker->ports.put_unmark(o->worker->ports.ctx, o->p);
    rules_put(o);
    put_position(o);
    return e->err;
}

/* ---- it is done ---- */

void commit_drop_gone(struct owner *o, size_t n)
{
    struct bl_member *m, *next;
    o->drop |= bl_partition_dirty(o->partition, &m) != BL_OK;
    bl_partition_clean_first(o->partition, n);
    for (; m && n > 0; m = next, n--) {
        next = m->next_dirty;
        if (!m->state)
            bl_partition_member_drop(o->partition, m);
    }
}

void commit_totals(const struct owner *o)
{
    struct bl_worker_totals *t = &o->worker->totals;
    const struct effects *e = &o->effects;
    t->commits++;
    t->events += (uint64_t)e->events;
    t->duplicates += (uint64_t)e->duplicates;
    t->erased += (uint64_t)e->erased;
    t->late += (uint64_t)e->late;
    t->quarantined += e->n_poison;
    t->corrupt += (uint64_t)e->corrupt;
    t->lost += (uint64_t)e->lost;
    if (!o->worker->options.event_mode)
        effects_latencies(e, o->now_ms + o->worker->ports.now_ms(o->worker->ports.ctx) - o->fetched_at,
                          &t->latency);
    if (!o->partial)
        t->entries += o->batch.upto - o->batch.at;
}
