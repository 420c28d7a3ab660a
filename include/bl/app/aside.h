/* What workers died of and set aside (ARCHITECTURE 5, "Poison"), for whoever reads a stream back: it is still in its
 * entry, but has taken no effect, and applying it again would kill the reader too. */
#ifndef BL_APP_ASIDE_H
#define BL_APP_ASIDE_H

#include "bl/base/buf.h"

struct bl_aside {
    struct bl_aside_event {
        struct bl_str entry; /* owned */
        int64_t line;
    } * v;
    size_t n, cap;
};

void bl_aside_release(struct bl_aside *a);
/* Takes fields (name, value, …) of an entry of the quarantine; what names no line is passed over. */
BL_CHECKED enum bl_err bl_aside_add(struct bl_aside *a, const struct bl_str *fields, size_t n);
/* Leaves out of an entry of the stream what was set aside: *value may then stand in `scratch`. One of which nothing is
 * left is a tick: its time counts all the same. */
BL_CHECKED enum bl_err bl_aside_leave_out(const struct bl_aside *a, struct bl_str entry, struct bl_str *field,
                                          struct bl_str *value, struct bl_buf *scratch);

#endif
