/* The section `alerts`: what is read, what is refused and how that is said, and that what is printed reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/config/alerts.h"
#include "bl/config/config.h"
#include "bl/core/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MINIMAL "alerts:\n- name: a\n  webhook: https://h.example/x\n"

static struct bl_config *config;
static struct bl_buf problems;
static char path[64];

/* Reads `text` as a file into config and problems. */
static enum bl_err load(const char *text)
{
    strcpy(path, "/tmp/bl-alerts-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    bl_buf_init(&problems, 0);
    enum bl_err err = bl_config_load(path, &config, &problems);
    bl_buf_char(&problems, '\0');
    unlink(path);
    return err;
}

static void unload(void)
{
    bl_config_free(config);
    config = NULL;
    bl_buf_release(&problems);
}

static void without_the_section_there_are_none(void **state)
{
    size_t n = 9;
    (void)state;
    assert_int_equal(load("port: 1\n"), BL_OK);
    bl_config_alerts(config, &n);
    assert_int_equal(n, 0);
    unload();
}

static void all_fields_are_read(void **state)
{
    size_t n;
    (void)state;
    enum bl_err err = load("alerts:\n"
                           "- name: payments\n"
                           "  type: abandonment\n"
                           "  severity: high\n"
                           "  page: /payment/\n"
                           "  over: 5\n"
                           "  within: 1m\n"
                           "  cooldown: 10m\n"
                           "  webhook: http://127.0.0.1:9999/hook\n"
                           "  secret-env: HOOK_SECRET\n"
                           "  format: slack\n"
                           "  allow_http: yes\n"
                           "  allow-private: on\n"
                           "- webhook: https://h.example\n"
                           "  name: rest\n");
    if (err != BL_OK)
        fail_msg("%s", problems.p);
    const struct bl_alert_rule *r = bl_config_alerts(config, &n);
    assert_int_equal(n, 2);
    assert_string_equal(r[0].name, "payments");
    assert_int_equal(r[0].type, BL_RULE_ABANDONMENT);
    assert_int_equal(r[0].severity, BL_HIGH);
    assert_string_equal(r[0].page, "/payment");
    assert_int_equal(r[0].over, 5);
    assert_int_equal(r[0].within_ms, 60000);
    assert_int_equal(r[0].cooldown_ms, 600000);
    assert_string_equal(r[0].webhook, "http://127.0.0.1:9999/hook");
    assert_string_equal(r[0].secret_env, "HOOK_SECRET");
    assert_string_equal(r[0].secret_file, "");
    assert_int_equal(r[0].format, BL_ALERT_SLACK);
    assert_true(r[0].allow_http && r[0].allow_private);
    assert_string_equal(r[1].name, "rest");
    assert_int_equal(r[1].type, BL_RULE_COUNT);
    assert_int_equal(r[1].severity, BL_LOW);
    assert_string_equal(r[1].page, "");
    assert_int_equal(r[1].over + r[1].within_ms + r[1].cooldown_ms, 0);
    assert_int_equal(r[1].format, BL_ALERT_JSON);
    assert_false(r[1].allow_http || r[1].allow_private);
    unload();
}

/* Each wrong file, and what must be in the report; `%` at its beginning stands for the file's path. */
static const struct {
    const char *file, *says;
} wrongs[] = {
    {"alerts: yes\n", "%:1: alerts: must be a list of 0 to 32 rules"},
    {"alerts:\n- x\n", "%:2: alerts[0]: must be a list of `name: value` lines"},
    {"alerts:\n- webhook: https://h.example\n", "%:2: alerts[0].name: is missing"},
    {"alerts:\n- name: a\n", "%:2: alerts[0].webhook: is missing"},
    {"alerts:\n- name: A b\n", "%:2: alerts[0].name: may have small letters a-z, digits and - only"},
    {"alerts:\n- name: a\n  sevrity: high\n", "%:3: alerts[0].sevrity: unknown name; did you mean severity?"},
    {"alerts:\n- name: a\n  type: abandon\n",
     "%:3: alerts[0].type: must be one of any, hesitation, navigation-loop, abandonment"},
    {"alerts:\n- name: a\n  severity: highest\n",
     "%:3: alerts[0].severity: must be one of low, medium, high; it is \"highest\""},
    {"alerts:\n- name: a\n  page: checkout\n", "%:3: alerts[0].page: must be a page that begins with /"},
    {MINIMAL "  over: -1\n", "%:4: alerts[0].over: must be a whole number from 0 to 1000"},
    {MINIMAL "  over: 5\n", "%:4: alerts[0].over: needs within"},
    {MINIMAL "  over: 0\n  within: 1m\n", "%:4: alerts[0].over: must be from 1 to 1000 beside within"},
    {MINIMAL "  within: 0\n  over: 5\n", "%:4: alerts[0].within: must be more than 0 beside over"},
    {MINIMAL "  within: 5m\n", "%:4: alerts[0].within: needs over"},
    {MINIMAL "  over: 1\n  within: 2d\n", "%:5: alerts[0].within: must be a time from 0 to 1d"},
    {MINIMAL "  cooldown: soon\n", "%:4: alerts[0].cooldown: must be a time from 0 to 7d"},
    {MINIMAL "  format: xml\n", "%:4: alerts[0].format: must be one of slack, json"},
    {MINIMAL "  allow-http: maybe\n", "%:4: alerts[0].allow-http: must be yes or no"},
    {MINIMAL "  secret-env: 1X\n", "%:4: alerts[0].secret-env: must be the name of an environment variable"},
    {MINIMAL "  secret-env: BL_X\n", "does not begin with BL_"},
    {MINIMAL "  secret-env: X\n  secret-file: /x\n", "%:5: alerts[0].secret-file: stands beside secret-env"},
    {MINIMAL "- name: a\n  webhook: https://i.example\n",
     "%:4: alerts[1].name: is the name of alerts[0] too: names are unique"},
    {"alerts:\n- name: a\n  webhook: http://h.example\n", "%:3: alerts[0].webhook: is plain http"},
    {"alerts:\n- name: a\n  webhook: ftp://h.example\n", "%:3: alerts[0].webhook: must be https://host/path"},
    {"alerts:\n- name: a\n  webhook: https://\n", "must be https://host/path"},
    {"alerts:\n- name: a\n  webhook: https:/\n", "must be https://host/path"},
    {"alerts:\n- name: a\n  webhook: https://u:p@h.example/x\n", "without user, password"},
    {"alerts:\n- name: a\n  webhook: https://h.example/a b\n", "without user, password, space"},
    /* a mistake elsewhere hides nothing */
    {"prot: 1\nalerts:\n- name: a\n", "%:3: alerts[0].webhook: is missing"},
    {"alerts:\n- name: B b\n- name: a\n", "%:3: alerts[1].webhook: is missing"},
    {"public-url: shop.example\n", "%:1: public-url: must be http://host or https://host"},
};

static void every_problem_says_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        char says[512];
        enum bl_err err = load(wrongs[i].file);
        bool placed = wrongs[i].says[0] == '%';
        snprintf(says, sizeof says, "%s%s", placed ? path : "", wrongs[i].says + placed);
        if (err != BL_ERR_CONFIG || config || !strstr(problems.p, says))
            fail_msg("case %zu: wanted %s\ngot (%s): %s", i, says, bl_err_code(err), problems.p);
        unload();
    }
}

