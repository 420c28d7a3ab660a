/* One HTTP process: wires the way in (http -> app/ingest -> store/append) and the queries (http -> app/query
 * -> store/reads) on one loop. It holds nothing that matters: kill it any time.
 *
 *   start -> listening, 503 while Redis is away or loading -> link up: data set opened -> serving
 *   the data set is gone (somebody emptied Redis) -> opened anew, with the hash key it had
 *   SIGTERM/SIGINT -> server drains -> last refusals written -> links close -> exit 0
 *
 * Four links: appends (their timeout is what a client waits), reads, the change feeds (it blocks), and one for what
 * nobody waits for (the data set, vitals, refused events, the heartbeat). A data set that does not fit the configuration ends the
 * process with a sentence (SPEC 7.3). What it is made of, and how that is wired: serve_make.c. */
#include "commands.h"
#include "serve_parts.h"

#include "bl/base/log.h"
#include "bl/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS       500
#define LAST_WORDS_MS 500

static void serve_stop(struct serve *s, int status);

/* --- the data set */

static enum bl_err enter(struct serve *s, const struct bl_dataset *d)
{
    struct bl_vitals_options options = {bl_config_text(s->config, BL_OPTION_ENV),
                                        serve_limits_backlog(s->config, d->partitions)};
    enum bl_err err = s->vitals ? BL_OK : bl_vitals_new(&options, &s->vitals);
    if (err == BL_OK)
        err = bl_append_open(s->append, d->hash_key, d->partitions);
    if (err == BL_OK)
        err = bl_erasure_open(s->erasure, d->hash_key, d->partitions);
    if (err != BL_OK)
        return err;
    bl_rejects_open(s->rejects, d->hash_key);
    s->hash_key = d->hash_key;
    s->dataset_open = s->current = true;
    bl_vitals_entered(s->vitals, d->hash_key);
    bl_vitals_poll(s->vitals, s->link);
    bl_erasure_poll(s->erasure, s->link);
    return BL_OK;
}

static void on_dataset(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    s->opening = false;
    if (s->stopping)
        return;
    if (err == BL_ERR_STORE_UNAVAILABLE) { /* the next tick tries again */
        presence_unable(&s->said, s->link, why);
        return;
    }
    if (err == BL_OK)
        err = enter(s, d);
    if (err == BL_OK) {
        presence_set(&s->said, REDIS_HERE, NULL);
        bl_log(BL_LOG_INFO, "data set open", BL_LOG_INT("partitions", d->partitions),
               BL_LOG_TEXT("env", bl_config_text(s->config, BL_OPTION_ENV)));
        return;
    }
    snprintf(s->refused, sizeof s->refused, "%s", why && why[0] ? why : bl_err_text(err));
    bl_log(BL_LOG_ERROR, "data set refused", BL_LOG_TEXT("reason", s->refused));
    serve_stop(s, 1);
}

static void open_dataset(struct serve *s)
{
    struct bl_dataset_want want = presence_want(s->config, s->dataset_open ? &s->hash_key : NULL);
    if (s->opening || s->stopping || !bl_link_is_up(s->link))
        return;
    s->opening = true;
    bl_dataset_open(s->link, &want, on_dataset, s);
}

void serve_link_up(void *ctx)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    s->current = false;
    serve_keys_poll(s->keys, s->link); /* before the data set: known as soon as it is open */
    open_dataset(s);
}

void serve_link_down(void *ctx)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    if (!s->stopping)
        presence_lost(&s->said, s->link);
}

void serve_ready(void *ctx, struct bl_ready *out)
{
    const struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    out->store_up = bl_link_is_up(s->link) && (!s->dataset_open || bl_append_is_up(s->append));
    out->store_loading = bl_link_is_loading(s->link);
    out->dataset_open = s->dataset_open && s->current;
    out->refused = s->refused[0] ? s->refused : NULL;
    if (s->vitals)
        bl_vitals_ready(s->vitals, bl_append_counts(s->append)->last_ms, out);
}

/* --- twice a second */

static size_t counters(const struct serve *s, struct bl_counter out[BL_PROCESS_COUNTERS_MAX])
{
    const struct bl_server_counts *h = bl_server_counts(s->server);
    const struct bl_ingest_counts *i = bl_ingest_counts(s->ingest);
    const struct bl_append_counts *a = bl_append_counts(s->append);
    const struct bl_watch_counts *x = bl_watch_counts(s->watch);
    const struct bl_counter all[] = {
        {"http_requests_total", h->requests},
        {"http_answers_2xx_total", h->by_class[2]},
        {"http_answers_3xx_total", h->by_class[3]},
        {"http_answers_4xx_total", h->by_class[4]},
        {"http_answers_5xx_total", h->by_class[5]},
        {"http_requests_open", h->requests_open},
        {"http_connections_total", h->connections},
        {"http_connections_refused_total", h->connections_refused},
        {"http_connections_open", h->connections_open},
        {"http_connections_slow_total", h->cut_slow},
        {"events_accepted_total", i->accepted},
        {"events_rejected_total", i->rejected},
        {"events_unstored_total", i->unstored},
        {"erased_users", bl_erasure_counts(s->erasure)->tombstones},
        {"erasures_unfinished", bl_erasure_counts(s->erasure)->unfinished},
        {"events_unavailable_total", i->unavailable},
        {"events_backlog_total", i->backlog},
        {"appends_total", a->count},
        {"append_microseconds_total", a->us},
        {"append_failures_total", i->failed},
        {"append_entries_total", i->entries},
        {"ingest_bytes_waiting", i->bytes_waiting},
        {"streams_open", x->watchers},
        {"stream_changes_total", x->changes},
        {"stream_resets_total", x->resets},
        {"stream_slow_readers_total", x->slow},
    };
    _Static_assert(sizeof all / sizeof all[0] <= BL_PROCESS_COUNTERS_MAX, "counters");
    memcpy(out, all, sizeof all);
    size_t n = serve_limits_counters(s->limits, out, sizeof all / sizeof all[0]);
    return serve_keys_counters(s->keys, out, serve_audit_counters(s->audit, out, n));
}

