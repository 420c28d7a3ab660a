/* A checkpoint of many users is made in parts. Redis does one commit at a time and serves nobody else meanwhile: 12,000 users are
 * 75 ms, 100,000 more than half a second. So where more are behind than one commit is to store, they are stored some at a time before
 * a round begins, while users stand at the position: each part is a commit of its own, and others are served in between. What
 * ends it is a commit without entries, which stores the last of them and all else that belongs to a checkpoint
 * (worker/checkpoint.c).
 *
 *   owner_round ──many are behind, and there is a reason──> part_on ──> put_on ──> owner_send ──> parts_committed ──> owner_round
 *        │                                                              ^  └─ slices
 *        └──few are left──> owner_settle: the last of it ──> owner_round: what is left of the batch
 *
 * Between the first part and the last commit some users are stored as of the position and all others as of the checkpoint before; the
 * position does not move. A part says who (`users_stored`), and at which position. A new owner leaves these out of its redo:
 * they are not loaded, as what the position makes due has fired in their states, nor stepped. Their events are remembered and
 * told of as any (bl_partition_record_known), for `seen` and recent events are as of the checkpoint before. What was noted at
 * another position means nothing.
 *
 * With 100,000 users in one partition this gives more than twice the events a second (95,000 and 230,000 to 250,000, bodies of 500): they
 * are stored every 3 s, not whenever 16,384 have changed. Smaller parts make others wait less and take longer: with 8,192
 * the p99 of a POST is 54 ms instead of 90, where eight partitions take 350,000 events/s, and there are 5 % fewer of them.
 *
 * Invariants: nothing is stepped between the first part and the commit that ends the checkpoint; parts acknowledge nothing and move
 * nothing; what was set aside is stored with the state it is of, so then there are no parts, unless one commit cannot carry all of
 * it (then a death between two parts costs the note of what was set aside). */
#include "bl/base/log.h"
#include "hook.h"
#include "plant.h"
#include "worker/owner.h"

#define PUT(o, call, ...) (o)->worker->ports.call((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

/* ---- storing ---- */

static size_t room_in(const struct owner *o)
{
    const struct bl_ports *ports = &o->worker->ports;
    size_t users = BL_HOOK_PART(OWNER_PART_USERS);
    bool full = o->part >= users || ports->put_bytes(ports->ctx, o->p) >= OWNER_PART_BYTES;
    return full ? 0 : users - o->part;
}

/* A slice. Who is stored is said in the same commit. */
static enum bl_err put_slice(struct owner *o)
{
    const struct bl_member *m = o->next;
    size_t room = room_in(o);
    enum bl_err err = commit_put_users(o, room < OWNER_SLICE_USERS ? room : OWNER_SLICE_USERS);
    for (; m != o->next && err == BL_OK; m = m->next_dirty, o->part++)
        PUT(o, put_stored, bl_member_id(m));
    return err;
}

static void put_on(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (err == BL_OK)
        err = put_slice(o);
    if (!owner_proceed(o, err, "encode"))
        return;
    if (o->next && room_in(o) > 0) {
        owner_pause(o, 0, put_on);
        return;
    }
    owner_send(o);
    turn_leave(o);
}

static void part_on(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    o->worker->ports.begin(o->worker->ports.ctx, o->p);
    PUT(o, put_part, bl_str_of(o->position), !o->checkpoint.parts);
    if (err == BL_OK)
        err = bl_partition_dirty(o->partition, &o->next);
    put_on(o, err);
}

/* What was set aside, and fits into one commit with all who are behind. */
static bool is_whole(const struct owner *o)
{
    return o->effects.n_poison > 0 && bl_partition_dirty_bytes(o->partition) <= BL_LINK_BYTES_MAX / 4;
}

bool parts_come_first(struct owner *o)
{
    const struct checkpoint *c = &o->checkpoint;
    bool large = checkpoint_is_large(o);
    if (!c->behind || o->redo.on || is_whole(o) || !(large || c->parts) || !checkpoint_is_due(o))
        return false;
    o->batch.upto = o->batch.at;
    o->dues_known = false; /* those that were told are of the store as it was before */
    o->n_dues = 0;
    if (!large) {
        owner_settle(o);
        return true;
    }
    if (!c->parts)
        bl_log(BL_LOG_DEBUG, "users are stored in parts", BL_LOG_INT("partition", o->p),
               BL_LOG_INT("users", (int64_t)bl_partition_dirty_count(o->partition)));
    o->part = 0;
    o->in_part = true;
    if (turn_take(o, part_on))
        part_on(o, BL_OK);
    return true;
}

void parts_committed(struct owner *o)
{
    o->in_part = false;
    o->checkpoint.parts = true;
    commit_drop_gone(o, o->part);
    if (bl_partition_due(o->partition) < o->earliest_ms)
        o->earliest_ms = bl_partition_due(o->partition);
    careful_leave(o);
    owner_evict(o);
    owner_round(o);
}

/* ---- in a redo ---- */

enum bl_err parts_restore(struct owner *o, const struct bl_restored *r)
{
    struct redo *x = &o->redo;
    enum bl_err err = BL_OK;
    size_t n = BL_PLANT(PART_REDONE) ? 0 : r->n_stored;
    parts_forget(o);
    for (size_t i = 0; i < n && err == BL_OK; i++) {
        struct bl_str *id = arena_entry(&x->ids, r->stored[i]);
        err = id ? bl_map_put(&x->stored, id) : BL_ERR_NO_MEMORY;
    }
    return err;
}

bool parts_have(const struct owner *o, struct bl_str user_id)
{
    return o->redo.on && o->redo.stored.n > 0 && bl_map_get(&o->redo.stored, user_id) != NULL;
}

void parts_forget(struct owner *o)
{
    bl_map_release(&o->redo.stored); /* hardly ever needed, and then large */
    bl_map_init(&o->redo.stored, bl_map_first);
    arena_reset(&o->redo.ids);
}
