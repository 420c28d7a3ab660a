/* See bulk.h. Events gather per partition into record batches like those of ingest; replies are read a window
 * behind, so that the connection is always full. Invariant: b->pending replies are owed by the server. */
#include "bl/store/bulk.h"
#include "bl/base/hash.h"
#include "bl/base/limits.h"
#include "bl/store/keys.h"
#include "dial.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define PIPELINE   64
#define LAG_MAX    20000 /* entries */
#define LOOK_EVERY 4096  /* entries */
#define WAIT_US    20000
#define PAGE       500 /* patterns or keys at a time */
#define ARGS_MAX   16
#define PATIENCE_S 60 /* Redis is kept as busy as it can be */

struct batch {
    struct bl_buf lines;
    size_t n;
    int64_t added; /* entries */
};

struct bl_bulk {
    redisContext *redis;
    struct bl_str env;
    int partitions, pending;
    struct bl_hash_key key;
    struct batch batch[BL_PARTITIONS_MAX];
    int64_t since_look;
    void (*on_wait)(void *ctx);
    void *on_wait_ctx;
    struct bl_buf key_text;
    char env_text[BL_ENV_MAX_BYTES + 1];
};

/* ---- commands ---- */

static void append_argv(struct bl_bulk *b, size_t n, const struct bl_str *args)
{
    const char *argv[ARGS_MAX];
    size_t lens[ARGS_MAX];
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].p;
        lens[i] = args[i].n;
    }
    redisAppendCommandArgv(b->redis, (int)n, argv, lens);
    b->pending++;
}

/* The next owed reply; NULL if the connection broke or Redis refused the command. */
static redisReply *take_reply(struct bl_bulk *b)
{
    void *reply = NULL;
    if (redisGetReply(b->redis, &reply) != REDIS_OK)
        return NULL;
    b->pending--;
    redisReply *r = reply;
    if (r->type == REDIS_REPLY_ERROR) {
        freeReplyObject(r);
        return NULL;
    }
    return r;
}

static enum bl_err settle(struct bl_bulk *b, int leave)
{
    while (b->pending > leave) {
        redisReply *r = take_reply(b);
        if (!r)
            return BL_ERR_STORE_UNAVAILABLE;
        freeReplyObject(r);
    }
    return BL_OK;
}

/* One command, its reply at once. Nothing may be owed. */
static redisReply *call(struct bl_bulk *b, size_t n, const struct bl_str *args)
{
    append_argv(b, n, args);
    return take_reply(b);
}

static struct bl_str key(struct bl_bulk *b, enum bl_key k, int partition, struct bl_str arg)
{
    bl_buf_clear(&b->key_text);
    bl_key_put(&b->key_text, b->env, k, partition, arg);
    return bl_buf_view(&b->key_text);
}

/* ---- opening ---- */

static bool said_ok(struct bl_bulk *b, size_t n, const struct bl_str *args)
{
    redisReply *r = call(b, n, args);
    bool ok = r != NULL;
    freeReplyObject(r);
    return ok;
}

static bool make_data_set(struct bl_bulk *b)
{
    char hex[33], partitions[16];
    if (getrandom(&b->key, sizeof b->key, 0) != (ssize_t)sizeof b->key)
        return false;
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)b->key.k0, (unsigned long long)b->key.k1);
    snprintf(partitions, sizeof partitions, "%d", b->partitions);
    struct bl_str name = key(b, BL_KEY_META, 0, BL_STR(""));
    struct bl_str args[] = {BL_STR("HSET"),       name,
                            BL_STR("version"),    BL_STR("1"),
                            BL_STR("partitions"), bl_str_of(partitions),
                            BL_STR("hash_key"),   bl_str_of(hex),
                            BL_STR("clock"),      BL_STR("event"),
                            BL_STR("created_at"), BL_STR("0")};
    return said_ok(b, sizeof args / sizeof *args, args);
}

