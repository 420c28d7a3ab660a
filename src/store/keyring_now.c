/* Keys changed by tools that may block: a connection each time (dial.h). */
#include "bl/store/keyring.h"

#include "bl/store/keys.h"
#include "dial.h"

#include <stdlib.h>

struct tool {
    redisContext *redis;
    struct bl_buf key;
    struct bl_buf *why;
};

static enum bl_err tool_open(struct tool *t, const char *url, const char *env, struct bl_buf *why)
{
    *t = (struct tool){.why = why};
    bl_buf_init(&t->key, 0);
    bl_key_put(&t->key, bl_str_of(env), BL_KEY_KEYS, 0, (struct bl_str){0});
    return t->key.err == BL_OK ? bl_dial(url, &t->redis, why) : t->key.err;
}

static void tool_close(struct tool *t)
{
    bl_buf_release(&t->key);
    if (t->redis)
        redisFree(t->redis);
}

/* NULL: *err and `why` say it. */
static redisReply *call(struct tool *t, size_t n, const struct bl_str *args, int type, enum bl_err *err)
{
    redisReply *r = bl_dial_call(t->redis, n, args);
    if (r && r->type == type)
        return r;
    freeReplyObject(r);
    bl_buf_z(
        t->why,
        "Redis refuses: check that it is writable, that --env and the user in --redis are right, and that "
        "`keys` of this environment is a hash");
    *err = BL_ERR_STORE_UNAVAILABLE;
    return NULL;
}

#define CALL(t, type, err, ...)                                                                              \
    call((t), sizeof((struct bl_str[]){__VA_ARGS__}) / sizeof(struct bl_str),                                \
         (const struct bl_str[]){__VA_ARGS__}, (type), (err))

static int64_t time_ms(struct tool *t, enum bl_err *err)
{
    int64_t s = 0, us = 0;
    redisReply *r = CALL(t, REDIS_REPLY_ARRAY, err, BL_STR("TIME"));
    bool ok = r && r->elements == 2 && bl_str_int64(bl_str_of(r->element[0]->str), &s) &&
              bl_str_int64(bl_str_of(r->element[1]->str), &us);
    freeReplyObject(r);
    return ok ? s * 1000 + us / 1000 : 0;
}

static void put(struct tool *t, const struct bl_access_key *key, struct bl_str json, enum bl_err *err)
{
    struct bl_str hash = bl_buf_view(&t->key), id = bl_str_of(key->id);
    redisReply *r = CALL(t, REDIS_REPLY_INTEGER, err, BL_STR("HSETNX"), hash, id, json);
    bool added = r && r->integer == 1;
    freeReplyObject(r);
    r = *err == BL_OK ? CALL(t, REDIS_REPLY_INTEGER, err, BL_STR("HLEN"), hash) : NULL;
    bool over = r && r->integer > BL_KEYS_MAX;
    freeReplyObject(r);
    if (*err == BL_OK && !added) {
        bl_buf_z(t->why, "there is a key of that id already");
        *err = BL_ERR_INVALID_FIELD;
    } else if (added && (over || *err != BL_OK)) {
        enum bl_err undone = BL_OK;
        freeReplyObject(CALL(t, REDIS_REPLY_INTEGER, &undone, BL_STR("HDEL"), hash, id));
    }
    if (over && *err == BL_OK) {
        bl_buf_printf(t->why, "there are %d keys, which is as many as there may be: revoke some",
                      BL_KEYS_MAX);
        *err = BL_ERR_TOO_LARGE;
    }
}

enum bl_err bl_keyring_put(const char *url, const char *env, struct bl_access_key *key, struct bl_buf *why)
{
    struct tool t;
    struct bl_buf json;
    enum bl_err err = tool_open(&t, url, env, why);
    bl_buf_init(&json, 0);
    if (err == BL_OK)
        key->created_ms = time_ms(&t, &err);
    if (err == BL_OK) {
        bl_access_key_put(key, &json);
        err = json.err;
    }
    if (err == BL_OK)
        put(&t, key, bl_buf_view(&json), &err);
    bl_buf_release(&json);
    tool_close(&t);
    return err;
}

enum bl_err bl_keyring_remove(const char *url, const char *env, struct bl_str id, bool *removed,
                              struct bl_buf *why)
{
    struct tool t;
    enum bl_err err = tool_open(&t, url, env, why);
    redisReply *r =
        err == BL_OK ? CALL(&t, REDIS_REPLY_INTEGER, &err, BL_STR("HDEL"), bl_buf_view(&t.key), id) : NULL;
    *removed = r && r->integer == 1;
    freeReplyObject(r);
    tool_close(&t);
    return err;
}

static int by_age(const void *a, const void *b)
{
    const struct bl_access_key *x = a, *y = b;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

enum bl_err bl_keyring_list(const char *url, const char *env, struct bl_access_key out[BL_KEYS_MAX],
                            size_t *n, size_t *unread, struct bl_buf *why)
{
    struct tool t;
    enum bl_err err = tool_open(&t, url, env, why);
    redisReply *r =
        err == BL_OK ? CALL(&t, REDIS_REPLY_ARRAY, &err, BL_STR("HGETALL"), bl_buf_view(&t.key)) : NULL;
    *n = *unread = 0;
    for (size_t i = 0; r && i + 1 < r->elements; i += 2) {
        struct bl_str id = {r->element[i]->str, r->element[i]->len},
                      json = {r->element[i + 1]->str, r->element[i + 1]->len};
        enum bl_err read = *n < BL_KEYS_MAX ? bl_access_key_read(id, json, &out[*n]) : BL_ERR_CORRUPT;
        if (read == BL_ERR_NO_MEMORY)
            err = read;
        else
            *(read == BL_OK ? n : unread) += 1;
    }
    qsort(out, *n, sizeof *out, by_age);
    freeReplyObject(r);
    tool_close(&t);
    return err;
}
