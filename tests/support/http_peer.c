/* An HTTP server that behaves as the first word of the path says: rightly, slowly, wrongly, not at all. For tests of
 * what goes out.
 *
 *   http_peer LOG        prints its port on standard output; appends each request, whole, to LOG and a line `====`
 *
 * It ends when standard input does, so that it cannot outlive its test. */
#undef NDEBUG /* what is asserted here is done here */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define REQUEST_MAX ((size_t)1024 * 1024)
#define DRIP_MS     50
#define FLOOD_BYTES 16384

enum kind { ANSWER, SILENT, DRIP, MIDWAY, GONE, FLOOD, FLOOD_HEAD, GARBAGE };

#define MESSAGE(text)                                                                                        \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"

static const struct mode {
    const char *name;
    enum kind kind;
    int status;
    const char *headers, *body;
} modes[] = {
    {"ok", ANSWER, 200, "", MESSAGE("The shopper compared the page again and again. A size guide may help.")},
    {"alert", ANSWER, 200, "", "ok"},
    {"long", ANSWER, 200, "",
     MESSAGE("One sentence about 3.5 pages. Two sentences. Three sentences. <b>Four</b> sentences.")},
    {"dirty", ANSWER, 200, "",
     MESSAGE(
         "  **They**\\n\\tleft\\u0007 <script>alert(1)</script> the `page`\\u0000 \\u202eafter a while.  ")},
    {"endless", ANSWER, 200, "",
     MESSAGE("wordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswords"
             "words "
             "wordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswords"
             "words "
             "wordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswords"
             "words "
             "wordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswordswords"
             "words "
             "w\\u00f6rds")},
    {"blank", ANSWER, 200, "", MESSAGE(" \\n \\t ")},
    {"notjson", ANSWER, 200, "", "<html>hello</html>"},
    {"badutf8", ANSWER, 200, "", MESSAGE("caf\xe9")},
    {"wrongshape", ANSWER, 200, "", "{\"content\":\"no list\"}"},
    {"emptylist", ANSWER, 200, "", "{\"content\":[]}"},
    {"tool", ANSWER, 200, "", "{\"content\":[{\"type\":\"tool_use\",\"input\":{}}]}"},
    {"bad", ANSWER, 400, "", "{\"error\":{\"message\":\"max_tokens\"}}"},
    {"unauthorized", ANSWER, 401, "", "{\"error\":{\"message\":\"invalid x-api-key\"}}"},
    {"limited", ANSWER, 429, "Retry-After: 2\r\n", "{}"},
    {"forever", ANSWER, 429, "Retry-After: 99999999\r\n", "{}"},
    {"broken", ANSWER, 500, "", "{}"},
    {"overloaded", ANSWER, 529, "", "{}"},
    {"redirect", ANSWER, 302, "Location: /ok\r\n", ""},
    {"silent", SILENT, 0, "", ""},
    {"drip", DRIP, 200, "", MESSAGE("Never whole in time, since each byte takes its time.")},
    {"midway", MIDWAY, 200, "", MESSAGE("Never whole.")},
    {"gone", GONE, 0, "", ""},
    {"flood", FLOOD, 200, "", ""},
    {"floodhead", FLOOD_HEAD, 200, "", ""},
    {"garbage", GARBAGE, 0, "", "SSH-2.0-OpenSSH_9.2\r\n"},
};

struct peer {
    uv_tcp_t tcp;
    uv_timer_t timer;
    int handles;
    char in[REQUEST_MAX];
    size_t n;
    const struct mode *mode;
    char out[4096];
    size_t out_n, out_at;
};

static FILE *request_log;
static char flood[FLOOD_BYTES];

static void on_closed(uv_handle_t *handle)
{
    struct peer *p = handle->data;
    if (--p->handles == 0)
        free(p);
}

