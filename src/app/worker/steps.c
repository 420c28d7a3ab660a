/* Two small memories of an owner: which pages are counted in which five-minute step (so that their number has
 * a bound), and how large the elements of the lists `seen` and `recent` are (so that they can be trimmed). */
#include "worker/owner.h"

#include <stdlib.h>

#define STEPS_KEPT 4

bool owner_grow(void **v, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 16;
    void *p = realloc(*v, more * size);
    if (!p)
        return false;
    *v = p;
    *cap = more;
    return true;
}

static void step_release(struct page_step *s)
{
    size_t i = 0;
    for (struct bl_str *page; (page = bl_map_next(&s->pages, &i));)
        free(page);
    bl_map_release(&s->pages);
}

struct page_step *steps_get(struct owner *o, int64_t number)
{
    for (size_t i = o->n_steps; i > 0; i--)
        if (o->steps[i - 1].number == number)
            return &o->steps[i - 1];
    if (!OWNER_ROOM(o->steps, o->cap_steps, o->n_steps))
        return NULL;
    struct page_step *s = &o->steps[o->n_steps++];
    *s = (struct page_step){.number = number};
    bl_map_init(&s->pages, bl_map_first);
    return s;
}

enum bl_err steps_page(struct page_step *s, struct bl_str page, struct bl_str *out)
{
    *out = page;
    if (bl_map_get(&s->pages, page))
        return BL_OK;
    if (s->pages.n >= OWNER_PAGES_MAX) {
        *out = BL_STR(OWNER_OTHER_PAGES);
        return BL_OK;
    }
    struct bl_str *entry = malloc(sizeof *entry + page.n);
    if (!entry)
        return BL_ERR_NO_MEMORY;
    *entry = (struct bl_str){(char *)(entry + 1), page.n};
    if (page.n)
        memcpy(entry + 1, page.p, page.n);
    enum bl_err err = bl_map_put(&s->pages, entry);
    if (err != BL_OK)
        free(entry);
    return err;
}

/* Keeps the latest few: the store knows the rest. */
void steps_evict(struct owner *o)
{
    while (o->n_steps > STEPS_KEPT) {
        size_t oldest = 0;
        for (size_t i = 1; i < o->n_steps; i++)
            if (o->steps[i].number < o->steps[oldest].number)
                oldest = i;
        step_release(&o->steps[oldest]);
        o->steps[oldest] = o->steps[--o->n_steps];
    }
}

void steps_release(struct owner *o)
{
    for (size_t i = 0; i < o->n_steps; i++)
        step_release(&o->steps[i]);
    free(o->steps);
    o->steps = NULL;
    o->n_steps = o->cap_steps = 0;
}

bool sizes_push(struct sizes *s, int64_t received_ms, size_t n)
{
    if (s->first > 0 && s->first + s->n == s->cap) {
        memmove(s->v, s->v + s->first, s->n * sizeof *s->v);
        s->first = 0;
    }
    if (!OWNER_ROOM(s->v, s->cap, s->first + s->n))
        return false;
    s->v[s->first + s->n++] = (struct chunk){received_ms, n};
    s->total += n;
    return true;
}

void sizes_pop(struct sizes *s)
{
    s->total -= s->v[s->first].n;
    s->first++;
    s->n--;
}

void sizes_reset(struct sizes *s)
{
    free(s->v);
    *s = (struct sizes){0};
}
