/* What h2o answers by itself, a malformed request or an oversized body, in plain text: it gets an error body in our form,
 * which any page may read, as nothing is in it. Nothing of ours that is an error is plain text. */
#include "server_internal.h"

#define TEXT_PLAIN "text/plain"

struct swap {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static const struct {
    int status;
    enum bl_err err;
} own[] = {{404, BL_ERR_NOT_FOUND},     {405, BL_ERR_METHOD_NOT_ALLOWED}, {413, BL_ERR_BODY_TOO_LARGE},
           {500, BL_ERR_INTERNAL},      {502, BL_ERR_INTERNAL},           {503, BL_ERR_NO_MEMORY},
           {431, BL_ERR_HEAD_TOO_LARGE}};

static enum bl_err err_of(int status)
{
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (own[i].status == status)
            return own[i].err;
    return BL_ERR_BAD_REQUEST;
}

static bool is_plain_error(const h2o_req_t *req)
{
    if (req->res.status < 400)
        return false;
    ssize_t at = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);
    return at >= 0 && bl_str_starts(bl_str_iovec(req->res.headers.entries[at].value), BL_STR(TEXT_PLAIN));
}

/* h2o's text is dropped; ours goes out once, with the end. */
static void swap_send(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t n,
                      h2o_send_state_t state)
{
    struct swap *s = (struct swap *)self;
    (void)bufs;
    (void)n;
    if (h2o_send_state_is_in_progress(state))
        h2o_ostream_send_next(&s->super, req, NULL, 0, state);
    else
        h2o_ostream_send_next(&s->super, req, &s->body, 1, state);
}

static void add(h2o_req_t *req, const char *name, size_t name_n, const char *value, size_t value_n)
{
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, name_n, 0, NULL, value, value_n);
}

static void swap_body(h2o_req_t *req, h2o_ostream_t **slot)
{
    struct bl_buf body;
    bl_buf_init(&body, 4096);
    bl_error_json(&body, err_of(req->res.status), NULL, NULL);
    struct swap *s = (struct swap *)h2o_add_ostream(req, sizeof *s, slot);
    s->super.do_send = swap_send;
    s->body = h2o_strdup(&req->pool, body.p, body.n);
    req->res.content_length = s->body.len;
    h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                   H2O_STRLIT("application/json; charset=utf-8"), 1);
    add(req, H2O_STRLIT("x-content-type-options"), H2O_STRLIT("nosniff"));
    bl_buf_release(&body);
}

static void on_setup(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)self;
    if (is_plain_error(req)) {
        add(req, H2O_STRLIT("access-control-allow-origin"), H2O_STRLIT("*"));
        swap_body(req, slot);
    }
    h2o_setup_next_ostream(req, slot);
}

void bl_filter_install(h2o_pathconf_t *path)
{
    h2o_filter_t *filter = h2o_create_filter(path, sizeof *filter);
    filter->on_setup_ostream = on_setup;
}
