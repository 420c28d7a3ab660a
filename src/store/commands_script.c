#include "bl/base/memory.h"
#include "commands.h"
#include "scripts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void commands_script(const struct commands *c, struct bl_link *link, enum bl_key fence, struct bl_str holder,
                     bl_reply_fn *fn, void *ctx)
{
    char key_text[128];
    struct bl_buf key = {.p = key_text, .cap = sizeof key_text, .max = sizeof key_text};
    size_t argc = 5 + c->n_args + c->n, n = 0;
    struct bl_str *argv = malloc(argc * sizeof *argv);
    char(*counts)[16] = malloc((c->n + 1) * sizeof *counts);
    if (!argv || !counts || c->text.err != BL_OK)
        bl_out_of_memory(); /* a commit that lacks a part must not go out */
    bl_key_put(&key, c->env, fence, c->partition, BL_STR(""));
    argv[n++] = BL_STR("EVALSHA");
    argv[n++] = bl_script_sha(BL_SCRIPT_commit_oom);
    argv[n++] = BL_STR("1");
    argv[n++] = bl_buf_view(&key);
    argv[n++] = holder;
    for (size_t i = 0; i < c->n; i++) {
        snprintf(counts[i], sizeof counts[i], "%zu", commands_argc(c, i));
        argv[n++] = bl_str_of(counts[i]);
        commands_argv(c, i, argv + n);
        n += commands_argc(c, i);
    }
    assert(n == argc);
    bl_link_send(link, argc, argv, fn, ctx);
    free(argv);
    free(counts);
}
