/* The fields of an event, by SPEC 2.1 and 4.1: bounds, metadata, durations, pages, times. */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

/* `n` times a letter in the place of %s. */
static struct bl_str filled(struct bl_buf *b, const char *format, size_t n)
{
    const char *at = strstr(format, "%s");
    bl_buf_clear(b);
    bl_buf_add(b, format, (size_t)(at - format));
    for (size_t i = 0; i < n; i++)
        bl_buf_char(b, 'x');
    bl_buf_z(b, at + 2);
    return bl_buf_view(b);
}

struct bound {
    const char *format;
    size_t max;
    enum bl_err err;
};

static void both_sides_of_each_bound(void **state)
{
    static const struct bound bounds[] = {
        {"{\"user_id\":\"%s\",\"action\":\"click\",\"page\":\"/\"}", 128, BL_ERR_INVALID_FIELD},
        {"{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\",\"event_id\":\"%s\"}", 64,
         BL_ERR_INVALID_FIELD},
        {"{" U ",\"session_id\":\"%s\"}", 128, BL_ERR_INVALID_FIELD},
        {"{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/%s\"}", 2047, BL_ERR_INVALID_FIELD},
        {"{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"%s\"}", 2048, BL_ERR_INVALID_FIELD},
        {"{" U ",\"country\":\"%s\"}", 512, BL_ERR_INVALID_FIELD},
        {"{" U ",\"device\":\"%s\"}", 512, BL_ERR_INVALID_FIELD},
        {"{" U ",\"user_agent\":\"%s\"}", 512, BL_ERR_INVALID_FIELD},
        {"{" U ",\"referrer\":\"%s\"}", 512, BL_ERR_INVALID_FIELD},
        {"{" U ",\"title\":\"%s\"}", 512, BL_ERR_INVALID_FIELD},
        {"{" U ",\"metadata\":{\"a\":\"%s\"}}", 8192 - 8, BL_ERR_METADATA_TOO_LARGE},
    };
    struct bl_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        enum bl_err below = one(filled(&b, bounds[i].format, bounds[i].max));
        enum bl_err above = one(filled(&b, bounds[i].format, bounds[i].max + 1));
        if (below != BL_OK || above != bounds[i].err)
            fail_msg("%s: %s and %s", bounds[i].format, bl_err_code(below), bl_err_code(above));
    }
    bl_buf_release(&b);
}

static void metadata_is_measured_as_sent(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    for (int more = 0; more < 2; more++) {
        bl_buf_clear(&b);
        bl_buf_z(&b, "{" U ",\"metadata\":{");
        for (int i = 0; i < 8190 + more; i++)
            bl_buf_char(&b, ' ');
        bl_buf_z(&b, "}}");
        assert_int_equal(one(bl_buf_view(&b)), more ? BL_ERR_METADATA_TOO_LARGE : BL_OK);
    }
    bl_buf_release(&b);
}

static void unknown_fields_are_kept_while_they_fit(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    for (int more = 0; more < 2; more++) {
        bl_buf_clear(&b);
        bl_buf_z(&b, "{" U ",\"big\":\"");
        for (int i = 0; i < 8192 - 10 + more; i++)
            bl_buf_char(&b, 'x');
        bl_buf_z(&b, "\",\"s\":1}");
        assert_int_equal(one(bl_buf_view(&b)), BL_OK);
        assert_int_equal(strstr(got.line[0], "\"big\"") == NULL, more);
        assert_int_equal(strstr(got.line[0], "\"s\":1") != NULL, more);
    }
    bl_buf_release(&b);
}

static void event_mode_needs_a_timestamp(void **state)
{
    (void)state;
    options.timestamp_needed = true;
    assert_int_equal(one(BL_STR("{" U "}")), BL_ERR_MISSING_FIELD);
    assert_string_equal(got.field[0], "timestamp");
    assert_int_equal(one(BL_STR("{" U ",\"timestamp\":5}")), BL_OK);
    options.timestamp_needed = false;
}

struct idle_case {
    const char *fields;
    int64_t idle_ms;
};

static void the_duration_of_an_idle(void **state)
{
    static const struct idle_case cases[] = {
        {"\"duration\":7", 7},
        {"\"duration\":7.9", 7},
        {"\"duration\":0", 0},
        {"\"duration\":-0.0", 0},
        {"\"duration\":-0.5", -1},
        {"\"duration\":-1", -1},
        {"\"duration\":1e300", INT64_MAX / 4},
        {"\"duration\":18446744073709551615", INT64_MAX / 4},
        {"\"metadata\":{\"duration_ms\":12000.99}", 12000},
        {"\"metadata\":{\"duration_ms\":\"12000.99\"}", 12000},
        {"\"metadata\":{\"duration_ms\":\"1.2e4\"}", 12000},
        {"\"metadata\":{\"duration_ms\":\"-0\"}", 0},
        {"\"metadata\":{\"duration_ms\":\"1e999\"}", INT64_MAX / 4},
        {"\"metadata\":{\"duration_ms\":\" 5\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"5 \"}", -1},
        {"\"metadata\":{\"duration_ms\":\"+5\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"05\"}", -1},
        {"\"metadata\":{\"duration_ms\":\".5\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"5.\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"0x5\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"inf\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"5\\u0000\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"\"}", -1},
        {"\"metadata\":{\"duration_ms\":\"\"},\"duration\":3", 3},
        {"\"metadata\":{\"duration_ms\":-1},\"duration\":3", 3},
        {"\"metadata\":{\"duration_ms\":[]},\"duration\":3", 3},
        {"\"metadata\":{\"duration_ms\":2},\"duration\":3", 2},
        {"\"metadata\":{\"duration_ms\":2},\"duration\":-3", 2},
        {"\"duration_ms\":4", 4},
    };
    char body[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(body, sizeof body, "{" U ",%s}", cases[i].fields);
        assert_int_equal(one(bl_str_of(body)), BL_OK);
        if (got.record.event.idle_ms != cases[i].idle_ms)
            fail_msg("%s: %lld", cases[i].fields, (long long)got.record.event.idle_ms);
    }
}

