/* What a query reads, and in how many rounds: a list only those patterns that have changed since one was shown, and never
 * an older form than there was when it was asked for; metrics all at once.
 *
 * The store here has patterns with a version, and a change feed. As over a connection, questions are answered in their order:
 * served one after another, and heard in that order, at any time after. */
#include "bl/app/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARTITIONS 2
#define PATTERNS   20 /* of a partition */
#define FEED       4096
#define MOST       16 /* rounds under way */
#define ASKERS     64
#define READS      160
#define ITEMS      4096
#define NOW        1700000000000

/* ---- the store ---- */

static int version[PARTITIONS][PATTERNS];
static int feed[PARTITIONS][FEED],
    feed_n[PARTITIONS]; /* of each entry the pattern; its id is its number + 1 */
static int64_t store_ms, process_ms;
static uint64_t connection;
static const char *clock_mode;

static struct round {
    size_t n;
    struct bl_read read[READS];
    char arg[READS][48];
    struct bl_read_reply reply[READS];
    struct bl_str item[ITEMS];
    size_t items;
    bl_reads_fn *fn;
    void *ctx;
} rounds[MOST];
static size_t asked, served, heard, patterns_read;

__attribute__((format(printf, 1, 2))) static struct bl_str say(const char *fmt, ...)
{
    static char text[1 << 20];
    static size_t at;
    va_list args;
    if (at > sizeof text - 200)
        at = 0;
    char *p = text + at;
    va_start(args, fmt);
    int n = vsnprintf(p, 200, fmt, args);
    va_end(args);
    at += (size_t)n + 1;
    return (struct bl_str){p, (size_t)n};
}

static struct bl_str id_of(int p, int i)
{
    return say("%02x%02x0000000000000000000000000000", (unsigned)p, (unsigned)i);
}

static void change(int p, int i)
{
    assert_true(feed_n[p] < FEED);
    version[p][i]++;
    feed[p][feed_n[p]++] = i;
}

static void add(struct round *r, struct bl_str item)
{
    assert_true(r->items < ITEMS);
    r->item[r->items++] = item;
}

static void add_pair(struct round *r, const char *name, struct bl_str value)
{
    add(r, bl_str_of(name));
    add(r, value);
}

static void list(struct round *r, const struct bl_read *q)
{
    for (int i = PATTERNS - 1, left = (int)q->d; i >= 0 && left > 0; i--)
        if (NOW + i <= q->a && left-- > 0) {
            add(r, id_of(q->partition, i));
            add(r, say("%lld", (long long)NOW + i));
        }
}

static void newest_changes(struct round *r, const struct bl_read *q, const char *after)
{
    int p = q->partition, left = (int)q->a;
    for (int i = feed_n[p] - 1; i >= atoi(after) && left-- > 0; i--) {
        add(r, say("%d-0", i + 1));
        add(r, BL_STR("4"));
        add_pair(r, "change", BL_STR("raised"));
        add_pair(r, "pattern_id", id_of(p, feed[p][i]));
    }
}

static void pattern(struct round *r, const char *id)
{
    char digits[5] = {id[0], id[1], id[2], id[3], 0};
    long at = strtol(digits, NULL, 16);
    patterns_read++;
    add_pair(r, "type", BL_STR("hesitation"));
    add_pair(r, "explanation", say("v%d", version[at >> 8][at & 255]));
}

static void reply_to(struct round *r, size_t k)
{
    const struct bl_read *q = &r->read[k];
    switch ((int)q->kind) {
    case BL_READ_META:
        add_pair(r, "partitions", BL_STR("2"));
        add_pair(r, "hash_key", BL_STR("00112233445566778899aabbccddeeff"));
        add_pair(r, "clock", bl_str_of(clock_mode));
        return;
    case BL_READ_CLOCK:
        add(r, say("%lld", (long long)store_ms));
        add(r, BL_STR("1-0"));
        add(r, say("%lld", (long long)store_ms));
        return;
    case BL_READ_PATTERNS:
        list(r, q);
        return;
    case BL_READ_FEED_NEWEST:
        newest_changes(r, q, r->arg[k]);
        return;
    case BL_READ_PATTERN:
        pattern(r, r->arg[k]);
        return;
    default:
        return;
    }
}

