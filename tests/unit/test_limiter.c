/* Token buckets under clocks turned by hand: what is let through, how long to wait, and who is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/app/limiter.h"
#include "bl/base/limits.h"

#include <stdio.h>

static const struct bl_hash_key key = {1, 2};

static struct bl_limiter limiter(int64_t per_second, int64_t burst, size_t places)
{
    struct bl_limiter l;
    assert_int_equal(bl_limiter_init(&l, (struct bl_rate){per_second, burst}, places, key), BL_OK);
    return l;
}

/* How many of n get through. */
static int takes(struct bl_limiter *l, const char *name, int n, int64_t now_ms)
{
    int taken = 0;
    for (int i = 0; i < n; i++)
        taken += bl_limiter_take(l, bl_str_of(name), now_ms) == 0;
    return taken;
}

static void a_bucket_has_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t per_second, burst;
        size_t shares;
        struct {
            int64_t at_ms;
            int asked, taken;
            int64_t wait_ms; /* of the next one */
        } step[6];
    } stories[] = {
        {"whole tokens", 10, 5, 1, {{0, 9, 5, 100}, {99, 3, 0, 1}, {100, 3, 1, 100}, {1000, 20, 5, 100}}},
        {"a token a second, in parts of a ms",
         1,
         1,
         1,
         {{0, 2, 1, 1000}, {999, 1, 0, 1}, {1000, 2, 1, 1000}}},
        {"no remainder is lost",
         3,
         2,
         1,
         {{0, 3, 2, 334}, {334, 2, 1, 333}, {666, 1, 0, 1}, {667, 1, 1, 333}, {1000, 2, 1, 334}}},
        {"more than one a ms", 5000, 10, 1, {{0, 20, 10, 1}, {1, 9, 5, 1}, {2, 9, 5, 1}, {100, 20, 10, 1}}},
        {"a third of it", 30, 30, 3, {{0, 40, 10, 100}, {100, 2, 1, 100}, {10000, 40, 10, 100}}},
        {"a share has one token at least", 10, 1, 4, {{0, 3, 1, 400}, {399, 1, 0, 1}, {400, 3, 1, 400}}},
        {"time that goes back gives nothing",
         10,
         5,
         1,
         {{1000, 9, 5, 100}, {500, 9, 0, 100}, {600, 9, 1, 100}, {-7000, 1, 0, 100}, {-6900, 2, 1, 100}}},
        {"time that jumps ahead fills it once", 10, 5, 1, {{0, 9, 5, 100}, {INT64_MAX / 2, 9, 5, 100}}},
        {"the largest there is",
         BL_RATE_MAX,
         BL_RATE_MAX,
         1,
         {{0, 1000, 1000, 0}, {INT64_MAX / 2, 1000, 1000, 0}}},
    };
    for (size_t s = 0; s < sizeof stories / sizeof stories[0]; s++) {
        struct bl_limiter l = limiter(stories[s].per_second, stories[s].burst, 64);
        if (stories[s].shares > 1)
            bl_limiter_share(&l, stories[s].shares);
        for (size_t i = 0; i < 6 && stories[s].step[i].asked; i++) {
            int64_t at = stories[s].step[i].at_ms;
            int taken = takes(&l, "x", stories[s].step[i].asked, at);
            int64_t wait = bl_limiter_ask(&l, BL_STR("x"), at);
            if (taken != stories[s].step[i].taken || wait != stories[s].step[i].wait_ms)
                fail_msg("%s, step %zu: %d taken, wait %lld", stories[s].name, i, taken, (long long)wait);
        }
        bl_limiter_release(&l);
    }
}

/* In any stretch of time no more than burst + rate * time, however it is cut, and no less if all of it is asked for. */
static void over_a_long_time_the_rate_is_exact(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 3, 7, 100, 333, 999, 1001, 30000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct bl_limiter l = limiter(rates[i], 50, 64);
        int64_t taken = 0;
        for (int64_t now = 0; now <= 10000; now++)
            while (bl_limiter_take(&l, BL_STR("x"), now) == 0)
                taken++;
        assert_int_equal(taken, 50 + 10 * rates[i]);
        bl_limiter_release(&l);
    }
}

static void without_a_rate_there_is_no_limit_and_no_memory(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(0, 1, 1000000);
    assert_int_equal(takes(&l, "x", 10000, 0), 10000);
    assert_null(l.places);
    bl_limiter_spend(&l, BL_STR("x"), 5, 0);
    assert_int_equal(bl_limiter_ask(&l, BL_STR("x"), 0), 0);
    bl_limiter_release(&l);
}

