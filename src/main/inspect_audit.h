#ifndef BL_MAIN_INSPECT_AUDIT_H
#define BL_MAIN_INSPECT_AUDIT_H

#include <stdbool.h>

/* Follows the audit trail and says what it found; the exit status. head: a remembered one (N:HASH) or "". */
int inspect_verify_audit(const char *url, const char *env, const char *head, bool json);

#endif
