/* Who is due in the store: by `deadlines`, or because the last event was half an hour ago (app/ports.h). Event time, where
 * there is no grace. */
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEADLINES "bl:{test:0}:deadlines"
#define ACTIVE    "bl:{test:0}:active"
#define MINUTE    60000LL
#define NOT_THERE (-1)

static long long score(const char *key, const char *user)
{
    redisReply *r = bl_test_redis(&redis, "ZSCORE %s %s", key, user);
    long long ms = r->type == REDIS_REPLY_NIL ? NOT_THERE : strtoll(r->str, NULL, 10);
    freeReplyObject(r);
    return ms;
}

static void send_timeout(int version, long long ms)
{
    char json[200];
    snprintf(json, sizeof json,
             "{\"command\":\"rules\",\"version\":%d,\"settings\":{\"session-timeout\":%lld}}", version, ms);
    command(json);
}

/* Has nothing to come but the end of the session, which resolves one pattern. */
static void comes(const char *user, long long ms)
{
    char id[2][40];
    snprintf(id[0], sizeof id[0], "%s-1", user);
    snprintf(id[1], sizeof id[1], "%s-2", user);
    add(user, "dead_click", "/a", ms, id[0]);
    add(user, "tab_hidden", "/a", ms, id[1]);
}

static int64_t ended(void)
{
    return counter("patterns") - counter("open");
}

static void gives_the_partition_up(struct rig *g)
{
    drain();
    stop_rig(g);
    start_rig(g, true, 100000);
}

static void ends_at(const char *user, long long ms)
{
    int64_t before = ended();
    tick(ms - 1);
    drain();
    assert_int_equal(ended(), before);
    assert_true(score(ACTIVE, user) != NOT_THERE);
    tick(ms);
    drain();
    assert_int_equal(ended(), before + 1);
    assert_int_equal(score(ACTIVE, user), NOT_THERE); /* in event time nothing is left */
    assert_int_equal(score(DEADLINES, user), NOT_THERE);
}

static void who_waits_for_the_end_of_the_session_has_no_deadline_in_the_store(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    comes("u", T0);
    add("v", "page_view", "/a", T0, "e");
    drain();
    assert_int_equal(score(DEADLINES, "u"), NOT_THERE);
    assert_int_equal(score(DEADLINES, "v"), T0 + 10000); /* hesitation */
    tick(T0 + 10000);
    drain();
    assert_int_equal(score(DEADLINES, "v"), T0 + 15000);
    tick(T0 + 30000);
    drain();
    assert_int_equal(score(DEADLINES, "v"), NOT_THERE);
    assert_int_equal(score(ACTIVE, "v"), T0);
    int64_t before = ended();
    gives_the_partition_up(&g);
    tick(T0 + 30 * MINUTE);
    drain();
    assert_int_equal(ended(), before + 2);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " ACTIVE " " DEADLINES " bl:{test:0}:user:u"), 0);
    stop_rig(&g);
}

static void sessions_end_for_who_is_at_hand_and_for_who_is_not(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    comes("u", T0);
    drain();
    ends_at("u", T0 + 30 * MINUTE);
    comes("v", T0 + 30 * MINUTE);
    gives_the_partition_up(&g);
    ends_at("v", T0 + 60 * MINUTE);
    stop_rig(&g);
}

static void another_timeout_has_its_place_among_the_deadlines(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    send_timeout(2, 10 * MINUTE);
    comes("short", T0);
    drain();
    assert_int_equal(score(DEADLINES, "short"), T0 + 10 * MINUTE);
    gives_the_partition_up(&g);
    ends_at("short", T0 + 10 * MINUTE);
    send_timeout(3, 90 * MINUTE);
    comes("long", T0 + 10 * MINUTE);
    drain();
    assert_int_equal(score(DEADLINES, "long"), NOT_THERE); /* yet */
    gives_the_partition_up(&g);
    tick(T0 + 40 * MINUTE);
    drain();
    assert_int_equal(score(DEADLINES, "long"), T0 + 100 * MINUTE);
    gives_the_partition_up(&g);
    ends_at("long", T0 + 100 * MINUTE);
    stop_rig(&g);
}

