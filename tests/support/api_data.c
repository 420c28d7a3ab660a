#include "api_data.h"

#include "bl/core/engine.h"
#include "bl/core/rule.h"
#include "bl/wire/state.h"
#include "user_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct bl_hash_key hash_key = {0x0011223344556677ULL, 0x8899aabbccddeeffULL};
struct bl_test_redis redis;
struct bl_test_api api;

int partition_of(const char *user)
{
    return (int)(bl_hash64(hash_key, bl_str_of(user)) % P);
}

/* --- writing */

const char *key(enum bl_key id, int p, const char *arg)
{
    static char text[8][512];
    static size_t turn;
    struct bl_buf b;
    bl_buf_init(&b, 0);
    bl_key_put(&b, BL_STR("t"), id, p, bl_str_of(arg));
    char *out = text[turn++ % 8];
    snprintf(out, sizeof text[0], "%.*s", (int)b.n, b.p);
    bl_buf_release(&b);
    return out;
}

void position(int p, long long clock_ms, int entries)
{
    DO("HSET %s id %lld-0 clock_ms %lld entries %d epoch 3 committed_at_ms %lld", key(BL_KEY_POSITION, p, ""),
       clock_ms, clock_ms, entries, clock_ms);
}

void data_set(const char *clock)
{
    DO("FLUSHALL");
    DO("HSET %s version 1 partitions %d hash_key 00112233445566778899aabbccddeeff clock %s created_at 1",
       key(BL_KEY_META, 0, ""), P, clock);
    for (int p = 0; p < P; p++)
        position(p, NOW_MS - p, 0);
}

const char *put_pattern(struct example x)
{
    static char hex[33];
    int p = partition_of(x.user);
    struct bl_pattern_id id =
        bl_pattern_id(bl_str_of(x.user), x.rule, NULL, bl_str_of(x.page), (struct bl_str){0}, x.at_ms);
    bl_pattern_id_hex(&id, hex);
    DO("HSET %s pattern_id %s type %s user_id %s session_id s page %s severity %s explanation %s detected_at "
       "%lld "
       "updated_at %lld evidence %s",
       key(BL_KEY_PATTERN, p, hex), hex, bl_rule(x.rule)->name, x.user, x.page, bl_severity_name(x.severity),
       x.explanation ? x.explanation : "words", x.at_ms, x.at_ms, "{\"events\":[]}");
    if (x.resolved)
        DO("HSET %s resolved true resolved_at %lld resolution left", key(BL_KEY_PATTERN, p, hex),
           x.at_ms + 5);
    else
        DO("ZADD %s %lld %s", key(BL_KEY_PATTERNS_OPEN, p, ""), x.at_ms, hex);
    DO("ZADD %s %lld %s", key(BL_KEY_PATTERNS, p, ""), x.at_ms, hex);
    DO("ZADD %s %lld %s", key(BL_KEY_PATTERNS_USER, p, x.user), x.at_ms, hex);
    return hex;
}

static void ignore_pattern(void *ctx, const struct bl_pattern *pattern)
{
    (void)ctx, (void)pattern;
}

void put_user(const char *user, const char *const *pages)
{
    static _Alignas(max_align_t) char block[BL_TEST_USER_BYTES];
    struct bl_user *u = bl_user_place(block, &bl_test_room);
    struct bl_settings settings;
    struct bl_state_field field[BL_STATE_FIELDS_MAX];
    struct bl_buf text;
    size_t n = 0;
    int p = partition_of(user);
    bl_settings_defaults(&settings);
    struct bl_engine engine = bl_engine_of(&settings, (struct bl_sink){.pattern = ignore_pattern});
    while (pages[n])
        n++;
    for (size_t i = 0; i < n; i++) {
        struct bl_event e = {.action = BL_ACTION_PAGE_VIEW, .page = bl_str_of(pages[i]), .idle_ms = -1};
        e.t_ms = NOW_MS - 5000 * (int64_t)(n - 1 - i);
        bl_engine_event(&engine, u, bl_str_of(user), &e);
    }
    bl_buf_init(&text, 0);
    assert_int_equal(bl_state_encode(u, &text, field), BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (field[i].value.n)
            DO("HSET %s %s %b", key(BL_KEY_USER, p, user), field[i].name, field[i].value.p, field[i].value.n);
    DO("ZADD %s %lld %s", key(BL_KEY_ACTIVE, p, ""), NOW_MS, user);
    bl_buf_release(&text);
}

void put_old_user(const char *user, const char *page)
{
    int p = partition_of(user);
    DO("HSET %s head %s names [\"%s\"] visits %s w0 %s", key(BL_KEY_USER, p, user),
       "1700000000000 e1 m1 p1 S", page, "1700000000000 1v", "0 1700000000000 1vi");
    DO("ZADD %s %lld %s", key(BL_KEY_ACTIVE, p, ""), NOW_MS, user);
}

/* --- asking */

struct bl_test_answer get(const char *path)
{
    return bl_test_curl(&api, "", path);
}

json_t *get_json(const char *path)
{
    struct bl_test_answer a = get(path);
    if (a.status != 200 || !a.json)
        fail_msg("%s: %d %s", path, a.status, a.body);
    json_t *json = json_incref(a.json);
    bl_test_answer_free(&a);
    return json;
}

void assert_count(const char *path, size_t n)
{
    json_t *list = get_json(path);
    assert_true(json_is_array(list));
    if (json_array_size(list) != n)
        fail_msg("%s: %zu instead of %zu", path, json_array_size(list), n);
    json_decref(list);
}

void assert_error(const char *options, const char *path, int status, const char *code, const char *field)
{
    struct bl_test_answer a = bl_test_curl(&api, options, path);
    const json_t *error = json_object_get(a.json, "error");
    if (a.status != status || !json_is_string(json_object_get(error, "message")))
        fail_msg("%s: %d %s", path, a.status, a.body);
    assert_string_equal(json_string_value(json_object_get(error, "code")), code);
    if (field)
        assert_string_equal(json_string_value(json_object_get(error, "field")), field);
    bl_test_answer_free(&a);
}

const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "(none)";
}

long long number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_number(value));
    return (long long)json_number_value(value);
}

/* --- around them */

int api_set_up(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    bl_test_api_start(&api, redis.url, "t");
    for (int i = 0; i < 200; i++) { /* until its connection to Redis stands */
        data_set("event");
        struct bl_test_answer a = get("/api/patterns");
        int status = a.status;
        bl_test_answer_free(&a);
        if (status == 200)
            return 0;
    }
    return 1;
}

int api_tear_down(void **state)
{
    (void)state;
    bl_test_api_stop(&api);
    bl_test_redis_stop(&redis);
    return 0;
}
