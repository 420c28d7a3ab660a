/* What a query reads, and in how many rounds: a list only those patterns that have changed since one was shown, and never
 * an older form than there was when it was asked for; metrics all at once. */
#include "bl/app/query.h"
#include "reads_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ASKERS 64

/* ---- who asks ---- */

static struct asker {
    bool busy;
    bool filtered;
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
            const char *row = strstr(answer, reads_store_id_of(p, i).p),
                       *text = row ? strstr(row, ":\"v") : NULL;
            shown += row != NULL;
            if (text && a->filtered && atoi(text + 3) == 0)
                fail_msg("pattern %d of %d is shown as it was before it passed", i, p);
            if (text && (atoi(text + 3) < a->least[p][i] || atoi(text + 3) > reads_store.version[p][i]))
                fail_msg("pattern %d of %d is shown as %.6s, is %d, was %d when it was asked for", i, p, text,
                         reads_store.version[p][i], a->least[p][i]);
        }
    assert_true(shown > 0 || a->filtered);
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

/* `filtered`: only patterns that have changed pass. */
static void ask(enum bl_call call, const char *limit, bool filtered)
{
    static struct bl_query q;
    struct bl_problem problem;
    struct bl_query_pair pair[] = {{BL_STR("limit"), bl_str_of(limit)}, {BL_STR("resolved"), BL_STR("true")}};
    size_t i = 0;
    while (i < ASKERS && askers[i].busy)
        i++;
    assert_true(i < ASKERS);
    askers[i].busy = true;
    askers[i].filtered = filtered;
    memcpy(askers[i].least, reads_store.version, sizeof reads_store.version);
    assert_int_equal(bl_query_parse(call, BL_STR(""), pair,
                                    filtered ? 2
                                    : *limit ? 1
                                             : 0,
                                    &q, &problem),
                     BL_OK);
    bl_query_run(queries, &q, on_answer, &askers[i]);
}

static size_t rounds_of(enum bl_call call, const char *limit)
{
    size_t before = reads_store.asked, answered = answers;
    reads_store.patterns_read = 0;
    ask(call, limit, false);
    while (answers == answered) {
        reads_store_serve();
        reads_store_hear();
    }
    return reads_store.asked - before;
}

static int begin(void **state)
{
    (void)state;
    memset(askers, 0, sizeof askers);
    answers = 0;
    reads_store_begin();
    return bl_queries_new(&reads_store_port, &queries) == BL_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(bl_queries_running(queries), 0);
    assert_int_equal(reads_store.asked, reads_store.heard);
    bl_queries_free(queries);
    return 0;
}

/* ---- lists ---- */

static void only_what_changed_is_read_again(void **state)
{
    (void)state;
    for (int p = 0; p < PARTITIONS; p++)
        reads_store_change(p, 0);
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 3); /* what data set, which patterns, these */
    assert_int_equal(reads_store.patterns_read, 10);
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 1);
    assert_int_equal(reads_store.patterns_read, 0);
    reads_store_change(1, PATTERNS - 2);
    reads_store_change(1, 0); /* not in the list */
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "10"), 2);
    assert_int_equal(reads_store.patterns_read, 1);
    assert_non_null(strstr(answer, ":\"v1\""));
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "20"), 2);
    assert_int_equal(reads_store.patterns_read, 10); /* those that no list has shown */
}

static void after_many_changes_a_partition_is_read_anew(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    for (int i = 0; i < 40; i++)
        reads_store_change(0, i == 0 ? PATTERNS - 1 : 0); /* what changed first is no longer told */
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 5);
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 0);
}

static void what_was_written_past_the_worker_is_seen_in_two_seconds(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    reads_store.process_ms += 999;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 0);
    reads_store.version[0][PATTERNS - 1]++; /* the feed does not tell */
    reads_store.process_ms += 1001;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 10);
}

static void what_has_been_kept_for_long_is_read_anew(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    reads_store.process_ms += 500;
    rounds_of(BL_CALL_PATTERNS, "20");
    assert_int_equal(reads_store.patterns_read, 10);
    reads_store.process_ms += 500;
    rounds_of(BL_CALL_PATTERNS, "10"); /* the cache has just been tidied when the others come due */
    assert_int_equal(reads_store.patterns_read, 10);
    reads_store.process_ms += 600;
    rounds_of(BL_CALL_PATTERNS, "20");
    assert_int_equal(reads_store.patterns_read, 10);
}

static void nothing_is_kept_from_a_connection_before(void **state)
{
    (void)state;
    reads_store_change(0, PATTERNS - 1);
    rounds_of(BL_CALL_PATTERNS, "10");
    reads_store_fail_over();
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 10);
}

static void nothing_is_kept_where_the_feed_does_not_go_on(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        reads_store_change(i % 2, PATTERNS - 1);
    rounds_of(BL_CALL_PATTERNS, "10");
    reads_store_take_back(0); /* the last that was heard, and another in its place */
    reads_store_change(0, PATTERNS - 2);
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 5);
    reads_store_change(1, PATTERNS - 1);
    reads_store.feed_from[1] = reads_store.feed_n[1];
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 5);
}

static void nothing_is_kept_from_another_data_set(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    reads_store.hash_key = "ffeeddccbbaa99887766554433221100";
    reads_store.version[0][PATTERNS - 1]++;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(reads_store.patterns_read, 10);
}

