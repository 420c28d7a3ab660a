/* The reader of the change feed: each change to one process of the group, again after a death, never for ever, and what
 * the cap took is counted. */
#include "bl/store/feed.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <uv.h>

#define P        3
#define HELD_MAX 64
#define IDLE_MS  3000 /* a reader that a busy machine keeps from its work for so long is taken for dead */

static struct bl_test_redis redis;
static uv_loop_t loop;
static int64_t idle_ms = IDLE_MS;

struct reader {
    struct bl_feed *feed;
    const struct bl_feed_change *held[HELD_MAX];
    int n, again, closed;
    bool keeps; /* does not finish what it gets */
    char last[64];
};

static void on_change(void *ctx, const struct bl_feed_change *change)
{
    struct reader *r = ctx;
    assert_true(change->written_ms > 0 && change->now_ms >= change->written_ms);
    snprintf(r->last, sizeof r->last, "%.*s", BL_STR_ARG(change->pattern_id));
    r->again += change->again ? 1 : 0;
    r->held[r->n++ % HELD_MAX] = change;
    if (!r->keeps)
        bl_feed_done(r->feed, change);
}

static void on_closed(void *ctx)
{
    ((struct reader *)ctx)->closed++;
}

static void open_reader(struct reader *r, const char *consumer, bool from_start, bool keeps, int held_max)
{
    *r = (struct reader){.keeps = keeps};
    const struct bl_feed_options o = {.url = redis.url,
                                      .env = "test",
                                      .group = "g",
                                      .consumer = consumer,
                                      .partitions = P,
                                      .from_start = from_start,
                                      .held_max = held_max,
                                      .idle_ms = idle_ms,
                                      .deliveries_max = 2,
                                      .ctx = r,
                                      .each = on_change};
    assert_int_equal(bl_feed_new(&loop, &o, &r->feed), BL_OK);
}

static void close_reader(struct reader *r)
{
    bl_feed_close(r->feed, on_closed, r);
    while (!r->closed)
        uv_run(&loop, UV_RUN_ONCE);
}

#define RUN_UNTIL(condition)                                                                                 \
    while (!(condition))                                                                                     \
    uv_run(&loop, UV_RUN_ONCE)

static void add(int p, const char *id)
{
    freeReplyObject(
        bl_test_redis(&redis,
                      "XADD bl:{test:%d}:changes * change new pattern_id %s type hesitation severity low "
                      "page /p at 17",
                      p, id));
}

static long long pending(void)
{
    long long n = 0;
    for (int p = 0; p < P; p++) {
        redisReply *r = bl_test_redis(&redis, "XPENDING bl:{test:%d}:changes g", p);
        n += r->type == REDIS_REPLY_ARRAY ? r->element[0]->integer : 0;
        freeReplyObject(r);
    }
    return n;
}

static void every_change_comes_once(void **state)
{
    struct reader r;
    (void)state;
    for (int i = 0; i < 60; i++)
        add(i % P, "early");
    open_reader(&r, "one", true, false, 4); /* in small bites */
    RUN_UNTIL(r.n == 60);
    add(1, "late");
    RUN_UNTIL(r.n == 61);
    assert_string_equal(r.last, "late");
    RUN_UNTIL(pending() == 0);
    assert_int_equal(bl_feed_counts(r.feed)->changes, 61);
    assert_int_equal(bl_feed_counts(r.feed)->taken_over, 0);
    close_reader(&r);
}

static void a_new_group_may_begin_now(void **state)
{
    struct reader r;
    (void)state;
    for (int i = 0; i < 5; i++)
        add(0, "before");
    open_reader(&r, "one", false, false, 8);
    RUN_UNTIL(bl_test_redis_int(&redis, "EXISTS bl:{test:2}:changes") == 1); /* the group's MKSTREAM */
    add(2, "after");
    RUN_UNTIL(r.n == 1);
    assert_string_equal(r.last, "after");
    close_reader(&r);
}

