/* See tape.h. One chunk is held at a time: CHUNK entries, each at most what ingest packs into one. Between
 * chunks the stream may be trimmed under us; the reader simply goes on with the next id there is. */
#include "bl/store/tape.h"
#include "bl/app/aside.h"
#include "bl/base/limits.h"
#include "bl/store/keys.h"
#include "dial.h"

#include <stdio.h>
#include <stdlib.h>

#define CHUNK 32 /* entries: at most 2 MiB, some 100 us of Redis */

struct bl_tape {
    redisContext *redis;
    char env[BL_ENV_MAX_BYTES + 1];
    int partitions, partition; /* how many; the one at hand */
    int64_t now_ms;
    struct bl_buf key;
    /* where we are */
    int64_t from_ms, from_seq, to_ms;
    redisReply *chunk;
    size_t at;
    bool last; /* the chunk at hand is the last one */
    /* of the partition at hand */
    struct bl_aside aside;
    bool aside_known;
    struct bl_buf left; /* of an entry, without it */
};

static struct bl_str text_of(const redisReply *r)
{
    bool is_text = r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
    return is_text ? (struct bl_str){r->str, r->len} : (struct bl_str){NULL, 0};
}

static struct bl_str key(struct bl_tape *t, enum bl_key k, int partition)
{
    bl_buf_clear(&t->key);
    bl_key_put(&t->key, bl_str_of(t->env), k, partition, BL_STR(""));
    return bl_buf_view(&t->key);
}

/* ---- opening ---- */

static bool read_now(struct bl_tape *t)
{
    struct bl_str args[] = {BL_STR("TIME")};
    int64_t s, us;
    redisReply *r = bl_dial_call(t->redis, 1, args);
    bool ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
              bl_str_int64(text_of(r->element[0]), &s) && bl_str_int64(text_of(r->element[1]), &us);
    if (ok)
        t->now_ms = s * 1000 + us / 1000;
    freeReplyObject(r);
    return ok;
}

static const char *read_meta(struct bl_tape *t)
{
    struct bl_str args[] = {BL_STR("HMGET"), key(t, BL_KEY_META, 0), BL_STR("partitions"), BL_STR("clock")};
    const char *complaint = NULL;
    int64_t n;
    redisReply *r = bl_dial_call(t->redis, 4, args);
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2)
        complaint = "the data set cannot be read";
    else if (!bl_str_int64(text_of(r->element[0]), &n) || n < 1 || n > BL_PARTITIONS_MAX)
        complaint = "there is no data set of this environment: check --env and --redis";
    else if (!bl_str_eqz(text_of(r->element[1]), "live"))
        complaint = "the data set does not run on the live clock: replay the events it was made from";
    else
        t->partitions = (int)n;
    freeReplyObject(r);
    return complaint;
}

enum bl_err bl_tape_open(const char *url, const char *env, struct bl_tape **out, struct bl_buf *why)
{
    struct bl_tape *t = calloc(1, sizeof *t);
    if (!t)
        return BL_ERR_NO_MEMORY;
    snprintf(t->env, sizeof t->env, "%s", env);
    bl_buf_init(&t->key, 0);
    bl_buf_init(&t->left, 0);
    enum bl_err err = bl_dial(url, &t->redis, why);
    if (err == BL_OK) {
        const char *complaint = read_now(t) ? read_meta(t) : "the store does not tell its time";
        if (complaint) {
            bl_buf_z(why, complaint);
            err = BL_ERR_CONFIG;
        }
    }
    if (err != BL_OK) {
        bl_tape_close(t);
        return err;
    }
    *out = t;
    return BL_OK;
}

void bl_tape_close(struct bl_tape *t)
{
    if (!t)
        return;
    freeReplyObject(t->chunk);
    if (t->redis)
        redisFree(t->redis);
    bl_buf_release(&t->key);
    bl_buf_release(&t->left);
    bl_aside_release(&t->aside);
    free(t);
}

int bl_tape_partitions(const struct bl_tape *t)
{
    return t->partitions;
}

