/* How a commit goes out: as one transaction under the fence (world_transact.c). Over maxmemory Redis refuses it as a whole;
 * then the same commands go through the script commit_oom, which may, and a fetch that was to go with them through its own. */
#include "world.h"

static void finish(struct slot *s, enum bl_err err)
{
    bl_done_fn *fn = s->committed;
    bool fetched = s->asked && err == BL_OK;
    s->committed = NULL;
    world_counts_begin(s);
    if (err != BL_OK) {
        s->watched = false;
        world_counts_forget(s);
        world_due_forget(s);
    }
    commands_trim(&s->commit);
    for (size_t i = 0; i < GATHERED_COUNT; i++)
        commands_trim(&s->gathered[i]);
    if (fn)
        fn(s->committed_arg, err);
    if (fetched) /* and the caller waits for it */
        world_fetched(s);
}

static void on_script(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    finish(s, world_error(s->data, reply));
}

static void on_over(struct slot *s, enum bl_err err)
{
    if (s->oom)
        commands_script(&s->commit, s->data, BL_KEY_FENCE, bl_str_of(s->fence), on_script, s);
    else
        finish(s, err);
}

void world_end(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->committed = fn;
    s->committed_arg = arg;
    world_gathered(s);
    world_transact(s, on_over);
}
