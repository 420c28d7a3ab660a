/* The worker as it runs, in this process, on a real redis-server in event time: what a data set holds afterwards. */
#include "bl/app/worker.h"
#include "bl/store/world.h"
#include "bl/wire/command.h"
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
#define T0     1700000000000LL

static uv_loop_t loop;
static struct bl_test_redis redis;
static struct bl_settings rules;

struct rig {
    struct bl_world *world;
    struct bl_worker *worker;
    uv_timer_t tick;
    bool stopped, closed;
    int64_t seen_max;
};

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

static void start_rig(struct rig *g, bool event_mode, size_t seen_max)
{
    struct bl_world_options o = {.loop = &loop,
                                 .url = redis.url,
                                 .env = "test",
                                 .name = "w",
                                 .partitions = 1,
                                 .event_mode = event_mode,
                                 .lease_ms = 1500,
                                 .grace_ms = event_mode ? 0 : 50,
                                 .stream_retention_ms = 3600000,
                                 .stream_max = 1000000,
                                 .pattern_retention_ms = 3650LL * 86400000,
                                 .pattern_max = 1000000,
                                 .reply_timeout_ms = 5000};
    *g = (struct rig){0};
    assert_int_equal(bl_world_new(&o, &g->world), BL_OK);
    struct bl_ports ports = bl_world_ports(g->world);
    bl_settings_defaults(&rules);
    rules.grace_ms = o.grace_ms;
    struct bl_worker_options w = {.name = "w",
                                  .partitions = 1,
                                  .event_mode = event_mode,
                                  .hash_key = {1, 2},
                                  .rules = &rules,
                                  .renew_ms = 500,
                                  .seen_ms = 3600000,
                                  .seen_max = seen_max,
                                  .recent_max = 100};
    assert_int_equal(bl_worker_new(&w, &ports, &g->worker), BL_OK);
    uv_timer_init(&loop, &g->tick);
    g->tick.data = g;
    uv_timer_start(&g->tick, on_tick, 1, 5);
}

static void stop_rig(struct rig *g)
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

/* Until all that was appended is committed. */
static void drain(void)
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

static void add(const char *user, const char *action, const char *page, int64_t t_ms, const char *id)
{
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * events "
                                  "{\"user_id\":\"%s\",\"action\":\"%s\",\"page\":\"%s\",\"event_id\":\"%s\","
                                  "\"timestamp\":%lld}",
                                  user, action, page, id, (long long)t_ms));
}

static void tick(int64_t t_ms)
{
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * tick %lld", (long long)t_ms));
}

static long long counter(const char *name)
{
    long long v = bl_test_redis_int(&redis, "HGET bl:{test:0}:counters %s", name);
    return v < 0 ? 0 : v;
}

static char *newest_pattern(void)
{
    redisReply *r = bl_test_redis(&redis, "ZRANGE bl:{test:0}:patterns 0 0 REV");
    char *id = r->elements ? strdup(r->element[0]->str) : NULL;
    freeReplyObject(r);
    return id;
}

static void assert_field(const char *id, const char *field, const char *value)
{
    char *text = bl_test_redis_text(&redis, "HGET bl:{test:0}:pattern:%s %s", id, field);
    assert_non_null(text);
    assert_string_equal(text, value);
    free(text);
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

static void a_pattern_is_stored_with_all_that_points_to_it(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    for (int i = 0; i < 3; i++)
        add("u 1", "page_view", "/a", T0 + i * 1000, (const char *const[]){"e1", "e2", "e3"}[i]);
    drain();
    char *id = newest_pattern();
    assert_non_null(id);
    assert_field(id, "type", "navigation-loop");
    assert_field(id, "user_id", "u 1");
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE bl:{test:0}:patterns:open %s", id), T0 + 2000);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE bl:{test:0}:patterns:user:u%%201 %s", id), T0 + 2000);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:{test:0}:changes"), 1);
    assert_int_equal(counter("patterns"), 1);
    assert_int_equal(counter("open"), 1);
    assert_int_equal(counter("severity:medium"), 1);
    /* raised in place */
    add("u 1", "page_view", "/a", T0 + 3000, "e4");
    drain();
    assert_field(id, "severity", "high");
    assert_int_equal(counter("severity:medium"), 0);
    assert_int_equal(counter("severity:high"), 1);
    assert_int_equal(counter("patterns"), 1);
    /* time goes on: ended, and the user is forgotten */
    tick(T0 + 90000000);
    drain();
    assert_field(id, "resolved", "true");
    assert_field(id, "resolution", "ended");
    assert_int_equal(counter("open"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:user:u%%201 bl:{test:0}:deadlines "
                                               "bl:{test:0}:active"),
                     0);
    free(id);
    stop_rig(&g);
}

