/* A user at hand and the block of memory that the user's state stands in (core/user.h). */
#ifndef BL_APP_MEMBER_H
#define BL_APP_MEMBER_H

#include "partition/hand.h"

/* All count what they take and give back in h->bytes. */

/* Of whom nothing is known; NULL when there is no memory. */
struct bl_member *member_new(struct bl_hand *h, struct bl_str user_id);
void member_free(struct bl_hand *h, struct bl_member *m);
/* For bl_map: the id. */
bl_map_key_fn member_key;

static inline const struct bl_user *member_state(const struct bl_member *m)
{
    return m->state ? m->state : &bl_user_nobody;
}

/* Takes a copy of u. */
BL_CHECKED enum bl_err member_set_state(struct bl_hand *h, struct bl_member *m, const struct bl_user *u);
void member_empty(struct bl_hand *h, struct bl_member *m);

/* Before a step: m->state is there and has room for it. e NULL: a deadline. */
BL_CHECKED enum bl_err member_make_room(struct bl_hand *h, struct bl_member *m, const struct bl_event *e);
/* After a deadline: a session that has ended leaves little. */
void member_give_back(struct bl_hand *h, struct bl_member *m);

/* No free room is left. */
void member_tighten(struct bl_hand *h, struct bl_member *m);

/* For bl_heap: what a deadline looks at goes into the cache. */
void member_near(struct bl_heap_node *node);

#endif
