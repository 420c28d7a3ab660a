/* The heap, with WAYS children to a place: four slots are a line of the cache, and there are half as many levels to
 * go down as with two. Invariant: v[i].node->at == i + 1 and v[i].due_ms == v[i].node->due_ms for every node in it.
 * The times stand beside the pointers so that sifting looks at the array alone; nodes lie all over memory. */
#include "bl/base/heap.h"

#include <stdlib.h>

void bl_heap_init(struct bl_heap *h)
{
    *h = (struct bl_heap){0};
}

void bl_heap_release(struct bl_heap *h)
{
    free(h->v);
    bl_heap_init(h);
}

#define WAYS 4

static bool before(struct bl_heap_slot a, struct bl_heap_slot b)
{
    if (a.due_ms != b.due_ms)
        return a.due_ms < b.due_ms;
    return bl_str_cmp(a.node->tie, b.node->tie) < 0;
}

static void place(struct bl_heap *h, size_t i, struct bl_heap_slot slot)
{
    h->v[i] = slot;
    slot.node->at = i + 1;
}

static void up(struct bl_heap *h, size_t i)
{
    struct bl_heap_slot slot = h->v[i];
    for (; i > 0 && before(slot, h->v[(i - 1) / WAYS]); i = (i - 1) / WAYS)
        place(h, i, h->v[(i - 1) / WAYS]);
    place(h, i, slot);
}

/* The least child of the place; h->n or more if it has none. */
static size_t least_child(const struct bl_heap *h, size_t i)
{
    size_t least = WAYS * i + 1, end = least + WAYS < h->n ? least + WAYS : h->n;
    for (size_t child = least + 1; child < end; child++)
        if (before(h->v[child], h->v[least]))
            least = child;
    return least;
}

static void down(struct bl_heap *h, size_t i)
{
    struct bl_heap_slot slot = h->v[i];
    for (size_t child; (child = least_child(h, i)) < h->n && before(h->v[child], slot); i = child)
        place(h, i, h->v[child]);
    place(h, i, slot);
}

enum bl_err bl_heap_set(struct bl_heap *h, struct bl_heap_node *node, int64_t due_ms)
{
    if (!node->at) {
        if (h->n == h->cap) {
            size_t cap = h->cap ? h->cap * 2 : 64;
            struct bl_heap_slot *v = realloc(h->v, cap * sizeof(*v));
            if (!v)
                return BL_ERR_NO_MEMORY;
            h->v = v;
            h->cap = cap;
        }
        node->due_ms = due_ms;
        place(h, h->n++, (struct bl_heap_slot){due_ms, node});
        up(h, h->n - 1);
        return BL_OK;
    }
    node->due_ms = due_ms;
    h->v[node->at - 1].due_ms = due_ms;
    up(h, node->at - 1);
    down(h, node->at - 1);
    return BL_OK;
}

void bl_heap_remove(struct bl_heap *h, struct bl_heap_node *node)
{
    if (!node->at)
        return;
    size_t i = node->at - 1;
    struct bl_heap_slot last = h->v[--h->n];
    node->at = 0;
    if (last.node == node)
        return;
    place(h, i, last);
    up(h, i);
    down(h, last.node->at - 1);
}
