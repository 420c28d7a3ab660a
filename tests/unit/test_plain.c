/* Lines read the short way (wire/plain.c) mean what they mean the long way; whatever is unusual is declined. */
#include "bl/wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct bl_decoder *shortly, *fully;

#define HEAD "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"timestamp\":5"

static const char *const taken[] = {
    HEAD "}",
    " " HEAD " } \r",
    "{ \"user_id\" : \"u\" , \"action\" : \"click\" , \"page\" : \"/\" , \"timestamp\" : 5 }",
    "{\"timestamp\":\"2025-01-31T12:00:00.250Z\",\"page\":\"/a/b\",\"action\":\"scroll\",\"user_id\":\"u "
    "1\"}",
    HEAD ",\"event_id\":\"e\",\"session_id\":\"s\",\"duration\":1500,\"device\":\"\",\"country\":\"CH\"}",
    HEAD ",\"duration\":-3}",
    HEAD ",\"metadata\":{}}",
    HEAD ",\"metadata\":{\"target\":\"#buy\",\"x\":12,\"y\":-3,\"form\":\"f\",\"duration_ms\":900,\"other\":"
         "null}}",
    HEAD ",\"metadata\":{\"x\":12,\"flag\":true,\"no\":false}}",
    HEAD ",\"metadata\":{\"duration_ms\":-1},\"duration\":7}",
    HEAD ",\"metadata\":{ \"target\" : \"\" }}",
    HEAD ",\"metadata\":{\"price\":129.5,\"x\":0.1,\"y\":-0.3}}",
    HEAD ",\"metadata\":{\"x\":1234567.12345678,\"y\":-99999999999999.9}}",
    HEAD ",\"metadata\":{\"x\":0.00000000000001,\"y\":0.0,\"duration_ms\":1999.9999999}}",
    HEAD ",\"metadata\":{\"duration_ms\":-0.5},\"duration\":7}",
    HEAD ",\"ip_address\":\"203.0.113.7\",\"referrer\":\"/from?q=1\",\"user_agent\":\"x\",\"title\":\"t\"}",
    HEAD ",\"ip_address\":\"2001:db8::1\"}",
    "{\"user_id\":\"u\",\"action\":\"session_end\",\"timestamp\":999999999999999}",
};

static const char *const declined[] = {
    "",
    "{",
    "{}",
    "[]",
    HEAD,
    HEAD "}}",
    HEAD "} x",
    HEAD ",}",
    HEAD ",\"title\":null}",
    HEAD ",\"title\":\"\xC3\xA9\"}",
    HEAD ",\"title\":\"a\\nb\"}",
    HEAD ",\"title\":\"a\tb\"}",
    HEAD ",\"title\":\"a\x7F\"}",
    HEAD ",\"title\":\"open}",
    HEAD ",\"unknown\":1}",
    HEAD ",\"sent_at\":5}",
    HEAD ",\"made_id\":true}",
    HEAD ",\"user_id\":\"again\"}",
    HEAD ",\"duration\":1.5}",
    HEAD ",\"duration\":1e3}",
    HEAD ",\"duration\":\"5\"}",
    HEAD ",\"duration\":05}",
    HEAD ",\"duration\":-0}",
    HEAD ",\"duration\":1234567890123456}",
    HEAD ",\"metadata\":[]}",
    HEAD ",\"metadata\":{\"a\":1,\"a\":2}}",
    HEAD ",\"metadata\":{\"a\":{}}}",
    HEAD ",\"metadata\":{\"x\":1.}}",
    HEAD ",\"metadata\":{\"x\":.5}}",
    HEAD ",\"metadata\":{\"x\":1.5e3}}",
    HEAD ",\"metadata\":{\"x\":01.5}}",
    HEAD ",\"metadata\":{\"x\":-0}}",
    HEAD ",\"metadata\":{\"x\":-0.0}}",
    HEAD ",\"metadata\":{\"x\":-.5}}",
    HEAD ",\"metadata\":{\"x\":1.5.2}}",
    HEAD ",\"metadata\":{\"x\":1.2345678901234567}}",
    HEAD ",\"metadata\":{\"x\":123456789.01234567}}",
    HEAD ",\"metadata\":{\"duration_ms\":\"900\"}}",
    HEAD ",\"metadata\":{\"a\":truth}}",
    HEAD ",\"metadata\":{\"a\":1,}}",
    HEAD ",\"ip_address\":\"203.0.113\"}",
    HEAD ",\"event_id\":\"\"}",
    "{\"user_id\":\"\",\"action\":\"click\",\"page\":\"/p\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"clack\",\"page\":\"/p\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\"}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"p\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p/\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p?q\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"//h/p\",\"timestamp\":5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"timestamp\":-5}",
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"timestamp\":\"yesterday\"}",
};

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memset(out, 'i', 36);
}

