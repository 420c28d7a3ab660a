/* What a round needs before its step: who is due by its time, and who of them and of its events is not at hand.
 *
 * Deadlines fire in order of time even when there are more than memory should hold (SPEC 3.4): a round takes
 * at most BL_DUE_MAX scheduled users. If more are due, and all of these before the round's first event, it is
 * partial: it fires what lies before the last of them, commits, and comes back to the same entries. Else it
 * takes fewer entries; and for a single entry of event time, whose events lie far apart, as many users as it
 * needs. Nor does it halt among users of one time: who is due because he was last seen so long ago is told of once (ports.h),
 * and the time of this round is up to when that has been done. */
#include "plant.h"
#include "worker/owner.h"

enum bl_err owner_visit_dues(struct owner *o)
{
    enum bl_err err = BL_OK;
    for (size_t i = 0; i < o->n_dues && err == BL_OK; i++) {
        struct bl_member *m = bl_partition_member(o->partition, o->dues[i].user_id);
        if (!m)
            continue;
        if (o->dues[i].idle)
            m->active_ms = o->dues[i].due_ms - BL_IDLE_MS;
        else
            m->scheduled_ms = o->dues[i].due_ms;
        err = owner_visit(o, m);
    }
    return err;
}

static void on_loaded(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (err == BL_OK)
        err = o->load_err;
    if (err == BL_OK && !o->drop)
        err = owner_visit_dues(o);
    if (owner_proceed(o, err, "load"))
        owner_step(o);
}

void owner_load(struct owner *o)
{
    o->load_err = BL_OK;
    if (o->careful.on) {
        careful_load(o);
        return;
    }
    if (o->n_wanted == 0) {
        if (owner_proceed(o, owner_visit_dues(o), "load"))
            owner_step(o);
        return;
    }
    o->state = OWNER_LOADING;
    PORT(o, load, o->wanted, o->n_wanted, owner_loaded, on_loaded, o);
}

static void on_dues(void *arg, const struct bl_dues *d);

static void ask_due(struct owner *o)
{
    o->state = OWNER_ASKING_DUE;
    PORT(o, due, o->passed_ms, o->horizon_ms - o->terms.grace_ms, o->due_max, on_dues, o);
}

enum bl_err owner_take_dues(struct owner *o, const struct bl_due *users, size_t n)
{
    o->n_dues = 0;
    for (size_t i = 0; i < n; i++) {
        struct bl_str id = arena_copy(&o->batch.arena, users[i].user_id);
        if (!id.p || !OWNER_ROOM(o->dues, o->cap_dues, o->n_dues))
            return BL_ERR_NO_MEMORY;
        o->dues[o->n_dues++] = (struct bl_due){id, users[i].due_ms, users[i].idle};
    }
    return BL_OK;
}

static void want_dues(struct owner *o, enum bl_err err)
{
    int64_t until_ms = o->horizon_ms - o->terms.grace_ms;
    o->passed_ms = until_ms > o->passed_ms ? until_ms : o->passed_ms;
    for (size_t i = 0; i < o->n_dues && err == BL_OK; i++)
        err = owner_want(o, o->dues[i].user_id);
    if (owner_proceed(o, err, "due"))
        owner_load(o);
}

/* More are due than were asked for. False: ask again, for fewer entries or more users. */
static bool make_partial(struct owner *o, int64_t first_due_ms, int64_t last_due_ms)
{
    bool ties = first_due_ms == last_due_ms && !BL_PLANT(IDLE_TIES);
    int64_t until = last_due_ms - (first_due_ms == last_due_ms ? 0 : 1) + o->terms.grace_ms;
    bool whole = !o->careful.on || careful_at_start(o); /* nothing of the entry is done yet */
    bool before_all = whole && o->first_ms > bl_partition_clock(o->partition) && until <= o->first_ms;
    if (o->redo.on) { /* they are told again with each round, until they are stored */
        o->due_max *= 4;
        return false;
    }
    if (!before_all && batch_narrow(&o->batch))
        return false;
    if (!before_all || ties) {
        o->due_max *= 4;
        return false;
    }
    o->partial = true;
    o->horizon_ms = until;
    return true;
}

static void on_dues(void *arg, const struct bl_dues *d)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (!owner_proceed(o, d->err, "due"))
        return;
    if (d->n >= o->due_max && !make_partial(o, d->users[0].due_ms, d->users[d->n - 1].due_ms)) {
        owner_survey(o);
        return;
    }
    want_dues(o, owner_take_dues(o, d->users, d->n));
}

/* A round that takes all that was fetched has its dues from there. */
static bool knows_dues(struct owner *o)
{
    bool all = o->batch.at == 0 && o->batch.upto == o->batch.n && !o->careful.on;
    bool known = o->dues_known && all && o->horizon_ms == o->batch.v[o->batch.n - 1].received_ms;
    o->dues_known = false;
    return known;
}

void owner_survey(struct owner *o)
{
    o->n_wanted = o->n_users = 0;
    bl_map_clear(&o->wanted_by_id);
    if (!owner_proceed(o, o->careful.on ? careful_survey(o) : batch_survey(o), "survey"))
        return;
    bool known = knows_dues(o), moves = o->horizon_ms > bl_partition_clock(o->partition);
    if (!known || !moves)
        o->n_dues = 0;
    if (!moves)
        owner_load(o); /* the clock stands still: nothing fires */
    else if (known)
        want_dues(o, BL_OK);
    else
        ask_due(o);
}
