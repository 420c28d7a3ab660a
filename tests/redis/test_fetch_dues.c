/* Who is due, as an owner is told of it on a real redis-server: with what it fetches, when it asks, and that it does not ask where
 * nobody can be (store/world_due.c). */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void deadlines(struct side *s, int from, int to, long long ms)
{
    for (int i = from; i < to;
         i++) /* behind the owner's back, who learns of it when it takes the partition */
        freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines %lld u%d", ms + i, i));
    side_take_anew(s);
}

static enum bl_err fetch_one(struct side *s, bool script)
{
    side_append(1);
    enum bl_err err = side_fetch(s, script, true);
    assert_int_equal(s->n, 1);
    assert_int_equal(side_commit(s, 1), BL_OK);
    return err;
}

static char due_users[100]; /* `user due idle, user due idle, …` as last told */

static void on_dues(void *arg, const struct bl_dues *d)
{
    size_t at = 0;
    due_users[0] = '\0';
    for (size_t i = 0; i < d->n && at < sizeof due_users; i++)
        at += (size_t)snprintf(due_users + at, sizeof due_users - at, "%s%.*s %lld%s", i ? ", " : "",
                               BL_STR_ARG(d->users[i].user_id), (long long)d->users[i].due_ms,
                               d->users[i].idle ? " idle" : "");
    side_done(arg, d->err);
}

static const char *due(struct side *s, int64_t until_ms, size_t max)
{
    s->ports.due(s->ports.ctx, 0, s->passed_ms, until_ms, max, on_dues, s);
    side_run(s);
    assert_int_equal(s->err, BL_OK);
    return due_users;
}

/* As an owner does: what the fetch does not tell is asked for. */
static void told(struct side *s, bool script, bool known, size_t n)
{
    assert_int_equal(fetch_one(s, script), BL_OK);
    assert_int_equal(s->earliest_ms, 1000);
    assert_int_equal(s->dues_known, known);
    assert_int_equal(s->n_dues, n);
    if (known)
        return;
    due(s, 2000, 1000);
}

static void who_is_due_is_told_with_the_entries_or_said_to_be_unknown(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(a.dues_known);
    assert_int_equal(a.n_dues, 0);
    assert_int_equal(a.earliest_ms, BL_NEVER);
    deadlines(&a, 100, 110, 99999999999000);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(a.dues_known);
    assert_int_equal(a.n_dues, 0);
    assert_int_equal(a.earliest_ms, 99999999999100);
    deadlines(&a, 0, 20, 1000);
    told(&a, false, false,
         0); /* more than are looked at after a time without; the owner asks, and so does the next fetch */
    told(&a, false, true, 20);
    told(&a, true, true, 20);
    deadlines(&a, 20, 20 + BL_DUE_FETCHED, 1000);
    for (int i = 0; i < 5; i++)
        told(&a, i == 4, false, i == 4 ? BL_DUE_FETCHED : 0);
    side_close(&a);
}

/* Users u, v, w were last seen at 1, 2, 3 ms. */
static void who_was_last_seen_long_ago_is_due_as_well(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:active 1 u 2 v 3 w"));
    freeReplyObject(
        bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines %d x %d v", BL_IDLE_MS, BL_IDLE_MS + 2));
    assert_string_equal(due(&a, BL_IDLE_MS + 2, 10), "x 1800000, u 1800001 idle, v 1800002, v 1800002 idle");
    assert_string_equal(due(&a, BL_IDLE_MS + 2, 2), "x 1800000, u 1800001 idle");
    a.passed_ms = INT64_MIN;
    assert_string_equal(due(&a, BL_IDLE_MS + 1, 10), "x 1800000, u 1800001 idle");
    a.passed_ms = BL_IDLE_MS + 1;
    assert_string_equal(due(&a, BL_IDLE_MS + 3, 10), "x 1800000, v 1800002, v 1800002 idle, w 1800003 idle");
    freeReplyObject(bl_test_redis(&side_redis, "DEL bl:{test:0}:deadlines"));
    side_take_anew(&a);
    for (int script = 0; script < 2; script++)
        for (int passed = 0; passed <= 3; passed++) {
            a.passed_ms = BL_IDLE_MS + passed;
            assert_int_equal(fetch_one(&a, script), BL_OK);
            assert_true(a.dues_known);
            assert_int_equal(a.n_dues, 3 - passed);
            assert_int_equal(a.earliest_ms, passed < 3 ? BL_IDLE_MS + passed + 1 : BL_NEVER);
        }
    side_close(&a);
}

/* SPEC 3.4 */
static void time_enters_for_who_was_last_seen_long_ago_once(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:active 1 u"));
    assert_int_equal(side_fetch(&a, false, false), BL_OK); /* event time */
    assert_int_equal(a.n, 0);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.kinds[0], BL_ENTRY_TICK);
    assert_int_equal(side_commit(&a, 1), BL_OK);
    a.passed_ms = BL_IDLE_MS + 1;
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 0);
    side_close(&a);
}

