/* The base layer: slices, buffers, hashing. */
#include "bl/base/buf.h"
#include "bl/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_text(const struct bl_buf *b, const char *want)
{
    if (!bl_str_eqz(bl_buf_view(b), want))
        fail_msg("%.*s, not %s", BL_STR_ARG(bl_buf_view(b)), want);
}

static void a_number_in_hexadecimal_has_all_its_digits(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    bl_buf_hex64(&b, 0x00120ABCDEF00345);
    assert_text(&b, "00120abcdef00345");
    bl_buf_release(&b);
}

/* The first vectors published with the reference implementation: key 00..0f, input 00, 01, … */
static void siphash_gives_the_published_values(void **state)
{
    static const char *const want64[] = {"310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d",
                                         "2d7efbd796666785", "b7877127e09427cf", "8da699cd64557618",
                                         "cee3fe586e46c9cb", "37d1018bf50002ab", "6224939a79f5f593"};
    static const char *const want128[] = {
        "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
        "8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51"};
    const struct bl_hash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    char in[64];
    struct bl_buf hex = {0};
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (char)i;
    for (size_t n = 0; n < sizeof want64 / sizeof *want64; n++) {
        uint64_t h = bl_hash64(key, (struct bl_str){in, n});
        bl_buf_clear(&hex);
        bl_buf_hex(&hex, &h, sizeof h); /* the vectors are little-endian, as is every machine we run on */
        assert_text(&hex, want64[n]);
    }
    assert_true(bl_hash64(key, (struct bl_str){in, 15}) == 0xa129ca6149be45e5ULL); /* the paper's example */
    for (size_t n = 0; n < sizeof want128 / sizeof *want128; n++) {
        struct bl_hash128 h = bl_hash128(key, (struct bl_str){in, n});
        bl_buf_clear(&hex);
        bl_buf_hex(&hex, &h, sizeof h);
        assert_text(&hex, want128[n]);
    }
    bl_buf_release(&hex);
}

static void slices_compare_bytewise(void **state)
{
    (void)state;
    assert_true(bl_str_cmp(BL_STR("a"), BL_STR("b")) < 0);
    assert_true(bl_str_cmp(BL_STR("a"), BL_STR("aa")) < 0);
    assert_true(bl_str_cmp(BL_STR("\x80"), BL_STR("a")) > 0);
    assert_int_equal(bl_str_cmp(BL_STR(""), (struct bl_str){NULL, 0}), 0);
    assert_true(bl_str_eq(BL_STR(""), (struct bl_str){NULL, 0}));
    assert_true(bl_str_ieq(BL_STR("AbZ"), BL_STR("aBz")));
    assert_false(bl_str_ieq(BL_STR("\xC3\x89"), BL_STR("\xC3\xA9")));
    assert_false(bl_str_ieq(BL_STR("[a"), BL_STR("{a")));
    assert_true(bl_str_starts(BL_STR("abc"), BL_STR("ab")));
    assert_false(bl_str_starts(BL_STR("a"), BL_STR("ab")));
    assert_int_equal(bl_str_of(NULL).n, 0);
}

/* Eight are compared at once, and the rest one by one. */
static void letters_are_equal_in_either_case_and_nothing_else_is(void **state)
{
    char a[20], b[20];
    (void)state;
    memset(a, '-', sizeof a);
    memset(b, '-', sizeof b);
    for (size_t at = 0; at < sizeof a; at++)
        for (int x = 0; x < 256; x++)
            for (int y = 0; y < 256; y++) {
                bool letters = (x | 32) >= 'a' && (x | 32) <= 'z';
                bool want = x == y || (letters && (x ^ y) == 32);
                a[at] = (char)x;
                b[at] = (char)y;
                if (bl_str_ieq((struct bl_str){a, sizeof a}, (struct bl_str){b, sizeof b}) != want)
                    fail_msg("bytes %d and %d at %zu", x, y, at);
                a[at] = b[at] = '-';
            }
}

static void integers_are_read_whole(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t v;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 0;
        bool ok = bl_str_int64(bl_str_of(cases[i].text), &v);
        if (ok != cases[i].ok || (ok && v != cases[i].v))
            fail_msg("%s", cases[i].text);
    }
}

