/* Who stays at hand and who leaves: two partitions of one worker share a bound on bytes. */
#include "partition/member.h"
#include "worker/owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define T0 1700000000000LL

static struct bl_settings settings;
static int64_t clock_ms;

static int setup(void **state)
{
    struct bl_worker_options options = {.name = "w", .partitions = 2, .hand_max = SIZE_MAX};
    struct bl_ports ports = {0};
    struct bl_worker *w;
    bl_settings_defaults(&settings);
    clock_ms = T0;
    assert_int_equal(bl_worker_new(&options, &ports, &w), BL_OK);
    for (uint16_t p = 0; p < 2; p++) {
        struct bl_partition_sink nobody = {0};
        struct bl_hash_key key = {1, 2};
        assert_int_equal(bl_partition_new(&settings, false, key, 10, 1000, &nobody, &w->owners[p].partition),
                         BL_OK);
        bl_partition_join(w->owners[p].partition, &w->hand, p);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    bl_worker_free(*state); /* looks whether all bytes are given back */
    return 0;
}

static void begin_round(struct bl_worker *w, int p)
{
    w->owners[p].round++;
    w->owners[p].in_round = true;
}

static void end_round(struct bl_worker *w, int p)
{
    bl_partition_clean(w->owners[p].partition);
    w->owners[p].in_round = false;
    owner_evict(&w->owners[p]);
}

static struct bl_str name_of(int i)
{
    static char name[24];
    return (struct bl_str){name, (size_t)snprintf(name, sizeof name, "user-%d", i)};
}

static struct bl_member *find(struct bl_worker *w, int p, int i)
{
    return bl_partition_member(w->owners[p].partition, name_of(i));
}

/* User i of the partition acts, in the round under way; loaded if he is not there. */
static void acts(struct bl_worker *w, int p, int i)
{
    struct owner *o = &w->owners[p];
    struct bl_member *m = find(w, p, i);
    struct bl_record r = {.user_id = name_of(i),
                          .event = {.action = BL_ACTION_PAGE_VIEW, .page = BL_STR("/a/page/of/it")},
                          .made_id = true,
                          .timestamp_ms = -1,
                          .sent_at_ms = -1};
    if (m) {
        owner_touch(o, m);
    } else {
        assert_int_equal(bl_partition_member_put(o->partition, r.user_id, NULL, &m), BL_OK);
        owner_came(o, m);
    }
    assert_int_equal(bl_partition_record(o->partition, &r, clock_ms++), BL_OK);
    owner_changed(o);
}

static void act(struct bl_worker *w, int p, int from, int to)
{
    for (int i = from; i < to; i++) {
        begin_round(w, p);
        acts(w, p, i);
        end_round(w, p);
    }
}

static void nobody_leaves_below_the_bound(void **state)
{
    struct bl_worker *w = *state;
    act(w, 0, 0, 300);
    act(w, 1, 0, 300);
    assert_int_equal(bl_hand_members(&w->hand), 600);
    assert_int_equal(w->totals.evicted, 0);
    assert_true(w->hand.bytes > 600 * sizeof(struct bl_member));
}

static void a_partition_that_grows_takes_from_those_who_are_idle(void **state)
{
    struct bl_worker *w = *state;
    act(w, 0, 0, 300);
    act(w, 1, 0, 10);
    w->options.hand_max = w->hand.bytes;
    for (int i = 10; i < 2000; i++) {
        act(w, 1, i, i + 1);
        act(w, 0, 299, 300); /* one who is not idle */
        assert_true(w->hand.bytes <= w->options.hand_max);
    }
    assert_non_null(find(w, 0, 299));
    assert_int_equal(bl_partition_members(w->owners[0].partition), 1);
    for (int i = 1900; i < 2000; i++)
        assert_non_null(find(w, 1, i));
    assert_null(find(w, 1, 0));
    assert_int_equal(w->totals.evicted, 300 + 2000 - bl_hand_members(&w->hand));
}

static void free_room_goes_before_anybody_does(void **state)
{
    struct bl_worker *w = *state;
    act(w, 0, 0, 300);
    w->options.hand_max = w->hand.bytes * 3 / 4;
    for (int i = 0; i < 300; i++)
        owner_evict(&w->owners[0]);
    assert_int_equal(w->totals.evicted, 0);
    assert_true(w->hand.bytes <= w->options.hand_max);
    assert_true(w->hand.tight.n > 0);
    const struct bl_member *m = w->hand.tight.first;
    assert_int_equal(m->state->n_visits, m->state->room.visits);
    act(w, 0, 0, 300); /* and comes again */
    assert_true(w->hand.bytes <= w->options.hand_max);
    assert_int_equal(w->totals.evicted, 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(find(w, 0, i)->state->n_window, 2);
}

static void who_is_needed_stays_until_the_round_is_over(void **state)
{
    struct bl_worker *w = *state;
    w->options.hand_max = 1;
    begin_round(w, 0);
    for (int i = 0; i < 300; i++)
        acts(w, 0, i);
    begin_round(w, 1);
    for (int i = 0; i < 10; i++)
        acts(w, 1, i);
    assert_int_equal(bl_hand_members(&w->hand), 310);
    for (int i = 0; i < 10; i++)
        end_round(w, 1);
    assert_int_equal(bl_partition_members(w->owners[0].partition), 300);
    assert_int_equal(bl_partition_members(w->owners[1].partition), 0);
    bl_partition_clean(w->owners[0].partition); /* stored, but its deadlines may still be asked for */
    owner_evict(&w->owners[1]);
    assert_int_equal(bl_partition_members(w->owners[0].partition), 300);
    for (int i = 0; i < 10; i++)
        end_round(w, 0);
    assert_int_equal(bl_hand_members(&w->hand), 0);
}

/* Looked at: so many for one who comes or changes, whatever there is to do. */
static void the_work_for_one_who_comes_is_bounded(void **state)
{
    struct bl_worker *w = *state;
    act(w, 0, 0, 1000);
    w->options.hand_max = 1;
    begin_round(w, 1);
    size_t before = w->hand.tight.n;
    acts(w, 1, 0);
    size_t changed = w->hand.tight.n - before + w->totals.evicted;
    assert_true(changed > 0 && changed <= BL_EVICT_COMER + BL_EVICT_CHANGED);
    end_round(w, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_leaves_below_the_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partition_that_grows_takes_from_those_who_are_idle, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(free_room_goes_before_anybody_does, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_needed_stays_until_the_round_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_work_for_one_who_comes_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
