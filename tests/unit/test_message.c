/* What a model is asked, and what may stay of its answer. */
#include "bl/base/limits.h"
#include "bl/wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

static char *asked(struct bl_message_pattern p)
{
    struct bl_buf b;
    bl_buf_init(&b, 0);
    assert_int_equal(bl_message_write(&p, BL_STR("model-1"), &b), BL_OK);
    bl_buf_char(&b, '\0');
    return b.p;
}

static void a_question_names_no_element(void **state)
{
    static const struct {
        const char *type, *explanation, *evidence, *sentence;
    } cases[] = {
        {"rage-click", "User clicked #secret 4 times in rapid succession on /p.", "{\"target\":\"#secret\"}",
         "User clicked an element 4 times in rapid succession on /p."},
        {"rage-click", "User clicked (12.5, 3) 4 times in rapid succession on /p.", "{\"x\":12.5,\"y\":3}",
         "User clicked an element 4 times in rapid succession on /p."},
        {"rage-click", "User clicked an element 4 times in rapid succession on /p.", "{}",
         "User clicked an element 4 times in rapid succession on /p."},
        {"dead-click", "User clicked secret 3 times on /p and nothing happened.", "{\"target\":\"secret\"}",
         "User clicked an element 3 times on /p and nothing happened."},
        {"error-click", "An error followed the user's click on secret on /p.", "{\"target\":\"secret\"}",
         "An error followed the user's click on an element on /p."},
        {"form-abandonment", "User began to fill in the form secret on /p but left it without submitting.",
         "{\"form\":\"secret\"}",
         "User began to fill in the form an element on /p but left it without submitting."},
        {"hesitation", "User paused for 10 seconds on /p without taking action.", "{\"idle_ms\":10000}",
         "User paused for 10 seconds on /p without taking action."},
        /* cannot be told apart: not sent */
        {"rage-click", "User clicked secret 4 times in rapid succession on /p.", "{}", NULL},
        {"hesitation", "secret", "{\"target\":\"secret\"}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *body = asked((struct bl_message_pattern){.type = bl_str_of(cases[i].type),
                                                       .severity = BL_STR("high"),
                                                       .page = BL_STR("/p"),
                                                       .explanation = bl_str_of(cases[i].explanation),
                                                       .evidence = bl_str_of(cases[i].evidence)});
        print_message("%s\n", cases[i].explanation);
        assert_null(strstr(body, "secret"));
        assert_null(strstr(body, "12.5"));
        assert_int_equal(strstr(body, "\\\"sentence\\\"") != NULL, cases[i].sentence != NULL);
        if (cases[i].sentence)
            assert_non_null(strstr(body, cases[i].sentence));
        free(body);
    }
}

static void events_are_action_page_and_time(void **state)
{
    (void)state;
    char *body = asked((struct bl_message_pattern){
        .type = BL_STR("hesitation"),
        .severity = BL_STR("low"),
        .page = BL_STR("/a\"b"),
        .explanation = BL_STR("x"),
        .evidence = BL_STR(
            "{\"events\":[{\"action\":\"click\",\"page\":\"/q\",\"t\":17,\"metadata\":{\"k\":\"hidden\"},"
            "\"user_id\":\"hidden\"},{\"action\":\"idle\",\"page\":null,\"t\":18}]}")});
    assert_non_null(strstr(body, "{\\\"action\\\":\\\"click\\\",\\\"page\\\":\\\"/q\\\",\\\"t\\\":17}"));
    assert_non_null(strstr(body, "\"model\":\"model-1\""));
    assert_non_null(strstr(body, "/a\\\\\\\"b"));
    assert_null(strstr(body, "hidden"));
    free(body);
    struct bl_buf b;
    bl_buf_init(&b, 0);
    assert_int_equal(
        bl_message_write(&(struct bl_message_pattern){.evidence = BL_STR("nonsense")}, BL_STR("m"), &b),
        BL_ERR_CORRUPT);
    bl_buf_release(&b);
}

