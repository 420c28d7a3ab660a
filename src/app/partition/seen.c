/* See seen.h. A queue in order of `received` in a ring, and a hash set of places in it.
 *
 * A slot of the set holds half of the id's hash next to the place, so that a search, and the closing of a hole, look at
 * nothing but neighbouring slots: the ring, which is larger than a cache, is looked at once it is sure enough that the id
 * is there. The slot of whoever will have to be forgotten soon is fetched while others are put.
 *
 *   slot: half of the hash << 32 | place + 1; 0: free
 *
 * Invariant: a ring has at most PLACES_MAX places, and the set twice as many slots, so the half tells where a slot belongs. */
#include "partition/seen.h"

#include <stdlib.h>

#define PLACES_MAX ((size_t)1 << 31)
#define AHEAD      8 /* ids */

static uint64_t slot_of(uint64_t hash, size_t place)
{
    return hash << 32 | (place + 1);
}

static size_t place_of(uint64_t slot)
{
    return (size_t)(slot & UINT32_MAX) - 1;
}

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
    for (uint64_t slot; (slot = s->index[i]) != 0; i = (i + 1) & (s->index_cap - 1))
        if (slot >> 32 == (hash & UINT32_MAX) && s->ring[place_of(slot)].hash == hash)
            break;
    return i;
}

static void index_remove(struct seen_ids *s, size_t hole)
{
    size_t mask = s->index_cap - 1;
    s->index[hole] = 0;
    for (size_t i = (hole + 1) & mask; s->index[i]; i = (i + 1) & mask) {
        size_t home = (size_t)(s->index[i] >> 32) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            s->index[hole] = s->index[i];
            s->index[i] = 0;
            hole = i;
        }
    }
}

static void forget_oldest(struct seen_ids *s)
{
    uint64_t hash = s->ring[s->first].hash;
    if (s->n > AHEAD)
        __builtin_prefetch(&s->index[s->ring[(s->first + AHEAD) & (s->cap - 1)].hash & (s->index_cap - 1)],
                           1);
    size_t at = index_find(s, hash);
    if (s->index[at] == slot_of(hash, s->first))
        index_remove(s, at);
    s->first = (s->first + 1) & (s->cap - 1);
    s->n--;
}

/* Doubles the ring and rebuilds the index; at most half of the index is ever taken. */
static enum bl_err grow(struct seen_ids *s)
{
    size_t cap = s->cap ? s->cap * 2 : 256;
    if (cap > PLACES_MAX)
        return BL_ERR_NO_MEMORY;
    struct seen_id *ring = malloc(cap * sizeof *ring);
    uint64_t *index = calloc(cap * 2, sizeof *index);
    if (!ring || !index) {
        free(ring);
        free(index);
        return BL_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < s->n; i++)
        ring[i] = s->ring[(s->first + i) & (s->cap - 1)];
    free(s->ring);
    free(s->index);
    s->ring = ring;
    s->index = index;
    s->first = 0;
    s->cap = cap;
    s->index_cap = cap * 2;
    for (size_t i = 0; i < s->n; i++)
        s->index[index_find(s, ring[i].hash)] = slot_of(ring[i].hash, i);
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
    size_t place = (s->first + s->n++) & (s->cap - 1);
    s->ring[place] = (struct seen_id){hash, received_ms};
    s->index[index_find(s, hash)] = slot_of(hash, place);
    return BL_OK;
}

bool seen_has(const struct seen_ids *s, uint64_t hash, int64_t received_ms)
{
    if (s->n == 0)
        return false;
    uint64_t slot = s->index[index_find(s, hash)];
    return slot && received_ms - s->ring[place_of(slot)].received_ms < s->keep_ms;
}