static long long looks(void)
{
    redisReply *reply = bl_test_redis(&side_redis, "INFO commandstats");
    const char *at = strstr(reply->str, "cmdstat_zrange:calls=");
    long long n = at ? atoll(at + strlen("cmdstat_zrange:calls=")) : 0;
    freeReplyObject(reply);
    return n;
}

static long long now_ms(void)
{
    return bl_test_redis_int(&side_redis, "EVAL %s 0",
                             "local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000");
}

static void put_seen(struct side *s, const char *user, int64_t due_ms, int64_t active_ms)
{
    const struct bl_put_user u = {.user_id = bl_str_of(user),
                                  .expires_ms = BL_NEVER,
                                  .reschedule = due_ms != BL_NEVER,
                                  .due_ms = due_ms,
                                  .active_ms = active_ms};
    s->ports.begin(s->ports.ctx, 0);
    s->ports.put_user(s->ports.ctx, 0, &u);
    s->ports.end(s->ports.ctx, 0, side_done, s);
    side_run(s);
    assert_int_equal(s->err, BL_OK);
}

/* Nobody but the owner puts anybody: it asks when somebody may be due, and not before. */
static void who_is_due_is_asked_when_somebody_may_be(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    assert_int_equal(fetch_one(&a, false), BL_OK);
    long long before = looks(), now = now_ms();
    put_seen(&a, "later", now + 3600000, now);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(fetch_one(&a, false), BL_OK);
        assert_true(a.dues_known);
        assert_int_equal(a.n_dues, 0);
        assert_int_equal(a.earliest_ms, now + BL_IDLE_MS);
    }
    assert_int_equal(looks(), before);
    put_seen(&a, "seen", BL_NEVER, 1);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(a.dues_known);
    assert_int_equal(a.n_dues, 1);
    assert_int_equal(a.earliest_ms, BL_IDLE_MS + 1);
    a.passed_ms = BL_IDLE_MS + 1; /* the owner has looked at him, so the first of all is another */
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_int_equal(a.earliest_ms, now + BL_IDLE_MS);
    put_seen(&a, "due", 1000, BL_NEVER);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_int_equal(a.n_dues, 1);
    assert_int_equal(a.earliest_ms, 1000);
    put_seen(&a, "due", now + 1000, BL_NEVER);
    for (bool due = false; !due; due = a.n_dues > 0) /* by the time of the entry, less the grace */
        assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(now_ms() >= now + 1500);
    assert_int_equal(a.earliest_ms, now + 1000);
    side_close(&a);
}

/* Another has had it meanwhile, and has put somebody who is due; or nobody knows what became of a commit. */
static void what_was_known_of_dues_ends_with_the_lease_and_with_a_commit_in_doubt(void **state)
{
    (void)state;
    struct side a, b;
    side_begin(&a, "a");
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_int_equal(a.earliest_ms, BL_NEVER);
    side_steal();
    side_begin(&b, "b");
    put_seen(&b, "due", 1000, BL_NEVER);
    side_steal();
    side_take_anew(&a);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_int_equal(a.n_dues, 1);
    assert_int_equal(a.earliest_ms, 1000);
    put_seen(&a, "due", now_ms() + 3600000, BL_NEVER);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(a.earliest_ms > 1000);
    freeReplyObject(bl_test_redis(&side_redis, "CLIENT KILL TYPE normal"));
    side_append(1);
    assert_int_equal(side_commit(&a, 0), BL_ERR_STORE_UNAVAILABLE);
    freeReplyObject(bl_test_redis(&side_redis, "ZADD bl:{test:0}:deadlines 2000 other"));
    side_take_anew(&a);
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n_dues, 1);
    assert_int_equal(a.earliest_ms, 2000);
    side_close(&a);
    side_close(&b);
}

/* The clock of the store has gone on by more than ours: the entries say so. */
static void who_was_not_asked_for_is_not_said_to_be_known(void **state)
{
    (void)state;
    struct side a;
    side_begin(&a, "a");
    assert_int_equal(fetch_one(&a, false), BL_OK);
    long long ahead = now_ms() + 3600000;
    put_seen(&a, "due", ahead, BL_NEVER);
    assert_int_equal(fetch_one(&a, false), BL_OK);
    assert_true(a.dues_known);
    freeReplyObject(bl_test_redis(&side_redis, "XADD " EVENTS " %lld-1 events {}", ahead + 500));
    assert_int_equal(side_fetch(&a, false, true), BL_OK);
    assert_int_equal(a.n, 1);
    assert_false(a.dues_known);
    due(&a, ahead, 10);
    assert_non_null(strstr(due_users, "due "));
    side_close(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_is_due_is_told_with_the_entries_or_said_to_be_unknown),
        STORY(who_was_last_seen_long_ago_is_due_as_well),
        STORY(time_enters_for_who_was_last_seen_long_ago_once),
        STORY(who_is_due_is_asked_when_somebody_may_be),
        STORY(what_was_known_of_dues_ends_with_the_lease_and_with_a_commit_in_doubt),
        STORY(who_was_not_asked_for_is_not_said_to_be_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
