/* Private to the worker: one partition and what is under way for it. See worker_owner.c for the diagram. */
#ifndef BL_APP_WORKER_OWNER_H
#define BL_APP_WORKER_OWNER_H

#include "arena.h"
#include "bl/app/worker.h"
#include "bl/base/magic.h"
#include "bl/wire/rules.h"

#define OWNER_MAGIC           BL_MAGIC('o', 'w', 'n', 'r')
#define WORKER_MAGIC          BL_MAGIC('w', 'o', 'r', 'k')
#define OWNER_PAGES_MAX       1000 /* distinct pages counted in one step; the rest is "(other)" */
#define OWNER_MINUTE_MS       60000
#define OWNER_PAGES_MS        300000 /* the step of the page counters */
#define OWNER_RATE_SLOTS      16
#define OWNER_ROUND_MIN_BYTES (128 * 1024)
#define OWNER_ROUND_MAX_BYTES (16 * 1024 * 1024) /* of events in one commit: some 80,000 */
#ifndef OWNER_USERS_MAX
#define OWNER_USERS_MAX  16384 /* users of the events of one round, and a few */
#define OWNER_COMERS_MAX 8192  /* of them who are not at hand: each is read, and written as a whole */
#endif
#ifndef OWNER_SLICE_MS
#define OWNER_SLICE_MS 2 /* of work at a time: meanwhile the rest of another commit waits to be sent */
#endif
#define OWNER_WAIT_MAX_MS 1000
#define OWNER_PROBE_MS    80 /* between two looks at a partition that is held */
#define OWNER_TEND_MS     1000
#define OWNER_TRIM_MS     10 /* in place of it while there are more patterns to remove than one step does */
#define OWNER_OTHER_PAGES "(other)"

enum owner_state {
    OWNER_FREE,
    OWNER_ACQUIRING,
    OWNER_RESTORING,
    OWNER_FETCHING,
    OWNER_QUEUED, /* for a round, while another owner is careful */
    OWNER_MARKING,
    OWNER_ASKING_DUE,
    OWNER_LOADING,
    OWNER_CHECKING,
    OWNER_ERASING,
    OWNER_PAUSED, /* in the middle of stepping or of putting, or resting */
    OWNER_HELD,   /* ready to commit, while larger commits are under way */
    OWNER_COMMITTING,
    OWNER_WAITING,
    OWNER_TENDING,
    OWNER_RELEASING
};

/* One entry of the batch under way. Slices stand in the batch's arena. */
struct batch_entry {
    struct bl_str id, value;
    int64_t received_ms;
    enum bl_entry_kind kind;
    int64_t deliveries; /* how often it was handed to an owner, this time included; 0 or 1: the first */
};

struct batch {
    struct arena arena;
    struct batch_entry *v;
    size_t n, cap;
    size_t at, upto; /* the round works on v[at .. upto) */
};

/* A pattern that the round changed: all its changes in one. */
struct touched {
    struct bl_pattern_id key; /* of by_id */
    char id[32];              /* the same in hex */
    enum bl_rule_id rule;
    enum bl_severity severity;
    enum bl_severity stored_severity; /* 0: not stored, or not to be counted */
    struct bl_str user_id, page;
    int64_t detected_ms;
    int64_t received_ms; /* of the entry that made or changed it; 0: not known */
    bool created, resolved;
    bool later;                /* created, and later than all else of this user */
    bool exists, was_resolved; /* in the store */
    bool stored;               /* something of it is put */
    struct bl_row row;
};

#define CHANGE_EXPLAINED (BL_PATTERN_RESOLVED + 1) /* behind enum bl_pattern_change */

struct change {
    struct touched *of;
    unsigned change;
    enum bl_severity severity;
    int64_t at_ms;
};

/* What is counted of a minute, and of a page in five minutes; from ..._TYPE on patterns by rule. */
enum {
    MINUTE_EVENTS,
    MINUTE_ACTIVE,
    MINUTE_COMPLETED,
    MINUTE_ABANDONED,
    MINUTE_RESOLVED,
    MINUTE_TYPE,
    MINUTE_FIELDS = MINUTE_TYPE + BL_RULE_COUNT
};
enum { PAGE_VIEWS, PAGE_TYPE, PAGE_FIELDS = PAGE_TYPE + BL_RULE_COUNT };

