/* The detection: (user, event | deadline) -> user', effects. Pure: no clock, no I/O, no allocation, no global
 * that can be written. The host decides when a deadline fires (SPEC 3.4) and calls in stream order. */
#ifndef BL_CORE_ENGINE_H
#define BL_CORE_ENGINE_H

#include "bl/core/pattern.h"

/* How an attempt at buying ended (SPEC 4.3, 6: abandonment_rate). */
enum bl_attempt_end { BL_ATTEMPT_COMPLETED, BL_ATTEMPT_ABANDONED };

/* Where effects go. Called during bl_engine_* in order of effect; what it is given is borrowed. */
struct bl_sink {
    void *ctx;
    void (*pattern)(void *ctx, const struct bl_pattern *pattern);
    void (*attempt)(void *ctx, enum bl_attempt_end end);
};

/* Which rules have to look at an event: a bit for each. Most events are the business of one or two, and to ask all eight
 * twice cost 300 instructions an event. */
typedef uint8_t bl_rule_set;
_Static_assert(BL_RULE_COUNT <= 8 * sizeof(bl_rule_set), "more rules than bits");

struct bl_engine {
    const struct bl_settings *settings;
    struct bl_sink sink;
    bl_rule_set resolves[BL_ACTION_COUNT], detects[BL_ACTION_COUNT],
        follows[BL_ACTION_COUNT]; /* core/rule.h */
    bl_rule_set due;              /* have a `due` */
};

/* The settings are borrowed and may change between steps. */
struct bl_engine bl_engine_of(const struct bl_settings *settings, struct bl_sink sink);

/* The most that applying the event, or firing a deadline (e NULL), can add to each list of the state: the caller makes room
 * for it first (bl_user_fits). A person's resolve adds nothing. */
struct bl_room bl_engine_needs(const struct bl_user *u, const struct bl_event *e);
/* Is there room for it? */
bool bl_engine_fits(const struct bl_user *u, const struct bl_event *e);
/* Applies one event that is in time (not late, not a duplicate). e->t_ms is raised to u->floor_ms where
 * needed. True: it was a visit (SPEC 4.0; a twin is none). */
bool bl_engine_event(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                     const struct bl_event *e);
/* Fires what is due at u->due_ms, which must not be BL_NEVER: at most one deadline (SPEC 4.7 decides among
 * equals), and none if the settings have changed since it was set and know no such deadline. */
void bl_engine_fire(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id);
/* SPEC 5.3: a person resolved the pattern. False if this user has no such open pattern in the state: then
 * nothing was done. The effect goes to the sink. */
bool bl_engine_resolve(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                       const struct bl_pattern_id *id, int64_t now_ms);
/* The session id a pattern would carry now (SPEC 4.6): the last event's, or one made from user and session
 * start. Borrowed from u or from `made`. */
struct bl_str bl_engine_session_id(const struct bl_user *u, struct bl_str user_id, char made[32]);

#endif
