/* One partition at work (include/bl/app/partition.h).
 *
 * Users are kept packed, one block of bytes each, and unpacked into one scratch state while they are stepped.
 * Events tend to come in runs of one user, so the scratch is packed back only when another user is needed:
 * that, and not the rules, is most of what a step costs.
 *
 *   bl_partition_record ──> bl_partition_advance(received) ──moved──> fire_next … until nothing is due
 *                       └─> duplicate? ──> time (SPEC 3.2) ──> late? ──> bl_engine_event
 *
 * Ids seen form a queue in order of `received` beside a map; the oldest go when the bound is reached
 * (SPEC 2.7). */
#include "bl/app/partition.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"

#include <stdlib.h>

#define PARTITION_MAGIC BL_MAGIC('p', 'a', 'r', 't')
#define MINUTE_MS       60000

struct seen {
    uint64_t hash;
    int64_t received_ms;
};

struct bl_partition {
    uint32_t magic;
    bool event_mode;
    struct bl_settings settings;
    struct bl_engine engine;
    struct bl_partition_sink sink;
    int64_t clock_ms;

    struct bl_map members;
    struct bl_heap due;
    struct bl_member *dirty_first, *dirty_last;

    struct bl_user *scratch; /* the state of `current`, unpacked */
    struct bl_member *current;
    bool scratch_changed;

    struct bl_hash_key id_key;
    int64_t seen_ms;
    struct seen *seen; /* a ring, oldest at seen_first */
    size_t seen_max, seen_cap, seen_first, n_seen;
    uint64_t *index; /* hash set over the ring: 1 + place; open addressing */
    size_t index_cap;
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
        p->sink.attempt(p->sink.ctx, end);
}

enum bl_err bl_partition_new(const struct bl_settings *settings, bool event_mode, struct bl_hash_key id_key,
                             size_t seen_max, int64_t seen_ms, const struct bl_partition_sink *sink,
                             struct bl_partition **out)
{
    struct bl_partition *p = calloc(1, sizeof *p);
    if (!p)
        return BL_ERR_NO_MEMORY;
    p->scratch = malloc(sizeof *p->scratch);
    if (!p->scratch) {
        free(p);
        return BL_ERR_NO_MEMORY;
    }
    p->magic = PARTITION_MAGIC;
    p->event_mode = event_mode;
    p->settings = *settings;
    if (event_mode)
        p->settings.grace_ms = p->settings.floor_ms = 0;
    p->sink = *sink;
    p->engine = (struct bl_engine){&p->settings, {p, on_pattern, on_attempt}};
    p->id_key = id_key;
    p->seen_max = seen_max;
    p->seen_ms = seen_ms;
    p->clock_ms = INT64_MIN;
    bl_map_init(&p->members);
    bl_heap_init(&p->due);
    *out = p;
    return BL_OK;
}

static void member_free(struct bl_member *m)
{
    free(m->packed);
    free(m);
}

void bl_partition_free(struct bl_partition *p)
{
    if (!p)
        return;
    size_t i = 0;
    for (struct bl_member *m; (m = bl_map_next(&p->members, &i));)
        member_free(m);
    bl_map_release(&p->members);
    bl_heap_release(&p->due);
    free(p->scratch);
    free(p->seen);
    free(p->index);
    free(p);
}

int64_t bl_partition_clock(const struct bl_partition *p)
{
    return p->clock_ms;
}

void bl_partition_set_clock(struct bl_partition *p, int64_t clock_ms)
{
    p->clock_ms = clock_ms;
}

/* ---- members ---- */

/* Packs the scratch back into its member. */
static enum bl_err put_back(struct bl_partition *p)
{
    struct bl_member *m = p->current;
    if (!m || !p->scratch_changed)
        return BL_OK;
    if (bl_user_gone(p->scratch)) {
        free(m->packed);
        m->packed = NULL;
        m->packed_cap = 0;
    } else {
        size_t n = bl_user_packed_bytes(p->scratch);
        if (n > m->packed_cap || n < m->packed_cap / 4) {
            size_t cap = n + n / 4;
            void *packed = realloc(m->packed, cap);
            if (!packed)
                return BL_ERR_NO_MEMORY;
            m->packed = packed;
            m->packed_cap = cap;
        }
        bl_user_pack(p->scratch, m->packed);
    }
    p->scratch_changed = false;
    return BL_OK;
}

