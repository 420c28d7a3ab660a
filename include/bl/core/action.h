/* What a user can do (SPEC 2.3). Code, validation and docs come from actions.def. */
#ifndef BL_CORE_ACTION_H
#define BL_CORE_ACTION_H

#include "bl/base/str.h"

enum bl_action_trait { BL_PAGE = 1, BL_VISIT = 2, BL_VIEW = 4, BL_ACTIVITY = 8, BL_DONE = 16 };

#define BL_ACTION(name, text, traits) BL_ACTION_##name,
enum bl_action {
#include "bl/core/actions.def"
    BL_ACTION_COUNT
};
#undef BL_ACTION

const char *bl_action_name(enum bl_action action);
struct bl_str bl_action_text(enum bl_action action); /* the same */
/* A set of enum bl_action_trait. */
unsigned bl_action_traits(enum bl_action action);
/* BL_ACTION_COUNT if there is none of that name. */
enum bl_action bl_action_of(struct bl_str name);

#endif
