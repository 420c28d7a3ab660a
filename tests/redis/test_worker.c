/* The worker as it runs, in this process, on a real redis-server in event time: what a data set holds afterwards. */
#include "bl/wire/command.h"
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_pattern_is_stored_with_all_that_points_to_it(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    for (int i = 0; i < 3; i++)
        add("u 1", "page_view", "/a", T0 + i * 1000, (const char *const[]){"e1", "e2", "e3"}[i]);
    drain();
    char *id = newest_pattern();
    assert_non_null(id);
    assert_field(id, "type", "navigation-loop");
    assert_field(id, "user_id", "u 1");
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE bl:{test:0}:patterns:open %s", id), T0 + 2000);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE bl:{test:0}:patterns:user:u%%201 %s", id), T0 + 2000);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:{test:0}:changes"), 1);
    assert_int_equal(counter("patterns"), 1);
    assert_int_equal(counter("open"), 1);
    assert_int_equal(counter("severity:medium"), 1);
    /* raised in place */
    add("u 1", "page_view", "/a", T0 + 3000, "e4");
    drain();
    assert_field(id, "severity", "high");
    assert_int_equal(counter("severity:medium"), 0);
    assert_int_equal(counter("severity:high"), 1);
    assert_int_equal(counter("patterns"), 1);
    /* time goes on: ended, and the user is forgotten */
    tick(T0 + 90000000);
    drain();
    assert_field(id, "resolved", "true");
    assert_field(id, "resolution", "ended");
    assert_int_equal(counter("open"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:user:u%%201 bl:{test:0}:deadlines "
                                               "bl:{test:0}:active"),
                     0);
    free(id);
    stop_rig(&g);
}

/* SPEC 2.7, and what a successor remembers */
static void duplicates_are_known_to_the_next_owner(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "click", "/a", T0, "e1");
    add("u", "click", "/a", T0 + 1, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_int_equal(counter("duplicates"), 1);
    stop_rig(&g);
    start_rig(&g, true, 1000);
    add("u", "click", "/a", T0 + 3599999, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_int_equal(counter("duplicates"), 2);
    add("u", "click", "/a", T0 + 3600000, "e1"); /* at exactly an hour it is a new event */
    drain();
    assert_int_equal(counter("events"), 2);
    assert_int_equal(bl_test_redis_int(&redis, "LLEN bl:{test:0}:seen"), 1);
    stop_rig(&g);
}

static void the_memory_of_ids_is_bounded(void **state)
{
    (void)state;
    struct rig g;
    char id[16];
    start_rig(&g, true, 10);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "e%d", i);
        add("u", "scroll", "/a", T0 + i, id);
    }
    drain();
    assert_int_equal(bl_test_redis_int(&redis, "LLEN bl:{test:0}:seen"), 10);
    assert_int_equal(counter("seen_forgotten"), 40);
    stop_rig(&g);
}

static void poison_is_set_aside_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * what ever"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events %s", "{\"user_id\":\"u\",\"action"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * command %s", "[]"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events %b", "\0\xff\n\n{}", (size_t)6));
    add("u", "click", "/a", T0, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_true(bl_test_redis_int(&redis, "XLEN bl:{test:0}:quarantine") >= 5);
    assert_int_equal(counter("quarantined"), bl_test_redis_int(&redis, "XLEN bl:{test:0}:quarantine"));
    redisReply *pending = bl_test_redis(&redis, "XPENDING " EVENTS " core");
    assert_int_equal(pending->element[0]->integer, 0);
    freeReplyObject(pending);
    stop_rig(&g);
}

/* The worker looks at the first to see whose state it needs. */
static void an_event_of_two_users_is_set_aside(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, false, 1000); /* live: in event time the whole line is read */
    freeReplyObject(
        bl_test_redis(&redis, "XADD " EVENTS " * events %s",
                      "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"e1\","
                      "\"user_id\":\"v\"}"));
    add("w", "click", "/a", T0, "e2");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_int_equal(counter("quarantined"), 1);
    stop_rig(&g);
}

