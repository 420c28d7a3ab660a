/* What commits add to the counting hashes adds up, whatever of it the owner knows, has forgotten, or another has counted. */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAMES   2500 /* more than an owner knows */
#define COMMITS 40
#define MINUTE  29000000
#define STEP    5800000

static const struct {
    enum bl_tally tally;
    int64_t number;
    const char *key;
} hashes[] = {
    {BL_TALLY_COUNTERS, 0, "bl:{test:0}:counters"},
    {BL_TALLY_MINUTE, MINUTE, "bl:{test:0}:minute:29000000"},
    {BL_TALLY_PAGES, STEP, "bl:{test:0}:pages:5800000"},
    {BL_TALLY_MINUTE, MINUTE + 512, "bl:{test:0}:minute:29000512"},
};
#define HASHES (sizeof hashes / sizeof hashes[0])
#define APART  3 /* the last one's counts push out those of the other minute */

static long long model[HASHES][NAMES];
static unsigned chance;

static unsigned draw(unsigned below)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % below;
}

/* Short ones, some of 80 bytes, and the one that scripts change, too. */
static struct bl_str name_of(unsigned i, char out[128])
{
    int n = i == 0 ? snprintf(out, 128, "open") : snprintf(out, 128, "views /%0*u", i % 7 == 3 ? 80 : 3, i);
    return (struct bl_str){out, (size_t)n};
}

static void count(struct side *a, unsigned h, unsigned i, long long n)
{
    char text[128];
    a->ports.put_count(a->ports.ctx, 0, hashes[h].tally, hashes[h].number, name_of(i, text), n);
}

/* Runs of one hash, single ones, and the same twice; as many different ones as `names`. */
static void put_counts(struct side *a, unsigned names, long long sign)
{
    for (unsigned k = draw(30); k > 0; k--) {
        unsigned h = draw(HASHES);
        for (unsigned run = draw(12); run > 0; run--) {
            unsigned i = draw(names);
            long long n = (long long)draw(5) - 1;
            count(a, h, i, n);
            model[h][i] += sign * n;
        }
    }
}

static enum bl_err commit(struct side *a)
{
    a->ports.end(a->ports.ctx, 0, side_done, a);
    side_run(a);
    return a->err;
}

static void assert_adds_up(void)
{
    char text[128];
    for (unsigned h = 0; h < HASHES; h++)
        for (unsigned i = 0; i < NAMES; i++) {
            struct bl_str name = name_of(i, text);
            redisReply *r = bl_test_redis(&side_redis, "HGET %s %b", hashes[h].key, name.p, name.n);
            long long stored = r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
            freeReplyObject(r);
            assert_int_equal(stored, model[h][i]);
        }
}

static void begin(struct side *a, const char *name)
{
    side_open(a, name);
    side_take(a);
}

static int fresh(void **state)
{
    memset(model, 0, sizeof model);
    chance = 7;
    return side_setup(state);
}

/* Few names are known soon; many push each other out. */
static void counts_add_up_over_commits(void **state)
{
    struct side a;
    (void)state;
    begin(&a, "a");
    for (unsigned i = 0; i < COMMITS; i++) {
        a.ports.begin(a.ports.ctx, 0);
        put_counts(&a, i % 2 ? 20 : NAMES, 1);
        assert_int_equal(commit(&a), BL_OK);
        bl_test_redis_int(&side_redis,
                          "HINCRBY bl:{test:0}:counters open -1"); /* as patterns_trim.lua does */
        model[0][0]--;
        if (i % 8 == 0) /* a transaction without a commit */
            assert_int_equal(side_fetch(&a, false, false), BL_OK);
    }
    assert_adds_up();
    side_close(&a);
}

static void who_takes_over_goes_by_what_is_stored(void **state)
{
    struct side a, b;
    (void)state;
    begin(&a, "a");
    side_open(&b, "b");
    for (unsigned i = 0; i < 6; i++) {
        struct side *owner = i % 2 ? &b : &a, *other = i % 2 ? &a : &b;
        if (i > 0)
            side_take(owner);
        for (unsigned k = 0; k < 3; k++) {
            owner->ports.begin(owner->ports.ctx, 0);
            put_counts(owner, 40, 1);
            assert_int_equal(commit(owner), BL_OK);
        }
        if (i > 0) { /* a zombie's commit does nothing */
            other->ports.begin(other->ports.ctx, 0);
            put_counts(other, 40, 0);
            assert_int_equal(commit(other), BL_ERR_FENCED);
        }
        side_steal();
    }
    assert_adds_up();
    side_close(&a);
    side_close(&b);
}

static long long calls_of(const char *command)
{
    char line[64];
    redisReply *r = bl_test_redis(&side_redis, "INFO commandstats");
    snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *at = strstr(r->str, line);
    long long calls = at ? strtoll(at + strlen(line), NULL, 10) : 0;
    freeReplyObject(r);
    return calls;
}

/* Once a count is known, the counts of a hash are one command. */
static void what_is_known_is_set(void **state)
{
    struct side a;
    (void)state;
    begin(&a, "a");
    for (unsigned round = 0; round < 3; round++) {
        long long added = calls_of("hincrby"), set = calls_of("hset"), expired = calls_of("pexpire");
        a.ports.begin(a.ports.ctx, 0);
        for (unsigned h = 0; h < APART; h++)
            for (unsigned i = 1; i <= 3; i++) {
                count(&a, h, i, 1);
                model[h][i]++;
            }
        assert_int_equal(commit(&a), BL_OK);
        assert_int_equal(calls_of("hincrby") - added,
                         round == 0 ? 3 * APART : APART); /* one of three is too long */
        assert_true(round == 0 || calls_of("hset") > set);
        assert_int_equal(calls_of("pexpire") - expired, round == 0 ? APART - 1 : 0);
    }
    for (unsigned h = 1; h < APART; h++)
        assert_true(bl_test_redis_int(&side_redis, "PTTL %s", hashes[h].key) > 86400000);
    assert_adds_up();
    side_close(&a);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fresh, side_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(counts_add_up_over_commits),
        STORY(who_takes_over_goes_by_what_is_stored),
        STORY(what_is_known_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
