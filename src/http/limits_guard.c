/* Three limits, in a table: each has its name (the key, or the address), its buckets and its count. Requests are taken
 * from their bucket at once, at the gate. What a body holds is known after it was read: the guard only asks whether its bucket has
 * anything left, and the meter takes what it really was. */
#include "bl/http/limits.h"

#include "client.h"
#include "route.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum limit { KEY_EVENTS, ADDRESS_EVENTS, ADDRESS_REQUESTS, LIMITS };

static const struct {
    bool by_key, of_events;
    const char *message; /* with the seconds */
} limits[LIMITS] = {
    [KEY_EVENTS] = {true, true, "Too many events under this key: repeat after %d s."},
    [ADDRESS_EVENTS] = {false, true, "Too many events from this address: repeat after %d s."},
    [ADDRESS_REQUESTS] = {false, false, "Too many requests from this address: repeat after %d s."},
};

struct bl_http_limits {
    struct bl_http_limits_options options;
    struct bl_limiter limiter[LIMITS];
    uint64_t refused[LIMITS];
    bool by_address; /* is there any such limit? */
};

enum bl_err bl_http_limits_new(const struct bl_http_limits_options *options, struct bl_http_limits **out)
{
    struct bl_http_limits *l = calloc(1, sizeof *l);
    enum bl_err err = BL_OK;
    *out = NULL;
    if (!l)
        return BL_ERR_NO_MEMORY;
    l->options = *options;
    const struct bl_rate rates[LIMITS] = {[KEY_EVENTS] = options->key_events,
                                          [ADDRESS_EVENTS] = options->address_events,
                                          [ADDRESS_REQUESTS] = options->address_requests};
    for (int i = 0; i < LIMITS && err == BL_OK; i++) {
        err = bl_limiter_init(&l->limiter[i], rates[i], BL_LIMITER_PLACES, options->key);
        l->by_address |= !limits[i].by_key && rates[i].per_second > 0;
    }
    if (err != BL_OK) {
        bl_http_limits_free(l);
        return err;
    }
    *out = l;
    return BL_OK;
}

void bl_http_limits_free(struct bl_http_limits *l)
{
    for (int i = 0; l && i < LIMITS; i++)
        bl_limiter_release(&l->limiter[i]);
    free(l);
}

void bl_http_limits_share(struct bl_http_limits *l, size_t n)
{
    for (int i = 0; i < LIMITS; i++)
        bl_limiter_share(&l->limiter[i], n);
}

struct bl_http_limits_counts bl_http_limits_counts(const struct bl_http_limits *l)
{
    struct bl_http_limits_counts c = {l->refused[KEY_EVENTS], l->refused[ADDRESS_EVENTS],
                                      l->refused[ADDRESS_REQUESTS], 0};
    for (int i = 0; i < LIMITS; i++)
        c.forgotten += l->limiter[i].forgotten;
    return c;
}

/* --- who it is */

struct lines {
    const struct bl_request *r;
    size_t at;
};

static bool line_before(void *ctx, struct bl_str *line)
{
    struct lines *l = ctx;
    return bl_request_header_before(l->r, "x-forwarded-for", &l->at, line);
}

/* Empty: not limited by address. */
static struct bl_str address_of(const struct bl_http_limits *l, const struct bl_request *r,
                                struct bl_address *room)
{
    struct bl_client_trust trust = {l->options.trusted, l->options.trusted_n};
    struct sockaddr_storage from;
    struct bl_address peer;
    struct lines lines = {r, SIZE_MAX};
    if (!l->by_address || !bl_request_peer(r, &from) || !bl_address_of(&from, &peer) ||
        !bl_client_address(trust, &peer, line_before, &lines, room))
        return (struct bl_str){0};
    bl_address_whose(room);
    return (struct bl_str){(const char *)room->b, sizeof room->b};
}

/* --- asked, and told */

static void refuse(struct bl_http_limits *l, struct bl_request *r, enum limit limit, int64_t wait_ms,
                   bool events)
{
    char message[128];
    int s = bl_answer_retry_after(r, wait_ms);
    l->refused[limit]++;
    if (events && l->options.refused)
        l->options.refused(l->options.ctx);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* from the table above */
    snprintf(message, sizeof message, limits[limit].message, s);
#pragma GCC diagnostic pop
    bl_answer_error(r, BL_ERR_RATE_LIMITED, NULL, message);
}

/* Before anybody looks at a key: whoever tries keys out is held back like all others. */
static bool enter(void *ctx, struct bl_request *r, enum bl_access need)
{
    struct bl_http_limits *l = ctx;
    struct bl_address room;
    struct bl_str address = address_of(l, r, &room);
    int64_t now_ms = l->options.now_ms(l->options.ctx);
    int64_t wait_ms = address.n ? bl_limiter_take(&l->limiter[ADDRESS_REQUESTS], address, now_ms) : 0;
    if (wait_ms > 0)
        refuse(l, r, ADDRESS_REQUESTS, wait_ms, need == BL_ACCESS_WRITE);
    return wait_ms <= 0;
}

static bool admit(void *ctx, struct bl_request *r, enum bl_access need)
{
    struct bl_http_limits *l = ctx;
    struct bl_address room;
    struct bl_str key = bl_request_key(r), address = address_of(l, r, &room);
    int64_t now_ms = l->options.now_ms(l->options.ctx);
    for (int i = 0; i < LIMITS && need == BL_ACCESS_WRITE; i++) {
        struct bl_str name = limits[i].by_key ? key : address;
        if (name.n == 0 || !limits[i].of_events)
            continue;
        int64_t wait_ms = bl_limiter_ask(&l->limiter[i], name, now_ms);
        if (wait_ms > 0) {
            refuse(l, r, (enum limit)i, wait_ms, true);
            return false;
        }
    }
    return true;
}

static void spent(void *ctx, struct bl_request *r, size_t events)
{
    struct bl_http_limits *l = ctx;
    struct bl_address room;
    struct bl_str key = bl_request_key(r), address = address_of(l, r, &room);
    int64_t now_ms = l->options.now_ms(l->options.ctx);
    for (int i = 0; i < LIMITS; i++) {
        struct bl_str name = limits[i].by_key ? key : address;
        if (name.n > 0 && limits[i].of_events)
            bl_limiter_spend(&l->limiter[i], name, events, now_ms);
    }
}

enum bl_err bl_http_limits_install(struct bl_http_limits *l, struct bl_server *s)
{
    bl_server_gate(s, &(struct bl_guard){l, enter});
    bl_server_meter(s, &(struct bl_meter){l, spent});
    return bl_server_guard(s, &(struct bl_guard){l, admit});
}
