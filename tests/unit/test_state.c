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
    assert_text(field(f, "n"), "1/|2/products|3/products/42|4/cart|5s-1");
    assert_text(field(f, "h"),
                "1700000000000 s49000o4000a1000m20p4i5:4v45000c1200s750c750;AB.1 4/1t22000d60000n-1|#pay");
    assert_text(field(f, "o"), "navigation-loop.revisit medium p2t36000d120000n3");
    assert_text(field(f, "0"),
                "1vc1200s750 2v7050c1200s750 3v7050c1200s750 4v7050c1200s750 2v7050c1200s750c750");
    assert_int_equal(field(f, "v").n, 0);
    assert_int_equal(field(f, "1").n, 0);
    if (bytes > 320)
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
    u->session = name("7|not a list|");
    u->marks[0].element = name("|");
    add_visit("/\"quoted\"\\\xC3\xA9\xE2\x82\xAC", T0 + 50000, false, true);
    u->open[0].element = name("#buy\n\t'");
    u->open[0].other = name("\\");
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
    u->window_first = 3 * BL_WINDOW_CHUNK;
    round_trip();
    assert_int_equal(back->window_first, 3 * BL_WINDOW_CHUNK);
    assert_int_equal(back->n_window, 0);
}

/* The window tells of visits, and those that it has lost are told beside it. */
static void visits_come_back_whole(void **state)
{
    (void)state;
    bl_user_init(u);
    u->in_session = true;
    u->session_ms = T0;
    for (int i = 0; i < 700; i++) {
        int64_t t = T0 + i * 2000;
        if (i % 5 == 0)
            add_visit(i % 3 ? "/a" : "/b", t, i % 2, i % 7 == 0);
        else
            add_moment(BL_ACTION_CLICK, i % 3 ? "/a" : "", t);
        if (i % 97 == 0)
            u->n_visits = 0; /* as a purchase does */
        u->seen_ms = u->floor_ms = t;
        round_trip();
        assert_int_equal(back->n_visits, u->n_visits);
        for (int v = 0; v < u->n_visits; v++) {
            const struct bl_visit *x = &u->visits[v], *y = &back->visits[v];
            assert_true(x->t_ms == y->t_ms && x->view == y->view && x->twinned == y->twinned);
            assert_true(bl_str_eq(bl_user_str(u, x->page), bl_user_str(back, y->page)));
        }
    }
    assert_true(u->window_first > 0);
}

static void names_that_nothing_tells_of_are_not_stored(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    (void)state;
    shopper();
    (void)name("#passed");
    u->page = name("/new");
    encode_into(u, &text, f);
    assert_text(field(f, "n"), "1/|2/products|3/products/42|4/cart|5s-1|8/new");
    round_trip();
    assert_int_equal(back->page, 8);
    assert_int_equal(back->names[7].n, 0);
    bl_user_sweep(back);
}

