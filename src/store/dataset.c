/* Opening: the scripts, Redis' settings, then the meta hash, in one pipeline; for a worker the rules after it. The checks of SPEC 7.3 come
 * before the data set is made, so the settings are asked for first and the script is sent when they are
 * known.
 *
 * A Redis that is loading its files tells nothing about its settings (aof_enabled:0 whatever is set): it is away. */
#include "bl/store/dataset.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/store/keys.h"
#include "refusal.h"
#include "scripts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define OPENING_MAGIC BL_MAGIC('o', 'p', 'e', 'n')

struct opening {
    uint32_t magic;
    struct bl_link *link;
    struct bl_dataset_want want;
    bl_dataset_fn *fn;
    void *ctx;
    struct bl_dataset dataset;
    bool refused, loading;
    char why[512];
};

static void finish(struct opening *o, enum bl_err err, const struct bl_dataset *dataset)
{
    o->fn(o->ctx, err, dataset, o->why);
    o->magic = 0;
    free(o);
}

static void refuse(struct opening *o, const char *why)
{
    if (!o->refused)
        snprintf(o->why, sizeof o->why, "%s", why);
    o->refused = true;
}

static struct bl_str text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct bl_str){reply->str, reply->len} : (struct bl_str){0};
}

/* The value in INFO's `name:value` lines; empty: there is none. */
static struct bl_str info_value(struct bl_str info, const char *name)
{
    size_t n = strlen(name);
    const char *at = info.p ? strstr(info.p, name) : NULL;
    if (!at || (at != info.p && at[-1] != '\n') || at[n] != ':')
        return (struct bl_str){0};
    return (struct bl_str){at + n + 1, strcspn(at + n + 1, "\r\n")};
}

static void check(struct opening *o, const redisReply *reply, const char *name, const char *wanted,
                  const char *why)
{
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    struct bl_str have = info_value(text_of(reply), name);
    if (have.n && !bl_str_eqz(have, wanted))
        refuse(o, why);
}

/* Scripts with flags (#!lua) came with 7.0. */
static void on_server(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    struct bl_str version = info_value(text_of(reply), "redis_version");
    if (version.n && strtol(version.p, NULL, 10) < BL_REDIS_LEAST_MAJOR)
        refuse(o, "Redis is too old: version 7.0 or later is needed.");
}

static void on_memory(void *ctx, const redisReply *reply)
{
    check(BL_CAST(struct opening, ctx, OPENING_MAGIC), reply, "maxmemory_policy", "noeviction",
          "Redis may evict keys: set `maxmemory-policy noeviction`.");
}

static void on_persistence(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    o->loading = bl_str_eqz(info_value(text_of(reply), "loading"), "1");
    if (o->want.durable && !o->loading)
        check(o, reply, "aof_enabled", "1",
              "Redis keeps no append-only file: set `appendonly yes`, or start with --durability none.");
}

/* {"appendfsync", value}. Not everybody may ask, and who may not is believed. */
static void on_sync(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    if (!reply || o->loading)
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        bl_log(BL_LOG_WARN, "redis does not tell its appendfsync: see that it fits --durability",
               BL_LOG_TEXT("reason", reply->type == REDIS_REPLY_ERROR ? reply->str : "no such setting"));
        return;
    }
    struct bl_str have = text_of(reply->element[1]);
    if (o->want.every_write && !bl_str_eqz(have, "always"))
        refuse(o,
               "Redis answers before its append-only file is synced: set `appendfsync always`, or start with "
               "--durability everysec.");
    else if (bl_str_eqz(have, "no"))
        refuse(o, "Redis does not sync its append-only file: set `appendfsync everysec`, or start with "
                  "--durability none.");
}

static void on_cluster(void *ctx, const redisReply *reply)
{
    check(BL_CAST(struct opening, ctx, OPENING_MAGIC), reply, "cluster_enabled", "0",
          "Redis runs in cluster mode, which is not supported yet: use a single server.");
}

static bool hex_word(struct bl_str s, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0)
            return false;
        *out = *out << 4 | (uint64_t)v;
    }
    return s.n == 16;
}

/* What Redis says when it could not do it now, but will later. */
static bool passes(const redisReply *reply)
{
    static const char *const codes[] = {"LOADING",  "BUSY",       "MISCONF",  "MASTERDOWN",  "NOSCRIPT",
                                        "TRYAGAIN", "NOREPLICAS", "READONLY", "CLUSTERDOWN", "OOM"};
    struct bl_str text = {reply->str, reply->len};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (bl_str_starts(text, bl_str_of(codes[i])))
            return true;
    return false;
}