static void names_have_buckets_of_their_own(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(1, 3, 64);
    assert_int_equal(takes(&l, "a", 9, 0), 3);
    assert_int_equal(takes(&l, "b", 9, 0), 3);
    assert_int_equal(takes(&l, "", 9, 0), 3);
    assert_int_equal(takes(&l, "a", 9, 0), 0);
    bl_limiter_release(&l);
}

static void what_costs_more_than_it_seemed_overdraws_once(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(100, 1000, 64);
    assert_int_equal(bl_limiter_ask(&l, BL_STR("k"), 0), 0);
    bl_limiter_spend(&l, BL_STR("k"), 5000, 0);
    assert_int_equal(bl_limiter_ask(&l, BL_STR("k"), 0), 40010);
    assert_int_equal(bl_limiter_ask(&l, BL_STR("k"), 40009), 1);
    assert_int_equal(bl_limiter_ask(&l, BL_STR("k"), 40010), 0);
    bl_limiter_spend(&l, BL_STR("k"), SIZE_MAX, 40010);
    assert_true(bl_limiter_ask(&l, BL_STR("k"), 40010) > 0); /* no overflow made it rich */
    bl_limiter_spend(&l, BL_STR("k"), SIZE_MAX, 40011);
    assert_true(bl_limiter_ask(&l, BL_STR("k"), 40011) > 0);
    bl_limiter_release(&l);
}

static void other_shares_leave_what_was_spent(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(10, 100, 64);
    assert_int_equal(takes(&l, "x", 60, 0), 60);
    bl_limiter_share(&l, 2);
    assert_int_equal(takes(&l, "x", 60, 0), 20);
    bl_limiter_share(&l, 1);
    assert_int_equal(takes(&l, "x", 60, 0), 0);
    assert_int_equal(takes(&l, "x", 60, 1000), 10);
    bl_limiter_release(&l);
}

/* The attack: be held back, then invent names until the table has forgotten you. */
static void invented_names_never_free_who_is_held_back(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(100, 1000, 1024);
    char name[32];
    assert_int_equal(takes(&l, "attacker", 2000, 0), 1000);
    for (int i = 0; i < 100000; i++) { /* all in the same ms: nothing refills */
        snprintf(name, sizeof name, "invented-%d", i);
        takes(&l, name, 1 + i % 7, 0);
        if (i % 1000 == 0)
            assert_int_equal(takes(&l, "attacker", 1, 0), 0);
    }
    assert_true(l.forgotten > 0);
    assert_int_equal(takes(&l, "attacker", 1, 0), 0);
    bl_limiter_release(&l);
}

/* What it would take instead: as much spent by as many others. */
static void to_be_forgotten_costs_more_than_it_gives(void **state)
{
    (void)state;
    enum { PLACES = 256, BURST = 100 };
    struct bl_limiter l = limiter(1, BURST, PLACES);
    char name[32];
    long spent = 0;
    assert_int_equal(takes(&l, "attacker", BURST, 0), BURST);
    while (bl_limiter_ask(&l, BL_STR("attacker"), 0) > 0 && spent < 10000000) {
        snprintf(name, sizeof name, "invented-%ld", spent);
        spent += takes(&l, name, BURST, 0);
    }
    assert_true(spent >= 7 * BURST);
    bl_limiter_release(&l);
}

/* A bucket that is full again costs nobody a place: a million users at a slow pace are all remembered while it matters. */
static void a_full_bucket_gives_its_place_without_loss(void **state)
{
    (void)state;
    struct bl_limiter l = limiter(100, 1000, 4096);
    char name[32];
    for (int i = 0; i < 100000; i++) { /* 20 users a ms, each owes 10 ms: 200 buckets at a time */
        snprintf(name, sizeof name, "user-%d", i);
        assert_int_equal(bl_limiter_take(&l, bl_str_of(name), i / 20), 0);
    }
    assert_int_equal(l.forgotten, 0);
    bl_limiter_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_has_its_burst_and_then_its_rate),
        cmocka_unit_test(over_a_long_time_the_rate_is_exact),
        cmocka_unit_test(without_a_rate_there_is_no_limit_and_no_memory),
        cmocka_unit_test(names_have_buckets_of_their_own),
        cmocka_unit_test(what_costs_more_than_it_seemed_overdraws_once),
        cmocka_unit_test(other_shares_leave_what_was_spent),
        cmocka_unit_test(invented_names_never_free_who_is_held_back),
        cmocka_unit_test(to_be_forgotten_costs_more_than_it_gives),
        cmocka_unit_test(a_full_bucket_gives_its_place_without_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
