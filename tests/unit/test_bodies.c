/* Batches (SPEC 2.2), and lines as a worker reads them. */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A batch: what each event became, one letter each: 'a' accepted, 'r' rejected; or the body's error. */
struct batch_case {
    const char *what;
    enum bl_body_kind kind;
    const char *body;
    enum bl_err err;
    const char *outcome;
};

static const struct batch_case batches[] = {
    {"an array", BL_BODY_BATCH, "[" E "," E "]", BL_OK, "aa"},
    {"a wrapper", BL_BODY_BATCH, "{\"events\":[" E "," E "]}", BL_OK, "aa"},
    {"a wrapper with more in it", BL_BODY_BATCH,
     " { \"v\" : [1,{}], \"events\" : [ " E " ] , \"w\":{\"events\":1}} ", BL_OK, "a"},
    {"a wrapper whose key is escaped", BL_BODY_BATCH, "{\"\\u0065vents\":[" E "]}", BL_OK, "a"},
    {"an empty array", BL_BODY_BATCH, "[]", BL_OK, ""},
    {"an empty array with space", BL_BODY_BATCH, " [ ] ", BL_OK, ""},
    {"an empty wrapper", BL_BODY_BATCH, "{\"events\":[]}", BL_OK, ""},
    {"an empty NDJSON", BL_BODY_NDJSON, "", BL_OK, ""},
    {"blank lines", BL_BODY_NDJSON, "\n  \r\n\n", BL_OK, ""},
    {"lines", BL_BODY_NDJSON, E "\r\n\n" E "\n  " E, BL_OK, "aaa"},
    {"a bad line", BL_BODY_NDJSON, E "\n{\n" E "\n", BL_OK, "ara"},
    {"a line that is no object", BL_BODY_NDJSON, E "\n[]\n5", BL_OK, "arr"},
    {"a bad event", BL_BODY_BATCH, "[" E ",{}," E ",null,7]", BL_OK, "ararr"},
    {"a duplicate key in an event", BL_BODY_BATCH, "[{\"a\":1,\"a\":2}," E "]", BL_OK, "ra"},
    {"a number that overflows in an event", BL_BODY_BATCH, "[{" U ",\"duration\":1e999}," E "]", BL_OK, "ra"},
    {"a lone surrogate in an event", BL_BODY_BATCH, "[{" U ",\"title\":\"\\ud800\"}," E "]", BL_OK, "ra"},
    {"invalid UTF-8 in an event", BL_BODY_BATCH, "{\"events\":[{" U ",\"title\":\"\xFF\"}," E "]}", BL_OK,
     "ra"},
    {"a control character in an event", BL_BODY_BATCH, "[{" U ",\"title\":\"\t\"}," E "]", BL_OK, "ra"},
    {"brackets and quotes in strings", BL_BODY_BATCH, "[{" U ",\"title\":\"]}[{\\\"\\\\\"}," E "]", BL_OK,
     "aa"},
    {"five", BL_BODY_BATCH, "[" E "," E "," E "," E "," E "]", BL_OK, "aaaaa"},
    {"six", BL_BODY_BATCH, "[" E "," E "," E "," E "," E "," E "]", BL_ERR_TOO_MANY_EVENTS, ""},
    {"six in a wrapper", BL_BODY_BATCH, "{\"events\":[1,2,3,4,5,6]}", BL_ERR_TOO_MANY_EVENTS, ""},
    {"six lines", BL_BODY_NDJSON, "1\n2\n3\n4\n5\n6", BL_ERR_TOO_MANY_EVENTS, ""},
    {"nothing", BL_BODY_BATCH, "", BL_ERR_INVALID_JSON, ""},
    {"half an array", BL_BODY_BATCH, "[" E, BL_ERR_INVALID_JSON, ""},
    {"an array of garbage", BL_BODY_BATCH, "[" E ",{bad}]", BL_ERR_INVALID_JSON, ""},
    {"a comma too many", BL_BODY_BATCH, "[" E ",]", BL_ERR_INVALID_JSON, ""},
    {"bytes behind", BL_BODY_BATCH, "[] []", BL_ERR_INVALID_JSON, ""},
    {"a bracket that does not match", BL_BODY_BATCH, "[{]}", BL_ERR_INVALID_JSON, ""},
    {"NDJSON under another name", BL_BODY_BATCH, E "\n" E, BL_ERR_INVALID_JSON, ""},
    {"a string", BL_BODY_BATCH, "\"x\"", BL_ERR_INVALID_TYPE, ""},
    {"one event", BL_BODY_BATCH, E, BL_ERR_MISSING_FIELD, ""},
    {"events that are an object", BL_BODY_BATCH, "{\"events\":{}}", BL_ERR_INVALID_TYPE, ""},
    {"events twice", BL_BODY_BATCH, "{\"events\":[],\"events\":[]}", BL_ERR_DUPLICATE_KEY, ""},
    {"a key twice in the wrapper", BL_BODY_BATCH, "{\"events\":[],\"a\":{\"k\":1,\"k\":1}}",
     BL_ERR_DUPLICATE_KEY, ""},
    {"a wrong sent_at", BL_BODY_BATCH, "{\"events\":[" E "],\"sent_at\":\"now\"}", BL_ERR_INVALID_TIMESTAMP,
     ""},
    {"a sent_at that is an array", BL_BODY_BATCH, "{\"events\":[],\"sent_at\":[1]}", BL_ERR_INVALID_TIMESTAMP,
     ""},
    {"a sent_at of null", BL_BODY_BATCH, "{\"events\":[" E "],\"sent_at\":null}", BL_OK, "a"},
    {"a number that overflows in the wrapper", BL_BODY_BATCH, "{\"events\":[],\"a\":1e999}",
     BL_ERR_INVALID_JSON, ""},
};

