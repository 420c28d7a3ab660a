/* The state machine of one partition.
 *
 *   FREE ──owner_acquire──> ACQUIRING ──> RESTORING ──redo_begin───┐
 *    ^                          │ held by another                  v
 *    ├──────────────────────────┘         ┌──────────────────> FETCHING ──nothing unread──> WAITING or TENDING
 *    │                                    │                        │ on_fetched: batch_take       │ (doorbell, or
 *    │                                    │                        v                              │ next deadline)
 *    │                                    │               owner_round, owner_survey               │
 *    │                                    │                │ anybody due?  who is missing?        │
 *    │                                    │                v                                      │
 *    │                                    │           ASKING_DUE ──> LOADING ──> owner_step       │
 *    │                                    │                                          │            │
 *    │                                    │  ┌─ next round of the batch              v            │
 *    │                                    │  │   COMMITTING <── owner_send <──── CHECKING          │
 *    │                                    └──┴───────┴────────────────────────────────────────────┘
 *    └── RELEASING <── owner_finish (giving up, or owner_fail)
 *
 * Stepping and putting go by slices (OWNER_PAUSED: step_on, put_on), and one owner at a time does it (OWNER_IN_LINE:
 * worker/turn.c). A large commit may be held before it is sent (OWNER_HELD: worker/pace.c), and under load an owner rests
 * before it fetches (OWNER_PAUSED: owner_rest, in worker/fetch.c).
 * A new owner may have to bring users up to the position first (OWNER_REREADING: worker/takeover.c), as under load users are not
 * stored with each commit (worker/checkpoint.c).
 * The commit that ends a batch fetches the next one, too, if nothing comes between (fetches_ahead): then it goes from
 * COMMITTING straight to FETCHING, with the answer on its way behind the commit's. Where such fetches find nothing, it goes
 * from COMMITTING to WAITING, and fetches once there is something.
 * One call to the ports is under way at a time (renewals apart), and each callback moves on. Whatever goes
 * wrong - fenced, unreachable, unknown outcome, no memory - ends in owner_fail: all that was cached is
 * dropped, the lease given up, and the partition taken again from what the store holds (ARCHITECTURE:
 * the cache is the owner's alone).
 */
#include "worker/owner.h"
#include "bl/base/log.h"
#include "plant.h"

#include <stdlib.h>

int64_t owner_local_ms(const struct owner *o)
{
    return o->worker->ports.now_ms(o->worker->ports.ctx);
}

/* ---- memory ---- */

void owner_init(struct owner *o, struct bl_worker *w, int p)
{
    *o = (struct owner){.magic = OWNER_MAGIC, .worker = w, .p = p};
    effects_init(&o->effects);
    bl_map_init(&o->wanted_by_id, bl_map_first);
    bl_map_init(&o->redo.stored, bl_map_first);
    bl_buf_init(&o->latest.lines, 0);
    bl_buf_init(&o->rules_text, 0);
    bl_buf_init(&o->careful.step, 0);
}

static void forget(struct owner *o)
{
    o->ahead = o->spare = false;
    o->vain = 0;
    rules_forget(o);
    batch_reset(&o->batch);
    effects_reset(&o->effects);
    o->effects.n_ids = 0;
    steps_release(o);
    sizes_reset(&o->seen);
    sizes_reset(&o->recent);
    recent_clear(o);
    bl_map_clear(&o->wanted_by_id);
    o->n_wanted = o->n_dues = o->n_visit = 0;
    o->partial = o->manual = o->careful.on = o->careful.any = o->careful.store = o->redo.on = false;
    o->in_part = false;
    o->careful.single = 0;
    parts_forget(o);
}

void owner_release_memory(struct owner *o)
{
    forget(o);
    bl_partition_free(o->partition);
    o->partition = NULL;
    effects_release(&o->effects);
    bl_buf_release(&o->latest.lines);
    bl_buf_release(&o->rules_text);
    bl_buf_release(&o->careful.step);
    arena_release(&o->batch.arena);
    bl_map_release(&o->wanted_by_id);
    bl_map_release(&o->redo.stored);
    arena_release(&o->redo.ids);
    free(o->batch.v);
    free(o->wanted);
    free(o->surveyed);
    free(o->dues);
    free(o->visit);
    free(o->buckets);
}

