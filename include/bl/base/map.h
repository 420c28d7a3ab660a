/* A hash map from byte strings to pointers. The entry is the caller's struct and carries its own key: the map
 * keeps pointers only, asks the entry for its key, borrows everything, and never frees an entry. Open addressing, linear
 * probing. */
#ifndef BL_BASE_MAP_H
#define BL_BASE_MAP_H

#include "bl/base/err.h"
#include "bl/base/hash.h"
#include "bl/base/str.h"

struct bl_map_slot {
    uint64_t hash;
    void *entry; /* NULL: free slot */
};

typedef struct bl_str bl_map_key_fn(const void *entry);

struct bl_map {
    struct bl_map_slot *slots;
    size_t n, cap; /* cap is 0 or a power of two */
    bl_map_key_fn *key_of;
    struct bl_hash_key seed;
};

/* The seed comes from the system's random source: keys may be chosen by strangers. */
void bl_map_init(struct bl_map *m, bl_map_key_fn *key_of);
/* Of entries that begin with their key. */
bl_map_key_fn bl_map_first;
void bl_map_release(struct bl_map *m);
/* NULL if there is none. */
void *bl_map_get(const struct bl_map *m, struct bl_str key);
/* Inserts or replaces. The entry must stay, and its key the same, as long as it stands in the map. */
BL_CHECKED enum bl_err bl_map_put(struct bl_map *m, void *entry);
/* Removes and gives the entry back; NULL if there was none. */
void *bl_map_del(struct bl_map *m, struct bl_str key);
/* For whoever knows some time before that it will look a key up: the hash once, then the slot and the entry can be
 * fetched into the cache meanwhile. The hash is good for this map alone. */
uint64_t bl_map_hash(const struct bl_map *m, struct bl_str key);
void bl_map_prefetch(const struct bl_map *m, uint64_t hash);
/* An entry of that hash, which is nearly always the right one; NULL if there is none. */
void *bl_map_peek(const struct bl_map *m, uint64_t hash);
/* bl_map_get with the hash at hand. */
void *bl_map_get_hashed(const struct bl_map *m, struct bl_str key, uint64_t hash);
/* Iteration: i starts at 0; NULL at the end. Do not change the map meanwhile. */
void *bl_map_next(const struct bl_map *m, size_t *i);
void bl_map_clear(struct bl_map *m);

#endif
