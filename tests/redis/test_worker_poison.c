/* What owners did not come back from, on a real Redis: what is marked before it is taken again, and what becomes of that which
 * kills each of them. The worker dies on purpose in debug builds (app/hook.h). */
#include "behind.h"
#include "worker_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#define LINES   50
#define ENTRIES 40
#define ROUND   16  /* BL_SUSPECT_ENTRIES */
#define PAGE    128 /* REDO_ENTRIES */
#define DEATHS  5   /* at a page, at an entry, three at a step */
#define STORED  5   /* two in commits, three at a user */
#define PENDING 6   /* unmarked, at a round, at an entry, three at a step */

static long long aside(void)
{
    return bl_test_redis_int(&redis, "XLEN " P "quarantine");
}

static void assert_aside(const char *field, const char *value)
{
    char *text = bl_test_redis_text(&redis, "EVAL %s 1 " P "quarantine %s",
                                    "local f = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2] "
                                    "for i = 1, #f, 2 do if f[i] == ARGV[1] then return f[i + 1] end end",
                                    field);
    assert_non_null(text);
    assert_string_equal(text, value);
    free(text);
}

/* HLEN is what suspect_mark.lua alone calls. */
static long long marks(void)
{
    char *all = bl_test_redis_text(&redis, "INFO commandstats");
    const char *at = strstr(all, "cmdstat_hlen:calls=");
    long long n = at ? strtoll(at + strlen("cmdstat_hlen:calls="), NULL, 10) : 0;
    free(all);
    return n;
}

/* ---- in a redo ---- */

/* Users are behind, and `killer` has a stored state and an event that is yet to be gone through again. */
static void killer_is_behind(void)
{
    for (bool again = true; again;) {
        pid_t pid = start_rig_apart(false, IDS);
        does("killer", "page_view", "/a");
        erase("nobody", "readmit"); /* a checkpoint */
        while (!is_behind()) {
            assert_true(in_time());
            browse();
        }
        long long users = place("users_entries");
        does("killer", "click", "/a");
        browse();
        while (place("entries") < added())
            assert_true(in_time());
        again = !is_behind() || place("users_entries") != users || !stored("killer");
        kill_rig(pid);
        again = again || !is_behind();
    }
}

/* How many owners died until one had brought users up. */
static int deaths_until_caught_up(void)
{
    for (int deaths = 0;; deaths++) {
        pid_t pid = start_rig_apart(false, IDS);
        while (is_behind() && waitpid(pid, NULL, WNOHANG) == 0)
            assert_true(in_time());
        if (!is_behind()) {
            kill_rig(pid);
            return deaths;
        }
        freeReplyObject(bl_test_redis(&redis, "DEL " P "lease"));
    }
}

static void assert_goes_on(void)
{
    struct rig g;
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "suspect"), 0);
    calm_bytes = SIZE_MAX;
    start_rig(&g, false, IDS);
    long long events = counter("events");
    does("killer", "click", "/b");
    does("neighbour", "click", "/b");
    drain();
    stop_rig(&g);
    assert_int_equal(counter("events"), events + 2);
    assert_int_equal(stored("killer"), 1);
    assert_int_equal(stored("neighbour"), 1);
}

/* Users of the stream who have no state. */
static long long not_stored(void)
{
    return bl_test_redis_int(
        &redis, "EVAL %s 1 " EVENTS,
        "local n, told = 0, {} for _, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do "
        "local id = e[2][1] == 'events' and e[2][2]:match('\"user_id\":\"([^\"]+)') "
        "if id and not told[id] then told[id] = true "
        "n = n + 1 - redis.call('EXISTS', KEYS[1]:gsub('events$', 'user:') .. id) end end return n");
}

#ifdef BL_TEST_HOOKS
static void an_event_that_kills_who_goes_through_it_again_is_set_aside(void **state)
{
    (void)state;
    killer_is_behind();
    long long events = counter("events");
    setenv("BEHAVIORLENS_TEST_ABORT_REDO", "killer", 1);
    assert_int_equal(deaths_until_caught_up(), DEATHS);
    unsetenv("BEHAVIORLENS_TEST_ABORT_REDO");
    assert_int_equal(aside(), 1);
    assert_int_equal(counter("quarantined"), 1);
    assert_int_equal(counter("events"), events);
    assert_aside("reason", "workers died of this event when its user's state was made again");
    assert_aside("line", "0");
    assert_goes_on();
}

