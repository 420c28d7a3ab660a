/* The simulation of workers over a store in memory: what its files share.
 *
 *   main.c      the command line: which seeds, which planted fault
 *   schedule.c  the clock, the queue of what comes next, faults; a run from beginning to end
 *   traffic.c   what is appended to the streams
 *   world.c     the ports of one worker, as store/world*.c has them
 *   net.c       connections: what is under way, delayed, lost, comes too late
 *   store.c     what the Lua scripts and the commit do, on tables in memory
 *   store_fetch.c  what is given of the stream
 *   store_read.c   what else is read
 *   store_erase.c  what is left of a user
 *   judge.c     the undisturbed run of the very stream, and the comparison
 *   compare.c   the comparison
 *   states.c    users' states, made comparable
 *   table.c     sorted cells and lists
 *   tools.c     chance, text, memory of a run
 *   memory.c    what a worker asks for and does not get
 *
 * Everything is decided by one seed. Nothing here reads a clock, a file or the system's random source, but for the
 * seeds of hash maps, on whose order nothing depends. */
#ifndef BL_SIM_H
#define BL_SIM_H

#include "arena.h"
#include "bl/app/worker.h"
#include "bl/base/buf.h"
#include "plant.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define SIM_WORKERS    3
#define SIM_PARTITIONS 3
#define SIM_USERS      12
#define SIM_LEASE_MS   1500
#define SIM_RENEW_MS   500
#define SIM_TIMEOUT_MS 1000 /* longest wait for a reply */
#define SIM_GRACE_MS   500
#define SIM_EARLY_MS   2000 /* before somebody is due, an owner may believe that he is */
#define SIM_GATHER_MS  20
#define SIM_CALM_BYTES 500 /* a second: above it owners rest, and leave users to checkpoints */
#define SIM_T0         1700000000000LL
#define SIM_RULES      4 /* rule sets; 0 is version 1 */

/* ---- table.c ---- */

struct cell {
    struct bl_str key, value;
    int64_t number;
};

struct table { /* sorted by key */
    struct cell *v;
    size_t n, cap;
};

struct list {
    struct bl_str *v;
    size_t n, cap;
};

struct cell *table_get(const struct table *t, struct bl_str key);
/* Made if it is not there. Keys and values are borrowed. */
struct cell *table_put(struct table *t, struct bl_str key);
void table_del(struct table *t, struct bl_str key);
/* The first cell whose key is not below; t->n if there is none. */
size_t table_from(const struct table *t, struct bl_str key);
void table_del_all(struct table *t, struct bl_str prefix);
void table_release(struct table *t);
void list_add(struct list *l, struct bl_str s);
void list_release(struct list *l);

/* ---- store.c ---- */

struct sim;

enum op {
    OP_ACQUIRE,
    OP_RENEW,
    OP_RELEASE,
    OP_BEAT,
    OP_RESTORE,
    OP_FETCH,
    OP_REREAD,
    OP_READ, /* a fetch by transaction: a watch follows it */
    OP_MARK,
    OP_DUE,
    OP_LOAD,
    OP_CHECK,
    OP_ERASABLE,
    OP_COMMIT,
    OP_WATCH, /* what follows a transaction: WATCH fence, GET fence */
    OP_TEND,
    OP_APPEND, /* one field to one partition, or to all (p < 0) */
    OP_QUIET   /* time passes while everybody renews */
};

enum put_kind {
    PUT_SET,
    PUT_NUMBER,
    PUT_DEL,
    PUT_DEL_ALL,
    PUT_ADD,
    PUT_SEEN,
    PUT_DROP_SEEN,
    PUT_RECENT, /* n: so many elements stay */
    PUT_CHANGE,
    PUT_ASIDE,
    PUT_UNMARK,
    PUT_ACK
};

struct put {
    enum put_kind kind;
    struct bl_str key, value;
    int64_t n;
};

struct fence {
    uint64_t nonce, epoch;
};

/* A connection as the store sees it. */
struct conn {
    bool dead; /* nothing that is sent on it arrives any more */
    bool mute; /* no answer comes back any more */
    bool watching;
    uint64_t version;               /* of the fence when it was watched */
    int64_t arrives_ms, answers_ms; /* the latest message each way: they do not overtake each other */
};

/* One command, from the call at a port until its answer; kept to the end of the run, since what was carried out, in
 * order, is the append-only file. */
struct request {
    enum op op;
    int p;
    int worker;
    unsigned life;
    struct link *link;
    struct conn *conn;
    struct fence fence;
    struct bl_str name, text;
    enum bl_entry_kind kind;
    bool pending, leave, done;
    enum bl_tick tick;
    int64_t number, passed_ms;
    size_t max, ask; /* ask: how many deadlines a fetch looks at; of OP_ERASABLE: bytes of recent events */
    struct bl_str *names;
    size_t n_names;
    int64_t *buckets;
    size_t n_buckets;
    struct put *puts;
    size_t n_puts, cap_puts;
    struct request *ahead; /* of OP_COMMIT: the OP_READ within it */
    struct request *of;    /* of OP_WATCH: its transaction */

