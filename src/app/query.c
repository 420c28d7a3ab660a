/* The machinery of queries: a job goes META -> views (where `now` is needed) -> its own steps.
 *
 *   bl_query_run -> got_meta -> got_views -> <call>_start -> … -> job_finish | job_fail -> freed
 *
 * META is read anew by every query: one small read buys that a serve process needs no state of its own and
 * follows a data set that was made anew. */
#include "query_job.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    job_step *start;
    bool views;
    const char *path; /* of a list in pages */
} calls[BL_CALL_COUNT] = {
    [BL_CALL_PATTERNS] = {patterns_start, false, "/api/patterns"},
    [BL_CALL_PATTERN] = {pattern_start, false, NULL},
    [BL_CALL_RESOLVE] = {resolve_start, false, NULL},
    [BL_CALL_METRICS] = {metrics_start, true, NULL},
    [BL_CALL_HISTORY] = {history_start, true, NULL},
    [BL_CALL_PAGES] = {pages_start, true, NULL},
    [BL_CALL_USERS] = {users_start, true, NULL},
    [BL_CALL_USERS_ACTIVE] = {users_start, true, NULL},
    [BL_CALL_USER] = {user_start, true, NULL},
    [BL_CALL_USER_EVENTS] = {user_events_start, true, NULL},
    [BL_CALL_ERASE] = {erase_start, false, NULL},
    [BL_CALL_ERASURE] = {erasure_start, false, NULL},
    [BL_CALL_READMIT] = {readmit_start, false, NULL},
    [BL_CALL_EVENTS] = {events_start, false, NULL},
    [BL_CALL_BAD_EVENTS] = {bad_events_start, true, NULL},
    [BL_CALL_WORKERS] = {workers_start, true, NULL},
    [BL_CALL_PARTITIONS] = {partitions_start, true, NULL},
    [BL_CALL_RULES] = {rules_start, false, NULL},
    [BL_CALL_AUDIT] = {audit_start, false, "/api/audit"},
    [BL_CALL_EXPOSITION] = {exposition_start, true, NULL},
};

enum bl_err bl_queries_new(const struct bl_reads *reads, struct bl_queries **out)
{
    struct bl_queries *q = calloc(1, sizeof *q);
    if (!q)
        return BL_ERR_NO_MEMORY;
    q->reads = *reads;
    q->scratch = malloc(sizeof *q->scratch);
    enum bl_err err = q->scratch ? bl_state_decoder_new(&q->decoder) : BL_ERR_NO_MEMORY;
    if (err != BL_OK) {
        free(q->scratch);
        free(q);
        return err;
    }
    *out = q;
    return BL_OK;
}

void bl_queries_free(struct bl_queries *q)
{
    if (!q)
        return;
    assert(q->running == 0);
    bl_state_decoder_free(q->decoder);
    free(q->scratch);
    free(q);
}

void bl_queries_audit(struct bl_queries *q, const struct bl_audit_port *audit)
{
    q->audit = *audit;
}

void bl_queries_retention(struct bl_queries *q, int64_t stream_ms)
{
    q->stream_retention_ms = stream_ms;
}

size_t bl_queries_running(const struct bl_queries *q)
{
    return q->running;
}

/* --- the end of a job */

static void job_free(struct job *j)
{
    j->q->running--;
    if (j->state && j->state_free)
        j->state_free(j->state);
    free(j->state);
    free(j->asks);
    bl_buf_release(&j->out);
    j->magic = 0;
    free(j);
}

void job_finish(struct job *j)
{
    if (j->out.err != BL_OK) {
        job_fail(j, j->out.err, NULL);
        return;
    }
    struct bl_answer answer = {.status = j->status,
                               .type = j->type,
                               .body = bl_buf_view(&j->out),
                               .tagged = j->tagged ? j->tagged : j->out.n,
                               .next = bl_str_of(j->cursor),
                               .path = calls[j->query.call].path};
    j->done(j->done_ctx, &answer);
    job_free(j);
}

void job_fail(struct job *j, enum bl_err err, const char *message)
{
    struct bl_answer answer = {.err = err, .message = message, .status = bl_err_http(err)};
    j->done(j->done_ctx, &answer);
    job_free(j);
}

