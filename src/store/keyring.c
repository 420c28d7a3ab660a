/* See keyring.h. The whole hash is read each time: it is small and bounded, and what is not there any more must be
 * noticed. Only a reply other than the last changes anything. */
#include "bl/store/keyring.h"

#include "bl/base/hash.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#define KEYRING_MAGIC BL_MAGIC('k', 'r', 'n', 'g')

struct bl_keyring {
    uint32_t magic;
    struct bl_access_keys *keys;
    void *ctx;
    void (*changed)(void *ctx);
    struct bl_buf name; /* of the hash */
    bool pending, once, complained;
    struct bl_hash128 seen; /* of the last reply */
};

enum bl_err bl_keyring_new(const struct bl_keyring_options *options, struct bl_keyring **out)
{
    struct bl_keyring *k = calloc(1, sizeof *k);
    *out = NULL;
    if (!k)
        return BL_ERR_NO_MEMORY;
    *k = (struct bl_keyring){
        .magic = KEYRING_MAGIC, .keys = options->keys, .ctx = options->ctx, .changed = options->changed};
    bl_buf_init(&k->name, 0);
    bl_key_put(&k->name, bl_str_of(options->env), BL_KEY_KEYS, 0, (struct bl_str){0});
    if (k->name.err != BL_OK) {
        bl_keyring_free(k);
        return BL_ERR_NO_MEMORY;
    }
    *out = k;
    return BL_OK;
}

void bl_keyring_free(struct bl_keyring *k)
{
    if (!k)
        return;
    assert(k->magic == KEYRING_MAGIC);
    bl_buf_release(&k->name);
    k->magic = 0;
    free(k);
}

static struct bl_str text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? (struct bl_str){r->str, r->len} : (struct bl_str){"", 0};
}

/* A hash's fields come in any order: the digests of (field, value) are added up. */
static struct bl_hash128 digest(const redisReply *r)
{
    static const struct bl_hash_key key = {0x6b6579732e2e2e2eULL, 0x62656861766c656eULL};
    struct bl_hash128 sum = {r->elements, r->elements};
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        struct bl_hash128 field = bl_hash128(key, text(r->element[i]));
        struct bl_hash128 both =
            bl_hash128((struct bl_hash_key){field.lo, field.hi}, text(r->element[i + 1]));
        sum.lo += both.lo;
        sum.hi += both.hi;
    }
    return sum;
}

/* All of them before any of them holds: a key that there was no memory to read must not be taken for one that is gone. */
static enum bl_err read_all(const redisReply *r, struct bl_access_key *out, size_t *n, size_t *unread)
{
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        if (*n == BL_KEYS_MAX)
            return BL_OK;
        enum bl_err err = bl_access_key_read(text(r->element[i]), text(r->element[i + 1]), &out[*n]);
        if (err == BL_ERR_NO_MEMORY)
            return err;
        *(err == BL_OK ? n : unread) += 1;
    }
    return BL_OK;
}

static enum bl_err take(struct bl_keyring *k, const redisReply *r)
{
    size_t n = 0, unread = 0;
    struct bl_access_key *all = calloc(BL_KEYS_MAX, sizeof *all);
    enum bl_err err = all ? read_all(r, all, &n, &unread) : BL_ERR_NO_MEMORY;
    if (err == BL_OK) {
        bl_access_begin(k->keys);
        for (size_t i = 0; i < n; i++)
            bl_access_take(k->keys, &all[i]);
        bl_access_end(k->keys, r->elements > 0);
        if (unread)
            bl_log(BL_LOG_WARN, "keys in the store cannot be read and do not hold",
                   BL_LOG_INT("keys", unread));
        k->changed(k->ctx);
    }
    free(all);
    return err;
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct bl_keyring *k = BL_CAST(struct bl_keyring, ctx, KEYRING_MAGIC);
    k->pending = false;
    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_ARRAY) {
        if (!k->complained)
            bl_log(BL_LOG_ERROR, "the keys cannot be read: those known hold",
                   BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->str ? reply->len : 0})));
        k->complained = true;
        return;
    }
    struct bl_hash128 now = digest(reply);
    bool same = k->once && now.hi == k->seen.hi && now.lo == k->seen.lo;
    k->complained = false;
    if (!same && take(k, reply) != BL_OK)
        return; /* those known hold; the next poll looks again */
    k->once = true;
    k->seen = now;
}

void bl_keyring_poll(struct bl_keyring *k, struct bl_link *link)
{
    struct bl_str argv[] = {BL_STR("HGETALL"), bl_buf_view(&k->name)};
    if (k->pending || !bl_link_is_up(link))
        return;
    k->pending = true;
    bl_link_send(link, sizeof argv / sizeof *argv, argv, on_reply, k);
}
