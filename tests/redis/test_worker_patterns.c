/* What a worker takes for granted of patterns instead of asking the store, where that is not so: a pattern that exists
 * already (SPEC 5.2), and one that retention took away while it was open (SPEC 5.4). */
#include "../support/worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static long long told(void)
{
    return bl_test_redis_int(&redis, "XLEN bl:{test:0}:changes");
}

/* In event time somebody who was forgotten can come again with the very same events. */
static void a_pattern_of_an_id_that_exists_is_not_made_again(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("a", "page_view", "/a", T0, "e1");
    tick(T0 + 90000000); /* hesitated three levels, the session ended, the user forgotten */
    drain();
    char *id = newest_pattern();
    assert_field(id, "resolution", "session-end");
    assert_field(id, "severity", "high");
    assert_int_equal(told(), 4);
    freeReplyObject(bl_test_redis(&redis, "HSET bl:{test:0}:pattern:%s explanation mine", id));
    add("a", "page_view", "/a", T0, "e2");
    tick(T0 + 180000000);
    drain();
    assert_int_equal(counter("patterns"), 1);
    assert_int_equal(counter("open"), 0);
    assert_int_equal(counter("severity:high"), 1);
    assert_int_equal(counter("severity:low") + counter("severity:medium"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 0);
    assert_field(id, "resolution", "session-end");
    free(id);
    stop_rig(&g);
}

static void what_retention_took_away_while_it_was_open_stays_away(void **state)
{
    (void)state;
    struct rig g;
    patterns_kept = 1;
    start_rig(&g, true, 1000);
    add("a", "page_view", "/a", T0, "e1");
    add("b", "page_view", "/b", T0 + 11000, "e2");
    drain();
    char *first = newest_pattern();
    assert_field(first, "user_id", "a");
    add("b", "click", "/b", T0 + 11500, "e3");
    add("c", "page_view", "/c", T0 + 22000, "e4"); /* b has hesitated, a for longer */
    drain();
    while (bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns") > 1)
        turn();
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:pattern:%s", first), 0);
    assert_int_equal(counter("open"), 1);
    long long before = told();
    tick(T0 + 31000); /* a's would be raised */
    add("a", "click", "/a", T0 + 31001, "e5");
    drain();
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:pattern:%s", first), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns"), 1);
    assert_int_equal(counter("open"), 1);
    assert_int_equal(told(), before + 1); /* b's is raised at T0 + 26500 */
    free(first);
    stop_rig(&g);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_pattern_of_an_id_that_exists_is_not_made_again),
        STORY(what_retention_took_away_while_it_was_open_stays_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
