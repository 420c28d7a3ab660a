/* The audit trail for tools that may block: one entry, or all of them, on a connection of its own (dial.h). */
#include "audit_internal.h"
#include "bl/base/limits.h"
#include "bl/store/keys.h"
#include "dial.h"
#include "refusal.h"
#include "scripts.h"

#include <stdio.h>

#define PAGE 500 /* entries read at a time */

static void key_of(struct bl_buf *key, const char *env)
{
    bl_buf_init(key, 0);
    bl_key_put(key, bl_str_of(env), BL_KEY_AUDIT, 0, (struct bl_str){0});
}

/* Not bl_dial_call: what Redis says against it matters. */
static redisReply *run_script(redisContext *redis, const struct audit_call *c)
{
    struct bl_str args[3 + AUDIT_ARGS] = {BL_STR("EVALSHA"), bl_script_sha(BL_SCRIPT_audit_append),
                                          BL_STR("1")};
    const char *argv[3 + AUDIT_ARGS];
    size_t lens[3 + AUDIT_ARGS];
    memcpy(args + 3, c->args, sizeof c->args);
    for (size_t i = 0; i < 3 + AUDIT_ARGS; i++) {
        argv[i] = args[i].n ? args[i].p : "";
        lens[i] = args[i].n;
    }
    return redisCommandArgv(redis, 3 + AUDIT_ARGS, argv, lens);
}

static bool load(redisContext *redis)
{
    redisReply *r = bl_dial_call(
        redis, 3,
        (const struct bl_str[]){BL_STR("SCRIPT"), BL_STR("LOAD"), bl_script_text(BL_SCRIPT_audit_append)});
    bool ok = r != NULL;
    freeReplyObject(r);
    return ok;
}

enum bl_err audit_append(redisContext *redis, struct bl_str key, const struct bl_audit_entry *entry,
                         struct bl_buf *why)
{
    struct audit_head head = {0};
    enum audit_said said = load(redis) ? AUDIT_MOVED : AUDIT_REFUSED;
    for (int i = 0; i <= AUDIT_ATTEMPTS && said == AUDIT_MOVED; i++) {
        struct audit_call call;
        enum bl_err err = audit_call_make(&call, key, entry, i ? &head : NULL, (struct bl_str){0});
        if (err != BL_OK)
            return err;
        redisReply *r = run_script(redis, &call);
        said = audit_call_said(r, &head);
        if (r && r->type == REDIS_REPLY_ERROR)
            bl_buf_printf(why, "the audit trail cannot be written: %s%s", r->str, bl_refusal_advice(r->str));
        freeReplyObject(r);
    }
    if (said == AUDIT_DONE)
        return BL_OK;
    if (why->n == 0)
        bl_buf_z(why, said == AUDIT_MOVED ? "others write to the audit trail all the time: try again"
                      : redis->err        ? "the connection to Redis broke before the audit trail was written"
                                   : "the audit trail's newest entry cannot be read: see `behaviorlens "
                                     "inspect audit --verify`");
    return BL_ERR_STORE_UNAVAILABLE;
}

enum bl_err bl_audit_write_now(const char *url, const char *env, const struct bl_audit_entry *entry,
                               struct bl_buf *why)
{
    redisContext *redis = NULL;
    struct bl_buf key;
    if (!audit_entry_fits(entry)) {
        bl_buf_z(why, "the audit entry is too long");
        return BL_ERR_TOO_LARGE;
    }
    enum bl_err err = bl_dial(url, &redis, why);
    if (err != BL_OK)
        return err;
    key_of(&key, env);
    err = key.err == BL_OK ? audit_append(redis, bl_buf_view(&key), entry, why) : key.err;
    bl_buf_release(&key);
    redisFree(redis);
    return err;
}

/* The entries after `after`, into fn; *after is the last one's id then. */
static size_t page(const redisReply *reply, bl_audit_record_fn *fn, void *ctx, char after[64])
{
    for (size_t i = 0; i < reply->elements; i++) {
        struct bl_audit_record r;
        (void)audit_record_of(reply->element[i], &r); /* one that is none of ours is fn's to find */
        fn(ctx, &r);
        snprintf(after, 64, "(%.*s", BL_STR_ARG(r.id));
    }
    return reply->elements;
}

enum bl_err bl_audit_each(const char *url, const char *env, bl_audit_record_fn *fn, void *ctx,
                          struct bl_buf *why)
{
    redisContext *redis = NULL;
    struct bl_buf key;
    char after[64] = "-", count[16];
    size_t n = PAGE;
    enum bl_err err = bl_dial(url, &redis, why);
    if (err != BL_OK)
        return err;
    key_of(&key, env);
    snprintf(count, sizeof count, "%d", PAGE);
    err = key.err;
    while (err == BL_OK && n == PAGE) {
        const struct bl_str args[] = {BL_STR("XRANGE"), bl_buf_view(&key), bl_str_of(after),
                                      BL_STR("+"),      BL_STR("COUNT"),   bl_str_of(count)};
        redisReply *r = bl_dial_call(redis, sizeof args / sizeof *args, args);
        if (r && r->type == REDIS_REPLY_ARRAY) {
            n = page(r, fn, ctx, after);
        } else {
            bl_buf_z(why, "the audit trail cannot be read: the connection broke, or the key is no stream");
            err = BL_ERR_STORE_UNAVAILABLE;
        }
        freeReplyObject(r);
    }
    bl_buf_release(&key);
    redisFree(redis);
    return err;
}
