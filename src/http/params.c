/* What the calls ask of a query. */
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

static const struct bl_target_param *find(const struct bl_request *r, struct bl_str name)
{
    for (size_t i = 0; i < r->params_n; i++)
        if (bl_str_eq(r->params[i].name, name))
            return &r->params[i];
    return NULL;
}

bool bl_request_query(struct bl_request *r, const char *const *names)
{
    struct bl_str target = bl_str_iovec(r->req->input.path), query = bl_target_query(target), name;
    const char *why;
    if (!query.p)
        return true;
    r->params = calloc(BL_QUERY_PARAMS_MAX, sizeof *r->params);
    if (!r->params || (!r->text.p && !bl_buf_reserve(&r->text, target.n + 1))) {
        bl_answer_error(r, BL_ERR_NO_MEMORY, NULL, NULL);
        return false;
    }
    if (bl_target_params(query, names, &r->text, r->params, &r->params_n, &name, &why))
        return true;
    refuse(r, name, why);
    return false;
}

bool bl_query_given(const struct bl_request *r, const char *name)
{
    return find(r, bl_str_of(name)) != NULL;
}

bool bl_query_text(const struct bl_request *r, const char *name, struct bl_str *out)
{
    const struct bl_target_param *p = find(r, bl_str_of(name));
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