/* More of them than are told apart by bits. */
static void many_names_come_back_whole(void **state)
{
    char z[24];
    (void)state;
    shopper();
    for (int i = 0; i < 200; i++) {
        snprintf(z, sizeof z, "/%d", i);
        add_moment(BL_ACTION_CLICK, z, T0 + 50000);
        round_trip();
    }
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

#define HEAD "1700000000000 "
#define NAMES                                                                                                \
    {                                                                                                        \
        BL_STR("n"), BL_STR("1/a|2#b")                                                                       \
    }

#define CHUNK15 "1ccccccccccccccc"
#define CHUNK   CHUNK15 "c"

struct text_case {
    const char *what, *name, *value, *head;
    enum bl_err err;
};

static const struct text_case text_cases[] = {
    {"an unknown field is ignored", "later", "{{{", HEAD, BL_OK},
    {"a head alone", "h", "1 ", NULL, BL_OK},
    {"all of a head", "h", "1 s1f1d2o4a5e6p1i1EHl3r100", NULL, BL_OK},
    {"due at the usual end of a session", "h", "1 s1D", NULL, BL_OK},
    {"due as usual and at another time", "h", "1 d1D", NULL, BL_ERR_CORRUPT},
    {"no head", "v", "v", NULL, BL_ERR_CORRUPT},
    {"no number", "h", "x", NULL, BL_ERR_CORRUPT},
    {"no space behind the first number", "h", "1", NULL, BL_ERR_CORRUPT},
    {"never seen", "h", "1 s-2", NULL, BL_ERR_CORRUPT},
    {"a zero too many", "h", "01 ", NULL, BL_ERR_CORRUPT},
    {"no zero below zero", "h", "1 f-0", NULL, BL_ERR_CORRUPT},
    {"a plus", "h", "+1 ", NULL, BL_ERR_CORRUPT},
    {"a fraction", "h", "1.5 ", NULL, BL_ERR_CORRUPT},
    {"a time beyond all times", "h", "9223372036854775807 ", NULL, BL_ERR_CORRUPT},
    {"a number beyond all numbers", "h", "1 f9223372036854775808", NULL, BL_ERR_CORRUPT},
    {"a number of twenty digits", "h", "1 f10000000000000000000", NULL, BL_ERR_CORRUPT},
    {"times that overflow together", "h", "1 f9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"times that overflow below", "h", "1 o-9223372036854775808", NULL, BL_ERR_CORRUPT},
    {"a level that is none", "h", "1 l4", NULL, BL_ERR_CORRUPT},
    {"a friction beyond the most", "h", "1 r101", NULL, BL_ERR_CORRUPT},
    {"events below none", "h", "1 e-1", NULL, BL_ERR_CORRUPT},
    {"a tag twice", "h", "1 f1f1", NULL, BL_ERR_CORRUPT},
    {"tags out of order", "h", "1 d1f1", NULL, BL_ERR_CORRUPT},
    {"a tag that there is not", "h", "1 q1", NULL, BL_ERR_CORRUPT},
    {"a tag without its number", "h", "1 f", NULL, BL_ERR_CORRUPT},
    {"a flag with a number", "h", "1 H1", NULL, BL_ERR_CORRUPT},
    {"two spaces", "h", "1  f1", NULL, BL_ERR_CORRUPT},
    {"a space at the end", "h", "1 f1 ", NULL, BL_ERR_CORRUPT},
    {"a page that has no name", "h", "1 p3", NULL, BL_ERR_CORRUPT},
    {"a page below the names", "h", "1 p-1", NULL, BL_ERR_CORRUPT},
    {"visits from a moment that is still to come", "h", "1 c1", NULL, BL_ERR_CORRUPT},
    {"an unknown rule's mark is dropped", "h", "1 ;zz.1 1t-5", NULL, BL_OK},
    {"and another one like it", "h", "1 ;ZZ1u5,2,/1|#c", NULL, BL_OK},
    {"a mark of no rule", "h", "1 ;", NULL, BL_ERR_CORRUPT},
    {"a mark like none before", "h", "1 ,1", NULL, BL_ERR_CORRUPT},
    {"a kind above a byte", "h", "1 ;he.256 ", NULL, BL_ERR_CORRUPT},
    {"a kind without its space", "h", "1 ;he.25", NULL, BL_ERR_CORRUPT},
    {"an element that has no text", "h", "1 ;zz1/2|#c", NULL, BL_ERR_CORRUPT},
    {"an element numbered 0", "h", "1 ;zz1/0|#c", NULL, BL_ERR_CORRUPT},
    {"a text that is empty", "h", "1 ;zz1/1|", NULL, BL_ERR_CORRUPT},
    {"a place of one number", "h", "1 ;rcx5", NULL, BL_ERR_CORRUPT},
    {"a place that is no number", "h", "1 ;zzx5ya", NULL, BL_ERR_CORRUPT},
    {"a place that is none", "h", "1 ;zzx5ynan", NULL, BL_ERR_CORRUPT},
    {"a place in hexadecimal", "h", "1 ;zzx5y0x10", NULL, BL_ERR_CORRUPT},
    {"a place not in its shortest form", "h", "1 ;zzx5y1.50", NULL, BL_ERR_CORRUPT},
    {"a place beyond all numbers", "h", "1 ;zzx5y1e999", NULL, BL_ERR_CORRUPT},
    {"a deadline of a rule that fires none", "h", "1 ;qbd5", NULL, BL_ERR_CORRUPT},
    {"a count that can grow no more", "h", "1 ;zzn9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"an open count that can grow no more", "o", "no-such low n9223372036854775807", HEAD, BL_ERR_CORRUPT},
    {"a name without its number", "n", "/a", HEAD, BL_ERR_CORRUPT},
    {"a name numbered 0", "n", "0/a", HEAD, BL_ERR_CORRUPT},
    {"a name beyond all numbers", "n", "2048/a", HEAD, BL_ERR_CORRUPT},
    {"names out of order", "n", "2/a|1/b", HEAD, BL_ERR_CORRUPT},
    {"numbers left out", "n", "2/a|2000/b", HEAD, BL_OK},
    {"an empty name", "n", "1", HEAD, BL_ERR_CORRUPT},
    {"a name twice", "n", "1/a|2/a", HEAD, BL_ERR_CORRUPT},
    {"a name without an end", "n", "1/a|", HEAD, BL_ERR_CORRUPT},
    {"a name that ends in an escape", "n", "1/a\\", HEAD, BL_OK},
    {"a name that is no UTF-8", "n", "1/\xFF", HEAD, BL_ERR_CORRUPT},
    {"nor behind an escape", "n", "1/\\\xFF", HEAD, BL_ERR_CORRUPT},
    {"an unknown variant is dropped", "o", "abandonment.no-such low t1", HEAD, BL_OK},
    {"a variant where there is none is dropped", "o", "hesitation.exit low t1", HEAD, BL_OK},
    {"no variant where there must be one is dropped", "o", "abandonment low t1", HEAD, BL_OK},
    {"an unknown severity", "o", "abandonment.exit dire t1", HEAD, BL_ERR_CORRUPT},
    {"no severity", "o", "abandonment.exit", HEAD, BL_ERR_CORRUPT},
    {"an open pattern too many", "o", "no-such low ;", HEAD, BL_ERR_CORRUPT},
    {"visits by an unknown kind", "v", "1f", HEAD, BL_ERR_CORRUPT},
    {"visits out of order", "v", "n n-1", HEAD, BL_ERR_CORRUPT},
    {"visits without one", "v", "1", HEAD, BL_ERR_CORRUPT},
    {"a visit that the window lost later than one that it holds", "v", "1v5", HEAD "m1:1v", BL_ERR_CORRUPT},
    {"a chunk", "0", CHUNK, HEAD "m16", BL_OK},
    {"a chunk of an unknown action", "0", "j" CHUNK15, HEAD "m16", BL_OK},
    {"a chunk of no action", "0", "_" CHUNK15, HEAD "m16", BL_ERR_CORRUPT},
    {"a chunk in another's place", "1", CHUNK, HEAD "m16", BL_ERR_CORRUPT},
    {"a chunk that lacks a moment", "0", CHUNK15, HEAD "m16", BL_ERR_CORRUPT},
    {"a chunk of a moment too many", "0", "c" CHUNK, HEAD "m16", BL_ERR_CORRUPT},
    {"a chunk that the head does not know of", "0", CHUNK, HEAD, BL_ERR_CORRUPT},
    {"a chunk that ends in a space", "0", CHUNK " ", HEAD "m16", BL_ERR_CORRUPT},
    {"moments out of order", "0", "c5" CHUNK15 "-1", HEAD "m16", BL_ERR_CORRUPT},
    {"moments that are older than the chunk before", "0", CHUNK, HEAD "m17:c-1", BL_ERR_CORRUPT},
    {"latest moments", "h", HEAD "m2:1cs5", NULL, BL_OK},
    {"latest moments too few", "h", HEAD "m2:c", NULL, BL_ERR_CORRUPT},
    {"latest moments, but none", "h", HEAD ":", NULL, BL_ERR_CORRUPT},
    {"chunks that are not there", "h", HEAD "m34:cc", NULL, BL_OK},
};

static void text_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        const struct text_case *c = &text_cases[i];
        struct bl_state_pair pairs[3] = {{bl_str_of(c->name), bl_str_of(c->value)}, NAMES};
        bool names = strcmp(c->name, "n") == 0;
        if (c->head)
            pairs[names ? 1 : 2] = (struct bl_state_pair){BL_STR("h"), bl_str_of(c->head)};
        enum bl_err err =
            bl_state_decode(decoder, back, pairs, (names ? 1U : 2U) + (c->head ? 1U : 0U), NULL);
        if (err != c->err)
            fail_msg("%s: %s, not %s", c->what, bl_err_code(err), bl_err_code(c->err));
        if (strcmp(c->what, "chunks that are not there") == 0)
            assert_int_equal(back->window_first, 32);
        if (err == BL_OK)
            assert_int_equal(back->n_marks + back->n_open, 0);
        else
            assert_true(bl_user_gone(back));
    }
}

static void a_zero_byte_is_no_tag(void **state)
{
    struct bl_state_pair pairs[1] = {{BL_STR("h"), BL_STR("1 r1\0\0")}};
    (void)state;
    assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL), BL_ERR_CORRUPT);
    pairs[0].value = BL_STR("1 \0"
                            "1");
    assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL), BL_ERR_CORRUPT);
    pairs[0].value = BL_STR("1 ;rcx1\0y1");
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
            bl_buf_z(&b, i % 3 ? "," : ";he");
        struct bl_state_pair pairs[1] = {{BL_STR("h"), bl_buf_view(&b)}};
        assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL),
                         n > BL_MARKS_MAX ? BL_ERR_CORRUPT : BL_OK);
        bl_buf_clear(&b);
        bl_buf_z(&b, HEAD);
        for (int i = 0; i < n; i++)
            bl_buf_printf(&b, "|%d", i);
        pairs[0].value = bl_buf_view(&b);
        assert_int_equal(bl_state_decode(decoder, back, pairs, 1, NULL),
                         n > BL_MARKS_MAX ? BL_ERR_CORRUPT : BL_OK);
    }
    bl_buf_release(&b);
}

