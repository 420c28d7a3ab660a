/* One poll is a row of reads, pipelined; the last one's reply ends it. lua/stream_vitals.lua says why the lag is not
 * asked of XINFO GROUPS. */
#include "bl/store/vitals.h"

#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"
#include "scripts.h"
#include "serves.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define VITALS_MAGIC   BL_MAGIC('v', 'i', 't', 'l')
#define PART_MAGIC     BL_MAGIC('v', 'p', 'r', 't')
#define WORKER_LIVE_MS 1500
#define UNOWNED_MS     2000 /* a lease and a little: a take-over is nothing to report */
#define CORE_GROUP     "core"
#define SAMPLE_COUNT   "4" /* entries at either end */
#define SAMPLE_BYTES   "4096"

struct part {
    uint32_t magic;
    struct bl_vitals *vitals;
    struct bl_buf events, position, counters, lease; /* key names */
    struct bl_backlog_part *seen;
    int64_t clock_ms;
    int64_t leased_ms; /* when a lease was last seen */
    bool cut_off;      /* groups lost entries to trimming */
};

struct bl_vitals {
    uint32_t magic;
    struct bl_vitals_options options;
    struct bl_buf workers, meta; /* key names */
    struct part *parts;
    bool polling, seen, failed, disk_failed;
    struct bl_backlog backlog;
    struct bl_serves *serves;
    struct bl_hash_key hash_key;
    bool replaced; /* the data set is gone, or is another */
    int64_t time_ms, worker_ms;
};

enum bl_err bl_vitals_new(const struct bl_vitals_options *options, struct bl_vitals **out)
{
    struct bl_vitals *v = calloc(1, sizeof *v);
    struct bl_str env = bl_str_of(options->env);
    enum bl_err err = BL_OK;
    *out = NULL;
    if (!v)
        return BL_ERR_NO_MEMORY;
    v->magic = VITALS_MAGIC;
    v->options = *options;
    bl_buf_init(&v->workers, 0);
    bl_buf_init(&v->meta, 0);
    bl_key_put(&v->workers, env, BL_KEY_WORKERS, 0, (struct bl_str){0});
    bl_key_put(&v->meta, env, BL_KEY_META, 0, (struct bl_str){0});
    bl_backlog_init(&v->backlog, &options->backlog);
    v->parts = calloc((size_t)options->backlog.partitions, sizeof *v->parts);
    if (!v->parts || bl_serves_new(env, &v->serves) != BL_OK || v->workers.err != BL_OK ||
        v->meta.err != BL_OK)
        err = BL_ERR_NO_MEMORY;
    for (int p = 0; p < options->backlog.partitions && err == BL_OK; p++) {
        struct part *part = &v->parts[p];
        part->magic = PART_MAGIC;
        part->vitals = v;
        part->seen = &v->backlog.part[p];
        bl_buf_init(&part->events, 0);
        bl_buf_init(&part->position, 0);
        bl_buf_init(&part->counters, 0);
        bl_buf_init(&part->lease, 0);
        bl_key_put(&part->events, env, BL_KEY_EVENTS, p, (struct bl_str){0});
        bl_key_put(&part->position, env, BL_KEY_POSITION, p, (struct bl_str){0});
        bl_key_put(&part->counters, env, BL_KEY_COUNTERS, p, (struct bl_str){0});
        bl_key_put(&part->lease, env, BL_KEY_LEASE, p, (struct bl_str){0});
        if (part->events.err != BL_OK || part->position.err != BL_OK || part->counters.err != BL_OK ||
            part->lease.err != BL_OK)
            err = BL_ERR_NO_MEMORY;
    }
    if (err != BL_OK) {
        bl_vitals_free(v);
        return err;
    }
    *out = v;
    return BL_OK;
}

void bl_vitals_free(struct bl_vitals *v)
{
    if (!v)
        return;
    for (int p = 0; v->parts && p < v->options.backlog.partitions; p++) {
        bl_buf_release(&v->parts[p].events);
        bl_buf_release(&v->parts[p].position);
        bl_buf_release(&v->parts[p].counters);
        bl_buf_release(&v->parts[p].lease);
    }
    free(v->parts);
    bl_serves_free(v->serves);
    bl_buf_release(&v->workers);
    bl_buf_release(&v->meta);
    v->magic = 0;
    free(v);
}

