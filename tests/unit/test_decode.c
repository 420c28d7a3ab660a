/* What comes in, by SPEC 2.1 and 2.2: each case is a body and what becomes of it. An accepted event is
 * compared with its canonical line, and that line is read back as a worker would: the record must be the
 * same. */
#include "bl/base/limits.h"
#include "bl/wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define MADE "01890a5d-ac96-774b-bcce-b302099a8057"

static struct bl_decoder *decoder, *worker;

/* What the callback was given. */
struct outcome {
    size_t calls, accepted;
    enum bl_err err[8];
    char field[8][64];
    char message[8][1024];
    char line[8][BL_EVENT_MAX_BYTES];
    char raw[8][256];
    struct bl_record record; /* the last one; its slices are dead */
    char target[64], form[64];
};

static struct outcome got;

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, MADE, 36);
}

static void copy(char *to, size_t cap, struct bl_str s)
{
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

static void assert_same(struct bl_str a, struct bl_str b)
{
    if (!bl_str_eq(a, b))
        fail_msg("%.*s is not %.*s", BL_STR_ARG(a), BL_STR_ARG(b));
}

static void assert_reads_back(const struct bl_record *r)
{
    struct bl_record w;
    assert_int_equal(bl_record_read(worker, r->line, &w), BL_OK);
    assert_same(w.user_id, r->user_id);
    assert_same(w.event_id, r->event_id);
    assert_same(w.event.page, r->event.page);
    assert_same(w.event.session_id, r->event.session_id);
    assert_same(w.event.target, r->event.target);
    assert_same(w.event.form, r->event.form);
    assert_int_equal(w.event.action, r->event.action);
    assert_int_equal(w.event.idle_ms, r->event.idle_ms);
    assert_int_equal(w.event.has_xy, r->event.has_xy);
    assert_true(w.event.x == r->event.x && w.event.y == r->event.y);
    assert_int_equal(w.made_id, r->made_id);
    assert_int_equal(w.timestamp_ms, r->timestamp_ms);
    assert_int_equal(w.sent_at_ms, r->sent_at_ms);
}

static void on_event(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    struct outcome *o = ctx;
    assert_int_equal(index, o->calls);
    assert_true((record == NULL) != (problem == NULL));
    size_t i = o->calls++ % 8;
    copy(o->raw[i], sizeof o->raw[i], raw);
    o->err[i] = problem ? problem->err : BL_OK;
    o->line[i][0] = o->field[i][0] = o->message[i][0] = '\0';
    if (problem) {
        assert_true(bl_str_utf8(bl_str_of(problem->message)) && problem->message[0]);
        copy(o->field[i], sizeof o->field[i], bl_str_of(problem->field));
        copy(o->message[i], sizeof o->message[i], bl_str_of(problem->message));
        return;
    }
    o->accepted++;
    o->record = *record;
    copy(o->line[i], sizeof o->line[i], record->line);
    copy(o->target, sizeof o->target, record->event.target);
    copy(o->form, sizeof o->form, record->event.form);
    assert_reads_back(record);
}

static struct bl_decode_options options = {.max_events = 5, .make_id = make_id};
static struct bl_problem body_problem;

static enum bl_err decode(enum bl_body_kind kind, struct bl_str body)
{
    /* Exactly as long as it is: a byte too far is seen by the sanitizer. */
    char *p = malloc(body.n + 1);
    got.calls = got.accepted = 0;
    memcpy(p, body.p, body.n);
    enum bl_err err =
        bl_decode_body(decoder, kind, (struct bl_str){p, body.n}, &options, on_event, &got, &body_problem);
    free(p);
    assert_int_equal(err == BL_OK, body_problem.err == BL_OK);
    if (err != BL_OK)
        assert_int_equal(got.calls, 0);
    return err;
}

/* One event; the error of the event or the body. */
static enum bl_err one(struct bl_str body)
{
    enum bl_err err = decode(BL_BODY_EVENT, body);
    if (err != BL_OK)
        return err;
    assert_int_equal(got.calls, 1);
    return got.err[0];
}

#define U    "\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e\""
#define LINE "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e\""

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
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"" MADE "\",\"made_id\":true}"},
    {"null is absent",
     "{" U ",\"timestamp\":null,\"session_id\":null,\"duration\":null,\"metadata\":null,\"country\":null,"
           "\"other\":null}",
     LINE "}"},
    {"an event_id of null is absent",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":null}",
     "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"" MADE "\",\"made_id\":true}"},
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
    {"custom needs no page but a name",
     "{\"user_id\":\"u\",\"action\":\"custom\",\"event_id\":\"e\",\"metadata\":{\"name\":\"n\"}}",
     "{\"user_id\":\"u\",\"action\":\"custom\",\"page\":\"\",\"event_id\":\"e\",\"metadata\":{\"name\":\"n\"}"
     "}"},
    {"a surrogate pair is a character", "{" U ",\"title\":\"\\ud83d\\ude00\"}",
     LINE ",\"title\":\"\xF0\x9F\x98\x80\"}"},
    {"NUL in a title is data", "{" U ",\"title\":\"a\\u0000b\"}", LINE ",\"title\":\"a\\u0000b\"}"},
    {"a large integer in metadata keeps its digits", "{" U ",\"metadata\":{\"n\":18446744073709551615}}",
     LINE ",\"metadata\":{\"n\":18446744073709551615}}"},
    {"the eighth level", "{" U ",\"metadata\":{\"a\":[[[[[[1]]]]]]}}",
     LINE ",\"metadata\":{\"a\":[[[[[[1]]]]]]}}"},
    {"an unknown field that would get too deep is left out",
     "{" U ",\"a\":[[[[[[[1]]]]]]],\"b\":[[[[[[1]]]]]]}", LINE ",\"metadata\":{\"b\":[[[[[[1]]]]]]}}"},
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
    {"custom without a name", "{\"user_id\":\"u\",\"action\":\"custom\"}", BL_ERR_MISSING_FIELD,
     "metadata.name"},
    {"custom with an empty name", "{\"user_id\":\"u\",\"action\":\"custom\",\"metadata\":{\"name\":\"\"}}",
     BL_ERR_MISSING_FIELD, "metadata.name"},
    {"custom with a number for a name", "{\"user_id\":\"u\",\"action\":\"custom\",\"metadata\":{\"name\":1}}",
     BL_ERR_MISSING_FIELD, "metadata.name"},
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
    {"the ninth level", "{" U ",\"metadata\":{\"a\":[[[[[[[1]]]]]]]}}", BL_ERR_TOO_DEEP, ""},
    {"the ninth level, empty", "{" U ",\"metadata\":{\"a\":[[[[[[[]]]]]]]}}", BL_ERR_TOO_DEEP, ""},
    {"the ninth level in an unknown field", "{" U ",\"a\":[[[[[[[[1]]]]]]]]}", BL_ERR_TOO_DEEP, ""},
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

