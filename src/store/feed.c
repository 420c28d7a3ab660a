/* The reader of the change feed.
 *
 *   on_round --feed_fetch.lua for each partition--> on_fetched --take--> held --each--> (the handler)
 *      ^                                                |                                    |
 *      +-- at once if something came, else ROUND_MS ----+          bl_feed_done: XACK -> on_acked -> gone
 *                                                                             \-(no answer)-> again when Redis is up
 *
 * Asked, not waited for: a fetch takes and counts in one script, a blocked XREADGROUP could do neither, and five looks
 * a second cost a partition less than a heartbeat.
 *
 * Invariants
 *  - held_n <= held_max: a round asks for no more than there is room for. What is acknowledged but not confirmed counts.
 *  - A held change is shown to the group as alive (XCLAIM JUSTID) every third of idle_ms, so that nobody takes it over
 *    while its handler takes its time.
 *  - What a lost reply has assigned to us without our knowing comes back by the same way as a dead consumer's. */
#include "bl/store/feed.h"
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

#define FEED_MAGIC  BL_MAGIC('f', 'e', 'e', 'd')
#define HELD_MAGIC  BL_MAGIC('h', 'e', 'l', 'd')
#define ROUND_MS    200
#define FETCH_MAX   16 /* changes of one partition in one fetch */
#define TIMEOUT_MS  2000
#define RETRY_MS    500
#define NAME_BYTES  128
#define REPLY_PARTS 5

struct held {
    uint32_t magic;
    struct bl_feed *feed;
    struct held *next, **from;
    bool done, acking;
    struct bl_feed_change change;
    char text[];
};

struct asked {
    struct bl_feed *feed;
    int partition;
    bool over; /* it is time to take over what others hold there */
};

struct bl_feed {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_link *link;
    uv_timer_t timer;
    struct bl_feed_options options;
    char env[BL_ENV_MAX_BYTES + 1], group[NAME_BYTES], consumer[NAME_BYTES];
    struct bl_feed_counts counts;
    struct held *held;
    int held_n, next_partition;
    int asked, acks; /* replies awaited; acks: of what must not be lost at the end */
    bool came, starved, closing;
    int64_t over_ms, touched_ms; /* of the loop's clock: when last */
    struct bl_buf key, key2;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct asked partition[];
};

static void begin_end(struct bl_feed *f);

/* ---- held ---- */

static void drop_held(struct held *h)
{
    *h->from = h->next;
    if (h->next)
        h->next->from = h->from;
    h->feed->held_n--;
    h->magic = 0;
    free(h);
}

static void round_soon(struct bl_feed *f);

static void on_acked(void *ctx, const redisReply *reply)
{
    struct held *h = BL_CAST(struct held, ctx, HELD_MAGIC);
    struct bl_feed *f = h->feed;
    h->acking = false;
    f->acks--;
    if (reply)
        drop_held(h); /* else: on_up says it again */
    if (f->closing)
        begin_end(f);
    else if (reply && f->starved)
        round_soon(f);
}

static struct bl_str key_of(struct bl_feed *f, struct bl_buf *out, enum bl_key key, int partition)
{
    bl_buf_clear(out);
    bl_key_put(out, bl_str_of(f->env), key, partition, BL_STR(""));
    return bl_buf_view(out);
}

static void acknowledge(struct held *h)
{
    struct bl_feed *f = h->feed;
    if (!f->link || !bl_link_is_up(f->link)) /* on_up says it, or nobody: then it is done once more */
        return;
    struct bl_str argv[] = {BL_STR("XACK"), key_of(f, &f->key, BL_KEY_CHANGES, h->change.partition),
                            bl_str_of(f->group), h->change.id};
    h->acking = true;
    f->acks++;
    bl_link_send(f->link, sizeof argv / sizeof *argv, argv, on_acked, h);
}

void bl_feed_done(struct bl_feed *f, const struct bl_feed_change *change)
{
    struct held *h = BL_CONTAINER(struct held, (char *)(uintptr_t)change, change);
    assert(h->magic == HELD_MAGIC && h->feed == f && !h->done);
    (void)f;
    h->done = true;
    acknowledge(h);
}

/* ---- taking in ---- */

