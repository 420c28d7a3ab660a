/* From a request to a query and back. All that differs between calls stands in app/query: this file knows
 * only how parameters come in (decoded pairs) and how answers go out (ETag, Link, error object). */
#include "api.h"

#define PARAM_NAME(id, name) name,
static const char *const param_names[] = {BL_QUERY_PARAMS(PARAM_NAME)};
#define N_PARAMS (sizeof param_names / sizeof *param_names)

/* The same call with the cursor of the next page. */
static void add_link(struct bl_request *r, const char *path, struct bl_str cursor)
{
    struct bl_buf link;
    struct bl_str value;
    bl_buf_init(&link, 0);
    bl_buf_char(&link, '<');
    bl_buf_z(&link, path);
    bl_buf_char(&link, '?');
    for (size_t i = 0; i < N_PARAMS; i++) {
        bool again = i > 0 && strcmp(param_names[i], param_names[i - 1]) == 0;
        if (again || i == BL_QUERY_PARAM_BEFORE || !bl_query_text(r, param_names[i], &value))
            continue;
        bl_buf_z(&link, param_names[i]);
        bl_buf_char(&link, '=');
        bl_buf_percent(&link, value);
        bl_buf_char(&link, '&');
    }
    bl_buf_z(&link, "before=");
    bl_buf_percent(&link, cursor);
    bl_buf_z(&link, ">; rel=\"next\"");
    if (link.err == BL_OK)
        bl_answer_header(r, "link", bl_buf_view(&link));
    bl_buf_release(&link);
}

static void on_answer(void *ctx, const struct bl_answer *a)
{
    struct bl_request *r = ctx;
    if (a->err != BL_OK) {
        bl_answer_error(r, a->err, NULL, a->message);
        return;
    }
    if (a->next.n)
        add_link(r, a->path, a->next);
    if (a->type)
        bl_answer_bytes(r, a->status, a->type, a->body, NULL);
    else if (a->status == 200)
        bl_answer_etag(r, a->body, a->print);
    else
        bl_answer_json(r, a->status, a->body);
}

/* Who changes something is named in the audit trail. */
static void set_actor(struct bl_query *query, struct bl_str key)
{
    struct bl_str actor = key.n && key.n <= sizeof query->actor ? key : BL_STR(BL_AUDIT_ANONYMOUS);
    memcpy(query->actor, actor.p, actor.n);
    query->actor_n = actor.n;
}

static void run(struct bl_request *r, struct bl_queries *q, enum bl_call call, struct bl_str id)
{
    struct bl_query_pair pairs[N_PARAMS];
    struct bl_query query;
    struct bl_problem problem;
    size_t n = 0;
    if (!bl_request_query(r, NULL))
        return;
    for (size_t i = 0; i < N_PARAMS; i++) {
        pairs[n] = (struct bl_query_pair){.name = bl_str_of(param_names[i])};
        if (bl_query_text(r, param_names[i], &pairs[n].value) || bl_query_given(r, param_names[i]))
            n++;
    }
    enum bl_err err = bl_query_parse(call, id, pairs, n, &query, &problem);
    if (err != BL_OK) {
        bl_answer_error(r, err, problem.field, problem.message);
        return;
    }
    set_actor(&query, bl_request_key(r));
    bl_query_run(q, &query, on_answer, r);
}

void api_run(struct bl_request *r, void *ctx, enum bl_call call)
{
    run(r, ctx, call, (struct bl_str){0});
}

void api_run_id(struct bl_request *r, void *ctx, enum bl_call call)
{
    run(r, ctx, call, bl_request_arg(r, 0));
}

enum bl_err bl_http_api(struct bl_server *s, struct bl_queries *q)
{
    const struct api_group *const groups[] = {&api_patterns,   &api_metrics, &api_users, &api_events,
                                              &api_prometheus, &api_cluster, &api_audit};
    enum bl_err err = BL_OK;
    for (size_t i = 0; i < sizeof groups / sizeof *groups && err == BL_OK; i++)
        err = bl_server_add(s, groups[i]->routes, groups[i]->n, q);
    return err;
}
