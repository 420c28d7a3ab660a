/* The machinery of queries: a job goes META -> clocks or views (where `now` is needed) -> its own steps.
 *
 *   bl_query_run -> begin -> got_views -> <call>_start -> … -> job_finish | job_fail -> freed
 *                    │  ^
 *                    v  └─ (it was another data set: begin again)
 *                 first round, META behind it
 *
 * META is read by every query: one small read buys that a serve process needs no state of its own and follows a
 * data set that was made anew. It is read behind the first round, which goes by what META said last time: that
 * saves a round trip, of which a query has two or three, and under load each of them waits for Redis.
 *
 * So are the clocks where a call needs `now` only for how far back it looks: the first round goes by a guess, the last `now`
 * and the time since, and the clocks beside it say what it is. Where that is ABOUT_MS away or more the round is asked again. */
#include "query/cache.h"
#include "query/job.h"

#include <stdio.h>
#include <stdlib.h>

#define ABOUT_MS 100

static const struct {
    job_step *start;
    enum { NO_TIME, ABOUT, CLOCKS, VIEWS } time; /* what it has to know of the partitions first */
    const char *path;                            /* of a list in pages */
    bool alone; /* it changes something, or waits for a change: never shared */
} calls[BL_CALL_COUNT] = {
    [BL_CALL_PATTERNS] = {patterns_start, NO_TIME, "/api/patterns", false},
    [BL_CALL_PATTERN] = {pattern_start, NO_TIME, NULL, false},
    [BL_CALL_RESOLVE] = {resolve_start, NO_TIME, NULL, true},
    [BL_CALL_METRICS] = {metrics_start, ABOUT, NULL, false},
    [BL_CALL_HISTORY] = {history_start, CLOCKS, NULL, false},
    [BL_CALL_PAGES] = {pages_start, CLOCKS, NULL, false},
    [BL_CALL_USERS] = {users_start, CLOCKS, NULL, false},
    [BL_CALL_USERS_ACTIVE] = {users_start, CLOCKS, NULL, false},
    [BL_CALL_USER] = {user_start, CLOCKS, NULL, false},
    [BL_CALL_USER_EVENTS] = {user_events_start, CLOCKS, NULL, false},
    [BL_CALL_ERASE] = {erase_start, NO_TIME, NULL, true},
    [BL_CALL_ERASURE] = {erasure_start, NO_TIME, NULL, false},
    [BL_CALL_READMIT] = {readmit_start, NO_TIME, NULL, true},
    [BL_CALL_EVENTS] = {events_start, NO_TIME, NULL, false},
    [BL_CALL_BAD_EVENTS] = {bad_events_start, CLOCKS, NULL, false},
    [BL_CALL_WORKERS] = {workers_start, CLOCKS, NULL, false},
    [BL_CALL_PARTITIONS] = {partitions_start, VIEWS, NULL, false},
    [BL_CALL_RULES] = {rules_start, NO_TIME, NULL, false},
    [BL_CALL_AUDIT] = {audit_start, NO_TIME, "/api/audit", false},
    [BL_CALL_EXPOSITION] = {exposition_start, VIEWS, NULL, false},
};

