/* The Redis users of the product (SPEC 7), one for each role, with only the commands and keys it needs. acl.def is the table;
 * `up` makes an ACL file of it for its private Redis, `behaviorlens inspect acl` prints it for other ones. */
#ifndef BL_STORE_ACL_H
#define BL_STORE_ACL_H

#include "bl/base/buf.h"

#define BL_ACL(name, what, where, keys, commands) +1
enum {
    BL_ACL_COUNT = 0
#include "bl/store/acl.def"
};
#undef BL_ACL

/* The default user of the private Redis: while it loads (a line of an ACL file), and afterwards (behind ACL SETUSER): whoever
 * can open the socket may look, without a password. */
#define BL_ACL_LOADING "user default off ~* +@all"
#define BL_ACL_LOOKING                                                                                       \
    "default reset on nopass %R~* +@read -@dangerous +ping +select +time +info +command +hello"

struct bl_acl_doc {
    const char *name, *what;
    bool in_up; /* made in the private Redis of `up`; else only where somebody makes it */
};
const struct bl_acl_doc *bl_acl_doc(size_t i);

/* Appends `NAME reset on >SECRET KEYS COMMANDS`, the words after `user` in an ACL file and after ACL SETUSER. The secret must
 * have no white space. */
void bl_acl_put(struct bl_buf *out, size_t i, struct bl_str env, struct bl_str secret);

#endif