/* SPEC 2.7, and what a successor remembers */
static void duplicates_are_known_to_the_next_owner(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "click", "/a", T0, "e1");
    add("u", "click", "/a", T0 + 1, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_int_equal(counter("duplicates"), 1);
    stop_rig(&g);
    start_rig(&g, true, 1000);
    add("u", "click", "/a", T0 + 3599999, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_int_equal(counter("duplicates"), 2);
    add("u", "click", "/a", T0 + 3600000, "e1"); /* at exactly an hour it is a new event */
    drain();
    assert_int_equal(counter("events"), 2);
    assert_int_equal(bl_test_redis_int(&redis, "LLEN bl:{test:0}:seen"), 1);
    stop_rig(&g);
}

static void the_memory_of_ids_is_bounded(void **state)
{
    (void)state;
    struct rig g;
    char id[16];
    start_rig(&g, true, 10);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "e%d", i);
        add("u", "scroll", "/a", T0 + i, id);
    }
    drain();
    assert_int_equal(bl_test_redis_int(&redis, "LLEN bl:{test:0}:seen"), 10);
    assert_int_equal(counter("seen_forgotten"), 40);
    stop_rig(&g);
}

static void poison_is_set_aside_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * what ever"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events %s", "{\"user_id\":\"u\",\"action"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * command %s", "[]"));
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " * events %b", "\0\xff\n\n{}", (size_t)6));
    add("u", "click", "/a", T0, "e1");
    drain();
    assert_int_equal(counter("events"), 1);
    assert_true(bl_test_redis_int(&redis, "XLEN bl:{test:0}:quarantine") >= 5);
    assert_int_equal(counter("quarantined"), bl_test_redis_int(&redis, "XLEN bl:{test:0}:quarantine"));
    redisReply *pending = bl_test_redis(&redis, "XPENDING " EVENTS " core");
    assert_int_equal(pending->element[0]->integer, 0);
    freeReplyObject(pending);
    stop_rig(&g);
}

static void a_state_that_cannot_be_read_is_dropped_and_told(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/a", T0, "e1");
    drain();
    stop_rig(&g);
    redisReply *names = bl_test_redis(&redis, "HKEYS bl:{test:0}:user:u");
    for (size_t i = 0; i < names->elements; i++)
        freeReplyObject(bl_test_redis(&redis, "HSET bl:{test:0}:user:u %s %s", names->element[i]->str, "]{"));
    freeReplyObject(names);
    start_rig(&g, true, 1000);
    add("u", "page_view", "/b", T0 + 1000, "e2");
    add("v", "page_view", "/b", T0 + 1000, "e3");
    drain();
    assert_int_equal(counter("events"), 3);
    assert_int_equal(counter("quarantined"), 1);
    stop_rig(&g);
    start_rig(&g, true, 1000); /* what was written instead can be read */
    add("u", "page_view", "/c", T0 + 2000, "e4");
    drain();
    assert_int_equal(counter("quarantined"), 1);
    stop_rig(&g);
}

