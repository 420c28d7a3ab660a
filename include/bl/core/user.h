/* One person's state: all that the rules remember. It is a plain value: strings are interned in its own table and
 * named by number, and the lists stand in one block with it, so that it can be copied and stored.
 *
 * A state has room for so many entries of each list (struct bl_room) and is worked on where it lies: whoever keeps it
 * sees to it before a step that there is room for what the step may add (bl_engine_needs), and moves it to a larger block
 * if there is not. So what a step costs does not depend on how much the state holds: to unpack and pack it around each
 * step cost 1,700 instructions an event (tests/bench/budget).
 *
 * Invariants
 *  - names[0] is the empty string, "none"; every bl_name in the state is below n_names.
 *  - visits and window are in order of t; marks and open in order of creation.
 *  - visits are the last of all that there were: what is missing is missing at the front.
 *  - window_first is a multiple of BL_WINDOW_CHUNK.
 *  - Every list has a bound (limits.h); at the bound the oldest entry goes. No list grows beyond its room. */
#ifndef BL_CORE_USER_H
#define BL_CORE_USER_H

#include "bl/base/err.h"
#include "bl/base/limits.h"
#include "bl/core/event.h"
#include "bl/core/settings.h"

typedef uint16_t bl_name; /* index into the user's table of strings; 0: none */

enum bl_severity { BL_LOW = 1, BL_MEDIUM, BL_HIGH };

struct bl_visit {
    int64_t t_ms;
    bl_name page;
    bool view;       /* which of the two kinds (SPEC 4.0, twins) */
    bool twinned;    /* its twin has come */
    uint32_t moment; /* its number among all the user's moments; may have left the window */
};

struct bl_moment { /* one event of the window: what evidence and the API show */
    int64_t t_ms;
    bl_name page;
    uint8_t action;
    bool visit; /* as the rules see it: a twin is none */
};

struct bl_open { /* a pattern that is not resolved yet */
    uint8_t rule, variant, severity;
    bool past; /* of an earlier session (abandonment only) */
    bl_name page;
    bl_name element; /* target or form; part of the id */
    bl_name other;   /* a rule's own second page; not part of the id */
    bool has_id;     /* the pattern's id is at hand (emit.c); it is never stored */
    unsigned char id[16];
    int64_t detected_ms;
    int64_t due_ms; /* a deadline of the rule, or BL_NEVER */
    int64_t n;      /* a rule's own number: the highest count so far */
};

/* A rule's small fact about the user: a cooldown, a running attempt, a form begun. `kind` is the rule's own.
 */
struct bl_mark {
    uint8_t rule, kind;
    bool session; /* forgotten at the end of the session */
    bool has_xy;
    bl_name page, element;
    int64_t t_ms;
    int64_t until_ms; /* from then on it cannot matter and is dropped; BL_NEVER: until taken away */
    int64_t due_ms;   /* a deadline of the rule, or BL_NEVER */
    int64_t n;        /* a rule's own number */
    double x, y;      /* a rule's own place; finite, 0 without has_xy */
};

struct bl_name_slot {
    uint32_t at, hash;
    uint32_t n;
};

/* How many entries of each list a state has room for; text in bytes. */
struct bl_room {
    uint16_t visits, window, open, marks, names;
    uint32_t text;
};

struct bl_user {
    /* Time. floor_ms: t of the last event or d of the last deadline fired, whichever is later (SPEC 3.3). */
    int64_t floor_ms;
    int64_t seen_ms; /* t of the last event; -1: no event yet */

    bool in_session;
    bool hidden;          /* the tab */
    uint8_t level;        /* hesitation: the level reached since the anchor, 0..3 */
    bl_name page;         /* current page; 0: none */
    bl_name session;      /* session_id of the last event; 0: it had none */
    int64_t session_ms;   /* when the session began */
    int64_t page_ms;      /* since when the user is on the page */
    int64_t anchor_ms;    /* SPEC 4.0 */
    int64_t events;       /* in this session */
    int64_t due_ms;       /* the next deadline as it stood after the last step; BL_NEVER: none */
    int64_t friction;     /* of this session, 0..BL_FRICTION_MAX */
    int64_t window_first; /* number of window[0] among all the user's moments ever: names its stored chunk */

    uint16_t n_visits, n_window, n_open, n_marks, n_names;
    uint32_t n_text;
    uint16_t names_swept; /* names alive after the last sweep */
    uint16_t renumbered;  /* by sweeps, so often; not stored */

    /* So that a step need not look at what cannot matter to it: set at its end (engine.c), not stored. At least: what is
     * added meanwhile, or comes from the store, may be anything. */
    uint8_t marked, opened; /* a bit for each rule that has a mark, an open pattern */
    int64_t spent_ms;       /* no mark's until_ms is earlier */

