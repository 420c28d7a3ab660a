/* A ladder of deadlines. What is due soon stands in a small heap, what comes after it in steps of STEP_MS each, in no order,
 * and what lies beyond the last step in spans as long as all steps, and beyond these in another heap.
 *
 *   set ──> near (heap) │ step │ step │ … 128 of them │ span │ span … 64 of them │ far (heap)
 *             ^         from                          from + SPAN_MS
 *             └── when near has nothing left before `from`, the first step and what of far is due in it go there,
 *                 and `from` moves on by a step; when it comes to the begin of a span, that one goes into the steps
 *
 * Most deadlines are put off before they come due, again and again; to do so in one heap of a hundred thousand went through
 * eight levels and as many cold nodes each time, a tenth of a replay. Here it is a place at the end of a step.
 *
 * To put one off leaves it where it stands, until it comes near: then it goes to where it belongs by then. Of five that come
 * near in a replay, four have been put off.
 *
 * Invariants: node->list and node->at say where it stands; v[i].due_ms == v[i].node->stands_ms <= v[i].node->due_ms. Nothing
 * that stands before `from` is in steps or far. near has room for all nodes there are, so that one that is moved always
 * finds a place. The span in which `from` lies is empty. */
#include "bl/base/heap.h"

#include <stdlib.h>

#define WAYS    4 /* children of a place in a heap: four slots are a line of the cache */
#define STEP_MS 512
#define SPAN_MS ((uint64_t)BL_HEAP_STEPS * STEP_MS)

enum { NEAR = BL_HEAP_NEAR, FAR = BL_HEAP_FAR, FIRST_STEP, FIRST_SPAN = FIRST_STEP + BL_HEAP_STEPS };

void bl_heap_init(struct bl_heap *h)
{
    *h = (struct bl_heap){0};
}

void bl_heap_release(struct bl_heap *h)
{
    for (size_t i = 0; i < sizeof h->list / sizeof h->list[0]; i++)
        free(h->list[i].v);
    bl_heap_init(h);
}

/* ---- one heap ---- */

static bool before(struct bl_heap_slot a, struct bl_heap_slot b)
{
    if (a.due_ms != b.due_ms)
        return a.due_ms < b.due_ms;
    return bl_str_cmp(a.node->tie, b.node->tie) < 0;
}

static void place(struct bl_heap_list *l, size_t i, struct bl_heap_slot slot)
{
    l->v[i] = slot;
    slot.node->at = (uint32_t)(i + 1);
}

static void up(struct bl_heap_list *l, size_t i)
{
    struct bl_heap_slot slot = l->v[i];
    for (; i > 0 && before(slot, l->v[(i - 1) / WAYS]); i = (i - 1) / WAYS)
        place(l, i, l->v[(i - 1) / WAYS]);
    place(l, i, slot);
}

/* The least child of the place; l->n or more if it has none. */
static size_t least_child(const struct bl_heap_list *l, size_t i)
{
    size_t least = WAYS * i + 1, end = least + WAYS < l->n ? least + WAYS : l->n;
    for (size_t child = least + 1; child < end; child++)
        if (before(l->v[child], l->v[least]))
            least = child;
    return least;
}

static void down(struct bl_heap_list *l, size_t i)
{
    struct bl_heap_slot slot = l->v[i];
    for (size_t child; (child = least_child(l, i)) < l->n && before(l->v[child], slot); i = child)
        place(l, i, l->v[child]);
    place(l, i, slot);
}

/* ---- all of them ---- */

static enum bl_err make_room(struct bl_heap *h, unsigned list, size_t n)
{
    struct bl_heap_list *l = &h->list[list];
    if (n <= l->cap)
        return BL_OK;
    size_t cap = l->cap * 2 > n ? l->cap * 2 : n + 15;
    struct bl_heap_slot *v = realloc(l->v, cap * sizeof *v);
    if (!v)
        return BL_ERR_NO_MEMORY;
    h->bytes += (cap - l->cap) * sizeof *v;
    l->v = v;
    l->cap = cap;
    return BL_OK;
}

/* The number of those in lists of that kind; NULL: the list is a heap. */
static size_t *count_of(struct bl_heap *h, unsigned list)
{
    if (list < FIRST_STEP)
        return NULL;
    return list < FIRST_SPAN ? &h->n_steps : &h->n_spans;
}

static void push(struct bl_heap *h, unsigned list, struct bl_heap_node *node)
{
    struct bl_heap_list *l = &h->list[list];
    node->list = list;
    place(l, l->n++, (struct bl_heap_slot){node->stands_ms, node});
    size_t *count = count_of(h, list);
    if (count)
        ++*count;
    else
        up(l, l->n - 1);
}

static void take(struct bl_heap *h, struct bl_heap_node *node)
{
    struct bl_heap_list *l = &h->list[node->list];
    size_t i = node->at - 1;
    struct bl_heap_slot last = l->v[--l->n];
    size_t *count = count_of(h, node->list);
    if (count)
        --*count;
    node->at = 0;
    if (last.node == node)
        return;
    place(l, i, last);
    if (count)
        return;
    up(l, i);
    down(l, last.node->at - 1);
}

