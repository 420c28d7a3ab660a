#include "scripts.h"
#include "bl/base/log.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

/* ISO C promises 4,095 bytes of literal; gcc and clang have no such limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

static const struct {
    struct bl_str sha, text;
} scripts[] = {
#define BL_SCRIPT(name, sha, text) {{sha, sizeof sha - 1}, {text, sizeof text - 1}},
#include "bl_scripts.inc"
#undef BL_SCRIPT
};

static void on_loaded(void *ctx, const redisReply *reply)
{
    (void)ctx;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        bl_log(BL_LOG_ERROR, "redis refused a script",
               BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
}

void bl_scripts_load(struct bl_link *link)
{
    for (size_t i = 0; i < BL_SCRIPT_COUNT; i++)
        bl_link_send(link, 3, (const struct bl_str[]){BL_STR("SCRIPT"), BL_STR("LOAD"), scripts[i].text},
                     on_loaded, NULL);
}

struct bl_str bl_script_sha(enum bl_script script)
{
    assert((size_t)script < BL_SCRIPT_COUNT);
    return scripts[script].sha;
}

/* Redis takes the keys of EVALSHA for written ones: a user who may only read them needs the other form. */
static bool is_readonly(enum bl_script script)
{
    return bl_str_starts(scripts[script].text, BL_STR("#!lua flags=no-writes"));
}

struct bl_str bl_script_text(enum bl_script script)
{
    assert((size_t)script < BL_SCRIPT_COUNT);
    return scripts[script].text;
}

void bl_script_send(struct bl_link *link, enum bl_script script, size_t n_keys, size_t n_args,
                    const struct bl_str *args, bl_reply_fn *fn, void *ctx)
{
    struct bl_str argv[3 + BL_SCRIPT_ARGS_MAX];
    char count[8];
    assert(n_args <= BL_SCRIPT_ARGS_MAX && n_keys <= n_args);
    snprintf(count, sizeof count, "%zu", n_keys);
    argv[0] = is_readonly(script) ? BL_STR("EVALSHA_RO") : BL_STR("EVALSHA");
    argv[1] = bl_script_sha(script);
    argv[2] = bl_str_of(count);
    memcpy(argv + 3, args, n_args * sizeof *args);
    bl_link_send(link, 3 + n_args, argv, fn, ctx);
}

bool bl_script_lost(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
}