static void so_is_a_stored_state_that_kills_its_reader(void **state)
{
    (void)state;
    killer_is_behind();
    setenv("BEHAVIORLENS_TEST_ABORT_LOAD", "killer", 1);
    assert_int_equal(deaths_until_caught_up(), DEATHS);
    unsetenv("BEHAVIORLENS_TEST_ABORT_LOAD");
    assert_int_equal(aside(), 1);
    assert_aside("reason", "workers died of this user's state");
    assert_aside("text", "killer");
    assert_int_equal(stored("killer"), 1); /* as of the event behind */
    assert_goes_on();
}

static void assert_killer_is_gone(void)
{
    char *id = bl_test_redis_text(&redis, "HGET " P "position id");
    assert_int_equal(aside(), 1);
    assert_int_equal(counter("quarantined"), 1);
    assert_aside("reason", "workers died of storing this user's state");
    assert_aside("text", "killer");
    assert_aside("entry", id);
    assert_int_equal(stored("killer"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "active killer"), -1);
    assert_int_equal(bl_test_redis_int(&redis, "ZSCORE " P "deadlines killer"), -1);
    assert_int_equal(not_stored(), 1);
    free(id);
}

static void assert_is_set_aside_by_who_stores(void)
{
    long long events = counter("events");
    setenv("BEHAVIORLENS_TEST_ABORT_STORE", "killer", 1);
    assert_int_equal(deaths_until_caught_up(), STORED);
    unsetenv("BEHAVIORLENS_TEST_ABORT_STORE");
    assert_int_equal(counter("events"), events);
    assert_killer_is_gone();
    assert_goes_on();
}

static void a_state_that_kills_who_stores_it_is_set_aside(void **state)
{
    (void)state;
    killer_is_behind();
    assert_is_set_aside_by_who_stores();
}

/* What is there is committed, by somebody whom nothing kills. */
static void nothing_is_unread(void)
{
    struct rig g;
    unsetenv("BEHAVIORLENS_TEST_ABORT_STORE");
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
}

static bool has_died(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) == 0)
        return false;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    freeReplyObject(bl_test_redis(&redis, "DEL " P "lease"));
    return true;
}

/* An owner leaves him behind, and dies of its next checkpoint. */
static void killer_is_left_behind(void)
{
    for (bool again = true; again;) {
        setenv("BEHAVIORLENS_TEST_ABORT_STORE", "killer", 1);
        pid_t pid = start_rig_apart(false, IDS);
        while (!is_behind()) {
            assert_true(in_time());
            browse();
        }
        does("killer", "click", "/a");
        bool died = false;
        while (!(died = has_died(pid)) && place("entries") < added())
            assert_true(in_time());
        again = died || !is_behind(); /* the machine was slow: a checkpoint came in between */
        if (!died)
            erase("nobody", "readmit");
        while (!died && !(died = has_died(pid)))
            assert_true(in_time());
        if (again)
            nothing_is_unread();
    }
}

static void so_is_one_that_killed_in_a_checkpoint(void **state)
{
    (void)state;
    killer_is_left_behind();
    assert_is_set_aside_by_who_stores();
}

/* Each commit stores users. */
static int deaths_until_committed(void)
{
    int deaths = 0;
    setenv("BEHAVIORLENS_TEST_ABORT_STORE", "killer", 1);
    for (bool done = false; !done;) {
        pid_t pid = start_rig_apart(false, IDS);
        bool died = false;
        while (!done && !(died = has_died(pid))) {
            assert_true(in_time());
            done = place("entries") == added();
        }
        deaths += died;
        if (done)
            kill_rig(pid);
    }
    unsetenv("BEHAVIORLENS_TEST_ABORT_STORE");
    return deaths;
}

