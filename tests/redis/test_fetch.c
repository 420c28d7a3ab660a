/* What an owner is given of the stream on a real redis-server, and that nobody else is given anything: by transaction, the
 * usual way, and by script (store/world_fetch.c). Invariant 3. */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void many_fetches_in_a_row_give_each_entry_once(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    for (int i = 1; i <= 5; i++) {
        side_append(i);
        assert_int_equal(side_fetch(&a, false, true), BL_OK);
        assert_int_equal(a.n, i);
        assert_false(a.pending);
        assert_int_equal(side_pending(), i);
        assert_int_equal(side_commit(&a, a.n), BL_OK);
        assert_int_equal(side_pending(), 0);
        assert_int_equal(side_fetch(&a, false, true), BL_OK);
        assert_int_equal(a.n, 0);
    }
    side_close(&a);
}

static void a_fence_stolen_behind_the_watch_gives_nothing(void **state)
{
    (void)state;
    struct side a, b;
    side_begin(&a, "a");
    side_append(2);
    side_open(&b, "b");
    side_steal();
    assert_true(side_acquire(&b));
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_FENCED);
    assert_int_equal(a.n, 0);
    assert_int_equal(side_pending(), 0);
    assert_int_equal(side_restore(&b), BL_OK);
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 2);
    assert_false(b.pending);
    side_close(&a);
    side_close(&b);
}

/* It says what it said before, but it has been written. */
static void a_fence_that_came_back_gives_nothing_either(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(1);
    char *fence = bl_test_redis_text(&side_redis, "GET bl:{test:0}:fence");
    freeReplyObject(bl_test_redis(&side_redis, "SET bl:{test:0}:fence %s", "somebody 9"));
    freeReplyObject(bl_test_redis(&side_redis, "SET bl:{test:0}:fence %s", fence));
    free(fence);
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_FENCED);
    assert_int_equal(side_pending(), 0);
    side_close(&a);
}

static void an_owner_that_was_robbed_while_it_waited_is_given_nothing(void **state)
{
    (void)state;
    struct side a, b;
    side_begin(&a, "a");
    side_open(&b, "b");
    a.ports.wait(a.ports.ctx, 0, BL_STR("$"), 20, side_done, &a);
    side_steal();
    side_take(&b);
    side_append(1);
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 1);
    side_append(1);
    side_run(&a);
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_FENCED);
    assert_int_equal(side_pending(), 1);
    assert_int_equal(side_commit(&b, 1), BL_OK);
    assert_int_equal(side_fetch(&b, false, true), BL_OK);
    assert_int_equal(b.n, 1);
    side_close(&a);
    side_close(&b);
}

/* A fetch drops the watch as a commit does, and both set it anew. */
static void the_fence_is_watched_from_one_fetch_to_the_next(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(1);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "SET bl:{test:0}:fence %s", "somebody 9"));
    assert_int_equal(side_commit(&a, 1), BL_ERR_FENCED);
    assert_int_equal(side_pending(), 1);
    side_close(&a);
}

static void after_a_reconnect_nothing_is_given(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(1);
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_STORE_UNAVAILABLE);
    assert_true(side_acquire(&a)); /* there is a connection again, at least for leases */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(side_fetch(&a, i == 1, true), BL_ERR_STORE_UNAVAILABLE);
        assert_int_equal(side_pending(), 0);
    }
    assert_int_equal(side_restore(&a), BL_OK);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    side_close(&a);
}

/* With all that it knew, the fence included. */
static void after_a_restart_of_redis_the_partition_is_taken_before_anything_is_given(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(2);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    side_append(1);
    freeReplyObject(bl_test_redis(&side_redis, "SAVE"));
    bl_test_redis_kill(&side_redis);
    bl_test_redis_restart(&side_redis);
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_STORE_UNAVAILABLE);
    while (!side_acquire(&a) || side_restore(&a) != BL_OK)
        ;
    assert_int_equal(side_pending(), 2);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_true(a.pending);
    assert_int_equal(a.n, 2);
    assert_int_equal(side_commit(&a, 2), BL_OK);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    side_close(&a);
}

static void only_time_needs_a_script(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    freeReplyObject(bl_test_redis(&side_redis, "SCRIPT FLUSH"));
    side_append(1);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines 1000 u"));
    assert_int_equal(side_fetch(&a, false, false), BL_OK); /* event time: it asks always */
    assert_int_equal(a.n, 0);
    assert_int_equal(side_fetch(&a, false, true), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 1);
    side_take_anew(&a);
    assert_int_equal(side_commit(&a, 1), BL_OK);
    do /* not in the millisecond of the last entry */
        assert_int_equal(side_fetch(&a, false, true), BL_OK);
    while (a.n == 0);
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    side_close(&a);
}

static void over_maxmemory_fetches_go_on(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(2);
    freeReplyObject(bl_test_redis(&side_redis, "CONFIG SET maxmemory 1mb"));
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 2);
    assert_int_equal(side_pending(), 2);
    assert_int_equal(side_commit(&a, 2), BL_OK);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 0);
    side_close(&a);
}

/* ---- with a commit ---- */

