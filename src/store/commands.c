#include "commands.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void commands_init(struct commands *c, struct bl_str env, int partition)
{
    *c = (struct commands){.env = env, .partition = partition};
    bl_buf_init(&c->text, 0);
}

void commands_release(struct commands *c)
{
    bl_buf_release(&c->text);
    free(c->args);
    free(c->starts);
}

void commands_clear(struct commands *c)
{
    bl_buf_clear(&c->text);
    c->n = c->n_args = 0;
}

void commands_trim(struct commands *c)
{
    if (c->text.cap > COMMANDS_KEPT_BYTES) {
        free(c->args);
        free(c->starts);
        c->args = NULL;
        c->starts = NULL;
        c->cap_args = c->cap = 0;
    }
    bl_buf_trim(&c->text, COMMANDS_KEPT_BYTES);
    c->n = c->n_args = 0;
}

static bool room(void **v, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    void *p = realloc(*v, more * size);
    if (!p)
        return false;
    *v = p;
    *cap = more;
    return true;
}

/* Everything after `at` in the text is the next argument. */
static void close_arg(struct commands *c, size_t at)
{
    if (c->text.err != BL_OK)
        return;
    if (!room((void **)&c->args, &c->cap_args, c->n_args, sizeof *c->args)) {
        c->text.err = BL_ERR_NO_MEMORY;
        return;
    }
    c->args[c->n_args++] = (struct command_arg){at, c->text.n - at};
}

void commands_new(struct commands *c, const char *name)
{
    if (c->text.err != BL_OK)
        return;
    if (!room((void **)&c->starts, &c->cap, c->n, sizeof *c->starts)) {
        c->text.err = BL_ERR_NO_MEMORY;
        return;
    }
    c->starts[c->n++] = c->n_args;
    commands_z(c, name);
}

void commands_arg(struct commands *c, struct bl_str s)
{
    size_t at = c->text.n;
    bl_buf_str(&c->text, s);
    close_arg(c, at);
}

void commands_z(struct commands *c, const char *z)
{
    commands_arg(c, bl_str_of(z));
}

void commands_int(struct commands *c, int64_t v)
{
    size_t at = c->text.n;
    bl_buf_int(&c->text, v);
    close_arg(c, at);
}

void commands_key(struct commands *c, enum bl_key key, struct bl_str arg)
{
    size_t at = c->text.n;
    bl_key_put(&c->text, c->env, key, c->partition, arg);
    close_arg(c, at);
}

void commands_key_int(struct commands *c, enum bl_key key, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    commands_key(c, key, bl_str_of(text));
}

void commands_more(struct commands *c, const char *name, enum bl_key key)
{
    if (c->n > 0 && commands_argc(c, c->n - 1) < COMMANDS_MORE_MAX)
        return;
    commands_new(c, name);
    commands_key(c, key, BL_STR(""));
}

void commands_join(struct commands *c, struct commands *from)
{
    size_t at = c->text.n, first = c->n_args;
    bl_buf_str(&c->text, bl_buf_view(&from->text));
    if (from->text.err != BL_OK && c->text.err == BL_OK)
        c->text.err = from->text.err;
    for (size_t i = 0; i < from->n_args && c->text.err == BL_OK; i++) {
        if (!room((void **)&c->args, &c->cap_args, c->n_args, sizeof *c->args))
            c->text.err = BL_ERR_NO_MEMORY;
        else
            c->args[c->n_args++] = (struct command_arg){at + from->args[i].at, from->args[i].n};
    }
    for (size_t i = 0; i < from->n && c->text.err == BL_OK; i++) {
        if (!room((void **)&c->starts, &c->cap, c->n, sizeof *c->starts))
            c->text.err = BL_ERR_NO_MEMORY;
        else
            c->starts[c->n++] = first + from->starts[i];
    }
    commands_clear(from);
}

#define FRAME_BYTES                                                                                          \
    16 /* of a command, and of an argument: $, a length of up to ten digits, two ends of lines */

size_t commands_bytes(const struct commands *c)
{
    return c->text.n + FRAME_BYTES * (c->n + c->n_args);
}

size_t commands_argc(const struct commands *c, size_t i)
{
    assert(i < c->n);
    return (i + 1 < c->n ? c->starts[i + 1] : c->n_args) - c->starts[i];
}

void commands_argv(const struct commands *c, size_t i, struct bl_str *out)
{
    size_t argc = commands_argc(c, i);
    for (size_t k = 0; k < argc; k++) {
        const struct command_arg *a = &c->args[c->starts[i] + k];
        out[k] = (struct bl_str){c->text.p + a->at, a->n};
    }
}