static void put(struct bl_feed_change *c, struct bl_str name, struct bl_str value)
{
    const struct {
        const char *name;
        struct bl_str *to;
    } fields[] = {{"change", &c->change},
                  {"pattern_id", &c->pattern_id},
                  {"type", &c->type},
                  {"severity", &c->severity},
                  {"page", &c->page}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (bl_str_eqz(name, fields[i].name))
            *fields[i].to = value;
    if (bl_str_eqz(name, "at") && !bl_str_int64(value, &c->at_ms))
        c->at_ms = 0;
}

static size_t text_bytes(const redisReply *id, const redisReply *fields)
{
    size_t n = id->len;
    for (size_t i = 0; i < fields->elements; i++)
        n += fields->element[i]->len;
    return n;
}

static struct bl_str keep(char **at, const redisReply *r)
{
    struct bl_str s = {*at, r->len};
    memcpy(*at, r->str, r->len);
    *at += r->len;
    return s;
}

static struct held *held_new(struct bl_feed *f, const redisReply *id, const redisReply *fields)
{
    struct held *h = calloc(1, sizeof *h + text_bytes(id, fields));
    if (!h)
        return NULL;
    char *at = h->text;
    h->magic = HELD_MAGIC;
    h->feed = f;
    h->change.id = keep(&at, id);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        struct bl_str name = keep(&at, fields->element[i]);
        put(&h->change, name, keep(&at, fields->element[i + 1]));
    }
    const char *dash = memchr(h->change.id.p, '-', h->change.id.n);
    struct bl_str ms = {h->change.id.p, dash ? (size_t)(dash - h->change.id.p) : 0};
    if (!bl_str_int64(ms, &h->change.written_ms))
        h->change.written_ms = 0;
    h->next = f->held;
    h->from = &f->held;
    if (h->next)
        h->next->from = &h->next;
    f->held = h;
    f->held_n++;
    return h;
}

static bool is_held(const struct bl_feed *f, int partition, const redisReply *id)
{
    for (const struct held *h = f->held; h; h = h->next)
        if (h->change.partition == partition && bl_str_eq(h->change.id, (struct bl_str){id->str, id->len}))
            return true;
    return false;
}

static void take(struct bl_feed *f, int partition, int64_t now_ms, const redisReply *entry, bool again)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[1]->type != REDIS_REPLY_ARRAY)
        return;
    if (f->closing || (again && is_held(f, partition, entry->element[0])))
        return;
    struct held *h = held_new(f, entry->element[0], entry->element[1]);
    if (!h)
        return; /* it stays pending and comes again */
    f->came = true;
    h->change.partition = partition;
    h->change.again = again;
    h->change.now_ms = now_ms;
    if (h->change.change.n == 0 || h->change.pattern_id.n == 0) {
        f->counts.dropped++;
        bl_feed_done(f, &h->change);
        return;
    }
    f->counts.changes++;
    f->counts.taken_over += again ? 1 : 0;
    f->options.each(f->options.ctx, &h->change);
}

static void note_losses(struct bl_feed *f, int partition, uint64_t cut, uint64_t dropped)
{
    f->counts.cut += cut;
    f->counts.dropped += dropped;
    if (cut)
        bl_log(BL_LOG_WARN, "the change feed has gone past what this group had not read",
               BL_LOG_TEXT("group", f->group), BL_LOG_INT("partition", partition),
               BL_LOG_INT("changes", cut));
    if (dropped)
        bl_log(BL_LOG_ERROR, "changes were given up: each process that had them died",
               BL_LOG_TEXT("group", f->group), BL_LOG_INT("partition", partition),
               BL_LOG_INT("changes", dropped));
}

static void take_all(struct bl_feed *f, int partition, const redisReply *r)
{
    note_losses(f, partition, (uint64_t)r->element[1]->integer, (uint64_t)r->element[2]->integer);
    for (size_t part = 3; part < REPLY_PARTS; part++)
        for (size_t i = 0; i < r->element[part]->elements; i++)
            take(f, partition, r->element[0]->integer, r->element[part]->element[i], part == 3);
}

static bool is_fetched(const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != REPLY_PARTS)
        return false;
    for (size_t i = 0; i < REPLY_PARTS; i++)
        if (r->element[i]->type != (i < 3 ? REDIS_REPLY_INTEGER : REDIS_REPLY_ARRAY))
            return false;
    return true;
}

