/* Which changes alert, told as stories: a rule, the patterns in the order in which the news arrives, and what the rule
 * says to each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/app/alerting.h"
#include "bl/core/rule.h"

#include <stdio.h>
#include <stdlib.h>

#define DELIVERY_ID "e78d5c1428fe90b4f24d24341dbed87f"

/* A story's script: `ID@SECONDS` words; `?` instead of `@` says that it is known already. The answers, a letter each:
 * c counted, s suppressed, F fired, - known before. */
static const struct story {
    const char *name;
    int64_t over, within_s, cooldown_s;
    const char *script, *answers;
} stories[] = {
    {"without a threshold each pattern alerts", 0, 0, 0, "a@1 b@1 c@2", "FFF"},
    {"each pattern once", 0, 0, 0, "a@1 a@5 b@7 a@9", "F-F-"},
    {"known patterns change nothing", 0, 0, 10, "a?1 b@2 c?3 d@12", "-F-F"},
    {"a cooldown suppresses, and is over when its time has passed", 0, 0, 60, "a@0 b@59 c@60 d@61 e@120",
     "FsFsF"},
    {"what was suppressed was decided", 0, 0, 60, "a@0 b@1 b@100", "Fs-"},
    {"what comes late lies within the cooldown", 0, 0, 60, "a@100 b@30 c@99", "Fss"},
    {"without a cooldown what comes late alerts", 0, 0, 0, "a@100 b@30", "FF"},
    {"more than over, not as many", 2, 60, 0, "a@0 b@1 c@2 d@3", "ccFc"},
    {"a window ends behind its length", 2, 60, 0, "a@0 b@1 c@60 d@61 e@62", "ccccF"},
    {"the same pattern counts once", 2, 60, 0, "a@0 b@1 b@2 a@3 c@4", "cc--F"},
    {"after an alert the window is empty", 1, 60, 0, "a@0 b@1 c@2 d@3 e@4", "cFcFc"},
    {"what comes late counts in every window it lies in", 2, 60, 0, "a@0 c@61 b@30", "ccc"},
    {"what comes late closes a window", 2, 60, 0, "a@10 c@61 b@30", "ccF"},
    {"order does not matter", 2, 60, 0, "c@61 b@30 a@10", "ccF"},
    {"what is far too late counts for nothing", 1, 60, 0, "a@1000 b@1 c@2 d@1001", "cccF"},
    {"equal times count together", 2, 1, 0, "a@5 b@5 c@5", "ccF"},
    {"a crossing within the cooldown is suppressed, and told when it is over", 1, 60, 100,
     "a@0 b@1 c@50 d@60 e@90 f@101", "cFcssF"},
    {"after the cooldown the window must still be full", 1, 10, 100, "a@0 b@1 c@50 d@51 e@150 f@151",
     "cFcscF"},
};

static struct bl_alert_state state;

static void tell(const struct story *t)
{
    const struct bl_alert_rule rule = {
        .over = t->over, .within_ms = t->within_s * 1000, .cooldown_ms = t->cooldown_s * 1000};
    char got[64] = "", *at = got;
    bl_alert_state_init(&state);
    for (const char *p = t->script; *p; p += strcspn(p, " "), p += *p == ' ') {
        struct bl_alert_change c = {.at_ms = strtoll(p + 2, NULL, 10) * 1000};
        c.id.b[0] = (unsigned char)p[0];
        struct bl_alert_match m = {.change = &c, .known = p[1] == '?'};
        /* Once per pattern across steps is the caller's memory: here, what stands earlier in the script. */
        for (const char *q = t->script; q < p; q += strcspn(q, " ") + 1)
            m.known |= q[0] == p[0];
        bl_alert_decide(&rule, &state, &m, 1);
        *at++ = "-csF"[m.verdict];
    }
    if (strcmp(got, t->answers) != 0)
        fail_msg("%s: wanted %s, got %s", t->name, t->answers, got);
}

static void rules_decide(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
        tell(&stories[i]);
}

