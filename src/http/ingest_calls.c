/* The way in, as HTTP sees it: body.c makes text of what was sent, the flow in app/ingest does the rest. */
#include "body.h"
#include "route.h"

#include "bl/http/calls.h"

#include <stdio.h>

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

/* Global Privacy Control: whoever sends these events wishes them not to be kept. Browsers add the header themselves, to
 * beacons too. */
static bool passes(const struct bl_request *r, const struct bl_ingest *ingest)
{
    return bl_ingest_hears(ingest) && bl_str_eqz(bl_request_header(r, "sec-gpc"), "1");
}

static void refuse(struct bl_request *r, struct bl_ingest *ingest, enum bl_err err, const char *why)
{
    bl_ingest_refuse(ingest, err, passes(r, ingest) ? (struct bl_str){0} : bl_request_body(r));
    bl_answer_error(r, err, NULL, why);
}

static void post_body(struct bl_request *r, struct bl_ingest *ingest, const struct bl_body *body)
{
    struct bl_ingest_answer now;
    bool pass = passes(r, ingest);
    if (pass)
        bl_ingest_pass(ingest, body->kind, body->text, &now);
    bool answered = pass || bl_ingest_post(ingest, body->kind, body->text, answer, r, &now);
    size_t n = bl_ingest_received(ingest);
    bl_request_spent(r, n ? n : 1);
    if (answered)
        answer(r, &now);
}

static void post(struct bl_request *r, struct bl_ingest *ingest, bool batch)
{
    struct bl_body_head head;
    struct bl_body body;
    struct bl_buf room;
    const char *why;
    bl_request_body_head(r, &head);
    head.batch = batch;
    bl_buf_init(&room, 0);
    enum bl_err err = bl_body_open(&head, bl_request_body(r), bl_request_body_max(r), &room, &body, &why);
    if (err != BL_OK)
        refuse(r, ingest, err, why);
    else
        post_body(r, ingest, &body);
    bl_buf_release(&room);
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
