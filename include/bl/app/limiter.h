/* Token buckets by name: how often one user, key or address may do something. A bucket holds `burst` tokens and
 * gains `per_second` of them a second; who finds none waits. Pure: time comes in, and nothing is allocated after init.
 *
 * A table has a fixed number of places, so strangers who invent names cannot make it grow; limiter.c says which
 * bucket goes when a new name needs a place, and why nobody gains by it. Names are kept as 64-bit SipHashes under a key
 * of the process: who does not know it can neither choose his place nor meet another's bucket on purpose.
 *
 * One limit for several processes: each takes 1/n of it (bl_limiter_share). That is exact when the load is spread evenly;
 * a client with one connection, which reaches one process only, gets 1/n. */
#ifndef BL_APP_LIMITER_H
#define BL_APP_LIMITER_H

#include "bl/base/err.h"
#include "bl/base/hash.h"

struct bl_rate {
    int64_t per_second; /* 0: no limit; at most BL_RATE_MAX, as is burst */
    int64_t burst;      /* at least 1 */
};

struct bl_limiter_place;

struct bl_limiter {
    struct bl_rate rate;
    struct bl_hash_key key;
    int64_t shares;
    struct bl_limiter_place *places; /* NULL: no limit */
    size_t sets;                     /* a power of two */
    uint64_t forgotten;              /* buckets that had to go before they were full again */
};

/* At least `places` buckets; none if the rate says no limit. BL_ERR_NO_MEMORY. */
BL_CHECKED enum bl_err bl_limiter_init(struct bl_limiter *l, struct bl_rate rate, size_t places,
                                       struct bl_hash_key key);
void bl_limiter_release(struct bl_limiter *l);
/* The limit is shared with n - 1 other processes from now on; what has been spent stays spent. n >= 1. */
void bl_limiter_share(struct bl_limiter *l, size_t n);
/* Takes a token. 0: taken. Else nothing was: there will be one in so many ms, if nobody else takes it.
 * now_ms should not go back; if it does, no bucket gains by it and none is stuck. */
int64_t bl_limiter_take(struct bl_limiter *l, struct bl_str name, int64_t now_ms);
/* For what is known to cost more only after it was let in: ask first (0: there is a token), spend n afterwards. That may
 * overdraw the bucket once; the next one waits until it has been made good. */
int64_t bl_limiter_ask(struct bl_limiter *l, struct bl_str name, int64_t now_ms);
void bl_limiter_spend(struct bl_limiter *l, struct bl_str name, size_t n, int64_t now_ms);

#endif
