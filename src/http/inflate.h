/* Compressed bodies, inflated within a bound. */
#ifndef HTTP_INFLATE_H
#define HTTP_INFLATE_H

#include "bl/base/buf.h"

enum bl_packing { BL_PACKING_NONE, BL_PACKING_GZIP, BL_PACKING_DEFLATE };

/* Appends what is packed in `in` to `out`, at most `max` bytes of it. BL_ERR_BODY_TOO_LARGE: there is more (it has not
 * been inflated). BL_ERR_INVALID_ENCODING: *why (static) says what is wrong. BL_ERR_NO_MEMORY. */
BL_CHECKED enum bl_err bl_inflate(enum bl_packing packing, struct bl_str in, size_t max, struct bl_buf *out,
                                  const char **why);
/* Does it begin like gzip (1f 8b)? No text does. */
bool bl_inflate_is_gzip(struct bl_str in);

#endif
