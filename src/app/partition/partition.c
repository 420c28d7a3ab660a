/* One partition at work (include/bl/app/partition.h).
 *
 * A user's state stands in a block of its own, with room for the next step, and is stepped where it stands: a step touches
 * what it looks at and no more. A block is moved to a larger one when the next step might not find room, and to a
 * smaller one when most of it is empty.
 *
 *   bl_partition_record ──> bl_partition_advance(received) ──moved──> fire_next … until nothing is due
 *                       └─> duplicate? ──> time (SPEC 3.2) ──> late? ──> bl_engine_event
 */
#include "bl/app/partition.h"
#include "bl/base/magic.h"
#include "bl/base/pool.h"
#include "hook.h"
#include "partition/dirty.h"
#include "partition/member.h"
#include "partition/seen.h"
#include "plant.h"

#include <stdlib.h>

#define PARTITION_MAGIC BL_MAGIC('p', 'a', 'r', 't')
#define MINUTE_MS       60000

struct bl_partition {
    uint32_t magic;
    bool event_mode;
    bool unstored; /* only who is gone is dirty */
    struct bl_settings settings;
    struct bl_engine engine;
    struct bl_partition_sink sink;
    int64_t clock_ms;

    struct bl_map members;
    struct bl_heap due;
    struct bl_hand *hand, own; /* of others as well; or of this one alone */
    struct bl_pool pool;       /* unstored: of all members */
    uint16_t number;           /* in it */
    size_t freed;              /* places of `members` whose members are freed */
    size_t tables;             /* bytes of `members` and `due` that are counted there */
    struct dirty dirty;

    const struct bl_user *stepped; /* whose step is under way */

    struct bl_hash_key id_key;
    struct seen_ids seen;
    struct bl_erased erased;
};

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    struct bl_partition *p = BL_CAST(struct bl_partition, ctx, PARTITION_MAGIC);
    if (p->sink.pattern)
        p->sink.pattern(p->sink.ctx, pattern);
}

static void on_attempt(void *ctx, enum bl_attempt_end end)
{
    struct bl_partition *p = BL_CAST(struct bl_partition, ctx, PARTITION_MAGIC);
    if (p->sink.attempt)
        p->sink.attempt(p->sink.ctx, end, p->stepped->floor_ms);
}

enum bl_err bl_partition_new(const struct bl_settings *settings, bool event_mode, struct bl_hash_key id_key,
                             size_t seen_max, int64_t seen_ms, const struct bl_partition_sink *sink,
                             struct bl_partition **out)
{
    struct bl_partition *p = calloc(1, sizeof *p);
    if (!p)
        return BL_ERR_NO_MEMORY;
    p->magic = PARTITION_MAGIC;
    p->event_mode = event_mode;
    p->settings = *settings;
    if (event_mode)
        p->settings.grace_ms = p->settings.floor_ms = 0;
    p->sink = *sink;
    p->engine = bl_engine_of(&p->settings, (struct bl_sink){p, on_pattern, on_attempt});
    p->id_key = id_key;
    seen_init(&p->seen, seen_max, seen_ms);
    bl_erased_init(&p->erased, BL_TOMBSTONES_MAX, id_key);
    p->clock_ms = INT64_MIN;
    bl_pool_init(&p->pool);
    bl_map_init(&p->members, member_key);
    bl_heap_init(&p->due);
    p->due.near = member_near;
    p->hand = &p->own;
    *out = p;
    return BL_OK;
}

bool bl_partition_free_some(struct bl_partition *p, size_t n)
{
    struct bl_member *m = NULL;
    for (; n > 0 && (m = bl_map_next(&p->members, &p->freed)); n--)
        member_free(p->hand, m);
    return n == 0;
}

void bl_partition_free(struct bl_partition *p)
{
    if (!p)
        return;
    while (!p->unstored && bl_partition_free_some(p, SIZE_MAX))
        ;
    bl_pool_release(&p->pool);
    p->hand->bytes -= p->tables;
    bl_map_release(&p->members);
    bl_heap_release(&p->due);
    seen_release(&p->seen);
    bl_erased_release(&p->erased);
    free(p);
}

void bl_partition_join(struct bl_partition *p, struct bl_hand *hand, uint16_t number)
{
    assert(p->members.n == 0);
    p->hand = hand;
    p->number = number;
}

void bl_partition_unstored(struct bl_partition *p)
{
    assert(p->members.n == 0 && p->hand == &p->own);
    p->unstored = true;
    p->hand->pool = &p->pool;
}

