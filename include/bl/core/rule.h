/* What a rule is: a descriptor with its settings, its words, and up to four functions. A rule is one file in
 * core/rules and one line in rules.def; nothing else names it. Rules see each other's work only through bl_user. */
#ifndef BL_CORE_RULE_H
#define BL_CORE_RULE_H

#include "bl/core/engine.h"

/* One event or deadline under way. The engine fills in what SPEC 4.0 says of the event before any rule runs. */
struct bl_step {
    const struct bl_engine *engine;
    struct bl_user *u;
    struct bl_str user_id;
    int64_t now_ms; /* t of the event, or the deadline */

    const struct bl_event *e; /* NULL at a deadline */
    bl_name page;             /* the event's page, 0: none */
    bl_name target;           /* target or form of the event, interned if a rule asks (bl_step_element) */
    bool visit;               /* a visit that is not a twin */
    bool activity;
    bool arrived;    /* the current page changed with this event */
    bool ignored;    /* tab_hidden or page_exit that names another page than the current one */
    bool anchored;   /* the event set the anchor */
    bool completion; /* SPEC 4.3 */
};

struct bl_rule {
    const char *name;
    const char *const *variants; /* names by number, [0] is NULL; NULL if the rule has none */
    const struct bl_param *params;
    size_t n_params;
    /* For people: the README's table is checked against these. */
    const char *trigger, *severity, *ends;

    /* What the event resolves; runs for all rules before any detects. May be NULL. */
    void (*resolve)(struct bl_step *s, const struct bl_rule_settings *c);
    /* What the event fires or raises. May be NULL. */
    void (*detect)(struct bl_step *s, const struct bl_rule_settings *c);
    /* The rule's earliest deadline that is not in an open pattern or a mark. May be NULL. */
    int64_t (*due)(const struct bl_user *u, const struct bl_rule_settings *c);
    /* The earliest deadline of the rule has come, at s->now_ms: that of *mark, of open pattern `open`, or (both
     * NULL) the one of due(). Must move or remove it. */
    void (*fire)(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark, struct bl_open *open);
};

const struct bl_rule *bl_rule(enum bl_rule_id id);
/* BL_RULE_COUNT if there is none of that name. */
enum bl_rule_id bl_rule_of(struct bl_str name);

#endif
