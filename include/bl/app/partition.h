/* One partition at work: the clock, the users at hand, their deadlines, duplicates. Feeds the core in the
 * order of the stream and gathers what has to be stored. Pure state machine over memory; who loads and who
 * stores is the caller's business (the worker: Redis; replay: nobody). SPEC 2.7, 3.
 *
 * The caller makes sure that, before bl_partition_entry(received), every user who has an event in the entry
 * or a deadline <= received - grace is at hand (bl_partition_user_put), where "at hand" includes "known to be
 * empty".
 *
 * Invariants: the clock never goes back; deadlines fire in order of (d, user id), before the entry that moved
 * the clock; a user whose state changed since the last bl_partition_clean is in the list of dirty ones. */
#ifndef BL_APP_PARTITION_H
#define BL_APP_PARTITION_H

#include "bl/app/erased.h"
#include "bl/app/hand.h"
#include "bl/base/heap.h"
#include "bl/base/map.h"
#include "bl/config/settings.h"
#include "bl/core/engine.h"
#include "bl/wire/decode.h"
#include "bl/wire/state.h"

/* A user at hand. Read by the caller; changed only here, but for the fields under "host". */
struct bl_member {
    struct bl_heap_node
        node; /* at the next deadline or earlier; not in the heap if there is none. tie: the id, owned */
    int64_t due_ms;        /* the next deadline; BL_NEVER: none */
    struct bl_user *state; /* owned; NULL: nothing is known of this user (empty state) */
    bool dirty;            /* changed since the last clean */
    bool roomy;            /* which queue of those at hand he is in (hand.h) */
    uint16_t partition;    /* its number in what it joined */
    uint32_t touched;      /* host: its round, when he was last needed */
    struct bl_member *next_dirty;
    struct bl_member *earlier, *later; /* in the queue of those at hand */
    /* host */
    int64_t scheduled_ms; /* the score in the store's deadlines; BL_NEVER: none */
    int64_t checkout_ms;  /* the checkout deadline the store shows; BL_NEVER: none */
    uint32_t checkout_at; /* a hash of the page it shows with it */
    int64_t expires_ms;   /* when the stored hash expires; 0: not known */
    int64_t active_ms;    /* the score in the store's active users; -1: not known */
    int64_t listed_ms,
        listed_at; /* detection of the latest pattern in the user's list there; when its TTL was set */
    struct bl_state_stored stored; /* what the store holds; without a state: whether anything */
};

static inline struct bl_str bl_member_id(const struct bl_member *m)
{
    return m->node.tie;
}

/* How an event was taken. */
struct bl_taken {
    int64_t t_ms; /* as the rules use it; late: its own */
    bool late, clock_adjusted;
    bool visit;           /* and no twin */
    bool first_in_minute; /* of this user */
};

/* What happened, for counters and the change feed. Called in order; what it is given is borrowed. */
struct bl_partition_sink {
    void *ctx;
    void (*pattern)(void *ctx, const struct bl_pattern *pattern);
    /* at_ms: of the event or the deadline that ended it. */
    void (*attempt)(void *ctx, enum bl_attempt_end end, int64_t at_ms);
    /* Every event that took effect, late ones included. */
    void (*event)(void *ctx, const struct bl_record *record, const struct bl_taken *taken);
    void (*duplicate)(void *ctx, const struct bl_record *record);
    /* A client's event id to be remembered from now on. */
    void (*remember)(void *ctx, uint64_t id_hash, int64_t received_ms);
    /* An event of a user who is erased: dropped, whatever else is true of it. */
    void (*erased)(void *ctx, const struct bl_record *record);
};

struct bl_partition;

BL_CHECKED enum bl_err bl_partition_new(const struct bl_settings *settings, bool event_mode,
                                        struct bl_hash_key id_key, size_t seen_max, int64_t seen_ms,
                                        const struct bl_partition_sink *sink, struct bl_partition **out);
