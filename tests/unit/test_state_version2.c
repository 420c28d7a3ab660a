/* States that data sets of version 2 hold. Those that are read whole are as programs of then wrote them. */
#include "state_before.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* In the middle of things: 6 visits to 4 pages, 20 events, a loop, an attempt; without a deadline. */
static const struct bl_state_pair shopper[] = {
    PAIR("names", "[\"/\",\"/products\",\"/products/42\",\"/cart\",\"s-1\"]"),
    PAIR("head", "1700000049000 b-49000 o-4000 a-1000 e20 m20 p4 i5 S;abandonment.1 p4 t-22000 d60000 n-1 S"),
    PAIR("visits", "1700000000000 1v 2v9000 3v9000 4v9000 2v9000 4v9000"),
    PAIR("open", "navigation-loop.revisit medium p2 t1700000036000 d120000 n3"),
    PAIR("w0", "0 1700000000000 1vi cl1200 sc750 2vi7050 cl1200 sc750 3vi7050 cl1200 sc750 4vi7050 cl1200 "
               "sc750 2vi7050 cl1200 sc750 cl750"),
    PAIR("w1", "16 1700000045000 4vi cl1200 sc750 cl750"),
};
static const struct bl_state_pair shopper_today[] = {
    PAIR("h", "1700000000000 s49000o4000a1000m20p4i5:4v45000c1200s750c750;AB.1 4t22000d60000n-1"),
    PAIR("n", "1/|2/products|3/products/42|4/cart|5s-1"),
    PAIR("o", "navigation-loop.revisit medium p2t36000d120000n3"),
    PAIR("0", "1vc1200s750 2v7050c1200s750 3v7050c1200s750 4v7050c1200s750 2v7050c1200s750c750"),
};

/* Marks of six rules, three open patterns, an attempt that runs, twins. */
static const struct bl_state_pair angry[] = {
    PAIR("head",
         "1700001174909 d9709 b-263256 o-548 a-291 e11 m11 p2 i1 S r65;rage-click p2 e7 t-291 u1001 n1 S;"
         "hesitation.255 p4 t-253024 u1;hesitation p4 t-253024 u60000;abandonment.255 p4 t-203060 u1 n1;"
         "abandonment p4 e4 t-1010 d60000 n1 S;dead-click.255 p2 t-723 u1;"
         "error-click p4 e3 t-623 u2001 S x6 y30.000000000000004;error-click p2 e7 t-291 u2001 S;"
         "error-click.255 p4 e3 u1;error-click.1 p4 u60000"),
    PAIR("names", "[\"s-1\",\"/\",\"\\\"q\\\"\",\"/cart\",\"#pay\",\"#buy\",\"a\\\\|b\"]"),
    PAIR("visits", "1700000911849 4N 4N262050"),
    PAIR("open", "abandonment.timeout high p4 t1700000971849;dead-click low p2 t1700001174186 n1;"
                 "error-click medium p4 e3 t1700001174909"),
    PAIR("w0", "0 1700000911653 2cl 4na196 vi36 2cl261953 4rc61 vi202 2dc85 4cl100 2cl75 cl257 4ae291"),
};
static const struct bl_state_pair angry_today[] = {
    PAIR("h", "1700000911653 s263256d9709o548a291m11p2i1r65:2c 4n196v'36 2c261953 4r61v'202 2d85 4c100 "
              "2c75c257 4E291;RC2/1t291u1001n1;he.255 4t253024u1;he4t253024u60000;ab.255 4t203060u1n1;"
              "AB4/2t1010d60000n1;dc.255 2t723u1;EC4/3t623u2001x6y30.000000000000004,2/1t291;ec.255 4/3u1;"
              "ec.1 4u60000|a\\\\\\|b|/cart|\"q\""),
    PAIR("n", "1s-1|2/|3\"q\"|4/cart"),
    PAIR("o", "abandonment.timeout high p4t60196;dead-click low p2t262533n1;error-click medium p4e3t263256"),
};