static void the_address_is_never_repeated(void **state)
{
    (void)state;
    assert_int_equal(load("alerts:\n- name: a\n  webhook: http://h.example/very-secret\n"), BL_ERR_CONFIG);
    assert_null(strstr(problems.p, "very-secret"));
    unload();
}

static void too_many_are_refused(void **state)
{
    struct bl_buf text;
    (void)state;
    bl_buf_init(&text, 0);
    bl_buf_z(&text, "alerts:\n");
    for (int i = 0; i <= BL_ALERT_RULES_MAX; i++)
        bl_buf_printf(&text, "- {name: a%d, webhook: 'https://h.example'}\n", i);
    bl_buf_char(&text, '\0');
    assert_int_equal(load(text.p), BL_ERR_CONFIG);
    assert_non_null(strstr(problems.p, "must be a list of 0 to 32 rules"));
    unload();
    bl_buf_release(&text);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    struct bl_buf first, second;
    (void)state;
    bl_buf_init(&first, 0);
    bl_buf_init(&second, 0);
    assert_int_equal(load(MINIMAL
                          "  type: abandonment\n  over: 3\n  within: 90s\n  page: \"/\\\"x\"\n"
                          "- {name: b, webhook: 'http://h.example', allow-http: yes, format: slack}\n"),
                     BL_OK);
    bl_config_print_yaml(config, true, &first);
    bl_buf_char(&first, '\0');
    assert_non_null(strstr(first.p, ":5\n")); /* over */
    assert_non_null(strstr(first.p, "    within: 90s"));
    bl_buf_clear(&first);
    bl_config_print_yaml(config, false, &first);
    bl_buf_char(&first, '\0');
    unload();
    assert_int_equal(load(first.p), BL_OK);
    bl_config_print_yaml(config, false, &second);
    bl_buf_char(&second, '\0');
    assert_string_equal(first.p, second.p);
    bl_buf_clear(&first);
    bl_config_print_json(config, &first);
    bl_buf_char(&first, '\0');
    assert_non_null(strstr(first.p, "\"alerts\":[{\"name\":{\"value\":\"a\",\"source\":\""));
    assert_non_null(strstr(first.p, "\"over\":{\"value\":3,"));
    assert_non_null(strstr(first.p, "\"allow-http\":{\"value\":true,"));
    unload();
    bl_buf_release(&first);
    bl_buf_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_section_there_are_none),
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(every_problem_says_where_and_what),
        cmocka_unit_test(the_address_is_never_repeated),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
