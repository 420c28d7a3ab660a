/* The listener, and the end of it all.
 *
 *   new -> add* -> listen -> (accept …) -> stop -> draining -> closed -> stopped()
 *
 * Draining: the listener closes, event streams end, idle connections are shut for reading (h2o sees an
 * end of file and closes them), every answer says Connection: close; what is left at the deadline is cut.
 * HTTP/2 is off, and its callback is cleared before h2o's context exists: it would arm a timer that makes
 * disposing abort. */
#include "server_internal.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define DRAIN_STEP_MS  50
#define NO_TIMEOUT_MS  ((uint64_t)1000 * 86400) /* pace.c does it */
#define HEAD_MS        10000
#define BODY_MS        10000
#define IDLE_MS        60000
/* Up to here h2o reads a body that is too large, so that our own 413 gets through; beyond, it cuts the
 * connection. */
#define BODY_READ_FACTOR 4

struct route_handler {
    h2o_handler_t super;
    struct bl_server *server;
};

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    return bl_request_enter(((struct route_handler *)self)->server, req);
}

static void config_init(struct bl_server *s)
{
    h2o_config_init(&s->config);
    s->config.server_name = h2o_iovec_init(NULL, 0);
    s->config.http1.upgrade_to_http2 = 0;
    s->config.http1.req_timeout = NO_TIMEOUT_MS;
    s->config.handshake_timeout = (uint64_t)s->options.head_ms;
    s->config.http2.callbacks.request_shutdown = NULL;
    s->config.max_request_entity_size = s->options.body_max_bytes * BODY_READ_FACTOR;
    s->host = h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(s->host, "/", 0);
    struct route_handler *h = (struct route_handler *)h2o_create_handler(path, sizeof *h);
    h->super.on_req = on_request;
    h->server = s;
    bl_filter_install(path);
    bl_filter_install(&s->host->fallback_path);
}

static void default_times(struct bl_server_options *o)
{
    o->head_ms = o->head_ms ? o->head_ms : HEAD_MS;
    o->body_ms = o->body_ms ? o->body_ms : BODY_MS;
    o->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
}

enum bl_err bl_server_new(struct uv_loop_s *loop, const struct bl_server_options *options,
                          struct bl_server **out)
{
    struct bl_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return BL_ERR_NO_MEMORY;
    if (strlen(options->listen) >= sizeof s->listen) {
        free(s);
        return BL_ERR_CONFIG;
    }
    s->magic = BL_SERVER_MAGIC;
    s->loop = loop;
    s->options = *options;
    default_times(&s->options);
    bl_map_init(&s->peers, bl_peer_key);
    memcpy(s->listen, options->listen, strlen(options->listen) + 1);
    s->options.listen = s->listen;
    bl_respond_init(&s->fixed);
    config_init(s);
    h2o_context_init(&s->context, loop, &s->config);
    s->accept.ctx = &s->context;
    s->accept.hosts = s->config.hosts;
    signal(SIGPIPE, SIG_IGN);
    enum bl_err err = bl_tls_open(s);
    if (err != BL_OK) {
        bl_server_free(s);
        return err;
    }
    *out = s;
    return BL_OK;
}

enum bl_err bl_server_add(struct bl_server *s, const struct bl_route *routes, size_t n, void *ctx)
{
    if (n > BL_ROUTES_MAX - s->routes_n)
        return BL_ERR_TOO_LARGE;
    for (size_t i = 0; i < n; i++) {
        bool has_args = strchr(routes[i].pattern, '{');
        s->routes[s->routes_n++] = (struct bl_route_slot){
            &routes[i], ctx, has_args ? (struct bl_str){0} : bl_str_of(routes[i].pattern)};
    }
    return BL_OK;
}

enum bl_err bl_server_guard(struct bl_server *s, const struct bl_guard *guard)
{
    if (s->guards_n == BL_GUARDS_MAX)
        return BL_ERR_TOO_LARGE;
    s->guards[s->guards_n++] = *guard;
    return BL_OK;
}

/* --- listening */

static enum bl_err address_of(const struct bl_server *s, struct sockaddr_storage *out)
{
    const char *text = s->listen[0] ? s->listen : "127.0.0.1";
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (uv_ip4_addr(text, s->options.port, (struct sockaddr_in *)out) == 0)
        return BL_OK;
    return uv_ip6_addr(text, s->options.port, (struct sockaddr_in6 *)out) == 0 ? BL_OK : BL_ERR_CONFIG;
}

