/* The members of a partition that are not stored as they are, in order of first change: a list through the members themselves, so
 * that to change costs no memory. Who is in it says so (`dirty`), and stays until he is cleaned. */
#ifndef BL_APP_DIRTY_H
#define BL_APP_DIRTY_H

#include "bl/app/partition.h"

struct dirty {
    struct bl_member *first, *last;
    size_t n, bytes; /* bytes: what they would be in a commit, as they were when they became dirty */
};

#define DIRTY_COMMANDS 200 /* keys, names and scores around a state */

/* Rather too many: as text an event of the window takes some 4, a mark some 20. */
static inline size_t dirty_bytes_of(const struct bl_user *u)
{
    return u->n_text + 4U * u->n_names + 6U * (u->n_window + u->n_visits) + 24U * (u->n_marks + u->n_open);
}

static inline void dirty_add(struct dirty *d, struct bl_member *m)
{
    if (m->dirty)
        return;
    m->dirty = true;
    m->next_dirty = NULL;
    if (d->last)
        d->last->next_dirty = m;
    else
        d->first = m;
    d->last = m;
    d->n++;
    d->bytes += DIRTY_COMMANDS + (m->state ? dirty_bytes_of(m->state) : 0);
}

/* The first n are clean. */
static inline void dirty_clean(struct dirty *d, size_t n)
{
    if (n < d->n)
        d->bytes -= d->bytes / d->n * n; /* as if all were alike */
    for (; n > 0 && d->first; n--, d->n--) {
        d->first->dirty = false;
        d->first = d->first->next_dirty;
    }
    if (!d->first)
        *d = (struct dirty){.n = 0};
}

#endif
