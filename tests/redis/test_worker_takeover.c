/* An owner dies while users are stored behind the rest, on a real Redis: the next one makes them of the stream, nothing is
 * lost, and nothing told twice. What is stored in the end is what the same entries give undisturbed. */
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

/* What is stored, but for who worked, when, how lists were cut, and how early deadlines are looked at, which are written
 * lazily; of the feed and the like without ids. */
static char *all_that_is_stored(void)
{
    static const char script[] =
        "local t = {} for _, k in ipairs(redis.call('KEYS', 'bl:{*')) do local v = {} "
        "local f = redis.call('TYPE', k).ok "
        "if f == 'hash' and not k:find(':position') then local h = redis.call('HGETALL', k) "
        "for i = 1, #h, 2 do v[#v + 1] = h[i] .. '=' .. h[i + 1] end table.sort(v) "
        "elseif k:find(':position') then v = redis.call('HMGET', k, 'id', 'clock_ms', 'entries') "
        "elseif f == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') "
        "elseif k:find(':seen') then for _, e in ipairs(redis.call('LRANGE', k, 0, -1)) do "
        "local ms for w in e:gmatch('%S+') do if ms then v[#v + 1] = ms .. ' ' .. w else ms = w end end end "
        "elseif f == 'list' then local all = redis.call('LRANGE', k, 0, -1) "
        "for i = #all, 1, -1 do for w in all[i]:gmatch('[^\\n]+') do v[#v + 1] = w end end "
        "v = {unpack(v, math.max(#v - 99, 1))} " /* the rest is kept because lists are cut between elements */
        "elseif f == 'stream' then for _, e in ipairs(redis.call('XRANGE', k, '-', '+')) do "
        "v[#v + 1] = table.concat(e[2], ',') end end "
        "if not (k:find(':lease') or k:find(':fence') or k:find(':rate') or k:find(':deadlines')) then "
        "t[#t + 1] = k .. ' ' .. table.concat(v, ' ') end end table.sort(t) return table.concat(t, '\\n')";
    return bl_test_redis_text(&redis, "EVAL %s 0", script);
}

static void assert_same(const char *have, const char *want)
{
    while (strcmp(have, want) != 0) {
        size_t a = strcspn(have, "\n"), b = strcspn(want, "\n");
        if (a != b || memcmp(have, want, a) != 0)
            fail_msg("stored is\n%.*s\nundisturbed it is\n%.*s", (int)(a < 2000 ? a : 2000), have,
                     (int)(b < 2000 ? b : 2000), want);
        have += a + (have[a] != '\0');
        want += b + (want[b] != '\0');
    }
}

/* Somebody takes over who stores users with each commit; then one who has nothing but what is stored of deadlines. */
static char *go_on(void)
{
    struct rig g;
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
    assert_false(is_behind());
    return all_that_is_stored();
}

/* Where everybody was seen last under load depends on what the load was, by some seconds: they come once more. */
static void come_once_more(void)
{
    char user[16];
    for (int i = 0; i < USERS; i++) {
        snprintf(user, sizeof user, "u%d", i);
        does(user, "page_view", "/end");
    }
    at_ms += 40 * SECOND;
    append("tick", "1");
}

static char *state_of(const char *user)
{
    return bl_test_redis_text(
        &redis, "EVAL %s 1 " P "user:%s",
        "local h, v = redis.call('HGETALL', KEYS[1]), {} for i = 1, #h, 2 do "
        "v[#v + 1] = h[i] .. '=' .. h[i + 1] end table.sort(v) return table.concat(v, ' ')",
        user);
}

static void append_again(redisReply *const *entry)
{
    redisReply *const *field = entry[1]->element;
    freeReplyObject(
        bl_test_redis(&redis, "XADD " EVENTS " %s %s %s", entry[0]->str, field[0]->str, field[1]->str));
}

static void assert_nothing_is_lost(void **state)
{
    calm_bytes = SIZE_MAX;
    come_once_more();
    char *then = go_on();
    at_ms += 2 * HOUR_MS;
    append("tick", "1"); /* all sessions end */
    char *last = go_on();
    redisReply *all = bl_test_redis(&redis, "XRANGE " EVENTS " - +");
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    for (size_t i = 0; i + 1 < all->elements; i++)
        append_again(all->element[i]->element);
    char *undisturbed = go_on();
    assert_true(strlen(undisturbed) > 10000);
    assert_same(then, undisturbed);
    free(undisturbed);
    append_again(all->element[all->elements - 1]->element);
    undisturbed = go_on();
    assert_same(last, undisturbed);
    free(undisturbed);
    free(then);
    free(last);
    freeReplyObject(all);
}

/* Leaves so many entries to be gone through again; some are events that were there, of before and of since. */
static void dies_behind(int least)
{
    do {
        pid_t pid = start_rig_apart(false, IDS);
        do {
            assert_true(in_time());
            browse();
            while (place("entries") < added())
                assert_true(in_time());
            if (is_behind() && number % 5 == 0)
                send_as("u1", "click", "/again", number - 2);
        } while (!is_behind() || place("entries") - place("users_entries") < least);
        kill_rig(pid);
    } while (!is_behind()); /* it may have stored them just before it died */
}

