/* `behaviorlens explain`: asks a model for a sentence or two about new patterns (SPEC 5.5). A process of its own, so
 * that nothing it waits for is ever in anybody's way: it reads the change feed, and what comes back enters the
 * partition's stream as a command, which the one writer applies.
 *
 *   start -> waits for Redis -> data set opened -> feed read -> (explain_flow.c)
 *   SIGTERM/SIGINT -> calls under way are cancelled -> what was written is acknowledged -> farewell -> links close -> 0
 *
 * What is not finished stays pending in the feed, for the next process. */
#include "explain.h"
#include "commands.h"
#include "presence.h"
#include "signals.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/store/process.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define MAIN_MAGIC       BL_MAGIC('e', 'x', 'p', 'l')
#define GROUP            "explain"
#define TICK_MS          100
#define BEAT_TICKS       5
#define IDLE_MS          10000 /* then another process takes over what this one held */
#define DELIVERIES_MAX   3
#define REPLY_TIMEOUT_MS 2000
#define LINK_RETRY_MS    500

struct explain_main {
    uint32_t magic;
    uv_loop_t loop;
    const struct bl_config *config;
    struct explain_flow flow;
    struct bl_process *process;
    struct bl_hash_key hash_key;
    bool opening, current, known; /* known: hash_key is */
    enum presence said;
    unsigned ticks;
    uv_timer_t tick;
    struct signals signals;
    int status;
};

/* ---- the end ---- */

static void on_link_closed(void *ctx)
{
    (void)ctx; /* the loop has nothing left */
}

static void on_feed_closed(void *ctx)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    m->flow.feed = NULL;
    bl_link_close(m->flow.link, on_link_closed, m);
}

/* Everything sent before has been answered: no item is left. */
static void on_farewell(void *ctx, const redisReply *reply)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    (void)reply;
    if (m->flow.feed)
        bl_feed_close(m->flow.feed, on_feed_closed, m);
    else
        on_feed_closed(m);
}

static void on_client_closed(void *ctx)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    static const struct bl_str ping = {"PING", 4};
    bl_process_leave(m->process, m->flow.link);
    bl_link_send(m->flow.link, 1, &ping, on_farewell, m);
}

static void stop(struct explain_main *m, int status)
{
    if (m->flow.stopping)
        return;
    m->status = status;
    explain_flow_stop(&m->flow);
    signals_close(&m->signals);
    uv_close((uv_handle_t *)&m->tick, NULL);
    bl_outbound_close(m->flow.client, on_client_closed, m);
}

static void on_signal(void *ctx)
{
    stop(BL_CAST(struct explain_main, ctx, MAIN_MAGIC), 0);
}

/* ---- at work ---- */

static void beat(struct explain_main *m)
{
    const struct bl_explaining *e = &m->flow.rules;
    static const struct bl_feed_counts none;
    const struct bl_feed_counts *feed = m->flow.feed ? bl_feed_counts(m->flow.feed) : &none;
    struct bl_counter counters[BL_PROCESS_COUNTERS_MAX] = {
        {"model_calls_total", e->calls_total},
        {"model_retries_total", e->retries_total},
        {"model_paused", (int64_t)uv_now(&m->loop) < e->paused_until_ms ? 1 : 0},
        {"changes_read_total", feed->changes},
        {"changes_taken_over_total", feed->taken_over},
        {"changes_dropped_total", feed->dropped},
        {"changes_cut_total", feed->cut},
    };
    size_t n = 7;
    for (int i = 0; i < BL_EXPLAINED_COUNT; i++)
        counters[n++] = (struct bl_counter){bl_explained_counter((enum bl_explained)i), e->counts[i]};
    bl_process_beat(m->process, m->flow.link, counters, n);
}

static enum bl_err open_feed(struct explain_main *m, const struct bl_dataset *d)
{
    const struct bl_feed_options o = {.url = bl_config_text(m->config, BL_OPTION_REDIS),
                                      .env = bl_config_text(m->config, BL_OPTION_ENV),
                                      .group = GROUP,
                                      .consumer = bl_process_id(m->process),
                                      .partitions = d->partitions,
                                      .from_start = true, /* what is too old is passed over */
                                      .held_max = BL_EXPLAIN_HELD_MAX,
                                      .idle_ms = IDLE_MS,
                                      .deliveries_max = DELIVERIES_MAX,
                                      .ctx = &m->flow,
                                      .each = explain_flow_take};
    m->hash_key = d->hash_key;
    m->known = true;
    return bl_feed_new(&m->loop, &o, &m->flow.feed);
}

static void on_dataset(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    m->opening = false;
    if (m->flow.stopping)
        return;
    if (err == BL_ERR_STORE_UNAVAILABLE) { /* the next beat tries again */
        presence_unable(&m->said, m->flow.link, why);
        return;
    }
    if (err == BL_OK && !m->flow.feed) {
        err = open_feed(m, d);
    } else if (err == BL_OK && memcmp(&d->hash_key, &m->hash_key, sizeof m->hash_key) != 0) {
        err = BL_ERR_CONFIG;
        why = "Another data set has taken this one's place: start explain again.";
    }
    if (err == BL_OK) {
        m->current = true;
        presence_set(&m->said, REDIS_HERE, NULL);
        bl_log(BL_LOG_INFO, "explaining", BL_LOG_TEXT("env", bl_config_text(m->config, BL_OPTION_ENV)),
               BL_LOG_TEXT("model", m->flow.model));
        return;
    }
    bl_log(BL_LOG_ERROR, "data set refused", BL_LOG_TEXT("reason", why && why[0] ? why : bl_err_text(err)));
    stop(m, 1);
}

