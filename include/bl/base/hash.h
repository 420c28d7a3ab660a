/* Keyed hashing: SipHash-2-4 with 64 and 128 bits of output, and a quicker one for tables in memory. Users are spread over partitions by the data
 * set's key (SPEC 1); pattern ids use a fixed key, so that they are the same everywhere (SPEC 5.2). */
#ifndef BL_BASE_HASH_H
#define BL_BASE_HASH_H

#include "bl/base/str.h"

struct bl_hash_key {
    uint64_t k0, k1;
};

struct bl_hash128 {
    uint64_t lo, hi;
};

uint64_t bl_hash64(struct bl_hash_key key, struct bl_str s);
/* SipHash-1-3: for a key that is random, nobody's to know and gone with the process, as other languages' own maps have
 * it. Nothing of it is ever stored or shown. */
uint64_t bl_hash64_map(struct bl_hash_key key, struct bl_str s);
struct bl_hash128 bl_hash128(struct bl_hash_key key, struct bl_str s);

#endif
