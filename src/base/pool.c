/* See pool.h. Sizes are rounded up to classes: each line of the cache up to 1 KiB, then eight for each doubling, which
 * wastes a sixteenth on average. A class has a list of what was given back; if that is empty, a block is cut off the newest
 * chunk. Chunks grow from CHUNK_FIRST to CHUNK_BYTES and come with their pages at hand: to take these one fault at a time
 * makes a replay 3 % slower.
 * Those of CHUNK_BYTES lie as a huge page does, and are one where the system has any to give (it may be told not to:
 * transparent_hugepage). What is looked for in a large pool is always in another page, and where that is has to be looked up,
 * too: a replay of 300 MB takes 8 % less time, half of it in the kernel, which hands out 150 pages and not 75,000. */
#include "bl/base/pool.h"

#include "bl/base/poison.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_BITS   6
#define LINE        ((size_t)1 << LINE_BITS)
#define FINE_BITS   10 /* up to here a class for each line */
#define FINE        (1U << (FINE_BITS - LINE_BITS))
#define PART_BITS   3 /* of a doubling */
#define CHUNK_FIRST ((size_t)64 << 10)
#define CHUNK_BYTES ((size_t)2 << 20)

_Static_assert(FINE + ((23 - FINE_BITS) << PART_BITS) == BL_POOL_CLASSES && BL_POOL_BLOCK_MAX == 1U << 23,
               "the largest block has the last class");

struct bl_pool_block {
    struct bl_pool_block *next;
};

struct bl_pool_chunk {
    struct bl_pool_chunk *next;
    size_t bytes;
};

void bl_pool_init(struct bl_pool *p)
{
    *p = (struct bl_pool){.next_bytes = CHUNK_FIRST};
}

void bl_pool_release(struct bl_pool *p)
{
    for (struct bl_pool_chunk *c = p->chunks, *next; c; c = next) {
        size_t bytes = c->bytes;
        next = c->next;
        ASAN_UNPOISON_MEMORY_REGION(c, bytes);
        munmap(c, bytes);
    }
    bl_pool_init(p);
}

/* The class of a size, which becomes that of its blocks. */
static inline unsigned class_of(size_t *n)
{
    size_t last = *n - 1;
    if (last >> FINE_BITS == 0) {
        *n = (last | (LINE - 1)) + 1;
        return (unsigned)(last >> LINE_BITS);
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(last), shift = top - PART_BITS;
    *n = ((last >> shift) + 1) << shift;
    return FINE + ((top - FINE_BITS) << PART_BITS) + (unsigned)(last >> shift & ((1U << PART_BITS) - 1));
}

static void *map(size_t bytes, int flags)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* What either advice asks for is a gain and no need: a system that knows it not says so, and all works without. */
static void *map_huge(void)
{
    char *at = map(2 * CHUNK_BYTES, 0);
    if (!at)
        return NULL;
    size_t before = -(uintptr_t)at % CHUNK_BYTES, behind = CHUNK_BYTES - before;
    if (before > 0)
        munmap(at, before);
    munmap(at + before + CHUNK_BYTES, behind);
    (void)madvise(at + before, CHUNK_BYTES, MADV_HUGEPAGE);
    (void)madvise(at + before, CHUNK_BYTES, MADV_POPULATE_WRITE);
    return at + before;
}

/* What is left of the chunk before is lost: less than a block. */
static void *cut_new(struct bl_pool *p, size_t n)
{
    size_t bytes = n + LINE < p->next_bytes ? p->next_bytes : n + LINE;
    struct bl_pool_chunk *c = bytes == CHUNK_BYTES ? map_huge() : map(bytes, MAP_POPULATE);
    if (!c)
        return NULL;
    *c = (struct bl_pool_chunk){p->chunks, bytes};
    p->chunks = c;
    char *block = (char *)c + LINE;
    if (bytes > n + LINE) {
        p->at = block + n;
        p->end = (char *)c + bytes;
        p->next_bytes = bytes < CHUNK_BYTES ? 2 * bytes : bytes;
        ASAN_POISON_MEMORY_REGION(p->at, (size_t)(p->end - p->at));
    }
    return block;
}

void *bl_pool_take(struct bl_pool *p, size_t n)
{
    if (n > BL_POOL_BLOCK_MAX)
        return NULL;
    struct bl_pool_block **list = &p->given_back[class_of(&n)], *block = *list;
    if (block) {
        ASAN_UNPOISON_MEMORY_REGION(block, n);
        *list = block->next;
        return block;
    }
    if ((size_t)(p->end - p->at) < n)
        return cut_new(p, n);
    char *at = p->at;
    ASAN_UNPOISON_MEMORY_REGION(at, n);
    p->at += n;
    return at;
}

void bl_pool_give(struct bl_pool *p, void *block, size_t n)
{
    if (!block)
        return;
    struct bl_pool_block *b = block, **list = &p->given_back[class_of(&n)];
    b->next = *list;
    *list = b;
    ASAN_POISON_MEMORY_REGION(b, n);
}