static void each_event_of_a_batch_stands_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        const struct batch_case *c = &batches[i];
        enum bl_err err = decode(c->kind, bl_str_of(c->body));
        if (err != c->err || got.calls != strlen(c->outcome))
            fail_msg("%s: %s, %zu events", c->what, bl_err_code(err), got.calls);
        for (size_t j = 0; j < got.calls; j++)
            if ((got.err[j] == BL_OK) != (c->outcome[j] == 'a'))
                fail_msg("%s: event %zu: %s", c->what, j, bl_err_code(got.err[j]));
    }
}

/* Whichever way it was spoilt. */
static void lines_that_came_as_something_else_say_how_to_send_them(void **state)
{
    static const struct {
        enum bl_body_kind kind;
        const char *body;
        bool told;
    } cases[] = {
        {BL_BODY_BATCH, E E, true},    {BL_BODY_BATCH, E "\r\n" E "\n", true},
        {BL_BODY_EVENT, E E, true},    {BL_BODY_EVENT, E "\n" E "\n", true},
        {BL_BODY_NDJSON, E E, true},   {BL_BODY_BATCH, "{" U, false},
        {BL_BODY_EVENT, E "}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum bl_err err = decode(cases[i].kind, bl_str_of(cases[i].body));
        const char *message = err == BL_OK ? got.message[0] : body_problem.message;
        assert_int_equal(err == BL_OK ? got.err[0] : err, BL_ERR_INVALID_JSON);
        if ((strstr(message, "--data-binary") && strstr(message, "application/x-ndjson")) != cases[i].told)
            fail_msg("%s: %s", cases[i].body, message);
    }
}

static void raw_is_the_event_as_sent(void **state)
{
    (void)state;
    assert_int_equal(decode(BL_BODY_BATCH, BL_STR("{\"events\" : [ {} ,{ \"a\" : [1 , 2]}\n] }")), BL_OK);
    assert_string_equal(got.raw[0], "{}");
    assert_string_equal(got.raw[1], "{ \"a\" : [1 , 2]}");
    assert_int_equal(decode(BL_BODY_NDJSON, BL_STR(" garbage \r\n")), BL_OK);
    assert_string_equal(got.raw[0], "garbage");
}

static void sent_at_reaches_every_event(void **state)
{
    (void)state;
    assert_int_equal(
        decode(BL_BODY_BATCH, BL_STR("{\"sent_at\":\"2023-11-14T22:13:20Z\",\"events\":[" E "]}")), BL_OK);
    assert_string_equal(got.line[0], LINE ",\"sent_at\":1700000000000}");
    assert_int_equal(got.record.sent_at_ms, 1700000000000);
    assert_int_equal(decode(BL_BODY_BATCH, BL_STR("[" E "]")), BL_OK);
    assert_int_equal(got.record.sent_at_ms, -1);
}

/* One deep event must not cost the stack, nor its neighbours their place. */
static void depth_without_end(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    bl_buf_z(&b, "[" E ",");
    for (int i = 0; i < 400000; i++)
        bl_buf_char(&b, '[');
    for (int i = 0; i < 400000; i++)
        bl_buf_char(&b, ']');
    bl_buf_z(&b, "," E "]");
    assert_int_equal(decode(BL_BODY_BATCH, bl_buf_view(&b)), BL_OK);
    assert_int_equal(got.accepted, 2);
    bl_buf_release(&b);
}

/* The first text a decoder ever sees may be empty. */
static void nothing_comes_first(void **state)
{
    struct bl_decoder *fresh;
    struct bl_record r;
    (void)state;
    assert_int_equal(bl_decoder_new(&fresh), BL_OK);
    assert_int_equal(bl_record_read(fresh, BL_STR(""), &r), BL_ERR_CORRUPT);
    bl_decoder_free(fresh);
}

static void a_line_that_is_none_is_corrupt(void **state)
{
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        LINE,
        "{\"user_id\":\"u\",\"action\":\"fly\",\"page\":\"/\",\"event_id\":\"e\"}",
        "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"\",\"event_id\":\"e\"}",
        "{\"user_id\":\"\",\"action\":\"click\",\"page\":\"/\",\"event_id\":\"e\"}",
        "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\"}",
        LINE ",\"timestamp\":\"2023-11-14T22:13:20Z\"}",
        LINE ",\"timestamp\":-1}",
        LINE ",\"metadata\":[]}",
        LINE ",\"session_id\":5}",
        LINE ",\"made_id\":\"f\"}", /* one id or the other */
        "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\",\"made_id\":\"f\",\"event_id\":\"e\"}",
        "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/\",\"made_id\":true}",
    };
    struct bl_record r;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (bl_record_read(worker, bl_str_of(lines[i]), &r) != BL_ERR_CORRUPT)
            fail_msg("%s", lines[i]);
}

