/* How a commit goes out.
 *
 *   MULTI  command …  EXEC  WATCH fence  GET fence     one write; the fence is watched since the last commit
 *
 *   on_queued  a command was refused (over maxmemory): nothing is done; the script commit_oom does it all
 *   on_exec    nil: the fence changed, nothing was done                        -> BL_ERR_FENCED
 *   on_fence   EXEC dropped the watch, and between it and the new one another
 *              may have come: then the commit stands, but it was the last      -> BL_ERR_FENCED
 *   too large  for what a link keeps to be sent: nothing goes out              -> BL_ERR_STORE_UNAVAILABLE
 *   no reply   nobody knows                                                    -> BL_ERR_STORE_UNAVAILABLE,
 *              and the owner starts again */
#include "bl/base/log.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* Around the commands of a commit: MULTI, EXEC, WATCH and GET of the fence. */
#define END_COMMANDS 4
#define END_ARGS     6
#define END_BYTES    512

static void finish(struct slot *s, enum bl_err err)
{
    bl_done_fn *fn = s->committed;
    s->committed = NULL;
    if (err != BL_OK)
        s->watched = false;
    if (fn)
        fn(s->committed_arg, err);
}

static void on_queued(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return;
    bool first = !s->refused;
    s->refused = true;
    s->oom |= bl_str_starts(world_text(reply), BL_STR("OOM"));
    if (!s->oom && first)
        bl_log(BL_LOG_ERROR, "redis refused part of a commit", BL_LOG_STR("reason", world_text(reply)));
}

static void on_exec(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    s->exec_ok = reply && reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; s->exec_ok && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            s->exec_bad = true;
            bl_log(BL_LOG_ERROR, "a command of a commit failed",
                   BL_LOG_STR("reason", world_text(reply->element[i])));
        }
    if (reply && reply->type == REDIS_REPLY_ERROR)
        s->refused = true;
}

static void on_script(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    finish(s, world_error(s->data, reply));
}

static void send_script(struct slot *s)
{
    commands_script(&s->commit, s->data, BL_KEY_FENCE, bl_str_of(s->fence), on_script, s);
}

static void on_fence(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    bool held = reply && bl_str_eqz(world_text(reply), s->fence);
    if (!reply)
        finish(s, BL_ERR_STORE_UNAVAILABLE);
    else if (!held)
        finish(s, BL_ERR_FENCED);
    else if (s->exec_ok)
        finish(s, s->exec_bad ? BL_ERR_CORRUPT : BL_OK);
    else if (s->refused && s->oom)
        send_script(s);
    else
        finish(s, s->refused ? BL_ERR_STORE_UNAVAILABLE : BL_ERR_FENCED);
}

static void on_early(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    (void)reply;
    finish(s, s->commit.text.err != BL_OK ? s->commit.text.err : BL_ERR_STORE_UNAVAILABLE);
}

/* Whole or not at all: a command that finds no room on the way out would be missing, and EXEC behind it would do the rest. */
static bool fits(const struct slot *s)
{
    const struct commands *c = &s->commit;
    bool room = bl_link_reserve(s->data, c->n + END_COMMANDS, c->n_args + END_ARGS, c->text.n + END_BYTES);
    if (!room)
        bl_log(BL_LOG_WARN, "a commit is larger than what can be sent at once", BL_LOG_INT("partition", s->p),
               BL_LOG_INT("bytes", (int64_t)c->text.n));
    return room;
}

static void send_word(struct slot *s, struct bl_str word, bl_reply_fn *fn)
{
    bl_link_send(s->data, 1, &word, fn, s);
}

void world_end(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    s->committed = fn;
    s->committed_arg = arg;
    s->refused = s->oom = s->exec_ok = s->exec_bad = false;
    world_gathered(s);
    if (!s->watched || c->text.err != BL_OK || !fits(s)) {
        send_word(s, BL_STR("PING"), on_early); /* so that the answer does not come from inside this call */
        return;
    }
    send_word(s, BL_STR("MULTI"), on_queued);
    for (size_t i = 0; i < c->n; i++)
        world_send(s->data, c, i, on_queued, s);
    send_word(s, BL_STR("EXEC"), on_exec);
    commands_clear(&s->watch);
    commands_new(&s->watch, "WATCH");
    commands_key(&s->watch, BL_KEY_FENCE, BL_STR(""));
    commands_new(&s->watch, "GET");
    commands_key(&s->watch, BL_KEY_FENCE, BL_STR(""));
    world_send(s->data, &s->watch, 0, NULL, NULL);
    world_send(s->data, &s->watch, 1, on_fence, s);
}
