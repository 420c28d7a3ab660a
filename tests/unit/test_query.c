/* Parameters, cursors, merging and filters of the queries (SPEC 6), without a store. */
#include "query/job.h"
#include "query/rows.h"
#include "query/scan.h"

#include "bl/core/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char an_id[] = "00112233445566778899aabbccddeeff";

static enum bl_err parse(enum bl_call call, const char *id, const char *name, const char *value,
                         struct bl_query *q, struct bl_problem *problem)
{
    struct bl_query_pair pair = {bl_str_of(name), bl_str_of(value)};
    *problem = (struct bl_problem){0};
    return bl_query_parse(call, bl_str_of(id), &pair, name ? 1 : 0, q, problem);
}

static void bad_values_are_refused_and_named(void **state)
{
    static const struct {
        enum bl_call call;
        const char *name, *value, *says;
    } cases[] = {
        {BL_CALL_PATTERNS, "limit", "0", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", "501", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", "-1", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", "5x", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", " 5", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", "5.0", "from 1 to 500"},
        {BL_CALL_PATTERNS, "limit", "99999999999999999999", "from 1 to 500"},
        {BL_CALL_PATTERNS, "type", "hesitations",
         "abandonment, rage-click, dead-click, error-click, form-abandonment, quick-back."},
        {BL_CALL_PATTERNS, "type", "hesitation,abandonment", "must be one of"},
        {BL_CALL_PATTERNS, "severity", "HIGH", "low, medium, high"},
        {BL_CALL_PATTERNS, "resolved", "maybe", "true or false"},
        {BL_CALL_PATTERNS, "since", "yesterday", "RFC 3339"},
        {BL_CALL_PATTERNS, "since", "-1", "RFC 3339"},
        {BL_CALL_PATTERNS, "before", "123", "cursor"},
        {BL_CALL_PATTERNS, "before", ":00112233445566778899aabbccddeeff", "cursor"},
        {BL_CALL_PATTERNS, "before", "12:00112233445566778899aabbccddee", "cursor"},
        {BL_CALL_PATTERNS, "limit", "", "from 1 to 500"},
        {BL_CALL_PATTERNS, "type", "", "must be one of"},
        {BL_CALL_PATTERNS, "severity", "", "low, medium, high"},
        {BL_CALL_PATTERNS, "resolved", "", "true or false"},
        {BL_CALL_PATTERNS, "since", "", "RFC 3339"},
        {BL_CALL_PATTERNS, "before", "", "cursor"},
        {BL_CALL_PATTERNS, "user_id", "a\nb", "control"},
        {BL_CALL_PATTERNS, "page", "/a\x01", "control"},
        {BL_CALL_PATTERNS, "q", "\xff", "UTF-8"},
        {BL_CALL_HISTORY, "minutes", "0", "from 1 to 1440"},
        {BL_CALL_HISTORY, "minutes", "1441", "from 1 to 1440"},
        {BL_CALL_USERS, "within", "1441", "from 1 to 1440"},
        {BL_CALL_USERS_ACTIVE, "within", "86401", "from 1 to 86400"},
        {BL_CALL_EVENTS, "limit", "x", "from 1 to 500"},
        {BL_CALL_BAD_EVENTS, "limit", "x", "from 1 to 500"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bl_query q;
        struct bl_problem problem;
        assert_int_equal(parse(cases[i].call, "", cases[i].name, cases[i].value, &q, &problem),
                         BL_ERR_INVALID_QUERY);
        assert_string_equal(problem.field, cases[i].name);
        if (!strstr(problem.message, cases[i].says))
            fail_msg("%s=%s: %s", cases[i].name, cases[i].value, problem.message);
    }
}

static void good_values_arrive(void **state)
{
    struct bl_query q;
    struct bl_problem problem;
    (void)state;
    assert_int_equal(parse(BL_CALL_PATTERNS, "", NULL, NULL, &q, &problem), BL_OK);
    assert_true(q.limit == 50 && q.rule == -1 && q.severity == 0 && q.resolved == -1 && !q.has_before);
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "limit", "500", &q, &problem), BL_OK);
    assert_int_equal(q.limit, 500);
    for (int rule = 0; rule < BL_RULE_COUNT; rule++) {
        const char *type = bl_rule((enum bl_rule_id)rule)->name;
        assert_int_equal(parse(BL_CALL_PATTERNS, "", "type", type, &q, &problem), BL_OK);
        assert_int_equal(q.rule, rule);
    }
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "severity", "high", &q, &problem), BL_OK);
    assert_int_equal(q.severity, BL_HIGH);
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "resolved", "false", &q, &problem), BL_OK);
    assert_int_equal(q.resolved, 0);
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "since", "1970-01-01T00:00:01Z", &q, &problem), BL_OK);
    assert_int_equal(q.since_ms, 1000);
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "page", "https://shop.example/cart/?x=1", &q, &problem),
                     BL_OK);
    assert_int_equal(q.page_n, 5);
    assert_memory_equal(q.page, "/cart", 5);
    assert_int_equal(parse(BL_CALL_PATTERNS, "", "nonsense", "1", &q, &problem), BL_OK);
    assert_int_equal(parse(BL_CALL_USERS, "", "within", "2", &q, &problem), BL_OK);
    assert_int_equal(q.within_ms, 120000);
    assert_int_equal(parse(BL_CALL_USERS_ACTIVE, "", "within", "2", &q, &problem), BL_OK);
    assert_int_equal(q.within_ms, 2000);
    assert_int_equal(parse(BL_CALL_USERS_ACTIVE, "", NULL, NULL, &q, &problem), BL_OK);
    assert_int_equal(q.within_ms, 60000);
}

