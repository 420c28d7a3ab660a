/* Users over HTTP (SPEC 6): the lists, one of them, their events; see test_api.c. */
#include "api_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void users_are_shown_as_the_rules_see_them(void **state)
{
    static const char *const shopping[] = {"/", "/cart", "/checkout", NULL}, *const reading[] = {"/a", NULL};
    (void)state;
    data_set("event");
    put_user("a/b c%", shopping);
    put_user("active", reading);
    put_old_user("z", "/a");
    DO("ZADD %s %lld z", key(BL_KEY_ACTIVE, partition_of("z"), ""), NOW_MS - 120000);
    assert_count("/api/users/active", 2);
    assert_count("/api/users/active?within=121", 3);
    assert_count("/api/users", 3);
    assert_count("/api/users?within=1", 2);
    assert_count("/api/users?limit=1", 1);
    json_t *list = get_json("/api/users"), *x = json_array_get(list, 0);
    assert_string_equal(text(x, "user_id"), "a/b c%");
    assert_string_equal(text(x, "current_page"), "/checkout");
    assert_int_equal(number(x, "last_seen"), NOW_MS);
    assert_true(json_is_string(json_object_get(x, "session_id")));
    assert_true(json_is_false(json_object_get(x, "has_active_pattern")));
    assert_string_equal(text(json_array_get(list, 2), "current_page"), "/a");
    json_decref(list);
    x = get_json("/api/users/a%2Fb%20c%25");
    json_t *same = get_json("/api/user?id=a%2Fb+c%25");
    assert_true(json_equal(x, same));
    json_decref(same);
    assert_string_equal(text(x, "current_page"), "/checkout");
    const json_t *checkout = json_object_get(x, "checkout");
    assert_string_equal(text(checkout, "page"), "/checkout");
    assert_int_equal(number(checkout, "deadline"), NOW_MS + 60000);
    assert_int_equal(number(checkout, "ttl_ms"), 60000);
    assert_int_equal(json_array_size(json_object_get(x, "visits")), 3);
    json_decref(x);
    x = get_json("/api/users/a%2Fb%20c%25/events");
    assert_int_equal(json_array_size(x), 3);
    assert_string_equal(text(json_array_get(x, 0), "page"), "/checkout");
    assert_string_equal(text(json_array_get(x, 0), "action"), "page_view");
    json_decref(x);
    x = get_json("/api/users/%61ctive");
    assert_string_equal(text(x, "user_id"), "active");
    assert_true(json_is_null(json_object_get(x, "checkout")));
    json_decref(x);
}

static void a_place_among_the_active_ones_may_be_some_seconds_behind(void **state)
{
    static const char *const reading[] = {"/a", NULL};
    (void)state;
    data_set("event");
    put_user("reader", reading);
    DO("ZADD %s %lld reader", key(BL_KEY_ACTIVE, partition_of("reader"), ""), NOW_MS - 60001);
    DO("ZADD %s %lld nobody", key(BL_KEY_ACTIVE, partition_of("nobody"), ""), NOW_MS - 60001);
    json_t *list = get_json("/api/users?within=1"), *x = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(text(x, "user_id"), "reader");
    assert_int_equal(number(x, "last_seen"), NOW_MS);
    json_decref(list);
    assert_count("/api/users/active?within=59", 1);
    assert_count("/api/users/active?within=61", 2);
}

static void recent_events_are_merged(void **state)
{
    (void)state;
    data_set("event");
    static const char line[] =
        "{\"user_id\":\"%s\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"e%d\"}";
    int mine = partition_of("me"), n = 0;
    for (int commit = 0; commit < 30; commit++)
        for (int p = 0; p < P; p++) {
            char element[1024] = "";
            for (int i = 0; i < 3; i++, n++) {
                size_t at = strlen(element);
                at +=
                    (size_t)snprintf(element + at, sizeof element - at, "%s%lld ", i ? "\n" : "", NOW_MS + n);
                snprintf(element + at, sizeof element - at, line,
                         p == mine && commit < 20 && i == 1 ? "me" : "x", n);
            }
            DO("LPUSH %s %s", key(BL_KEY_RECENT, p, ""), element);
        }
    json_t *list = get_json("/api/events?limit=100");
    assert_int_equal(json_array_size(list), 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(number(json_array_get(list, i), "received"), NOW_MS + n - 1 - (long long)i);
        assert_string_equal(text(json_array_get(list, i), "action"), "click");
    }
    json_decref(list);
    assert_count("/api/events", 50);
    assert_count("/api/events?limit=500", 360);
    assert_count("/api/events?user_id=me", 20);
    assert_count("/events?user_id=me&limit=500", 20);
    DO("LPUSH %s %s", key(BL_KEY_RECENT, mine, ""),
       "99000000000000,late {\"user_id\":\"me\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"l\"}\n"
       "99000000000001,clock_adjusted {\"user_id\":\"me\",\"action\":\"click\",\"page\":\"/a\","
       "\"event_id\":\"c\",\"made_id\":true}\n"
       "99000000000001 {\"user_id\":\"me\",\"action\":\"click\",\"page\":\"/a\",\"made_id\":\"m\","
       "\"metadata\":{\"a\":1,\"event_id\":\"x\"}}\n"
       "99000000000002 {\"user_id\":\"me\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"n\"}");
    list = get_json("/api/events?user_id=me&limit=4");
    assert_int_equal(number(json_array_get(list, 0), "received"), 99000000000002);
    assert_null(json_object_get(json_array_get(list, 0), "late"));
    assert_null(json_object_get(json_array_get(list, 0), "clock_adjusted"));
    assert_string_equal(text(json_array_get(list, 1), "event_id"), "m");
    assert_null(json_object_get(json_array_get(list, 1), "made_id"));
    assert_string_equal(text(json_object_get(json_array_get(list, 1), "metadata"), "event_id"), "x");
    assert_int_equal(number(json_array_get(list, 2), "received"), 99000000000001);
    assert_string_equal(text(json_array_get(list, 2), "event_id"), "c");
    assert_true(json_is_true(json_object_get(json_array_get(list, 2), "clock_adjusted")));
    assert_null(json_object_get(json_array_get(list, 2), "made_id"));
    assert_int_equal(number(json_array_get(list, 3), "received"), 99000000000000);
    assert_true(json_is_true(json_object_get(json_array_get(list, 3), "late")));
    json_decref(list);
    DO("XADD %s * at 5 reason invalid_json field %s message m event %s", key(BL_KEY_BAD, 0, ""), "", "{\"a");
    json_t *bad = get_json("/api/bad-events"), *x = json_array_get(bad, 0);
    assert_int_equal(json_array_size(bad), 1);
    assert_string_equal(text(x, "reason"), "invalid_json");
    assert_string_equal(text(x, "event"), "{\"a");
    assert_int_equal(number(x, "at"), 5);
    assert_true(json_is_null(json_object_get(x, "field")));
    json_decref(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_shown_as_the_rules_see_them),
        cmocka_unit_test(a_place_among_the_active_ones_may_be_some_seconds_behind),
        cmocka_unit_test(recent_events_are_merged),
    };
    return cmocka_run_group_tests(tests, api_set_up, api_tear_down);
}