struct minute {
    int64_t number; /* the key of by_minute, as it stands here */
    int64_t n[MINUTE_FIELDS];
};

struct page_count {
    int64_t number;
    struct bl_str page;
    struct page_count *older; /* the same page in another step */
    int64_t n[PAGE_FIELDS];
};

/* Of all time; those that patterns change. */
struct sums {
    int64_t patterns, open, type[BL_RULE_COUNT], severity[BL_HIGH + 1];
};

struct counts {
    struct bl_map by_minute, by_page;
    struct minute **minutes, *last;
    size_t n_minutes, cap_minutes;
    struct page_count **pages;
    size_t n_pages, cap_pages;
    struct sums sum;
};

struct remembered {
    int64_t received_ms;
    uint64_t hash;
};

struct poison {
    struct bl_str id, text;
    const char *reason;
    int64_t line; /* of the entry, from 0, that workers died of; -1: something else */
};

/* The round's command erases a user, or lets one back in (worker_erase.c). */
struct erase {
    bool on, readmit;
    bool asked, more; /* what the store has is known; it is more than fits this commit */
    struct bl_str user_id;
    int64_t at_ms;
    bool forgotten; /* a tombstone had to go for this one */
    struct bl_hash128 oldest;
    struct bl_owned *patterns;
    size_t n_patterns, n_put;
    struct bl_str *recent; /* elements of the list that others have lines in, newest first */
    size_t *lines;         /* in each */
    size_t n_recent, n_gone;
};

/* What the round has to store, besides the users' states. */
struct effects {
    struct arena arena;
    enum bl_err err; /* the first; nothing is stored then */
    struct bl_map by_id;
    struct touched **touched;
    size_t n_touched, cap_touched;
    struct touched **asked; /* those of them that the store is asked about */
    size_t n_asked;
    struct change *changes;
    size_t n_changes, cap_changes;
    struct counts counts;
    struct remembered *ids;
    size_t n_ids, cap_ids;
    struct poison *poison;
    size_t n_poison, cap_poison;
    struct bl_buf recent;
    size_t *lines; /* where each line of `recent` begins */
    size_t n_lines, cap_lines;
    struct bl_buf text; /* scratch */
    struct erase erase;
    int64_t erased; /* events of erased users */
    int64_t events, duplicates, late, clock_adjusted, completed, abandoned, forgotten, corrupt, lost;
    int64_t received_ms; /* of the entry being applied */
    bool rate_changed;
};

/* The distinct pages counted in one five-minute step. */
struct page_step {
    int64_t number;
    bool known; /* what the store has is in here */
    struct bl_map pages;
};

/* Sizes of the elements of a list in the store, oldest first. */
struct sizes {
    struct chunk {
        int64_t received_ms;
        size_t n;
    } * v;
    size_t first, n, cap;
    size_t total;
};

struct owner;

/* An entry under suspicion, taken step by step (worker_careful.c). */
struct careful {
    bool on;
    struct bl_str rest, line; /* what is left of its events; the one at hand, or the command */
    size_t n_lines;           /* begun so far */
    bool at_end;              /* all of them are done */
    size_t n_loaded;          /* of the users wanted */
    struct bl_buf step;       /* what is marked, or about to be */
    bool marked;              /* it is, and this owner is allowed to do it */
    struct bl_member *stepped;
    void (*then)(struct owner *o, bool poison);
};

struct owner {
    uint32_t magic;
    struct bl_worker *worker;
    int p;
    enum owner_state state;
    bool drop;            /* the lease is lost or the outcome of something unknown: forget everything */
    enum bl_err why_drop; /* what the renewal said; else BL_OK */
    bool give_up;         /* to be released after the current commit */
    bool pending;         /* a predecessor's entries may be pending */
    size_t n_redone;      /* of them committed by this owner */
    uint64_t epoch;
    int64_t renewed_at, tended_at, acquire_at; /* local clock */
    bool renewing;

