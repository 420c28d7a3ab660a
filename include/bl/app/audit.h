/* The audit trail as those see it who perform an audited action: an entry is handed in BEFORE the action takes effect,
 * and the action happens only if the trail has it. So a trail may name an action that was refused afterwards (its
 * outcome was lost, or the next step failed); it never misses one that took place. store/audit.h keeps it. */
#ifndef BL_APP_AUDIT_H
#define BL_APP_AUDIT_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_AUDIT_ACTION_MAX  32 /* bytes */
#define BL_AUDIT_ACTOR_MAX   64
#define BL_AUDIT_SUBJECT_MAX 64
#define BL_AUDIT_DETAIL_MAX  512

#define BL_AUDIT_TRIM      "trim"      /* the action that is the trail's own */
#define BL_AUDIT_ANONYMOUS "anonymous" /* the actor where no keys are configured */

/* Actions: resolve, erase, readmit, key-create, key-revoke, rules, login; `trim` is the trail's own. No text may hold what a
 * user sent: a user is named by bl_audit_user (store/audit.h), never by id. */
struct bl_audit_entry {
    struct bl_str action;
    struct bl_str actor;   /* a key's public id, local:<os user>, local:up, or BL_AUDIT_ANONYMOUS */
    struct bl_str subject; /* what it is done to: a pattern id, bl_audit_user's text, a key id, a version */
    struct bl_str detail;  /* a JSON object, or empty */
};

/* BL_OK: the store has confirmed the entry. Anything else: it may or may not be there, the action must not happen;
 * answer 503 (BL_ERR_STORE_UNAVAILABLE). */
typedef void bl_audit_fn(void *ctx, enum bl_err err);

struct bl_audit_port {
    void *ctx;
    /* The entry is copied. fn runs exactly once; from inside only if it fails at once (no memory, too many waiting, a text
     * over its bound). */
    void (*write)(void *ctx, const struct bl_audit_entry *entry, bl_audit_fn *fn, void *fn_ctx);
};

#endif
