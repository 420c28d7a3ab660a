/* Commands in a partition's stream (ARCHITECTURE 5): what a person or another process decided, in order with the
 * events. One JSON object, each member once and no other:
 * {"command":"resolve","pattern_id":"…","user_id":"…"}
 * {"command":"explain","pattern_id":"…","text":"…"}     (older ones also say the user_id)
 * {"command":"rules","version":N,"settings":{…}}    settings as in wire/rules.h
 * {"command":"erase","user_id":"…"}                 everything of the user goes, and what comes is dropped
 * {"command":"readmit","user_id":"…"}               what comes is taken again
 *
 * An erase is written with BL_ERASE_ENTRY_BYTES of white space at its end. Redis packs entries into nodes of 4 KiB
 * (stream-node-max-bytes) and frees a node, and with it the bytes of what was trimmed, only when all its entries are
 * trimmed; an entry as large as a node begins one and leaves no room in it. So nodes that hold the erased user's events
 * have no entry younger than the erase, and go with it. */
#ifndef BL_WIRE_COMMAND_H
#define BL_WIRE_COMMAND_H

#include "bl/base/buf.h"
#include "bl/core/pattern.h"

#define BL_EXPLAIN_MAX_BYTES 600 /* of `text`: UTF-8 without control characters, at least one byte */

enum bl_command_kind {
    BL_COMMAND_RESOLVE,
    BL_COMMAND_EXPLAIN,
    BL_COMMAND_RULES,
    BL_COMMAND_ERASE,
    BL_COMMAND_READMIT,
    BL_COMMAND_KINDS
};

struct bl_command {
    enum bl_command_kind kind;
    struct bl_pattern_id pattern_id; /* resolve, explain */
    /* resolve, erase, readmit. Owned, so that nothing outlives the text it came from. */
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
