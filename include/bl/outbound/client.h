/* The way out: POST requests to the world (explanations, alerts), on the libuv loop of the process.
 *
 * What it promises, so that no caller has to think of it: HTTPS with a verified certificate unless plain HTTP is
 * allowed; no redirects, no proxies from the environment, no passwords in URLs; an address that is private, loopback,
 * link-local, shared (CGNAT), multicast or otherwise not of the public Internet is refused unless allowed, and it is
 * the address actually connected to that is looked at, so a name that resolves differently the second time gains
 * nothing. Bounds: requests under way, time, bytes of the answer.
 *
 * `done` runs exactly once for each request, never from inside a call of this header. Nothing here logs: neither URL
 * nor headers nor body, all of which may be secrets. */
#ifndef BL_OUTBOUND_CLIENT_H
#define BL_OUTBOUND_CLIENT_H

#include "bl/base/err.h"
#include "bl/base/str.h"

struct uv_loop_s;
struct bl_outbound;

#define BL_OUTBOUND_HEADERS_MAX 16

enum bl_outbound_result {
    BL_OUTBOUND_DONE,      /* an answer came, of whatever status: look at it */
    BL_OUTBOUND_BUSY,      /* as many requests as allowed are under way: try later */
    BL_OUTBOUND_INVALID,   /* the request itself: URL, scheme, header */
    BL_OUTBOUND_REFUSED,   /* no address of the name is one of the public Internet */
    BL_OUTBOUND_UNKNOWN,   /* the name does not resolve */
    BL_OUTBOUND_CONNECT,   /* no connection */
    BL_OUTBOUND_TLS,       /* the certificate or the handshake */
    BL_OUTBOUND_TIMEOUT,   /* not done in time; whether the other side took it is not known */
    BL_OUTBOUND_TOO_LARGE, /* the answer is larger than allowed */
    BL_OUTBOUND_BROKEN,    /* the connection ended early, or what came was not HTTP */
    BL_OUTBOUND_CANCELLED, /* closed meanwhile */
    BL_OUTBOUND_RESULTS
};

/* Borrowed for the length of `done`. */
struct bl_outbound_answer {
    enum bl_outbound_result result;
    int status;             /* HTTP status; 0 unless DONE */
    struct bl_str body;     /* empty unless DONE */
    int64_t retry_after_ms; /* of the answer's Retry-After, as it stands there; -1: none */
    int64_t took_ms;
};

typedef void bl_outbound_fn(void *ctx, const struct bl_outbound_answer *answer);

struct bl_outbound_options {
    int under_way_max;  /* requests at a time, 1..64 */
    bool allow_http;    /* plain HTTP too */
    bool allow_private; /* addresses that are not of the public Internet too */
};

struct bl_outbound_header {
    struct bl_str name, value;
};

/* Everything is copied. */
struct bl_outbound_request {
    struct bl_str url;
    const struct bl_outbound_header *headers; /* at most BL_OUTBOUND_HEADERS_MAX; content-type among them */
    size_t n_headers;
    struct bl_str body;
    int64_t timeout_ms, connect_timeout_ms; /* in all (with the connection); for the connection */
    size_t answer_max_bytes;
    void *ctx;
    bl_outbound_fn *done;
};

BL_CHECKED enum bl_err bl_outbound_new(struct uv_loop_s *loop, const struct bl_outbound_options *options,
                                       struct bl_outbound **out);
void bl_outbound_post(struct bl_outbound *o, const struct bl_outbound_request *request);
int bl_outbound_under_way(const struct bl_outbound *o);
/* Requests under way end as CANCELLED; then closed(ctx), from the loop, and it is gone. */
void bl_outbound_close(struct bl_outbound *o, void (*closed)(void *ctx), void *ctx);

/* Is this a URL that a client with these options would try? For configuration: NULL, or a sentence that says what is
 * wrong with it (static; does not repeat the URL). */
const char *bl_outbound_url_fault(struct bl_str url, const struct bl_outbound_options *options);
/* How it ended, as a stable word for logs: "busy", "timeout" …; of an answer, by its status: "done" (2xx),
 * "redirected" (3xx), "refused" (4xx), "failed" (all others). */
const char *bl_outbound_outcome(const struct bl_outbound_answer *a);

#endif
