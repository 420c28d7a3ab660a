/* See erased.h. A sorted array: erasures are rare, looking is what each event does. Those that are read back from a store
 * are sorted once: put in one by one, as many as there may be would take longer than a lease. */
#include "bl/app/erased.h"

#include <stdio.h>
#include <stdlib.h>

void bl_erased_init(struct bl_erased *e, size_t max, struct bl_hash_key key)
{
    *e = (struct bl_erased){.max = max, .key = key};
}

void bl_erased_release(struct bl_erased *e)
{
    free(e->v);
    bl_erased_init(e, e->max, e->key);
}

void bl_erased_clear(struct bl_erased *e)
{
    e->n = 0;
}

struct bl_hash128 bl_erased_hash(struct bl_hash_key key, struct bl_str user_id)
{
    /* As bl_audit_user (store/audit.h), so that the trail and the tombstone name a user alike; not the key that spreads
     * users over partitions, so that neither says anything of the other. */
    struct bl_hash_key own = {key.k0 ^ 0x6175646974206f66ULL, key.k1 ^ 0x2061207573657221ULL};
    return bl_hash128(own, user_id);
}

void bl_erased_hex(struct bl_hash128 hash, char out[BL_ERASED_HEX])
{
    char text[BL_ERASED_HEX + 1];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)hash.hi, (unsigned long long)hash.lo);
    memcpy(out, text, BL_ERASED_HEX);
}

static bool hex64(const char *p, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 16; i++) {
        char c = p[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

bool bl_erased_parse(struct bl_str hex, struct bl_hash128 *out)
{
    return hex.n == BL_ERASED_HEX && hex64(hex.p, &out->hi) && hex64(hex.p + 16, &out->lo);
}

static int order(struct bl_hash128 a, struct bl_hash128 b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/* The first that is not below. */
static size_t place(const struct bl_erased *e, struct bl_hash128 hash)
{
    size_t from = 0, to = e->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (order(e->v[mid].hash, hash) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

const struct bl_tombstone *bl_erased_find(const struct bl_erased *e, struct bl_hash128 hash)
{
    size_t at = place(e, hash);
    return at < e->n && order(e->v[at].hash, hash) == 0 ? &e->v[at] : NULL;
}

static void drop(struct bl_erased *e, size_t at)
{
    e->n--;
    memmove(e->v + at, e->v + at + 1, (e->n - at) * sizeof *e->v);
}

static bool grow(struct bl_erased *e)
{
    size_t cap = e->cap ? e->cap * 2 : 16;
    struct bl_tombstone *v = realloc(e->v, cap * sizeof *v);
    if (!v)
        return false;
    e->v = v;
    e->cap = cap;
    return true;
}

enum bl_err bl_erased_put(struct bl_erased *e, struct bl_hash128 hash, int64_t at_ms)
{
    if (e->n >= e->max)
        return BL_ERR_TOO_LARGE;
    if (e->n == e->cap && !grow(e))
        return BL_ERR_NO_MEMORY;
    e->v[e->n++] = (struct bl_tombstone){hash, at_ms};
    return BL_OK;
}

static int by_hash(const void *a, const void *b)
{
    const struct bl_tombstone *x = a, *y = b;
    int way = order(x->hash, y->hash);
    return way ? way : (x->at_ms < y->at_ms) - (x->at_ms > y->at_ms); /* of equal ones the latest first */
}

void bl_erased_settle(struct bl_erased *e)
{
    size_t n = 0;
    if (e->n > 1)
        qsort(e->v, e->n, sizeof *e->v, by_hash);
    for (size_t i = 0; i < e->n; i++)
        if (n == 0 || order(e->v[n - 1].hash, e->v[i].hash) != 0)
            e->v[n++] = e->v[i];
    e->n = n;
}

enum bl_err bl_erased_add(struct bl_erased *e, struct bl_hash128 hash, int64_t at_ms, bool *forgotten,
                          struct bl_hash128 *oldest)
{
    size_t at = place(e, hash);
    *forgotten = false;
    if (at < e->n && order(e->v[at].hash, hash) == 0) {
        e->v[at].at_ms = at_ms;
        return BL_OK;
    }
    if (e->n >= e->max) {
        size_t first = 0;
        for (size_t i = 1; i < e->n; i++)
            if (e->v[i].at_ms < e->v[first].at_ms)
                first = i;
        *oldest = e->v[first].hash;
        *forgotten = true;
        drop(e, first);
    }
    if (e->n == e->cap && !grow(e))
        return BL_ERR_NO_MEMORY;
    at = place(e, hash);
    memmove(e->v + at + 1, e->v + at, (e->n - at) * sizeof *e->v);
    e->v[at] = (struct bl_tombstone){hash, at_ms};
    e->n++;
    return BL_OK;
}

bool bl_erased_remove(struct bl_erased *e, struct bl_hash128 hash)
{
    size_t at = place(e, hash);
    if (at == e->n || order(e->v[at].hash, hash) != 0)
        return false;
    drop(e, at);
    return true;
}
