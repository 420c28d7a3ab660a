/* The HTTP server: h2o on the libuv loop, HTTP/1.1 only (h2o 2.2.5 lacks the later fixes of its HTTP/2), one
 * table of routes, answers in JSON. It knows nothing of events or patterns: groups of calls register their
 * routes with the context they need (bl_http_ingest, bl_http_api, …), and main wires them to the ports.
 *
 * Life: new, add routes, listen, then stop: the listener closes, requests at hand are answered, kept-alive
 * connections end, and stopped(ctx) runs from the loop, at the latest after `drain_ms`. Then free. */
#ifndef BL_HTTP_SERVER_H
#define BL_HTTP_SERVER_H

#include "bl/app/access.h"
#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_GUARDS_MAX 4

struct uv_loop_s;
struct bl_server;
struct bl_route; /* src/http/route.h: the calls' side */

/* Asked in the order of adding, before a handler sees the request (its body is there). true: go on. false: the guard has
 * answered. Guards know who may (keys) and how much (limits); the server knows neither. */
struct bl_request;
struct bl_guard {
    void *ctx;
    bool (*admit)(void *ctx, struct bl_request *r, enum bl_access need);
};

/* Told how many events a body held, good and bad, once it was read: for limits that count them. */
struct bl_meter {
    void *ctx;
    void (*spent)(void *ctx, struct bl_request *r, size_t events);
};

struct bl_server_options {
    const char *listen;     /* address; borrowed until new returns */
    int port;               /* 0: the system chooses; see bl_server_port */
    size_t connections_max; /* more are closed at once */
    size_t body_max_bytes;  /* a longer body gets our 413 */
    int64_t drain_ms;
    /* 0: the default */
    int64_t head_ms; /* a head that takes longer is cut (10 s) */
    int64_t body_ms; /* so is a body that brings less than 16 KiB in this time (10 s), */
    int64_t idle_ms; /* a connection without a request, and one that does not take its answer (60 s) */
    size_t connections_per_address; /* 0: no bound */
    const char *tls_cert, *tls_key; /* PEM files, both or none; looked at again when they change */
};

/* Totals since start; gauges are marked. */
struct bl_server_counts {
    uint64_t requests;
    uint64_t by_class[6]; /* answers by status / 100 */
    uint64_t connections, connections_refused;
    uint64_t cut_slow;         /* connections */
    uint64_t connections_open; /* gauge */
    uint64_t requests_open;    /* gauge */
};

BL_CHECKED enum bl_err bl_server_new(struct uv_loop_s *loop, const struct bl_server_options *options,
                                     struct bl_server **out);
/* Routes are borrowed (static tables); ctx goes to each handler. Before listen. */
BL_CHECKED enum bl_err bl_server_add(struct bl_server *s, const struct bl_route *routes, size_t n, void *ctx);
/* Before listen; at most BL_GUARDS_MAX. */
BL_CHECKED enum bl_err bl_server_guard(struct bl_server *s, const struct bl_guard *guard);
/* Asked before all guards and of every request whose head is right, also of one that no route or no guard will take.
 * Before listen; there is one. */
void bl_server_gate(struct bl_server *s, const struct bl_guard *gate);
/* Before listen; there is one. */
void bl_server_meter(struct bl_server *s, const struct bl_meter *meter);
/* BL_ERR_IO with the reason logged if the address cannot be had. */
BL_CHECKED enum bl_err bl_server_listen(struct bl_server *s);
int bl_server_port(const struct bl_server *s);
void bl_server_stop(struct bl_server *s, void (*stopped)(void *ctx), void *ctx);
const struct bl_server_counts *bl_server_counts(const struct bl_server *s);
/* Only after stopped(), or if listen was never called. */
void bl_server_free(struct bl_server *s);

#endif