/* Visits that the window has lost, and names that are hard to write. */
static const struct bl_state_pair stranger[] = {
    PAIR("head", "1700001143459 d10000 b-424543 e27 m27 p13 i1 S r50"),
    PAIR("names",
         "[\"s-1\",\"/{}[]'\",\"/9|\\\\\",\"/form\",\"a|b\",\"/\",\"/a\\\"quoted\\\\\\\"b\",\"\\n\\t\","
         "\"/cart\",\"/\\u0001\\u001f\x7f\",\"/products\",\"9digit\",\"/checkout\",\"/products/42\","
         "\"/p q;r,s\",\"/\xc3\xa9\xe2\x82\xac|x\"]"),
    PAIR("visits", "1700000718916 2N 3v5088 10n4875 11v872 14V4824 15v3915 4V902 11n1326 3N2218"),
    PAIR("open", "abandonment.timeout high p13 t1700000803514"),
    PAIR("w1", "16 1700000738490 15vi 4vi902 rc88 9sc20 11na1218 3na2218 vi164 13cs414 16th476 11tv29164 "
               "13fs370305"),
};
static const struct bl_state_pair stranger_today[] = {
    PAIR("h", "1700000718916 s424543d10000m27p13i1r50:15v19574 4v902r'88 9s20 11n1218 3n2218v'164 13g414 "
              "16h476 11t29164 13f370305"),
    PAIR("n", "1s-1|2/{}[]'|3/9\\|\\\\|4/form|9/cart|10/\x01\x1f\x7f|11/products|13/checkout|14/products/42|"
              "15/p q;r,s|16/\xc3\xa9\xe2\x82\xac\\|x"),
    PAIR("v", "2N 3v5088 10n4875 11v872 14V4824"),
    PAIR("o", "abandonment.timeout high p13t84598"),
};

static void who_was_stored_then_is_read_and_written_anew(void **state)
{
    (void)state;
    assert_becomes(shopper, COUNT(shopper), shopper_today, COUNT(shopper_today));
    assert_becomes(angry, COUNT(angry), angry_today, COUNT(angry_today));
    assert_becomes(stranger, COUNT(stranger), stranger_today, COUNT(stranger_today));
}

static void a_text_may_be_cut_anywhere(void **state)
{
    (void)state;
    assert_can_be_cut(shopper, COUNT(shopper));
    assert_can_be_cut(angry, COUNT(angry));
    assert_can_be_cut(stranger, COUNT(stranger));
}

/* A list of users asks for no more. */
static void head_names_and_open_patterns_are_enough(void **state)
{
    const struct bl_state_pair brief[] = {angry[0], angry[1], angry[3]};
    (void)state;
    assert_int_equal(bl_state_decode(decoder, back, brief, COUNT(brief), NULL), BL_OK);
    assert_true(bl_str_eqz(bl_user_str(back, back->page), "/"));
    assert_true(bl_str_eqz(bl_user_str(back, back->session), "s-1"));
    assert_true(back->in_session);
    assert_int_equal(back->friction, 65);
    assert_int_equal(back->n_open, 3);
    assert_int_equal(back->window_first, BL_WINDOW_CHUNK);
}

static void each_action_has_its_two_letters(void **state)
{
    const struct bl_state_pair all[] = {
        PAIR("head", "1700000000000 m38"),
        PAIR("w2", "32 1700000000000 pp ap dc ss sx cu"),
        PAIR("w0", "0 1700000000000 na vi rc cl sc id ab th tv pe co cf pu pv ac cs"),
        PAIR("w1", "16 1700000000000 cc fs ic se sr vp vh vc fd sh su sb do sf er ae"),
    };
    (void)state;
    assert_int_equal(bl_state_decode(decoder, back, all, COUNT(all), NULL), BL_OK);
    assert_int_equal(back->n_window, BL_ACTION_COUNT);
    for (unsigned i = 0; i < BL_ACTION_COUNT; i++)
        assert_int_equal(back->window[i].action, i);
}

#define HEAD "1700000000000"
static const struct bl_state_pair two_names = PAIR("names", "[\"/a\",\"#b\"]");