static enum bl_err take_up(struct bl_partition *p, struct bl_member *m)
{
    if (p->current == m)
        return BL_OK;
    enum bl_err err = put_back(p);
    if (err != BL_OK)
        return err;
    p->current = m;
    if (m->packed)
        bl_user_unpack(p->scratch, m->packed);
    else
        bl_user_init(p->scratch);
    return BL_OK;
}

static void mark_dirty(struct bl_partition *p, struct bl_member *m)
{
    if (m->dirty)
        return;
    m->dirty = true;
    m->next_dirty = NULL;
    if (p->dirty_last)
        p->dirty_last->next_dirty = m;
    else
        p->dirty_first = m;
    p->dirty_last = m;
}

/* After the scratch changed: the member's place among deadlines. */
static enum bl_err reschedule(struct bl_partition *p, struct bl_member *m)
{
    int64_t due_ms = p->scratch->due_ms;
    if (due_ms != BL_NEVER)
        return bl_heap_set(&p->due, &m->node, due_ms);
    bl_heap_remove(&p->due, &m->node);
    return BL_OK;
}

struct bl_member *bl_partition_member(const struct bl_partition *p, struct bl_str user_id)
{
    return bl_map_get(&p->members, user_id);
}

static enum bl_err member_new(struct bl_partition *p, struct bl_str user_id, struct bl_member **out)
{
    struct bl_member *m = calloc(1, sizeof *m + user_id.n + 1);
    if (!m)
        return BL_ERR_NO_MEMORY;
    char *id = (char *)(m + 1);
    if (user_id.n)
        memcpy(id, user_id.p, user_id.n);
    m->user_id = (struct bl_str){id, user_id.n};
    m->node.tie = m->user_id;
    m->scheduled_ms = m->checkout_ms = BL_NEVER;
    enum bl_err err = bl_map_put(&p->members, m->user_id, m);
    if (err != BL_OK) {
        member_free(m);
        return err;
    }
    *out = m;
    return BL_OK;
}

enum bl_err bl_partition_member_put(struct bl_partition *p, struct bl_str user_id, const struct bl_user *u,
                                    struct bl_member **out)
{
    struct bl_member *m = bl_partition_member(p, user_id);
    enum bl_err err = m ? BL_OK : member_new(p, user_id, &m);
    *out = m;
    if (err != BL_OK || !u)
        return err;
    err = take_up(p, m);
    if (err != BL_OK)
        return err;
    void *packed = malloc(bl_user_packed_bytes(u));
    if (!packed)
        return BL_ERR_NO_MEMORY;
    bl_user_pack(u, packed);
    bl_user_unpack(p->scratch, packed);
    free(packed);
    p->scratch_changed = true;
    return reschedule(p, m);
}

const struct bl_user *bl_partition_state(struct bl_partition *p, const struct bl_member *m)
{
    struct bl_member *own = bl_map_get(&p->members, m->user_id);
    return own && take_up(p, own) == BL_OK ? p->scratch : NULL;
}

void bl_partition_member_drop(struct bl_partition *p, struct bl_member *m)
{
    assert(!m->dirty);
    if (p->current == m) {
        p->current = NULL;
        p->scratch_changed = false;
    }
    bl_heap_remove(&p->due, &m->node);
    bl_map_del(&p->members, m->user_id);
    member_free(m);
}

size_t bl_partition_members(const struct bl_partition *p)
{
    return p->members.n;
}

struct bl_member *bl_partition_member_next(const struct bl_partition *p, size_t *i)
{
    return bl_map_next(&p->members, i);
}

struct bl_member *bl_partition_dirty(struct bl_partition *p)
{
    /* Out of memory here leaves the newer state in the scratch, where bl_partition_state still finds it. */
    if (put_back(p) != BL_OK)
        bl_log_plain(BL_LOG_ERROR, "out of memory while packing a user's state");
    return p->dirty_first;
}