static void on_tick(uv_timer_t *timer)
{
    struct serve *s = BL_CAST(struct serve, timer->data, SERVE_MAGIC);
    struct bl_counter c[BL_PROCESS_COUNTERS_MAX];
    bl_watch_tick(s->watch, (int64_t)uv_now(&s->loop));
    serve_keys_poll(s->keys, s->link);
    if (s->current && bl_vitals_replaced(s->vitals)) {
        bl_log_plain(BL_LOG_ERROR, "the data set is gone from redis: it is opened anew");
        s->current = false;
    }
    if (!s->current)
        open_dataset(s);
    if (!s->dataset_open)
        return;
    bl_vitals_poll(s->vitals, s->link);
    serve_limits_tick(s->limits, s->vitals);
    bl_erasure_poll(s->erasure, s->link);
    bl_rejects_flush(s->rejects, s->link, bl_vitals_time_ms(s->vitals),
                     bl_ingest_counts(s->ingest)->unstored);
    serve_audit_tick(s->audit, (int64_t)uv_now(&s->loop));
    bl_process_beat(s->process, s->link, c, counters(s, c));
}

/* --- the end: server, then the last words, then links and handles, then the loop has nothing left */

static void closed(void *ctx)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    if (--s->closing == 0)
        uv_stop(&s->loop); /* h2o's own handle stays active until its context is disposed of */
}

static void close_links(struct serve *s)
{
    signals_close(&s->signals); /* until here a second signal does nothing */
    s->closing = 4;
    bl_link_close(s->link, closed, s);
    bl_append_close(s->append, closed, s);
    bl_store_reads_close(s->reads, closed, s);
    bl_store_changes_close(s->changes, closed, s);
}

static void on_last_words(uv_timer_t *timer)
{
    struct serve *s = BL_CAST(struct serve, timer->data, SERVE_MAGIC);
    if (s->tick_open && !uv_is_closing((uv_handle_t *)timer)) {
        uv_close((uv_handle_t *)timer, NULL);
        close_links(s);
    }
}

static void on_farewell(void *ctx, const struct redisReply *reply)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    (void)reply;
    on_last_words(&s->tick);
}

static void on_server_stopped(void *ctx)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    static const struct bl_str ping = {"PING", 4};
    uv_timer_start(&s->tick, on_last_words, LAST_WORDS_MS, 0);
    if (s->vitals)
        bl_rejects_flush(s->rejects, s->link, bl_vitals_time_ms(s->vitals),
                         bl_ingest_counts(s->ingest)->unstored);
    bl_process_leave(s->process, s->link);
    bl_link_send(s->link, 1, &ping, on_farewell, s);
}

static void serve_stop(struct serve *s, int status)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->status = status;
    bl_watch_stop(s->watch);
    bl_server_stop(s->server, on_server_stopped, s);
}

static void on_signal(void *ctx)
{
    serve_stop(BL_CAST(struct serve, ctx, SERVE_MAGIC), 0);
}

/* --- the beginning */

void serve_keys_refused(void *ctx, const char *why)
{
    struct serve *s = BL_CAST(struct serve, ctx, SERVE_MAGIC);
    bl_log(BL_LOG_ERROR, "cannot serve", BL_LOG_TEXT("reason", why));
    serve_stop(s, 1);
}

static void start_handles(struct serve *s)
{
    signals_open(&s->signals, &s->loop, on_signal, s);
    uv_timer_init(&s->loop, &s->tick);
    s->tick.data = s;
    s->tick_open = true;
    uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
}

static void serve_free(struct serve *s)
{
    bl_server_free(s->server);
    uv_run(&s->loop, UV_RUN_DEFAULT); /* h2o's timers close */
    bl_ingest_free(s->ingest);
    bl_watch_free(s->watch);
    bl_queries_free(s->queries);
    bl_vitals_free(s->vitals);
    serve_keys_free(s->keys);
    bl_rejects_free(s->rejects);
    bl_erasure_free(s->erasure);
    bl_process_free(s->process);
    serve_limits_free(s->limits);
    serve_audit_free(s->audit);
    if (uv_loop_close(&s->loop) != 0)
        bl_log_plain(BL_LOG_WARN, "the loop did not close");
    free(s);
}

int bl_main_serve(const struct bl_config *config, int argc, char **argv)
{
    (void)argv;
    struct serve *s = argc == 0 ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        fputs("behaviorlens serve: takes options only; see --help\n", stderr);
        return 2;
    }
    s->magic = SERVE_MAGIC;
    s->config = config;
    if (uv_loop_init(&s->loop) != 0)
        bl_out_of_memory();
    enum bl_err err = serve_make_store(s);
    if (err == BL_OK)
        err = serve_make_flows(s);
    if (err == BL_OK)
        err = serve_make_server(s);
    if (err != BL_OK) {
        bl_log(BL_LOG_ERROR, "cannot start", BL_LOG_TEXT("reason", bl_err_text(err)));
        return 1; /* the process ends here: nothing has been promised to anybody */
    }
    bl_log(BL_LOG_INFO, "listening", BL_LOG_TEXT("address", bl_config_text(config, BL_OPTION_LISTEN)),
           BL_LOG_INT("port", bl_server_port(s->server)));
    start_handles(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    int status = s->status;
    serve_free(s);
    bl_log_plain(BL_LOG_INFO, "stopped");
    return status;
}
