/* Erasure on a real Redis: what is left of a user, of the others, and of the counts; large ones; later owners; the way
 * back. */
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define P    "bl:{test:0}:"
#define MANY 450

static void erase(const char *user, const char *what)
{
    char json[256];
    snprintf(json, sizeof json, "{\"command\":\"%s\",\"user_id\":\"%s\"}", what, user);
    command(json);
}

static long long ask(const char *command)
{
    return bl_test_redis_int(&redis, command);
}

/* A loop, a running attempt, recent events. */
static void browse(const char *user, const char *tag)
{
    char id[16];
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "%s%d", tag, i);
        add(user, "page_view", "/a", T0 + i * 1000, id);
    }
    snprintf(id, sizeof id, "%sc", tag);
    add(user, "page_view", "/checkout", T0 + 3000, id);
}

static bool mentions(const char *key, const char *user)
{
    redisReply *list = bl_test_redis(&redis, "LRANGE %s 0 -1", key);
    bool found = false;
    for (size_t i = 0; i < list->elements; i++)
        found |= strstr(list->element[i]->str, user) != NULL;
    freeReplyObject(list);
    return found;
}

static long long keys_with(const char *part)
{
    redisReply *all = bl_test_redis(&redis, "KEYS *%s*", part);
    long long n = (long long)all->elements;
    freeReplyObject(all);
    return n;
}

static void everything_of_the_user_goes_and_nothing_of_others(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    browse("gone-1", "a");
    browse("stays-1", "b");
    drain();
    assert_int_equal(counter("open"), 2);
    assert_true(keys_with("gone-1") >= 2);
    assert_true(mentions(P "recent", "gone-1"));
    /* left by one that died; then Redis forgot how often the entry had been delivered */
    freeReplyObject(
        bl_test_redis(&redis, "HSET " P "suspect entry 1-1 %s %s", "0123456789abcdef 7", "user gone-1"));
    erase("gone-1", "erase");
    drain();
    assert_int_equal(keys_with("gone-1"), 0);
    assert_int_equal(ask("EXISTS " P "suspect"), 0);
    assert_false(mentions(P "recent", "gone-1"));
    assert_true(mentions(P "recent", "stays-1"));
    assert_int_equal(ask("ZCARD " P "patterns"), 1);
    assert_int_equal(ask("ZCARD " P "patterns:open"), 1);
    assert_int_equal(counter("open"), 1);
    assert_int_equal(counter("patterns"), 2); /* what was counted was */
    assert_int_equal(ask("ZCARD " P "deadlines"), 1);
    assert_int_equal(ask("ZCARD " P "active"), 1);
    assert_int_equal(ask("ZCARD " P "tombstones"), 1);
    assert_int_equal(ask("ZCARD " P "erasures"), 1);
    /* More recent events come in order behind those that are left. */
    add("stays-1", "click", "/a", T0 + 5000, "b9");
    drain();
    assert_true(mentions(P "recent", "stays-1"));
    stop_rig(&g);
}

/* What the command's own time makes due has been, and is gone with the rest (live time). */
static void a_deadline_that_is_due_by_then_leaves_nothing(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, 1000);
    browse("gone-2", "a");
    drain();
    erase("gone-2", "erase");
    drain();
    assert_int_equal(keys_with("gone-2"), 0);
    assert_int_equal(counter("open"), ask("ZCARD " P "patterns:open"));
    assert_int_equal(ask("ZCARD " P "deadlines"), 0);
    stop_rig(&g);
}

static void make_many(const char *user)
{
    for (int i = 0; i < MANY; i++) {
        char id[40];
        long long at = T0 + i; /* no older than what retention leaves alone */
        snprintf(id, sizeof id, "%032x", i);
        freeReplyObject(bl_test_redis(&redis,
                                      "HSET " P "pattern:%s user_id %s type hesitation page /a severity low "
                                      "detected_at %lld",
                                      id, user, at));
        freeReplyObject(bl_test_redis(&redis, "ZADD " P "patterns %lld %s", at, id));
        freeReplyObject(bl_test_redis(&redis, "ZADD " P "patterns:user:%s %lld %s", user, at, id));
        if (i % 2)
            freeReplyObject(bl_test_redis(&redis, "ZADD " P "patterns:open %lld %s", at, id));
    }
    freeReplyObject(bl_test_redis(&redis, "HINCRBY " P "counters open %d", MANY / 2));
}

static void many_patterns_go_in_steps_and_the_entry_is_one(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    add("u", "click", "/a", T0, "e1");
    drain();
    make_many("u");
    long long entries = ask("HGET " P "position entries");
    erase("u", "erase");
    drain();
    assert_int_equal(ask("HGET " P "position entries"), entries + 1);
    assert_int_equal(ask("ZCARD " P "patterns"), 0);
    assert_int_equal(ask("ZCARD " P "patterns:open"), 0);
    assert_int_equal(keys_with("pattern:"), 0);
    assert_int_equal(counter("open"), 0);
    redisReply *key = bl_test_redis(&redis, "ZRANGE " P "tombstones 0 0");
    redisReply *n = bl_test_redis(&redis, "HGET " P "erasure:%s patterns", key->element[0]->str);
    assert_string_equal(n->str, "450");
    assert_int_equal(ask("XLEN " P "changes"), MANY);
    freeReplyObject(n);
    freeReplyObject(key);
    stop_rig(&g);
}