static void nonsense_in_a_feed_only_makes_a_list_dearer(void **state)
{
    static const char *const texts[][8] = {{"x", "0"},
                                           {"1-0"},
                                           {"1-0", "-1"},
                                           {"1-0", "99999999999999999999"},
                                           {"1-0", "4", "pattern_id"},
                                           {"", "0"},
                                           {"9999999999999999999999999999999999999999999999999999-0", "0"}};
    (void)state;
    reads_store_change(0, PATTERNS - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        reads_store.nonsense = NULL;
        rounds_of(BL_CALL_PATTERNS, "10");
        reads_store.nonsense = texts[i];
        rounds_of(BL_CALL_PATTERNS, "10");
        assert_int_equal(reads_store.patterns_read, 10);
    }
}

static void what_a_later_round_lets_pass_is_shown_as_it_passed(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "40");
    size_t answered = answers;
    ask(BL_CALL_PATTERNS, "3", true);
    reads_store_serve();
    reads_store_hear();
    assert_int_equal(answers, answered);
    reads_store_change(0, PATTERNS - 8); /* not among the first four of its partition */
    while (answers == answered) {
        reads_store_serve();
        reads_store_hear();
    }
    assert_non_null(strstr(answer, ":\"v1\""));
}

static void two_that_share_a_place_are_not_taken_for_each_other(void **state)
{
    (void)state;
    reads_store.sharing = true;
    reads_store_change(0, PATTERNS - 1);
    rounds_of(BL_CALL_PATTERNS, "40");
    rounds_of(BL_CALL_PATTERNS, "40");
    assert_in_range(reads_store.patterns_read, 1, 39);
    reads_store_change(0, PATTERNS - 2);
    rounds_of(BL_CALL_PATTERNS, "40");
}

static void what_is_large_is_not_kept(void **state)
{
    (void)state;
    reads_store.wordy = true;
    rounds_of(BL_CALL_PATTERNS, "2");
    rounds_of(BL_CALL_PATTERNS, "2");
    assert_int_equal(reads_store.patterns_read, 2);
}

static void a_list_shorter_than_there_are_partitions_does_not_ask_the_feeds(void **state)
{
    (void)state;
    rounds_of(BL_CALL_PATTERNS, "10");
    assert_int_equal(rounds_of(BL_CALL_PATTERNS, "1"), 2);
    assert_int_equal(reads_store.patterns_read, 1);
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
    reads_store.sharing = true;
    for (int step = 0; step < 20000; step++) {
        int what = drawn(&seed, 100);
        if (what < 15 && reads_store.feed_n[0] < FEED && reads_store.feed_n[1] < FEED)
            reads_store_change(drawn(&seed, PARTITIONS), PATTERNS - 1 - drawn(&seed, 5));
        else if (what < 45 && reads_store.asked - reads_store.heard < ROUNDS / 2 &&
                 lists - answers < ASKERS / 2) {
            ask(BL_CALL_PATTERNS, limits[drawn(&seed, 5)], drawn(&seed, 3) == 0);
            lists++;
        } else if (what < 72 && reads_store.served < reads_store.asked)
            reads_store_serve();
        else if (what < 99 && reads_store.heard < reads_store.served)
            reads_store_hear();
        else
            reads_store.process_ms += drawn(&seed, 50);
        if (what == 99 && drawn(&seed, 20) == 0)
            reads_store_fail_over();
    }
    while (reads_store.heard < reads_store.asked) {
        if (reads_store.served < reads_store.asked)
            reads_store_serve();
        reads_store_hear();
    }
    assert_true(lists > 1000 && answers > 500);
}

/* ---- metrics ---- */

static void metrics_are_one_round_once_the_time_is_known(void **state)
{
    (void)state;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 3); /* what data set, what time, all else */
    reads_store.process_ms += 60000;
    reads_store.store_ms += 60099;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 1);
    assert_non_null(strstr(answer, "\"as_of\":1700000060099")); /* what it is, not what it was taken for */
    reads_store.process_ms += 1000;
    reads_store.store_ms += 1100;
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
    assert_non_null(strstr(answer, "\"as_of\":1700000061199"));
    reads_store.process_ms += 1000;
    reads_store.store_ms -= 5000; /* of another store, say */
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
    assert_non_null(strstr(answer, "\"as_of\":1700000056199"));
}

static void the_clock_of_events_is_never_guessed(void **state)
{
    (void)state;
    reads_store.clock_mode = "event";
    rounds_of(BL_CALL_METRICS, "");
    assert_int_equal(rounds_of(BL_CALL_METRICS, ""), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_changed_is_read_again, begin, end),
        cmocka_unit_test_setup_teardown(after_many_changes_a_partition_is_read_anew, begin, end),
        cmocka_unit_test_setup_teardown(what_was_written_past_the_worker_is_seen_in_two_seconds, begin, end),
        cmocka_unit_test_setup_teardown(what_has_been_kept_for_long_is_read_anew, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_kept_from_a_connection_before, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_kept_where_the_feed_does_not_go_on, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_kept_from_another_data_set, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_in_a_feed_only_makes_a_list_dearer, begin, end),
        cmocka_unit_test_setup_teardown(what_a_later_round_lets_pass_is_shown_as_it_passed, begin, end),
        cmocka_unit_test_setup_teardown(two_that_share_a_place_are_not_taken_for_each_other, begin, end),
        cmocka_unit_test_setup_teardown(what_is_large_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_list_shorter_than_there_are_partitions_does_not_ask_the_feeds,
                                        begin, end),
        cmocka_unit_test_setup_teardown(no_list_is_older_than_its_question, begin, end),
        cmocka_unit_test_setup_teardown(metrics_are_one_round_once_the_time_is_known, begin, end),
        cmocka_unit_test_setup_teardown(the_clock_of_events_is_never_guessed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
