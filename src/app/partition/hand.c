/* The queues of those at hand (include/bl/app/hand.h): lists, for whoever leaves does so from anywhere. */
#include "partition/hand.h"
#include "partition/member.h"

/* A chunk of malloc: a word of its own, and so much that the next one is aligned. */
size_t hand_chunk(size_t n)
{
    size_t bytes = (n + sizeof(size_t) + 15) & ~(size_t)15;
    return bytes < 32 ? 32 : bytes;
}

static struct bl_queue *queue_of(struct bl_hand *h, const struct bl_member *m)
{
    return m->roomy ? &h->roomy : &h->tight;
}

void hand_add(struct bl_hand *h, struct bl_member *m)
{
    struct bl_queue *q = queue_of(h, m);
    m->later = NULL;
    m->earlier = q->last;
    if (q->last)
        q->last->later = m;
    else
        q->first = m;
    q->last = m;
    q->n++;
}

void hand_remove(struct bl_hand *h, struct bl_member *m)
{
    struct bl_queue *q = queue_of(h, m);
    if (m->earlier)
        m->earlier->later = m->later;
    else
        q->first = m->later;
    if (m->later)
        m->later->earlier = m->earlier;
    else
        q->last = m->earlier;
    q->n--;
}

static void move(struct bl_hand *h, struct bl_member *m, bool roomy)
{
    hand_remove(h, m);
    m->roomy = roomy;
    hand_add(h, m);
}

void hand_moved(struct bl_hand *h, struct bl_member *m)
{
    if (!m->roomy)
        move(h, m, true);
}

void bl_hand_spare(struct bl_hand *h, struct bl_member *m)
{
    move(h, m, m->roomy);
}

void bl_hand_tighten(struct bl_hand *h, struct bl_member *m)
{
    member_tighten(h, m);
    move(h, m, false);
}
