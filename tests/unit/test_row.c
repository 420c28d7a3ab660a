/* Patterns as rows (include/bl/wire/row.h): what each effect sets, and the JSON of SPEC 5.1 byte for byte. */
#include "bl/wire/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t times[] = {1000, 2000, 3000};

static struct bl_pattern loop(void)
{
    struct bl_pattern p = {
        .change = BL_PATTERN_NEW,
        .id = {{0x01, 0xAB}},
        .rule = BL_RULE_NAVIGATION_LOOP,
        .variant = "revisit",
        .user_id = BL_STR("u \"1\""),
        .page = BL_STR("/products"),
        .detected_ms = 3000,
        .severity = BL_MEDIUM,
        .session_id = BL_STR("s"),
        .explanation = BL_STR("User navigated to /products 3 times."),
        .updated_ms = 3000,
        .n_facts = 4,
        .n_events = 2,
    };
    p.facts[0] = (struct bl_fact){.name = "count", .kind = BL_FACT_INT, .i = 3};
    p.facts[1] = (struct bl_fact){.name = "visits", .kind = BL_FACT_TIMES, .times_ms = times, .n_times = 3};
    p.facts[2] = (struct bl_fact){.name = "other", .kind = BL_FACT_STR, .s = BL_STR("/\n")};
    p.facts[3] = (struct bl_fact){.name = "x", .kind = BL_FACT_NUMBER, .number = 12.50};
    p.events[0] = (struct bl_evidence_event){BL_ACTION_PAGE_VIEW, BL_STR("/products"), 3000};
    p.events[1] = (struct bl_evidence_event){BL_ACTION_SESSION_START, BL_STR(""), 900};
    return p;
}

#define EVIDENCE                                                                                             \
    "{\"count\":3,\"visits\":[1000,2000,3000],\"other\":\"/"                                                 \
    "\\n\",\"x\":12.5,\"events\":[{\"action\":\"page_view\","                                                \
    "\"page\":\"/products\",\"t\":3000},{\"action\":\"session_start\",\"page\":null,\"t\":900}]}"
#define ID "01ab0000000000000000000000000000"

static void assert_json(const struct bl_row *row, const char *want)
{
    struct bl_buf b = {0};
    bl_row_json(row, &b);
    bl_buf_char(&b, '\0');
    assert_string_equal(b.p, want);
    bl_buf_release(&b);
}

static void a_new_pattern_sets_all_but_the_resolution(void **state)
{
    struct bl_buf text = {0};
    struct bl_row row;
    struct bl_pattern p = loop();
    (void)state;
    assert_int_equal(bl_row_of(&p, &text, &row), BL_OK);
    for (unsigned i = 0; i < BL_COLUMN_COUNT; i++)
        assert_int_equal(row.v[i].n == 0, i == BL_COLUMN_RESOLVED || i == BL_COLUMN_RESOLVED_AT ||
                                              i == BL_COLUMN_RESOLUTION || i == BL_COLUMN_AI_EXPLANATION);
    assert_json(&row, "{\"pattern_id\":\"" ID "\",\"type\":\"navigation-loop\",\"variant\":\"revisit\","
                      "\"user_id\":\"u \\\"1\\\"\",\"session_id\":\"s\",\"page\":\"/products\","
                      "\"severity\":\"medium\",\"explanation\":\"User navigated to /products 3 times.\","
                      "\"detected_at\":3000,\"updated_at\":3000,\"resolved\":false,\"resolved_at\":null,"
                      "\"resolution\":null,\"evidence\":" EVIDENCE "}");
    bl_buf_release(&text);
}

static void a_pattern_without_variant_has_null(void **state)
{
    struct bl_buf text = {0};
    struct bl_row row;
    struct bl_pattern p = loop();
    (void)state;
    p.rule = BL_RULE_HESITATION;
    p.variant = NULL;
    assert_int_equal(bl_row_of(&p, &text, &row), BL_OK);
    assert_int_equal(row.v[BL_COLUMN_VARIANT].n, 0);
    assert_true(bl_str_eqz(row.v[BL_COLUMN_TYPE], "hesitation"));
    bl_buf_release(&text);
}

