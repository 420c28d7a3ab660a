/* The worker's ports on a real redis-server: who may do what, and what a commit leaves. The names of the
 * invariants are those of src/ARCHITECTURE.md. */
#include "bl/store/world.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#define EVENTS "bl:{test:0}:events"

static uv_loop_t loop;
static struct bl_test_redis redis;

struct side {
    struct bl_world *world;
    struct bl_ports ports;
    bool done, each_done;
    enum bl_err err;
    struct bl_acquired acquired;
    size_t n;
    char ids[32][48];
    enum bl_entry_kind kinds[32];
    char text[512];
    bool pending;
    int64_t score_ms;
};

static void open_side(struct side *s, const char *name)
{
    struct bl_world_options o = {.loop = &loop,
                                 .url = redis.url,
                                 .env = "test",
                                 .name = name,
                                 .partitions = 1,
                                 .lease_ms = 60000,
                                 .grace_ms = 500,
                                 .stream_retention_ms = 0,
                                 .stream_max = 1000000,
                                 .pattern_retention_ms = 1000,
                                 .pattern_max = 100,
                                 .reply_timeout_ms = 5000};
    *s = (struct side){0};
    assert_int_equal(bl_world_new(&o, &s->world), BL_OK);
    s->ports = bl_world_ports(s->world);
}

static void run(struct side *s)
{
    while (!s->done)
        uv_run(&loop, UV_RUN_ONCE);
    s->done = false;
}

static void on_closed(void *ctx)
{
    ((struct side *)ctx)->done = true;
}

static void close_side(struct side *s)
{
    bl_world_close(s->world, on_closed, s);
    run(s);
}

static void on_done(void *arg, enum bl_err err)
{
    struct side *s = arg;
    s->err = err;
    s->done = true;
}

static void on_acquired(void *arg, const struct bl_acquired *a)
{
    ((struct side *)arg)->acquired = *a;
    on_done(arg, a->err);
}

static void on_restored(void *arg, const struct bl_restored *r)
{
    struct side *s = arg;
    snprintf(s->text, sizeof s->text, "%.*s", BL_STR_ARG(r->id));
    on_done(arg, r->err);
}

static void on_fetched(void *arg, const struct bl_fetched *f)
{
    struct side *s = arg;
    s->n = f->n;
    s->pending = f->pending;
    for (size_t i = 0; i < f->n; i++) {
        snprintf(s->ids[i], sizeof s->ids[i], "%.*s", BL_STR_ARG(f->entries[i].id));
        s->kinds[i] = f->entries[i].kind;
    }
    on_done(arg, f->err);
}

/* The control connection may not be up yet: until it is, the answer is that the store cannot be reached. */
static bool acquire(struct side *s)
{
    do {
        s->ports.acquire(s->ports.ctx, 0, on_acquired, s);
        run(s);
    } while (s->err == BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(s->err, BL_OK);
    return s->acquired.taken;
}

static enum bl_err restore(struct side *s)
{
    s->ports.restore(s->ports.ctx, 0, on_restored, s);
    run(s);
    return s->err;
}

static void take(struct side *s)
{
    assert_true(acquire(s));
    assert_int_equal(restore(s), BL_OK);
}

static enum bl_err fetch(struct side *s, bool pending, bool tick)
{
    s->ports.fetch(s->ports.ctx, 0, pending, tick, on_fetched, s);
    run(s);
    return s->err;
}

static enum bl_err renew(struct side *s)
{
    s->ports.renew(s->ports.ctx, 0, on_done, s);
    run(s);
    return s->err;
}

/* A commit of the first n entries fetched, with one counter. */
static enum bl_err commit(struct side *s, size_t n)
{
    struct bl_put_position x = {bl_str_of(n ? s->ids[n - 1] : "0-0"), 1000, (int64_t)n, 2000, 1};
    s->ports.begin(s->ports.ctx, 0);
    s->ports.put_count(s->ports.ctx, 0, BL_TALLY_COUNTERS, 0, BL_STR("events"), (int64_t)n);
    for (size_t i = 0; i < n; i++)
        s->ports.put_ack(s->ports.ctx, 0, bl_str_of(s->ids[i]));
    s->ports.put_position(s->ports.ctx, 0, &x);
    s->ports.end(s->ports.ctx, 0, on_done, s);
    run(s);
    return s->err;
}

static void append(int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events %s", "{}"));
}

static long long pending_entries(void)
{
    redisReply *r = bl_test_redis(&redis, "XPENDING " EVENTS " core");
    long long n = r->element[0]->integer;
    freeReplyObject(r);
    return n;
}

static void steal(void)
{
    freeReplyObject(bl_test_redis(&redis, "DEL bl:{test:0}:lease")); /* it ran out */
}

static int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    bl_test_redis_stop(&redis);
    return 0;
}

