/* The worker's world: one connection for leases and heartbeats of all partitions, and for each partition it
 * owns one. That is its own because WATCH belongs to a connection, and because owners wait on it (world_bell.c).
 *
 * `watched` says that this very connection has seen the fence hold since it came up. Without it nothing is
 * read or written: a reconnect in between looks like any other loss to the owner, who then starts again
 * (ARCHITECTURE: the cache is the owner's alone).
 *
 * Several times a second something is asked on the connection for leases, all of it cheap: when it hears nothing for
 * silence_ms the network is gone without a word, and all connections are made anew. */
#include "world.h"
#include "bl/base/log.h"
#include "bl/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define RETRY_MAX_MS 500

struct slot *world_slot(void *ctx, int p)
{
    struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    assert(p >= 0 && p < w->options.partitions);
    return &w->slots[p];
}

struct bl_str world_text(const redisReply *reply)
{
    if (!reply || !reply->str)
        return BL_STR("");
    return (struct bl_str){reply->str, reply->len};
}

int64_t world_int(const redisReply *reply, int64_t otherwise)
{
    int64_t v;
    double d;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    struct bl_str text = world_text(reply);
    if (bl_str_int64(text, &v))
        return v;
    /* A score may come as 1.7e+12. */
    char *end;
    if (text.n == 0 || (d = strtod(text.p, &end), end != text.p + text.n) || !(d > -9e15 && d < 9e15))
        return otherwise;
    return (int64_t)d;
}

enum bl_err world_error(struct bl_link *link, const redisReply *reply)
{
    if (!reply)
        return BL_ERR_STORE_UNAVAILABLE;
    if (reply->type != REDIS_REPLY_ERROR)
        return BL_OK;
    if (bl_str_starts(world_text(reply), BL_STR("FENCED")))
        return BL_ERR_FENCED;
    if (bl_script_lost(reply))
        bl_link_reset(link);
    bool loading = bl_str_starts(world_text(reply), BL_STR("LOADING")); /* the link says so, once */
    bl_log(loading ? BL_LOG_DEBUG : BL_LOG_WARN, "redis refused a command",
           BL_LOG_STR("reason", world_text(reply)));
    return BL_ERR_STORE_UNAVAILABLE;
}

void *world_items(struct slot *s, size_t n, size_t size)
{
    if (n * size > s->cap_items) {
        void *p = realloc(s->items, n * size);
        if (!p)
            return NULL;
        s->items = p;
        s->cap_items = n * size;
    }
    return s->items ? s->items : realloc(NULL, 1);
}

void world_send(struct bl_link *link, const struct commands *c, size_t i, bl_reply_fn *fn, void *ctx)
{
    struct bl_str few[64], *argv = few;
    size_t argc = commands_argc(c, i);
    if (argc > 64 && !(argv = malloc(argc * sizeof *argv)))
        bl_out_of_memory();
    commands_argv(c, i, argv);
    bl_link_send(link, argc, argv, fn, ctx);
    if (argv != few)
        free(argv);
}

void world_script(struct slot *s, struct bl_link *link, enum bl_script script, const enum bl_key *keys,
                  size_t n_keys, const struct bl_str *args, size_t n_args, bl_reply_fn *fn, void *ctx)
{
    char text[8 * 128];
    struct bl_buf b = {.p = text, .cap = sizeof text, .max = sizeof text};
    struct bl_str all[BL_SCRIPT_ARGS_MAX];
    for (size_t i = 0; i < n_keys; i++) {
        size_t at = b.n;
        bl_key_put(&b, bl_str_of(s->world->env), keys[i], s->p, BL_STR(""));
        all[i] = (struct bl_str){b.p + at, b.n - at};
    }
    assert(b.err == BL_OK);
    memcpy(all + n_keys, args, n_args * sizeof *args);
    bl_script_send(link, script, n_keys, n_keys + n_args, all, fn, ctx);
}

/* ---- connections ---- */

static void on_control_up(void *ctx)
{
    struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    bl_scripts_load(w->control);
    world_repay(w);
}

/* What ended this connection may have ended those that nobody is using, which nothing would tell before a partition is
 * taken through them. If it fell silent the others have, too: it is never idle, so it is the first to know. */
static void on_control_down(void *ctx)
{
    const struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    bool silent = bl_link_is_silent(w->control);
    for (int p = 0; w->slots && p < w->options.partitions; p++) {
        const struct slot *s = &w->slots[p];
        if (s->data && (!s->watched || (silent && bl_link_is_up(s->data))))
            bl_link_reset(s->data);
    }
}

static void on_client_id(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    s->client_id = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

static void on_data_up(void *ctx)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    static const struct bl_str client_id[] = {{"CLIENT", 6}, {"ID", 2}};
    bl_scripts_load(s->data);
    bl_link_send(s->data, 2, client_id, on_client_id, s);
    if (s->restoring)
        world_restore_now(s);
}

static void on_data_down(void *ctx)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    s->watched = false;
    s->client_id = 0;
    if (s->restoring)
        world_restore_fail(s);
}

static enum bl_err open_link(struct bl_world *w, void (*up)(void *), void (*down)(void *), void *ctx,
                             struct bl_link **out)
{
    const struct bl_link_options o = {w->url, w->options.reply_timeout_ms, RETRY_MAX_MS, ctx, up, down};
    enum bl_err err = bl_link_new(w->options.loop, &o, out);
    if (err == BL_OK)
        w->open++;
    return err;
}

/* A partition's connection is made when it is taken for the first time, and kept. */
enum bl_err world_connect(struct slot *s)
{
    return s->data ? BL_OK : open_link(s->world, on_data_up, on_data_down, s, &s->data);
}