/* {version, partitions, hash_key, clock, now_ms} */
static enum bl_err read_meta(struct opening *o, const redisReply *reply, struct bl_dataset *d)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5) {
        snprintf(o->why, sizeof o->why, "Redis refused to open the data set: %s%s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply",
                 reply->type == REDIS_REPLY_ERROR ? bl_refusal_advice(reply->str) : "");
        return reply->type == REDIS_REPLY_ERROR && passes(reply) ? BL_ERR_STORE_UNAVAILABLE : BL_ERR_CONFIG;
    }
    struct bl_str v[5];
    int64_t version, partitions;
    for (size_t i = 0; i < 5; i++)
        v[i] = text_of(reply->element[i]);
    bool ok = bl_str_int64(v[0], &version) && bl_str_int64(v[1], &partitions) && v[2].n == 32 &&
              hex_word((struct bl_str){v[2].p, 16}, &d->hash_key.k0) &&
              hex_word((struct bl_str){v[2].p + 16, 16}, &d->hash_key.k1) && bl_str_int64(v[4], &d->now_ms);
    if (!ok || version != BL_DATASET_VERSION) {
        snprintf(o->why, sizeof o->why,
                 "The data set was made by another version of this program: use that one, or another --env.");
        return BL_ERR_CONFIG;
    }
    d->event_clock = bl_str_eqz(v[3], "event");
    d->partitions = (int)partitions;
    if (partitions != o->want.partitions)
        snprintf(o->why, sizeof o->why,
                 "The data set has %d partitions, not %d: start with --partitions %d, or use another --env.",
                 d->partitions, o->want.partitions, d->partitions);
    else if (d->event_clock != o->want.event_clock)
        snprintf(o->why, sizeof o->why,
                 "The data set has the %s clock: start with --clock %s, or use another --env.",
                 d->event_clock ? "event" : "live", d->event_clock ? "event" : "live");
    return o->why[0] ? BL_ERR_CONFIG : BL_OK;
}

/* {version, settings} of the newest rules */
static void on_rules(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    struct bl_dataset *d = &o->dataset;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        bl_str_int64(text_of(reply->element[0]), &d->rules_version)) {
        d->rules = text_of(reply->element[1]);
        finish(o, BL_OK, d);
        return;
    }
    if (reply)
        snprintf(o->why, sizeof o->why, "The rules of the data set cannot be read: %s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply");
    finish(o,
           !reply || (reply->type == REDIS_REPLY_ERROR && passes(reply)) ? BL_ERR_STORE_UNAVAILABLE
                                                                         : BL_ERR_CONFIG,
           NULL);
}

static void send_rules(struct opening *o)
{
    struct bl_buf key;
    bl_buf_init(&key, 0);
    bl_key_put(&key, o->want.env, BL_KEY_RULES_HISTORY, 0, (struct bl_str){0});
    struct bl_str args[] = {bl_buf_view(&key), o->want.rules_source, o->want.rules};
    bl_script_send(o->link, BL_SCRIPT_rules_begin, 1, sizeof args / sizeof args[0], args, on_rules, o);
    bl_buf_release(&key);
}

static void on_meta(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    if (!reply) {
        finish(o, BL_ERR_STORE_UNAVAILABLE, NULL);
        return;
    }
    enum bl_err err = read_meta(o, reply, &o->dataset);
    if (err == BL_OK && o->want.rules.n)
        send_rules(o);
    else
        finish(o, err, err == BL_OK ? &o->dataset : NULL);
}

static void send_meta(struct opening *o)
{
    struct bl_hash_key key = {0, 0};
    struct bl_buf meta;
    char version[16], least[16], partitions[16], hex[40];
    if (o->want.known_key)
        key = *o->want.known_key;
    else if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
        abort();
    snprintf(version, sizeof version, "%d", BL_DATASET_VERSION);
    snprintf(least, sizeof least, "%d", BL_DATASET_VERSION_LEAST);
    snprintf(partitions, sizeof partitions, "%d", o->want.partitions);
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)key.k0, (unsigned long long)key.k1);
    bl_buf_init(&meta, 0);
    bl_key_put(&meta, o->want.env, BL_KEY_META, 0, (struct bl_str){0});
    struct bl_str args[] = {bl_buf_view(&meta),
                            bl_str_of(version),
                            bl_str_of(partitions),
                            bl_str_of(hex),
                            bl_str_of(o->want.event_clock ? "event" : "live"),
                            bl_str_of(least)};
    bl_script_send(o->link, BL_SCRIPT_dataset_open, 1, sizeof args / sizeof args[0], args, on_meta, o);
    bl_buf_release(&meta);
}

/* The last of the settings. */
static void on_settings(void *ctx, const redisReply *reply)
{
    struct opening *o = BL_CAST(struct opening, ctx, OPENING_MAGIC);
    on_cluster(o, reply);
    if (!reply || o->loading)
        finish(o, BL_ERR_STORE_UNAVAILABLE, NULL);
    else if (o->refused)
        finish(o, BL_ERR_CONFIG, NULL);
    else
        send_meta(o);
}

static void ask(struct bl_link *link, const char *section, bl_reply_fn *fn, struct opening *o)
{
    struct bl_str argv[] = {BL_STR("INFO"), bl_str_of(section)};
    bl_link_send(link, 2, argv, fn, o);
}

void bl_dataset_open(struct bl_link *link, const struct bl_dataset_want *want, bl_dataset_fn *fn, void *ctx)
{
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        bl_out_of_memory(); /* as in link.c: the promise to call fn needs memory */
    o->magic = OPENING_MAGIC;
    o->link = link;
    o->want = *want;
    o->fn = fn;
    o->ctx = ctx;
    bl_scripts_load(link);
    ask(link, "server", on_server, o);
    ask(link, "memory", on_memory, o);
    ask(link, "persistence", on_persistence, o);
    if (want->durable)
        bl_link_send(link, 3, (const struct bl_str[]){BL_STR("CONFIG"), BL_STR("GET"), BL_STR("appendfsync")},
                     on_sync, o);
    ask(link, "cluster", on_settings, o);
}
