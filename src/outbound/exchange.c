/* One request as libcurl sees it: everything is set here, nothing is left to defaults that the environment or a
 * server could use (proxies, redirects, other protocols, compressed answers, HTTP/0.9).
 *
 * The address is looked at when libcurl asks for a socket to it (on_open): after the name was resolved, for each
 * address it tries. A connection that is kept was looked at when it was made. */
#include "address.h"
#include "internal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    CURLcode code;
    enum bl_outbound_result result;
} results[] = {
    {CURLE_OK, BL_OUTBOUND_DONE},
    {CURLE_URL_MALFORMAT, BL_OUTBOUND_INVALID},
    {CURLE_COULDNT_RESOLVE_HOST, BL_OUTBOUND_UNKNOWN},
    {CURLE_COULDNT_CONNECT, BL_OUTBOUND_CONNECT},
    {CURLE_OPERATION_TIMEDOUT, BL_OUTBOUND_TIMEOUT},
    {CURLE_FILESIZE_EXCEEDED, BL_OUTBOUND_TOO_LARGE},
    {CURLE_OUT_OF_MEMORY, BL_OUTBOUND_BUSY},
    {CURLE_SSL_CONNECT_ERROR, BL_OUTBOUND_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, BL_OUTBOUND_TLS},
    {CURLE_SSL_ENGINE_NOTFOUND, BL_OUTBOUND_TLS},
    {CURLE_SSL_CERTPROBLEM, BL_OUTBOUND_TLS},
    {CURLE_SSL_CIPHER, BL_OUTBOUND_TLS},
    {CURLE_SSL_CACERT_BADFILE, BL_OUTBOUND_TLS},
    {CURLE_SSL_ISSUER_ERROR, BL_OUTBOUND_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, BL_OUTBOUND_TLS},
};

static enum bl_outbound_result result_of(CURLcode code)
{
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i].code == code)
            return results[i].result;
    return BL_OUTBOUND_BROKEN;
}

/* ---- what libcurl calls ---- */

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *x = BL_CAST(struct exchange, ctx, EXCHANGE_MAGIC);
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!x->client->options.allow_private && !outbound_is_public(&address->addr)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    x->allowed = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct exchange *x = BL_CAST(struct exchange, ctx, EXCHANGE_MAGIC);
    bl_buf_add(&x->got, p, size * n);
    return x->got.err == BL_OK ? size * n : 0; /* 0 of some: libcurl ends it */
}

static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
    struct exchange *x = BL_CAST(struct exchange, ctx, EXCHANGE_MAGIC);
    (void)p;
    x->head_bytes += size * n;
    return x->head_bytes <= HEAD_MAX_BYTES ? size * n : 0;
}

/* ---- the URL ---- */

static const char *parse(struct bl_str url, const struct bl_outbound_options *o, CURLU *u)
{
    char text[URL_MAX_BYTES + 1];
    char *scheme = NULL;
    if (url.n == 0 || url.n > URL_MAX_BYTES || bl_str_has_control(url) || memchr(url.p, ' ', url.n))
        return "is not a URL of at most 4,096 bytes without spaces";
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return "must not carry a user or password";
    if (code != CURLUE_OK || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return "is not a URL like https://host/path";
    bool https = strcmp(scheme, "https") == 0, http = strcmp(scheme, "http") == 0;
    curl_free(scheme);
    if (!https && !(http && o->allow_http))
        return http ? "is plain HTTP, which is not allowed" : "must begin with https://";
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    return NULL;
}

const char *bl_outbound_url_fault(struct bl_str url, const struct bl_outbound_options *options)
{
    CURLU *u = curl_url();
    const char *fault = u ? parse(url, options, u) : "cannot be looked at: out of memory";
    curl_url_cleanup(u);
    return fault;
}

/* ---- making one ---- */

static bool is_token(struct bl_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '-' && c != '_')
            return false;
    }
    return s.n > 0;
}

static bool add_header(struct exchange *x, const char *line)
{
    struct curl_slist *more = curl_slist_append(x->headers, line);
    if (more)
        x->headers = more;
    return more != NULL;
}

