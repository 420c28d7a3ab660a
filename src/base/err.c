/* The tables behind err.h, made from errors.def. */
#include "bl/base/err.h"

#include <assert.h>

static const struct {
    const char *code;
    int http;
    const char *text;
} errors[] = {
#define BL_ERROR(name, code, http, text) {code, http, text},
#include "bl/base/errors.def"
#undef BL_ERROR
};

const char *bl_err_code(enum bl_err err)
{
    assert(err < BL_ERR_COUNT);
    return errors[err].code;
}

int bl_err_http(enum bl_err err)
{
    assert(err < BL_ERR_COUNT);
    return errors[err].http;
}

const char *bl_err_text(enum bl_err err)
{
    assert(err < BL_ERR_COUNT);
    return errors[err].text;
}
