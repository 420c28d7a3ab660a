/* Answers without an end (src/http/stream.c): a server in a child process writes to whoever asks; slow readers are
 * dropped at a bound, those who leave are noticed, a stop ends the streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route.h"
#include "serve_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define BOUND 65536

/* --- the child: counts what happens, answers the counts */

static struct world {
    uv_loop_t loop;
    struct bl_server *server;
    uv_timer_t timer;
    uv_signal_t term;
    struct bl_stream *streams[64];
    size_t chunk[64]; /* bytes a tick */
    int started, gone, dropped;
} w;

static void on_gone(void *ctx)
{
    struct bl_stream **slot = ctx;
    *slot = NULL;
    w.gone++;
}

static void open_stream(struct bl_request *r, size_t chunk)
{
    size_t i = 0;
    while (w.streams[i])
        i++;
    w.chunk[i] = chunk;
    w.streams[i] = bl_stream_start(r, "text/event-stream", BOUND, on_gone, &w.streams[i]);
    w.started += w.streams[i] != NULL;
}

static void get_slow(struct bl_request *r, void *ctx)
{
    (void)ctx;
    open_stream(r, 16);
}

static void get_flood(struct bl_request *r, void *ctx)
{
    (void)ctx;
    open_stream(r, 60000);
}

static void get_short(struct bl_request *r, void *ctx)
{
    (void)ctx;
    struct bl_stream *s = bl_stream_start(r, "text/event-stream", BOUND, on_gone, &w.streams[63]);
    if (s && bl_stream_write(s, BL_STR("one\n")) && bl_stream_write(s, BL_STR("two\n")))
        bl_stream_close(s);
}

/* Too much in one turn: what was first is out by then, and h2o has yet to hear of it. */
static void get_burst(struct bl_request *r, void *ctx)
{
    static char text[BOUND + 1];
    (void)ctx;
    struct bl_stream *s = bl_stream_start(r, "text/event-stream", BOUND, on_gone, &w.streams[63]);
    if (s && bl_stream_write(s, BL_STR("one\n")))
        w.dropped += !bl_stream_write(s, (struct bl_str){text, sizeof text});
}

static void get_counts(struct bl_request *r, void *ctx)
{
    char text[128];
    int n = snprintf(text, sizeof text, "{\"started\":%d,\"gone\":%d,\"dropped\":%d,\"open\":%d}", w.started,
                     w.gone, w.dropped, (int)bl_server_counts(w.server)->connections_open);
    (void)ctx;
    bl_answer_json(r, 200, (struct bl_str){text, (size_t)n});
}

static struct bl_request *late[64];
static size_t late_n;

/* Answered when the timer ticks. */
static void get_late(struct bl_request *r, void *ctx)
{
    (void)ctx;
    late[late_n++] = r;
}

static const struct bl_route routes[] = {
    {"GET", "/slow", get_slow, BL_ACCESS_OPEN},     {"GET", "/flood", get_flood, BL_ACCESS_OPEN},
    {"GET", "/short", get_short, BL_ACCESS_OPEN},   {"GET", "/burst", get_burst, BL_ACCESS_OPEN},
    {"GET", "/counts", get_counts, BL_ACCESS_OPEN}, {"GET", "/late", get_late, BL_ACCESS_OPEN}};

static void on_tick(uv_timer_t *timer)
{
    static char text[60000];
    (void)timer;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < 63; i++)
        if (w.streams[i] && !bl_stream_write(w.streams[i], (struct bl_str){text, w.chunk[i]})) {
            w.streams[i] = NULL;
            w.dropped++;
        }
    while (late_n)
        bl_answer_json(late[--late_n], 200, BL_STR("{}"));
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    uv_stop(&w.loop);
}

static void on_term(uv_signal_t *handle, int number)
{
    (void)number;
    uv_close((uv_handle_t *)handle, NULL);
    bl_server_stop(w.server, on_stopped, NULL);
}

