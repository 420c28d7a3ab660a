/* Rules and explanations that come through the stream: what holds from which entry on, and what a data set keeps of it.
 */
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define QUICK   "{\"rules\":{\"hesitation\":{\"low\":2000,\"cooldown\":0}}}"
#define OFF     "{\"rules\":{\"hesitation\":{\"enabled\":false}}}"
#define RULES   "bl:{test:0}:rules"
#define CHANGES "bl:{test:0}:changes"

static void send_rules(int version, const char *settings)
{
    char json[512];
    snprintf(json, sizeof json, "{\"command\":\"rules\",\"version\":%d,\"settings\":%s}", version, settings);
    command(json);
}

static void send_explain(const char *id, const char *text)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{\"command\":\"explain\",\"pattern_id\":\"%s\",\"user_id\":\"u\",\"text\":\"%s\"}", id, text);
    command(json);
}

static void assert_in_effect(int version)
{
    assert_int_equal(bl_test_redis_int(&redis, "HGET " RULES " version"), version);
}

static void version_1_is_noted_with_the_first_commit(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/a", T0, "e1");
    drain();
    assert_in_effect(1);
    assert_int_equal(bl_test_redis_int(&redis, "HEXISTS " RULES " since:1"), 0);
    stop_rig(&g);
}

/* A deadline that is set stays; from the user's next event on the new rules hold. */
static void other_rules_hold_from_their_entry_on(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    add("before", "page_view", "/a", T0, "e1");
    send_rules(2, QUICK);
    add("after", "page_view", "/a", T0, "e2");
    tick(T0 + 2000);
    drain();
    assert_in_effect(2);
    char *id = newest_pattern();
    assert_non_null(id);
    assert_field(id, "user_id", "after");
    assert_field(id, "explanation", "User paused for 2 seconds on /a without taking action.");
    assert_int_equal(counter("patterns"), 1);
    tick(T0 + 10000);
    drain();
    assert_int_equal(counter("patterns"), 2); /* `before`, when it had been set */
    free(id);
    stop_rig(&g);
}

static void the_next_owner_goes_on_with_them(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    send_rules(2, OFF);
    drain();
    stop_rig(&g);
    start_rig(&g, true, 1000); /* its own rules are the defaults */
    add("u", "page_view", "/a", T0, "e1");
    tick(T0 + 60000);
    drain();
    assert_int_equal(counter("patterns"), 0);
    assert_in_effect(2);
    stop_rig(&g);
}

static void an_older_or_equal_version_changes_nothing(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    send_rules(3, OFF);
    send_rules(3, QUICK);
    send_rules(2, QUICK);
    send_rules(1, QUICK);
    add("u", "page_view", "/a", T0, "e1");
    tick(T0 + 60000);
    drain();
    assert_int_equal(counter("patterns"), 0);
    assert_int_equal(counter("quarantined"), 0);
    assert_in_effect(3);
    char *since = bl_test_redis_text(&redis, "HGET " RULES " since:3");
    redisReply *first = bl_test_redis(&redis, "XRANGE " EVENTS " - + COUNT 1");
    assert_string_equal(since, first->element[0]->element[0]->str);
    freeReplyObject(first);
    free(since);
    stop_rig(&g);
}

static void rules_that_cannot_be_read_are_set_aside(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    send_rules(2, "{\"rules\":{\"hesitation\":{\"low\":1}}}");
    send_rules(3, "{\"twin\":\"\"}");
    add("u", "page_view", "/a", T0, "e1");
    tick(T0 + 10000);
    drain();
    assert_int_equal(counter("quarantined"), 2);
    assert_in_effect(1);
    assert_int_equal(counter("patterns"), 1);
    stop_rig(&g);
}

/* Spoilt by hand: the worker's own must do, and the version still counts. */
static void noted_rules_that_cannot_be_read_do_no_harm(void **state)
{
    static const char *const bad[] = {"", "]{", "{\"twin\":-1}", "{\"rules\":{\"hesitation\":null}}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig g;
        char id[8];
        freeReplyObject(bl_test_redis(&redis, "HSET " RULES " version 5 at 0 settings %s", bad[i]));
        start_rig(&g, true, 1000);
        send_rules(5, OFF);
        snprintf(id, sizeof id, "e%zu", i);
        add(id, "page_view", "/a", T0 + (int64_t)i * 100000, id);
        tick(T0 + (int64_t)i * 100000 + 10000);
        drain();
        assert_int_equal(counter("patterns"), i + 1);
        assert_in_effect(5);
        stop_rig(&g);
    }
}

static void without_rules_nobody_works(void **state)
{
    struct rig g;
    (void)state;
    freeReplyObject(bl_test_redis(&redis, "DEL bl:test:rules"));
    start_rig(&g, true, 1000);
    add("u", "page_view", "/a", T0, "e1");
    while (bl_test_redis_int(&redis, "EXISTS bl:{test:0}:fence") == 0) /* it has tried */
        turn();
    for (int i = 0; i < 50; i++)
        turn();
    assert_int_equal(bl_worker_totals(g.worker)->takeovers, 0);
    freeReplyObject(bl_test_redis(&redis, "XADD bl:test:rules * version 1 at 0 source test settings " OFF));
    drain();
    assert_in_effect(1);
    stop_rig(&g);
}

static int changes_of(const char *change)
{
    redisReply *list = bl_test_redis(&redis, "XRANGE " CHANGES " - +");
    int n = 0;
    for (size_t i = 0; i < list->elements; i++)
        n += strcmp(list->element[i]->element[1]->element[1]->str, change) == 0;
    freeReplyObject(list);
    return n;
}

static void an_explanation_is_a_column_and_a_change(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    for (int i = 0; i < 3; i++)
        add("u", "page_view", "/a", T0 + i * 1000, (const char *const[]){"e1", "e2", "e3"}[i]);
    drain();
    char *id = newest_pattern();
    send_explain(id, "Cannot find \\\"it\\\".");
    send_explain("00000000000000000000000000000000", "Nobody.");
    drain();
    assert_field(id, "ai_explanation", "Cannot find \"it\".");
    assert_field(id, "updated_at", "1700000002000");
    assert_field(id, "severity", "medium");
    assert_int_equal(changes_of("explained"), 1);
    assert_int_equal(changes_of("raised"), 0);
    assert_int_equal(counter("patterns"), 1);
    assert_int_equal(counter("open"), 1);
    assert_int_equal(counter("severity:medium"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:pattern:00000000000000000000000000000000"),
                     0);
    /* A raise and the end leave it alone; a later explanation takes its place. */
    add("u", "page_view", "/a", T0 + 3000, "e4");
    tick(T0 + 200000);
    drain();
    assert_field(id, "severity", "high");
    assert_field(id, "resolved", "true");
    assert_field(id, "ai_explanation", "Cannot find \"it\".");
    send_explain(id, "Gave up.");
    drain();
    assert_field(id, "ai_explanation", "Gave up.");
    assert_field(id, "resolved", "true");
    assert_int_equal(counter("severity:high"), 2 /* and the hesitation */);
    free(id);
    stop_rig(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(version_1_is_noted_with_the_first_commit),
        TEST(other_rules_hold_from_their_entry_on),
        TEST(the_next_owner_goes_on_with_them),
        TEST(an_older_or_equal_version_changes_nothing),
        TEST(rules_that_cannot_be_read_are_set_aside),
        TEST(noted_rules_that_cannot_be_read_do_no_harm),
        TEST(without_rules_nobody_works),
        TEST(an_explanation_is_a_column_and_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
