/* See ruleset.h.
 *
 *   newest ──same──> nothing
 *     │  the audit trail is told
 *     │  WATCH history, newest again? MULTI: XADD history, XADD each events; EXEC
 *     └──────────── nil: another was faster, once more */
#include "bl/store/ruleset.h"
#include "bl/base/memory.h"

#include "audit_internal.h"
#include "bl/core/tunable.h"
#include "bl/store/keys.h"
#include "bl/wire/command.h"
#include "dial.h"
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>

#define ATTEMPTS 100 /* each lost one means that another was applied */
#define ARGS_MAX 16

struct bl_ruleset {
    redisContext *redis;
    redisReply *reply; /* what was borrowed from it lasts until the next call */
    struct bl_str env;
    char env_text[BL_ENV_MAX_BYTES + 1];
    int partitions;
    struct bl_buf key, why;
};

/* ---- commands ---- */

static struct bl_str key(struct bl_ruleset *r, enum bl_key k, int partition)
{
    bl_buf_clear(&r->key);
    bl_key_put(&r->key, r->env, k, partition, BL_STR(""));
    return bl_buf_view(&r->key);
}

static enum bl_err fail(struct bl_ruleset *r, const char *why)
{
    bl_buf_clear(&r->why);
    bl_buf_z(&r->why, why);
    bl_buf_char(&r->why, '\0');
    return BL_ERR_STORE_UNAVAILABLE;
}

static enum bl_err refused(struct bl_ruleset *r, const char *error)
{
    char why[512];
    snprintf(why, sizeof why, "%s%s", error, bl_refusal_advice(error));
    return fail(r, why);
}

static void forget(struct bl_ruleset *r)
{
    freeReplyObject(r->reply);
    r->reply = NULL;
}

static void queue(struct bl_ruleset *r, size_t n, const struct bl_str *args)
{
    const char *argv[ARGS_MAX];
    size_t lens[ARGS_MAX];
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].p ? args[i].p : "";
        lens[i] = args[i].n;
    }
    redisAppendCommandArgv(r->redis, (int)n, argv, lens);
}

/* The next reply into r->reply. */
static enum bl_err take(struct bl_ruleset *r)
{
    void *reply = NULL;
    forget(r);
    if (redisGetReply(r->redis, &reply) != REDIS_OK)
        return fail(r, "the connection to Redis broke: what was asked may or may not have been done");
    r->reply = reply;
    return r->reply->type == REDIS_REPLY_ERROR ? refused(r, r->reply->str) : BL_OK;
}

static enum bl_err call(struct bl_ruleset *r, size_t n, const struct bl_str *args)
{
    queue(r, n, args);
    return take(r);
}

#define CALL(r, ...)                                                                                         \
    call((r), sizeof((struct bl_str[]){__VA_ARGS__}) / sizeof(struct bl_str), (struct bl_str[]){__VA_ARGS__})

static struct bl_str text(const redisReply *reply)
{
    bool is = reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
    return is ? (struct bl_str){reply->str, reply->len} : BL_STR("");
}

static int64_t number(const redisReply *reply)
{
    int64_t v;
    return bl_str_int64(text(reply), &v) && v > 0 ? v : 0;
}

/* ---- opening ---- */

enum bl_err bl_ruleset_open(const char *url, const char *env, struct bl_ruleset **out, struct bl_buf *why)
{
    struct bl_ruleset *r = calloc(1, sizeof *r);
    if (!r)
        return BL_ERR_NO_MEMORY;
    snprintf(r->env_text, sizeof r->env_text, "%s", env);
    r->env = bl_str_of(r->env_text);
    bl_buf_init(&r->key, 0);
    bl_buf_init(&r->why, 0);
    enum bl_err err = bl_dial(url, &r->redis, why);
    if (err == BL_OK) {
        err = CALL(r, BL_STR("HGET"), key(r, BL_KEY_META, 0), BL_STR("partitions"));
        if (err != BL_OK)
            bl_buf_z(why, bl_ruleset_why(r));
    }
    if (err != BL_OK) {
        bl_ruleset_close(r);
        return err;
    }
    int64_t partitions = number(r->reply);
    r->partitions = partitions <= BL_PARTITIONS_MAX ? (int)partitions : 0;
    *out = r;
    return BL_OK;
}

