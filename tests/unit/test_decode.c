/* Single events, by SPEC 2.1: each case is a body and what becomes of it, told by its canonical line. */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

struct case_line {
    const char *what, *body, *line;
};

static const struct case_line accepted[] = {
    {"the least there is", "{" U "}", LINE "}"},
    {"white space around everything",
     " \r\n\t{ \"user_id\" : \"u\" ,\"action\":\"click\",\n\"page\":\"/p\",\"event_id\":\"e\" } \n",
     LINE "}"},
    {"fields in any order", "{\"event_id\":\"e\",\"page\":\"/p\",\"action\":\"click\",\"user_id\":\"u\"}",
     LINE "}"},
    {"an id is made where there is none", "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\"}",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"made_id\":\"" MADE "\"}"},
    {"null is absent",
     "{" U ",\"timestamp\":null,\"session_id\":null,\"duration\":null,\"metadata\":null,\"country\":null,"
     "\"other\":null}",
     LINE "}"},
    {"an event_id of null is absent",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":null}",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"made_id\":\"" MADE "\"}"},
    {"everything",
     "{" U ",\"timestamp\":1700000000123,\"session_id\":\"s\",\"duration\":1.50,\"metadata\":{ \"a\" : [1, "
     "2.0e0] },"
     "\"country\":\"DE\",\"device\":\"phone\",\"user_agent\":\"UA\",\"ip_address\":\"203.0.113.7\","
     "\"referrer\":\"https://x.example/a?q=1#f\",\"title\":\"T \\u00e9\\n\"}",
     LINE
     ",\"timestamp\":1700000000123,\"session_id\":\"s\",\"duration\":1.50,\"metadata\":{\"a\":[1,2.0e0]},"
     "\"country\":\"DE\",\"device\":\"phone\",\"user_agent\":\"UA\",\"ip_address\":\"203.0.113.0\","
     "\"referrer\":\"https://x.example/a\",\"title\":\"T \xC3\xA9\\n\"}"},
    {"timestamp 0", "{" U ",\"timestamp\":0}", LINE ",\"timestamp\":0}"},
    {"timestamp 2^53", "{" U ",\"timestamp\":9007199254740992}", LINE ",\"timestamp\":9007199254740992}"},
    {"timestamp in RFC 3339", "{" U ",\"timestamp\":\"2023-11-14T22:13:20.123Z\"}",
     LINE ",\"timestamp\":1700000000123}"},
    {"an IPv6 address is cut to /48", "{" U ",\"ip_address\":\"2001:db8:1:2:3:4:5:6\"}",
     LINE ",\"ip_address\":\"2001:db8:1::\"}"},
    {"an IPv4 address in IPv6 clothes is cut to /24", "{" U ",\"ip_address\":\"::ffff:203.0.113.7\"}",
     LINE ",\"ip_address\":\"203.0.113.0\"}"},
    {"an empty text is absent", "{" U ",\"title\":\"\",\"ip_address\":\"\",\"referrer\":\"?q\"}", LINE "}"},
    {"an unknown field goes into metadata", "{" U ",\"plan\":{\"a\": 1},\"metadata\":{\"b\":2}}",
     LINE ",\"metadata\":{\"b\":2,\"plan\":{\"a\":1}}}"},
    {"an unknown field makes metadata", "{" U ",\"plan\":\"x\",\"z\":[]}",
     LINE ",\"metadata\":{\"plan\":\"x\",\"z\":[]}}"},
    {"metadata's own field wins", "{" U ",\"plan\":\"x\",\"metadata\":{\"plan\":\"own\"}}",
     LINE ",\"metadata\":{\"plan\":\"own\"}}"},
    {"metadata's own null wins too", "{" U ",\"plan\":\"x\",\"metadata\":{\"plan\":null}}",
     LINE ",\"metadata\":{\"plan\":null}}"},
    {"what only the server sets is an unknown field", "{" U ",\"made_id\":true,\"sent_at\":5}",
     LINE ",\"metadata\":{\"made_id\":true,\"sent_at\":5}}"},
    {"an unknown key is escaped anew", "{" U ",\"a\\u0022\\n\":1}", LINE ",\"metadata\":{\"a\\\"\\n\":1}}"},
    {"session_start needs no page", "{\"user_id\":\"u\",\"action\":\"session_start\",\"event_id\":\"e\"}",
     "{\"user_id\":\"u\",\"action\":\"session_start\",\"page\":\"\",\"event_id\":\"e\"}"},
    {"custom needs neither a page nor a name", "{\"user_id\":\"u\",\"action\":\"custom\",\"event_id\":\"e\"}",
     "{\"user_id\":\"u\",\"action\":\"custom\",\"page\":\"\",\"event_id\":\"e\"}"},
    {"custom carries its name in metadata",
     "{\"user_id\":\"u\",\"action\":\"custom\",\"event_id\":\"e\",\"metadata\":{\"name\":\"n\"}}",
     "{\"user_id\":\"u\",\"action\":\"custom\",\"page\":\"\",\"event_id\":\"e\",\"metadata\":{\"name\":\"n\"}"
     "}"},
    {"a surrogate pair is a character", "{" U ",\"title\":\"\\ud83d\\ude00\"}",
     LINE ",\"title\":\"\xF0\x9F\x98\x80\"}"},
    {"NUL in a title is data", "{" U ",\"title\":\"a\\u0000b\"}", LINE ",\"title\":\"a\\u0000b\"}"},
    {"a large integer in metadata keeps its digits", "{" U ",\"metadata\":{\"n\":18446744073709551615}}",
     LINE ",\"metadata\":{\"n\":18446744073709551615}}"},
    {"metadata's eighth level", "{" U ",\"metadata\":{\"a\":[[[[[[[1]]]]]]]}}",
     LINE ",\"metadata\":{\"a\":[[[[[[[1]]]]]]]}}"},
    {"an unknown field that would get too deep is left out",
     "{" U ",\"a\":[[[[[[[[1]]]]]]]],\"b\":[[[[[[[1]]]]]]]}", LINE ",\"metadata\":{\"b\":[[[[[[[1]]]]]]]}}"},
    {"the same key in two objects", "{" U ",\"metadata\":{\"a\":{\"k\":1},\"b\":{\"k\":1}}}",
     LINE ",\"metadata\":{\"a\":{\"k\":1},\"b\":{\"k\":1}}}"},
    {"a duration below zero is a number", "{" U ",\"duration\":-5}", LINE ",\"duration\":-5}"},
};

