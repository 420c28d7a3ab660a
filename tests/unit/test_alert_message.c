/* What an alert says, in both formats, and that nothing a user could choose breaks out of where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/app/alert_message.h"

#include <jansson.h>
#include <stdlib.h>

static struct bl_row row;
static struct bl_alert_rule rule;
static struct bl_alert_message message;

static int begin(void **state)
{
    (void)state;
    row = (struct bl_row){0};
    row.v[BL_COLUMN_PATTERN_ID] = BL_STR("00112233445566778899aabbccddeeff");
    row.v[BL_COLUMN_TYPE] = BL_STR("abandonment");
    row.v[BL_COLUMN_USER_ID] = BL_STR("u<1>");
    row.v[BL_COLUMN_PAGE] = BL_STR("/a&b<!channel>");
    row.v[BL_COLUMN_SEVERITY] = BL_STR("high");
    row.v[BL_COLUMN_EXPLANATION] = BL_STR("User \"quit\" /a&b.\n");
    row.v[BL_COLUMN_DETECTED_AT] = BL_STR("1700000000000");
    row.v[BL_COLUMN_EVIDENCE] = BL_STR("{\"n\":1}");
    rule = (struct bl_alert_rule){.name = "pay", .format = BL_ALERT_JSON};
    message = (struct bl_alert_message){.rule = &rule,
                                        .pattern = &row,
                                        .at_ms = 1700000000000,
                                        .count = 1,
                                        .delivery = "d1",
                                        .public_url = ""};
    return 0;
}

static json_t *body(void)
{
    struct bl_buf out;
    json_error_t why;
    bl_buf_init(&out, 0);
    bl_alert_body(&message, &out);
    assert_int_equal(out.err, BL_OK);
    json_t *json = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        fail_msg("%s in %.*s", why.text, (int)out.n, out.p);
    bl_buf_release(&out);
    return json;
}

static const char *text(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));
    assert_non_null(s);
    return s;
}

#define NEWS "High abandonment on /a&b<!channel> at 2023-11-14 22:13:20 UTC. User \"quit\" /a&b.\n"

static void json_has_the_whole_pattern(void **state)
{
    (void)state;
    json_t *j = body(), *pattern = json_object_get(j, "pattern");
    assert_string_equal(text(j, "alert"), "pay");
    assert_string_equal(text(j, "delivery"), "d1");
    assert_string_equal(text(j, "text"), NEWS);
    assert_true(json_is_false(json_object_get(j, "test")));
    assert_true(json_is_null(json_object_get(j, "link")));
    assert_true(json_is_null(json_object_get(j, "threshold")));
    assert_int_equal(json_integer_value(json_object_get(j, "at")), 1700000000000);
    assert_string_equal(text(pattern, "user_id"), "u<1>");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(pattern, "evidence"), "n")), 1);
    json_decref(j);
}

static void a_threshold_is_told(void **state)
{
    (void)state;
    rule.over = 5;
    rule.within_ms = 90000;
    message.count = 6;
    message.public_url = "https://lens.example//";
    json_t *j = body(), *t = json_object_get(j, "threshold");
    assert_string_equal(text(j, "text"), "6 patterns within 90 seconds (more than 5); the latest: " NEWS);
    assert_string_equal(text(j, "link"), "https://lens.example/?pattern=00112233445566778899aabbccddeeff");
    assert_int_equal(json_integer_value(json_object_get(t, "count")), 6);
    json_decref(j);
}

static void slack_is_escaped(void **state)
{
    (void)state;
    rule.format = BL_ALERT_SLACK;
    message.public_url = "https://lens.example";
    json_t *j = body(), *blocks = json_object_get(j, "blocks");
    assert_string_equal(text(j, "text"),
                        "High abandonment on /a&amp;b&lt;!channel&gt; at 2023-11-14 22:13:20 UTC. "
                        "User \"quit\" /a&amp;b.\n");
    const json_t *section = json_object_get(json_array_get(blocks, 0), "text");
    assert_string_equal(text(section, "type"), "mrkdwn");
    assert_string_equal(text(section, "text"), text(j, "text"));
    const json_t *context = json_array_get(json_object_get(json_array_get(blocks, 1), "elements"), 0);
    assert_string_equal(text(context, "text"),
                        "Alert pay, user u&lt;1&gt;, <https://lens.example/"
                        "?pattern=00112233445566778899aabbccddeeff|open in BehaviorLens>");
    json_decref(j);
}

static void long_texts_are_cut_between_characters(void **state)
{
    static char page[2048], sentence[6144];
    (void)state;
    for (size_t i = 0; i < sizeof page; i += 2)
        memcpy(page + i, i ? "\xc3\xa4" : "//", 2);
    for (size_t i = 0; i < sizeof sentence; i++)
        sentence[i] = '<';
    rule.format = BL_ALERT_SLACK;
    row.v[BL_COLUMN_PAGE] = (struct bl_str){page, sizeof page};
    row.v[BL_COLUMN_EXPLANATION] = (struct bl_str){sentence, sizeof sentence};
    json_t *j = body(); /* valid UTF-8, or jansson refuses it */
    assert_true(strlen(text(j, "text")) < 300 + 4 * 1000 + 200);
    assert_non_null(strstr(text(j, "text"), "&lt;\xe2\x80\xa6"));
    json_decref(j);
}

static void a_body_too_large_loses_its_evidence(void **state)
{
    size_t n = BL_ALERT_BODY_MAX_BYTES;
    char *large = malloc(n);
    (void)state;
    assert_non_null(large);
    memset(large, ' ', n);
    large[0] = '[';
    large[n - 1] = ']';
    row.v[BL_COLUMN_EVIDENCE] = (struct bl_str){large, n};
    json_t *j = body();
    assert_int_equal(json_object_size(json_object_get(json_object_get(j, "pattern"), "evidence")), 0);
    json_decref(j);
    free(large);
}

static void a_sample_fits_its_rule(void **state)
{
    struct bl_row sample;
    (void)state;
    rule = (struct bl_alert_rule){.name = "x",
                                  .type = BL_RULE_ABANDONMENT,
                                  .severity = BL_HIGH,
                                  .page = "/payment",
                                  .format = BL_ALERT_JSON};
    bl_alert_sample(&rule, BL_STR("1700000000123"), &sample);
    message.pattern = &sample;
    message.test = true;
    json_t *j = body(), *pattern = json_object_get(j, "pattern");
    assert_true(json_is_true(json_object_get(j, "test")));
    assert_string_equal(text(pattern, "type"), "abandonment");
    assert_string_equal(text(pattern, "page"), "/payment");
    assert_string_equal(text(pattern, "severity"), "high");
    assert_int_equal(json_integer_value(json_object_get(pattern, "detected_at")), 1700000000123);
    assert_int_equal(json_integer_value(json_object_get(pattern, "updated_at")), 1700000000123);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(json_has_the_whole_pattern, begin),
        cmocka_unit_test_setup(a_threshold_is_told, begin),
        cmocka_unit_test_setup(slack_is_escaped, begin),
        cmocka_unit_test_setup(long_texts_are_cut_between_characters, begin),
        cmocka_unit_test_setup(a_body_too_large_loses_its_evidence, begin),
        cmocka_unit_test_setup(a_sample_fits_its_rule, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