static void a_cursor_reads_back(void **state)
{
    struct bl_query q;
    struct bl_problem problem;
    char hex[33] = "";
    (void)state;
    assert_int_equal(
        parse(BL_CALL_PATTERNS, "", "before", "1700:00112233445566778899aabbccddeeff", &q, &problem), BL_OK);
    assert_true(q.has_before && q.before_ms == 1700);
    bl_pattern_id_hex(&q.before_id, hex);
    assert_string_equal(hex, an_id);
}

static void ids_come_from_the_path_or_the_query(void **state)
{
    struct bl_query q;
    struct bl_problem problem;
    (void)state;
    assert_int_equal(parse(BL_CALL_PATTERN, an_id, NULL, NULL, &q, &problem), BL_OK);
    assert_int_equal(parse(BL_CALL_PATTERN, "../etc", NULL, NULL, &q, &problem), BL_ERR_NOT_FOUND);
    assert_int_equal(parse(BL_CALL_USER, "a/b", "id", "other", &q, &problem), BL_OK);
    assert_int_equal(q.user_n, 3);
    assert_int_equal(parse(BL_CALL_USER, "", "id", "other", &q, &problem), BL_OK);
    assert_int_equal(q.user_n, 5);
    assert_int_equal(parse(BL_CALL_USER, "", NULL, NULL, &q, &problem), BL_ERR_INVALID_QUERY);
    assert_string_equal(problem.field, "id");
    char longer[130];
    memset(longer, 'u', 129);
    longer[129] = 0;
    assert_int_equal(parse(BL_CALL_USER, longer, NULL, NULL, &q, &problem), BL_ERR_INVALID_QUERY);
}

/* --- merging: a store in memory, in the order of Redis (score, then member, both descending) */

#define LANES 3
#define MOST  400

static struct scan_item stored[LANES][MOST];
static size_t n_stored[LANES];

static int newest(const void *a, const void *b)
{
    return scan_cmp(a, b);
}

static void serve_read(const struct bl_read *read, struct scan *s, size_t lane)
{
    static char text[MOST * 2][32];
    static struct bl_str item[MOST * 2];
    struct bl_read_reply reply = {0, item};
    int64_t skip = read->c;
    size_t p = (size_t)read->partition;
    for (size_t i = 0; i < n_stored[p] && reply.n / 2 < (size_t)read->d; i++) {
        const struct scan_item *x = &stored[p][i];
        if (x->ms > read->a || x->ms < read->b || skip-- > 0)
            continue;
        bl_pattern_id_hex(&x->id, text[reply.n]);
        item[reply.n] = (struct bl_str){text[reply.n], 32};
        int n = snprintf(text[reply.n + 1], 32, "%lld", (long long)x->ms);
        item[reply.n + 1] = (struct bl_str){text[reply.n + 1], (size_t)n};
        reply.n += 2;
    }
    scan_feed(s, lane, &reply);
}

/* Everything older than `from`, in the order in which the scan gives it. */
static size_t scan_all(struct scan_item from, size_t page, int64_t since_ms, struct scan_item *out)
{
    struct scan s;
    size_t n = 0, rounds = 0;
    assert_true(scan_init(&s, LANES, -1, from, page, page < 60 ? page * 3 : page, NULL));
    while (scan_more(&s)) {
        struct bl_read read;
        for (size_t i = 0; i < s.lanes; i++)
            if (scan_hungry(&s, i, since_ms, &read))
                serve_read(&read, &s, i);
        scan_fed(&s);
        while (scan_next(&s, &out[n]))
            n++;
        assert_true(++rounds < 10000);
    }
    scan_release(&s);
    return n;
}