/* SO_REUSEPORT must be set before bind, which libuv does by itself: the socket is made here. */
static int bind_socket(const struct sockaddr_storage *address)
{
    int on = 1, fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t n = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)address, n) == 0)
        return fd;
    int err = -errno;
    close(fd);
    return err;
}

enum bl_err bl_server_listen(struct bl_server *s)
{
    struct sockaddr_storage address = {0};
    if (address_of(s, &address) != BL_OK) {
        bl_log(BL_LOG_ERROR, "listen takes an IP address", BL_LOG_TEXT("listen", s->listen));
        return BL_ERR_CONFIG;
    }
    int fd = bind_socket(&address), err = fd;
    if (fd >= 0) {
        uv_tcp_init(s->loop, &s->listener);
        uv_timer_init(s->loop, &s->drain);
        uv_timer_init(s->loop, &s->pace);
        uv_idle_init(s->loop, &s->idle);
        s->listener.data = s->drain.data = s->pace.data = s->idle.data = s;
        s->listening = true;
        err = uv_tcp_open(&s->listener, fd);
        if (err != 0)
            close(fd);
        else
            err = uv_listen((uv_stream_t *)&s->listener, LISTEN_BACKLOG, bl_conn_accept);
    }
    if (err < 0) {
        bl_log(BL_LOG_ERROR, "cannot listen", BL_LOG_TEXT("listen", s->listen),
               BL_LOG_INT("port", s->options.port), BL_LOG_TEXT("reason", uv_strerror(err)));
        return BL_ERR_IO;
    }
    bl_pace_start(s);
    return BL_OK;
}

int bl_server_port(const struct bl_server *s)
{
    struct sockaddr_storage address = {0};
    int n = (int)sizeof address;
    if (!s->listening || uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &n) != 0)
        return s->options.port;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

const struct bl_server_counts *bl_server_counts(const struct bl_server *s)
{
    return &s->counts;
}

/* --- the end */

static void handle_closed(uv_handle_t *handle)
{
    struct bl_server *s = BL_CAST(struct bl_server, handle->data, BL_SERVER_MAGIC);
    s->closing--;
    bl_server_drained(s);
}

void bl_server_drained(struct bl_server *s)
{
    if (!s->draining || s->conns)
        return;
    if (!uv_is_closing((uv_handle_t *)&s->drain)) {
        s->closing += 2;
        uv_close((uv_handle_t *)&s->drain, handle_closed);
        uv_close((uv_handle_t *)&s->idle, handle_closed);
    }
    if (s->closing == 0 && s->stopped) {
        void (*stopped)(void *) = s->stopped;
        s->stopped = NULL;
        stopped(s->stopped_ctx);
    }
}

/* A connection whose request has not begun to arrive is idle. */
static int shut_idle(h2o_req_t *req, void *ctx)
{
    struct bl_conn *c = bl_conn_of(req);
    (void)ctx;
    if (c && req->timestamps.request_begin_at.tv_sec == 0)
        bl_conn_shut(c, SHUT_RD);
    return 0;
}

static void on_drain(uv_timer_t *timer)
{
    struct bl_server *s = BL_CAST(struct bl_server, timer->data, BL_SERVER_MAGIC);
    bool late = (int64_t)uv_now(s->loop) >= s->drain_until_ms;
    bl_conns_sweep(s);
    s->config.http1.callbacks.foreach_request(&s->context, shut_idle, NULL);
    for (struct bl_conn *c = late ? s->conns : NULL; c; c = c->next)
        bl_conn_shut(c, SHUT_RDWR); /* also those in the middle of a TLS handshake */
    bl_server_drained(s);
}

void bl_server_stop(struct bl_server *s, void (*stopped)(void *ctx), void *ctx)
{
    assert(s->listening && !s->draining);
    s->draining = true;
    s->stopped = stopped;
    s->stopped_ctx = ctx;
    s->drain_until_ms = (int64_t)uv_now(s->loop) + s->options.drain_ms;
    s->closing += 2;
    uv_close((uv_handle_t *)&s->listener, handle_closed);
    uv_close((uv_handle_t *)&s->pace, handle_closed);
    h2o_context_request_shutdown(&s->context);
    bl_streams_drain(s);
    uv_timer_start(&s->drain, on_drain, 0, DRAIN_STEP_MS);
}

void bl_server_free(struct bl_server *s)
{
    if (!s)
        return;
    assert(s->magic == BL_SERVER_MAGIC && !s->conns);
    h2o_context_dispose(&s->context);
    h2o_config_dispose(&s->config);
    bl_tls_close(s);
    bl_map_release(&s->peers);
    bl_requests_free(s);
    s->magic = 0;
    free(s);
}
