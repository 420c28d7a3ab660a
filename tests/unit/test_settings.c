/* The settings of detection as a list (core/tunable.h) and as JSON (wire/rules.h): an exact round trip, and what is
 * read from another version's or a hostile text. */
#include "bl/core/rule.h"
#include "bl/core/tunable.h"
#include "bl/wire/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct bl_buf why;

static struct bl_rules *read_ok(struct bl_str text)
{
    struct bl_rules *r;
    enum bl_err err = bl_rules_read(text, &r, &why);
    if (err != BL_OK)
        fail_msg("refused: %.*s", BL_STR_ARG(bl_buf_view(&why)));
    return r;
}

static void assert_text(const struct bl_buf *b, const char *want)
{
    if (!bl_str_eqz(bl_buf_view(b), want))
        fail_msg("%.*s instead of %s", BL_STR_ARG(bl_buf_view(b)), want);
}

static struct bl_rules *written_and_read(const struct bl_settings *s, struct bl_buf *text)
{
    bl_buf_clear(text);
    bl_rules_write(s, text);
    return read_ok(bl_buf_view(text));
}

static void every_setting_has_its_number(void **state)
{
    struct bl_tunable t;
    size_t n = 0;
    (void)state;
    for (; bl_tunable_at(n, &t); n++)
        assert_int_equal(bl_tunable_of(bl_str_of(t.rule), bl_str_of(t.name)), n);
    assert_int_equal(n, bl_tunable_count());
    assert_int_equal(bl_tunable_of(BL_STR("hesitation"), BL_STR("twin")), n);
    assert_int_equal(bl_tunable_of(BL_STR(""), BL_STR("low")), n);
}

static void defaults_come_back_exactly(void **state)
{
    struct bl_settings s;
    struct bl_buf text = {0};
    (void)state;
    bl_settings_defaults(&s);
    struct bl_rules *r = written_and_read(&s, &text);
    assert_true(bl_settings_same(&s, bl_rules_settings(r)));
    assert_int_equal(why.n, 0);
    bl_rules_free(r);
    bl_buf_release(&text);
}

/* Each setting changed alone, to both ends of its range, comes back, and differs from the default. */
static void each_setting_comes_back_from_both_ends(void **state)
{
    struct bl_str texts[BL_LIST_MAX];
    struct bl_stage stages[BL_LIST_MAX];
    struct bl_settings defaults;
    struct bl_tunable t;
    struct bl_buf text = {0};
    (void)state;
    bl_settings_defaults(&defaults);
    for (size_t i = 0; i < BL_LIST_MAX; i++) {
        texts[i] = BL_STR("/a \"b\" \\ \xc3\xa9");
        stages[i] = (struct bl_stage){BL_STR("/x"), BL_STR("name"), BL_STAGE_DEPTH_MAX};
    }
    for (size_t i = 0; bl_tunable_at(i, &t); i++) {
        for (int end = 0; end < 2; end++) {
            struct bl_settings s = defaults;
            int64_t v = end ? t.max : t.min;
            union bl_value value = {.i = v};
            if (t.type == BL_PARAM_PATHS || t.type == BL_PARAM_STAGES)
                value.list = (struct bl_list){(size_t)v, texts, stages};
            bl_tunable_set(&s, i, value);
            for (unsigned id = 0; id < BL_RULE_COUNT; id++) { /* keep the levels in order */
                int64_t before = 0;
                const struct bl_rule *rule = bl_rule((enum bl_rule_id)id);
                for (size_t k;
                     (k = bl_rule_disorder((enum bl_rule_id)id, &s.rule[id], 0, &before)) < rule->n_params;
                     before = 0)
                    s.rule[id].v[k].i = before;
            }
            struct bl_rules *r = written_and_read(&s, &text);
            assert_true(bl_settings_same(&s, bl_rules_settings(r)));
            union bl_value was = bl_tunable_get(&defaults, i), is = bl_tunable_get(&s, i);
            assert_int_equal(bl_settings_same(&s, &defaults), bl_tunable_same(t.type, &was, &is));
            bl_rules_free(r);
        }
    }
    bl_buf_release(&text);
}

static void what_is_missing_has_the_default(void **state)
{
    struct bl_settings s;
    (void)state;
    bl_settings_defaults(&s);
    struct bl_rules *r = read_ok(BL_STR("{\"rules\":{\"hesitation\":{\"low\":5000}}}"));
    s.rule[BL_RULE_HESITATION].v[0].i = 5000;
    assert_true(bl_settings_same(&s, bl_rules_settings(r)));
    bl_rules_free(r);
}

