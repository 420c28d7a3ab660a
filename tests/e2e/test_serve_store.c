/* Serve and its store, end to end: what a 202 means, what happens while Redis is away, slow, full or behind, and
 * how a process ends (SPEC 2.5, 2.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve_story.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_MS 600
#define TRIES   10

/* --- what is stored */

static void a_202_means_the_canonical_line_is_in_the_stream(void **state)
{
    (void)state;
    expect(
        post("/events",
             "{\"page\":\"https://shop/cart/?a=1\",\"user_id\":\"u\",\"action\":\"click\",\"event_id\":\"x\","
             "\"ip_address\":\"10.1.2.3\"}"),
        "one", 202, NULL);
    for (int p = 0; p < 8; p++) {
        redisReply *r = bl_test_redis(&redis, "XRANGE bl:{dev:%d}:events - +", p);
        if (r->elements == 1) {
            const redisReply *fields = r->element[0]->element[1];
            assert_int_equal(fields->elements, 2);
            assert_string_equal(fields->element[0]->str, "events");
            assert_non_null(strstr(fields->element[1]->str, "\"page\":\"/cart\""));
            assert_null(strstr(fields->element[1]->str, "10.1.2.3"));
            freeReplyObject(r);
            return;
        }
        freeReplyObject(r);
    }
    fail_msg("nothing is stored");
}

static void refused_events_are_counted_and_kept_redacted(void **state)
{
    (void)state;
    expect(post("/events", "{\"user_id\":\"u\",\"action\":\"fly\",\"page\":\"/p?card=4111\"}"), "bad", 400,
           NULL);
    expect(post_as("/events", "Content-Type: image/png\r\n", "x", 1), "bad type", 415, NULL);
    long long end = now_ms() + 60000;
    while (bl_test_redis_int(&redis, "XLEN bl:dev:bad") < 2 && now_ms() < end)
        nap();
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:dev:rejected unknown_action"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:dev:rejected unsupported_media_type"), 1);
    redisReply *r = bl_test_redis(&redis, "XRANGE bl:dev:bad - + COUNT 1");
    const redisReply *fields = r->element[0]->element[1];
    assert_string_equal(fields->element[2]->str, "reason");
    assert_string_equal(fields->element[3]->str, "unknown_action");
    assert_string_equal(fields->element[5]->str, "action");
    assert_null(strstr(fields->element[9]->str, "4111"));
    freeReplyObject(r);
    await("GET", "/metrics", NULL, 200, "events_rejected_total");
}

/* SPEC 2.6: neither the event nor what is said about it names anybody, and a batch is kept to the last event. */
static void all_refused_events_are_kept_and_name_nobody(void **state)
{
    enum { N = 300 };
    static const char bad[] = "{\"user_id\":\"u\",\"action\":\"carol@corp.org?token=abc\"," P "}";
    static const char twice[] = "{" U A P ",\"bob@corp.org\":1,\"bob@corp.org\":2}";
    char batch[N * sizeof bad + 2];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        n += (size_t)sprintf(batch + n, "%s%s", i ? "," : "[", bad);
    batch[n++] = ']';
    expect(post("/events", twice), "to the sender", 400, "bob@corp.org");
    expect(post_as("/events/batch", "", batch, n), "burst", 400, "\"rejected\":300");
    long long end = now_ms() + 60000;
    while (bl_test_redis_int(&redis, "XLEN bl:dev:bad") < N + 1 && now_ms() < end)
        nap();
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:dev:bad"), N + 1);
    redisReply *r = bl_test_redis(&redis, "XRANGE bl:dev:bad - +");
    for (size_t i = 0; i < r->elements; i++)
        for (size_t k = 0; k < r->element[i]->element[1]->elements; k++) {
            const char *s = r->element[i]->element[1]->element[k]->str;
            if (strstr(s, "corp.org") || strstr(s, "token"))
                fail_msg("kept: %s", s);
        }
    freeReplyObject(r);
}

static void with_the_event_clock_a_timestamp_is_needed(void **state)
{
    static const char *const extra[] = {"--clock", "event", NULL};
    (void)state;
    start_open(extra);
    expect(post("/events", GOOD), "without", 400, "\"field\":\"timestamp\"");
    expect(post("/events", "{" U A P ",\"timestamp\":5}"), "with", 202, NULL);
}

/* --- when the store fails */

/* The milliseconds that it took. */
static long long posts_503(const char *what)
{
    long long begin = now_ms();
    struct bl_test_reply *r = post("/events", GOOD);
    expect(r, what, 503, "\"code\":\"store_unavailable\"");
    assert_string_equal(bl_test_reply_header(r, "retry-after"), "1");
    return now_ms() - begin;
}

/* A machine that is busy otherwise may need some tries. */
static void posts_503_at_once(const char *what)
{
    for (int i = 0; i < TRIES; i++)
        if (posts_503(what) <= LONG_MS)
            return;
    fail_msg("%s: no answer within %d ms", what, LONG_MS);
}

static void a_store_that_stands_still_is_503_within_half_a_second(void **state)
{
    (void)state;
    for (int i = 0; i < TRIES; i++) {
        await("POST", "/events", GOOD, 202, NULL);
        kill(redis.pid, SIGSTOP);
        long long took_ms = posts_503("stalled");
        expect(post("/events", "{}"), "bad meanwhile", 400, NULL);
        kill(redis.pid, SIGCONT);
        await("POST", "/events", GOOD, 202, NULL);
        if (took_ms <= LONG_MS)
            return;
    }
    fail_msg("no answer within %d ms", LONG_MS);
}

