/* Private to the worker: one partition and what is under way for it. See worker/owner.c for the diagram. */
#ifndef BL_APP_WORKER_OWNER_H
#define BL_APP_WORKER_OWNER_H

#include "arena.h"
#include "bl/app/worker.h"
#include "bl/base/magic.h"
#include "bl/wire/rules.h"
#include "worker/effects.h"
#include "worker/steps.h"

#define OWNER_MAGIC           BL_MAGIC('o', 'w', 'n', 'r')
#define WORKER_MAGIC          BL_MAGIC('w', 'o', 'r', 'k')
#define OWNER_PAGES_MAX       1000 /* distinct pages counted in one step; the rest is "(other)" */
#define OWNER_MINUTE_MS       60000
#define OWNER_PAGES_MS        300000 /* the step of the page counters */
#define OWNER_RATE_SLOTS      16
#define OWNER_ROUND_MIN_BYTES (512 * 1024)
#define OWNER_ROUND_MAX_BYTES (16 * 1024 * 1024) /* of events in one commit: some 80,000 */
#ifndef OWNER_USERS_MAX
#define OWNER_USERS_MAX  16384  /* users of the events of one round who had not changed before, and a few */
#define OWNER_COMERS_MAX 8192   /* of them who are not at hand: each is read, and written as a whole */
#define OWNER_BEHIND_MAX 131072 /* users who are behind */
#define OWNER_PART_USERS 16384  /* in a part of a checkpoint, which is done in one go by Redis: some 80 ms */
#define OWNER_PART_BYTES (16 * 1024 * 1024)
#endif
/* What is done at a time: some 0.2 ms, in which Redis reads what a socket holds of another's commit. */
#ifndef OWNER_SLICE_USERS
#define OWNER_SLICE_BYTES (32 * 1024) /* of events stepped */
#define OWNER_SLICE_USERS 128         /* put */
#define OWNER_SLICE_FREED 256
#endif
/* Entries fetched at a time that others were given: a script does it, which copies each twice. */
#define OWNER_PENDING_MAX (4 * BL_SUSPECT_ENTRIES)
#define OWNER_WAIT_MAX_MS 700 /* a store that stalls for a second comes back before its reply is given up */
#define OWNER_PROBE_MS    80  /* between two looks at a partition that is held */
#define OWNER_TEND_MS     1000
#define OWNER_TRIM_MS     10 /* in place of it while there are more patterns to remove than one step does */
#define OWNER_OTHER_PAGES "(other)"

enum owner_state {
    OWNER_FREE,
    OWNER_ACQUIRING,
    OWNER_RESTORING,
    OWNER_REREADING, /* to bring users up to the position: worker/takeover.c */
    OWNER_FETCHING,
    OWNER_QUEUED, /* for a round, while another owner is careful */
    OWNER_MARKING,
    OWNER_ASKING_DUE,
    OWNER_LOADING,
    OWNER_CHECKING,
    OWNER_ERASING,
    OWNER_IN_LINE, /* to step or to put, while another owner does: worker/turn.c */
    OWNER_PAUSED,  /* in the middle of stepping or of putting, or resting */
    OWNER_HELD,    /* ready to commit, while larger commits are under way */
    OWNER_COMMITTING,
    OWNER_WAITING,
    OWNER_TENDING,
    OWNER_RELEASING
};

/* One entry of the batch under way. Slices stand where the fetch left them. */
struct batch_entry {
    struct bl_str id, value;
    int64_t received_ms;
    enum bl_entry_kind kind;
    int64_t deliveries; /* how often it was handed to an owner, this time included; 0 or 1: the first */
    size_t n_lines;     /* of its events, surveyed */
    bool suspect;       /* owners died of it alone: it is to be taken step by step */
};

/* A line of the round: whose it is, who was at hand then; NULL: he was not, or it takes a parser to tell. */
struct surveyed {
    struct bl_str text;
    struct bl_member *member;
};

struct batch {
    struct bl_held held; /* the texts of its entries */
    struct arena arena;  /* what else is needed as long */
    struct batch_entry *v;
    size_t n, cap;
    size_t at, upto; /* the round works on v[at .. upto) */
};

