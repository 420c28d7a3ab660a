/* One form of a state for all that mean the same: names are numbered in the order in which they are met, and those that
 * nothing tells of are left out. Two states that went different ways can be compared by their text then. */
#ifndef BL_TEST_USER_CANON_H
#define BL_TEST_USER_CANON_H

#include "bl/core/user.h"

#include <stdlib.h>

static inline void user_canon(struct bl_user *u)
{
    struct bl_user *old = bl_user_place(malloc(bl_user_bytes(&u->room)), &u->room);
    if (!old)
        abort();
    bl_user_copy(old, u);
    u->n_names = 1;
    u->n_text = 0;
#define AGAIN(x) (x) = bl_user_intern(u, bl_user_str(old, (x)))
    AGAIN(u->page);
    AGAIN(u->session);
    for (unsigned i = 0; i < u->n_visits; i++)
        AGAIN(u->visits[i].page);
    for (unsigned i = 0; i < u->n_window; i++)
        AGAIN(u->window[i].page);
    for (unsigned i = 0; i < u->n_open; i++) {
        AGAIN(u->open[i].page);
        AGAIN(u->open[i].element);
        AGAIN(u->open[i].other);
    }
    for (unsigned i = 0; i < u->n_marks; i++) {
        AGAIN(u->marks[i].page);
        AGAIN(u->marks[i].element);
    }
#undef AGAIN
    free(old);
}

#endif
