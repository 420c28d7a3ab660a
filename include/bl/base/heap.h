/* An intrusive min-heap: the node sits in the caller's struct and knows its place, so that
 * re-scheduling and removal are O(log n). Order: due_ms, then `tie` bytewise, so that equal times come out
 * the same everywhere. */
#ifndef BL_BASE_HEAP_H
#define BL_BASE_HEAP_H

#include "bl/base/err.h"
#include "bl/base/str.h"

struct bl_heap_node {
    int64_t due_ms;
    struct bl_str tie; /* borrowed */
    size_t at;         /* place in the heap + 1; 0: not in a heap */
};

struct bl_heap_slot {
    int64_t due_ms;
    struct bl_heap_node *node;
};

struct bl_heap {
    struct bl_heap_slot *v;
    size_t n, cap;
};

void bl_heap_init(struct bl_heap *h);
void bl_heap_release(struct bl_heap *h);
/* Inserts the node or moves it to its new due_ms. */
BL_CHECKED enum bl_err bl_heap_set(struct bl_heap *h, struct bl_heap_node *node, int64_t due_ms);
/* Does nothing if the node is not in a heap. */
void bl_heap_remove(struct bl_heap *h, struct bl_heap_node *node);
/* NULL when empty. */
static inline struct bl_heap_node *bl_heap_top(const struct bl_heap *h)
{
    return h->n ? h->v[0].node : NULL;
}

#endif
