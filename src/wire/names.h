/* Rules by name, from the one list of them: all that the wire layer needs to know of a rule. */
#ifndef BL_WIRE_NAMES_H
#define BL_WIRE_NAMES_H

#include "bl/core/settings.h"

const char *bl_wire_rule_name(unsigned rule);
/* BL_RULE_COUNT if there is none of that name. */
unsigned bl_wire_rule_of(struct bl_str name);

#endif
