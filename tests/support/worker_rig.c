#include "worker_rig.h"
#include "bl/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static uv_loop_t loop;
struct bl_test_redis redis;
struct bl_settings rules;
int64_t patterns_kept;
size_t hand_max;
int64_t behind_ms;
size_t calm_bytes;
int64_t grace_ms;

static void on_tick(uv_timer_t *timer)
{
    bl_worker_tick(((struct rig *)timer->data)->worker);
}

static void on_stopped(void *ctx)
{
    ((struct rig *)ctx)->stopped = true;
}

static void on_closed(void *ctx)
{
    ((struct rig *)ctx)->closed = true;
}

void start_rig(struct rig *g, bool event_mode, size_t seen_max)
{
    struct bl_world_options o = {.loop = &loop,
                                 .url = redis.url,
                                 .env = "test",
                                 .name = "w",
                                 .partitions = 1,
                                 .event_mode = event_mode,
                                 .lease_ms = 1500,
                                 .grace_ms = event_mode ? 0 : grace_ms,
                                 .stream_retention_ms = 3600000,
                                 .stream_max = 1000000,
                                 .pattern_retention_ms = 3650LL * 86400000,
                                 .pattern_max = patterns_kept,
                                 .reply_timeout_ms = 20000};
    *g = (struct rig){0};
    assert_int_equal(bl_world_new(&o, &g->world), BL_OK);
    struct bl_ports ports = bl_world_ports(g->world);
    rules.grace_ms = o.grace_ms;
    struct bl_worker_options w = {.name = "w",
                                  .partitions = 1,
                                  .event_mode = event_mode,
                                  .hash_key = {1, 2},
                                  .rules = &rules,
                                  .renew_ms = 500,
                                  .behind_ms = behind_ms,
                                  .calm_bytes = calm_bytes,
                                  .seen_ms = 3600000,
                                  .seen_max = seen_max,
                                  .recent_max = 100,
                                  .hand_max = hand_max};
    assert_int_equal(bl_worker_new(&w, &ports, &g->worker), BL_OK);
    uv_timer_init(&loop, &g->tick);
    g->tick.data = g;
    uv_timer_start(&g->tick, on_tick, 1, 5);
}

void stop_rig(struct rig *g)
{
    bl_worker_stop(g->worker, on_stopped, g);
    while (!g->stopped)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&g->tick, NULL);
    bl_world_close(g->world, on_closed, g);
    while (!g->closed)
        uv_run(&loop, UV_RUN_ONCE);
    bl_worker_free(g->worker);
}

pid_t start_rig_apart(bool event_mode, size_t seen_max)
{
    struct rig g;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || uv_loop_fork(&loop) != 0)
        _exit(1);
    start_rig(&g, event_mode, seen_max);
    for (;;)
        turn();
}

void kill_rig(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));                                /* by us: it had not ended */
    freeReplyObject(bl_test_redis(&redis, "DEL bl:{test:0}:lease")); /* it ran out */
}

void turn(void)
{
    uv_run(&loop, UV_RUN_ONCE);
}

void drain(void)
{
    for (;;) {
        redisReply *info = bl_test_redis(&redis, "XINFO STREAM " EVENTS);
        long long added = 0;
        for (size_t i = 0; i + 1 < info->elements; i += 2)
            if (strcmp(info->element[i]->str, "entries-added") == 0)
                added = info->element[i + 1]->integer;
        freeReplyObject(info);
        if (bl_test_redis_int(&redis, "HGET bl:{test:0}:position entries") == added)
            return;
        uv_run(&loop, UV_RUN_ONCE);
    }
}

void add(const char *user, const char *action, const char *page, int64_t t_ms, const char *id)
{
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * events "
                                  "{\"user_id\":\"%s\",\"action\":\"%s\",\"page\":\"%s\",\"event_id\":\"%s\","
                                  "\"timestamp\":%lld}",
                                  user, action, page, id, (long long)t_ms));
}

void tick(int64_t t_ms)
{
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * tick %lld", (long long)t_ms));
}

void command(const char *json)
{
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * command %s", json));
}

long long counter(const char *name)
{
    long long v = bl_test_redis_int(&redis, "HGET bl:{test:0}:counters %s", name);
    return v < 0 ? 0 : v;
}

char *newest_pattern(void)
{
    redisReply *r = bl_test_redis(&redis, "ZRANGE bl:{test:0}:patterns 0 0 REV");
    char *id = r->elements ? strdup(r->element[0]->str) : NULL;
    freeReplyObject(r);
    return id;
}

void assert_field(const char *id, const char *field, const char *value)
{
    char *text = bl_test_redis_text(&redis, "HGET bl:{test:0}:pattern:%s %s", id, field);
    assert_non_null(text);
    assert_string_equal(text, value);
    free(text);
}

int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    bl_settings_defaults(&rules);
    patterns_kept = 1000000;
    hand_max = SIZE_MAX;
    behind_ms = 0;
    grace_ms = 50;
    calm_bytes = BL_CALM_BYTES;
    freeReplyObject(bl_test_redis(&redis, "XADD bl:test:rules * version 1 at 0 source test settings {}"));
    return uv_loop_init(&loop);
}

int teardown(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    bl_test_redis_stop(&redis);
    return 0;
}
