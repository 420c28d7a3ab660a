/* Writing on a link (audit.h): one entry under way, the others wait.
 *
 *   write -> waiting -> ask (head?) -> MOVED -> append -> DONE ------> fn(BL_OK), next
 *                                        ^         └──── MOVED (another was faster): again, boundedly
 *                                        └── NOSCRIPT: load, again     else, or no reply: fn(error); no reply: all fail
 *
 * The head is asked for with each entry: its time is the store's, and a serve may be idle for days while others write. */
#include "audit_internal.h"

#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"
#include "scripts.h"

#include <stdio.h>
#include <stdlib.h>

#define AUDIT_MAGIC BL_MAGIC('a', 'u', 'd', 't')
#define DAY_MS      86400000
#define CUT_MAX     1000 /* entries removed in one step */
#define ID_MAX      48

struct op {
    struct op *next;
    struct bl_audit_entry entry; /* points into text */
    char cut[ID_MAX];
    int attempts;
    bl_audit_fn *fn; /* NULL: nobody waits */
    void *ctx;
    char text[];
};

/* An entry of the trail as it was seen. */
struct seen {
    char id[ID_MAX], hash[BL_AUDIT_HASH_CHARS];
    int64_t n; /* 0: none */
};

struct bl_audit {
    uint32_t magic;
    struct bl_link *link;
    struct bl_buf key;
    struct op *first, **last;
    size_t waiting;
    bool busy;
    struct audit_head head;
    struct bl_audit_counts counts;
    /* looking after it */
    bool looking, kept; /* kept: what was seen is still there */
    struct bl_audit_keep keep;
    struct seen newest, oldest, end;
    int64_t length;
};

enum bl_err bl_audit_new(struct bl_link *link, struct bl_str env, struct bl_audit **out)
{
    struct bl_audit *a = calloc(1, sizeof *a);
    if (!a)
        return BL_ERR_NO_MEMORY;
    a->magic = AUDIT_MAGIC;
    a->link = link;
    a->last = &a->first;
    bl_buf_init(&a->key, 0);
    bl_key_put(&a->key, env, BL_KEY_AUDIT, 0, (struct bl_str){0});
    if (a->key.err != BL_OK) {
        bl_audit_free(a);
        return BL_ERR_NO_MEMORY;
    }
    *out = a;
    return BL_OK;
}

void bl_audit_free(struct bl_audit *a)
{
    if (!a)
        return;
    assert(!a->first && !a->looking);
    bl_buf_release(&a->key);
    a->magic = 0;
    free(a);
}

const struct bl_audit_counts *bl_audit_counts(const struct bl_audit *a)
{
    return &a->counts;
}

/* --- one entry */

static void start(struct bl_audit *a);

static struct op *pop(struct bl_audit *a)
{
    struct op *op = a->first;
    a->first = op->next;
    if (!a->first)
        a->last = &a->first;
    a->waiting--;
    return op;
}

static void finish(struct bl_audit *a, enum bl_err err)
{
    struct op *op = pop(a);
    a->busy = false;
    a->counts.written += err == BL_OK;
    a->counts.failed += err != BL_OK;
    if (op->fn)
        op->fn(op->ctx, err);
    free(op);
}

/* The store is away: whoever waits learns it now. Who comes meanwhile finds out by itself. */
static void fail_all(struct bl_audit *a)
{
    for (size_t n = a->waiting; n > 0; n--)
        finish(a, BL_ERR_STORE_UNAVAILABLE);
}

static void on_reply(void *ctx, const redisReply *reply);

static void send(struct bl_audit *a, const struct audit_head *head)
{
    struct op *op = a->first;
    struct audit_call call;
    a->busy = true;
    if (op->attempts++ > AUDIT_ATTEMPTS ||
        audit_call_make(&call, bl_buf_view(&a->key), &op->entry, head, bl_str_of(op->cut)) != BL_OK)
        finish(a, BL_ERR_STORE_UNAVAILABLE);
    else
        bl_script_send(a->link, BL_SCRIPT_audit_append, 1, AUDIT_ARGS, call.args, on_reply, a);
}

