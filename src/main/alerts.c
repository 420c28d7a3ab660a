/* `behaviorlens alerts`: reads the change feed, decides, delivers. Everything that must survive is in Redis
 * (store/alerts); kill it any time. Of several processes one leads, by lease; the others wait for it to fall.
 *
 *   AWAY --(data set open)--> STANDBY --(lease taken)--> LOADING --(all rules)--> LEADING (the feed is read)
 *     ^                          ^                           |                        |
 *     +-------- link down -------+------ alerts_drop --------+------------------------+
 *
 * alerts_drop is the answer to everything that is not as it should be: a lost lease, a lost connection, a commit whose
 * outcome is not known. What is remembered goes, and what Redis holds is loaded again.
 *
 * Stopping: nothing new begins; attempts in the air may end, for a while; the lease is given back. */
#include "alerts.h"
#include "commands.h"

#include "bl/base/log.h"
#include "bl/base/memory.h"
#include "bl/store/keys.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS         50
#define BEAT_TICKS      10
#define LEASE_TICKS     10
#define LEASE_MARGIN_MS 500
#define SINCE_MS        60000 /* a rule that is new looks back so far: what was detected while this was starting */
#define FEED_IDLE_MS    3000
#define FEED_DELIVERIES                                                                                      \
    1000 /* many deaths in a row are no reason to lose a change: it cannot be what kills us */
#define REPLY_TIMEOUT_MS 2000
#define LINK_RETRY_MS    500
#define STOP_TICKS       (6000 / TICK_MS)

int64_t alerts_now_ms(const struct alerts *a)
{
    return (int64_t)uv_now(&a->loop) + a->clock_ms;
}

bool alerts_leads(struct alerts *a)
{
    uv_update_time(&a->loop);
    return a->phase == ALERTS_LEADING && uv_now(&a->loop) < a->led_until;
}

/* ---- the feed ---- */

static void on_feed_closed(void *ctx)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    a->feed = NULL;
    a->feed_closing = false;
}

static void on_change(void *ctx, const struct bl_feed_change *change)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    alerts_offer(a, change);
}

static void open_feed(struct alerts *a)
{
    struct bl_feed_options o = {
        .url = bl_config_text(a->config, BL_OPTION_REDIS),
        .env = bl_config_text(a->config, BL_OPTION_ENV),
        .group = "alerts",
        .consumer = bl_process_id(a->process),
        .partitions = a->partitions,
        .from_start = true, /* each rule knows since when it looks */
        .held_max = CHANGES_HELD,
        .idle_ms = FEED_IDLE_MS,
        .deliveries_max = FEED_DELIVERIES,
        .ctx = a,
        .each = on_change,
    };
    if (bl_feed_new(&a->loop, &o, &a->feed) != BL_OK) {
        a->feed = NULL;
        alerts_drop(a, BL_ERR_NO_MEMORY);
    }
}

static void close_feed(struct alerts *a)
{
    if (!a->feed || a->feed_closing)
        return;
    a->feed_closing = true;
    bl_feed_close(a->feed, on_feed_closed, a);
}

/* ---- leading ---- */

void alerts_drop(struct alerts *a, enum bl_err err)
{
    if (a->phase >= ALERTS_LOADING && !a->stopping)
        bl_log(BL_LOG_WARN, "the lead is given up for now", BL_LOG_TEXT("reason", bl_err_code(err)));
    if (a->phase >= ALERTS_LOADING)
        bl_alert_store_give(a->store);
    a->generation++;
    a->phase = a->current ? ALERTS_STANDBY : ALERTS_AWAY;
    alerts_step_drop(a);
    for (size_t i = 0; i < a->n_rules; i++) {
        a->queues[i].n = 0;
        bl_alert_state_init(&a->states[i]);
    }
    close_feed(a);
}

