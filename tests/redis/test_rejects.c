/* What is kept of refused events: on time in the stream, too late only counted; and with the hashes of whom they name. */
#include "bl/store/rejects.h"

#include "bl/app/erased.h"
#include "link_wait.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <uv.h>

#define DAY_MS 86400000

static struct bl_test_redis redis;
static uv_loop_t loop;
static bool up;

static void on_up(void *ctx)
{
    (void)ctx;
    up = true;
}

static const struct bl_hash_key key = {0x1234, 0x5678};

static struct bl_link *connect_link(void)
{
    struct bl_link *link;
    const struct bl_link_options o = {.url = redis.url, .timeout_ms = 20000, .retry_max_ms = 50, .up = on_up};
    up = false;
    assert_int_equal(bl_link_new(&loop, &o, &link), BL_OK);
    RUN_UNTIL(&loop, up);
    return link;
}

static void flush(struct bl_rejects *r, struct bl_link *link)
{
    bl_rejects_flush(r, link, 1700000000000, 0);
    link_wait_answered(&loop, link);
}

/* One refused event, flushed by who holds texts for hold_ms. */
static void refuse_one(struct bl_link *link, int64_t hold_ms)
{
    struct bl_rejects *r;
    const struct bl_refusal refusal = {BL_ERR_INVALID_JSON, "", "", BL_STR("{\"user_id\":\"somebody\"")};
    assert_int_equal(bl_rejects_new("test", DAY_MS, hold_ms, &r), BL_OK);
    bl_rejects_add(r, &refusal);
    flush(r, link);
    bl_rejects_free(r);
}

static void what_waited_too_long_is_only_counted(void **state)
{
    struct bl_link *link = connect_link();
    (void)state;
    refuse_one(link, 0);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:test:bad"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:test:rejected invalid_json"), 1);
    refuse_one(link, DAY_MS);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:test:bad"), 1);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:test:rejected invalid_json"), 2);
    link_wait_close(&loop, link);
}

/* A field of the one entry that is kept of a text. Freed by the caller. */
static char *kept(const char *field)
{
    const char *what =
        "local e = redis.call('XRANGE', KEYS[1], '-', '+') if #e ~= 1 then return #e .. ' entries' end "
        "for i = 1, #e[1][2], 2 do if e[1][2][i] == ARGV[1] then return e[1][2][i + 1] end end";
    return bl_test_redis_text(&redis, "EVAL %s 1 bl:test:bad %s", what, field);
}

static void keep(struct bl_rejects *r, struct bl_link *link, struct bl_str raw)
{
    const struct bl_refusal refusal = {BL_ERR_INVALID_FIELD, "user_id", "\"what was sent\" is wrong", raw};
    bl_test_redis_int(&redis, "DEL bl:test:bad");
    bl_rejects_add(r, &refusal);
    flush(r, link);
}

static void assert_names(const char *const *ids)
{
    char want[4 * BL_ERASED_HEX + 1] = "", *users = kept("users"), *event = kept("event");
    for (size_t i = 0; i < 4 && ids[i]; i++)
        bl_erased_hex(bl_erased_hash(key, bl_str_of(ids[i])), want + i * BL_ERASED_HEX);
    assert_non_null(users);
    assert_non_null(event);
    assert_string_equal(users, want);
    assert_string_not_equal(event, "");
    free(users);
    free(event);
}

/* Whatever redaction makes of the id. */
static void each_is_kept_with_the_hashes_of_whom_it_names(void **state)
{
    static const struct {
        const char *raw, *ids[5];
    } texts[] = {
        {"{\"user_id\":\"?a=b#c-Zqc\",\"action\":\"dance\"}", {"?a=b#c-Zqc"}},
        {"{\"action\":\"dance\",\"user_id\":\"<b>&-Zqb\"}", {"<b>&-Zqb"}},
        {"{\"user_id\":\"ann@example.org\"}", {"ann@example.org"}},
        {"{\"user_id\":\"a-name-of-more-than-sixty-four-bytes-of-which-a-length-alone-is-kept\"}",
         {"a-name-of-more-than-sixty-four-bytes-of-which-a-length-alone-is-kept"}},
        {"{\"user_id\":\"\\\"\\u007a\\u00eb\\ud83d\\ude00\"}", {"\"z\xc3\xab\xf0\x9f\x98\x80"}},
        {"[{\"user_id\":\"a\"}\n,{\"user_id\" : \"b\", \"x\":[{\"user_id\":\"a\"}", {"a", "b"}},
        {"{\"user_id\":\"a\",\"user_id\":\"b\"}", {"a", "b"}},
        {"{'user_id':'a'}", {"a"}},
        {"{\"user_id\":7}", {"7"}},
        {"user_id=a.b&page=%2F", {"a.b"}},
        {"user_id: a\nnext: b", {"a"}},
        {"{\"user_ids\":\"a\"}", {NULL}},
        {"{\"user_id\":\"\"}", {NULL}},
        {"no JSON at all", {NULL}},
    };
    struct bl_link *link = connect_link();
    struct bl_rejects *r;
    (void)state;
    assert_int_equal(bl_rejects_new("test", DAY_MS, DAY_MS, &r), BL_OK);
    bl_rejects_open(r, key);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        keep(r, link, bl_str_of(texts[i].raw));
        assert_names(texts[i].ids);
    }
    bl_rejects_free(r);
    link_wait_close(&loop, link);
}

