/* See access.h. Keys lie in one array: those that are fixed first, then the store's, which are replaced as a whole. */
#include "bl/app/access.h"

#include "bl/base/magic.h"

#include <stdlib.h>

#define ACCESS_MAGIC BL_MAGIC('a', 'c', 'c', 's')

struct bl_access_keys {
    uint32_t magic;
    bool known; /* the store has been read */
    bool asks;  /* a key has been seen: for ever */
    size_t fixed, n;
    struct bl_access_key keys[BL_KEYS_MAX];
};

static const struct {
    const char *name;
    unsigned may; /* by need */
} kinds[BL_KIND_COUNT] = {
    [BL_KIND_WRITE] = {"write", 1U << BL_ACCESS_OPEN | 1U << BL_ACCESS_WRITE},
    [BL_KIND_READ] = {"read", 1U << BL_ACCESS_OPEN | 1U << BL_ACCESS_READ},
    [BL_KIND_ADMIN] = {"admin", 1U << BL_ACCESS_OPEN | 1U << BL_ACCESS_WRITE | 1U << BL_ACCESS_READ |
                                    1U << BL_ACCESS_ADMIN},
};

const char *bl_key_kind_name(enum bl_key_kind kind)
{
    assert(kind < BL_KIND_COUNT);
    return kinds[kind].name;
}

enum bl_key_kind bl_key_kind_of(struct bl_str name)
{
    unsigned k = 0;
    while (k < BL_KIND_COUNT && !bl_str_eqz(name, kinds[k].name))
        k++;
    return (enum bl_key_kind)k;
}

bool bl_key_may(enum bl_key_kind kind, enum bl_access need)
{
    return kind < BL_KIND_COUNT && (kinds[kind].may & 1U << need);
}

enum bl_err bl_access_new(struct bl_access_keys **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return BL_ERR_NO_MEMORY;
    (*out)->magic = ACCESS_MAGIC;
    return BL_OK;
}

void bl_access_free(struct bl_access_keys *a)
{
    if (!a)
        return;
    assert(a->magic == ACCESS_MAGIC);
    a->magic = 0;
    free(a);
}

/* Looks at every byte, whatever it finds. */
static unsigned differ(const uint8_t *a, const uint8_t *b)
{
    uint64_t x[BL_TOKEN_HASH_BYTES / 8], y[BL_TOKEN_HASH_BYTES / 8], d = 0;
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        d |= x[i] ^ y[i];
    return (unsigned)(d >> 32) | (unsigned)d;
}

/* The number of the key with that hash, a->n: none. All are looked at, also after it was found. */
static size_t place_of(const struct bl_access_keys *a, const uint8_t *hash)
{
    size_t found = a->n;
    for (size_t i = 0; i < a->n; i++)
        found = differ(a->keys[i].hash, hash) ? found : i;
    return found;
}

static enum bl_err add(struct bl_access_keys *a, const struct bl_access_key *key)
{
    assert(a->magic == ACCESS_MAGIC && key->kind < BL_KIND_COUNT);
    if (a->n == BL_KEYS_MAX || place_of(a, key->hash) < a->n)
        return BL_ERR_TOO_LARGE;
    a->keys[a->n++] = *key;
    a->asks = a->asks || !key->unasked;
    return BL_OK;
}

enum bl_err bl_access_fix(struct bl_access_keys *a, const struct bl_access_key *key)
{
    assert(a->n == a->fixed);
    enum bl_err err = add(a, key);
    a->fixed = a->n;
    return err;
}

void bl_access_begin(struct bl_access_keys *a)
{
    assert(a->magic == ACCESS_MAGIC);
    a->n = a->fixed;
}

void bl_access_take(struct bl_access_keys *a, const struct bl_access_key *key)
{
    if (add(a, key) != BL_OK)
        return; /* access.h: left out */
}

void bl_access_end(struct bl_access_keys *a, bool any)
{
    a->known = true;
    a->asks = a->asks || any;
}

bool bl_access_asks(const struct bl_access_keys *a)
{
    return a->asks;
}

bool bl_access_is_known(const struct bl_access_keys *a)
{
    return a->known;
}

size_t bl_access_count(const struct bl_access_keys *a)
{
    return a->n;
}

bool bl_access_has(const struct bl_access_keys *a, struct bl_str id)
{
    for (size_t i = 0; i < a->n; i++)
        if (bl_str_eqz(id, a->keys[i].id))
            return true;
    return false;
}

const struct bl_access_key *bl_access_find(const struct bl_access_keys *a, struct bl_str token)
{
    uint8_t hash[BL_TOKEN_HASH_BYTES];
    if (token.n == 0)
        return NULL;
    bl_token_hash(token, hash);
    size_t i = place_of(a, hash);
    return i < a->n ? &a->keys[i] : NULL;
}

enum bl_err bl_access_decide(const struct bl_access_keys *a, const struct bl_access_ask *ask,
                             const struct bl_access_key **key)
{
    assert(a->magic == ACCESS_MAGIC);
    *key = NULL;
    if (ask->need == BL_ACCESS_OPEN || (a->known && !a->asks))
        return BL_OK;
    const struct bl_access_key *k = bl_access_find(a, ask->token);
    if (!k && !a->known && (ask->token.n || !a->asks))
        return BL_ERR_STORE_UNAVAILABLE;
    if (!k)
        return BL_ERR_UNAUTHORIZED;
    if (!bl_key_may(k->kind, ask->need))
        return BL_ERR_FORBIDDEN;
    if (ask->need == BL_ACCESS_WRITE && ask->origin.n && k->origins[0] &&
        !bl_origins_hold(k->origins, ask->origin))
        return BL_ERR_FORBIDDEN;
    *key = k;
    return BL_OK;
}

bool bl_access_origin_may_write(const struct bl_access_keys *a, struct bl_str origin)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct bl_access_key *k = &a->keys[i];
        bool any = k->kind == BL_KIND_WRITE && !k->origins[0] && !k->unasked;
        if (any ||
            (k->origins[0] && bl_key_may(k->kind, BL_ACCESS_WRITE) && bl_origins_hold(k->origins, origin)))
            return true;
    }
    return false;
}