    bl_acquired_fn *acquired;
    bl_restored_fn *restored;
    bl_fetched_fn *fetched;
    bl_marked_fn *marked;
    bl_dues_fn *dues;
    bl_erasable_fn *erasable;
    bl_loaded_fn *loaded;
    bl_checked_fn *checked;
    bl_names_fn *pages;
    bl_done_fn *finished;
    void *arg;

    int64_t at_ms, store_ms; /* when it was carried out: by the simulation's clock, by the store's */
    enum bl_err err;
    bool ok; /* acquire: taken; commit, read: carried out; restore, watch: the fence held */
    uint64_t epoch;
    struct bl_restored restored_reply;
    struct bl_fetched fetched_reply;
    struct bl_marked marked_reply;
    struct bl_dues dues_reply;
    struct bl_erasable erasable_reply;
    struct bl_loaded *loaded_reply;
    struct bl_checked *checked_reply;
    struct list *pages_reply;
    struct list living_reply;
};

struct entry {
    int64_t ms, seq;
    struct bl_str id, value;
    enum bl_entry_kind kind;
    bool acked;
    int64_t deliveries;
};

struct shard { /* one partition */
    struct table t;
    struct list seen, changes, aside, recent; /* oldest first, as all lists here */
    struct entry *entries;
    size_t n_entries, cap_entries;
    size_t n_read, n_acked;
    struct fence fence;
    uint64_t version; /* of the fence: how often it was written */
    struct fence lease;
    int64_t lease_until;
    int64_t told_ms; /* who is due first, the last time that an owner was told; for a fault that is planted */
};

struct living {
    struct bl_str name;
    int64_t at_ms;
};

struct store {
    struct shard shard[SIM_PARTITIONS];
    struct living living[64];
    size_t n_living;
    struct request **log; /* what was carried out */
    size_t n_log, cap_log;
};

/* Carries the request out at its store_ms and fills in the reply. */
void store_apply(struct sim *s, struct request *r);
/* What came of it, for the schedule; good until the next call. */
const char *store_result(const struct sim *s, const struct request *r);
/* What a worker is handed of it: with texts of its own, which are spoilt when it lets go of them. */
struct bl_fetched store_hand_over(struct sim *s, const struct bl_fetched *f);
/* The last `n` commands never happened. */
void store_lose(struct sim *s, size_t n);
void store_clear(struct store *st);
void store_release(struct store *st);
int64_t store_now(const struct sim *s);
/* When somebody is due first, to whoever has come so far (ports.h); BL_NEVER: never. */
int64_t store_earliest(const struct sim *s, int p, int64_t passed_ms);
/* How far an owner has come at the latest, by what is committed. */
int64_t store_passed(const struct shard *h);
/* Lag 0 and nothing due. */
bool store_at_rest(const struct sim *s);

/* ---- net.c ---- */

struct link {
    int worker, p; /* p < 0: leases and heartbeats */
    bool up;
    struct conn *conn;
    struct request *under_way[32];
    size_t n_under_way;
};

void net_open(struct sim *s, struct link *l);
void net_send(struct sim *s, struct link *l, struct request *r);
void net_arrive(struct sim *s, struct conn *c, struct request *r);
void net_answer(struct sim *s, struct conn *c, struct request *r);
/* The worker gives the connection up. `dead`: what is still under way is lost; else it may arrive. */
void net_drop(struct sim *s, struct link *l, bool dead);

/* ---- world.c ---- */

struct awaiting { /* a fetch that goes out when the doorbell rings */
    void *ctx;
    int p;
    size_t max;
    enum bl_tick tick;
    int64_t passed_ms;
    bl_fetched_fn *fetched;
    void *arg;
};

struct slot {
    struct link data;
    struct fence fence;
    bool watched;
    struct request *restoring; /* waits for the connection */
    struct request *commit;    /* being put together */
    bl_done_fn *rung;          /* somebody waits at the doorbell */
    void *rung_arg;
    struct bl_str rung_id;
    int64_t rung_number;
    struct awaiting await;
};

struct host { /* a worker and its ports */
    struct sim *sim;
    int i;
    bool alive, stopped, stopping;
    unsigned life; /* which process this is */
    uint64_t nonce;
    struct bl_str name;
    int64_t clock_ms; /* what its local clock is ahead of the simulation's */
    int64_t until_ms; /* paused until then */
    struct bl_worker *worker;
    struct link control;
    struct slot slot[SIM_PARTITIONS];
};

void world_start(struct sim *s, int i);
void world_crash(struct sim *s, int i);
/* For the schedule: what it is, and of which worker and partition (good until the next call). */
const char *world_name(const struct request *r);
const char *world_whose(const struct sim *s, const struct request *r);
/* The answer to r, or that there is none. */
void world_answer(struct sim *s, struct request *r, bool answered);
void world_up(struct sim *s, struct link *l);
void world_down(struct sim *s, struct link *l);
void world_bell(struct sim *s, int worker, int p, int64_t number);
/* Something was appended. */
void world_ring(struct sim *s, int p);

