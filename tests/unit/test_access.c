/* Who may do what: tables of keys, tokens, needs and origins; and how keys are written and read. */
#include "bl/app/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define W  "write-token-write-token-write-token"
#define W2 "other-token-other-token-other-token"
#define R  "read-token-read-token-read-token-1"
#define A  "admin-token-admin-token-admin-token"
#define NO "nobody-nobody-nobody-nobody-nobody"

static struct bl_access_key key_of(const char *line)
{
    struct bl_access_key key;
    const char *why;
    if (!bl_key_read_line(bl_str_of(line), &key, &why))
        fail_msg("%s: %s", line, why);
    return key;
}

static struct bl_access_keys *keys_of(const char *const *fixed, const char *const *stored)
{
    struct bl_access_keys *a;
    assert_int_equal(bl_access_new(&a), BL_OK);
    for (; fixed && *fixed; fixed++) {
        struct bl_access_key key = key_of(*fixed);
        assert_int_equal(bl_access_fix(a, &key), BL_OK);
    }
    if (!stored)
        return a;
    bl_access_begin(a);
    bool any = *stored != NULL;
    for (; *stored; stored++) {
        struct bl_access_key key = key_of(*stored);
        bl_access_take(a, &key);
    }
    bl_access_end(a, any);
    return a;
}

static const char *const none[] = {NULL};
static const char *const all[] = {"write:" W ":https://shop.example", "write:" W2, "read:" R, "admin:" A,
                                  NULL};
static const char *const read_alone[] = {"read:" R, NULL};

#define UNAUTHORIZED BL_ERR_UNAUTHORIZED
#define FORBIDDEN    BL_ERR_FORBIDDEN
#define AWAY         BL_ERR_STORE_UNAVAILABLE

static const struct story {
    const char *says;
    const char *const *fixed, *const *stored; /* stored NULL: the store has not answered */
    const char *token, *origin;
    enum bl_err want[4]; /* open, write, read, admin */
} stories[] = {
    {"without keys all may", NULL, none, "", "", {BL_OK, BL_OK, BL_OK, BL_OK}},
    {"without keys a token is not looked at",
     NULL,
     none,
     NO,
     "https://evil.example",
     {BL_OK, BL_OK, BL_OK, BL_OK}},
    {"nobody knows yet: closed, not open", NULL, NULL, "", "", {BL_OK, AWAY, AWAY, AWAY}},
    {"nobody knows yet, a token", NULL, NULL, W, "", {BL_OK, AWAY, AWAY, AWAY}},
    {"a file's key holds before the store answers",
     read_alone,
     NULL,
     R,
     "",
     {BL_OK, FORBIDDEN, BL_OK, FORBIDDEN}},
    {"another token may be the store's", read_alone, NULL, NO, "", {BL_OK, AWAY, AWAY, AWAY}},
    {"no token is no token of the store's",
     read_alone,
     NULL,
     "",
     "",
     {BL_OK, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED}},
    {"one key of one kind closes all",
     NULL,
     read_alone,
     "",
     "",
     {BL_OK, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED}},
    {"a wrong token", NULL, all, NO, "", {BL_OK, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED}},
    {"half a token", NULL, all, "admin-token", "", {BL_OK, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED}},
    {"a token and more", NULL, all, A "x", "", {BL_OK, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED}},
    {"a write key writes", NULL, all, W2, "", {BL_OK, BL_OK, FORBIDDEN, FORBIDDEN}},
    {"a read token reads", NULL, all, R, "", {BL_OK, FORBIDDEN, BL_OK, FORBIDDEN}},
    {"an admin token does all", NULL, all, A, "", {BL_OK, BL_OK, BL_OK, BL_OK}},
    {"its origin", NULL, all, W, "https://shop.example", {BL_OK, BL_OK, FORBIDDEN, FORBIDDEN}},
    {"another origin", NULL, all, W, "https://evil.example", {BL_OK, FORBIDDEN, FORBIDDEN, FORBIDDEN}},
    {"another scheme is another origin",
     NULL,
     all,
     W,
     "http://shop.example",
     {BL_OK, FORBIDDEN, FORBIDDEN, FORBIDDEN}},
    {"an origin that goes on",
     NULL,
     all,
     W,
     "https://shop.example.evil",
     {BL_OK, FORBIDDEN, FORBIDDEN, FORBIDDEN}},
    {"the origin of a file", NULL, all, W, "null", {BL_OK, FORBIDDEN, FORBIDDEN, FORBIDDEN}},
    {"a server has no origin", NULL, all, W, "", {BL_OK, BL_OK, FORBIDDEN, FORBIDDEN}},
    {"a key without origins: from everywhere",
     NULL,
     all,
     W2,
     "https://evil.example",
     {BL_OK, BL_OK, FORBIDDEN, FORBIDDEN}},
    {"an Origin is nothing to a reader",
     NULL,
     all,
     R,
     "https://evil.example",
     {BL_OK, FORBIDDEN, BL_OK, FORBIDDEN}},
};