static void utf8_is_strict(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"", true},
        {"abc", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xEF\xBF\xBF", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC0\x80", false},
        {"\xC1\xBF", false},
        {"\xC2", false},
        {"\xC2\x41", false},
        {"\xE0\x9F\xBF", false},
        {"\xED\xA0\x80", false},
        {"\xED\xBF\xBF", false},
        {"\xE2\x82", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\xF0\x90\x80", false},
        {"\xFF", false},
        {"a\xFE", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (bl_str_utf8(bl_str_of(cases[i].text)) != cases[i].ok)
            fail_msg("case %zu", i);
}

static void control_characters_are_seen(void **state)
{
    (void)state;
    assert_true(bl_str_has_control((struct bl_str){"a\0b", 3}));
    assert_true(bl_str_has_control(BL_STR("\x1F")));
    assert_false(bl_str_has_control(BL_STR(" ")));
    assert_false(bl_str_has_control(BL_STR("~")));
    assert_true(bl_str_has_control(BL_STR("\x7F")));
    assert_true(bl_str_has_control(BL_STR("\xC2\x80")));
    assert_true(bl_str_has_control(BL_STR("\xC2\x9F")));
    assert_false(bl_str_has_control(BL_STR("\xC2\xA0")));
    assert_false(bl_str_has_control(BL_STR("\xC3\x9F")));
}

static void a_buffer_keeps_its_bound(void **state)
{
    struct bl_buf b;
    (void)state;
    bl_buf_init(&b, 4);
    bl_buf_z(&b, "abcd");
    assert_int_equal(b.err, BL_OK);
    bl_buf_char(&b, 'e');
    assert_int_equal(b.err, BL_ERR_TOO_LARGE);
    assert_text(&b, "abcd");
    bl_buf_z(&b, "");
    bl_buf_int(&b, 1);
    assert_int_equal(b.err, BL_ERR_TOO_LARGE);
    assert_text(&b, "abcd");
    bl_buf_clear(&b);
    bl_buf_z(&b, "xy");
    assert_int_equal(b.err, BL_OK);
    assert_null(bl_buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.err, BL_ERR_TOO_LARGE);
    bl_buf_release(&b);
}

static void numbers_are_written_as_short_as_they_read_back(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "1"},
                 {-2.5, "-2.5"},
                 {0.1, "0.1"},
                 {1e2, "100"},
                 {1.0 / 3, "0.3333333333333333"},
                 {12.50, "12.5"},
                 {-0.0, "0"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e-7, "0.0000001"},
                 {9.5e-8, "9.5e-8"},
                 {123456789012345680000.0, "123456789012345680000"},
                 {1e21, "1e21"},
                 {-1.5e300, "-1.5e300"},
                 {5e-324, "5e-324"},
                 {1e15, "1000000000000000"},
                 {-1.2345678901234566e-7, "-0.00000012345678901234566"},
                 {10.25, "10.25"},
                 {1024, "1024"}};
    struct bl_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_buf_clear(&b);
        bl_buf_double(&b, cases[i].v);
        assert_text(&b, cases[i].text);
    }
    static const double hard[] = {5e-324,
                                  1.7976931348623157e308,
                                  -2.2250738585072014e-308,
                                  9007199254740993.0,
                                  123456789.123456789,
                                  5.684341886080802e-14};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        bl_buf_clear(&b);
        bl_buf_double(&b, hard[i]);
        bl_buf_char(&b, '\0');
        assert_true(strtod(b.p, NULL) == hard[i]);
    }
    bl_buf_clear(&b);
    bl_buf_int(&b, INT64_MIN);
    bl_buf_char(&b, ' ');
    bl_buf_int(&b, INT64_MAX);
    bl_buf_char(&b, ' ');
    bl_buf_int(&b, 0);
    assert_text(&b, "-9223372036854775808 9223372036854775807 0");
    bl_buf_release(&b);
}

static void a_list_is_cut_into_what_stands_between(void **state)
{
    struct bl_str rest = BL_STR(" a ;\tb;;c"), none = {0};
    (void)state;
    assert_true(bl_str_eqz(bl_str_trim(bl_str_cut(&rest, ';')), "a"));
    assert_true(bl_str_eqz(bl_str_cut(&rest, ';'), "\tb"));
    assert_true(bl_str_eqz(bl_str_cut(&rest, ';'), ""));
    assert_true(bl_str_eqz(bl_str_cut(&rest, ';'), "c"));
    assert_int_equal(rest.n, 0);
    assert_int_equal(bl_str_cut(&none, ';').n, 0);
    assert_true(bl_str_eqz(bl_str_trim(BL_STR(" \t ")), ""));
}