static void assert_reason_alone(void)
{
    static const char *const want[][2] = {
        {"reason", "invalid_field"}, {"field", ""}, {"event", ""}, {"users", ""}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char *is = kept(want[i][0]);
        assert_string_equal(is, want[i][1]);
        free(is);
    }
    char *message = kept("message");
    assert_string_equal(message, bl_err_text(BL_ERR_INVALID_FIELD));
    free(message);
}

static void put_many(struct bl_buf *out, int users, int times)
{
    bl_buf_clear(out);
    for (int i = 0; i < times; i++)
        bl_buf_printf(out, "{\"user_id\":\"user-%d\"}\n", i % users);
}

static void of_whom_it_is_cannot_be_told_only_the_reason_is_kept(void **state)
{
    static const char *const texts[] = {
        "{\"user\\u005fid\":\"a\"}",
        "\"{\\\"user_id\\\":\\\"a\\\"}\"",
        "{\"user_id\":\"somebo",
        "{\"user_id\":\"some\"body\"}",
        "{\"user_id\":[\"a\"]}",
        "{user_id: ann smith}",
        "user_id=a%2Fb",
        "user_id=a+b",
        "<user_id>a</user_id>",
        "Content-Disposition: form-data; name=\"user_id\"\r\n\r\na\r\n",
    };
    struct bl_link *link = connect_link();
    struct bl_rejects *r;
    struct bl_buf many;
    (void)state;
    bl_buf_init(&many, 0);
    assert_int_equal(bl_rejects_new("test", DAY_MS, DAY_MS, &r), BL_OK);
    keep(r, link, BL_STR("{\"user_id\":\"a\"}")); /* the key is not known yet */
    assert_reason_alone();
    bl_rejects_open(r, key);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        keep(r, link, bl_str_of(texts[i]));
        assert_reason_alone();
    }
    put_many(&many, 33, 33);
    keep(r, link, bl_buf_view(&many));
    assert_reason_alone();
    put_many(&many, 1, 257);
    keep(r, link, bl_buf_view(&many));
    assert_reason_alone();
    put_many(&many, 1, 256);
    keep(r, link, bl_buf_view(&many));
    assert_names((const char *const[]){"user-0", NULL});
    while (many.n <= 256 * 1024)
        bl_buf_char(&many, ' ');
    keep(r, link, bl_buf_view(&many));
    assert_reason_alone();
    bl_buf_release(&many);
    bl_rejects_free(r);
    link_wait_close(&loop, link);
}

static void what_was_gathered_under_another_key_is_only_counted(void **state)
{
    const struct bl_refusal refusal = {BL_ERR_INVALID_JSON, "", "", BL_STR("{\"user_id\":\"a\"")};
    struct bl_link *link = connect_link();
    struct bl_rejects *r;
    (void)state;
    bl_test_redis_int(&redis, "DEL bl:test:bad bl:test:rejected");
    assert_int_equal(bl_rejects_new("test", DAY_MS, DAY_MS, &r), BL_OK);
    bl_rejects_open(r, key);
    bl_rejects_add(r, &refusal);
    bl_rejects_open(r, (struct bl_hash_key){1, 2});
    flush(r, link);
    assert_int_equal(bl_test_redis_int(&redis, "XLEN bl:test:bad"), 0);
    assert_int_equal(bl_test_redis_int(&redis, "HGET bl:test:rejected invalid_json"), 1);
    bl_rejects_free(r);
    link_wait_close(&loop, link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waited_too_long_is_only_counted),
        cmocka_unit_test(each_is_kept_with_the_hashes_of_whom_it_names),
        cmocka_unit_test(of_whom_it_is_cannot_be_told_only_the_reason_is_kept),
        cmocka_unit_test(what_was_gathered_under_another_key_is_only_counted),
    };
    bl_test_redis_start(&redis, NULL);
    uv_loop_init(&loop);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    bl_test_redis_stop(&redis);
    return failed;
}
