/* Wires the limits: the settings, the buckets of users, the guard of http, the backlog as vitals sees it, the counters. */
#include "serve_limits.h"

#include "bl/app/limiter.h"
#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/http/limits.h"

#include <stdlib.h>
#include <sys/random.h>
#include <uv.h>

#define LOOK_MS 50 /* between two looks at the store, be it ever so near a limit */

struct serve_limits {
    uv_loop_t *loop;
    struct bl_limiter users;
    struct bl_http_limits *http;
    struct bl_ingest *ingest;
    struct bl_network trusted[BL_CIDRS_MAX];
    size_t shares;
    uint64_t looked_ms;
    int64_t waiting_max_ms;
    uint64_t backlog[BL_BACKLOG_STATES]; /* requests refused */
    uint64_t slow;                       /* because the store is behind with what it was given */
};

static int64_t now_ms(void *ctx)
{
    return (int64_t)uv_now(((struct serve_limits *)ctx)->loop);
}

static void refused(void *ctx)
{
    bl_ingest_refuse(((struct serve_limits *)ctx)->ingest, BL_ERR_RATE_LIMITED, (struct bl_str){0});
}

static struct bl_rate rate(const struct bl_config *c, enum bl_option_id per_second, enum bl_option_id burst)
{
    return (struct bl_rate){bl_config_int(c, per_second), bl_config_int(c, burst)};
}

enum bl_err serve_limits_new(const struct bl_config *c, uv_loop_t *loop, struct serve_limits **out)
{
    struct serve_limits *l = calloc(1, sizeof *l);
    struct bl_hash_key key;
    struct bl_str bad;
    size_t trusted_n;
    *out = NULL;
    if (!l)
        return BL_ERR_NO_MEMORY;
    l->loop = loop;
    l->shares = 1;
    l->waiting_max_ms = bl_config_int(c, BL_OPTION_APPEND_TIMEOUT) / 2;
    enum bl_err err = getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key ? BL_OK : BL_ERR_IO;
    if (!bl_networks_parse(bl_str_of(bl_config_text(c, BL_OPTION_TRUSTED_PROXIES)), l->trusted, BL_CIDRS_MAX,
                           &trusted_n, &bad))
        err = BL_ERR_CONFIG;
    struct bl_http_limits_options http = {
        .key_events = rate(c, BL_OPTION_KEY_RATE, BL_OPTION_KEY_BURST),
        .address_events = rate(c, BL_OPTION_ADDRESS_RATE, BL_OPTION_ADDRESS_BURST),
        .address_requests = rate(c, BL_OPTION_REQUEST_RATE, BL_OPTION_REQUEST_BURST),
        .trusted = l->trusted,
        .trusted_n = trusted_n,
        .key = key,
        .ctx = l,
        .now_ms = now_ms,
        .refused = refused};
    if (err == BL_OK)
        err = bl_limiter_init(&l->users, rate(c, BL_OPTION_USER_RATE, BL_OPTION_USER_BURST),
                              BL_LIMITER_PLACES, key);
    if (err == BL_OK)
        err = bl_http_limits_new(&http, &l->http);
    if (err != BL_OK) {
        serve_limits_free(l);
        return err;
    }
    *out = l;
    return BL_OK;
}

void serve_limits_free(struct serve_limits *l)
{
    if (!l)
        return;
    bl_limiter_release(&l->users);
    bl_http_limits_free(l->http);
    free(l);
}

enum bl_err serve_limits_guard(struct serve_limits *l, struct bl_server *server, struct bl_ingest *ingest)
{
    l->ingest = ingest;
    return bl_http_limits_install(l->http, server);
}

struct bl_backlog_options serve_limits_backlog(const struct bl_config *c, int partitions)
{
    return (struct bl_backlog_options){
        .partitions = partitions,
        .entries_max = bl_config_int(c, BL_OPTION_BACKLOG_MAX),
        .bytes_max = bl_config_int(c, BL_OPTION_BACKLOG_MAX_BYTES),
        .stream_max = bl_config_int(c, BL_OPTION_STREAM_MAX),
        .headroom_percent = bl_config_int(c, BL_OPTION_MEMORY_HEADROOM),
    };
}

int64_t serve_limits_user(struct serve_limits *l, struct bl_str user_id)
{
    return bl_limiter_take(&l->users, user_id, now_ms(l));
}

/* A store that is so far behind would not confirm what is added now before the client is answered 503, and the connection
 * reset, with all that is on it: what could have been stored would be lost in doubt. Better no than perhaps. */
enum bl_err serve_limits_admit(struct serve_limits *l, const struct bl_vitals *vitals, int64_t waiting_ms,
                               int partition)
{
    if (partition < 0 && waiting_ms > l->waiting_max_ms) {
        l->slow++;
        return BL_ERR_OVERLOADED;
    }
    enum bl_backlog_state state = bl_vitals_backlog(vitals, partition);
    if (state == BL_BACKLOG_ROOM)
        return BL_OK;
    l->backlog[state]++;
    return BL_ERR_BACKLOG_FULL;
}

void serve_limits_sent(struct serve_limits *l, struct bl_vitals *vitals, struct bl_link *link,
                       const struct bl_append_entry *entries, size_t n)
{
    bool look = false;
    for (size_t i = 0; i < n; i++)
        look |= bl_vitals_sent(vitals, entries[i].partition, entries[i].text.n);
    if (look && uv_now(l->loop) - l->looked_ms >= LOOK_MS) {
        l->looked_ms = uv_now(l->loop);
        bl_vitals_poll(vitals, link);
    }
}

void serve_limits_tick(struct serve_limits *l, const struct bl_vitals *vitals)
{
    size_t n = bl_vitals_serves(vitals);
    if (n == l->shares)
        return;
    l->shares = n;
    bl_limiter_share(&l->users, n);
    bl_http_limits_share(l->http, n);
    bl_log(BL_LOG_INFO, "rate limits are shared", BL_LOG_INT("serve_processes", (int64_t)n));
}

size_t serve_limits_counters(const struct serve_limits *l, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                             size_t n)
{
    const struct bl_http_limits_counts http = bl_http_limits_counts(l->http);
    const struct bl_ingest_counts *i = bl_ingest_counts(l->ingest);
    const struct bl_counter all[] = {
        {"limited_user_events_total", i->limited},
        {"limited_key_requests_total", http.key_events},
        {"limited_address_requests_total", http.address_events},
        {"limited_rate_requests_total", http.address_requests},
        {"limits_forgotten_total", http.forgotten + l->users.forgotten},
        {"limits_shared_by", l->shares},
        {"backlog_entries_requests_total", l->backlog[BL_BACKLOG_ENTRIES]},
        {"backlog_bytes_requests_total", l->backlog[BL_BACKLOG_BYTES]},
        {"backlog_memory_requests_total", l->backlog[BL_BACKLOG_MEMORY]},
        {"overloaded_requests_total", l->slow},
        {"requests_shed_total", i->shed},
    };
    for (size_t k = 0; k < sizeof all / sizeof all[0] && n < BL_PROCESS_COUNTERS_MAX; k++)
        out[n++] = all[k];
    return n;
}