int64_t bl_partition_clock(const struct bl_partition *p)
{
    return p->clock_ms;
}

void bl_partition_set_sink(struct bl_partition *p, const struct bl_partition_sink *sink)
{
    p->sink = *sink;
}

void bl_partition_set_terms(struct bl_partition *p, int64_t grace_ms, size_t seen_max, int64_t seen_ms)
{
    p->settings.grace_ms = p->event_mode ? 0 : grace_ms;
    p->seen.max = seen_max;
    p->seen.keep_ms = seen_ms;
}

void bl_partition_set_clock(struct bl_partition *p, int64_t clock_ms)
{
    p->clock_ms = clock_ms;
}

/* ---- members ---- */

static void mark_dirty(struct bl_partition *p, struct bl_member *m)
{
    if (!p->unstored || !m->state)
        dirty_add(&p->dirty, m);
}

void bl_partition_mark(struct bl_partition *p, struct bl_member *m)
{
    mark_dirty(p, m);
}

size_t bl_partition_dirty_count(const struct bl_partition *p)
{
    return p->dirty.n;
}

size_t bl_partition_dirty_bytes(const struct bl_partition *p)
{
    return p->dirty.bytes;
}

/* Whoever is put into a table may have made it larger. */
static void count_tables(struct bl_partition *p)
{
    size_t bytes = p->members.cap * sizeof *p->members.slots + p->due.bytes;
    p->hand->bytes += bytes - p->tables;
    p->tables = bytes;
}

static enum bl_err reschedule(struct bl_partition *p, struct bl_member *m)
{
    enum bl_err err = BL_OK;
    m->due_ms = member_state(m)->due_ms;
    if (m->due_ms == BL_NEVER)
        bl_heap_remove(&p->due, &m->node);
    else
        err = bl_heap_set(&p->due, &m->node, m->due_ms);
    count_tables(p);
    return err;
}

/* The end of every step. */
static enum bl_err settle(struct bl_partition *p, struct bl_member *m)
{
    if (bl_user_gone(member_state(m)))
        member_empty(p->hand, m);
    mark_dirty(p, m);
    return reschedule(p, m);
}

/* Who is due first; NULL: nobody is ever. */
static struct bl_member *next_due(struct bl_partition *p)
{
    struct bl_heap_node *top = bl_heap_top(&p->due);
    return top ? BL_CONTAINER(struct bl_member, top, node) : NULL;
}

struct bl_member *bl_partition_member(const struct bl_partition *p, struct bl_str user_id)
{
    return bl_map_get(&p->members, user_id);
}

struct bl_member *bl_partition_member_hashed(const struct bl_partition *p, struct bl_str user_id,
                                             uint64_t hash)
{
    return bl_map_get_hashed(&p->members, user_id, hash);
}

static enum bl_err add_member(struct bl_partition *p, struct bl_str user_id, struct bl_member **out)
{
    struct bl_member *m = member_new(p->hand, user_id);
    if (!m)
        return BL_ERR_NO_MEMORY;
    enum bl_err err = bl_map_put(&p->members, m);
    if (err != BL_OK) {
        member_free(p->hand, m);
        return err;
    }
    m->partition = p->number;
    count_tables(p);
    *out = m;
    return BL_OK;
}

enum bl_err bl_partition_member_put(struct bl_partition *p, struct bl_str user_id, const struct bl_user *u,
                                    struct bl_member **out)
{
    struct bl_member *m = bl_partition_member(p, user_id);
    enum bl_err err = m ? BL_OK : add_member(p, user_id, &m);
    *out = m;
    if (err != BL_OK || !u)
        return err;
    err = member_set_state(p->hand, m, u);
    return err == BL_OK ? reschedule(p, m) : err;
}

const struct bl_user *bl_partition_state(struct bl_partition *p, const struct bl_member *m)
{
    (void)p;
    return member_state(m);
}

void bl_partition_member_drop(struct bl_partition *p, struct bl_member *m)
{
    assert(!m->dirty);
    bl_heap_remove(&p->due, &m->node);
    bl_map_del(&p->members, bl_member_id(m));
    member_free(p->hand, m);
}

size_t bl_partition_members(const struct bl_partition *p)
{
    return p->members.n;
}

struct bl_member *bl_partition_member_next(const struct bl_partition *p, size_t *i)
{
    return bl_map_next(&p->members, i);
}