static void open_dataset(struct explain_main *m)
{
    struct bl_dataset_want want = presence_want(m->config, m->known ? &m->hash_key : NULL);
    if (m->opening || m->flow.stopping || !bl_link_is_up(m->flow.link))
        return;
    m->opening = true;
    bl_dataset_open(m->flow.link, &want, on_dataset, m);
}

static void on_link_up(void *ctx)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    m->current = false;
    open_dataset(m);
}

static void on_link_down(void *ctx)
{
    struct explain_main *m = BL_CAST(struct explain_main, ctx, MAIN_MAGIC);
    if (!m->flow.stopping)
        presence_lost(&m->said, m->flow.link);
}

static void on_tick(uv_timer_t *timer)
{
    struct explain_main *m = BL_CAST(struct explain_main, timer->data, MAIN_MAGIC);
    explain_flow_pump(&m->flow);
    if (m->ticks++ % BEAT_TICKS != 0)
        return;
    if (m->current)
        beat(m);
    else
        open_dataset(m);
}

/* ---- the beginning ---- */

static enum bl_err make_client(struct explain_main *m, struct bl_buf *why)
{
    const struct bl_config *c = m->config;
    struct bl_str base = bl_str_of(bl_config_text(c, BL_OPTION_EXPLAIN_URL));
    const struct bl_outbound_options o = {
        .under_way_max = BL_EXPLAIN_AT_ONCE,
        .allow_http = bl_config_int(c, BL_OPTION_EXPLAIN_ALLOW_HTTP) != 0,
        .allow_private = bl_config_int(c, BL_OPTION_EXPLAIN_ALLOW_PRIVATE) != 0,
    };
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    bl_buf_str(&m->flow.url, base);
    bl_buf_z(&m->flow.url, "/v1/messages");
    const char *fault = bl_outbound_url_fault(bl_buf_view(&m->flow.url), &o);
    if (fault) {
        bl_buf_printf(why, "explain-url %s", fault);
        return BL_ERR_CONFIG;
    }
    return bl_outbound_new(&m->loop, &o, &m->flow.client);
}

static bool prepare(struct explain_main *m, struct bl_buf *why)
{
    const struct bl_config *c = m->config;
    struct explain_flow *f = &m->flow;
    struct bl_link_options o = {
        bl_config_text(c, BL_OPTION_REDIS), REPLY_TIMEOUT_MS, LINK_RETRY_MS, m, on_link_up, on_link_down};
    f->loop = &m->loop;
    f->env = bl_config_text(c, BL_OPTION_ENV);
    f->model = bl_config_text(c, BL_OPTION_EXPLAIN_MODEL);
    f->timeout_ms = bl_config_int(c, BL_OPTION_EXPLAIN_TIMEOUT);
    bl_explaining_init(&f->rules, bl_config_text(c, BL_OPTION_EXPLAIN_TYPES),
                       (enum bl_severity)(BL_LOW + (int)bl_config_int(c, BL_OPTION_EXPLAIN_SEVERITY)),
                       (size_t)bl_config_int(c, BL_OPTION_EXPLAIN_CALLS),
                       bl_config_int(c, BL_OPTION_EXPLAIN_MAX_AGE));
    if (!explain_key(c, f->key, why))
        return false;
    enum bl_err err = make_client(m, why);
    if (err == BL_OK)
        err = bl_process_new(bl_str_of(f->env), "explain", &m->process);
    if (err == BL_OK)
        err = bl_link_new(&m->loop, &o, &f->link);
    if (err != BL_OK && why->n == 0)
        bl_buf_z(why, bl_err_text(err));
    return err == BL_OK;
}

static void start_handles(struct explain_main *m)
{
    signals_open(&m->signals, &m->loop, on_signal, m);
    uv_timer_init(&m->loop, &m->tick);
    m->tick.data = m;
    uv_timer_start(&m->tick, on_tick, TICK_MS, TICK_MS);
}

static int run(struct explain_main *m)
{
    struct bl_buf why;
    bl_buf_init(&why, 0);
    bool ok = prepare(m, &why);
    if (ok) {
        start_handles(m);
    } else {
        bl_log(BL_LOG_ERROR, "cannot start", BL_LOG_STR("reason", bl_buf_view(&why)));
        if (m->flow.client)
            bl_outbound_close(m->flow.client, NULL, NULL);
        m->status = 1;
    }
    bl_buf_release(&why);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    return m->status;
}

int bl_main_explain(const struct bl_config *config, int argc, char **argv)
{
    (void)argv;
    struct explain_main *m = argc == 0 ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        fputs("behaviorlens explain: takes options only; see --help\n", stderr);
        return 2;
    }
    m->magic = MAIN_MAGIC;
    m->config = config;
    if (uv_loop_init(&m->loop) != 0)
        bl_out_of_memory();
    bl_buf_init(&m->flow.url, 0);
    explain_flow_init(&m->flow);
    int status = run(m);
    bl_process_free(m->process);
    bl_buf_release(&m->flow.url);
    explicit_bzero(m->flow.key, sizeof m->flow.key);
    if (uv_loop_close(&m->loop) != 0)
        bl_log_plain(BL_LOG_WARN, "the loop did not close");
    free(m);
    bl_log_plain(BL_LOG_INFO, "stopped");
    return status;
}