static void start(struct bl_audit *a)
{
    while (a->first && !a->busy) {
        a->first->attempts = 0;
        send(a, NULL);
    }
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    if (!reply) {
        fail_all(a);
    } else if (bl_script_lost(reply)) {
        bl_scripts_load(a->link);
        send(a, NULL);
    } else {
        enum audit_said said = audit_call_said(reply, &a->head);
        if (said == AUDIT_MOVED) {
            send(a, &a->head);
        } else {
            if (said == AUDIT_REFUSED)
                bl_log(BL_LOG_ERROR, "the audit trail cannot be written: audited actions are refused",
                       BL_LOG_TEXT("reason", reply->type == REDIS_REPLY_ERROR
                                                 ? reply->str
                                                 : "its newest entry is none of ours"));
            finish(a, said == AUDIT_DONE ? BL_OK : BL_ERR_STORE_UNAVAILABLE);
        }
    }
    start(a);
}

static struct bl_str keep_text(struct op *op, size_t *n, struct bl_str s)
{
    char *at = op->text + *n;
    if (s.n)
        memcpy(at, s.p, s.n);
    *n += s.n;
    return (struct bl_str){at, s.n};
}

static enum bl_err enqueue(struct bl_audit *a, const struct bl_audit_entry *e, const char *cut,
                           bl_audit_fn *fn, void *ctx)
{
    if (!audit_entry_fits(e))
        return BL_ERR_TOO_LARGE;
    size_t n = 0, bytes = e->action.n + e->actor.n + e->subject.n + e->detail.n;
    struct op *op = a->waiting < BL_AUDIT_WAITING_MAX ? calloc(1, sizeof *op + bytes + 1) : NULL;
    if (!op)
        return a->waiting < BL_AUDIT_WAITING_MAX ? BL_ERR_NO_MEMORY : BL_ERR_STORE_UNAVAILABLE;
    op->entry.action = keep_text(op, &n, e->action);
    op->entry.actor = keep_text(op, &n, e->actor);
    op->entry.subject = keep_text(op, &n, e->subject);
    op->entry.detail = keep_text(op, &n, e->detail);
    snprintf(op->cut, sizeof op->cut, "%s", cut);
    op->fn = fn;
    op->ctx = ctx;
    *a->last = op;
    a->last = &op->next;
    a->waiting++;
    return BL_OK;
}

void bl_audit_write(struct bl_audit *a, const struct bl_audit_entry *entry, bl_audit_fn *fn, void *ctx)
{
    enum bl_err err = enqueue(a, entry, "", fn, ctx);
    if (err == BL_OK) {
        start(a);
        return;
    }
    a->counts.failed++;
    fn(ctx, err);
}

static void write_port(void *ctx, const struct bl_audit_entry *entry, bl_audit_fn *fn, void *fn_ctx)
{
    bl_audit_write(BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC), entry, fn, fn_ctx);
}

struct bl_audit_port bl_audit_port(struct bl_audit *a)
{
    return (struct bl_audit_port){a, write_port};
}

/* --- looking after the trail */

static struct seen seen_of(const redisReply *reply, size_t i)
{
    struct bl_audit_record r;
    struct seen s = {0};
    char hash[BL_AUDIT_HASH_CHARS];
    if (!reply || reply->type != REDIS_REPLY_ARRAY || i >= reply->elements ||
        !audit_record_of(reply->element[i], &r) || bl_audit_hash(&r, hash) != BL_OK ||
        memcmp(hash, r.hash.p, sizeof hash) != 0)
        return s;
    s.n = r.n;
    snprintf(s.id, sizeof s.id, "%.*s", BL_STR_ARG(r.id));
    memcpy(s.hash, r.hash.p, sizeof s.hash);
    return s;
}

/* The last of what is to go is known: the note, and everything up to it removed with it. */
static void on_last_to_go(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    struct seen s = seen_of(reply, reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements - 1 : 0);
    unsigned long long ms, seq;
    char subject[24], detail[128], cut[ID_MAX];
    a->looking = false;
    if (!s.n || sscanf(s.id, "%llu-%llu", &ms, &seq) != 2)
        return;
    snprintf(subject, sizeof subject, "%lld", (long long)s.n);
    snprintf(detail, sizeof detail, "{\"hash\":\"%.*s\"}", BL_AUDIT_HASH_CHARS, s.hash);
    snprintf(cut, sizeof cut, "%llu-%llu", ms, seq + 1);
    struct bl_audit_entry note = {BL_STR(BL_AUDIT_TRIM), BL_STR("system"), bl_str_of(subject),
                                  bl_str_of(detail)};
    if (enqueue(a, &note, cut, NULL, NULL) == BL_OK)
        start(a);
}

