/* What a new owner does before anything else: it takes the lease, learns where its predecessor stood, and brings users up to
 * there if they were left behind (worker/checkpoint.c). For that it goes from the checkpoint to the position once more, through
 * the same rounds, by the terms of the owner that committed (grace, memory of event ids), and nobody is told: all that came of these
 * entries is stored already but for the users themselves and recent events. Users stay dirty, and those are kept (worker/recent.c),
 * until the commit at its end, which is a checkpoint.
 *
 *   owner_acquire ──> on_acquired ──> on_restored ──users are behind──> redo_begin ──> reread ──> owner_round <─────┐
 *                                          │                                             ^ │            │           │
 *                                          │                                             │ │       owner_settle     │
 *                                          v                                             │ │            │           │
 *                                     owner_fetch <──────redo_end <──nothing left────────┼─┘       redo_settle ─────┤
 *                                                                                        └──────────────────────────┘
 *
 * The states that come of it are those that were lost, since a partition does what the stream says (invariant 4). The store
 * tells deadlines as they were at the checkpoint: so some are told again with each round, and a round takes all there are.
 *
 * Each page is marked before it is gone through, and what owners died of is taken as poison is (worker/careful.c). Behind the last
 * there is an empty one: its mark stands until the commit is done, and tells of deaths in storing what was made.
 *
 * Who was stored in a part of a checkpoint that came to no end is left out (worker/parts.c).
 *
 * Invariants: a redo writes nothing but marks, and does not look at what is unacknowledged. */
#include "bl/base/log.h"
#include "plant.h"
#include "worker/owner.h"

#ifndef REDO_ENTRIES
#define REDO_ENTRIES 128 /* in one answer: mostly some 3 MB, 8 at most */
#endif

/* Owners that died behind the last page until users are tried one by one, which is thousands of marks: one alone is rather one that
 * was killed. */
#define STORE_DEATHS 2

static void reread(struct owner *o);

/* ---- users are behind ---- */

static void redo_end(struct owner *o)
{
    struct redo *r = &o->redo;
    struct bl_partition_sink sink = effects_sink(o);
    const struct bl_terms own = checkpoint_terms(o);
    int64_t clock_ms = bl_partition_clock(o->partition);
    if (r->entries != o->entries - o->checkpoint.entries)
        bl_log(BL_LOG_ERROR, "entries of the stream are missing that users' states had yet to be made of",
               BL_LOG_INT("partition", o->p),
               BL_LOG_INT("missing", o->entries - o->checkpoint.entries - r->entries));
    if (clock_ms < r->clock_ms)
        bl_partition_set_clock(o->partition, r->clock_ms);
    r->on = false;
    if (r->stored.n > 0) /* they were passed over: as for anybody who is not behind */
        o->passed_ms = r->clock_ms - BL_GRACE_MAX_MS;
    parts_forget(o);
    o->careful.single = 0;
    o->careful.store = o->careful.deaths >= STORE_DEATHS && !BL_PLANT(STORE_UNWATCHED);
    o->terms = own;
    bl_partition_set_terms(o->partition, own.grace_ms, (size_t)own.seen_max, own.seen_ms);
    bl_partition_set_sink(o->partition, &sink);
    batch_reset(&o->batch);
    owner_round(o); /* of nothing: it is a checkpoint */
}

/* What is neither was stored by a checkpoint, if it was known to be so: it is set aside, as what nobody knows is. */
static void take_unknown(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].kind != BL_ENTRY_EVENTS && b->v[i].kind != BL_ENTRY_TICK)
            b->v[i].kind = BL_ENTRY_POISON;
}

