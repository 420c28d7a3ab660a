/* How long it took, as counts in buckets that grow with the time: small enough to go out with every heartbeat, exact
 * enough for a median and a 99th percentile. */
#ifndef BL_APP_LATENCY_H
#define BL_APP_LATENCY_H

#include "bl/base/str.h"

/* Upper bounds in ms, both sides counted as whole ms; the last bucket takes what is longer. */
#define BL_LATENCY_BOUNDS(X)                                                                                 \
    X(0)                                                                                                     \
    X(1)                                                                                                     \
    X(2)                                                                                                     \
    X(3)                                                                                                     \
    X(4)                                                                                                     \
    X(6)                                                                                                     \
    X(8)                                                                                                     \
    X(12)                                                                                                    \
    X(16)                                                                                                    \
    X(24) X(32) X(48) X(64) X(96) X(128) X(192) X(256) X(384) X(512) X(768) X(1024) X(2048) X(4096) X(8192)
#define BL_LATENCY_ONE(ms) +1
#define BL_LATENCY_BUCKETS (BL_LATENCY_BOUNDS(BL_LATENCY_ONE) + 1)

struct bl_latency {
    uint64_t bucket[BL_LATENCY_BUCKETS];
    uint64_t sum_ms;
};

void bl_latency_add(struct bl_latency *l, int64_t ms); /* below 0 counts as 0: clocks differ */
/* The upper bound of bucket i; -1 for the last: there is none. */
int64_t bl_latency_bound(size_t i);
/* The time below which the share `q` (0..1) of all lies, in ms, taken to be spread evenly within a bucket. false:
 * there are none. */
bool bl_latency_quantile(const struct bl_latency *l, double q, double *ms);

/* As counters of a process: a name for each bucket, `pattern_latency_ms:BOUND`, `:inf` and `:sum`. */
const char *bl_latency_name(size_t i); /* i == BL_LATENCY_BUCKETS: of the sum */
#define BL_LATENCY_PREFIX "pattern_latency_ms:"
/* false: the counter is none of these. */
bool bl_latency_take(struct bl_latency *l, struct bl_str name, uint64_t value);

#endif
