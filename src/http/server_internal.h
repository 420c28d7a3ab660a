/* What the files of the HTTP side share and the calls do not see: the server, its connections, h2o's place in
 * it. */
#ifndef BL_HTTP_SERVER_INTERNAL_H
#define BL_HTTP_SERVER_INTERNAL_H

#include "route.h"

#include "bl/base/map.h"

/* h2o's headers do not keep our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wwrite-strings"
#include <h2o.h>
#pragma GCC diagnostic pop

#define BL_SERVER_MAGIC  BL_MAGIC('s', 'r', 'v', 'r')
#define BL_CONN_MAGIC    BL_MAGIC('c', 'o', 'n', 'n')
#define BL_REQUEST_MAGIC BL_MAGIC('r', 'q', 's', 't')
#define BL_STREAM_MAGIC  BL_MAGIC('s', 't', 'r', 'm')

#define BL_ROUTES_MAX 128

struct bl_route_slot {
    const struct bl_route *route;
    void *ctx;
    struct bl_str path; /* the pattern, if it has no arguments: then it is compared as it is; else empty */
};

#define BL_EXPOSED_HEADERS "ETag, Link, Retry-After"

/* What answers have, as h2o keeps headers: the first BL_FIXED_ALWAYS go with each, the rest with what any page may read. */
enum { BL_FIXED_ALWAYS = 2, BL_FIXED_HEADERS = 4 };
struct bl_fixed_headers {
    h2o_iovec_t names[BL_FIXED_HEADERS];
    h2o_header_t all[BL_FIXED_HEADERS];
};

/* Requests that were let go, for the next ones: some 64 are under way at any time, more than malloc keeps at hand. */
#define BL_SPARE_REQUESTS 256

/* The listener and the drain timer are in a struct of their own as libuv holds them until their close
 * callbacks. */
struct bl_server {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_server_options options;
    char listen[64];
    h2o_globalconf_t config;
    h2o_hostconf_t *host;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    uv_tcp_t listener;
    uv_timer_t drain, pace;
    bool listening, draining, context_ready;
    int closing; /* handles whose close callback is awaited */
    int64_t drain_until_ms;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct bl_route_slot routes[BL_ROUTES_MAX];
    size_t routes_n;
    struct bl_guard gate; /* admit NULL: none */
    struct bl_guard guards[BL_GUARDS_MAX];
    size_t guards_n;
    struct bl_meter meter;
    const struct bl_http_access *access; /* NULL: nobody is asked for a key */
    struct bl_server_counts counts;
    struct bl_fixed_headers fixed;
    struct bl_request *spare; /* of at most BL_SPARE_REQUESTS */
    size_t spare_n;
    struct bl_tls *tls;         /* NULL: in the clear */
    struct bl_map peers;        /* addresses with connections, if they are counted */
    struct bl_conn *conns;      /* open connections */
    struct bl_written *written; /* socket.c */
    uv_idle_t idle;             /* active while there are such */
    bool crowded;               /* all are taken, and somebody was refused for it */
    unsigned hurry;             /* pace.c: the halvings */
    struct bl_stream *streams;  /* open event streams */
};

enum bl_pace { BL_PACE_IDLE, BL_PACE_HEAD, BL_PACE_BODY, BL_PACE_ANSWER };

enum bl_reading { BL_READING_OFF, BL_READING_ON, BL_READING_HELD };

/* A write that is through, of which h2o is to be told. */
struct bl_written {
    uv_write_t *req;
    uv_write_cb cb;
    struct bl_written *next, **at; /* at NULL: none */
};

struct bl_conn {
    uv_tcp_t tcp; /* first: h2o gives it back to conn_closed */
    uint32_t magic;
    struct bl_server *server;
    struct bl_peer *peer; /* NULL: not counted */
    bool lost;            /* bl_conns_sweep found it so */
    struct bl_conn *next, *prev;
    uint64_t requests; /* begun on it */
    /* socket.c */
    enum bl_reading reading;
    uv_alloc_cb alloc; /* libh2o's */
    uv_read_cb read;
    struct bl_written written;
    /* pace.c */
    enum bl_pace pace;
    uint64_t requests_seen;
    int64_t since_ms; /* 0: not looked at yet */
    size_t amount;    /* bytes there at since_ms: of the body, or that wait to be sent */
};

/* Held by two: h2o's pool (the anchor, until the request dies) and the handler (until it answers). */
struct bl_request {
    uint32_t magic;
    int holds;
    bool answered;
    struct bl_server *server;
    h2o_req_t *req;     /* NULL: the client is gone */
    struct bl_buf text; /* decoded path arguments and query; reserved once, never moves */
    struct bl_str args[BL_PATH_ARGS_MAX];
    enum bl_access need; /* of the call; OPEN while it is not known */
    char key[BL_KEY_ID_BYTES];
    size_t key_n;
    bool retry_after;               /* said already */
    struct bl_target_param *params; /* BL_QUERY_PARAMS_MAX of them once the query is parsed */
    size_t params_n;
    struct bl_request *next; /* among the spare ones */
};

/* request.c */
int bl_request_enter(struct bl_server *s, h2o_req_t *req);
void bl_request_release(struct bl_request *r);
void bl_requests_free(struct bl_server *s);
/* server.c: one thing less to wait for */
void bl_server_drained(struct bl_server *s);
/* conn.c */
bl_map_key_fn bl_peer_key; /* the address */
void bl_conn_accept(uv_stream_t *listener, int status);
/* NULL: it is gone. */
struct bl_conn *bl_conn_of(h2o_req_t *req);
void bl_conn_shut(struct bl_conn *c, int how);
/* Ends those whose end h2o waits for in vain. */
void bl_conns_sweep(struct bl_server *s);
/* What waits to be sent is thrown away: otherwise the kernel keeps it for minutes for one who does not read. */
void bl_conn_reset(struct bl_conn *c);
/* socket.c: from now on what libh2o reads and writes of it goes through there. */
void bl_socket_init(struct bl_conn *c);
/* When the connection has ended. */
void bl_socket_forget(struct bl_written *w);
/* pace.c */
void bl_pace_start(struct bl_server *s);
void bl_pace_look(uv_timer_t *timer);
/* tls.c: by the options, if they name files. BL_ERR_CONFIG: why is logged. */
BL_CHECKED enum bl_err bl_tls_open(struct bl_server *s);
void bl_tls_look(struct bl_server *s, int64_t now_ms);
void bl_tls_close(struct bl_server *s);
/* respond.c: fills in what each answer has; the caller sends. false: nobody to answer, r has been released.
 */
bool bl_respond_head(struct bl_request *r, int status, const char *type, size_t length, const char *cache);
const char *bl_respond_reason(int status);
void bl_respond_init(struct bl_fixed_headers *f);
/* cors.c: may any page read the answer to come? (bl_respond_head says so then) */
bool bl_cors_is_open(const struct bl_request *r);
/* What else a page of another origin may do with it. */
void bl_cors_add(struct bl_request *r);
/* filter.c: our error bodies in place of h2o's. */
void bl_filter_install(h2o_pathconf_t *path);
/* stream.c */
void bl_streams_drain(struct bl_server *s);
/* Ends those that may not stay; `key` is the id of the caller's. */
void bl_streams_end(struct bl_server *s, bool (*stays)(void *ctx, struct bl_str key), void *ctx);

static inline struct bl_str bl_str_iovec(h2o_iovec_t v)
{
    return (struct bl_str){v.base, v.len};
}

#endif
