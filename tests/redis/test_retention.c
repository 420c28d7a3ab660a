/* What the owner of a partition clears away, and what it must not (SPEC 5.4, ARCHITECTURE 5). */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t trimmed_ms; /* what the last tend said; -1: nothing */
static bool trim_more;

static void on_trimmed(void *arg, int64_t detected_ms, bool more)
{
    (void)arg;
    trimmed_ms = detected_ms;
    trim_more = more;
}

static void tend(struct side *s, int64_t clock_ms)
{
    trimmed_ms = -1;
    trim_more = false;
    s->ports.tend(s->ports.ctx, 0, clock_ms, on_trimmed, side_done, s);
    side_run(s);
    assert_int_equal(s->err, BL_OK);
}

/* Until there is no more to remove. When the latest of what was removed was detected. */
static int64_t tend_all(struct side *s, int64_t clock_ms)
{
    int64_t latest_ms = -1;
    size_t steps = 0;
    do {
        tend(s, clock_ms);
        latest_ms = trimmed_ms > latest_ms ? trimmed_ms : latest_ms;
        assert_true(++steps <= 300);
    } while (trim_more);
    return latest_ms;
}

static void commit_all(struct side *s)
{
    do {
        assert_int_equal(side_fetch(s, true, false), BL_OK);
        if (s->n)
            assert_int_equal(side_commit(s, s->n), BL_OK);
    } while (s->n);
}

/* ARCHITECTURE 5 */
static void the_stream_is_trimmed_below_the_slowest_group(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    freeReplyObject(bl_test_redis(&side_redis, "XGROUP CREATE " EVENTS " other 0"));
    side_append(400);
    commit_all(&a);
    tend(&a, 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 400);
    freeReplyObject(
        bl_test_redis(&side_redis, "XREADGROUP GROUP other x COUNT 250 NOACK STREAMS " EVENTS " >"));
    tend(&a, 0);
    long long left = bl_test_redis_int(&side_redis, "XLEN " EVENTS);
    assert_int_equal(left, 150);
    side_close(&a);
}

/* Opened anew, with a cap. */
static void capped(struct side *s, int64_t stream_max)
{
    struct bl_world_options o = {.loop = &side_loop,
                                 .url = side_redis.url,
                                 .env = "test",
                                 .name = "a",
                                 .partitions = 1,
                                 .lease_ms = 60000,
                                 .stream_retention_ms = 3600000,
                                 .stream_max = stream_max,
                                 .pattern_retention_ms = 1000,
                                 .pattern_max = 100,
                                 .reply_timeout_ms = 20000};
    bl_world_close(s->world, side_closed, s);
    side_run(s);
    assert_int_equal(bl_world_new(&o, &s->world), BL_OK);
    s->ports = bl_world_ports(s->world);
}

static void at_the_hard_cap_a_lagging_group_is_cut_off_and_named(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    capped(&a, 100);
    side_take(&a);
    freeReplyObject(bl_test_redis(&side_redis, "XGROUP CREATE " EVENTS " other 0"));
    side_append(600);
    tend(&a, 0); /* nothing is committed: nothing may go, cap or not */
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 600);
    commit_all(&a);
    tend(&a, 0);
    assert_in_range(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 1, 200);
    assert_true(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters cut:other") > 0);
    side_close(&a);
}

/* Commits all, leaving users where the n-th entry left them. */
static void commit_behind(struct side *s, size_t n)
{
    redisReply *first = bl_test_redis(&side_redis, "XRANGE " EVENTS " - + COUNT %d", (int)n);
    assert_int_equal(first->elements, n);
    snprintf(s->users_id, sizeof s->users_id, "%s", first->element[n - 1]->element[0]->str);
    freeReplyObject(first);
    commit_all(s);
}

static void catch_up(struct side *s)
{
    s->users_id[0] = '\0';
    s->caught_up = true;
    side_append(1);
    commit_all(s);
    assert_int_equal(bl_test_redis_int(&side_redis, "HEXISTS bl:{test:0}:position users_id"), 0);
}

/* They are yet to be made of what lies between (app/worker/takeover.c). */
static void what_users_are_behind_by_is_not_trimmed(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    side_append(400);
    commit_behind(&a, 150);
    tend(&a, 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 250);
    tend(&a, 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 250);
    redisReply *left = bl_test_redis(&side_redis, "XRANGE " EVENTS " (%s + COUNT 1000", a.users_id);
    assert_int_equal(left->elements, 250);
    freeReplyObject(left);
    catch_up(&a);
    tend(&a, 0);
    assert_in_range(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 0, 1); /* of this millisecond */
    side_close(&a);
}

static void nor_at_the_hard_cap(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    capped(&a, 100);
    side_take(&a);
    side_append(600);
    commit_behind(&a, 250);
    tend(&a, 0);
    long long left = bl_test_redis_int(&side_redis, "XLEN " EVENTS); /* whole nodes go */
    assert_in_range(left, 350, 450);
    tend(&a, 0);
    assert_in_range(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 350, left);
    catch_up(&a);
    tend(&a, 0);
    assert_in_range(bl_test_redis_int(&side_redis, "XLEN " EVENTS), 1, 200);
    side_close(&a);
}