static void decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        const struct story *s = &stories[i];
        struct bl_access_keys *a = keys_of(s->fixed, s->stored);
        for (unsigned need = 0; need < 4; need++) {
            const struct bl_access_key *key;
            struct bl_access_ask ask = {bl_str_of(s->token), (enum bl_access)need, bl_str_of(s->origin)};
            enum bl_err got = bl_access_decide(a, &ask, &key);
            if (got != s->want[need])
                fail_msg("%s, need %u: %s", s->says, need, bl_err_code(got));
            if (got != BL_OK)
                assert_null(key);
        }
        bl_access_free(a);
    }
}

static enum bl_err ask(const struct bl_access_keys *a, const char *token, enum bl_access need)
{
    const struct bl_access_key *key;
    struct bl_access_ask it = {bl_str_of(token), need, BL_STR("")};
    return bl_access_decide(a, &it, &key);
}

static void keys_never_vanish(void **state)
{
    struct bl_access_keys *a = keys_of(NULL, all);
    (void)state;
    assert_int_equal(ask(a, R, BL_ACCESS_READ), BL_OK);
    bl_access_begin(a); /* the store has been emptied */
    bl_access_end(a, false);
    assert_int_equal(bl_access_count(a), 0);
    assert_int_equal(ask(a, R, BL_ACCESS_READ), BL_ERR_UNAUTHORIZED);
    assert_int_equal(ask(a, "", BL_ACCESS_WRITE), BL_ERR_UNAUTHORIZED);
    bl_access_free(a);

    a = keys_of(NULL, none);
    assert_int_equal(ask(a, "", BL_ACCESS_ADMIN), BL_OK);
    bl_access_begin(a); /* one that cannot be read */
    bl_access_end(a, true);
    assert_int_equal(ask(a, "", BL_ACCESS_ADMIN), BL_ERR_UNAUTHORIZED);
    bl_access_free(a);
}

static void one_for_shoppers_asks_nobody(void **state)
{
    struct bl_access_keys *a;
    struct bl_access_key own = key_of("write:" W), key = key_of("read:" R);
    (void)state;
    assert_int_equal(bl_access_new(&a), BL_OK);
    own.unasked = true;
    assert_int_equal(bl_access_fix(a, &own), BL_OK);
    bl_access_begin(a);
    bl_access_end(a, false);
    assert_int_equal(ask(a, "", BL_ACCESS_ADMIN), BL_OK);
    assert_false(bl_access_origin_may_write(a, BL_STR("https://a.example")));
    bl_access_begin(a);
    bl_access_take(a, &key);
    bl_access_end(a, true);
    assert_int_equal(ask(a, "", BL_ACCESS_WRITE), BL_ERR_UNAUTHORIZED);
    assert_int_equal(ask(a, W, BL_ACCESS_WRITE), BL_OK);
    bl_access_free(a);
}

