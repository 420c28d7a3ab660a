/* GET /api/stream: a request becomes a watcher (app/watch.h), its answer an endless one (stream.c).
 *
 *   get_stream -> on_joined -> stream open -> gone (the client, or the server stops)
 *                           -> too slow, or ended by the watch: gone by itself */
#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/http/calls.h"
#include "route.h"

#include <stdlib.h>

#define TYPE         "text/event-stream; charset=utf-8"
#define READER_MAGIC BL_MAGIC('r', 'd', 'e', 'r')

struct reader {
    uint32_t magic;
    struct bl_request *r; /* until the answer has begun */
    struct bl_stream *stream;
    struct bl_watcher *watcher;
};

static void reader_free(struct reader *d)
{
    d->magic = 0;
    free(d);
}

/* --- where the watch's events go */

static bool sink_write(void *to, struct bl_str text)
{
    struct reader *d = BL_CAST(struct reader, to, READER_MAGIC);
    if (bl_stream_write(d->stream, text))
        return true;
    reader_free(d);
    return false;
}

static size_t sink_waiting(const void *to)
{
    return bl_stream_waiting(((const struct reader *)to)->stream);
}

static void sink_close(void *to)
{
    struct reader *d = BL_CAST(struct reader, to, READER_MAGIC);
    bl_stream_close(d->stream);
    reader_free(d);
}

struct bl_watch_sink bl_http_stream_sink(void)
{
    return (struct bl_watch_sink){sink_write, sink_waiting, sink_close};
}

static void on_gone(void *ctx)
{
    struct reader *d = BL_CAST(struct reader, ctx, READER_MAGIC);
    bl_watch_leave(d->watcher);
    reader_free(d);
}

/* --- the beginning */

static void on_joined(void *ctx, enum bl_err err, struct bl_watcher *x)
{
    struct reader *d = BL_CAST(struct reader, ctx, READER_MAGIC);
    if (err != BL_OK) {
        bl_answer_error(d->r, err, NULL, NULL);
        reader_free(d);
        return;
    }
    d->watcher = x;
    bl_answer_header(d->r, "x-accel-buffering", BL_STR("no")); /* a proxy must not wait for the end */
    d->stream = bl_stream_start(d->r, TYPE, BL_STREAM_BYTES_MAX, on_gone, d);
    d->r = NULL;
    if (d->stream) {
        bl_watch_begin(x, d);
        return;
    }
    bl_watch_leave(x);
    reader_free(d);
}

static enum bl_err read_filter(struct bl_request *r, struct bl_query *out, struct bl_problem *problem)
{
    static const char *const names[] = {"type", "severity", "user_id", "page"};
    struct bl_query_pair pairs[sizeof names / sizeof names[0]];
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        pairs[n] = (struct bl_query_pair){.name = bl_str_of(names[i])};
        if (bl_query_text(r, names[i], &pairs[n].value) || bl_query_given(r, names[i]))
            n++;
    }
    return bl_query_parse(BL_CALL_STREAM, (struct bl_str){0}, pairs, n, out, problem);
}

static void get_stream(struct bl_request *r, void *ctx)
{
    struct bl_query filter;
    struct bl_problem problem;
    struct bl_str last = bl_request_header(r, "last-event-id");
    if (!bl_request_query(r, NULL))
        return;
    if (last.n == 0 && !bl_query_text(r, "last_event_id", &last))
        last = (struct bl_str){0};
    if (last.n > BL_STREAM_ID_MAX) {
        bl_query_refuse(r, "last_event_id", "This is no id of an event of this stream: it is too long.");
        return;
    }
    if (read_filter(r, &filter, &problem) != BL_OK) {
        bl_answer_error(r, problem.err, problem.field, problem.message);
        return;
    }
    if (bl_request_is_head(r)) {
        bl_answer_bytes(r, 200, TYPE, (struct bl_str){0}, NULL);
        return;
    }
    struct reader *d = calloc(1, sizeof *d);
    if (!d) {
        bl_answer_error(r, BL_ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    d->magic = READER_MAGIC;
    d->r = r;
    bl_watch_join(ctx, &filter, last, on_joined, d);
}

static const struct bl_route routes[] = {{"GET", "/api/stream", get_stream, BL_ACCESS_READ}};

enum bl_err bl_http_stream(struct bl_server *s, struct bl_watch *w)
{
    return bl_server_add(s, routes, sizeof routes / sizeof routes[0], w);
}