static void an_event_whose_state_kills_who_stores_it_is_set_aside(void **state)
{
    (void)state;
    calm_bytes = SIZE_MAX;
    does("neighbour", "click", "/a");
    nothing_is_unread();
    does("killer", "click", "/a");
    assert_int_equal(deaths_until_committed(), PENDING);
    assert_int_equal(aside(), 1);
    assert_aside("reason", "workers died of this event");
    assert_int_equal(not_stored(), 1);
    assert_goes_on();
}

static void so_is_a_command(void **state)
{
    (void)state;
    calm_bytes = SIZE_MAX;
    go_round("killer");
    nothing_is_unread();
    resolve_newest();
    assert_int_equal(deaths_until_committed(), PENDING);
    assert_int_equal(aside(), 1);
    assert_aside("reason", "workers died of this command");
    assert_int_equal(stored("killer"), 1);
    assert_goes_on();
}
#endif

#define PAGES(entries) (((entries) + PAGE - 1) / PAGE + 1) /* the last is empty */

static void a_redo_whose_owner_died_elsewhere_costs_a_mark_a_page(void **state)
{
    (void)state;
    killer_is_behind();
    long long before = marks(), pages = PAGES(place("entries") - place("users_entries"));
    assert_int_equal(deaths_until_caught_up(), 0);
    assert_int_equal(marks() - before, pages);
    assert_goes_on();
}

/* How many marks it takes to come through, after so many owners that died behind the last page. */
static long long marks_after(int deaths, long long *pages)
{
    killer_is_behind();
    long long before = marks();
    *pages = PAGES(place("entries") - place("users_entries"));
    char *from = bl_test_redis_text(&redis, "HGET " P "position users_id");
    char *id = bl_test_redis_text(&redis, "HGET " P "position id");
    for (int i = 1; i <= deaths; i++)
        freeReplyObject(bl_test_redis(
            &redis, "EVAL %s 1 " P "suspect %s %s %d",
            "return redis.call('HSET', KEYS[1], 'entry', ARGV[1], 'dead ' .. ARGV[3], 'page ' .. ARGV[2])",
            from, id, i));
    free(from);
    free(id);
    assert_int_equal(deaths_until_caught_up(), 0);
    assert_int_equal(aside(), 0);
    assert_int_equal(not_stored(), 0);
    assert_goes_on();
    return marks() - before;
}

static void one_who_died_when_it_was_to_be_stored_was_killed(void **state)
{
    long long pages, n = marks_after(1, &pages);
    (void)state;
    assert_in_range(n, pages, pages + 2);
}

/* And one that it is over. */
static void two_who_did_cost_a_mark_a_user(void **state)
{
    long long pages, n = marks_after(2, &pages);
    (void)state;
    assert_in_range(n, pages + 3, pages + USERS + 2);
}

static void a_stored_state_that_cannot_be_read_is_dropped_in_a_redo(void **state)
{
    (void)state;
    killer_is_behind();
    freeReplyObject(bl_test_redis(&redis, "HSET " P "user:killer head nonsense"));
    assert_int_equal(deaths_until_caught_up(), 0);
    assert_int_equal(aside(), 1);
    assert_aside("reason", "unreadable state of the user");
    assert_goes_on();
}

/* An older program may find what a newer one knew. */
static void what_nobody_knows_stops_no_redo(void **state)
{
    struct rig g;
    (void)state;
    calm_bytes = SIZE_MAX;
    does("first", "click", "/a");
    append("unknown", "1");
    does("last", "click", "/a");
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
    assert_int_equal(aside(), 1);
    freeReplyObject(bl_test_redis(&redis,
                                  "HSET " P "position users_id %lld-0 users_clock_ms %lld users_entries 1",
                                  (long long)at_ms - 14, (long long)at_ms - 14));
    assert_int_equal(deaths_until_caught_up(), 0);
    assert_int_equal(aside(), 2);
    assert_aside("reason", "not an entry of ours");
    assert_goes_on();
}

/* ---- what is pending ---- */

