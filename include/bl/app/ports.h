/* What a worker needs of the world: leases, the stream, the users' states, one atomic commit. Redis is behind
 * it in the program (store/world.c), memory in a simulation. All of it is asynchronous: each call gives its
 * answer exactly once, through its callback, never from inside the call. What an answer points at is borrowed
 * for its length, but for the texts of a fetch: those are handed over (struct bl_held).
 *
 * One partition has at most one of acquire, restore, reread, pause, fetch, mark, due, load, check, erasable, commit,
 * wait, tend under way; renew and release may come in between.
 *
 * Errors: BL_ERR_FENCED another worker owns the partition; BL_ERR_STORE_UNAVAILABLE not reached, or outcome
 * unknown. After either nothing that was cached is worth anything (ARCHITECTURE: the cache is the owner's alone).
 *
 * Who is due, by the store's word: who has come to his time in `deadlines`; and who was last seen BL_IDLE_MS ago, once. So
 * who has nothing to come before the usual end of his session needs no place in `deadlines`. The store does not keep up to
 * when the second has been done: the owner says so, in `passed_ms`. */
#ifndef BL_APP_PORTS_H
#define BL_APP_PORTS_H

#include "bl/core/pattern.h"
#include "bl/wire/row.h"
#include "bl/wire/state.h"

struct bl_acquired {
    enum bl_err err;
    bool taken;     /* false: another holds it */
    uint64_t epoch; /* of the fence, if taken */
};

/* A place in the stream, behind an entry. */
struct bl_place {
    struct bl_str id; /* of the entry; empty: before the first */
    int64_t clock_ms; /* the partition's there; -1: none */
    int64_t entries;  /* up to there, since the stream began */
};

/* What a partition goes by that is not in its stream: options of the worker. */
struct bl_terms {
    int64_t grace_ms;
    int64_t seen_ms, seen_max; /* SPEC 2.7 */
};

/* What the store remembers of a partition. */
struct bl_restored {
    enum bl_err err;
    struct bl_place position; /* committed */
    bool behind; /* users, their deadlines and `seen` are as they were at `states`, which lies before it */
    struct bl_place states;
    struct bl_terms terms; /* in effect from there on; grace_ms < 0: not known */
    /* Users who are not behind, but as they were at `position`: a checkpoint in parts was under way. */
    const struct bl_str *stored;
    size_t n_stored;
    struct bl_str rate;
    /* The rules in effect there; or, where none are noted yet, the first of the data set. Empty: it has none yet. */
    struct bl_str rules; /* as in wire/rules.h */
    int64_t rules_version, rules_at_ms;
    bool rules_noted;
    const struct bl_str *seen; /* oldest first: `received hash hash …` */
    size_t n_seen;
    const struct bl_str *recent; /* newest first: lines */
    size_t n_recent;
    const struct bl_str *erased; /* tombstones: hash, ms, hash, ms … */
    size_t n_erased;             /* texts */
};

/* What a fetch that finds nothing unread does about time. */
enum bl_tick {
    BL_TICK_NEVER, /* event time: who is due is not told either */
    BL_TICK_DUE,   /* if somebody is due, time enters the stream */
    BL_TICK_LATER  /* not now: the store's deadlines are of users who are behind, and may have fired */
};

enum bl_entry_kind { BL_ENTRY_EVENTS, BL_ENTRY_TICK, BL_ENTRY_COMMAND, BL_ENTRY_POISON, BL_ENTRY_LOST };

struct bl_entry {
    struct bl_str id;
    int64_t received_ms;
    enum bl_entry_kind kind; /* POISON: no entry of ours; LOST: pending, but trimmed */
    struct bl_str value;
    int64_t deliveries; /* of a pending entry: how often owners were given it, this time included; else 0 */
};

struct bl_due {
    struct bl_str user_id;
    int64_t due_ms;
    bool idle; /* by when he was last seen, BL_IDLE_MS before; else by his time in `deadlines` */
};

