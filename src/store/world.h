/* Private to the worker's ports on Redis. */
#ifndef BL_STORE_WORLD_PRIVATE_H
#define BL_STORE_WORLD_PRIVATE_H

#include "bl/base/magic.h"
#include "bl/store/link.h"
#include "bl/store/world.h"
#include "commands.h"
#include "scripts.h"

#include <hiredis/hiredis.h>
#include <uv.h>

#define WORLD_MAGIC BL_MAGIC('w', 'r', 'l', 'd')
#define SLOT_MAGIC  BL_MAGIC('s', 'l', 'o', 't')
#define GROUP       "core"
#define CONSUMER    "owner"

/* The call under way on a partition; there is one at a time. */
struct call {
    void *arg;
    size_t n, i; /* replies expected, and come */
    enum bl_err err;
    union {
        bl_restored_fn *restored;
        bl_fetched_fn *fetched;
        bl_marked_fn *marked;
        bl_dues_fn *dues;
        bl_done_fn *done;
        bl_erasable_fn *erasable;
    } fn;
    bl_loaded_fn *loaded;
    bl_checked_fn *checked;
    bl_names_fn *names;
    bl_trimmed_fn *trimmed;
    size_t n_ids;
    size_t max;        /* of a fetch: entries at most */
    int64_t passed_ms; /* of a fetch: see ports.h */
    enum bl_tick tick;
};

/* What many users or patterns of a commit say to one key (world_put.c). */
enum gathered {
    GATHERED_DUE,
    GATHERED_IDLE,
    GATHERED_ACTIVE,
    GATHERED_AWAY,
    GATHERED_PATTERNS,
    GATHERED_OPENED,
    GATHERED_CLOSED,
    GATHERED_STORED,
    GATHERED_COUNT
};

#define LOAD_GROUP 64 /* users whose deadlines are asked for at once: Redis serves others in between */

/* world_counts.c */
struct known {
    int64_t mark, value; /* of which hash; what is stored, with what this commit adds */
    uint32_t question;   /* the last one whose answer is the value */
    bool sure;
    uint8_t n_name;
    char name[42];
};

struct asked {
    struct known *known;
    uint32_t question;
    size_t command; /* of the commit */
};

struct expiring {
    int64_t mark, at_ms;
};

struct counts_known {
    struct known known[1024];
    struct asked asked[64]; /* in this commit */
    size_t n_asked;
    uint32_t questions;
    struct expiring expiring[16]; /* hashes that have got their TTL, and when */
    size_t n_expiring;
    int64_t mark; /* the last HSET of this commit: of which hash, the commands up to it, its fields */
    size_t command, n_fields;
};

struct slot {
    uint32_t magic;
    struct bl_world *world;
    int p;
    struct bl_link *data;
    int64_t client_id; /* of its connection, as Redis calls it; 0: not known */
    bool restoring;    /* waits for the link to come up */
    bool watched;      /* this connection has seen the fence hold, and watches it */
    char fence[64];    /* nonce epoch */
    char owed[64];     /* one that could not be given back: it is once there is a connection; empty: none */
    int64_t now_ms;    /* the store's clock at the last fetch */
    int64_t now_at;    /* and ours */

    struct call call;
    int64_t scores[LOAD_GROUP]; /* of the users being loaded */
    struct bl_buf scratch;
    struct bl_buf rules; /* at take-over: the first version of the data set's rules */
    int64_t rules_version, rules_at_ms;
    void *items; /* scratch for what is handed up */
    size_t cap_items;

    bl_acquired_fn *acquired;
    void *acquired_arg;
    bl_done_fn *released, *renewed;
    void *released_arg, *renewed_arg;

    /* One of three at a time: a pause is over, a doorbell without a connection rings, a wake is said again. */
    uv_timer_t bell_timer;
    bool timing;  /* one of the first two */
    bool blocked; /* Redis has been asked to wait, and has not come back: nothing else is under way */
    uv_idle_t pause;
    bl_done_fn *rung;
    void *rung_arg;

