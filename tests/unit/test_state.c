/* The stored form of a user's state: what it looks like, that it comes back whole, and that hostile text does
 * not get in (include/bl/wire/state.h). */
#include "bl/core/engine.h"
#include "bl/core/rule.h"
#include "bl/wire/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define T0 1700000000000LL

static struct bl_user *u, *back;
static struct bl_state_decoder *decoder;
static struct bl_buf text, again;

static int set_up(void **state)
{
    (void)state;
    u = malloc(sizeof *u);
    back = malloc(sizeof *back);
    assert_true(u && back);
    bl_user_init(u);
    return bl_state_decoder_new(&decoder) == BL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(u);
    free(back);
    bl_state_decoder_free(decoder);
    bl_buf_release(&text);
    bl_buf_release(&again);
    return 0;
}

static bl_name name(const char *z)
{
    return bl_user_intern(u, bl_str_of(z));
}

static void add_visit(const char *page, int64_t t_ms, bool view, bool twinned)
{
    struct bl_visit *v = bl_user_add_visit(u);
    *v = (struct bl_visit){.t_ms = t_ms, .page = name(page), .view = view, .twinned = twinned};
}

static void add_moment(enum bl_action action, const char *page, int64_t t_ms)
{
    struct bl_moment *m = bl_user_add_moment(u, t_ms);
    *m = (struct bl_moment){.t_ms = t_ms, .page = name(page), .action = (uint8_t)action};
}

/* A shopper in the middle of things: 6 visits to 4 pages, 20 events, a loop, a cooldown, an attempt. */
static void shopper(void)
{
    static const char *const pages[] = {"/", "/products", "/products/42", "/cart", "/products", "/cart"};
    for (int i = 0; i < 6; i++) {
        add_visit(pages[i], T0 + i * 9000, true, false);
        add_moment(BL_ACTION_PAGE_VIEW, pages[i], T0 + i * 9000);
        for (int j = 0; j < (i < 4 ? 2 : 3); j++)
            add_moment(j % 2 ? BL_ACTION_SCROLL : BL_ACTION_CLICK, pages[i], T0 + i * 9000 + 1200 + j * 750);
    }
    u->seen_ms = u->floor_ms = T0 + 49000;
    u->in_session = true;
    u->session_ms = T0;
    u->page_ms = T0 + 45000;
    u->anchor_ms = T0 + 48000;
    u->events = 20;
    u->page = name("/cart");
    u->session = name("s-1");
    *bl_user_add_open(u) = (struct bl_open){.rule = BL_RULE_NAVIGATION_LOOP,
                                            .variant = 1,
                                            .severity = BL_MEDIUM,
                                            .page = name("/products"),
                                            .detected_ms = T0 + 36000,
                                            .due_ms = T0 + 156000,
                                            .n = 3};
    struct bl_mark *m = bl_user_add_mark(u);
    m->rule = BL_RULE_ABANDONMENT;
    m->kind = 1;
    m->page = name("/cart");
    m->t_ms = T0 + 27000;
    m->due_ms = T0 + 87000;
    m->session = true;
    m->n = -1;
}