static void serve(void)
{
    struct round *r = &rounds[served++ % MOST];
    size_t first[READS];
    r->items = 0;
    for (size_t k = 0; k < r->n; k++) {
        first[k] = r->items;
        reply_to(r, k);
        r->reply[k] = (struct bl_read_reply){r->items - first[k], &r->item[first[k]]};
    }
}

static void hear(void)
{
    struct round *r = &rounds[heard++ % MOST];
    r->fn(r->ctx, BL_OK, r->reply, r->n);
}

/* The store is another, which has the state before. */
static void fail_over(void)
{
    connection++;
    served = asked; /* who asks meanwhile asks the next one */
    while (heard < served) {
        struct round *r = &rounds[heard++ % MOST];
        r->fn(r->ctx, BL_ERR_STORE_UNAVAILABLE, NULL, 0);
    }
}

/* ---- the port ---- */

static void port_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct round *r = &rounds[asked++ % MOST];
    (void)port;
    assert_in_range(n, 1, READS);
    assert_true(asked - heard <= MOST);
    r->n = n;
    r->fn = fn;
    r->ctx = ctx;
    for (size_t i = 0; i < n; i++) {
        r->read[i] = reads[i];
        assert_true(reads[i].arg.n < sizeof r->arg[i]);
        snprintf(r->arg[i], sizeof r->arg[i], "%.*s", BL_STR_ARG(reads[i].arg));
    }
}

static void port_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    (void)port, (void)ms, (void)fn, (void)ctx;
    fail();
}

static uint64_t port_connection(void *port)
{
    (void)port;
    return connection;
}

static int64_t port_now(void *port)
{
    (void)port;
    return process_ms;
}

static const struct bl_reads port = {NULL, port_read, port_later, port_connection, port_now};

/* ---- who asks ---- */

static struct asker {
    bool busy;
    int least[PARTITIONS][PATTERNS]; /* versions when it was asked */
} askers[ASKERS];
static struct bl_queries *queries;
static size_t answers;
static char answer[1 << 14];

/* No pattern that is shown is older than the question. */
static void check(const struct asker *a)
{
    size_t shown = 0;
    for (int p = 0; p < PARTITIONS; p++)
        for (int i = 0; i < PATTERNS; i++) {
            const char *row = strstr(answer, id_of(p, i).p), *text = row ? strstr(row, ":\"v") : NULL;
            shown += row != NULL;
            if (text && (atoi(text + 3) < a->least[p][i] || atoi(text + 3) > version[p][i]))
                fail_msg("pattern %d of %d is shown as %.6s, is %d, was %d when it was asked for", i, p, text,
                         version[p][i], a->least[p][i]);
        }
    assert_true(shown > 0);
}

static void on_answer(void *ctx, const struct bl_answer *a)
{
    struct asker *asker = ctx;
    assert_true(asker->busy);
    asker->busy = false;
    answers++;
    assert_true(a->body.n < sizeof answer);
    snprintf(answer, sizeof answer, "%.*s", BL_STR_ARG(a->body));
    if (a->err == BL_OK && answer[0] == '[')
        check(asker);
}

static void ask(enum bl_call call, const char *limit)
{
    static struct bl_query q;
    struct bl_problem problem;
    struct bl_query_pair pair = {BL_STR("limit"), bl_str_of(limit)};
    size_t i = 0;
    while (i < ASKERS && askers[i].busy)
        i++;
    assert_true(i < ASKERS);
    askers[i].busy = true;
    memcpy(askers[i].least, version, sizeof version);
    assert_int_equal(bl_query_parse(call, BL_STR(""), &pair, *limit ? 1 : 0, &q, &problem), BL_OK);
    bl_query_run(queries, &q, on_answer, &askers[i]);
}

static size_t rounds_of(enum bl_call call, const char *limit)
{
    size_t before = asked, answered = answers;
    patterns_read = 0;
    ask(call, limit);
    while (answers == answered) {
        serve();
        hear();
    }
    return asked - before;
}

static int begin(void **state)
{
    (void)state;
    memset(version, 0, sizeof version);
    memset(feed_n, 0, sizeof feed_n);
    memset(askers, 0, sizeof askers);
    asked = served = heard = answers = 0;
    connection = 1;
    store_ms = NOW;
    process_ms = 5000;
    clock_mode = "live";
    return bl_queries_new(&port, &queries) == BL_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(bl_queries_running(queries), 0);
    assert_int_equal(asked, heard);
    bl_queries_free(queries);
    return 0;
}

