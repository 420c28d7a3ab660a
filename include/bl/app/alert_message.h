/* What an alert says: the body that is posted to a webhook. Pure text; whatever came from users is escaped for where it
 * stands, and cut to what the receiver takes. */
#ifndef BL_APP_ALERT_MESSAGE_H
#define BL_APP_ALERT_MESSAGE_H

#include "bl/app/alerting.h"
#include "bl/wire/row.h"

struct bl_alert_message {
    const struct bl_alert_rule *rule;
    const struct bl_row *pattern; /* the one that fired it */
    int64_t at_ms;                /* when it began to match */
    size_t count;                 /* patterns in the window; 1 without a threshold */
    const char *delivery;         /* id */
    const char *public_url;       /* of the dashboard; "": no link */
    bool test;                    /* a sample, sent by hand */
};

/* Appends the body in the rule's format. JSON in either case. The error, if any, sticks to the buffer; a body over
 * BL_ALERT_BODY_MAX_BYTES is written again without the pattern's evidence. */
void bl_alert_body(const struct bl_alert_message *m, struct bl_buf *out);
/* The sentence alone, as it stands in `text` of the json format. */
void bl_alert_sentence(const struct bl_alert_message *m, struct bl_buf *out);
/* A made-up pattern that the rule would match, for `alerts test`. Static, but for the page, which is the rule's, and the
 * moment: ms since 1970 in digits. */
void bl_alert_sample(const struct bl_alert_rule *rule, struct bl_str at_ms, struct bl_row *out);

#endif
