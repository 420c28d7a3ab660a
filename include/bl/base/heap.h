/* Deadlines in order: an intrusive priority queue. The node sits in the caller's struct and knows its place, so that moving
 * and removing one needs no search. Order: due_ms, then `tie` bytewise, so that equal times come out the same
 * everywhere. Made for times that are put off again and again and come near as a clock does; see heap.c. */
#ifndef BL_BASE_HEAP_H
#define BL_BASE_HEAP_H

#include "bl/base/err.h"
#include "bl/base/str.h"

struct bl_heap_node {
    int64_t due_ms;
    int64_t stands_ms; /* where it stands: at due_ms or earlier */
    struct bl_str tie; /* borrowed */
    uint32_t at;       /* place in its list + 1; 0: not in a heap */
    uint32_t list;
};

struct bl_heap_slot {
    int64_t due_ms; /* node->stands_ms */
    struct bl_heap_node *node;
};

struct bl_heap_list {
    struct bl_heap_slot *v;
    size_t n, cap;
};

#define BL_HEAP_STEPS 128 /* powers of two */
#define BL_HEAP_SPANS 64
enum { BL_HEAP_NEAR, BL_HEAP_FAR };

struct bl_heap {
    size_t n, n_steps, n_spans; /* nodes; those of them in steps, in spans */
    size_t bytes;               /* of its lists */
    int64_t from_ms;            /* where the steps begin */
    /* Told of each who comes near with others, some time before it is first, so that what belongs to it can be fetched into
     * the cache; NULL: nobody. It changes nothing. */
    void (*near)(struct bl_heap_node *node);
    struct bl_heap_list list[2 + BL_HEAP_STEPS + BL_HEAP_SPANS];
};

void bl_heap_init(struct bl_heap *h);
void bl_heap_release(struct bl_heap *h);
/* Inserts the node or moves it to its new due_ms; to put it off moves nothing now. */
BL_CHECKED enum bl_err bl_heap_set(struct bl_heap *h, struct bl_heap_node *node, int64_t due_ms);
/* Does nothing if the node is not in a heap. */
void bl_heap_remove(struct bl_heap *h, struct bl_heap_node *node);
/* The first of all; NULL when empty. */
struct bl_heap_node *bl_heap_first(struct bl_heap *h);
static inline struct bl_heap_node *bl_heap_top(struct bl_heap *h)
{
    const struct bl_heap_list *near = &h->list[BL_HEAP_NEAR];
    return near->n && near->v[0].due_ms < h->from_ms && near->v[0].node->due_ms == near->v[0].due_ms
               ? near->v[0].node
               : bl_heap_first(h);
}
/* Is nothing due by then, as far as can be told without a look at a node? */
static inline bool bl_heap_none_by(const struct bl_heap *h, int64_t until_ms)
{
    const struct bl_heap_list *near = &h->list[BL_HEAP_NEAR];
    return near->n && near->v[0].due_ms < h->from_ms && near->v[0].due_ms > until_ms;
}

#endif