/* What texts stand in: whoever was given it lets go of it, once. All zero: nothing. */
struct bl_held {
    void *texts;
    void (*release)(void *texts);
};

static inline void bl_held_release(struct bl_held *h)
{
    if (h->release)
        h->release(h->texts);
    *h = (struct bl_held){0};
}

struct bl_fetched {
    enum bl_err err;
    int64_t now_ms;      /* the store's clock */
    int64_t earliest_ms; /* the store has nobody due before; BL_NEVER: nobody ever */
    bool pending;        /* a predecessor had read them */
    const struct bl_entry *entries;
    size_t n;
    struct bl_held held; /* their ids and values stand in it; nothing, if there is an error */
    /* dues_known: these are all users due at or before the time of the last entry, less the grace, in order.
     * Else there may be more than are worth telling, the entries' time is past when somebody may be due, which was not asked,
     * or it is not live time (no `tick`). */
    bool dues_known;
    const struct bl_due *dues;
    size_t n_dues;
};

/* What became of a mark. */
struct bl_marked {
    enum bl_err err;
    int64_t deaths; /* how many other owners have marked the same step and never come back from it */
    int64_t others; /* any step of the same place */
    int64_t now_ms; /* the store's clock */
};

struct bl_dues {
    enum bl_err err;
    const struct bl_due *users; /* in order of (time, id); who is due twice stands there twice */
    size_t n;
};

/* One user as stored: no pair at all if there is none. */
struct bl_loaded {
    const struct bl_state_pair *pairs;
    size_t n;
    int64_t scheduled_ms; /* BL_NEVER: none */
};

/* A pattern as stored, if anything had to be asked about it. */
struct bl_checked {
    bool exists;
    struct bl_str user_id, type, variant, page, severity, detected_at;
    bool resolved;
};

/* What an erase must take away besides the user's state. */
struct bl_owned {
    struct bl_str id; /* of a pattern */
    bool open;
};

struct bl_erasable {
    enum bl_err err;
    const struct bl_owned *patterns; /* the user's, oldest first, at most as many as were asked for */
    size_t n_patterns;
    const struct bl_str *recent; /* as at restore, but only the newest elements, up to so many bytes */
    size_t n_recent, n_unread;   /* n_unread: the other elements */
};

typedef void bl_erasable_fn(void *arg, const struct bl_erasable *e);
typedef void bl_acquired_fn(void *arg, const struct bl_acquired *a);
typedef void bl_restored_fn(void *arg, const struct bl_restored *r);
typedef void bl_fetched_fn(void *arg, const struct bl_fetched *f);
typedef void bl_dues_fn(void *arg, const struct bl_dues *d);
typedef void bl_loaded_fn(void *arg, size_t i, const struct bl_loaded *l);
typedef void bl_checked_fn(void *arg, size_t i, const struct bl_checked *c);
typedef void bl_names_fn(void *arg, size_t i, const struct bl_str *names, size_t n);
typedef void bl_done_fn(void *arg, enum bl_err err);
typedef void bl_trimmed_fn(void *arg, int64_t detected_ms, bool more);
typedef void bl_marked_fn(void *arg, const struct bl_marked *m);

/* One user's part of a commit: only what changed. */
struct bl_put_user {
    struct bl_str user_id;
    bool replace;                     /* nothing of the stored state stays but what is in `set` */
    const struct bl_state_field *set; /* fields to write */
    size_t n_set;
    const char *const *del; /* fields to delete */
    size_t n_del;
    bool gone;           /* nothing is left: remove the user everywhere */
    int64_t expires_ms;  /* safety TTL of the hash; BL_NEVER: leave it */
    bool reschedule;     /* write due_ms into the deadlines */
    int64_t due_ms;      /* BL_NEVER: take the user out */
    bool recheckout;     /* write the checkout key */
    int64_t checkout_ms; /* BL_NEVER: delete it */
    struct bl_str page;  /* of the checkout */
    int64_t active_ms;   /* time of the last event; BL_NEVER: leave it */
};