    struct bl_due dues[2 * BL_DUE_FETCHED]; /* told with the entries */
    size_t ask_dues;                        /* how many deadlines the next fetch looks at */
    bool asks_dues;                         /* the one under way does */
    int64_t due_from_ms;                    /* nobody is due before (world_due.c); INT64_MIN: not known */
    struct commands commit, watch;
    struct commands fetch; /* goes behind `commit` in the same transaction */
    struct commands bell;  /* goes before the transaction */
    struct commands gathered[GATHERED_COUNT];
    size_t n_acks, n_seen; /* in this commit */
    struct counts_known counts;
    bool changes_capped; /* in this commit */
    unsigned trims;      /* steps of retention in a row that were not enough */
    bool refused, oom, exec_ok, exec_bad, asked;
    redisReply *answers; /* of a transaction with a fetch in it; NULL: none, or it was not carried out */
    void (*over)(struct slot *s, enum bl_err err);
    bl_done_fn *committed;
    void *committed_arg;
};

struct bl_world {
    uint32_t magic;
    struct bl_world_options options;
    char *url, *env, *name;
    char nonce[24];
    struct bl_link *control;
    struct slot *slots;
    bl_names_fn *living;
    bl_done_fn *beaten;
    void *beaten_arg;
    int open; /* links and timers that are not closed yet */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct slot *world_slot(void *ctx, int p);
enum bl_err world_connect(struct slot *s);
/* What the reply says about going on; logs what is not expected. A forgotten script resets the link. */
enum bl_err world_error(struct bl_link *link, const redisReply *reply);
struct bl_str world_text(const redisReply *reply);
/* Number in a reply of integer or text. */
int64_t world_int(const redisReply *reply, int64_t otherwise);
/* Sends command i of c on the link. */
void world_send(struct bl_link *link, const struct commands *c, size_t i, bl_reply_fn *fn, void *ctx);
void *world_items(struct slot *s, size_t n, size_t size);
/* A script over keys of the partition. */
void world_script(struct slot *s, struct bl_link *link, enum bl_script script, const enum bl_key *keys,
                  size_t n_keys, const struct bl_str *args, size_t n_args, bl_reply_fn *fn, void *ctx);

/* world_read.c */
/* A call of n replies is under way; what was being put together is gone. */
void world_call_begin(struct slot *s, size_t n, void *arg);
/* One reply more; true if it was the last. */
bool world_call_reply(struct slot *s, const redisReply *reply);
void world_call_done(struct slot *s);
void world_restore(void *ctx, int p, bl_restored_fn *fn, void *arg);
void world_restore_now(struct slot *s);
void world_reread(void *ctx, int p, struct bl_str after, struct bl_str upto, size_t max, bl_fetched_fn *fn,
                  void *arg); /* world_fetch.c */
void world_restore_fail(struct slot *s);
void world_mark(void *ctx, int p, struct bl_str place, struct bl_str step, bl_marked_fn *fn, void *arg);
void world_load(void *ctx, int p, const struct bl_str *users, size_t n, bl_loaded_fn *each, bl_done_fn *done,
                void *arg);
void world_check(void *ctx, int p, const struct bl_str *ids, size_t n_ids, const int64_t *buckets,
                 size_t n_buckets, bl_checked_fn *each, bl_names_fn *pages, bl_done_fn *done, void *arg);

/* world_due.c */
void world_due(void *ctx, int p, int64_t passed_ms, int64_t until_ms, size_t max, bl_dues_fn *fn, void *arg);
/* Whoever was last seen BL_IDLE_MS before passed_ms has been looked at: the bound of a ZRANGE for those who have not. */
struct bl_str world_seen_after(int64_t passed_ms, char out[24]);
/* Of two lists user, time, user, time …, from the deadlines and from the active users, both at most `max` long, to one in
 * order. Of each list no more than until_ms. out: room for 2 * max. */
struct dues {
    size_t n;            /* in `out` */
    size_t most;         /* of either list were due */
    int64_t earliest_ms; /* of either list, due or not; BL_NEVER: both are empty */
};
enum bl_err world_take_dues(const redisReply *deadlines, const redisReply *active, size_t max,
                            int64_t until_ms, struct bl_due *out, struct dues *dues);
/* So many users were due the last time that somebody looked. */
void world_saw_due(struct slot *s, size_t n);
/* What is known of who is due first: a commit says so of somebody; nothing any more. */
void world_due_put(struct slot *s, int64_t due_ms);
void world_due_forget(struct slot *s);
/* For so long nobody is due; 0: somebody is by now, or soon, or may be. */
int64_t world_due_in(const struct slot *s);

/* world_fetch.c */
void world_fetch(void *ctx, int p, size_t max, bool pending, enum bl_tick tick, int64_t passed_ms,
                 bl_fetched_fn *fn, void *arg);
void world_await(void *ctx, int p, struct bl_str id, int64_t wait_ms, size_t max, enum bl_tick tick,
                 int64_t passed_ms, bl_fetched_fn *fn, void *arg);
void world_put_fetch(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                     void *arg);
/* The transaction that a fetch was in is over, and not in vain: tells what there is; or fetches by script, if it was refused
 * for want of memory and had no answers. */
void world_fetched(struct slot *s);

/* world_transact.c */
/* Carries out what stands in s->commit and s->fetch while the fence holds, or nothing of it; once s->bell has rung, if there
 * is one. over: BL_OK, and s->answers if there was a fetch; s->oom: nothing was done, for want of Redis' memory, but the fence
 * holds; other errors as in ports.h. */
void world_transact(struct slot *s, void (*over)(struct slot *s, enum bl_err err));

/* world_tend.c */
void world_tend(void *ctx, int p, int64_t clock_ms, bl_trimmed_fn *trimmed, bl_done_fn *fn, void *arg);

/* world_bell.c */
void world_wait(void *ctx, int p, struct bl_str id, int64_t wait_ms, bl_done_fn *fn, void *arg);
/* Puts the question into s->bell; and sends it, before a transaction. */
void world_bell(struct slot *s, struct bl_str id, int64_t wait_ms);
void world_send_bell(struct slot *s);
void world_wake(void *ctx, int p);
void world_pause(void *ctx, int p, int64_t ms, bl_done_fn *fn, void *arg);

/* world_lease.c */
void world_acquire(void *ctx, int p, bl_acquired_fn *fn, void *arg);
void world_renew(void *ctx, int p, bl_done_fn *fn, void *arg);
/* There is a connection again: what is owed is given back. */
void world_repay(struct bl_world *w);
void world_release(void *ctx, int p, bl_done_fn *fn, void *arg);
void world_beat(void *ctx, bool leave, bl_names_fn *living, bl_done_fn *done, void *arg);

/* world_put.c */
void world_begin(void *ctx, int p);
size_t world_put_bytes(void *ctx, int p);
/* What was gathered takes its place in the commit: whatever follows comes behind it. */
void world_gathered(struct slot *s);
/* Counts (world_counts.c): a commit begins, or is over; EXEC's answer to one; nothing is known any more. */
void world_counts_begin(struct slot *s);
void world_counts_learn(struct slot *s, const redisReply *exec);
void world_counts_forget(struct slot *s);
void world_put_user(void *ctx, int p, const struct bl_put_user *u);
void world_put_pattern(void *ctx, int p, const struct bl_put_pattern *x);
void world_put_part(void *ctx, int p, struct bl_str position, bool first);
void world_put_stored(void *ctx, int p, struct bl_str user_id);
void world_put_change(void *ctx, int p, const struct bl_put_change *x);
void world_put_count(void *ctx, int p, enum bl_tally tally, int64_t number, struct bl_str field, int64_t n);
void world_put_rate(void *ctx, int p, struct bl_str text);
void world_put_recent(void *ctx, int p, struct bl_str lines, size_t keep);
void world_put_seen(void *ctx, int p, struct bl_str chunk);
void world_drop_seen(void *ctx, int p, size_t chunks);
void world_put_quarantine(void *ctx, int p, struct bl_str id, int64_t line, const char *reason,
                          struct bl_str text);
void world_put_unmark(void *ctx, int p);
void world_put_rules(void *ctx, int p, const struct bl_put_rules *x);
void world_put_ack(void *ctx, int p, struct bl_str id);
void world_put_position(void *ctx, int p, const struct bl_put_position *x);

/* world_erase.c */
void world_erasable(void *ctx, int p, struct bl_str user_id, size_t patterns_max, size_t recent_bytes,
                    bl_erasable_fn *fn, void *arg);
void world_put_erased_pattern(void *ctx, int p, struct bl_str user_id, struct bl_str id);
void world_put_erased(void *ctx, int p, const struct bl_put_erased *x);
void world_put_readmitted(void *ctx, int p, struct bl_str hash);
void world_put_recent_all(void *ctx, int p, const struct bl_str *elements, size_t n);

/* world_commit.c */
void world_end(void *ctx, int p, bl_done_fn *fn, void *arg);

#endif