static void on_reread(void *arg, const struct bl_fetched *f)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    struct redo *r = &o->redo;
    enum bl_err err = f->err;
    if (err == BL_OK)
        err = batch_take(&o->batch, f);
    for (size_t i = 0; i < f->n && err == BL_OK; i++)
        if (f->entries[i].id.n == 0 || f->entries[i].id.n >= sizeof r->at)
            err = BL_ERR_CORRUPT;
    if (!owner_proceed(o, err, "redo"))
        return;
    o->n_dues = 0;
    o->dues_known = false;
    if (o->give_up) {
        owner_fetch(o); /* whoever comes next begins anew */
        return;
    }
    if (o->batch.n == 0) {
        redo_end(o);
        return;
    }
    take_unknown(&o->batch);
    o->careful.single = r->single ? o->batch.n : 0;
    struct bl_str last = o->batch.v[o->batch.n - 1].id;
    memcpy(r->at, last.p, last.n);
    r->at[last.n] = '\0';
    r->entries += (int64_t)o->batch.n;
    owner_round(o);
}

static void on_page(struct owner *o, bool died)
{
    o->redo.single = died;
    o->state = OWNER_REREADING;
    PORT(o, reread, bl_str_of(o->redo.at), bl_str_of(o->position), REDO_ENTRIES, on_reread, o);
}

static void reread(struct owner *o)
{
    if (BL_PLANT(REDO_UNMARKED))
        on_page(o, false);
    else
        careful_page(o, bl_str_of(o->redo.at), on_page);
}

static void redo_begin(struct owner *o, const struct bl_restored *r)
{
    struct bl_partition_sink sink = effects_redo_sink(o);
    o->redo.on = r->behind && !BL_PLANT(REDO_SKIPPED);
    o->redo.clock_ms = r->position.clock_ms;
    o->redo.entries = 0;
    o->redo.single = false;
    if (!o->redo.on) {
        owner_fetch(o);
        return;
    }
    memcpy(o->redo.at, o->checkpoint.id, sizeof o->redo.at);
    o->due_max = pace_due_max(o->worker);
    if (!BL_PLANT(REDO_TOLD))
        bl_partition_set_sink(o->partition, &sink);
    bl_log(BL_LOG_INFO, "users are brought up to the position", BL_LOG_INT("partition", o->p),
           BL_LOG_INT("entries", o->entries - o->checkpoint.entries));
    reread(o);
}

static void on_next(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (!owner_proceed(o, err, "redo"))
        return;
    if (o->batch.at < o->batch.n && !o->give_up)
        owner_round(o);
    else
        reread(o);
}

void redo_settle(struct owner *o)
{
    turn_leave(o);
    checkpoint_keep_visited(o);
    recent_keep(o);
    o->batch.at = o->batch.upto;
    o->state = OWNER_PAUSED; /* first: who was queued for this round must not be found queued again */
    careful_leave(o);
    owner_evict(o);
    owner_pause(o, 0, on_next);
}

/* ---- taking over ---- */

static void on_restored(void *arg, const struct bl_restored *r)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    enum bl_err err = r->err;
    if (err == BL_OK && !(BL_PLANT(CACHE_KEPT) && o->partition))
        err = owner_restore(o, r);
    if (!owner_proceed(o, err, "restore"))
        return;
    o->worker->totals.takeovers++;
    bl_log(BL_LOG_INFO, "partition taken", BL_LOG_INT("partition", o->p), BL_LOG_INT("epoch", o->epoch));
    redo_begin(o, r);
}

static void on_acquired(void *arg, const struct bl_acquired *a)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (a->err != BL_OK || !a->taken) {
        o->state = OWNER_FREE;
        o->give_up = false;
        o->acquire_at = owner_local_ms(o) + OWNER_PROBE_MS;
        worker_freed(o->worker);
        if (a->err == BL_OK)
            worker_balance(o->worker); /* this one is held: there may be another */
        return;
    }
    o->epoch = a->epoch;
    o->renewed_at = o->taken_at = owner_local_ms(o);
    o->pending = !BL_PLANT(PENDING_SKIPPED);
    pace_reset(o);
    o->drop = false;
    o->why_drop = BL_OK;
    o->state = OWNER_RESTORING;
    PORT(o, restore, on_restored, o);
}

void owner_acquire(struct owner *o)
{
    if (o->state != OWNER_FREE || o->renewing || owner_local_ms(o) < o->acquire_at)
        return;
    o->state = OWNER_ACQUIRING;
    PORT(o, acquire, on_acquired, o);
}
