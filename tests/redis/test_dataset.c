/* Opening a data set (SPEC 7.3): what does not fit is refused with a sentence that says how to mend it. */
#include "bl/store/dataset.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

struct opened {
    uv_loop_t loop;
    struct bl_link *link;
    struct bl_dataset_want want;
    bool done, closed;
    enum bl_err err;
    struct bl_dataset dataset;
    char why[512];
};

static void on_open(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    struct opened *o = ctx;
    o->done = true;
    o->err = err;
    if (d)
        o->dataset = *d;
    snprintf(o->why, sizeof o->why, "%s", why ? why : "");
}

static void on_up(void *ctx)
{
    struct opened *o = ctx;
    bl_dataset_open(o->link, &o->want, on_open, o);
}

static void on_closed(void *ctx)
{
    ((struct opened *)ctx)->closed = true;
}

static void open_dataset(struct opened *o, const char *url, int partitions, bool event, bool durable)
{
    *o = (struct opened){.want = {BL_STR("test"), partitions, event, durable, NULL}};
    uv_loop_init(&o->loop);
    struct bl_link_options l = {url, 2000, 100, o, on_up, NULL};
    assert_int_equal(bl_link_new(&o->loop, &l, &o->link), BL_OK);
    while (!o->done)
        uv_run(&o->loop, UV_RUN_ONCE);
    bl_link_close(o->link, on_closed, o);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    assert_true(o->closed);
    assert_int_equal(uv_loop_close(&o->loop), 0);
}

static void the_first_makes_it_and_all_agree(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct opened a, b;
    bl_test_redis_start(&r, NULL);
    open_dataset(&a, r.url, 8, false, false);
    assert_int_equal(a.err, BL_OK);
    assert_int_equal(a.dataset.partitions, 8);
    assert_true(a.dataset.now_ms > 1700000000000);
    open_dataset(&b, r.url, 8, false, false);
    assert_int_equal(b.err, BL_OK);
    assert_memory_equal(&a.dataset.hash_key, &b.dataset.hash_key, sizeof a.dataset.hash_key);
    open_dataset(&b, r.url, 4, false, false);
    assert_int_equal(b.err, BL_ERR_CONFIG);
    assert_non_null(strstr(b.why, "--partitions 8"));
    open_dataset(&b, r.url, 8, true, false);
    assert_int_equal(b.err, BL_ERR_CONFIG);
    assert_non_null(strstr(b.why, "--clock live"));
    freeReplyObject(bl_test_redis(&r, "HSET bl:test:meta version 99"));
    open_dataset(&b, r.url, 8, false, false);
    assert_int_equal(b.err, BL_ERR_CONFIG);
    bl_test_redis_stop(&r);
}

static void a_redis_that_cannot_keep_the_promise_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *args[5];
        bool durable;
        const char *says; /* NULL: accepted */
    } cases[] = {
        {{"--maxmemory-policy", "allkeys-lru", NULL}, false, "noeviction"},
        {{"--maxmemory-policy", "volatile-ttl", NULL}, false, "noeviction"},
        {{"--appendonly", "no", NULL}, true, "appendonly yes"},
        {{"--appendonly", "yes", NULL}, true, NULL},
        {{"--appendonly", "no", NULL}, false, NULL},
        {{"--cluster-enabled", "yes", NULL}, false, "cluster"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bl_test_redis r;
        struct opened o;
        bl_test_redis_start(&r, cases[i].args);
        open_dataset(&o, r.url, 8, false, cases[i].durable);
        assert_int_equal(o.err, cases[i].says ? BL_ERR_CONFIG : BL_OK);
        if (cases[i].says) {
            assert_non_null(strstr(o.why, cases[i].says));
            redisReply *made = redisCommand(r.c, "EXISTS bl:test:meta");
            assert_false(made->type == REDIS_REPLY_INTEGER && made->integer == 1);
            freeReplyObject(made);
        }
        bl_test_redis_stop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_makes_it_and_all_agree),
        cmocka_unit_test(a_redis_that_cannot_keep_the_promise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
