/* Commands in a partition's stream (ARCHITECTURE 5): what a person or another process decided, in order with the
 * events. One JSON object, each member once and no other:
 * {"command":"resolve","pattern_id":"…","user_id":"…"}
 * {"command":"explain","pattern_id":"…","user_id":"…","text":"…"}
 * {"command":"rules","version":N,"settings":{…}}    settings as in wire/rules.h */
#ifndef BL_WIRE_COMMAND_H
#define BL_WIRE_COMMAND_H

#include "bl/base/buf.h"
#include "bl/core/pattern.h"

#define BL_EXPLAIN_MAX_BYTES 600 /* of `text`: UTF-8 without control characters, at least one byte */

enum bl_command_kind { BL_COMMAND_RESOLVE, BL_COMMAND_EXPLAIN, BL_COMMAND_RULES, BL_COMMAND_KINDS };

struct bl_command {
    enum bl_command_kind kind;
    /* resolve, explain. Owned, so that nothing outlives the text it came from. */
    struct bl_pattern_id pattern_id;
    char user[BL_USER_ID_MAX_BYTES];
    size_t user_bytes;
    /* explain */
    char text[BL_EXPLAIN_MAX_BYTES];
    size_t text_bytes;
    /* rules: settings as they stand in the text, which they borrow; one JSON object, not looked into. */
    int64_t version; /* 1 and up */
    struct bl_str settings;
};

static inline struct bl_str bl_command_user(const struct bl_command *c)
{
    return (struct bl_str){c->user, c->user_bytes};
}

static inline struct bl_str bl_command_text(const struct bl_command *c)
{
    return (struct bl_str){c->text, c->text_bytes};
}

/* BL_ERR_CORRUPT if the text is no command. */
BL_CHECKED enum bl_err bl_command_read(struct bl_str text, struct bl_command *out);
void bl_command_write(const struct bl_command *c, struct bl_buf *out);

#endif
