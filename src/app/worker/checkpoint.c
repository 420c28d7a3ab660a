/* When users are stored. Most of what a commit costs Redis are users' hashes, and what is in them follows from the stream.
 * So under load a commit stores what it must (patterns, counts, the position, acknowledgements) and leaves users to the next
 * checkpoint, a commit that stores all who have changed since the last one.
 *
 *   commits      1  2  3  4  5  6  7
 *   position     1  2  3  4  5  6  7
 *   users of     0  0  0  4  4  4  7     4 and 7 are checkpoints
 *
 * While users are behind, the position names the place where they stand, and a new owner goes from there to the position
 * once more, with nobody told of it (worker/takeover.c). So what belongs to users is left out as a whole: hashes, deadlines,
 * places among the active ones, checkout keys, and the event ids seen; with them recent events. What a commit leaves out stays
 * dirty, and at hand.
 *
 * With 100,000 users and 30,000 events/s in each of 8 partitions a user is written for some eight events instead of two.
 * Where more are behind than one commit is to store, most are stored before it, in parts (worker/parts.c).
 *
 * The table below has the reasons for which a commit is a checkpoint; most of them keep a redo short and simple. A log at level
 * debug tells why users who were behind are stored.
 *
 * Invariants: between a checkpoint and the position are no commands, nothing set aside and no half rounds; an owner that
 * gives its partition back leaves nobody behind, unless it is still in its redo; the stream is not trimmed beyond the
 * checkpoint (stream_trim.lua). */
#include "bl/base/log.h"
#include "hook.h"
#include "plant.h"
#include "worker/owner.h"

#define LINGER_MS  50 /* nothing is unread: a checkpoint may still wait for more that long */
#define LATE_TIMES 5  /* as long as options.behind_ms, by the local clock */
#define USERS_BYTES                                                                                          \
    (BL_LINK_BYTES_MAX / 8 * 9) /* of all who are behind, estimated: in a commit it is two thirds */

struct bl_place checkpoint_place(const struct owner *o)
{
    const struct checkpoint *c = &o->checkpoint;
    return (struct bl_place){bl_str_of(c->id), c->clock_ms, c->entries};
}

struct bl_terms checkpoint_terms(const struct owner *o)
{
    const struct bl_worker_options *x = &o->worker->options;
    return (struct bl_terms){x->event_mode ? 0 : x->rules->grace_ms, x->seen_ms, (int64_t)x->seen_max};
}

void checkpoint_set(struct owner *o, const struct bl_place *place)
{
    struct checkpoint *c = &o->checkpoint;
    size_t n = place->id.n < sizeof c->id ? place->id.n : 0;
    if (n > 0)
        memcpy(c->id, place->id.p, n);
    c->id[n] = '\0';
    c->clock_ms = place->clock_ms;
    c->entries = place->entries;
    c->local_ms = o->worker->ports.now_ms(o->worker->ports.ctx);
    c->bytes = 0;
    c->behind = c->parts = false;
}

static size_t round_bytes(const struct owner *o)
{
    size_t bytes = 0;
    for (size_t i = o->batch.at; i < o->batch.upto; i++)
        bytes += o->batch.v[i].value.n;
    return bytes;
}

/* ---- why a commit stores users ---- */

static bool is_event_time(const struct owner *o)
{
    return o->worker->options.event_mode;
}

static bool is_leaving(const struct owner *o)
{
    return o->give_up;
}

static bool is_calm(const struct owner *o)
{
    return pace_is_calm(o->worker);
}

/* Ticks alone say that there is nothing else to do. */
static bool has_no_events(const struct owner *o)
{
    const struct batch *b = &o->batch;
    for (size_t i = b->at; i < b->upto; i++)
        if (b->v[i].kind == BL_ENTRY_EVENTS)
            return false;
    return true;
}

static bool has_command(const struct owner *o)
{
    const struct batch *b = &o->batch; /* which is a round of its own */
    return b->at < b->upto && b->v[b->at].kind == BL_ENTRY_COMMAND;
}

static bool has_pending(const struct owner *o)
{
    const struct batch *b = &o->batch;
    for (size_t i = b->at; i < b->upto; i++)
        if (b->v[i].deliveries > 1)
            return true;
    return o->careful.on;
}

static bool has_aside(const struct owner *o)
{
    return o->effects.n_poison > 0 || o->effects.lost > 0;
}

static bool is_half(const struct owner *o)
{
    return o->partial;
}

static bool has_parts(const struct owner *o)
{
    return o->checkpoint.parts;
}