static void end(struct peer *p)
{
    if (uv_is_closing((uv_handle_t *)&p->tcp))
        return;
    uv_close((uv_handle_t *)&p->tcp, on_closed);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void on_written(uv_write_t *w, int status);

static void put(struct peer *p, const char *bytes, size_t n)
{
    uv_write_t *w = malloc(sizeof *w);
    uv_buf_t buf = uv_buf_init((char *)(size_t)bytes, (unsigned)n);
    assert(w);
    w->data = p;
    if (uv_write(w, (uv_stream_t *)&p->tcp, &buf, 1, on_written) != 0) {
        free(w);
        end(p);
    }
}

static void on_written(uv_write_t *w, int status)
{
    struct peer *p = w->data;
    free(w);
    if (status < 0 || uv_is_closing((uv_handle_t *)&p->tcp))
        end(p);
    else if (p->mode->kind == FLOOD || p->mode->kind == FLOOD_HEAD)
        put(p, flood, sizeof flood);
    else if (p->mode->kind == MIDWAY || p->mode->kind == GARBAGE)
        end(p);
}

static void on_drip(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    if (p->out_at < p->out_n)
        put(p, p->out + p->out_at++, 1);
}

static void answer(struct peer *p)
{
    const struct mode *m = p->mode;
    size_t body = strlen(m->body);
    int n = snprintf(
        p->out, sizeof p->out,
        "HTTP/1.1 %d Some Words\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
        m->status, m->headers, body, m->body);
    p->out_n = (size_t)n;
    switch (m->kind) {
    case ANSWER:
        put(p, p->out, p->out_n);
        break;
    case MIDWAY:
        put(p, p->out, p->out_n - body / 2);
        break;
    case DRIP:
        uv_timer_start(&p->timer, on_drip, 0, DRIP_MS);
        break;
    case GARBAGE:
        put(p, m->body, body);
        break;
    case FLOOD:
        put(p, "HTTP/1.1 200 OK\r\n\r\n", 19);
        break;
    case FLOOD_HEAD:
        put(p, "HTTP/1.1 200 OK\r\n", 17);
        break;
    case GONE:
        end(p);
        break;
    case SILENT:
        break;
    }
}

static const struct mode *mode_of(const char *request)
{
    const char *path = strchr(request, '/');
    for (size_t i = 0; path && i < sizeof modes / sizeof *modes; i++) {
        size_t n = strlen(modes[i].name);
        if (strncmp(path + 1, modes[i].name, n) == 0 && (path[n + 1] == '/' || path[n + 1] == ' '))
            return &modes[i];
    }
    return &modes[0];
}

/* A whole request stands in `in`: its bytes, else 0. */
static size_t whole(struct peer *p)
{
    p->in[p->n] = '\0';
    const char *head_end = strstr(p->in, "\r\n\r\n"), *length = strcasestr(p->in, "\r\ncontent-length:");
    if (!head_end)
        return 0;
    size_t n =
        (size_t)(head_end - p->in) + 4 + (length && length < head_end ? strtoul(length + 17, NULL, 10) : 0);
    return p->n >= n ? n : 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = stream->data;
    (void)buf;
    if (n < 0) {
        end(p);
        return;
    }
    p->n += (size_t)n;
    size_t request = whole(p);
    if (!request)
        return;
    fwrite(p->in, 1, request, request_log);
    fputs("\n====\n", request_log);
    fflush(request_log);
    p->mode = mode_of(p->in);
    memmove(p->in, p->in + request, p->n - request);
    p->n -= request;
    answer(p);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct peer *p = handle->data;
    (void)wanted;
    *buf = uv_buf_init(p->in + p->n, (unsigned)(sizeof p->in - 1 - p->n));
}

static void on_connection(uv_stream_t *server, int status)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p || status != 0)
        abort();
    p->handles = 2;
    p->mode = &modes[0];
    uv_tcp_init(server->loop, &p->tcp);
    uv_timer_init(server->loop, &p->timer);
    p->tcp.data = p->timer.data = p;
    if (uv_accept(server, (uv_stream_t *)&p->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) != 0)
        end(p);
}

static void on_stdin(uv_poll_t *poll, int status, int events)
{
    char c;
    (void)events;
    if (status < 0 || fread(&c, 1, 1, stdin) == 0)
        uv_stop(poll->loop);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    uv_poll_t input;
    struct sockaddr_in at;
    int n = sizeof at;
    signal(SIGPIPE, SIG_IGN);
    request_log = argc == 2 ? fopen(argv[1], "a") : NULL;
    assert(request_log);
    memset(flood, 'x', sizeof flood);
    for (size_t i = 62; i + 1 < sizeof flood; i += 64)
        memcpy(flood + i, i % 128 == 62 ? ":y" : "\r\n", 2);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(loop, &server);
    uv_tcp_bind(&server, (const struct sockaddr *)&at, 0);
    int err = uv_listen((uv_stream_t *)&server, 128, on_connection);
    assert(err == 0 && uv_tcp_getsockname(&server, (struct sockaddr *)&at, &n) == 0);
    (void)err;
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    uv_poll_init(loop, &input, 0);
    uv_poll_start(&input, UV_READABLE, on_stdin);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
