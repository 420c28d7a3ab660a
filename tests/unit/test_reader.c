/* A link's reader makes of what Redis sends what hiredis' own does, however it is cut, and keeps its bounds. */
#include "reader.h"

#include "bl/base/limits.h"
#include "bl/store/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const replies[] = {
    "+OK\r\n",
    "+\r\n",
    "-ERR no such thing\r\n",
    ":-42\r\n",
    "$0\r\n\r\n",
    "$5\r\na\0b\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*3\r\n$-1\r\n*-1\r\n:1\r\n",
    "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$6\r\nevents\r\n$2\r\n{}\r\n*2\r\n$3\r\n1-1\r\n*0\r\n",
    "*4\r\n+QUEUED\r\n-WRONGTYPE x\r\n:0\r\n*1\r\n*1\r\n*1\r\n*1\r\n$1\r\nx\r\n",
};
/* Their lengths: one has a NUL inside. */
static size_t length_of(const char *reply)
{
    return reply[0] == '$' && reply[1] == '5' ? 11 : strlen(reply);
}

static void assert_same(const redisReply *a, const redisReply *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->integer, b->integer);
    assert_int_equal(a->elements, b->elements);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->str != NULL, b->str != NULL);
    if (a->str)
        assert_memory_equal(a->str, b->str, a->len + 1);
    for (size_t i = 0; i < a->elements; i++)
        assert_same(a->element[i], b->element[i]);
}

static redisReply *read_reply(redisReader *reader, const char *text, size_t n, size_t step)
{
    void *reply = NULL;
    for (size_t at = 0; at < n; at += step) {
        assert_null(reply);
        assert_int_equal(redisReaderFeed(reader, text + at, n - at < step ? n - at : step), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    }
    assert_non_null(reply);
    return reply;
}

static void assert_read_alike(const char *text, size_t n, size_t step)
{
    redisReader *ours = bl_reader_new(), *theirs = redisReaderCreate();
    assert_non_null(ours);
    assert_non_null(theirs);
    redisReply *a = read_reply(ours, text, n, step), *b = read_reply(theirs, text, n, step);
    assert_same(a, b);
    bl_reply_free(a);
    freeReplyObject(b);
    redisReaderFree(ours);
    redisReaderFree(theirs);
}

static void replies_are_what_hiredis_makes_of_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        for (size_t step = 1; step <= length_of(replies[i]); step++)
            assert_read_alike(replies[i], length_of(replies[i]), step);
}

/* Of texts of all sizes, so that blocks are full at any place, and of one that no block has room for. */
static void large_ones_take_more_than_one_block(void **state)
{
    (void)state;
    size_t entries = 3000, cap = (size_t)8 * 1024 * 1024, n = 0;
    char *text = malloc(cap);
    assert_non_null(text);
    n += (size_t)sprintf(text, "*%zu\r\n", entries + 1);
    for (size_t i = 0; i < entries; i++) {
        size_t length = i * 7 % 2000;
        n += (size_t)sprintf(text + n, "*2\r\n:%zu\r\n$%zu\r\n", i, length);
        memset(text + n, 'a' + (int)(i % 26), length);
        n += length;
        n += (size_t)sprintf(text + n, "\r\n");
    }
    size_t length = (size_t)3 * 1024 * 1024;
    n += (size_t)sprintf(text + n, "$%zu\r\n", length);
    memset(text + n, 'x', length);
    n += length;
    n += (size_t)sprintf(text + n, "\r\n");
    assert_true(n < cap);
    assert_read_alike(text, n, n);
    assert_read_alike(text, n, 16 * 1024);
    free(text);
}

static void what_is_only_announced_is_not_made(void **state)
{
    (void)state;
    char text[64];
    for (size_t inside = 0; inside < 2; inside++) {
        redisReader *reader = bl_reader_new();
        void *reply = NULL;
        assert_non_null(reader);
        int n = snprintf(text, sizeof text, "%s*%d\r\n", inside ? "*2\r\n" : "", BL_REPLY_ELEMENTS_MAX + 1);
        assert_int_equal(redisReaderFeed(reader, text, (size_t)n), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
        assert_null(reply);
        redisReaderFree(reader);
    }
}

/* The sanitizer looks for what is not given back. */
static void half_a_reply_goes_with_its_reader(void **state)
{
    (void)state;
    static const char *const halves[] = {"*2\r\n$3\r\nabc\r\n", "*2\r\n*2\r\n:1\r\n", "$100\r\nabc",
                                         "*3\r\n:1\r\n?"};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        redisReader *reader = bl_reader_new();
        void *reply = NULL;
        assert_non_null(reader);
        assert_int_equal(redisReaderFeed(reader, halves[i], strlen(halves[i])), REDIS_OK);
        (void)redisReaderGetReply(reader, &reply);
        assert_null(reply);
        redisReaderFree(reader);
    }
    bl_reply_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_what_hiredis_makes_of_them),
        cmocka_unit_test(large_ones_take_more_than_one_block),
        cmocka_unit_test(what_is_only_announced_is_not_made),
        cmocka_unit_test(half_a_reply_goes_with_its_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
