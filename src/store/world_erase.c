/* Erasure on Redis: what there is of a user, and the commands of the commit that takes it away. The tombstone, and the
 * note for serve that there is more to do (store/erasure.h), are part of that commit. */
#include "bl/base/memory.h"
#include "world.h"

#include "bl/base/limits.h"

#define REPORT_TTL_MS (31 * 24 * 3600 * 1000LL)
#define RECENT_PUSH   500 /* elements in one command: a script has room for some 8,000 words */

static struct commands *list(void *ctx, int p)
{
    return &world_slot(ctx, p)->commit;
}

static void command(struct commands *c, const char *name, enum bl_key key, struct bl_str arg)
{
    commands_new(c, name);
    commands_key(c, key, arg);
}

static void member(struct commands *c, const char *name, enum bl_key key, struct bl_str value)
{
    command(c, name, key, BL_STR(""));
    commands_arg(c, value);
}

/* ---- asking ---- */

static enum bl_err take(struct slot *s, const redisReply *reply, struct bl_erasable *e)
{
    const redisReply *owned = reply->elements == 3 ? reply->element[0] : NULL;
    const redisReply *recent = owned ? reply->element[1] : NULL;
    if (!owned || owned->elements % 2 != 0)
        return BL_ERR_CORRUPT;
    size_t n = owned->elements / 2;
    char *at = world_items(s, n * sizeof(struct bl_owned) + recent->elements * sizeof(struct bl_str) + 1, 1);
    if (!at)
        return BL_ERR_NO_MEMORY;
    struct bl_owned *patterns = (void *)at;
    struct bl_str *texts = (void *)(at + n * sizeof *patterns);
    for (size_t i = 0; i < n; i++)
        patterns[i] = (struct bl_owned){world_text(owned->element[2 * i]),
                                        bl_str_eqz(world_text(owned->element[2 * i + 1]), "1")};
    for (size_t i = 0; i < recent->elements; i++)
        texts[i] = world_text(recent->element[i]);
    e->patterns = patterns;
    e->n_patterns = n;
    e->recent = texts;
    e->n_recent = recent->elements;
    e->n_unread = (size_t)world_int(reply->element[2], 0);
    return BL_OK;
}

static void on_erasable(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    struct bl_erasable e = {.err = world_error(s->data, reply)};
    if (e.err == BL_OK)
        e.err = take(s, reply, &e);
    s->call.fn.erasable(s->call.arg, &e);
}

void world_erasable(void *ctx, int p, struct bl_str user_id, size_t patterns_max, size_t recent_bytes,
                    bl_erasable_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    struct bl_buf text;
    size_t end[4];
    s->call = (struct call){.arg = arg, .n = 1, .fn.erasable = fn};
    bl_buf_init(&text, 0);
    bl_key_put(&text, bl_str_of(s->world->env), BL_KEY_PATTERNS_USER, p, user_id);
    end[0] = text.n;
    bl_key_put(&text, bl_str_of(s->world->env), BL_KEY_PATTERNS_OPEN, p, BL_STR(""));
    end[1] = text.n;
    bl_key_put(&text, bl_str_of(s->world->env), BL_KEY_RECENT, p, BL_STR(""));
    end[2] = text.n;
    bl_buf_int(&text, (int64_t)patterns_max);
    end[3] = text.n;
    bl_buf_int(&text, (int64_t)recent_bytes);
    if (text.err != BL_OK)
        bl_out_of_memory(); /* as in link.c: the promise to answer needs memory */
    const struct bl_str args[] = {{text.p, end[0]},
                                  {text.p + end[0], end[1] - end[0]},
                                  {text.p + end[1], end[2] - end[1]},
                                  {text.p + end[2], end[3] - end[2]},
                                  {text.p + end[3], text.n - end[3]}};
    bl_script_send(s->data, BL_SCRIPT_erase_read, 3, 5, args, on_erasable, s);
    bl_buf_release(&text);
}

/* ---- the commit's part ---- */

void world_put_erased_pattern(void *ctx, int p, struct bl_str user_id, struct bl_str id)
{
    struct commands *c = list(ctx, p);
    world_gathered(world_slot(ctx, p)); /* what this very commit did to it comes first */
    command(c, "DEL", BL_KEY_PATTERN, id);
    member(c, "ZREM", BL_KEY_PATTERNS, id);
    member(c, "ZREM", BL_KEY_PATTERNS_OPEN, id);
    command(c, "ZREM", BL_KEY_PATTERNS_USER, user_id);
    commands_arg(c, id);
}

static void put_user(struct commands *c, struct bl_str user_id)
{
    command(c, "DEL", BL_KEY_USER, user_id);
    command(c, "DEL", BL_KEY_CHECKOUT, user_id);
    command(c, "DEL", BL_KEY_PATTERNS_USER, user_id);
    member(c, "ZREM", BL_KEY_DEADLINES, user_id);
    member(c, "ZREM", BL_KEY_ACTIVE, user_id);
}

static void put_counts(struct commands *c, const struct bl_put_erased *x)
{
    const struct {
        const char *name;
        int64_t n;
    } counts[] = {{"patterns", x->patterns}, {"events", x->events}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        command(c, "HINCRBY", BL_KEY_ERASURE, x->hash);
        commands_z(c, counts[i].name);
        commands_int(c, counts[i].n);
    }
}

static void put_score(struct commands *c, enum bl_key key, int64_t at_ms, struct bl_str hash)
{
    command(c, "ZADD", key, BL_STR(""));
    commands_int(c, at_ms);
    commands_arg(c, hash);
}

void world_put_erased(void *ctx, int p, const struct bl_put_erased *x)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    world_gathered(s);
    put_counts(c, x);
    if (x->last) {
        put_user(c, x->user_id);
        put_score(c, BL_KEY_TOMBSTONES, x->at_ms, x->hash);
        put_score(c, BL_KEY_ERASURES, x->at_ms, x->hash);
        command(c, "HSET", BL_KEY_ERASURE, x->hash);
        commands_z(c, "at");
        commands_int(c, x->at_ms);
        commands_z(c, "user_id");
        commands_arg(c, x->user_id);
    }
    if (!s->world->options.event_mode) {
        command(c, "PEXPIRE", BL_KEY_ERASURE, x->hash);
        commands_int(c, REPORT_TTL_MS);
    }
}

void world_put_readmitted(void *ctx, int p, struct bl_str hash)
{
    member(list(ctx, p), "ZREM", BL_KEY_TOMBSTONES, hash);
}

void world_put_recent_all(void *ctx, int p, const struct bl_str *elements, size_t n)
{
    struct commands *c = list(ctx, p);
    command(c, "DEL", BL_KEY_RECENT, BL_STR(""));
    for (size_t i = 0; i < n; i++) {
        if (i % RECENT_PUSH == 0)
            command(c, "RPUSH", BL_KEY_RECENT, BL_STR(""));
        commands_arg(c, elements[i]);
    }
}