static void a_raise_sets_what_a_raise_changes(void **state)
{
    struct bl_buf text = {0}, more = {0};
    struct bl_row row, change;
    struct bl_pattern p = loop();
    (void)state;
    assert_int_equal(bl_row_of(&p, &text, &row), BL_OK);
    p.change = BL_PATTERN_RAISED;
    p.severity = BL_HIGH;
    p.updated_ms = 4000;
    p.explanation = BL_STR("4 times");
    p.n_facts = p.n_events = 0;
    assert_int_equal(bl_row_of(&p, &more, &change), BL_OK);
    static const enum bl_column set[] = {BL_COLUMN_PATTERN_ID, BL_COLUMN_SEVERITY, BL_COLUMN_EXPLANATION,
                                         BL_COLUMN_UPDATED_AT, BL_COLUMN_EVIDENCE};
    size_t n = 0;
    for (unsigned i = 0; i < BL_COLUMN_COUNT; i++)
        n += change.v[i].n > 0;
    assert_int_equal(n, sizeof set / sizeof *set);
    for (size_t i = 0; i < n; i++)
        assert_true(change.v[set[i]].n > 0);
    bl_row_merge(&row, &change);
    assert_json(&row, "{\"pattern_id\":\"" ID "\",\"type\":\"navigation-loop\",\"variant\":\"revisit\","
                      "\"user_id\":\"u \\\"1\\\"\",\"session_id\":\"s\",\"page\":\"/products\","
                      "\"severity\":\"high\",\"explanation\":\"4 times\","
                      "\"detected_at\":3000,\"updated_at\":4000,\"resolved\":false,\"resolved_at\":null,"
                      "\"resolution\":null,\"evidence\":{\"events\":[]}}");
    bl_buf_release(&text);
    bl_buf_release(&more);
}

static void a_resolution_sets_three_columns_and_the_id(void **state)
{
    struct bl_buf text = {0};
    struct bl_row row;
    struct bl_pattern p = loop();
    (void)state;
    p.change = BL_PATTERN_RESOLVED;
    p.resolution = BL_RESOLVED_SESSION_END;
    p.resolved_ms = 9000;
    assert_int_equal(bl_row_of(&p, &text, &row), BL_OK);
    assert_json(&row, "{\"pattern_id\":\"" ID "\",\"type\":null,\"variant\":null,\"user_id\":null,"
                      "\"session_id\":null,\"page\":null,\"severity\":null,\"explanation\":null,"
                      "\"detected_at\":null,\"updated_at\":null,\"resolved\":true,\"resolved_at\":9000,"
                      "\"resolution\":\"session-end\",\"evidence\":{}}");
    bl_buf_release(&text);
}

static void the_slices_of_a_row_do_not_move(void **state)
{
    struct bl_buf text = {0};
    struct bl_row row;
    struct bl_pattern p = loop();
    static char page[BL_PAGE_MAX_BYTES];
    (void)state;
    memset(page, 1, sizeof page); /* six bytes each in JSON */
    p.page = p.events[0].page = p.facts[2].s = (struct bl_str){page, sizeof page};
    assert_int_equal(bl_row_of(&p, &text, &row), BL_OK);
    for (unsigned i = 0; i < BL_COLUMN_COUNT; i++)
        if (row.v[i].n && i != BL_COLUMN_TYPE && i != BL_COLUMN_VARIANT && i != BL_COLUMN_SEVERITY)
            assert_true(row.v[i].p >= text.p && row.v[i].p + row.v[i].n <= text.p + text.n);
    bl_buf_release(&text);
}

static void columns_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BL_COLUMN_COUNT; i++)
        assert_int_equal(bl_column_of(bl_str_of(bl_column_name((enum bl_column)i))), i);
    assert_int_equal(bl_column_of(BL_STR("no_such")), BL_COLUMN_COUNT);
}

static void an_ai_explanation_is_printed_when_there_is_one(void **state)
{
    struct bl_row row = {0};
    (void)state;
    row.v[BL_COLUMN_EVIDENCE] = BL_STR("{}");
    row.v[BL_COLUMN_AI_EXPLANATION] = BL_STR("Lost, \"somehow\".");
    assert_json(&row, "{\"pattern_id\":null,\"type\":null,\"variant\":null,\"user_id\":null,"
                      "\"session_id\":null,\"page\":null,\"severity\":null,\"explanation\":null,"
                      "\"detected_at\":null,\"updated_at\":null,\"resolved\":false,\"resolved_at\":null,"
                      "\"resolution\":null,\"evidence\":{},\"ai_explanation\":\"Lost, \\\"somehow\\\".\"}");
}

static void a_stored_row_that_was_spoilt_is_still_json(void **state)
{
    struct bl_row row = {0};
    (void)state;
    row.v[BL_COLUMN_DETECTED_AT] = BL_STR("12x");
    row.v[BL_COLUMN_RESOLVED] = BL_STR("false");
    assert_json(&row, "{\"pattern_id\":null,\"type\":null,\"variant\":null,\"user_id\":null,"
                      "\"session_id\":null,\"page\":null,\"severity\":null,\"explanation\":null,"
                      "\"detected_at\":null,\"updated_at\":null,\"resolved\":false,\"resolved_at\":null,"
                      "\"resolution\":null,\"evidence\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_pattern_sets_all_but_the_resolution),
        cmocka_unit_test(a_pattern_without_variant_has_null),
        cmocka_unit_test(a_raise_sets_what_a_raise_changes),
        cmocka_unit_test(a_resolution_sets_three_columns_and_the_id),
        cmocka_unit_test(the_slices_of_a_row_do_not_move),
        cmocka_unit_test(columns_have_names),
        cmocka_unit_test(an_ai_explanation_is_printed_when_there_is_one),
        cmocka_unit_test(a_stored_row_that_was_spoilt_is_still_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