void bl_ruleset_close(struct bl_ruleset *r)
{
    if (!r)
        return;
    forget(r);
    if (r->redis)
        redisFree(r->redis);
    bl_buf_release(&r->key);
    bl_buf_release(&r->why);
    free(r);
}

const char *bl_ruleset_why(const struct bl_ruleset *r)
{
    return r->why.n ? r->why.p : "out of memory";
}

int bl_ruleset_partitions(const struct bl_ruleset *r)
{
    return r->partitions;
}

/* ---- reading ---- */

static struct bl_ruleset_version read_version(const redisReply *entry)
{
    struct bl_ruleset_version v = {0};
    const redisReply *fields = entry->elements == 2 ? entry->element[1] : NULL;
    for (size_t i = 0; fields && i + 1 < fields->elements; i += 2) {
        struct bl_str name = text(fields->element[i]);
        if (bl_str_eqz(name, "version"))
            v.version = number(fields->element[i + 1]);
        else if (bl_str_eqz(name, "at"))
            v.at_ms = number(fields->element[i + 1]);
        else if (bl_str_eqz(name, "source"))
            v.source = text(fields->element[i + 1]);
        else if (bl_str_eqz(name, "settings"))
            v.settings = text(fields->element[i + 1]);
    }
    return v;
}

enum bl_err bl_ruleset_history(struct bl_ruleset *r, int max, bl_ruleset_fn *fn, void *ctx)
{
    char count[16];
    snprintf(count, sizeof count, "%d", max);
    enum bl_err err = CALL(r, BL_STR("XREVRANGE"), key(r, BL_KEY_RULES_HISTORY, 0), BL_STR("+"), BL_STR("-"),
                           BL_STR("COUNT"), bl_str_of(count));
    for (size_t i = 0; err == BL_OK && i < r->reply->elements; i++) {
        struct bl_ruleset_version v = read_version(r->reply->element[i]);
        fn(ctx, &v);
    }
    return err;
}

static void keep_one(void *ctx, const struct bl_ruleset_version *v)
{
    *(struct bl_ruleset_version *)ctx = *v;
}

enum bl_err bl_ruleset_newest(struct bl_ruleset *r, struct bl_ruleset_version *out)
{
    *out = (struct bl_ruleset_version){0};
    return bl_ruleset_history(r, 1, keep_one, out);
}

enum bl_err bl_ruleset_in_effect(struct bl_ruleset *r, struct bl_ruleset_effect *out)
{
    enum bl_err err = BL_OK;
    for (int p = 0; p < r->partitions; p++) {
        struct bl_str args[] = {BL_STR("HMGET"), key(r, BL_KEY_RULES, p), BL_STR("version"), BL_STR("at")};
        queue(r, 4, args);
    }
    for (int p = 0; p < r->partitions; p++) {
        enum bl_err e = take(r);
        bool pair = e == BL_OK && r->reply->elements == 2;
        out->version[p] = pair ? number(r->reply->element[0]) : 0;
        out->at_ms[p] = pair ? number(r->reply->element[1]) : 0;
        err = err == BL_OK ? e : err;
        if (r->redis->err)
            return e;
    }
    return err;
}

enum bl_err bl_ruleset_of_up(struct bl_ruleset *r, struct bl_str *out)
{
    enum bl_err err = CALL(r, BL_STR("HGET"), key(r, BL_KEY_META, 0), BL_STR("up_rules"));
    *out = err == BL_OK ? text(r->reply) : BL_STR("");
    return err;
}

/* ---- changing ---- */

