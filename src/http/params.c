/* The query of a request: split at '&', decoded, each name once and known. */
#include "server_internal.h"

#include <stdlib.h>

static void refuse(struct bl_request *r, struct bl_str name, const char *message)
{
    char field[64];
    size_t n = name.n < sizeof field - 1 && bl_str_utf8(name) ? name.n : 0;
    if (n)
        memcpy(field, name.p, n);
    field[n] = 0;
    bl_answer_error(r, BL_ERR_INVALID_QUERY, n ? field : NULL, message);
}

void bl_query_refuse(struct bl_request *r, const char *name, const char *message)
{
    refuse(r, bl_str_of(name), message);
}

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

static const struct bl_param *find(const struct bl_request *r, struct bl_str name)
{
    for (size_t i = 0; i < r->params_n; i++)
        if (bl_str_eq(r->params[i].name, name))
            return &r->params[i];
    return NULL;
}

/* One `name=value`; false: answered. */
static bool take(struct bl_request *r, struct bl_str pair, const char *const *names)
{
    struct bl_param p;
    const char *eq = memchr(pair.p, '=', pair.n);
    size_t n = eq ? (size_t)(eq - pair.p) : pair.n, from = eq ? n + 1 : n;
    if (!decode(&r->text, (struct bl_str){pair.p, n}, &p.name) ||
        !decode(&r->text, (struct bl_str){pair.p + from, pair.n - from}, &p.value)) {
        bl_answer_error(r, BL_ERR_INVALID_QUERY, NULL, "The query is not well percent-escaped UTF-8.");
        return false;
    }
    if (!is_known(p.name, names)) {
        refuse(r, p.name, "This call has no such query parameter.");
        return false;
    }
    if (find(r, p.name)) {
        refuse(r, p.name, "Give each query parameter once.");
        return false;
    }
    if (r->params_n == BL_QUERY_PARAMS_MAX) {
        bl_answer_error(r, BL_ERR_INVALID_QUERY, NULL, "The query has too many parameters.");
        return false;
    }
    r->params[r->params_n++] = p;
    return true;
}

bool bl_request_query(struct bl_request *r, const char *const *names)
{
    struct bl_str target = bl_str_iovec(r->req->input.path);
    const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
    if (!mark)
        return true;
    struct bl_str rest = {mark + 1, target.n - (size_t)(mark + 1 - target.p)};
    r->params = calloc(BL_QUERY_PARAMS_MAX, sizeof *r->params);
    if (!r->params || (!r->text.p && !bl_buf_reserve(&r->text, target.n + 1))) {
        bl_answer_error(r, BL_ERR_NO_MEMORY, NULL, NULL);
        return false;
    }
    while (rest.n) {
        const char *end = memchr(rest.p, '&', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (n && !take(r, (struct bl_str){rest.p, n}, names))
            return false;
        n += end ? 1 : 0;
        rest = (struct bl_str){rest.p + n, rest.n - n};
    }
    return true;
}

bool bl_query_given(const struct bl_request *r, const char *name)
{
    return find(r, bl_str_of(name)) != NULL;
}

bool bl_query_text(const struct bl_request *r, const char *name, struct bl_str *out)
{
    const struct bl_param *p = find(r, bl_str_of(name));
    if (!p || p->value.n == 0)
        return false;
    *out = p->value;
    return true;
}

bool bl_query_int(struct bl_request *r, const char *name, int64_t min, int64_t max, int64_t *value)
{
    struct bl_str text;
    int64_t v;
    if (!bl_query_text(r, name, &text))
        return true;
    if (!bl_str_int64(text, &v) || v < min || v > max) {
        char message[96];
        snprintf(message, sizeof message, "Give an integer from %lld to %lld.", (long long)min,
                 (long long)max);
        bl_query_refuse(r, name, message);
        return false;
    }
    *value = v;
    return true;
}
