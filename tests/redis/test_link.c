/* The link against a real redis-server, a closed port and a silent one. */
#include "bl/store/link.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct probe {
    uv_loop_t loop;
    struct bl_link *link;
    int ups, downs, closed;
    int answers, nulls;
    bool inside; /* a send is under way */
    char last[128];
    redisReply *kept;
};

static void on_up(void *ctx)
{
    ((struct probe *)ctx)->ups++;
}

static void on_down(void *ctx)
{
    ((struct probe *)ctx)->downs++;
}

static void on_closed(void *ctx)
{
    ((struct probe *)ctx)->closed++;
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct probe *p = ctx;
    assert_false(p->inside);
    if (!reply) {
        p->nulls++;
        return;
    }
    p->answers++;
    if (reply->str)
        snprintf(p->last, sizeof p->last, "%s", reply->str);
}

static void open_link(struct probe *p, const char *url, int64_t timeout_ms)
{
    *p = (struct probe){0};
    assert_int_equal(uv_loop_init(&p->loop), 0);
    struct bl_link_options o = {url, timeout_ms, 200, p, on_up, on_down};
    assert_int_equal(bl_link_new(&p->loop, &o, &p->link), BL_OK);
}

static void close_link(struct probe *p)
{
    bl_link_close(p->link, on_closed, p);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(p->closed, 1);
    assert_int_equal(uv_loop_close(&p->loop), 0);
}

#define RUN_UNTIL(p, condition)                                                                              \
    while (!(condition))                                                                                     \
    uv_run(&(p)->loop, UV_RUN_ONCE)

static void send2(struct probe *p, const char *a, const char *b)
{
    struct bl_str argv[2] = {bl_str_of(a), bl_str_of(b)};
    p->inside = true;
    bl_link_send(p->link, b ? 2 : 1, argv, on_reply, p);
    p->inside = false;
}

static void answers_come_in_order(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 20000);
    RUN_UNTIL(&p, p.ups == 1);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        send2(&p, "ECHO", text);
    }
    RUN_UNTIL(&p, p.answers == 1000);
    assert_string_equal(p.last, "999");
    assert_int_equal(p.nulls, 0);
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void on_reply_to_keep(void *ctx, const redisReply *reply)
{
    struct probe *p = ctx;
    on_reply(ctx, reply);
    p->kept = bl_link_keep(p->link);
    assert_ptr_equal(p->kept, reply);
}

static void a_reply_that_is_kept_outlives_those_behind_it_and_the_connection(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 20000);
    RUN_UNTIL(&p, p.ups == 1);
    bl_link_send(p.link, 2, (struct bl_str[]){BL_STR("ECHO"), BL_STR("kept")}, on_reply_to_keep, &p);
    send2(&p, "ECHO", "next");
    RUN_UNTIL(&p, p.answers == 2);
    bl_link_reset(p.link);
    RUN_UNTIL(&p, p.ups == 2);
    assert_string_equal(p.last, "next");
    assert_string_equal(p.kept->str, "kept");
    bl_reply_free(p.kept);
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void a_large_command_goes_out_in_parts(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    size_t n = 20 * 1024 * 1024;
    char *big = malloc(n);
    memset(big, 'x', n);
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 5000);
    RUN_UNTIL(&p, p.ups == 1);
    bl_link_send(p.link, 3, (struct bl_str[]){BL_STR("SET"), BL_STR("k"), {big, n}}, on_reply, &p);
    send2(&p, "STRLEN", "k");
    send2(&p, "GET", "k");
    RUN_UNTIL(&p, p.answers == 3);
    assert_int_equal(bl_test_redis_int(&r, "STRLEN k"), (long long)n);
    close_link(&p);
    bl_test_redis_stop(&r);
    free(big);
}

static void a_refused_connection_is_reported_and_tried_again(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    bl_test_redis_kill(&r);
    open_link(&p, r.url, 20000);
    send2(&p, "PING", NULL);
    RUN_UNTIL(&p, p.downs >= 2);
    assert_int_equal(p.nulls, 1);
    assert_int_equal(p.ups, 0);
    bl_test_redis_restart(&r);
    RUN_UNTIL(&p, p.ups == 1);
    send2(&p, "PING", NULL);
    RUN_UNTIL(&p, p.answers == 1);
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void a_killed_server_fails_what_was_pending(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 0);
    RUN_UNTIL(&p, p.ups == 1);
    bl_link_send(p.link, 6,
                 (struct bl_str[]){BL_STR("XREAD"), BL_STR("BLOCK"), BL_STR("0"), BL_STR("STREAMS"),
                                   BL_STR("s"), BL_STR("$")},
                 on_reply, &p);
    uv_run(&p.loop, UV_RUN_NOWAIT);
    bl_test_redis_kill(&r);
    RUN_UNTIL(&p, p.downs >= 1);
    assert_int_equal(p.nulls, 1);
    bl_test_redis_restart(&r);
    RUN_UNTIL(&p, p.ups == 2);
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void a_stalled_server_times_out(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 50);
    RUN_UNTIL(&p, p.ups == 1);
    kill(r.pid, SIGSTOP);
    uint64_t before = uv_hrtime();
    uv_update_time(&p.loop);
    send2(&p, "PING", NULL);
    RUN_UNTIL(&p, p.nulls == 1);
    assert_true(uv_hrtime() - before >= 40 * 1000000ull);
    kill(r.pid, SIGCONT);
    RUN_UNTIL(&p, p.ups >= 2);
    close_link(&p);
    bl_test_redis_stop(&r);
}

