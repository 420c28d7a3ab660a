/* Who has been erased, as keyed hashes: 128 bits of the user id under the data set's key, and when. The id itself is
 * nowhere: only who has the key and the id can tell that they belong together. A worker has one set for each of its
 * partitions, a serve process one for each of all; both follow what is stored (keys.def `tombstones`).
 *
 * Bounded: past `max` the oldest tombstone is forgotten (of equal times the one with the smallest hash), so that it is
 * the same wherever the stream is run. */
#ifndef BL_APP_ERASED_H
#define BL_APP_ERASED_H

#include "bl/base/err.h"
#include "bl/base/hash.h"
#include "bl/base/str.h"

#define BL_ERASED_HEX 32

struct bl_tombstone {
    struct bl_hash128 hash;
    int64_t at_ms; /* when the command entered the stream */
};

struct bl_erased {
    struct bl_tombstone *v; /* by hash */
    size_t n, cap, max;
    struct bl_hash_key key; /* of the data set */
};

void bl_erased_init(struct bl_erased *e, size_t max, struct bl_hash_key key);
void bl_erased_release(struct bl_erased *e);
void bl_erased_clear(struct bl_erased *e);
/* The hash that stands for a user. */
struct bl_hash128 bl_erased_hash(struct bl_hash_key key, struct bl_str user_id);
void bl_erased_hex(struct bl_hash128 hash, char out[BL_ERASED_HEX]); /* not terminated */
BL_CHECKED bool bl_erased_parse(struct bl_str hex, struct bl_hash128 *out);
/* NULL: not there. Borrowed until the next change. */
const struct bl_tombstone *bl_erased_find(const struct bl_erased *e, struct bl_hash128 hash);
/* One that is there takes the time. *forgotten: whether `oldest` was dropped for it. */
BL_CHECKED enum bl_err bl_erased_add(struct bl_erased *e, struct bl_hash128 hash, int64_t at_ms,
                                     bool *forgotten, struct bl_hash128 *oldest);
/* Many at once: any number of puts, then one settle, before which nothing else may be asked. BL_ERR_TOO_LARGE: past max. */
BL_CHECKED enum bl_err bl_erased_put(struct bl_erased *e, struct bl_hash128 hash, int64_t at_ms);
void bl_erased_settle(struct bl_erased *e);
/* false: it was not there. */
bool bl_erased_remove(struct bl_erased *e, struct bl_hash128 hash);

/* Costs nothing while nobody is erased. */
static inline bool bl_erased_has(const struct bl_erased *e, struct bl_str user_id)
{
    return e->n > 0 && bl_erased_find(e, bl_erased_hash(e->key, user_id)) != NULL;
}

#endif
