/* The calls of SPEC 6 over HTTP (curl) against a real Redis whose content is written by hand, key by key as
 * store/keys.def says: what a worker writes and what the API reads must be the same thing. */
#include "api_data.h"

#include "bl/core/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void empty_lists_are_brackets(void **state)
{
    static const char *const paths[] = {"/api/patterns",
                                        "/api/users",
                                        "/api/users/active",
                                        "/api/events",
                                        "/events?user_id=u",
                                        "/api/bad-events",
                                        "/api/workers",
                                        "/api/pages",
                                        "/api/patterns?q=x",
                                        "/api/users/nobody/events",
                                        "/api/user/events?id=nobody"};
    (void)state;
    data_set("event");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct bl_test_answer a = get(paths[i]);
        if (a.status != 200 || strcmp(a.body, "[]") != 0)
            fail_msg("%s: %d %s", paths[i], a.status, a.body);
        bl_test_answer_free(&a);
    }
}

static void bad_queries_get_400_naming_the_field(void **state)
{
    (void)state;
    data_set("event");
    assert_error("", "/api/patterns?limit=0", 400, "invalid_query", "limit");
    assert_error("", "/api/patterns?limit=501", 400, "invalid_query", "limit");
    assert_error("", "/api/patterns?limit=", 400, "invalid_query", "limit");
    assert_error("", "/api/patterns?limit=1&limit=2", 400, "invalid_query", "limit");
    assert_error("", "/api/patterns?type=x", 400, "invalid_query", "type");
    assert_error("", "/api/patterns?before=x", 400, "invalid_query", "before");
    assert_error("", "/api/patterns?before=", 400, "invalid_query", "before");
    assert_error("", "/api/patterns?type=", 400, "invalid_query", "type");
    assert_error("", "/api/patterns?severity=", 400, "invalid_query", "severity");
    assert_error("", "/api/patterns?resolved=", 400, "invalid_query", "resolved");
    assert_error("", "/api/metrics/history?minutes=1441", 400, "invalid_query", "minutes");
    assert_error("", "/api/users?within=0", 400, "invalid_query", "within");
    assert_error("", "/api/user", 400, "invalid_query", "id");
    assert_error("", "/api/patterns/xyz", 404, "not_found", NULL);
    assert_error("", "/api/patterns/00112233445566778899aabbccddeeff", 404, "not_found", NULL);
    assert_error("-X PATCH", "/api/patterns/00112233445566778899aabbccddeeff/resolve", 404, "not_found",
                 NULL);
    assert_error("", "/api/users/nobody", 404, "not_found", NULL);
    assert_error("-X DELETE", "/api/patterns", 405, "method_not_allowed", NULL);
}

static void patterns_come_newest_first_page_by_page(void **state)
{
    char path[256] = "/api/patterns?limit=7", link[512];
    long long last_ms = INT64_MAX;
    size_t total = 0, pages = 0;
    (void)state;
    data_set("event");
    for (int i = 0; i < 40; i++) {
        char user[16];
        snprintf(user, sizeof user, "user-%d", i);
        put_pattern((struct example){user, "/a", NULL, BL_RULE_HESITATION, BL_LOW, NOW_MS - i / 4, false});
    }
    json_t *seen = json_object();
    for (; path[0]; pages++) {
        struct bl_test_answer a = get(path);
        assert_int_equal(a.status, 200);
        size_t n = json_array_size(a.json);
        for (size_t i = 0; i < n; i++, total++) {
            const json_t *pattern = json_array_get(a.json, i);
            assert_true(number(pattern, "detected_at") <= last_ms);
            last_ms = number(pattern, "detected_at");
            assert_null(json_object_get(seen, text(pattern, "pattern_id")));
            json_object_set_new(seen, text(pattern, "pattern_id"), json_true());
        }
        bl_test_header(&a, "link", link, sizeof link);
        path[0] = 0;
        if (link[0])
            assert_int_equal(sscanf(link, "<%255[^>]>; rel=\"next\"", path), 1);
        bl_test_answer_free(&a);
    }
    json_decref(seen);
    assert_int_equal(total, 40);
    assert_int_equal(pages, 6);
}

