/* Reads for the queries. Each kind is one line of a table: which key, and the command as words in which
 *   $k is the key, $v the argument, $a … $d the numbers ("(" before one: exclusive).
 * Words are put in place as whole arguments: nothing a user sent is ever part of a format or of another word.
 *
 *   read -> send all in one write -> on_reply (flattens) … the last one -> fn
 *
 * A reply is flattened into a list of texts; an array three levels deep (the fields of a stream entry) is
 * preceded by its length. An error reply, a missing reply or a reset connection fails the whole batch. */
#include "bl/store/reads.h"
#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"
#include "bl/store/link.h"
#include "scripts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define READS_MAGIC BL_MAGIC('r', 'e', 'a', 'd')
#define BATCH_MAGIC BL_MAGIC('b', 't', 'c', 'h')
#define TIMEOUT_MS  1000
#define RETRY_MS    500
#define WORDS_MAX   16

enum arg { NO_ARG, BY_TEXT, BY_NUMBER }; /* what completes the key's name: nothing, arg, or a */

#define NEWEST "ZRANGE $k $a $b BYSCORE REV LIMIT $c $d WITHSCORES"
static const struct {
    enum bl_key key;
    enum arg arg;
    const char *command;
} table[BL_READ_KIND_COUNT] = {
    [BL_READ_META] = {BL_KEY_META, NO_ARG, "HGETALL $k"},
    [BL_READ_VIEW] = {BL_KEY_POSITION, NO_ARG, NULL},  /* a script */
    [BL_READ_CLOCK] = {BL_KEY_POSITION, NO_ARG, NULL}, /* a script */
    [BL_READ_PATTERNS] = {BL_KEY_PATTERNS, NO_ARG, NEWEST},
    [BL_READ_PATTERNS_OPEN] = {BL_KEY_PATTERNS_OPEN, NO_ARG, NEWEST},
    [BL_READ_PATTERNS_USER] = {BL_KEY_PATTERNS_USER, BY_TEXT, NEWEST},
    [BL_READ_PATTERN] = {BL_KEY_PATTERN, BY_TEXT, "HGETALL $k"},
    [BL_READ_OPEN_COUNT] = {BL_KEY_PATTERNS_OPEN, NO_ARG, "ZCARD $k"},
    [BL_READ_COUNTERS] = {BL_KEY_COUNTERS, NO_ARG, "HGETALL $k"},
    [BL_READ_RATE] = {BL_KEY_RATE, NO_ARG, "GET $k"},
    [BL_READ_ACTIVE_COUNT] = {BL_KEY_ACTIVE, NO_ARG, "ZCOUNT $k ($a +inf"},
    [BL_READ_ACTIVE] = {BL_KEY_ACTIVE, NO_ARG, "ZRANGE $k +inf ($a BYSCORE REV LIMIT 0 $b WITHSCORES"},
    [BL_READ_USER] = {BL_KEY_USER, BY_TEXT, "HGETALL $k"},
    [BL_READ_USER_BRIEF] = {BL_KEY_USER, BY_TEXT, "HMGET $k h n o head names open page session"},
    [BL_READ_MINUTE] = {BL_KEY_MINUTE, BY_NUMBER, "HGETALL $k"},
    [BL_READ_PAGES] = {BL_KEY_PAGES, BY_NUMBER, "HGETALL $k"},
    [BL_READ_RECENT] = {BL_KEY_RECENT, NO_ARG, "LRANGE $k $a $b"},
    [BL_READ_LEASE] = {BL_KEY_LEASE, NO_ARG, "GET $k"},
    [BL_READ_FENCE] = {BL_KEY_FENCE, NO_ARG, "GET $k"},
    [BL_READ_PROCESSES] = {BL_KEY_PROCESSES, NO_ARG, "ZRANGE $k 0 -1 WITHSCORES"},
    [BL_READ_PROCESS] = {BL_KEY_PROCESS, BY_TEXT, "HGETALL $k"},
    [BL_READ_UNSTORED] = {BL_KEY_UNSTORED, NO_ARG, "HGETALL $k"},
    [BL_READ_REJECTED] = {BL_KEY_REJECTED, NO_ARG, "HGETALL $k"},
    [BL_READ_BAD] = {BL_KEY_BAD, NO_ARG, "XREVRANGE $k + - COUNT $a"},
    [BL_READ_ENTRIES] = {BL_KEY_EVENTS, NO_ARG, "XRANGE $k ($v + COUNT $a"},
    [BL_READ_ASIDE] = {BL_KEY_QUARANTINE, NO_ARG, "XRANGE $k - +"},
    [BL_READ_RULES] = {BL_KEY_RULES, NO_ARG, "HGETALL $k"},
    [BL_READ_RULES_HISTORY] = {BL_KEY_RULES_HISTORY, NO_ARG, "XREVRANGE $k + - COUNT $a"},
    [BL_READ_AUDIT] = {BL_KEY_AUDIT, NO_ARG, "XREVRANGE $k $v - COUNT $a"},
    [BL_READ_TOMBSTONE] = {BL_KEY_TOMBSTONES, NO_ARG, "ZSCORE $k $v"},
    [BL_READ_ERASURE] = {BL_KEY_ERASURE, BY_TEXT, "HGETALL $k"},
    [BL_READ_COMMAND] = {BL_KEY_EVENTS, NO_ARG, "XADD $k * command $v"},
    [BL_READ_FEED] = {BL_KEY_CHANGES, NO_ARG, "XRANGE $k ($v + COUNT $a"},
    [BL_READ_FEED_NEWEST] = {BL_KEY_CHANGES, NO_ARG, "XREVRANGE $k + $v COUNT $a"},
    [BL_READ_FEED_PLACE] = {BL_KEY_CHANGES, NO_ARG, NULL}, /* a script */
};