/* Invariant: one writer per partition. */
static void a_lease_excludes_others_and_gives_epochs_that_grow(void **state)
{
    (void)state;
    struct side a, b;
    open_side(&a, "a");
    open_side(&b, "b");
    assert_true(acquire(&a));
    assert_int_equal(a.acquired.epoch, 1);
    assert_false(acquire(&b));
    assert_int_equal(renew(&a), BL_OK);
    a.ports.release(a.ports.ctx, 0, on_done, &a);
    run(&a);
    assert_true(acquire(&b));
    assert_int_equal(b.acquired.epoch, 2);
    assert_int_equal(renew(&a), BL_ERR_FENCED);
    close_side(&a);
    close_side(&b);
}

static void an_owner_in_the_fence_renews_after_a_stall(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    steal();
    assert_int_equal(renew(&a), BL_OK);
    assert_true(bl_test_redis_int(&redis, "PTTL bl:{test:0}:lease") > 0);
    close_side(&a);
}

static void a_zombie_can_neither_fetch_nor_commit(void **state)
{
    (void)state;
    struct side a, b;
    open_side(&a, "a");
    open_side(&b, "b");
    take(&a);
    append(3);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 3);
    steal();
    take(&b);
    append(1);
    assert_int_equal(fetch(&a, false, true), BL_ERR_FENCED);
    assert_int_equal(commit(&a, 3), BL_ERR_FENCED);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:counters bl:{test:0}:position"), 0);
    /* What it had read is read again by its successor, first and in order. */
    assert_int_equal(fetch(&b, true, true), BL_OK);
    assert_true(b.pending);
    assert_int_equal(b.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(a.ids[i], b.ids[i]);
    close_side(&a);
    close_side(&b);
}

/* Invariants: no entry is acknowledged before its effects are stored; no effect is stored without its entry.
 */
static void a_commit_stores_and_acknowledges_at_once(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    append(5);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 5);
    assert_int_equal(pending_entries(), 5);
    assert_int_equal(commit(&a, 5), BL_OK);
    assert_int_equal(pending_entries(), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters events"), 5);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 0);
    close_side(&a);
}

/* The fence changes between two commits of an owner that does not know it yet. */
static void a_commit_after_the_fence_moved_does_nothing(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    append(1);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&redis, "SET bl:{test:0}:fence %s", "somebody 9"));
    assert_int_equal(commit(&a, 1), BL_ERR_FENCED);
    assert_int_equal(pending_entries(), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:counters"), 0);
    close_side(&a);
}

