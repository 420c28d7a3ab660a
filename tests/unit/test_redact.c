/* What is kept of a rejected event (SPEC 2.6). */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_kept_of_a_bad_event(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"{\"user_id\":\"u\", \"n\":[1,true,null]}", "{\"user_id\":\"u\", \"n\":[1,true,null]}"},
        {"{\"ip_address\":\"x\",\"a\":\"b\"}", "{\"ip_address\":\"…(address)\",\"a\":\"b\"}"},
        {"{\"ip_address\" : 16909060}", "{\"ip_address\" : …(address)}"},
        {"{\"\\u0069p_address\":\"x\"}", "{\"ip_address\":\"…(address)\"}"},
        {"{\"a\":\"ip_address\",\"b\":\"c\"}", "{\"a\":\"ip_address\",\"b\":\"c\"}"},
        {"{\"a\":\"from 203.0.113.7:80 to 2001:db8::1.\"}", "{\"a\":\"from …(address):80 to …(address).\"}"},
        {"{\"a\":\"me@example.org\"}", "{\"a\":\"…(address)\"}"},
        {"{\"page\":\"/a?token=1#x\"}", "{\"page\":\"/a?…\"}"},
        {"{\"page\":\"/a\\u003ftoken=1\"}", "{\"page\":\"/a?…\"}"},
        {"{\"page\":\"https://h/a#x\"}", "{\"page\":\"https://h/a#…\"}"},
        {"{\"title\":\"why not?\"}", "{\"title\":\"why not?\"}"},
        {"{\"title\":\"12:30:45\"}", "{\"title\":\"12:30:45\"}"},
        {"{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"},
        {"{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "{\"a\":\"…(65 bytes)\"}"},
        {"{\"a\":\"\\ud83d\\ude00\\n\\\"\"}", "{\"a\":\"\xF0\x9F\x98\x80\\n\\\"\"}"},
        {"{\"a\":\"\xFF\\ud800\"}", "{\"a\":\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}"},
        {"user_id=bob&page=/x", "user_id=…"},
        {"GET /a?b=1 HTTP/1.1", "GET /a?… HTTP/1.1"},
        {"not json at\tall\r\n", "not json at all "},
        {"{\"a\":\"unclosed", "{\"a\":\"unclosed\""},
        {"{\"a\":\"unclosed\\", "{\"a\":\"unclosed\\\\\""},
    };
    struct bl_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_buf_clear(&b);
        bl_redact(bl_str_of(cases[i][0]), &b);
        if (!bl_str_eqz(bl_buf_view(&b), cases[i][1]))
            fail_msg("%s: %.*s", cases[i][0], BL_STR_ARG(bl_buf_view(&b)));
    }
    bl_buf_release(&b);
}

static void what_is_kept_is_bounded(void **state)
{
    struct bl_buf raw = {0}, b = {0};
    (void)state;
    while (raw.n < 100000)
        bl_buf_z(&raw, "\xE2\x82\xAC, \"\xE2\x82\xAC\",");
    for (size_t n = 4000; n < 4300; n++) {
        bl_buf_clear(&b);
        bl_buf_z(&b, "before");
        bl_redact((struct bl_str){raw.p, n}, &b);
        assert_true(b.n - 6 <= BL_BAD_EVENT_MAX_BYTES);
        assert_true(bl_str_utf8(bl_buf_view(&b)));
    }
    bl_buf_clear(&b);
    bl_redact(bl_buf_view(&raw), &b);
    assert_true(b.n <= BL_BAD_EVENT_MAX_BYTES && b.n > BL_BAD_EVENT_MAX_BYTES - 8);
    bl_buf_release(&raw);
    bl_buf_release(&b);
}

static void what_is_kept_of_a_problem_names_nobody(void **state)
{
    static const struct {
        void (*redact)(struct bl_str, struct bl_buf *);
        const char *text, *kept;
    } cases[] = {
        {bl_redact_field, "", ""},
        {bl_redact_field, "metadata", "metadata"},
        {bl_redact_field, "bob@corp.org", "…(address)"},
        {bl_redact_field, "/a?token=1", "/a?…"},
        {bl_redact_field, "a long key, cut …", "…"},
        {bl_redact_message, "", ""},
        {bl_redact_message, "The field page is required.", "The field page is required."},
        {bl_redact_message, "The action \"fly\" is unknown.", "The action \"fly\" is unknown."},
        {bl_redact_message, "The action \"carol@corp.org?token=abc\" is unknown.",
         "The action \"…(address)\" is unknown."},
        {bl_redact_message, "The action \"x\" or \"carol@corp.org\" is unknown.",
         "The action \"x\" or …(address)\" is unknown."},
        {bl_redact_message, "The action \"fly 203.0.113.7\" is unknown.",
         "The action \"fly …(address)\" is unknown."},
        {bl_redact_message, "The action \"/p?card=4111\" is unknown.", "The action \"/p?…\" is unknown."},
        {bl_redact_message, "The action \"what was long …\" is unknown.", "The action \"…\" is unknown."},
        {bl_redact_message, "one \" alone", "one \""},
    };
    struct bl_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_buf_clear(&b);
        cases[i].redact(bl_str_of(cases[i].text), &b);
        if (!bl_str_eqz(bl_buf_view(&b), cases[i].kept))
            fail_msg("%s: %.*s", cases[i].text, BL_STR_ARG(bl_buf_view(&b)));
    }
    bl_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_of_a_bad_event),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(what_is_kept_of_a_problem_names_nobody),
    };
    return cmocka_run_group_tests(tests, decoding_set_up, decoding_tear_down);
}