/* ---- schedule.c ---- */

enum event_kind { EV_ARRIVE, EV_ANSWER, EV_FAIL, EV_TIMEOUT, EV_UP, EV_BELL, EV_TICK, EV_START, EV_TRAFFIC };

struct event {
    int64_t at_ms;
    uint64_t order;
    enum event_kind kind;
    int worker; /* < 0: of no worker */
    unsigned life;
    int p;
    int64_t number;
    struct link *link;
    struct conn *conn;
    struct request *request;
};

/* What can happen in this run, each as a chance in 10,000 per step. */
struct dangers {
    unsigned crash, leave, pause, cut, store_crash, lost_tail, jump, quiet;
    unsigned late, lost;  /* of messages, in 10,000 */
    unsigned slow, stall; /* messages; calls of the local clock */
    unsigned poison;      /* of events, in 10,000: workers die of them */
    unsigned hunger;      /* allocations of a worker, in 10,000: there is no memory */
};

struct sim {
    uint64_t seed, random;
    bool trace;
    int partitions, workers;
    struct arena arena;
    struct dangers dangers;
    bool calm;
    int64_t now_ms, offset_ms; /* the simulation's clock; what the store's is ahead */
    uint64_t order;
    struct event *events;
    size_t n_events, cap_events;
    struct store store;
    struct host host[SIM_WORKERS];
    struct bl_settings own;
    size_t seen_max, hand_max, recent_max;
    int64_t seen_ms, behind_ms;
    int64_t rules_version;
    unsigned event_number, n_poison;
    int64_t traffic_ms; /* it ends then */
    int64_t deadly_ms;  /* when a worker last died of poison */
    size_t n_held;      /* texts of fetches that nobody has let go of yet */
    size_t n_steps, n_patterns, n_commits, n_fenced, n_crashes, n_takeovers;
    struct bl_buf said; /* what the judge found; empty: nothing */
};

/* What does not depend on the seed. */
struct sim_rules {
    struct bl_settings settings[SIM_RULES];
    struct bl_buf text[SIM_RULES];
};
extern struct sim_rules sim_rules;
extern const struct bl_hash_key sim_key;

uint64_t sim_random(struct sim *s);
int64_t sim_below(struct sim *s, int64_t n);
bool sim_chance(struct sim *s, unsigned in_10000);
struct event *sim_at(struct sim *s, int64_t at_ms, enum event_kind kind, int worker);
/* The first thing wrong ends the run. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_say(const struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *sim_get(struct sim *s, size_t n);
struct bl_str sim_copy(struct sim *s, struct bl_str text);
struct bl_str sim_text(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One run; true: nothing was wrong. */
bool sim_run(struct sim *s, uint64_t seed, bool trace);
void sim_release(struct sim *s);

/* ---- memory.c ---- */

/* Whose worker has to fear for its memory from now on; NULL: nobody's. Returns whether it was so before. */
bool memory_hungry(struct sim *s);

/* ---- traffic.c, judge.c ---- */

void traffic_step(struct sim *s);
void traffic_append(struct sim *s, int p, enum bl_entry_kind kind, struct bl_str text);
/* Events to this page kill the worker; so does a deadline of somebody who is on the other. */
#define SIM_DEADLY      BL_STR("/deadly")
#define SIM_DEADLY_LATE BL_STR("/deadly-later")
/* So does what is to be stored of somebody who is there. */
#define SIM_DEADLY_STORE BL_STR("/deadly-stored")
/* They kill whoever goes through them again; they are late, so that nothing is missing of their users. */
#define SIM_DEADLY_REDO BL_STR("/again/deadly")
/* While a worker is run: where it goes when it dies. */
extern jmp_buf *sim_death;
/* After each command: entries added = committed + lag, nothing acknowledged before its effects. */
void judge_balance(struct sim *s, int p);
/* Time enters the stream: for deadlines that are those of the users. */
void judge_tick(struct sim *s, int p);
/* At rest: all that is stored is what the undisturbed run gives. */
void judge_all(struct sim *s);
void judge_release(void);

/* ---- compare.c: the first difference fails the run ---- */

void states_release(void);
struct table states_in_one_form(struct sim *s, const struct table *t); /* to be released */
void compare_tables(struct sim *s, int p, const struct table *have, const struct table *want);
void compare_lists(struct sim *s, int p, const char *what, const struct list *have, const struct list *want);
/* Elements against all lines there have been; at least the newest `least` of them are to be there. */
void compare_recent(struct sim *s, int p, const struct list *elements, const struct list *lines,
                    size_t least);
/* In which order the patterns of one erasure went is nobody's business. */
void compare_sort_erased(struct list *l);
/* Who is careful fires before it reads: what one entry has set aside has no order. */
struct list *compare_sorted(struct list *l);

#endif
