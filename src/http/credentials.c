/* See credentials.h. */
#include "credentials.h"
#include "server_internal.h"

#include <openssl/evp.h>

static size_t count_header(const struct bl_request *r, const char *name, struct bl_str *last)
{
    size_t n = 0, length = strlen(name);
    for (ssize_t at = -1; (at = h2o_find_header_by_str(&r->req->headers, name, length, at)) >= 0; n++)
        *last = bl_str_iovec(r->req->headers.entries[at].value);
    return n;
}

/* --- Authorization */

static struct bl_str after_scheme(struct bl_str value, struct bl_str scheme)
{
    if (value.n <= scheme.n || !bl_str_ieq((struct bl_str){value.p, scheme.n}, scheme))
        return (struct bl_str){0};
    size_t n = scheme.n;
    while (n < value.n && value.p[n] == ' ')
        n++;
    return (struct bl_str){value.p + n, value.n - n};
}

/* user:password, of which the user is the token; what stands for a password does not matter. */
static struct bl_str basic_user(struct bl_str text, char room[BL_TOKEN_MAX_BYTES + 4])
{
    unsigned char plain[2 * (BL_TOKEN_MAX_BYTES + 4)];
    if (text.n == 0 || text.n % 4 || text.n / 4 * 3 > sizeof plain)
        return (struct bl_str){0};
    int n = EVP_DecodeBlock(plain, (const unsigned char *)text.p, (int)text.n);
    const unsigned char *colon = n > 0 ? memchr(plain, ':', (size_t)n) : NULL;
    size_t length = colon ? (size_t)(colon - plain) : 0;
    if (length > BL_TOKEN_MAX_BYTES)
        length = 0;
    memcpy(room, plain, length);
    return (struct bl_str){room, length};
}

static struct bl_str of_header(struct bl_str value, struct bl_credentials *out)
{
    struct bl_str bearer = after_scheme(value, BL_STR("bearer ")),
                  basic = after_scheme(value, BL_STR("basic "));
    return bearer.n ? bearer : basic_user(basic, out->room);
}

/* --- ?key= */

static bool unescape(struct bl_str raw, char *room, size_t max, struct bl_str *out)
{
    struct bl_buf text;
    bl_buf_init(&text, max);
    bool ok = bl_buf_unpercent(&text, raw) && text.err == BL_OK;
    if (ok && text.n)
        memcpy(room, text.p, text.n);
    *out = (struct bl_str){room, ok ? text.n : 0};
    bl_buf_release(&text);
    return ok;
}

static size_t count_query(const struct bl_request *r, struct bl_credentials *out)
{
    struct bl_str target = bl_str_iovec(r->req->input.path), name;
    const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
    size_t n = 0, skip = mark ? (size_t)(mark + 1 - target.p) : target.n;
    struct bl_str rest = {target.p + skip, target.n - skip};
    while (rest.n) {
        char short_name[16];
        const char *end = memchr(rest.p, '&', rest.n), *eq = memchr(rest.p, '=', rest.n);
        size_t pair = end ? (size_t)(end - rest.p) : rest.n;
        size_t at = eq && eq < rest.p + pair ? (size_t)(eq - rest.p) : pair;
        if (unescape((struct bl_str){rest.p, at}, short_name, sizeof short_name, &name) &&
            bl_str_eqz(name, "key")) {
            size_t from = at < pair ? at + 1 : pair;
            n++;
            if (!unescape((struct bl_str){rest.p + from, pair - from}, out->room, BL_TOKEN_MAX_BYTES,
                          &out->token))
                out->token = (struct bl_str){0};
        }
        pair += end ? 1 : 0;
        rest = (struct bl_str){rest.p + pair, rest.n - pair};
    }
    return n;
}

/* --- Cookie */

static struct bl_str trim(struct bl_str s)
{
    while (s.n && s.p[0] == ' ')
        s = (struct bl_str){s.p + 1, s.n - 1};
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

static size_t count_in(struct bl_str cookies, const char *name, struct bl_str *last)
{
    size_t n = 0, length = strlen(name);
    while (cookies.n) {
        const char *end = memchr(cookies.p, ';', cookies.n);
        size_t at = end ? (size_t)(end - cookies.p) : cookies.n;
        struct bl_str one = trim((struct bl_str){cookies.p, at});
        if (one.n > length && memcmp(one.p, name, length) == 0 && one.p[length] == '=') {
            *last = (struct bl_str){one.p + length + 1, one.n - length - 1};
            n++;
        }
        at += end ? 1 : 0;
        cookies = (struct bl_str){cookies.p + at, cookies.n - at};
    }
    return n;
}

static size_t count_cookies(const struct bl_request *r, const char *name, struct bl_str *last)
{
    size_t n = 0;
    for (ssize_t at = -1; (at = h2o_find_header_by_str(&r->req->headers, "cookie", 6, at)) >= 0;)
        n += count_in(bl_str_iovec(r->req->headers.entries[at].value), name, last);
    return n;
}

bool bl_credentials_read(const struct bl_request *r, const char *cookie, struct bl_credentials *out)
{
    struct bl_str value = {0};
    *out = (struct bl_credentials){0};
    if (!r->req)
        return true;
    size_t in_query = count_query(r, out), in_head = count_header(r, "authorization", &value);
    if (in_query + in_head > 1)
        return false;
    if (in_head)
        out->token = of_header(value, out);
    if (in_query || in_head)
        return true;
    size_t n = count_cookies(r, cookie, &out->token);
    out->by_cookie = n > 0;
    return n <= 1;
}

/* --- where it comes from */

static struct bl_str origin_of(const struct bl_request *r)
{
    return bl_request_header(r, "origin");
}

bool bl_request_says_no_origin(const struct bl_request *r)
{
    return origin_of(r).n == 0 && bl_request_header(r, "sec-fetch-site").n == 0;
}

static struct bl_str without(struct bl_str s, struct bl_str port)
{
    bool has = s.n > port.n && memcmp(s.p + s.n - port.n, port.p, port.n) == 0;
    return has ? (struct bl_str){s.p, s.n - port.n} : s;
}

bool bl_request_same_origin(const struct bl_request *r)
{
    static const struct bl_str https = {"https://", 8}, http = {"http://", 7};
    struct bl_str said = bl_request_header(r, "sec-fetch-site"), origin = origin_of(r);
    if (said.n || !r->req)
        return bl_str_eqz(said, "same-origin");
    bool tls = bl_str_starts(origin, https);
    if (!tls && !bl_str_starts(origin, http))
        return false;
    size_t scheme = tls ? https.n : http.n;
    struct bl_str port = tls ? BL_STR(":443") : BL_STR(":80");
    struct bl_str of_page = {origin.p + scheme, origin.n - scheme},
                  ours = bl_str_iovec(r->req->input.authority);
    return ours.n && bl_str_ieq(without(of_page, port), without(ours, port));
}

/* A proxy's word is taken from anybody: it only makes the cookie stricter, and only that of who lies. */
bool bl_request_encrypted(const struct bl_request *r)
{
    return r->req && (r->req->scheme == &H2O_URL_SCHEME_HTTPS ||
                      bl_str_ieq(bl_request_header(r, "x-forwarded-proto"), BL_STR("https")));
}

bool bl_request_deletes(const struct bl_request *r)
{
    return r->req && bl_str_eqz(bl_str_iovec(r->req->input.method), "DELETE");
}

bool bl_request_changes(const struct bl_request *r)
{
    struct bl_str method = r->req ? bl_str_iovec(r->req->input.method) : BL_STR("");
    return !bl_str_eqz(method, "GET") && !bl_str_eqz(method, "HEAD");
}
