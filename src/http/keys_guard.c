/* The guard that asks for a key. What is open is not asked anything; without keys nothing is (SPEC 6).
 *
 * A cookie goes along by itself, with whatever page made the browser ask. SameSite keeps other sites' pages away, but a
 * site is more than a host: so a request that changes something by a cookie must say that a page of this very host
 * sent it. */
#include "keys_guard.h"
#include "credentials.h"
#include "server_internal.h"

#include <stdio.h>

static const struct {
    enum bl_err err;
    const char *text;
} words[] = {
    {BL_ERR_UNAUTHORIZED, "This server asks for a key: send it as `Authorization: Bearer KEY`. `behaviorlens "
                          "key create` makes one."},
    {BL_ERR_STORE_UNAVAILABLE,
     "The keys have not been read yet, as the store cannot be reached: repeat later."},
};

static const char *const kind_needed[] = {
    [BL_ACCESS_WRITE] = "This key may not send events: that takes a write key, or an admin key.",
    [BL_ACCESS_READ] = "This key may not read: that takes a read key, or an admin key.",
    [BL_ACCESS_ADMIN] = "This key may not do that: it takes an admin key.",
};

static const char *words_for(enum bl_err err, enum bl_access need, bool given)
{
    if (err == BL_ERR_FORBIDDEN)
        return kind_needed[need];
    if (err == BL_ERR_UNAUTHORIZED && given)
        return "No such key holds here: it may be mistyped, revoked, or of another environment.";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].err == err)
            return words[i].text;
    return NULL;
}

void bl_keys_refuse(struct bl_http_access *a, struct bl_request *r, enum bl_err err, const char *why)
{
    if (err == BL_ERR_UNAUTHORIZED) {
        bl_answer_header(r, "www-authenticate", BL_STR("Bearer realm=\"behaviorlens\""));
        a->unauthorized++;
    }
    if (err == BL_ERR_FORBIDDEN)
        a->forbidden++;
    bl_answer_error(r, err, NULL, why);
}

static bool refuse(struct bl_http_access *a, struct bl_request *r, enum bl_access need, enum bl_err err,
                   const char *why)
{
    if (need == BL_ACCESS_WRITE && err != BL_ERR_STORE_UNAVAILABLE && a->refused)
        a->refused(a->ctx, err);
    bl_keys_refuse(a, r, err, why);
    return false;
}

/* Without keys a page may do what any page may, but for taking away: a page whose name its owner points at this machine (DNS
 * rebinding) is of this origin to the browser, which asks for no preflight then. */
static bool admit_without_keys(struct bl_http_access *a, struct bl_request *r, enum bl_access need)
{
    struct bl_str origin = bl_request_deletes(r) ? bl_request_header(r, "origin") : BL_STR("");
    if (origin.n == 0 || bl_origin_is_local(origin))
        return true;
    return refuse(
        a, r, need, BL_ERR_FORBIDDEN,
        "Pages of other hosts may not erase while there are no keys: `behaviorlens key create` makes one.");
}

static bool admit(void *ctx, struct bl_request *r, enum bl_access need)
{
    struct bl_http_access *a = ctx;
    const struct bl_access_key *key, *known;
    struct bl_credentials c;
    if (need == BL_ACCESS_OPEN)
        return true;
    if (bl_access_is_known(a->keys) && !bl_access_asks(a->keys))
        return admit_without_keys(a, r, need);
    if (!bl_credentials_read(r, a->cookie, &c))
        return refuse(a, r, need, BL_ERR_BAD_REQUEST, "Give the key once, and in one way.");
    struct bl_access_ask ask = {c.token, need, bl_request_header(r, "origin")};
    enum bl_err err = bl_access_decide(a->keys, &ask, &key);
    if (err != BL_OK) {
        known = err == BL_ERR_FORBIDDEN ? bl_access_find(a->keys, c.token) : NULL;
        bool from = known && bl_key_may(known->kind, need);
        return refuse(a, r, need, err,
                      from ? "This key may not be used by pages of this origin."
                           : words_for(err, need, c.token.n > 0));
    }
    if (c.by_cookie && bl_request_changes(r) && !bl_request_same_origin(r))
        return refuse(a, r, need, BL_ERR_FORBIDDEN,
                      "Only pages of this server may change something by its cookie.");
    if (key)
        bl_request_set_key(r, bl_str_of(key->id));
    return true;
}

static bool stays(void *ctx, struct bl_str key)
{
    const struct bl_http_access *a = ctx;
    return !bl_access_asks(a->keys) || bl_access_has(a->keys, key);
}

void bl_http_access_changed(struct bl_server *s, struct bl_http_access *access)
{
    bl_streams_end(s, stays, access);
}

enum bl_err bl_http_access(struct bl_server *s, struct bl_http_access *access)
{
    struct bl_guard guard = {access, admit};
    snprintf(access->cookie, sizeof access->cookie, "behaviorlens_%s", access->env);
    enum bl_err err = bl_server_guard(s, &guard);
    if (err == BL_OK)
        err = bl_http_login(s, access);
    if (err == BL_OK)
        s->access = access;
    return err;
}
