/* The way in, as HTTP sees it: the content type says how to read the body, the flow in app/ingest does the
 * rest. */
#include "route.h"

#include "bl/http/calls.h"

#include <stdio.h>

/* SPEC 2.1: JSON is read under whatever harmless type a client sends it (beacons: text/plain; curl -d: form).
 */
static const struct {
    const char *type;
    bool lines;
} types[] = {{"application/json", false},      {"text/plain", false},
             {"application/x-ndjson", true},   {"application/x-www-form-urlencoded", false},
             {"application/ndjson", true},     {"application/jsonl", true},
             {"application/x-jsonlines", true}};

static struct bl_str trim(struct bl_str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct bl_str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Cuts what stands before the next ';' off. */
static struct bl_str next_part(struct bl_str *rest)
{
    const char *end = rest->n ? memchr(rest->p, ';', rest->n) : NULL;
    struct bl_str part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t n = part.n + (end ? 1 : 0);
    *rest = (struct bl_str){rest->p + n, rest->n - n};
    return trim(part);
}

/* A charset must be UTF-8 (or its subset); other parameters do no harm. */
static bool charset_is_ours(struct bl_str param)
{
    static const struct bl_str name = {"charset=", 8};
    if (param.n < name.n || !bl_str_ieq((struct bl_str){param.p, name.n}, name))
        return true;
    struct bl_str v = {param.p + name.n, param.n - name.n};
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = (struct bl_str){v.p + 1, v.n - 2};
    return bl_str_ieq(v, BL_STR("utf-8")) || bl_str_ieq(v, BL_STR("utf8")) ||
           bl_str_ieq(v, BL_STR("us-ascii"));
}

static enum bl_err body_kind(const struct bl_request *r, bool batch, enum bl_body_kind *kind)
{
    struct bl_str rest = bl_request_header(r, "content-type"), type = next_part(&rest);
    struct bl_str coding = trim(bl_request_header(r, "content-encoding"));
    if (coding.n && !bl_str_ieq(coding, BL_STR("identity")))
        return BL_ERR_UNSUPPORTED_ENCODING;
    *kind = batch ? BL_BODY_BATCH : BL_BODY_EVENT;
    if (type.n == 0)
        return BL_OK;
    while (rest.n)
        if (!charset_is_ours(next_part(&rest)))
            return BL_ERR_UNSUPPORTED_TYPE;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!bl_str_ieq(type, bl_str_of(types[i].type)))
            continue;
        if (types[i].lines && !batch)
            return BL_ERR_UNSUPPORTED_TYPE;
        if (types[i].lines)
            *kind = BL_BODY_NDJSON;
        return BL_OK;
    }
    return BL_ERR_UNSUPPORTED_TYPE;
}

/* What to send instead; NULL: the error's own words. */
static const char *advice(enum bl_err err, bool batch)
{
    if (err != BL_ERR_UNSUPPORTED_TYPE || batch)
        return NULL;
    return "Send one event as application/json in UTF-8; several, as NDJSON too, go to /events/batch.";
}

static void answer(void *ctx, const struct bl_ingest_answer *a)
{
    struct bl_request *r = ctx;
    if (a->retry_after_s) {
        char text[16];
        int n = snprintf(text, sizeof text, "%d", a->retry_after_s);
        bl_answer_header(r, "retry-after", (struct bl_str){text, (size_t)n});
    }
    bl_answer_json(r, a->status, a->json);
}

static void post(struct bl_request *r, struct bl_ingest *ingest, bool batch)
{
    struct bl_str body = bl_request_body(r);
    struct bl_ingest_answer now;
    enum bl_body_kind kind = BL_BODY_EVENT;
    enum bl_err err = body.n > bl_request_body_max(r) ? BL_ERR_BODY_TOO_LARGE : body_kind(r, batch, &kind);
    if (err != BL_OK) {
        bl_ingest_refuse(ingest, err, body);
        bl_answer_error(r, err, NULL, advice(err, batch));
        return;
    }
    if (bl_ingest_post(ingest, kind, body, answer, r, &now))
        answer(r, &now);
}

static void post_event(struct bl_request *r, void *ctx)
{
    post(r, ctx, false);
}

static void post_batch(struct bl_request *r, void *ctx)
{
    post(r, ctx, true);
}

static const struct bl_route routes[] = {{"POST", "/events", post_event, BL_ACCESS_WRITE},
                                         {"POST", "/events/batch", post_batch, BL_ACCESS_WRITE},
                                         {"POST", "/ingest", post_event, BL_ACCESS_WRITE},
                                         {"POST", "/ingest/batch", post_batch, BL_ACCESS_WRITE}};

enum bl_err bl_http_ingest(struct bl_server *s, struct bl_ingest *ingest)
{
    return bl_server_add(s, routes, sizeof routes / sizeof routes[0], ingest);
}