    struct bl_partition *partition;
    char position[48];
    int64_t entries;
    int64_t now_ms, fetched_at; /* the store's clock, and the local one when it was read */
    int64_t committed_ms;       /* the partition clock of the last commit; see worker_patterns.c */
    int64_t unsure_ms;
    int64_t committing_at;  /* the local clock when the commit was sent */
    bool ahead;             /* it fetches, too */
    size_t fetch_max;       /* entries in the next fetch */
    bool behind;            /* the last fetch took as many as it might */
    size_t stepped;         /* entries of the round that are applied */
    struct bl_member *next; /* of the users to be put */
    size_t work;            /* of the round whose commit is under way */
    int64_t earliest_ms;
    bool trim_more; /* than the last step of retention did */
    uint32_t round; /* its number; only compared for equality */

    struct batch batch;
    struct effects effects;
    struct careful careful;
    bool in_round;
    int64_t horizon_ms; /* the clock after this round */
    int64_t first_ms;   /* the clock when its first event is applied */
    bool partial;       /* more users are due than one round takes: only deadlines up to horizon_ms fire */
    size_t due_max;
    enum bl_err load_err;
    /* The round's command is about a pattern that the store must tell of: one that is not in the user's state, or one
     * to be explained. */
    bool manual;
    char manual_id[32];
    struct bl_str explanation; /* in the effects' arena; empty: it is a resolve */
    struct bl_str *wanted;     /* users to load */
    size_t n_wanted, cap_wanted;
    size_t n_users; /* of the events of the round; less when it was surveyed before */
    struct bl_map wanted_by_id;
    bool dues_known; /* they were told with the entries, for the time of the last of them */
    struct bl_due *dues;
    size_t n_dues, cap_dues;
    struct bl_member **visit; /* users whose schedule must be looked at, dirty or not */
    size_t n_visit, cap_visit;

    struct page_step *steps;
    size_t n_steps, cap_steps;
    int64_t *buckets; /* scratch: steps to ask the store for */
    size_t n_buckets, cap_buckets;
    struct {
        int64_t second, n;
    } rate[OWNER_RATE_SLOTS];
    struct sizes seen, recent;

    struct bl_rules *rules; /* in effect; NULL: this worker's own, for want of readable ones */
    int64_t rules_version, rules_at_ms;
    struct bl_buf rules_text; /* as they came */
    char rules_entry[48];     /* that brought them; empty: in effect since the beginning */
    bool rules_changed;       /* to be put with the next commit */
};