/* --- reading replies */

static struct bl_str text_of(const redisReply *reply)
{
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    return is_text ? (struct bl_str){reply->str, reply->len} : (struct bl_str){0};
}

/* -1: no number. */
static int64_t number_of(const redisReply *reply)
{
    int64_t v;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return bl_str_int64(text_of(reply), &v) ? v : -1;
}

static bool is_array(const redisReply *reply, size_t least)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= least;
}

static void on_time(void *ctx, const redisReply *reply)
{
    struct bl_vitals *v = BL_CAST(struct bl_vitals, ctx, VITALS_MAGIC);
    if (!is_array(reply, 2)) {
        v->failed = true;
        return;
    }
    v->time_ms = number_of(reply->element[0]) * 1000 + number_of(reply->element[1]) / 1000;
}

static void on_stream(void *ctx, const redisReply *reply)
{
    struct part *part = BL_CAST(struct part, ctx, PART_MAGIC);
    if (!is_array(reply, 4))
        return;
    part->seen->length = number_of(reply->element[0]);
    part->seen->lag = number_of(reply->element[1]);
    part->cut_off = number_of(reply->element[2]) > 0;
    int64_t clock_ms = number_of(reply->element[3]);
    if (clock_ms > part->clock_ms)
        part->clock_ms = clock_ms;
}

static void on_lease(void *ctx, const redisReply *reply)
{
    struct part *part = BL_CAST(struct part, ctx, PART_MAGIC);
    if (part->leased_ms == 0 || (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0))
        part->leased_ms = part->vitals->time_ms;
}

static void on_meta(void *ctx, const redisReply *reply)
{
    struct bl_vitals *v = BL_CAST(struct bl_vitals, ctx, VITALS_MAGIC);
    char hex[40];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)v->hash_key.k0,
             (unsigned long long)v->hash_key.k1);
    if (reply && reply->type != REDIS_REPLY_ERROR)
        v->replaced = !bl_str_eqz(text_of(reply), hex);
}

/* The newest heartbeat and its time: member, score. */
static void on_workers(void *ctx, const redisReply *reply)
{
    struct bl_vitals *v = BL_CAST(struct bl_vitals, ctx, VITALS_MAGIC);
    if (reply)
        v->worker_ms = is_array(reply, 2) ? number_of(reply->element[1]) : 0;
}

static void on_sample(void *ctx, const redisReply *reply)
{
    struct part *part = BL_CAST(struct part, ctx, PART_MAGIC);
    if (!is_array(reply, 2))
        return;
    part->seen->sample_bytes = number_of(reply->element[0]);
    part->seen->sample_entries = number_of(reply->element[1]);
}

/* What stands behind `name` (with its colon) in a line of INFO; empty: no such line. */
static struct bl_str info_text(struct bl_str info, const char *name)
{
    struct bl_str want = bl_str_of(name);
    while (info.n) {
        const char *end = memchr(info.p, '\n', info.n);
        struct bl_str line = {info.p, end ? (size_t)(end - info.p) : info.n};
        size_t n = line.n + (end ? 1 : 0);
        info = (struct bl_str){info.p + n, info.n - n};
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (bl_str_starts(line, want))
            return (struct bl_str){line.p + want.n, line.n - want.n};
    }
    return (struct bl_str){0};
}

static int64_t info_field(struct bl_str info, const char *name)
{
    int64_t v;
    return bl_str_int64(info_text(info, name), &v) ? v : 0;
}

static void on_persistence(void *ctx, const redisReply *reply)
{
    struct bl_vitals *v = BL_CAST(struct bl_vitals, ctx, VITALS_MAGIC);
    if (reply)
        v->disk_failed = bl_str_eqz(info_text(text_of(reply), "aof_last_write_status:"), "err");
}

/* The last reply of a poll. */
static void on_memory(void *ctx, const redisReply *reply)
{
    struct bl_vitals *v = BL_CAST(struct bl_vitals, ctx, VITALS_MAGIC);
    v->polling = false;
    if (!reply)
        return;
    v->backlog.max = info_field(text_of(reply), "maxmemory:");
    v->backlog.used = info_field(text_of(reply), "used_memory:");
    v->backlog.shares = (int64_t)bl_serves_count(v->serves);
    bl_backlog_seen(&v->backlog);
    v->seen = !v->failed;
}

/* --- asking */

