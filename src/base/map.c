/* Open addressing with backward-shift deletion: no tombstones, so lookups stay short however the map is used. A slot is
 * small, since who is looked for among many is found in another page of memory each time: with keys in the slots, which were
 * twice as large, a replay took 3 % longer.
 * Invariant: at most 3/4 of the slots are taken. */
#include "bl/base/map.h"

#include <stdlib.h>
#include <sys/random.h>

void bl_map_init(struct bl_map *m, bl_map_key_fn *key_of)
{
    *m = (struct bl_map){.key_of = key_of};
    if (getrandom(&m->seed, sizeof m->seed, 0) != (ssize_t)sizeof m->seed)
        m->seed = (struct bl_hash_key){(uint64_t)(uintptr_t)m, 0x9e3779b97f4a7c15ULL};
}

struct bl_str bl_map_first(const void *entry)
{
    return *(const struct bl_str *)entry;
}

void bl_map_release(struct bl_map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->n = m->cap = 0;
}

void bl_map_clear(struct bl_map *m)
{
    if (m->slots)
        memset(m->slots, 0, m->cap * sizeof *m->slots);
    m->n = 0;
}

static size_t find(const struct bl_map *m, struct bl_str key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].entry && !(m->slots[i].hash == hash && bl_str_eq(m->key_of(m->slots[i].entry), key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

uint64_t bl_map_hash(const struct bl_map *m, struct bl_str key)
{
    return bl_hash64_map(m->seed, key);
}

void bl_map_prefetch(const struct bl_map *m, uint64_t hash)
{
    if (m->n)
        __builtin_prefetch(&m->slots[hash & (m->cap - 1)]);
}

void *bl_map_peek(const struct bl_map *m, uint64_t hash)
{
    if (m->n == 0)
        return NULL;
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].entry && m->slots[i].hash != hash)
        i = (i + 1) & (m->cap - 1);
    return m->slots[i].entry;
}

void *bl_map_get_hashed(const struct bl_map *m, struct bl_str key, uint64_t hash)
{
    if (m->n == 0)
        return NULL;
    size_t i = find(m, key, hash);
    return m->slots[i].entry;
}

void *bl_map_get(const struct bl_map *m, struct bl_str key)
{
    return bl_map_get_hashed(m, key, bl_map_hash(m, key));
}

/* Four to a line of the cache, and none in two of them, as calloc would have it. */
static struct bl_map_slot *slots_new(size_t cap)
{
    struct bl_map_slot *slots = aligned_alloc(4 * sizeof *slots, cap * sizeof *slots);
    if (slots)
        memset(slots, 0, cap * sizeof *slots);
    return slots;
}

static size_t find_free(const struct bl_map *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].entry)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static enum bl_err grow(struct bl_map *m)
{
    struct bl_map bigger = *m;
    bigger.cap = m->cap ? m->cap * 2 : 16;
    bigger.slots = slots_new(bigger.cap);
    if (!bigger.slots)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].entry)
            bigger.slots[find_free(&bigger, m->slots[i].hash)] = m->slots[i];
    free(m->slots);
    *m = bigger;
    return BL_OK;
}

enum bl_err bl_map_put(struct bl_map *m, void *entry)
{
    if ((m->n + 1) * 4 > m->cap * 3) {
        enum bl_err err = grow(m);
        if (err != BL_OK)
            return err;
    }
    struct bl_str key = m->key_of(entry);
    uint64_t hash = bl_hash64_map(m->seed, key);
    size_t i = find(m, key, hash);
    if (!m->slots[i].entry)
        m->n++;
    m->slots[i] = (struct bl_map_slot){hash, entry};
    return BL_OK;
}

void *bl_map_del(struct bl_map *m, struct bl_str key)
{
    if (m->n == 0)
        return NULL;
    size_t mask = m->cap - 1, hole = find(m, key, bl_hash64_map(m->seed, key));
    void *entry = m->slots[hole].entry;
    if (!entry)
        return NULL;
    for (size_t i = (hole + 1) & mask; m->slots[i].entry; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct bl_map_slot){0};
    m->n--;
    return entry;
}

void *bl_map_next(const struct bl_map *m, size_t *i)
{
    while (*i < m->cap) {
        const struct bl_map_slot *slot = &m->slots[(*i)++];
        if (slot->entry)
            return slot->entry;
    }
    return NULL;
}