static void filters_apply_before_the_limit(void **state)
{
    (void)state;
    data_set("event");
    for (int i = 0; i < 300; i++)
        put_pattern((struct example){"many", "/p", NULL, BL_RULE_HESITATION, BL_LOW, NOW_MS - i, i % 2 == 0});
    put_pattern((struct example){"Ann Ö/é", "/cart", "User paused for 12 seconds on /cart.",
                                 BL_RULE_ABANDONMENT, BL_HIGH, NOW_MS - 100000, false});
    assert_count("/api/patterns", 50);
    assert_count("/api/patterns?limit=500", 301);
    assert_count("/api/patterns?limit=5&type=abandonment", 1);
    assert_count("/api/patterns?severity=high", 1);
    assert_count("/api/patterns?page=/cart/", 1);
    assert_count("/api/patterns?user_id=Ann%20%C3%96%2F%C3%A9", 1);
    assert_count("/api/patterns?user_id=many&limit=500", 300);
    assert_count("/api/patterns?user_id=many&limit=500&resolved=true", 150);
    assert_count("/api/patterns?resolved=false&limit=500", 151);
    assert_count("/api/patterns?resolved=true&limit=500", 150);
    assert_count("/api/patterns?q=PAUSED+for", 1);
    assert_count("/api/patterns?q=ann", 1);
    assert_count("/api/patterns?q=%C3%96", 1);
    assert_count("/api/patterns?q=%C3%B6", 0);      /* case counts beyond ASCII */
    assert_count("/api/patterns?q=ABANDONMENT", 0); /* in user, page and explanation alone */
    assert_count("/api/patterns?q=cart&severity=high&resolved=false&type=abandonment&page=/cart", 1);
    assert_count("/api/patterns?q=cart&severity=high&resolved=true", 0);
    assert_count("/api/patterns?user_id=&page=&q=", 50);
    assert_count("/api/patterns?q=%2Fp&limit=20", 20);
    assert_count("/api/patterns?since=1699999999990&limit=500", 11);
    assert_count("/api/patterns?type=abandonment&severity=low", 0);
}

