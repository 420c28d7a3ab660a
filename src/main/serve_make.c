/* What a serve process is made of: the store's side, the flows, the server, each on what is below it. */
#include "bl/base/limits.h"
#include "serve_parts.h"

#include <sys/resource.h>

#define DRAIN_MS        4000
#define LINK_TIMEOUT_MS 2000
#define LINK_RETRY_MS   500
#define OWN_FILES       64

/* --- the ingest flow's port */

static int partition_of(void *ctx, struct bl_str user_id)
{
    return bl_append_partition(((struct serve *)ctx)->append, user_id);
}

static enum bl_err admit(void *ctx, int partition)
{
    const struct serve *s = ctx;
    if (!s->dataset_open || !bl_append_is_up(s->append))
        return BL_ERR_STORE_UNAVAILABLE;
    int64_t waiting_ms = partition < 0 ? bl_append_waiting_ms(s->append) : 0; /* looks at the clock */
    return serve_limits_admit(s->limits, s->vitals, waiting_ms, partition);
}

static int64_t user_wait(void *ctx, struct bl_str user_id)
{
    return serve_limits_user(((struct serve *)ctx)->limits, user_id);
}

static bool is_erased(void *ctx, struct bl_str user_id)
{
    return bl_erasure_has(((struct serve *)ctx)->erasure, user_id);
}

static void erasure_stands(void *ctx, struct bl_str user_id, int64_t at_ms)
{
    bl_erasure_stands(((struct serve *)ctx)->erasure, user_id, at_ms);
}

static void append(void *ctx, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                   void *fn_ctx)
{
    struct serve *s = ctx;
    serve_limits_sent(s->limits, s->vitals, s->link, entries, n);
    bl_append_send(s->append, entries, n, fn, fn_ctx);
}

static void wake(void *ctx, int delay_ms)
{
    bl_append_wake(((struct serve *)ctx)->append, delay_ms);
}

static void refused(void *ctx, const struct bl_refusal *refusal)
{
    bl_rejects_add(((struct serve *)ctx)->rejects, refusal);
}

static void flush(void *ctx)
{
    bl_ingest_flush(((struct serve *)ctx)->ingest);
}

/* --- the parts */

enum bl_err serve_make_store(struct serve *s)
{
    const char *url = bl_config_text(s->config, BL_OPTION_REDIS),
               *env = bl_config_text(s->config, BL_OPTION_ENV);
    struct bl_link_options link = {url, LINK_TIMEOUT_MS, LINK_RETRY_MS, s, serve_link_up, serve_link_down};
    struct bl_append_options options = {url, env, bl_config_int(s->config, BL_OPTION_APPEND_TIMEOUT), s,
                                        flush};
    enum bl_err err = bl_rejects_new(env, bl_config_int(s->config, BL_OPTION_BAD_RETENTION),
                                     BL_ERASE_SETTLE_MS / 2, &s->rejects);
    if (err == BL_OK)
        err = bl_erasure_new(bl_str_of(env), &s->erasure);
    struct serve_keys_options keys = {s->config, s->rejects, s, serve_keys_refused};
    if (err == BL_OK)
        err = serve_keys_new(&keys, &s->keys);
    if (err == BL_OK)
        err = bl_process_new(bl_str_of(env), "serve", &s->process);
    if (err == BL_OK)
        err = bl_link_new(&s->loop, &link, &s->link);
    if (err == BL_OK)
        err = serve_audit_new(s->config, s->link, &s->audit);
    if (err == BL_OK)
        err = bl_append_new(&s->loop, &options, &s->append);
    if (err == BL_OK)
        err = bl_store_reads_new(&s->loop, url, bl_str_of(env), &s->reads);
    if (err == BL_OK)
        err = bl_store_changes_new(&s->loop, url, bl_str_of(env), &s->changes);
    return err;
}

enum bl_err serve_make_flows(struct serve *s)
{
    struct bl_ingest_port port = {s, partition_of, admit, user_wait, is_erased, append, wake, refused};
    struct bl_ingest_options options = {(size_t)bl_config_int(s->config, BL_OPTION_BATCH_MAX_EVENTS),
                                        strcmp(bl_config_text(s->config, BL_OPTION_CLOCK), "event") == 0};
    enum bl_err err = serve_limits_new(s->config, &s->loop, &s->limits);
    if (err == BL_OK)
        err = bl_ingest_new(&port, &options, &s->ingest);
    if (err == BL_OK)
        err = bl_queries_new(bl_store_reads_port(s->reads), &s->queries);
    if (err != BL_OK)
        return err;
    serve_audit_queries(s->audit, s->queries);
    bl_queries_erased(s->queries, &(struct bl_erased_port){s, erasure_stands});
    bl_ingest_hear(s->ingest, strcmp(bl_config_text(s->config, BL_OPTION_GPC), "honour") == 0);
    bl_queries_retention(s->queries, bl_config_int(s->config, BL_OPTION_STREAM_RETENTION));
    struct bl_watch_options watch = {bl_store_reads_port(s->reads), s->queries,
                                     bl_store_changes_port(s->changes), bl_http_stream_sink(),
                                     (size_t)bl_config_int(s->config, BL_OPTION_STREAM_CLIENTS)};
    return bl_watch_new(&watch, &s->watch);
}

/* As many as there are file descriptors for, less those the process needs itself: without one left, Redis could not
 * be reached again. */
static size_t connections_max(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OWN_FILES;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OWN_FILES;
    size_t most = limit.rlim_cur > 2 * OWN_FILES ? (size_t)limit.rlim_cur - OWN_FILES : OWN_FILES;
    return most < wanted ? most : wanted;
}

enum bl_err serve_make_server(struct serve *s)
{
    const struct bl_config *c = s->config;
    struct bl_server_options options = {
        .listen = bl_config_text(c, BL_OPTION_LISTEN),
        .port = (int)bl_config_int(c, BL_OPTION_PORT),
        .connections_max = connections_max((size_t)bl_config_int(c, BL_OPTION_CONNECTIONS)),
        .body_max_bytes = (size_t)bl_config_int(c, BL_OPTION_BATCH_MAX_BYTES),
        .drain_ms = DRAIN_MS,
        .head_ms = bl_config_int(c, BL_OPTION_HEAD_TIMEOUT),
        .body_ms = bl_config_int(c, BL_OPTION_BODY_TIMEOUT),
        .idle_ms = bl_config_int(c, BL_OPTION_IDLE_TIMEOUT),
        .connections_per_address = (size_t)bl_config_int(c, BL_OPTION_CONNECTIONS_PER_ADDRESS),
        .tls_cert = bl_config_text(c, BL_OPTION_TLS_CERT),
        .tls_key = bl_config_text(c, BL_OPTION_TLS_KEY)};
    s->health = (struct bl_http_health){s, serve_ready};
    enum bl_err err = bl_server_new(&s->loop, &options, &s->server);
    if (err == BL_OK)
        err = serve_keys_guard(s->keys, s->server, serve_audit_port(s->audit));
    if (err == BL_OK)
        err = serve_limits_guard(s->limits, s->server, s->ingest);
    if (err == BL_OK)
        err = bl_http_ingest(s->server, s->ingest);
    if (err == BL_OK)
        err = bl_http_health(s->server, &s->health);
    if (err == BL_OK)
        err = bl_http_api(s->server, s->queries);
    if (err == BL_OK)
        err = bl_http_stream(s->server, s->watch);
    if (err == BL_OK)
        err = bl_http_static(s->server);
    if (err == BL_OK)
        err = bl_server_listen(s->server);
    return err;
}
