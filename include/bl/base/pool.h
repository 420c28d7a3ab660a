/* Memory for many values of different sizes that come and go, and all of which go together at the end. Taking a block and
 * giving it back is some twenty instructions, what was given back last is taken first, and to release a pool costs by
 * its chunks, not by the blocks in it. What is given back stays in the pool, for blocks of about that size. */
#ifndef BL_BASE_POOL_H
#define BL_BASE_POOL_H

#include <stddef.h>

#define BL_POOL_BLOCK_MAX ((size_t)8 << 20)
#define BL_POOL_CLASSES   120

struct bl_pool_block;
struct bl_pool_chunk;

struct bl_pool {
    struct bl_pool_block *given_back[BL_POOL_CLASSES];
    char *at, *end; /* what is left of the newest chunk */
    size_t next_bytes;
    struct bl_pool_chunk *chunks;
};

void bl_pool_init(struct bl_pool *p);
/* With all blocks that were taken from it. */
void bl_pool_release(struct bl_pool *p);
/* n > 0 bytes, aligned to a line of the cache, of any content; NULL when there is no memory, or n > BL_POOL_BLOCK_MAX. */
void *bl_pool_take(struct bl_pool *p, size_t n);
/* A block that was taken for n bytes; NULL is none. */
void bl_pool_give(struct bl_pool *p, void *block, size_t n);

#endif
