/* What the files of `behaviorlens alerts` share.
 *
 *   alerts.c       the process: Redis, the lease, what is loaded when it leads, the heartbeat
 *   alerts_step.c  changes of patterns in, decisions out
 *   alerts_send.c  the queue of each rule, and the attempts to deliver
 *   alerts_post.c  one request: body, headers, signature
 *   alerts_test.c  `alerts test NAME` */
#ifndef BL_MAIN_ALERTS_H
#define BL_MAIN_ALERTS_H

#include "bl/app/alert_message.h"
#include "bl/app/alerting.h"
#include "bl/base/buf.h"
#include "bl/base/magic.h"
#include "bl/outbound/client.h"
#include "bl/store/alerts.h"
#include "bl/store/dataset.h"
#include "bl/store/feed.h"
#include "bl/store/process.h"
#include "presence.h"
#include "signals.h"

#include <uv.h>

#define ALERTS_MAGIC BL_MAGIC('a', 'l', 'm', 'n')
#define FLIGHT_MAGIC BL_MAGIC('a', 'l', 'f', 'l')
#define FLIGHTS      4   /* attempts at a time, for one webhook */
#define MATCHES_MAX  256 /* of one step; at least BL_ALERT_RULES_MAX */
#define CHANGES_HELD 256

/* An attempt to deliver. It outlives the loss of the lease: what came of it is remembered until it can be written down.
 *
 *   FREE -> FETCHING (the body) -> FLYING -> SETTLED -> COMMITTING -> FREE
 *                                               \<- (not written) -/ */
enum flight_state { FLIGHT_FREE, FLIGHT_FETCHING, FLIGHT_FLYING, FLIGHT_SETTLED, FLIGHT_COMMITTING };

struct flight {
    uint32_t magic;
    struct alerts *alerts;
    struct alert_queue *queue;
    enum flight_state state;
    uint64_t generation; /* of FETCHING and COMMITTING: under which it began */
    char id[BL_ALERT_ID_BYTES];
    int attempts;
    int64_t made_ms, next_ms;
    enum bl_alert_fate fate; /* from SETTLED on */
};

struct alert_waiting {
    char id[BL_ALERT_ID_BYTES];
    int64_t next_ms; /* by the store's clock */
    int attempts;    /* as far as this process knows */
};

/* What belongs to one rule: the alerts that wait for its webhook. */
struct alert_queue {
    const struct bl_alert_rule *rule;
    struct bl_outbound *client;
    struct bl_buf secret; /* empty: not signed */
    struct alert_waiting waiting[BL_ALERT_OUTBOX_MAX];
    size_t n;
    struct flight flights[FLIGHTS];
    int failures;      /* in a row, of the webhook */
    int64_t pause_ms;  /* no attempt before this */
    int64_t failed_ms; /* when the row of failures began */
    bool said;         /* that it fails for long */
    int64_t since_ms;  /* changes written before are not looked at */
};

/* Changes on their way to becoming decisions; one step at a time. */
struct alert_step {
    bool busy;
    uint64_t generation;
    const struct bl_feed_change *held[CHANGES_HELD]; /* not looked at yet */
    size_t n_held;
    const struct bl_feed_change *change[BL_ALERT_BATCH]; /* of this step */
    struct bl_alert_change seen[BL_ALERT_BATCH];
    size_t n;
    struct bl_alert_match match[MATCHES_MAX];
    const struct bl_feed_change *cause[MATCHES_MAX]; /* of match[i] */
    size_t n_match;
    size_t rows_awaited;
    bool failed;
    struct bl_buf body[MATCHES_MAX]; /* of what fired */
};

struct alert_counts {
    uint64_t delivered, failed, retried, suppressed, dropped, fired;
};

enum alerts_phase { ALERTS_AWAY, ALERTS_STANDBY, ALERTS_LOADING, ALERTS_LEADING };

struct alerts {
    uint32_t magic;
    uv_loop_t loop;
    const struct bl_config *config;
    const struct bl_alert_rule *rules;
    size_t n_rules;
    struct alert_queue *queues;
    struct bl_alert_state *states; /* of rules[i] */
    struct alert_step *step;
    struct bl_link *link;
    struct bl_process *process;
    struct bl_alert_store *store;
    struct bl_feed *feed; /* while leading, and until it has closed */
    struct bl_alert_loader loader;
    size_t loading; /* index of the rule */
    enum alerts_phase phase;
    uint64_t generation; /* grows when what is remembered is dropped */
    bool asking;         /* the lease */
    bool feed_closing, opening, current, stopping;
    uint64_t asked_at;  /* of the loop's clock: when the lease was asked for last, … */
    uint64_t led_until; /* … and how long it surely holds */
    int64_t clock_ms;   /* the store's clock less the loop's */
    int partitions;
    struct bl_hash_key hash_key;
    struct alert_counts counts;
    enum presence said;
    unsigned ticks, clients_open;
    uv_timer_t tick;
    struct signals signals;
    int status;
};

/* The store's clock, about. */
int64_t alerts_now_ms(const struct alerts *a);
/* Leading, and sure of it at this moment. */
bool alerts_leads(struct alerts *a);
/* Something is not as remembered: everything is dropped, the lease taken anew, all of it loaded. */
void alerts_drop(struct alerts *a, enum bl_err err);

/* alerts_step.c */
void alerts_offer(struct alerts *a, const struct bl_feed_change *change);
void alerts_step_next(struct alerts *a);
void alerts_step_drop(struct alerts *a);

/* alerts_send.c */
void alerts_queue_init(struct alerts *a, struct alert_queue *q);
/* Puts one into the queue in memory. The id of the one that had to make room is copied to dropped, else it is "". */
void alerts_queue_add(struct alert_queue *q, const char *id, int64_t next_ms,
                      char dropped[BL_ALERT_ID_BYTES]);
void alerts_send_due(struct alerts *a);
/* Writes down what came of attempts, as far as it is not yet. */
void alerts_send_settle(struct alerts *a);

/* alerts_post.c */
/* Clients and secrets. False: said on the log. */
bool alerts_post_open(struct alerts *a, struct alert_queue *q);
/* now_s: for the signature. */
void alerts_post(struct alert_queue *q, const char *delivery, struct bl_str body, int64_t now_s,
                 bl_outbound_fn *fn, void *ctx);

/* alerts_test.c */
int alerts_test(struct alerts *a, const char *name);

#endif