static void a_state_that_cannot_be_read_is_dropped_and_told(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/a", T0, "e1");
    drain();
    stop_rig(&g);
    redisReply *names = bl_test_redis(&redis, "HKEYS bl:{test:0}:user:u");
    for (size_t i = 0; i < names->elements; i++)
        freeReplyObject(bl_test_redis(&redis, "HSET bl:{test:0}:user:u %s %s", names->element[i]->str, "]{"));
    freeReplyObject(names);
    start_rig(&g, true, 1000);
    add("u", "page_view", "/b", T0 + 1000, "e2");
    add("v", "page_view", "/b", T0 + 1000, "e3");
    drain();
    assert_int_equal(counter("events"), 3);
    assert_int_equal(counter("quarantined"), 1);
    stop_rig(&g);
    start_rig(&g, true, 1000); /* what was written instead can be read */
    add("u", "page_view", "/c", T0 + 2000, "e4");
    drain();
    assert_int_equal(counter("quarantined"), 1);
    stop_rig(&g);
}

static void a_state_of_an_older_data_set_goes_on(void **state)
{
    static const char user[] = "bl:{test:0}:user:u";
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/checkout", T0, "e1");
    drain();
    stop_rig(&g);
    freeReplyObject(bl_test_redis(&redis, "DEL %s", user));
    freeReplyObject(bl_test_redis(&redis, "HSET %s names %s head %s visits %s w0 %s", user, "[\"/checkout\"]",
                                  "1700000000000 d10000 e1 m1 p1 S;abandonment p1 e1 d60000 n2 S",
                                  "1700000000000 1v", "0 1700000000000 1vi"));
    start_rig(&g, true, 1000);
    tick(T0 + 60000);
    drain();
    char *pattern = newest_pattern();
    assert_field(pattern, "type", "abandonment");
    free(pattern);
    assert_int_equal(counter("quarantined"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HEXISTS %s h", user), 1);
    assert_int_equal(bl_test_redis_int(&redis, "HEXISTS %s head", user), 0);
    stop_rig(&g);
}

static void send_resolve(const char *user, const char *id)
{
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * command "
                                  "{\"command\":\"resolve\",\"pattern_id\":\"%s\",\"user_id\":\"%s\"}",
                                  id, user));
}

/* SPEC 5.3 */
static void a_person_resolves_what_is_open_and_what_is_long_forgotten(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/checkout", T0, "e1");
    tick(T0 + 60000);
    drain();
    char *first = newest_pattern();
    assert_non_null(first);
    assert_field(first, "type", "abandonment");
    add("u", "session_end", "", T0 + 70000, "e2");
    add("u", "page_view", "/checkout", T0 + 80000, "e3");
    tick(T0 + 150000);
    drain();
    char *second = newest_pattern();
    assert_string_not_equal(first, second);
    send_resolve("u", second);
    send_resolve("u", first); /* another has taken its place in the state */
    send_resolve("u", first);
    send_resolve("u", "00000000000000000000000000000000");
    drain();
    assert_field(first, "resolution", "manual");
    assert_field(second, "resolution", "manual");
    /* Beside them the user hesitated twice; the second time still stands. */
    assert_int_equal(counter("open"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 1);
    assert_int_equal(counter("patterns"), 4);
    free(first);
    free(second);
    stop_rig(&g);
}

/* SPEC 3.4: in order of time, however many are due */
static void more_deadlines_than_one_round_takes_fire_all_in_order(void **state)
{
    (void)state;
    struct rig g;
    char user[16], id[16];
    const int n = 4000;
    start_rig(&g, true, 10000);
    for (int i = 0; i < n; i++) {
        snprintf(user, sizeof user, "u%d", i);
        snprintf(id, sizeof id, "e%d", i);
        add(user, "page_view", "/a", T0 + i / 1500, id); /* more than a round at the same time */
    }
    drain();
    stop_rig(&g); /* nobody is at hand */
    start_rig(&g, true, 10000);
    tick(T0 + 20000);
    drain();
    assert_int_equal(counter("patterns"), n);
    assert_int_equal(counter("type:hesitation"), n);
    assert_int_equal(counter("severity:medium"), n); /* 15 s: all raised once */
    redisReply *changes = bl_test_redis(&redis, "XRANGE bl:{test:0}:changes - +");
    long long last = 0;
    for (size_t i = 0; i < changes->elements; i++) {
        redisReply *fields = changes->element[i]->element[1];
        long long at = strtoll(fields->element[fields->elements - 1]->str, NULL, 10);
        if (strcmp(fields->element[1]->str, "new") != 0)
            continue;
        assert_true(at >= last);
        last = at;
    }
    freeReplyObject(changes);
    stop_rig(&g);
}

static void recent_events_are_bounded(void **state)
{
    (void)state;
    struct rig g;
    char id[16];
    start_rig(&g, true, 1000);
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "e%d", i);
        add("u", "scroll", "/a", T0 + i, id);
    }
    drain();
    redisReply *list = bl_test_redis(&redis, "LRANGE bl:{test:0}:recent 0 -1");
    size_t lines = 0;
    for (size_t i = 0; i < list->elements; i++) {
        lines++;
        for (const char *p = list->element[i]->str; *p; p++)
            lines += *p == '\n';
    }
    assert_in_range(lines, 100, 100 + 99); /* whole elements go, of at most 100 lines */
    assert_non_null(strstr(list->element[0]->str, "e499"));
    freeReplyObject(list);
    stop_rig(&g);
}

