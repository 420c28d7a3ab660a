/* Segments are split before they are decoded, so that an id may hold %2F, and the raw bytes decide which call is meant. */
#include "target.h"

struct bl_str bl_target_path(struct bl_str target)
{
    size_t scheme = bl_str_starts(target, BL_STR("http://"))    ? 7
                    : bl_str_starts(target, BL_STR("https://")) ? 8
                                                                : 0;
    if (scheme) {
        const char *slash = memchr(target.p + scheme, '/', target.n - scheme);
        size_t n = slash ? (size_t)(slash - target.p) : target.n;
        target = (struct bl_str){target.p + n, target.n - n};
    }
    const char *query = target.n ? memchr(target.p, '?', target.n) : NULL;
    if (query)
        target.n = (size_t)(query - target.p);
    return target;
}

struct bl_str bl_target_query(struct bl_str target)
{
    const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
    return mark ? (struct bl_str){mark + 1, target.n - (size_t)(mark + 1 - target.p)} : (struct bl_str){0};
}

/* Cuts the first segment (after its '/') off; false at the end. */
static bool next_segment(struct bl_str *rest, struct bl_str *out)
{
    if (rest->n == 0 || rest->p[0] != '/')
        return false;
    const char *end = rest->n > 1 ? memchr(rest->p + 1, '/', rest->n - 1) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *out = (struct bl_str){rest->p + 1, n - 1};
    *rest = (struct bl_str){rest->p + n, rest->n - n};
    return true;
}

bool bl_target_matches(const char *pattern, struct bl_str path, struct bl_str args[BL_PATH_ARGS_MAX],
                       size_t *args_n)
{
    struct bl_str want = bl_str_of(pattern), w, p;
    *args_n = 0;
    while (next_segment(&want, &w)) {
        if (!next_segment(&path, &p))
            return false;
        if (w.n && w.p[0] == '{') {
            if (p.n == 0 || *args_n == BL_PATH_ARGS_MAX)
                return false;
            args[(*args_n)++] = p;
        } else if (!bl_str_eq(w, p)) {
            return false;
        }
    }
    return path.n == 0;
}

/* --- the query: split at '&', decoded */

static bool is_known(struct bl_str name, const char *const *names)
{
    if (!names || bl_str_eqz(name, "key"))
        return true;
    for (; *names; names++)
        if (bl_str_eqz(name, *names))
            return true;
    return false;
}

/* '+' is a space in a query; the escapes are undone after that, so that %2B stays a plus. */
static bool decode(struct bl_buf *text, struct bl_str raw, struct bl_str *out)
{
    size_t at = text->n;
    while (raw.n) {
        const char *plus = memchr(raw.p, '+', raw.n);
        size_t n = plus ? (size_t)(plus - raw.p) : raw.n;
        if (!bl_buf_unpercent(text, (struct bl_str){raw.p, n}))
            return false;
        if (plus)
            bl_buf_char(text, ' ');
        n += plus ? 1 : 0;
        raw = (struct bl_str){raw.p + n, raw.n - n};
    }
    *out = (struct bl_str){text->p + at, text->n - at};
    return bl_str_utf8(*out);
}

/* One `name=value`; what is wrong with it, or NULL. */
static const char *take(struct bl_str pair, const char *const *names, struct bl_buf *text,
                        struct bl_target_param *params, size_t *n, struct bl_str *name)
{
    struct bl_target_param p;
    const char *eq = memchr(pair.p, '=', pair.n);
    size_t k = eq ? (size_t)(eq - pair.p) : pair.n, from = eq ? k + 1 : k;
    if (!decode(text, (struct bl_str){pair.p, k}, &p.name) ||
        !decode(text, (struct bl_str){pair.p + from, pair.n - from}, &p.value))
        return "The query is not well percent-escaped UTF-8.";
    *name = p.name;
    if (!is_known(p.name, names))
        return "This call has no such query parameter.";
    for (size_t i = 0; i < *n; i++)
        if (bl_str_eq(params[i].name, p.name))
            return "Give each query parameter once.";
    *name = (struct bl_str){0};
    if (*n == BL_QUERY_PARAMS_MAX)
        return "The query has too many parameters.";
    params[(*n)++] = p;
    return NULL;
}

bool bl_target_params(struct bl_str query, const char *const *names, struct bl_buf *text,
                      struct bl_target_param params[BL_QUERY_PARAMS_MAX], size_t *n, struct bl_str *name,
                      const char **why)
{
    *n = 0;
    *name = (struct bl_str){0};
    for (*why = NULL; query.n && !*why;) {
        const char *end = memchr(query.p, '&', query.n);
        size_t k = end ? (size_t)(end - query.p) : query.n;
        if (k)
            *why = take((struct bl_str){query.p, k}, names, text, params, n, name);
        k += end ? 1 : 0;
        query = (struct bl_str){query.p + k, query.n - k};
    }
    return !*why;
}