enum bl_err owner_visit(struct owner *o, struct bl_member *m)
{
    if (!OWNER_ROOM(o->visit, o->cap_visit, o->n_visit))
        return BL_ERR_NO_MEMORY;
    o->visit[o->n_visit++] = m;
    return BL_OK;
}

/* ---- giving back ---- */

/* The lease is gone, and with it the use of what was cached; freeing it is no reason to stand still. */
static void on_released(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    (void)err; /* what was not given back runs out */
    if (o->partition && !BL_PLANT(CACHE_KEPT)) {
        if (bl_partition_free_some(o->partition, OWNER_SLICE_FREED)) {
            PORT(o, pause, 0, on_released, o);
            return;
        }
        bl_partition_free(o->partition);
        o->partition = NULL;
    }
    o->state = OWNER_FREE;
    o->drop = o->give_up = false;
    worker_freed(o->worker);
}

void owner_finish(struct owner *o)
{
    o->state = OWNER_RELEASING; /* first: who was queued and fails at once must not be found queued again */
    careful_leave(o);
    turn_leave(o);
    if (!BL_PLANT(CACHE_KEPT))
        forget(o);
    PORT(o, release, on_released, o);
}

static void owner_fail(struct owner *o, enum bl_err err, const char *where)
{
    bl_log(err == BL_ERR_FENCED || err == BL_ERR_STORE_UNAVAILABLE ? BL_LOG_WARN : BL_LOG_ERROR,
           "partition given up", BL_LOG_INT("partition", o->p), BL_LOG_TEXT("why", bl_err_code(err)),
           BL_LOG_TEXT("where", where));
    o->worker->totals.fenced += err == BL_ERR_FENCED;
    o->acquire_at = owner_local_ms(o) + OWNER_PROBE_MS;
    owner_finish(o);
}

bool owner_proceed(struct owner *o, enum bl_err err, const char *where)
{
    if (o->drop && err == BL_OK)
        err = o->why_drop != BL_OK ? o->why_drop : BL_ERR_FENCED;
    if (err == BL_OK)
        return true;
    owner_fail(o, err, where);
    return false;
}

bool owner_holds(const struct owner *o)
{
    return o->state != OWNER_FREE && o->state != OWNER_ACQUIRING && o->state != OWNER_RELEASING;
}

void owner_give_up(struct owner *o)
{
    if (o->state == OWNER_FREE || o->state == OWNER_RELEASING)
        return;
    o->give_up = true;
    if (o->state == OWNER_WAITING)
        o->worker->ports.wake(o->worker->ports.ctx, o->p);
}

static void on_renewed(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    o->renewing = false;
    worker_freed(o->worker);
    if (err == BL_OK || !owner_holds(o))
        return;
    o->drop = true;
    o->why_drop = err;
    if (o->state == OWNER_WAITING)
        o->worker->ports.wake(o->worker->ports.ctx, o->p);
}

void owner_renew(struct owner *o)
{
    int64_t now = owner_local_ms(o);
    if (!owner_holds(o) || o->renewing || now - o->renewed_at < o->worker->options.renew_ms)
        return;
    o->renewing = true;
    o->renewed_at = now;
    PORT(o, renew, on_renewed, o);
}

/* With 0: a commit is larger than what a socket holds, and while it goes out the loop must come round. */
void owner_pause(struct owner *o, int64_t ms, bl_done_fn *then)
{
    o->state = OWNER_PAUSED;
    PORT(o, pause, ms, then, o);
}

/* ---- committing ---- */

static void on_committed(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    pace_leave(o, err);
    bool ahead = o->ahead && err == BL_OK; /* on_fetched follows, whatever else has happened */
    if (!ahead && !owner_proceed(o, err, "commit"))
        return;
    if (o->in_part) {
        parts_committed(o);
        return;
    }
    commit_totals(o);
    o->committed_ms = bl_partition_clock(o->partition);
    checkpoint_committed(o);
    if (o->storing)
        commit_drop_gone(o, bl_partition_dirty_count(o->partition));
    o->n_visit = 0;
    effects_reset(&o->effects);
    steps_evict(o);
    if (!o->partial) {
        o->batch.at = o->batch.upto;
        o->careful.any = false;
    }
    if (ahead)
        o->state = OWNER_FETCHING;
    if (bl_partition_due(o->partition) < o->earliest_ms)
        o->earliest_ms = bl_partition_due(o->partition);
    careful_leave(o);
    owner_evict(o);
    if (ahead)
        return;
    if (!o->give_up && o->batch.at < o->batch.n)
        owner_round(o);
    else
        owner_fetch(o);
}

