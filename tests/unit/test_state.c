/* The stored form of a user's state: what it looks like, that it comes back whole, and that hostile text does
 * not get in (include/bl/wire/state.h). */
#include "state_shopper.h"

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
    memset(back, 0xAA, offsetof(struct bl_user, room));
    assert_int_equal(bl_state_decode(decoder, back, pairs, n, NULL), BL_OK);
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
    assert_int_equal(bl_state_decode(decoder, back, NULL, 0, NULL), BL_OK);
    assert_true(bl_user_gone(back));
}

static void a_person_can_read_it(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    (void)state;
    shopper();
    size_t bytes = encode_into(u, &text, f);
    assert_text(field(f, "names"), "[\"/\",\"/products\",\"/products/42\",\"/cart\",\"s-1\"]");
    assert_text(field(f, "head"),
                "1700000049000 b-49000 o-4000 a-1000 e20 m20 p4 i5 S;abandonment.1 p4 t-22000 d60000 n-1 S");
    assert_text(field(f, "visits"), "1700000000000 1v 2v9000 3v9000 4v9000 2v9000 4v9000");
    assert_text(field(f, "open"), "navigation-loop.revisit medium p2 t1700000036000 d120000 n3");
    assert_text(field(f, "w1"), "16 1700000045000 4vi cl1200 sc750 cl750");
    assert_int_equal(field(f, "w2").n, 0);
    if (bytes > 440)
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

#define HEAD "1700000000000"
#define NAMES                                                                                                \
    {                                                                                                        \
        BL_STR("names"), BL_STR("[\"/a\",\"#b\"]")                                                           \
    }

struct text_case {
    const char *what, *name, *value, *head;
    enum bl_err err;
};

static const struct text_case text_cases[] = {
    {"an unknown field is ignored", "later", "{{{", HEAD, BL_OK},
    {"a head alone", "head", "1", NULL, BL_OK},
    {"all of a head", "head", "1 f1 d2 b-3 o4 a5 e6 m0 p1 i1 S H l3 r100", NULL, BL_OK},
    {"no head", "visits", "1 v", NULL, BL_ERR_CORRUPT},
    {"no number", "head", "x", NULL, BL_ERR_CORRUPT},
    {"never seen", "head", "-1", NULL, BL_ERR_CORRUPT},
    {"a zero too many", "head", "01", NULL, BL_ERR_CORRUPT},
    {"no zero below zero", "head", "1 f-0", NULL, BL_ERR_CORRUPT},
    {"a plus", "head", "+1", NULL, BL_ERR_CORRUPT},
    {"a fraction", "head", "1.5", NULL, BL_ERR_CORRUPT},
    {"a time beyond all times", "head", "9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a number beyond all numbers", "head", "1 f9223372036854775808", NULL, BL_ERR_CORRUPT},
    {"a number of twenty digits", "head", "1 f10000000000000000000", NULL, BL_ERR_CORRUPT},
    {"times that overflow together", "head", "1 f9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a level that is none", "head", "1 l4", NULL, BL_ERR_CORRUPT},
    {"a friction beyond the most", "head", "1 r101", NULL, BL_ERR_CORRUPT},
    {"events below none", "head", "1 e-1", NULL, BL_ERR_CORRUPT},
    {"a tag twice", "head", "1 f1 f1", NULL, BL_ERR_CORRUPT},
    {"tags out of order", "head", "1 d1 f1", NULL, BL_ERR_CORRUPT},
    {"a tag that there is not", "head", "1 q1", NULL, BL_ERR_CORRUPT},
    {"a tag without its number", "head", "1 f", NULL, BL_ERR_CORRUPT},
    {"a flag with a number", "head", "1 S1", NULL, BL_ERR_CORRUPT},
    {"two spaces", "head", "1  f1", NULL, BL_ERR_CORRUPT},
    {"a space at the end", "head", "1 ", NULL, BL_ERR_CORRUPT},
    {"a page that has no name", "head", "1 p3", NULL, BL_ERR_CORRUPT},
    {"a page below the names", "head", "1 p-1", NULL, BL_ERR_CORRUPT},
    {"an unknown rule's mark is dropped", "head", "1;no-such.1 p1 t-5", NULL, BL_OK},
    {"a mark of no rule", "head", "1;", NULL, BL_ERR_CORRUPT},
    {"a kind above a byte", "head", "1;hesitation.256", NULL, BL_ERR_CORRUPT},
    {"a place of one number", "head", "1;rage-click x5", NULL, BL_ERR_CORRUPT},
    {"a place that is no number", "head", "1;no-such x5 ya", NULL, BL_ERR_CORRUPT},
    {"a place that is none", "head", "1;no-such x5 ynan", NULL, BL_ERR_CORRUPT},
    {"a place in hexadecimal", "head", "1;no-such x5 y0x10", NULL, BL_ERR_CORRUPT},
    {"a place not in its shortest form", "head", "1;no-such x5 y1.50", NULL, BL_ERR_CORRUPT},
    {"a place beyond all numbers", "head", "1;no-such x5 y1e999", NULL, BL_ERR_CORRUPT},
    {"a deadline of a rule that fires none", "head", "1;quick-back d5", NULL, BL_ERR_CORRUPT},
    {"a count that can grow no more", "head", "1;no-such n9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"an open count that can grow no more", "open", "no-such low n9223372036854775807", HEAD, BL_ERR_CORRUPT},
    {"names that are no list", "names", "\"/a\"", HEAD, BL_ERR_CORRUPT},
    {"a list of no names", "names", "[]", HEAD, BL_ERR_CORRUPT},
    {"an empty name", "names", "[\"\"]", HEAD, BL_ERR_CORRUPT},
    {"a name twice", "names", "[\"/a\",\"/a\"]", HEAD, BL_ERR_CORRUPT},
    {"a name without an end", "names", "[\"/a", HEAD, BL_ERR_CORRUPT},
    {"a name that ends in an escape", "names", "[\"/a\\", HEAD, BL_ERR_CORRUPT},
    {"an escape that nobody writes", "names", "[\"/\\u0061\"]", HEAD, BL_ERR_CORRUPT},
    {"a name that is no UTF-8", "names", "[\"/\xFF\"]", HEAD, BL_ERR_CORRUPT},
    {"text behind the names", "names", "[\"/a\"] ", HEAD, BL_ERR_CORRUPT},
    {"an unknown variant is dropped", "open", "abandonment.no-such low t1", HEAD, BL_OK},
    {"a variant where there is none is dropped", "open", "hesitation.exit low t1", HEAD, BL_OK},
    {"no variant where there must be one is dropped", "open", "abandonment low t1", HEAD, BL_OK},
    {"an unknown severity", "open", "abandonment.exit dire t1", HEAD, BL_ERR_CORRUPT},
    {"no severity", "open", "abandonment.exit", HEAD, BL_ERR_CORRUPT},
    {"an open pattern too many", "open", "no-such low;", HEAD, BL_ERR_CORRUPT},
    {"visits by an unknown kind", "visits", "1 f", HEAD, BL_ERR_CORRUPT},
    {"visits out of order", "visits", "1 n n-1", HEAD, BL_ERR_CORRUPT},
    {"visits without one", "visits", "1", HEAD, BL_ERR_CORRUPT},
    {"a chunk", "w0", "0 1 cl cl", HEAD " m2", BL_OK},
    {"a chunk of an unknown action", "w0", "0 1 zz cl", HEAD " m2", BL_OK},
    {"a chunk of half an action", "w0", "0 1 cl c", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk in another's place", "w1", "0 1 cl cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk that lacks a moment", "w0", "0 1 cl", HEAD " m2", BL_ERR_CORRUPT},
    {"an empty chunk", "w0", "0 1", HEAD, BL_ERR_CORRUPT},
    {"a chunk with a negative number", "w0", "-16 1 cl cl", HEAD " m2", BL_ERR_CORRUPT},
    {"moments that are not there", "head", HEAD " m2", NULL, BL_OK},
};

static void text_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        const struct text_case *c = &text_cases[i];
        struct bl_state_pair pairs[3] = {{bl_str_of(c->name), bl_str_of(c->value)}, NAMES};
        bool names = strcmp(c->name, "names") == 0;
        if (c->head)
            pairs[names ? 1 : 2] = (struct bl_state_pair){BL_STR("head"), bl_str_of(c->head)};
        enum bl_err err =
            bl_state_decode(decoder, back, pairs, (names ? 1U : 2U) + (c->head ? 1U : 0U), NULL);
        if (err != c->err)
            fail_msg("%s: %s, not %s", c->what, bl_err_code(err), bl_err_code(c->err));
        if (strcmp(c->what, "moments that are not there") == 0)
            assert_int_equal(back->window_first, 2);
        if (err == BL_OK)
            assert_int_equal(back->n_marks + back->n_open, 0);
        else
            assert_true(bl_user_gone(back));
    }
}

static void a_zero_byte_is_no_tag(void **state)
{
    struct bl_state_pair pairs[1] = {{BL_STR("head"), BL_STR("1 r1 \0 \0")}};
    (void)state;
    assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL), BL_ERR_CORRUPT);
    pairs[0].value = BL_STR("1 \0"
                            "1");
    assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL), BL_ERR_CORRUPT);
}

