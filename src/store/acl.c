/* acl.def, written out for an environment. */
#include "bl/store/acl.h"

#include <assert.h>

#define UP                                        true
#define ELSEWHERE                                 false
#define BL_ACL(name, what, where, keys, commands) {{name, what, where}, keys, commands},
static const struct {
    struct bl_acl_doc doc;
    const char *keys, *commands;
} users[] = {
#include "bl/store/acl.def"
};
#undef BL_ACL

const struct bl_acl_doc *bl_acl_doc(size_t i)
{
    assert(i < BL_ACL_COUNT);
    return &users[i].doc;
}

/* @P and @G become prefixes; nothing else in the table has an @ before a P or G. */
static void put_keys(struct bl_buf *out, const char *keys, struct bl_str env)
{
    for (const char *at; (at = strchr(keys, '@')) != NULL; keys = at + 2) {
        bl_buf_add(out, keys, (size_t)(at - keys));
        bl_buf_z(out, at[1] == 'P' ? "bl:{" : "bl:");
        bl_buf_str(out, env);
        bl_buf_z(out, at[1] == 'P' ? ":*}:" : ":");
    }
    bl_buf_z(out, keys);
}

void bl_acl_put(struct bl_buf *out, size_t i, struct bl_str env, struct bl_str secret)
{
    assert(i < BL_ACL_COUNT);
    bl_buf_z(out, users[i].doc.name);
    bl_buf_z(out, " reset on >");
    bl_buf_str(out, secret);
    bl_buf_char(out, ' ');
    put_keys(out, users[i].keys, env);
    bl_buf_char(out, ' ');
    bl_buf_z(out, users[i].commands);
}