/* By the local clock, too: the partition's may stand still, or be late. */
static bool is_old(const struct owner *o)
{
    const struct bl_worker *w = o->worker;
    const struct checkpoint *c = &o->checkpoint;
    int64_t local_ms = w->ports.now_ms(w->ports.ctx) - c->local_ms;
    return c->clock_ms < 0 || bl_partition_clock(o->partition) - c->clock_ms >= c->most_ms ||
           local_ms >= LATE_TIMES * w->options.behind_ms;
}

static bool has_many_events(const struct owner *o)
{
    return o->checkpoint.bytes + round_bytes(o) > BL_BEHIND_BYTES / (size_t)o->worker->options.partitions;
}

static bool has_many_users(const struct owner *o)
{
    return bl_partition_dirty_count(o->partition) >= OWNER_BEHIND_MAX ||
           bl_partition_dirty_bytes(o->partition) > USERS_BYTES;
}

static bool has_no_memory(const struct owner *o)
{
    return o->worker->hand.bytes > o->worker->options.hand_max;
}

static bool has_many_lines(const struct owner *o)
{
    return recent_is_full(o);
}

/* `soon`: before the next round is soon enough, in parts if there are many. These stand last, since the first that holds counts. */
static const struct reason {
    const char *name;
    bool (*holds)(const struct owner *o);
    bool soon;
} reasons[] = {
    {"event time", is_event_time, false},
    {"nothing is unread", has_no_events, false},
    {"a command", has_command, false},
    {"something is set aside, or lost", has_aside, false},
    {"entries that others were given", has_pending, false},
    {"more deadlines than one round takes", is_half, false},
    {"a part of them is stored", has_parts, false},
    {"the partition is given back", is_leaving, true},
    {"there is no load", is_calm, true},
    {"the time is up", is_old, true},
    {"as many events as may be redone", has_many_events, true},
    {"as many users as may be behind", has_many_users, true},
    {"users take too much memory", has_no_memory, true},
    {"recent events take too much memory", has_many_lines, true},
};

static const struct reason *reason_of(const struct owner *o)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].holds(o))
            return &reasons[i];
    return NULL;
}

bool checkpoint_is_due(const struct owner *o)
{
    return reason_of(o) != NULL;
}

bool checkpoint_is_large(const struct owner *o)
{
    return bl_partition_dirty_count(o->partition) > BL_HOOK_PART(OWNER_PART_USERS) ||
           bl_partition_dirty_bytes(o->partition) > OWNER_PART_BYTES;
}

void checkpoint_choose(struct owner *o)
{
    const struct reason *why = reason_of(o);
    o->storing = why && !(why->soon && o->checkpoint.behind && checkpoint_is_large(o));
    if (o->storing && o->checkpoint.behind)
        bl_log(BL_LOG_DEBUG, "users are stored", BL_LOG_INT("partition", o->p), BL_LOG_TEXT("why", why->name),
               BL_LOG_INT("users", (int64_t)bl_partition_dirty_count(o->partition)));
}

/* ---- what stays for the next one ---- */

/* Who is only to be looked at is so at the next checkpoint. */
void checkpoint_keep_visited(struct owner *o)
{
    for (size_t i = 0; i < o->n_visit && !BL_PLANT(VISIT_LOST); i++)
        if (commit_must_look(o, o->visit[i]))
            bl_partition_mark(o->partition, o->visit[i]);
    o->n_visit = 0;
}

/* When load begins, the first of the partitions come one after the other, and so do those that follow. */
static int64_t until_next(const struct owner *o)
{
    const struct bl_worker_options *x = &o->worker->options;
    return pace_is_calm(o->worker) ? x->behind_ms * (o->p + 1) / x->partitions : x->behind_ms;
}

void checkpoint_committed(struct owner *o)
{
    struct checkpoint *c = &o->checkpoint;
    int64_t clock_ms = bl_partition_clock(o->partition);
    const struct bl_place here = {bl_str_of(o->position), clock_ms == INT64_MIN ? -1 : clock_ms, o->entries};
    if (o->storing || BL_PLANT(IDS_LEFT))
        o->effects.n_ids = 0;
    if (o->storing) {
        checkpoint_set(o, &here);
        c->most_ms = until_next(o);
        return;
    }
    c->behind = true;
    c->bytes += round_bytes(o);
}

bool checkpoint_waits(const struct owner *o, int64_t *ms)
{
    const struct bl_worker *w = o->worker;
    *ms = o->committing_at + LINGER_MS - w->ports.now_ms(w->ports.ctx);
    return o->checkpoint.behind && !o->redo.on && (*ms <= 0 || o->give_up || pace_is_calm(w));
}
