#include "actor.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

struct bl_str actor_local(char out[BL_AUDIT_ACTOR_MAX + 1])
{
    const struct passwd *user = getpwuid(getuid());
    if (user && user->pw_name && user->pw_name[0])
        snprintf(out, BL_AUDIT_ACTOR_MAX + 1, "local:%s", user->pw_name);
    else
        snprintf(out, BL_AUDIT_ACTOR_MAX + 1, "local:%ld", (long)getuid());
    return bl_str_of(out);
}