static void on_fetched(void *ctx, const redisReply *reply)
{
    struct asked *a = ctx;
    struct bl_feed *f = BL_CAST(struct bl_feed, a->feed, FEED_MAGIC);
    f->asked--;
    if (reply && is_fetched(reply)) {
        take_all(f, a->partition, reply);
    } else if (bl_script_lost(reply)) {
        bl_link_reset(f->link);
    } else if (reply && reply->type == REDIS_REPLY_ERROR) {
        bl_log(BL_LOG_WARN, "the change feed cannot be read", BL_LOG_INT("partition", a->partition),
               BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
    }
    if (f->asked == 0 && f->came && !f->closing)
        round_soon(f);
}

/* ---- rounds ---- */

static void fetch(struct bl_feed *f, int partition, int count, bool over)
{
    char number[3][24];
    snprintf(number[0], sizeof number[0], "%d", count);
    snprintf(number[1], sizeof number[1], "%lld", (long long)f->options.idle_ms);
    snprintf(number[2], sizeof number[2], "%d", f->options.deliveries_max);
    struct bl_str args[] = {key_of(f, &f->key, BL_KEY_CHANGES, partition),
                            key_of(f, &f->key2, BL_KEY_COUNTERS, partition),
                            bl_str_of(f->group),
                            bl_str_of(f->consumer),
                            bl_str_of(number[0]),
                            f->options.from_start ? BL_STR("0") : BL_STR("$"),
                            over ? BL_STR("1") : BL_STR("0"),
                            bl_str_of(number[1]),
                            bl_str_of(number[2])};
    f->asked++;
    bl_script_send(f->link, BL_SCRIPT_feed_fetch, 2, sizeof args / sizeof *args, args, on_fetched,
                   &f->partition[partition]);
}

/* `idle`: empty to keep it. */
static void touch(const struct held *h, struct bl_str idle, bl_reply_fn *fn, void *ctx)
{
    struct bl_feed *f = h->feed;
    struct bl_str args[] = {key_of(f, &f->key, BL_KEY_CHANGES, h->change.partition), bl_str_of(f->group),
                            bl_str_of(f->consumer), h->change.id, idle};
    bl_script_send(f->link, BL_SCRIPT_feed_touch, 1, sizeof args / sizeof *args, args, fn, ctx);
}

static void touch_held(struct bl_feed *f)
{
    for (const struct held *h = f->held; h; h = h->next)
        if (!h->done)
            touch(h, BL_STR(""), NULL, NULL);
}

static bool is_due(const struct bl_feed *f, int64_t *last_ms, int64_t every_ms)
{
    int64_t now = (int64_t)uv_now(f->loop);
    if (*last_ms >= 0 && now - *last_ms < every_ms)
        return false;
    *last_ms = now;
    return true;
}

static void on_round(uv_timer_t *timer)
{
    struct bl_feed *f = BL_CAST(struct bl_feed, timer->data, FEED_MAGIC);
    if (!bl_link_is_up(f->link) || f->asked > 0)
        return;
    if (is_due(f, &f->touched_ms, f->options.idle_ms / 3))
        touch_held(f);
    int room = f->options.held_max - f->held_n, P = f->options.partitions;
    f->came = false;
    f->starved = room < P;
    if (room == 0)
        return;
    if (is_due(f, &f->over_ms, f->options.idle_ms / 2))
        for (int p = 0; p < P; p++)
            f->partition[p].over = true;
    int n = room < P ? room : P, each = room / n < FETCH_MAX ? room / n : FETCH_MAX;
    for (int i = 0; i < n; i++) {
        fetch(f, f->next_partition, each, f->partition[f->next_partition].over);
        f->partition[f->next_partition].over = false;
        f->next_partition = (f->next_partition + 1) % P;
    }
}

static void round_soon(struct bl_feed *f)
{
    uv_timer_start(&f->timer, on_round, 0, ROUND_MS);
}

static void on_up(void *ctx)
{
    struct bl_feed *f = BL_CAST(struct bl_feed, ctx, FEED_MAGIC);
    bl_scripts_load(f->link);
    for (struct held *h = f->held; h; h = h->next)
        if (h->done && !h->acking)
            acknowledge(h);
    f->over_ms = -1;
    if (!f->closing)
        round_soon(f);
}

/* ---- beginning and end ---- */

static void feed_free(struct bl_feed *f)
{
    while (f->held)
        drop_held(f->held);
    bl_buf_release(&f->key);
    bl_buf_release(&f->key2);
    f->magic = 0;
    free(f);
}

enum bl_err bl_feed_new(struct uv_loop_s *loop, const struct bl_feed_options *options, struct bl_feed **out)
{
    assert(options->held_max >= 1 && options->held_max <= 1024 && options->idle_ms > 1000 &&
           options->deliveries_max >= 1 && options->partitions >= 1 &&
           options->partitions <= BL_PARTITIONS_MAX);
    size_t P = (size_t)options->partitions;
    struct bl_feed *f = calloc(1, sizeof *f + P * sizeof f->partition[0]);
    struct bl_link_options link = {options->url, TIMEOUT_MS, RETRY_MS, f, on_up, NULL};
    *out = NULL;
    if (!f)
        return BL_ERR_NO_MEMORY;
    f->magic = FEED_MAGIC;
    f->loop = loop;
    f->options = *options;
    f->over_ms = f->touched_ms = -1;
    snprintf(f->env, sizeof f->env, "%s", options->env);
    snprintf(f->group, sizeof f->group, "%s", options->group);
    snprintf(f->consumer, sizeof f->consumer, "%s", options->consumer);
    for (size_t i = 0; i < P; i++)
        f->partition[i] = (struct asked){f, (int)i, false};
    bl_buf_init(&f->key, 0);
    bl_buf_init(&f->key2, 0);
    enum bl_err err = bl_link_new(loop, &link, &f->link);
    if (err != BL_OK) {
        feed_free(f);
        return err;
    }
    f->options.url = f->options.env = f->options.group = f->options.consumer = NULL; /* borrowed no longer */
    uv_timer_init(loop, &f->timer);
    f->timer.data = f;
    uv_timer_start(&f->timer, on_round, ROUND_MS, ROUND_MS);
    *out = f;
    return BL_OK;
}

bool bl_feed_is_up(const struct bl_feed *f)
{
    return bl_link_is_up(f->link);
}

const struct bl_feed_counts *bl_feed_counts(const struct bl_feed *f)
{
    return &f->counts;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct bl_feed *f = BL_CAST(struct bl_feed, handle->data, FEED_MAGIC);
    void (*closed)(void *) = f->closed;
    void *ctx = f->closed_ctx;
    feed_free(f);
    if (closed)
        closed(ctx);
}

static void on_link_closed(void *ctx)
{
    struct bl_feed *f = BL_CAST(struct bl_feed, ctx, FEED_MAGIC);
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

/* When nothing is awaited any more that matters; each awaited reply comes, or comes as NULL in time. */
static void begin_end(struct bl_feed *f)
{
    if (f->acks > 0 || !f->link)
        return;
    struct bl_link *link = f->link;
    f->link = NULL;
    bl_link_close(link, on_link_closed, f);
}

static void on_handed_back(void *ctx, const redisReply *reply)
{
    struct bl_feed *f = BL_CAST(struct bl_feed, ctx, FEED_MAGIC);
    (void)reply;
    f->acks--;
    begin_end(f);
}

/* An orderly end is no death: the next process need not wait, and nothing is held against the change. */
static void hand_back(struct bl_feed *f)
{
    char idle[24];
    snprintf(idle, sizeof idle, "%lld", (long long)f->options.idle_ms);
    for (const struct held *h = f->held; h && bl_link_is_up(f->link); h = h->next) {
        if (h->done)
            continue;
        f->acks++;
        touch(h, bl_str_of(idle), on_handed_back, f);
    }
}

void bl_feed_close(struct bl_feed *f, void (*closed)(void *ctx), void *ctx)
{
    assert(f->magic == FEED_MAGIC && !f->closing);
    f->closing = true;
    f->closed = closed;
    f->closed_ctx = ctx;
    uv_timer_stop(&f->timer);
    hand_back(f);
    begin_end(f);
}
