/* The section `alerts` of the configuration: which patterns are told to whom. A rule here only chooses among
 * patterns; what a pattern is, the rules of detection say. Secrets stand in it by reference alone, so that a
 * configuration can be printed, stored and logged. */
#ifndef BL_CONFIG_ALERTS_H
#define BL_CONFIG_ALERTS_H

#include "bl/config/settings.h"
#include "bl/core/user.h"

enum bl_alert_format { BL_ALERT_SLACK, BL_ALERT_JSON };

/* Texts are borrowed from the configuration; "" where nothing is set. */
struct bl_alert_rule {
    const char *name;          /* [a-z0-9-], unique */
    enum bl_rule_id type;      /* BL_RULE_COUNT: any */
    enum bl_severity severity; /* at least */
    const char *page;          /* this page or one below it, as SPEC 4.3; "": any */
    int64_t over;              /* more than so many matching patterns within within_ms; 0: each of them */
    int64_t within_ms;         /* > 0 if and only if over > 0; in the time of patterns */
    int64_t cooldown_ms;       /* after an alert, in the time of patterns; 0: none */
    const char *webhook;       /* http:// or https:// */
    const char *secret_env, *secret_file; /* where the key of the signature is; at most one of them */
    enum bl_alert_format format;
    bool allow_http, allow_private;
};

/* The rules in the order of the file; *n of them, at most BL_ALERT_RULES_MAX. Borrowed from c. */
const struct bl_alert_rule *bl_config_alerts(const struct bl_config *c, size_t *n);

#endif
