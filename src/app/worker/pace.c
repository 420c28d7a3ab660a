/* How much one round takes. A round is one commit, and in one commit a user is written once, whatever came of him: the
 * more events a commit gathers, the less each costs the store. So who is up to date takes what there is and makes nobody
 * wait, and who is behind takes more with each round that the store carries well.
 *
 *   a round was full, and its commit came back within PACE_FAST_MS   -> the next may take twice as much
 *   its commit took longer than PACE_SLOW_MS                         -> less, in proportion
 *   its commit was half as large as can be sent at once              -> half
 *   its commit failed, perhaps because it was too large              -> as little as at the beginning
 *
 * What Redis carries is learnt by the worker, from the commits of all its partitions. What counts is the work of a round:
 * the bytes of its events, and as much for each deadline that is due in it as an event that makes a pattern would have.
 *
 * Redis does one commit at a time, and while it does nobody else is served. So a large commit waits until the others of
 * this worker are through (pace_gate): a queue of them would gain nothing, and an append of `serve`, which has half a
 * second (SPEC 2.5), would stand behind all of them. Small ones go together; but none passes one that is held, which would
 * wait for as long as small ones overlap.
 *
 * Fetches count entries, rounds count bytes: between the two stands the mean size of the entries of the last fetch.
 *
 * A round of few events costs Redis and us much the same as one of many. Up to options.calm_bytes a second, in
 * all partitions, nobody waits: patterns are there within milliseconds. Above, who is up to date rests before he fetches
 * again, the longer the more comes in (pace_rest), up to --gather: with single POSTs over 64 connections Redis then takes
 * 8.5 us an event instead of 17.3, the worker 4.0 instead of 7.3. Rests end by the clock, all at the same time: then the worker
 * works on one partition while Redis is at the commit of another, and serve has the cores to itself until the next time (5 to
 * 10 % more single POSTs than with rests that end one by one, each of which stops everybody else twice, first for the worker,
 * then for Redis). What counts is the load of Redis, so a worker takes the partitions of others to be as busy as its own.
 *
 * Nearer to that, from a quarter of it on, places among the active users are let fall behind, the more the more comes in
 * (pace_lag).
 *
 * A commit fetches what is unread by then (fetches_ahead). After n such fetches in a row that found nothing, n commits go
 * without, and the next fetch waits behind the doorbell (pace_spares): at 20,000 events a second those in vain were half of
 * all fetches, and 4 % of Redis' time.
 *
 * Invariants: a round takes at least one entry, and no more bytes than OWNER_ROUND_MAX_BYTES beyond its first; a fetch
 * never asks for more than BL_FETCH_ENTRIES, nor for more than four times what the last one asked; whoever is held is
 * let go when another commit of this worker is answered, in turn; w->held counts them, and is 0 when no commit is under
 * way. */
#include "plant.h"
#include "worker/owner.h"

#define PACE_FAST_MS 400
#define PACE_SLOW_MS 800
#ifndef PACE_TOGETHER_BYTES
#define PACE_TOGETHER_BYTES (256 * 1024) /* commits of no more than this are under way at a time, or one */
#endif
#define PACE_SLOPE             4   /* a quarter above what is calm, rests have their full length */
#define PACE_LAG_FROM          4   /* from a quarter of what is calm on, places lag */
#define PACE_LOAD_MS           200 /* the load is looked at for so long */
#define PACE_LOAD_TIMES        2   /* what is calm; more is not told apart */
#define PACE_LEAST_BYTES       1024
#define PACE_QUIET_MS          (5 * PACE_LOAD_MS)
#define PACE_DUE_BYTES         256 /* the work of a deadline */
#define PACE_VAIN_MOST         8
#define FETCH_ENTRIES_AT_FIRST 512
#define FETCH_GROWTH           4

static size_t clamp(size_t v, size_t least, size_t most)
{
    return v < least ? least : v > most ? most : v;
}

void pace_begin(struct bl_worker *w)
{
    w->round_bytes = OWNER_ROUND_MIN_BYTES;
}

void pace_reset(struct owner *o)
{
    o->fetch_max = clamp(FETCH_ENTRIES_AT_FIRST, 1, BL_FETCH_ENTRIES);
}

/* Owners that rest fetch in bursts: a short time of little, or of much, says nothing yet. But load is over 600 ms after its
 * end, however much there was. */
static void load_add(struct bl_worker *w, size_t bytes)
{
    int64_t now = w->ports.now_ms(w->ports.ctx), ms = now - w->load.since_ms;
    w->load.bytes += bytes;
    if (ms < PACE_LOAD_MS)
        return;
    size_t owned = bl_worker_owned(w), partitions = (size_t)w->options.partitions;
    size_t all = w->load.bytes * 1000 / (size_t)ms * partitions / (owned ? owned : 1);
    all = clamp(all, 0, PACE_LOAD_TIMES * (w->options.calm_bytes + PACE_LEAST_BYTES));
    w->load.all = ms < PACE_QUIET_MS ? w->load.all / 4 * 3 + all / 4 : all;
    w->load.since_ms = now;
    w->load.bytes = 0;
}

