/* Buckets of time. Bounds and counter names are one list. */
#include "bl/app/latency.h"

#include <string.h>

#define BOUND(ms) ms,
static const int64_t bounds[BL_LATENCY_BUCKETS] = {BL_LATENCY_BOUNDS(BOUND) - 1};

#define NAME(ms) BL_LATENCY_PREFIX #ms,
static const char *const names[BL_LATENCY_BUCKETS + 1] = {BL_LATENCY_BOUNDS(NAME) BL_LATENCY_PREFIX "inf",
                                                          BL_LATENCY_PREFIX "sum"};

void bl_latency_add(struct bl_latency *l, int64_t ms)
{
    size_t i = 0;
    ms = ms < 0 ? 0 : ms;
    while (bounds[i] >= 0 && ms > bounds[i])
        i++;
    l->bucket[i]++;
    l->sum_ms += (uint64_t)ms;
}

int64_t bl_latency_bound(size_t i)
{
    return bounds[i];
}

bool bl_latency_quantile(const struct bl_latency *l, double q, double *ms)
{
    uint64_t all = 0, before = 0;
    for (size_t i = 0; i < BL_LATENCY_BUCKETS; i++)
        all += l->bucket[i];
    if (all == 0)
        return false;
    double want = q * (double)all;
    for (size_t i = 0; i < BL_LATENCY_BUCKETS; i++) {
        double low = i ? (double)bounds[i - 1] : 0, high = bounds[i] < 0 ? low : (double)bounds[i];
        *ms = high;
        if (l->bucket[i] && (double)(before + l->bucket[i]) >= want) {
            *ms = low + (high - low) * (want - (double)before) / (double)l->bucket[i];
            return true;
        }
        before += l->bucket[i];
    }
    return true;
}

const char *bl_latency_name(size_t i)
{
    return names[i];
}

bool bl_latency_take(struct bl_latency *l, struct bl_str name, uint64_t value)
{
    for (size_t i = 0; i <= BL_LATENCY_BUCKETS; i++)
        if (bl_str_eqz(name, names[i])) {
            *(i < BL_LATENCY_BUCKETS ? &l->bucket[i] : &l->sum_ms) = value;
            return true;
        }
    return bl_str_starts(name, BL_STR(BL_LATENCY_PREFIX));
}