static void the_table_is_bounded(void **state)
{
    struct bl_access_keys *a;
    (void)state;
    assert_int_equal(bl_access_new(&a), BL_OK);
    bl_access_begin(a);
    for (int i = 0; i < BL_KEYS_MAX + 10; i++) {
        char line[80];
        snprintf(line, sizeof line, "read:token-%04d-token-token-token-token", i);
        struct bl_access_key key = key_of(line);
        bl_access_take(a, &key);
        bl_access_take(a, &key); /* nobody twice */
    }
    bl_access_end(a, true);
    assert_int_equal(bl_access_count(a), BL_KEYS_MAX);
    assert_int_equal(ask(a, "token-0255-token-token-token-token", BL_ACCESS_READ), BL_OK);
    assert_int_equal(ask(a, "token-0256-token-token-token-token", BL_ACCESS_READ), BL_ERR_UNAUTHORIZED);
    bl_access_free(a);
}

static void tokens(void **state)
{
    uint8_t random[BL_TOKEN_RANDOM_BYTES], hash[BL_TOKEN_HASH_BYTES];
    static const uint8_t abc[4] = {0xba, 0x78, 0x16, 0xbf}; /* SHA-256 of "abc" */
    char token[BL_TOKEN_CHARS + 1], id[BL_KEY_ID_MAX_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(i * 7 + 200);
    bl_token_make(BL_KIND_READ, random, token);
    assert_int_equal(strlen(token), BL_TOKEN_CHARS);
    assert_null(bl_token_fault(bl_str_of(token)));
    bl_token_id(bl_str_of(token), id);
    assert_int_equal(strlen(id), 14);
    assert_memory_equal(id, token, 14);
    assert_memory_equal(id, "blr_", 4);
    token[20] = 'u'; /* not of the alphabet: somebody else's form */
    bl_token_id(bl_str_of(token), id);
    assert_int_equal(id[0], 'x');
    bl_token_hash(BL_STR("abc"), hash);
    assert_memory_equal(hash, abc, sizeof abc);
}

static const struct {
    const char *list, *want; /* NULL: refused */
} origin_lists[] = {
    {"", ""},
    {"https://Shop.Example", "https://shop.example"},
    {"https://shop.example/", "https://shop.example"},
    {"https://shop.example:443", "https://shop.example"},
    {"http://shop.example:80,https://b.example:8443", "http://shop.example https://b.example:8443"},
    {"http://localhost:3000 http://[::1]:3000", "http://localhost:3000 http://[::1]:3000"},
    {", https://a.example ,", "https://a.example"},
    {"https://*.shop.example", "https://*.shop.example"},
    {"shop.example", NULL},
    {"https://", NULL},
    {"https://shop.example/path", NULL},
    {"https://user@shop.example", NULL},
    {"https://shop.example:0", NULL},
    {"https://shop.example:99999", NULL},
    {"https://a.*.example", NULL},
    {"https://*", NULL},
    {"https://*.", NULL},
    {"ftp://shop.example", NULL},
    {"null", NULL},
    {"*", NULL},
    {"https://[::1", NULL},
};

static void origins(void **state)
{
    char out[BL_KEY_ORIGINS_MAX_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < sizeof origin_lists / sizeof *origin_lists; i++) {
        bool ok = bl_origins_read(bl_str_of(origin_lists[i].list), out);
        if (ok != (origin_lists[i].want != NULL) || (ok && strcmp(out, origin_lists[i].want) != 0))
            fail_msg("\"%s\" -> %d \"%s\"", origin_lists[i].list, ok, out);
    }
    const char *some = "https://a.example https://*.b.example:8443";
    assert_true(bl_origins_hold(some, BL_STR("https://a.example")));
    assert_true(bl_origins_hold(some, BL_STR("https://x.b.example:8443")));
    assert_true(bl_origins_hold(some, BL_STR("https://y.x.b.example:8443")));
    assert_false(bl_origins_hold(some, BL_STR("https://b.example:8443")));
    assert_false(bl_origins_hold(some, BL_STR("https://.b.example:8443")));
    assert_false(bl_origins_hold(some, BL_STR("https://evil/.b.example:8443")));
    assert_false(bl_origins_hold(some, BL_STR("https://evil:1.b.example:8443")));
    assert_false(bl_origins_hold(some, BL_STR("https://a.exampl")));
    assert_false(bl_origins_hold(some, BL_STR("")));
    assert_false(bl_origins_hold("", BL_STR("https://a.example")));
    static const char *const local[] = {"http://localhost", "http://localhost:8080", "https://127.0.0.1:8443",
                                        "http://[::1]:8080"};
    static const char *const other[] = {"",
                                        "null",
                                        "http://",
                                        "http://localhost.evil.example",
                                        "http://127.0.0.1.evil.example:8080",
                                        "http://evil.example:8080",
                                        "ftp://localhost",
                                        "http://[::1].evil",
                                        "localhost"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(bl_origin_is_local(bl_str_of(local[i])));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(bl_origin_is_local(bl_str_of(other[i])));
}

static void who_may_write_from_where(void **state)
{
    struct bl_access_keys *a =
        keys_of(NULL, (const char *const[]){"write:" W ":https://shop.example", "admin:" A, NULL});
    (void)state;
    assert_true(bl_access_origin_may_write(a, BL_STR("https://shop.example")));
    assert_false(bl_access_origin_may_write(a, BL_STR("https://evil.example")));
    bl_access_free(a);
    a = keys_of(NULL, all); /* one of them has no origins */
    assert_true(bl_access_origin_may_write(a, BL_STR("https://evil.example")));
    bl_access_free(a);
}

static const char *const bad_lines[] = {
    "",
    "write",
    "write:",
    "owner:" W,
    "Write:" W,
    "write:short",
    "write:thirty two characters with blanks",
    "write:sha256=abc",
    "write:sha256=zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "write:" W ":shop.example",
    "read:" R ":https://shop.example",
    "write:" W ":https://shop.example/x",
};

static void lines(void **state)
{
    struct bl_access_key key, again;
    const char *why;
    struct bl_buf b;
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        if (bl_key_read_line(bl_str_of(bad_lines[i]), &key, &why))
            fail_msg("taken: %s", bad_lines[i]);
        assert_non_null(why);
    }
    key = key_of("write:" W ":https://a.example:8443,http://b.example");
    assert_string_equal(key.origins, "https://a.example:8443 http://b.example");
    bl_buf_init(&b, 0);
    bl_buf_z(&b, "write:sha256=");
    bl_buf_hex(&b, key.hash, sizeof key.hash);
    bl_buf_char(&b, '\0');
    again = key_of(b.p);
    assert_memory_equal(again.hash, key.hash, sizeof key.hash);
    assert_string_equal(again.id, key.id);

    snprintf(key.name, sizeof key.name, "Shop \"one\"");
    key.created_ms = 1700000000000;
    bl_buf_clear(&b);
    bl_access_key_put(&key, &b);
    assert_null(memmem(b.p, b.n, W, strlen(W)));
    assert_int_equal(bl_access_key_read(bl_str_of(key.id), bl_buf_view(&b), &again), BL_OK);
    assert_memory_equal(&again, &key, sizeof key);
    assert_int_equal(bl_access_key_read(bl_str_of("an-id-that-is-far-too-long"), bl_buf_view(&b), &again),
                     BL_ERR_CORRUPT);
    assert_int_equal(bl_access_key_read(bl_str_of("id"), BL_STR("{\"kind\":\"write\"}"), &again),
                     BL_ERR_CORRUPT);
    assert_int_equal(bl_access_key_read(bl_str_of("id"), BL_STR("[]"), &again), BL_ERR_CORRUPT);
    bl_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(keys_never_vanish),
        cmocka_unit_test(one_for_shoppers_asks_nobody),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(tokens),
        cmocka_unit_test(origins),
        cmocka_unit_test(who_may_write_from_where),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