enum bl_err bl_queries_new(const struct bl_reads *reads, struct bl_queries **out)
{
    struct bl_queries *q = calloc(1, sizeof *q);
    if (!q)
        return BL_ERR_NO_MEMORY;
    q->reads = *reads;
    q->scratch = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    q->cache = cache_new();
    enum bl_err err = q->scratch && q->cache ? bl_state_decoder_new(&q->decoder) : BL_ERR_NO_MEMORY;
    if (err != BL_OK) {
        cache_free(q->cache);
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
    cache_free(q->cache);
    free(q->scratch);
    free(q);
}

void bl_queries_erased(struct bl_queries *q, const struct bl_erased_port *erased)
{
    q->erased = *erased;
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

static void start(struct bl_queries *q, const struct bl_query *query, struct asker *askers);

static void unshare(struct job *j)
{
    for (struct job **at = &j->q->shared; *at; at = &(*at)->next_shared)
        if (*at == j) {
            *at = j->next_shared;
            return;
        }
}

static void job_clear(struct job *j)
{
    if (j->state && j->state_free)
        j->state_free(j->state);
    free(j->state);
    j->state = NULL;
    j->state_free = NULL;
    j->n_asks = 0;
    bl_buf_clear(&j->out);
}

static void tell(struct asker *askers, const struct bl_answer *answer)
{
    for (struct asker *a = askers, *next; a; a = next) {
        next = a->next;
        a->done(a->ctx, answer);
        free(a);
    }
}

/* The answer goes out before the next job begins: whoever asks again from within it is one of the later ones. */
static void job_end(struct job *j, const struct bl_answer *answer)
{
    struct bl_queries *q = j->q;
    tell(j->askers, answer);
    unshare(j);
    if (j->later)
        start(q, &j->query, j->later);
    q->running--;
    job_clear(j);
    free(j->asks);
    bl_buf_release(&j->out);
    bl_buf_release(&j->wish.command);
    j->magic = 0;
    free(j);
}

void job_finish(struct job *j)
{
    static const struct bl_hash_key key = {0x62656861766f7572ULL, 0x6c656e7320657461ULL};
    if (j->out.err != BL_OK) {
        job_fail(j, j->out.err, NULL);
        return;
    }
    struct bl_answer answer = {.status = j->status,
                               .type = j->type,
                               .body = bl_buf_view(&j->out),
                               .next = bl_str_of(j->cursor),
                               .path = calls[j->query.call].path};
    if (!j->type)
        answer.print = bl_hash128(key, (struct bl_str){j->out.p, j->tagged ? j->tagged : j->out.n});
    job_end(j, &answer);
}

void job_fail(struct job *j, enum bl_err err, const char *message)
{
    struct bl_answer answer = {.err = err, .message = message, .status = bl_err_http(err)};
    job_end(j, &answer);
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

static bool take_set(struct job *j, const struct bl_read_reply *meta);
static void begin(struct job *j);
static void got_guess(struct job *j, const struct bl_read_reply *r, size_t n);

static void answered(void *ctx, enum bl_err err, const struct bl_read_reply *replies, size_t n)
{
    struct job *j = BL_CAST(struct job, ctx, JOB_MAGIC);
    bool was_unsure = j->unsure;
    j->unsure = false;
    if (err != BL_OK)
        job_fail(j, err, NULL);
    else if (was_unsure && !take_set(j, &replies[--n]))
        begin(j);
    else if (j->guessed)
        got_guess(j, replies, n);
    else
        j->next(j, replies, n);
}

void job_go(struct job *j, job_step *next)
{
    if (j->unsure)
        job_ask(j, (struct bl_read){.kind = BL_READ_META});
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

/* Of clocks and of views alike. */
static void take_time(struct job *j, const struct bl_read_reply *r, int clock, int oldest, int time)
{
    int64_t clock_ms = item_int(r, (size_t)clock), time_ms = item_int(r, (size_t)time);
    bool idle = r->n > (size_t)oldest && r->item[oldest].n == 0;
    if (!j->event_mode && idle && time_ms > clock_ms)
        clock_ms = time_ms;
    if (clock_ms > j->now_ms)
        j->now_ms = clock_ms;
    if (time_ms > j->time_ms)
        j->time_ms = time_ms;
}

static void take_clocks(struct job *j, const struct bl_read_reply *r, size_t n)
{
    const struct bl_reads *reads = &j->q->reads;
    j->now_ms = j->time_ms = 0;
    for (size_t p = 0; p < n; p++)
        take_time(j, &r[p], BL_CLOCK_MS, BL_CLOCK_OLDEST, BL_CLOCK_TIME_MS);
    j->q->time.known = j->now_ms < INT64_MAX / 2; /* nothing is added to nonsense */
    j->q->time.now_ms = j->now_ms;
    j->q->time.at_ms = reads->now(reads->port);
}

static void got_clocks(struct job *j, const struct bl_read_reply *r, size_t n)
{
    take_clocks(j, r, n);
    calls[j->query.call].start(j, NULL, 0);
}

/* The clock of events says nothing of the next moment. */
static bool guess(struct job *j)
{
    const struct bl_reads *reads = &j->q->reads;
    j->guessed = calls[j->query.call].time == ABOUT && j->q->time.known && !j->event_mode;
    if (j->guessed)
        j->now_ms = j->q->time.now_ms + reads->now(reads->port) - j->q->time.at_ms;
    return j->guessed;
}

/* The clocks came before what the call asked for. */
static void got_guess(struct job *j, const struct bl_read_reply *r, size_t n)
{
    int64_t guessed_ms = j->now_ms;
    size_t clocks = (size_t)j->partitions;
    j->guessed = false;
    take_clocks(j, r, clocks);
    if (llabs(j->now_ms - guessed_ms) < ABOUT_MS) {
        j->next(j, r + clocks, n - clocks);
        return;
    }
    job_clear(j);
    calls[j->query.call].start(j, NULL, 0);
}

static void got_views(struct job *j, const struct bl_read_reply *r, size_t n)
{
    for (size_t p = 0; p < n; p++)
        take_time(j, &r[p], BL_VIEW_CLOCK_MS, BL_VIEW_OLDEST, BL_VIEW_TIME_MS);
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

/* True: the job goes by this data set already. */
static bool take_set(struct job *j, const struct bl_read_reply *meta)
{
    struct bl_str key = reply_get(meta, "hash_key");
    int64_t partitions = reply_int(meta, "partitions");
    struct job_set *set = &j->q->set, was = {j->partitions, j->hash_key, j->event_mode};
    bool whole = key.n == 32 && hex64((struct bl_str){key.p, 16}, &set->hash_key.k0) &&
                 hex64((struct bl_str){key.p + 16, 16}, &set->hash_key.k1) && partitions >= 1 &&
                 partitions <= BL_PARTITIONS_MAX;
    set->partitions = whole ? (int)partitions : 0;
    set->event_mode = bl_str_eqz(reply_get(meta, "clock"), "event");
    bool same = whole && was.partitions == set->partitions && was.hash_key.k0 == set->hash_key.k0 &&
                was.hash_key.k1 == set->hash_key.k1 && was.event_mode == set->event_mode;
    if (!same) {
        cache_clear(j->q->cache);
        j->q->time.known = false;
    }
    return same;
}

/* Nothing was known: now it is, or there is none. */
static void got_meta(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    take_set(j, &r[0]);
    begin(j);
}

static void begin(struct job *j)
{
    const struct job_set *set = &j->q->set;
    bool time = calls[j->query.call].time != NO_TIME;
    if (set->partitions == 0) {
        job_fail(j, BL_ERR_STORE_UNAVAILABLE, "The store holds no data set of this environment yet.");
        return;
    }
    job_clear(j);
    j->partitions = set->partitions;
    j->hash_key = set->hash_key;
    j->event_mode = set->event_mode;
    j->now_ms = j->time_ms = 0;
    if (guess(j))
        job_ask_all(j, (struct bl_read){.kind = BL_READ_CLOCK});
    if (!time || j->guessed) {
        calls[j->query.call].start(j, NULL, 0);
        return;
    }
    bool views = calls[j->query.call].time == VIEWS;
    job_ask_all(j, (struct bl_read){.kind = views ? BL_READ_VIEW : BL_READ_CLOCK});
    job_go(j, views ? got_views : got_clocks);
}

static void start(struct bl_queries *q, const struct bl_query *query, struct asker *askers)
{
    cache_tidy(q->cache, q->reads.connection(q->reads.port), q->reads.now(q->reads.port));
    struct job *j = calloc(1, sizeof *j);
    if (!j) {
        tell(askers, &(struct bl_answer){.err = BL_ERR_NO_MEMORY, .status = bl_err_http(BL_ERR_NO_MEMORY)});
        return;
    }
    j->magic = JOB_MAGIC;
    j->q = q;
    j->query = *query;
    j->askers = askers;
    j->later_last = &j->later;
    j->status = 200;
    bl_buf_init(&j->out, 0);
    bl_buf_init(&j->wish.command, 0);
    q->running++;
    if (!calls[query->call].alone) {
        j->next_shared = q->shared;
        q->shared = j;
    }
    j->unsure = q->set.partitions > 0;
    if (j->unsure) {
        begin(j);
        return;
    }
    job_ask(j, (struct bl_read){.kind = BL_READ_META});
    job_go(j, got_meta);
}

/* Byte by byte: two that say the same in different bytes are only not shared. */
static struct job *same_under_way(const struct bl_queries *q, const struct bl_query *query)
{
    struct job *j = q->shared;
    while (j && memcmp(&j->query, query, offsetof(struct bl_query, actor_n)) != 0)
        j = j->next_shared;
    return j;
}

void bl_query_run(struct bl_queries *q, const struct bl_query *query, bl_answer_fn *done, void *ctx)
{
    struct asker *asker = malloc(sizeof *asker);
    if (!asker) {
        struct bl_answer answer = {.err = BL_ERR_NO_MEMORY, .status = bl_err_http(BL_ERR_NO_MEMORY)};
        done(ctx, &answer);
        return;
    }
    *asker = (struct asker){done, ctx, NULL};
    struct job *j = same_under_way(q, query);
    if (!j) {
        start(q, query, asker);
        return;
    }
    *j->later_last = asker;
    j->later_last = &asker->next;
}
