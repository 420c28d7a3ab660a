/* A question to a language model about one pattern, and what its answer may become (SPEC 5.5; the Messages API).
 *
 * What is sent: type, severity, page, the template's sentence without the name of the element, and the last events as
 * action, page and time. Never a user id, a session id, or a value of an event's metadata: there is no member for them.
 * What comes back is text of a stranger: only plain words of it are kept. */
#ifndef BL_WIRE_MESSAGE_H
#define BL_WIRE_MESSAGE_H

#include "bl/base/buf.h"

#define BL_MESSAGE_TEXT_MAX_BYTES 400
#define BL_MESSAGE_MAX_TOKENS     120

/* A stored pattern's columns. Borrowed. */
struct bl_message_pattern {
    struct bl_str type, severity, page, explanation, evidence;
};

/* The request's body. BL_ERR_CORRUPT if the evidence is not what we store. */
BL_CHECKED enum bl_err bl_message_write(const struct bl_message_pattern *p, struct bl_str model,
                                        struct bl_buf *out);
/* The text of the first content block, cleaned (below), appended to `text`. BL_ERR_INVALID_JSON; BL_ERR_CORRUPT:
 * another shape, or nothing is left of it. */
BL_CHECKED enum bl_err bl_message_read(struct bl_str body, struct bl_buf *text);
/* Appends at most two sentences and BL_MESSAGE_TEXT_MAX_BYTES of it, without control and direction characters, tags,
 * emphasis and runs of space. raw is UTF-8. */
void bl_message_clean(struct bl_str raw, struct bl_buf *out);

#endif
