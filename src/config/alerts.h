/* A rule of the section `alerts` while it is read, checked and printed: a value per field of one table, each
 * with its source, so that nothing but the table knows the fields. */
#ifndef BL_CONFIG_ALERTS_PRIVATE_H
#define BL_CONFIG_ALERTS_PRIVATE_H

#include "bl/config/alerts.h"
#include "internal.h"

enum alert_field {
    ALERT_NAME,
    ALERT_TYPE,
    ALERT_SEVERITY,
    ALERT_PAGE,
    ALERT_OVER,
    ALERT_WITHIN,
    ALERT_COOLDOWN,
    ALERT_WEBHOOK,
    ALERT_SECRET_ENV,
    ALERT_SECRET_FILE,
    ALERT_FORMAT,
    ALERT_ALLOW_HTTP,
    ALERT_ALLOW_PRIVATE,
    ALERT_FIELDS
};

/* A text that must have a form: false, and `why` has the sentence. */
typedef bool alert_form_fn(struct bl_str text, struct bl_buf *why);

struct alert_field_info {
    const char *name;
    enum bl_option_type type;
    int64_t min, max;                 /* of numbers; of texts: bytes */
    alert_form_fn *form;              /* TEXT; NULL: any text. Not asked of an empty one */
    const char *(*choice)(int64_t i); /* CHOICE: its words by number, NULL after the last */
};

extern const struct alert_field_info bl_alert_fields[ALERT_FIELDS];

struct alert_value {
    int64_t i;        /* COUNT, MS, FLAG, CHOICE */
    const char *text; /* TEXT; owned by the configuration, "" if not set */
    struct source source;
};

struct alert {
    struct alert_value v[ALERT_FIELDS];
    size_t line; /* where it begins */
    bool spoilt; /* it has a problem: what was meant by the rest is not known */
};

/* Everything at its default. */
void bl_alert_init(struct alert *a);
/* What no single field can tell, of each rule without a problem and of all together, whatever is wrong elsewhere;
 * `field` names in problems are alerts[i].NAME. */
void bl_alerts_check(const struct bl_config *c, struct problems *p);
/* Makes the rules that the program reads (c->alert_rules). False: no memory. */
bool bl_alerts_settle(struct bl_config *c);

#endif
