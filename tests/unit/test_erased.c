/* Tombstones (include/bl/app/erased.h): sorted, bounded, the oldest forgotten first. */
#include "bl/app/erased.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct bl_hash_key key = {1, 2}, other = {1, 3};

static struct bl_hash128 of(int user)
{
    char id[16];
    snprintf(id, sizeof id, "u%d", user);
    return bl_erased_hash(key, bl_str_of(id));
}

static void add(struct bl_erased *e, int user, int64_t at_ms)
{
    bool forgotten;
    struct bl_hash128 oldest;
    assert_int_equal(bl_erased_add(e, of(user), at_ms, &forgotten, &oldest), BL_OK);
    assert_false(forgotten);
}

static void who_was_added_is_found_until_removed(void **state)
{
    struct bl_erased e;
    (void)state;
    bl_erased_init(&e, 1000, key);
    assert_false(bl_erased_has(&e, BL_STR("u1")));
    for (int i = 0; i < 500; i += 2)
        add(&e, i, i);
    for (int i = 0; i < 500; i++)
        assert_true((bl_erased_find(&e, of(i)) != NULL) == (i % 2 == 0));
    assert_true(bl_erased_has(&e, BL_STR("u4")));
    e.key = other; /* only with the data set's key */
    assert_false(bl_erased_has(&e, BL_STR("u4")));
    e.key = key;
    assert_true(bl_erased_remove(&e, of(4)));
    assert_false(bl_erased_remove(&e, of(4)));
    assert_false(bl_erased_has(&e, BL_STR("u4")));
    assert_int_equal(e.n, 249);
    bl_erased_release(&e);
}

static void a_tombstone_has_the_time_of_the_last_erasure(void **state)
{
    struct bl_erased e;
    (void)state;
    bl_erased_init(&e, 1000, key);
    add(&e, 1, 10);
    add(&e, 1, 20);
    assert_int_equal(e.n, 1);
    assert_int_equal(bl_erased_find(&e, of(1))->at_ms, 20);
    bl_erased_release(&e);
}

static void past_the_bound_the_oldest_is_forgotten(void **state)
{
    struct bl_erased e;
    bool forgotten;
    struct bl_hash128 oldest;
    (void)state;
    bl_erased_init(&e, 3, key);
    add(&e, 1, 30);
    add(&e, 2, 10);
    add(&e, 3, 20);
    assert_int_equal(bl_erased_add(&e, of(4), 40, &forgotten, &oldest), BL_OK);
    assert_true(forgotten && oldest.hi == of(2).hi && oldest.lo == of(2).lo);
    assert_true(e.n == 3 && !bl_erased_find(&e, of(2)) && bl_erased_find(&e, of(4)));
    bl_erased_release(&e);
}

static void many_at_once_are_as_one_by_one(void **state)
{
    struct bl_erased e;
    (void)state;
    bl_erased_init(&e, 1000, key);
    add(&e, 3, 5);
    for (int i = 0; i < 500; i += 2)
        assert_int_equal(bl_erased_put(&e, of(i), i), BL_OK);
    assert_int_equal(bl_erased_put(&e, of(4), 2000), BL_OK); /* again, later; and earlier */
    assert_int_equal(bl_erased_put(&e, of(6), 1), BL_OK);
    bl_erased_settle(&e);
    assert_int_equal(e.n, 251);
    for (int i = 0; i < 500; i++)
        assert_true((bl_erased_find(&e, of(i)) != NULL) == (i % 2 == 0 || i == 3));
    assert_int_equal(bl_erased_find(&e, of(4))->at_ms, 2000);
    assert_int_equal(bl_erased_find(&e, of(6))->at_ms, 6);
    while (e.n < e.max)
        assert_int_equal(bl_erased_put(&e, of((int)e.n + 1000), 1), BL_OK);
    assert_int_equal(bl_erased_put(&e, of(9999), 1), BL_ERR_TOO_LARGE);
    bl_erased_release(&e);
}

static void a_hash_is_written_and_read(void **state)
{
    char hex[BL_ERASED_HEX];
    struct bl_hash128 back;
    (void)state;
    bl_erased_hex(of(7), hex);
    assert_true(bl_erased_parse((struct bl_str){hex, sizeof hex}, &back));
    assert_true(back.hi == of(7).hi && back.lo == of(7).lo);
    assert_false(bl_erased_parse((struct bl_str){hex, 31}, &back));
    assert_false(bl_erased_parse(BL_STR("0123456789abcdef0123456789abcdeg"), &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_added_is_found_until_removed),
        cmocka_unit_test(a_tombstone_has_the_time_of_the_last_erasure),
        cmocka_unit_test(past_the_bound_the_oldest_is_forgotten),
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(a_hash_is_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