/* SPEC 3.2: what is old is kept with the mark that says what became of its time. */
static void recent_events_carry_their_marks(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, false, 1000);
    int64_t now = bl_test_redis_int(&redis, "EVAL %s 0", "return tonumber(redis.call('TIME')[1])") * 1000;
    add("u", "scroll", "/a", now, "timely");
    add("u", "scroll", "/a", now - 3600000, "adjusted");
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * events "
                                  "{\"user_id\":\"u\",\"action\":\"scroll\",\"page\":\"/a\",\"event_id\":"
                                  "\"late\",\"timestamp\":%lld,\"sent_at\":%lld}",
                                  (long long)now - 3600000, (long long)now));
    drain();
    redisReply *list = bl_test_redis(&redis, "LRANGE bl:{test:0}:recent 0 -1");
    char all[4096] = "";
    for (size_t i = list->elements; i > 0; i--) {
        size_t at = strlen(all);
        snprintf(all + at, sizeof all - at, "%s\n", list->element[i - 1]->str);
    }
    freeReplyObject(list);
    static const char *const want[][2] = {{"timely", ""}, {"adjusted", ",clock_adjusted"}, {"late", ",late"}};
    char *line = all;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char *space = strchr(line, ' '), *end = strchr(line, '\n'), id[32];
        assert_true(space && end && space < end);
        *space = *end = '\0';
        assert_string_equal(line + strspn(line, "0123456789"), want[i][1]);
        snprintf(id, sizeof id, "\"event_id\":\"%s\"", want[i][0]);
        assert_non_null(strstr(space + 1, id));
        line = end + 1;
    }
    assert_int_equal(counter("late"), 1);
    assert_int_equal(counter("clock_adjusted"), 1);
    stop_rig(&g);
}

