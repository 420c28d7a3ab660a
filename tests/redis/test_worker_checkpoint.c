/* Users that are stored behind the rest under load, on a real Redis (app/worker_checkpoint.c, worker_takeover.c): what the
 * store says of it, when they catch up, and that nothing is lost or told twice when their owner dies before.
 *
 * Live time, and entries of the test's own ids, an hour ahead of the clock: so nothing is due but what the test appends, and
 * the same entries can be given to another worker. Any byte is a load here; but a load is known only after a while, so
 * the stories go on adding until users are behind. */
#include "bl/wire/command.h"
#include "worker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P          "bl:{test:0}:"
#define HOUR_MS    3600000LL
#define PATIENCE_S 60 /* for what must happen: only a hang takes so long */
#define IDS        1000000
#define USERS      23
#define SECOND     1000

static int64_t base_ms, at_ms; /* of the first entry; of the last */
static int number;             /* of events sent: their ids */

static int begin(void **state)
{
    if (setup(state) != 0)
        return 1;
    base_ms = bl_test_redis_int(&redis, "EVAL %s 0", "return redis.call('TIME')[1] * 1000") + HOUR_MS;
    at_ms = base_ms;
    number = 0;
    behind_ms = 10 * HOUR_MS; /* only the test decides when they catch up */
    calm_bytes = 0;
    return 0;
}

/* ---- what is appended ---- */

static void append(const char *kind, const char *text)
{
    at_ms += 7;
    freeReplyObject(bl_test_redis(&redis, "XADD " EVENTS " %lld-* %s %s", (long long)at_ms, kind, text));
}

static void send_as(const char *user, const char *action, const char *page, int id)
{
    char text[256];
    snprintf(text, sizeof text, "{\"user_id\":\"%s\",\"action\":\"%s\",\"page\":\"%s\",\"event_id\":\"e%d\"}",
             user, action, page, id);
    append("events", text);
}

static void does(const char *user, const char *action, const char *page)
{
    send_as(user, action, page, number++);
}

/* Somebody does something, now and then twice what was sent before. */
static void browse(void)
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
static void go_round(const char *user)
{
    for (int i = 0; i < 3; i++)
        does(user, "page_view", "/round");
}

/* ---- what is waited for ---- */

static bool in_time(void)
{
    static uint64_t since;
    static int story_ms;
    if (story_ms != (int)base_ms)
        since = uv_hrtime();
    story_ms = (int)base_ms;
    return uv_hrtime() - since < PATIENCE_S * 1000000000ULL;
}

static long long place(const char *field)
{
    return bl_test_redis_int(&redis, "HGET " P "position %s", field);
}

static bool is_behind(void)
{
    return bl_test_redis_int(&redis, "HEXISTS " P "position users_id") == 1;
}

static long long stored(const char *user)
{
    return bl_test_redis_int(&redis, "EXISTS " P "user:%s", user);
}

static long long added(void)
{
    return bl_test_redis_int(&redis, "EVAL %s 1 " EVENTS,
                             "return redis.call('XINFO', 'STREAM', KEYS[1])[12]");
}

/* Until all is committed, by whomever. */
static void follow(void)
{
    long long n = added();
    while (place("entries") < n) {
        assert_true(in_time());
        turn();
    }
}

static void until_behind(void)
{
    do {
        browse();
        follow();
    } while (!is_behind());
}

static void until_caught_up(void)
{
    while (is_behind()) {
        assert_true(in_time());
        turn();
    }
}

/* ---- what the store says ---- */