static void no_more_than_agreed_is_held(void **state)
{
    struct reader r;
    (void)state;
    for (int i = 0; i < 30; i++)
        add(i % P, "x");
    open_reader(&r, "one", true, true, 7);
    RUN_UNTIL(r.n == 7);
    for (int i = 0; i < 50; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(r.n, 7);
    assert_int_equal(pending(), 7);
    r.keeps = false;
    for (int i = 0; i < 7; i++)
        bl_feed_done(r.feed, r.held[i]);
    RUN_UNTIL(r.n == 30);
    close_reader(&r);
    assert_int_equal(pending(), 0);
}

static void what_a_dead_one_held_comes_again_and_not_for_ever(void **state)
{
    struct reader next, last;
    (void)state;
    add(0, "a");
    freeReplyObject(bl_test_redis(&redis, "XGROUP CREATE bl:{test:0}:changes g 0"));
    freeReplyObject(bl_test_redis(&redis, "XREADGROUP GROUP g dead STREAMS bl:{test:0}:changes >"));
    open_reader(&next, "next", true, true, 8);
    RUN_UNTIL(next.n == 1);
    assert_int_equal(next.again, 1);
    assert_int_equal(bl_feed_counts(next.feed)->taken_over, 1);
    char *id = strndup(next.held[0]->id.p, next.held[0]->id.n);
    close_reader(&next);
    freeReplyObject(bl_test_redis(&redis,
                                  "XCLAIM bl:{test:0}:changes g dead 0 %s IDLE 100000 RETRYCOUNT 2 JUSTID",
                                  id)); /* it has killed two */
    free(id);
    open_reader(&last, "last", true, true, 8);
    RUN_UNTIL(bl_feed_counts(last.feed)->dropped == 1);
    assert_int_equal(last.n, 0);
    assert_int_equal(pending(), 0);
    close_reader(&last);
}

/* However often: an orderly end is no death. */
static void who_ends_in_order_hands_over_at_once(void **state)
{
    struct reader r;
    (void)state;
    idle_ms = 3600 * 1000;
    add(0, "a");
    for (int i = 0; i < 5; i++) {
        open_reader(&r, i % 2 ? "odd" : "even", true, true, 8);
        RUN_UNTIL(r.n == 1);
        assert_int_equal(r.again, i > 0);
        close_reader(&r);
    }
    idle_ms = IDLE_MS;
    assert_int_equal(pending(), 1);
}

static bool both(const struct reader *a, const struct reader *b, int n)
{
    return a->n + b->n >= n;
}

static void who_is_slow_keeps_what_it_has(void **state)
{
    struct reader slow, other;
    uint64_t began;
    (void)state;
    add(0, "a");
    open_reader(&slow, "slow", true, true, 8);
    RUN_UNTIL(slow.n == 1);
    open_reader(&other, "other", true, false, 8);
    for (began = uv_now(&loop); uv_now(&loop) - began < 2 * IDLE_MS;)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(other.n, 0);
    for (int i = 0; i < 20; i++)
        add(i % P, "b"); /* and new ones go to either */
    slow.keeps = false;
    bl_feed_done(slow.feed, slow.held[0]);
    RUN_UNTIL(both(&slow, &other, 21));
    assert_int_equal(slow.n + other.n, 21);
    close_reader(&slow);
    close_reader(&other);
}

static void what_the_cap_took_is_counted(void **state)
{
    struct reader r;
    (void)state;
    open_reader(&r, "one", true, false, 8);
    add(0, "a");
    RUN_UNTIL(r.n == 1);
    RUN_UNTIL(pending() == 0);
    close_reader(&r);
    for (int i = 0; i < 50; i++)
        add(0, "lost");
    freeReplyObject(bl_test_redis(&redis, "XTRIM bl:{test:0}:changes MAXLEN 20"));
    open_reader(&r, "two", true, false, 8);
    RUN_UNTIL(r.n == 20);
    assert_int_equal(bl_feed_counts(r.feed)->cut, 30);
    add(0, "b"); /* and it is counted once */
    RUN_UNTIL(r.n == 21);
    close_reader(&r);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:{test:0}:counters cut:g"), 30);
}

static void redis_may_come_and_go(void **state)
{
    struct reader r;
    (void)state;
    add(0, "a");
    open_reader(&r, "one", true, true, 8);
    RUN_UNTIL(r.n == 1);
    bl_test_redis_kill(&redis);
    RUN_UNTIL(!bl_feed_is_up(r.feed));
    bl_feed_done(r.feed, r.held[0]); /* said while nobody hears */
    bl_test_redis_restart(&redis);
    add(1, "b");
    r.keeps = false;
    RUN_UNTIL(r.n == 2); /* the group is made anew */
    assert_string_equal(r.last, "b");
    RUN_UNTIL(pending() == 0);
    close_reader(&r);
}

static void what_cannot_be_read_is_dropped(void **state)
{
    struct reader r;
    (void)state;
    freeReplyObject(bl_test_redis(&redis, "XADD bl:{test:0}:changes * nonsense 1"));
    add(0, "a");
    open_reader(&r, "one", true, false, 8);
    RUN_UNTIL(r.n == 1);
    assert_int_equal(bl_feed_counts(r.feed)->dropped, 1);
    RUN_UNTIL(pending() == 0);
    close_reader(&r);
}

static int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    uv_loop_init(&loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    bl_test_redis_stop(&redis);
    return uv_loop_close(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_change_comes_once),
        TEST(a_new_group_may_begin_now),
        TEST(no_more_than_agreed_is_held),
        TEST(what_a_dead_one_held_comes_again_and_not_for_ever),
        TEST(who_ends_in_order_hands_over_at_once),
        TEST(who_is_slow_keeps_what_it_has),
        TEST(what_the_cap_took_is_counted),
        TEST(redis_may_come_and_go),
        TEST(what_cannot_be_read_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
