/* Connections: h2o has no cap on them and no way to end idle ones, so each is counted and kept in a list here, and by
 * the address it comes from if that has a bound of its own. */
#include "server_internal.h"

#include "bl/base/magic.h"
#include "bl/base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define V4_BYTES 4
#define V6_BYTES 8 /* a /64 is one customer */

/* Those of one address. */
struct bl_peer {
    char address[V6_BYTES];
    size_t address_n, conns;
};

struct bl_str bl_peer_key(const void *peer)
{
    const struct bl_peer *p = peer;
    return (struct bl_str){p->address, p->address_n};
}

static struct bl_str address_of(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return (struct bl_str){(const char *)&((const struct sockaddr_in *)a)->sin_addr, V4_BYTES};
    const char *v6 = (const char *)&((const struct sockaddr_in6 *)a)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)a)->sin6_addr))
        return (struct bl_str){v6 + 12, V4_BYTES};
    return (struct bl_str){v6, V6_BYTES};
}

/* false: that address has as many as it may. Without memory to count in, it is let in: the total is bounded anyway. */
static bool count_peer(struct bl_conn *c)
{
    struct bl_server *s = c->server;
    struct sockaddr_storage a;
    int n = (int)sizeof a;
    if (s->options.connections_per_address == 0 ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n) != 0)
        return true;
    struct bl_str address = address_of(&a);
    struct bl_peer *p = bl_map_get(&s->peers, address);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            return true;
        memcpy(p->address, address.p, address.n);
        p->address_n = address.n;
        if (bl_map_put(&s->peers, p) != BL_OK) {
            free(p);
            return true;
        }
    }
    if (p->conns >= s->options.connections_per_address)
        return false;
    p->conns++;
    c->peer = p;
    return true;
}

static void uncount_peer(struct bl_conn *c)
{
    struct bl_peer *p = c->peer;
    if (!p || --p->conns > 0)
        return;
    bl_map_del(&c->server->peers, bl_peer_key(p));
    free(p);
}

static void conn_closed(uv_handle_t *handle)
{
    struct bl_conn *c = (struct bl_conn *)handle;
    struct bl_server *s = c->server;
    assert(c->magic == BL_CONN_MAGIC);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->counts.connections_open--;
    uncount_peer(c);
    bl_socket_forget(&c->written);
    c->magic = 0;
    free(c);
    bl_server_drained(s);
}

static struct bl_conn *conn_new(struct bl_server *s)
{
    struct bl_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = BL_CONN_MAGIC;
    c->server = s;
    if (uv_tcp_init(s->loop, &c->tcp) != 0) {
        free(c);
        return NULL;
    }
    bl_socket_init(c);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->counts.connections_open++;
    return c;
}

/* One too many is accepted all the same and closed: left in the queue it would hang until its client tires. */
void bl_conn_accept(uv_stream_t *listener, int status)
{
    struct bl_server *s = BL_CAST(struct bl_server, listener->data, BL_SERVER_MAGIC);
    if (status != 0)
        return;
    struct bl_conn *c = conn_new(s);
    if (!c)
        bl_out_of_memory(); /* one that is not accepted would be the last that libuv tells of */
    bool accepted = uv_accept(listener, (uv_stream_t *)&c->tcp) == 0;
    bool full = s->counts.connections_open > s->options.connections_max;
    s->crowded |= full;
    if (!accepted || full || s->draining || !count_peer(c)) {
        s->counts.connections_refused += accepted;
        uv_close((uv_handle_t *)&c->tcp, conn_closed);
        return;
    }
    s->counts.connections++;
    uv_tcp_nodelay(&c->tcp, 1);
    h2o_socket_t *sock = h2o_uv_socket_create((uv_stream_t *)&c->tcp, conn_closed);
    sock->on_close.data = c;
    h2o_accept(&s->accept, sock);
}

struct bl_conn *bl_conn_of(h2o_req_t *req)
{
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    return sock ? sock->on_close.data : NULL;
}

/* Nothing is on its way out, nothing more can be, and h2o waits for it. */
static bool is_lost(const struct bl_conn *c)
{
    const uv_stream_t *stream = (const uv_stream_t *)&c->tcp;
    const h2o_socket_t *sock = c->tcp.data;
    return !uv_is_closing((const uv_handle_t *)&c->tcp) && !uv_is_writable(stream) &&
           uv_stream_get_write_queue_size(stream) == 0 && sock->_cb.write;
}

/* Under TLS h2o ends a connection by a write, and goes on when it is out. libuv refuses that write once a read has failed
 * (the other end has reset the connection), and h2o does not look: its callback never comes, and the connection would stay
 * for ever. It is told here, the second time that it is found so: a callback that is on its way has come by then. */
void bl_conns_sweep(struct bl_server *s)
{
    for (struct bl_conn *c = s->tls ? s->conns : NULL, *next; c; c = next) {
        h2o_socket_t *sock = c->tcp.data;
        bool before = c->lost;
        next = c->next;
        c->lost = is_lost(c);
        if (!before || !c->lost)
            continue;
        h2o_socket_cb written = sock->_cb.write;
        sock->_cb.write = NULL;
        written(sock, "the other end has reset the connection");
    }
}

void bl_conn_shut(struct bl_conn *c, int how)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        shutdown(fd, how);
}

void bl_conn_reset(struct bl_conn *c)
{
    static const struct linger now = {1, 0};
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    bl_conn_shut(c, SHUT_RDWR);
}
