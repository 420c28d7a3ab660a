/* Commands in the stream (include/bl/wire/command.h): each kind written and read back, and what is no command. */
#include "bl/wire/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static const char *const commands[] = {
    "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"u \\\"1\\\"\"}",
    "{\"command\":\"explain\",\"pattern_id\":\"" ID "\",\"text\":\"Stuck, says \\\"é\\\".\"}",
    "{\"command\":\"readmit\",\"user_id\":\"u \\\"1\\\"\"}",
    "{\"command\":\"rules\",\"version\":7,\"settings\":{\"twin\":1000,\"rules\":{\"x\":[1,{}]}}}",
};

static void a_command_reads_as_it_was_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct bl_command c;
        struct bl_buf b = {0};
        assert_int_equal(bl_command_read(bl_str_of(commands[i]), &c), BL_OK);
        bl_command_write(&c, &b);
        bl_buf_char(&b, '\0');
        assert_string_equal(b.p, commands[i]);
        bl_buf_release(&b);
    }
}

/* ARCHITECTURE, erasure: an entry of its own node. */
static void an_erase_is_as_large_as_a_node_of_the_stream(void **state)
{
    static const char text[] = "{\"command\":\"erase\",\"user_id\":\"u1\"}";
    struct bl_command c, back;
    struct bl_buf b = {0};
    (void)state;
    assert_int_equal(bl_command_read((struct bl_str){text, sizeof text - 1}, &c), BL_OK);
    bl_command_write(&c, &b);
    assert_true(b.err == BL_OK && b.n == sizeof text - 1 + BL_ERASE_ENTRY_BYTES);
    assert_memory_equal(b.p, text, sizeof text - 1);
    assert_int_equal(bl_command_read(bl_buf_view(&b), &back), BL_OK);
    assert_true(back.kind == BL_COMMAND_ERASE && bl_str_eqz(bl_command_user(&back), "u1"));
    bl_buf_release(&b);
}

static void settings_are_cut_out_as_they_stand(void **state)
{
    struct bl_command c;
    (void)state;
    assert_int_equal(bl_command_read(BL_STR(" { \"settings\" : { \"a\" : \"}\" } , \"version\": 2,\n"
                                            "\"command\":\"rules\" } "),
                                     &c),
                     BL_OK);
    assert_int_equal(c.version, 2);
    assert_true(bl_str_eqz(c.settings, "{ \"a\" : \"}\" }"));
}

static void what_is_no_command_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"command\":\"resolve\"}",
        "{\"command\":\"dance\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\"}",
        "{\"command\":1,\"pattern_id\":\"" ID "\",\"user_id\":\"u\"}",
        "{\"pattern_id\":\"" ID "\",\"user_id\":\"u\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"user_id\":\"v\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"text\":\"t\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"why\":\"t\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"0123\",\"user_id\":\"u\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"\"}",
        "{\"command\":\"resolve\",\"pattern_id\":\"" ID "\",\"user_id\":\"a\\u0000b\"}",
        "{\"command\":\"explain\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\"}",
        "{\"command\":\"explain\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"text\":\"\"}",
        "{\"command\":\"explain\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"text\":\"a\\nb\"}",
        "{\"command\":\"explain\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\",\"text\":null}",
        "{\"command\":\"erase\"}",
        "{\"command\":\"erase\",\"pattern_id\":\"" ID "\",\"user_id\":\"u\"}",
        "{\"command\":\"erase\",\"user_id\":\"\"}",
        "{\"command\":\"rules\",\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":1}",
        "{\"command\":\"rules\",\"version\":0,\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":-1,\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":1.0,\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":\"1\",\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":18446744073709551615,\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":1,\"settings\":[]}",
        "{\"command\":\"rules\",\"version\":1,\"settings\":\"{}\"}",
        "{\"command\":\"rules\",\"version\":1,\"settings\":{},\"settings\":{}}",
        "{\"command\":\"rules\",\"version\":1,\"settings\":{}} {}",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bl_command c;
        if (bl_command_read(bl_str_of(bad[i]), &c) != BL_ERR_CORRUPT)
            fail_msg("taken: %s", bad[i]);
    }
}

static enum bl_err read_explain(size_t bytes)
{
    struct bl_command c = {.kind = BL_COMMAND_EXPLAIN, .user = "u", .user_bytes = 1};
    struct bl_buf b = {0};
    memset(c.text, 'x', sizeof c.text);
    c.text_bytes = sizeof c.text;
    bl_command_write(&c, &b);
    b.n -= 2;
    for (size_t i = sizeof c.text; i < bytes; i++)
        bl_buf_char(&b, 'x');
    bl_buf_z(&b, "\"}");
    enum bl_err err = bl_command_read(bl_buf_view(&b), &c);
    if (err == BL_OK)
        assert_int_equal(c.text_bytes, bytes);
    bl_buf_release(&b);
    return err;
}

static void an_explanation_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(read_explain(BL_EXPLAIN_MAX_BYTES), BL_OK);
    assert_int_equal(read_explain(BL_EXPLAIN_MAX_BYTES + 1), BL_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_reads_as_it_was_written),
        cmocka_unit_test(an_erase_is_as_large_as_a_node_of_the_stream),
        cmocka_unit_test(settings_are_cut_out_as_they_stand),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(an_explanation_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
