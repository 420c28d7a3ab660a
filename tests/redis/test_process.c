/* What a live process tells of itself, in a Redis that has no memory left for anybody else. */
#include "bl/store/process.h"

#include "link_wait.h"
#include "redis_server.h"
#include "scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

static struct bl_test_redis redis;
static uv_loop_t loop;
static struct bl_link *store;

static void on_up(void *ctx)
{
    (void)ctx;
    bl_scripts_load(store);
}

static void beat(struct bl_process *p, uint64_t value)
{
    const struct bl_counter counter = {"kept_total", value};
    bl_process_beat(p, store, &counter, 1);
    link_wait_answered(&loop, store);
}

static long long told(const struct bl_process *p, const char *field)
{
    return bl_test_redis_int(&redis, "HGET bl:test:process:%s %s", bl_process_id(p), field);
}

/* The first beat learns what time it is; and what was told may be gone before it is read, where others want the processor. */
static void tells(struct bl_process *p, uint64_t value)
{
    for (int i = 0; i < 100; i++) {
        beat(p, value);
        if (told(p, "counter:kept_total") == (long long)value)
            return;
    }
    fail_msg("%d is never told", (int)value);
}

static struct bl_process *new_process(void)
{
    struct bl_process *p;
    assert_int_equal(bl_process_new(BL_STR("test"), "serve", &p), BL_OK);
    return p;
}

static void figures_go_with_who_tells_them(void **state)
{
    struct bl_process *p = new_process();
    (void)state;
    tells(p, 7);
    long long ttl = bl_test_redis_int(&redis, "PTTL bl:test:process:%s", bl_process_id(p));
    assert_true(ttl != -1 && ttl <= BL_PROCESS_LIVE_MS);
    bl_process_leave(p, store);
    link_wait_answered(&loop, store);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:test:process:%s", bl_process_id(p)), 0);
    bl_process_free(p);
}

static void over_maxmemory_they_are_told_all_the_same(void **state)
{
    struct bl_process *p = new_process(), *late = new_process();
    (void)state;
    tells(p, 7);
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 1mb"));
    redisReply *reply = redisCommand(redis.c, "HSET bl:test:other a b");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR); /* it is full */
    freeReplyObject(reply);
    tells(p, 8);
    tells(late, 9);
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 0"));
    bl_process_free(p);
    bl_process_free(late);
}

static int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, (const char *[]){"--maxmemory-policy", "noeviction", NULL});
    const struct bl_link_options o = {.url = redis.url, .timeout_ms = 20000, .retry_max_ms = 50, .up = on_up};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(bl_link_new(&loop, &o, &store), BL_OK);
    RUN_UNTIL(&loop, bl_link_is_up(store));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_wait_close(&loop, store);
    bl_test_redis_stop(&redis);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_go_with_who_tells_them),
        cmocka_unit_test(over_maxmemory_they_are_told_all_the_same),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