enum bl_err bl_partition_dirty(struct bl_partition *p, struct bl_member **first)
{
    *first = p->dirty.first;
    return BL_OK;
}

void bl_partition_clean_first(struct bl_partition *p, size_t n)
{
    dirty_clean(&p->dirty, n);
}

int64_t bl_partition_due(struct bl_partition *p)
{
    const struct bl_member *m = next_due(p);
    return m ? m->due_ms : BL_NEVER;
}

/* ---- time and events ---- */

enum bl_err bl_partition_seen(struct bl_partition *p, uint64_t id_hash, int64_t received_ms)
{
    return seen_put(&p->seen, id_hash, received_ms);
}

static uint64_t id_hash_of(const struct bl_partition *p, const struct bl_record *r)
{
    char text[BL_USER_ID_MAX_BYTES + 1 + BL_EVENT_ID_MAX_BYTES];
    memcpy(text, r->user_id.p, r->user_id.n);
    text[r->user_id.n] = '\0';
    memcpy(text + r->user_id.n + 1, r->event_id.p, r->event_id.n);
    return bl_hash64(p->id_key, (struct bl_str){text, r->user_id.n + 1 + r->event_id.n});
}

static enum bl_err fire_next(struct bl_partition *p, struct bl_member *m)
{
    if (BL_HOOK_FIRE(bl_member_id(m), member_state(m)))
        return bl_partition_empty(p, m);
    enum bl_err err = member_make_room(p->hand, m, NULL);
    if (err != BL_OK)
        return err;
    p->stepped = m->state;
    bl_engine_fire(&p->engine, m->state, bl_member_id(m));
    member_give_back(p->hand, m);
    return settle(p, m);
}

struct bl_member *bl_partition_due_by(struct bl_partition *p, int64_t until_ms)
{
    struct bl_member *m = next_due(p);
    return m && m->due_ms + p->settings.grace_ms <= until_ms ? m : NULL;
}

enum bl_err bl_partition_fire_one(struct bl_partition *p, struct bl_member *m)
{
    return fire_next(p, m);
}

enum bl_err bl_partition_empty(struct bl_partition *p, struct bl_member *m)
{
    member_empty(p->hand, m);
    return settle(p, m);
}

enum bl_err bl_partition_fire_until(struct bl_partition *p, int64_t until_ms)
{
    if (until_ms > p->clock_ms)
        p->clock_ms = until_ms;
    enum bl_err err = BL_OK;
    struct bl_member *m;
    while (err == BL_OK && !bl_heap_none_by(&p->due, until_ms - p->settings.grace_ms) &&
           (m = bl_partition_due_by(p, until_ms)))
        err = fire_next(p, m);
    return err;
}

enum bl_err bl_partition_advance(struct bl_partition *p, int64_t received_ms)
{
    return received_ms > p->clock_ms ? bl_partition_fire_until(p, received_ms) : BL_OK;
}

static void tell_event(struct bl_partition *p, const struct bl_record *r, const struct bl_event_time *time,
                       bool visit, int64_t before_ms, int64_t t_ms)
{
    struct bl_taken taken = {.t_ms = t_ms,
                             .clock_adjusted = time->clock_adjusted,
                             .visit = visit,
                             .first_in_minute = before_ms < 0 || before_ms / MINUTE_MS != t_ms / MINUTE_MS};
    p->sink.event(p->sink.ctx, r, &taken);
}

static enum bl_err apply(struct bl_partition *p, const struct bl_record *r, const struct bl_event_time *time,
                         uint64_t hash, struct bl_member *likely)
{
    struct bl_event e = r->event;
    struct bl_member *m = likely && bl_str_eq(bl_member_id(likely), r->user_id)
                              ? likely
                              : bl_map_get_hashed(&p->members, r->user_id, hash);
    enum bl_err err = m ? BL_OK : add_member(p, r->user_id, &m);
    if (err != BL_OK || (err = member_make_room(p->hand, m, &e)) != BL_OK)
        return err;
    struct bl_user *u = m->state;
    int64_t before_ms = u->seen_ms;
    p->stepped = u;
    e.t_ms = time->t_ms;
    bool visit = bl_engine_event(&p->engine, u, bl_member_id(m), &e);
    if (p->sink.event)
        tell_event(p, r, time, visit, before_ms, u->seen_ms);
    return settle(p, m);
}

uint64_t bl_partition_hash(const struct bl_partition *p, struct bl_str user_id)
{
    return bl_map_hash(&p->members, user_id);
}

