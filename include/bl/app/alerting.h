/* Which changes of patterns become alerts: pure logic, no I/O, no clock. The time it knows is that of patterns: a new
 * pattern counts at its detected_at, one that was raised at the moment of the raise, for then it began to match. So what
 * fires depends on what was detected, not on when the news arrived.
 *
 * Each rule decides once about each pattern: it alerts, or is suppressed by the cooldown, or counts towards the
 * threshold, and never looks at that pattern again. Patterns of different partitions arrive in any order; one that comes
 * late still counts in every window that it lies in. */
#ifndef BL_APP_ALERTING_H
#define BL_APP_ALERTING_H

#include "bl/base/limits.h"
#include "bl/config/alerts.h"
#include "bl/core/pattern.h"

/* A change of a pattern, as far as rules look at it. */
struct bl_alert_change {
    bool raised; /* else new */
    enum bl_rule_id type;
    enum bl_severity severity;
    struct bl_str page; /* borrowed */
    struct bl_pattern_id id;
    int64_t at_ms; /* detected_at, or the moment of the raise */
};

/* From the texts of the change feed. False: nothing that could alert (resolved, an unknown type, a bad id). */
bool bl_alert_change_of(struct bl_str change, struct bl_str pattern_id, struct bl_str type,
                        struct bl_str severity, struct bl_alert_change *out);
/* The filters of a rule alone. */
bool bl_alert_matches(const struct bl_alert_rule *rule, const struct bl_alert_change *c);

struct bl_alert_counted {
    int64_t at_ms;
    struct bl_pattern_id id;
};

#define BL_ALERT_NOT_YET INT64_MIN

/* What a rule remembers. With a threshold: the patterns counted, ascending in time, none older than twice the window
 * behind the newest, at most BL_ALERT_WINDOW_MAX (the oldest goes). */
struct bl_alert_state {
    int64_t fired_ms; /* the time of the last alert; BL_ALERT_NOT_YET */
    size_t n;
    struct bl_alert_counted v[BL_ALERT_WINDOW_MAX];
};

void bl_alert_state_init(struct bl_alert_state *s);
/* Puts a pattern back into the window, as it was stored. */
void bl_alert_state_add(const struct bl_alert_rule *rule, struct bl_alert_state *s, struct bl_pattern_id id,
                        int64_t at_ms);
/* What is stored of the window may be forgotten up to and including this time; INT64_MIN: nothing. */
int64_t bl_alert_horizon(const struct bl_alert_rule *rule, const struct bl_alert_state *s);

enum bl_alert_verdict {
    BL_ALERT_KNOWN,      /* decided before: nothing changes */
    BL_ALERT_COUNTED,    /* towards the threshold */
    BL_ALERT_SUPPRESSED, /* by the cooldown; it counts towards the threshold if there is one */
    BL_ALERT_FIRED       /* the window is empty again */
};

/* One rule that matches one change. */
struct bl_alert_match {
    size_t rule; /* index */
    const struct bl_alert_change *change;
    bool known; /* decided in an earlier step */
    enum bl_alert_verdict verdict;
    size_t count; /* FIRED: patterns in the window; 1 without a threshold */
};

/* Decides matches in order, each (rule, pattern) once. states[i] belongs to rules[i]. */
void bl_alert_decide(const struct bl_alert_rule *rules, struct bl_alert_state *states,
                     struct bl_alert_match *matches, size_t n);

/* The id of the delivery that (rule, pattern) leads to: the same whoever makes it and how often. 32 hex digits and a
 * terminator. */
#define BL_ALERT_ID_BYTES 33
void bl_alert_delivery_id(struct bl_str env, const char *rule, const struct bl_pattern_id *pattern,
                          char out[BL_ALERT_ID_BYTES]);

/* ---- what becomes of an attempt to deliver ---- */

#define BL_ALERT_ATTEMPTS_MAX 24
#define BL_ALERT_AGE_MAX_MS   (2 * 3600 * 1000LL)
#define BL_ALERT_DELAY_MIN_MS 1000
#define BL_ALERT_DELAY_MAX_MS (10 * 60 * 1000LL)

enum bl_alert_fate { BL_ALERT_DELIVERED, BL_ALERT_RETRY, BL_ALERT_GIVEN_UP };

struct bl_alert_attempt {
    int status;             /* HTTP; 0: no answer */
    bool hopeless;          /* no answer, and none to be hoped for (the address itself is refused) */
    int64_t retry_after_ms; /* -1: none */
    int attempts;           /* made so far, this one included */
    int64_t age_ms;         /* of the alert */
};

/* 2xx: delivered. No answer, 408, 429 and 5xx: again, while attempts and age allow. All else (redirects among them):
 * given up. */
enum bl_alert_fate bl_alert_fate(const struct bl_alert_attempt *a);
/* How long to wait after so many failures in a row: doubles from DELAY_MIN to DELAY_MAX, of which `random` takes away up
 * to half; not shorter than Retry-After as far as that is not beyond DELAY_MAX. */
int64_t bl_alert_delay_ms(int failures, int64_t retry_after_ms, uint32_t random);

#endif