int64_t bl_tape_now_ms(const struct bl_tape *t)
{
    return t->now_ms;
}

/* ---- ids ---- */

static bool read_id(struct bl_str text, int64_t *ms, int64_t *seq)
{
    const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
    size_t n = dash ? (size_t)(dash - text.p) : 0;
    return dash && bl_str_int64((struct bl_str){text.p, n}, ms) &&
           bl_str_int64((struct bl_str){dash + 1, text.n - n - 1}, seq);
}

/* ---- what is there ---- */

static void take_info(const redisReply *info, struct bl_tape_reach *out)
{
    int64_t added = 0, seq;
    for (size_t i = 0; i + 1 < info->elements; i += 2) {
        struct bl_str name = text_of(info->element[i]);
        const redisReply *v = info->element[i + 1];
        if (bl_str_eqz(name, "length"))
            out->entries = v->integer;
        else if (bl_str_eqz(name, "entries-added"))
            added = v->integer;
        else if (bl_str_eqz(name, "first-entry") && v->type == REDIS_REPLY_ARRAY && v->elements == 2 &&
                 !read_id(text_of(v->element[0]), &out->first_ms, &seq))
            out->first_ms = -1;
    }
    out->trimmed = added > out->entries ? added - out->entries : 0;
}

enum bl_err bl_tape_reach(struct bl_tape *t, int partition, struct bl_tape_reach *out)
{
    struct bl_str stream = key(t, BL_KEY_EVENTS, partition);
    struct bl_str exists[] = {BL_STR("EXISTS"), stream};
    struct bl_str info[] = {BL_STR("XINFO"), BL_STR("STREAM"), stream};
    *out = (struct bl_tape_reach){.first_ms = -1};
    redisReply *r = bl_dial_call(t->redis, 2, exists);
    if (!r)
        return BL_ERR_STORE_UNAVAILABLE;
    bool there = r->integer != 0;
    freeReplyObject(r);
    if (!there)
        return BL_OK;
    r = bl_dial_call(t->redis, 3, info);
    if (!r || r->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return BL_ERR_STORE_UNAVAILABLE;
    }
    take_info(r, out);
    freeReplyObject(r);
    return BL_OK;
}

/* ---- rules ---- */

/* The first entry of a history read with COUNT 1. False: there is none. */
static bool take_rules(const redisReply *r, struct bl_buf *text, int64_t *version)
{
    const redisReply *entry = r->type == REDIS_REPLY_ARRAY && r->elements ? r->element[0] : NULL;
    const redisReply *fields = entry && entry->elements == 2 ? entry->element[1] : NULL;
    struct bl_str settings = {NULL, 0};
    *version = 0;
    for (size_t i = 0; fields && i + 1 < fields->elements; i += 2) {
        struct bl_str name = text_of(fields->element[i]), value = text_of(fields->element[i + 1]);
        if (bl_str_eqz(name, "settings"))
            settings = value;
        else if (bl_str_eqz(name, "version") && !bl_str_int64(value, version))
            *version = 0;
    }
    if (settings.n == 0 || *version < 1)
        return false;
    bl_buf_str(text, settings);
    return true;
}

enum bl_err bl_tape_rules(struct bl_tape *t, int64_t at_ms, struct bl_buf *text, int64_t *version)
{
    char at[24];
    struct bl_str history = key(t, BL_KEY_RULES_HISTORY, 0);
    snprintf(at, sizeof at, "%lld", (long long)at_ms);
    struct bl_str then[] = {BL_STR("XREVRANGE"), history,         bl_str_of(at),
                            BL_STR("-"),         BL_STR("COUNT"), BL_STR("1")};
    struct bl_str first[] = {BL_STR("XRANGE"), history,         BL_STR("-"),
                             BL_STR("+"),      BL_STR("COUNT"), BL_STR("1")};
    redisReply *r = bl_dial_call(t->redis, 6, then);
    bool found = r && take_rules(r, text, version);
    if (r && !found) {
        freeReplyObject(r);
        r = bl_dial_call(t->redis, 6, first);
        found = r && take_rules(r, text, version);
    }
    bool answered = r != NULL;
    freeReplyObject(r);
    if (!found)
        *version = 0;
    return answered ? text->err : BL_ERR_STORE_UNAVAILABLE;
}

