/* Errors as values. Functions that can fail because of the world return enum bl_err and must be checked;
 * programmers' mistakes are asserts. The list, with the stable codes, is errors.def. */
#ifndef BL_BASE_ERR_H
#define BL_BASE_ERR_H

#define BL_ERROR(name, code, http, text) BL_ERR_##name,
enum bl_err {
#include "bl/base/errors.def"
    BL_ERR_COUNT
};
#undef BL_ERROR

#define BL_OK      BL_ERR_OK
#define BL_CHECKED __attribute__((warn_unused_result))

/* The stable code, e.g. "invalid_json". */
const char *bl_err_code(enum bl_err err);
/* The HTTP status that goes with it. */
int bl_err_http(enum bl_err err);
/* The message for where there is none more exact. */
const char *bl_err_text(enum bl_err err);

#endif
