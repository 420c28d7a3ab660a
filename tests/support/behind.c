#include "behind.h"
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define PATIENCE_S 60 /* for what must happen: only a hang takes so long */

static uint64_t since; /* the story began */
int64_t at_ms;
int number;

int setup_behind(void **state)
{
    if (setup(state) != 0)
        return 1;
    since = uv_hrtime();
    at_ms = bl_test_redis_int(&redis, "EVAL %s 0", "return redis.call('TIME')[1] * 1000") + HOUR_MS;
    number = 0;
    behind_ms = 10 * HOUR_MS; /* only the test decides when they catch up */
    calm_bytes = 0;
    return 0;
}

/* ---- what is appended ---- */

void append(const char *kind, const char *text)
{
    at_ms += 7;
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " %lld-* %s %s", (long long)at_ms, kind, text));
}

void send_as(const char *user, const char *action, const char *page, int id)
{
    char text[256];
    snprintf(text, sizeof text, "{\"user_id\":\"%s\",\"action\":\"%s\",\"page\":\"%s\",\"event_id\":\"e%d\"}",
             user, action, page, id);
    append("events", text);
}

void does(const char *user, const char *action, const char *page)
{
    send_as(user, action, page, number++);
}

/* Somebody does something, now and then twice what was sent before. */
void browse(void)
{
    static const char *const actions[] = {"page_view", "click",     "click", "navigate",
                                          "scroll",    "page_view", "error"};
    static const char *const pages[] = {"/a", "/b", "/cart", "/checkout", "/a"};
    char user[16];
    int n = number, k = n * 31 + n / 7;
    snprintf(user, sizeof user, "u%d", k % USERS);
    does(user, actions[k % 7], pages[n / 3 % 5]);
    if (n % 10 == 9)
        send_as(user, "click", "/twice", n);
}

/* Makes a pattern. */
void go_round(const char *user)
{
    for (int i = 0; i < 3; i++)
        does(user, "page_view", "/round");
}

/* ---- what is waited for ---- */

bool in_time(void)
{
    return uv_hrtime() - since < PATIENCE_S * 1000000000ULL;
}

long long place(const char *field)
{
    return bl_test_redis_int(&redis, "HGET " P "position %s", field);
}

bool is_behind(void)
{
    return bl_test_redis_int(&redis, "HEXISTS " P "position users_id") == 1;
}

long long stored(const char *user)
{
    return bl_test_redis_int(&redis, "EXISTS " P "user:%s", user);
}

long long added(void)
{
    return bl_test_redis_int(&redis, "EVAL %s 1 " EVENTS,
                             "return redis.call('XINFO', 'STREAM', KEYS[1])[12]");
}

/* Until all is committed, by whomever. */
void follow(void)
{
    long long n = added();
    while (place("entries") < n) {
        assert_true(in_time());
        turn();
    }
}

void until_behind(void)
{
    do {
        browse();
        follow();
    } while (!is_behind());
}

void until_caught_up(void)
{
    while (is_behind()) {
        assert_true(in_time());
        turn();
    }
}

/* ---- commands ---- */

void resolve_newest(void)
{
    char *id = newest_pattern(), json[256];
    assert_non_null(id);
    char *user = bl_test_redis_text(&redis, "HGET " P "pattern:%s user_id", id);
    snprintf(json, sizeof json, "{\"command\":\"resolve\",\"pattern_id\":\"%s\",\"user_id\":\"%s\"}", id,
             user);
    append("command", json);
    free(user);
    free(id);
}

void erase(const char *user, const char *what)
{
    char json[128];
    snprintf(json, sizeof json, "{\"command\":\"%s\",\"user_id\":\"%s\"}", what, user);
    append("command", json);
}
