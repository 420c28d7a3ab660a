/* Shares of partitions: everyone computes the same, and they add up. */
#include "worker/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void shares_add_up_and_differ_by_at_most_one(void **state)
{
    (void)state;
    for (size_t p = 0; p <= 64; p++)
        for (size_t n = 1; n <= 70; n++) {
            size_t sum = 0, least = p, most = 0;
            for (size_t rank = 0; rank < n; rank++) {
                size_t share = bl_share(p, n, rank);
                assert_int_equal(bl_share_start(p, n, rank), p ? sum % p : 0);
                sum += share;
                least = share < least ? share : least;
                most = share > most ? share : most;
            }
            assert_int_equal(sum, p);
            assert_true(most - least <= 1);
        }
}

static void who_is_alone_takes_all(void **state)
{
    (void)state;
    assert_int_equal(bl_share(8, 0, 0), 8);
    assert_int_equal(bl_share(8, 1, 0), 8);
}

static void who_is_not_in_the_list_gets_nothing_beyond_the_least(void **state)
{
    (void)state;
    const struct bl_str names[] = {{"a", 1}, {"b", 1}};
    assert_int_equal(bl_share_rank(names, 2, BL_STR("b")), 1);
    assert_int_equal(bl_share_rank(names, 2, BL_STR("c")), 2);
    assert_int_equal(bl_share(9, 2, 2), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_and_differ_by_at_most_one),
        cmocka_unit_test(who_is_alone_takes_all),
        cmocka_unit_test(who_is_not_in_the_list_gets_nothing_beyond_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