static void target_form_and_place(void **state)
{
    (void)state;
    assert_int_equal(
        one(BL_STR("{" U ",\"metadata\":{\"target\":\"#b\",\"form\":\"f\",\"x\":1.5,\"y\":-2}}")), BL_OK);
    assert_string_equal(got.target, "#b");
    assert_string_equal(got.form, "f");
    assert_true(got.record.event.has_xy && got.record.event.x == 1.5 && got.record.event.y == -2);
    assert_int_equal(one(BL_STR("{" U ",\"metadata\":{\"target\":5,\"form\":\"\",\"x\":1,\"y\":\"2\"}}")),
                     BL_OK);
    assert_string_equal(got.target, "");
    assert_string_equal(got.form, "");
    assert_false(got.record.event.has_xy);
    assert_int_equal(one(BL_STR("{" U ",\"target\":\"outer\",\"metadata\":{\"target\":null}}")), BL_OK);
    assert_string_equal(got.target, "");
    assert_int_equal(one(BL_STR("{" U ",\"target\":\"outer\"}")), BL_OK);
    assert_string_equal(got.target, "outer");
}

static void pages_are_kept_as_paths(void **state)
{
    static const char *const cases[][2] = {
        {"/", "/"},
        {"/a", "/a"},
        {"a", "/a"},
        {"/a/", "/a"},
        {"/a///", "/a"},
        {"///", "/"},
        {"//host/a", "/a"},
        {"//host", "/"},
        {"///a", "/a"},
        {"https://h.example", "/"},
        {"https://h.example/", "/"},
        {"https://h.example:8080/A/b%2Fc/?q=/x#/y", "/A/b%2Fc"},
        {"HTTP://h/a", "/a"},
        {"app+x://h/a", "/a"},
        {"file:///a/b", "/a/b"},
        {"https://h?q", "/"},
        {"?q", "/"},
        {"#f", "/"},
        {"/a#f?q", "/a"},
        {"/a?x=https://h/b", "/a"},
        {"/go/https://h/b", "/go/https://h/b"},
        {"mailto:a", "/mailto:a"},
        {"1://h/a", "/1://h/a"},
        {"://h/a", "/://h/a"},
        {"a//b", "/a//b"},
        {"/a//b//", "/a//b"},
        {"", "/"},
    };
    struct bl_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_buf_clear(&b);
        bl_page_normalise(bl_str_of(cases[i][0]), &b);
        if (!bl_str_eqz(bl_buf_view(&b), cases[i][1]))
            fail_msg("%s: %.*s", cases[i][0], BL_STR_ARG(bl_buf_view(&b)));
    }
    bl_buf_release(&b);
}

struct time_case {
    const char *text;
    int64_t ms; /* -1: not one */
};

static void times_in_rfc_3339(void **state)
{
    static const struct time_case cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"2023-11-14t22:13:20z", 1700000000000},
        {"2023-11-14T22:13:20.1Z", 1700000000100},
        {"2023-11-14T22:13:20.123999999Z", 1700000000123},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2016-12-31T23:59:59Z", 1483228799000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2023-02-29T00:00:00Z", -1},
        {"1900-02-29T00:00:00Z", -1},
        {"2023-00-01T00:00:00Z", -1},
        {"2023-13-01T00:00:00Z", -1},
        {"2023-04-31T00:00:00Z", -1},
        {"2023-01-00T00:00:00Z", -1},
        {"2023-01-01T24:00:00Z", -1},
        {"2023-01-01T00:60:00Z", -1},
        {"2023-01-01T00:00:61Z", -1},
        {"2023-01-01T00:00:00", -1},
        {"2023-01-01T00:00:00.Z", -1},
        {"2023-01-01T00:00:00+24:00", -1},
        {"2023-01-01T00:00:00+00:60", -1},
        {"2023-01-01T00:00:00+0000", -1},
        {"2023-01-01 00:00:00Z", -1},
        {"2023-01-01", -1},
        {"2023-1-01T00:00:00Z", -1},
        {"+2023-01-01T00:00:00Z", -1},
        {"2023-01-01T00:00:00Zx", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        if (!bl_time_parse(bl_str_of(cases[i].text), &ms))
            ms = -1;
        if (ms != cases[i].ms)
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_of_each_bound),
        cmocka_unit_test(metadata_is_measured_as_sent),
        cmocka_unit_test(unknown_fields_are_kept_while_they_fit),
        cmocka_unit_test(event_mode_needs_a_timestamp),
        cmocka_unit_test(the_duration_of_an_idle),
        cmocka_unit_test(target_form_and_place),
        cmocka_unit_test(pages_are_kept_as_paths),
        cmocka_unit_test(times_in_rfc_3339),
    };
    return cmocka_run_group_tests(tests, decoding_set_up, decoding_tear_down);
}