static void good_events_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        enum bl_err err = one(bl_str_of(accepted[i].body));
        if (err != BL_OK)
            fail_msg("%s: %s %s %s", accepted[i].what, bl_err_code(err), got.field[0], got.message[0]);
        if (strcmp(got.line[0], accepted[i].line) != 0)
            fail_msg("%s:\n%s\nwant\n%s", accepted[i].what, got.line[0], accepted[i].line);
    }
}

static void a_line_taken_again_is_the_same_line(void **state)
{
    char line[4096];
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (strstr(accepted[i].line, "made_id"))
            continue;
        snprintf(line, sizeof line, "%s", accepted[i].line);
        if (one(bl_str_of(line)) != BL_OK || strcmp(got.line[0], line) != 0)
            fail_msg("%s: %s", accepted[i].what, got.line[0]);
    }
}

struct bad_case {
    const char *what, *body;
    enum bl_err err;
    const char *field;
};

static const struct bad_case refused[] = {
    {"nothing", "", BL_ERR_INVALID_JSON, ""},
    {"white space", "  \n", BL_ERR_INVALID_JSON, ""},
    {"half an object", "{" U, BL_ERR_INVALID_JSON, ""},
    {"bytes behind the object", "{" U "} x", BL_ERR_INVALID_JSON, ""},
    {"a second object", "{" U "}{}", BL_ERR_INVALID_JSON, ""},
    {"a comma too many", "{" U ",}", BL_ERR_INVALID_JSON, ""},
    {"single quotes", "{'user_id':'u'}", BL_ERR_INVALID_JSON, ""},
    {"NaN", "{" U ",\"duration\":NaN}", BL_ERR_INVALID_JSON, ""},
    {"a comment", "{" U "/**/}", BL_ERR_INVALID_JSON, ""},
    {"a leading zero", "{" U ",\"duration\":01}", BL_ERR_INVALID_JSON, ""},
    {"a number that overflows", "{" U ",\"duration\":1e999}", BL_ERR_INVALID_JSON, ""},
    {"a number that overflows, in metadata", "{" U ",\"metadata\":{\"a\":-1e400}}", BL_ERR_INVALID_JSON, ""},
    {"an integer that overflows", "{" U ",\"duration\":18446744073709551616}", BL_ERR_INVALID_JSON, ""},
    {"invalid UTF-8", "{" U ",\"title\":\"\xFF\"}", BL_ERR_INVALID_JSON, ""},
    {"overlong UTF-8", "{" U ",\"title\":\"\xC0\xAF\"}", BL_ERR_INVALID_JSON, ""},
    {"a surrogate in UTF-8", "{" U ",\"title\":\"\xED\xA0\x80\"}", BL_ERR_INVALID_JSON, ""},
    {"a lone high surrogate", "{" U ",\"title\":\"\\ud83d\"}", BL_ERR_INVALID_JSON, ""},
    {"a lone high surrogate before a letter", "{" U ",\"title\":\"\\ud83dx\"}", BL_ERR_INVALID_JSON, ""},
    {"a lone high surrogate before another escape", "{" U ",\"title\":\"\\ud83d\\u0041\"}",
     BL_ERR_INVALID_JSON, ""},
    {"a lone low surrogate", "{" U ",\"title\":\"\\ude00\"}", BL_ERR_INVALID_JSON, ""},
    {"a lone surrogate in a key", "{" U ",\"\\ude00\":1}", BL_ERR_INVALID_JSON, ""},
    {"a lone surrogate deep in metadata", "{" U ",\"metadata\":{\"a\":[\"\\udfff\"]}}", BL_ERR_INVALID_JSON,
     ""},
    {"a line break inside a string", "{" U ",\"title\":\"a\nb\"}", BL_ERR_INVALID_JSON, ""},
    {"an array", "[]", BL_ERR_INVALID_TYPE, ""},
    {"a string", "\"u\"", BL_ERR_INVALID_TYPE, ""},
    {"null", "null", BL_ERR_INVALID_TYPE, ""},
    {"an empty object", "{}", BL_ERR_MISSING_FIELD, "user_id"},
    {"a user_id of null", "{\"user_id\":null,\"action\":\"click\",\"page\":\"/\"}", BL_ERR_MISSING_FIELD,
     "user_id"},
    {"a user_id that is a number", "{\"user_id\":7,\"action\":\"click\",\"page\":\"/\"}", BL_ERR_INVALID_TYPE,
     "user_id"},
    {"an empty user_id", "{\"user_id\":\"\",\"action\":\"click\",\"page\":\"/\"}", BL_ERR_INVALID_FIELD,
     "user_id"},
    {"NUL in a user_id", "{\"user_id\":\"a\\u0000\",\"action\":\"click\",\"page\":\"/\"}",
     BL_ERR_INVALID_FIELD, "user_id"},
    {"a C1 control in a user_id", "{\"user_id\":\"a\\u0085\",\"action\":\"click\",\"page\":\"/\"}",
     BL_ERR_INVALID_FIELD, "user_id"},
    {"a line break in an event_id",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\",\"event_id\":\"\\n\"}", BL_ERR_INVALID_FIELD,
     "event_id"},
    {"an empty event_id", "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\",\"event_id\":\"\"}",
     BL_ERR_INVALID_FIELD, "event_id"},
    {"a control in a session_id", "{" U ",\"session_id\":\"\\u007f\"}", BL_ERR_INVALID_FIELD, "session_id"},
    {"an empty session_id", "{" U ",\"session_id\":\"\"}", BL_ERR_INVALID_FIELD, "session_id"},
    {"no action", "{\"user_id\":\"u\",\"page\":\"/\"}", BL_ERR_MISSING_FIELD, "action"},
    {"an action that is a number", "{\"user_id\":\"u\",\"action\":1,\"page\":\"/\"}", BL_ERR_INVALID_TYPE,
     "action"},
    {"an unknown action", "{\"user_id\":\"u\",\"action\":\"Click\",\"page\":\"/\"}", BL_ERR_UNKNOWN_ACTION,
     "action"},
    {"no page", "{\"user_id\":\"u\",\"action\":\"click\"}", BL_ERR_MISSING_FIELD, "page"},
    {"an empty page", "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"\"}", BL_ERR_INVALID_FIELD, "page"},
    {"a control in a page", "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/a\\tb\"}",
     BL_ERR_INVALID_FIELD, "page"},
    {"a page that is no string", "{\"user_id\":\"u\",\"action\":\"session_start\",\"page\":{}}",
     BL_ERR_INVALID_TYPE, "page"},
    {"a timestamp below 0", "{" U ",\"timestamp\":-1}", BL_ERR_INVALID_TIMESTAMP, "timestamp"},
    {"a timestamp above 2^53", "{" U ",\"timestamp\":9007199254740993}", BL_ERR_INVALID_TIMESTAMP,
     "timestamp"},
    {"a timestamp above 2^63", "{" U ",\"timestamp\":9223372036854775808}", BL_ERR_INVALID_TIMESTAMP,
     "timestamp"},
    {"a timestamp with a fraction", "{" U ",\"timestamp\":1.5}", BL_ERR_INVALID_TIMESTAMP, "timestamp"},
    {"a timestamp before 1970", "{" U ",\"timestamp\":\"1969-12-31T23:59:59.999Z\"}",
     BL_ERR_INVALID_TIMESTAMP, "timestamp"},
    {"a timestamp that is no date", "{" U ",\"timestamp\":\"1700000000\"}", BL_ERR_INVALID_TIMESTAMP,
     "timestamp"},
    {"a timestamp that is true", "{" U ",\"timestamp\":true}", BL_ERR_INVALID_TIMESTAMP, "timestamp"},
    {"a duration that is a string", "{" U ",\"duration\":\"5\"}", BL_ERR_INVALID_TYPE, "duration"},
    {"metadata that is an array", "{" U ",\"metadata\":[]}", BL_ERR_INVALID_TYPE, "metadata"},
    {"a title that is a number", "{" U ",\"title\":5}", BL_ERR_INVALID_TYPE, "title"},
    {"an address that is none", "{" U ",\"ip_address\":\"localhost\"}", BL_ERR_INVALID_FIELD, "ip_address"},
    {"an address with a port", "{" U ",\"ip_address\":\"203.0.113.7:80\"}", BL_ERR_INVALID_FIELD,
     "ip_address"},
    {"an address with something behind a NUL", "{" U ",\"ip_address\":\"203.0.113.7\\u0000x\"}",
     BL_ERR_INVALID_FIELD, "ip_address"},
    {"the same key twice", "{" U ",\"page\":\"/q\"}", BL_ERR_DUPLICATE_KEY, "page"},
    {"the same key twice, one escaped", "{" U ",\"\\u0070age\":\"/q\"}", BL_ERR_DUPLICATE_KEY, "page"},
    {"the same key twice, both null", "{" U ",\"a\":null,\"a\":null}", BL_ERR_DUPLICATE_KEY, "a"},
    {"the same key twice deep inside", "{" U ",\"metadata\":{\"a\":[{\"k\":1,\"k\":1}]}}",
     BL_ERR_DUPLICATE_KEY, "k"},
    {"the same key twice in an unknown field", "{" U ",\"x\":{\"k\":1,\"k\":2}}", BL_ERR_DUPLICATE_KEY, "k"},
    {"the same key twice among many",
     "{" U ",\"x\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
     "\"l\":1,"
     "\"m\":1,\"a\":1}}",
     BL_ERR_DUPLICATE_KEY, "a"},
    {"the empty key twice", "{" U ",\"x\":{\"\":1,\"\":1}}", BL_ERR_DUPLICATE_KEY, ""},
    {"metadata's ninth level", "{" U ",\"metadata\":{\"a\":[[[[[[[[1]]]]]]]]}}", BL_ERR_TOO_DEEP, ""},
    {"metadata's ninth level, empty", "{" U ",\"metadata\":{\"a\":[[[[[[[[]]]]]]]]}}", BL_ERR_TOO_DEEP, ""},
    {"the tenth level in an unknown field", "{" U ",\"a\":[[[[[[[[[1]]]]]]]]]}", BL_ERR_TOO_DEEP, ""},
};

