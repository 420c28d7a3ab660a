/* Whose turn it is. One owner at a time steps and puts; whoever else is ready stands in line, who began with his batch first in
 * front: what a predecessor left pending goes in many small rounds, each of which would wait for all the others' large ones.
 *
 *   step, put   step, put   step, put          the worker
 *               commit      commit    commit   Redis
 *
 * Taking slices in turn, owners that have fetched together get ready together: Redis waits while they work and they wait
 * while Redis commits. One after the other, Redis is at the first one's commit while the second works.
 *
 * Who asks the store in the middle of a round (CHECKING, erasing) leaves the line, and comes back to its head.
 *
 * Invariants: w->at_work is an owner that steps, puts, or is about to; it is NULL only if nobody is in line. */
#include "plant.h"
#include "worker/owner.h"

void turn_draw(struct owner *o)
{
    o->ticket = o->worker->tickets++;
}

bool turn_take(struct owner *o, bl_done_fn *then)
{
    struct bl_worker *w = o->worker;
    if (!w->at_work)
        w->at_work = o;
    if (w->at_work == o)
        return true;
    o->in_turn = then;
    o->state = OWNER_IN_LINE;
    return false;
}

static struct owner *first_in_line(const struct bl_worker *w)
{
    struct owner *first = NULL;
    for (int p = 0; p < w->options.partitions; p++) {
        struct owner *o = &w->owners[p];
        if (o->state == OWNER_IN_LINE && (!first || o->ticket < first->ticket))
            first = o;
    }
    return first;
}

/* The next one begins when the loop has come round: what the last one has to send goes out before. */
void turn_leave(struct owner *o)
{
    struct bl_worker *w = o->worker;
    if (w->at_work != o || (BL_PLANT(TURN_KEPT) && o->state == OWNER_RELEASING))
        return;
    struct owner *next = w->at_work = first_in_line(w);
    if (!next)
        return;
    next->state = OWNER_PAUSED;
    PORT(next, pause, 0, next->in_turn, next);
}
