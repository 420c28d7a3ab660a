/* Sorted cells, found by halving, and lists of texts. Keys and values are borrowed: they live in the run's arena. */
#include "sim.h"

static void *more(void *v, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 64;
    void *p = realloc(v, *cap * size);
    if (!p)
        abort();
    return p;
}

size_t table_from(const struct table *t, struct bl_str key)
{
    size_t from = 0, to = t->n;
    while (from < to) {
        size_t half = (from + to) / 2;
        if (bl_str_cmp(t->v[half].key, key) < 0)
            from = half + 1;
        else
            to = half;
    }
    return from;
}

struct cell *table_get(const struct table *t, struct bl_str key)
{
    size_t i = table_from(t, key);
    return i < t->n && bl_str_eq(t->v[i].key, key) ? &t->v[i] : NULL;
}

struct cell *table_put(struct table *t, struct bl_str key)
{
    size_t i = table_from(t, key);
    if (i < t->n && bl_str_eq(t->v[i].key, key))
        return &t->v[i];
    t->v = more(t->v, &t->cap, t->n, sizeof *t->v);
    memmove(t->v + i + 1, t->v + i, (t->n - i) * sizeof *t->v);
    t->n++;
    t->v[i] = (struct cell){.key = key};
    return &t->v[i];
}

static void cut(struct table *t, size_t from, size_t to)
{
    if (to > from)
        memmove(t->v + from, t->v + to, (t->n - to) * sizeof *t->v);
    t->n -= to - from;
}

void table_del(struct table *t, struct bl_str key)
{
    size_t i = table_from(t, key);
    if (i < t->n && bl_str_eq(t->v[i].key, key))
        cut(t, i, i + 1);
}

void table_del_all(struct table *t, struct bl_str prefix)
{
    size_t from = table_from(t, prefix), to = from;
    while (to < t->n && bl_str_starts(t->v[to].key, prefix))
        to++;
    cut(t, from, to);
}

void table_release(struct table *t)
{
    free(t->v);
    *t = (struct table){0};
}

void list_add(struct list *l, struct bl_str s)
{
    l->v = more(l->v, &l->cap, l->n, sizeof *l->v);
    l->v[l->n++] = s;
}

void list_release(struct list *l)
{
    free(l->v);
    *l = (struct list){0};
}
