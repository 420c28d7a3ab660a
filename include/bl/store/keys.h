/* The only place where key names exist (SPEC 7.1). */
#ifndef BL_STORE_KEYS_H
#define BL_STORE_KEYS_H

#include "bl/base/buf.h"

#define BL_KEY(id, scope, name, type, what, read) BL_KEY_##id,
enum bl_key {
#include "bl/store/keys.def"
    BL_KEY_COUNT
};
#undef BL_KEY

/* Appends the key of the environment (and of partition p, where the key has one) with its argument, which is
 * percent-escaped; `arg` is empty for keys without one. */
void bl_key_put(struct bl_buf *out, struct bl_str env, enum bl_key key, int partition, struct bl_str arg);

/* The key up to its argument. */
void bl_key_prefix(struct bl_buf *out, struct bl_str env, enum bl_key key, int partition);

struct bl_key_doc {
    const char *name, *type, *what, *read;
    bool partition; /* of one partition, else of the environment */
    bool has_arg;
};
/* The table for docs and `inspect`. */
const struct bl_key_doc *bl_key_doc(enum bl_key key);

#endif
