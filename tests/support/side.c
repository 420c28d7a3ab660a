#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uv_loop_t side_loop;
struct bl_test_redis side_redis;

void side_open(struct side *s, const char *name)
{
    side_open_minding(s, name, 0);
}

void side_open_minding(struct side *s, const char *name, int64_t silence_ms)
{
    struct bl_world_options o = {.loop = &side_loop,
                                 .url = side_redis.url,
                                 .env = "test",
                                 .name = name,
                                 .partitions = 1,
                                 .lease_ms = 60000,
                                 .grace_ms = 500,
                                 .stream_retention_ms = 0,
                                 .stream_max = 1000000,
                                 .pattern_retention_ms = 1000,
                                 .pattern_max = 100,
                                 .reply_timeout_ms = 20000,
                                 .silence_ms = silence_ms};
    *s = (struct side){0};
    assert_int_equal(bl_world_new(&o, &s->world), BL_OK);
    s->ports = bl_world_ports(s->world);
}

void side_run(struct side *s)
{
    while (!s->done)
        uv_run(&side_loop, UV_RUN_ONCE);
    s->done = false;
}

void side_closed(void *ctx)
{
    ((struct side *)ctx)->done = true;
}

void side_close(struct side *s)
{
    bl_world_close(s->world, side_closed, s);
    side_run(s);
}

void side_done(void *arg, enum bl_err err)
{
    struct side *s = arg;
    s->err = err;
    s->done = true;
}

static void on_acquired(void *arg, const struct bl_acquired *a)
{
    ((struct side *)arg)->acquired = *a;
    side_done(arg, a->err);
}

static void on_restored(void *arg, const struct bl_restored *r)
{
    struct side *s = arg;
    snprintf(s->text, sizeof s->text, "%.*s", BL_STR_ARG(r->position.id));
    side_done(arg, r->err);
}

static void on_fetched(void *arg, const struct bl_fetched *f)
{
    struct side *s = arg;
    s->n = f->n;
    s->pending = f->pending;
    s->dues_known = f->dues_known;
    s->n_dues = f->n_dues;
    s->earliest_ms = f->earliest_ms;
    for (size_t i = 0; i < f->n; i++) {
        snprintf(s->ids[i], sizeof s->ids[i], "%.*s", BL_STR_ARG(f->entries[i].id));
        s->kinds[i] = f->entries[i].kind;
        s->values[i] = f->entries[i].value;
    }
    struct bl_held held = f->held;
    if (s->keep)
        *s->keep = held;
    else
        bl_held_release(&held);
    s->keep = NULL;
    side_done(arg, f->err);
}

/* The control connection may not be up yet: until it is, the answer is that the store cannot be reached. */
bool side_acquire(struct side *s)
{
    do {
        s->ports.acquire(s->ports.ctx, 0, on_acquired, s);
        side_run(s);
    } while (s->err == BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(s->err, BL_OK);
    return s->acquired.taken;
}

enum bl_err side_restore(struct side *s)
{
    s->ports.restore(s->ports.ctx, 0, on_restored, s);
    side_run(s);
    return s->err;
}

void side_take(struct side *s)
{
    assert_true(side_acquire(s));
    assert_int_equal(side_restore(s), BL_OK);
}

void side_take_anew(struct side *s)
{
    while (!side_acquire(s) || side_restore(s) != BL_OK)
        ;
}

enum bl_err side_fetch(struct side *s, bool pending, bool tick)
{
    s->ports.fetch(s->ports.ctx, 0, 32, pending, tick, s->passed_ms, on_fetched, s);
    side_run(s);
    return s->err;
}

void side_await(struct side *s, const char *id, int64_t wait_ms)
{
    s->n = 0;
    s->done = false;
    s->ports.await(s->ports.ctx, 0, bl_str_of(id), wait_ms, 32, BL_TICK_DUE, s->passed_ms, on_fetched, s);
    uv_run(&side_loop, UV_RUN_NOWAIT);
}

void side_begin(struct side *s, const char *name)
{
    side_open(s, name);
    side_take(s);
    assert_int_equal(side_fetch(s, true, true), BL_OK);
}

enum bl_err side_reread(struct side *s, const char *upto)
{
    s->ports.reread(s->ports.ctx, 0, BL_STR(""), bl_str_of(upto), 32, on_fetched, s);
    side_run(s);
    return s->err;
}

enum bl_err side_renew(struct side *s)
{
    s->ports.renew(s->ports.ctx, 0, side_done, s);
    side_run(s);
    return s->err;
}

static void put_commit(struct side *s, size_t n)
{
    const struct bl_place users = {bl_str_of(s->users_id), 500, 1};
    struct bl_put_position x = {.place = {bl_str_of(n ? s->ids[n - 1] : "0-0"), 1000, (int64_t)n},
                                .now_ms = 2000,
                                .epoch = 1,
                                .states = s->users_id[0] ? &users : NULL,
                                .caught_up = s->caught_up};
    s->ports.begin(s->ports.ctx, 0);
    s->ports.put_count(s->ports.ctx, 0, BL_TALLY_COUNTERS, 0, BL_STR("events"), (int64_t)n);
    for (size_t i = 0; i < n; i++)
        s->ports.put_ack(s->ports.ctx, 0, bl_str_of(s->ids[i]));
    s->ports.put_position(s->ports.ctx, 0, &x);
}

/* A commit of the first n entries fetched, with one counter. */
enum bl_err side_commit(struct side *s, size_t n)
{
    put_commit(s, n);
    s->ports.end(s->ports.ctx, 0, side_done, s);
    side_run(s);
    return s->err;
}

/* What was fetched comes behind it, or not at all. */
static void on_committed(void *arg, enum bl_err err)
{
    struct side *s = arg;
    assert_true(s->committing);
    s->committing = false;
    if (err != BL_OK)
        side_done(s, err);
}

static void on_fetched_behind(void *arg, const struct bl_fetched *f)
{
    assert_false(((struct side *)arg)->committing);
    on_fetched(arg, f);
}

enum bl_err side_commit_fetching(struct side *s, size_t n, int64_t due_ms)
{
    const struct bl_put_user u = {.user_id = BL_STR("due"),
                                  .expires_ms = BL_NEVER,
                                  .reschedule = true,
                                  .due_ms = due_ms,
                                  .active_ms = BL_NEVER};
    put_commit(s, n);
    if (due_ms > 0)
        s->ports.put_user(s->ports.ctx, 0, &u);
    s->committing = true;
    s->n = 0;
    s->ports.put_fetch(s->ports.ctx, 0, 32, true, s->passed_ms, on_fetched_behind, s);
    s->ports.end(s->ports.ctx, 0, on_committed, s);
    side_run(s);
    return s->err;
}

void side_append(int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " * events %s", "{}"));
}

long long side_pending(void)
{
    redisReply *r = bl_test_redis(&side_redis, "XPENDING " EVENTS " core");
    long long n = r->element[0]->integer;
    freeReplyObject(r);
    return n;
}

void side_steal(void)
{
    freeReplyObject(bl_test_redis(&side_redis, "DEL bl:{test:0}:lease")); /* it ran out */
}

int side_setup(void **state)
{
    (void)state;
    bl_test_redis_start(&side_redis, NULL);
    return uv_loop_init(&side_loop);
}

int side_teardown(void **state)
{
    (void)state;
    uv_run(&side_loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&side_loop), 0);
    bl_test_redis_stop(&side_redis);
    return 0;
}
