/* The way in (SPEC 2): a body is decoded, its good events wait for the next group commit, and the request is
 * answered when the store has confirmed them. A pure state machine over ports: no clock, no sockets.
 *
 *   post -> no room, backlog full everywhere: 503 before the body is read --------> answered at once
 *        -> decode -> nothing to store ------------------------------------------> answered at once
 *                  -> open group -(turn ends, 1 ms, or full)-> in flight -> confirmed -> 202 / 207
 *                                                                        -> not      -> 503 (possibly stored)
 *
 * Invariants: all events of a request are in one group, and a group is one transaction (SPEC 2.5); an answer
 * of 202 or 207 is given only after the port said BL_OK; what waits and what is in flight is bounded in bytes
 * and requests; events of one user leave in the order in which they came; what one user sends too much of is refused
 * event by event and delays nobody (a batch in which nothing else was good is answered 429 as a whole, so that clients
 * repeat it). */
#ifndef BL_APP_INGEST_H
#define BL_APP_INGEST_H

#include "bl/wire/decode.h"

#define BL_INGEST_DELAY_MS      1 /* at most, for the group under way: longer than that takes it is of no use */
#define BL_INGEST_GROUP_BYTES   (2 * 1024 * 1024) /* an open group this large leaves at once */
#define BL_INGEST_GROUP_EVENTS  8192
#define BL_INGEST_BYTES_MAX     ((size_t)32 * 1024 * 1024) /* waiting and in flight */
#define BL_INGEST_REQUESTS_MAX  16384
#define BL_INGEST_RETRY_AFTER_S 1

/* One stream entry: canonical lines joined by '\n', at most BL_RECORD_BATCH_EVENTS and _BYTES. */
struct bl_append_entry {
    int partition;
    struct bl_str text;
    size_t events;
};

/* BL_OK: all of them are stored. Anything else: not confirmed, possibly stored. */
typedef void bl_appended_fn(void *ctx, enum bl_err err);

struct bl_refusal {
    enum bl_err err;
    const char *field, *message; /* may be empty */
    struct bl_str raw;           /* as sent; any bytes; empty: only counted */
};

struct bl_ingest_port {
    void *ctx;
    /* 0 … P-1. Only after admit has said BL_OK for the store as a whole. */
    int (*partition_of)(void *ctx, struct bl_str user_id);
    /* May something be appended now? partition < 0: the store as a whole. BL_OK, STORE_UNAVAILABLE,
     * BACKLOG_FULL, OVERLOADED. */
    enum bl_err (*admit)(void *ctx, int partition);
    /* May this user send one more event now? 0: yes, and it counts; else in so many ms. NULL: everybody may. */
    int64_t (*user_wait)(void *ctx, struct bl_str user_id);
    /* Has this user been erased? Then nothing of it is stored. An empty user_id: has anybody? NULL: nobody has. */
    bool (*is_erased)(void *ctx, struct bl_str user_id);
    /* All entries or none. They are borrowed for the call; fn runs once, never from inside. */
    void (*append)(void *ctx, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                   void *fn_ctx);
    /* Calls bl_ingest_flush: at the end of this turn of the loop (0), or delay_ms from now. A sooner wish
     * counts. */
    void (*wake)(void *ctx, int delay_ms);
    /* Keeps a refused event or body, redacted; best effort, never waits. */
    void (*refused)(void *ctx, const struct bl_refusal *refusal);
};

struct bl_ingest_options {
    size_t max_events;
    bool timestamp_needed; /* event mode */
};

struct bl_ingest_answer {
    int status;
    int retry_after_s; /* 0: none */
    struct bl_str json;
};
/* json is borrowed for the call. */
typedef void bl_ingest_fn(void *ctx, const struct bl_ingest_answer *answer);

struct bl_ingest_counts {
    uint64_t accepted, rejected;   /* events */
    uint64_t limited;              /* of the rejected: over their user's limit */
    uint64_t unavailable, backlog; /* events answered 503 */
    uint64_t shed;                 /* requests answered 503 before they were read */
    uint64_t unstored;             /* good, but only counted: bl_ingest_pass */
    uint64_t groups, entries;      /* transactions and stream entries sent */
    uint64_t failed;               /* transactions not confirmed */
    uint64_t requests_waiting;     /* gauge */
    uint64_t bytes_waiting;        /* gauge: waiting and in flight */
};

struct bl_ingest;

BL_CHECKED enum bl_err bl_ingest_new(const struct bl_ingest_port *port,
                                     const struct bl_ingest_options *options, struct bl_ingest **out);
/* Nothing may be in flight; requests that wait are forgotten. */
void bl_ingest_free(struct bl_ingest *i);

/* true: *answer is the answer (borrowed until the next call), fn will not run. false: fn runs once, later. */
BL_CHECKED bool bl_ingest_post(struct bl_ingest *i, enum bl_body_kind kind, struct bl_str body,
                               bl_ingest_fn *fn, void *ctx, struct bl_ingest_answer *answer);
/* A body that is not to be stored, by the wish of who sent it (Sec-GPC): it is read and checked like any other, its events
 * are counted, and nothing of them is kept, not even of the bad ones. Needs no store. */
void bl_ingest_pass(struct bl_ingest *i, enum bl_body_kind kind, struct bl_str body,
                    struct bl_ingest_answer *answer);
/* Is such a wish heard? Yes, unless this says otherwise. */
void bl_ingest_hear(struct bl_ingest *i, bool wish);
bool bl_ingest_hears(const struct bl_ingest *i);
/* How many events, good and bad, the last body held. */
size_t bl_ingest_received(const struct bl_ingest *i);
/* A body that is refused as a whole before it is read (413, 415): recorded like a refused event. */
void bl_ingest_refuse(struct bl_ingest *i, enum bl_err err, struct bl_str body);
/* Sends the open group. Called by the port's wake. */
void bl_ingest_flush(struct bl_ingest *i);
const struct bl_ingest_counts *bl_ingest_counts(const struct bl_ingest *i);

#endif
