/* From h2o's request to a handler, and what the handler can ask of it.
 *
 * The raw path decides (h2o's normalised one would make /events/ and /a/../events the same call). Two things
 * hold a bl_request: an anchor in the pool of h2o's request, which clears `req` when that dies, and the
 * handler until it answers; whichever lets go last frees it. */
#include "body.h"
#include "parser.h"
#include "server_internal.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct anchor {
    struct bl_request *r;
};

void bl_request_release(struct bl_request *r)
{
    assert(r->magic == BL_REQUEST_MAGIC && r->holds > 0);
    if (--r->holds > 0)
        return;
    struct bl_server *s = r->server;
    r->magic = 0;
    bl_buf_release(&r->text);
    free(r->params);
    if (s->spare_n == BL_SPARE_REQUESTS) {
        free(r);
        return;
    }
    r->next = s->spare;
    s->spare = r;
    s->spare_n++;
}

void bl_requests_free(struct bl_server *s)
{
    for (struct bl_request *r = s->spare, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    s->spare = NULL;
    s->spare_n = 0;
}

static struct bl_request *take_spare(struct bl_server *s)
{
    struct bl_request *r = s->spare;
    if (!r)
        return malloc(sizeof *r);
    s->spare = r->next;
    s->spare_n--;
    return r;
}

static void on_request_died(void *p)
{
    struct bl_request *r = ((struct anchor *)p)->r;
    if (!r)
        return;
    r->req = NULL;
    r->server->counts.requests_open--;
    bl_request_release(r);
}

static struct bl_request *request_new(struct bl_server *s, h2o_req_t *req)
{
    struct bl_request *r = take_spare(s);
    if (!r)
        return NULL;
    *r = (struct bl_request){.magic = BL_REQUEST_MAGIC, .server = s, .req = req, .holds = 2};
    bl_buf_init(&r->text, 0);
    struct anchor *a = h2o_mem_alloc_shared(&req->pool, sizeof *a, on_request_died);
    a->r = r;
    s->counts.requests++;
    s->counts.requests_open++;
    return r;
}

/* --- routing */

static struct bl_str raw_path(const h2o_req_t *req)
{
    return bl_target_path(bl_str_iovec(req->input.path));
}

static struct bl_str method_of(const h2o_req_t *req)
{
    struct bl_str m = bl_str_iovec(req->input.method);
    return bl_str_eqz(m, "HEAD") ? BL_STR("GET") : m;
}

/* Decodes into r->text, which never moves: it has room for the whole request target from the start. */
static bool decode_into(struct bl_request *r, struct bl_str raw, struct bl_str *out)
{
    if (!r->text.p && !bl_buf_reserve(&r->text, r->req->input.path.len + 1))
        return false;
    size_t at = r->text.n;
    if (!bl_buf_unpercent(&r->text, raw))
        return false;
    *out = (struct bl_str){r->text.p + at, r->text.n - at};
    return true;
}

/* Of which call a page wants to know whether it may: GET stands for HEAD, too. */
static struct bl_str method_wanted(const struct bl_request *r)
{
    struct bl_str m = bl_request_header(r, "access-control-request-method");
    return bl_str_eqz(m, "HEAD") ? BL_STR("GET") : m;
}

/* What a page may do with the answer, if no call is asked for: what it may with the call that it wants to make, else with the
 * one on this path that most is asked for. */
static enum bl_access need_of_path(const struct bl_request *r, struct bl_str path)
{
    struct bl_str args[BL_PATH_ARGS_MAX], wanted = method_wanted(r);
    enum bl_access most = BL_ACCESS_OPEN;
    size_t n;
    for (size_t i = 0; i < r->server->routes_n; i++) {
        const struct bl_route *route = r->server->routes[i].route;
        if (!bl_target_matches(route->pattern, path, args, &n))
            continue;
        if (bl_str_eqz(wanted, route->method))
            return route->need;
        most = route->need > most ? route->need : most;
    }
    return most;
}

static void method_unknown(struct bl_request *r, struct bl_str path)
{
    struct bl_str args[BL_PATH_ARGS_MAX];
    struct bl_buf allow;
    size_t n;
    bl_buf_init(&allow, 512);
    for (size_t i = 0; i < r->server->routes_n; i++) {
        const struct bl_route *route = r->server->routes[i].route;
        if (!bl_target_matches(route->pattern, path, args, &n))
            continue;
        bl_buf_z(&allow, route->method);
        bl_buf_z(&allow, strcmp(route->method, "GET") == 0 ? ", HEAD, " : ", ");
    }
    bl_buf_z(&allow, "OPTIONS");
    bl_answer_header(r, "allow", bl_buf_view(&allow));
    if (bl_str_eqz(method_of(r->req), "OPTIONS"))
        bl_answer_bytes(r, 204, NULL, (struct bl_str){0}, NULL);
    else
        bl_answer_error(r, BL_ERR_METHOD_NOT_ALLOWED, NULL, NULL);
    bl_buf_release(&allow);
}

static void path_unknown(struct bl_request *r, struct bl_str path)
{
    const char *names[BL_ROUTES_MAX], *near;
    char message[160];
    size_t n = 0;
    for (size_t i = 0; i < r->server->routes_n; i++)
        if (!strchr(r->server->routes[i].route->pattern, '{'))
            names[n++] = r->server->routes[i].route->pattern;
    near = bl_suggest(path, names, n);
    if (near)
        snprintf(message, sizeof message,
                 "There is nothing here: did you mean %s? /openapi.json lists the calls.", near);
    bl_answer_error(r, BL_ERR_NOT_FOUND, NULL, near ? message : NULL);
}

/* Also who asks for what is not there, or without a key. */
static bool let_in(struct bl_request *r, enum bl_access need)
{
    const struct bl_guard *gate = &r->server->gate;
    r->need = need;
    return !gate->admit || gate->admit(gate->ctx, r, need);
}

static bool admitted(struct bl_request *r, enum bl_access need)
{
    const struct bl_server *s = r->server;
    for (size_t i = 0; i < s->guards_n; i++)
        if (!s->guards[i].admit(s->guards[i].ctx, r, need))
            return false;
    return true;
}

static void dispatch(struct bl_request *r, const struct bl_route_slot *slot, const struct bl_str *args,
                     size_t n)
{
    if (!let_in(r, slot->route->need))
        return;
    for (size_t i = 0; i < n; i++)
        if (!decode_into(r, args[i], &r->args[i])) {
            bl_answer_error(r, BL_ERR_BAD_REQUEST, NULL, "The path holds a bad percent escape.");
            return;
        }
    if (admitted(r, slot->route->need))
        slot->route->handle(r, slot->ctx);
}

/* A path without arguments leads where all of it is the pattern. */
static bool leads_to(const struct bl_route_slot *slot, struct bl_str path, struct bl_str *args, size_t *n)
{
    *n = 0;
    return slot->path.n ? bl_str_eq(slot->path, path)
                        : bl_target_matches(slot->route->pattern, path, args, n);
}

static void route(struct bl_request *r)
{
    struct bl_str path = raw_path(r->req), method = method_of(r->req), args[BL_PATH_ARGS_MAX];
    bool known = false;
    size_t n;
    for (size_t i = 0; i < r->server->routes_n; i++) {
        const struct bl_route_slot *slot = &r->server->routes[i];
        if (!leads_to(slot, path, args, &n))
            continue;
        known = true;
        if (bl_str_eqz(method, slot->route->method)) {
            dispatch(r, slot, args, n);
            return;
        }
    }
    if (!let_in(r, need_of_path(r, path)))
        return;
    if (known || bl_str_eqz(method, "OPTIONS"))
        method_unknown(r, path);
    else
        path_unknown(r, path);
}

/* No way to go on: what the other end means by the bytes that follow is anybody's guess. */
static void refuse_head(struct bl_request *r, enum bl_head_fault fault)
{
    r->req->http1_is_persistent = 0;
    bl_answer_error(r, bl_head_fault_err(fault), NULL, bl_head_fault_text(fault));
}

int bl_request_enter(struct bl_server *s, h2o_req_t *req)
{
    enum bl_head_fault fault = bl_parser_fault(req->input.path.base);
    struct bl_request *r = request_new(s, req);
    struct bl_conn *c = bl_conn_of(req);
    if (c)
        c->requests++;
    if (!r)
        return -1;
    if (bl_parser_heads() == 0) {
        bl_log_plain(BL_LOG_ERROR, "this libh2o does not use our parser: it must be the shared library");
        bl_answer_error(r, BL_ERR_INTERNAL, NULL, NULL);
    } else if (fault != BL_HEAD_OK) {
        refuse_head(r, fault);
    } else {
        route(r);
    }
    return 0;
}

/* --- what a handler can ask */

struct bl_str bl_request_arg(const struct bl_request *r, size_t i)
{
    assert(i < BL_PATH_ARGS_MAX);
    return r->args[i];
}

struct bl_str bl_request_path(const struct bl_request *r)
{
    return r->req ? raw_path(r->req) : (struct bl_str){0};
}

bool bl_request_is_head(const struct bl_request *r)
{
    return r->req && bl_str_eqz(bl_str_iovec(r->req->input.method), "HEAD");
}

struct bl_str bl_request_header(const struct bl_request *r, const char *name)
{
    ssize_t at = r->req ? h2o_find_header_by_str(&r->req->headers, name, strlen(name), -1) : -1;
    return at < 0 ? (struct bl_str){0} : bl_str_iovec(r->req->headers.entries[at].value);
}

static void note_header(struct bl_str *value, bool *twice, h2o_iovec_t line)
{
    *twice |= value->p != NULL;
    if (!value->p)
        *value = bl_str_iovec(line);
}

/* h2o has found the names among those it knows, so a pointer tells. */
void bl_request_body_head(const struct bl_request *r, struct bl_body_head *head)
{
    *head = (struct bl_body_head){0};
    for (size_t i = 0; r->req && i < r->req->headers.size; i++) {
        const h2o_header_t *h = &r->req->headers.entries[i];
        if (h->name == &H2O_TOKEN_CONTENT_TYPE->buf)
            note_header(&head->type, &head->twice, h->value);
        else if (h->name == &H2O_TOKEN_CONTENT_ENCODING->buf)
            note_header(&head->coding, &head->twice, h->value);
    }
}

struct bl_str bl_request_body(const struct bl_request *r)
{
    return r->req ? bl_str_iovec(r->req->entity) : (struct bl_str){0};
}

struct bl_str bl_request_key(const struct bl_request *r)
{
    return (struct bl_str){r->key, r->key_n};
}

void bl_request_set_key(struct bl_request *r, struct bl_str id)
{
    assert(id.n <= sizeof r->key);
    memcpy(r->key, id.p, id.n);
    r->key_n = id.n;
}

bool bl_request_peer(const struct bl_request *r, struct sockaddr_storage *out)
{
    return r->req && r->req->conn->callbacks->get_peername(r->req->conn, (struct sockaddr *)out) > 0;
}

bool bl_request_gone(const struct bl_request *r)
{
    return r->req == NULL;
}

size_t bl_request_body_max(const struct bl_request *r)
{
    return r->server->options.body_max_bytes;
}
