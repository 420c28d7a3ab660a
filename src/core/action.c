/* The tables behind action.h, made from actions.def. Lookup is by length and bytes over some forty names: a
 * perfect hash would not be seen beside the JSON parser. */
#include "bl/core/action.h"

static const struct {
    struct bl_str name;
    unsigned traits;
} actions[] = {
#define BL_ACTION(name, text, traits) {{text, sizeof(text) - 1}, traits},
#include "bl/core/actions.def"
#undef BL_ACTION
};

const char *bl_action_name(enum bl_action action)
{
    return actions[action].name.p;
}

struct bl_str bl_action_text(enum bl_action action)
{
    return actions[action].name;
}

unsigned bl_action_traits(enum bl_action action)
{
    return actions[action].traits;
}

enum bl_action bl_action_of(struct bl_str name)
{
    unsigned i = 0;
    while (i < BL_ACTION_COUNT && (actions[i].name.n != name.n || actions[i].name.p[0] != name.p[0] ||
                                   memcmp(actions[i].name.p, name.p, name.n) != 0))
        i++;
    return (enum bl_action)i;
}
