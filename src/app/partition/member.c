/* See member.h. A block is moved to a larger one when the next step might not find room in it, and to a smaller one when
 * most of it has become empty; without memory for another the old one stays as it was. */
#include "partition/member.h"
#include "bl/base/magic.h"
#include "bl/base/pool.h"

#include <stdlib.h>

static const struct bl_room nothing_more;

static size_t member_bytes(struct bl_str user_id)
{
    return sizeof(struct bl_member) + user_id.n + 1;
}

static void *take(struct bl_hand *h, size_t n)
{
    void *block = h->pool ? bl_pool_take(h->pool, n) : malloc(n);
    h->bytes += block ? hand_chunk(n) : 0;
    return block;
}

static void give(struct bl_hand *h, void *block, size_t n)
{
    h->bytes -= hand_chunk(n);
    if (h->pool)
        bl_pool_give(h->pool, block, n);
    else
        free(block);
}

struct bl_member *member_new(struct bl_hand *h, struct bl_str user_id)
{
    struct bl_member *m = take(h, member_bytes(user_id));
    if (!m)
        return NULL;
    *m = (struct bl_member){0};
    hand_add(h, m);
    char *id = (char *)(m + 1);
    if (user_id.n)
        memcpy(id, user_id.p, user_id.n);
    id[user_id.n] = '\0';
    m->node.tie = (struct bl_str){id, user_id.n};
    m->due_ms = m->scheduled_ms = m->checkout_ms = BL_NEVER;
    m->active_ms = -1;
    return m;
}

struct bl_str member_key(const void *entry)
{
    return bl_member_id(entry);
}

static void drop_state(struct bl_hand *h, struct bl_member *m)
{
    if (m->state)
        give(h, m->state, bl_user_bytes(&m->state->room));
    m->state = NULL;
}

void member_free(struct bl_hand *h, struct bl_member *m)
{
    drop_state(h, m);
    hand_remove(h, m);
    give(h, m, member_bytes(bl_member_id(m)));
}

/* A copy of `from` with this room takes the place of the state. */
static enum bl_err replace(struct bl_hand *h, struct bl_member *m, const struct bl_user *from,
                           const struct bl_room *room)
{
    struct bl_user *u = bl_user_place(take(h, bl_user_bytes(room)), room);
    if (!u)
        return BL_ERR_NO_MEMORY;
    bl_user_copy(u, from);
    drop_state(h, m);
    m->state = u;
    hand_moved(h, m);
    return BL_OK;
}

enum bl_err member_set_state(struct bl_hand *h, struct bl_member *m, const struct bl_user *u)
{
    struct bl_room room = bl_user_grown(u, &nothing_more);
    if (!bl_user_gone(u))
        return replace(h, m, u, &room);
    member_empty(h, m);
    return BL_OK;
}

/* A state that begins anew goes on from nothing that is stored. */
void member_empty(struct bl_hand *h, struct bl_member *m)
{
    m->stored = (struct bl_state_stored){.any = m->stored.any};
    drop_state(h, m);
}

enum bl_err member_make_room(struct bl_hand *h, struct bl_member *m, const struct bl_event *e)
{
    if (m->state && bl_engine_fits(m->state, e))
        return BL_OK;
    struct bl_room more = bl_engine_needs(member_state(m), e);
    struct bl_room room = bl_user_grown(member_state(m), &more);
    return replace(h, m, member_state(m), &room);
}

void member_give_back(struct bl_hand *h, struct bl_member *m)
{
    if (m->state->in_session)
        return;
    struct bl_room room = bl_user_grown(m->state, &nothing_more);
    if (bl_user_bytes(&m->state->room) > 3 * bl_user_bytes(&room))
        (void)!replace(h, m, m->state, &room); /* without memory it stays */
}

void member_tighten(struct bl_hand *h, struct bl_member *m)
{
    const struct bl_user *u = m->state;
    if (!u)
        return;
    struct bl_room room = {.visits = u->n_visits,
                           .window = u->n_window,
                           .open = u->n_open,
                           .marks = u->n_marks,
                           .names = u->n_names,
                           .text = u->n_text};
    if (hand_chunk(bl_user_bytes(&room)) < hand_chunk(bl_user_bytes(&u->room)))
        (void)!replace(h, m, u, &room); /* without memory it stays */
}

/* ---- into the cache ---- */

#define CACHE_LINE 64

/* All lines that these bytes are in: to leave out the last where they begin in the middle of one makes a replay 4 % slower.
 * The empty instruction is for the compiler: what only prefetches has no effect in its eyes, and calls of it are left out.
 * Those of the lists were, which made a replay 5 % slower. */
static inline void fetch(const void *at, size_t n)
{
    const char *line = (const char *)at - (uintptr_t)at % CACHE_LINE, *end = (const char *)at + n;
    for (; line < end; line += CACHE_LINE)
        __builtin_prefetch(line);
    __asm__ volatile("" : : "r"(at));
}

/* What a step looks at: all marks, open patterns and names, but of visits and window the end. */
static void fetch_lists(const struct bl_user *u)
{
    fetch(u->names, u->n_names * sizeof *u->names);
    fetch(u->marks, u->n_marks * sizeof *u->marks);
    fetch(u->open, u->n_open * sizeof *u->open);
    fetch(u->text, u->n_text < 4 * CACHE_LINE ? u->n_text : 4 * CACHE_LINE);
    fetch(u->visits, u->n_visits * sizeof *u->visits);
    fetch(u->window + u->n_window, sizeof *u->window);
}

void bl_member_fetch(const struct bl_member *m, enum bl_partition_stage stage)
{
    if (stage == BL_FETCH_MEMBER) {
        fetch(m, offsetof(struct bl_member, scheduled_ms)); /* what is below is the host's */
        fetch(m + 1, CACHE_LINE);                           /* the user's id */
    } else if (m->state && stage == BL_FETCH_STATE) {
        fetch(m->state, sizeof *m->state);
    } else if (m->state) {
        fetch_lists(m->state);
    }
}

/* The head of the state is not at hand to say where the lists are: open patterns and marks stand behind it, in a state that
 * has not grown so far. */
#define DUE_BYTES (sizeof(struct bl_user) + 3 * sizeof(struct bl_open) + 8 * sizeof(struct bl_mark))

/* Who comes near is fired soon: to wait for the memory only then makes a replay 3 % slower. */
void member_near(struct bl_heap_node *node)
{
    const struct bl_member *m = BL_CONTAINER(struct bl_member, node, node);
    fetch(m, sizeof *m);
    if (m->state)
        fetch(m->state, DUE_BYTES);
}
