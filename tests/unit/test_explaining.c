/* When a model is asked, and when not. */
#include "bl/app/explaining.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct bl_explaining e;

static bool wants(const char *change, const char *type, const char *severity)
{
    return bl_explaining_wants(&e, bl_str_of(change), bl_str_of(type), bl_str_of(severity));
}

static void patterns_are_chosen_by_type_and_severity(void **state)
{
    (void)state;
    bl_explaining_init(&e, "", BL_MEDIUM, 10, 1000);
    assert_true(wants("new", "hesitation", "medium"));
    assert_true(wants("raised", "abandonment", "high"));
    assert_false(wants("new", "hesitation", "low"));
    assert_false(wants("resolved", "hesitation", "high"));
    assert_false(wants("explained", "hesitation", "high"));
    assert_false(wants("new", "no-such-type", "high"));
    assert_false(wants("new", "hesitation", ""));
    bl_explaining_init(&e, "rage-click,quick-back", BL_LOW, 10, 1000);
    assert_true(wants("new", "rage-click", "low"));
    assert_true(wants("new", "quick-back", "low"));
    assert_false(wants("new", "hesitation", "high"));
    assert_false(wants("new", "rage", "high"));
}

/* In no minute more than allowed, wherever it begins. */
static void calls_are_bounded_in_every_minute(void **state)
{
    int64_t calls[2000];
    size_t n = 0;
    (void)state;
    bl_explaining_init(&e, "", BL_LOW, 7, 1000);
    for (int64_t now = 0; now < 600000; now += 700)
        while (bl_explaining_may_call(&e, now)) {
            bl_explaining_calls(&e, now);
            calls[n++] = now;
        }
    assert_in_range(n, 63, 70);
    for (size_t i = 7; i < n; i++)
        assert_true(calls[i] - calls[i - 7] >= 60000);
}

static struct bl_explaining_verdict answered(int status, int64_t after_ms, int attempts, int64_t now)
{
    return bl_explaining_answered(&e, status, status ? BL_SILENCE_NONE : BL_SILENCE_TIMEOUT, after_ms,
                                  attempts, now);
}

static void each_answer_has_its_verdict(void **state)
{
    static const struct {
        int status;
        int64_t after_ms;
        enum bl_explained outcome;
        bool again;
        int64_t pause_ms;
    } cases[] = {
        {200, -1, BL_EXPLAINED_WRITTEN, false, 0},       {401, -1, BL_EXPLAINED_KEY, false, 300000},
        {403, -1, BL_EXPLAINED_KEY, false, 300000},      {429, -1, BL_EXPLAINED_LIMITED, true, 1000},
        {429, 20000, BL_EXPLAINED_LIMITED, true, 20000}, {429, INT64_MAX, BL_EXPLAINED_LIMITED, true, 300000},
        {500, -1, BL_EXPLAINED_SERVER, true, 1000},      {529, 5000, BL_EXPLAINED_SERVER, true, 5000},
        {302, -1, BL_EXPLAINED_REFUSED, false, 1000},    {400, -1, BL_EXPLAINED_REFUSED, false, 1000},
        {404, -1, BL_EXPLAINED_REFUSED, false, 1000},    {0, -1, BL_EXPLAINED_TIMEOUT, true, 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_explaining_init(&e, "", BL_LOW, 10, 1000);
        struct bl_explaining_verdict v = answered(cases[i].status, cases[i].after_ms, 1, 50);
        assert_int_equal(v.outcome, cases[i].outcome);
        assert_int_equal(v.again, cases[i].again);
        assert_int_equal(v.pause_ms, cases[i].pause_ms);
        assert_int_equal(bl_explaining_may_call(&e, 50), cases[i].pause_ms == 0);
        assert_true(bl_explaining_may_call(&e, 50 + cases[i].pause_ms));
        assert_false(answered(cases[i].status, -1, BL_EXPLAIN_ATTEMPTS_MAX, 60).again);
    }
}

static void pauses_double_and_end_with_a_success(void **state)
{
    int64_t now = 0, pause = 1000;
    (void)state;
    bl_explaining_init(&e, "", BL_LOW, 10, 1000);
    assert_int_equal(bl_explaining_at_once(&e), BL_EXPLAIN_AT_ONCE);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(answered(503, -1, 1, now).pause_ms, pause);
        for (int k = 0; k < 3; k++) /* the others that were under way change nothing */
            (void)answered(503, -1, 1, now + 1);
        assert_int_equal(bl_explaining_at_once(&e), 1);
        now += pause + 1;
        pause = pause * 2 > 60000 ? 60000 : pause * 2;
    }
    (void)answered(200, -1, 1, now);
    assert_int_equal(bl_explaining_at_once(&e), BL_EXPLAIN_AT_ONCE);
    assert_int_equal(answered(503, -1, 1, now + 100000).pause_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_chosen_by_type_and_severity),
        cmocka_unit_test(calls_are_bounded_in_every_minute),
        cmocka_unit_test(each_answer_has_its_verdict),
        cmocka_unit_test(pauses_double_and_end_with_a_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
