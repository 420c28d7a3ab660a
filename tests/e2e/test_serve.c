/* The way in over HTTP (SPEC 2), end to end: a real serve process, a real Redis, any bytes a client may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_server.h"
#include "serve_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GOOD   "{\"user_id\":\"u1\",\"action\":\"click\",\"page\":\"/p\"}"
#define LONG_S 600

static struct bl_test_redis redis;
static struct bl_test_serve serve;

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 10000000}, NULL);
}

static struct bl_test_reply *post_as(const char *path, const char *headers, const char *body, size_t n)
{
    static struct bl_test_reply r;
    bl_test_request(&serve, "POST", path, headers, body, n, &r);
    return &r;
}

static struct bl_test_reply *post(const char *path, const char *body)
{
    return post_as(path, "", body, strlen(body));
}

static struct bl_test_reply *get(const char *path)
{
    static struct bl_test_reply r;
    bl_test_request(&serve, "GET", path, "", NULL, 0, &r);
    return &r;
}

static void expect(const struct bl_test_reply *r, const char *what, int status, const char *text)
{
    if (r->status != status || (text && !strstr(r->body, text)))
        fail_msg("%s: got %d %s, wanted %d %s", what, r->status, r->body, status, text ? text : "");
    if (strcmp(bl_test_reply_header(r, "access-control-allow-origin"), "*") != 0)
        fail_msg("%s: no CORS header", what);
}

/* Waits until a request gives that status. */
static void await(const char *method, const char *path, const char *body, int status, const char *text)
{
    struct bl_test_reply r;
    for (long long end = now_ms() + 10000; now_ms() < end; nap()) {
        bl_test_request(&serve, method, path, "", body, body ? strlen(body) : 0, &r);
        if (r.status == status && (!text || strstr(r.body, text)))
            return;
    }
    fail_msg("%s %s never gave %d; last %d %s", method, path, status, r.status, r.body);
}

static long long stored_entries(void)
{
    long long n = 0;
    for (int p = 0; p < 8; p++)
        n += bl_test_redis_int(&redis, "XLEN bl:{dev:%d}:events", p);
    return n;
}

static void start(const char *const *extra)
{
    bl_test_serve_start(&serve, PROGRAM, redis.url, extra);
}

static void start_open(const char *const *extra)
{
    start(extra);
    await("GET", "/ready", NULL, 503, "no_worker");
}

static int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    start_open(NULL);
    return 0;
}

static int setup_redis(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    int status = bl_test_serve_end(&serve, SIGTERM);
    bl_test_redis_stop(&redis);
    return status;
}

static int teardown_redis(void **state)
{
    (void)state;
    bl_test_redis_stop(&redis);
    return 0;
}

/* --- bodies */

#define U "\"user_id\":\"u\","
#define A "\"action\":\"click\","
#define P "\"page\":\"/p\""