static void globs_know_two_wildcards(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a\nb", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?", "\xC3\xA9", true},
        {"??", "\xC3\xA9", false},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*a", "ba", true},
        {"a", "A", false},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "acb", false},
        {"*aab", "aaaab", true},
        {"*?b", "b", false},
        {"*?b",
         "\xE2\x82\xAC"
         "b",
         true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"a.c", "abc", false},
        {"\\*", "\\x", true},
        {"\\*", "*", false},
        {"**a**", "bab", true},
        {"plus-?", "plus-10", false},
        {"plus-*", "plus-10", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (bl_str_glob(bl_str_of(cases[i].pattern), bl_str_of(cases[i].text)) != cases[i].fits)
            fail_msg("%s and %s", cases[i].pattern, cases[i].text);
}

static void json_strings_are_escaped(void **state)
{
    static const char in[] = "a\"\\/\b\f\n\r\t\v\x01\x7F\xC3\xA9\xFFz\xE2\x82";
    struct bl_buf b = {0};
    (void)state;
    bl_buf_json(&b, (struct bl_str){in, sizeof in - 1});
    assert_text(
        &b, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0001\x7F\xC3\xA9\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
    bl_buf_clear(&b);
    bl_buf_json(&b, (struct bl_str){"\0", 1});
    assert_text(&b, "\"\\u0000\"");
    bl_buf_clear(&b);
    bl_buf_json(&b, BL_STR("\xF0\x9F\x98\x80\xED\xA0\x80"));
    assert_text(&b, "\"\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    bl_buf_release(&b);
}

static void what_a_terminal_would_obey_is_shown(void **state)
{
    struct bl_buf b = {0};
    (void)state;
    bl_buf_shown(&b,
                 BL_STR("a\x1B[31m\xC2\x9B\x7F\xC2\xA0\xE2\x80\xAE\xE2\x80\xA8\xE2\x81\xA6\xC2\n\xE2\x80"));
    assert_text(&b, "a\\u001b[31m\\u009b\\u007f\xC2\xA0\\u202e\xE2\x80\xA8\\u2066\xC2\n\xE2\x80");
    bl_buf_release(&b);
}

static void percent_escapes_go_and_come_back(void **state)
{
    struct bl_buf b = {0}, back = {0};
    char all[256];
    (void)state;
    bl_buf_percent(&b, BL_STR("aZ0._~-/ :\xC3\xA9%{}"));
    assert_text(&b, "aZ0._~-%2F%20%3A%C3%A9%25%7B%7D");
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    bl_buf_clear(&b);
    bl_buf_percent(&b, (struct bl_str){all, sizeof all});
    assert_true(bl_buf_unpercent(&back, bl_buf_view(&b)));
    assert_true(bl_str_eq(bl_buf_view(&back), (struct bl_str){all, sizeof all}));
    static const char *const bad[] = {"%", "%4", "a%", "%4g", "%g4", "%%41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(bl_buf_unpercent(&back, bl_str_of(bad[i])));
    bl_buf_clear(&back);
    assert_true(bl_buf_unpercent(&back, BL_STR("%41%2f")));
    assert_text(&back, "A/");
    bl_buf_release(&b);
    bl_buf_release(&back);
}

static void printf_takes_any_length(void **state)
{
    struct bl_buf b = {0};
    char z[600];
    (void)state;
    memset(z, 'x', sizeof z - 1);
    z[sizeof z - 1] = '\0';
    for (size_t n = 254; n < 260; n++) {
        bl_buf_clear(&b);
        bl_buf_printf(&b, "%.*s", (int)n, z);
        assert_int_equal(b.n, n);
    }
    bl_buf_release(&b);
}

static void every_error_has_a_code_and_a_status(void **state)
{
    (void)state;
    for (unsigned e = 0; e < BL_ERR_COUNT; e++) {
        assert_true(bl_err_code((enum bl_err)e)[0] != '\0');
        assert_in_range(bl_err_http((enum bl_err)e), 200, 599);
        assert_true(e == BL_OK || bl_err_text((enum bl_err)e)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_in_hexadecimal_has_all_its_digits),
        cmocka_unit_test(siphash_gives_the_published_values),
        cmocka_unit_test(slices_compare_bytewise),
        cmocka_unit_test(letters_are_equal_in_either_case_and_nothing_else_is),
        cmocka_unit_test(integers_are_read_whole),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(control_characters_are_seen),
        cmocka_unit_test(a_buffer_keeps_its_bound),
        cmocka_unit_test(numbers_are_written_as_short_as_they_read_back),
        cmocka_unit_test(a_list_is_cut_into_what_stands_between),
        cmocka_unit_test(globs_know_two_wildcards),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(what_a_terminal_would_obey_is_shown),
        cmocka_unit_test(percent_escapes_go_and_come_back),
        cmocka_unit_test(printf_takes_any_length),
        cmocka_unit_test(every_error_has_a_code_and_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