static void one_pattern_has_every_field(void **state)
{
    char path[128];
    (void)state;
    data_set("event");
    snprintf(path, sizeof path, "/api/patterns/%s",
             put_pattern((struct example){"u", "/cart", NULL, BL_RULE_HESITATION, BL_LOW, NOW_MS, true}));
    json_t *x = get_json(path);
    static const char *const names[] = {
        "pattern_id",  "type",        "variant",    "user_id",  "session_id",  "page",       "severity",
        "explanation", "detected_at", "updated_at", "resolved", "resolved_at", "resolution", "evidence"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(json_object_get(x, names[i]));
    assert_int_equal(json_object_size(x), sizeof names / sizeof *names);
    assert_true(json_is_null(json_object_get(x, "variant")));
    assert_true(json_is_true(json_object_get(x, "resolved")));
    assert_int_equal(number(x, "resolved_at"), NOW_MS + 5);
    json_decref(x);
}

static void resolving_waits_for_the_worker(void **state)
{
    char path[128], id[33];
    (void)state;
    data_set("event");
    snprintf(id, sizeof id, "%s",
             put_pattern((struct example){"u", "/a", NULL, BL_RULE_HESITATION, BL_LOW, NOW_MS, false}));
    snprintf(path, sizeof path, "/api/patterns/%s/resolve", id);
    struct bl_test_answer a = bl_test_curl(&api, "-X PATCH", path);
    assert_int_equal(a.status, 202); /* nobody works here */
    assert_string_equal(text(a.json, "pattern_id"), id);
    bl_test_answer_free(&a);
    int p = partition_of("u");
    redisReply *entries = bl_test_redis(&redis, "XRANGE %s - +", key(BL_KEY_EVENTS, p, ""));
    assert_int_equal(entries->elements, 1);
    const redisReply *fields = entries->element[0]->element[1];
    assert_int_equal(fields->elements, 2);
    assert_string_equal(fields->element[0]->str, "command");
    json_t *command = json_loads(fields->element[1]->str, 0, NULL);
    assert_string_equal(text(command, "command"), "resolve");
    assert_string_equal(text(command, "pattern_id"), id);
    assert_string_equal(text(command, "user_id"), "u");
    json_decref(command);
    freeReplyObject(entries);
    DO("HSET %s resolved true resolved_at 5 resolution manual", key(BL_KEY_PATTERN, p, id));
    a = bl_test_curl(&api, "-X PATCH", path);
    assert_int_equal(a.status, 200);
    assert_string_equal(text(a.json, "resolution"), "manual");
    bl_test_answer_free(&a);
}

static void assert_severity(const char *severity)
{
    json_t *list = get_json("/api/patterns");
    assert_string_equal(text(json_array_get(list, 0), "severity"), severity);
    json_decref(list);
}

/* Between two lists, with what serve knows from the first. */
static void a_list_has_what_became_of_a_pattern(void **state)
{
    char id[33];
    int p = partition_of("u"), tries = 100;
    (void)state;
    data_set("event");
    snprintf(id, sizeof id, "%s",
             put_pattern((struct example){"u", "/a", NULL, BL_RULE_HESITATION, BL_LOW, NOW_MS, false}));
    assert_severity("low");
    DO("HSET %s severity medium", key(BL_KEY_PATTERN, p, id));
    DO("XADD %s * change raised pattern_id %s", key(BL_KEY_CHANGES, p, ""), id);
    assert_severity("medium");
    DO("HSET %s severity high", key(BL_KEY_PATTERN, p, id)); /* a store that never told of it */
    DO("CLIENT KILL TYPE normal");
    struct bl_test_answer a = {0};
    do {
        bl_test_answer_free(&a);
        a = bl_test_curl(&api, "", "/api/patterns?limit=1");
    } while (a.status == 503 && tries-- > 0);
    bl_test_answer_free(&a);
    assert_severity("high");
}

static void metrics_add_up_the_partitions(void **state)
{
    (void)state;
    data_set("event");
    for (int p = 0; p < P; p++) {
        DO("HSET %s events 10 duplicates 1 patterns 3 type:hesitation 2 type:abandonment 1 severity:low 3 "
           "attempts:completed 3 attempts:abandoned 1",
           key(BL_KEY_COUNTERS, p, ""));
        DO("SET %s %s", key(BL_KEY_RATE, p, ""),
           "1699999990:1000 1699999991:10 1699999999:5 1700000000:5 1700000001:9");
        DO("ZADD %s %lld in %lld edge %lld out", key(BL_KEY_ACTIVE, p, ""), NOW_MS - 59999, NOW_MS - 60000,
           NOW_MS - 60001);
        DO("ZADD %s 1 a", key(BL_KEY_PATTERNS_OPEN, p, ""));
    }
    DO("HSET %s invalid_json 2 missing_field 3", key(BL_KEY_REJECTED, 0, ""));
    json_t *m = get_json("/api/metrics"), *stats = get_json("/api/stats");
    assert_true(json_equal(m, stats));
    assert_int_equal(number(m, "total_events"), 40);
    assert_int_equal(number(m, "duplicates"), 4);
    assert_int_equal(number(m, "rejected"), 5);
    assert_int_equal(number(m, "events_per_second"), 8);
    assert_int_equal(number(m, "active_users"), 4);
    assert_int_equal(number(m, "patterns_detected"), 12);
    assert_int_equal(number(m, "open_patterns"), 4);
    assert_int_equal(json_object_size(json_object_get(m, "patterns_by_type")), BL_RULE_COUNT);
    assert_int_equal(number(json_object_get(m, "patterns_by_type"), "hesitation"), 8);
    assert_int_equal(number(json_object_get(m, "patterns_by_type"), "navigation-loop"), 0);
    assert_int_equal(number(json_object_get(m, "patterns_by_severity"), "low"), 12);
    assert_true(json_number_value(json_object_get(m, "abandonment_rate")) == 0.25);
    assert_int_equal(number(m, "as_of"), NOW_MS);
    json_decref(m);
    json_decref(stats);
}

static void live_time_goes_on_in_an_idle_data_set(void **state)
{
    (void)state;
    data_set("live");
    DO("ZADD %s %lld u", key(BL_KEY_ACTIVE, 0, ""), NOW_MS);
    json_t *m = get_json("/api/metrics");
    assert_true(number(m, "as_of") > NOW_MS);
    assert_int_equal(number(m, "active_users"), 0);
    json_decref(m);
    for (int p = 0; p < P; p++) /* all of them have something to do */
        DO("XADD %s %lld-5 tick 1", key(BL_KEY_EVENTS, p, ""), NOW_MS + 1000);
    m = get_json("/api/metrics");
    assert_int_equal(number(m, "as_of"), NOW_MS);
    assert_int_equal(number(m, "active_users"), 1);
    json_decref(m);
}

static void etags_leave_out_the_time(void **state)
{
    char tag[64], again[64], option[128];
    struct bl_test_api second;
    (void)state;
    data_set("event");
    struct bl_test_answer a = get("/api/metrics");
    bl_test_header(&a, "etag", tag, sizeof tag);
    bl_test_answer_free(&a);
    assert_true(tag[0]);
    position(1, NOW_MS + 777, 0); /* the clock moves, nothing else */
    snprintf(option, sizeof option, "-H 'If-None-Match: %s'", tag);
    a = bl_test_curl(&api, option, "/api/metrics");
    assert_int_equal(a.status, 304);
    assert_string_equal(a.body, "");
    bl_test_answer_free(&a);
    bl_test_api_start(&second, redis.url, "t");
    a = bl_test_curl(&second, "--retry 20 --retry-delay 0 --retry-all-errors", "/api/metrics");
    bl_test_header(&a, "etag", again, sizeof again);
    assert_string_equal(again, tag);
    bl_test_answer_free(&a);
    bl_test_api_stop(&second);
    DO("HSET %s events 1", key(BL_KEY_COUNTERS, 2, ""));
    a = bl_test_curl(&api, option, "/api/metrics");
    assert_int_equal(a.status, 200);
    bl_test_answer_free(&a);
}

static void history_and_pages_add_up(void **state)
{
    (void)state;
    data_set("event");
    for (int p = 0; p < 2; p++) {
        DO("HSET %s events 4 active 2 type:hesitation 1", key(BL_KEY_MINUTE, p, "28333333"));
        DO("HSET %s events 1 active 1", key(BL_KEY_MINUTE, p, "28333331"));
        DO("HSET %s %s 3 %s 1", key(BL_KEY_PAGES, p, "5666666"), "views /a b", "hesitation /a b");
        DO("HSET %s %s 9", key(BL_KEY_PAGES, p, "5666660"), "views /quiet");
        DO("HSET %s %s 2", key(BL_KEY_PAGES, p, "5666655"), "abandonment /old");
    }
    json_t *h = get_json("/api/metrics/history?minutes=3");
    assert_int_equal(json_array_size(h), 3);
    const json_t *first = json_array_get(h, 0);
    assert_int_equal(number(first, "minute"), 28333333LL * 60000);
    assert_int_equal(number(first, "events"), 8);
    assert_int_equal(number(first, "active_users"), 4);
    assert_int_equal(number(json_object_get(first, "patterns_by_type"), "hesitation"), 2);
    assert_int_equal(number(json_array_get(h, 2), "events"), 2);
    json_decref(h);
    assert_count("/api/metrics/history", 60);
    assert_count("/api/metrics/history?minutes=1440", 1440);
    json_t *pages = get_json("/api/pages");
    assert_int_equal(json_array_size(pages), 3);
    assert_string_equal(text(json_array_get(pages, 0), "page"), "/old");
    assert_string_equal(text(json_array_get(pages, 0), "trend"), "falling");
    assert_string_equal(text(json_array_get(pages, 1), "page"), "/a b");
    assert_string_equal(text(json_array_get(pages, 1), "trend"), "rising");
    assert_int_equal(number(json_array_get(pages, 1), "views"), 6);
    assert_string_equal(text(json_array_get(pages, 2), "trend"), "steady");
    json_decref(pages);
    assert_count("/api/pages?limit=1", 1);
}

static void partitions_and_workers_are_told(void **state)
{
    (void)state;
    data_set("live");
    DO("SET %s %s", key(BL_KEY_LEASE, 1, ""), "abc 3 worker-1");
    DO("SET %s %s", key(BL_KEY_FENCE, 1, ""), "abc 3");
    DO("XADD %s %lld-5 tick 1", key(BL_KEY_EVENTS, 1, ""), NOW_MS + 1000);
    DO("XADD %s %lld-6 tick 1", key(BL_KEY_EVENTS, 1, ""), NOW_MS + 1000);
    DO("ZADD %s %lld worker-1", key(BL_KEY_PROCESSES, 0, ""), NOW_MS);
    DO("HSET %s role worker host h\"\\x pid 7 started_at 1 at_ms 2 counter:commits 5",
       key(BL_KEY_PROCESS, 0, "worker-1"));
    json_t *list = get_json("/api/partitions"), *x = json_array_get(list, 1);
    assert_int_equal(json_array_size(list), P);
    assert_string_equal(text(x, "owner"), "worker-1");
    assert_int_equal(number(x, "epoch"), 3);
    assert_int_equal(number(x, "lag"), 2);
    assert_int_equal(number(x, "oldest_unprocessed"), NOW_MS + 1000);
    assert_int_equal(number(json_array_get(list, 0), "lag"), 0);
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "owner")));
    json_decref(list);
    list = get_json("/api/workers");
    assert_int_equal(json_array_size(list), 1);
    x = json_array_get(list, 0);
    assert_string_equal(text(x, "worker"), "worker-1");
    assert_int_equal(json_array_size(json_object_get(x, "partitions")), 1);
    json_decref(list);
    struct bl_test_answer a = get("/metrics");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "text/plain; version=0.0.4"));
    assert_non_null(strstr(a.body, "\nbehaviorlens_partition_lag_entries{partition=\"1\"} 2\n"));
    assert_non_null(
        strstr(a.body, "\nbehaviorlens_partition_owned{partition=\"1\",worker=\"worker-1\"} 1\n"));
    assert_non_null(
        strstr(a.body, "behaviorlens_process_commits{process=\"worker-1\",role=\"worker\",host="));
    bl_test_answer_free(&a);
}