static void after_a_reconnect_nothing_is_read_or_written(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    append(1);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&redis, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(commit(&a, 1), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(pending_entries(), 1);
    assert_true(acquire(&a)); /* its own lease may be taken anew */
    assert_int_equal(commit(&a, 1), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(restore(&a), BL_OK);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(commit(&a, a.n), BL_OK);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters events"), 1);
    close_side(&a);
}

static void forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    freeReplyObject(bl_test_redis(&redis, "SCRIPT FLUSH"));
    assert_int_equal(fetch(&a, true, true), BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(renew(&a), BL_ERR_STORE_UNAVAILABLE);
    take(&a);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    close_side(&a);
}

static void over_maxmemory_commits_go_on_and_appends_do_not(void **state)
{
    (void)state;
    struct side a, b;
    open_side(&a, "a");
    open_side(&b, "b");
    take(&a);
    append(2);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 1mb"));
    redisReply *r = redisCommand(redis.c, "XADD " EVENTS " * events x");
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
    assert_int_equal(commit(&a, 2), BL_OK);
    assert_int_equal(pending_entries(), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters events"), 2);
    assert_int_equal(renew(&a), BL_OK);
    /* and the fence holds there too */
    steal();
    take(&b);
    assert_int_equal(commit(&a, 2), BL_ERR_FENCED);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters events"), 2);
    close_side(&a);
    close_side(&b);
}

/* SPEC 3.4 */
static void time_enters_the_stream_only_when_nothing_is_unread_and_a_deadline_is_due(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 0);
    freeReplyObject(bl_test_redis(&redis, "ZADD bl:{test:0}:deadlines 1000 u"));
    append(1);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_EVENTS);
    assert_int_equal(fetch(&a, false, false), BL_OK);
    assert_int_equal(a.n, 0);
    assert_int_equal(fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    freeReplyObject(bl_test_redis(&redis, "ZADD bl:{test:0}:deadlines 99999999999999 u"));
    assert_int_equal(fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 0);
    close_side(&a);
}

static void what_is_no_entry_of_ours_is_told_apart(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * what ever"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events a more b"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * command {}"));
    assert_int_equal(fetch(&a, true, true), BL_OK);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.kinds[0], BL_ENTRY_POISON);
    assert_int_equal(a.kinds[1], BL_ENTRY_POISON);
    assert_int_equal(a.kinds[2], BL_ENTRY_COMMAND);
    close_side(&a);
}

static void an_entry_that_is_pending_but_gone_is_said_to_be_lost(void **state)
{
    (void)state;
    struct side a, b;
    open_side(&a, "a");
    open_side(&b, "b");
    take(&a);
    append(2);
    assert_int_equal(fetch(&a, true, true), BL_OK);
    freeReplyObject(bl_test_redis(&redis, "XTRIM " EVENTS " MAXLEN 1"));
    steal();
    take(&b);
    assert_int_equal(fetch(&b, true, true), BL_OK);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.kinds[0], BL_ENTRY_LOST);
    assert_int_equal(b.kinds[1], BL_ENTRY_EVENTS);
    close_side(&a);
    close_side(&b);
}

static void tend(struct side *s, int64_t clock_ms)
{
    s->ports.tend(s->ports.ctx, 0, clock_ms, on_done, s);
    run(s);
    assert_int_equal(s->err, BL_OK);
}

static void commit_all(struct side *s)
{
    do {
        assert_int_equal(fetch(s, true, false), BL_OK);
        if (s->n)
            assert_int_equal(commit(s, s->n), BL_OK);
    } while (s->n);
}

/* DESIGN 3.6 */
static void the_stream_is_trimmed_below_the_slowest_group(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    freeReplyObject(bl_test_redis(&redis, "XGROUP CREATE " EVENTS " other 0"));
    append(400);
    commit_all(&a);
    tend(&a, 0);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN " EVENTS), 400);
    freeReplyObject(bl_test_redis(&redis, "XREADGROUP GROUP other x COUNT 250 NOACK STREAMS " EVENTS " >"));
    tend(&a, 0);
    long long left = bl_test_redis_int(&redis, "XLEN " EVENTS);
    assert_in_range(left, 150, 250); /* whole nodes of 100 */
    close_side(&a);
}