struct bl_worker {
    uint32_t magic;
    struct bl_worker_options options;
    struct bl_ports ports;
    struct bl_worker_totals totals;
    struct bl_decoder *decoder;
    struct bl_state_decoder *states;
    struct bl_user *scratch; /* states read from the store */
    struct bl_hand hand;
    struct bl_buf text;
    struct owner *owners;
    struct owner *careful; /* has, or waits for, the process to itself */
    size_t rounds;         /* under way */
    size_t committing;     /* work of the rounds whose commits are under way */
    size_t held;           /* owners whose commits wait for them */
    size_t round_bytes;    /* of work in a round, as Redis carries it */
    struct {
        int64_t since_ms;
        size_t bytes; /* fetched since then */
        size_t
            all; /* bytes a second, as many partitions as there are in all would have fetched before that */
    } load;
    int turn; /* the partition that was let commit last */
    size_t rank, living;
    bool beating, stopping, left;
    int64_t beat_at;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

#define PORT(o, call, ...) (o)->worker->ports.call((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

/* Room for one more element of a growing array; false: no memory. */
bool owner_grow(void **v, size_t *cap, size_t n, size_t size);
#define OWNER_ROOM(v, cap, n) owner_grow((void **)&(v), &(cap), (n), sizeof *(v))

/* worker_owner.c */
void owner_init(struct owner *o, struct bl_worker *w, int p);
void owner_release_memory(struct owner *o);
void owner_acquire(struct owner *o);
void owner_renew(struct owner *o);
/* To be given back as soon as what is under way is done. */
void owner_give_up(struct owner *o);
bool owner_holds(const struct owner *o);
/* True: go on. Otherwise the owner has been ended. */
bool owner_proceed(struct owner *o, enum bl_err err, const char *where);
/* Everybody is at hand: applies the round, and settles it. */
void owner_step(struct owner *o);
/* Begins a round with what is left of the batch. */
void owner_round(struct owner *o);
/* What the round did is checked and committed. */
void owner_settle(struct owner *o);
/* The commit goes out, or is held for others. */
void owner_send(struct owner *o);

/* worker_due.c: from a chosen round to owner_step. */
void owner_survey(struct owner *o);
void owner_load(struct owner *o);
enum bl_err owner_visit_dues(struct owner *o);
enum bl_err owner_take_dues(struct owner *o, const struct bl_due *users, size_t n);

/* worker_pace.c */
void pace_begin(struct bl_worker *w);
void pace_reset(struct owner *o);
void pace_fetched(struct owner *o, const struct bl_fetched *f);
/* How long to rest before the next fetch, in ms; not above 0: not at all. */
int64_t pace_rest(const struct owner *o);
/* Users with a deadline that one round may take. */
size_t pace_due_max(const struct bl_worker *w);
/* May this round's commit go out? False: the owner is held, and owner_send is called again. */
bool pace_gate(struct owner *o);
/* The answer is there, whatever it says. */
void pace_leave(struct owner *o, enum bl_err err);

/* worker_careful.c */
/* May a round begin? False: the owner is queued, and owner_round is called again. */
bool careful_gate(struct owner *o);
/* The round is over, however it ended. */
void careful_leave(struct owner *o);
/* The entry that comes next may be what owners died of: it is to be a round of its own. */
bool careful_is_suspect(const struct owner *o);
/* True: the round's entry is suspect, and is worked off there. */
bool careful_round(struct owner *o);
enum bl_err careful_survey(struct owner *o);
void careful_load(struct owner *o);
/* Nothing of the entry's events is done or set aside yet. */
bool careful_at_start(const struct owner *o);
/* worker.c: called when an owner has become free. */
void worker_freed(struct bl_worker *w);
/* Takes or gives back until this worker has its share. */
void worker_balance(struct bl_worker *w);

/* worker_batch.c */
enum bl_err batch_take(struct batch *b, const struct bl_fetched *f);
void batch_reset(struct batch *b);
/* Chooses the entries of the next round: up to a bound or the next command, few of those that were given out before, or one
 * alone, as a command always is. */
void batch_choose(struct batch *b, size_t max_bytes, bool alone);
/* Half of them; false if it is one already. */
bool batch_narrow(struct batch *b);
/* The users that the round needs and that are not at hand go to o->wanted; o->horizon_ms is set. */
enum bl_err batch_survey(struct owner *o);
/* The commit must look at this member, whether it changed or not. */
enum bl_err owner_visit(struct owner *o, struct bl_member *m);
enum bl_err owner_want(struct owner *o, struct bl_str user_id);
/* Applies the round's entries, for a slice of time; *done: to the end. */
enum bl_err batch_step(struct owner *o, bool *done);
/* The local clock at which a slice that begins now is over. */
int64_t owner_slice(const struct owner *o);
/* The parts of both, for a single entry: its lines, or command; and what is left when they are done. */
bool batch_next_line(struct bl_str *text, struct bl_str *line);
enum bl_err batch_survey_line(struct owner *o, struct bl_str line);
enum bl_err batch_survey_rest(struct owner *o, const struct batch_entry *e);
enum bl_err batch_step_line(struct owner *o, const struct batch_entry *e, struct bl_str line);
enum bl_err batch_step_command(struct owner *o, const struct batch_entry *e);
enum bl_err batch_end(struct owner *o, const struct batch_entry *e);

/* worker_load.c */
void owner_loaded(void *arg, size_t i, const struct bl_loaded *l);
/* Nothing of the stored state is looked at: the user is empty, and the commit clears away what is there. */
enum bl_err owner_take_empty(struct owner *o, struct bl_str id, const struct bl_loaded *l);
enum bl_err owner_restore(struct owner *o, const struct bl_restored *r);
/* 0: the field is absent. */
uint32_t load_hash(struct bl_str value);
/* The running attempt's deadline and page; BL_NEVER: none. */
int64_t load_checkout(const struct bl_user *u, struct bl_str *page);

/* worker_hand.c */
/* He is needed until the round is over. */
void owner_touch(const struct owner *o, struct bl_member *m);
/* The same, for one who has just come: he makes room for himself. */
void owner_came(const struct owner *o, struct bl_member *m);
/* Some others leave, if all together take too much: for one who may have grown, and after a round. */
void owner_changed(const struct owner *o);
void owner_evict(const struct owner *o);

/* worker_rules.c */
/* What holds when the partition is taken; then bl_partition_new may have *out. BL_ERR_STORE_UNAVAILABLE: the data set
 * has no rules yet. */
enum bl_err rules_restore(struct owner *o, const struct bl_restored *r, struct bl_settings *out);
/* A command brings another version. */
enum bl_err rules_command(struct owner *o, const struct batch_entry *e, int64_t version,
                          struct bl_str settings);
void rules_put(struct owner *o);
void rules_forget(struct owner *o);

/* worker_effects.c */
void effects_init(struct effects *e);
void effects_reset(struct effects *e);
void effects_release(struct effects *e);
struct bl_partition_sink effects_sink(struct owner *o);
/* The first stays. */
void effects_fail(struct effects *e, enum bl_err err);
struct bl_str effects_keep(struct effects *e, struct bl_str s); /* a copy, for the round */
void effects_poison(struct effects *e, struct bl_str id, int64_t line, const char *reason,
                    struct bl_str text);

/* worker_patterns.c */
void effects_pattern(struct effects *e, const struct bl_pattern *pattern);
/* A stored pattern, or one of this round, gets its column ai_explanation; of `pattern` only who and what it is. */
void effects_explain(struct effects *e, const struct bl_pattern *pattern, struct bl_str text, int64_t at_ms);
/* After the commit, at `now_ms` by the store's clock. */
void effects_latencies(const struct effects *e, int64_t now_ms, struct bl_latency *out);
struct touched *effects_find(const struct effects *e, const char id[32]);
/* Nothing is known any more of what was detected up to then. */
void patterns_unsure(struct owner *o, int64_t detected_ms);
/* Chooses what the store must be asked about: effects.asked. */
void patterns_ask(struct owner *o);
void commit_checked(void *arg, size_t i, const struct bl_checked *c);
/* All of them become part of the commit, and what they count part of the counts. */
void patterns_put(struct owner *o);

/* worker_counts.c */
void counts_init(struct counts *c);
void counts_reset(struct counts *c);
void counts_release(struct counts *c);
void count_minute(struct effects *e, int64_t at_ms, unsigned field);
void count_page(struct effects *e, int64_t at_ms, struct bl_str page, unsigned field);
/* All of it becomes part of the commit. */
void counts_put(struct owner *o);

/* worker_manual.c: the command's pattern, as the store has it. */
void manual_checked(struct owner *o, const struct bl_checked *c);

/* worker_erase.c: the round's command; what is asked before the commit (true: it comes back to owner_settle); what is put. */
enum bl_err erase_restore(struct owner *o, const struct bl_restored *r);
enum bl_err erase_command(struct owner *o, const struct batch_entry *e, struct bl_str user_id,
                          int64_t now_ms);
enum bl_err erase_readmit(struct owner *o, struct bl_str user_id, int64_t now_ms);
bool erase_ask(struct owner *o);
enum bl_err erase_put(struct owner *o);

/* worker_commit.c */
/* Is there anything to ask the store before the commit? Fills o->buckets. */
bool commit_needs_check(struct owner *o);
void commit_pages(void *arg, size_t i, const struct bl_str *names, size_t n);
/* Puts everything the round changed; the caller ends the commit. */
enum bl_err commit_begin(struct owner *o);
enum bl_err commit_put(struct owner *o, bool *done);
/* The commit is done: what it did is counted, and who is left without a state leaves memory. */
void commit_totals(const struct owner *o);
void commit_drop_gone(struct owner *o);

/* worker_steps.c */
struct page_step *steps_get(struct owner *o, int64_t number); /* NULL: no memory */
/* The name under which the page is counted there. */
BL_CHECKED enum bl_err steps_page(struct page_step *s, struct bl_str page, struct bl_str *out);
void steps_evict(struct owner *o);
void steps_release(struct owner *o);
bool sizes_push(struct sizes *s, int64_t received_ms, size_t n);
void sizes_pop(struct sizes *s);
static inline const struct chunk *sizes_oldest(const struct sizes *s)
{
    return s->n ? &s->v[s->first] : NULL;
}
void sizes_reset(struct sizes *s);

#endif
