/* Whose turn it is, and whose commit goes out when: owners with rounds of a given size at the gate, over ports that answer
 * when they are told. */
#include "worker/owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OWNERS 4
#define SMALL  1000
#define LARGE  1000000

static int64_t now;

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return now;
}

static void end(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    (void)ctx;
    (void)p;
    (void)fn;
    (void)arg;
}

static struct batch_entry round_of[OWNERS];
static size_t commit_bytes; /* 0: as many as the round's */

static size_t put_bytes(void *ctx, int p)
{
    (void)ctx;
    return commit_bytes ? commit_bytes : round_of[p].value.n;
}

static int64_t paused_ms;

static void pause_for(void *ctx, int p, int64_t ms, bl_done_fn *fn, void *arg)
{
    (void)ctx;
    (void)p;
    (void)fn;
    (void)arg;
    paused_ms = ms;
}

static int n_put;

static void put_fetch(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                      void *arg)
{
    (void)ctx;
    (void)p;
    (void)max;
    (void)tick;
    (void)passed_ms;
    (void)fn;
    (void)arg;
    n_put++;
}

static int setup(void **state)
{
    struct bl_worker_options options = {
        .name = "w", .partitions = OWNERS, .gather_ms = 200, .calm_bytes = BL_CALM_BYTES};
    now = 0;
    struct bl_ports ports = {
        .now_ms = now_ms, .put_bytes = put_bytes, .put_fetch = put_fetch, .end = end, .pause = pause_for};
    commit_bytes = 0;
    struct bl_worker *w;
    if (bl_worker_new(&options, &ports, &w) != BL_OK)
        return -1;
    for (int p = 0; p < OWNERS; p++) {
        w->owners[p].batch.v = &round_of[p];
        w->owners[p].batch.n = w->owners[p].batch.upto = 1;
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct bl_worker *w = *state;
    for (int p = 0; p < OWNERS; p++)
        w->owners[p].batch.v = NULL;
    bl_worker_free(w);
    return 0;
}

/* The owner has put a round of this many bytes. */
static enum owner_state arrives(struct bl_worker *w, int p, size_t bytes)
{
    round_of[p].value.n = bytes;
    w->owners[p].state = OWNER_PAUSED;
    owner_send(&w->owners[p]);
    return w->owners[p].state;
}

static void is_answered(struct bl_worker *w, int p)
{
    assert_int_equal(w->owners[p].state, OWNER_COMMITTING);
    w->owners[p].state = OWNER_FETCHING;
    pace_leave(&w->owners[p], BL_OK);
}

static void small_ones_go_together_and_large_ones_alone(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(arrives(w, 0, SMALL), OWNER_COMMITTING);
    assert_int_equal(arrives(w, 1, SMALL), OWNER_COMMITTING);
    assert_int_equal(arrives(w, 2, LARGE), OWNER_HELD);
    is_answered(w, 0);
    assert_int_equal(w->owners[2].state, OWNER_HELD);
    is_answered(w, 1);
    assert_int_equal(w->owners[2].state, OWNER_COMMITTING);
    assert_int_equal(arrives(w, 3, SMALL), OWNER_HELD);
    is_answered(w, 2);
    assert_int_equal(w->owners[3].state, OWNER_COMMITTING);
    is_answered(w, 3);
    assert_int_equal(w->committing, 0);
    assert_int_equal(w->held, 0);
}

/* Two that overlap without end leave no moment in which nothing is under way. */
static void who_is_held_is_not_passed(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(arrives(w, 0, SMALL), OWNER_COMMITTING);
    assert_int_equal(arrives(w, 2, LARGE), OWNER_HELD);
    assert_int_equal(arrives(w, 1, SMALL), OWNER_HELD);
    is_answered(w, 0);
    assert_true((w->owners[1].state == OWNER_COMMITTING) != (w->owners[2].state == OWNER_COMMITTING));
    bool small_first = w->owners[1].state == OWNER_COMMITTING;
    assert_int_equal(arrives(w, 0, SMALL), OWNER_HELD);
    is_answered(w, small_first ? 1 : 2);
    assert_int_equal(w->owners[2].state, small_first ? OWNER_COMMITTING : OWNER_FETCHING);
}

static void after_a_failure_rounds_are_small_again(void **state)
{
    struct bl_worker *w = *state;
    size_t least = w->round_bytes;
    assert_int_equal(arrives(w, 0, LARGE), OWNER_COMMITTING);
    is_answered(w, 0);
    assert_int_equal(w->round_bytes, 2 * least);
    assert_int_equal(arrives(w, 0, LARGE), OWNER_COMMITTING);
    pace_leave(&w->owners[0], BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(w->round_bytes, least);
}

/* An owner fetches this many bytes, in an entry; with `all` as many entries as it may. */
static void fetches(struct owner *o, size_t bytes, bool all)
{
    struct bl_entry entry[2] = {{.value.n = bytes}, {.value.n = 0}};
    struct bl_fetched f = {.entries = entry, .n = 1};
    o->fetch_max = all ? 1 : 2;
    o->fetched_at = now;
    pace_fetched(o, &f);
}

/* A second in which owner 0 holds that many of the partitions, and fetches so many bytes. */
static int64_t rests_after(struct bl_worker *w, size_t bytes, int held)
{
    for (int p = 0; p < OWNERS; p++)
        w->owners[p].state = p < held ? OWNER_PAUSED : OWNER_FREE;
    fetches(&w->owners[0], 0, false);
    now += 1000;
    fetches(&w->owners[0], bytes, false);
    return pace_rest(&w->owners[0]);
}

static void the_more_comes_in_the_longer_an_owner_rests(void **state)
{
    static const struct {
        size_t bytes;
        int held;
        int64_t ms;
    } t[] = {{0, OWNERS, 0},
             {4000000, OWNERS, 0},
             {5000000, OWNERS, 0},
             {5250000, OWNERS, 40},
             {5625000, OWNERS, 100},
             {6250000, OWNERS, 200},
             {90000000, OWNERS, 200},
             /* other workers have the other partitions */
             {1000000, OWNERS / 4, 0},
             {2500000, OWNERS / 4, 200}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(rests_after(*state, t[i].bytes, t[i].held), t[i].ms);
}

static void the_more_comes_in_the_further_places_may_be_behind(void **state)
{
    static const struct {
        size_t bytes;
        int64_t ms;
    } t[] = {{0, 0}, {1250000, 0}, {2500000, 3000}, {5000000, 9000}, {90000000, 9000}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        (void)rests_after(*state, t[i].bytes, OWNERS);
        assert_int_equal(pace_lag(*state, 9000), t[i].ms);
    }
    struct bl_worker *w = *state;
    w->options.calm_bytes = 0; /* nothing is calm but nothing */
    assert_int_equal(pace_lag(w, 9000), 9000);
    w->load.all = 0;
    assert_int_equal(pace_lag(w, 9000), 0);
}

/* By the clock: every 200 ms, whenever who fetched last. */
static void rests_end_at_the_same_time(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    for (int p = 1; p < OWNERS; p++) {
        now = 1000 + 40 * p;
        fetches(&w->owners[p], 1000, false);
    }
    now = 1190;
    for (int p = 0; p < OWNERS; p++)
        assert_int_equal(pace_rest(&w->owners[p]), 10);
    now = 1200;
    for (int p = 0; p < OWNERS; p++)
        assert_int_equal(pace_rest(&w->owners[p]), 0);
    fetches(&w->owners[0], 1000, false);
    assert_int_equal(pace_rest(&w->owners[0]), 200);
    now = 1399;
    assert_int_equal(pace_rest(&w->owners[0]), 1);
    now = 2500; /* late */
    assert_int_equal(pace_rest(&w->owners[0]), 0);
}

static void a_rest_is_over_once(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    now += 150;
    assert_int_equal(pace_rest(&w->owners[0]), 50);
    now += 150;
    assert_true(pace_rest(&w->owners[0]) <= 0);
}

static void who_is_behind_does_not_rest(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    fetches(&w->owners[0], 1000, true);
    assert_int_equal(pace_rest(&w->owners[0]), 0);
}

static void when_the_load_ends_so_do_the_rests(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    now += 1000;
    fetches(&w->owners[0], 1000, false);
    assert_int_equal(pace_rest(&w->owners[0]), 0);
}

/* Owners that rest fetch in bursts. */
static void a_moment_of_little_is_not_yet_the_end_of_load(void **state)
{
    struct bl_worker *w = *state;
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    for (int i = 0; i < 3; i++) { /* 10, 7.5 and 5.6 MB/s are believed, then 4.2 */
        assert_false(pace_is_calm(w));
        now += 200;
        fetches(&w->owners[0], 0, false);
    }
    assert_true(pace_is_calm(w));
}

static bool fetches_ahead(struct bl_worker *w)
{
    n_put = 0;
    assert_int_equal(arrives(w, 0, SMALL), OWNER_COMMITTING);
    assert_int_equal(w->owners[0].ahead, n_put == 1);
    is_answered(w, 0);
    return n_put == 1;
}

static void the_last_commit_of_a_batch_fetches_the_next_unless_something_comes_between(void **state)
{
    struct bl_worker *w = *state;
    struct owner *o = &w->owners[0];
    assert_true(fetches_ahead(w));
    o->batch.n = 2;
    assert_false(fetches_ahead(w)); /* another round */
    o->batch.n = 1;
    o->partial = true;
    assert_false(fetches_ahead(w)); /* the same entries once more */
    o->partial = false;
    o->pending = true;
    assert_false(fetches_ahead(w)); /* what a predecessor left comes first */
    o->pending = false;
    o->give_up = true;
    assert_false(fetches_ahead(w)); /* it would be given back, and count as handed out */
    o->give_up = false;
    o->tended_at = -OWNER_TEND_MS;
    assert_false(fetches_ahead(w)); /* retention is due */
    o->tended_at = 0;
    assert_true(fetches_ahead(w));
    assert_int_equal(rests_after(w, 10000000, OWNERS), 200);
    o->tended_at = now;
    assert_false(fetches_ahead(w)); /* it rests first */
}

/* Once in each second that begins with its own part of one. */
static void partitions_tend_one_after_the_other(void **state)
{
    struct bl_worker *w = *state;
    int64_t due_ms[OWNERS];
    now = 10 * OWNER_TEND_MS;
    for (int p = 0; p < OWNERS; p++) {
        int64_t part_ms = OWNER_TEND_MS * p / OWNERS, from = now + part_ms;
        w->owners[p].tended_at = from;
        for (due_ms[p] = from; !fetch_is_untended(&w->owners[p], due_ms[p]); due_ms[p]++)
            assert_true(due_ms[p] <= from + OWNER_TEND_MS);
        assert_int_equal(due_ms[p], from + OWNER_TEND_MS);
    }
    w->owners[1].tended = true;
    assert_false(fetch_is_untended(&w->owners[1], due_ms[1])); /* it has not fetched since */
    w->owners[1].tended = false;
    w->owners[1].trim_more = true;
    assert_true(fetch_is_untended(&w->owners[1], w->owners[1].tended_at + OWNER_TRIM_MS));
}

static void rounds_stay_far_from_what_can_be_sent_at_once(void **state)
{
    struct bl_worker *w = *state;
    size_t least = w->round_bytes;
    arrives(w, 0, LARGE);
    is_answered(w, 0);
    assert_int_equal(w->round_bytes, 2 * least);
    commit_bytes = BL_LINK_BYTES_MAX / 4 + 1;
    arrives(w, 0, LARGE);
    is_answered(w, 0);
    assert_int_equal(w->round_bytes, 2 * least);
    commit_bytes = BL_LINK_BYTES_MAX / 2 + 1;
    arrives(w, 0, LARGE);
    is_answered(w, 0);
    assert_int_equal(w->round_bytes, least);
}

static void works_on(void *arg, enum bl_err err)
{
    (void)arg;
    (void)err;
}

static bool may_work(struct bl_worker *w, int p)
{
    return turn_take(&w->owners[p], works_on);
}

static void one_works_and_who_began_first_is_next(void **state)
{
    struct bl_worker *w = *state;
    for (int p = OWNERS - 1; p >= 0; p--)
        turn_draw(&w->owners[p]);
    assert_true(may_work(w, 0));
    assert_true(may_work(w, 0)); /* to step, and to put */
    assert_false(may_work(w, 1));
    assert_false(may_work(w, 2));
    turn_leave(&w->owners[1]); /* not his */
    assert_int_equal(w->owners[2].state, OWNER_IN_LINE);
    paused_ms = -1;
    turn_leave(&w->owners[0]);
    assert_int_equal(paused_ms, 0);
    assert_int_equal(w->owners[2].state, OWNER_PAUSED);
    assert_int_equal(w->owners[1].state, OWNER_IN_LINE);
    assert_true(may_work(w, 2));
    assert_false(may_work(w, 3)); /* began first of all, and waits for who is at work */
    turn_leave(&w->owners[2]);
    assert_int_equal(w->owners[3].state, OWNER_PAUSED);
    turn_leave(&w->owners[3]);
    turn_leave(&w->owners[1]);
    assert_null(w->at_work);
    assert_true(may_work(w, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_ones_go_together_and_large_ones_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_held_is_not_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_more_comes_in_the_longer_an_owner_rests, setup, teardown),
        cmocka_unit_test_setup_teardown(the_more_comes_in_the_further_places_may_be_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(partitions_tend_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(rests_end_at_the_same_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rest_is_over_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_behind_does_not_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(when_the_load_ends_so_do_the_rests, setup, teardown),
        cmocka_unit_test_setup_teardown(a_moment_of_little_is_not_yet_the_end_of_load, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_last_commit_of_a_batch_fetches_the_next_unless_something_comes_between, setup, teardown),
        cmocka_unit_test_setup_teardown(rounds_stay_far_from_what_can_be_sent_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(one_works_and_who_began_first_is_next, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_failure_rounds_are_small_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
