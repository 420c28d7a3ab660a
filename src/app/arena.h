/* Memory for one round of work: bytes that stay where they are until everything is forgotten at once. */
#ifndef BL_APP_ARENA_H
#define BL_APP_ARENA_H

#include "bl/base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* in use, the newest first */
    size_t used;                /* of the newest */
    struct arena_chunk *spare;  /* kept for the next round */
};

/* NULL when there is no memory. Aligned for anything. */
void *arena_get(struct arena *a, size_t n);
/* A copy; p == NULL when there is no memory. */
struct bl_str arena_copy(struct arena *a, struct bl_str s);
/* The same with the slice before it: an entry of a map (bl_map_first). NULL when there is no memory. */
struct bl_str *arena_entry(struct arena *a, struct bl_str s);
/* Forgets all; keeps memory up to a bound for the next round. */
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

#endif