/* Without any timeout for a reply: only the silence can end it. */
static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 0);
    bl_link_mind_silence(p.link, 50);
    RUN_UNTIL(&p, p.ups == 1);
    assert_false(bl_link_is_silent(p.link));
    kill(r.pid, SIGSTOP);
    send2(&p, "PING", NULL);
    RUN_UNTIL(&p, p.nulls == 1);
    assert_true(bl_link_is_silent(p.link));
    kill(r.pid, SIGCONT);
    RUN_UNTIL(&p, p.ups >= 2);
    assert_false(bl_link_is_silent(p.link));
    close_link(&p);
    bl_test_redis_stop(&r);
}

/* The last of the replies is later than the silence that is borne, but the others come before it. */
static void replies_that_come_slowly_are_no_silence(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 0);
    bl_link_mind_silence(p.link, 3000);
    RUN_UNTIL(&p, p.ups == 1);
    uv_update_time(&p.loop);
    for (int i = 0; i < 4; i++)
        bl_link_send(p.link, 3, (struct bl_str[]){BL_STR("BLPOP"), BL_STR("none"), BL_STR("0.9")}, on_reply,
                     &p);
    RUN_UNTIL(&p, p.answers + p.nulls == 4);
    assert_int_equal(p.answers, 4);
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void resetting_and_closing_fail_what_was_pending(void **state)
{
    (void)state;
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    open_link(&p, r.url, 20000);
    RUN_UNTIL(&p, p.ups == 1);
    send2(&p, "PING", NULL);
    p.inside = true;
    bl_link_reset(p.link);
    p.inside = false;
    RUN_UNTIL(&p, p.ups == 2);
    assert_int_equal(p.nulls, 1);
    send2(&p, "PING", NULL);
    close_link(&p);
    assert_int_equal(p.nulls, 2);
    bl_test_redis_stop(&r);
}

static void passwords_and_names_work(void **state)
{
    (void)state;
    char port[8], url[128];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    snprintf(port, sizeof port, "%d", ntohs(a.sin_port));
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, (const char *const[]){"--port", port, "--bind", "127.0.0.1", NULL});
    freeReplyObject(bl_test_redis(&r, "CONFIG SET requirepass %s", "p@ss word"));
    snprintf(url, sizeof url, "redis://:p%%40ss%%20word@localhost:%s/3", port);
    open_link(&p, url, 1000);
    RUN_UNTIL(&p, p.ups == 1);
    send2(&p, "PING", NULL);
    RUN_UNTIL(&p, p.answers == 1);
    assert_string_equal(p.last, "PONG");
    close_link(&p);
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%s", port);
    open_link(&p, url, 1000);
    RUN_UNTIL(&p, p.downs >= 2);
    assert_int_equal(p.ups, 0);
    close_link(&p);
    bl_test_redis_stop(&r);
}

/* A user of its own, over a socket whose path has an @ too. */
static void users_of_an_acl_work(void **state)
{
    (void)state;
    char url[256];
    struct bl_test_redis r;
    struct probe p;
    bl_test_redis_start(&r, NULL);
    freeReplyObject(bl_test_redis(&r, "ACL SETUSER %s reset on >%s +ping +acl|whoami", "an@chor", "p:@/x"));
    snprintf(url, sizeof url, "unix://an%%40chor:p%%3a%%40%%2fx@%s", r.socket);
    open_link(&p, url, 1000);
    RUN_UNTIL(&p, p.ups == 1);
    send2(&p, "ACL", "WHOAMI");
    RUN_UNTIL(&p, p.answers == 1);
    assert_string_equal(p.last, "an@chor");
    close_link(&p);
    bl_test_redis_stop(&r);
}

static void bad_urls_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "http://x",    "redis://",     "redis://h:0",   "redis://h:70000", "redis://h:x",
        "unix://", "redis://h/x", "redis://[::1", "redis://:%zz@h"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bl_link_options o = {.url = bad[i]};
        struct bl_link *link;
        assert_int_equal(bl_link_new(&loop, &o, &link), BL_ERR_CONFIG);
    }
    uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_order),
        cmocka_unit_test(a_reply_that_is_kept_outlives_those_behind_it_and_the_connection),
        cmocka_unit_test(a_large_command_goes_out_in_parts),
        cmocka_unit_test(a_refused_connection_is_reported_and_tried_again),
        cmocka_unit_test(a_killed_server_fails_what_was_pending),
        cmocka_unit_test(a_stalled_server_times_out),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(replies_that_come_slowly_are_no_silence),
        cmocka_unit_test(resetting_and_closing_fail_what_was_pending),
        cmocka_unit_test(passwords_and_names_work),
        cmocka_unit_test(users_of_an_acl_work),
        cmocka_unit_test(bad_urls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
