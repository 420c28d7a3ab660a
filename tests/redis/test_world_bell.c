/* Waiting at the doorbell, and what is fetched behind it, against a real redis-server. */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FAR     "99999999999999-0"
#define LONG_MS 600000

/* Its connection is in XREAD: until then a wake would find nobody. */
static void until_blocked(void)
{
    while (bl_test_redis_int(
               &side_redis, "EVAL %s 0",
               "return tonumber(string.match(redis.call('INFO', 'clients'), 'blocked_clients:(%d+)'))") == 0)
        uv_run(&side_loop, UV_RUN_NOWAIT);
}

static void the_doorbell_rings_for_entries_time_and_waking(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    a.ports.wait(a.ports.ctx, 0, BL_STR(""), 30, side_done, &a);
    side_run(&a);
    uint64_t before = uv_hrtime();
    for (int i = 0; i < 50; i++) { /* its connection is up by now */
        a.ports.wait(a.ports.ctx, 0, BL_STR(""), 5, side_done, &a);
        side_run(&a);
    }
    a.ports.wait(a.ports.ctx, 0, BL_STR(""), LONG_MS, side_done, &a);
    side_append(1);
    side_run(&a);
    a.ports.wait(a.ports.ctx, 0, BL_STR(FAR), LONG_MS, side_done, &a);
    uv_run(&side_loop, UV_RUN_NOWAIT);
    a.ports.wake(a.ports.ctx, 0);
    side_run(&a);
    assert_true(uv_hrtime() - before < 60ull * 1000000000);
    assert_int_equal(side_fetch(&a, true, true), BL_OK); /* and not because its connection was given up */
    side_close(&a);
}

static void what_comes_is_fetched_with_the_bell(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    for (int i = 0; i < 3; i++) {
        side_await(&a, i ? a.ids[0] : "", LONG_MS);
        until_blocked();
        assert_false(a.done);
        side_append(1);
        side_run(&a);
        assert_int_equal(a.err, BL_OK);
        assert_int_equal(a.n, 1);
        assert_int_equal(side_pending(), 1);
        assert_int_equal(side_commit(&a, 1), BL_OK);
    }
    side_append(2);
    side_await(&a, a.ids[0], LONG_MS); /* what is there already is not waited for */
    side_run(&a);
    assert_int_equal(a.n, 2);
    side_close(&a);
}

static void the_bell_rings_in_its_time(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_await(&a, FAR, 5);
    side_run(&a);
    assert_int_equal(a.err, BL_OK);
    assert_int_equal(a.n, 0);
    side_close(&a);
}

static void who_is_woken_fetches_what_there_is(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_await(&a, FAR, LONG_MS);
    until_blocked();
    a.ports.wake(a.ports.ctx, 0);
    side_run(&a);
    assert_int_equal(a.err, BL_OK);
    assert_int_equal(a.n, 0);
    a.ports.wait(a.ports.ctx, 0, BL_STR(FAR), LONG_MS, side_done, &a);
    a.ports.wake(a.ports.ctx, 0); /* it may be there before the question is */
    side_run(&a);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    side_close(&a);
}

/* Its question stands in Redis when another takes the partition: it is answered with nothing. */
static void a_zombie_that_waits_is_given_nothing(void **state)
{
    (void)state;
    struct side a, b;
    side_begin(&a, "a");
    side_open(&b, "b");
    side_await(&a, "", LONG_MS);
    until_blocked();
    side_steal();
    side_take(&b);
    side_append(1);
    side_run(&a);
    assert_int_equal(a.err, BL_ERR_FENCED);
    assert_int_equal(a.n, 0);
    assert_int_equal(side_pending(), 0);
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 1);
    side_close(&a);
    side_close(&b);
}

/* However long it may wait: it asks again, who is due then, and time enters the stream. */
static void nobody_becomes_due_unseen_while_it_waits(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    int64_t now_ms =
        bl_test_redis_int(&side_redis, "EVAL %s 0",
                          "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)");
    side_append(1);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(side_commit_fetching(&a, 1, now_ms + 1500), BL_OK);
    for (int64_t wait_ms = LONG_MS; a.n == 0; wait_ms = 5) {
        side_await(&a, FAR, wait_ms);
        side_run(&a);
        assert_int_equal(a.err, BL_OK);
    }
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    side_close(&a);
}

static void a_connection_that_ends_is_no_answer(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_await(&a, FAR, LONG_MS);
    until_blocked();
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal SKIPME yes"));
    side_run(&a);
    assert_int_equal(a.err, BL_ERR_STORE_UNAVAILABLE);
    side_take_anew(&a);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    side_close(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_doorbell_rings_for_entries_time_and_waking),
        STORY(what_comes_is_fetched_with_the_bell),
        STORY(the_bell_rings_in_its_time),
        STORY(who_is_woken_fetches_what_there_is),
        STORY(a_zombie_that_waits_is_given_nothing),
        STORY(nobody_becomes_due_unseen_while_it_waits),
        STORY(a_connection_that_ends_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