static void one_step_decides_each_pattern_once(void **unused)
{
    const struct bl_alert_rule rules[2] = {{.over = 0}, {.over = 0}};
    static struct bl_alert_state states[2];
    struct bl_alert_change a = {.at_ms = 1}, b = {.at_ms = 2};
    struct bl_alert_match m[] = {{.rule = 0, .change = &a},
                                 {.rule = 1, .change = &a},
                                 {.rule = 0, .change = &a},
                                 {.rule = 1, .change = &b}};
    (void)unused;
    b.id.b[0] = 1;
    bl_alert_state_init(&states[0]);
    bl_alert_state_init(&states[1]);
    bl_alert_decide(rules, states, m, 4);
    assert_int_equal(m[0].verdict, BL_ALERT_FIRED);
    assert_int_equal(m[1].verdict, BL_ALERT_FIRED);
    assert_int_equal(m[2].verdict, BL_ALERT_KNOWN);
    assert_int_equal(m[3].verdict, BL_ALERT_FIRED);
}

/* A window put back as it was stored goes on as if nothing had been. */
static void a_window_survives(void **unused)
{
    const struct bl_alert_rule rule = {.over = 2, .within_ms = 60000};
    struct bl_pattern_id id = {{0}};
    struct bl_alert_change c = {.at_ms = 30000};
    struct bl_alert_match m = {.change = &c};
    (void)unused;
    bl_alert_state_init(&state);
    id.b[0] = 1;
    bl_alert_state_add(&rule, &state, id, 20000);
    id.b[0] = 2;
    bl_alert_state_add(&rule, &state, id, 10000);
    bl_alert_decide(&rule, &state, &m, 1);
    assert_int_equal(m.verdict, BL_ALERT_FIRED);
    assert_int_equal(m.count, 3);
    assert_int_equal(state.fired_ms, 30000);
    assert_int_equal(state.n, 0);
}

static void a_window_is_bounded(void **unused)
{
    const struct bl_alert_rule rule = {.over = BL_ALERT_OVER_MAX, .within_ms = 10, .cooldown_ms = 1};
    struct bl_pattern_id id = {{0}};
    (void)unused;
    bl_alert_state_init(&state);
    assert_true(bl_alert_horizon(&rule, &state) == INT64_MIN);
    for (int64_t i = 0; i < 3 * BL_ALERT_WINDOW_MAX; i++)
        bl_alert_state_add(&rule, &state, id, i / 1000);
    assert_int_equal(state.n, BL_ALERT_WINDOW_MAX);
    assert_int_equal(state.v[state.n - 1].at_ms, (3 * BL_ALERT_WINDOW_MAX - 1) / 1000);
    for (int64_t i = 0; i < 100; i++)
        bl_alert_state_add(&rule, &state, id, 1000 + i);
    assert_int_equal(state.n, 20); /* twice the window */
    assert_int_equal(bl_alert_horizon(&rule, &state), 1079);
}

static const struct {
    const char *change, *type, *severity, *page;
    struct bl_alert_rule rule;
    bool matches;
} filters[] = {
    {"new", "abandonment", "high", "/payment", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, true},
    {"new",
     "abandonment",
     "high",
     "/x",
     {.type = BL_RULE_ABANDONMENT, .severity = BL_HIGH, .page = ""},
     true},
    {"new", "hesitation", "high", "/x", {.type = BL_RULE_ABANDONMENT, .severity = BL_LOW, .page = ""}, false},
    {"new", "hesitation", "medium", "/x", {.type = BL_RULE_COUNT, .severity = BL_HIGH, .page = ""}, false},
    {"raised", "hesitation", "high", "/x", {.type = BL_RULE_COUNT, .severity = BL_HIGH, .page = ""}, true},
    {"raised", "hesitation", "high", "/x", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, false},
    {"resolved", "hesitation", "high", "/x", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, false},
    {"explained", "hesitation", "high", "/x", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, false},
    {"new", "unheard-of", "high", "/x", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, false},
    {"new", "hesitation", "", "/x", {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = ""}, false},
    {"new",
     "hesitation",
     "low",
     "/checkout",
     {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = "/checkout"},
     true},
    {"new",
     "hesitation",
     "low",
     "/Checkout/a",
     {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = "/checkout"},
     true},
    {"new",
     "hesitation",
     "low",
     "/checkouts",
     {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = "/checkout"},
     false},
    {"new",
     "hesitation",
     "low",
     "/",
     {.type = BL_RULE_COUNT, .severity = BL_LOW, .page = "/checkout"},
     false},
};

