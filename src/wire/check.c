/* What a JSON parser does not look at: the same key twice, depth, times; and how a problem is put into words.
 */
#include "decoder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FEW 12 /* keys compared each with each; more are sorted */

static int compare_keys(const void *a, const void *b)
{
    return bl_str_cmp(*(const struct bl_str *)a, *(const struct bl_str *)b);
}

/* The key that is there twice, or an empty slice with p == NULL. May reorder. */
static struct bl_str find_twice(struct bl_str *key, size_t n)
{
    if (n > FEW) {
        qsort(key, n, sizeof *key, compare_keys);
        for (size_t i = 1; i < n; i++)
            if (bl_str_eq(key[i - 1], key[i]))
                return key[i];
        return (struct bl_str){NULL, 0};
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (bl_str_eq(key[i], key[j]))
                return key[i];
    return (struct bl_str){NULL, 0};
}

enum bl_err bl_check_keys(struct bl_decoder *d, struct bl_json object, struct bl_problem *problem)
{
    struct bl_json_walk w = bl_json_object(object);
    struct bl_str key;
    struct bl_json v;
    char quoted[BL_QUOTE_BYTES];
    bl_buf_clear(&d->keys);
    while (bl_json_next_member(&w, &key, &v))
        bl_buf_add(&d->keys, &key, sizeof key);
    if (d->keys.err != BL_OK)
        return bl_problem_set(problem, d->keys.err, BL_STR(""), NULL);
    struct bl_str twice = find_twice((struct bl_str *)(void *)d->keys.p, d->keys.n / sizeof key);
    if (!twice.p)
        return BL_OK;
    return bl_problem_set(problem, BL_ERR_DUPLICATE_KEY, twice,
                          "A JSON object names the key \"%s\" twice: keep one of them.",
                          bl_quote(twice, quoted));
}

/* Recursion is bounded by BL_JSON_MAX_DEPTH. */
enum bl_err bl_check_value(struct bl_decoder *d, struct bl_json v, unsigned level, unsigned *deepest,
                           struct bl_problem *problem)
{
    enum bl_json_type type = bl_json_type(v);
    enum bl_err err = BL_OK;
    struct bl_json inner;
    struct bl_str key;
    if (type != BL_JSON_OBJECT && type != BL_JSON_ARRAY)
        return BL_OK;
    if (level > BL_JSON_MAX_DEPTH)
        return bl_problem_set(problem, BL_ERR_TOO_DEEP, BL_STR(""), NULL);
    if (level > *deepest)
        *deepest = level;
    if (type == BL_JSON_ARRAY) {
        struct bl_json_walk w = bl_json_array(v);
        while (err == BL_OK && bl_json_next(&w, &inner))
            err = bl_check_value(d, inner, level + 1, deepest, problem);
        return err;
    }
    err = bl_check_keys(d, v, problem);
    struct bl_json_walk w = bl_json_object(v);
    while (err == BL_OK && bl_json_next_member(&w, &key, &inner))
        err = bl_check_value(d, inner, level + 1, deepest, problem);
    return err;
}

enum bl_err bl_check_time(struct bl_json v, const char *field, int64_t *out_ms, struct bl_problem *problem)
{
    enum bl_json_type type = bl_json_type(v);
    bool known = type == BL_JSON_INT || (type == BL_JSON_STRING && bl_time_parse(bl_json_str(v), out_ms));
    if (type == BL_JSON_INT)
        *out_ms = bl_json_int(v);
    if (!known && type != BL_JSON_UINT)
        return bl_problem_set(problem, BL_ERR_INVALID_TIMESTAMP, bl_str_of(field),
                              "Send %s as integer milliseconds since 1970 or as an RFC 3339 string, "
                              "like \"2025-01-31T12:00:00.000Z\".",
                              field);
    if (type == BL_JSON_UINT || *out_ms < 0 || *out_ms > BL_TIMESTAMP_MAX_MS)
        return bl_problem_set(problem, BL_ERR_INVALID_TIMESTAMP, bl_str_of(field),
                              "%s must lie between 0 and 2^53 milliseconds since 1970.", field);
    return BL_OK;
}

const char *bl_quote(struct bl_str s, char out[BL_QUOTE_BYTES])
{
    size_t n = s.n < BL_QUOTE_BYTES - 4 ? s.n : BL_QUOTE_BYTES - 4;
    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t unshown = bl_str_unshown_at((struct bl_str){s.p, n}, i, &code);
        memset(out + i, unshown ? '?' : s.p[i], unshown ? unshown : 1);
        i += unshown ? unshown : 1;
    }
    if (!bl_str_utf8((struct bl_str){out, n}))
        n = 0;
    memcpy(out + n, n < s.n ? "…" : "", n < s.n ? 4 : 1);
    return out;
}

enum bl_err bl_problem_set(struct bl_problem *problem, enum bl_err err, struct bl_str field, const char *fmt,
                           ...)
{
    va_list ap;
    problem->err = err;
    bl_quote(field, problem->field);
    if (!fmt) {
        snprintf(problem->message, sizeof problem->message, "%s", bl_err_text(err));
        return err;
    }
    va_start(ap, fmt);
    vsnprintf(problem->message, sizeof problem->message, fmt, ap);
    va_end(ap);
    return err;
}