static void load_next(struct alerts *a)
{
    if (a->loading == a->n_rules) {
        a->phase = ALERTS_LEADING;
        bl_log(BL_LOG_INFO, "leading", BL_LOG_INT("alerts", a->n_rules));
        open_feed(a);
        return;
    }
    bl_alert_store_load(a->store, a->rules[a->loading].name, alerts_now_ms(a) - SINCE_MS, &a->loader);
}

static void on_head(void *ctx, int64_t since_ms, int64_t fired_ms)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    a->queues[a->loading].since_ms = since_ms;
    a->states[a->loading].fired_ms = fired_ms; /* BL_ALERT_NOT_YET and never are one */
}

static void on_counted(void *ctx, struct bl_pattern_id id, int64_t at_ms)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    if (a->rules[a->loading].over > 0)
        bl_alert_state_add(&a->rules[a->loading], &a->states[a->loading], id, at_ms);
}

static void on_waiting(void *ctx, struct bl_str delivery, int64_t next_ms)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    char id[BL_ALERT_ID_BYTES] = "", dropped[BL_ALERT_ID_BYTES];
    if (delivery.n >= sizeof id)
        return;
    memcpy(id, delivery.p, delivery.n);
    if (a->queues[a->loading].n < BL_ALERT_OUTBOX_MAX)
        alerts_queue_add(&a->queues[a->loading], id, next_ms, dropped);
}

static void on_loaded(void *ctx, enum bl_err err)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    if (a->phase != ALERTS_LOADING)
        return;
    if (err != BL_OK) {
        alerts_drop(a, err);
        return;
    }
    a->loading++;
    load_next(a);
}

static void on_lease(void *ctx, bool held, int64_t now_ms)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    a->asking = false;
    if (now_ms > 0)
        a->clock_ms = now_ms - (int64_t)uv_now(&a->loop);
    if (a->phase == ALERTS_AWAY)
        return;
    if (held)
        a->led_until = a->asked_at + BL_ALERT_LEASE_MS - LEASE_MARGIN_MS;
    if (held && a->phase == ALERTS_STANDBY) {
        a->phase = ALERTS_LOADING;
        a->loading = 0;
        load_next(a);
    } else if (!held && a->phase >= ALERTS_LOADING) {
        alerts_drop(a, now_ms > 0 ? BL_ERR_FENCED : BL_ERR_STORE_UNAVAILABLE);
    }
}

static void ask_lease(struct alerts *a)
{
    if (a->asking || a->phase == ALERTS_AWAY || (a->phase == ALERTS_STANDBY && (a->feed || a->stopping)))
        return;
    a->asking = true;
    uv_update_time(&a->loop);
    a->asked_at = uv_now(&a->loop);
    if (a->phase == ALERTS_STANDBY)
        bl_alert_store_take(a->store, on_lease, a);
    else
        bl_alert_store_renew(a->store, on_lease, a);
}

/* ---- the data set ---- */

static void stop(struct alerts *a, int status)
{
    if (a->stopping)
        return;
    a->stopping = true;
    a->status = status;
    a->ticks = 0;
    signals_close(&a->signals);
}

static void on_dataset(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    a->opening = false;
    if (a->stopping)
        return;
    if (err == BL_ERR_STORE_UNAVAILABLE) { /* the next beat tries again */
        presence_unable(&a->said, a->link, why);
        return;
    }
    if (err == BL_OK && a->partitions && memcmp(&d->hash_key, &a->hash_key, sizeof a->hash_key) != 0) {
        err = BL_ERR_CONFIG;
        why = "Another data set has taken this one's place: start the process again.";
    }
    if (err != BL_OK) {
        bl_log(BL_LOG_ERROR, "data set refused",
               BL_LOG_TEXT("reason", why && why[0] ? why : bl_err_text(err)));
        stop(a, 1);
        return;
    }
    a->partitions = d->partitions;
    a->hash_key = d->hash_key;
    a->current = true;
    a->phase = ALERTS_STANDBY;
    presence_set(&a->said, REDIS_HERE, NULL);
    ask_lease(a);
}