static void answers(void **state)
{
    static const struct {
        const char *body;
        enum bl_err err;
        const char *text;
    } cases[] = {
        {"{\"content\":[{\"type\":\"text\",\"text\":\"Plain.\"}]}", BL_OK, "Plain."},
        {"{\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]}", BL_OK, "a"},
        {"{\"content\":[{\"text\":\"  \\n\"}]}", BL_ERR_CORRUPT, ""},
        {"{\"content\":[]}", BL_ERR_CORRUPT, ""},
        {"{\"content\":[{\"text\":7}]}", BL_ERR_CORRUPT, ""},
        {"{\"content\":{\"text\":\"a\"}}", BL_ERR_CORRUPT, ""},
        {"[]", BL_ERR_CORRUPT, ""},
        {"null", BL_ERR_CORRUPT, ""},
        {"", BL_ERR_INVALID_JSON, ""},
        {"{\"content\":[{\"text\":\"caf\xe9\"}]}", BL_ERR_INVALID_JSON, ""},
        {"{\"content\":[{\"text\":\"\\ud800\"}]}", BL_ERR_INVALID_JSON, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bl_buf b;
        bl_buf_init(&b, 0);
        print_message("%s\n", cases[i].body);
        assert_int_equal(bl_message_read(bl_str_of(cases[i].body), &b), cases[i].err);
        assert_true(bl_str_eqz(bl_buf_view(&b), cases[i].text));
        bl_buf_release(&b);
    }
}

static void only_words_stay(void **state)
{
    static const struct {
        const char *raw, *clean;
    } cases[] = {
        {"One. Two. Three.", "One. Two."},
        {"One! Two? Three.", "One! Two?"},
        {"Costs 3.50 on v1.2. It is slow.", "Costs 3.50 on v1.2. It is slow."},
        {"Look at forms, e.g. the long one, i.e. the address. Then test. More.",
         "Look at forms, e.g. the long one, i.e. the address. Then test."},
        {"Slow in the U.S. Test there. More.", "Slow in the U.S. Test there."},
        {"one. two. three.", "one. two."},
        {"He said \"go.\" Then left. More.", "He said \"go.\" Then left."},
        {"  a \n\n b\t\x07 c  ", "a b c"},
        {"**Bold** and `code` <b>tag</b> <script>x</script>.", "Bold and code tag x."},
        {"# Title\nText", "Title Text"},
        {"1 < 2 and 3 > 2", "1 2 and 3 2"},
        {"<img src=x onerror=alert(1)", ""},
        {"a\xe2\x80\xae"
         "b\xc2\x85"
         "c\xef\xbb\xbf"
         "d",
         "a b c d"},
        {"caf\xc3\xa9 \xf0\x9f\x9b\x92", "caf\xc3\xa9 \xf0\x9f\x9b\x92"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_message_clean(bl_str_of(cases[i].raw), &b);
        print_message("%s\n", cases[i].raw);
        assert_true(bl_str_eqz(bl_buf_view(&b), cases[i].clean));
        bl_buf_release(&b);
    }
}

static void a_long_text_is_cut(void **state)
{
    static const char *const units[] = {"word ", "x", "\xc3\xa9", "\xf0\x9f\x9b\x92", "ab "};
    (void)state;
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        for (size_t times = 60; times < 500; times += 7) {
            struct bl_buf raw, b;
            bl_buf_init(&raw, 0), bl_buf_init(&b, 0);
            for (size_t i = 0; i < times; i++)
                bl_buf_z(&raw, units[u]);
            bl_message_clean(bl_buf_view(&raw), &b);
            assert_true(b.n > 0 && b.n <= BL_MESSAGE_TEXT_MAX_BYTES);
            assert_true(bl_str_utf8(bl_buf_view(&b)));
            bl_buf_release(&raw), bl_buf_release(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_names_no_element),
        cmocka_unit_test(events_are_action_page_and_time),
        cmocka_unit_test(answers),
        cmocka_unit_test(only_words_stay),
        cmocka_unit_test(a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