/* All is put by now: what waits at the gate costs the worker nothing more, while Redis is at the commit before. */
void owner_send(struct owner *o)
{
    if (!owner_proceed(o, BL_OK, "held") || !pace_gate(o))
        return;
    o->worker->committing += o->put_bytes;
    o->state = OWNER_COMMITTING;
    o->committing_at = owner_local_ms(o);
    owner_put_fetch(o);
    PORT(o, end, on_committed, o);
}

static void put_on(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    bool done = false;
    if (err == BL_OK)
        err = commit_put(o, &done);
    if (!owner_proceed(o, err, "encode"))
        return;
    if (!done) {
        owner_pause(o, 0, put_on);
        return;
    }
    batch_let_go(o);
    owner_send(o);
    turn_leave(o);
}

static void commit_on(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    put_on(o, err == BL_OK ? commit_begin(o) : err);
}

static void owner_commit(struct owner *o)
{
    if (turn_take(o, commit_on))
        commit_on(o, BL_OK);
}

static void on_checked(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (owner_proceed(o, err, "check"))
        owner_commit(o);
}

static void owner_check(struct owner *o)
{
    struct effects *e = &o->effects;
    struct bl_str *ids = arena_get(&e->arena, (e->n_asked + 1) * sizeof *ids);
    if (!owner_proceed(o, ids ? BL_OK : BL_ERR_NO_MEMORY, "check"))
        return;
    size_t n = 0;
    for (; n < e->n_asked; n++)
        ids[n] = (struct bl_str){e->asked[n]->id, 32};
    if (o->manual)
        ids[n++] = (struct bl_str){o->manual_id, 32};
    o->state = OWNER_CHECKING;
    turn_leave(o);
    PORT(o, check, ids, n, o->buckets, o->n_buckets, commit_checked, commit_pages, on_checked, o);
}

/* ---- a round ---- */

void owner_settle(struct owner *o)
{
    if (!owner_proceed(o, o->effects.err, "step"))
        return;
    if (o->redo.on) {
        redo_settle(o);
        return;
    }
    if (erase_ask(o)) {
        turn_leave(o);
        return;
    }
    bool ask = commit_needs_check(o);
    if (!owner_proceed(o, o->effects.err, "step"))
        return;
    if (ask)
        owner_check(o);
    else
        owner_commit(o);
}

static void step_on(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    bool done = o->partial;
    if (err == BL_OK)
        err = o->partial ? bl_partition_fire_until(o->partition, o->horizon_ms) : batch_step(o, &done);
    if (!owner_proceed(o, err, "step"))
        return;
    if (done)
        owner_settle(o);
    else
        owner_pause(o, 0, step_on);
}

void owner_step(struct owner *o)
{
    o->stepped = 0;
    if (turn_take(o, step_on))
        step_on(o, BL_OK);
}

void owner_round(struct owner *o)
{
    if (!careful_gate(o))
        return;
    o->round++;
    if (o->batch.at == 0 && (!o->checkpoint.parts || o->redo.on)) /* a part keeps the place of those before */
        turn_draw(o);
    o->partial = o->manual = o->careful.on = false;
    if (!o->redo.on)
        o->due_max = pace_due_max(o->worker);
    o->n_visit = 0;
    if (o->batch.at == o->batch.n) {
        o->batch.upto = o->batch.at;
        o->n_dues = 0;
        if (!careful_store(o) && !parts_come_first(o))
            owner_settle(o);
        return;
    }
    batch_choose(&o->batch, o->worker->round_bytes, careful_most(o));
    if (!parts_come_first(o) && !careful_round(o))
        owner_survey(o);
}
