/* The Lua scripts of the program (lua/), embedded at build time. Loaded on each connect, called by hash. */
#ifndef BL_STORE_SCRIPTS_H
#define BL_STORE_SCRIPTS_H

#include "bl/store/link.h"

enum bl_script {
#define BL_SCRIPT(name, sha, text) BL_SCRIPT_##name,
#include "bl_scripts.inc"
#undef BL_SCRIPT
    BL_SCRIPT_COUNT
};

/* Sends SCRIPT LOAD for all; call it first thing in the link's `up`. Commands sent after it find them. */
void bl_scripts_load(struct bl_link *link);
/* EVALSHA. args: n_keys keys, then arguments; at most BL_SCRIPT_ARGS_MAX. Should Redis have forgotten the
 * scripts (SCRIPT FLUSH) nothing was done and bl_script_lost(reply): reset the link, which loads them again.
 */
#define BL_SCRIPT_ARGS_MAX 16
void bl_script_send(struct bl_link *link, enum bl_script script, size_t n_keys, size_t n_args,
                    const struct bl_str *args, bl_reply_fn *fn, void *ctx);
bool bl_script_lost(const struct redisReply *reply);
/* For those who send it themselves. 40 hex digits. */
struct bl_str bl_script_sha(enum bl_script script);
/* For tools that load one by themselves. */
struct bl_str bl_script_text(enum bl_script script);

#endif
