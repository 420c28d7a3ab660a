/* Accept-Encoding (src/http/coding.h). */
#include "coding.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct bl_web_file all = {"/a.js", "", {{"", 100}, {"", 40}, {"", 30}}};
static const struct bl_web_file plain = {"/a.png", "", {{"", 100}, {NULL, 0}, {NULL, 0}}};

static void the_client_s_wish_decides(void **state)
{
    static const struct {
        const char *accept;
        enum bl_coding wanted;
    } cases[] = {
        {"", BL_CODING_IDENTITY},
        {"br", BL_CODING_BROTLI},
        {"gzip", BL_CODING_GZIP},
        {"gzip, deflate, br", BL_CODING_BROTLI}, /* of equals the smaller */
        {"br;q=0.2, gzip;q=0.3", BL_CODING_GZIP},
        {"br ; q=0.30 ,gzip;Q=0.299", BL_CODING_BROTLI},
        {"*", BL_CODING_BROTLI},
        {"*;q=0.1, gzip;q=0.2", BL_CODING_GZIP},
        {"br;q=0, *", BL_CODING_GZIP},
        {"br;q=0, gzip;q=0", BL_CODING_IDENTITY},
        {"*;q=0", BL_CODING_IDENTITY},
        {"identity;q=0, *;q=0", BL_CODING_IDENTITY}, /* better than no answer */
        {"identity;q=0, gzip;q=0.1", BL_CODING_GZIP},
        {"identity, br;q=0.9", BL_CODING_IDENTITY},
        {"br;q=2", BL_CODING_IDENTITY},
        {"br;q=", BL_CODING_IDENTITY},
        {"br;q=0.1x, gzip", BL_CODING_GZIP},
        {"x-br, zstd", BL_CODING_IDENTITY},
        {",,;,br,", BL_CODING_BROTLI},
        {"BR", BL_CODING_BROTLI},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (bl_coding_choose(bl_str_of(cases[i].accept), &all) != cases[i].wanted)
            fail_msg("\"%s\" is given coding %d", cases[i].accept,
                     (int)bl_coding_choose(bl_str_of(cases[i].accept), &all));
}

static void a_file_that_is_not_compressed_is_sent_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(bl_coding_choose(BL_STR("br, gzip, identity;q=0"), &plain), BL_CODING_IDENTITY);
    assert_null(bl_coding_name(BL_CODING_IDENTITY));
    assert_string_equal(bl_coding_name(BL_CODING_BROTLI), "br");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_s_wish_decides),
        cmocka_unit_test(a_file_that_is_not_compressed_is_sent_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
