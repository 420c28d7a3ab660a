/* The users whom a process has at hand, of all its partitions together: how many bytes they take, and in which order they
 * may leave. A bound on them is a bound on bytes of the process, not on users of a partition: one busy partition may have
 * all of it, and what a user takes differs a hundredfold.
 *
 * Before a step a state has much free room (member.h), and most users are between two events. So there are two queues:
 *
 *   comes, or is moved to a larger block ──> roomy ──bl_hand_tighten──> tight ──leaves
 *                                              ^    (its free room goes)   │
 *                                              └── an event or a deadline ─┘
 *
 * Who has tightened a state has it at the end of the second queue, and a tight one cannot be stepped without being moved
 * again: whoever comes to that queue's head has had nothing to do since. To be used moves nobody who is roomy, so an event
 * costs the queues nothing: the neighbours' memory is elsewhere.
 *
 * Invariants: every member of the partitions that joined (bl_partition_join) is in one of the queues, once; `bytes` is what
 * malloc takes for members, their states and the tables they are found in, counted where it is taken and given back. */
#ifndef BL_APP_HAND_H
#define BL_APP_HAND_H

#include <stdbool.h>
#include <stddef.h>

struct bl_member;
struct bl_pool;

struct bl_queue {
    struct bl_member *first, *last;
    size_t n;
};

struct bl_hand {
    size_t bytes;
    struct bl_queue roomy, tight;
    /* Where blocks come from; NULL: malloc, so that the process gives back what it does not use. */
    struct bl_pool *pool;
};

static inline size_t bl_hand_members(const struct bl_hand *h)
{
    return h->roomy.n + h->tight.n;
}

/* To the end of the queue it is in. */
void bl_hand_spare(struct bl_hand *h, struct bl_member *m);
/* Gives the free room of the state back; without memory for the smaller block it stays. Not during a step. */
void bl_hand_tighten(struct bl_hand *h, struct bl_member *m);

#endif