void bl_partition_free(struct bl_partition *p);
/* The same in steps, as a million users take a second to free: up to n of them go; true: some are left. Afterwards only
 * these two may be called. */
bool bl_partition_free_some(struct bl_partition *p, size_t n);

/* From now on p's members are among those of `hand`, which must live longer, as of the partition of this number. Before
 * there is any; a partition that never joins has a hand of its own. */
void bl_partition_join(struct bl_partition *p, struct bl_hand *hand, uint16_t number);
/* Nobody stores what changes: from now on only members whose state has become empty are among the dirty ones, to be
 * dropped; and all members stay in a pool of p's own, which only grows. Before there is any, and p never joins. */
void bl_partition_unstored(struct bl_partition *p);
int64_t bl_partition_clock(const struct bl_partition *p);
/* From now on somebody else is told, or of some things nobody. */
void bl_partition_set_sink(struct bl_partition *p, const struct bl_partition_sink *sink);
/* From now on others: the grace, how many ids are remembered, for how long. */
void bl_partition_set_terms(struct bl_partition *p, int64_t grace_ms, size_t seen_max, int64_t seen_ms);
/* Restores what the store remembers: the clock and the ids seen (oldest first). */
void bl_partition_set_clock(struct bl_partition *p, int64_t clock_ms);
BL_CHECKED enum bl_err bl_partition_seen(struct bl_partition *p, uint64_t id_hash, int64_t received_ms);

/* NULL: not at hand. */
struct bl_member *bl_partition_member(const struct bl_partition *p, struct bl_str user_id);
struct bl_member *bl_partition_member_hashed(const struct bl_partition *p, struct bl_str user_id,
                                             uint64_t hash);
/* Puts a user at hand; u == NULL: known to be empty. Copies. */
BL_CHECKED enum bl_err bl_partition_member_put(struct bl_partition *p, struct bl_str user_id,
                                               const struct bl_user *u, struct bl_member **out);
/* The state, borrowed until the next call on p. */
const struct bl_user *bl_partition_state(struct bl_partition *p, const struct bl_member *m);
/* Forgets a member that is not dirty. */
void bl_partition_member_drop(struct bl_partition *p, struct bl_member *m);
size_t bl_partition_members(const struct bl_partition *p);
/* Iteration over members in no order; i starts at 0. Do not change the set meanwhile. */
struct bl_member *bl_partition_member_next(const struct bl_partition *p, size_t *i);

/* Moves the clock to `received_ms` and fires what is due by then, in order. A clock that does not move fires
 * nothing (SPEC 3.4): a deadline that an old event has made in the past waits until it does, so that what was
 * sent together with that event comes first. */
BL_CHECKED enum bl_err bl_partition_advance(struct bl_partition *p, int64_t received_ms);
/* Fires what is due by `until_ms`, which lies before whatever comes next and will move the clock: a part of the
 * advance to it. The clock is at least there afterwards. */
BL_CHECKED enum bl_err bl_partition_fire_until(struct bl_partition *p, int64_t until_ms);
/* The same in single steps, for a host that must know of which it dies: who would be fired next, by `until_ms` (NULL:
 * nobody), and one deadline of it. The clock stays; fire_until at the end moves it. */
struct bl_member *bl_partition_due_by(struct bl_partition *p, int64_t until_ms);
BL_CHECKED enum bl_err bl_partition_fire_one(struct bl_partition *p, struct bl_member *m);
/* Nothing is known of this user any more; dirty, so that nothing of it stays stored. */
BL_CHECKED enum bl_err bl_partition_empty(struct bl_partition *p, struct bl_member *m);
/* For a host that sees a record some time before it is its turn: states lie all over memory, and most of a step is
 * waiting for them. Take the hash at first sight, then call fetch with each stage in order, a few records apart,
 * then bl_partition_record_hashed. Changes nothing. */
