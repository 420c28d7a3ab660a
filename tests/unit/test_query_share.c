/* Identical queries share their reads, and none gets an answer older than its question; a data set that was made anew is
 * noticed by the first query after it. */
#include "bl/app/query.h"
#include "reads_still.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 16

/* The store: rounds of reads wait until the test answers them. */
static struct round {
    size_t n;
    enum bl_read_kind kind[64];
    bl_reads_fn *fn;
    void *ctx;
} rounds[MOST];
static size_t asked, served;
static const char *partitions = "2";
static char answers[MOST][256];
static enum bl_err errors[MOST];
static bool answered[MOST];

static void port_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct round *r = &rounds[asked++ % MOST];
    (void)port;
    assert_in_range(n, 1, 64);
    *r = (struct round){.n = n, .fn = fn, .ctx = ctx};
    for (size_t i = 0; i < n; i++)
        r->kind[i] = reads[i].kind;
}

static void port_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    (void)port, (void)ms, (void)fn, (void)ctx;
    fail();
}

/* Nothing but a data set. */
static void serve_round(void)
{
    struct round r = rounds[served++ % MOST];
    struct bl_str meta[] = {BL_STR("partitions"), bl_str_of(partitions),
                            BL_STR("hash_key"),   BL_STR("00112233445566778899aabbccddeeff"),
                            BL_STR("clock"),      BL_STR("live")};
    struct bl_read_reply reply[64] = {{0, NULL}};
    for (size_t i = 0; i < r.n; i++)
        if (r.kind[i] == BL_READ_META)
            reply[i] = (struct bl_read_reply){6, meta};
    r.fn(r.ctx, BL_OK, reply, r.n);
}

static void on_answer(void *ctx, const struct bl_answer *a)
{
    size_t i = (size_t)(uintptr_t)ctx;
    assert_false(answered[i]);
    answered[i] = true;
    errors[i] = a->err;
    assert_true(a->body.n < sizeof answers[i]);
    if (a->body.n)
        memcpy(answers[i], a->body.p, a->body.n);
    answers[i][a->body.n] = 0;
}

static const struct bl_reads port = {NULL, port_read, port_later, reads_still_connection, reads_still_now};
static struct bl_queries *queries;

static void ask(size_t i, enum bl_call call, const char *name, const char *value)
{
    static struct bl_query q;
    struct bl_problem problem;
    struct bl_query_pair pair = {bl_str_of(name), bl_str_of(value)};
    answered[i] = false;
    assert_int_equal(bl_query_parse(call, BL_STR(""), &pair, *name ? 1 : 0, &q, &problem), BL_OK);
    q.actor_n = 1;
    q.actor[0] = (char)('a' + i); /* nobody's answer depends on who asks */
    bl_query_run(queries, &q, on_answer, (void *)(uintptr_t)i);
}

static int begin(void **state)
{
    (void)state;
    asked = served = 0;
    partitions = "2";
    memset(answered, 0, sizeof answered);
    return bl_queries_new(&port, &queries) == BL_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(bl_queries_running(queries), 0);
    assert_int_equal(asked, served);
    bl_queries_free(queries);
    return 0;
}

static void serve_all(void)
{
    while (served < asked)
        serve_round();
}

static void who_asks_meanwhile_is_answered_by_the_next_reading(void **state)
{
    (void)state;
    ask(0, BL_CALL_PAGES, "limit", "5");
    size_t first = asked;
    ask(1, BL_CALL_PAGES, "limit", "5");
    ask(2, BL_CALL_PAGES, "limit", "5");
    assert_int_equal(asked, first); /* they wait */
    while (!answered[0])
        serve_round();
    assert_false(answered[1] || answered[2]); /* that reading began before they asked */
    size_t again = asked;
    assert_true(again > served);
    serve_all();
    assert_true(answered[1] && answered[2]);
    assert_string_equal(answers[1], answers[2]);
}

static void others_do_not_wait(void **state)
{
    (void)state;
    ask(0, BL_CALL_PAGES, "limit", "5");
    size_t first = asked;
    ask(1, BL_CALL_PAGES, "limit", "6");
    ask(2, BL_CALL_USERS, "", "");
    assert_int_equal(asked, first + 2);
    serve_all();
    assert_true(answered[0] && answered[1] && answered[2]);
}

static void a_failure_is_told_to_who_waited_for_it_alone(void **state)
{
    (void)state;
    ask(0, BL_CALL_PAGES, "", "");
    ask(1, BL_CALL_PAGES, "", "");
    struct round r = rounds[served++ % MOST];
    r.fn(r.ctx, BL_ERR_STORE_UNAVAILABLE, NULL, 0);
    assert_true(answered[0] && errors[0] == BL_ERR_STORE_UNAVAILABLE);
    assert_false(answered[1]);
    serve_all();
    assert_true(answered[1] && errors[1] == BL_OK);
}

static size_t lanes(const struct round *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->kind[i] == BL_READ_PATTERNS;
    return n;
}

static void a_data_set_made_anew_is_noticed(void **state)
{
    (void)state;
    ask(0, BL_CALL_PATTERNS, "", "");
    serve_all();
    ask(1, BL_CALL_PATTERNS, "", "");
    assert_int_equal(lanes(&rounds[(asked - 1) % MOST]), 2); /* goes by what is known */
    partitions = "3";
    serve_round();
    assert_false(answered[1]);
    assert_int_equal(lanes(&rounds[(asked - 1) % MOST]), 3); /* begins again */
    serve_all();
    assert_string_equal(answers[1], "[]");
    partitions = "0";
    ask(2, BL_CALL_PATTERNS, "", "");
    serve_all();
    assert_int_equal(errors[2], BL_ERR_STORE_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_meanwhile_is_answered_by_the_next_reading, begin, end),
        cmocka_unit_test_setup_teardown(others_do_not_wait, begin, end),
        cmocka_unit_test_setup_teardown(a_failure_is_told_to_who_waited_for_it_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_data_set_made_anew_is_noticed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