static int child(int out)
{
    struct bl_server_options options = {
        .listen = "127.0.0.1", .connections_max = 100, .body_max_bytes = 1024, .drain_ms = 3000};
    uv_loop_init(&w.loop);
    if (bl_server_new(&w.loop, &options, &w.server) != BL_OK ||
        bl_server_add(w.server, routes, sizeof routes / sizeof *routes, NULL) != BL_OK ||
        bl_server_listen(w.server) != BL_OK)
        return 1;
    uv_timer_init(&w.loop, &w.timer);
    uv_timer_start(&w.timer, on_tick, 5, 5);
    uv_signal_init(&w.loop, &w.term);
    uv_signal_start(&w.term, on_term, SIGTERM);
    dprintf(out, "%d\n", bl_server_port(w.server));
    uv_run(&w.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&w.timer, NULL);
    bl_server_free(w.server);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&w.loop) == 0 ? 0 : 1;
}

/* --- the parent */

static struct bl_test_serve server;

static int setup(void **state)
{
    int pipes[2];
    char text[16] = "";
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    server.pid = fork();
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[0]);
        exit(child(pipes[1]));
    }
    close(pipes[1]);
    assert_true(read(pipes[0], text, sizeof text - 1) > 0);
    server.port = atoi(text);
    server.log = pipes[0];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return bl_test_serve_end(&server, SIGTERM);
}

static int teardown_stopped(void **state)
{
    (void)state;
    return bl_test_serve_end(&server, 0);
}

static int ask(const char *path)
{
    char bytes[128];
    int fd = bl_test_connect(&server),
        n = snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    bl_test_send(fd, bytes, (size_t)n);
    return fd;
}

static void await_counts(const char *text)
{
    struct bl_test_reply r;
    for (int i = 0; i < 1000; i++) {
        bl_test_request(&server, "GET", "/counts", "", NULL, 0, &r);
        if (strstr(r.body, text))
            return;
        usleep(10000);
    }
    fail_msg("never %s: %s", text, r.body);
}

static size_t read_all(int fd, char *to, size_t room)
{
    size_t n = 0;
    ssize_t got;
    while (n < room && (got = read(fd, to + n, room - n)) > 0)
        n += (size_t)got;
    return n;
}

static void a_stream_is_written_and_ends(void **state)
{
    char text[4096] = "";
    (void)state;
    int fd = ask("/short");
    read_all(fd, text, sizeof text - 1);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(text, "access-control-allow-origin: *"));
    assert_non_null(strstr(text, "two\n"));
    close(fd);
}

static void readers_that_leave_are_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char some[64];
        int fd = ask("/slow");
        assert_true(read(fd, some, sizeof some) > 0);
        close(fd);
    }
    await_counts("\"started\":5,\"gone\":5,\"dropped\":0");
}

static void readers_that_do_not_read_are_dropped(void **state)
{
    (void)state;
    int slow = ask("/flood"), other = ask("/slow");
    await_counts("\"started\":2,\"gone\":0,\"dropped\":1");
    close(slow);
    close(other);
    await_counts("\"gone\":1,\"dropped\":1");
}

static void who_is_dropped_while_nothing_is_stuck_goes_too(void **state)
{
    (void)state;
    int fd = ask("/burst");
    await_counts("\"gone\":0,\"dropped\":1,\"open\":1}"); /* who asks */
    close(fd);
}

static void a_stop_ends_the_streams(void **state)
{
    char text[8192];
    (void)state;
    int fd = ask("/slow");
    await_counts("\"started\":1");
    kill(server.pid, SIGTERM);
    read_all(fd, text, sizeof text); /* comes to an end */
    close(fd);
}

static void an_answer_to_a_client_that_left_is_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        close(ask("/late"));
    int fd = ask("/late");
    struct bl_test_reply r;
    assert_true(bl_test_receive(fd, &r));
    assert_int_equal(r.status, 200);
    close(fd);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_stream_is_written_and_ends),
        STORY(readers_that_leave_are_noticed),
        STORY(readers_that_do_not_read_are_dropped),
        STORY(who_is_dropped_while_nothing_is_stuck_goes_too),
        cmocka_unit_test_setup_teardown(a_stop_ends_the_streams, setup, teardown_stopped),
        STORY(an_answer_to_a_client_that_left_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