static void send_resolve(const char *user, const char *id)
{
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * command "
                                  "{\"command\":\"resolve\",\"pattern_id\":\"%s\",\"user_id\":\"%s\"}",
                                  id, user));
}

/* SPEC 5.3 */
static void a_person_resolves_what_is_open_and_what_is_long_forgotten(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, true, 1000);
    add("u", "page_view", "/checkout", T0, "e1");
    tick(T0 + 60000);
    drain();
    char *first = newest_pattern();
    assert_non_null(first);
    assert_field(first, "type", "abandonment");
    add("u", "session_end", "", T0 + 70000, "e2");
    add("u", "page_view", "/checkout", T0 + 80000, "e3");
    tick(T0 + 150000);
    drain();
    char *second = newest_pattern();
    assert_string_not_equal(first, second);
    send_resolve("u", second);
    send_resolve("u", first); /* another has taken its place in the state */
    send_resolve("u", first);
    send_resolve("u", "00000000000000000000000000000000");
    drain();
    assert_field(first, "resolution", "manual");
    assert_field(second, "resolution", "manual");
    /* Beside them the user hesitated twice; the second time still stands. */
    assert_int_equal(counter("open"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns:open"), 1);
    assert_int_equal(counter("patterns"), 4);
    free(first);
    free(second);
    stop_rig(&g);
}

/* SPEC 3.4: in order of time, however many are due */
static void more_deadlines_than_one_round_takes_fire_all_in_order(void **state)
{
    (void)state;
    struct rig g;
    char user[16], id[16];
    const int n = 4000;
    start_rig(&g, true, 10000);
    for (int i = 0; i < n; i++) {
        snprintf(user, sizeof user, "u%d", i);
        snprintf(id, sizeof id, "e%d", i);
        add(user, "page_view", "/a", T0 + i / 1500, id); /* more than a round at the same time */
    }
    drain();
    stop_rig(&g); /* nobody is at hand */
    start_rig(&g, true, 10000);
    tick(T0 + 20000);
    drain();
    assert_int_equal(counter("patterns"), n);
    assert_int_equal(counter("type:hesitation"), n);
    assert_int_equal(counter("severity:medium"), n); /* 15 s: all raised once */
    redisReply *changes = bl_test_redis(&redis, "XRANGE bl:{test:0}:changes - +");
    long long last = 0;
    for (size_t i = 0; i < changes->elements; i++) {
        redisReply *fields = changes->element[i]->element[1];
        long long at = strtoll(fields->element[fields->elements - 1]->str, NULL, 10);
        if (strcmp(fields->element[1]->str, "new") != 0)
            continue;
        assert_true(at >= last);
        last = at;
    }
    freeReplyObject(changes);
    stop_rig(&g);
}

static void recent_events_are_bounded(void **state)
{
    (void)state;
    struct rig g;
    char id[16];
    start_rig(&g, true, 1000);
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "e%d", i);
        add("u", "scroll", "/a", T0 + i, id);
    }
    drain();
    redisReply *list = bl_test_redis(&redis, "LRANGE bl:{test:0}:recent 0 -1");
    size_t lines = 0;
    for (size_t i = 0; i < list->elements; i++) {
        lines++;
        for (const char *p = list->element[i]->str; *p; p++)
            lines += *p == '\n';
    }
    assert_in_range(lines, 100, 100 + 16);
    assert_non_null(strstr(list->element[0]->str, "e499"));
    freeReplyObject(list);
    stop_rig(&g);
}