struct bl_member *bl_partition_peek(const struct bl_partition *p, uint64_t hash)
{
    return bl_map_peek(&p->members, hash);
}

void bl_partition_fetch(const struct bl_partition *p, uint64_t hash, enum bl_partition_stage stage)
{
    if (stage == BL_FETCH_SLOT) {
        bl_map_prefetch(&p->members, hash);
        return;
    }
    const struct bl_member *m = bl_map_peek(&p->members, hash);
    if (m)
        bl_member_fetch(m, stage);
}

/* What does not depend on the user's state. *on_time: his state is to be stepped. */
static enum bl_err admit(struct bl_partition *p, const struct bl_record *r, int64_t received_ms,
                         struct bl_event_time *time, bool *on_time)
{
    *on_time = false;
    if (p->event_mode) {
        received_ms = r->timestamp_ms;
        *time = (struct bl_event_time){.t_ms = r->timestamp_ms};
    } else {
        *time = bl_event_time(r->timestamp_ms, r->sent_at_ms, received_ms);
    }
    enum bl_err err = BL_PLANT(DEADLINE_AFTER) ? BL_OK : bl_partition_advance(p, received_ms);
    if (err != BL_OK)
        return err;
    if (bl_erased_has(&p->erased, r->user_id) && !BL_PLANT(ERASED_TAKEN)) {
        if (p->sink.erased)
            p->sink.erased(p->sink.ctx, r);
        return BL_OK;
    }
    if (!r->made_id) {
        uint64_t id = id_hash_of(p, r);
        if (seen_has(&p->seen, id, received_ms)) {
            if (p->sink.duplicate)
                p->sink.duplicate(p->sink.ctx, r);
            return BL_OK;
        }
        err = seen_put(&p->seen, id, received_ms);
        if (err != BL_OK)
            return err;
        if (p->sink.remember)
            p->sink.remember(p->sink.ctx, id, received_ms);
    }
    *on_time = !time->late;
    struct bl_taken taken = {.t_ms = time->t_ms, .late = true};
    if (time->late && p->sink.event)
        p->sink.event(p->sink.ctx, r, &taken);
    return BL_OK;
}

enum bl_err bl_partition_record_hashed(struct bl_partition *p, const struct bl_record *r, int64_t received_ms,
                                       uint64_t hash, struct bl_member *likely)
{
    struct bl_event_time time;
    bool on_time;
    BL_HOOK_EVENT(r->user_id, r->event.page, p->sink.duplicate != NULL);
    enum bl_err err = admit(p, r, received_ms, &time, &on_time);
    return err == BL_OK && on_time ? apply(p, r, &time, hash, likely) : err;
}

enum bl_err bl_partition_record_known(struct bl_partition *p, const struct bl_record *r, int64_t received_ms)
{
    struct bl_event_time time;
    bool on_time;
    enum bl_err err = admit(p, r, received_ms, &time, &on_time);
    struct bl_taken taken = {.t_ms = time.t_ms, .clock_adjusted = time.clock_adjusted};
    if (err == BL_OK && on_time && p->sink.event)
        p->sink.event(p->sink.ctx, r, &taken);
    return err;
}

enum bl_err bl_partition_resolve(struct bl_partition *p, struct bl_str user_id,
                                 const struct bl_pattern_id *id, int64_t received_ms, bool *found)
{
    struct bl_member *m;
    *found = false;
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err != BL_OK || !(m = bl_partition_member(p, user_id)) || !m->state)
        return err;
    p->stepped = m->state;
    if (!bl_engine_resolve(&p->engine, m->state, user_id, id, p->clock_ms))
        return BL_OK;
    *found = true;
    return settle(p, m);
}

enum bl_err bl_partition_set_rules(struct bl_partition *p, const struct bl_settings *rules,
                                   int64_t received_ms)
{
    int64_t grace_ms = p->settings.grace_ms, floor_ms = p->settings.floor_ms;
    enum bl_err err = BL_PLANT(RULES_EARLY) ? BL_OK : bl_partition_advance(p, received_ms);
    if (err != BL_OK)
        return err;
    p->settings = *rules;
    p->settings.grace_ms = grace_ms;
    p->settings.floor_ms = floor_ms;
    return BL_OK;
}

struct bl_erased *bl_partition_erased(struct bl_partition *p)
{
    return &p->erased;
}

const struct bl_settings *bl_partition_rules(const struct bl_partition *p)
{
    return &p->settings;
}