struct change {
    int64_t after; /* the version that must be the newest in the history; 0: there is none */
    int64_t next;  /* the one to come */
    char at[24], version[24], kept[16];
    struct bl_str source, settings, actor;
    bool of_up;
};

static enum bl_err note_time(struct bl_ruleset *r, struct change *c)
{
    enum bl_err err = CALL(r, BL_STR("TIME"));
    int64_t s = 0, us = 0;
    if (err == BL_OK && r->reply->elements == 2) {
        s = number(r->reply->element[0]);
        us = number(r->reply->element[1]);
    }
    snprintf(c->at, sizeof c->at, "%lld", (long long)(s * 1000 + us / 1000));
    snprintf(c->kept, sizeof c->kept, "%d", BL_RULES_KEPT);
    snprintf(c->version, sizeof c->version, "%lld", (long long)c->next);
    return err;
}

/* Version 1 needs no command: every partition begins with it. */
static int queue_change(struct bl_ruleset *r, const struct change *c)
{
    struct bl_command wish = {.kind = BL_COMMAND_RULES, .version = c->next, .settings = c->settings};
    struct bl_buf command;
    int n = 3;
    bl_buf_init(&command, 0);
    bl_command_write(&wish, &command);
    if (command.err != BL_OK)
        bl_out_of_memory(); /* rules that lack a part must not go out */
    queue(r, 1, (struct bl_str[]){BL_STR("MULTI")});
    struct bl_str note[] = {BL_STR("XADD"),
                            key(r, BL_KEY_RULES_HISTORY, 0),
                            BL_STR("MAXLEN"),
                            bl_str_of(c->kept),
                            BL_STR("*"),
                            BL_STR("version"),
                            bl_str_of(c->version),
                            BL_STR("at"),
                            bl_str_of(c->at),
                            BL_STR("source"),
                            c->source,
                            BL_STR("settings"),
                            c->settings};
    queue(r, sizeof note / sizeof *note, note);
    for (int p = 0; c->next > 1 && p < r->partitions; p++, n++) {
        struct bl_str add[] = {BL_STR("XADD"), key(r, BL_KEY_EVENTS, p), BL_STR("*"), BL_STR("command"),
                               bl_buf_view(&command)};
        queue(r, 5, add);
    }
    if (c->of_up) {
        struct bl_str set[] = {BL_STR("HSET"), key(r, BL_KEY_META, 0), BL_STR("up_rules"), c->settings};
        queue(r, 4, set);
        n++;
    }
    queue(r, 1, (struct bl_str[]){BL_STR("EXEC")});
    bl_buf_release(&command);
    return n;
}

/* Another may be faster still: then the trail has one version twice, of which the later entry is the one that holds. */
static enum bl_err audit(struct bl_ruleset *r, const struct change *c)
{
    struct bl_buf detail, why;
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)c->next);
    bl_buf_init(&detail, BL_AUDIT_DETAIL_MAX);
    bl_buf_init(&why, 0);
    bl_buf_z(&detail, "{\"source\":");
    bl_buf_json(&detail, c->source);
    bl_buf_char(&detail, '}');
    const struct bl_audit_entry entry = {BL_STR("rules"), c->actor, bl_str_of(version),
                                         detail.err == BL_OK ? bl_buf_view(&detail) : BL_STR("")};
    enum bl_err err = audit_append(r->redis, key(r, BL_KEY_AUDIT, 0), &entry, &why);
    bl_buf_char(&why, '\0');
    if (err != BL_OK)
        fail(r, why.n > 1 ? why.p : bl_err_text(err));
    bl_buf_release(&detail);
    bl_buf_release(&why);
    return err;
}