static const struct text_case text_cases[] = {
    {"an unknown field is ignored", "later", "{{{", HEAD, BL_OK},
    {"a head alone", "head", "1", NULL, BL_OK},
    {"all of a head", "head", "1 f1 d2 b-3 o4 a5 e6 m0 p1 i1 S H l3 r100", NULL, BL_OK},
    {"no head", "visits", "1 v", NULL, BL_ERR_CORRUPT},
    {"no number", "head", "x", NULL, BL_ERR_CORRUPT},
    {"never seen", "head", "-1", NULL, BL_ERR_CORRUPT},
    {"a zero too many", "head", "01", NULL, BL_ERR_CORRUPT},
    {"a plus", "head", "+1", NULL, BL_ERR_CORRUPT},
    {"a fraction", "head", "1.5", NULL, BL_ERR_CORRUPT},
    {"a time beyond all times", "head", "9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a number beyond all numbers", "head", "1 f9223372036854775808", NULL, BL_ERR_CORRUPT},
    {"times that overflow together", "head", "1 f9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a level that is none", "head", "1 l4", NULL, BL_ERR_CORRUPT},
    {"a friction beyond the most", "head", "1 r101", NULL, BL_ERR_CORRUPT},
    {"events below none", "head", "1 e-1", NULL, BL_ERR_CORRUPT},
    {"moments beyond all numbers", "head", "1 m9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a tag twice", "head", "1 f1 f1", NULL, BL_ERR_CORRUPT},
    {"tags out of order", "head", "1 d1 f1", NULL, BL_ERR_CORRUPT},
    {"a tag that there is not", "head", "1 q1", NULL, BL_ERR_CORRUPT},
    {"a tag without its number", "head", "1 f", NULL, BL_ERR_CORRUPT},
    {"a flag with a number", "head", "1 S1", NULL, BL_ERR_CORRUPT},
    {"tags without a space", "head", "1 f1d1", NULL, BL_ERR_CORRUPT},
    {"two spaces", "head", "1  f1", NULL, BL_ERR_CORRUPT},
    {"a space at the end", "head", "1 ", NULL, BL_ERR_CORRUPT},
    {"a page that has no name", "head", "1 p3", NULL, BL_ERR_CORRUPT},
    {"a page below the names", "head", "1 p-1", NULL, BL_ERR_CORRUPT},
    {"an unknown rule's mark is dropped", "head", "1;no-such.1 p1 t-5", NULL, BL_OK},
    {"a mark of no rule", "head", "1;", NULL, BL_ERR_CORRUPT},
    {"a kind above a byte", "head", "1;hesitation.256", NULL, BL_ERR_CORRUPT},
    {"a mark's count that can grow no more", "head", "1;no-such n9223372036854775807", NULL, BL_ERR_CORRUPT},
    {"a place of one number", "head", "1;rage-click x5", NULL, BL_ERR_CORRUPT},
    {"a place that is no number", "head", "1;no-such x5 ya", NULL, BL_ERR_CORRUPT},
    {"a place that is none", "head", "1;no-such x5 ynan", NULL, BL_ERR_CORRUPT},
    {"a place beyond all numbers", "head", "1;no-such x5 y1e999", NULL, BL_ERR_CORRUPT},
    {"a deadline of a rule that fires none", "head", "1;quick-back d5", NULL, BL_ERR_CORRUPT},
    {"names that are no list", "names", "\"/a\"", HEAD, BL_ERR_CORRUPT},
    {"an empty name", "names", "[\"\"]", HEAD, BL_ERR_CORRUPT},
    {"a name that is no text", "names", "[1]", HEAD, BL_ERR_CORRUPT},
    {"a name twice", "names", "[\"/a\",\"/a\"]", HEAD, BL_ERR_CORRUPT},
    {"a name without an end", "names", "[\"/a", HEAD, BL_ERR_CORRUPT},
    {"a name that is no UTF-8", "names", "[\"/\xFF\"]", HEAD, BL_ERR_CORRUPT},
    {"text behind the names", "names", "[\"/a\"] x", HEAD, BL_ERR_CORRUPT},
    {"an unknown variant is dropped", "open", "abandonment.no-such low t1", HEAD, BL_OK},
    {"a variant where there is none is dropped", "open", "hesitation.exit low t1", HEAD, BL_OK},
    {"no variant where there must be one is dropped", "open", "abandonment low t1", HEAD, BL_OK},
    {"an unknown severity", "open", "abandonment.exit dire t1", HEAD, BL_ERR_CORRUPT},
    {"no severity", "open", "abandonment.exit", HEAD, BL_ERR_CORRUPT},
    {"an open pattern too many", "open", "no-such low;", HEAD, BL_ERR_CORRUPT},
    {"visits by an unknown kind", "visits", "1 f", HEAD, BL_ERR_CORRUPT},
    {"visits out of order", "visits", "1 n n-1", HEAD, BL_ERR_CORRUPT},
    {"visits without one", "visits", "1", HEAD, BL_ERR_CORRUPT},
    {"visits before all times", "visits", "-9223372036854775808 n", HEAD, BL_ERR_CORRUPT},
    {"a chunk", "w0", "0 1 cl cl", HEAD " m2", BL_OK},
    {"a chunk of an unknown action", "w0", "0 1 zz cl", HEAD " m2", BL_OK},
    {"a chunk of half an action", "w0", "0 1 cl c", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk that ends in a space", "w0", "0 1 cl cl ", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk of a page that has no name", "w0", "0 1 3cl cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk in another's place", "w1", "0 1 cl cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk that lacks a moment", "w0", "0 1 cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk that begins in the middle", "w0", "1 1 cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk that is too long", "w0", "0 1 cl cl cl cl cl cl cl cl cl cl cl cl cl cl cl cl cl", HEAD " m17",
     BL_ERR_CORRUPT},
    {"an empty chunk", "w0", "0 1", HEAD, BL_ERR_CORRUPT},
    {"a chunk with a negative number", "w0", "-16 1 cl cl", HEAD " m2", BL_ERR_CORRUPT},
    {"a chunk with a number beyond all numbers", "w0", "9223372036854775807 1 cl", HEAD " m2",
     BL_ERR_CORRUPT},
};