static bool set_headers(struct exchange *x, const struct bl_outbound_request *q)
{
    bool ok = q->n_headers <= BL_OUTBOUND_HEADERS_MAX && add_header(x, "Expect:");
    for (size_t i = 0; ok && i < q->n_headers; i++) {
        const struct bl_outbound_header *h = &q->headers[i];
        struct bl_buf line;
        bl_buf_init(&line, HEAD_MAX_BYTES);
        bl_buf_str(&line, h->name);
        bl_buf_z(&line, ": ");
        bl_buf_str(&line, h->value);
        bl_buf_char(&line, '\0');
        ok = is_token(h->name) && h->value.n > 0 && !bl_str_has_control(h->value) && line.err == BL_OK &&
             add_header(x, line.p);
        bl_buf_release(&line);
    }
    return ok;
}

static bool set_url(struct exchange *x, struct bl_str url)
{
    CURLU *u = curl_url();
    char *text = NULL;
    bool ok = u && !parse(url, &x->client->options, u) &&
              curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK &&
              curl_easy_setopt(x->easy, CURLOPT_URL, text) == CURLE_OK;
    curl_free(text);
    curl_url_cleanup(u);
    return ok;
}

static void set_bounds(struct exchange *x, const struct bl_outbound_request *q)
{
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)q->connect_timeout_ms);
    curl_easy_setopt(x->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)q->answer_max_bytes);
    curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, x->client->options.allow_http ? "http,https" : "https");
    curl_easy_setopt(x->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(x->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(x->easy, CURLOPT_QUICK_EXIT, 1L); /* never waits for a look-up that hangs */
    curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(x->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "behaviorlens");
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
}

struct exchange *exchange_new(struct bl_outbound *o, const struct bl_outbound_request *q)
{
    assert(q->timeout_ms > 0 && q->connect_timeout_ms > 0 && q->answer_max_bytes > 0);
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->magic = EXCHANGE_MAGIC;
    x->client = o;
    x->ctx = q->ctx;
    x->done = q->done;
    x->began_ms = uv_now(o->loop);
    x->answer = (struct bl_outbound_answer){.result = BL_OUTBOUND_INVALID, .retry_after_ms = -1};
    bl_buf_init(&x->sent, 0);
    bl_buf_init(&x->got, q->answer_max_bytes);
    bl_buf_str(&x->sent, q->body);
    bl_buf_char(&x->sent, '\0');
    x->easy = curl_easy_init();
    if (!x->easy || x->sent.err != BL_OK) {
        x->answer.result = BL_OUTBOUND_BUSY;
        return x;
    }
    set_bounds(x, q);
    if (!set_url(x, q->url) || !set_headers(x, q))
        return x;
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
    curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->sent.p);
    x->answer.result = BL_OUTBOUND_DONE;
    return x;
}

/* ---- the end of one ---- */

void exchange_settle(struct exchange *x, CURLcode code)
{
    struct bl_outbound_answer *a = &x->answer;
    a->result = result_of(code);
    a->took_ms = (int64_t)(uv_now(x->client->loop) - x->began_ms);
    if (a->result == BL_OUTBOUND_CONNECT && x->refused && !x->allowed)
        a->result = BL_OUTBOUND_REFUSED;
    if (code == CURLE_WRITE_ERROR && (x->got.err != BL_OK || x->head_bytes > HEAD_MAX_BYTES))
        a->result = BL_OUTBOUND_TOO_LARGE;
    if (a->result != BL_OUTBOUND_DONE)
        return;
    long status = 0;
    curl_off_t after_s = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &after_s);
    a->status = (int)status;
    a->body = bl_buf_view(&x->got);
    if (after_s > 0)
        a->retry_after_ms = after_s < INT64_MAX / 1000 ? (int64_t)after_s * 1000 : INT64_MAX;
}

void exchange_free(struct exchange *x)
{
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    bl_buf_release(&x->sent);
    bl_buf_release(&x->got);
    x->magic = 0;
    free(x);
}
