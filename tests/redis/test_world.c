/* The worker's ports on a real redis-server: who may do what, and what a commit leaves. The names of the invariants
 * are those of src/ARCHITECTURE.md. */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>

/* Invariant: one writer per partition. */
static void a_lease_excludes_others_and_gives_epochs_that_grow(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    assert_true(side_acquire(&a));
    assert_int_equal(a.acquired.epoch, 1);
    assert_false(side_acquire(&b));
    assert_int_equal(side_renew(&a), BL_OK);
    a.ports.release(a.ports.ctx, 0, side_done, &a);
    side_run(&a);
    assert_true(side_acquire(&b));
    assert_int_equal(b.acquired.epoch, 2);
    assert_int_equal(side_renew(&a), BL_ERR_FENCED);
    side_close(&a);
    side_close(&b);
}

static void an_owner_in_the_fence_renews_after_a_stall(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    side_steal();
    assert_int_equal(side_renew(&a), BL_OK);
    assert_true(bl_test_redis_int(&side_redis, "PTTL bl:{test:0}:lease") > 0);
    side_close(&a);
}

static void ignore_living(void *arg, size_t i, const struct bl_str *names, size_t n)
{
    (void)arg;
    (void)i;
    (void)names;
    (void)n;
}

/* Redis' clock was set back by an hour while the owner died: seen from then on, its lease and its heartbeat lie far ahead. */
static void a_lease_that_outlasts_any_is_over_and_so_is_a_heartbeat_of_the_future(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    side_take(&a);
    assert_false(side_acquire(&b));
    assert_int_equal(bl_test_redis_int(&side_redis, "PEXPIRE bl:{test:0}:lease 3600000"), 1);
    bl_test_redis_int(&side_redis, "ZADD bl:test:workers 99999999999999 a");
    assert_true(side_acquire(&b));
    assert_int_equal(b.acquired.epoch, 2);
    assert_int_equal(side_renew(&a), BL_ERR_FENCED);
    b.ports.beat(b.ports.ctx, false, ignore_living, side_done, &b);
    side_run(&b);
    assert_int_equal(bl_test_redis_int(&side_redis, "ZCARD bl:test:workers"), 1);
    side_close(&a);
    side_close(&b);
}

static void a_zombie_can_neither_fetch_nor_commit(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    side_take(&a);
    side_append(3);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 3);
    side_steal();
    side_take(&b);
    side_append(1);
    assert_int_equal(side_commit(&a, 3), BL_ERR_FENCED);
    assert_int_not_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(side_pending(), 3);
    assert_int_equal(bl_test_redis_int(&side_redis, "EXISTS bl:{test:0}:counters bl:{test:0}:position"), 0);
    /* What it had read is read again by its successor, first and in order. */
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_true(b.pending);
    assert_int_equal(b.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(a.ids[i], b.ids[i]);
    side_close(&a);
    side_close(&b);
}

/* Invariants: no entry is acknowledged before its effects are stored; no effect is stored without its entry.
 */
static void a_commit_stores_and_acknowledges_at_once(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    side_append(5);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 5);
    assert_int_equal(side_pending(), 5);
    assert_int_equal(side_commit(&a, 5), BL_OK);
    assert_int_equal(side_pending(), 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 5);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 0);
    side_close(&a);
}

/* What a link keeps to be sent has a bound: the large part finds no room, what is around it would. */
static void a_commit_that_is_too_large_does_nothing(void **state)
{
    (void)state;
    struct side a;
    const size_t n = 65 * 1024 * 1024;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    side_open(&a, "a");
    side_take(&a);
    a.ports.begin(a.ports.ctx, 0);
    a.ports.put_recent(a.ports.ctx, 0, (struct bl_str){text, n}, 10);
    a.ports.put_count(a.ports.ctx, 0, BL_TALLY_COUNTERS, 0, BL_STR("events"), 1);
    a.ports.end(a.ports.ctx, 0, side_done, &a);
    side_run(&a);
    assert_int_not_equal(a.err, BL_OK);
    assert_int_equal(bl_test_redis_int(&side_redis, "EXISTS bl:{test:0}:counters bl:{test:0}:recent"), 0);
    side_close(&a);
    free(text);
}

