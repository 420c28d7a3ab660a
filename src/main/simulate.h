/* What the files of `behaviorlens simulate` share: virtual shoppers (simulate_user.c), the connections their
 * events travel on (simulate_http.c), and the loop that runs both (simulate.c). */
#ifndef BL_MAIN_SIMULATE_H
#define BL_MAIN_SIMULATE_H

#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/base/heap.h"

#include <netdb.h>
#include <uv.h>

/* What is the same for all users of one run. */
struct sim_world {
    uint64_t seed;
    uint64_t
        run; /* part of the event ids only: a second run with the same seed is no duplicate of the first */
    int64_t rate_ms;
    int64_t speed;
};

/* One virtual shopper on one visit to the site. What they do follows from the seed and their number alone. */
struct sim_user {
    struct bl_heap_node node; /* when the next event is due */
    uint64_t number;
    uint64_t random;
    const struct sim_scenario *scenario;
    uint32_t at;           /* the step to do next */
    uint32_t events;       /* so far */
    uint8_t rounds;        /* repetitions so far */
    uint8_t first, second; /* the products they look at */
    uint8_t device, country;
};

/* A new shopper, the number-th of the run; returns the ms until their first event. */
int64_t sim_user_begin(struct sim_user *u, const struct sim_world *w, uint64_t number);
/* Appends their next event as JSON; returns the ms until the one after, -1: they leave. */
int64_t sim_user_act(struct sim_user *u, const struct sim_world *w, int64_t now_ms, struct bl_buf *out);

struct sim_counts {
    int64_t sent; /* events that were answered for good */
    int64_t accepted, rejected;
    int64_t retries; /* requests that were repeated */
};

#define SIM_QUEUE_EVENTS 2000 /* waiting on one connection; then its users wait too */

/* One connection: events wait in a queue, one request is under way at a time, and a request that was not
 * confirmed is repeated as it was, before anything newer: so one user's events arrive in order, once
 * (SPEC 2.7). */
struct sim_link {
    uint32_t magic;
    uv_loop_t *loop;
    const struct addrinfo *address;
    const char *host, *path; /* of the URL; borrowed */
    const char *key;         /* the write key to send, borrowed; "": none */
    struct sim_counts *counts;
    void (*failed)(void *ctx, const char *why); /* an answer that no repetition will change */
    void (*nobody)(void *ctx, const char *why); /* could not connect: each time */
    void *ctx;

    struct bl_buf queue; /* events, joined by commas */
    size_t queued;
    struct bl_buf request; /* head and body under way; empty: none */
    size_t in_request;
    struct bl_buf answer;

    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t timer; /* of the answer, or of the pause before a repetition */
    bool open;        /* the handle tcp is in use */
    bool connected, writing, pausing, closing;
    int64_t pause_ms;
    unsigned handles; /* open ones */
};

void sim_link_init(struct sim_link *l, uv_loop_t *loop);
/* Takes one event. False: the queue is full. */
bool sim_link_add(struct sim_link *l, struct bl_str event);
/* Sends what waits, if nothing is under way. Called once per turn. */
void sim_link_flush(struct sim_link *l);
/* Events that are not confirmed yet. */
size_t sim_link_pending(const struct sim_link *l);
void sim_link_close(struct sim_link *l);
void sim_link_release(struct sim_link *l);

#endif