/* A batch: what each event became, one letter each: 'a' accepted, 'r' rejected; or the body's error. */
struct batch_case {
    const char *what;
    enum bl_body_kind kind;
    const char *body;
    enum bl_err err;
    const char *outcome;
};

#define E "{" U "}"

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
    {"events that are an object", BL_BODY_BATCH, "{\"events\":{}}", BL_ERR_MISSING_FIELD, ""},
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
    };
    struct bl_record r;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (bl_record_read(worker, bl_str_of(lines[i]), &r) != BL_ERR_CORRUPT)
            fail_msg("%s", lines[i]);
}

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

static int set_up(void **state)
{
    (void)state;
    return bl_decoder_new(&decoder) == BL_OK && bl_decoder_new(&worker) == BL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bl_decoder_free(decoder);
    bl_decoder_free(worker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_events_are_taken),
        cmocka_unit_test(a_line_taken_again_is_the_same_line),
        cmocka_unit_test(bad_events_are_refused),
        cmocka_unit_test(a_raw_nul_is_refused),
        cmocka_unit_test(an_unknown_action_is_told_the_valid_ones),
        cmocka_unit_test(both_sides_of_each_bound),
        cmocka_unit_test(metadata_is_measured_as_sent),
        cmocka_unit_test(unknown_fields_are_kept_while_they_fit),
        cmocka_unit_test(event_mode_needs_a_timestamp),
        cmocka_unit_test(the_duration_of_an_idle),
        cmocka_unit_test(target_form_and_place),
        cmocka_unit_test(pages_are_kept_as_paths),
        cmocka_unit_test(times_in_rfc_3339),
        cmocka_unit_test(each_event_of_a_batch_stands_alone),
        cmocka_unit_test(raw_is_the_event_as_sent),
        cmocka_unit_test(sent_at_reaches_every_event),
        cmocka_unit_test(depth_without_end),
        cmocka_unit_test(nothing_comes_first),
        cmocka_unit_test(a_line_that_is_none_is_corrupt),
        cmocka_unit_test(what_is_kept_of_a_bad_event),
        cmocka_unit_test(what_is_kept_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