static void open_dataset(struct alerts *a)
{
    struct bl_dataset_want want = presence_want(a->config, a->partitions ? &a->hash_key : NULL);
    if (a->opening || a->stopping || !bl_link_is_up(a->link))
        return;
    a->opening = true;
    bl_dataset_open(a->link, &want, on_dataset, a);
}

static void on_link_up(void *ctx)
{
    open_dataset(BL_CAST(struct alerts, ctx, ALERTS_MAGIC));
}

static void on_link_down(void *ctx)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    a->current = false;
    alerts_drop(a, BL_ERR_STORE_UNAVAILABLE);
    if (!a->stopping)
        presence_lost(&a->said, a->link);
}

/* ---- the heartbeat ---- */

static void beat(struct alerts *a)
{
    static const struct bl_feed_counts none = {0};
    const struct bl_feed_counts *feed = a->feed ? bl_feed_counts(a->feed) : &none;
    uint64_t waiting = 0, failing = 0;
    for (size_t i = 0; i < a->n_rules; i++) {
        waiting += a->queues[i].n;
        failing += a->queues[i].failures > 0;
    }
    const struct bl_counter counters[] = {
        {"alerts_fired_total", a->counts.fired},
        {"alerts_delivered_total", a->counts.delivered},
        {"alerts_failed_total", a->counts.failed},
        {"alerts_retried_total", a->counts.retried},
        {"alerts_suppressed_total", a->counts.suppressed},
        {"alerts_dropped_total", a->counts.dropped},
        {"alerts_changes_cut", feed->cut},
        {"alerts_waiting", waiting},
        {"alerts_webhooks_failing", failing},
        {"alerts_leading", a->phase == ALERTS_LEADING},
    };
    bl_process_beat(a->process, a->link, counters, sizeof counters / sizeof counters[0]);
}

/* ---- the end ---- */

static void on_link_closed(void *ctx)
{
    (void)ctx; /* the loop has nothing left */
}

static void on_farewell(void *ctx, const struct redisReply *reply)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    (void)reply;
    bl_link_close(a->link, on_link_closed, a);
}

static void on_client_closed(void *ctx)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    static const struct bl_str ping = {"PING", 4};
    if (--a->clients_open > 0)
        return;
    bl_process_leave(a->process, a->link);
    bl_link_send(a->link, 1, &ping, on_farewell, a);
}

/* Is there anything worth waiting for? What came of an attempt is of use only to one that leads. */
static bool in_the_air(const struct alerts *a)
{
    for (size_t i = 0; i < a->n_rules; i++)
        for (size_t k = 0; k < FLIGHTS; k++) {
            enum flight_state state = a->queues[i].flights[k].state;
            if (state == FLIGHT_FLYING || (state != FLIGHT_FREE && a->phase == ALERTS_LEADING))
                return true;
        }
    return false;
}

/* A tick while stopping: first the attempts end, then the feed, then all the rest. */
static void tick_stopping(struct alerts *a)
{
    bool late = a->ticks > STOP_TICKS;
    if (!late && (a->step->busy || in_the_air(a)))
        return;
    if (a->phase >= ALERTS_LOADING)
        alerts_drop(a, BL_OK);
    close_feed(a);
    if (a->feed && a->ticks <= 2 * STOP_TICKS)
        return;
    uv_close((uv_handle_t *)&a->tick, NULL);
    for (size_t i = 0; i < a->n_rules; i++)
        bl_outbound_close(a->queues[i].client, on_client_closed, a);
}

static void on_signal(void *ctx)
{
    stop(BL_CAST(struct alerts, ctx, ALERTS_MAGIC), 0);
}

static void on_tick(uv_timer_t *timer)
{
    struct alerts *a = BL_CAST(struct alerts, timer->data, ALERTS_MAGIC);
    a->ticks++;
    if (a->ticks % LEASE_TICKS == 0)
        ask_lease(a);
    if (a->ticks % BEAT_TICKS == 0)
        beat(a);
    if (a->stopping) {
        alerts_send_settle(a);
        tick_stopping(a);
        return;
    }
    if (!a->current && a->ticks % BEAT_TICKS == 0)
        open_dataset(a);
    alerts_step_next(a);
    alerts_send_due(a);
}