    /* Of the block, not of the state. */
    struct bl_room room;
    struct bl_visit *visits;
    struct bl_moment *window;
    struct bl_open *open;
    struct bl_mark *marks;
    struct bl_name_slot *names;
    char *text;
};

/* Room for the most that there can ever be: for states from the store, and for tests. */
extern const struct bl_room bl_room_max;
/* An empty state, without room. */
extern const struct bl_user bl_user_nobody;
/* The bytes of a block, and an empty state in it; aligned as malloc does it. NULL stays NULL. */
size_t bl_user_bytes(const struct bl_room *room);
struct bl_user *bl_user_place(void *block, const struct bl_room *room);
/* Is there room for so many entries more? (At a list's bound there is: the oldest goes.) Asked before each step: without
 * branches. */
static inline bool bl_user_fits(const struct bl_user *u, const struct bl_room *more)
{
    const struct bl_room *room = &u->room;
    return ((u->n_visits + more->visits <= room->visits) | (room->visits == BL_VISITS_MAX)) &
           ((u->n_window + more->window <= room->window) | (room->window == BL_WINDOW_KEEP)) &
           ((u->n_open + more->open <= room->open) | (room->open == BL_OPEN_MAX)) &
           ((u->n_marks + more->marks <= room->marks) | (room->marks == BL_MARKS_MAX)) &
           ((u->n_names + more->names <= room->names) | (room->names == BL_NAMES_MAX)) &
           ((u->n_text + more->text <= room->text) | (room->text == BL_NAMES_BYTES));
}
/* The room for what the state holds, so much more, and to grow for a while. */
struct bl_room bl_user_grown(const struct bl_user *u, const struct bl_room *more);
/* `to` has room for what `from` holds. */
void bl_user_copy(struct bl_user *to, const struct bl_user *from);

/* Empty state: nobody has been seen. Leaves the lists as they are, of no length. */
void bl_user_init(struct bl_user *u);
/* Does the state hold anything at all? If not, the host forgets the user (SPEC 4.6, last sentence). */
bool bl_user_gone(const struct bl_user *u);

/* The table of strings. Returns 0 for an empty string. Room is made by bl_user_sweep only, never here, so
 * that a name stays good for the whole step. */
bl_name bl_user_intern(struct bl_user *u, struct bl_str s);
/* The same, where it is likely to be what `guess` is: saves the search. */
bl_name bl_user_intern_as(struct bl_user *u, struct bl_str s, bl_name guess);
/* The number of a string that is there already; 0 if it is not. */
bl_name bl_user_find(const struct bl_user *u, struct bl_str s);
static inline struct bl_str bl_user_str(const struct bl_user *u, bl_name name)
{
    return (struct bl_str){u->text + u->names[name].at, u->names[name].n};
}
/* Drops names that nothing in the state uses, when it is worth it or room gets short. Renumbers: called by
 * the engine before each step, with no bl_name outside the state. */
void bl_user_sweep_names(struct bl_user *u);
/* What one step can add at the most: page, session, target, form, and a stage of the funnel. */
#define BL_STEP_NAMES 8
#define BL_STEP_BYTES (4 * BL_METADATA_MAX_BYTES + 4 * BL_PAGE_MAX_BYTES)
static inline void bl_user_sweep(struct bl_user *u)
{
    if (u->n_names > 2 * u->names_swept + 16 || u->n_names + BL_STEP_NAMES > BL_NAMES_MAX ||
        u->n_text + BL_STEP_BYTES > BL_NAMES_BYTES)
        bl_user_sweep_names(u);
}

/* Appending, with the bounds. All return the new entry, zeroed but for BL_NEVER in its deadlines. */
struct bl_visit *bl_user_add_visit(struct bl_user *u);
struct bl_moment *bl_user_add_moment(struct bl_user *u, int64_t now_ms);
struct bl_open *bl_user_add_open(struct bl_user *u);
struct bl_mark *bl_user_add_mark(struct bl_user *u);
void bl_user_drop_open(struct bl_user *u, size_t i);
void bl_user_drop_mark(struct bl_user *u, struct bl_mark *m);
/* Where to begin when looking for a mark of that rule: behind the last if there is none. */
static inline size_t bl_user_marks_from(const struct bl_user *u, enum bl_rule_id rule)
{
    return u->marked >> rule & 1 ? 0 : u->n_marks;
}
/* The latest mark of that rule and kind for exactly that page and element; NULL if there is none. */
struct bl_mark *bl_user_mark(struct bl_user *u, enum bl_rule_id rule, unsigned kind, bl_name page,
                             bl_name element);
/* First open pattern of a rule at or after index `from`; u->n_open if there is none. */
size_t bl_user_next_open(const struct bl_user *u, enum bl_rule_id rule, size_t from);

#endif
