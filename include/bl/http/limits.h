/* The guard of rate limits: how much one client may ask, decided before a body is read (SPEC 2.4: 429 with Retry-After).
 * A client is an address as the trusted proxies report it (client.h says how), or a key. Who comes by trusted addresses
 * alone, i.e. one of our own machines, has no limit by address. */
#ifndef BL_HTTP_LIMITS_H
#define BL_HTTP_LIMITS_H

#include "bl/app/limiter.h"
#include "bl/base/net.h"

struct bl_server;
struct bl_http_limits;

struct bl_http_limits_options {
    struct bl_rate key_events, address_events; /* counted after the body was read: one body may overdraw */
    struct bl_rate address_requests;
    const struct bl_network *trusted; /* borrowed for its life */
    size_t trusted_n;
    struct bl_hash_key key; /* random */
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    void (*refused)(void *ctx); /* a body of events was answered 429: to be counted (SPEC 2.6) */
};

struct bl_http_limits_counts {
    uint64_t key_events, address_events,
        address_requests; /* requests answered 429, by the limit that was hit */
    uint64_t forgotten;   /* buckets that made room for others before they were full */
};

BL_CHECKED enum bl_err bl_http_limits_new(const struct bl_http_limits_options *options,
                                          struct bl_http_limits **out);
/* NULL is fine. */
void bl_http_limits_free(struct bl_http_limits *l);
/* Adds gate, guard (after that of keys) and meter. Before listen. */
BL_CHECKED enum bl_err bl_http_limits_install(struct bl_http_limits *l, struct bl_server *s);
/* See bl_limiter_share. */
void bl_http_limits_share(struct bl_http_limits *l, size_t n);
struct bl_http_limits_counts bl_http_limits_counts(const struct bl_http_limits *l);

#endif