/* What is due stays due; whether it still is one is then for the rules of that time to say (core/engine.c). */
static void a_change_of_rules_leaves_nobody_behind(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    comes("a", T0);
    comes("b", T0 + 25 * MINUTE);
    send_timeout(2, 5 * MINUTE); /* shorter: `a` would have ended long ago */
    comes("c", T0 + 26 * MINUTE);
    gives_the_partition_up(&g);
    ends_at("a", T0 + 30 * MINUTE);
    send_timeout(3, 120 * MINUTE); /* longer */
    comes("d", T0 + 30 * MINUTE);
    gives_the_partition_up(&g);
    tick(T0 + 60 * MINUTE); /* by now `b` and `c` would have ended: they are looked at, and have more time */
    drain();
    assert_int_equal(ended(), 1);
    send_timeout(4, 30 * MINUTE);
    gives_the_partition_up(&g);
    ends_at("b", T0 + 145 * MINUTE);
    ends_at("c", T0 + 146 * MINUTE);
    ends_at("d", T0 + 150 * MINUTE);
    stop_rig(&g);
}

/* More than a round takes, before its time and at it; and nothing twice. */
static void very_many_end_at_one_time(void **state)
{
    (void)state;
    struct rig g;
    char user[16];
    const int n = 6000;
    start_rig(&g, true, 100000);
    for (int i = 0; i < n; i++) {
        snprintf(user, sizeof user, "u%d", i);
        comes(user, T0 + (i < 1000 ? i : 1000));
    }
    gives_the_partition_up(&g);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " DEADLINES), 0);
    tick(T0 + 30 * MINUTE + 999);
    drain();
    assert_int_equal(ended(), 1000);
    tick(T0 + 40 * MINUTE);
    drain();
    assert_int_equal(ended(), n);
    assert_int_equal(counter("open"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " ACTIVE " " DEADLINES), 0);
    stop_rig(&g);
}

/* As the version before did, which gave everybody a place among the deadlines. */
static void places_of_an_older_version_do_no_harm(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    comes("u", T0);
    comes("v", T0);
    drain();
    stop_rig(&g);
    freeReplyObject(bl_test_redis(&redis, "ZADD " DEADLINES " %lld u %lld v", T0 + 10000, T0 + 30 * MINUTE));
    start_rig(&g, true, 1000);
    tick(T0 + 10000);
    drain();
    assert_int_equal(score(DEADLINES, "u"), NOT_THERE);
    tick(T0 + 30 * MINUTE);
    drain();
    assert_int_equal(ended(), 2);
    assert_int_equal(counter("patterns"), 2);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " ACTIVE " " DEADLINES), 0);
    stop_rig(&g);
}

/* His state was removed by hand. */
static void who_has_no_state_is_not_kept_among_the_active(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    comes("u", T0);
    drain();
    stop_rig(&g);
    freeReplyObject(bl_test_redis(&redis, "DEL bl:{test:0}:user:u"));
    start_rig(&g, true, 1000);
    tick(T0 + 30 * MINUTE);
    drain();
    assert_int_equal(score(ACTIVE, "u"), NOT_THERE);
    stop_rig(&g);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_waits_for_the_end_of_the_session_has_no_deadline_in_the_store),
        STORY(sessions_end_for_who_is_at_hand_and_for_who_is_not),
        STORY(another_timeout_has_its_place_among_the_deadlines),
        STORY(a_change_of_rules_leaves_nobody_behind),
        STORY(very_many_end_at_one_time),
        STORY(places_of_an_older_version_do_no_harm),
        STORY(who_has_no_state_is_not_kept_among_the_active),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
