/* Groups of calls that can be registered with a server. */
#ifndef BL_HTTP_CALLS_H
#define BL_HTTP_CALLS_H

#include "bl/app/ingest.h"
#include "bl/app/ready.h"
#include "bl/app/watch.h"
#include "bl/http/server.h"

/* POST /events, /ingest, /events/batch, /ingest/batch. `ingest` is borrowed for the life of the server. */
BL_CHECKED enum bl_err bl_http_ingest(struct bl_server *s, struct bl_ingest *ingest);

struct bl_http_health {
    void *ctx;
    void (*ready)(void *ctx, struct bl_ready *out);
};
/* GET /health, /ready. `health` is borrowed for the life of the server. */
BL_CHECKED enum bl_err bl_http_health(struct bl_server *s, struct bl_http_health *health);

/* GET /api/stream. `w`, made with this sink, is borrowed for the life of the server. */
struct bl_watch_sink bl_http_stream_sink(void);
BL_CHECKED enum bl_err bl_http_stream(struct bl_server *s, struct bl_watch *w);

/* The web side: GET /, /dashboard, /demo, /tracker.js, /openapi.json and what belongs to them. */
BL_CHECKED enum bl_err bl_http_static(struct bl_server *s);

#endif