enum bl_err bl_bulk_open(const char *text, const char *env, int partitions, struct bl_bulk **out,
                         struct bl_buf *why)
{
    struct bl_bulk *b = calloc(1, sizeof *b);
    struct timeval patience = {PATIENCE_S, 0};
    if (!b)
        return BL_ERR_NO_MEMORY;
    snprintf(b->env_text, sizeof b->env_text, "%s", env);
    b->env = bl_str_of(b->env_text);
    b->partitions = partitions;
    bl_buf_init(&b->key_text, 0);
    enum bl_err err = bl_dial(text, &b->redis, why);
    if (err == BL_OK && (redisSetTimeout(b->redis, patience) != REDIS_OK || !make_data_set(b))) {
        bl_buf_z(why, "Redis refuses to take a data set");
        err = BL_ERR_STORE_UNAVAILABLE;
    }
    if (err != BL_OK) {
        bl_bulk_close(b);
        return err;
    }
    *out = b;
    return BL_OK;
}

void bl_bulk_close(struct bl_bulk *b)
{
    if (!b)
        return;
    for (int p = 0; p < BL_PARTITIONS_MAX; p++)
        bl_buf_release(&b->batch[p].lines);
    if (b->redis)
        redisFree(b->redis);
    bl_buf_release(&b->key_text);
    free(b);
}

void bl_bulk_on_wait(struct bl_bulk *b, void (*fn)(void *ctx), void *ctx)
{
    b->on_wait = fn;
    b->on_wait_ctx = ctx;
}

/* ---- events in ---- */

static enum bl_err add_entry(struct bl_bulk *b, int p, struct bl_str field, struct bl_str value)
{
    struct bl_str args[] = {BL_STR("XADD"), key(b, BL_KEY_EVENTS, p, BL_STR("")), BL_STR("*"), field, value};
    append_argv(b, sizeof args / sizeof *args, args);
    b->batch[p].added++;
    b->since_look++;
    return settle(b, PIPELINE);
}

static enum bl_err flush(struct bl_bulk *b, int p)
{
    struct batch *batch = &b->batch[p];
    if (batch->n == 0)
        return BL_OK;
    enum bl_err err = batch->lines.err;
    if (err == BL_OK)
        err = add_entry(b, p, BL_STR("events"), bl_buf_view(&batch->lines));
    bl_buf_clear(&batch->lines);
    batch->n = 0;
    return err;
}

static enum bl_err wait_for_workers(struct bl_bulk *b)
{
    int64_t lag;
    enum bl_err err;
    b->since_look = 0;
    while ((err = bl_bulk_lag(b, &lag)) == BL_OK && lag > LAG_MAX) {
        if (b->on_wait)
            b->on_wait(b->on_wait_ctx);
        usleep(WAIT_US);
    }
    return err;
}

enum bl_err bl_bulk_append(struct bl_bulk *b, struct bl_str user_id, struct bl_str line)
{
    int p = (int)(bl_hash64(b->key, user_id) % (uint64_t)b->partitions);
    struct batch *batch = &b->batch[p];
    enum bl_err err = BL_OK;
    if (batch->n == BL_RECORD_BATCH_EVENTS || batch->lines.n + line.n + 1 > BL_RECORD_BATCH_BYTES)
        err = flush(b, p);
    if (err == BL_OK && b->since_look >= LOOK_EVERY)
        err = wait_for_workers(b);
    if (batch->n++)
        bl_buf_char(&batch->lines, '\n');
    bl_buf_str(&batch->lines, line);
    return err;
}

enum bl_err bl_bulk_end(struct bl_bulk *b, int64_t tick_ms)
{
    char text[24];
    enum bl_err err = BL_OK;
    int n = snprintf(text, sizeof text, "%lld", (long long)tick_ms);
    for (int p = 0; p < b->partitions && err == BL_OK; p++) {
        err = flush(b, p);
        if (err == BL_OK)
            err = add_entry(b, p, BL_STR("tick"), (struct bl_str){text, (size_t)n});
    }
    return err == BL_OK ? settle(b, 0) : err;
}

enum bl_err bl_bulk_lag(struct bl_bulk *b, int64_t *entries)
{
    *entries = 0;
    enum bl_err err = settle(b, 0);
    for (int p = 0; p < b->partitions && err == BL_OK; p++) {
        struct bl_str args[] = {BL_STR("HGET"), key(b, BL_KEY_POSITION, p, BL_STR("")), BL_STR("entries")};
        int64_t done = 0;
        redisReply *r = call(b, 3, args);
        if (!r)
            err = BL_ERR_STORE_UNAVAILABLE;
        else if (r->type == REDIS_REPLY_STRING && !bl_str_int64((struct bl_str){r->str, r->len}, &done))
            err = BL_ERR_CORRUPT;
        *entries += b->batch[p].added - done;
        freeReplyObject(r);
    }
    return err;
}