static size_t encode_into(const struct bl_user *from, struct bl_buf *to,
                          struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    size_t n = 0;
    assert_int_equal(bl_state_encode(from, to, out), BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        n += out[i].value.n ? strlen(out[i].name) + out[i].value.n : 0;
    return n;
}

static struct bl_str field(const struct bl_state_field *f, const char *wanted)
{
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (strcmp(f[i].name, wanted) == 0)
            return f[i].value;
    fail_msg("no field %s", wanted);
    return (struct bl_str){NULL, 0};
}

static void assert_text(struct bl_str s, const char *want)
{
    if (!bl_str_eqz(s, want))
        fail_msg("got %.*s, want %s", BL_STR_ARG(s), want);
}

/* Writes u, reads it back (fields in reverse order), writes that: the same bytes. */
static void round_trip(void)
{
    struct bl_state_field one[BL_STATE_FIELDS_MAX], two[BL_STATE_FIELDS_MAX];
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    size_t n = 0;
    encode_into(u, &text, one);
    for (size_t i = BL_STATE_FIELDS_MAX; i > 0; i--)
        if (one[i - 1].value.n)
            pairs[n++] = (struct bl_state_pair){bl_str_of(one[i - 1].name), one[i - 1].value};
    memset(back, 0xAA, sizeof *back);
    assert_int_equal(bl_state_decode(decoder, back, pairs, n), BL_OK);
    encode_into(back, &again, two);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (!bl_str_eq(one[i].value, two[i].value))
            fail_msg("%s: %.*s came back as %.*s", one[i].name, BL_STR_ARG(one[i].value),
                     BL_STR_ARG(two[i].value));
}

static void nobody_is_no_field(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    (void)state;
    assert_int_equal(encode_into(u, &text, f), 0);
    assert_int_equal(bl_state_decode(decoder, back, NULL, 0), BL_OK);
    assert_true(bl_user_gone(back));
}

static void a_person_can_read_it(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    (void)state;
    shopper();
    size_t bytes = encode_into(u, &text, f);
    assert_text(field(f, "page"), "/cart");
    assert_text(field(f, "session"), "s-1");
    assert_text(field(f, "head"), "{\"seen\":1700000049000,\"floor\":0,\"began\":-49000,\"page\":-4000,"
                                  "\"anchor\":-1000,\"events\":20,\"moments\":20,\"session\":1}");
    assert_text(
        field(f, "visits"),
        "[1700000000000,[\"/\"],\"view\",0,[\"/products\"],\"view\",9000,[\"/products/42\"],\"view\",9000,"
        "[\"/cart\"],\"view\",9000,[1],\"view\",9000,[3],\"view\",9000]");
    assert_text(
        field(f, "open"),
        "[[\"navigation-loop\",\"revisit\",\"medium\",\"/products\",null,null,1700000036000,120000,3,0]]");
    assert_text(field(f, "marks"), "[[\"abandonment\",1,\"/cart\",null,1700000027000,null,60000,-1,1]]");
    assert_text(field(f, "w1"), "[16,1700000045000,[\"/cart\"],\"page_view\",0,\"click\",1200,\"scroll\",750,"
                                "\"click\",750]");
    assert_int_equal(field(f, "w2").n, 0);
    if (bytes > 1000)
        fail_msg("%zu bytes", bytes);
    print_message("a shopper takes %zu bytes\n", bytes);
}

static void a_shopper_comes_back_whole(void **state)
{
    (void)state;
    shopper();
    round_trip();
    assert_int_equal(back->seen_ms, u->seen_ms);
    assert_int_equal(back->floor_ms, u->floor_ms);
    assert_int_equal(back->session_ms, u->session_ms);
    assert_int_equal(back->page_ms, u->page_ms);
    assert_int_equal(back->anchor_ms, u->anchor_ms);
    assert_int_equal(back->window_first, 0);
    assert_int_equal(back->n_window, 20);
    assert_int_equal(back->n_visits, 6);
    assert_int_equal(back->open[0].due_ms, u->open[0].due_ms);
    assert_int_equal(back->marks[0].until_ms, BL_NEVER);
    assert_int_equal(back->marks[0].n, -1);
    assert_true(back->marks[0].session && back->in_session);
}

static void strange_texts_come_back_whole(void **state)
{
    (void)state;
    shopper();
    u->page = name("/\"quoted\"\\\xC3\xA9\xE2\x82\xAC");
    u->session = name("[\"not a list\"]");
    add_visit("/\"quoted\"\\\xC3\xA9\xE2\x82\xAC", T0 + 50000, false, true);
    u->open[0].element = name("#buy\n\t'");
    u->open[0].other = name("/products");
    u->marks[0].until_ms = T0 - 5;
    u->marks[0].n = INT64_MIN;
    u->seen_ms = 0;
    u->hidden = true;
    u->level = 3;
    round_trip();
    assert_true(back->hidden);
    assert_int_equal(back->level, 3);
}

static void places_come_back_whole(void **state)
{
    static const double places[] = {0, 12.5, -0.25, 1e300, -5e-324, 30.000000000000004};
    (void)state;
    shopper();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct bl_mark *m = bl_user_add_mark(u);
        m->rule = BL_RULE_RAGE_CLICK;
        m->has_xy = true;
        m->x = places[i];
        m->y = -places[i] + 0.0;
    }
    round_trip();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_true(back->marks[1 + i].has_xy);
        assert_true(back->marks[1 + i].x == places[i] && back->marks[1 + i].y == -places[i]);
    }
    assert_false(back->marks[0].has_xy);
}

