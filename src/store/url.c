#include "url.h"
#include "bl/base/buf.h"

static bool put(char *to, size_t cap, struct bl_str s)
{
    if (s.n >= cap || (s.n > 0 && memchr(s.p, '\0', s.n)))
        return false;
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

static bool put_decoded(char *to, size_t cap, struct bl_str s)
{
    struct bl_buf b;
    bl_buf_init(&b, 4096);
    bool ok = bl_buf_unpercent(&b, s) && put(to, cap, bl_buf_view(&b));
    bl_buf_release(&b);
    return ok;
}

static bool number(struct bl_str s, int64_t max, int *out)
{
    int64_t v;
    if (!bl_str_int64(s, &v) || v < 0 || v > max)
        return false;
    *out = (int)v;
    return true;
}

/* Cuts s at the last (or first) `c`: the part before goes to *before, the rest stays. False if there is none.
 */
static bool cut(struct bl_str *s, char c, bool last, struct bl_str *before)
{
    const char *at = s->n == 0 ? NULL : last ? memrchr(s->p, c, s->n) : memchr(s->p, c, s->n);
    if (!at)
        return false;
    *before = (struct bl_str){s->p, (size_t)(at - s->p)};
    *s = (struct bl_str){at + 1, s->n - before->n - 1};
    return true;
}

/* What stands before the last @ in a host's address; a path may have one of its own, so there it is the first. */
static bool credentials(struct bl_str *rest, bool last, struct bl_url *out)
{
    struct bl_str both, user;
    if (!cut(rest, '@', last, &both))
        return true;
    if (!cut(&both, ':', false, &user)) {
        user = both;
        both = (struct bl_str){"", 0};
    }
    return put_decoded(out->user, sizeof out->user, user) &&
           put_decoded(out->password, sizeof out->password, both);
}

static bool host_and_port(struct bl_str s, struct bl_url *out)
{
    struct bl_str host = s, inner;
    out->port = 6379;
    if (s.n > 0 && s.p[0] == '[') {
        s.p++;
        s.n--;
        if (!cut(&s, ']', false, &inner))
            return false;
        host = inner;
        if (s.n > 0 && (s.p[0] != ':' || !number((struct bl_str){s.p + 1, s.n - 1}, 65535, &out->port)))
            return false;
    } else if (cut(&s, ':', true, &inner)) {
        host = inner;
        if (!number(s, 65535, &out->port))
            return false;
    }
    return host.n > 0 && out->port > 0 && put(out->host, sizeof out->host, host);
}

static bool parse_tcp(struct bl_str rest, struct bl_url *out)
{
    struct bl_str authority;
    if (!credentials(&rest, true, out))
        return false;
    if (cut(&rest, '/', false, &authority)) {
        if (rest.n > 0 && !number(rest, 1 << 20, &out->db))
            return false;
        rest = authority;
    }
    return host_and_port(rest, out);
}

static bool parse_unix(struct bl_str rest, struct bl_url *out)
{
    struct bl_str path = rest;
    if (rest.n > 0 && rest.p[0] != '/' && !credentials(&rest, false, out))
        return false;
    path = rest;
    if (cut(&rest, '?', true, &path)) {
        if (!bl_str_starts(rest, BL_STR("db=")) ||
            !number((struct bl_str){rest.p + 3, rest.n - 3}, 1 << 20, &out->db))
            return false;
    }
    /* sun_path holds 108 bytes with its terminator. */
    return path.n > 0 && path.n < 108 && path.p[0] == '/' && put(out->host, sizeof out->host, path);
}

enum bl_err bl_url_parse(const char *text, struct bl_url *out)
{
    static const struct bl_str tcp = {"redis://", 8}, sock = {"unix://", 7};
    struct bl_str s = bl_str_of(text);
    bool ok = false;
    *out = (struct bl_url){0};
    if (bl_str_starts(s, tcp))
        ok = parse_tcp((struct bl_str){s.p + tcp.n, s.n - tcp.n}, out);
    else if (bl_str_starts(s, sock))
        ok = parse_unix((struct bl_str){s.p + sock.n, s.n - sock.n}, out);
    else if (s.n > 0 && s.p[0] == '/')
        ok = parse_unix(s, out);
    return ok ? BL_OK : BL_ERR_CONFIG;
}
