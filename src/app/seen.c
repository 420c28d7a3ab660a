/* See seen.h. A queue in order of `received` in a ring, and a hash set of places in it. */
#include "seen.h"

#include <stdlib.h>

void seen_init(struct seen_ids *s, size_t max, int64_t keep_ms)
{
    *s = (struct seen_ids){.max = max, .keep_ms = keep_ms};
}

void seen_release(struct seen_ids *s)
{
    free(s->ring);
    free(s->index);
}

static size_t index_find(const struct seen_ids *s, uint64_t hash)
{
    size_t i = hash & (s->index_cap - 1);
    while (s->index[i] && s->ring[s->index[i] - 1].hash != hash)
        i = (i + 1) & (s->index_cap - 1);
    return i;
}

static void index_remove(struct seen_ids *s, size_t hole)
{
    size_t mask = s->index_cap - 1;
    s->index[hole] = 0;
    for (size_t i = (hole + 1) & mask; s->index[i]; i = (i + 1) & mask) {
        size_t home = s->ring[s->index[i] - 1].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            s->index[hole] = s->index[i];
            s->index[i] = 0;
            hole = i;
        }
    }
}

static void forget_oldest(struct seen_ids *s)
{
    size_t at = index_find(s, s->ring[s->first].hash);
    if (s->index[at] == s->first + 1)
        index_remove(s, at);
    s->first = (s->first + 1) % s->cap;
    s->n--;
}

/* Doubles the ring and rebuilds the index; at most half of the index is ever taken. */
static enum bl_err grow(struct seen_ids *s)
{
    size_t cap = s->cap ? s->cap * 2 : 256;
    struct seen_id *ring = malloc(cap * sizeof *ring);
    uint64_t *index = calloc(cap * 2, sizeof *index);
    if (!ring || !index) {
        free(ring);
        free(index);
        return BL_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < s->n; i++)
        ring[i] = s->ring[(s->first + i) % s->cap];
    free(s->ring);
    free(s->index);
    s->ring = ring;
    s->index = index;
    s->first = 0;
    s->cap = cap;
    s->index_cap = cap * 2;
    for (size_t i = 0; i < s->n; i++)
        s->index[index_find(s, ring[i].hash)] = i + 1;
    return BL_OK;
}

enum bl_err seen_put(struct seen_ids *s, uint64_t hash, int64_t received_ms)
{
    while (s->n && (s->n >= s->max || received_ms - s->ring[s->first].received_ms >= s->keep_ms))
        forget_oldest(s);
    if (s->max == 0)
        return BL_OK;
    if (s->n == s->cap) {
        enum bl_err err = grow(s);
        if (err != BL_OK)
            return err;
    }
    size_t place = (s->first + s->n++) % s->cap;
    s->ring[place] = (struct seen_id){hash, received_ms};
    s->index[index_find(s, hash)] = place + 1;
    return BL_OK;
}

bool seen_has(const struct seen_ids *s, uint64_t hash, int64_t received_ms)
{
    if (s->n == 0)
        return false;
    uint64_t place = s->index[index_find(s, hash)];
    return place && received_ms - s->ring[place - 1].received_ms < s->keep_ms;
}