static const struct {
    const char *name, *body;
    int status;
    const char *text;
} singles[] = {
    {"empty", "", 400, "\"code\":\"invalid_json\""},
    {"space", "  \n", 400, "\"code\":\"invalid_json\""},
    {"cut", "{" U A "\"page\":\"/p", 400, "\"code\":\"invalid_json\""},
    {"two values", GOOD GOOD, 400, "\"code\":\"invalid_json\""},
    {"garbage after", GOOD "x", 400, "\"code\":\"invalid_json\""},
    {"array", "[" GOOD "]", 400, "\"error\""},
    {"string", "\"x\"", 400, "\"error\""},
    {"null", "null", 400, "\"error\""},
    {"trailing comma", "{" U A P ",}", 400, "\"code\":\"invalid_json\""},
    {"single quotes", "{'user_id':'u'}", 400, "\"code\":\"invalid_json\""},
    {"comment", "{/**/" U A P "}", 400, "\"code\":\"invalid_json\""},
    {"NaN", "{" U A P ",\"duration\":NaN}", 400, "\"code\":\"invalid_json\""},
    {"number too large", "{" U A P ",\"duration\":1e999}", 400, "\"error\""},
    {"integer too large", "{" U A P ",\"timestamp\":123456789012345678901234567890}", 400, "\"error\""},
    {"bad UTF-8", "{" U A "\"page\":\"/\xC0\xAF\"}", 400, "\"code\":\"invalid_json\""},
    {"lone surrogate", "{" U A "\"page\":\"/\\ud800\"}", 400, "\"error\""},
    {"NUL in an id", "{\"user_id\":\"a\\u0000b\"," A P "}", 400, "\"field\":\"user_id\""},
    {"newline in an id", "{\"user_id\":\"a\\nb\"," A P "}", 400, "\"field\":\"user_id\""},
    {"control in a page", "{" U A "\"page\":\"/a\\u0007\"}", 400, "\"field\":\"page\""},
    {"same key twice", "{" U U A P "}", 400, "\"code\":\"duplicate_key\""},
    {"same key twice inside", "{" U A P ",\"metadata\":{\"a\":1,\"a\":2}}", 400,
     "\"code\":\"duplicate_key\""},
    {"no user", "{" A P "}", 400, "\"field\":\"user_id\""},
    {"null user", "{\"user_id\":null," A P "}", 400, "\"code\":\"missing_field\""},
    {"empty user", "{\"user_id\":\"\"," A P "}", 400, "\"field\":\"user_id\""},
    {"number as user", "{\"user_id\":7," A P "}", 400, "\"code\":\"invalid_type\""},
    {"no action", "{" U P "}", 400, "\"field\":\"action\""},
    {"unknown action", "{" U "\"action\":\"fly\"," P "}", 400, "page_view"},
    {"no page", "{" U "\"action\":\"click\"}", 400, "\"field\":\"page\""},
    {"page is a list", "{" U A "\"page\":[]}", 400, "\"code\":\"invalid_type\""},
    {"negative time", "{" U A P ",\"timestamp\":-1}", 400, "\"field\":\"timestamp\""},
    {"time over 2^53", "{" U A P ",\"timestamp\":9007199254740993}", 400, "\"field\":\"timestamp\""},
    {"time is no time", "{" U A P ",\"timestamp\":\"yesterday\"}", 400, "\"field\":\"timestamp\""},
    {"metadata is a list", "{" U A P ",\"metadata\":[]}", 400, "\"field\":\"metadata\""},
    {"too deep", "{" U A P ",\"metadata\":{\"a\":[[[[[[[[[[1]]]]]]]]]]}}", 400, "\"code\":\"too_deep\""},
    {"duration is text", "{" U A P ",\"duration\":\"1\"}", 400, "\"field\":\"duration\""},
    {"good", GOOD, 202, "\"status\":\"accepted\",\"event_id\":\""},
    {"its own id", "{" U A P ",\"event_id\":\"my-id\"}", 202, "\"event_id\":\"my-id\""},
    {"id that needs escapes", "{" U A P ",\"event_id\":\"a\\\"b\\\\\"}", 202, "\"event_id\":\"a\\\"b\\\\\""},
    {"no page needed", "{" U "\"action\":\"session_start\"}", 202, "accepted"},
    {"RFC 3339", "{" U A P ",\"timestamp\":\"2024-02-29T12:00:00Z\"}", 202, "accepted"},
    {"null is absent", "{" U A P ",\"timestamp\":null,\"metadata\":null}", 202, "accepted"},
    {"unknown fields", "{" U A P ",\"colour\":\"red\"}", 202, "accepted"},
};

static void every_body_is_answered_by_the_contract(void **state)
{
    long long good = 0;
    (void)state;
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        expect(post("/events", singles[i].body), singles[i].name, singles[i].status, singles[i].text);
        good += singles[i].status == 202;
    }
    expect(post_as("/events", "", "{\"user_id\":\"a\0b\"}", 17), "raw NUL", 400, "invalid_json");
    assert_int_equal(stored_entries(), good);
}

static void batches_stand_event_by_event(void **state)
{
    static const struct {
        const char *name, *type, *body;
        int status;
        const char *text;
    } batches[] = {
        {"list", "", "[" GOOD "," GOOD "]", 202, "{\"status\":\"accepted\",\"received\":2,\"accepted\":2,"},
        {"object", "", "{\"events\":[" GOOD "]}", 202, "\"received\":1"},
        {"sent_at", "", "{\"events\":[" GOOD "],\"sent_at\":1700000000000}", 202, "\"received\":1"},
        {"empty list", "", "[]", 202, "\"received\":0,\"accepted\":0,\"rejected\":0,\"errors\":[]"},
        {"some", "", "[" GOOD ",{}]", 207,
         "{\"status\":\"partial\",\"received\":2,\"accepted\":1,\"rejected\":1,"
         "\"errors\":[{\"index\":1,\"error\":{\"code\":\"missing_field\""},
        {"none", "", "[{},7]", 400, "{\"status\":\"rejected\",\"received\":2,\"accepted\":0,\"rejected\":2,"},
        {"no json", "", "[" GOOD, 400, "{\"error\":{\"code\":\"invalid_json\""},
        {"no batch", "", "7", 400, "\"error\""},
        {"events is no list", "", "{\"events\":7}", 400, "\"error\""},
        {"lines", "Content-Type: application/x-ndjson\r\n", GOOD "\n" GOOD "\n\n", 202, "\"received\":2"},
        {"lines, one bad", "Content-Type: application/x-ndjson\r\n", GOOD "\n{\n" GOOD, 207,
         "\"rejected\":1,\"errors\":[{\"index\":1,"},
        {"lines, other name", "Content-Type: application/jsonl\r\n", GOOD, 202, "\"received\":1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        expect(post_as("/events/batch", batches[i].type, batches[i].body, strlen(batches[i].body)),
               batches[i].name, batches[i].status, batches[i].text);
        expect(post_as("/ingest/batch", batches[i].type, batches[i].body, strlen(batches[i].body)),
               batches[i].name, batches[i].status, batches[i].text);
    }
}