static void a_commit_fetches_what_comes_next(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(2);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    for (int i = 3; i < 6; i++) {
        side_append(i);
        assert_int_equal(side_commit_fetching(&a, a.n, 0), BL_OK);
        assert_int_equal(a.n, i);
        assert_int_equal(side_pending(), i);
    }
    assert_int_equal(side_commit_fetching(&a, a.n, 0), BL_OK);
    assert_int_equal(a.n, 0);
    assert_int_equal(side_pending(), 0);
    assert_int_equal(side_commit(&a, 0), BL_OK); /* and one that does not */
    side_close(&a);
}

static void a_commit_that_is_fenced_fetches_nothing(void **state)
{
    (void)state;
    struct side a, b;
    side_begin(&a, "a");
    side_append(2);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    side_append(3);
    side_open(&b, "b");
    side_steal();
    side_take(&b);
    assert_int_equal(side_commit_fetching(&a, 2, 0), BL_ERR_FENCED);
    assert_int_equal(a.n, 0);
    assert_int_equal(side_pending(), 2);
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 2);
    assert_true(b.pending);
    side_close(&a);
    side_close(&b);
}

static void a_commit_without_a_connection_fetches_nothing(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(1);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    side_append(1);
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(side_commit_fetching(&a, 1, 0), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_commit_fetching(&a, 1, 0), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_pending(), 1);
    while (!side_acquire(&a) || side_restore(&a) != BL_OK)
        ;
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(side_commit_fetching(&a, a.n, 0), BL_OK);
    assert_int_equal(a.n, 1);
    side_close(&a);
}

static void the_deadlines_told_with_a_commit_are_those_after_it(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(2);
    assert_int_equal(side_commit_fetching(&a, 0, 1000), BL_OK);
    assert_int_equal(a.n, 2);
    assert_true(a.dues_known);
    assert_int_equal(a.n_dues, 1);
    assert_int_equal(a.earliest_ms, 1000);
    side_append(1);
    assert_int_equal(side_commit_fetching(&a, a.n, BL_NEVER), BL_OK);
    assert_int_equal(a.n_dues, 0);
    assert_int_equal(a.earliest_ms, BL_NEVER);
    side_close(&a);
}

static struct bl_str add_text(char text[100], char byte)
{
    memset(text, byte, 99);
    text[99] = '\0';
    freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " * events %s", text));
    return (struct bl_str){text, 99};
}

/* By whatever way they were fetched, whatever is fetched behind them, and if all else is gone. */
static void texts_stay_until_they_are_let_go_of(void **state)
{
    (void)state;
    struct side a;
    struct bl_held held[4];
    struct bl_str have[4], want[4];
    char text[4][100];
    side_begin(&a, "a");
    for (size_t i = 0; i < 4; i++) {
        a.keep = &held[i];
        want[i] = i < 3 ? add_text(text[i], (char)('a' + i)) : want[0];
        enum bl_err err = i == 0   ? side_fetch(&a, true, true)
                          : i == 1 ? side_fetch(&a, false, true)
                          : i == 2 ? side_commit_fetching(&a, 1, 0)
                                   : side_reread(&a, a.ids[0]);
        assert_int_equal(err, BL_OK);
        assert_int_equal(a.n, i < 3 ? 1 : 3);
        have[i] = a.values[0];
        if (i == 0) /* what is pending comes first: the next ones are to be told */
            assert_int_equal(side_commit(&a, 1), BL_OK);
    }
    side_close(&a);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = i; k < 4; k++)
            assert_true(bl_str_eq(have[k], want[k]));
        bl_held_release(&held[i]);
    }
}

/* SPEC 3.4 */
static void behind_a_commit_that_finds_nothing_unread_time_enters(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    assert_int_equal(side_commit_fetching(&a, 0, 1000), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    side_close(&a);
}

static void over_maxmemory_a_commit_fetches_by_script(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    side_append(2);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    side_append(3);
    freeReplyObject(bl_test_redis(&side_redis, "CONFIG SET maxmemory 1mb"));
    assert_int_equal(side_commit_fetching(&a, 2, 0), BL_OK);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 2);
    assert_int_equal(a.n, 3);
    assert_int_equal(side_pending(), 3);
    freeReplyObject(bl_test_redis(&side_redis, "CONFIG SET maxmemory 0"));
    side_append(1);
    assert_int_equal(side_commit_fetching(&a, 3, 0), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 5);
    side_close(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(many_fetches_in_a_row_give_each_entry_once),
        STORY(a_fence_stolen_behind_the_watch_gives_nothing),
        STORY(a_fence_that_came_back_gives_nothing_either),
        STORY(an_owner_that_was_robbed_while_it_waited_is_given_nothing),
        STORY(the_fence_is_watched_from_one_fetch_to_the_next),
        STORY(after_a_reconnect_nothing_is_given),
        STORY(after_a_restart_of_redis_the_partition_is_taken_before_anything_is_given),
        STORY(only_time_needs_a_script),
        STORY(over_maxmemory_fetches_go_on),
        STORY(a_commit_fetches_what_comes_next),
        STORY(a_commit_that_is_fenced_fetches_nothing),
        STORY(a_commit_without_a_connection_fetches_nothing),
        STORY(the_deadlines_told_with_a_commit_are_those_after_it),
        STORY(texts_stay_until_they_are_let_go_of),
        STORY(behind_a_commit_that_finds_nothing_unread_time_enters),
        STORY(over_maxmemory_a_commit_fetches_by_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
