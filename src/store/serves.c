/* Two steps: the names of all live processes, then what each of them is. A process whose hash has expired died since; one
 * that has just started is counted with the next poll. Until then each takes a share that is a little too large. */
#include "serves.h"

#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVES_MAGIC BL_MAGIC('s', 'v', 's', ' ')

struct bl_serves {
    uint32_t magic;
    char env[BL_ENV_MAX_BYTES + 1];
    struct bl_buf names, key; /* the set's name; scratch */
    struct bl_link *link;
    size_t count, found, awaited; /* of the last poll; of this one */
    bool polling;
};

enum bl_err bl_serves_new(struct bl_str env, struct bl_serves **out)
{
    struct bl_serves *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return BL_ERR_NO_MEMORY;
    s->magic = SERVES_MAGIC;
    s->count = 1;
    snprintf(s->env, sizeof s->env, "%.*s", BL_STR_ARG(env));
    bl_buf_init(&s->names, 0);
    bl_buf_init(&s->key, 0);
    bl_key_put(&s->names, env, BL_KEY_PROCESSES, 0, (struct bl_str){0});
    if (s->names.err != BL_OK) {
        bl_serves_free(s);
        return BL_ERR_NO_MEMORY;
    }
    *out = s;
    return BL_OK;
}

void bl_serves_free(struct bl_serves *s)
{
    if (!s)
        return;
    bl_buf_release(&s->names);
    bl_buf_release(&s->key);
    s->magic = 0;
    free(s);
}

size_t bl_serves_count(const struct bl_serves *s)
{
    return s->count;
}

static void on_role(void *ctx, const redisReply *reply)
{
    struct bl_serves *s = BL_CAST(struct bl_serves, ctx, SERVES_MAGIC);
    if (reply && reply->type == REDIS_REPLY_STRING &&
        bl_str_eqz((struct bl_str){reply->str, reply->len}, "serve"))
        s->found++;
    if (--s->awaited > 0)
        return;
    s->polling = false;
    if (reply) /* else the connection is gone: what was known still is the best guess */
        s->count = s->found > 0 ? s->found : 1;
}

static void ask(struct bl_serves *s, const redisReply *name)
{
    bl_buf_clear(&s->key);
    if (name->type == REDIS_REPLY_STRING && name->len > 0)
        bl_key_put(&s->key, bl_str_of(s->env), BL_KEY_PROCESS, 0, (struct bl_str){name->str, name->len});
    if (s->key.n == 0 || s->key.err != BL_OK)
        return;
    struct bl_str argv[] = {BL_STR("HGET"), bl_buf_view(&s->key), BL_STR("role")};
    s->awaited++;
    bl_link_send(s->link, sizeof argv / sizeof argv[0], argv, on_role, s);
}

static void on_names(void *ctx, const redisReply *reply)
{
    struct bl_serves *s = BL_CAST(struct bl_serves, ctx, SERVES_MAGIC);
    s->found = s->awaited = 0;
    for (size_t i = 0;
         reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements && bl_link_is_up(s->link); i++)
        ask(s, reply->element[i]);
    s->polling = s->awaited > 0;
}

void bl_serves_poll(struct bl_serves *s, struct bl_link *link)
{
    char last[16];
    if (s->polling || !bl_link_is_up(link))
        return;
    s->polling = true;
    s->link = link;
    int n = snprintf(last, sizeof last, "%d", BL_PROCESSES_MAX - 1);
    struct bl_str argv[] = {BL_STR("ZREVRANGE"), bl_buf_view(&s->names), BL_STR("0"), {last, (size_t)n}};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, on_names, s);
}
