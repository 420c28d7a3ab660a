/* A consumer of the change feed (SPEC 5.4, keys.def `changes`): one group, read on every partition, for processes
 * that do something about patterns (explanations, alerts). Any number of processes may share a group: each change goes
 * to one of them.
 *
 * Each change is delivered at least once and stays pending until bl_feed_done: what a process that died had not
 * finished goes to another one (or its successor) after idle_ms, with `again` set, and after deliveries_max such
 * deaths it is dropped and counted. A group that lags so far that the capped feed has lost what it had not read is told
 * so: counted in `cut` and in the partition's counters as cut:GROUP. Nothing here ever makes a worker wait.
 *
 * At most held_max changes are in the handler's hands at a time; no more are fetched until some are done. While Redis
 * is away nothing is delivered; what is done meanwhile is acknowledged when it is back. */
#ifndef BL_STORE_FEED_H
#define BL_STORE_FEED_H

#include "bl/base/err.h"
#include "bl/base/str.h"

struct uv_loop_s;
struct bl_feed;

struct bl_feed_change {
    int partition;
    bool again;           /* delivered before: to a process that did not finish it */
    struct bl_str id;     /* of the feed's entry: when it was written, by the store's clock, in its ms part */
    int64_t written_ms;   /* that */
    int64_t now_ms;       /* the store's clock when it was fetched */
    struct bl_str change; /* new, raised, resolved, explained, erased */
    struct bl_str pattern_id, type, severity, page; /* erased: the first alone */
    int64_t at_ms;                                  /* the rule's time */
};

/* The change is the handler's, whole and unmoved, until bl_feed_done. Called from the loop only. */
typedef void bl_feed_fn(void *ctx, const struct bl_feed_change *change);

struct bl_feed_options {
    const char *url, *env; /* copied */
    const char *group;     /* copied; explain, alerts */
    const char *consumer;  /* copied; the process' id: unlike any other alive */
    int partitions;
    bool from_start;    /* a group that is new: all that the feed still holds, else what comes from now on */
    int held_max;       /* 1..1024 */
    int64_t idle_ms;    /* after this, what a silent consumer holds is taken over; > 1,000 */
    int deliveries_max; /* per change, 1 and up */
    void *ctx;
    bl_feed_fn *each;
};

struct bl_feed_counts {
    uint64_t changes;    /* delivered */
    uint64_t taken_over; /* among them: from a consumer that was silent */
    uint64_t dropped;    /* given up after deliveries_max, or not readable */
    uint64_t cut;        /* lost to the feed's cap before they were read */
};

/* Connects by itself; the data set should be open. */
BL_CHECKED enum bl_err bl_feed_new(struct uv_loop_s *loop, const struct bl_feed_options *options,
                                   struct bl_feed **out);
/* Finished with it, whatever came of it: acknowledged, and gone. May be called from inside the handler. */
void bl_feed_done(struct bl_feed *f, const struct bl_feed_change *change);
bool bl_feed_is_up(const struct bl_feed *f);
const struct bl_feed_counts *bl_feed_counts(const struct bl_feed *f);
/* Nothing is delivered any more; what was done is acknowledged if Redis answers; what was not goes
 * to the next process, at once. Changes still held are gone when closed(ctx) runs, from the loop. */
void bl_feed_close(struct bl_feed *f, void (*closed)(void *ctx), void *ctx);

#endif