static void nothing_is_lost_with_an_owner_that_dies(void **state)
{
    dies_behind(200);
    assert_nothing_is_lost(state);
}

static void nor_with_one_after_the_other(void **state)
{
    for (int i = 0; i < 4; i++)
        dies_behind(30);
    assert_nothing_is_lost(state);
}

static void nor_with_commands_in_between(void **state)
{
    dies_behind(60);
    resolve_newest();
    erase("u3", "erase");
    dies_behind(60);
    erase("u3", "readmit");
    append("command", "{\"command\":\"rules\",\"version\":2,\"settings\":{\"session-timeout\":600000}}");
    resolve_newest();
    dies_behind(60);
    assert_nothing_is_lost(state);
}

/* Deadlines fire while users are behind, more than are told of at a time. */
static void nor_what_came_due(void **state)
{
    char user[16];
    for (int i = 0; i < 700; i++) {
        snprintf(user, sizeof user, "due-%d", i);
        does(user, "page_view", i % 2 ? "/a" : "/checkout");
    }
    dies_behind(50);
    at_ms += 12 * SECOND; /* the next entry's time makes hesitations due */
    dies_behind(50);
    at_ms += 60 * SECOND; /* and abandonments */
    dies_behind(50);
    assert_nothing_is_lost(state);
}

static void what_was_seen_before_the_death_is_known_after_it(void **state)
{
    struct rig g;
    (void)state;
    dies_behind(60);
    calm_bytes = SIZE_MAX;
    start_rig(&g, false, IDS);
    drain();
    long long events = counter("events"), duplicates = counter("duplicates");
    assert_int_equal(events + duplicates, added());
    redisReply *last = bl_test_redis(&redis, "XREVRANGE " EVENTS " + - COUNT 50");
    for (size_t i = 0; i < last->elements; i++) {
        redisReply *const *field = last->element[i]->element[1]->element;
        append(field[0]->str, field[1]->str);
    }
    freeReplyObject(last);
    drain();
    assert_int_equal(counter("events"), events);
    assert_int_equal(counter("duplicates"), duplicates + 50);
    stop_rig(&g);
}

static long long epoch(void)
{
    return bl_test_redis_int(&redis, "EVAL %s 1 " P "fence",
                             "return tonumber(redis.call('GET', KEYS[1]):match('%d+$'))");
}

/* Who dies of going through it again leaves it to the next. */
static void the_new_owner_may_die_of_it_too(void **state)
{
    dies_behind(300);
    for (int i = 0; i < 5; i++) {
        long long before = epoch();
        pid_t pid = start_rig_apart(false, IDS);
        while (epoch() == before)
            assert_true(in_time());
        for (int more = 0; more < i * 20; more++)
            (void)epoch();
        kill_rig(pid); /* wherever it is */
    }
    assert_nothing_is_lost(state);
}

/* The clock comes to a deadline of his, but not through the grace, before he goes on; and one event comes twice, with more
 * between than another worker would remember. False: users were stored meanwhile. */
static bool goes_by_terms(void)
{
    long long before = place("users_entries");
    if (!is_behind())
        return false;
    does("waits", "page_view", "/a");
    at_ms += 11 * SECOND;
    does("waits", "click", "/a");
    int twice = number - 1;
    for (int i = 0; i < 20; i++)
        browse();
    send_as("waits", "click", "/a", twice);
    while (place("entries") < added())
        assert_true(in_time());
    return place("users_entries") == before;
}

static void a_redo_goes_by_the_terms_of_who_committed(void **state)
{
    struct rig g;
    grace_ms = 5000;
    for (bool behind = false; !behind;) {
        pid_t pid = start_rig_apart(false, IDS);
        while (!is_behind()) {
            assert_true(in_time());
            browse();
        }
        behind = goes_by_terms();
        kill_rig(pid);
        behind = behind && is_behind();
    }
    assert_int_equal(place("users_grace_ms"), grace_ms);
    assert_int_equal(place("users_seen_max"), IDS);
    grace_ms = 50;
    start_rig(&g, false, 5);
    until_caught_up();
    stop_rig(&g);
    assert_int_equal(place("users_grace_ms"), -1);
    char *redone = state_of("waits");
    redisReply *all = bl_test_redis(&redis, "XRANGE " EVENTS " - +");
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    for (size_t i = 0; i < all->elements; i++)
        append_again(all->element[i]->element);
    grace_ms = 5000;
    free(go_on());
    char *undisturbed = state_of("waits");
    assert_true(strlen(undisturbed) > 20);
    assert_string_equal(redone, undisturbed);
    free(redone);
    free(undisturbed);
    freeReplyObject(all);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup_behind, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nothing_is_lost_with_an_owner_that_dies),
        STORY(nor_with_one_after_the_other),
        STORY(nor_with_commands_in_between),
        STORY(nor_what_came_due),
        STORY(what_was_seen_before_the_death_is_known_after_it),
        STORY(the_new_owner_may_die_of_it_too),
        STORY(a_redo_goes_by_the_terms_of_who_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
