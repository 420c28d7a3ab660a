/* From headers and bytes to what the decoder reads: content type, charset, content coding. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "bl/base/buf.h"
#include "bl/wire/decode.h"

struct bl_body_head {
    struct bl_str type, coding; /* values of Content-Type and Content-Encoding; empty: none */
    bool twice;                 /* one of them was given twice */
    bool batch;                 /* the call takes a batch */
};

struct bl_body {
    enum bl_body_kind kind;
    struct bl_str text; /* the bytes as sent, or what is in `room` */
};

/* At most `max` bytes, as sent and unpacked. `room` receives what is unpacked; the caller releases it. *why (static) says
 * what to send instead; NULL: the error's own words. */
BL_CHECKED enum bl_err bl_body_open(const struct bl_body_head *head, struct bl_str bytes, size_t max,
                                    struct bl_buf *room, struct bl_body *out, const char **why);

#endif