/* ---- entries ---- */

void bl_tape_wind(struct bl_tape *t, int partition, int64_t from_ms, int64_t to_ms)
{
    freeReplyObject(t->chunk);
    t->chunk = NULL;
    t->at = 0;
    t->last = false;
    t->from_ms = from_ms > 0 ? from_ms : 0;
    t->from_seq = 0;
    t->to_ms = to_ms;
    t->partition = partition;
    t->aside_known = false;
}

static enum bl_err read_chunk(struct bl_tape *t)
{
    char from[48], to[24], count[8];
    snprintf(from, sizeof from, "%lld-%lld", (long long)t->from_ms, (long long)t->from_seq);
    snprintf(to, sizeof to, "%lld", (long long)t->to_ms);
    snprintf(count, sizeof count, "%d", CHUNK);
    struct bl_str args[] = {BL_STR("XRANGE"), key(t, BL_KEY_EVENTS, t->partition),
                            bl_str_of(from),  bl_str_of(to),
                            BL_STR("COUNT"),  bl_str_of(count)};
    freeReplyObject(t->chunk);
    t->at = 0;
    t->chunk = bl_dial_call(t->redis, sizeof args / sizeof *args, args);
    if (!t->chunk || t->chunk->type != REDIS_REPLY_ARRAY)
        return BL_ERR_STORE_UNAVAILABLE;
    t->last = t->chunk->elements < CHUNK;
    return BL_OK;
}

#define ASIDE_FIELDS 16

/* The quarantine is capped, and read whole. */
static enum bl_err read_aside(struct bl_tape *t)
{
    struct bl_str args[] = {BL_STR("XRANGE"), key(t, BL_KEY_QUARANTINE, t->partition), BL_STR("-"),
                            BL_STR("+")};
    redisReply *r = bl_dial_call(t->redis, 4, args);
    enum bl_err err = r && r->type == REDIS_REPLY_ARRAY ? BL_OK : BL_ERR_STORE_UNAVAILABLE;
    bl_aside_release(&t->aside);
    for (size_t i = 0; err == BL_OK && i < r->elements; i++) {
        const redisReply *e = r->element[i], *fields = e->elements == 2 ? e->element[1] : NULL;
        struct bl_str text[ASIDE_FIELDS];
        size_t n = 0;
        for (; fields && n < fields->elements && n < ASIDE_FIELDS; n++)
            text[n] = text_of(fields->element[n]);
        err = bl_aside_add(&t->aside, text, n);
    }
    freeReplyObject(r);
    t->aside_known = err == BL_OK;
    return err;
}

enum bl_err bl_tape_next(struct bl_tape *t, struct bl_tape_entry *out, bool *more)
{
    *more = false;
    if (!t->aside_known) {
        enum bl_err err = read_aside(t);
        if (err != BL_OK)
            return err;
    }
    if (!t->chunk || (t->at == t->chunk->elements && !t->last)) {
        enum bl_err err = read_chunk(t);
        if (err != BL_OK)
            return err;
    }
    if (t->at == t->chunk->elements)
        return BL_OK;
    const redisReply *entry = t->chunk->element[t->at++];
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !read_id(text_of(entry->element[0]), &out->ms, &out->seq))
        return BL_ERR_CORRUPT;
    t->from_ms = out->ms;
    t->from_seq = out->seq + 1;
    const redisReply *fields = entry->element[1];
    bool whole = fields->type == REDIS_REPLY_ARRAY && fields->elements >= 2;
    out->field = whole ? text_of(fields->element[0]) : (struct bl_str){NULL, 0};
    out->value = whole ? text_of(fields->element[1]) : (struct bl_str){NULL, 0};
    *more = true;
    return bl_aside_leave_out(&t->aside, text_of(entry->element[0]), &out->field, &out->value, &t->left);
}