static void same_str(const char *line, struct bl_str a, struct bl_str b)
{
    if (!bl_str_eq(a, b))
        fail_msg("%s: \"%.*s\" is not \"%.*s\"", line, BL_STR_ARG(a), BL_STR_ARG(b));
}

struct want {
    const char *line;
    const struct bl_record *plain;
    bool seen;
};

static void on_decoded(void *ctx, size_t index, const struct bl_record *r, const struct bl_problem *problem,
                       struct bl_str raw)
{
    struct want *w = ctx;
    const struct bl_event *a = &w->plain->event, *b = &r->event;
    (void)index, (void)raw;
    if (problem)
        fail_msg("%s: %s", w->line, problem->message);
    w->seen = true;
    same_str(w->line, w->plain->user_id, r->user_id);
    same_str(w->line, a->page, b->page);
    same_str(w->line, a->session_id, b->session_id);
    same_str(w->line, a->target, b->target);
    same_str(w->line, a->form, b->form);
    assert_int_equal(w->plain->made_id, r->made_id);
    if (!r->made_id)
        same_str(w->line, w->plain->event_id, r->event_id);
    assert_int_equal(a->action, b->action);
    assert_int_equal(w->plain->timestamp_ms, r->timestamp_ms);
    assert_int_equal(w->plain->sent_at_ms, r->sent_at_ms);
    assert_int_equal(a->idle_ms, b->idle_ms);
    assert_int_equal(a->has_xy, b->has_xy);
    assert_true(a->x == b->x && a->y == b->y);
}

static void plain_lines_mean_the_same(void **state)
{
    static const struct bl_decode_options options = {
        .max_events = 1, .timestamp_needed = true, .make_id = make_id};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct bl_record record;
        struct bl_problem problem;
        struct want want = {.line = taken[i], .plain = &record};
        struct bl_str line = bl_str_of(taken[i]);
        if (!bl_decode_plain(shortly, line, &record))
            fail_msg("declined: %s", taken[i]);
        assert_int_equal(bl_decode_body(fully, BL_BODY_EVENT, line, &options, on_decoded, &want, &problem),
                         BL_OK);
        assert_true(want.seen);
    }
}

static void the_first_line_of_a_text_ends_where_its_event_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        char text[1024];
        struct bl_record record;
        size_t n = strlen(taken[i]);
        assert_in_range(snprintf(text, sizeof text, "%s\n%s\n", taken[i], taken[0]), 1, sizeof text - 1);
        struct bl_str both = bl_str_of(text);
        assert_int_equal(bl_decode_plain_first(shortly, both, &record), n + 1);
        assert_int_equal(bl_decode_plain_first(shortly, (struct bl_str){text, n + 1}, &record), n + 1);
        assert_int_equal(bl_decode_plain_first(shortly, (struct bl_str){text, n}, &record), 0);
        text[n] = ',';
        assert_int_equal(bl_decode_plain_first(shortly, both, &record), 0);
    }
}

static void anything_unusual_is_declined(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof declined / sizeof *declined; i++) {
        struct bl_record record;
        if (bl_decode_plain(shortly, bl_str_of(declined[i]), &record))
            fail_msg("taken: %s", declined[i]);
    }
}

/* The fast scan looks at eight bytes at a time: every place of a byte that ends it. */
static void every_place_of_an_odd_byte(void **state)
{
    static const char odd[] = {'\\', '\x01', '\x1f', '\x7f', '\x80', '\xff'};
    (void)state;
    for (size_t k = 0; k < sizeof odd; k++)
        for (size_t at = 0; at < 24; at++) {
            char line[128];
            struct bl_record record;
            int n = snprintf(line, sizeof line, HEAD ",\"title\":\"%.*s%.*s\"}", (int)at,
                             "aaaaaaaaaaaaaaaaaaaaaaaa", (int)(24 - at), "bbbbbbbbbbbbbbbbbbbbbbbb");
            assert_true(bl_decode_plain(shortly, (struct bl_str){line, (size_t)n}, &record));
            line[strlen(HEAD) + 10 + at] = odd[k];
            assert_false(bl_decode_plain(shortly, (struct bl_str){line, (size_t)n}, &record));
        }
}

static int make(void **state)
{
    (void)state;
    return bl_decoder_new(&shortly) == BL_OK && bl_decoder_new(&fully) == BL_OK ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    bl_decoder_free(shortly);
    bl_decoder_free(fully);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_mean_the_same),
        cmocka_unit_test(the_first_line_of_a_text_ends_where_its_event_does),
        cmocka_unit_test(anything_unusual_is_declined),
        cmocka_unit_test(every_place_of_an_odd_byte),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
