/* A list of Redis commands under construction: bytes in one buffer, arguments by offset. One encoder fills
 * it; it goes out as MULTI … EXEC or as the arguments of a script. Errors stick in text.err. */
#ifndef BL_STORE_COMMANDS_H
#define BL_STORE_COMMANDS_H

#include "bl/base/buf.h"
#include "bl/store/keys.h"
#include "bl/store/link.h"

#define COMMANDS_MORE_MAX                                                                                    \
    1000 /* arguments of one made by commands_more, and the few that a caller adds at a time */

#define COMMANDS_KEPT_BYTES ((size_t)1024 * 1024)

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
/* The same, but gives back what a large commit needed. */
void commands_trim(struct commands *c);
/* What sending them takes, at most. */
size_t commands_bytes(const struct commands *c);
/* Begins a command with its name. */
void commands_new(struct commands *c, const char *name);
void commands_arg(struct commands *c, struct bl_str s);
void commands_z(struct commands *c, const char *z);
void commands_int(struct commands *c, int64_t v);
/* The partition's key; `arg` as in bl_key_put. */
void commands_key(struct commands *c, enum bl_key key, struct bl_str arg);
/* The key whose argument is a number. */
void commands_key_int(struct commands *c, enum bl_key key, int64_t number);
/* The command NAME KEY that takes any number of arguments: the last one of the list, which can only be this, as long as it
 * has room, else a new one. So a list of its own is kept for each that many say something to in one commit: one ZADD
 * of a hundred members costs Redis a third of a hundred of one. */
void commands_more(struct commands *c, const char *name, enum bl_key key);
/* Appends the commands of `from`, which is empty then. */
void commands_join(struct commands *c, struct commands *from);
size_t commands_argc(const struct commands *c, size_t i);
/* Arguments of command i into out (at least commands_argc). */
void commands_argv(const struct commands *c, size_t i, struct bl_str *out);
/* All of them through the script commit_oom: done if the key `fence` holds `holder`, memory or not. A list that
 * lacks a part ends the process. */
void commands_script(const struct commands *c, struct bl_link *link, enum bl_key fence, struct bl_str holder,
                     bl_reply_fn *fn, void *ctx);

#endif
