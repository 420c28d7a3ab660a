#include "serve_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bl_test_redis redis;
struct bl_test_serve serve;

long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void nap(void)
{
    nanosleep(&(struct timespec){0, 10000000}, NULL);
}

struct bl_test_reply *post_as(const char *path, const char *headers, const char *body, size_t n)
{
    static struct bl_test_reply r;
    bl_test_request(&serve, "POST", path, headers, body, n, &r);
    return &r;
}

struct bl_test_reply *post(const char *path, const char *body)
{
    return post_as(path, "", body, strlen(body));
}

struct bl_test_reply *get(const char *path)
{
    static struct bl_test_reply r;
    bl_test_request(&serve, "GET", path, "", NULL, 0, &r);
    return &r;
}

void expect(const struct bl_test_reply *r, const char *what, int status, const char *text)
{
    if (r->status != status || (text && !strstr(r->body, text)))
        fail_msg("%s: got %d %s, wanted %d %s", what, r->status, r->body, status, text ? text : "");
    if (strcmp(bl_test_reply_header(r, "access-control-allow-origin"), "*") != 0)
        fail_msg("%s: no CORS header", what);
}

/* Waits until a request gives that status. */
void await(const char *method, const char *path, const char *body, int status, const char *text)
{
    struct bl_test_reply r;
    for (long long end = now_ms() + 60000; now_ms() < end; nap()) {
        bl_test_request(&serve, method, path, "", body, body ? strlen(body) : 0, &r);
        if (r.status == status && (!text || strstr(r.body, text)))
            return;
    }
    fail_msg("%s %s never gave %d; last %d %s", method, path, status, r.status, r.body);
}

long long stored_entries(void)
{
    long long n = 0;
    for (int p = 0; p < 8; p++)
        n += bl_test_redis_int(&redis, "XLEN bl:{dev:%d}:events", p);
    return n;
}

void start(const char *const *extra)
{
    bl_test_serve_start(&serve, PROGRAM, redis.url, extra);
}

void start_open(const char *const *extra)
{
    start(extra);
    await("GET", "/ready", NULL, 503, "no_worker");
}

int setup(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    start_open(NULL);
    return 0;
}

int setup_redis(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    int status = bl_test_serve_end(&serve, SIGTERM);
    bl_test_redis_stop(&redis);
    return status;
}

int teardown_redis(void **state)
{
    (void)state;
    bl_test_redis_stop(&redis);
    return 0;
}
