/* Watching what happens (SPEC 6, GET /api/stream): one reader of all partitions' change feeds, however many watch, and
 * what each of them is sent. A watcher gets events as text (Server-Sent Events), each with an id that says how far in
 * every partition's feed it is; with that id it can go on at any process. Nothing here knows HTTP or Redis.
 *
 * Promises: no change twice, none left out, between two ids of one watcher, whichever process sent them; or a `reset`
 * where the feed no longer holds what was missed. Changes of one partition come in order. A pattern is loaded once per
 * change, and its text is made once for all. */
#ifndef BL_APP_WATCH_H
#define BL_APP_WATCH_H

#include "bl/app/query.h"

struct bl_watch;
struct bl_watcher;

/* An entry of a partition's change feed. Borrowed for the call. */
struct bl_watch_entry {
    int partition;
    struct bl_str id, change, pattern_id;
};
/* STORE_UNAVAILABLE: not connected, or lost. n == 0: nothing came for a while. */
typedef void bl_watch_entries_fn(void *ctx, enum bl_err err, const struct bl_watch_entry *entries, size_t n);

/* The feeds: fn runs once, never from inside. Entries of one partition come in order. */
struct bl_watch_feed {
    void *port;
    /* What stands behind `after[p]` in partition p's feed, as soon as there is anything. */
    void (*wait)(void *port, const struct bl_str *after, size_t partitions, bl_watch_entries_fn *fn,
                 void *ctx);
};

/* Where a watcher's events go. `to` is what joined() returned. */
struct bl_watch_sink {
    /* false: it took too long to read and is gone. */
    bool (*write)(void *to, struct bl_str text);
    size_t (*waiting)(const void *to); /* bytes that it has not read yet */
    void (*close)(void *to);
};

struct bl_watch_options {
    const struct bl_reads *reads; /* borrowed, as is what follows */
    struct bl_queries *queries;
    struct bl_watch_feed feed;
    struct bl_watch_sink sink;
    size_t watchers_max;
};

BL_CHECKED enum bl_err bl_watch_new(const struct bl_watch_options *options, struct bl_watch **out);
/* Ports closed and watchers gone before. NULL is fine. */
void bl_watch_free(struct bl_watch *w);

/* Answers once, perhaps from inside: err, or a watcher x for whom the caller returns where its events go (NULL: it went
 * away meanwhile; x is gone then). The first events come from inside of bl_watch_begin, which the caller calls next. */
typedef void bl_watch_joined_fn(void *ctx, enum bl_err err, struct bl_watcher *x);
/* `filter`: type, severity, user and page count. `last_id`: where the watcher stopped; empty: it is new; what is no id
 * of ours leads to a reset. */
void bl_watch_join(struct bl_watch *w, const struct bl_query *filter, struct bl_str last_id,
                   bl_watch_joined_fn *joined, void *ctx);
/* From here on events go to `to`. */
void bl_watch_begin(struct bl_watcher *x, void *to);
/* The watcher went away. Also instead of begin. Not after the sink said that it is gone. */
void bl_watch_leave(struct bl_watcher *x);

/* To be called about twice a second, with a clock that only goes forward. */
void bl_watch_tick(struct bl_watch *w, int64_t now_ms);
/* Nothing is begun any more. */
void bl_watch_stop(struct bl_watch *w);

struct bl_watch_counts {
    size_t watchers; /* gauge */
    uint64_t changes, resets, slow;
};
const struct bl_watch_counts *bl_watch_counts(const struct bl_watch *w);

#endif