/* SPEC 3.4, 7.2: live time. Keys with a user in their name all have a TTL. */
static void in_live_time_deadlines_come_by_ticks_and_keys_have_ttls(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, false, 1000);
    rules.rule[BL_RULE_HESITATION].v[0].i = 300; /* the partition takes the rules when it is taken over */
    freeReplyObject(bl_test_redis(
        &redis, "XADD " EVENTS " * events %s",
        "{\"user_id\":\"u\",\"action\":\"page_view\",\"page\":\"/checkout\",\"event_id\":\"e\"}"));
    drain();
    assert_in_range(bl_test_redis_int(&redis, "PTTL bl:{test:0}:checkout:u"), 1, 60000);
    assert_true(bl_test_redis_int(&redis, "PTTL bl:{test:0}:user:u") > 86400000);
    char *page = bl_test_redis_text(&redis, "GET bl:{test:0}:checkout:u");
    assert_string_equal(page, "/checkout");
    free(page);
    while (bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns") < 1)
        turn();
    assert_true(bl_test_redis_int(&redis, "PTTL bl:{test:0}:patterns:user:u") > 86400000);
    redisReply *last = bl_test_redis(&redis, "XREVRANGE " EVENTS " + - COUNT 1");
    assert_string_equal(last->element[0]->element[1]->element[0]->str, "tick");
    freeReplyObject(last);
    freeReplyObject(
        bl_test_redis(&redis, "XADD " EVENTS " * events %s",
                      "{\"user_id\":\"u\",\"action\":\"purchase\",\"page\":\"/x\",\"event_id\":\"f\"}"));
    drain();
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:checkout:u"), 0);
    assert_int_equal(counter("attempts:completed"), 1);
    stop_rig(&g);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:lease"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:test:workers"), 0);
}

/* Keys with what they hold: hashes and sorted sets, sorted. */
static char *all_that_is_stored(void)
{
    static const char script[] =
        "local t = {} for _, k in ipairs(redis.call('KEYS', 'bl:{*')) do local v = {} "
        "local f = redis.call('TYPE', k).ok "
        "if f == 'hash' and not k:find(':position') then local h = redis.call('HGETALL', k) "
        "for i = 1, #h, 2 do v[#v + 1] = h[i] .. '=' .. h[i + 1] end table.sort(v) "
        "elseif f == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') end "
        "t[#t + 1] = k .. ' ' .. table.concat(v, ' ') end table.sort(t) return table.concat(t, '\\n')";
    return bl_test_redis_text(&redis, "EVAL %s 0", script);
}

/* Users who come again and again, with this much memory for them. */
static char *stored_with(size_t bytes)
{
    struct rig g;
    char user[16], id[16];
    hand_max = bytes;
    start_rig(&g, true, 1000);
    for (int i = 0; i < 400; i++) {
        snprintf(user, sizeof user, "u%d", i * 7 % 97);
        snprintf(id, sizeof id, "e%d", i);
        add(user, i % 3 ? "page_view" : "click", i % 2 ? "/cart" : "/a", T0 + i * 1000, id);
        if (i % 100 == 99)
            drain();
    }
    drain();
    uint64_t evicted = bl_worker_totals(g.worker)->evicted;
    assert_true(bytes == SIZE_MAX ? evicted == 0 : evicted > 100);
    stop_rig(&g);
    return all_that_is_stored();
}

static void who_leaves_memory_changes_nothing_that_is_stored(void **state)
{
    char *unbounded = stored_with(SIZE_MAX);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    char *bounded = stored_with(1);
    assert_true(strlen(unbounded) > 10000);
    assert_string_equal(unbounded, bounded);
    free(unbounded);
    free(bounded);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_pattern_is_stored_with_all_that_points_to_it),
        STORY(duplicates_are_known_to_the_next_owner),
        STORY(the_memory_of_ids_is_bounded),
        STORY(poison_is_set_aside_and_the_rest_goes_on),
        STORY(an_event_of_two_users_is_set_aside),
        STORY(a_state_that_cannot_be_read_is_dropped_and_told),
        STORY(a_state_of_an_older_data_set_goes_on),
        STORY(a_person_resolves_what_is_open_and_what_is_long_forgotten),
        STORY(more_deadlines_than_one_round_takes_fire_all_in_order),
        STORY(recent_events_are_bounded),
        STORY(recent_events_carry_their_marks),
        STORY(who_leaves_memory_changes_nothing_that_is_stored),
        STORY(in_live_time_deadlines_come_by_ticks_and_keys_have_ttls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
