/* Appends.
 *
 * A group of one entry is a bare XADD; more are `MULTI, XADD…, EXEC`. Redis refuses a whole transaction if
 * one XADD is refused when it is queued (out of memory), and XADD with an id of the server's making cannot
 * fail later but on a key of another type: either way nothing is confirmed unless every reply says so.
 *
 * wake(0) means the end of this turn of the loop: an idle handle keeps the loop from sleeping and a check
 * handle runs right after the sockets have been read, so that all that came in one turn leaves in one group;
 * the link writes it in the prepare phase that follows. */
#include "bl/store/append.h"

#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/store/keys.h"
#include "bl/store/link.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <uv.h>

#define APPEND_MAGIC BL_MAGIC('a', 'p', 'n', 'd')
#define TXN_MAGIC    BL_MAGIC('t', 'x', 'n', ' ')
#define RETRY_MAX_MS 250
#define HANDLES      3

struct bl_append {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_append_options options;
    struct bl_link *link;
    struct bl_buf keys; /* the streams' names, one after the other */
    struct bl_str key[BL_PARTITIONS_MAX];
    struct bl_hash_key hash_key;
    int partitions; /* 0: the data set is not open */
    bool due;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer;
    int handles;
    struct txn *first, **last; /* not confirmed, in order of sending, which is that of the replies */
    bool refusing;             /* said already that Redis refuses: once, not for each append */
    struct bl_append_counts counts;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct txn {
    uint32_t magic;
    struct bl_append *a;
    bl_appended_fn *fn;
    void *ctx;
    uint64_t sent_ns;
    size_t entries;
    bool failed;
    struct txn *next;
};

/* --- waking */

static void flush(struct bl_append *a)
{
    a->due = false;
    uv_idle_stop(&a->idle);
    uv_timer_stop(&a->timer);
    a->options.flush(a->options.ctx);
}

static void on_check(uv_check_t *check)
{
    struct bl_append *a = BL_CAST(struct bl_append, check->data, APPEND_MAGIC);
    if (a->due)
        flush(a);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it is there so that the loop does not sleep */
}

static void on_timer(uv_timer_t *timer)
{
    flush(BL_CAST(struct bl_append, timer->data, APPEND_MAGIC));
}

void bl_append_wake(struct bl_append *a, int delay_ms)
{
    if (delay_ms > 0) {
        if (!a->due && !uv_is_active((uv_handle_t *)&a->timer))
            uv_timer_start(&a->timer, on_timer, (uint64_t)delay_ms, 0);
        return;
    }
    a->due = true;
    uv_idle_start(&a->idle, on_idle);
}

/* --- life */

static void on_up(void *ctx)
{
    (void)ctx; /* is_up asks the link */
}

enum bl_err bl_append_new(struct uv_loop_s *loop, const struct bl_append_options *options,
                          struct bl_append **out)
{
    struct bl_append *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return BL_ERR_NO_MEMORY;
    a->magic = APPEND_MAGIC;
    a->loop = loop;
    a->options = *options;
    a->last = &a->first;
    bl_buf_init(&a->keys, 0);
    struct bl_link_options link = {options->url, options->timeout_ms, RETRY_MAX_MS, a, on_up, NULL};
    enum bl_err err = bl_link_new(loop, &link, &a->link);
    if (err != BL_OK) {
        free(a);
        return err;
    }
    uv_check_init(loop, &a->check);
    uv_idle_init(loop, &a->idle);
    uv_timer_init(loop, &a->timer);
    a->check.data = a->idle.data = a->timer.data = a;
    uv_check_start(&a->check, on_check);
    *out = a;
    return BL_OK;
}

enum bl_err bl_append_open(struct bl_append *a, struct bl_hash_key key, int partitions)
{
    size_t at[BL_PARTITIONS_MAX + 1] = {0};
    assert(partitions > 0 && partitions <= BL_PARTITIONS_MAX);
    bl_buf_clear(&a->keys);
    for (int p = 0; p < partitions; p++) {
        bl_key_put(&a->keys, bl_str_of(a->options.env), BL_KEY_EVENTS, p, (struct bl_str){0});
        at[p + 1] = a->keys.n;
    }
    if (a->keys.err != BL_OK)
        return a->keys.err;
    for (int p = 0; p < partitions; p++)
        a->key[p] = (struct bl_str){a->keys.p + at[p], at[p + 1] - at[p]};
    a->hash_key = key;
    a->partitions = partitions;
    return BL_OK;
}

bool bl_append_is_up(const struct bl_append *a)
{
    return a->partitions > 0 && bl_link_is_up(a->link);
}

int bl_append_partition(const struct bl_append *a, struct bl_str user_id)
{
    return (int)(bl_hash64(a->hash_key, user_id) % (uint64_t)a->partitions);
}

const struct bl_append_counts *bl_append_counts(const struct bl_append *a)
{
    return &a->counts;
}

int64_t bl_append_waiting_ms(const struct bl_append *a)
{
    return a->first ? (int64_t)((uv_hrtime() - a->first->sent_ns) / 1000000) : 0;
}

/* --- one transaction */

/* "1700000000000-0" */
static void note_id(struct bl_append *a, const redisReply *id)
{
    const char *dash = id->str ? memchr(id->str, '-', id->len) : NULL;
    int64_t ms;
    if (dash && bl_str_int64((struct bl_str){id->str, (size_t)(dash - id->str)}, &ms) &&
        ms > a->counts.last_ms)
        a->counts.last_ms = ms;
}

static void log_refusal(struct bl_append *a, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR || a->refusing)
        return;
    a->refusing = true;
    bl_log(BL_LOG_ERROR, "redis refuses appends",
           BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
}

static bool is_id(struct bl_append *a, const redisReply *reply)
{
    log_refusal(a, reply);
    return reply->type == REDIS_REPLY_STRING;
}

static bool all_stored(struct txn *t, const redisReply *reply)
{
    if (!reply || t->failed)
        return false;
    if (t->entries > 1) {
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != t->entries)
            return false;
        for (size_t i = 0; i < reply->elements; i++)
            if (!is_id(t->a, reply->element[i]))
                return false;
        reply = reply->element[0];
    }
    if (!is_id(t->a, reply))
        return false;
    note_id(t->a, reply);
    return true;
}