/* Entries that three owners were given and did not commit. */
static void given_out_three_times(void)
{
    char *text = NULL;
    size_t n;
    for (int i = 0; i < ENTRIES; i++) {
        FILE *f = open_memstream(&text, &n);
        for (int k = 0; k < LINES; k++)
            fprintf(f, "%s{\"user_id\":\"u%d\",\"action\":\"click\",\"page\":\"/a\",\"event_id\":\"e%d\"}",
                    k ? "\n" : "", k % USERS, number++);
        fclose(f);
        append("events", text);
        free(text);
    }
    freeReplyObject(bl_test_redis(&redis, "XGROUP CREATE " EVENTS " core 0"));
    freeReplyObject(bl_test_redis(&redis, "XREADGROUP GROUP core owner STREAMS " EVENTS " >"));
    for (int i = 0; i < 2; i++)
        freeReplyObject(bl_test_redis(&redis, "XREADGROUP GROUP core owner STREAMS " EVENTS " 0"));
}

static void somebody_died_of(const char *step)
{
    redisReply *first = bl_test_redis(&redis, "XRANGE " EVENTS " - + COUNT 1");
    freeReplyObject(bl_test_redis(&redis, "HSET " P "suspect entry %s", first->element[0]->element[0]->str));
    freeReplyObject(bl_test_redis(&redis, "EVAL %s 1 " P "suspect %s",
                                  "return redis.call('HSET', KEYS[1], 'dead 1', ARGV[1])", step));
    freeReplyObject(first);
}

/* All take effect, after so many marks. */
static void assert_marks(long long wanted)
{
    struct rig g;
    long long before = marks();
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
    assert_int_equal(marks() - before, wanted);
    assert_int_equal(counter("events"), ENTRIES * LINES);
    assert_int_equal(counter("quarantined"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "EXISTS " P "suspect"), 0);
}

#define ROUNDS(entries) (((entries) + ROUND - 1) / ROUND)

static void owners_that_died_elsewhere_cost_a_mark_a_round(void **state)
{
    (void)state;
    given_out_three_times();
    assert_marks(ROUNDS(ENTRIES));
}

static void one_that_died_in_a_round_costs_a_mark_an_entry(void **state)
{
    (void)state;
    given_out_three_times();
    somebody_died_of("round");
    assert_marks(1 + ROUND + ROUNDS(ENTRIES - ROUND));
}

/* Each event; nobody has to be loaded twice, and nobody is due. At last the end of the entry, and that it is over. */
static void one_that_died_of_an_entry_costs_a_mark_a_step_of_it(void **state)
{
    (void)state;
    given_out_three_times();
    somebody_died_of("entry");
    long long few = 1 + ROUND + ROUNDS(ENTRIES - ROUND) + LINES;
    struct rig g;
    long long before = marks();
    start_rig(&g, false, IDS);
    drain();
    stop_rig(&g);
    assert_in_range(marks() - before, few, few + 2 * USERS + 2);
    assert_int_equal(counter("events"), ENTRIES * LINES);
    assert_int_equal(counter("quarantined"), 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup_behind, teardown)

int main(void)
{
    const struct rlimit none = {0, 0};
    const struct CMUnitTest tests[] = {
#ifdef BL_TEST_HOOKS
        STORY(an_event_that_kills_who_goes_through_it_again_is_set_aside),
        STORY(so_is_a_stored_state_that_kills_its_reader),
        STORY(a_state_that_kills_who_stores_it_is_set_aside),
        STORY(so_is_one_that_killed_in_a_checkpoint),
        STORY(an_event_whose_state_kills_who_stores_it_is_set_aside),
        STORY(so_is_a_command),
#endif
        STORY(a_stored_state_that_cannot_be_read_is_dropped_in_a_redo),
        STORY(a_redo_whose_owner_died_elsewhere_costs_a_mark_a_page),
        STORY(one_who_died_when_it_was_to_be_stored_was_killed),
        STORY(two_who_did_cost_a_mark_a_user),
        STORY(what_nobody_knows_stops_no_redo),
        STORY(owners_that_died_elsewhere_cost_a_mark_a_round),
        STORY(one_that_died_in_a_round_costs_a_mark_an_entry),
        STORY(one_that_died_of_an_entry_costs_a_mark_a_step_of_it),
    };
    setrlimit(RLIMIT_CORE, &none);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