static void the_window_comes_back_whole_at_every_length(void **state)
{
    (void)state;
    bl_user_init(u);
    u->in_session = true;
    for (int i = 0; i < 3 * BL_WINDOW_KEEP; i++) {
        add_moment((enum bl_action)(i % BL_ACTION_COUNT), i % 3 ? "/a" : i % 5 ? "" : "/b", T0 + i * 700);
        u->seen_ms = u->floor_ms = T0 + i * 700;
        round_trip();
        assert_int_equal(back->window_first, u->window_first);
        assert_int_equal(back->n_window, u->n_window);
    }
    assert_true(u->window_first > 0);
}

static void an_empty_window_keeps_its_number(void **state)
{
    (void)state;
    u->seen_ms = T0;
    u->window_first = 37;
    round_trip();
    assert_int_equal(back->window_first, 37);
    assert_int_equal(back->n_window, 0);
}

static void a_full_state_comes_back_whole(void **state)
{
    char z[64];
    (void)state;
    shopper();
    while (u->n_visits < BL_VISITS_MAX) {
        snprintf(z, sizeof z, "/v%d", u->n_visits);
        add_visit(z, T0 + 60000 + u->n_visits, u->n_visits % 2, u->n_visits % 3 == 0);
    }
    while (u->n_open < BL_OPEN_MAX) {
        snprintf(z, sizeof z, "/o%d", u->n_open);
        struct bl_open *o = bl_user_add_open(u);
        o->rule = BL_RULE_ABANDONMENT;
        o->variant = (uint8_t)(1 + u->n_open % 2);
        o->severity = (uint8_t)(1 + u->n_open % 3);
        o->page = name(z);
        o->past = u->n_open % 2;
        o->detected_ms = T0 - u->n_open;
    }
    while (u->n_marks < BL_MARKS_MAX) {
        snprintf(z, sizeof z, "#e%d", u->n_marks);
        struct bl_mark *m = bl_user_add_mark(u);
        m->rule = BL_RULE_HESITATION;
        m->kind = (uint8_t)(u->n_marks * 2);
        m->element = name(z);
        m->page = name("/cart");
        m->t_ms = T0 + u->n_marks;
        m->until_ms = T0 + 60000;
    }
    round_trip();
    assert_int_equal(back->n_open, BL_OPEN_MAX);
    assert_int_equal(back->n_marks, BL_MARKS_MAX);
    assert_int_equal(back->n_visits, BL_VISITS_MAX);
}

#define HEAD  "{\"seen\":1700000000000,\"floor\":0}"
#define HEAD2 "{\"seen\":1700000000000,\"floor\":0,\"moments\":2}"

struct text_case {
    const char *what, *name, *value, *head;
    enum bl_err err;
};

