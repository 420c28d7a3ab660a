/* The error object of SPEC 2.4, the same for single errors and for lists of them. */
#ifndef BL_APP_ANSWER_H
#define BL_APP_ANSWER_H

#include "bl/base/buf.h"
#include "bl/base/err.h"

/* {"code":…,"message":…,"field":…}. field and message may be NULL or empty: null, and the error's own text.
 */
void bl_error_object(struct bl_buf *out, enum bl_err err, const char *field, const char *message);
/* {"error":{…}} */
void bl_error_json(struct bl_buf *out, enum bl_err err, const char *field, const char *message);

#endif
