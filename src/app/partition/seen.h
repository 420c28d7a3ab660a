/* The event ids that a partition remembers (SPEC 2.7), as hashes: bounded in time and number, the oldest go
 * first. */
#ifndef BL_APP_SEEN_H
#define BL_APP_SEEN_H

#include "bl/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_id {
    uint64_t hash;
    int64_t received_ms;
};

struct seen_ids {
    int64_t keep_ms;
    struct seen_id *ring;      /* oldest at `first` */
    size_t max, cap, first, n; /* cap: a power of two */
    uint64_t *index;           /* hash set over the ring (seen.c); open addressing */
    size_t index_cap;
};

void seen_init(struct seen_ids *s, size_t max, int64_t keep_ms);
void seen_release(struct seen_ids *s);
/* Was it taken less than keep_ms before `received_ms`? */
bool seen_has(const struct seen_ids *s, uint64_t hash, int64_t received_ms);
/* Remembers it; received_ms never falls from call to call. */
BL_CHECKED enum bl_err seen_put(struct seen_ids *s, uint64_t hash, int64_t received_ms);

#endif