static const struct text_case text_cases[] = {
    {"an unknown field is ignored", "later", "{{{", HEAD, BL_OK},
    {"a head with unknown members is fine", "head", "{\"seen\":1,\"floor\":0,\"new\":7}", NULL, BL_OK},
    {"no head", "page", "/a", NULL, BL_ERR_CORRUPT},
    {"a head that is no JSON", "head", "{", NULL, BL_ERR_CORRUPT},
    {"a head that is no object", "head", "[]", NULL, BL_ERR_CORRUPT},
    {"never seen", "head", "{\"seen\":-1}", NULL, BL_ERR_CORRUPT},
    {"a time beyond all times", "head", "{\"seen\":9223372036854775807}", NULL, BL_ERR_CORRUPT},
    {"times that overflow together", "head", "{\"seen\":1,\"floor\":9223372036854775807}", NULL,
     BL_ERR_CORRUPT},
    {"a level that is none", "head", "{\"seen\":1,\"level\":4}", NULL, BL_ERR_CORRUPT},
    {"moments that are not there", "head", HEAD2 "", NULL, BL_OK},
    {"a page that is no UTF-8", "page", "/\xFF", HEAD, BL_ERR_CORRUPT},
    {"an unknown rule is dropped", "marks", "[[\"no-such\",1,null,null,1,null,null,0,0]]", HEAD, BL_OK},
    {"an unknown variant is dropped", "open",
     "[[\"abandonment\",\"no-such\",\"low\",null,null,null,1,null,0,0]]", HEAD, BL_OK},
    {"a variant where there is none is dropped", "open",
     "[[\"hesitation\",\"exit\",\"low\",null,null,null,1,null,0,0]]", HEAD, BL_OK},
    {"no variant where there must be one is dropped", "open",
     "[[\"abandonment\",null,\"low\",null,null,null,1,null,0,0]]", HEAD, BL_OK},
    {"an unknown severity", "open", "[[\"abandonment\",\"exit\",\"dire\",null,null,null,1,null,0,0]]", HEAD,
     BL_ERR_CORRUPT},
    {"an entry too short", "marks", "[[\"hesitation\",1,null,null,1,null,null,0]]", HEAD, BL_ERR_CORRUPT},
    {"an entry too long", "marks", "[[\"hesitation\",1,null,null,1,null,null,0,0,0]]", HEAD, BL_ERR_CORRUPT},
    {"a kind above a byte", "marks", "[[\"hesitation\",256,null,null,1,null,null,0,0]]", HEAD,
     BL_ERR_CORRUPT},
    {"a number of no text", "marks", "[[\"hesitation\",1,0,null,1,null,null,0,0]]", HEAD, BL_ERR_CORRUPT},
    {"a number below the texts", "marks", "[[\"hesitation\",1,-1,null,1,null,null,0,0]]", HEAD,
     BL_ERR_CORRUPT},
    {"an empty text", "marks", "[[\"hesitation\",1,\"\",null,1,null,null,0,0]]", HEAD, BL_ERR_CORRUPT},
    {"a fraction", "marks", "[[\"hesitation\",1.5,null,null,1,null,null,0,0]]", HEAD, BL_ERR_CORRUPT},
    {"a place of one number", "marks", "[[\"rage-click\",0,null,null,1,null,null,1,1,5]]", HEAD,
     BL_ERR_CORRUPT},
    {"a place of three", "marks", "[[\"rage-click\",0,null,null,1,null,null,1,1,5,6,7]]", HEAD,
     BL_ERR_CORRUPT},
    {"a place that is no number", "marks", "[[\"rage-click\",0,null,null,1,null,null,1,1,5,\"6\"]]", HEAD,
     BL_ERR_CORRUPT},
    {"a place of nulls", "marks", "[[\"rage-click\",0,null,null,1,null,null,1,1,null,null]]", HEAD,
     BL_ERR_CORRUPT},
    {"a place beyond all numbers", "marks", "[[\"rage-click\",0,null,null,1,null,null,1,1,1e999,0]]", HEAD,
     BL_ERR_CORRUPT},
    {"visits by an unknown kind", "visits", "[1,\"fly\",0]", HEAD, BL_ERR_CORRUPT},
    {"visits out of order", "visits", "[1,\"nav\",0,\"nav\",-1]", HEAD, BL_ERR_CORRUPT},
    {"visits without a time", "visits", "[1,\"nav\"]", HEAD, BL_ERR_CORRUPT},
    {"visits with two pages in one", "visits", "[1,[\"/a\",\"/b\"],\"nav\",0]", HEAD, BL_ERR_CORRUPT},
    {"a chunk", "w0", "[0,1,\"click\",0,\"click\",0]", HEAD2, BL_OK},
    {"a chunk of an unknown action", "w0", "[0,1,\"fly\",0,\"click\",0]", HEAD2, BL_OK},
    {"a chunk in another's place", "w1", "[0,1,\"click\",0,\"click\",0]", HEAD2, BL_ERR_CORRUPT},
    {"a chunk that lacks a moment", "w0", "[0,1,\"click\",0]", HEAD2, BL_ERR_CORRUPT},
    {"an empty chunk", "w0", "[0,1]", HEAD, BL_ERR_CORRUPT},
    {"a chunk with a negative number", "w0", "[-16,1,\"click\",0,\"click\",0]", HEAD2, BL_ERR_CORRUPT},
};