/* Lines of before say `true` beside event_id; what no plain line has (a number like 1e0) takes the long way. */
static void an_id_that_was_made_is_not_the_clients(void **state)
{
    static const struct {
        const char *line;
        bool made;
    } lines[] = {
        {LINE "}", false},
        {LINE ",\"made_id\":true}", true},
        {LINE ",\"duration\":1e0,\"made_id\":true}", true},
        {"{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"made_id\":\"e\"}", true},
        {"{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"made_id\":\"e\",\"duration\":1e0}", true},
    };
    struct bl_record r;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(bl_record_read(worker, bl_str_of(lines[i].line), &r), BL_OK);
        assert_true(bl_str_eqz(r.event_id, "e"));
        assert_int_equal(r.made_id, lines[i].made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_of_a_batch_stands_alone),
        cmocka_unit_test(lines_that_came_as_something_else_say_how_to_send_them),
        cmocka_unit_test(raw_is_the_event_as_sent),
        cmocka_unit_test(sent_at_reaches_every_event),
        cmocka_unit_test(depth_without_end),
        cmocka_unit_test(nothing_comes_first),
        cmocka_unit_test(a_line_that_is_none_is_corrupt),
        cmocka_unit_test(an_id_that_was_made_is_not_the_clients),
    };
    return cmocka_run_group_tests(tests, decoding_set_up, decoding_tear_down);
}