#define SEND(link, fn, ctx, ...)                                                                             \
    bl_link_send((link), sizeof((struct bl_str[]){__VA_ARGS__}) / sizeof(struct bl_str),                     \
                 (struct bl_str[]){__VA_ARGS__}, (fn), (ctx))

/* Always, not only of a long backlog: what was sent before a poll is no longer counted after it, but as part of the lag. */
static void ask_sample(struct part *part, struct bl_link *link)
{
    struct bl_str args[] = {bl_buf_view(&part->events), bl_buf_view(&part->position), BL_STR(SAMPLE_COUNT),
                            BL_STR(SAMPLE_BYTES)};
    bl_script_send(link, BL_SCRIPT_backlog_sample, 2, sizeof args / sizeof args[0], args, on_sample, part);
}

void bl_vitals_poll(struct bl_vitals *v, struct bl_link *link)
{
    if (v->polling || !bl_link_is_up(link))
        return;
    v->polling = true;
    v->failed = false;
    bl_backlog_asked(&v->backlog);
    bl_serves_poll(v->serves, link);
    SEND(link, on_time, v, BL_STR("TIME"));
    for (int p = 0; p < v->options.backlog.partitions; p++) {
        struct part *part = &v->parts[p];
        struct bl_str stream[] = {bl_buf_view(&part->events), bl_buf_view(&part->position),
                                  bl_buf_view(&part->counters), BL_STR(CORE_GROUP)};
        bl_script_send(link, BL_SCRIPT_stream_vitals, 3, sizeof stream / sizeof stream[0], stream, on_stream,
                       part);
        ask_sample(part, link);
        SEND(link, on_lease, part, BL_STR("EXISTS"), bl_buf_view(&part->lease));
    }
    SEND(link, on_meta, v, BL_STR("HGET"), bl_buf_view(&v->meta), BL_STR("hash_key"));
    SEND(link, on_workers, v, BL_STR("ZREVRANGE"), bl_buf_view(&v->workers), BL_STR("0"), BL_STR("0"),
         BL_STR("WITHSCORES"));
    SEND(link, on_persistence, v, BL_STR("INFO"), BL_STR("persistence"));
    SEND(link, on_memory, v, BL_STR("INFO"), BL_STR("memory"));
}

/* --- telling */

enum bl_backlog_state bl_vitals_backlog(const struct bl_vitals *v, int partition)
{
    return bl_backlog_state(&v->backlog, partition);
}

bool bl_vitals_sent(struct bl_vitals *v, int partition, size_t bytes)
{
    bl_backlog_sent(&v->backlog, partition, bytes);
    return bl_backlog_is_stale(&v->backlog, partition);
}

size_t bl_vitals_serves(const struct bl_vitals *v)
{
    return bl_serves_count(v->serves);
}

void bl_vitals_entered(struct bl_vitals *v, struct bl_hash_key key)
{
    v->hash_key = key;
    v->replaced = false;
}

bool bl_vitals_replaced(const struct bl_vitals *v)
{
    return v->replaced;
}

int64_t bl_vitals_time_ms(const struct bl_vitals *v)
{
    return v->time_ms;
}

void bl_vitals_ready(const struct bl_vitals *v, int64_t last_id_ms, struct bl_ready *out)
{
    int64_t newest = last_id_ms;
    out->seen = v->seen;
    out->partitions = v->options.backlog.partitions;
    out->worker_live = v->worker_ms > 0 && v->worker_ms + WORKER_LIVE_MS >= v->time_ms;
    out->disk_failed = v->disk_failed;
    out->memory_full = bl_backlog_state(&v->backlog, -1) == BL_BACKLOG_MEMORY;
    for (int p = 0; p < v->options.backlog.partitions; p++) {
        const struct part *part = &v->parts[p];
        if (part->clock_ms > newest)
            newest = part->clock_ms;
        if (part->seen->lag > out->lag_max)
            out->lag_max = part->seen->lag;
        out->backlog_partitions += bl_backlog_state(&v->backlog, p) != BL_BACKLOG_ROOM;
        out->group_cut_off |= part->cut_off;
        if (part->leased_ms + UNOWNED_MS < v->time_ms)
            out->unowned[out->n_unowned++] = p;
    }
    out->clock_ahead_ms = newest > v->time_ms ? newest - v->time_ms : 0;
}
