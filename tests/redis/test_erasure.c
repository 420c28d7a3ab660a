/* What a serve process knows of who is erased, against what others do to the same set meanwhile. */
#include "bl/store/erasure.h"

#include "bl/app/erased.h"
#include "bl/store/dataset.h"
#include "link_wait.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <uv.h>

#define TOMBSTONES "bl:{test:0}:tombstones"

static struct bl_test_redis redis;
static uv_loop_t loop;
static struct bl_link *link_to;
static struct bl_hash_key key;
static bool opened;

static void on_open(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    (void)ctx, (void)why;
    assert_int_equal(err, BL_OK);
    key = d->hash_key;
    opened = true;
}

static void on_up(void *ctx)
{
    static const struct bl_dataset_want want = {.env = {"test", 4}, .partitions = 1};
    (void)ctx;
    bl_dataset_open(link_to, &want, on_open, NULL);
}

static void look(struct bl_erasure *e)
{
    bl_erasure_poll(e, link_to);
    link_wait_answered(&loop, link_to);
}

static void store(const char *user, int at_ms)
{
    char hex[BL_ERASED_HEX];
    bl_erased_hex(bl_erased_hash(key, bl_str_of(user)), hex);
    if (at_ms)
        bl_test_redis_int(&redis, "ZADD " TOMBSTONES " %d %b", at_ms, hex, sizeof hex);
    else
        bl_test_redis_int(&redis, "ZREM " TOMBSTONES " %b", hex, sizeof hex);
}

static struct bl_erasure *fresh(void)
{
    struct bl_erasure *e;
    bl_test_redis_int(&redis, "DEL " TOMBSTONES);
    assert_int_equal(bl_erasure_new(BL_STR("test"), &e), BL_OK);
    assert_int_equal(bl_erasure_open(e, key, 1), BL_OK);
    store("old", 50);
    look(e);
    assert_true(bl_erasure_has(e, BL_STR("old")));
    return e;
}

/* Between two looks: as many as before, and the latest is known. */
static void one_seen_ahead_does_not_hide_what_else_has_changed(void **state)
{
    struct bl_erasure *e = fresh();
    (void)state;
    store("elsewhere", 100);
    store("old", 0);
    store("here", 101);
    bl_erasure_stands(e, BL_STR("here"), 101);
    assert_true(bl_erasure_has(e, BL_STR("here")));
    look(e);
    assert_true(bl_erasure_has(e, BL_STR("here")));
    assert_true(bl_erasure_has(e, BL_STR("elsewhere")));
    assert_false(bl_erasure_has(e, BL_STR("old")));
    bl_erasure_free(e);
}

static void one_seen_ahead_is_counted_once(void **state)
{
    struct bl_erasure *e = fresh();
    (void)state;
    store("here", 101);
    for (int i = 0; i < 2; i++) {
        bl_erasure_stands(e, BL_STR("here"), 101);
        assert_int_equal(bl_erasure_counts(e)->tombstones, 2);
        look(e);
        assert_int_equal(bl_erasure_counts(e)->tombstones, 2);
    }
    store("here", 0);
    look(e);
    assert_false(bl_erasure_has(e, BL_STR("here")));
    assert_true(bl_erasure_has(e, BL_STR("old")));
    bl_erasure_free(e);
}

static void one_seen_ahead_that_stands_no_more_is_let_go(void **state)
{
    struct bl_erasure *e = fresh();
    (void)state;
    bl_erasure_stands(e, BL_STR("here"), 101);
    look(e); /* finds nothing new */
    look(e);
    assert_false(bl_erasure_has(e, BL_STR("here")));
    assert_true(bl_erasure_has(e, BL_STR("old")));
    bl_erasure_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seen_ahead_does_not_hide_what_else_has_changed),
        cmocka_unit_test(one_seen_ahead_is_counted_once),
        cmocka_unit_test(one_seen_ahead_that_stands_no_more_is_let_go),
    };
    bl_test_redis_start(&redis, NULL);
    uv_loop_init(&loop);
    const struct bl_link_options o = {.url = redis.url, .timeout_ms = 20000, .retry_max_ms = 50, .up = on_up};
    if (bl_link_new(&loop, &o, &link_to) != BL_OK)
        return 1;
    RUN_UNTIL(&loop, opened);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    link_wait_close(&loop, link_to);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    bl_test_redis_stop(&redis);
    return failed;
}