/* *done false: another was faster. */
static enum bl_err change(struct bl_ruleset *r, struct change *c, bool *done)
{
    struct bl_ruleset_version newest;
    enum bl_err err = note_time(r, c);
    *done = false;
    if (err == BL_OK)
        err = CALL(r, BL_STR("WATCH"), key(r, BL_KEY_RULES_HISTORY, 0));
    if (err == BL_OK)
        err = bl_ruleset_newest(r, &newest);
    if (err != BL_OK || newest.version != c->after)
        return err == BL_OK ? CALL(r, BL_STR("UNWATCH")) : err;
    char first[256] = "";
    for (int n = queue_change(r, c); n > 0; n--) {
        err = take(r);
        if (r->redis->err)
            return err;
        if (err != BL_OK && !first[0]) /* why EXEC will not: out of memory, a replica, … */
            snprintf(first, sizeof first, "%s", bl_ruleset_why(r));
    }
    *done = err == BL_OK && r->reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; *done && i < r->reply->elements; i++)
        if (r->reply->element[i]->type == REDIS_REPLY_ERROR)
            return refused(r, r->reply->element[i]->str);
    return first[0] ? fail(r, first) : err;
}

/* Are they the newest already? *before: the newest, if they can be read. */
static enum bl_err compare(const struct bl_ruleset_version *newest, const struct bl_settings *s, bool *same,
                           struct bl_rules **before)
{
    struct bl_buf why;
    bl_rules_free(*before);
    *before = NULL;
    *same = false;
    if (newest->version == 0)
        return BL_OK;
    bl_buf_init(&why, 0);
    enum bl_err err = bl_rules_read(newest->settings, before, &why);
    bl_buf_release(&why);
    *same = err == BL_OK && bl_settings_same(bl_rules_settings(*before), s);
    return err == BL_ERR_CORRUPT ? BL_OK : err;
}

/* The newest that any partition has in effect: beyond the history, should somebody have deleted that. */
static enum bl_err highest(struct bl_ruleset *r, int64_t *out)
{
    struct bl_ruleset_effect e;
    enum bl_err err = bl_ruleset_in_effect(r, &e);
    *out = 0;
    for (int p = 0; err == BL_OK && p < r->partitions; p++)
        *out = e.version[p] > *out ? e.version[p] : *out;
    return err;
}

static enum bl_err attempt(struct bl_ruleset *r, const struct bl_settings *s, struct change *c,
                           struct bl_ruleset_applied *out, bool *done)
{
    struct bl_ruleset_version newest;
    int64_t most;
    enum bl_err err = highest(r, &most);
    if (err == BL_OK)
        err = bl_ruleset_newest(r, &newest);
    if (err == BL_OK)
        err = compare(&newest, s, &out->same, &out->before);
    if (err != BL_OK)
        return err;
    out->same = out->same && most <= newest.version;
    c->after = newest.version;
    c->next = (most > newest.version ? most : newest.version) + 1;
    if (!out->same) {
        out->version = c->next;
        err = audit(r, c);
        return err == BL_OK ? change(r, c, done) : err;
    }
    out->version = newest.version;
    *done = true;
    return c->of_up ? CALL(r, BL_STR("HSET"), key(r, BL_KEY_META, 0), BL_STR("up_rules"), c->settings)
                    : BL_OK;
}

enum bl_err bl_ruleset_apply(struct bl_ruleset *r, const struct bl_settings *s, const char *source,
                             bool of_up, struct bl_str actor, struct bl_ruleset_applied *out)
{
    struct bl_buf settings;
    bool done = false;
    bl_buf_init(&settings, BL_RULES_MAX_BYTES);
    bl_rules_write(s, &settings);
    struct change c = {
        .source = bl_str_of(source), .settings = bl_buf_view(&settings), .actor = actor, .of_up = of_up};
    enum bl_err err = settings.err;
    *out = (struct bl_ruleset_applied){0};
    for (int i = 0; err == BL_OK && !done && i < ATTEMPTS; i++)
        err = attempt(r, s, &c, out, &done);
    if (err == BL_OK && !done)
        err = fail(r, "others change the rules all the time: try again");
    if (err != BL_OK) {
        bl_rules_free(out->before);
        out->before = NULL;
    }
    bl_buf_release(&settings);
    return err;
}
