/* The dashboard's login. The cookie holds the token itself: no server keeps sessions, every one knows who it is, and a key
 * that is revoked is out everywhere at once. No script can read it (HttpOnly), no other site's page sends it
 * (SameSite=Strict), and it is kept for twelve hours.
 *
 *   POST /login {"key":TOKEN} -> who is it? -> audit trail -> cookie
 *                                              (not again within BL_LOGIN_AGAIN_MS: the trail has a bound, and who may
 *                                              only read must not be able to push out of it what others did)
 *   GET /login                -> is a key asked for, and whose is the one sent along?
 *   POST /logout              -> the cookie is taken back */
#include "credentials.h"
#include "keys_guard.h"
#include "server_internal.h"

#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define LOGIN_MAGIC BL_MAGIC('l', 'o', 'g', 'n')
#define KEPT_S      43200

struct login {
    uint32_t magic;
    struct bl_http_access *access;
    struct bl_request *r;
    struct bl_access_key key;
    bool encrypted;
    char token[BL_TOKEN_MAX_BYTES + 1];
};

static void login_free(struct login *l)
{
    l->magic = 0;
    explicit_bzero(l->token, sizeof l->token);
    free(l);
}

static void set_cookie(struct bl_request *r, const struct bl_http_access *a, const char *token,
                       bool encrypted)
{
    struct bl_buf b;
    bl_buf_init(&b, 1024);
    bl_buf_printf(&b, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", a->cookie, token,
                  token[0] ? KEPT_S : 0, encrypted ? "; Secure" : "");
    if (b.err == BL_OK)
        bl_answer_header(r, "set-cookie", bl_buf_view(&b));
    bl_buf_release(&b);
}

static void answer_who(struct bl_request *r, bool asks, const struct bl_access_key *key)
{
    struct bl_buf b;
    bl_buf_init(&b, 1024);
    bl_buf_printf(&b, "{\"keys\":%s,\"kind\":", asks ? "true" : "false");
    if (key) {
        bl_buf_printf(&b, "\"%s\",\"id\":", bl_key_kind_name(key->kind));
        bl_buf_json(&b, bl_str_of(key->id));
        bl_buf_z(&b, ",\"name\":");
        bl_buf_json(&b, bl_str_of(key->name));
    } else {
        bl_buf_z(&b, "null,\"id\":null,\"name\":null");
    }
    bl_buf_z(&b, "}");
    bl_answer_json(r, 200, bl_buf_view(&b));
    bl_buf_release(&b);
}

/* The key's place among the written logins, or that of the one longest ago. */
static struct bl_http_login *place_of(struct bl_http_access *a, const char *id)
{
    struct bl_http_login *oldest = a->written;
    for (size_t i = 0; i < BL_KEYS_MAX; i++) {
        if (strcmp(a->written[i].id, id) == 0)
            return &a->written[i];
        if (a->written[i].at_ms < oldest->at_ms)
            oldest = &a->written[i];
    }
    return oldest;
}

static bool is_written(struct bl_http_access *a, const char *id, uint64_t now_ms)
{
    const struct bl_http_login *w = place_of(a, id);
    return strcmp(w->id, id) == 0 && now_ms - w->at_ms < BL_LOGIN_AGAIN_MS;
}

static void let_in(struct login *l)
{
    l->access->logins++;
    set_cookie(l->r, l->access, l->token, l->encrypted);
    answer_who(l->r, true, &l->key);
    login_free(l);
}

static void on_written(void *ctx, enum bl_err err)
{
    struct login *l = BL_CAST(struct login, ctx, LOGIN_MAGIC);
    if (err != BL_OK) {
        bl_answer_error(l->r, BL_ERR_STORE_UNAVAILABLE, NULL,
                        "The audit trail cannot be written now, and nobody logs in unseen: repeat later.");
        login_free(l);
        return;
    }
    struct bl_http_login *w = place_of(l->access, l->key.id);
    w->at_ms = uv_now(l->r->server->loop);
    memcpy(w->id, l->key.id, sizeof w->id);
    bl_log(BL_LOG_INFO, "login", BL_LOG_TEXT("key", l->key.id));
    let_in(l);
}