static void too_many_entries_are_refused(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    for (int n = BL_MARKS_MAX; n <= BL_MARKS_MAX + 1; n++) {
        bl_buf_clear(&b);
        bl_buf_z(&b, HEAD);
        for (int i = 0; i < n; i++)
            bl_buf_z(&b, ";hesitation.1");
        struct bl_state_pair pairs[1] = {{BL_STR("head"), bl_buf_view(&b)}};
        assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL),
                         n > BL_MARKS_MAX ? BL_ERR_CORRUPT : BL_OK);
    }
    bl_buf_release(&b);
}

/* Until the next sweep there are names that nothing tells of any more: they are stored, too. */
static void as_many_bytes_of_names_as_there_can_be_come_back(void **state)
{
    char target[BL_METADATA_MAX_BYTES];
    (void)state;
    shopper();
    memset(target, 'x', sizeof target);
    while (u->n_text + sizeof target <= BL_NAMES_BYTES) {
        snprintf(target, 16, "%015u", u->n_names);
        (void)bl_user_intern(u, (struct bl_str){target, sizeof target});
    }
    round_trip();
    assert_int_equal(back->n_text, u->n_text);
    bl_user_sweep(back);
    assert_int_equal(back->n_names, 6);
}

static void every_action_has_a_code_of_its_own(void **state)
{
    (void)state;
    bl_user_init(u);
    u->seen_ms = T0;
    for (unsigned i = 0; i < BL_ACTION_COUNT; i++)
        add_moment((enum bl_action)i, "/a", T0);
    round_trip();
    for (unsigned i = 0; i < BL_ACTION_COUNT; i++)
        assert_int_equal(back->window[i].action, i);
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
    assert_text(field(f, "head"), "1700000000000 d1800000 e1 m1 S");
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
        STORY(a_zero_byte_is_no_tag),
        STORY(as_many_bytes_of_names_as_there_can_be_come_back),
        STORY(every_action_has_a_code_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
