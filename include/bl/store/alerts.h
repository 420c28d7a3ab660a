/* What the alerts process must not forget, in Redis: who leads, which (pattern, rule) are decided, the windows and
 * cooldowns of the rules, and the alerts that wait to be delivered. A rule counts over all partitions and its keys change
 * together, so all of them lie in the slot of partition 0.
 *
 * Every write is fenced: it carries the name under which the lease was taken, and does nothing if that is not the one
 * that stands (BL_ERR_FENCED). After that, or after an unknown outcome (BL_ERR_STORE_UNAVAILABLE), the caller drops what
 * it remembers, takes the lease anew and loads.
 *
 * All callbacks run from the loop, exactly once, never from inside the call. */
#ifndef BL_STORE_ALERTS_H
#define BL_STORE_ALERTS_H

#include "bl/core/pattern.h"
#include "bl/store/link.h"
#include "bl/wire/row.h"

struct bl_alert_store;

#define BL_ALERT_LEASE_MS 3000

/* Borrows link and env; holder names the process. Its scripts are loaded by whoever opens the data set on the link. */
BL_CHECKED enum bl_err bl_alert_store_new(struct bl_link *link, const char *env, const char *holder,
                                          struct bl_alert_store **out);
/* Nothing may be pending: close the link first. NULL is fine. */
void bl_alert_store_free(struct bl_alert_store *s);

/* held: this process leads for BL_ALERT_LEASE_MS from when it asked. now_ms: the store's clock, 0 without an answer. */
typedef void bl_alert_lease_fn(void *ctx, bool held, int64_t now_ms);
void bl_alert_store_take(struct bl_alert_store *s, bl_alert_lease_fn *fn, void *ctx);
void bl_alert_store_renew(struct bl_alert_store *s, bl_alert_lease_fn *fn, void *ctx);
/* Best effort. */
void bl_alert_store_give(struct bl_alert_store *s);

struct bl_alert_loader {
    void *ctx;
    void (*head)(void *ctx, int64_t since_ms, int64_t fired_ms); /* INT64_MIN: never */
    void (*counted)(void *ctx, struct bl_pattern_id id, int64_t at_ms);
    void (*waiting)(void *ctx, struct bl_str delivery, int64_t next_ms);
    void (*done)(void *ctx, enum bl_err err);
};
/* One rule's memory, piece by piece, then done. `loader` must live until then. since_ms: for a rule that is new. */
void bl_alert_store_load(struct bl_alert_store *s, const char *rule, int64_t since_ms,
                         struct bl_alert_loader *loader);

/* Is (rule, pattern) decided? known[i] belongs to the i-th. n <= BL_ALERT_BATCH * BL_ALERT_RULES_MAX. */
struct bl_alert_asked {
    const char *rule;
    struct bl_pattern_id pattern;
};
typedef void bl_alert_known_fn(void *ctx, enum bl_err err, const bool *known, size_t n);
void bl_alert_store_known(struct bl_alert_store *s, const struct bl_alert_asked *asked, size_t n,
                          bl_alert_known_fn *fn, void *ctx);

/* The pattern as it is stored now; row is NULL if it is not there any more (or err). Borrowed. */
typedef void bl_alert_row_fn(void *ctx, enum bl_err err, const struct bl_row *row);
void bl_alert_store_pattern(struct bl_alert_store *s, int partition, struct bl_pattern_id id,
                            bl_alert_row_fn *fn, void *ctx);

/* A delivery that waits; found: it is there still. Body borrowed. */
struct bl_alert_delivery {
    bool found;
    struct bl_str body;
    int attempts;
    int64_t made_ms;
};
typedef void bl_alert_delivery_fn(void *ctx, enum bl_err err, const struct bl_alert_delivery *d);
void bl_alert_store_delivery(struct bl_alert_store *s, const char *id, bl_alert_delivery_fn *fn, void *ctx);

/* One atomic write: begin, puts, commit. Puts are gathered in memory; commit sends, and the next may begin at once.
 * now_ms: the store's clock, about. */
typedef void bl_alert_done_fn(void *ctx, enum bl_err err);
void bl_alert_store_begin(struct bl_alert_store *s, int64_t now_ms);
void bl_alert_put_decided(struct bl_alert_store *s, const char *rule, struct bl_pattern_id id);
void bl_alert_put_counted(struct bl_alert_store *s, const char *rule, struct bl_pattern_id id, int64_t at_ms);
/* The window up to and including horizon_ms, and beyond its bound, is forgotten. */
void bl_alert_put_horizon(struct bl_alert_store *s, const char *rule, int64_t horizon_ms);
/* The rule has fired: its window begins anew. */
void bl_alert_put_fired(struct bl_alert_store *s, const char *rule, int64_t fired_ms);
void bl_alert_put_waiting(struct bl_alert_store *s, const char *rule, const char *delivery,
                          struct bl_pattern_id id, struct bl_str body);
/* An attempt has failed: again at next_ms. */
void bl_alert_put_later(struct bl_alert_store *s, const char *rule, const char *delivery, int attempts,
                        int64_t next_ms);
/* Delivered, or given up. */
void bl_alert_put_gone(struct bl_alert_store *s, const char *rule, const char *delivery);
void bl_alert_store_commit(struct bl_alert_store *s, bl_alert_done_fn *fn, void *ctx);

#endif
