/* What an owner does between two batches: it tends, rests, fetches, and waits where nothing is unread.
 *
 *   owner_fetch ──> TENDING (once a second) ──> PAUSED (under load: pace_rest) ──> FETCHING ──entries──> owner_round
 *        ^                                                                            │ nothing unread
 *        └──────────────────────── doorbell, or the next deadline ──── WAITING <──────┘
 *
 * Where nobody rests, whoever waits asks for the next fetch with it: behind the doorbell there is no round trip then, and
 * WAITING goes on as FETCHING does. Before he waits he may tend, and comes back to it.
 *
 * A commit that ends a batch takes the next fetch with it (owner_put_fetch), if none of the others is to come between; the
 * answer comes to on_fetched as any other does.
 *
 * Invariants: who gives the partition back asks for nothing more (what he has asked for while he waited, he works off), but
 * stores users who are behind first; nobody tends twice without a fetch in between, however long it takes; a fetch says whether
 * a tick may be appended, and while users are behind none may. */
#include "plant.h"
#include "worker/owner.h"

static void on_waited(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    (void)err; /* the doorbell decides nothing: the fetch finds out */
    if (owner_proceed(o, BL_OK, "wait"))
        owner_fetch(o);
}

/* Who is behind is stored soon after nothing is unread, and what is due then is due in truth. */
static enum bl_tick tick_of(const struct owner *o, bool behind)
{
    if (o->worker->options.event_mode)
        return BL_TICK_NEVER;
    return behind && !BL_PLANT(TICK_BEHIND) ? BL_TICK_LATER : BL_TICK_DUE;
}

static int64_t wait_of(const struct owner *o)
{
    int64_t wait_ms = o->trim_more ? OWNER_TRIM_MS : OWNER_WAIT_MAX_MS, left_ms;
    (void)checkpoint_waits(o, &left_ms);
    if (o->checkpoint.behind && left_ms < wait_ms)
        wait_ms = left_ms < 1 ? 1 : left_ms;
    if (tick_of(o, o->checkpoint.behind) == BL_TICK_DUE && o->earliest_ms != BL_NEVER) {
        int64_t due_ms = o->earliest_ms + o->terms.grace_ms, clock_ms = bl_partition_clock(o->partition);
        int64_t until =
            (due_ms > clock_ms ? due_ms : clock_ms + 1) - o->now_ms - (owner_local_ms(o) - o->fetched_at);
        wait_ms = until < 1 ? 1 : until < wait_ms ? until : wait_ms;
    }
    return wait_ms;
}

static void on_trimmed(void *arg, int64_t detected_ms, bool more)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    patterns_unsure(o, detected_ms);
    o->trim_more = more;
}

static void on_tended(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (owner_proceed(o, err, "retention"))
        owner_fetch(o);
}

/* Once a second, each partition in its part of it: else those that were taken at the same time stay in step, and with a
 * million patterns, a millisecond each, that is the longest that readers wait. */
bool fetch_is_untended(const struct owner *o, int64_t now)
{
    int64_t part_ms = OWNER_TEND_MS * o->p / o->worker->options.partitions;
    if (o->tended)
        return false;
    if (o->trim_more)
        return now - o->tended_at >= OWNER_TRIM_MS;
    return (now - part_ms) / OWNER_TEND_MS != (o->tended_at - part_ms) / OWNER_TEND_MS;
}

/* Between two commits, and also while there is always something to do. */
static bool owner_tend(struct owner *o)
{
    if (!fetch_is_untended(o, owner_local_ms(o)))
        return false;
    o->trim_more = false;
    o->tended_at = owner_local_ms(o);
    o->tended = true;
    o->state = OWNER_TENDING;
    PORT(o, tend, bl_partition_clock(o->partition), on_trimmed, on_tended, o);
    return true;
}

static bl_fetched_fn on_fetched;

static void owner_wait(struct owner *o)
{
    if (owner_tend(o)) {
        o->spare = true;
        return;
    }
    o->state = OWNER_WAITING;
    if (pace_is_calm(o->worker))
        PORT(o, await, bl_str_of(o->position), wait_of(o), o->fetch_max, tick_of(o, o->checkpoint.behind),
             o->passed_ms, on_fetched, o);
    else
        PORT(o, wait, bl_str_of(o->position), wait_of(o), on_waited, o);
}

static void on_fetched(void *arg, const struct bl_fetched *f)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    enum bl_err err = f->err;
    int64_t left_ms;
    if (err == BL_OK)
        err = batch_take(&o->batch, f);
    if (err == BL_OK)
        err = owner_take_dues(o, f->dues, f->n_dues);
    o->dues_known = f->dues_known;
    if (!owner_proceed(o, err, "fetch"))
        return;
    o->pending = f->pending;
    o->now_ms = f->now_ms;
    o->fetched_at = owner_local_ms(o);
    o->tended = false;
    o->earliest_ms = f->earliest_ms;
    pace_fetched(o, f);
    o->behind |= f->pending;
    if (o->batch.n > 0 || checkpoint_waits(o, &left_ms))
        owner_round(o);
    else if (o->give_up)
        owner_finish(o);
    else
        owner_wait(o);
}

static void on_rested(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (owner_proceed(o, err, "rest"))
        owner_fetch(o);
}

static bool owner_rest(struct owner *o)
{
    int64_t ms = pace_rest(o);
    if (ms > OWNER_TRIM_MS && o->trim_more)
        ms = OWNER_TRIM_MS;
    if (ms > 0)
        owner_pause(o, ms, on_rested);
    return ms > 0;
}

void owner_fetch(struct owner *o)
{
    int64_t left_ms;
    if (o->give_up && o->fetched_at >= o->taken_at && checkpoint_waits(o, &left_ms)) {
        batch_reset(&o->batch);
        owner_round(o);
        return;
    }
    if (o->give_up) {
        owner_finish(o);
        return;
    }
    if (owner_tend(o) || owner_rest(o))
        return;
    if (o->spare) {
        o->spare = false;
        owner_wait(o);
        return;
    }
    o->state = OWNER_FETCHING;
    size_t max = o->pending && o->fetch_max > OWNER_PENDING_MAX ? OWNER_PENDING_MAX : o->fetch_max;
    PORT(o, fetch, max, o->pending, tick_of(o, o->checkpoint.behind), o->passed_ms, on_fetched, o);
}

/* The commit is the batch's last, and what comes behind it is a fetch of what is unread: it goes out within. */
static bool fetches_ahead(const struct owner *o)
{
    bool last = !o->partial && !o->in_part && o->batch.upto == o->batch.n;
    return last && !o->pending && !o->give_up && !fetch_is_untended(o, owner_local_ms(o)) &&
           pace_rest(o) <= 0;
}

void owner_put_fetch(struct owner *o)
{
    bool ahead = fetches_ahead(o);
    o->spare = ahead && pace_spares(o);
    o->ahead = ahead && !o->spare;
    if (o->ahead)
        PORT(o, put_fetch, o->fetch_max, tick_of(o, !o->storing), o->passed_ms, on_fetched, o);
}
