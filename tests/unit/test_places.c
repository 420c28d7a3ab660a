/* Small things that go out as text: the id of a stream's event (src/app/place.h), and times in buckets
 * (bl/app/latency.h). */
#include "bl/app/latency.h"
#include "place.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- ids as text */

static void an_id_is_read_as_it_was_written(void **state)
{
    static const struct place cases[][4] = {
        {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
        {{1795328358864, 0, 0}, {0, 0, 0}, {1795328358860, 35, 255}, {1, 36, 1}},
        {{UINT64_MAX, UINT64_MAX >> 8, 255}, {0, 1, 0}, {1, 0, 7}, {0, 0, 0}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place at[BL_PARTITIONS_MAX];
        struct bl_buf out;
        bl_buf_init(&out, 0);
        places_write(cases[i], 4, &out);
        assert_int_equal(places_read(bl_buf_view(&out), at), 4);
        for (int p = 0; p < 4; p++) {
            assert_int_equal(place_cmp(at[p], cases[i][p]), 0);
            assert_int_equal(at[p].mark, cases[i][p].mark);
        }
        bl_buf_release(&out);
    }
}

static void what_is_no_id_is_not_read(void **state)
{
    static const char *const cases[] = {
        "",    ".",     "hello", "a.b",    "0.1",
        "z.",  "5.-_1", "5.1_",  "5._1",   "5.1 2",
        "5.A", "-1.-",  "5..5",  "5.0_-1", "zzzzzzzzzzzzzzzz.0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place at[BL_PARTITIONS_MAX];
        if (places_read(bl_str_of(cases[i]), at) != 0)
            fail_msg("taken for an id: %s", cases[i]);
    }
}

static void a_mark_is_the_first_byte_of_a_pattern_id(void **state)
{
    (void)state;
    assert_int_equal(place_mark(BL_STR("a0ffffffffffffffffffffffffffffff")), 0xa0);
    assert_int_equal(place_mark(BL_STR("0F")), 0x0f);
    assert_int_equal(place_mark(BL_STR("1")), 0);
    assert_int_equal(place_mark(BL_STR("1g")), 0);
    assert_int_equal(place_mark((struct bl_str){0}), 0);
}

/* --- latency */

static void quantiles_of_times(void **state)
{
    struct bl_latency l = {0}, copy = {0};
    double ms;
    (void)state;
    assert_false(bl_latency_quantile(&l, 0.5, &ms));
    for (int i = 1; i <= 100; i++)
        bl_latency_add(&l, i);
    assert_true(bl_latency_quantile(&l, 0.5, &ms) && ms >= 48 && ms <= 52);
    assert_true(bl_latency_quantile(&l, 0.99, &ms) && ms >= 96 && ms <= 128);
    bl_latency_add(&l, -5);
    bl_latency_add(&l, 1000000);
    assert_true(bl_latency_quantile(&l, 1, &ms) && ms >= 8192);
    for (size_t i = 0; i <= BL_LATENCY_BUCKETS; i++)
        assert_true(bl_latency_take(&copy, bl_str_of(bl_latency_name(i)),
                                    i < BL_LATENCY_BUCKETS ? l.bucket[i] : l.sum_ms));
    assert_memory_equal(&l, &copy, sizeof l);
    assert_false(bl_latency_take(&copy, BL_STR("events_total"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_id_is_not_read),
        cmocka_unit_test(a_mark_is_the_first_byte_of_a_pattern_id),
        cmocka_unit_test(quantiles_of_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