/* Recent events that the next checkpoint stores, as it does (worker/recent.c). */
struct latest {
    struct bl_buf lines;
    size_t n;
};

struct owner;

/* Where users are stored as of (worker/checkpoint.c). */
struct checkpoint {
    char id[48]; /* of the last entry before it; empty: none */
    int64_t clock_ms, entries;
    int64_t local_ms; /* when it was committed, by the local clock */
    int64_t most_ms;  /* of the partition's time until the next one */
    bool behind;      /* commits since then have left users out */
    bool parts;       /* a part of the next one is stored (worker/parts.c) */
    size_t bytes;     /* of the events of those */
};

/* A new owner brings users up to the position (worker/takeover.c). */
struct redo {
    bool on;
    char at[48];          /* reread so far */
    int64_t entries;      /* as many */
    int64_t clock_ms;     /* at the position */
    bool single;          /* owners died of this page: its entries are taken one by one */
    struct bl_map stored; /* users who are not behind (worker/parts.c) */
    struct arena ids;     /* theirs */
};

/* What owners did not come back from (worker/careful.c). */
struct careful {
    bool on;                  /* an entry is taken step by step */
    bool any;                 /* something is marked, or has been since the last commit */
    size_t single;            /* so many entries to come are rounds of their own */
    struct bl_str rest, line; /* what is left of its events; the one at hand, or the command */
    size_t n_lines;           /* begun so far */
    bool at_end;              /* all of them are done */
    bool store;               /* owners died when they stored what a redo gave: users are tried one by one */
    size_t n_loaded;          /* of the users wanted */
    struct bl_buf step;       /* what is marked, or about to be */
    bool marked;              /* it is, and this owner is allowed to do it */
    bool of_user;             /* it is a user's */
    int64_t deaths, others;   /* of owners that marked the same, or anything of this place */
    struct bl_member *stepped;
    void (*then)(struct owner *o, bool poison);
    void (*then_page)(struct owner *o, bool died);
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
    uint64_t epoch;
    int64_t taken_at, renewed_at, tended_at, acquire_at; /* local clock */
    bool renewing;

    struct bl_partition *partition;
    char position[48];
    int64_t entries;
    struct checkpoint checkpoint;
    struct bl_terms terms; /* in effect; in a redo those of the owner that committed */
    struct redo redo;
    bool storing;               /* the commit under way is a checkpoint */
    bool in_part;               /* or a part of one */
    size_t part;                /* of so many users */
    int64_t now_ms, fetched_at; /* the store's clock, and the local one when it was read */
    int64_t committed_ms;       /* the partition clock of the last commit; see worker/patterns.c */
    int64_t unsure_ms;
    int64_t committing_at;  /* the local clock when the commit was sent */
    bool ahead;             /* it fetches, too */
    bool spare;             /* the next fetch is worth nothing before the bell rings */
    unsigned vain;          /* fetches ahead in a row that found nothing */
    unsigned spared;        /* commits since that went without one */
    size_t fetch_max;       /* entries in the next fetch */
    bool behind;            /* the last fetch took as many as it might */
    size_t put_bytes;       /* of the commit that is ready, or under way */
    size_t stepped;         /* entries of the round that are applied */
    struct bl_member *next; /* of the users to be put, or tried */
    size_t work;            /* of the round whose commit is under way */
    int64_t earliest_ms;
    /* Whoever was due by then because he was last seen BL_IDLE_MS before has been looked at. At take-over it is the clock,
     * less any grace that the owner before may have had. */
    int64_t passed_ms;
    bool trim_more;      /* than the last step of retention did */
    bool tended;         /* since the last fetch */
    uint32_t round;      /* its number; only compared for equality */
    uint64_t ticket;     /* of the batch: the lower, the further in front in the line */
    bl_done_fn *in_turn; /* what is called when its turn comes */

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
    size_t
        n_users; /* of the events of the round, who had not changed before; less when it was surveyed before */
    struct bl_map wanted_by_id;
    struct surveyed *surveyed; /* the lines of the round's events */
    size_t n_surveyed, cap_surveyed, at_line;
    bool dues_known; /* they were told with the entries, for the time of the last of them */
    struct bl_due *dues;
    size_t n_dues, cap_dues;
    struct bl_member **visit;             /* users whose schedule must be looked at, dirty or not */
    size_t n_visit, cap_visit, n_visited; /* n_visited: put */