static void under_load_users_are_left_behind_and_all_else_is_there(void **state)
{
    struct rig g;
    char user[16];
    (void)state;
    start_rig(&g, false, IDS);
    for (int i = 0;; i++) {
        until_behind();
        snprintf(user, sizeof user, "new-%d", i);
        go_round(user);
        follow();
        if (is_behind() && !stored(user))
            break; /* else the machine was slow: they have caught up meanwhile */
        assert_true(in_time());
    }
    assert_int_equal(bl_test_redis_int(&redis, "ZCARD " P "patterns:user:%s", user), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "active %s", user), -1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "deadlines %s", user), -1);
    assert_int_equal(counter("events"), number);
    assert_int_equal(counter("duplicates"), added() - number);
    assert_int_equal(counter("patterns"), bl_test_redis_int(&redis, "ZCARD " P "patterns"));
    assert_int_equal(
        bl_test_redis_int(&redis, "EVAL %s 1 " EVENTS, "return redis.call('XPENDING', KEYS[1], 'core')[1]"),
        0);
    /* The place is that of an entry, and that many lie between. */
    char *users_id = bl_test_redis_text(&redis, "HGET " P "position users_id");
    redisReply *from = bl_test_redis(&redis, "XRANGE " EVENTS " - %s", users_id);
    assert_int_equal(from->elements, place("users_entries"));
    assert_string_equal(from->element[from->elements - 1]->element[0]->str, users_id);
    assert_int_equal(strtoll(users_id, NULL, 10), place("users_clock_ms"));
    assert_true(place("users_entries") < place("entries"));
    freeReplyObject(from);
    free(users_id);
    stop_rig(&g);
}

static void users_catch_up_when_nothing_is_unread(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    does("last", "page_view", "/a");
    follow();
    until_caught_up();
    assert_int_equal(stored("last"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "active last"), at_ms);
    assert_int_equal(place("users_clock_ms"), -1);
    assert_int_equal(place("users_entries"), -1);
    assert_int_equal(place("entries"), added()); /* no tick was needed for it */
    stop_rig(&g);
}

static void nobody_is_behind_by_more_than_the_bound(void **state)
{
    struct rig g;
    (void)state;
    behind_ms = 50; /* seven entries */
    start_rig(&g, false, IDS);
    until_behind();
    for (int i = 0; i < 300; i++) {
        browse();
        follow();
        if (is_behind())
            assert_in_range(place("clock_ms") - place("users_clock_ms"), 1, behind_ms + 2 * 7);
    }
    stop_rig(&g);
}

static void who_may_not_be_behind_never_is(void **state)
{
    struct rig g;
    (void)state;
    behind_ms = 0;
    start_rig(&g, false, IDS);
    uint64_t since = uv_hrtime();
    while (uv_hrtime() - since < SECOND * 1000000ULL) { /* several looks at the load */
        browse();
        follow();
        assert_false(is_behind());
    }
    stop_rig(&g);
}

static void little_is_no_load(void **state)
{
    struct rig g;
    (void)state;
    calm_bytes = SIZE_MAX;
    start_rig(&g, false, IDS);
    uint64_t since = uv_hrtime();
    while (uv_hrtime() - since < SECOND * 1000000ULL) {
        browse();
        follow();
        assert_false(is_behind());
    }
    stop_rig(&g);
}

static void who_gives_a_partition_back_leaves_nobody_behind(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    does("last", "page_view", "/a");
    follow();
    stop_rig(&g);
    assert_false(is_behind());
    assert_int_equal(stored("last"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "lease"), 0);
    assert_int_equal(place("entries"), added());
}

/* ---- commands ---- */

static void resolve_newest(void)
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

static void erase(const char *user, const char *what)
{
    char json[128];
    snprintf(json, sizeof json, "{\"command\":\"%s\",\"user_id\":\"%s\"}", what, user);
    append("command", json);
}

static void a_command_is_a_checkpoint(void **state)
{
    struct rig g;
    (void)state;
    start_rig(&g, false, IDS);
    until_behind();
    go_round("resolved");
    follow();
    char *id = newest_pattern();
    resolve_newest();
    follow();
    assert_false(is_behind());
    assert_int_equal(stored("resolved"), 1);
    assert_field(id, "resolution", "manual");
    free(id);
    until_behind();
    go_round("erased");
    does("stays", "click", "/a");
    follow();
    erase("erased", "erase");
    follow();
    assert_false(is_behind());
    assert_int_equal(stored("erased"), 0);
    assert_int_equal(stored("stays"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "patterns:user:erased"), 0);
    stop_rig(&g);
}

/* ---- an owner dies ---- */

