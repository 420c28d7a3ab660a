/* The settings of detection as a numbered list, whatever they are: what stores, compares and prints them walks over
 * it, so that no other layer names a rule or a threshold. First those of no rule, then per rule `enabled`, `weight` and
 * the params of its descriptor. grace_ms and floor_ms are the host's and not among them. */
#ifndef BL_CORE_TUNABLE_H
#define BL_CORE_TUNABLE_H

#include "bl/core/settings.h"

struct bl_tunable {
    const char *rule; /* its name; NULL: of no rule */
    const char *name;
    enum bl_param_type type;
    int64_t min, max; /* as in struct bl_param */
};

/* The i-th, from 0; false behind the last. */
bool bl_tunable_at(size_t i, struct bl_tunable *out);
/* Its number by name (rule with n == 0: of no rule); bl_tunable_count() if there is none. */
size_t bl_tunable_of(struct bl_str rule, struct bl_str name);
size_t bl_tunable_count(void);

union bl_value bl_tunable_get(const struct bl_settings *s, size_t i);
/* Lists are borrowed. The value must be in range. */
void bl_tunable_set(struct bl_settings *s, size_t i, union bl_value v);
/* By content. */
bool bl_tunable_same(enum bl_param_type type, const union bl_value *a, const union bl_value *b);
bool bl_settings_same(const struct bl_settings *a, const struct bl_settings *b);

/* Levels by name: X-low <= X-medium <= X-high, where 0 is "off". The first param from number `from` on that is below
 * the level before it, whose value is in *before then (0 to begin with); the number of params if all is well. */
size_t bl_rule_disorder(enum bl_rule_id id, const struct bl_rule_settings *c, size_t from, int64_t *before);

/* An entry of a list, as events carry pages (SPEC 2.1) where the list's name ends in "pages", else any text. */
bool bl_tunable_is_pages(const struct bl_tunable *t);
bool bl_page_is_valid(struct bl_str page);
bool bl_entry_is_valid(struct bl_str text);

#define BL_STAGE_DEPTH_MAX        100
#define BL_SESSION_TIMEOUT_MIN_MS 1000
#define BL_SESSION_TIMEOUT_MAX_MS 86400000
#define BL_TWIN_MAX_MS            60000

#endif
