/* What the store holds of a user who is to be erased, as lua/erase_read.lua gives it. */
#include "store.h"

static int by_time_and_id(const void *a, const void *b)
{
    const struct cell *x = *(struct cell *const *)a, *y = *(struct cell *const *)b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : bl_str_cmp(x->key, y->key);
}

void store_erasable(struct sim *s, struct request *r)
{
    const struct shard *h = &s->store.shard[r->p];
    const struct table *t = &h->t;
    struct bl_str prefix = sim_text(s, "patterns-of:%.*s:", BL_STR_ARG(r->text));
    size_t from = table_from(t, prefix), n = 0;
    while (from + n < t->n && bl_str_starts(t->v[from + n].key, prefix))
        n++;
    struct cell **sorted = sim_get(s, (n + 1) * sizeof(struct cell *));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &t->v[from + i];
    qsort(sorted, n, sizeof(struct cell *), by_time_and_id);
    struct bl_owned *owned = sim_get(s, (n + 1) * sizeof *owned);
    n = n < r->max ? n : r->max;
    for (size_t i = 0; i < n; i++) {
        struct bl_str id = rest_of(sorted[i]->key, prefix.n);
        owned[i] = (struct bl_owned){id, table_get(t, sim_text(s, "open:%.*s", BL_STR_ARG(id))) != NULL};
    }
    struct bl_erasable *e = &r->erasable_reply;
    *e =
        (struct bl_erasable){.err = r->err, .patterns = owned, .n_patterns = n, .recent = store_recent(s, h)};
    for (size_t bytes = 0; e->n_recent < h->recent.n; e->n_recent++) {
        bytes += e->recent[e->n_recent].n;
        if (bytes > r->ask)
            break;
    }
    e->n_unread = h->recent.n - e->n_recent;
}