static void as_many_bytes_of_names_as_there_can_be_come_back(void **state)
{
    char target[BL_METADATA_MAX_BYTES];
    (void)state;
    shopper();
    memset(target, '|', sizeof target);
    while (u->n_marks < BL_MARKS_MAX) {
        snprintf(target, 16, "%015u", u->n_names);
        struct bl_mark *m = bl_user_add_mark(u);
        m->rule = BL_RULE_ERROR_CLICK;
        m->element = bl_user_intern(u, (struct bl_str){target, sizeof target});
    }
    round_trip();
    assert_int_equal(back->n_text, u->n_text);
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
    const struct bl_engine g = bl_engine_of(&settings, (struct bl_sink){.pattern = ignore_pattern});
    bl_engine_event(&g, u, BL_STR("ann"), &e);
    assert_true(u->in_session && !u->page);
    encode_into(u, &text, f);
    assert_text(field(f, "h"), "1700000000000 Dm1:s");
    round_trip();
}

/* A click matters for two seconds; a deadline drops it, too. */
static void a_click_is_stored_while_it_matters(void **state)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    struct bl_settings settings;
    struct bl_event e = {
        .action = BL_ACTION_CLICK, .t_ms = T0, .page = BL_STR("/"), .target = BL_STR("#buy"), .idle_ms = -1};
    (void)state;
    bl_settings_defaults(&settings);
    const struct bl_engine g = bl_engine_of(&settings, (struct bl_sink){.pattern = ignore_pattern});
    bl_engine_event(&g, u, BL_STR("ann"), &e);
    encode_into(u, &text, f);
    assert_text(field(f, "h"), "1700000000000 d10000m1p1:1c;RC1/1u1001n1;EC1/1u2001|#buy");
    bl_engine_fire(&g, u, BL_STR("ann"));
    assert_int_equal(u->floor_ms, T0 + 10000);
    encode_into(u, &text, f);
    assert_null(memmem(text.p, text.n, "#buy", 4));
    e.t_ms = T0 + 20000;
    bl_engine_event(&g, u, BL_STR("ann"), &e);
    e.action = BL_ACTION_SCROLL;
    for (e.t_ms = T0 + 22000; e.t_ms < T0 + 22002; e.t_ms++) {
        bl_engine_event(&g, u, BL_STR("ann"), &e);
        encode_into(u, &text, f);
        assert_true((e.t_ms == T0 + 22000) == (memmem(text.p, text.n, "#buy", 4) != NULL));
    }
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
        STORY(a_click_is_stored_while_it_matters),
        STORY(an_empty_window_keeps_its_number),
        STORY(visits_come_back_whole),
        STORY(names_that_nothing_tells_of_are_not_stored),
        STORY(many_names_come_back_whole),
        STORY(a_full_state_comes_back_whole),
        STORY(text_is_checked),
        STORY(too_many_entries_are_refused),
        STORY(a_zero_byte_is_no_tag),
        STORY(as_many_bytes_of_names_as_there_can_be_come_back),
        STORY(every_action_has_a_code_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
