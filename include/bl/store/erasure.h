/* Erasures, as a serve process follows them: who is erased, so that nothing of such a user enters the stream again; and
 * what is left to do when the worker has done its part: rejected events and entries set aside, which are streams of
 * their own, until every serve process must have heard of the erasure (BL_ERASE_SETTLE_MS). Any process does it, each
 * step may be done twice, and what is unfinished stands in the store (keys.def `erasures`), so all of them can die. */
#ifndef BL_STORE_ERASURE_H
#define BL_STORE_ERASURE_H

#include "bl/base/hash.h"
#include "bl/store/link.h"

struct bl_erasure;

struct bl_erasure_counts {
    uint64_t tombstones; /* gauge: known */
    uint64_t unfinished; /* gauge */
    uint64_t finished;   /* by this process */
};

/* env is copied. */
BL_CHECKED enum bl_err bl_erasure_new(struct bl_str env, struct bl_erasure **out);
/* No poll may be pending: close the link first. NULL is fine. */
void bl_erasure_free(struct bl_erasure *e);
/* The data set that this process works with, from now on; forgets what was known of another. */
BL_CHECKED enum bl_err bl_erasure_open(struct bl_erasure *e, struct bl_hash_key key, int partitions);
/* Asks anew and does the next steps, unless the last poll has not been answered. The link must load the scripts. */
void bl_erasure_poll(struct bl_erasure *e, struct bl_link *link);
/* Somebody has just seen this tombstone: from now on it is known here, without waiting for the next poll. */
void bl_erasure_stands(struct bl_erasure *e, struct bl_str user_id, int64_t at_ms);
/* An empty user_id: anybody at all. */
bool bl_erasure_has(const struct bl_erasure *e, struct bl_str user_id);
const struct bl_erasure_counts *bl_erasure_counts(const struct bl_erasure *e);

#endif