/* The fence changes between two commits of an owner that does not know it yet. */
static void a_commit_after_the_fence_moved_does_nothing(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    side_append(1);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "SET bl:{test:0}:fence %s", "somebody 9"));
    assert_int_equal(side_commit(&a, 1), BL_ERR_FENCED);
    assert_int_equal(side_pending(), 1);
    assert_int_equal(bl_test_redis_int(&side_redis, "EXISTS bl:{test:0}:counters"), 0);
    side_close(&a);
}

/* On the very connection that watched the fence when it changed. */
static void who_comes_back_after_another_commits_again(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    for (int i = 1; i <= 3; i++) {
        struct side *who = i == 2 ? &b : &a;
        side_take(who);
        side_append(1);
        assert_int_equal(side_fetch(who, true, true), BL_OK);
        assert_int_equal(who->n, 1);
        assert_int_equal(side_commit(who, 1), BL_OK);
        assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), i);
        who->ports.release(who->ports.ctx, 0, side_done, who);
        side_run(who);
    }
    side_close(&a);
    side_close(&b);
}

static void after_a_reconnect_nothing_is_read_or_written(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    side_append(1);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(side_commit(&a, 1), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_pending(), 1);
    assert_true(side_acquire(&a)); /* its own lease may be taken anew */
    assert_int_equal(side_commit(&a, 1), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_restore(&a), BL_OK);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(side_commit(&a, a.n), BL_OK);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 1);
    side_close(&a);
}

static void on_rung(void *arg, enum bl_err err)
{
    (void)err;
    ++*(int *)arg;
}

/* Nothing is due on the others, which alone would learn of it when they are used next, or never. */
static void when_the_leases_hear_nothing_all_connections_are_made_anew(void **state)
{
    (void)state;
    struct side a;
    int rung = 0;
    side_open_minding(&a, "a", 1000);
    side_take(&a);
    side_append(1);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    a.ports.wait(a.ports.ctx, 0, BL_STR("$"), 3600000, on_rung, &rung);
    uv_run(&side_loop, UV_RUN_NOWAIT);
    kill(side_redis.pid, SIGSTOP);
    assert_int_equal(side_renew(&a), BL_ERR_STORE_UNAVAILABLE);
    while (!rung)
        uv_run(&side_loop, UV_RUN_ONCE);
    kill(side_redis.pid, SIGCONT);
    assert_int_equal(side_commit(&a, 1), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_pending(), 1);
    while (!side_acquire(&a) || side_restore(&a) != BL_OK)
        ;
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(side_commit(&a, 1), BL_OK);
    assert_int_equal(rung, 1);
    side_close(&a);
}

static void on_marked(void *arg, const struct bl_marked *m)
{
    ((struct side *)arg)->n = (size_t)m->deaths;
    side_done(arg, m->err);
}

static enum bl_err mark(struct side *s)
{
    s->ports.mark(s->ports.ctx, 0, BL_STR("1-1"), BL_STR("event 0"), on_marked, s);
    side_run(s);
    return s->err;
}

