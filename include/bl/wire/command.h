/* Commands in a partition's stream (ARCHITECTURE 5): what a person decided, in order with the events. One JSON
 * object:
 * {"command":"resolve","pattern_id":"…","user_id":"…"}. */
#ifndef BL_WIRE_COMMAND_H
#define BL_WIRE_COMMAND_H

#include "bl/base/buf.h"
#include "bl/core/pattern.h"

enum bl_command_kind { BL_COMMAND_RESOLVE };

struct bl_command {
    enum bl_command_kind kind;
    struct bl_pattern_id pattern_id;
    char user[BL_USER_ID_MAX_BYTES]; /* owned, so that nothing outlives the text it came from */
    size_t user_bytes;
};

static inline struct bl_str bl_command_user(const struct bl_command *c)
{
    return (struct bl_str){c->user, c->user_bytes};
}

/* BL_ERR_CORRUPT if the text is no command. */
BL_CHECKED enum bl_err bl_command_read(struct bl_str text, struct bl_command *out);
void bl_command_write(const struct bl_command *c, struct bl_buf *out);

#endif
