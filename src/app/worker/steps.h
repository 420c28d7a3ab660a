/* What an owner knows of its lists in the store: which pages are counted in a five-minute step, how large the elements of a list are
 * (worker/steps.c). */
#ifndef BL_APP_WORKER_STEPS_H
#define BL_APP_WORKER_STEPS_H

#include "bl/base/err.h"
#include "bl/base/map.h"

struct owner;

/* The distinct pages counted in one five-minute step. */
struct page_step {
    int64_t number;
    bool known; /* what the store has is in here */
    struct bl_map pages;
};

/* Sizes of the elements of a list in the store, oldest first. */
struct sizes {
    struct chunk {
        int64_t received_ms;
        size_t n;
    } * v;
    size_t first, n, cap;
    size_t total;
};

struct page_step *steps_get(struct owner *o, int64_t number); /* NULL: no memory */
/* The name under which the page is counted there. */
BL_CHECKED enum bl_err steps_page(struct page_step *s, struct bl_str page, struct bl_str *out);
void steps_evict(struct owner *o);
void steps_release(struct owner *o);
bool sizes_push(struct sizes *s, int64_t received_ms, size_t n);
void sizes_pop(struct sizes *s);
static inline const struct chunk *sizes_oldest(const struct sizes *s)
{
    return s->n ? &s->v[s->first] : NULL;
}
void sizes_reset(struct sizes *s);

#endif