void *job_state(struct job *j, size_t bytes, void (*release)(void *state))
{
    assert(!j->state);
    void *state = calloc(1, bytes);
    j->state = state;
    j->state_free = release;
    if (!state)
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
    return state;
}

/* --- rounds */

void job_ask(struct job *j, struct bl_read read)
{
    if (j->n_asks == j->cap_asks) {
        size_t cap = j->cap_asks ? j->cap_asks * 2 : 32;
        struct bl_read *asks = realloc(j->asks, cap * sizeof *asks);
        if (!asks) {
            j->no_memory = true;
            return;
        }
        j->asks = asks;
        j->cap_asks = cap;
    }
    j->asks[j->n_asks++] = read;
}

void job_ask_all(struct job *j, struct bl_read read)
{
    for (read.partition = 0; read.partition < j->partitions; read.partition++)
        job_ask(j, read);
}

static void answered(void *ctx, enum bl_err err, const struct bl_read_reply *replies, size_t n)
{
    struct job *j = BL_CAST(struct job, ctx, JOB_MAGIC);
    if (err != BL_OK)
        job_fail(j, err, NULL);
    else
        j->next(j, replies, n);
}

void job_go(struct job *j, job_step *next)
{
    if (j->no_memory) {
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
        return;
    }
    size_t n = j->n_asks;
    j->next = next;
    j->n_asks = 0;
    if (n == 0)
        next(j, NULL, 0);
    else
        j->q->reads.read(j->q->reads.port, j->asks, n, answered, j);
}

static void waited(void *ctx)
{
    struct job *j = BL_CAST(struct job, ctx, JOB_MAGIC);
    j->next(j, NULL, 0);
}

void job_later(struct job *j, int64_t ms, job_step *next)
{
    j->next = next;
    j->q->reads.later(j->q->reads.port, ms, waited, j);
}

/* --- the beginning: data set and clock */

static void got_views(struct job *j, const struct bl_read_reply *r, size_t n)
{
    for (size_t p = 0; p < n; p++) {
        int64_t clock_ms = item_int(&r[p], BL_VIEW_CLOCK_MS), time_ms = item_int(&r[p], BL_VIEW_TIME_MS);
        bool idle = r[p].n == BL_VIEW_COUNT && r[p].item[BL_VIEW_OLDEST].n == 0;
        if (!j->event_mode && idle && time_ms > clock_ms)
            clock_ms = time_ms;
        if (clock_ms > j->now_ms)
            j->now_ms = clock_ms;
        if (time_ms > j->time_ms)
            j->time_ms = time_ms;
    }
    calls[j->query.call].start(j, r, n);
}

static bool hex64(struct bl_str s, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, s.p[i] | 0x20);
        if (!at || !s.p[i])
            return false;
        *out = *out << 4 | (uint64_t)(at - digits);
    }
    return s.n == 16;
}

static void got_meta(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    struct bl_str key = reply_get(r, "hash_key");
    int64_t partitions = reply_int(r, "partitions");
    bool whole = key.n == 32 && hex64((struct bl_str){key.p, 16}, &j->hash_key.k0) &&
                 hex64((struct bl_str){key.p + 16, 16}, &j->hash_key.k1);
    if (!whole || partitions < 1 || partitions > BL_PARTITIONS_MAX) {
        job_fail(j, BL_ERR_STORE_UNAVAILABLE, "The store holds no data set of this environment yet.");
        return;
    }
    j->partitions = (int)partitions;
    j->event_mode = bl_str_eqz(reply_get(r, "clock"), "event");
    if (!calls[j->query.call].views) {
        calls[j->query.call].start(j, NULL, 0);
        return;
    }
    job_ask_all(j, (struct bl_read){.kind = BL_READ_VIEW});
    job_go(j, got_views);
}

void bl_query_run(struct bl_queries *q, const struct bl_query *query, bl_answer_fn *done, void *ctx)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j) {
        struct bl_answer answer = {.err = BL_ERR_NO_MEMORY, .status = bl_err_http(BL_ERR_NO_MEMORY)};
        done(ctx, &answer);
        return;
    }
    j->magic = JOB_MAGIC;
    j->q = q;
    j->query = *query;
    j->done = done;
    j->done_ctx = ctx;
    j->status = 200;
    bl_buf_init(&j->out, 0);
    q->running++;
    job_ask(j, (struct bl_read){.kind = BL_READ_META});
    job_go(j, got_meta);
}