static void text_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        const struct text_case *c = &text_cases[i];
        struct bl_state_pair pairs[2] = {{bl_str_of(c->name), bl_str_of(c->value)},
                                         {BL_STR("head"), bl_str_of(c->head)}};
        bool lacks_moments = strcmp(c->what, "moments that are not there") == 0;
        enum bl_err err = bl_state_decode(decoder, back, pairs, c->head ? 2 : 1);
        if (err != c->err)
            fail_msg("%s: %s, not %s", c->what, bl_err_code(err), bl_err_code(c->err));
        if (lacks_moments)
            assert_int_equal(back->window_first, 2);
        if (err == BL_OK)
            assert_int_equal(back->n_marks + back->n_open, 0);
        else
            assert_true(bl_user_gone(back));
    }
}

static void too_many_entries_are_refused(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    for (int n = BL_MARKS_MAX; n <= BL_MARKS_MAX + 1; n++) {
        bl_buf_clear(&b);
        for (int i = 0; i < n; i++)
            bl_buf_z(&b, i ? ",[\"hesitation\",1,null,null,1,null,null,0,0]"
                           : "[[\"hesitation\",1,null,null,1,null,null,0,0]");
        bl_buf_char(&b, ']');
        struct bl_state_pair pairs[2] = {{BL_STR("marks"), bl_buf_view(&b)}, {BL_STR("head"), BL_STR(HEAD)}};
        assert_int_equal(bl_state_decode(decoder, back, pairs, 2), n > BL_MARKS_MAX ? BL_ERR_CORRUPT : BL_OK);
    }
    bl_buf_release(&b);
}

static void ignore_pattern(void *ctx, const struct bl_pattern *pattern)
{
    (void)ctx;
    (void)pattern;
}

/* Who has not been on a page yet has no time far from the others in the head. */
static void a_user_without_a_page_has_a_short_head(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    struct bl_settings settings;
    const struct bl_event e = {.action = BL_ACTION_SCROLL, .t_ms = T0, .idle_ms = -1};
    (void)state;
    bl_settings_defaults(&settings);
    const struct bl_engine g = {&settings, {.pattern = ignore_pattern}};
    bl_engine_event(&g, u, BL_STR("ann"), &e);
    assert_true(u->in_session && !u->page);
    encode_into(u, &text, f);
    assert_text(
        field(f, "head"),
        "{\"seen\":1700000000000,\"floor\":0,\"due\":1800000,\"events\":1,\"moments\":1,\"session\":1}");
    round_trip();
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(nobody_is_no_field),
        STORY(a_person_can_read_it),
        STORY(a_shopper_comes_back_whole),
        STORY(strange_texts_come_back_whole),
        STORY(places_come_back_whole),
        STORY(the_window_comes_back_whole_at_every_length),
        STORY(a_user_without_a_page_has_a_short_head),
        STORY(an_empty_window_keeps_its_number),
        STORY(a_full_state_comes_back_whole),
        STORY(text_is_checked),
        STORY(too_many_entries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
