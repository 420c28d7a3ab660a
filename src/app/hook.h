/* Where a test makes the program die, or takes its memory: in debug builds (presets dev, asan, fuzz) the worker aborts
 * when it applies an event of the user named by BEHAVIORLENS_TEST_ABORT_EVENT (or, in a redo, ..._REDO), fires a deadline of the one named
 * by ..._DEADLINE, reads the stored state of the one named by ..._LOAD, or makes what is stored of the one named by ..._STORE. And
 * ..._PART is how many users a part of a checkpoint stores. In the
 * simulation its schedule decides. In release builds nothing of this is compiled, and a test looks into the program to be sure
 * (tests/lint/hooks.sh). */
#ifndef BL_APP_HOOK_H
#define BL_APP_HOOK_H

#include "bl/core/user.h"

#if defined(BL_SIMULATION)
/* told: it is for the first time, in no redo. The worker dies in the call; true: the judge wants the user's state dropped. */
void sim_hook_event(struct bl_str user_id, struct bl_str page, bool told);
bool sim_hook_fire(struct bl_str user_id, const struct bl_user *u);
void sim_hook_store(const struct bl_user *u, bool redo);
#define BL_HOOK_EVENT(user_id, page, told) sim_hook_event(user_id, page, told)
#define BL_HOOK_FIRE(user_id, u)           sim_hook_fire(user_id, u)
#define BL_HOOK_LOAD(user_id)              ((void)0)
#define BL_HOOK_STORE(user_id, u, redo)    sim_hook_store(u, redo)
#define BL_HOOK_PART(users)                (users)
#elif defined(BL_TEST_HOOKS)
#include <stdlib.h>
static inline bool bl_hook_abort(const char *variable, struct bl_str user_id)
{
    const char *wanted = getenv(variable);
    if (wanted && bl_str_eqz(user_id, wanted))
        abort();
    return false;
}
static inline size_t bl_hook_size(const char *variable, size_t otherwise)
{
    const char *wanted = getenv(variable);
    return wanted ? strtoul(wanted, NULL, 10) : otherwise;
}
#define BL_HOOK_PART(users) bl_hook_size("BEHAVIORLENS_TEST_PART", users)
#define BL_HOOK_EVENT(user_id, page, told)                                                                   \
    ((void)bl_hook_abort((told) ? "BEHAVIORLENS_TEST_ABORT_EVENT" : "BEHAVIORLENS_TEST_ABORT_REDO", user_id))
#define BL_HOOK_FIRE(user_id, u) bl_hook_abort("BEHAVIORLENS_TEST_ABORT_DEADLINE", user_id)
#define BL_HOOK_LOAD(user_id)    ((void)bl_hook_abort("BEHAVIORLENS_TEST_ABORT_LOAD", user_id))
#define BL_HOOK_STORE(user_id, u, redo)                                                                      \
    ((void)(u), (void)(redo), (void)bl_hook_abort("BEHAVIORLENS_TEST_ABORT_STORE", user_id))
#else
#define BL_HOOK_EVENT(user_id, page, told) ((void)0)
#define BL_HOOK_FIRE(user_id, u)           0
#define BL_HOOK_LOAD(user_id)              ((void)0)
#define BL_HOOK_STORE(user_id, u, redo)    ((void)0)
#define BL_HOOK_PART(users)                (users)
#endif

#endif