static void at_the_hard_cap_a_lagging_group_is_cut_off_and_named(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    bl_world_close(a.world, on_closed, &a);
    run(&a);
    struct bl_world_options o = {.loop = &loop,
                                 .url = redis.url,
                                 .env = "test",
                                 .name = "a",
                                 .partitions = 1,
                                 .lease_ms = 60000,
                                 .stream_retention_ms = 3600000,
                                 .stream_max = 100,
                                 .pattern_retention_ms = 1000,
                                 .pattern_max = 100,
                                 .reply_timeout_ms = 5000};
    assert_int_equal(bl_world_new(&o, &a.world), BL_OK);
    a.ports = bl_world_ports(a.world);
    take(&a);
    freeReplyObject(bl_test_redis(&redis, "XGROUP CREATE " EVENTS " other 0"));
    append(600);
    tend(&a, 0); /* nothing is committed: nothing may go, cap or not */
    assert_int_equal(bl_test_redis_int(&redis, "XLEN " EVENTS), 600);
    commit_all(&a);
    tend(&a, 0);
    assert_in_range(bl_test_redis_int(&redis, "XLEN " EVENTS), 1, 200);
    assert_true(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters cut:other") > 0);
    close_side(&a);
}

/* SPEC 5.4 */
static void old_patterns_are_removed_everywhere(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    for (int i = 1; i <= 300; i++) {
        freeReplyObject(bl_test_redis(&redis, "ZADD bl:{test:0}:patterns %d p%d", i, i));
        freeReplyObject(bl_test_redis(&redis, "ZADD bl:{test:0}:patterns:open %d p%d", i, i));
        freeReplyObject(bl_test_redis(&redis, "ZADD bl:{test:0}:patterns:user:u%%201 %d p%d", i, i));
        freeReplyObject(bl_test_redis(&redis, "HSET bl:{test:0}:pattern:p%d user_id %s", i, "u 1"));
    }
    freeReplyObject(bl_test_redis(&redis, "HSET bl:{test:0}:counters open 300"));
    tend(&a, 1050); /* 200 over the 100 that are allowed */
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns"), 100);
    tend(&a, 1250); /* older than a second: below 250 */
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns"), 51);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 51);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:user:u%%201"), 51);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters open"), 51);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:pattern:p249"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:pattern:p250"), 1);
    close_side(&a);
}

static void the_doorbell_rings_for_entries_time_and_waking(void **state)
{
    (void)state;
    struct side a;
    open_side(&a, "a");
    take(&a);
    a.ports.wait(a.ports.ctx, 0, BL_STR(""), 30, on_done, &a);
    run(&a);
    uint64_t before = uv_hrtime();
    for (int i = 0; i < 50; i++) { /* its connection is up by now */
        a.ports.wait(a.ports.ctx, 0, BL_STR(""), 5, on_done, &a);
        run(&a);
    }
    a.ports.wait(a.ports.ctx, 0, BL_STR(""), 600000, on_done, &a);
    append(1);
    run(&a);
    a.ports.wait(a.ports.ctx, 0, BL_STR("99999999999999-0"), 600000, on_done, &a);
    uv_run(&loop, UV_RUN_NOWAIT);
    a.ports.wake(a.ports.ctx, 0);
    run(&a);
    assert_true(uv_hrtime() - before < 60ull * 1000000000);
    close_side(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_lease_excludes_others_and_gives_epochs_that_grow),
        STORY(an_owner_in_the_fence_renews_after_a_stall),
        STORY(a_zombie_can_neither_fetch_nor_commit),
        STORY(a_commit_stores_and_acknowledges_at_once),
        STORY(a_commit_after_the_fence_moved_does_nothing),
        STORY(after_a_reconnect_nothing_is_read_or_written),
        STORY(forgotten_scripts_are_loaded_again),
        STORY(over_maxmemory_commits_go_on_and_appends_do_not),
        STORY(time_enters_the_stream_only_when_nothing_is_unread_and_a_deadline_is_due),
        STORY(what_is_no_entry_of_ours_is_told_apart),
        STORY(an_entry_that_is_pending_but_gone_is_said_to_be_lost),
        STORY(the_stream_is_trimmed_below_the_slowest_group),
        STORY(at_the_hard_cap_a_lagging_group_is_cut_off_and_named),
        STORY(old_patterns_are_removed_everywhere),
        STORY(the_doorbell_rings_for_entries_time_and_waking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
