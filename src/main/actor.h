/* Who acts on the command line, for the audit trail: `local:<os user>`. It says who had the machine, not who had a key. */
#ifndef BL_MAIN_ACTOR_H
#define BL_MAIN_ACTOR_H

#include "bl/app/audit.h"

#define ACTOR_UP BL_STR("local:up")

/* The text is kept in `out`. */
struct bl_str actor_local(char out[BL_AUDIT_ACTOR_MAX + 1]);

#endif
