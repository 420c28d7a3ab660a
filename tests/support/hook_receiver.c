/* A receiver of webhooks, for tests of the alerts. It checks the signature as the README tells receivers to, with
 * OpenSSL alone, and behaves as the first word of the path says.
 *
 *   hook_receiver PORT SECRET LOG     PORT 0 takes a free one; prints the port on standard output
 *
 *   /ok       200
 *   /slow     200, after a second
 *   /flaky    500 when a delivery comes for the first time, then 200
 *   /busy     429 with Retry-After: 2 when a delivery comes for the first time, then 200
 *   /bad      400
 *   /away     302 to /ok/redirected
 *   /silent   takes the request and never answers
 *
 * A line of LOG for each request, before it is answered: time in ms, path, delivery, alert, pattern, the verdict on the
 * signature (good, wrong, old, none), the status. It ends when standard input does. */
#undef NDEBUG
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#define REQUEST_MAX ((size_t)256 * 1024)
#define SEEN_MAX    4096
#define TOLERANCE_S 300
#define SLOW_MS     1000
#define ID_BYTES    64

struct peer {
    uv_tcp_t tcp;
    uv_timer_t timer;
    int handles, status;
    char in[REQUEST_MAX + 1];
    size_t n;
};

static FILE *request_log;
static const char *secret;
static char seen[SEEN_MAX][ID_BYTES];
static size_t n_seen;

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

static void on_written(uv_write_t *w, int status)
{
    if (status < 0)
        end(w->data);
    free(w);
}

static void on_answer(uv_timer_t *timer)
{
    static char text[256];
    struct peer *p = timer->data;
    uv_write_t *w = malloc(sizeof *w);
    snprintf(text, sizeof text, "HTTP/1.1 %d Words\r\n%s%sContent-Length: 2\r\n\r\nok", p->status,
             p->status == 429 ? "Retry-After: 2\r\n" : "",
             p->status == 302 ? "Location: /ok/redirected\r\n" : "");
    uv_buf_t buf = uv_buf_init(text, (unsigned)strlen(text));
    assert(w);
    w->data = p;
    if (uv_write(w, (uv_stream_t *)&p->tcp, &buf, 1, on_written) != 0) {
        free(w);
        end(p);
    }
}

/* The value of a header, cut to fit; "-" if there is none. */
static void header(const char *head, const char *name, char *out, size_t max)
{
    const char *at = strcasestr(head, name);
    size_t n = at ? strcspn(at += strlen(name), "\r") : 0;
    snprintf(out, max, "%.*s", at ? (int)n : 1, at ? at : "-");
}

static const char *verdict(const char *signature, const char *body, size_t n)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int mac_n = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    const char *v1 = strstr(signature, ",v1=");
    if (strncmp(signature, "t=", 2) != 0 || !v1)
        return "none";
    size_t t_n = (size_t)(v1 - signature) - 2;
    char *text = malloc(t_n + 1 + n);
    assert(text);
    memcpy(text, signature + 2, t_n);
    text[t_n] = '.';
    memcpy(text + t_n + 1, body, n);
    assert(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, t_n + 1 + n, mac,
                &mac_n));
    free(text);
    for (unsigned i = 0; i < mac_n; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    if (strcmp(hex, v1 + 4) != 0)
        return "wrong";
    return llabs((long long)time(NULL) - strtoll(signature + 2, NULL, 10)) > TOLERANCE_S ? "old" : "good";
}

static int first_time(const char *delivery)
{
    for (size_t i = 0; i < n_seen; i++)
        if (strcmp(seen[i], delivery) == 0)
            return 0;
    assert(n_seen < SEEN_MAX);
    snprintf(seen[n_seen++], ID_BYTES, "%s", delivery);
    return 1;
}

static int starts(const char *path, const char *word)
{
    return strncmp(path, word, strlen(word)) == 0;
}

static int status_of(const char *path, const char *delivery)
{
    if (starts(path, "/flaky"))
        return first_time(delivery) ? 500 : 200;
    if (starts(path, "/busy"))
        return first_time(delivery) ? 429 : 200;
    if (starts(path, "/bad"))
        return 400;
    return starts(path, "/away") ? 302 : starts(path, "/silent") ? 0 : 200;
}

static void take(struct peer *p, char *body, size_t n)
{
    char path[128] = "-", delivery[ID_BYTES], alert[80], signature[128], pattern[40] = "-";
    const char *id = strstr(body, "\"pattern_id\":\"");
    struct timespec now;
    if (sscanf(p->in, "POST %127s", path) != 1)
        path[0] = '-';
    header(p->in, "\r\nx-behaviorlens-delivery: ", delivery, sizeof delivery);
    header(p->in, "\r\nx-behaviorlens-alert: ", alert, sizeof alert);
    header(p->in, "\r\nx-behaviorlens-signature: ", signature, sizeof signature);
    if (id)
        snprintf(pattern, sizeof pattern, "%.32s", id + 14);
    p->status = status_of(path, delivery);
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(request_log, "%lld %s %s %s %s %s %d\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
            path, delivery, alert, pattern, verdict(signature, body, n), p->status);
    fflush(request_log);
    if (p->status)
        uv_timer_start(&p->timer, on_answer, starts(path, "/slow") ? SLOW_MS : 0, 0);
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
    p->in[p->n] = '\0';
    char *body = strstr(p->in, "\r\n\r\n"), *length = strcasestr(p->in, "\r\ncontent-length:");
    size_t body_n = length ? strtoul(length + 17, NULL, 10) : 0;
    if (!body || p->n < (size_t)(body - p->in) + 4 + body_n)
        return;
    body[2] = '\0'; /* the head ends here, with the last line's end */
    body[4 + body_n] = '\0';
    take(p, body + 4, body_n);
    p->n = 0; /* our client never sends a second request before the answer */
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct peer *p = handle->data;
    (void)wanted;
    *buf = uv_buf_init(p->in + p->n, (unsigned)(REQUEST_MAX - p->n));
}

static void on_connection(uv_stream_t *server, int status)
{
    struct peer *p = calloc(1, sizeof *p);
    assert(p && status == 0);
    p->handles = 2;
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
    assert(argc == 4);
    secret = argv[2];
    request_log = fopen(argv[3], "a");
    assert(request_log);
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &at);
    uv_tcp_init(loop, &server);
    assert(uv_tcp_bind(&server, (const struct sockaddr *)&at, 0) == 0);
    assert(uv_listen((uv_stream_t *)&server, 128, on_connection) == 0);
    assert(uv_tcp_getsockname(&server, (struct sockaddr *)&at, &n) == 0);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    uv_poll_init(loop, &input, 0);
    uv_poll_start(&input, UV_READABLE, on_stdin);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