/* ---- lists ---- */

static void only_what_changed_is_read_again(void **state)
{
    (void)state;
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 3); /* what data set, which patterns, these */
    assert_int_equal(patterns_read, 10);
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 1);
    assert_int_equal(patterns_read, 0);
    change(1, PATTERNS - 2);
    change(1, 0); /* not in the list */
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 2);
    assert_int_equal(patterns_read, 1);
    assert_non_null(strstr(answer, ":\"v1\""));
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "20"), 2);
    assert_int_equal(patterns_read, 10); /* those that no list has shown */
}

static void after_many_changes_a_partition_is_read_anew(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    for (int i = 0; i < 40; i++)
        change(0, i == 0 ? PATTERNS - 1 : 0); /* what changed first is no longer told */
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(patterns_read, 5);
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(patterns_read, 0);
}

static void what_was_written_past_the_worker_is_seen_in_two_seconds(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    process_ms += 999;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(patterns_read, 0);
    version[0][PATTERNS - 1]++; /* the feed does not tell */
    process_ms += 1001;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(patterns_read, 10);
}

static void nothing_is_kept_from_a_connection_before(void **state)
{
    (void)state;
    change(0, PATTERNS - 1);
    rounds_of(BL_CALL_PATTERNS, "10");
    version[0][PATTERNS - 1]--; /* the replica never had it */
    feed_n[0]--;
    fail_over();
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(patterns_read, 10);
}

static int drawn(unsigned *seed, int n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (int)((*seed >> 8) % (unsigned)n);
}

/* Lists of several lengths (those of one would share their reading), at any time, while patterns change. */
static void no_list_is_older_than_its_question(void **state)
{
    (void)state;
    const char *const limits[] = {"1", "3", "10", "20", "40"};
    unsigned seed = 7;
    size_t lists = 0;
    for (int step = 0; step < 20000; step++) {
        int what = drawn(&seed, 100);
        if (what < 15 && feed_n[0] < FEED && feed_n[1] < FEED)
            change(drawn(&seed, PARTITIONS), PATTERNS - 1 - drawn(&seed, 5));
        else if (what < 45 && asked - heard < MOST / 2 && lists - answers < ASKERS / 2) {
            ask(BL_CALL_PATTERNS, limits[drawn(&seed, 5)]);
            lists++;
        } else if (what < 72 && served < asked)
            serve();
        else if (what < 99 && heard < served)
            hear();
        else
            process_ms += drawn(&seed, 50);
        if (what == 99 && drawn(&seed, 20) == 0)
            fail_over();
    }
    while (heard < asked) {
        if (served < asked)
            serve();
        hear();
    }
    assert_true(lists > 1000 && answers > 500);
}

/* ---- metrics ---- */

static void metrics_are_one_round_once_the_time_is_known(void **state)
{
    (void)state;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 3); /* what data set, what time, all else */
    process_ms += 60000;
    store_ms += 60099;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 1);
    assert_non_null(strstr(answer, "\"as_of\":1700000060099")); /* what it is, not what it was taken for */
    process_ms += 1000;
    store_ms += 1100;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
    assert_non_null(strstr(answer, "\"as_of\":1700000061199"));
    process_ms += 1000;
    store_ms -= 5000; /* of another store, say */
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
    assert_non_null(strstr(answer, "\"as_of\":1700000056199"));
}

static void the_clock_of_events_is_never_guessed(void **state)
{
    (void)state;
    clock_mode = "event";
    rounds_of(BL_CALL_METRICS, "");
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_changed_is_read_again, begin, end),
        cmocka_unit_test_setup_teardown(after_many_changes_a_partition_is_read_anew, begin, end),
        cmocka_unit_test_setup_teardown(what_was_written_past_the_worker_is_seen_in_two_seconds, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_kept_from_a_connection_before, begin, end),
        cmocka_unit_test_setup_teardown(no_list_is_older_than_its_question, begin, end),
        cmocka_unit_test_setup_teardown(metrics_are_one_round_once_the_time_is_known, begin, end),
        cmocka_unit_test_setup_teardown(the_clock_of_events_is_never_guessed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