static unsigned step_of(int64_t due_ms)
{
    return FIRST_STEP + (unsigned)((uint64_t)due_ms / STEP_MS % BL_HEAP_STEPS);
}

static unsigned span_of(int64_t due_ms)
{
    return FIRST_SPAN + (unsigned)((uint64_t)due_ms / SPAN_MS % BL_HEAP_SPANS);
}

static int64_t floor_of(int64_t due_ms)
{
    return due_ms - (due_ms < 0 ? due_ms % STEP_MS + STEP_MS : due_ms % STEP_MS);
}

static unsigned list_of(const struct bl_heap *h, int64_t due_ms)
{
    if (due_ms < h->from_ms || due_ms < 0)
        return NEAR;
    if ((uint64_t)due_ms - (uint64_t)h->from_ms < SPAN_MS)
        return step_of(due_ms);
    return (uint64_t)due_ms / SPAN_MS - (uint64_t)h->from_ms / SPAN_MS < BL_HEAP_SPANS ? span_of(due_ms)
                                                                                       : FAR;
}

/* A node that stands nowhere comes to where it belongs. */
static void settle(struct bl_heap *h, struct bl_heap_node *node)
{
    unsigned list = list_of(h, node->due_ms);
    node->stands_ms = node->due_ms;
    push(h, make_room(h, list, h->list[list].n + 1) == BL_OK ? list : NEAR, node);
}

enum bl_err bl_heap_set(struct bl_heap *h, struct bl_heap_node *node, int64_t due_ms)
{
    if (!node->at) {
        enum bl_err err = make_room(h, NEAR, h->n + 1);
        if (err != BL_OK)
            return err;
        if (h->n++ == 0)
            h->from_ms = due_ms < 0 ? 0 : floor_of(due_ms);
    } else if (due_ms >= node->stands_ms) {
        node->due_ms = due_ms;
        return BL_OK;
    } else {
        take(h, node);
    }
    node->due_ms = due_ms;
    settle(h, node);
    return BL_OK;
}

void bl_heap_remove(struct bl_heap *h, struct bl_heap_node *node)
{
    if (!node->at)
        return;
    take(h, node);
    h->n--;
}

#define FETCH_AHEAD 16 /* nodes lie all over memory */

/* All of a step or span go to where they belong by now. Some of a step may belong to the last one, which is the same list:
 * they take places that are done. */
static void empty(struct bl_heap *h, unsigned list)
{
    struct bl_heap_list *l = &h->list[list];
    size_t n = l->n;
    *count_of(h, list) -= n;
    l->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + FETCH_AHEAD < n)
            __builtin_prefetch(l->v[i + FETCH_AHEAD].node, 1);
        struct bl_heap_node *node = l->v[i].node;
        settle(h, node);
        if (node->list == NEAR && h->near)
            h->near(node);
    }
}

static void advance(struct bl_heap *h)
{
    const struct bl_heap_list *far = &h->list[FAR];
    unsigned step = step_of(h->from_ms);
    h->from_ms += STEP_MS;
    empty(h, step);
    if ((uint64_t)h->from_ms % SPAN_MS == 0)
        empty(h, span_of(h->from_ms));
    while (far->n && far->v[0].due_ms < h->from_ms) {
        struct bl_heap_node *node = far->v[0].node;
        take(h, node);
        settle(h, node);
    }
}

/* No steps: `from` goes to the first of the others, or to the step before a span. */
static void jump(struct bl_heap *h)
{
    const struct bl_heap_list *near = &h->list[NEAR], *far = &h->list[FAR];
    int64_t to = INT64_MAX, span = h->from_ms - h->from_ms % (int64_t)SPAN_MS;
    if (near->n)
        to = floor_of(near->v[0].due_ms);
    if (far->n && far->v[0].due_ms < to)
        to = floor_of(far->v[0].due_ms);
    for (unsigned i = 1; h->n_spans && i < BL_HEAP_SPANS; i++)
        if (h->list[span_of(span + i * (int64_t)SPAN_MS)].n) {
            int64_t before = span + i * (int64_t)SPAN_MS - STEP_MS;
            to = before < to ? before : to;
            break;
        }
    h->from_ms = to;
}

static void come_near(struct bl_heap *h)
{
    const struct bl_heap_list *near = &h->list[NEAR];
    while (near->n == 0 || near->v[0].due_ms >= h->from_ms) {
        if (h->n_steps == 0)
            jump(h);
        advance(h);
    }
}

struct bl_heap_node *bl_heap_first(struct bl_heap *h)
{
    if (h->n == 0)
        return NULL;
    for (;;) {
        come_near(h);
        struct bl_heap_node *node = h->list[NEAR].v[0].node;
        if (node->due_ms == node->stands_ms)
            return node;
        take(h, node);
        settle(h, node);
    }
}