static void on_queued(void *ctx, const redisReply *reply)
{
    struct txn *t = BL_CAST(struct txn, ctx, TXN_MAGIC);
    if (reply && reply->type == REDIS_REPLY_STATUS)
        return;
    if (reply)
        log_refusal(t->a, reply);
    t->failed = true;
}

static void take_out(struct bl_append *a, struct txn *t)
{
    struct txn **at = &a->first; /* the first one */
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (a->last == &t->next)
        a->last = at;
}

static void on_done(void *ctx, const redisReply *reply)
{
    struct txn *t = BL_CAST(struct txn, ctx, TXN_MAGIC);
    struct bl_append *a = t->a;
    take_out(a, t);
    bool stored = all_stored(t, reply);
    if (!reply && bl_link_is_up(a->link))
        bl_link_reset(a->link); /* the command did not get out: an open MULTI would swallow the next ones */
    if (stored) {
        a->refusing = false;
        a->counts.count++;
        a->counts.us += (uv_hrtime() - t->sent_ns) / 1000;
    }
    t->fn(t->ctx, stored ? BL_OK : BL_ERR_STORE_UNAVAILABLE);
    t->magic = 0;
    free(t);
}

static void send_entry(struct bl_append *a, const struct bl_append_entry *e, bl_reply_fn *fn, struct txn *t)
{
    struct bl_str argv[] = {BL_STR("XADD"), a->key[e->partition], BL_STR("*"), BL_STR("events"), e->text};
    bl_link_send(a->link, sizeof argv / sizeof argv[0], argv, fn, t);
}

void bl_append_send(struct bl_append *a, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                    void *ctx)
{
    static const struct bl_str multi = {"MULTI", 5}, exec = {"EXEC", 4};
    struct txn *t = malloc(sizeof *t);
    assert(n > 0 && a->partitions > 0);
    if (!t)
        bl_out_of_memory(); /* as in link.c: the promise to call fn needs it */
    *t = (struct txn){TXN_MAGIC, a, fn, ctx, uv_hrtime(), n, false, NULL};
    *a->last = t;
    a->last = &t->next;
    if (n == 1) {
        send_entry(a, entries, on_done, t);
        return;
    }
    bl_link_send(a->link, 1, &multi, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        send_entry(a, &entries[i], on_queued, t);
    bl_link_send(a->link, 1, &exec, on_done, t);
}

/* --- the end */

static void finish(struct bl_append *a)
{
    if (--a->handles > 0)
        return;
    void (*closed)(void *) = a->closed;
    void *ctx = a->closed_ctx;
    bl_buf_release(&a->keys);
    a->magic = 0;
    free(a);
    closed(ctx);
}

static void on_handle_closed(uv_handle_t *handle)
{
    finish(BL_CAST(struct bl_append, handle->data, APPEND_MAGIC));
}

static void on_link_closed(void *ctx)
{
    finish(BL_CAST(struct bl_append, ctx, APPEND_MAGIC));
}

void bl_append_close(struct bl_append *a, void (*closed)(void *ctx), void *ctx)
{
    a->closed = closed;
    a->closed_ctx = ctx;
    a->handles = HANDLES + 1;
    uv_close((uv_handle_t *)&a->check, on_handle_closed);
    uv_close((uv_handle_t *)&a->idle, on_handle_closed);
    uv_close((uv_handle_t *)&a->timer, on_handle_closed);
    bl_link_close(a->link, on_link_closed, a);
}
