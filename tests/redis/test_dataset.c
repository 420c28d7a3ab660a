/* Opening a data set (SPEC 7.3): what does not fit is refused with a sentence that says how to mend it. */
#include "bl/store/dataset.h"
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

static void open_wanted(struct opened *o, const char *url, struct bl_dataset_want want)
{
    *o = (struct opened){.want = want};
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

static void open_dataset(struct opened *o, const char *url, int partitions, bool event, bool durable)
{
    open_wanted(o, url,
                (struct bl_dataset_want){BL_STR("test"), partitions, event, durable, NULL, false, BL_STR(""),
                                         BL_STR("")});
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

static void an_append_only_file_that_is_synced_too_seldom_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sync;
        bool every_write;
        const char *says; /* NULL: accepted */
    } cases[] = {
        {"always", true, NULL},
        {"everysec", true, "appendfsync always"},
        {"no", true, "appendfsync always"},
        {"always", false, NULL},
        {"everysec", false, NULL},
        {"no", false, "appendfsync everysec"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const args[] = {"--appendonly", "yes", "--appendfsync", cases[i].sync, NULL};
        const struct bl_dataset_want want = {BL_STR("test"),       8,          false,     true, NULL,
                                             cases[i].every_write, BL_STR(""), BL_STR("")};
        struct bl_test_redis r;
        struct opened o;
        bl_test_redis_start(&r, args);
        open_wanted(&o, r.url, want);
        assert_int_equal(o.err, cases[i].says ? BL_ERR_CONFIG : BL_OK);
        if (cases[i].says)
            assert_non_null(strstr(o.why, cases[i].says));
        bl_test_redis_stop(&r);
    }
}

/* Who may not ask is warned, not refused. */
static void a_sync_that_is_not_told_is_believed(void **state)
{
    (void)state;
    static const char *const args[] = {"--appendonly", "yes", NULL};
    const struct bl_dataset_want want = {BL_STR("test"), 8, false, true, NULL, true, BL_STR(""), BL_STR("")};
    struct bl_test_redis r;
    struct opened o;
    bl_test_redis_start(&r, args);
    freeReplyObject(bl_test_redis(&r, "ACL SETUSER default -config"));
    open_wanted(&o, r.url, want);
    assert_int_equal(o.err, BL_OK);
    bl_test_redis_stop(&r);
}

static bool rewritten(struct bl_test_redis *r)
{
    char *info = bl_test_redis_text(r, "INFO persistence");
    bool done = strstr(info, "aof_rewrite_in_progress:0") && strstr(info, "aof_rewrite_scheduled:0");
    free(info);
    return done;
}

/* It keeps its file, though it does not say so while it reads it. */
static void a_redis_that_is_loading_is_awaited_not_refused(void **state)
{
    (void)state;
    static const char *const args[] = {"--appendonly",
                                       "yes",
                                       "--enable-debug-command",
                                       "local",
                                       "--key-load-delay",
                                       "300",
                                       "--loading-process-events-interval-bytes",
                                       "1024",
                                       NULL};
    struct bl_test_redis r;
    struct opened o;
    bl_test_redis_start(&r, args);
    freeReplyObject(bl_test_redis(&r, "DEBUG POPULATE 2000"));
    freeReplyObject(bl_test_redis(&r, "BGREWRITEAOF"));
    while (!rewritten(&r))
        ;
    bl_test_redis_kill(&r);
    bl_test_redis_spawn(&r);
    open_dataset(&o, r.url, 8, false, true);
    assert_int_equal(o.err, BL_OK);
    bl_test_redis_wait(&r);
    assert_int_equal(bl_test_redis_int(&r, "DBSIZE"), 2001);
    bl_test_redis_stop(&r);
}

/* From then on a program that cannot read what will be written refuses it. */
static void one_of_an_older_version_is_raised(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct opened o;
    bl_test_redis_start(&r, NULL);
    open_dataset(&o, r.url, 8, false, false);
    for (int version = BL_DATASET_VERSION_LEAST - 1; version <= BL_DATASET_VERSION + 1; version++) {
        bool fits = version >= BL_DATASET_VERSION_LEAST && version <= BL_DATASET_VERSION;
        freeReplyObject(bl_test_redis(&r, "HSET bl:test:meta version %d", version));
        open_dataset(&o, r.url, 8, false, false);
        assert_int_equal(o.err, fits ? BL_OK : BL_ERR_CONFIG);
        char *now = bl_test_redis_text(&r, "HGET bl:test:meta version");
        assert_int_equal(atoi(now), fits ? BL_DATASET_VERSION : version);
        free(now);
    }
    bl_test_redis_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_makes_it_and_all_agree),
        cmocka_unit_test(one_of_an_older_version_is_raised),
        cmocka_unit_test(a_redis_that_cannot_keep_the_promise_is_refused),
        cmocka_unit_test(an_append_only_file_that_is_synced_too_seldom_is_refused),
        cmocka_unit_test(a_sync_that_is_not_told_is_believed),
        cmocka_unit_test(a_redis_that_is_loading_is_awaited_not_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
