/* Error objects as JSON. */
#include "bl/app/answer.h"

void bl_error_object(struct bl_buf *out, enum bl_err err, const char *field, const char *message)
{
    bl_buf_z(out, "{\"code\":");
    bl_buf_json(out, bl_str_of(bl_err_code(err)));
    bl_buf_z(out, ",\"message\":");
    bl_buf_json(out, bl_str_of(message && message[0] ? message : bl_err_text(err)));
    bl_buf_z(out, ",\"field\":");
    if (field && field[0])
        bl_buf_json(out, bl_str_of(field));
    else
        bl_buf_z(out, "null");
    bl_buf_char(out, '}');
}

void bl_error_json(struct bl_buf *out, enum bl_err err, const char *field, const char *message)
{
    bl_buf_z(out, "{\"error\":");
    bl_error_object(out, err, field, message);
    bl_buf_char(out, '}');
}
