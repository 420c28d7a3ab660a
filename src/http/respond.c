/* The answers. Content-Length is always set (without it h2o ends the connection), and nothing is sent to a
 * client that has gone. */
#include "server_internal.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"

#include <stdlib.h>

#define JSON "application/json; charset=utf-8"

static const struct {
    int status;
    const char *reason;
} reasons[] = {{200, "OK"},
               {202, "Accepted"},
               {204, "No Content"},
               {207, "Multi-Status"},
               {304, "Not Modified"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {413, "Payload Too Large"},
               {415, "Unsupported Media Type"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"}};

const char *bl_respond_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

static h2o_header_t fixed_header(h2o_iovec_t *name, const char *text, const char *value)
{
    *name = h2o_iovec_init(text, strlen(text));
    return (h2o_header_t){name, NULL, h2o_iovec_init(value, strlen(value))};
}

void bl_respond_init(struct bl_fixed_headers *f)
{
    static const char *const text[BL_FIXED_HEADERS][2] = {
        {"x-content-type-options", "nosniff"},
        {"referrer-policy", "no-referrer"},
        {"access-control-allow-origin", "*"},
        {"access-control-expose-headers", BL_EXPOSED_HEADERS},
    };
    for (size_t i = 0; i < BL_FIXED_HEADERS; i++)
        f->all[i] = fixed_header(&f->names[i], text[i][0], text[i][1]);
}

/* One copy for all: by h2o_add_header_by_str each costs some 100 instructions. Leaves room for the rest. */
static void add_fixed(h2o_req_t *req, const struct bl_fixed_headers *f, bool open)
{
    h2o_headers_t *to = &req->res.headers;
    size_t n = open ? BL_FIXED_HEADERS : BL_FIXED_ALWAYS;
    h2o_vector_reserve(&req->pool, to, to->size + n + 4);
    memcpy(to->entries + to->size, f->all, n * sizeof f->all[0]);
    to->size += n;
}

void bl_answer_header(struct bl_request *r, const char *name, struct bl_str value)
{
    if (!r->req)
        return;
    h2o_iovec_t copy = h2o_strdup(&r->req->pool, value.p, value.n);
    h2o_add_header_by_str(&r->req->pool, &r->req->res.headers, name, strlen(name), 1, NULL, copy.base,
                          copy.len);
}

bool bl_respond_head(struct bl_request *r, int status, const char *type, size_t length, const char *cache)
{
    h2o_req_t *req = r->req;
    assert(r->magic == BL_REQUEST_MAGIC && !r->answered && status >= 100 && status < 600);
    r->answered = true;
    r->server->counts.by_class[status / 100]++;
    if (!req) {
        bl_request_release(r);
        return false;
    }
    if (bl_log_says(BL_LOG_DEBUG))
        bl_log(BL_LOG_DEBUG, "answer", BL_LOG_STR("method", bl_str_iovec(req->input.method)),
               BL_LOG_STR("path", bl_request_path(r)), BL_LOG_INT("status", status));
    if (r->server->draining)
        req->http1_is_persistent = 0;
    req->res.status = status;
    req->res.reason = bl_respond_reason(status);
    req->res.content_length = length;
    if (!cache)
        cache = "no-store";
    add_fixed(req, &r->server->fixed, bl_cors_is_open(r));
    if (type)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL, cache, strlen(cache));
    bl_cors_add(r);
    return true;
}

/* HEAD gets the length of what GET would get, and no body. */
static void send_body(struct bl_request *r, struct bl_str body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = r->req;
    bool bare = body.n == 0 || bl_str_eqz(bl_str_iovec(req->input.method), "HEAD");
    h2o_iovec_t copy = bare ? h2o_iovec_init(NULL, 0) : h2o_strdup(&req->pool, body.p, body.n);
    h2o_start_response(req, &generator);
    h2o_send(req, &copy, bare ? 0 : 1, H2O_SEND_STATE_FINAL);
    bl_request_release(r);
}

void bl_answer_bytes(struct bl_request *r, int status, const char *type, struct bl_str body,
                     const char *cache)
{
    if (bl_respond_head(r, status, type, status == 204 || status == 304 ? SIZE_MAX : body.n, cache))
        send_body(r, body);
}

void bl_answer_json(struct bl_request *r, int status, struct bl_str json)
{
    bl_answer_bytes(r, status, JSON, json, NULL);
}

/* --- entity tags */

/* If-None-Match: a list of tags, compared weakly, or '*'. */
static bool etag_matches(struct bl_str list, struct bl_str tag)
{
    struct bl_str strong = {tag.p + 2, tag.n - 2};
    if (bl_str_eqz(list, "*"))
        return true;
    for (size_t i = 0; i + strong.n <= list.n; i++)
        if (memcmp(list.p + i, strong.p, strong.n) == 0)
            return true;
    return false;
}

bool bl_etag_known(const struct bl_request *r, struct bl_str tag)
{
    struct bl_str known = bl_request_header(r, "if-none-match");
    return known.n && etag_matches(known, tag);
}

void bl_answer_etag(struct bl_request *r, struct bl_str json, struct bl_hash128 print)
{
    struct bl_buf tag;
    bl_buf_init(&tag, 64);
    bl_buf_printf(&tag, "W/\"%016llx%016llx\"", (unsigned long long)print.hi, (unsigned long long)print.lo);
    bl_answer_header(r, "etag", bl_buf_view(&tag));
    if (bl_etag_known(r, bl_buf_view(&tag)))
        bl_answer_bytes(r, 304, NULL, (struct bl_str){0}, "no-cache");
    else
        bl_answer_bytes(r, 200, JSON, json, "no-cache");
    bl_buf_release(&tag);
}

/* --- errors */

void bl_answer_error(struct bl_request *r, enum bl_err err, const char *field, const char *message)
{
    struct bl_buf body;
    int status = bl_err_http(err);
    bl_buf_init(&body, 16 * 1024);
    bl_error_json(&body, err, field, message);
    if ((status == 503 || status == 429) && !r->retry_after)
        bl_answer_header(r, "retry-after", BL_STR("1"));
    bl_answer_json(r, status, bl_buf_view(&body));
    bl_buf_release(&body);
}