enum bl_partition_stage { BL_FETCH_SLOT, BL_FETCH_MEMBER, BL_FETCH_STATE, BL_FETCH_LISTS };
uint64_t bl_partition_hash(const struct bl_partition *p, struct bl_str user_id);
void bl_partition_fetch(const struct bl_partition *p, uint64_t hash, enum bl_partition_stage stage);
/* A member of that hash, which is nearly always the user's; NULL: none. */
struct bl_member *bl_partition_peek(const struct bl_partition *p, uint64_t hash);
/* The later stages, of a member that is known. */
void bl_member_fetch(const struct bl_member *m, enum bl_partition_stage stage);
/* One record of an entry received at `received_ms` (event mode: the record's own timestamp counts), with the hash of its
 * user at hand, and, where that is known, who has it (NULL: not known). Advances first. */
BL_CHECKED enum bl_err bl_partition_record_hashed(struct bl_partition *p, const struct bl_record *record,
                                                  int64_t received_ms, uint64_t hash,
                                                  struct bl_member *likely);
BL_CHECKED static inline enum bl_err bl_partition_record(struct bl_partition *p,
                                                         const struct bl_record *record, int64_t received_ms)
{
    return bl_partition_record_hashed(p, record, received_ms, bl_partition_hash(p, record->user_id), NULL);
}
/* The same of a record that its user's state, as stored, has in it already: the clock moves, the event is remembered and told
 * of, and nobody is stepped. */
BL_CHECKED enum bl_err bl_partition_record_known(struct bl_partition *p, const struct bl_record *record,
                                                 int64_t received_ms);
/* A person's resolve, from the stream. *found: the pattern was open in the user's state and is resolved now.
 */
BL_CHECKED enum bl_err bl_partition_resolve(struct bl_partition *p, struct bl_str user_id,
                                            const struct bl_pattern_id *id, int64_t received_ms, bool *found);
/* Other rules, from the stream: advances under those in effect, then the new ones hold (grace and floor stay). Users
 * are not touched: a deadline that is set stays until the user's next step. Lists are borrowed until the next change or
 * the end of p. */
BL_CHECKED enum bl_err bl_partition_set_rules(struct bl_partition *p, const struct bl_settings *rules,
                                              int64_t received_ms);
/* Who is erased: restored by the caller at the beginning (it is empty), changed only here afterwards. */
struct bl_erased *bl_partition_erased(struct bl_partition *p);
/* Moves the clock, then forgets the user's state, who must be at hand if there is any, and drops the user's events from
 * now on. *forgotten as in bl_erased_add. */
BL_CHECKED enum bl_err bl_partition_erase(struct bl_partition *p, struct bl_str user_id, int64_t received_ms,
                                          int64_t at_ms, bool *forgotten, struct bl_hash128 *oldest);
/* The user's events are taken again. */
BL_CHECKED enum bl_err bl_partition_readmit(struct bl_partition *p, struct bl_str user_id,
                                            int64_t received_ms);
/* Those in effect. Borrowed until the next change. */
const struct bl_settings *bl_partition_rules(const struct bl_partition *p);
/* The earliest deadline of anybody at hand; BL_NEVER: none. */
int64_t bl_partition_due(struct bl_partition *p);

/* The dirty members, in order of first change; each has its new state. A member whose state is empty now has
 * state == NULL. */
BL_CHECKED enum bl_err bl_partition_dirty(struct bl_partition *p, struct bl_member **first);
size_t bl_partition_dirty_count(const struct bl_partition *p);
/* What they would be in a commit, roughly, as they were when they became dirty. */
size_t bl_partition_dirty_bytes(const struct bl_partition *p);
/* This one is among them, as if he had changed. */
void bl_partition_mark(struct bl_partition *p, struct bl_member *m);
/* Forgets that they were dirty (they are stored): the first n, or all of them. */
void bl_partition_clean_first(struct bl_partition *p, size_t n);
static inline void bl_partition_clean(struct bl_partition *p)
{
    bl_partition_clean_first(p, SIZE_MAX);
}

#endif