/* What is stored, but for who worked, when, how lists were cut, and how early deadlines are looked at, which are written
 * lazily; of the feed and the like without ids. */
static char *all_that_is_stored(void)
{
    static const char script[] =
        "local t = {} for _, k in ipairs(redis.call('KEYS', 'bl:{*')) do local v = {} "
        "local f = redis.call('TYPE', k).ok "
        "if f == 'hash' and not k:find(':position') then local h = redis.call('HGETALL', k) "
        "for i = 1, #h, 2 do v[#v + 1] = h[i] .. '=' .. h[i + 1] end table.sort(v) "
        "elseif k:find(':position') then v = redis.call('HMGET', k, 'id', 'clock_ms', 'entries') "
        "elseif f == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') "
        "elseif k:find(':seen') then for _, e in ipairs(redis.call('LRANGE', k, 0, -1)) do "
        "local ms for w in e:gmatch('%S+') do if ms then v[#v + 1] = ms .. ' ' .. w else ms = w end end end "
        "elseif f == 'list' then local all = redis.call('LRANGE', k, 0, -1) "
        "for i = #all, 1, -1 do for w in all[i]:gmatch('[^\\n]+') do v[#v + 1] = w end end "
        "v = {unpack(v, math.max(#v - 99, 1))} " /* the rest is kept because lists are cut between elements */
        "elseif f == 'stream' then for _, e in ipairs(redis.call('XRANGE', k, '-', '+')) do "
        "v[#v + 1] = table.concat(e[2], ',') end end "
        "if not (k:find(':lease') or k:find(':fence') or k:find(':rate') or k:find(':deadlines')) then "
        "t[#t + 1] = k .. ' ' .. table.concat(v, ' ') end end table.sort(t) return table.concat(t, '\\n')";
    return bl_test_redis_text(&redis, "EVAL %s 0", script);
}

static void assert_same(const char *have, const char *want)
{
    while (strcmp(have, want) != 0) {
        size_t a = strcspn(have, "\n"), b = strcspn(want, "\n");
        if (a != b || memcmp(have, want, a) != 0)
            fail_msg("stored is\n%.*s\nundisturbed it is\n%.*s", (int)(a < 2000 ? a : 2000), have,
                     (int)(b < 2000 ? b : 2000), want);
        have += a + (have[a] != '\0');
        want += b + (want[b] != '\0');
    }
}

/* Somebody takes over who stores users with each commit; then one who has nothing but what is stored of deadlines. */
static char *go_on(void)
{
    struct rig g;
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
    assert_false(is_behind());
    return all_that_is_stored();
}

/* Where everybody was seen last under load depends on what the load was, by some seconds: they come once more. */
static void come_once_more(void)
{
    char user[16];
    for (int i = 0; i < USERS; i++) {
        snprintf(user, sizeof user, "u%d", i);
        does(user, "page_view", "/end");
    }
    at_ms += 40 * SECOND;
    append("tick", "1");
}

static void append_again(redisReply *const *entry)
{
    redisReply *const *field = entry[1]->element;
    freeReplyObject(
        bl_test_redis(&redis, "XADD " EVENTS " %s %s %s", entry[0]->str, field[0]->str, field[1]->str));
}

static void assert_nothing_is_lost(void **state)
{
    calm_bytes = SIZE_MAX;
    come_once_more();
    char *then = go_on();
    at_ms += 2 * HOUR_MS;
    append("tick", "1"); /* all sessions end */
    char *last = go_on();
    redisReply *all = bl_test_redis(&redis, "XRANGE " EVENTS " - +");
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    for (size_t i = 0; i + 1 < all->elements; i++)
        append_again(all->element[i]->element);
    char *undisturbed = go_on();
    assert_true(strlen(undisturbed) > 10000);
    assert_same(then, undisturbed);
    free(undisturbed);
    append_again(all->element[all->elements - 1]->element);
    undisturbed = go_on();
    assert_same(last, undisturbed);
    free(undisturbed);
    free(then);
    free(last);
    freeReplyObject(all);
}