static void fill_store(int times)
{
    for (size_t p = 0; p < LANES; p++) {
        n_stored[p] = p * 100 + 50;
        for (size_t i = 0; i < n_stored[p]; i++) {
            stored[p][i] = (struct scan_item){.ms = 1000 + rand() % times, .partition = (int)p};
            for (size_t b = 0; b < 16; b++)
                stored[p][i].id.b[b] = (unsigned char)rand();
        }
        qsort(stored[p], n_stored[p], sizeof stored[p][0], newest);
    }
}

static size_t expected(struct scan_item from, int64_t since_ms, struct scan_item *out)
{
    size_t n = 0;
    for (size_t p = 0; p < LANES; p++)
        for (size_t i = 0; i < n_stored[p]; i++)
            if (scan_cmp(&from, &stored[p][i]) < 0 && stored[p][i].ms >= since_ms)
                out[n++] = stored[p][i];
    qsort(out, n, sizeof *out, newest);
    return n;
}

static void lanes_merge_newest_first_whatever_the_page(void **state)
{
    static struct scan_item got[LANES * MOST], want[LANES * MOST];
    static const int times[] = {1, 2, 7, 100000}; /* from "all at once" to "all apart" */
    static const size_t pages[] = {1, 2, 51, 256};
    (void)state;
    srand(7);
    for (size_t t = 0; t < 4; t++)
        for (size_t g = 0; g < 4; g++) {
            fill_store(times[t]);
            struct scan_item from = g % 2 ? stored[1][40] : scan_top();
            int64_t since_ms = g == 3 ? 1001 : 0;
            size_t n = scan_all(from, pages[g], since_ms, got), m = expected(from, since_ms, want);
            assert_int_equal(n, m);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(scan_cmp(&got[i], &want[i]), 0);
        }
}

static void a_strange_member_hides_no_pattern(void **state)
{
    const struct bl_str items[] = {BL_STR("no id"),
                                   BL_STR("inf"),
                                   BL_STR("also none"),
                                   BL_STR("70"),
                                   BL_STR("00112233445566778899aabbccddeeff"),
                                   BL_STR("60")};
    const struct bl_read_reply reply = {6, items};
    struct scan s;
    struct scan_item item;
    (void)state;
    assert_true(scan_init(&s, 1, -1, scan_top(), 10, 10, NULL));
    scan_feed(&s, 0, &reply);
    assert_true(scan_next(&s, &item) && item.ms == 60);
    assert_false(scan_more(&s));
    scan_release(&s);
}

static void filters_see_what_they_should(void **state)
{
    static const struct {
        const char *name, *value;
        bool passes;
    } cases[] = {
        {"type", "hesitation", true},
        {"type", "abandonment", false},
        {"severity", "low", true},
        {"severity", "high", false},
        {"resolved", "false", true},
        {"resolved", "true", false},
        {"page", "/Cart/", true},
        {"page", "/cart", false},
        {"user_id", "Anna", true},
        {"user_id", "anna", false},
        {"q", "ANNA", true},
        {"q", "paused for 12", true},
        {"q", "cart", true},
        {"q", "nobody", false},
        {"q", "", true},
        {"q", "hesitation", false},
    };
    const struct bl_str brief[BL_BRIEF_COUNT] = {
        BL_STR("hesitation"), BL_STR("low"), BL_STR("Anna"),
        BL_STR("/Cart"),      BL_STR(""),    BL_STR("User paused for 12 seconds on /Cart.")};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bl_query q;
        struct bl_problem problem;
        assert_int_equal(parse(BL_CALL_PATTERNS, "", cases[i].name, cases[i].value, &q, &problem), BL_OK);
        if (bl_query_match(&q, brief) != cases[i].passes)
            fail_msg("%s=%s", cases[i].name, cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_are_refused_and_named),
        cmocka_unit_test(good_values_arrive),
        cmocka_unit_test(a_cursor_reads_back),
        cmocka_unit_test(ids_come_from_the_path_or_the_query),
        cmocka_unit_test(lanes_merge_newest_first_whatever_the_page),
        cmocka_unit_test(a_strange_member_hides_no_pattern),
        cmocka_unit_test(filters_see_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