void bl_partition_clean(struct bl_partition *p)
{
    for (struct bl_member *m = p->dirty_first; m; m = m->next_dirty)
        m->dirty = false;
    p->dirty_first = p->dirty_last = NULL;
}

int64_t bl_partition_due(const struct bl_partition *p)
{
    const struct bl_heap_node *top = bl_heap_top(&p->due);
    return top ? top->due_ms : BL_NEVER;
}

/* ---- ids seen ---- */

static size_t index_find(const struct bl_partition *p, uint64_t hash)
{
    size_t i = hash & (p->index_cap - 1);
    while (p->index[i] && p->seen[p->index[i] - 1].hash != hash)
        i = (i + 1) & (p->index_cap - 1);
    return i;
}

static void index_remove(struct bl_partition *p, size_t hole)
{
    size_t mask = p->index_cap - 1;
    p->index[hole] = 0;
    for (size_t i = (hole + 1) & mask; p->index[i]; i = (i + 1) & mask) {
        size_t home = p->seen[p->index[i] - 1].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            p->index[hole] = p->index[i];
            p->index[i] = 0;
            hole = i;
        }
    }
}

static void forget_oldest(struct bl_partition *p)
{
    size_t at = index_find(p, p->seen[p->seen_first].hash);
    if (p->index[at] == p->seen_first + 1)
        index_remove(p, at);
    p->seen_first = (p->seen_first + 1) % p->seen_cap;
    p->n_seen--;
}

/* Doubles the ring and rebuilds the index; at most half of the index is ever taken. */
static enum bl_err seen_grow(struct bl_partition *p)
{
    size_t cap = p->seen_cap ? p->seen_cap * 2 : 256;
    struct seen *ring = malloc(cap * sizeof *ring);
    uint64_t *index = calloc(cap * 2, sizeof *index);
    if (!ring || !index) {
        free(ring);
        free(index);
        return BL_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < p->n_seen; i++)
        ring[i] = p->seen[(p->seen_first + i) % p->seen_cap];
    free(p->seen);
    free(p->index);
    p->seen = ring;
    p->index = index;
    p->seen_first = 0;
    p->seen_cap = cap;
    p->index_cap = cap * 2;
    for (size_t i = 0; i < p->n_seen; i++)
        p->index[index_find(p, ring[i].hash)] = i + 1;
    return BL_OK;
}

enum bl_err bl_partition_seen(struct bl_partition *p, uint64_t hash, int64_t received_ms)
{
    while (p->n_seen &&
           (p->n_seen >= p->seen_max || received_ms - p->seen[p->seen_first].received_ms >= p->seen_ms))
        forget_oldest(p);
    if (p->seen_max == 0)
        return BL_OK;
    if (p->n_seen == p->seen_cap) {
        enum bl_err err = seen_grow(p);
        if (err != BL_OK)
            return err;
    }
    size_t place = (p->seen_first + p->n_seen++) % p->seen_cap;
    p->seen[place] = (struct seen){hash, received_ms};
    p->index[index_find(p, hash)] = place + 1;
    return BL_OK;
}

static bool is_seen(const struct bl_partition *p, uint64_t hash, int64_t received_ms)
{
    if (p->n_seen == 0)
        return false;
    uint64_t place = p->index[index_find(p, hash)];
    return place && received_ms - p->seen[place - 1].received_ms < p->seen_ms;
}

static uint64_t id_hash(const struct bl_partition *p, const struct bl_record *r)
{
    char text[BL_USER_ID_MAX_BYTES + 1 + BL_EVENT_ID_MAX_BYTES];
    memcpy(text, r->user_id.p, r->user_id.n);
    text[r->user_id.n] = '\0';
    memcpy(text + r->user_id.n + 1, r->event_id.p, r->event_id.n);
    return bl_hash64(p->id_key, (struct bl_str){text, r->user_id.n + 1 + r->event_id.n});
}

/* ---- time and events ---- */

static enum bl_err fire_next(struct bl_partition *p, struct bl_member *m)
{
    enum bl_err err = take_up(p, m);
    if (err != BL_OK)
        return err;
    p->scratch_changed = true;
    mark_dirty(p, m);
    bl_engine_fire(&p->engine, p->scratch, m->user_id);
    return reschedule(p, m);
}