static void ask_range(struct bl_audit *a, const char *to, int64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)(count < CUT_MAX ? count : CUT_MAX));
    bl_link_send(a->link, 6,
                 (const struct bl_str[]){BL_STR("XRANGE"), bl_buf_view(&a->key), BL_STR("-"), bl_str_of(to),
                                         BL_STR("COUNT"), bl_str_of(text)},
                 on_last_to_go, a);
}

/* In steps, so that a note is not made for every entry that grows old. */
static void cut_old(struct bl_audit *a, int64_t now_ms)
{
    int64_t age_ms = now_ms - strtoll(a->oldest.id, NULL, 10), keep_ms = a->keep.keep_ms;
    int64_t step_ms = keep_ms / 12 < DAY_MS ? keep_ms / 12 : DAY_MS;
    int64_t over = a->length - a->keep.keep_n;
    char to[32];
    if (over > a->keep.keep_n / 100) {
        ask_range(a, "+", over);
    } else if (age_ms > keep_ms + step_ms) {
        snprintf(to, sizeof to, "%lld", (long long)(now_ms - keep_ms));
        ask_range(a, to, CUT_MAX);
    } else {
        a->looking = false;
    }
}

static void compare(struct bl_audit *a)
{
    bool trimmed = a->oldest.n > a->newest.n && a->end.n >= a->oldest.n;
    if (a->newest.n && !a->kept && !trimmed) {
        a->counts.lost = 1;
        bl_log(BL_LOG_ERROR, "the audit trail was changed: an entry that was in it is not",
               BL_LOG_INT("n", a->newest.n),
               BL_LOG_STR("hash", ((struct bl_str){a->newest.hash, sizeof a->newest.hash})));
    }
    if (a->end.n && (a->end.n != a->newest.n || !a->kept))
        bl_log(BL_LOG_INFO, "audit head", BL_LOG_INT("n", a->end.n),
               BL_LOG_STR("hash", ((struct bl_str){a->end.hash, sizeof a->end.hash})));
    a->newest = a->end;
}

static void on_length(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    a->length = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

static void on_oldest(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    a->oldest = seen_of(reply, 0);
}

static void on_end(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    a->end = seen_of(reply, 0);
}

static void on_known(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    struct seen s = seen_of(reply, 0);
    a->kept = s.n == a->newest.n && memcmp(s.hash, a->newest.hash, sizeof s.hash) == 0;
}

/* The last of the round. */
static void on_time(void *ctx, const redisReply *reply)
{
    struct bl_audit *a = BL_CAST(struct bl_audit, ctx, AUDIT_MAGIC);
    bool whole = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && a->length >= 0;
    if (whole)
        compare(a);
    if (whole && a->oldest.n)
        cut_old(a, strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                       strtoll(reply->element[1]->str, NULL, 10) / 1000);
    else
        a->looking = false;
}

void bl_audit_tidy(struct bl_audit *a, const struct bl_audit_keep *keep)
{
    struct bl_str k = bl_buf_view(&a->key), one = BL_STR("1"), count = BL_STR("COUNT");
    struct bl_str known = a->newest.n ? bl_str_of(a->newest.id) : BL_STR("0-1");
    if (a->looking || !bl_link_is_up(a->link))
        return;
    a->looking = true;
    a->keep = *keep;
    bl_link_send(a->link, 2, (const struct bl_str[]){BL_STR("XLEN"), k}, on_length, a);
    bl_link_send(a->link, 6,
                 (const struct bl_str[]){BL_STR("XRANGE"), k, BL_STR("-"), BL_STR("+"), count, one},
                 on_oldest, a);
    bl_link_send(a->link, 6,
                 (const struct bl_str[]){BL_STR("XREVRANGE"), k, BL_STR("+"), BL_STR("-"), count, one},
                 on_end, a);
    bl_link_send(a->link, 4, (const struct bl_str[]){BL_STR("XRANGE"), k, known, known}, on_known, a);
    bl_link_send(a->link, 1, (const struct bl_str[]){BL_STR("TIME")}, on_time, a);
}