static void without_redis_it_says_503_at_once(void **state)
{
    char value[32];
    (void)state;
    data_set("event");
    bl_test_redis_kill(&redis);
    struct bl_test_answer a = bl_test_curl(&api, "--max-time 3", "/api/patterns");
    assert_int_equal(a.status, 503);
    bl_test_header(&a, "retry-after", value, sizeof value);
    assert_true(value[0]);
    assert_string_equal(text(json_object_get(a.json, "error"), "code"), "store_unavailable");
    bl_test_answer_free(&a);
    bl_test_redis_restart(&redis);
    data_set("event");
    a = bl_test_curl(&api, "--retry 50 --retry-delay 0 --retry-max-time 10 -o /dev/null -D -",
                     "/api/patterns");
    bl_test_answer_free(&a);
    for (int i = 0; i < 50; i++) {
        a = get("/api/patterns");
        int status = a.status;
        bl_test_answer_free(&a);
        if (status == 200)
            return;
    }
    fail_msg("it never came back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_lists_are_brackets),
        cmocka_unit_test(bad_queries_get_400_naming_the_field),
        cmocka_unit_test(patterns_come_newest_first_page_by_page),
        cmocka_unit_test(filters_apply_before_the_limit),
        cmocka_unit_test(one_pattern_has_every_field),
        cmocka_unit_test(resolving_waits_for_the_worker),
        cmocka_unit_test(a_list_has_what_became_of_a_pattern),
        cmocka_unit_test(metrics_add_up_the_partitions),
        cmocka_unit_test(live_time_goes_on_in_an_idle_data_set),
        cmocka_unit_test(etags_leave_out_the_time),
        cmocka_unit_test(history_and_pages_add_up),
        cmocka_unit_test(partitions_and_workers_are_told),
        cmocka_unit_test(without_redis_it_says_503_at_once),
    };
    return cmocka_run_group_tests(tests, api_set_up, api_tear_down);
}