/* SPEC 5.4 */
static void old_patterns_are_removed_everywhere(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    side_take(&a);
    for (int i = 1; i <= 300; i++) {
        freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:patterns %d p%d", i, i));
        freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:patterns:open %d p%d", i, i));
        freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:patterns:user:u%%201 %d p%d", i, i));
        freeReplyObject(bl_test_redis(&side_redis, "HSET bl:{test:0}:pattern:p%d user_id %s", i, "u 1"));
    }
    freeReplyObject(bl_test_redis(&side_redis, "HSET bl:{test:0}:counters open 300"));
    tend(&a, 1050); /* 200 over the 100 that are allowed: not all at once */
    long long left = bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns");
    assert_in_range(left, 101, 299);
    assert_int_equal(trimmed_ms, 300 - left);
    assert_true(trim_more);
    for (long long first = 300 - left, now = left; 300 - now < 100; now = left) {
        tend(&a, 1050);
        left = bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns");
        if (now - left > first) /* where steps are not enough they grow */
            break;
        assert_int_equal(now - left, first);
    }
    assert_true(300 - left < 100);
    assert_int_equal(tend_all(&a, 1050), 200);
    assert_int_equal(bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns"), 100);
    assert_int_equal(tend_all(&a, 1250), 249); /* older than a second: below 250 */
    assert_int_equal(bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns"), 51);
    assert_int_equal(bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns:open"), 51);
    assert_int_equal(bl_test_redis_int(&side_redis, "ZCARD bl:{test:0}:patterns:user:u%%201"), 51);
    assert_int_equal(bl_test_redis_int(&side_redis, "HGET bl:{test:0}:counters open"), 51);
    assert_int_equal(bl_test_redis_int(&side_redis, "EXISTS bl:{test:0}:pattern:p249"), 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "EXISTS bl:{test:0}:pattern:p250"), 1);
    tend(&a, 1250);
    assert_int_equal(trimmed_ms, -1);
    side_close(&a);
}

/* Whether anything new comes or not: the partition is idle. */
static void what_is_kept_to_be_looked_at_goes_by_age(void **state)
{
    (void)state;
    struct side a;
    side_open(&a, "a");
    bl_world_close(a.world, side_closed, &a);
    side_run(&a);
    struct bl_world_options o = {.loop = &side_loop,
                                 .url = side_redis.url,
                                 .env = "test",
                                 .name = "a",
                                 .partitions = 1,
                                 .lease_ms = 60000,
                                 .stream_max = 1000,
                                 .pattern_retention_ms = 1000,
                                 .pattern_max = 100,
                                 .recent_retention_ms = 50000,
                                 .quarantine_retention_ms = 70000,
                                 .reply_timeout_ms = 20000};
    assert_int_equal(bl_world_new(&o, &a.world), BL_OK);
    a.ports = bl_world_ports(a.world);
    side_take(&a);
    long long now = bl_test_redis_int(&side_redis, "EVAL %s 0", "return redis.call('TIME')[1] * 1000");
    freeReplyObject(bl_test_redis(&side_redis, "DEL bl:{test:0}:recent bl:{test:0}:quarantine"));
    static const struct {
        long long first_age_ms, last_age_ms;
    } elements[] = {{90000, 80000}, {80000, 55000}, {70000, 40000}, {5000, 4000}, {3000, 3000}};
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%lld {}\n%lld,late {}", now - elements[i].first_age_ms,
                 now - elements[i].last_age_ms);
        freeReplyObject(bl_test_redis(&side_redis, "LPUSH bl:{test:0}:recent %s", text));
    }
    for (int i = 0; i < 5; i++)
        freeReplyObject(bl_test_redis(&side_redis, "XADD bl:{test:0}:quarantine %lld-%d reason x",
                                      now - (i < 3 ? 90000 : 10000), i + 1));
    assert_int_equal(side_fetch(&a, true, false), BL_OK);
    tend(&a, 0);
    assert_int_equal(bl_test_redis_int(&side_redis, "LLEN bl:{test:0}:recent"), 3);
    assert_int_equal(bl_test_redis_int(&side_redis, "XLEN bl:{test:0}:quarantine"), 2);
    tend(&a, 0); /* the rest stays */
    assert_int_equal(bl_test_redis_int(&side_redis, "LLEN bl:{test:0}:recent"), 3);
    side_close(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_stream_is_trimmed_below_the_slowest_group),
        STORY(at_the_hard_cap_a_lagging_group_is_cut_off_and_named),
        STORY(what_users_are_behind_by_is_not_trimmed),
        STORY(nor_at_the_hard_cap),
        STORY(old_patterns_are_removed_everywhere),
        STORY(what_is_kept_to_be_looked_at_goes_by_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
