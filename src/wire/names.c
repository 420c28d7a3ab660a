/* Names of rules without their code, so that what reads and writes text links no rule. */
#include "names.h"

#define BL_RULE(id, symbol, name) name,
static const char *const rule_names[BL_RULE_COUNT] = {
#include "bl/core/rules.def"
};
#undef BL_RULE

const char *bl_wire_rule_name(unsigned rule)
{
    return rule_names[rule];
}

unsigned bl_wire_rule_of(struct bl_str name)
{
    unsigned i = 0;
    while (i < BL_RULE_COUNT && !bl_str_eqz(name, rule_names[i]))
        i++;
    return i;
}