/* One pattern's part: the columns that changed. */
struct bl_put_pattern {
    char id[32];
    const struct bl_row *row;
    bool created, resolved;
    struct bl_str user_id;
    int64_t detected_ms;
    bool expires; /* the safety TTL of the user's list of patterns is to be set */
};

struct bl_put_change {
    const char *change; /* new, raised, resolved, explained, erased */
    char id[32];
    const char *type, *severity; /* erased: empty */
    struct bl_str page;
    int64_t at_ms;
};

enum bl_tally { BL_TALLY_COUNTERS, BL_TALLY_MINUTE, BL_TALLY_PAGES };

/* Rules that took effect. */
struct bl_put_rules {
    int64_t version, at_ms;
    struct bl_str settings; /* as in wire/rules.h */
    struct bl_str entry;    /* that brought them; empty: in effect since the beginning */
};

/* A step of an erase. */
struct bl_put_erased {
    struct bl_str hash, user_id; /* hash: bl_erased_hex */
    int64_t at_ms;
    int64_t patterns, events; /* removed by this step; events: from the recent ones */
    bool last;                /* nothing is left of the user; the tombstone stands */
};

struct bl_put_position {
    struct bl_place place;
    int64_t now_ms;
    uint64_t epoch;
    const struct bl_place *states; /* users are left as they were there from now on; NULL: no word of it */
    struct bl_terms terms;         /* with `states`: in effect since then */
    bool caught_up;                /* they are stored, and were left before */
};

struct bl_ports {
    void *ctx;
    /* Milliseconds that only go forward; for waiting, never for deciding. */
    int64_t (*now_ms)(void *ctx);

    void (*acquire)(void *ctx, int p, bl_acquired_fn *fn, void *arg);
    void (*restore)(void *ctx, int p, bl_restored_fn *fn, void *arg);
    void (*renew)(void *ctx, int p, bl_done_fn *fn, void *arg);
    /* Gives the lease back and forgets the partition. */
    void (*release)(void *ctx, int p, bl_done_fn *fn, void *arg);

    /* Comes back after ms; with 0, when the loop has seen to everything else once. */
    void (*pause)(void *ctx, int p, int64_t ms, bl_done_fn *fn, void *arg);
    /* At most `max` entries. `pending`: a predecessor's unacknowledged ones first. */
    void (*fetch)(void *ctx, int p, size_t max, bool pending, enum bl_tick tick, int64_t passed_ms,
                  bl_fetched_fn *fn, void *arg);
    /* At most `max` entries behind `after` (empty: from the first), up to and with `upto`, whoever has acknowledged them. */
    void (*reread)(void *ctx, int p, struct bl_str after, struct bl_str upto, size_t max, bl_fetched_fn *fn,
                   void *arg);
    /* At most `max` users due at or before until_ms, in order. */
    void (*due)(void *ctx, int p, int64_t passed_ms, int64_t until_ms, size_t max, bl_dues_fn *fn, void *arg);
    /* `each` once per user, in order, then done. */
    void (*load)(void *ctx, int p, const struct bl_str *users, size_t n, bl_loaded_fn *each, bl_done_fn *done,
                 void *arg);
    /* Before a step of what is under suspicion: notes that this owner is at it, in place of what it noted before (empty:
     * at nothing). `place`: of an entry; whatever is noted of another place is forgotten. From BL_POISON_DEATHS deaths on nothing
     * is noted: the step is not to be done. */
    void (*mark)(void *ctx, int p, struct bl_str place, struct bl_str step, bl_marked_fn *fn, void *arg);
    /* What a commit must know first: stored patterns by id (hex), the pages counted in `buckets`. */
    void (*check)(void *ctx, int p, const struct bl_str *ids, size_t n_ids, const int64_t *buckets,
                  size_t n_buckets, bl_checked_fn *each, bl_names_fn *pages, bl_done_fn *done, void *arg);
    void (*erasable)(void *ctx, int p, struct bl_str user_id, size_t patterns_max, size_t recent_bytes,
                     bl_erasable_fn *fn, void *arg);
    /* Returns when there may be an entry after `id`, or wait_ms have passed, or it was woken. */
    void (*wait)(void *ctx, int p, struct bl_str id, int64_t wait_ms, bl_done_fn *fn, void *arg);
    /* `wait`, and then `fetch` of what is not pending, as one question. It may come back empty before wait_ms. */
    void (*await)(void *ctx, int p, struct bl_str id, int64_t wait_ms, size_t max, enum bl_tick tick,
                  int64_t passed_ms, bl_fetched_fn *fn, void *arg);
    /* Ends either early, if it can. */
    void (*wake)(void *ctx, int p);
    /* One bounded step of retention. `trimmed`, before done, if patterns were removed: when the latest of them was
     * detected, and whether there may be more to remove. *done: BL_OK. */
    void (*tend)(void *ctx, int p, int64_t clock_ms, bl_trimmed_fn *trimmed, bl_done_fn *fn, void *arg);

