/* Origins: scheme://host[:port], as browsers write them into `Origin`: lower case, no default port, no path. What people
 * write is brought into that form once, so that a look at a request compares bytes. */
#include "bl/app/access.h"

static const struct {
    struct bl_str scheme, port;
} schemes[] = {{{"https://", 8}, {":443", 4}}, {{"http://", 7}, {":80", 3}}};

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '[' || c == ']' ||
           c == '_';
}

/* [*.]host[:port] */
static bool is_authority(struct bl_str s)
{
    size_t i = bl_str_starts(s, BL_STR("*.")) ? 2 : 0, from = i;
    bool bracket = i < s.n && s.p[i] == '[';
    for (; i < s.n && (host_char(s.p[i]) || (bracket && s.p[i] == ':')); i++)
        if (s.p[i] == ']')
            bracket = false;
    if (i == from || s.p[from] == '.' || bracket)
        return false;
    if (i == s.n)
        return true;
    int64_t port;
    struct bl_str digits = {s.p + i + 1, s.n - i - 1};
    return s.p[i] == ':' && digits.n <= 5 && bl_str_int64(digits, &port) && port > 0 && port < 65536;
}

static bool put_one(struct bl_str text, struct bl_buf *out)
{
    size_t start = out->n;
    for (size_t i = 0; i < text.n; i++)
        bl_buf_char(out, text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + 32) : text.p[i]);
    if (text.n && text.p[text.n - 1] == '/' && out->err == BL_OK)
        out->n--;
    struct bl_str s = {out->p + start, out->n - start};
    for (size_t i = 0; out->err == BL_OK && i < sizeof schemes / sizeof *schemes; i++) {
        if (!bl_str_starts(s, schemes[i].scheme))
            continue;
        struct bl_str rest = {s.p + schemes[i].scheme.n, s.n - schemes[i].scheme.n}, port = schemes[i].port;
        if (rest.n > port.n && memcmp(rest.p + rest.n - port.n, port.p, port.n) == 0) {
            rest.n -= port.n;
            out->n -= port.n;
        }
        return is_authority(rest);
    }
    return false;
}

bool bl_origins_read(struct bl_str list, char out[BL_KEY_ORIGINS_MAX_BYTES + 1])
{
    struct bl_buf b;
    bool ok = true;
    bl_buf_init(&b, BL_KEY_ORIGINS_MAX_BYTES);
    while (ok && list.n) {
        size_t n = 0;
        while (n < list.n && list.p[n] != ',' && list.p[n] != ' ')
            n++;
        if (n && b.n)
            bl_buf_char(&b, ' ');
        ok = n == 0 || put_one((struct bl_str){list.p, n}, &b);
        n += n < list.n ? 1 : 0;
        list = (struct bl_str){list.p + n, list.n - n};
    }
    ok = ok && b.err == BL_OK;
    if (ok && b.n)
        memcpy(out, b.p, b.n);
    out[ok ? b.n : 0] = '\0';
    bl_buf_release(&b);
    return ok;
}

/* "*.b.example" holds a.b.example and what is below it, not b.example. */
static bool holds(struct bl_str one, struct bl_str origin)
{
    const char *star = memchr(one.p, '*', one.n);
    if (!star)
        return bl_str_eq(one, origin);
    size_t head = (size_t)(star - one.p);
    struct bl_str tail = {star + 1, one.n - head - 1};
    if (origin.n <= head + tail.n || memcmp(origin.p, one.p, head) != 0 ||
        memcmp(origin.p + origin.n - tail.n, tail.p, tail.n) != 0)
        return false;
    for (size_t i = head; i < origin.n - tail.n; i++)
        if (!host_char(origin.p[i]) || origin.p[i] == '[')
            return false;
    return origin.p[head] != '.';
}

bool bl_origins_hold(const char *origins, struct bl_str origin)
{
    while (*origins) {
        size_t n = strcspn(origins, " ");
        if (holds((struct bl_str){origins, n}, origin))
            return true;
        origins += n + (origins[n] ? 1 : 0);
    }
    return false;
}

bool bl_origin_is_local(struct bl_str origin)
{
    static const struct bl_str names[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
    char text[BL_KEY_ORIGINS_MAX_BYTES + 1];
    if (origin.n == 0 || !bl_origins_read(origin, text) || strchr(text, ' '))
        return false; /* none, or a list */
    struct bl_str host = bl_str_of(text);
    size_t scheme = bl_str_starts(host, schemes[0].scheme) ? schemes[0].scheme.n : schemes[1].scheme.n;
    host = (struct bl_str){host.p + scheme, host.n - scheme};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bl_str_starts(host, names[i]) && (host.n == names[i].n || host.p[names[i].n] == ':'))
            return true;
    return false;
}