enum bl_err bl_partition_fire_until(struct bl_partition *p, int64_t until_ms)
{
    if (until_ms > p->clock_ms)
        p->clock_ms = until_ms;
    for (struct bl_heap_node *top; (top = bl_heap_top(&p->due));) {
        if (top->due_ms + p->settings.grace_ms > until_ms)
            break;
        enum bl_err err = fire_next(p, BL_CONTAINER(struct bl_member, top, node));
        if (err != BL_OK)
            return err;
    }
    return BL_OK;
}

enum bl_err bl_partition_advance(struct bl_partition *p, int64_t received_ms)
{
    return received_ms > p->clock_ms ? bl_partition_fire_until(p, received_ms) : BL_OK;
}

static enum bl_err apply(struct bl_partition *p, const struct bl_record *r, const struct bl_event_time *time)
{
    struct bl_event e = r->event;
    struct bl_member *m = bl_partition_member(p, r->user_id);
    enum bl_err err = m ? BL_OK : member_new(p, r->user_id, &m);
    if (err != BL_OK || (err = take_up(p, m)) != BL_OK)
        return err;
    int64_t before_ms = p->scratch->seen_ms;
    p->scratch_changed = true;
    mark_dirty(p, m);
    e.t_ms = time->t_ms;
    struct bl_taken taken = {.clock_adjusted = time->clock_adjusted};
    taken.visit = bl_engine_event(&p->engine, p->scratch, m->user_id, &e);
    taken.t_ms = p->scratch->seen_ms;
    taken.first_in_minute = before_ms < 0 || before_ms / MINUTE_MS != taken.t_ms / MINUTE_MS;
    if (p->sink.event)
        p->sink.event(p->sink.ctx, r, &taken);
    return reschedule(p, m);
}

enum bl_err bl_partition_record(struct bl_partition *p, const struct bl_record *r, int64_t received_ms)
{
    struct bl_event_time time;
    if (p->event_mode) {
        received_ms = r->timestamp_ms;
        time = (struct bl_event_time){.t_ms = r->timestamp_ms};
    } else {
        time = bl_event_time(r->timestamp_ms, r->sent_at_ms, received_ms);
    }
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err != BL_OK)
        return err;
    if (!r->made_id) {
        uint64_t hash = id_hash(p, r);
        if (is_seen(p, hash, received_ms)) {
            if (p->sink.duplicate)
                p->sink.duplicate(p->sink.ctx, r);
            return BL_OK;
        }
        err = bl_partition_seen(p, hash, received_ms);
        if (err != BL_OK)
            return err;
        if (p->sink.remember)
            p->sink.remember(p->sink.ctx, hash, received_ms);
    }
    if (!time.late)
        return apply(p, r, &time);
    struct bl_taken taken = {.t_ms = time.t_ms, .late = true};
    if (p->sink.event)
        p->sink.event(p->sink.ctx, r, &taken);
    return BL_OK;
}

enum bl_err bl_partition_resolve(struct bl_partition *p, struct bl_str user_id,
                                 const struct bl_pattern_id *id, int64_t received_ms, bool *found)
{
    struct bl_member *m;
    *found = false;
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err != BL_OK || !(m = bl_partition_member(p, user_id)) || (err = take_up(p, m)) != BL_OK)
        return err;
    if (bl_user_gone(p->scratch) || !bl_engine_resolve(&p->engine, p->scratch, user_id, id, p->clock_ms))
        return BL_OK;
    *found = true;
    p->scratch_changed = true;
    mark_dirty(p, m);
    return reschedule(p, m);
}

enum bl_err bl_partition_set_rules(struct bl_partition *p, const struct bl_settings *rules,
                                   int64_t received_ms)
{
    int64_t grace_ms = p->settings.grace_ms, floor_ms = p->settings.floor_ms;
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err != BL_OK)
        return err;
    p->settings = *rules;
    p->settings.grace_ms = grace_ms;
    p->settings.floor_ms = floor_ms;
    return BL_OK;
}

const struct bl_settings *bl_partition_rules(const struct bl_partition *p)
{
    return &p->settings;
}