struct bl_store_reads {
    uint32_t magic;
    struct bl_reads port;
    struct bl_link *link;
    uv_loop_t *loop;
    char env[BL_ENV_MAX_BYTES + 1];
    struct bl_buf key, key2; /* scratch */
    size_t timers;
    uint64_t connection;
    bool closing, link_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct batch;

struct slot {
    struct batch *batch;
    size_t first, n; /* items */
};

struct batch {
    uint32_t magic;
    struct bl_store_reads *reads;
    size_t n, pending;
    enum bl_err err;
    struct bl_buf text;
    struct bl_str *item; /* while gathering, p is an offset into text + 1; 0: nil */
    size_t items, cap;
    bl_reads_fn *fn;
    void *ctx;
    struct slot slot[];
};

/* --- replies */

static void add_item(struct batch *b, const char *p, size_t n)
{
    if (b->items == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct bl_str *item = realloc(b->item, cap * sizeof *item);
        if (!item) {
            b->err = BL_ERR_NO_MEMORY;
            return;
        }
        b->item = item;
        b->cap = cap;
    }
    b->item[b->items++] = (struct bl_str){(const char *)(uintptr_t)(p ? b->text.n + 1 : 0), n};
    bl_buf_add(&b->text, p, n);
}

static void add_number(struct batch *b, long long v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", v);
    add_item(b, text, (size_t)n);
}

static void flatten(struct batch *b, const redisReply *r, int depth)
{
    switch (r->type) {
    case REDIS_REPLY_ARRAY:
        if (depth == 2)
            add_number(b, (long long)r->elements);
        for (size_t i = 0; i < r->elements; i++)
            flatten(b, r->element[i], depth + 1);
        break;
    case REDIS_REPLY_INTEGER:
        add_number(b, r->integer);
        break;
    case REDIS_REPLY_NIL:
        if (depth > 0)
            add_item(b, NULL, 0);
        break;
    default:
        add_item(b, r->str, r->len);
    }
}

static void batch_free(struct batch *b)
{
    bl_buf_release(&b->text);
    free(b->item);
    b->magic = 0;
    free(b);
}

static void deliver(struct batch *b)
{
    struct bl_read_reply *replies = calloc(b->n, sizeof *replies);
    if (b->err == BL_OK)
        b->err = b->text.err;
    if (!replies)
        b->err = BL_ERR_NO_MEMORY;
    for (size_t i = 0; b->err == BL_OK && i < b->items; i++) {
        size_t at = (size_t)(uintptr_t)b->item[i].p;
        b->item[i].p = at ? b->text.p + (at - 1) : NULL;
    }
    for (size_t i = 0; b->err == BL_OK && i < b->n; i++)
        replies[i] = (struct bl_read_reply){b->slot[i].n, b->item + b->slot[i].first};
    b->fn(b->ctx, b->err, b->err == BL_OK ? replies : NULL, b->err == BL_OK ? b->n : 0);
    free(replies);
    batch_free(b);
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct slot *slot = ctx;
    struct batch *b = BL_CAST(struct batch, slot->batch, BATCH_MAGIC);
    if (!reply) {
        b->err = BL_ERR_STORE_UNAVAILABLE;
    } else if (reply->type == REDIS_REPLY_ERROR) {
        b->err = BL_ERR_STORE_UNAVAILABLE;
        bl_log(BL_LOG_WARN, "a read failed", BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
        if (bl_script_lost(reply) && !b->reads->closing)
            bl_link_reset(b->reads->link);
    } else if (b->err == BL_OK) {
        slot->first = b->items;
        flatten(b, reply, 0);
        slot->n = b->items - slot->first;
    }
    if (--b->pending == 0)
        deliver(b);
}

/* --- sending */

static void key_of(struct bl_store_reads *s, struct bl_buf *key, enum bl_key id, int partition,
                   struct bl_str arg)
{
    bl_buf_clear(key);
    bl_key_put(key, bl_str_of(s->env), id, partition, arg);
}

/* One number of a read as text, behind `before`. */
static struct bl_str number(char out[32], const char *before, int64_t v)
{
    int n = v == INT64_MAX ? snprintf(out, 32, "%s+inf", before)
                           : snprintf(out, 32, "%s%lld", before, (long long)v);
    return (struct bl_str){out, (size_t)n};
}

static struct bl_str word_of(const struct bl_store_reads *s, const struct bl_read *read, struct bl_str word,
                             char out[64])
{
    const char *before = word.p[0] == '(' ? "(" : "";
    const char *mark = word.p + strlen(before);
    if (mark[0] != '$')
        return word;
    const int64_t numbers[] = {read->a, read->b, read->c, read->d};
    if (mark[1] == 'k')
        return bl_buf_view(&s->key);
    if (mark[1] != 'v')
        return number(out, before, numbers[mark[1] - 'a']);
    if (!*before)
        return read->arg;
    int n = snprintf(out, 64, "(%.*s", (int)(read->arg.n < 60 ? read->arg.n : 60), read->arg.p);
    return (struct bl_str){out, (size_t)n};
}

/* View and clock. */
static void send_view(struct bl_store_reads *s, const struct bl_read *read, struct slot *slot)
{
    enum bl_script script = read->kind == BL_READ_VIEW ? BL_SCRIPT_partition_view : BL_SCRIPT_partition_clock;
    key_of(s, &s->key, BL_KEY_POSITION, read->partition, (struct bl_str){0});
    key_of(s, &s->key2, BL_KEY_EVENTS, read->partition, (struct bl_str){0});
    const struct bl_str keys[] = {bl_buf_view(&s->key), bl_buf_view(&s->key2)};
    bl_script_send(s->link, script, 2, 2, keys, on_reply, slot);
}

static void send_feed_place(struct bl_store_reads *s, const struct bl_read *read, struct slot *slot)
{
    key_of(s, &s->key, BL_KEY_CHANGES, read->partition, (struct bl_str){0});
    char mark[32];
    const struct bl_str args[] = {bl_buf_view(&s->key), read->arg, number(mark, "", read->a)};
    bl_script_send(s->link, BL_SCRIPT_feed_place, 1, 3, args, on_reply, slot);
}

/* A list of patterns with a filter. */
static void send_match(struct bl_store_reads *s, const struct bl_read *read, struct slot *slot)
{
    const struct bl_read_filter *f = read->filter;
    char numbers[4][32];
    key_of(s, &s->key, table[read->kind].key, read->partition, read->arg);
    bl_buf_clear(&s->key2);
    bl_key_prefix(&s->key2, bl_str_of(s->env), BL_KEY_PATTERN, read->partition);
    const struct bl_str args[] = {bl_buf_view(&s->key),
                                  number(numbers[0], "", read->a),
                                  number(numbers[1], "", read->b),
                                  number(numbers[2], "", read->c),
                                  number(numbers[3], "", read->d),
                                  bl_buf_view(&s->key2),
                                  f->type,
                                  f->severity,
                                  f->page,
                                  f->user_id,
                                  f->resolved,
                                  f->q};
    bl_script_send(s->link, BL_SCRIPT_patterns_match, 1, sizeof args / sizeof args[0], args, on_reply, slot);
}

static void send_read(struct bl_store_reads *s, const struct bl_read *read, struct slot *slot)
{
    char numbers[WORDS_MAX][64], arg[32];
    struct bl_str argv[WORDS_MAX];
    size_t argc = 0;
    if (read->filter) {
        send_match(s, read, slot);
        return;
    }
    if (!table[read->kind].command) {
        (read->kind == BL_READ_FEED_PLACE ? send_feed_place : send_view)(s, read, slot);
        return;
    }
    struct bl_str name = table[read->kind].arg == BY_TEXT ? read->arg : (struct bl_str){0};
    if (table[read->kind].arg == BY_NUMBER)
        name = number(arg, "", read->a);
    key_of(s, &s->key, table[read->kind].key, read->partition, name);
    for (const char *p = table[read->kind].command; *p && argc < WORDS_MAX; argc++) {
        size_t n = strcspn(p, " ");
        argv[argc] = word_of(s, read, (struct bl_str){p, n}, numbers[argc]);
        p += n + (p[n] == ' ');
    }
    bl_link_send(s->link, argc, argv, on_reply, slot);
}

static void reads_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct bl_store_reads *s = BL_CAST(struct bl_store_reads, port, READS_MAGIC);
    struct batch *b = s->closing ? NULL : calloc(1, sizeof *b + n * sizeof *b->slot);
    if (!b) {
        fn(ctx, s->closing ? BL_ERR_STORE_UNAVAILABLE : BL_ERR_NO_MEMORY, NULL, 0);
        return;
    }
    b->magic = BATCH_MAGIC;
    b->reads = s;
    b->n = b->pending = n;
    b->fn = fn;
    b->ctx = ctx;
    bl_buf_init(&b->text, 0);
    for (size_t i = 0; i < n; i++) {
        b->slot[i].batch = b;
        send_read(s, &reads[i], &b->slot[i]);
    }
}

/* --- waiting */

struct wait {
    uv_timer_t timer;
    struct bl_store_reads *reads;
    void (*fn)(void *ctx);
    void *ctx;
};

static void finish_close(struct bl_store_reads *s)
{
    if (!s->link_closed || s->timers > 0)
        return;
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->closed_ctx;
    bl_buf_release(&s->key);
    bl_buf_release(&s->key2);
    s->magic = 0;
    free(s);
    closed(ctx);
}

static void on_wait_closed(uv_handle_t *handle)
{
    struct wait *w = handle->data;
    struct bl_store_reads *s = w->reads;
    free(w);
    s->timers--;
    finish_close(s);
}

static void on_wait(uv_timer_t *timer)
{
    struct wait *w = timer->data;
    w->fn(w->ctx);
    uv_close((uv_handle_t *)timer, on_wait_closed);
}

static void reads_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    struct bl_store_reads *s = BL_CAST(struct bl_store_reads, port, READS_MAGIC);
    struct wait *w = calloc(1, sizeof *w);
    if (!w) {
        fn(ctx);
        return;
    }
    *w = (struct wait){.reads = s, .fn = fn, .ctx = ctx};
    uv_timer_init(s->loop, &w->timer);
    w->timer.data = w;
    s->timers++;
    uv_timer_start(&w->timer, on_wait, (uint64_t)ms, 0);
}