static void text_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(text_cases); i++)
        check_text(&text_cases[i], two_names);
}

static void a_zero_byte_is_no_tag(void **state)
{
    const struct bl_state_pair pairs[] = {PAIR("head", "1 r1 \0 \0"), PAIR("head", "1 \0"
                                                                                   "1")};
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_int_equal(bl_state_decode(decoder, back, &pairs[i], 1, NULL), BL_ERR_CORRUPT);
}

/* `start`, `one` n times (of names, each another), `end`. */
static enum bl_err read_many(const char *field, const char *start, const char *one, size_t n, const char *end)
{
    struct bl_buf b = {0};
    bool names = strcmp(field, "names") == 0, head = strcmp(field, "head") == 0;
    bl_buf_z(&b, start);
    for (size_t i = 0; i < n; i++) {
        bl_buf_z(&b, one);
        if (names)
            bl_buf_printf(&b, "%zu\"", i);
    }
    bl_buf_z(&b, end);
    const struct bl_state_pair pairs[] = {{bl_str_of(field), bl_buf_view(&b)}, PAIR("head", HEAD)};
    enum bl_err err = bl_state_decode(decoder, back, pairs, head ? 1 : 2, NULL);
    bl_buf_release(&b);
    return err;
}

static void too_many_entries_are_refused(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        enum bl_err want = more ? BL_ERR_CORRUPT : BL_OK;
        assert_int_equal(read_many("head", HEAD, ";hesitation.1", BL_MARKS_MAX + more, ""), want);
        assert_int_equal(read_many("visits", "1", " n", BL_VISITS_MAX + more, ""), want);
        assert_int_equal(
            read_many("open", "hesitation low t1", ";hesitation low t1", BL_OPEN_MAX - 1 + more, ""), want);
        assert_int_equal(read_many("names", "[\"/\"", ",\"/", BL_NAMES_MAX - 2 + more, "]"), want);
    }
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(who_was_stored_then_is_read_and_written_anew),
        STORY(a_text_may_be_cut_anywhere),
        STORY(head_names_and_open_patterns_are_enough),
        STORY(each_action_has_its_two_letters),
        STORY(text_is_checked),
        STORY(a_zero_byte_is_no_tag),
        STORY(too_many_entries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
