/* What a rule is: a descriptor with its settings, its words, and up to four functions. A rule is one file in
 * core/rules and one line in rules.def; nothing else names it. Rules see each other's work only through
 * bl_user. */
#ifndef BL_CORE_RULE_H
#define BL_CORE_RULE_H

#include "bl/core/engine.h"

/* One event or deadline under way. The engine fills in what SPEC 4.0 says of the event before any rule runs.
 */
struct bl_step {
    const struct bl_engine *engine;
    struct bl_user *u;
    struct bl_str user_id;
    int64_t now_ms;    /* t of the event, or the deadline */
    int64_t before_ms; /* floor_ms when the step began; BL_NEVER: nothing was known of the user */

    const struct bl_event *e; /* NULL at a deadline */
    bl_name page;             /* the event's page, 0: none */
    bl_name target;           /* its target, once a rule has asked (bl_step_target) */
    bool visit;               /* a visit that is not a twin */
    bool activity;
    bool arrived;    /* the current page changed with this event */
    bool ignored;    /* tab_hidden or page_exit that names another page than the current one */
    bool anchored;   /* the event set the anchor */
    bool completion; /* SPEC 4.3 */
};

/* Some of all events: by traits of their actions, and by actions. */
struct bl_events {
    unsigned traits; /* of enum bl_action_trait: with any of these */
    uint64_t actions;
};
#define BL_ON(name) (UINT64_C(1) << BL_ACTION_##name)
_Static_assert(BL_ACTION_COUNT <= 64, "more actions than bits");

struct bl_rule {
    const char *name;
    char code[3];                /* two lower-case letters of its own: how a mark of it is stored */
    const char *const *variants; /* names by number, from 1, between two NULLs; NULL if the rule has none */
    const struct bl_param *params;
    size_t n_params;
    int64_t weight; /* the default of bl_rule_settings.weight */
    /* For people: the README's table is checked against these. */
    const char *trigger, *severity, *ends;
    /* The sentence of each variant; without variants, those that a story chooses from; NULL ends them. See explain.c for the
     * placeholders. */
    const char *const *sentences;
    bool marks_for_events; /* only events look at its marks, so they go as soon as their time is over */
    bool outlives_session; /* its open patterns stay open at the end of a session (SPEC 4.6) */

    /* What the event resolves; runs for all rules before any detects, for the events `resolves`, and only while the rule has
     * an open pattern or a mark. May be NULL. */
    void (*resolve)(struct bl_step *s, const struct bl_rule_settings *c);
    struct bl_events resolves;
    /* What the event fires or raises. Runs for the events `detects`, and, while the rule has a mark, for the events
     * `follows`. May be NULL. */
    void (*detect)(struct bl_step *s, const struct bl_rule_settings *c);
    struct bl_events detects, follows;
    /* The rule's earliest deadline that is not in an open pattern or a mark. May be NULL. */
    int64_t (*due)(const struct bl_user *u, const struct bl_rule_settings *c);
    /* The earliest deadline of the rule has come, at s->now_ms: that of *mark, of open pattern `open`, or
     * (both NULL) the one of due(). Must move or remove it. */
    void (*fire)(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark,
                 struct bl_open *open);
};

/* The event's target by its number; 0: it has none. Two rules ask at a click: the second need not search. */
static inline bl_name bl_step_target(struct bl_step *s)
{
    if (!s->target)
        s->target = bl_user_intern(s->u, s->e->target);
    return s->target;
}

/* For fire: takes away a deadline where the rule never sets one. Only a stored state that is not of our
 * making has such a thing; it must do no harm. */
static inline void bl_rule_disarm(struct bl_mark *mark, struct bl_open *open)
{
    if (mark)
        mark->due_ms = BL_NEVER;
    if (open)
        open->due_ms = BL_NEVER;
}

/* What a sentence may speak of. Unused members stay zero. */
struct bl_words {
    struct bl_str page, other, element;
    int64_t n, span_ms;
};

/* What rules do to patterns. `facts` are the numbers behind the sentence. */
struct bl_story {
    struct bl_words words;
    unsigned sentence; /* which one, for a rule without variants */
    char spot[2 * BL_DOUBLE_BYTES +
              4]; /* what words.element of bl_story_spot may point to: never copy a story */
    struct bl_fact facts[BL_FACTS_MAX];
    size_t n_facts;
};

/* Fires: makes the open pattern and its effect, unless a pattern of that id exists already (SPEC 5.2; then
 * NULL). */
struct bl_open *bl_step_fire(struct bl_step *s, const struct bl_open *pattern, const struct bl_story *story);
/* Raises an open pattern, to a severity that may be the one it has: sentence, evidence, updated_at. */
void bl_step_raise(struct bl_step *s, struct bl_open *open, enum bl_severity severity,
                   const struct bl_story *story);
/* Resolves: the effect, and out of the state. Entries after it move up by one. */
void bl_step_resolve(struct bl_step *s, struct bl_open *open, enum bl_resolution resolution);

/* Facts. */
void bl_story_int(struct bl_story *story, const char *name, int64_t v);
void bl_story_str(struct bl_story *story, const char *name, struct bl_str v);
void bl_story_number(struct bl_story *story, const char *name, double v);
void bl_story_times(struct bl_story *story, const char *name, const int64_t *times_ms, size_t n);

/* What was clicked (SPEC 4.4). */
struct bl_spot {
    struct bl_str target; /* empty: none */
    bool has_xy;
    double x, y;
};

static inline struct bl_spot bl_spot_of(const struct bl_event *e)
{
    return (struct bl_spot){e->target, e->has_xy, e->x, e->y};
}

/* Keeps the place of an event in a mark; -0 becomes 0, as it is written. */
static inline void bl_mark_place(struct bl_mark *m, const struct bl_event *e)
{
    m->has_xy = e->has_xy;
    m->x = e->has_xy ? e->x + 0.0 : 0;
    m->y = e->has_xy ? e->y + 0.0 : 0;
}

/* words.element becomes the T of SPEC 4.4: the target, else "(x, y)", else "an element". What is known of target,
 * x and y becomes facts. */
void bl_story_spot(struct bl_story *story, const struct bl_spot *spot);

/* Is `page` the path `entry` or below it, in whole segments, ASCII case ignored (SPEC 4.3)? */
bool bl_path_within(struct bl_str page, struct bl_str entry);

/* What the engine must know of abandonment: is a visit to `page` a completion, and how long is one
 * remembered? */
bool bl_abandonment_completes(const struct bl_rule_settings *c, struct bl_str page);
int64_t bl_abandonment_memory_ms(const struct bl_rule_settings *c);

extern const struct bl_rule *const bl_rule_table[BL_RULE_COUNT];
static inline const struct bl_rule *bl_rule(enum bl_rule_id id)
{
    return bl_rule_table[id];
}
/* BL_RULE_COUNT if there is none of that name. */
enum bl_rule_id bl_rule_of(struct bl_str name);

#endif