static void unknown_names_are_told_and_passed_over(void **state)
{
    struct bl_settings s;
    (void)state;
    bl_settings_defaults(&s);
    struct bl_rules *r = read_ok(BL_STR("{\"later\":[{}],\"rules\":{\"mood\":{\"low\":1},\"hesitation\":"
                                        "{\"lowest\":{\"a\":1}}}}"));
    assert_true(bl_settings_same(&s, bl_rules_settings(r)));
    assert_text(&why, "later, mood, hesitation.lowest");
    bl_rules_free(r);
}

static void what_cannot_be_in_force_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{\"twin\":\"1s\"}",
        "{\"twin\":-1}",
        "{\"twin\":60001}",
        "{\"twin\":1.5}",
        "{\"twin\":18446744073709551615}",
        "{\"twin\":1,\"twin\":1}",
        "{\"session-timeout\":0}",
        "{\"rules\":[]}",
        "{\"rules\":{\"hesitation\":true}}",
        "{\"rules\":{\"hesitation\":{\"enabled\":1}}}",
        "{\"rules\":{\"hesitation\":{\"weight\":101}}}",
        "{\"rules\":{\"hesitation\":{\"low\":1}}}",
        "{\"rules\":{\"hesitation\":{\"low\":20000}}}", /* above medium */
        "{\"rules\":{\"hesitation\":{\"low\":5000},\"hesitation\":{\"low\":5000}}}",
        "{\"rules\":{\"abandonment\":{\"completion-pages\":\"/a\"}}}",
        "{\"rules\":{\"abandonment\":{\"completion-pages\":[1]}}}",
        "{\"rules\":{\"abandonment\":{\"completion-pages\":[\"a\"]}}}",
        "{\"rules\":{\"abandonment\":{\"completion-pages\":[\"/\\u0000\"]}}}",
        "{\"rules\":{\"abandonment\":{\"stages\":[{\"page\":\"/a\",\"depth\":1}]}}}",
        "{\"rules\":{\"abandonment\":{\"stages\":[{\"page\":\"/a\",\"name\":\"a\",\"depth\":0}]}}}",
        "{\"rules\":{\"abandonment\":{\"stages\":[{\"page\":\"/"
        "a\",\"name\":\"a\",\"depth\":1,\"depth\":1}]}}}",
        "{\"rules\":{\"abandonment\":{\"stages\":[\"/a\"]}}}",
    };
    struct bl_rules *r;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bl_rules_read(bl_str_of(bad[i]), &r, &why) != BL_ERR_CORRUPT)
            fail_msg("taken: %s", bad[i]);
        assert_true(why.n > 0);
    }
}

static void a_list_that_is_too_long_is_refused(void **state)
{
    struct bl_buf text = {0};
    struct bl_rules *r;
    (void)state;
    bl_buf_z(&text, "{\"rules\":{\"abandonment\":{\"completion-pages\":[\"/0\"");
    for (int i = 0; i < BL_LIST_MAX; i++)
        bl_buf_printf(&text, ",\"/%d\"", i);
    bl_buf_z(&text, "]}}}");
    assert_int_equal(bl_rules_read(bl_buf_view(&text), &r, &why), BL_ERR_CORRUPT);
    bl_buf_release(&text);
}

/* Cut anywhere, and with each byte spoilt: read or refused, never worse. */
static void hostile_bytes_do_no_harm(void **state)
{
    struct bl_settings s;
    struct bl_buf text = {0};
    (void)state;
    bl_settings_defaults(&s);
    bl_rules_write(&s, &text);
    for (size_t i = 0; i < text.n; i++) {
        struct bl_rules *r;
        char was = text.p[i];
        assert_int_equal(bl_rules_read((struct bl_str){text.p, i}, &r, &why), BL_ERR_CORRUPT);
        text.p[i] = (char)(was ^ 0x15);
        if (bl_rules_read(bl_buf_view(&text), &r, &why) == BL_OK)
            bl_rules_free(r);
        text.p[i] = was;
    }
    bl_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_has_its_number),
        cmocka_unit_test(defaults_come_back_exactly),
        cmocka_unit_test(each_setting_comes_back_from_both_ends),
        cmocka_unit_test(what_is_missing_has_the_default),
        cmocka_unit_test(unknown_names_are_told_and_passed_over),
        cmocka_unit_test(what_cannot_be_in_force_is_refused),
        cmocka_unit_test(a_list_that_is_too_long_is_refused),
        cmocka_unit_test(hostile_bytes_do_no_harm),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_buf_release(&why);
    return failed;
}
