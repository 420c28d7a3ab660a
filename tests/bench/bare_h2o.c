/* The limit that single POSTs are measured against: the same HTTP library on the same event loop, one process, which
 * reads a body and answers 202 with the length of our answer, and does nothing else.  bare_h2o PORT */
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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_ctx;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    static const char body[] =
        "{\"status\":\"accepted\",\"event_id\":\"01890000-0000-7000-8000-000000000000\"}";
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t text = {(char *)body, sizeof body - 1};
    (void)self;
    req->res.status = 202;
    req->res.reason = "Accepted";
    req->res.content_length = text.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &generator);
    h2o_send(req, &text, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(uv_stream_t *listener, int status)
{
    uv_tcp_t *tcp = status == 0 ? h2o_mem_alloc(sizeof *tcp) : NULL;
    if (!tcp || uv_tcp_init(listener->loop, tcp) != 0)
        return;
    if (uv_accept(listener, (uv_stream_t *)tcp) != 0) {
        uv_close((uv_handle_t *)tcp, (uv_close_cb)free);
        return;
    }
    uv_tcp_nodelay(tcp, 1);
    h2o_accept(&accept_ctx, h2o_uv_socket_create((uv_stream_t *)tcp, (uv_close_cb)free));
}

int main(int argc, char **argv)
{
    static uv_tcp_t listener;
    struct sockaddr_in address;
    uv_loop_t *loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, loop, &config);
    accept_ctx.ctx = &context;
    accept_ctx.hosts = config.hosts;
    uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &address);
    uv_tcp_init(loop, &listener);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, on_accept) != 0) {
        fprintf(stderr, "bare_h2o: cannot listen\n");
        return 1;
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}