static void content_types(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } types[] = {
        {"", 202},
        {"Content-Type: application/json\r\n", 202},
        {"content-type: Application/JSON ; Charset=\"UTF-8\"\r\n", 202},
        {"Content-Type: application/json; charset=utf-8\r\n", 202},
        {"Content-Type: text/plain;charset=UTF-8\r\n", 202},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 202},
        {"Content-Type: application/json; charset=utf-16\r\n", 415},
        {"Content-Type: text/html\r\n", 415},
        {"Content-Type: application/x-ndjson\r\n", 415}, /* one event is no batch */
        {"Content-Type: multipart/form-data; boundary=x\r\n", 415},
        {"Content-Encoding: identity\r\n", 202},
        {"Content-Encoding: gzip\r\n", 415},
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        expect(post_as("/ingest", types[i].headers, GOOD, strlen(GOOD)), types[i].headers, types[i].status,
               NULL);
}

static void too_much_is_413_in_our_words(void **state)
{
    static const size_t sizes[] = {1048577, 4 * 1048576, 6 * 1048576};
    struct bl_test_reply r;
    (void)state;
    char *big = malloc(6 * 1048576);
    memset(big, ' ', 6 * 1048576);
    memcpy(big, GOOD, strlen(GOOD));
    expect(post_as("/events", "", big, 1048576), "the most", 202, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        expect(post_as("/events", "", big, sizes[i]), "too large", 413,
               "{\"error\":{\"code\":\"body_too_large\"");
    char *many = malloc(5002 * sizeof GOOD);
    size_t n = 0;
    for (int i = 0; i < 5001; i++)
        n += (size_t)sprintf(many + n, "%s%s", i ? "," : "[", GOOD);
    many[n++] = ']';
    expect(post_as("/events/batch", "", many, n), "too many", 413, "too_many_events");
    free(many);
    memset(big, 'a', 70000);
    int fd = bl_test_connect(&serve);
    bl_test_send(fd, "GET /health HTTP/1.1\r\nX-Long: ", 30);
    bl_test_send(fd, big, 70000);
    bl_test_send(fd, "\r\n\r\n", 4);
    assert_true(bl_test_receive(fd, &r));
    expect(&r, "headers", 431, "headers_too_large");
    close(fd);
    free(big);
}

/* --- paths and methods */

static void paths_and_methods(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *allow;
    } calls[] = {
        {"GET", "/health", 200, ""},
        {"HEAD", "/health", 200, ""},
        {"GET", "/health?x=1", 200, ""},
        {"GET", "/Health", 404, ""},
        {"GET", "/health/", 404, ""},
        {"GET", "//health", 404, ""},
        {"GET", "/x/../health", 404, ""},
        {"GET", "/%68ealth", 404, ""},
        {"POST", "/events/", 404, ""},
        {"GET", "/nothing", 404, ""},
        {"POST", "/health", 405, "GET, HEAD, OPTIONS"},
        {"DELETE", "/events/batch", 405, "POST, OPTIONS"},
        {"BREW", "/events/batch", 405, "POST, OPTIONS"},
        {"OPTIONS", "/events/batch", 204, "POST, OPTIONS"},
        {"OPTIONS", "/nothing", 204, "OPTIONS"},
    };
    struct bl_test_reply r;
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bl_test_request(&serve, calls[i].method, calls[i].path, "", NULL, 0, &r);
        expect(&r, calls[i].path, calls[i].status, NULL);
        assert_string_equal(bl_test_reply_header(&r, "allow"), calls[i].allow);
    }
    bl_test_request(&serve, "OPTIONS", "/events", "Origin: http://a\r\n", NULL, 0, &r);
    assert_string_equal(bl_test_reply_header(&r, "access-control-allow-methods"),
                        "GET, POST, PATCH, OPTIONS");
}

