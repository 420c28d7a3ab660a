/* Under load users are stored behind the rest, on a real Redis: what the store says of it, and when they catch up. */
#include "behind.h"
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Somebody new, of whom that is not there yet. */
static void until_somebody_waits(char user[16], bool (*is_there)(const char *user))
{
    for (int i = 0;; i++) {
        until_behind();
        snprintf(user, 16, "new-%d", i);
        go_round(user);
        follow();
        if (!is_there(user) && is_behind())
            return; /* else the machine was slow: they have caught up meanwhile */
        assert_true(in_time());
    }
}

static bool is_stored(const char *user)
{
    return stored(user);
}

static void under_load_users_are_left_behind_and_all_else_is_there(void **state)
{
    struct rig g;
    char user[16];
    (void)state;
    start_rig(&g, false, IDS);
    until_somebody_waits(user, is_stored);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD " P "patterns:user:%s", user), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "active %s", user), -1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "deadlines %s", user), -1);
    assert_int_equal(counter("events"), number);
    assert_int_equal(counter("duplicates"), added() - number);
    assert_int_equal(counter("patterns"), bl_test_redis_int(&redis, "ZCARD " P "patterns"));
    assert_int_equal(
        bl_test_redis_int(&redis, "EVAL %s 1 " EVENTS, "return redis.call('XPENDING', KEYS[1], 'core')[1]"),
        0);
    /* The place is that of an entry, and that many lie between. */
    char *users_id = bl_test_redis_text(&redis, "HGET " P "position users_id");
    redisReply *from = bl_test_redis(&redis, "XRANGE " EVENTS " - %s", users_id);
    assert_int_equal(from->elements, place("users_entries"));
    assert_string_equal(from->element[from->elements - 1]->element[0]->str, users_id);
    assert_int_equal(strtoll(users_id, NULL, 10), place("users_clock_ms"));
    assert_true(place("users_entries") < place("entries"));
    freeReplyObject(from);
    free(users_id);
    stop_rig(&g);
}

static long long ids_seen(void)
{
    redisReply *all = bl_test_redis(&redis, "LRANGE " P "seen 0 -1");
    long long n = 0;
    for (size_t i = 0; i < all->elements; i++)
        for (const char *at = all->element[i]->str; (at = strchr(at, ' ')); at++)
            n++;
    freeReplyObject(all);
    return n;
}

static void users_catch_up_when_nothing_is_unread(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    assert_true(ids_seen() < number);
    does("last", "page_view", "/a");
    follow();
    until_caught_up();
    assert_int_equal(stored("last"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "active last"), at_ms);
    assert_int_equal(place("users_clock_ms"), -1);
    assert_int_equal(place("users_entries"), -1);
    assert_int_equal(place("entries"), added()); /* no tick was needed for it */
    assert_int_equal(ids_seen(), number);
    stop_rig(&g);
}

static bool recent_has(const char *user)
{
    return bl_test_redis_int(&redis, "EVAL %s 1 " P "recent %s",
                             "for _, v in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do "
                             "if v:find(ARGV[1], 1, true) then return 1 end end return 0",
                             user) == 1;
}

static void assert_id(const char *line, int id)
{
    static const char before[] = "\"event_id\":\"e";
    const char *at = strstr(line, before);
    assert_non_null(at);
    assert_int_equal(atoi(at + sizeof before - 1), id);
}

/* The newest recent events are what was sent last, `least` of them and more: in order, each once, none missing, and nobody's whose
 * ids are not from `number`. */
static void assert_recent(int least)
{
    redisReply *list = bl_test_redis(&redis, "LRANGE " P "recent 0 -1");
    int n = 0;
    for (size_t i = 0; i < list->elements; i++)
        for (char *all = list->element[i]->str, *end = all; end; n++) { /* the latest line is the last */
            end = strrchr(all, '\n');
            assert_id(end ? end + 1 : all, number - 1 - n);
            if (end)
                *end = '\0';
        }
    assert_in_range(n, least, number);
    freeReplyObject(list);
}

