/* States that data sets of version 1 hold. */
#include "state_before.h"

/* As a program of then wrote a shopper: 6 visits to 4 pages, 20 events, a loop, a rage click, an attempt. */
static const struct bl_state_pair shopper[] = {
    PAIR("page", "/cart"),
    PAIR("session", "s-1"),
    PAIR("head", "{\"seen\":1700000049000,\"floor\":0,\"due\":38000,\"began\":-49000,\"page\":-4000,"
                 "\"anchor\":-1000,\"events\":20,\"moments\":20,\"session\":1,\"friction\":15}"),
    PAIR("visits",
         "[1700000000000,[\"/\"],\"view\",0,[\"/products\"],\"view\",9000,[\"/products/42\"],\"nav+\",9000,"
         "[\"/cart\"],\"view\",9000,[1],\"view\",9000,[3],\"view\",9000]"),
    PAIR("open",
         "[[\"navigation-loop\",\"revisit\",\"medium\",\"/products\",null,null,1700000036000,120000,3,0]]"),
    PAIR("marks", "[[\"abandonment\",1,\"/cart\",null,1700000027000,null,60000,-1,1],"
                  "[\"rage-click\",0,\"/cart\",\"#buy\",22000,5000,null,2,1,12.5,-3]]"),
    PAIR("w0",
         "[0,1700000000000,[\"/\"],\"page_view\",0,\"click\",1200,\"scroll\",750,[\"/products\"],"
         "\"page_view\",7050,\"click\",1200,\"scroll\",750,[\"/products/"
         "42\"],\"page_view\",7050,\"click\",1200,"
         "\"scroll\",750,[\"/cart\"],\"page_view\",7050,\"click\",1200,\"scroll\",750,[1],\"page_view\",7050,"
         "\"click\",1200,\"scroll\",750,\"click\",750]"),
    PAIR("w1", "[16,1700000045000,[\"/cart\"],\"page_view\",0,\"click\",1200,\"scroll\",750,\"click\",750]"),
};
#define SHOPPER (sizeof shopper / sizeof *shopper)

static const struct bl_state_pair shopper_today[] = {
    PAIR("n", "1/cart|2s-1|3/|4/products|5/products/42"),
    PAIR("h", "1700000000000 s49000d38000o4000a1000m20p1i2r15:1v45000c1200s750c750;AB.1 1t22000d60000n-1;"
              "RC1/1u5000n2x12.5y-3|#buy"),
    PAIR("v", "3v 4v9000 5N9000"),
    PAIR("o", "navigation-loop.revisit medium p4t36000d120000n3"),
    PAIR("0", "3v'c1200s750 4v'7050c1200s750 5v'7050c1200s750 1v7050c1200s750 4v7050c1200s750c750"),
};

static void a_shopper_of_then_is_read_and_written_anew(void **state)
{
    (void)state;
    assert_becomes(shopper, SHOPPER, shopper_today, sizeof shopper_today / sizeof *shopper_today);
}

static void a_text_may_be_cut_anywhere(void **state)
{
    (void)state;
    assert_can_be_cut(shopper, SHOPPER);
}

#define HEAD  "{\"seen\":1700000000000,\"floor\":0}"
#define HEAD2 "{\"seen\":1700000000000,\"floor\":0,\"moments\":2}"

static const struct text_case text_cases[] = {
    {"an unknown field is ignored", "later", "{{{", HEAD, BL_OK},
    {"a head with unknown members is fine", "head", "{\"seen\":1,\"floor\":0,\"new\":7}", NULL, BL_OK},
    {"a head that is no JSON", "head", "{", NULL, BL_ERR_CORRUPT},
    {"never seen", "head", "{\"seen\":-1}", NULL, BL_ERR_CORRUPT},
    {"a time beyond all times", "head", "{\"seen\":9223372036854775807}", NULL, BL_ERR_CORRUPT},
    {"times that overflow together", "head", "{\"seen\":1,\"floor\":9223372036854775807}", NULL,
     BL_ERR_CORRUPT},
    {"a level that is none", "head", "{\"seen\":1,\"level\":4}", NULL, BL_ERR_CORRUPT},
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
    {"a count that can grow no more", "marks",
     "[[\"no-such\",0,null,null,1,null,null,9223372036854775807,1]]", HEAD, BL_ERR_CORRUPT},
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
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++)
        check_text(&text_cases[i], (struct bl_state_pair){.name = {NULL, 0}});
}

static void numbers_go_on_behind_moments_that_are_not_there(void **state)
{
    const struct bl_state_pair head = PAIR("head", HEAD2);
    (void)state;
    assert_int_equal(bl_state_decode(decoder, back, &head, 1, NULL), BL_OK);
    assert_int_equal(back->window_first, BL_WINDOW_CHUNK);
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
        assert_int_equal(bl_state_decode(decoder, back, pairs, 2, NULL),
                         n > BL_MARKS_MAX ? BL_ERR_CORRUPT : BL_OK);
    }
    bl_buf_release(&b);
}

/* Pages that nothing tells of, in each of the first chunks. */
static void more_names_than_there_is_room_for_are_refused(void **state)
{
    enum { CHUNKS = 5, PAGES = 500 };
    struct bl_buf b[CHUNKS] = {{0}};
    struct bl_state_pair pairs[CHUNKS + 1] = {{BL_STR("head"), BL_STR("{\"seen\":1,\"moments\":65}")}};
    static const char *const names[CHUNKS] = {"w0", "w1", "w2", "w3", "w4"};
    (void)state;
    for (int c = 0; c < CHUNKS; c++) {
        bl_buf_printf(&b[c], "[%d,1", c * BL_WINDOW_CHUNK);
        for (int i = 0; i < PAGES; i++)
            bl_buf_printf(&b[c], ",[\"/%d/%d\"]", c, i);
        for (int i = 0; i < (c + 1 < CHUNKS ? BL_WINDOW_CHUNK : 1); i++)
            bl_buf_z(&b[c], ",\"click\",0");
        bl_buf_char(&b[c], ']');
        pairs[c + 1] = (struct bl_state_pair){bl_str_of(names[c]), bl_buf_view(&b[c])};
    }
    assert_int_equal(bl_state_decode(decoder, back, pairs, CHUNKS + 1, NULL), BL_ERR_CORRUPT);
    pairs[CHUNKS] = (struct bl_state_pair){BL_STR("head"), BL_STR("{\"seen\":1,\"moments\":64}")};
    assert_int_equal(bl_state_decode(decoder, back, pairs + 1, CHUNKS, NULL), BL_OK);
    for (int c = 0; c < CHUNKS; c++)
        bl_buf_release(&b[c]);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_shopper_of_then_is_read_and_written_anew),
        STORY(a_text_may_be_cut_anywhere),
        STORY(text_is_checked),
        STORY(numbers_go_on_behind_moments_that_are_not_there),
        STORY(too_many_entries_are_refused),
        STORY(more_names_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
