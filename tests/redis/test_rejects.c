/* What is kept of refused events: on time in the stream, too late only counted. */
#include "bl/store/rejects.h"

#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <uv.h>

#define DAY_MS 86400000

static struct bl_test_redis redis;
static uv_loop_t loop;
static bool up, closed, answered;

static void on_up(void *ctx)
{
    (void)ctx;
    up = true;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    closed = true;
}

static void on_pong(void *ctx, const redisReply *reply)
{
    (void)ctx;
    assert_non_null(reply);
    answered = true;
}

#define RUN_UNTIL(condition)                                                                                 \
    while (!(condition))                                                                                     \
    uv_run(&loop, UV_RUN_ONCE)

/* One refused event, flushed by who holds texts for hold_ms. */
static void refuse_one(struct bl_link *link, int64_t hold_ms)
{
    struct bl_rejects *r;
    const struct bl_refusal refusal = {BL_ERR_INVALID_JSON, "", "", BL_STR("{\"user_id\":\"somebody\"")};
    const struct bl_str ping = BL_STR("PING");
    assert_int_equal(bl_rejects_new("test", DAY_MS, hold_ms, &r), BL_OK);
    bl_rejects_add(r, &refusal);
    bl_rejects_flush(r, link, 1700000000000, 0);
    answered = false;
    bl_link_send(link, 1, &ping, on_pong, NULL);
    RUN_UNTIL(answered);
    bl_rejects_free(r);
}

static void what_waited_too_long_is_only_counted(void **state)
{
    struct bl_link *link;
    const struct bl_link_options o = {.url = redis.url, .timeout_ms = 2000, .retry_max_ms = 50, .up = on_up};
    (void)state;
    assert_int_equal(bl_link_new(&loop, &o, &link), BL_OK);
    RUN_UNTIL(up);
    refuse_one(link, 0);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:test:bad"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:test:rejected invalid_json"), 1);
    refuse_one(link, DAY_MS);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:test:bad"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:test:rejected invalid_json"), 2);
    bl_link_close(link, on_closed, NULL);
    RUN_UNTIL(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_waited_too_long_is_only_counted)};
    bl_test_redis_start(&redis, NULL);
    uv_loop_init(&loop);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    bl_test_redis_stop(&redis);
    return failed;
}