/* SPEC 3.2: what is old is kept with the mark that says what became of its time. */
static void recent_events_carry_their_marks(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, false, 1000);
    int64_t now = bl_test_redis_int(&redis, "EVAL %s 0", "return tonumber(redis.call('TIME')[1])") * 1000;
    add("u", "scroll", "/a", now, "timely");
    add("u", "scroll", "/a", now - 3600000, "adjusted");
    freeReplyObject(bl_test_redis(&redis,
                                  "XADD " EVENTS " * events "
                                  "{\"user_id\":\"u\",\"action\":\"scroll\",\"page\":\"/a\",\"event_id\":"
                                  "\"late\",\"timestamp\":%lld,\"sent_at\":%lld}",
                                  (long long)now - 3600000, (long long)now));
    drain();
    redisReply *list = bl_test_redis(&redis, "LRANGE bl:{test:0}:recent 0 -1");
    char all[4096] = "";
    for (size_t i = list->elements; i > 0; i--) {
        size_t at = strlen(all);
        snprintf(all + at, sizeof all - at, "%s\n", list->element[i - 1]->str);
    }
    freeReplyObject(list);
    static const char *const want[][2] = {{"timely", ""}, {"adjusted", ",clock_adjusted"}, {"late", ",late"}};
    char *line = all;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char *space = strchr(line, ' '), *end = strchr(line, '\n'), id[32];
        assert_true(space && end && space < end);
        *space = *end = '\0';
        assert_string_equal(line + strspn(line, "0123456789"), want[i][1]);
        snprintf(id, sizeof id, "\"event_id\":\"%s\"", want[i][0]);
        assert_non_null(strstr(space + 1, id));
        line = end + 1;
    }
    assert_int_equal(counter("late"), 1);
    assert_int_equal(counter("clock_adjusted"), 1);
    stop_rig(&g);
}

/* SPEC 3.4, 7.2: live time. Keys with a user in their name all have a TTL. */
static void in_live_time_deadlines_come_by_ticks_and_keys_have_ttls(void **state)
{
    (void)state;
    struct rig g;
    start_rig(&g, false, 1000);
    rules.rule[BL_RULE_HESITATION].v[0].i = 300; /* the partition takes the rules when it is taken over */
    freeReplyObject(bl_test_redis(
        &redis, "XADD " EVENTS " * events %s",
        "{\"user_id\":\"u\",\"action\":\"page_view\",\"page\":\"/checkout\",\"event_id\":\"e\"}"));
    drain();
    assert_in_range(bl_test_redis_int(&redis, "PTTL bl:{test:0}:checkout:u"), 1, 60000);
    assert_true(bl_test_redis_int(&redis, "PTTL bl:{test:0}:user:u") > 86400000);
    char *page = bl_test_redis_text(&redis, "GET bl:{test:0}:checkout:u");
    assert_string_equal(page, "/checkout");
    free(page);
    while (bl_test_redis_int(&redis, "ZCARD bl:{test:0}:patterns") < 1)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(bl_test_redis_int(&redis, "PTTL bl:{test:0}:patterns:user:u") > 86400000);
    redisReply *last = bl_test_redis(&redis, "XREVRANGE " EVENTS " + - COUNT 1");
    assert_string_equal(last->element[0]->element[1]->element[0]->str, "tick");
    freeReplyObject(last);
    freeReplyObject(
        bl_test_redis(&redis, "XADD " EVENTS " * events %s",
                      "{\"user_id\":\"u\",\"action\":\"purchase\",\"page\":\"/x\",\"event_id\":\"f\"}"));
    drain();
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:checkout:u"), 0);
    assert_int_equal(counter("attempts:completed"), 1);
    stop_rig(&g);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS bl:{test:0}:lease"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:test:workers"), 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_pattern_is_stored_with_all_that_points_to_it),
        STORY(duplicates_are_known_to_the_next_owner),
        STORY(the_memory_of_ids_is_bounded),
        STORY(poison_is_set_aside_and_the_rest_goes_on),
        STORY(a_state_that_cannot_be_read_is_dropped_and_told),
        STORY(a_person_resolves_what_is_open_and_what_is_long_forgotten),
        STORY(more_deadlines_than_one_round_takes_fire_all_in_order),
        STORY(recent_events_are_bounded),
        STORY(recent_events_carry_their_marks),
        STORY(in_live_time_deadlines_come_by_ticks_and_keys_have_ttls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
