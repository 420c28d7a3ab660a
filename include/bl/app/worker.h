/* A worker: owns its share of the partitions by lease and carries each through fetch, step, commit. Runs on
 * ports (ports.h) and on the calls of bl_worker_tick: it knows neither Redis nor a loop, so that it runs the
 * same in a simulation. */
#ifndef BL_APP_WORKER_H
#define BL_APP_WORKER_H

#include "bl/app/latency.h"
#include "bl/app/partition.h"
#include "bl/app/ports.h"

struct bl_worker_options {
    const char *name; /* of this worker among the workers; borrowed */
    int partitions;
    bool event_mode;
    struct bl_hash_key hash_key;     /* of the data set */
    const struct bl_settings *rules; /* borrowed */
    int64_t renew_ms;
    int64_t gather_ms; /* under load, from one fetch of a partition to the next */
    int64_t behind_ms; /* under load, how far users may be stored behind the rest; 0: never */
    size_t calm_bytes; /* of events a second, in all partitions: what is no load yet */
    int64_t seen_ms;   /* SPEC 2.7 */
    size_t seen_max;
    size_t recent_max;
    size_t hand_max; /* bytes of the users at hand */
};

/* What this worker did since it began, for /metrics. */
struct bl_worker_totals {
    uint64_t entries, events, duplicates, erased, late, commits, patterns, quarantined, corrupt, fenced, lost,
        takeovers, loaded, evicted;
    /* From the moment the store took an entry to the commit of the patterns it made, by the store's clock. Live time
     * only. */
    struct bl_latency latency;
};

struct bl_worker;

BL_CHECKED enum bl_err bl_worker_new(const struct bl_worker_options *options, const struct bl_ports *ports,
                                     struct bl_worker **out);
/* To be called every BL_WORKER_TICK_MS or so: heartbeats, renewals, looking for free partitions. */
#define BL_WORKER_TICK_MS 50
void bl_worker_tick(struct bl_worker *w);
/* Finishes the commits under way, gives everything back, leaves; then stopped(ctx), once. */
void bl_worker_stop(struct bl_worker *w, void (*stopped)(void *ctx), void *ctx);
/* Only after stopped. */
void bl_worker_free(struct bl_worker *w);
const struct bl_worker_totals *bl_worker_totals(const struct bl_worker *w);
size_t bl_worker_owned(const struct bl_worker *w);
const struct bl_hand *bl_worker_hand(const struct bl_worker *w);

#endif