static void filters_are_met(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct bl_alert_change c = {0};
        bool matches =
            bl_alert_change_of(bl_str_of(filters[i].change), BL_STR("00112233445566778899aabbccddeeff"),
                               bl_str_of(filters[i].type), bl_str_of(filters[i].severity), &c);
        c.page = bl_str_of(filters[i].page);
        matches = matches && bl_alert_matches(&filters[i].rule, &c);
        if (matches != filters[i].matches)
            fail_msg("case %zu", i);
    }
    struct bl_alert_change c;
    assert_false(bl_alert_change_of(BL_STR("new"), BL_STR("12"), BL_STR("hesitation"), BL_STR("low"), &c));
}

static void a_delivery_has_its_own_lasting_id(void **unused)
{
    struct bl_pattern_id id = {{1, 2, 3}};
    char a[BL_ALERT_ID_BYTES], b[BL_ALERT_ID_BYTES];
    (void)unused;
    bl_alert_delivery_id(BL_STR("dev"), "rule", &id, a);
    assert_string_equal(a, DELIVERY_ID); /* receivers remember it: never to change */
    bl_alert_delivery_id(BL_STR("prod"), "rule", &id, b);
    assert_string_not_equal(a, b);
    bl_alert_delivery_id(BL_STR("dev"), "rules", &id, b);
    assert_string_not_equal(a, b);
    id.b[15] = 1;
    bl_alert_delivery_id(BL_STR("dev"), "rule", &id, b);
    assert_string_not_equal(a, b);
}

static void attempts_have_a_fate(void **unused)
{
    static const struct {
        struct bl_alert_attempt a;
        enum bl_alert_fate fate;
    } cases[] = {
        {{.status = 200, .attempts = 1}, BL_ALERT_DELIVERED},
        {{.status = 204, .attempts = 99, .age_ms = INT64_MAX}, BL_ALERT_DELIVERED},
        {{.status = 0, .attempts = 1}, BL_ALERT_RETRY},
        {{.status = 0, .hopeless = true, .attempts = 1}, BL_ALERT_GIVEN_UP},
        {{.status = 500, .attempts = 1}, BL_ALERT_RETRY},
        {{.status = 503, .attempts = BL_ALERT_ATTEMPTS_MAX - 1}, BL_ALERT_RETRY},
        {{.status = 503, .attempts = BL_ALERT_ATTEMPTS_MAX}, BL_ALERT_GIVEN_UP},
        {{.status = 503, .attempts = 1, .age_ms = BL_ALERT_AGE_MAX_MS}, BL_ALERT_GIVEN_UP},
        {{.status = 408, .attempts = 1}, BL_ALERT_RETRY},
        {{.status = 429, .attempts = 1}, BL_ALERT_RETRY},
        {{.status = 400, .attempts = 1}, BL_ALERT_GIVEN_UP},
        {{.status = 404, .attempts = 1}, BL_ALERT_GIVEN_UP},
        {{.status = 410, .attempts = 1}, BL_ALERT_GIVEN_UP},
        {{.status = 302, .attempts = 1}, BL_ALERT_GIVEN_UP},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (bl_alert_fate(&cases[i].a) != cases[i].fate)
            fail_msg("case %zu", i);
}

static void waits_grow_and_are_bounded(void **unused)
{
    static const struct {
        int failures;
        int64_t retry_after_ms;
        uint32_t random;
        int64_t delay_ms;
    } cases[] = {
        {1, -1, 0, 1000},
        {1, -1, UINT32_MAX, 500},
        {2, -1, 0, 2000},
        {5, -1, 0, 16000},
        {5, -1, UINT32_MAX, 8000},
        {11, -1, 0, BL_ALERT_DELAY_MAX_MS},
        {INT32_MAX, -1, 0, BL_ALERT_DELAY_MAX_MS},
        {1, 30000, 0, 30000},
        {6, 5000, 0, 32000},
        {1, 0, 0, 1000},
        {1, INT64_MAX, 0, BL_ALERT_DELAY_MAX_MS},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(bl_alert_delay_ms(cases[i].failures, cases[i].retry_after_ms, cases[i].random),
                         cases[i].delay_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_decide),         cmocka_unit_test(one_step_decides_each_pattern_once),
        cmocka_unit_test(a_window_survives),    cmocka_unit_test(a_window_is_bounded),
        cmocka_unit_test(filters_are_met),      cmocka_unit_test(a_delivery_has_its_own_lasting_id),
        cmocka_unit_test(attempts_have_a_fate), cmocka_unit_test(waits_grow_and_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
