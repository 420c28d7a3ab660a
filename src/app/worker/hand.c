/* Who leaves memory. A worker keeps whom it has at hand, as long as all of them take no more than options.hand_max bytes;
 * beyond that whoever comes or changes makes room for himself.
 *
 * First the free room of states goes, of those that were moved the longest ago, until no more than one in ROOMY_SHARE has
 * any: that halves what a user takes, and costs a copy when he comes back. Then users leave, those first that have had
 * nothing to do for the longest time (bl/app/hand.h), whatever their partition: its size says nothing about whether
 * somebody will be back soon, so a partition that grows takes from those whose users are idle. Whom a round is at work on
 * stays as he is: `touched` is the round's number for all whom the survey found, or who were loaded for it.
 *
 * Invariants: nobody leaves who is dirty or needed by a round under way; who leaves is stored, and scheduled no later than
 * his deadline, or comes up by his place in `active`, so that the survey finds him when it matters; so many are looked at
 * for one who comes or changes, and after a commit (BL_EVICT_...), and no more: what it takes is spread over the slices of
 * loading and putting. */
#include "plant.h"
#include "worker/owner.h"

#define ROOMY_SHARE 16

void owner_touch(const struct owner *o, struct bl_member *m)
{
    m->touched = o->round;
}

/* Planted, but not for whom the round has pointers to: what follows from that would be chance. */
static bool is_visited(const struct owner *o, const struct bl_member *m)
{
    size_t i = 0;
    while (i < o->n_visit && o->visit[i] != m)
        i++;
    return i < o->n_visit;
}

static bool needed(const struct bl_worker *w, const struct bl_member *m)
{
    const struct owner *o = &w->owners[m->partition];
    if (o->state == OWNER_RELEASING)
        return true; /* he is about to be freed with all the others */
    return m->dirty ||
           (o->in_round && m->touched == o->round && (!BL_PLANT(NEEDED_LEAVE) || is_visited(o, m)));
}

/* False: it is needed as it is. */
static bool tighten(struct bl_worker *w, struct bl_member *m)
{
    if (needed(w, m)) {
        bl_hand_spare(&w->hand, m);
        return false;
    }
    bl_hand_tighten(&w->hand, m);
    return true;
}

static void let_go(struct bl_worker *w, struct bl_member *m)
{
    if (needed(w, m)) {
        bl_hand_spare(&w->hand, m);
        return;
    }
    bl_partition_member_drop(w->owners[m->partition].partition, m);
    w->totals.evicted++;
}

static void make_room(struct bl_worker *w, size_t looks)
{
    struct bl_hand *h = &w->hand;
    for (; looks > 0 && h->bytes > w->options.hand_max; looks--) {
        bool many = h->roomy.n * ROOMY_SHARE > h->tight.n;
        if (h->roomy.n > 0 && many && tighten(w, h->roomy.first))
            continue;
        if (h->tight.n > 0)
            let_go(w, h->tight.first);
    }
}

void owner_came(const struct owner *o, struct bl_member *m)
{
    o->worker->totals.loaded++;
    owner_touch(o, m);
    make_room(o->worker, BL_EVICT_COMER);
}

void owner_changed(const struct owner *o)
{
    make_room(o->worker, BL_EVICT_CHANGED);
}

void owner_evict(const struct owner *o)
{
    make_room(o->worker, BL_EVICT_ROUND);
}