static void malformed_requests_do_no_harm(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } requests[] = {
        {"POST /events HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /events HTTP/1.1\r\nContent-Length: x\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", 400},
        {"GARBAGE\r\n\r\n", 400},
        {"GET /health HTTP/9\r\n\r\n", 400},
        {"GET nothing HTTP/1.1\r\nConnection: close\r\n\r\n", 404},
        {"GET http://a/health HTTP/1.1\r\nConnection: close\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\n\r\n", 200},
        {"GET /health HTTP/1.0\r\n\r\n", 200},
        {"GET /api/users/%zz HTTP/1.1\r\n\r\n", 400},
        {"GET /api/patterns?q=%zz HTTP/1.1\r\n\r\n", 400},
    };
    struct bl_test_reply r;
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int fd = bl_test_connect(&serve);
        bl_test_send(fd, requests[i].bytes, strlen(requests[i].bytes));
        if (!bl_test_receive(fd, &r) || r.status != requests[i].status)
            fail_msg("%s: %d %s", requests[i].bytes, r.status, r.body);
        close(fd);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    char bytes[64 * 256];
    struct bl_test_reply r;
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 64; i++) {
        char body[128];
        int k = sprintf(body, "{" U A P ",\"event_id\":\"e%d\"}", i);
        n += (size_t)sprintf(bytes + n, "POST /events HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", k, body);
    }
    int fd = bl_test_connect(&serve);
    bl_test_send(fd, bytes, n);
    for (int i = 0; i < 64; i++) {
        char want[32];
        sprintf(want, "\"event_id\":\"e%d\"", i);
        assert_true(bl_test_receive(fd, &r));
        expect(&r, want, 202, want);
    }
    close(fd);
}

static void clients_that_go_away_do_no_harm(void **state)
{
    static const char request[] = "POST /events HTTP/1.1\r\nContent-Length: 45\r\n\r\n" GOOD;
    static const struct linger hard = {1, 0};
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        int fd = bl_test_connect(&serve);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        bl_test_send(fd, request, i % sizeof request);
        close(fd);
    }
    for (int i = 0; i < 50; i++) { /* pipelines, and leaves before the first answer */
        int fd = bl_test_connect(&serve);
        for (int k = 0; k < 20; k++)
            bl_test_send(fd, request, sizeof request - 1);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
    }
    expect(post("/events", GOOD), "after them", 202, NULL);
}

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
    long long end = now_ms() + 10000;
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

static void with_the_event_clock_a_timestamp_is_needed(void **state)
{
    static const char *const extra[] = {"--clock", "event", NULL};
    (void)state;
    start_open(extra);
    expect(post("/events", GOOD), "without", 400, "\"field\":\"timestamp\"");
    expect(post("/events", "{" U A P ",\"timestamp\":5}"), "with", 202, NULL);
}

/* --- when the store fails */

static void posts_503_at_once(const char *what)
{
    long long begin = now_ms();
    struct bl_test_reply *r = post("/events", GOOD);
    expect(r, what, 503, "\"code\":\"store_unavailable\"");
    assert_string_equal(bl_test_reply_header(r, "retry-after"), "1");
    if (now_ms() - begin > LONG_S)
        fail_msg("%s: the answer took %lld ms", what, now_ms() - begin);
}

static void a_store_that_stands_still_is_503_within_half_a_second(void **state)
{
    (void)state;
    expect(post("/events", GOOD), "before", 202, NULL);
    kill(redis.pid, SIGSTOP);
    posts_503_at_once("stalled");
    expect(post("/events", "{}"), "bad meanwhile", 400, NULL);
    kill(redis.pid, SIGCONT);
    await("POST", "/events", GOOD, 202, NULL);
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
    for (long long end = now_ms() + 10000; !after && now_ms() < end; nap())
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
    posts_503_at_once("full");
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
    static const char request[] = "POST /events HTTP/1.1\r\nContent-Length: 45\r\n\r\n" GOOD;
    struct bl_test_reply r;
    (void)state;
    start_open(NULL);
    int idle = bl_test_connect(&serve), half = bl_test_connect(&serve), busy = bl_test_connect(&serve);
    bl_test_send(idle, "GET /health HTTP/1.1\r\n\r\n", 24);
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
    assert_true(now_ms() - begin < 5000);
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
    assert_true(now_ms() - begin < 2000);
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
        STORY(every_body_is_answered_by_the_contract),
        STORY(batches_stand_event_by_event),
        STORY(content_types),
        STORY(too_much_is_413_in_our_words),
        STORY(paths_and_methods),
        STORY(malformed_requests_do_no_harm),
        STORY(pipelined_requests_are_answered_in_order),
        STORY(clients_that_go_away_do_no_harm),
        STORY(a_202_means_the_canonical_line_is_in_the_stream),
        STORY(refused_events_are_counted_and_kept_redacted),
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
