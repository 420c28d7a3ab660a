/* The way in over HTTP (SPEC 2), end to end: a real serve process, a real Redis, any bytes a client may send. */
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
#include <sys/socket.h>
#include <unistd.h>

/* --- bodies */

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
        {"Content-Encoding: gzip\r\n", 400}, /* it is not */
        {"Content-Encoding: br\r\n", 415},
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        expect(post_as("/ingest", types[i].headers, GOOD, strlen(GOOD)), types[i].headers, types[i].status,
               NULL);
    expect(post_as("/events", "Content-Type: application/x-ndjson\r\n", GOOD, strlen(GOOD)), "one as lines",
           415, "as NDJSON too, go to /events/batch");
    expect(post_as("/events/batch", "Content-Type: text/html\r\n", GOOD, strlen(GOOD)), "batch as HTML", 415,
           "or application/x-ndjson for a batch");
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
    bl_test_send(fd, "GET /health HTTP/1.1\r\nHost: t\r\nX-Long: ", 39);
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
                        "GET, POST, PATCH, OPTIONS"); /* without keys no page may erase (http/cors.c) */
}

static void an_unknown_path_says_where_to_look(void **state)
{
    static const struct {
        const char *path, *told;
    } paths[] = {{"/event", "did you mean /events?"},
                 {"/events/", "did you mean /events?"},
                 {"/event/batch", "did you mean /events/batch?"},
                 {"/api/pattern", "did you mean /api/patterns?"},
                 {"/nothing-of-ours", "There is nothing here: /openapi.json"}};
    struct bl_test_reply r;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        bl_test_request(&serve, "POST", paths[i].path, "", "{}", 2, &r);
        expect(&r, paths[i].path, 404, "not_found");
        if (!strstr(r.body, paths[i].told) || !strstr(r.body, "/openapi.json"))
            fail_msg("%s: %s", paths[i].path, r.body);
    }
}

static void malformed_requests_do_no_harm(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } requests[] = {
        {"POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400},
        {"POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n{}", 400},
        {"POST /events HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", 400},
        {"GARBAGE\r\n\r\n", 400},
        {"GET /health HTTP/9\r\n\r\n", 400},
        {"GET nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 400},
        {"GET http://a/health HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 200},
        {"GET /health HTTP/1.0\r\n\r\n", 200},
        {"GET /api/users/%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        {"GET /api/patterns?q=%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400},
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
        n += (size_t)sprintf(bytes + n, "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", k,
                             body);
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
    static const char request[] = "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 45\r\n\r\n" GOOD;
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

/* Its answers do not fit between us: what the kernel does not take at once must come all the same, in order. */
static void answers_wait_for_who_reads_late(void **state)
{
    enum { N = 600 };
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n";
    static struct bl_test_reply r;
    (void)state;
    int fd = bl_test_connect(&serve);
    for (int i = 0; i < N; i++)
        bl_test_send(fd, request, sizeof request - 1);
    for (int i = 0; i < N; i++) {
        assert_true(bl_test_receive(fd, &r));
        expect(&r, "metrics", 200, "behaviorlens_");
        assert_int_equal(r.body[r.body_n - 1], '\n');
    }
    close(fd);
}

/* One request is with the store when the next comes, and then the end: both are answered, then the connection ends. */
static void requests_that_come_while_one_waits_are_answered(void **state)
{
    static const char request[] = "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 45\r\n\r\n" GOOD;
    struct bl_test_reply r;
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = bl_test_connect(&serve);
        kill(redis.pid, SIGSTOP);
        bl_test_send(fd, request, sizeof request - 1);
        nap();
        bl_test_send(fd, request, sizeof request - 1);
        nap();
        if (i % 2)
            shutdown(fd, SHUT_WR);
        nap();
        kill(redis.pid, SIGCONT);
        for (int k = 0; k < 2; k++) {
            assert_true(bl_test_receive(fd, &r));
            assert_true(r.status == 202 || r.status == 503); /* a stopped machine is a slow store */
        }
        assert_true(i % 2 == 0 || !bl_test_receive(fd, &r));
        close(fd);
    }
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_body_is_answered_by_the_contract),
        STORY(batches_stand_event_by_event),
        STORY(content_types),
        STORY(too_much_is_413_in_our_words),
        STORY(paths_and_methods),
        STORY(an_unknown_path_says_where_to_look),
        STORY(malformed_requests_do_no_harm),
        STORY(pipelined_requests_are_answered_in_order),
        STORY(clients_that_go_away_do_no_harm),
        STORY(answers_wait_for_who_reads_late),
        STORY(requests_that_come_while_one_waits_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
