/* What an owner does to the store it does in transactions that stand and fall with the fence: commits, and the usual
 * fetch.
 *
 *   MULTI  command …  EXEC  WATCH fence  GET fence     one write; the fence is watched since the last one. Before it may
 *                                                      stand a command that blocks (world_bell.c)
 *
 *   on_queued  a command was refused (over maxmemory): nothing is done; s->oom says so to who knows another way
 *   on_exec    nil: the fence changed, nothing was done                                   -> BL_ERR_FENCED
 *   on_fence   EXEC dropped the watch, and between it and the new one another may have
 *              come: then the transaction stands, but it was the last                     -> BL_ERR_FENCED
 *   too large  for what a link keeps to be sent: nothing goes out                         -> BL_ERR_STORE_UNAVAILABLE
 *   no reply   nobody knows                                                               -> BL_ERR_STORE_UNAVAILABLE,
 *              and the owner starts again
 *
 * Why nothing is done for a zombie (invariant 3), reading included. MULTI is sent on a connection which has been told by
 * GET, behind a WATCH, that the fence is ours, and on which no EXEC was sent since (`watched`). Say Redis carried out the
 * three at w < g < e. Another takes the partition by writing the fence, which has no TTL, and reads or writes only then.
 *
 *   written between w and e   EXEC does nothing: whatever GET saw at g, the key has changed since it was watched
 *   not written               what GET saw at g, ours, is there at e. Who takes the partition does so after e: what we wrote
 *                             is what it finds, and what we were given is pending and is the first that it is given
 *   the connection ends       before EXEC has come: Redis drops the commands with it. EXEC has come, but its answer is lost:
 *                             as above, and as nobody knows, the owner drops all and takes the partition again, what is
 *                             pending first. EXEC comes late, when we have long made another connection: as above, it
 *                             is still the one that watches since w
 *   Redis ends                the connection does, too; the next one watches nothing until world_restore
 *
 * A WATCH alone would not do: one set when another's fence is there already sees no change any more. So the answer to GET is
 * awaited before the next MULTI goes out. */
#include "bl/base/log.h"
#include "world.h"

/* Around the commands: MULTI, EXEC, WATCH and GET of the fence. */
#define FRAME_COMMANDS 4
#define FRAME_ARGS     6
#define FRAME_BYTES    512

static void end(struct slot *s, enum bl_err err)
{
    if (err != BL_OK) {
        s->watched &= s->oom;
        bl_reply_free(s->answers);
        s->answers = NULL;
    }
    s->over(s, err);
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
        bl_log(BL_LOG_ERROR, "redis refused part of a transaction", BL_LOG_STR("reason", world_text(reply)));
}

static void on_exec(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    s->exec_ok = reply && reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; s->exec_ok && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            s->exec_bad = true;
            bl_log(BL_LOG_ERROR, "a command of a transaction failed",
                   BL_LOG_STR("reason", world_text(reply->element[i])));
        }
    if (reply && reply->type == REDIS_REPLY_ERROR)
        s->refused = true;
    if (s->exec_ok)
        world_counts_learn(s, reply);
    if (s->exec_ok && s->asked)
        s->answers = bl_link_keep(s->data);
}

static void on_fence(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    bool held = reply && bl_str_eqz(world_text(reply), s->fence);
    s->oom &= held && s->refused && !s->exec_ok;
    if (!reply)
        end(s, BL_ERR_STORE_UNAVAILABLE);
    else if (!held)
        end(s, BL_ERR_FENCED);
    else if (s->exec_ok)
        end(s, s->exec_bad ? BL_ERR_CORRUPT : BL_OK);
    else
        end(s, s->refused ? BL_ERR_STORE_UNAVAILABLE : BL_ERR_FENCED);
}

static void on_early(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    (void)reply;
    end(s, s->commit.text.err != BL_OK ? s->commit.text.err : BL_ERR_STORE_UNAVAILABLE);
}

/* Whole or not at all: a command that finds no room on the way out would be missing, and EXEC behind it would do the rest. */
static bool fits(const struct slot *s)
{
    const struct commands *c = &s->commit, *f = &s->fetch;
    size_t bytes = c->text.n + f->text.n + s->bell.text.n + FRAME_BYTES;
    bool room = bl_link_reserve(s->data, c->n + f->n + s->bell.n + FRAME_COMMANDS,
                                c->n_args + f->n_args + s->bell.n_args + FRAME_ARGS, bytes);
    if (!room)
        bl_log(BL_LOG_WARN, "a commit is larger than what can be sent at once", BL_LOG_INT("partition", s->p),
               BL_LOG_INT("bytes", (int64_t)bytes));
    return room;
}

static void send_word(struct slot *s, struct bl_str word, bl_reply_fn *fn)
{
    bl_link_send(s->data, 1, &word, fn, s);
}

static void send_all(struct slot *s, const struct commands *c, bl_reply_fn *fn)
{
    for (size_t i = 0; i < c->n; i++)
        world_send(s->data, c, i, fn, s);
}

void world_transact(struct slot *s, void (*over)(struct slot *s, enum bl_err err))
{
    s->over = over;
    s->refused = s->oom = s->exec_ok = s->exec_bad = false;
    s->asked = s->fetch.n > 0;
    commands_clear(&s->watch);
    commands_new(&s->watch, "WATCH");
    commands_key(&s->watch, BL_KEY_FENCE, BL_STR(""));
    commands_new(&s->watch, "GET");
    commands_key(&s->watch, BL_KEY_FENCE, BL_STR(""));
    if (!s->watched || s->watch.text.err != BL_OK || s->commit.text.err != BL_OK ||
        s->fetch.text.err != BL_OK || s->bell.text.err != BL_OK || !fits(s)) {
        commands_clear(&s->bell);
        send_word(s, BL_STR("PING"), on_early); /* so that the answer does not come from inside this call */
        return;
    }
    if (s->bell.n)
        world_send_bell(s);
    send_word(s, BL_STR("MULTI"), on_queued);
    send_all(s, &s->commit, on_queued);
    send_all(s, &s->fetch, on_queued);
    send_word(s, BL_STR("EXEC"), on_exec);
    world_send(s->data, &s->watch, 0, NULL, NULL);
    world_send(s->data, &s->watch, 1, on_fence, s);
    commands_clear(&s->fetch);
}
