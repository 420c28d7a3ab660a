/* One person's state: all that the rules remember. It is a plain value of fixed size without a pointer
 * inside, so that it can be copied, packed, stored and compared; strings are interned in its own table and
 * named by number.
 *
 * A user is worked on in this unpacked form (large: one per process is enough) and kept in a packed one
 * (bl_user_pack), which holds just what is used.
 *
 * Invariants
 *  - names[0] is the empty string, "none"; every bl_name in the state is below n_names.
 *  - visits and window are in order of t; marks and open in order of creation.
 *  - Every array has a bound (limits.h); at the bound the oldest entry goes. */
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
    bool view;    /* which of the two kinds (SPEC 4.0, twins) */
    bool twinned; /* its twin has come */
};

struct bl_moment { /* one event of the window: what evidence and the API show */
    int64_t t_ms;
    bl_name page;
    uint8_t action;
};

struct bl_open { /* a pattern that is not resolved yet */
    uint8_t rule, variant, severity;
    bool past; /* of an earlier session (abandonment only) */
    bl_name page;
    bl_name element; /* target or form; part of the id */
    bl_name other;   /* a rule's own second page; not part of the id */
    int64_t detected_ms;
    int64_t due_ms; /* a deadline of the rule, or BL_NEVER */
    int64_t n;      /* a rule's own number: the highest count so far */
    bool has_id;    /* the pattern's id is at hand (emit.c); it is never stored */
    unsigned char id[16];
};

/* A rule's small fact about the user: a cooldown, a running attempt, a form begun. `kind` is the rule's own.
 */
struct bl_mark {
    uint8_t rule, kind;
    bool session; /* forgotten at the end of the session */
    bl_name page, element;
    int64_t t_ms;
    int64_t until_ms; /* from then on it cannot matter and is dropped; BL_NEVER: until taken away */
    int64_t due_ms;   /* a deadline of the rule, or BL_NEVER */
    int64_t n;        /* a rule's own number */
    bool has_xy;
    double x, y; /* a rule's own place; finite, 0 without has_xy */
};

struct bl_name_slot {
    uint32_t at, hash;
    uint32_t n;
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

    struct bl_visit visits[BL_VISITS_MAX];
    struct bl_moment window[BL_WINDOW_KEEP];
    struct bl_open open[BL_OPEN_MAX];
    struct bl_mark marks[BL_MARKS_MAX];
    struct bl_name_slot names[BL_NAMES_MAX];
    char text[BL_NAMES_BYTES];
};

/* Empty state: nobody has been seen. Touches only the head, not the large arrays. */
void bl_user_init(struct bl_user *u);
/* Does the state hold anything at all? If not, the host forgets the user (SPEC 4.6, last sentence). */
bool bl_user_gone(const struct bl_user *u);

/* The table of strings. Returns 0 for an empty string. Room is made by bl_user_sweep only, never here, so
 * that a name stays good for the whole step. */
bl_name bl_user_intern(struct bl_user *u, struct bl_str s);
/* The number of a string that is there already; 0 if it is not. */
bl_name bl_user_find(const struct bl_user *u, struct bl_str s);
static inline struct bl_str bl_user_str(const struct bl_user *u, bl_name name)
{
    return (struct bl_str){u->text + u->names[name].at, u->names[name].n};
}
/* Drops names that nothing in the state uses, when it is worth it or room gets short. Renumbers: called by
 * the engine before each step, with no bl_name outside the state. */
void bl_user_sweep(struct bl_user *u);

/* Appending, with the bounds. All return the new entry, zeroed but for BL_NEVER in its deadlines. */
struct bl_visit *bl_user_add_visit(struct bl_user *u);
struct bl_moment *bl_user_add_moment(struct bl_user *u, int64_t now_ms);
struct bl_open *bl_user_add_open(struct bl_user *u);
struct bl_mark *bl_user_add_mark(struct bl_user *u);
void bl_user_drop_open(struct bl_user *u, size_t i);
void bl_user_drop_mark(struct bl_user *u, struct bl_mark *m);
/* The latest mark of that rule and kind for exactly that page and element; NULL if there is none. */
struct bl_mark *bl_user_mark(struct bl_user *u, enum bl_rule_id rule, unsigned kind, bl_name page,
                             bl_name element);
/* First open pattern of a rule at or after index `from`; u->n_open if there is none. */
size_t bl_user_next_open(const struct bl_user *u, enum bl_rule_id rule, size_t from);

/* Packed form: one block of bytes, valid in this process only (the stored form is wire's). */
size_t bl_user_packed_bytes(const struct bl_user *u);
void bl_user_pack(const struct bl_user *u, void *to);
void bl_user_unpack(struct bl_user *u, const void *from);

#endif