/* ---- the beginning ---- */

static void start_handles(struct alerts *a)
{
    signals_open(&a->signals, &a->loop, on_signal, a);
    uv_timer_init(&a->loop, &a->tick);
    a->tick.data = a;
    uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
}

static enum bl_err connect_store(struct alerts *a)
{
    const char *env = bl_config_text(a->config, BL_OPTION_ENV);
    struct bl_link_options o = {.url = bl_config_text(a->config, BL_OPTION_REDIS),
                                .timeout_ms = REPLY_TIMEOUT_MS,
                                .retry_max_ms = LINK_RETRY_MS,
                                .ctx = a,
                                .up = on_link_up,
                                .down = on_link_down};
    enum bl_err err = bl_process_new(bl_str_of(env), "alerts", &a->process);
    if (err == BL_OK)
        err = bl_link_new(&a->loop, &o, &a->link);
    if (err == BL_OK)
        err = bl_alert_store_new(a->link, env, bl_process_id(a->process), &a->store);
    return err;
}

static int run(struct alerts *a)
{
    for (size_t i = 0; i < a->n_rules; i++)
        if (!alerts_post_open(a, &a->queues[i]))
            return 1;
    if (connect_store(a) != BL_OK) {
        bl_log_plain(BL_LOG_ERROR, "cannot start: out of memory");
        return 1;
    }
    a->loader = (struct bl_alert_loader){a, on_head, on_counted, on_waiting, on_loaded};
    start_handles(a);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    return a->status;
}

static void alerts_free(struct alerts *a)
{
    bl_alert_store_free(a->store);
    bl_process_free(a->process);
    for (size_t i = 0; a->queues && i < a->n_rules; i++)
        bl_buf_release(&a->queues[i].secret);
    for (size_t i = 0; a->step && i < MATCHES_MAX; i++)
        bl_buf_release(&a->step->body[i]);
    free(a->queues);
    free(a->states);
    free(a->step);
    free(a);
}

static struct alerts *alerts_new(const struct bl_config *config)
{
    struct alerts *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->magic = ALERTS_MAGIC;
    a->config = config;
    a->rules = bl_config_alerts(config, &a->n_rules);
    a->queues = calloc(a->n_rules + 1, sizeof *a->queues);
    a->states = calloc(a->n_rules + 1, sizeof *a->states);
    a->step = calloc(1, sizeof *a->step);
    if (!a->queues || !a->states || !a->step) {
        alerts_free(a);
        return NULL;
    }
    for (size_t i = 0; i < a->n_rules; i++) {
        a->queues[i].rule = &a->rules[i];
        alerts_queue_init(a, &a->queues[i]);
        bl_alert_state_init(&a->states[i]);
    }
    return a;
}

int bl_main_alerts(const struct bl_config *config, int argc, char **argv)
{
    bool test = argc == 2 && strcmp(argv[0], "test") == 0;
    struct alerts *a = argc == 0 || test ? alerts_new(config) : NULL;
    if (!a) {
        fputs("behaviorlens alerts: runs without arguments; `behaviorlens alerts test NAME` sends a sample\n",
              stderr);
        return 2;
    }
    if (a->n_rules == 0) {
        fputs(
            "behaviorlens alerts: no alerts are configured: add a section `alerts` to the file of --config\n",
            stderr);
        alerts_free(a);
        return 2;
    }
    if (uv_loop_init(&a->loop) != 0)
        bl_out_of_memory();
    int status = test ? alerts_test(a, argv[1]) : run(a);
    if (uv_loop_close(&a->loop) != 0)
        bl_log_plain(BL_LOG_WARN, "the loop did not close");
    alerts_free(a);
    return status;
}