/* It lives: its mark must not count as a death, though it could not be taken back at once. */
static void who_was_cut_off_takes_its_mark_back_when_it_is_there_again(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    side_take(&a);
    assert_int_equal(mark(&a), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal SKIPME yes"));
    a.ports.release(a.ports.ctx, 0, side_done, &a);
    side_run(&a);
    assert_int_equal(a.err, BL_ERR_STORE_UNAVAILABLE);
    side_steal();
    a.ports.beat(a.ports.ctx, false, ignore_living, side_done, &a); /* until it is there again */
    for (side_run(&a); a.err != BL_OK; side_run(&a))
        a.ports.beat(a.ports.ctx, false, ignore_living, side_done, &a);
    side_take(&b);
    assert_int_equal(mark(&b), BL_OK);
    assert_int_equal(b.n, 0);
    side_close(&a);
    side_close(&b);
}

static void forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    freeReplyObject(bl_test_redis(&side_redis, "SCRIPT FLUSH"));
    assert_int_equal(side_fetch(&a, false, true), BL_OK); /* which needs none */
    assert_int_equal(side_fetch(&a, true, true), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(side_renew(&a), BL_ERR_STORE_UNAVAILABLE);
    side_take(&a);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    side_close(&a);
}

static void over_maxmemory_commits_go_on_and_appends_do_not(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    side_take(&a);
    side_append(2);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "CONFIG SET maxmemory 1mb"));
    redisReply *r = redisCommand(side_redis.c, "XADD " EVENTS " * events x");
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
    assert_int_equal(side_commit(&a, 2), BL_OK);
    assert_int_equal(side_pending(), 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 2);
    assert_int_equal(side_renew(&a), BL_OK);
    /* and the fence holds there too */
    side_steal();
    side_take(&b);
    assert_int_equal(side_commit(&a, 2), BL_ERR_FENCED);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters events"), 2);
    side_close(&a);
    side_close(&b);
}

/* SPEC 3.4 */
static void time_enters_the_stream_only_when_nothing_is_unread_and_a_deadline_is_due(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 0);
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines 1000 u"));
    side_append(1);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_EVENTS);
    assert_int_equal(side_fetch(&a, false, false), BL_OK);
    assert_int_equal(a.n, 0);
    do /* not in the millisecond of the last entry */
        assert_int_equal(side_fetch(&a, false, true), BL_OK);
    while (a.n == 0);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines 99999999999999 u"));
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 0);
    side_close(&a);
}

static void what_is_no_entry_of_ours_is_told_apart(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " * what ever"));
    freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " * events a more b"));
    freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " * command {}"));
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.kinds[0], BL_ENTRY_POISON);
    assert_int_equal(a.kinds[1], BL_ENTRY_POISON);
    assert_int_equal(a.kinds[2], BL_ENTRY_COMMAND);
    side_close(&a);
}

static void an_entry_that_is_pending_but_gone_is_said_to_be_lost(void **state)
{
    (void)state;
    struct side a, b;
    side_open(&a, "a");
    side_open(&b, "b");
    side_take(&a);
    side_append(2);
    assert_int_equal(side_fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&side_redis, "XTRIM " EVENTS " MAXLEN 1"));
    side_steal();
    side_take(&b);
    assert_int_equal(side_fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.kinds[0], BL_ENTRY_LOST);
    assert_int_equal(b.kinds[1], BL_ENTRY_EVENTS);
    side_close(&a);
    side_close(&b);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_lease_excludes_others_and_gives_epochs_that_grow),
        STORY(an_owner_in_the_fence_renews_after_a_stall),
        STORY(a_lease_that_outlasts_any_is_over_and_so_is_a_heartbeat_of_the_future),
        STORY(a_zombie_can_neither_fetch_nor_commit),
        STORY(a_commit_stores_and_acknowledges_at_once),
        STORY(a_commit_that_is_too_large_does_nothing),
        STORY(a_commit_after_the_fence_moved_does_nothing),
        STORY(who_comes_back_after_another_commits_again),
        STORY(after_a_reconnect_nothing_is_read_or_written),
        STORY(when_the_leases_hear_nothing_all_connections_are_made_anew),
        STORY(who_was_cut_off_takes_its_mark_back_when_it_is_there_again),
        STORY(forgotten_scripts_are_loaded_again),
        STORY(over_maxmemory_commits_go_on_and_appends_do_not),
        STORY(time_enters_the_stream_only_when_nothing_is_unread_and_a_deadline_is_due),
        STORY(what_is_no_entry_of_ours_is_told_apart),
        STORY(an_entry_that_is_pending_but_gone_is_said_to_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