/* ---- life ---- */

static void slot_init(struct slot *s, struct bl_world *w, int p)
{
    s->magic = SLOT_MAGIC;
    s->world = w;
    s->p = p;
    world_saw_due(s, 0);
    bl_buf_init(&s->scratch, 0);
    bl_buf_init(&s->rules, 0);
    commands_init(&s->commit, bl_str_of(w->env), p);
    commands_init(&s->watch, bl_str_of(w->env), p);
    commands_init(&s->fetch, bl_str_of(w->env), p);
    commands_init(&s->bell, bl_str_of(w->env), p);
    for (size_t i = 0; i < GATHERED_COUNT; i++)
        commands_init(&s->gathered[i], bl_str_of(w->env), p);
    uv_timer_init(w->options.loop, &s->bell_timer);
    uv_idle_init(w->options.loop, &s->pause);
    s->bell_timer.data = s->pause.data = s;
    w->open += 2;
}

static void world_free(struct bl_world *w)
{
    for (int p = 0; w->slots && p < w->options.partitions; p++) {
        struct slot *s = &w->slots[p];
        bl_buf_release(&s->scratch);
        bl_buf_release(&s->rules);
        commands_release(&s->commit);
        commands_release(&s->watch);
        commands_release(&s->fetch);
        commands_release(&s->bell);
        for (size_t i = 0; i < GATHERED_COUNT; i++)
            commands_release(&s->gathered[i]);
        bl_reply_free(s->answers);
        free(s->items);
    }
    free(w->slots);
    free(w->url);
    free(w->env);
    free(w->name);
    w->magic = 0;
    free(w);
}

enum bl_err bl_world_new(const struct bl_world_options *options, struct bl_world **out)
{
    struct bl_world *w = calloc(1, sizeof *w);
    uint64_t random;
    if (!w)
        return BL_ERR_NO_MEMORY;
    w->magic = WORLD_MAGIC;
    w->options = *options;
    w->url = strdup(options->url);
    w->env = strdup(options->env);
    w->name = strdup(options->name);
    w->slots = calloc((size_t)options->partitions, sizeof *w->slots);
    enum bl_err err = w->url && w->env && w->name && w->slots ? BL_OK : BL_ERR_NO_MEMORY;
    if (err == BL_OK && getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        err = BL_ERR_IO;
    if (err == BL_OK) {
        snprintf(w->nonce, sizeof w->nonce, "%016llx", (unsigned long long)random);
        err = open_link(w, on_control_up, on_control_down, w, &w->control);
        if (err == BL_OK)
            bl_link_mind_silence(w->control, w->options.silence_ms);
    }
    if (err != BL_OK) {
        world_free(w);
        return err;
    }
    for (int p = 0; p < options->partitions; p++)
        slot_init(&w->slots[p], w, p);
    *out = w;
    return BL_OK;
}

static void on_part_closed(void *ctx)
{
    struct bl_world *w = BL_CAST(struct bl_world, ctx, WORLD_MAGIC);
    if (--w->open > 0)
        return;
    void (*closed)(void *) = w->closed;
    void *closed_ctx = w->closed_ctx;
    world_free(w);
    closed(closed_ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct slot *s = BL_CAST(struct slot, handle->data, SLOT_MAGIC);
    on_part_closed(s->world);
}

void bl_world_close(struct bl_world *w, void (*closed)(void *ctx), void *ctx)
{
    w->closed = closed;
    w->closed_ctx = ctx;
    for (int p = 0; p < w->options.partitions; p++) {
        struct slot *s = &w->slots[p];
        if (s->data)
            bl_link_close(s->data, on_part_closed, w);
        uv_close((uv_handle_t *)&s->bell_timer, on_timer_closed);
        uv_close((uv_handle_t *)&s->pause, on_timer_closed);
    }
    bl_link_close(w->control, on_part_closed, w);
}

static int64_t world_now(void *ctx)
{
    (void)ctx;
    return (int64_t)(uv_hrtime() / 1000000);
}

struct bl_ports bl_world_ports(struct bl_world *w)
{
    return (struct bl_ports){
        .ctx = w,
        .now_ms = world_now,
        .acquire = world_acquire,
        .restore = world_restore,
        .reread = world_reread,
        .renew = world_renew,
        .release = world_release,
        .fetch = world_fetch,
        .mark = world_mark,
        .due = world_due,
        .load = world_load,
        .check = world_check,
        .pause = world_pause,
        .wait = world_wait,
        .await = world_await,
        .wake = world_wake,
        .tend = world_tend,
        .erasable = world_erasable,
        .begin = world_begin,
        .put_bytes = world_put_bytes,
        .put_user = world_put_user,
        .put_pattern = world_put_pattern,
        .put_change = world_put_change,
        .put_count = world_put_count,
        .put_rate = world_put_rate,
        .put_recent = world_put_recent,
        .put_seen = world_put_seen,
        .drop_seen = world_drop_seen,
        .put_quarantine = world_put_quarantine,
        .put_part = world_put_part,
        .put_stored = world_put_stored,
        .put_unmark = world_put_unmark,
        .put_rules = world_put_rules,
        .put_erased_pattern = world_put_erased_pattern,
        .put_erased = world_put_erased,
        .put_readmitted = world_put_readmitted,
        .put_recent_all = world_put_recent_all,
        .put_ack = world_put_ack,
        .put_position = world_put_position,
        .put_fetch = world_put_fetch,
        .end = world_end,
        .beat = world_beat,
    };
}
