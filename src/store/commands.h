/* A list of Redis commands under construction: bytes in one buffer, arguments by offset. One encoder fills
 * it; it goes out as MULTI … EXEC or as the arguments of a script. Errors stick in text.err. */
#ifndef BL_STORE_COMMANDS_H
#define BL_STORE_COMMANDS_H

#include "bl/base/buf.h"
#include "bl/store/keys.h"
#include "bl/store/link.h"

struct command_arg {
    size_t at, n;
};

struct commands {
    struct bl_buf text;
    struct command_arg *args;
    size_t n_args, cap_args;
    size_t *starts; /* index of each command's first argument */
    size_t n, cap;
    struct bl_str env;
    int partition;
};

void commands_init(struct commands *c, struct bl_str env, int partition);
void commands_release(struct commands *c);
void commands_clear(struct commands *c);
/* Begins a command with its name. */
void commands_new(struct commands *c, const char *name);
void commands_arg(struct commands *c, struct bl_str s);
void commands_z(struct commands *c, const char *z);
void commands_int(struct commands *c, int64_t v);
/* The partition's key; `arg` as in bl_key_put. */
void commands_key(struct commands *c, enum bl_key key, struct bl_str arg);
/* The key whose argument is a number. */
void commands_key_int(struct commands *c, enum bl_key key, int64_t number);
size_t commands_argc(const struct commands *c, size_t i);
/* Arguments of command i into out (at least commands_argc). */
void commands_argv(const struct commands *c, size_t i, struct bl_str *out);
/* All of them through the script commit_oom: done if the key `fence` holds `holder`, memory or not. A list that
 * lacks a part ends the process. */
void commands_script(const struct commands *c, struct bl_link *link, enum bl_key fence, struct bl_str holder,
                     bl_reply_fn *fn, void *ctx);

#endif
