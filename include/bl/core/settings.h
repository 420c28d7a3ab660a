/* What can be changed about the detection: one section per rule, declared in the rule's descriptor, and the
 * few numbers that belong to no rule. The core only reads them; lists and their strings are borrowed. */
#ifndef BL_CORE_SETTINGS_H
#define BL_CORE_SETTINGS_H

#include "bl/base/limits.h"
#include "bl/base/str.h"

#define BL_RULE(id, symbol, name) BL_RULE_##id,
enum bl_rule_id {
#include "bl/core/rules.def"
    BL_RULE_COUNT
};
#undef BL_RULE

enum bl_param_type {
    BL_PARAM_MS,    /* a time, in ms */
    BL_PARAM_COUNT, /* a number; 0 may mean "off" where the help says so */
    BL_PARAM_FLAG,  /* 0 or 1 */
    BL_PARAM_PATHS, /* a list of strings */
    BL_PARAM_STAGES /* a list of funnel stages */
};

struct bl_stage { /* SPEC 4.3: a funnel page */
    struct bl_str page;
    struct bl_str name; /* as it stands in the sentence */
    int64_t depth;
};

struct bl_list {
    size_t n;
    const struct bl_str *paths;
    const struct bl_stage *stages;
};

union bl_value {
    int64_t i;
    struct bl_list list;
};

struct bl_param {
    const char *name; /* as in the YAML file, e.g. "cooldown" */
    enum bl_param_type type;
    union bl_value def; /* the default */
    int64_t min, max;   /* for numbers: both allowed. For lists: of the number of entries */
    const char *help;
};

struct bl_rule_settings {
    bool enabled;
    int64_t weight; /* what a pattern of this rule adds to its session's friction, 0..BL_FRICTION_MAX */
    union bl_value v[BL_RULE_PARAMS_MAX]; /* in the order of the descriptor's params */
};

struct bl_settings {
    struct bl_rule_settings rule[BL_RULE_COUNT];
    int64_t session_timeout_ms; /* SPEC 4.6 */
    int64_t grace_ms;           /* SPEC 3.4; the host sets 0 in event mode */
    int64_t twin_ms;            /* SPEC 4.0 */
    int64_t floor_ms; /* how far behind `received` an event's t may lie: BL_SKEW_MS, 0 in event mode */
};

/* The defaults of SPEC 4, from the descriptors. */
void bl_settings_defaults(struct bl_settings *s);

#endif