static void bad_events_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct bad_case *c = &refused[i];
        enum bl_err err = one(bl_str_of(c->body));
        const char *field = got.calls ? got.field[0] : body_problem.field;
        if (err != c->err || strcmp(field, c->field) != 0)
            fail_msg("%s: %s in \"%s\"", c->what, bl_err_code(err), field);
    }
}

static void a_raw_nul_is_refused(void **state)
{
    static const char body[] = "{" U ",\"title\":\"a\0b\"}";
    (void)state;
    assert_int_equal(one((struct bl_str){body, sizeof body - 1}), BL_ERR_INVALID_JSON);
    static const char behind[] = "{" U "}\0";
    assert_int_equal(one((struct bl_str){behind, sizeof behind - 1}), BL_ERR_INVALID_JSON);
}

static void an_unknown_action_is_told_the_valid_ones(void **state)
{
    (void)state;
    one(BL_STR("{\"user_id\":\"u\",\"action\":\"clik\",\"page\":\"/\"}"));
    assert_non_null(strstr(got.message[0], "\"clik\""));
    for (unsigned a = 0; a < BL_ACTION_COUNT; a++)
        assert_non_null(strstr(got.message[0], bl_action_name((enum bl_action)a)));
}

static void what_was_meant_instead_of_user_id_is_told(void **state)
{
    static const struct {
        const char *body, *told;
    } cases[] = {
        {"{\"events\":[" E "]}", "/events/batch"},
        {"{\"events\":[" E "],\"sent_at\":5}", "/events/batch"},
        {"{\"userId\":\"u\"}", "\"userId\""},
        {"{\"action\":\"click\",\"user\":\"u\"}", "\"user\""},
        {"{\"events\":{},\"users\":\"u\",\"userid\":null}", "The field user_id is required."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(one(bl_str_of(cases[i].body)), BL_ERR_MISSING_FIELD);
        if (!strstr(got.message[0], "user_id is required") || !strstr(got.message[0], cases[i].told))
            fail_msg("%s: %s", cases[i].body, got.message[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_events_are_taken),
        cmocka_unit_test(a_line_taken_again_is_the_same_line),
        cmocka_unit_test(bad_events_are_refused),
        cmocka_unit_test(a_raw_nul_is_refused),
        cmocka_unit_test(an_unknown_action_is_told_the_valid_ones),
        cmocka_unit_test(what_was_meant_instead_of_user_id_is_told),
    };
    return cmocka_run_group_tests(tests, decoding_set_up, decoding_tear_down);
}
