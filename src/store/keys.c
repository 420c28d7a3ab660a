/* Key names are made here and nowhere else; keys.def is the table. */
#include "bl/store/keys.h"

#include <assert.h>

#define SCOPE_P true
#define SCOPE_G false
#define BL_KEY(id, scope, name, type, what, read)                                                            \
    {name, type, what, read, SCOPE_##scope, name[sizeof name - 2] == ':'},
static const struct bl_key_doc docs[] = {
#include "bl/store/keys.def"
};
#undef BL_KEY

const struct bl_key_doc *bl_key_doc(enum bl_key key)
{
    assert((size_t)key < BL_KEY_COUNT);
    return &docs[key];
}

void bl_key_prefix(struct bl_buf *out, struct bl_str env, enum bl_key key, int partition)
{
    const struct bl_key_doc *doc = bl_key_doc(key);
    bl_buf_z(out, doc->partition ? "bl:{" : "bl:");
    bl_buf_str(out, env);
    if (doc->partition) {
        bl_buf_char(out, ':');
        bl_buf_int(out, partition);
        bl_buf_char(out, '}');
    }
    bl_buf_char(out, ':');
    bl_buf_z(out, doc->name);
}

void bl_key_put(struct bl_buf *out, struct bl_str env, enum bl_key key, int partition, struct bl_str arg)
{
    assert(bl_key_doc(key)->has_arg == (arg.n > 0));
    bl_key_prefix(out, env, key, partition);
    bl_buf_percent(out, arg);
}