/* ---- patterns out ---- */

/* Not NULL, even if it is no text. */
static struct bl_str text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? (struct bl_str){r->str, r->len} : BL_STR("");
}

static enum bl_err take_row(struct bl_bulk *b, struct bl_ledger *ledger)
{
    struct bl_row row = {0};
    redisReply *r = take_reply(b);
    if (!r || r->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return BL_ERR_STORE_UNAVAILABLE;
    }
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        enum bl_column c = bl_column_of(text_of(r->element[i]));
        if (c < BL_COLUMN_COUNT)
            row.v[c] = text_of(r->element[i + 1]);
    }
    enum bl_err err = r->elements ? bl_ledger_row(ledger, &row) : BL_ERR_CORRUPT;
    freeReplyObject(r);
    return err;
}

static enum bl_err read_page(struct bl_bulk *b, int p, int64_t from, struct bl_ledger *ledger, size_t *n)
{
    char first[24], last[24];
    snprintf(first, sizeof first, "%lld", (long long)from);
    snprintf(last, sizeof last, "%lld", (long long)from + PAGE - 1);
    struct bl_str args[] = {BL_STR("ZRANGE"), key(b, BL_KEY_PATTERNS, p, BL_STR("")), bl_str_of(first),
                            bl_str_of(last)};
    redisReply *ids = call(b, 4, args);
    if (!ids)
        return BL_ERR_STORE_UNAVAILABLE;
    enum bl_err err = ids->type == REDIS_REPLY_ARRAY && ids->elements <= PAGE ? BL_OK : BL_ERR_CORRUPT;
    size_t asked = 0;
    *n = ids->elements;
    for (size_t i = 0; i < ids->elements && err == BL_OK; i++) {
        struct bl_str id = text_of(ids->element[i]);
        if (id.n == 0) {
            err = BL_ERR_CORRUPT;
            break;
        }
        append_argv(b, 2, (struct bl_str[]){BL_STR("HGETALL"), key(b, BL_KEY_PATTERN, p, id)});
        asked++;
    }
    for (size_t i = 0; i < asked && err == BL_OK; i++)
        err = take_row(b, ledger);
    freeReplyObject(ids);
    return err;
}

enum bl_err bl_bulk_patterns(struct bl_bulk *b, struct bl_ledger *ledger)
{
    enum bl_err err = settle(b, 0);
    for (int p = 0; p < b->partitions && err == BL_OK; p++) {
        size_t n = PAGE;
        for (int64_t from = 0; n == PAGE && err == BL_OK; from += PAGE)
            err = read_page(b, p, from, ledger, &n);
    }
    return err;
}

/* ---- erasing ---- */

static enum bl_err erase_page(struct bl_bulk *b, const redisReply *keys)
{
    for (size_t i = 0; i < keys->elements; i++) {
        struct bl_str args[] = {BL_STR("UNLINK"), text_of(keys->element[i])};
        append_argv(b, 2, args);
    }
    return settle(b, 0);
}

static enum bl_err erase_matching(struct bl_bulk *b, struct bl_str pattern)
{
    char cursor[32] = "0";
    enum bl_err err = BL_OK;
    do {
        struct bl_str args[] = {BL_STR("SCAN"), bl_str_of(cursor), BL_STR("MATCH"),
                                pattern,        BL_STR("COUNT"),   BL_STR("1000")};
        redisReply *r = call(b, sizeof args / sizeof *args, args);
        if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2 || text_of(r->element[0]).n == 0) {
            freeReplyObject(r);
            return BL_ERR_STORE_UNAVAILABLE;
        }
        snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        err = erase_page(b, r->element[1]);
        freeReplyObject(r);
    } while (err == BL_OK && strcmp(cursor, "0") != 0);
    return err;
}

enum bl_err bl_bulk_erase(struct bl_bulk *b)
{
    char pattern[BL_ENV_MAX_BYTES + 16];
    enum bl_err err = settle(b, 0);
    snprintf(pattern, sizeof pattern, "bl:{%s:*}:*", b->env_text);
    if (err == BL_OK)
        err = erase_matching(b, bl_str_of(pattern));
    snprintf(pattern, sizeof pattern, "bl:%s:*", b->env_text);
    return err == BL_OK ? erase_matching(b, bl_str_of(pattern)) : err;
}
