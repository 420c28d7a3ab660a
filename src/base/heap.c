/* The binary heap. Invariant: v[i]->at == i + 1 for every node in it. */
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

static bool before(const struct bl_heap_node *a, const struct bl_heap_node *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms;
    return bl_str_cmp(a->tie, b->tie) < 0;
}

static void place(struct bl_heap *h, size_t i, struct bl_heap_node *node)
{
    h->v[i] = node;
    node->at = i + 1;
}

static void up(struct bl_heap *h, size_t i)
{
    struct bl_heap_node *node = h->v[i];
    for (; i > 0 && before(node, h->v[(i - 1) / 2]); i = (i - 1) / 2)
        place(h, i, h->v[(i - 1) / 2]);
    place(h, i, node);
}

static void down(struct bl_heap *h, size_t i)
{
    struct bl_heap_node *node = h->v[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(h->v[child + 1], h->v[child]))
            child++;
        if (!before(h->v[child], node))
            break;
        place(h, i, h->v[child]);
        i = child;
    }
    place(h, i, node);
}

enum bl_err bl_heap_set(struct bl_heap *h, struct bl_heap_node *node, int64_t due_ms)
{
    if (!node->at) {
        if (h->n == h->cap) {
            size_t cap = h->cap ? h->cap * 2 : 64;
            struct bl_heap_node **v = realloc(h->v, cap * sizeof(*v));
            if (!v)
                return BL_ERR_NO_MEMORY;
            h->v = v;
            h->cap = cap;
        }
        node->due_ms = due_ms;
        place(h, h->n++, node);
        up(h, h->n - 1);
        return BL_OK;
    }
    node->due_ms = due_ms;
    up(h, node->at - 1);
    down(h, node->at - 1);
    return BL_OK;
}

void bl_heap_remove(struct bl_heap *h, struct bl_heap_node *node)
{
    if (!node->at)
        return;
    size_t i = node->at - 1;
    struct bl_heap_node *last = h->v[--h->n];
    node->at = 0;
    if (last == node)
        return;
    place(h, i, last);
    up(h, i);
    down(h, last->at - 1);
}
