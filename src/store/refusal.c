/* Redis names what it refuses, not why: for a right that a user lacks, the reason is nearly always that its rights were
 * given for another environment, or by an older program. */
#include "refusal.h"

#include <string.h>

const char *bl_refusal_advice(const char *error)
{
    return strncmp(error, "NOPERM", 6) == 0
               ? "; is --env right? If it is, make the users of Redis again (`behaviorlens inspect acl`)"
               : "";
}
