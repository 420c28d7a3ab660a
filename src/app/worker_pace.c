/* How much one round takes. A round is one commit, and in one commit a user is written once, whatever came of him: the
 * more events a commit gathers, the less each costs the store. So who is up to date takes what there is and makes nobody
 * wait, and who is behind takes more with each round that the store carries well.
 *
 *   a round was full, and its commit came back within PACE_FAST_MS   -> the next may take twice as much
 *   its commit took longer than PACE_SLOW_MS                         -> less, in proportion
 *
 * What counts is the work of a round: the bytes of its events, and as much for each deadline that is due in it as an event
 * that makes a pattern would have.
 *
 * Redis does one commit at a time, and while it does nobody else is served. So a large commit waits until the others of
 * this worker are through (pace_gate): a queue of them would gain nothing, and an append of `serve`, which has half a
 * second (SPEC 2.5), would stand behind all of them. Small ones go together.
 *
 * Fetches count entries, rounds count bytes: between the two stands the mean size of the entries of the last fetch.
 *
 * Invariants: a round takes at least one entry, and no more bytes than OWNER_ROUND_MAX_BYTES beyond its first; a fetch
 * never asks for more than BL_FETCH_ENTRIES, nor for more than twice what the last one asked; whoever is held is let go when
 * another commit of this worker is answered. */
#include "worker_owner.h"

#define PACE_FAST_MS           100
#define PACE_SLOW_MS           200
#define PACE_TOGETHER_BYTES    (256 * 1024) /* commits of no more than this are under way at a time, or one */
#define PACE_DUE_BYTES         256          /* the work of a deadline */
#define FETCH_ENTRIES_AT_FIRST 32

static size_t clamp(size_t v, size_t least, size_t most)
{
    return v < least ? least : v > most ? most : v;
}

void pace_reset(struct pace *p)
{
    *p = (struct pace){.round_bytes = OWNER_ROUND_MIN_BYTES,
                       .entries = clamp(FETCH_ENTRIES_AT_FIRST, 1, BL_FETCH_ENTRIES)};
}

void pace_fetched(struct pace *p, const struct bl_fetched *f)
{
    size_t bytes = 0;
    for (size_t i = 0; i < f->n; i++)
        bytes += f->entries[i].value.n;
    if (f->n < p->entries)
        return; /* all there was */
    size_t mean = bytes / f->n + 1;
    size_t most = p->entries * 2 < BL_FETCH_ENTRIES ? p->entries * 2 : BL_FETCH_ENTRIES;
    p->entries = clamp(p->round_bytes / mean + 1, 1, most);
}

void pace_committed(struct pace *p, int64_t took_ms, size_t work)
{
    if (took_ms > PACE_SLOW_MS)
        p->round_bytes = p->round_bytes / (size_t)took_ms * PACE_SLOW_MS;
    else if (took_ms <= PACE_FAST_MS && work >= p->round_bytes / 2)
        p->round_bytes *= 2;
    p->round_bytes = clamp(p->round_bytes, OWNER_ROUND_MIN_BYTES, OWNER_ROUND_MAX_BYTES);
}

size_t pace_due_max(const struct pace *p)
{
    return clamp(p->round_bytes / PACE_DUE_BYTES, 1, BL_DUE_MAX);
}

static size_t work_of(const struct owner *o)
{
    size_t bytes = o->n_dues * PACE_DUE_BYTES;
    for (size_t i = o->batch.at; i < o->batch.upto; i++)
        bytes += o->batch.v[i].value.n;
    return bytes;
}

bool pace_gate(struct owner *o)
{
    struct bl_worker *w = o->worker;
    o->work = work_of(o);
    if (w->committing == 0 || w->committing + o->work <= PACE_TOGETHER_BYTES)
        return true;
    o->state = OWNER_HELD;
    return false;
}

void pace_leave(struct owner *o)
{
    struct bl_worker *w = o->worker;
    int n = w->options.partitions, from = w->turn;
    w->committing -= o->work;
    for (int i = 1; i <= n; i++) {
        struct owner *next = &w->owners[(from + i) % n];
        if (next->state != OWNER_HELD)
            continue;
        owner_commit(next);
        if (next->state == OWNER_HELD)
            return;
        w->turn = next->p;
    }
}
