/* Clients that take their time, and clients that are too many, on real sockets: whoever does not move is told so or cut,
 * and nobody else notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve_story.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define HEAD        "POST /events HTTP/1.1\r\nHost: t\r\n"
#define BIG         600000
#define STEP        30000
#define SOME        12

static const char *const quick[] = {"--head-timeout",
                                    "400ms",
                                    "--body-timeout",
                                    "400ms",
                                    "--idle-timeout",
                                    "600ms",
                                    "--connections",
                                    "40",
                                    NULL};
static const char *const few[] = {"--connections-per-address", "12", NULL};
static const char *const slow_bodies[] = {"--body-timeout", "3s", NULL};

static struct bl_test_reply r;

/* Readable (an answer, or the end) before the time is over? */
static bool hears(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, ms) > 0;
}

static bool is_over(int fd)
{
    char c;
    return hears(fd, PATIENCE_MS) && read(fd, &c, 1) <= 0;
}

/* One byte at a time, until the server has something to say. */
static void drip(int fd, const char *begin, const char *byte)
{
    bl_test_send(fd, begin, strlen(begin));
    for (long long end = now_ms() + PATIENCE_MS; !hears(fd, 50);) {
        assert_true(now_ms() < end);
        bl_test_send(fd, byte, 1);
    }
}

static void expect_408(int fd, const char *what)
{
    assert_true(bl_test_receive(fd, &r));
    if (r.status != 408 || !strstr(r.body, "{\"error\":{\"code\":\"request_timeout\""))
        fail_msg("%s: %d %s", what, r.status, r.body);
    assert_true(is_over(fd));
    close(fd);
}

static void a_slow_head_is_told_408(void **state)
{
    static const char *const begins[] = {"G", "GET /health HTTP/1.1\r\n",
                                         "GET /health HTTP/1.1\r\nHost: t\r\nX: "};
    (void)state;
    start_open(quick);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        int fd = bl_test_connect(&serve);
        drip(fd, begins[i], "A");
        expect_408(fd, begins[i]);
    }
    int fd = bl_test_connect(&serve); /* the second request of a connection, too */
    bl_test_send(fd, "GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 33);
    assert_true(bl_test_receive(fd, &r));
    drip(fd, "GET ", "A");
    expect_408(fd, "second");
}

static void a_slow_body_is_told_408(void **state)
{
    static const char *const begins[] = {
        HEAD "Content-Length: 5000\r\n\r\n", HEAD "Content-Length: 5000\r\n\r\n{",
        HEAD "Transfer-Encoding: chunked\r\n\r\n1000\r\n", HEAD "Transfer-Encoding: chunked\r\n\r\n1;"};
    (void)state;
    start_open(quick);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        int fd = bl_test_connect(&serve);
        drip(fd, begins[i], " ");
        expect_408(fd, begins[i]);
        fd = bl_test_connect(&serve); /* silence */
        bl_test_send(fd, begins[i], strlen(begins[i]));
        expect_408(fd, begins[i]);
    }
}

/* Longer than any of the times, but always on its way. */
static void a_large_body_over_a_thin_line_is_taken(void **state)
{
    static char body[BIG];
    (void)state;
    start_open(slow_bodies);
    memset(body, ' ', sizeof body);
    memcpy(body, GOOD, strlen(GOOD));
    int fd = bl_test_connect(&serve);
    bl_test_send(fd, HEAD "Content-Length: 600000\r\n\r\n", strlen(HEAD) + 26);
    long long begin = now_ms();
    for (size_t at = 0; at < sizeof body; at += STEP) {
        assert_false(hears(fd, 200));
        bl_test_send(fd, body + at, STEP);
    }
    assert_true(now_ms() - begin > 3000);
    assert_true(bl_test_receive(fd, &r));
    expect(&r, "thin line", 202, "accepted");
    close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    start_open(quick);
    int silent = bl_test_connect(&serve), kept = bl_test_connect(&serve), watching = bl_test_connect(&serve);
    bl_test_send(watching, "GET /api/stream HTTP/1.1\r\nHost: t\r\n\r\n", 37);
    bl_test_send(kept, "GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 33);
    assert_true(bl_test_receive(kept, &r));
    assert_true(is_over(silent));
    assert_true(is_over(kept));
    await("GET", "/metrics", NULL, 200, "http_connections_slow_total");
    char c; /* a stream is not idle: nothing has to be sent for long */
    while (hears(watching, 0))
        assert_true(read(watching, &c, 1) == 1);
    close(silent), close(kept), close(watching);
}

/* Pipelines for answers that fill every buffer on the way, and reads none. */
static void who_does_not_read_is_cut(void **state)
{
    static const char ask[] = "GET /api/metrics/history?minutes=1440 HTTP/1.1\r\nHost: t\r\n\r\n";
    int small = 4096, fd = -1;
    (void)state;
    start_open(quick);
    fd = bl_test_connect(&serve);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 100; i++)
        bl_test_send(fd, ask, sizeof ask - 1);
    struct pollfd p = {fd, 0, 0}; /* the end, not the answers */
    assert_true(poll(&p, 1, PATIENCE_MS) > 0 && (p.revents & (POLLHUP | POLLERR)));
    expect(post("/events", GOOD), "others", 202, NULL);
    close(fd);
}

static void one_address_has_its_share(void **state)
{
    int fds[SOME];
    (void)state;
    start_open(few);
    for (int i = 0; i < SOME; i++) {
        fds[i] = bl_test_connect(&serve);
        bl_test_send(fds[i], "GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 33);
        assert_true(bl_test_receive(fds[i], &r));
        assert_int_equal(r.status, 200);
    }
    int extra = bl_test_connect(&serve);
    assert_true(is_over(extra));
    close(extra);
    for (int i = 0; i < SOME; i++)
        close(fds[i]);
    do { /* once the server has noticed */
        nap();
        extra = bl_test_connect(&serve);
        bl_test_send(extra, "GET /health HTTP/1.1\r\nHost: t\r\n\r\n", 33);
        r.status = 0;
        if (!bl_test_receive(extra, &r))
            r.status = 0;
        close(extra);
    } while (r.status != 200);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup_redis, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {STORY(a_slow_head_is_told_408),
                                       STORY(a_slow_body_is_told_408),
                                       STORY(a_large_body_over_a_thin_line_is_taken),
                                       STORY(an_idle_connection_is_closed),
                                       STORY(who_does_not_read_is_cut),
                                       STORY(one_address_has_its_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