static void a_store_that_dies_is_503_and_comes_back_by_itself(void **state)
{
    (void)state;
    char *before = bl_test_redis_text(&redis, "HGET bl:dev:meta hash_key");
    bl_test_redis_kill(&redis);
    posts_503_at_once("dead");
    expect(post("/events", "{}"), "bad meanwhile", 400, NULL);
    expect(post("/events/batch", "[{}," GOOD "]"), "never 207", 503, NULL);
    await("GET", "/ready", NULL, 503, "redis_down");
    expect(get("/health"), "alive", 200, "{\"status\":\"ok\",\"timestamp\":");
    bl_test_redis_restart(&redis);
    await("POST", "/events", GOOD, 202, NULL);
    await("GET", "/ready", NULL, 503, "no_worker");
    char *after = NULL; /* an emptied store gets the same data set again: users stay in their partitions */
    for (long long end = now_ms() + 60000; !after && now_ms() < end; nap())
        after = bl_test_redis_text(&redis, "HGET bl:dev:meta hash_key");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void serve_starts_without_a_store(void **state)
{
    (void)state;
    bl_test_redis_kill(&redis);
    start(NULL);
    posts_503_at_once("away");
    expect(get("/ready"), "ready", 503, "redis_down");
    bl_test_redis_restart(&redis);
    await("POST", "/events", GOOD, 202, NULL);
}

static void a_full_memory_is_503_and_recovers(void **state)
{
    (void)state;
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 1"));
    expect(post("/events", GOOD), "full", 503, NULL); /* by Redis, or by who has seen that it is full */
    expect(post("/events/batch", "[" GOOD ",{\"user_id\":\"u2\"," A P "},{\"user_id\":\"u3\"," A P "}]"),
           "batch", 503, NULL);
    await("GET", "/ready", NULL, 503, "maxmemory");
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 0"));
    await("POST", "/events", GOOD, 202, NULL);
    assert_int_equal(stored_entries(), 1);
}

static void a_backlog_is_503_until_it_is_worked_off(void **state)
{
    static const char *const extra[] = {"--backlog-max", "5", NULL};
    (void)state;
    start_open(extra);
    for (int i = 0; i < 5; i++)
        expect(post("/events", GOOD), "fills", 202, NULL);
    await("POST", "/events", GOOD, 503, "\"code\":\"backlog_full\"");
    await("GET", "/ready", NULL, 503, "backlog_full");
    for (int p = 0; p < 8; p++)
        freeReplyObject(bl_test_redis(&redis, "DEL bl:{dev:%d}:events", p));
    await("POST", "/events", GOOD, 202, NULL);
}

/* --- the end */

static void a_stop_answers_what_is_in_flight(void **state)
{
    static const char request[] = "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 45\r\n\r\n" GOOD;
    struct bl_test_reply r;
    (void)state;
    start_open(NULL);
    int idle = bl_test_connect(&serve), half = bl_test_connect(&serve), busy = bl_test_connect(&serve);
    bl_test_send(idle, "GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 33);
    assert_true(bl_test_receive(idle, &r));
    bl_test_send(half, request, 20);
    kill(redis.pid, SIGSTOP);
    bl_test_send(busy, request, sizeof request - 1);
    long long begin = now_ms();
    kill(serve.pid, SIGTERM);
    assert_true(bl_test_receive(busy, &r));
    expect(&r, "in flight", 503, NULL);
    assert_string_equal(bl_test_reply_header(&r, "connection"), "close");
    assert_int_equal(bl_test_serve_end(&serve, 0), 0);
    assert_true(now_ms() - begin < 30000); /* an idle connection has 60 s */
    kill(redis.pid, SIGCONT);
    close(idle);
    close(half);
    close(busy);
}

static void a_stop_without_connections_is_immediate(void **state)
{
    (void)state;
    start_open(NULL);
    long long begin = now_ms();
    assert_int_equal(bl_test_serve_end(&serve, SIGINT), 0);
    assert_true(now_ms() - begin < 10000);
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD bl:dev:processes"), 0);
}

static void another_number_of_partitions_is_refused(void **state)
{
    static const char *const other[] = {"--partitions", "4", NULL};
    (void)state;
    start_open(NULL);
    assert_int_equal(bl_test_serve_end(&serve, SIGTERM), 0);
    start(other);
    assert_int_equal(bl_test_serve_end(&serve, 0), 1);
}

#define STORY(f)       cmocka_unit_test_setup_teardown(f, setup, teardown)
#define OWN_SERVE(f)   cmocka_unit_test_setup_teardown(f, setup_redis, teardown)
#define OWN_PROCESS(f) cmocka_unit_test_setup_teardown(f, setup_redis, teardown_redis)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_202_means_the_canonical_line_is_in_the_stream),
        STORY(refused_events_are_counted_and_kept_redacted),
        STORY(all_refused_events_are_kept_and_name_nobody),
        STORY(a_store_that_stands_still_is_503_within_half_a_second),
        STORY(a_store_that_dies_is_503_and_comes_back_by_itself),
        STORY(a_full_memory_is_503_and_recovers),
        OWN_SERVE(with_the_event_clock_a_timestamp_is_needed),
        OWN_SERVE(serve_starts_without_a_store),
        OWN_SERVE(a_backlog_is_503_until_it_is_worked_off),
        OWN_PROCESS(a_stop_answers_what_is_in_flight),
        OWN_PROCESS(a_stop_without_connections_is_immediate),
        OWN_PROCESS(another_number_of_partitions_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