    struct page_step *steps;
    size_t n_steps, cap_steps;
    int64_t *buckets; /* scratch: steps to ask the store for */
    size_t n_buckets, cap_buckets;
    struct {
        int64_t second, n;
    } rate[OWNER_RATE_SLOTS];
    struct sizes seen, recent;
    struct latest latest;

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
    struct owner *at_work; /* whose turn it is */
    uint64_t tickets;      /* drawn so far */
    size_t rounds;         /* under way */
    size_t committing;     /* bytes of the commits under way */
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

/* worker/owner.c */
void owner_init(struct owner *o, struct bl_worker *w, int p);
void owner_release_memory(struct owner *o);
void owner_renew(struct owner *o);
/* To be given back as soon as what is under way is done. */
void owner_give_up(struct owner *o);
bool owner_holds(const struct owner *o);
/* True: go on. Otherwise the owner has been ended. */
bool owner_proceed(struct owner *o, enum bl_err err, const char *where);
/* Everybody is at hand: applies the round, and settles it. */
void owner_step(struct owner *o);
/* Begins a round with what is left of the batch; if that is nothing, it stores what earlier ones have left. */
void owner_round(struct owner *o);
void owner_pause(struct owner *o, int64_t ms, bl_done_fn *then);
int64_t owner_local_ms(const struct owner *o);
/* It gives the partition back, now. */
void owner_finish(struct owner *o);
/* What the round did is checked and committed. */
void owner_settle(struct owner *o);
/* The commit goes out, or is held for others. */
void owner_send(struct owner *o);

/* worker/fetch.c */
/* For what comes next in the stream, or to give the partition back. */
void owner_fetch(struct owner *o);
/* The commit at hand takes the next fetch with it, if nothing comes between. */
void owner_put_fetch(struct owner *o);
/* Is retention due at that local time? */
bool fetch_is_untended(const struct owner *o, int64_t now);

/* worker/due.c: from a chosen round to owner_step. */
void owner_survey(struct owner *o);
void owner_load(struct owner *o);
enum bl_err owner_visit_dues(struct owner *o);
enum bl_err owner_take_dues(struct owner *o, const struct bl_due *users, size_t n);

/* worker/checkpoint.c */
struct bl_place checkpoint_place(const struct owner *o);
/* This worker's own terms. */
struct bl_terms checkpoint_terms(const struct owner *o);
/* Users are stored as of there. */
void checkpoint_set(struct owner *o, const struct bl_place *place);
/* Is there a reason for a checkpoint? */
bool checkpoint_is_due(const struct owner *o);
/* More users are behind than one commit is to store. */
bool checkpoint_is_large(const struct owner *o);
/* The round is stepped: does its commit store users (o->storing)? */
void checkpoint_choose(struct owner *o);
/* Whom the commit must look at, the next checkpoint's will. */
void checkpoint_keep_visited(struct owner *o);
void checkpoint_committed(struct owner *o);
/* Nothing is unread: are users to be stored now? Else, if they are behind, in *ms. */
bool checkpoint_waits(const struct owner *o, int64_t *ms);

/* worker/parts.c */
/* Before anything of the round is done: is a checkpoint to be made first, and in parts? Then it is begun, or goes on, and
 * comes back to owner_round. */
bool parts_come_first(struct owner *o);
/* What was put is a part: it is committed. */
void parts_committed(struct owner *o);
/* In a redo: who is not behind. */
enum bl_err parts_restore(struct owner *o, const struct bl_restored *r);
bool parts_have(const struct owner *o, struct bl_str user_id);
void parts_forget(struct owner *o);

/* worker/recent.c */
/* An event of the round. */
void recent_event(struct owner *o, const struct bl_record *r, const struct bl_taken *taken);
/* The round is over: what it had of them is kept for the next checkpoint. */
void recent_keep(struct owner *o);
/* They take as much memory as they may. */
bool recent_is_full(const struct owner *o);
void recent_put(struct owner *o);
void recent_clear(struct owner *o);

/* worker/takeover.c */
void owner_acquire(struct owner *o);
/* A round of what a predecessor had committed is stepped: there is nothing to commit. */
void redo_settle(struct owner *o);

/* worker/pace.c */
void pace_begin(struct bl_worker *w);
void pace_reset(struct owner *o);
void pace_fetched(struct owner *o, const struct bl_fetched *f);
/* How long to rest before the next fetch, in ms; not above 0: not at all. */
int64_t pace_rest(const struct owner *o);
/* The commit need not fetch. To be asked once a commit. */
bool pace_spares(struct owner *o);
/* How far behind a place among the active users may be: 0 while little comes in, up to most_ms. */
int64_t pace_lag(const struct bl_worker *w, int64_t most_ms);
/* So little comes in that nobody has to spare the store anything. */
bool pace_is_calm(const struct bl_worker *w);
/* Users with a deadline that one round may take. */
size_t pace_due_max(const struct bl_worker *w);
/* May this round's commit go out? False: the owner is held, and owner_send is called again. */
bool pace_gate(struct owner *o);
/* The answer is there, whatever it says. */
void pace_leave(struct owner *o, enum bl_err err);

/* worker/turn.c */
/* A batch begins: its place in the line. */
void turn_draw(struct owner *o);
/* Is it this owner's turn? False: `then` is called when it comes. */
bool turn_take(struct owner *o, bl_done_fn *then);
/* For the next one in line; nothing if it is another's turn. */
void turn_leave(struct owner *o);

/* worker/careful.c */
/* May a round begin? False: the owner is queued, and owner_round is called again. */
bool careful_gate(struct owner *o);
/* The round is over, however it ended. */
void careful_leave(struct owner *o);
/* At most so many entries in the round to come. */
size_t careful_most(const struct owner *o);
/* True: the round goes on from there. */
bool careful_round(struct owner *o);
/* In a redo, in place of a round's mark: the next page of entries behind `after`. then(o, true): owners died there. */
void careful_page(struct owner *o, struct bl_str after, void (*then)(struct owner *o, bool died));
enum bl_err careful_survey(struct owner *o);
void careful_load(struct owner *o);
/* Before the commit that ends a redo. True: it comes to owner_settle when users have been tried. */
bool careful_store(struct owner *o);
/* Nothing of the entry's events is done or set aside yet. */
bool careful_at_start(const struct owner *o);
/* worker.c: called when an owner has become free. */
void worker_freed(struct bl_worker *w);
/* Takes or gives back until this worker has its share. */
void worker_balance(struct bl_worker *w);

/* worker/batch.c */
enum bl_err batch_take(struct batch *b, const struct bl_fetched *f);
void batch_reset(struct batch *b);
/* The round is put. If it was the batch's last, none of its texts is looked at again. */
void batch_let_go(struct owner *o);
/* Chooses the entries of the next round: up to these bounds or the next command, which is always alone; none or all of them
 * were given out before. */
void batch_choose(struct batch *b, size_t max_bytes, size_t most);
/* Half of them; false if it is one already. */
bool batch_narrow(struct batch *b);
/* The users that the round needs and that are not at hand go to o->wanted; o->horizon_ms is set. */
enum bl_err batch_survey(struct owner *o);
/* The commit must look at this member, whether it changed or not. */
enum bl_err owner_visit(struct owner *o, struct bl_member *m);
enum bl_err owner_want(struct owner *o, struct bl_str user_id);
/* Applies a slice of the round's entries; *done: to the end. */
enum bl_err batch_step(struct owner *o, bool *done);
/* The parts of both, for a single entry: its lines, or command; and what is left when they are done. */
bool batch_next_line(struct bl_str *text, struct bl_str *line);
enum bl_err batch_survey_line(struct owner *o, struct bl_str line);
enum bl_err batch_survey_rest(struct owner *o, const struct batch_entry *e);
enum bl_err batch_step_line(struct owner *o, const struct batch_entry *e, struct bl_str line);
enum bl_err batch_step_command(struct owner *o, const struct batch_entry *e);
enum bl_err batch_end(struct owner *o, const struct batch_entry *e);

/* worker/load.c */
void owner_loaded(void *arg, size_t i, const struct bl_loaded *l);
/* Nothing of the stored state is looked at: the user is empty, and the commit clears away what is there. */
enum bl_err owner_take_empty(struct owner *o, struct bl_str id, const struct bl_loaded *l);
enum bl_err owner_restore(struct owner *o, const struct bl_restored *r);
/* 0: the field is absent. */
uint32_t load_hash(struct bl_str value);
/* The running attempt's deadline and page; BL_NEVER: none. */
int64_t load_checkout(const struct bl_user *u, struct bl_str *page);

/* worker/hand.c */
/* He is needed until the round is over. */
void owner_touch(const struct owner *o, struct bl_member *m);
/* The same, for one who has just come: he makes room for himself. */
void owner_came(const struct owner *o, struct bl_member *m);
/* Some others leave, if all together take too much: for one who may have grown, and after a round. */
void owner_changed(const struct owner *o);
void owner_evict(const struct owner *o);

/* worker/rules.c */
/* What holds when the partition is taken; then bl_partition_new may have *out. BL_ERR_STORE_UNAVAILABLE: the data set
 * has no rules yet. */
enum bl_err rules_restore(struct owner *o, const struct bl_restored *r, struct bl_settings *out);
/* A command brings another version. */
enum bl_err rules_command(struct owner *o, const struct batch_entry *e, int64_t version,
                          struct bl_str settings);
void rules_put(struct owner *o);
void rules_forget(struct owner *o);

/* worker/effects.c */
struct bl_partition_sink effects_sink(struct owner *o);
/* Told is only what the next checkpoint stores. */
struct bl_partition_sink effects_redo_sink(struct owner *o);

/* worker/patterns.c */
/* Nothing is known any more of what was detected up to then. */
void patterns_unsure(struct owner *o, int64_t detected_ms);
/* Chooses what the store must be asked about: effects.asked. */
void patterns_ask(struct owner *o);
void commit_checked(void *arg, size_t i, const struct bl_checked *c);
/* All of them become part of the commit, and what they count part of the counts. */
void patterns_put(struct owner *o);

/* worker/counts.c */
/* All of it becomes part of the commit. */
void counts_put(struct owner *o);

/* worker/manual.c: the command's pattern, as the store has it. */
void manual_checked(struct owner *o, const struct bl_checked *c);

/* worker/erase.c: the round's command; what is asked before the commit (true: it comes back to owner_settle); what is put. */
enum bl_err erase_restore(struct owner *o, const struct bl_restored *r);
enum bl_err erase_command(struct owner *o, const struct batch_entry *e, struct bl_str user_id,
                          int64_t now_ms);
enum bl_err erase_readmit(struct owner *o, struct bl_str user_id, int64_t now_ms);
bool erase_ask(struct owner *o);
enum bl_err erase_put(struct owner *o);

/* worker/commit.c */
/* Is there anything to ask the store before the commit? Fills o->buckets. */
bool commit_needs_check(struct owner *o);
void commit_pages(void *arg, size_t i, const struct bl_str *names, size_t n);
/* Puts everything the round changed; the caller ends the commit. */
enum bl_err commit_begin(struct owner *o);
enum bl_err commit_put(struct owner *o, bool *done);
/* At most so many of the dirty users, from o->next on, which says who comes next. */
enum bl_err commit_put_users(struct owner *o, size_t most);
/* As the commit writes his state, but for nobody: it must not kill either. */
enum bl_err commit_try(struct owner *o, const struct bl_member *m);
/* Would the commit put anything of somebody who has not changed? */
bool commit_must_look(const struct owner *o, const struct bl_member *m);
/* The commit is done: what it did is counted, and who is left without a state leaves memory. */
void commit_totals(const struct owner *o);
void commit_drop_gone(struct owner *o, size_t n); /* of the first n dirty ones, who are dirty no more */

#endif
