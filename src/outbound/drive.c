/* Libcurl's multi interface on a libuv loop: it says which sockets to watch (on_socket) and when to be called
 * (on_time_wanted); the loop says what happened (on_poll, on_timer), and what is complete by then is finished (gather).
 *
 * A watched socket is one struct that lives until libuv has let go of its handle; libcurl forgets it earlier. */
#include "internal.h"

#include <stdlib.h>

struct watched {
    uint32_t magic;
    struct bl_outbound *client;
    curl_socket_t fd;
    uv_poll_t poll;
};

static void gather(struct bl_outbound *o)
{
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(o->multi, &left)) != NULL) {
        void *private = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        struct exchange *x = BL_CAST(struct exchange, private, EXCHANGE_MAGIC);
        exchange_settle(x, code);
        curl_multi_remove_handle(o->multi, x->easy);
        client_finish(x);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct bl_outbound *o = BL_CAST(struct bl_outbound, timer->data, CLIENT_MAGIC);
    int running;
    curl_multi_socket_action(o->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    gather(o);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *w = BL_CAST(struct watched, poll->data, SOCKET_MAGIC);
    struct bl_outbound *o = w->client;
    int what = status < 0 ? CURL_CSELECT_ERR : 0, running;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(o->multi, w->fd, what, &running);
    gather(o);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct watched *w = BL_CAST(struct watched, handle->data, SOCKET_MAGIC);
    struct bl_outbound *o = w->client;
    w->magic = 0;
    free(w);
    client_handle_gone(o);
}

static struct watched *watch(struct bl_outbound *o, curl_socket_t fd)
{
    struct watched *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    if (uv_poll_init_socket(o->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->magic = SOCKET_MAGIC;
    w->client = o;
    w->fd = fd;
    w->poll.data = w;
    o->handles++;
    curl_multi_assign(o->multi, fd, w);
    return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
    struct bl_outbound *o = BL_CAST(struct bl_outbound, ctx, CLIENT_MAGIC);
    struct watched *w = known ? BL_CAST(struct watched, known, SOCKET_MAGIC) : NULL;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!w)
            return 0;
        curl_multi_assign(o->multi, fd, NULL);
        uv_poll_stop(&w->poll); /* at once: the descriptor may be closed, and used anew, right after this */
        uv_close((uv_handle_t *)&w->poll, on_socket_closed);
        return 0;
    }
    if (!w)
        w = watch(o, fd);
    return w && uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static int on_time_wanted(CURLM *multi, long wait_ms, void *ctx)
{
    struct bl_outbound *o = BL_CAST(struct bl_outbound, ctx, CLIENT_MAGIC);
    (void)multi;
    if (wait_ms < 0)
        uv_timer_stop(&o->timer);
    else
        uv_timer_start(&o->timer, on_timer, (uint64_t)wait_ms, 0);
    return 0;
}

enum bl_err drive_start(struct bl_outbound *o)
{
    o->multi = curl_multi_init();
    if (!o->multi)
        return BL_ERR_NO_MEMORY;
    curl_multi_setopt(o->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(o->multi, CURLMOPT_SOCKETDATA, o);
    curl_multi_setopt(o->multi, CURLMOPT_TIMERFUNCTION, on_time_wanted);
    curl_multi_setopt(o->multi, CURLMOPT_TIMERDATA, o);
    curl_multi_setopt(o->multi, CURLMOPT_MAXCONNECTS, (long)o->options.under_way_max);
    uv_timer_init(o->loop, &o->timer);
    o->timer.data = o;
    o->handles++;
    return BL_OK;
}

void drive_on_handle_closed(uv_handle_t *handle)
{
    client_handle_gone(BL_CAST(struct bl_outbound, handle->data, CLIENT_MAGIC));
}

void drive_stop(struct bl_outbound *o)
{
    curl_multi_cleanup(o->multi);
    o->multi = NULL;
    uv_close((uv_handle_t *)&o->timer, drive_on_handle_closed);
}