bool pace_is_calm(const struct bl_worker *w)
{
    return w->load.all <= w->options.calm_bytes;
}

/* 0 at a load of `from`, `most` where it is `slope` more. */
static int64_t graded(const struct bl_worker *w, size_t from, size_t slope, int64_t most)
{
    if (w->load.all <= from)
        return 0;
    size_t above = clamp(w->load.all - from, 0, slope);
    return slope ? most * (int64_t)above / (int64_t)slope : most;
}

int64_t pace_lag(const struct bl_worker *w, int64_t most_ms)
{
    size_t calm = w->options.calm_bytes, from = calm / PACE_LAG_FROM;
    return graded(w, from, calm - from, most_ms);
}

int64_t pace_rest(const struct owner *o)
{
    const struct bl_worker *w = o->worker;
    size_t calm = w->options.calm_bytes;
    if (o->behind || pace_is_calm(w))
        return 0;
    int64_t rest_ms = graded(w, calm, calm / PACE_SLOPE, w->options.gather_ms);
    int64_t now = w->ports.now_ms(w->ports.ctx);
    if (rest_ms <= 0 || o->fetched_at / rest_ms < now / rest_ms)
        return 0;
    return rest_ms - now % rest_ms;
}

static void learn_vain(struct owner *o, size_t found)
{
    o->vain = found > 0 ? 0 : o->vain < PACE_VAIN_MOST ? o->vain + 1 : PACE_VAIN_MOST;
    o->spared = 0;
}

bool pace_spares(struct owner *o)
{
    bool calm = pace_is_calm(o->worker) && !o->behind && !o->worker->options.event_mode;
    bool spares = calm && o->spared < o->vain;
    o->spared += spares;
    return spares;
}

void pace_fetched(struct owner *o, const struct bl_fetched *f)
{
    size_t bytes = 0;
    if (o->ahead)
        learn_vain(o, f->n);
    o->ahead = false;
    for (size_t i = 0; i < f->n; i++)
        bytes += f->entries[i].value.n;
    load_add(o->worker, bytes);
    o->behind = f->n >= o->fetch_max;
    if (!o->behind)
        return; /* all there was */
    size_t mean = bytes / f->n + 1, most = o->fetch_max * FETCH_GROWTH;
    o->fetch_max =
        clamp(o->worker->round_bytes / mean + 1, 1, most < BL_FETCH_ENTRIES ? most : BL_FETCH_ENTRIES);
}

static void learn(struct bl_worker *w, size_t took_ms, size_t work, size_t bytes)
{
    if (bytes > BL_LINK_BYTES_MAX / 2)
        w->round_bytes /= 2;
    else if (took_ms > PACE_SLOW_MS)
        w->round_bytes = w->round_bytes / took_ms * PACE_SLOW_MS;
    else if (took_ms <= PACE_FAST_MS && work >= w->round_bytes / 2 && bytes <= BL_LINK_BYTES_MAX / 4)
        w->round_bytes *= 2;
    w->round_bytes = clamp(w->round_bytes, OWNER_ROUND_MIN_BYTES, OWNER_ROUND_MAX_BYTES);
}

size_t pace_due_max(const struct bl_worker *w)
{
    return clamp(w->round_bytes / PACE_DUE_BYTES, 1, BL_DUE_MAX);
}

static size_t work_of(const struct owner *o)
{
    size_t bytes = o->in_part ? 0 : o->n_dues * PACE_DUE_BYTES;
    for (size_t i = o->batch.at; i < o->batch.upto; i++)
        bytes += o->batch.v[i].value.n;
    return bytes;
}

bool pace_gate(struct owner *o)
{
    struct bl_worker *w = o->worker;
    bool passes = w->held > 0 && o->state != OWNER_HELD; /* somebody who came before it */
    o->work = work_of(o);
    o->put_bytes = w->ports.put_bytes(w->ports.ctx, o->p);
    if (w->committing == 0 || (!passes && w->committing + o->put_bytes <= PACE_TOGETHER_BYTES))
        return true;
    w->held += o->state != OWNER_HELD;
    o->state = OWNER_HELD;
    return false;
}

void pace_leave(struct owner *o, enum bl_err err)
{
    struct bl_worker *w = o->worker;
    int n = w->options.partitions, from = w->turn;
    w->committing -= o->put_bytes;
    if (BL_PLANT(HELD_LEFT))
        return;
    if (err == BL_OK)
        learn(w, (size_t)(w->ports.now_ms(w->ports.ctx) - o->committing_at), o->work, o->put_bytes);
    else
        pace_begin(w);
    for (int i = 1; i <= n; i++) {
        struct owner *next = &w->owners[(from + i) % n];
        if (next->state != OWNER_HELD)
            continue;
        w->held--;
        owner_send(next);
        if (next->state == OWNER_HELD) {
            w->held++;
            return;
        }
        w->turn = next->p;
    }
}