    /* The commit: begin, any number of puts, end. All or nothing; running it twice equals running it once,
     * since the second is fenced or finds its entries acknowledged. `put_*` copy. */
    void (*begin)(void *ctx, int p);
    /* How large it has become: what the other end is sent. */
    size_t (*put_bytes)(void *ctx, int p);
    void (*put_user)(void *ctx, int p, const struct bl_put_user *u);
    void (*put_pattern)(void *ctx, int p, const struct bl_put_pattern *x);
    void (*put_change)(void *ctx, int p, const struct bl_put_change *c);
    /* This commit is a part of a checkpoint at `position`, where users are behind; `first`: of a new one. */
    void (*put_part)(void *ctx, int p, struct bl_str position, bool first);
    /* This user, put as well, is behind no more. Until a position is put that has caught up. */
    void (*put_stored)(void *ctx, int p, struct bl_str user_id);
    /* Adds n to a field of a counting hash; `number` is the minute or the 5-minute step. */
    void (*put_count)(void *ctx, int p, enum bl_tally tally, int64_t number, struct bl_str field, int64_t n);
    void (*put_rate)(void *ctx, int p, struct bl_str text);
    /* One more chunk; of all, the newest keep_chunks stay, or, with 0, all. */
    void (*put_recent)(void *ctx, int p, struct bl_str lines, size_t keep_chunks);
    void (*put_seen)(void *ctx, int p, struct bl_str chunk);
    void (*drop_seen)(void *ctx, int p, size_t chunks); /* the oldest */
    /* `line`: which of the entry's lines workers died of, from 0 (a command has one); -1: something else is wrong. */
    void (*put_quarantine)(void *ctx, int p, struct bl_str id, int64_t line, const char *reason,
                           struct bl_str text);
    /* All marks are of no matter any more. */
    void (*put_unmark)(void *ctx, int p);
    void (*put_rules)(void *ctx, int p, const struct bl_put_rules *x);
    void (*put_erased_pattern)(void *ctx, int p, struct bl_str user_id, struct bl_str id);
    void (*put_erased)(void *ctx, int p, const struct bl_put_erased *x);
    /* The tombstone goes. */
    void (*put_readmitted)(void *ctx, int p, struct bl_str hash);
    /* In the place of all recent events; newest first. */
    void (*put_recent_all)(void *ctx, int p, const struct bl_str *elements, size_t n);
    /* One after the other, with nothing between them. */
    void (*put_ack)(void *ctx, int p, struct bl_str id);
    void (*put_position)(void *ctx, int p, const struct bl_put_position *x);
    /* The commit fetches what comes next, too: as `fetch` does, but nothing that is pending, and from the store as the commit
     * leaves it. The answer comes behind that of `end`, if that is BL_OK; else there is none. */
    void (*put_fetch)(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                      void *arg);
    void (*end)(void *ctx, int p, bl_done_fn *fn, void *arg);

    /* One heartbeat (or farewell) of this worker; the answer is the sorted list of the living. */
    void (*beat)(void *ctx, bool leave, bl_names_fn *living, bl_done_fn *done, void *arg);
};

#endif
