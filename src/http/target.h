/* The target of a request, taken apart: path, segments, query. Pure: no h2o, no allocation but into the given buffer. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "bl/base/buf.h"

#define BL_PATH_ARGS_MAX    4
#define BL_QUERY_PARAMS_MAX 32

struct bl_target_param {
    struct bl_str name, value;
};

/* The raw path; also of the absolute form, as a client sends it to a proxy (http://host/path). Borrows. */
struct bl_str bl_target_path(struct bl_str target);
/* The raw query, without its '?'; p is NULL: there is none. Borrows. */
struct bl_str bl_target_query(struct bl_str target);
/* Does the path fit the pattern of a route (route.h)? args receives the raw segments that stand for its braces. */
bool bl_target_matches(const char *pattern, struct bl_str path, struct bl_str args[BL_PATH_ARGS_MAX],
                       size_t *args_n);

/* Decodes a query into `params`, each name once and one of `names` (NULL: any; `key` always). The texts stand in `text`,
 * which must have room for the whole of it from the start, as it must not move. false: *why (static) says what is wrong,
 * *name with which parameter (empty: none in particular). */
BL_CHECKED bool bl_target_params(struct bl_str query, const char *const *names, struct bl_buf *text,
                                 struct bl_target_param params[BL_QUERY_PARAMS_MAX], size_t *n,
                                 struct bl_str *name, const char **why);

#endif
