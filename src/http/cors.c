/* Which pages may read an answer (SPEC 6): until there are keys, all. From then on events may be sent by pages of the write
 * keys' origins, and the API be read by pages of `dashboard-origins`; what is open stays open. A preflight has no key: it
 * is told what holds for any of them, and the key is looked at when the request comes. Without keys whatever page a developer
 * has open may ask, and so it must not be one that erases. */
#include "server_internal.h"

#include "bl/http/access.h"

static bool may_read(const struct bl_http_access *a, enum bl_access need, struct bl_str origin)
{
    if (origin.n == 0)
        return false;
    return need == BL_ACCESS_WRITE ? bl_access_origin_may_write(a->keys, origin)
                                   : bl_origins_hold(a->dashboards, origin);
}

bool bl_cors_is_open(const struct bl_request *r)
{
    const struct bl_http_access *a = r->server->access;
    return !a || r->need == BL_ACCESS_OPEN || !bl_access_asks(a->keys);
}

/* To the pages that the origin of the request names, if it may. */
static bool add_origin(struct bl_request *r)
{
    struct bl_str origin = bl_request_header(r, "origin");
    bl_answer_header(r, "vary", BL_STR("Origin"));
    if (!may_read(r->server->access, r->need, origin))
        return false;
    bl_answer_header(r, "access-control-allow-origin", origin);
    bl_answer_header(r, "access-control-expose-headers", BL_STR(BL_EXPOSED_HEADERS));
    return true;
}

void bl_cors_add(struct bl_request *r)
{
    bool open = bl_cors_is_open(r);
    if ((!open && !add_origin(r)) || !bl_str_eqz(bl_str_iovec(r->req->input.method), "OPTIONS"))
        return;
    bl_answer_header(r, "access-control-allow-methods",
                     open ? BL_STR("GET, POST, PATCH, OPTIONS")
                          : BL_STR("GET, POST, PATCH, DELETE, OPTIONS"));
    bl_answer_header(r, "access-control-allow-headers",
                     BL_STR("Content-Type, Authorization, If-None-Match, Last-Event-ID"));
    bl_answer_header(r, "access-control-max-age", open ? BL_STR("86400") : BL_STR("600"));
}
