/* Limits of the backlog between two looks at the store: what is refused, and when to look again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/app/backlog.h"

static struct bl_backlog b;

static void begin(int64_t entries, int64_t bytes, int64_t stream, int64_t headroom)
{
    bl_backlog_init(&b, &(struct bl_backlog_options){2, entries, bytes, stream, headroom});
}

static void look(int64_t length, int64_t lag)
{
    bl_backlog_asked(&b);
    b.part[0].length = length;
    b.part[0].lag = lag;
    bl_backlog_seen(&b);
}

static void send(int n, size_t bytes)
{
    for (int i = 0; i < n; i++)
        bl_backlog_sent(&b, 0, bytes);
}

static void own_entries_count_until_they_are_seen(void **state)
{
    (void)state;
    begin(100, 1 << 20, 1000, 10);
    look(90, 90);
    send(9, 10);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ROOM);
    send(1, 10);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ENTRIES);
    assert_int_equal(bl_backlog_state(&b, 1), BL_BACKLOG_ROOM);
    assert_int_equal(bl_backlog_state(&b, -1), BL_BACKLOG_ROOM); /* the other partition has room */
    look(100, 50);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ROOM);
}

static void what_is_sent_during_a_look_counts_on(void **state)
{
    (void)state;
    begin(100, 1 << 20, 1000, 10);
    bl_backlog_asked(&b);
    send(60, 10);
    b.part[0].lag = b.part[0].length = 40; /* as it was before them */
    bl_backlog_seen(&b);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ENTRIES);
}

static void others_who_append_are_reckoned_with(void **state)
{
    (void)state;
    begin(100, 1 << 20, 1000, 10);
    look(0, 0);
    b.shares = 4;
    send(24, 10);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ROOM);
    send(1, 10);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ENTRIES);
}

static void a_stream_too_long_is_full_though_nothing_waits(void **state)
{
    (void)state;
    begin(100, 1 << 20, 1000, 10);
    look(1000, 0);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ENTRIES);
}

static void bytes_are_reckoned_from_a_sample_and_what_was_sent(void **state)
{
    (void)state;
    begin(1000000, 100000, 1000000, 10);
    look(5000, 40);
    b.part[0].sample_entries = 16;
    b.part[0].sample_bytes = 32000;
    assert_int_equal(bl_backlog_bytes(&b, 0), 80000);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ROOM);
    send(1, 20000);
    assert_int_equal(bl_backlog_bytes(&b, 0), 100000);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_BYTES);
    look(5001, 10);
    assert_int_equal(bl_backlog_state(&b, 0), BL_BACKLOG_ROOM);
}

static void the_workers_keep_their_part_of_the_memory(void **state)
{
    (void)state;
    begin(1000000, 1 << 30, 1000000, 10);
    b.max = 1000000;
    b.used = 899999;
    look(0, 0);
    assert_int_equal(bl_backlog_state(&b, -1), BL_BACKLOG_ROOM);
    send(1, 100);
    assert_int_equal(bl_backlog_state(&b, -1), BL_BACKLOG_MEMORY);
    b.max = 0;
    assert_int_equal(bl_backlog_state(&b, -1), BL_BACKLOG_ROOM);
}

static void everywhere_full_is_full_as_a_whole(void **state)
{
    (void)state;
    begin(100, 1 << 20, 1000, 10);
    look(100, 100);
    b.part[1].lag = 100;
    assert_int_equal(bl_backlog_state(&b, -1), BL_BACKLOG_ENTRIES);
}

static void near_a_limit_looks_are_due_sooner(void **state)
{
    (void)state;
    begin(1000, 1 << 20, 10000, 10);
    look(0, 0);
    send(249, 10);
    assert_false(bl_backlog_is_stale(&b, 0));
    send(1, 10);
    assert_true(bl_backlog_is_stale(&b, 0));
    look(990, 990);
    assert_false(bl_backlog_is_stale(&b, 0));
    send(3, 10);
    assert_true(bl_backlog_is_stale(&b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_entries_count_until_they_are_seen),
        cmocka_unit_test(what_is_sent_during_a_look_counts_on),
        cmocka_unit_test(others_who_append_are_reckoned_with),
        cmocka_unit_test(a_stream_too_long_is_full_though_nothing_waits),
        cmocka_unit_test(bytes_are_reckoned_from_a_sample_and_what_was_sent),
        cmocka_unit_test(the_workers_keep_their_part_of_the_memory),
        cmocka_unit_test(everywhere_full_is_full_as_a_whole),
        cmocka_unit_test(near_a_limit_looks_are_due_sooner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