/* Leaves so many entries to be gone through again; some are events that were there, of before and of since. */
static void dies_behind(int least)
{
    do {
        pid_t pid = start_rig_apart(false, IDS);
        do {
            assert_true(in_time());
            browse();
            while (place("entries") < added())
                assert_true(in_time());
            if (is_behind() && number % 5 == 0)
                send_as("u1", "click", "/again", number - 2);
        } while (!is_behind() || place("entries") - place("users_entries") < least);
        kill_rig(pid);
    } while (!is_behind()); /* it may have stored them just before it died */
}

static void nothing_is_lost_with_an_owner_that_dies(void **state)
{
    dies_behind(200);
    assert_nothing_is_lost(state);
}

static void nor_with_one_after_the_other(void **state)
{
    for (int i = 0; i < 4; i++)
        dies_behind(30);
    assert_nothing_is_lost(state);
}

static void nor_with_commands_in_between(void **state)
{
    dies_behind(60);
    resolve_newest();
    erase("u3", "erase");
    dies_behind(60);
    erase("u3", "readmit");
    append("command", "{\"command\":\"rules\",\"version\":2,\"settings\":{\"session-timeout\":600000}}");
    resolve_newest();
    dies_behind(60);
    assert_nothing_is_lost(state);
}

/* Deadlines fire while users are behind, more than are told of at a time. */
static void nor_what_came_due(void **state)
{
    char user[16];
    for (int i = 0; i < 700; i++) {
        snprintf(user, sizeof user, "due-%d", i);
        does(user, "page_view", i % 2 ? "/a" : "/checkout");
    }
    dies_behind(50);
    at_ms += 12 * SECOND; /* the next entry's time makes hesitations due */
    dies_behind(50);
    at_ms += 60 * SECOND; /* and abandonments */
    dies_behind(50);
    assert_nothing_is_lost(state);
}

static void what_was_seen_before_the_death_is_known_after_it(void **state)
{
    struct rig g;
    (void)state;
    dies_behind(60);
    calm_bytes = SIZE_MAX;
    start_rig(&g, false, IDS);
    drain();
    long long events = counter("events"), duplicates = counter("duplicates");
    assert_int_equal(events + duplicates, added());
    redisReply *last = bl_test_redis(&redis, "XREVRANGE " EVENTS " + - COUNT 50");
    for (size_t i = 0; i < last->elements; i++) {
        redisReply *const *field = last->element[i]->element[1]->element;
        append(field[0]->str, field[1]->str);
    }
    freeReplyObject(last);
    drain();
    assert_int_equal(counter("events"), events);
    assert_int_equal(counter("duplicates"), duplicates + 50);
    stop_rig(&g);
}

static long long epoch(void)
{
    return bl_test_redis_int(&redis, "EVAL %s 1 " P "fence",
                             "return tonumber(redis.call('GET', KEYS[1]):match('%d+$'))");
}

/* Who dies of going through it again leaves it to the next. */
static void the_new_owner_may_die_of_it_too(void **state)
{
    dies_behind(300);
    for (int i = 0; i < 5; i++) {
        long long before = epoch();
        pid_t pid = start_rig_apart(false, IDS);
        while (epoch() == before)
            assert_true(in_time());
        for (int more = 0; more < i * 20; more++)
            (void)epoch();
        kill_rig(pid); /* wherever it is */
    }
    assert_nothing_is_lost(state);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(under_load_users_are_left_behind_and_all_else_is_there),
        STORY(users_catch_up_when_nothing_is_unread),
        STORY(nobody_is_behind_by_more_than_the_bound),
        STORY(who_may_not_be_behind_never_is),
        STORY(little_is_no_load),
        STORY(who_gives_a_partition_back_leaves_nobody_behind),
        STORY(a_command_is_a_checkpoint),
        STORY(nothing_is_lost_with_an_owner_that_dies),
        STORY(nor_with_one_after_the_other),
        STORY(nor_with_commands_in_between),
        STORY(nor_what_came_due),
        STORY(what_was_seen_before_the_death_is_known_after_it),
        STORY(the_new_owner_may_die_of_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