/* More recent events than a script can hand to one command, and a Redis over its memory, where the commit is a script. */
static void a_long_list_of_recent_events_is_kept_without_memory_too(void **state)
{
    enum { ELEMENTS = 9000 };
    static char text[ELEMENTS * 110 + 100];
    struct rig g;
    (void)state;
    start_rig(&g, true, 100000);
    add("gone-3", "click", "/a", T0, "e1");
    drain();
    const char *argv[ELEMENTS + 2] = {"RPUSH", P "recent"};
    for (size_t i = 0, n = 0; i < ELEMENTS; i++) {
        argv[i + 2] = text + n;
        n += 1 + (size_t)snprintf(text + n, sizeof text - n,
                                  "1 {\"user_id\":\"stays-3\",\"action\":\"click\",\"page\":\"/a\","
                                  "\"event_id\":\"k%zu\"}",
                                  i);
    }
    freeReplyObject(redisCommandArgv(redis.c, ELEMENTS + 2, argv, NULL));
    erase("gone-3", "erase");
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 1"));
    drain();
    freeReplyObject(bl_test_redis(&redis, "CONFIG SET maxmemory 0"));
    assert_false(mentions(P "recent", "gone-3"));
    assert_int_equal(ask("LLEN " P "recent"), ELEMENTS);
    stop_rig(&g);
}

/* More bytes of recent events than a commit can carry: the oldest go with the user's, and are counted. */
static void more_recent_events_than_a_commit_carries_are_cut(void **state)
{
    enum { ELEMENTS = 100, LINES = 100, LINE = 8000, KEPT = 20 }; /* 80 MB, of which 16 stay */
    static char text[LINES * LINE];
    struct rig g;
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < LINES; i++) {
        char *line = text + i * LINE;
        line[sprintf(line, "1 {\"user_id\":\"stays-4\",\"action\":\"click\",\"page\":\"/a\","
                           "\"event_id\":\"k\",\"metadata\":{\"a\":\"")] = 'x';
        memcpy(line + LINE - 4, "\"}}\n", 4);
    }
    for (int i = 0; i < ELEMENTS; i++)
        freeReplyObject(bl_test_redis(&redis, "RPUSH " P "recent %b", text, sizeof text - 1));
    freeReplyObject(bl_test_redis(
        &redis, "RPUSH " P "recent %s",
        "1 {\"user_id\":\"gone-4\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"g\"}")); /* unread */
    start_rig(&g, true, 1000);
    erase("gone-4", "erase");
    drain();
    assert_int_equal(ask("LLEN " P "recent"), KEPT);
    assert_false(mentions(P "recent", "gone-4"));
    assert_int_equal(counter("recent_cut"), (ELEMENTS - KEPT) * LINES + 1);
    assert_int_equal(ask("ZCARD " P "tombstones"), 1);
    stop_rig(&g);
}

static void the_next_owner_drops_what_comes_too(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    erase("u", "erase");
    add("u", "page_view", "/a", T0, "e1");
    drain();
    assert_int_equal(counter("erased"), 1);
    stop_rig(&g);
    start_rig(&g, true, 1000);
    browse("u", "b");
    add("v", "page_view", "/a", T0 + 9000, "e2");
    drain();
    assert_int_equal(counter("erased"), 5);
    assert_int_equal(counter("events"), 1);
    assert_int_equal(ask("EXISTS " P "user:u"), 0);
    assert_int_equal(ask("EXISTS " P "user:v"), 1);
    /* And takes it again, once somebody says so. */
    erase("u", "readmit");
    add("u", "page_view", "/a", T0 + 9000, "e3");
    drain();
    assert_int_equal(ask("EXISTS " P "user:u"), 1);
    assert_int_equal(ask("ZCARD " P "tombstones"), 0);
    stop_rig(&g);
}

static void an_erase_twice_is_one(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, true, 1000);
    browse("u", "a");
    erase("u", "erase");
    erase("u", "erase");
    drain();
    assert_int_equal(ask("ZCARD " P "tombstones"), 1);
    assert_int_equal(ask("ZCARD " P "patterns"), 0);
    assert_int_equal(counter("open"), 0);
    stop_rig(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_of_the_user_goes_and_nothing_of_others),
        TEST(a_deadline_that_is_due_by_then_leaves_nothing),
        TEST(many_patterns_go_in_steps_and_the_entry_is_one),
        TEST(a_long_list_of_recent_events_is_kept_without_memory_too),
        TEST(more_recent_events_than_a_commit_carries_are_cut),
        TEST(the_next_owner_drops_what_comes_too),
        TEST(an_erase_twice_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