static uint64_t reads_connection(void *port)
{
    return BL_CAST(struct bl_store_reads, port, READS_MAGIC)->connection;
}

static int64_t reads_now(void *port)
{
    return (int64_t)uv_now(BL_CAST(struct bl_store_reads, port, READS_MAGIC)->loop);
}

/* --- life */

static void on_up(void *ctx)
{
    struct bl_store_reads *s = BL_CAST(struct bl_store_reads, ctx, READS_MAGIC);
    s->connection++;
    bl_scripts_load(s->link);
}

enum bl_err bl_store_reads_new(struct uv_loop_s *loop, const char *url, struct bl_str env,
                               struct bl_store_reads **out)
{
    struct bl_store_reads *s = calloc(1, sizeof *s);
    if (!s)
        return BL_ERR_NO_MEMORY;
    s->magic = READS_MAGIC;
    s->loop = loop;
    s->port = (struct bl_reads){.port = s,
                                .read = reads_read,
                                .later = reads_later,
                                .connection = reads_connection,
                                .now = reads_now};
    snprintf(s->env, sizeof s->env, "%.*s", BL_STR_ARG(env));
    bl_buf_init(&s->key, 0);
    bl_buf_init(&s->key2, 0);
    struct bl_link_options options = {
        .url = url, .timeout_ms = TIMEOUT_MS, .retry_max_ms = RETRY_MS, .ctx = s, .up = on_up};
    enum bl_err err = bl_link_new(loop, &options, &s->link);
    if (err != BL_OK) {
        free(s);
        return err;
    }
    *out = s;
    return BL_OK;
}

const struct bl_reads *bl_store_reads_port(const struct bl_store_reads *s)
{
    return &s->port;
}

bool bl_store_reads_up(const struct bl_store_reads *s)
{
    return bl_link_is_up(s->link);
}

static void on_link_closed(void *ctx)
{
    struct bl_store_reads *s = BL_CAST(struct bl_store_reads, ctx, READS_MAGIC);
    s->link_closed = true;
    finish_close(s);
}

void bl_store_reads_close(struct bl_store_reads *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    bl_link_close(s->link, on_link_closed, s);
}
