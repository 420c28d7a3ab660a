/* One XREAD BLOCK over the change feeds of all partitions. (On a Redis Cluster it would become one per partition, as
 * it only listens.) The block is short, so that a connection whose other end has vanished is noticed by the link's
 * timeout, and so that whoever waits can look around. */
#include "bl/store/changes.h"

#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/store/link.h"
#include "commands.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define CHANGES_MAGIC BL_MAGIC('c', 'h', 'n', 'g')
#define BLOCK_MS      1000
#define TIMEOUT_MS    3000
#define RETRY_MS      500

struct bl_store_changes {
    uint32_t magic;
    struct bl_link *link;
    char env[BL_ENV_MAX_BYTES + 1];
    struct commands command;
    int partitions; /* of the wait under way */
    struct bl_watch_entry *entries;
    size_t n, cap;
    bl_watch_entries_fn *fn; /* NULL: nobody waits */
    void *ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct bl_str text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS ? (struct bl_str){r->str, r->len}
                                                                          : (struct bl_str){0};
}

static bool is_list(const redisReply *r, size_t n)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements >= n;
}

static bool add(struct bl_store_changes *s, int partition, const redisReply *entry)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct bl_watch_entry *entries = realloc(s->entries, cap * sizeof *entries);
        if (!entries)
            return false;
        s->entries = entries;
        s->cap = cap;
    }
    struct bl_watch_entry e = {.partition = partition};
    if (!is_list(entry, 2) || !is_list(entry->element[1], 0))
        return true;
    const redisReply *fields = entry->element[1];
    e.id = text_of(entry->element[0]);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (bl_str_eqz(text_of(fields->element[i]), "change"))
            e.change = text_of(fields->element[i + 1]);
        else if (bl_str_eqz(text_of(fields->element[i]), "pattern_id"))
            e.pattern_id = text_of(fields->element[i + 1]);
    }
    s->entries[s->n++] = e;
    return true;
}

/* Replies name their key, in the order asked for; those without news are left out. */
static bool is_key(struct bl_store_changes *s, int partition, struct bl_str key)
{
    struct bl_buf *text = &s->command.text; /* the command is out */
    bl_buf_clear(text);
    bl_key_put(text, bl_str_of(s->env), BL_KEY_CHANGES, partition, (struct bl_str){0});
    return bl_str_eq(bl_buf_view(text), key);
}

static enum bl_err take(struct bl_store_changes *s, const redisReply *reply)
{
    int p = 0;
    s->n = 0;
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        return BL_ERR_STORE_UNAVAILABLE;
    for (size_t i = 0; is_list(reply, 1) && i < reply->elements; i++) {
        const redisReply *feed = reply->element[i];
        if (!is_list(feed, 2) || !is_list(feed->element[1], 0))
            continue;
        while (p < s->partitions && !is_key(s, p, text_of(feed->element[0])))
            p++;
        for (size_t k = 0; p < s->partitions && k < feed->element[1]->elements; k++)
            if (!add(s, p, feed->element[1]->element[k]))
                return BL_ERR_NO_MEMORY;
    }
    return BL_OK;
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct bl_store_changes *s = BL_CAST(struct bl_store_changes, ctx, CHANGES_MAGIC);
    enum bl_err err = take(s, reply);
    bl_watch_entries_fn *fn = s->fn;
    s->fn = NULL;
    fn(s->ctx, err, s->entries, err == BL_OK ? s->n : 0);
}

static void changes_wait(void *port, const struct bl_str *after, size_t partitions, bl_watch_entries_fn *fn,
                         void *ctx)
{
    struct bl_store_changes *s = BL_CAST(struct bl_store_changes, port, CHANGES_MAGIC);
    struct bl_str argv[6 + 2 * BL_PARTITIONS_MAX];
    struct commands *c = &s->command;
    assert(!s->fn && partitions <= BL_PARTITIONS_MAX);
    s->fn = fn;
    s->ctx = ctx;
    s->partitions = (int)partitions;
    commands_clear(c);
    commands_new(c, "XREAD");
    commands_z(c, "COUNT");
    commands_int(c, BL_FEED_ENTRIES);
    commands_z(c, "BLOCK");
    commands_int(c, BLOCK_MS);
    commands_z(c, "STREAMS");
    for (c->partition = 0; c->partition < s->partitions; c->partition++)
        commands_key(c, BL_KEY_CHANGES, BL_STR(""));
    for (size_t p = 0; p < partitions; p++)
        commands_arg(c, after[p]);
    commands_argv(c, 0, argv);
    bl_link_send(s->link, commands_argc(c, 0), argv, on_reply, s);
}

static void on_up(void *ctx)
{
    (void)BL_CAST(struct bl_store_changes, ctx, CHANGES_MAGIC);
}

enum bl_err bl_store_changes_new(struct uv_loop_s *loop, const char *url, struct bl_str env,
                                 struct bl_store_changes **out)
{
    struct bl_store_changes *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return BL_ERR_NO_MEMORY;
    s->magic = CHANGES_MAGIC;
    snprintf(s->env, sizeof s->env, "%.*s", BL_STR_ARG(env));
    commands_init(&s->command, bl_str_of(s->env), 0);
    struct bl_link_options options = {
        .url = url, .timeout_ms = TIMEOUT_MS, .retry_max_ms = RETRY_MS, .ctx = s, .up = on_up};
    enum bl_err err = bl_link_new(loop, &options, &s->link);
    if (err != BL_OK) {
        free(s);
        *out = NULL;
    }
    return err;
}

struct bl_watch_feed bl_store_changes_port(struct bl_store_changes *s)
{
    return (struct bl_watch_feed){s, changes_wait};
}

static void on_closed(void *ctx)
{
    struct bl_store_changes *s = BL_CAST(struct bl_store_changes, ctx, CHANGES_MAGIC);
    void (*closed)(void *ctx) = s->closed;
    void *closed_ctx = s->closed_ctx;
    commands_release(&s->command);
    free(s->entries);
    s->magic = 0;
    free(s);
    closed(closed_ctx);
}

void bl_store_changes_close(struct bl_store_changes *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    bl_link_close(s->link, on_closed, s);
}