static void enter(struct bl_request *r, struct bl_http_access *a, const struct bl_access_key *key,
                  struct bl_str token)
{
    struct login *l = calloc(1, sizeof *l);
    if (!l) {
        bl_answer_error(r, BL_ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *l = (struct login){.magic = LOGIN_MAGIC, .access = a, .r = r, .key = *key};
    l->encrypted = bl_request_encrypted(r);
    memcpy(l->token, token.p, token.n);
    struct bl_audit_entry entry = {BL_STR("login"), bl_str_of(l->key.id), bl_str_of(l->key.id), BL_STR("")};
    if (is_written(a, l->key.id, uv_now(r->server->loop)))
        let_in(l);
    else if (a->audit)
        a->audit->write(a->audit->ctx, &entry, on_written, l);
    else
        on_written(l, BL_OK);
}

/* false: answered. */
static bool from_here(struct bl_request *r, struct bl_http_access *a)
{
    if (bl_request_says_no_origin(r) || bl_request_same_origin(r))
        return true;
    bl_keys_refuse(a, r, BL_ERR_FORBIDDEN, "Only pages of this server may log in or out.");
    return false;
}

static void judge(struct bl_request *r, struct bl_http_access *a, struct bl_str token)
{
    const struct bl_access_key *key = bl_access_find(a->keys, token);
    bool asks = bl_access_asks(a->keys);
    if (!key && !bl_access_is_known(a->keys))
        bl_answer_error(r, BL_ERR_STORE_UNAVAILABLE, NULL, NULL);
    else if (!asks)
        answer_who(r, false, NULL);
    else if (!key || token.n > BL_TOKEN_MAX_BYTES)
        bl_keys_refuse(a, r, BL_ERR_UNAUTHORIZED, "No such key holds here: it may be mistyped or revoked.");
    else if (!bl_key_may(key->kind, BL_ACCESS_READ))
        bl_keys_refuse(a, r, BL_ERR_FORBIDDEN,
                       "This is a write key: the dashboard takes a read or an admin token.");
    else
        enter(r, a, key, token);
}

static void post_login(struct bl_request *r, void *ctx)
{
    struct bl_http_access *a = ctx;
    struct bl_str body = bl_request_body(r);
    if (!from_here(r, a))
        return;
    json_t *o =
        body.n <= BL_LOGIN_MAX_BYTES ? json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *key = json_object_get(o, "key");
    if (json_is_string(key))
        judge(r, a, (struct bl_str){json_string_value(key), json_string_length(key)});
    else
        bl_answer_error(r, BL_ERR_BAD_REQUEST, "key", "Send {\"key\":\"…\"} with a read or an admin token.");
    json_decref(o);
}

static void get_login(struct bl_request *r, void *ctx)
{
    struct bl_http_access *a = ctx;
    struct bl_credentials c;
    if (!bl_credentials_read(r, a->cookie, &c)) {
        bl_answer_error(r, BL_ERR_BAD_REQUEST, NULL, "Give the key once, and in one way.");
        return;
    }
    const struct bl_access_key *key = bl_access_find(a->keys, c.token);
    if (!key && !bl_access_is_known(a->keys))
        bl_answer_error(r, BL_ERR_STORE_UNAVAILABLE, NULL, NULL);
    else
        answer_who(r, bl_access_asks(a->keys), key);
}

static void post_logout(struct bl_request *r, void *ctx)
{
    struct bl_http_access *a = ctx;
    if (!from_here(r, a))
        return;
    set_cookie(r, a, "", bl_request_encrypted(r));
    bl_answer_bytes(r, 204, NULL, (struct bl_str){0}, NULL);
}

static const struct bl_route routes[] = {{"GET", "/login", get_login, BL_ACCESS_OPEN},
                                         {"POST", "/login", post_login, BL_ACCESS_OPEN},
                                         {"POST", "/logout", post_logout, BL_ACCESS_OPEN}};

enum bl_err bl_http_login(struct bl_server *s, struct bl_http_access *a)
{
    return bl_server_add(s, routes, sizeof routes / sizeof *routes, a);
}
