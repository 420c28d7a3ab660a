/* Any bytes as the target of a request: path, segments, escapes, query.
 *
 * Properties: what is cut out lies inside; arguments are whole, non-empty segments; parameters are UTF-8, each name once
 * and one of the known ones; the text they stand in has not moved; a refusal says why. */
#include "fuzz.h"

#include "target.h"

static const char *const patterns[] = {"/",
                                       "/events",
                                       "/api/users/{id}",
                                       "/api/users/{id}/events",
                                       "/demo/{page}/{page}/{page}",
                                       "/{a}/{b}/{c}/{d}/{e}"};
static const char *const names[] = {"limit", "type", "user_id", "q", NULL};

static void path(struct bl_str p)
{
    struct bl_str args[BL_PATH_ARGS_MAX];
    struct bl_buf text;
    size_t n;
    bl_buf_init(&text, 0);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        if (!bl_target_matches(patterns[i], p, args, &n))
            continue;
        FUZZ_CHECK(n <= BL_PATH_ARGS_MAX && p.n > 0 && p.p[0] == '/');
        for (size_t k = 0; k < n; k++) {
            FUZZ_CHECK(args[k].p > p.p && args[k].p + args[k].n <= p.p + p.n);
            FUZZ_CHECK(args[k].n > 0 && args[k].p[-1] == '/' && !memchr(args[k].p, '/', args[k].n));
            bl_buf_clear(&text);
            if (bl_buf_unpercent(&text, args[k]))
                FUZZ_CHECK(text.n <= args[k].n && text.n > 0);
        }
    }
    bl_buf_release(&text);
}

static void check_params(const struct bl_target_param *params, size_t n, bool known)
{
    FUZZ_CHECK(n <= BL_QUERY_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        bool ours = !known || bl_str_eqz(params[i].name, "key");
        FUZZ_CHECK(bl_str_utf8(params[i].name) && bl_str_utf8(params[i].value));
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(!bl_str_eq(params[i].name, params[k].name));
        for (const char *const *name = names; *name; name++)
            ours = ours || bl_str_eqz(params[i].name, *name);
        FUZZ_CHECK(ours);
    }
}

static void query(struct bl_str q, bool known)
{
    struct bl_target_param params[BL_QUERY_PARAMS_MAX];
    struct bl_buf text;
    struct bl_str name;
    const char *why;
    size_t n;
    bl_buf_init(&text, 0);
    FUZZ_CHECK(bl_buf_reserve(&text, q.n + 1));
    const char *at = text.p;
    bool ok = bl_target_params(q, known ? names : NULL, &text, params, &n, &name, &why);
    FUZZ_CHECK(text.p == at && text.err == BL_OK && text.n <= q.n && ok == !why);
    if (ok)
        check_params(params, n, known);
    else
        FUZZ_CHECK(why[0] && (name.n == 0 || bl_str_utf8(name)));
    bl_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_str target = {(const char *)data, size}, p = bl_target_path(target),
                  q = bl_target_query(target);
    FUZZ_CHECK(p.n <= size && (!q.p || q.p + q.n == target.p + target.n));
    FUZZ_CHECK(p.n == 0 || !memchr(p.p, '?', p.n));
    path(p);
    if (q.p) {
        query(q, false);
        query(q, true);
    }
    return 0;
}
