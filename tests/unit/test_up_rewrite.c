/* When `up` has Redis make its append-only file short: a table of looks, five seconds apart. */
#include "up.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MB       1048576.0
#define COUNT(v) (sizeof(v) / sizeof *(v))

struct look {
    const char *what;
    double before_s, after_s; /* processor time of Redis; below 0: it did not answer */
    double size, base;        /* size below 0: there is no such file */
    int running;
    bool due;
};

static const struct look looks[] = {
    {"quiet and long", 10, 10.2, 100 * MB, 0, 0, true},
    {"quiet and long, and twice its base", 10, 10.2, 200 * MB, 100 * MB, 0, true},
    {"not twice its base", 10, 10.2, 199 * MB, 100 * MB, 0, false},
    {"short", 10, 10.2, 63 * MB, 0, 0, false},
    {"at work", 10, 10.6, 100 * MB, 0, 0, false},
    {"at it already", 10, 10.2, 100 * MB, 0, 1, false},
    {"started anew", 10, 0.1, 100 * MB, 0, 0, false},
    {"back again", -1, 10.2, 100 * MB, 0, 0, false},
    {"does not answer", 10, -1, 100 * MB, 0, 0, false},
    {"no file", 10, 10.2, -1, 0, 0, false},
};

static void write_info(char *out, size_t max, double worked_s, const struct look *l)
{
    out[0] = '\0';
    if (worked_s < 0)
        return;
    size_t n = (size_t)snprintf(
        out, max, "+OK\r\n$1\r\n# CPU\r\nused_cpu_sys:%f\r\nused_cpu_user_children:7\r\nused_cpu_user:%f\r\n",
        worked_s / 4, worked_s / 4 * 3);
    if (l->size >= 0)
        snprintf(out + n, max - n,
                 "aof_rewrite_in_progress:%d\r\naof_current_size:%.0f\r\naof_base_size:%.0f\r\n", l->running,
                 l->size, l->base);
}

static void due_or_not(void **state)
{
    char info[512];
    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++) {
        const struct look *l = &looks[i];
        struct up_rewrite r = {0};
        write_info(info, sizeof info, l->before_s, l);
        assert_false(up_rewrite_due(&r, info, HUGE_VAL, 1000000));
        assert_false(up_rewrite_looks(&r, 1004999));
        assert_true(up_rewrite_looks(&r, 1005000));
        write_info(info, sizeof info, l->after_s, l);
        if (up_rewrite_due(&r, info, HUGE_VAL, 1005000) != l->due)
            fail_msg("%s", l->what);
    }
}

/* Nothing comes of it: the next is asked for later and later, up to an hour. When something has, all is as before. */
static void what_comes_to_nothing_is_not_asked_for_again_and_again(void **state)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct look l = {"", 10, 10, 100 * MB, 0, 0, true};
    struct up_rewrite r = {0};
    char info[512];
    int64_t now = 1000000;
    (void)state;
    write_info(info, sizeof info, 10, &l);
    assert_false(up_rewrite_due(&r, info, HUGE_VAL, now));
    assert_true(up_rewrite_due(&r, info, HUGE_VAL, now += 5000));
    for (size_t i = 0; i < COUNT(minutes); i++) {
        assert_false(up_rewrite_due(&r, info, HUGE_VAL, now + 60000 * minutes[i] - 1));
        assert_true(up_rewrite_due(&r, info, HUGE_VAL, now += 60000 * minutes[i]));
    }
    l.base = 90 * MB;
    l.size = 400 * MB;
    write_info(info, sizeof info, 10, &l);
    assert_true(up_rewrite_due(&r, info, HUGE_VAL, now += 5000));
    assert_false(up_rewrite_due(&r, info, HUGE_VAL, now + 59999));
}

/* Lines of the log that say so; to be asked with `log` in the place of standard error. */
static int said(FILE *log, const char *what)
{
    char line[512];
    int n = 0;
    rewind(log);
    while (fgets(line, sizeof line, log))
        n += strstr(line, what) != NULL;
    return n;
}

/* Where there is no room none is asked for, which is said when it begins to be so. The next tries are later and later. */
static void without_room_none_is_asked_for(void **state)
{
    static const struct {
        double room;
        int64_t minutes; /* since the try before */
        bool due;
        int no_room, nothing_came; /* said so far */
    } tries[] = {
        {100 * MB - 1, 0, false, 1, 0}, {0, 1, false, 1, 0},
        {99 * MB, 2, false, 1, 0},      {100 * MB, 4, true, 1, 0}, /* and nothing comes of it */
        {HUGE_VAL, 8, true, 1, 1},      {50 * MB, 16, false, 2, 1},
        {50 * MB, 32, false, 2, 1},     {HUGE_VAL, 60, true, 2, 1},
    };
    struct look l = {"", 10, 10, 100 * MB, 0, 0, true};
    struct up_rewrite r = {0};
    char info[512];
    int64_t now = 1000000;
    FILE *log = tmpfile();
    int err = dup(STDERR_FILENO);
    (void)state;
    dup2(fileno(log), STDERR_FILENO);
    write_info(info, sizeof info, 10, &l);
    assert_false(up_rewrite_due(&r, info, HUGE_VAL, now));
    now += 5000;
    for (size_t i = 0; i < COUNT(tries); i++) {
        if (i > 0)
            assert_false(up_rewrite_due(&r, info, HUGE_VAL, now + 60000 * tries[i].minutes - 1));
        now += 60000 * tries[i].minutes;
        assert_int_equal(up_rewrite_due(&r, info, tries[i].room, now), tries[i].due);
        assert_int_equal(said(log, "the disk has no room"), tries[i].no_room);
        assert_int_equal(said(log, "did not rewrite"), tries[i].nothing_came);
    }
    /* Redis has done it by itself; then it has no room for the next. */
    l.base = 90 * MB;
    l.size = 400 * MB;
    write_info(info, sizeof info, 10, &l);
    assert_false(up_rewrite_due(&r, info, 399 * MB, now += 5000));
    assert_int_equal(said(log, "the disk has no room"), 3);
    dup2(err, STDERR_FILENO);
    close(err);
    fclose(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_or_not),
        cmocka_unit_test(what_comes_to_nothing_is_not_asked_for_again_and_again),
        cmocka_unit_test(without_room_none_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