static void recent_events_wait_for_the_checkpoint(void **state)
{
    struct rig g;
    char user[16];
    (void)state;
    start_rig(&g, false, IDS);
    until_somebody_waits(user, recent_has);
    until_caught_up();
    assert_true(recent_has(user));
    assert_recent(number < 100 ? number : 100);
    for (int many = 30; many < 1000; many *= 3) { /* 100 are kept */
        until_behind();
        for (int i = 0; i < many; i++)
            browse();
        follow();
        until_caught_up();
        assert_recent(100);
        assert_true(bl_test_redis_int(&redis, "LLEN " P "recent") <= 100);
    }
    stop_rig(&g);
}

/* Few or many wait for the checkpoint then, and the list has more of his. */
static void who_is_erased_leaves_no_recent_events_that_wait(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    for (int many = 4; many < 400; many *= 5) {
        char user[32];
        snprintf(user, sizeof user, "gone-%d", many);
        send_as(user, "click", "/a", 1000000 + many);
        follow();
        until_caught_up();
        until_behind();
        for (int i = 0; i < many; i++) {
            browse();
            if (i % 3 == 0)
                send_as(user, "click", "/b", 2000000 + 1000 * many + i);
        }
        follow();
        erase(user, "erase");
        follow();
        assert_false(recent_has(user));
        assert_recent(1);
        browse();
        follow();
        until_caught_up();
        assert_recent(many / 2);
    }
    stop_rig(&g);
}

static void nobody_is_behind_by_more_than_the_bound(void **state)
{
    struct rig g;
    (void)state;
    behind_ms = 50; /* seven entries */
    start_rig(&g, false, IDS);
    until_behind();
    for (int i = 0; i < 300; i++) {
        browse();
        follow();
        if (is_behind())
            assert_in_range(place("clock_ms") - place("users_clock_ms"), 1, behind_ms + 2 * 7);
    }
    stop_rig(&g);
}

static void who_may_not_be_behind_never_is(void **state)
{
    struct rig g;
    (void)state;
    behind_ms = 0;
    start_rig(&g, false, IDS);
    uint64_t since = uv_hrtime();
    while (uv_hrtime() - since < SECOND * 1000000ULL) { /* several looks at the load */
        browse();
        follow();
        assert_false(is_behind());
    }
    stop_rig(&g);
}

static void little_is_no_load(void **state)
{
    struct rig g;
    (void)state;
    calm_bytes = SIZE_MAX;
    start_rig(&g, false, IDS);
    uint64_t since = uv_hrtime();
    while (uv_hrtime() - since < SECOND * 1000000ULL) {
        browse();
        follow();
        assert_false(is_behind());
    }
    stop_rig(&g);
}

static void who_gives_a_partition_back_leaves_nobody_behind(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    does("last", "page_view", "/a");
    follow();
    stop_rig(&g);
    assert_false(is_behind());
    assert_int_equal(stored("last"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "lease"), 0);
    assert_int_equal(place("entries"), added());
}

static void a_command_is_a_checkpoint(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    go_round("resolved");
    follow();
    char *id = newest_pattern();
    resolve_newest();
    follow();
    assert_false(is_behind());
    assert_int_equal(stored("resolved"), 1);
    assert_field(id, "resolution", "manual");
    free(id);
    until_behind();
    go_round("erased");
    does("stays", "click", "/a");
    follow();
    erase("erased", "erase");
    follow();
    assert_false(is_behind());
    assert_int_equal(stored("erased"), 0);
    assert_int_equal(stored("stays"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "patterns:user:erased"), 0);
    stop_rig(&g);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup_behind, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(under_load_users_are_left_behind_and_all_else_is_there),
        STORY(users_catch_up_when_nothing_is_unread),
        STORY(recent_events_wait_for_the_checkpoint),
        STORY(who_is_erased_leaves_no_recent_events_that_wait),
        STORY(nobody_is_behind_by_more_than_the_bound),
        STORY(who_may_not_be_behind_never_is),
        STORY(little_is_no_load),
        STORY(who_gives_a_partition_back_leaves_nobody_behind),
        STORY(a_command_is_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
