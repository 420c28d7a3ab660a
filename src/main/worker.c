/* One worker: app/worker on Redis ports (store/world), on one loop. All that must survive is in Redis: kill
 * it any time.
 *
 *   start -> waits for Redis -> data set opened -> working
 *   the data set is gone (somebody emptied Redis) -> opened anew, with the hash key it had
 *   SIGTERM/SIGINT -> bl_worker_stop: commits under way end, leases are given back -> farewell -> links close
 * -> 0
 *
 * Its name among the workers is its process id in the store, so that leases and processes can be told
 * together. */
#include "commands.h"
#include "presence.h"
#include "signals.h"

#include "bl/app/worker.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/config/config.h"
#include "bl/core/tunable.h"
#include "bl/store/dataset.h"
#include "bl/store/keys.h"
#include "bl/store/process.h"
#include "bl/store/world.h"
#include "bl/wire/rules.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define MAIN_MAGIC       BL_MAGIC('w', 'm', 'a', 'n')
#define SILENCE_MS       1200 /* 500 ms each way, or a store that stalls for a second, is slow, not gone */
#define REPLY_TIMEOUT_MS 2000 /* a lease is over by then: what is not answered is given up and taken again */
#define LINK_RETRY_MS    500
#define BEAT_TICKS       10 /* a process beats every so many ticks of the worker */

struct worker_main {
    uint32_t magic;
    uv_loop_t loop;
    const struct bl_config *config;
    struct bl_link *link;
    struct bl_process *process;
    struct bl_world *world; /* NULL until the data set is open */
    struct bl_worker *worker;
    struct bl_hash_key hash_key;
    struct bl_buf rules; /* this worker's own, for a data set that has none */
    bool compared;       /* with those of the data set */
    bool stopping;
    bool opening, current; /* current: opened since Redis came up, and not found gone since */
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

static void on_world_closed(void *ctx)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    m->world = NULL;
    bl_link_close(m->link, on_link_closed, m);
}

static void on_farewell(void *ctx, const struct redisReply *reply)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    (void)reply;
    if (m->world)
        bl_world_close(m->world, on_world_closed, m);
    else
        bl_link_close(m->link, on_link_closed, m);
}

static void on_worker_stopped(void *ctx)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    static const struct bl_str ping = {"PING", 4};
    uv_close((uv_handle_t *)&m->tick, NULL);
    bl_process_leave(m->process, m->link);
    bl_link_send(m->link, 1, &ping, on_farewell, m);
}

static void stop(struct worker_main *m, int status)
{
    if (m->stopping)
        return;
    m->stopping = true;
    m->status = status;
    signals_close(&m->signals);
    if (m->worker)
        bl_worker_stop(m->worker, on_worker_stopped, m);
    else
        on_worker_stopped(m);
}

static void on_signal(void *ctx)
{
    stop(BL_CAST(struct worker_main, ctx, MAIN_MAGIC), 0);
}

/* ---- working ---- */

static void beat(struct worker_main *m)
{
    const struct bl_worker_totals *t = bl_worker_totals(m->worker);
    struct bl_counter all[BL_PROCESS_COUNTERS_MAX];
    const struct bl_counter counters[] = {
        {"entries_processed_total", t->entries},
        {"events_processed_total", t->events},
        {"duplicates_total", t->duplicates},
        {"erased_events_total", t->erased},
        {"late_total", t->late},
        {"commits_total", t->commits},
        {"patterns_detected_total", t->patterns},
        {"quarantined_total", t->quarantined},
        {"corrupt_states_total", t->corrupt},
        {"entries_lost_total", t->lost},
        {"fenced_total", t->fenced},
        {"takeovers_total", t->takeovers},
        {"partitions_owned", bl_worker_owned(m->worker)},
        {"users_loaded_total", t->loaded},
        {"users_evicted_total", t->evicted},
        {"users_at_hand", bl_hand_members(bl_worker_hand(m->worker))},
        {"users_at_hand_bytes", bl_worker_hand(m->worker)->bytes},
    };
    size_t n = sizeof counters / sizeof counters[0];
    _Static_assert(sizeof counters / sizeof counters[0] + BL_LATENCY_BUCKETS < BL_PROCESS_COUNTERS_MAX,
                   "counters");
    memcpy(all, counters, sizeof counters);
    for (size_t i = 0; i < BL_LATENCY_BUCKETS; i++)
        all[n++] = (struct bl_counter){bl_latency_name(i), t->latency.bucket[i]};
    all[n++] = (struct bl_counter){bl_latency_name(BL_LATENCY_BUCKETS), t->latency.sum_ms};
    bl_process_beat(m->process, m->link, all, n);
}

static void open_dataset(struct worker_main *m);

static void on_looked(void *ctx, const redisReply *reply)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer > 0 || !m->current)
        return;
    bl_log_plain(BL_LOG_ERROR, "the data set is gone from redis: it is opened anew");
    m->current = false;
    open_dataset(m);
}

/* Is the data set still there? */
static void look_after(struct worker_main *m)
{
    struct bl_buf meta;
    bl_buf_init(&meta, 0);
    bl_key_put(&meta, bl_str_of(bl_config_text(m->config, BL_OPTION_ENV)), BL_KEY_META, 0, BL_STR(""));
    bl_link_send(m->link, 2, (const struct bl_str[]){BL_STR("EXISTS"), bl_buf_view(&meta)}, on_looked, m);
    bl_buf_release(&meta);
}

static void on_tick(uv_timer_t *timer)
{
    struct worker_main *m = BL_CAST(struct worker_main, timer->data, MAIN_MAGIC);
    bool due = !m->stopping && m->ticks++ % BEAT_TICKS == 0;
    if (m->worker)
        bl_worker_tick(m->worker);
    if (due && m->worker)
        beat(m);
    if (due && m->current)
        look_after(m);
    else if (due)
        open_dataset(m);
}

static enum bl_err make_world(struct worker_main *m, const struct bl_dataset *d)
{
    const struct bl_config *c = m->config;
    struct bl_world_options o = {
        .loop = &m->loop,
        .url = bl_config_text(c, BL_OPTION_REDIS),
        .env = bl_config_text(c, BL_OPTION_ENV),
        .name = bl_process_id(m->process),
        .partitions = d->partitions,
        .event_mode = d->event_clock,
        .lease_ms = bl_config_int(c, BL_OPTION_LEASE),
        .grace_ms = bl_config_rules(c)->grace_ms,
        .stream_retention_ms = bl_config_int(c, BL_OPTION_STREAM_RETENTION),
        .stream_max = bl_config_int(c, BL_OPTION_STREAM_MAX),
        .pattern_retention_ms = bl_config_int(c, BL_OPTION_PATTERN_RETENTION),
        .recent_retention_ms = bl_config_int(c, BL_OPTION_RECENT_RETENTION),
        .quarantine_retention_ms = bl_config_int(c, BL_OPTION_QUARANTINE_RETENTION),
        .history_retention_ms = bl_config_int(c, BL_OPTION_HISTORY_RETENTION),
        .pattern_max = bl_config_int(c, BL_OPTION_PATTERN_MAX),
        .reply_timeout_ms = REPLY_TIMEOUT_MS,
        .silence_ms = SILENCE_MS,
    };
    return bl_world_new(&o, &m->world);
}

static enum bl_err begin(struct worker_main *m, const struct bl_dataset *d)
{
    const struct bl_config *c = m->config;
    struct bl_worker_options o = {
        .name = bl_process_id(m->process),
        .partitions = d->partitions,
        .event_mode = d->event_clock,
        .hash_key = d->hash_key,
        .rules = bl_config_rules(c),
        .renew_ms = bl_config_int(c, BL_OPTION_RENEW),
        .gather_ms = bl_config_int(c, BL_OPTION_GATHER),
        .behind_ms = bl_config_int(c, BL_OPTION_CHECKPOINT),
        .calm_bytes = BL_CALM_BYTES,
        .seen_ms = bl_config_int(c, BL_OPTION_EVENT_MEMORY),
        .seen_max = (size_t)bl_config_int(c, BL_OPTION_EVENT_MEMORY_MAX),
        .recent_max = (size_t)bl_config_int(c, BL_OPTION_RECENT_MAX),
        .hand_max = (size_t)bl_config_int(c, BL_OPTION_USER_MEMORY),
    };
    m->hash_key = d->hash_key;
    enum bl_err err = make_world(m, d);
    if (err != BL_OK)
        return err;
    struct bl_ports ports = bl_world_ports(m->world);
    return bl_worker_new(&o, &ports, &m->worker);
}

/* Who was told nothing about rules cannot differ. */
static bool has_rules(const struct bl_config *c)
{
    return !bl_config_is_default(c, BL_OPTION_CONFIG) ||
           !bl_config_is_default(c, BL_OPTION_SESSION_TIMEOUT) || !bl_config_is_default(c, BL_OPTION_TWIN);
}

/* The data set's rules are in effect, whatever the file says: a difference is worth a word. */
static void compare_rules(struct worker_main *m, const struct bl_dataset *d)
{
    struct bl_rules *rules;
    struct bl_buf why;
    if (m->compared || !has_rules(m->config))
        return;
    m->compared = true;
    bl_buf_init(&why, 0);
    if (bl_rules_read(d->rules, &rules, &why) == BL_OK) {
        if (!bl_settings_same(bl_rules_settings(rules), bl_config_rules(m->config)))
            bl_log(BL_LOG_WARN,
                   "the rules of the data set are in effect, not those of this worker's configuration: see "
                   "`behaviorlens rules diff FILE`",
                   BL_LOG_INT("version", d->rules_version));
        bl_rules_free(rules);
    }
    bl_buf_release(&why);
}

static void on_dataset(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    m->opening = false;
    if (m->stopping)
        return;
    if (err == BL_ERR_STORE_UNAVAILABLE) { /* the next beat tries again */
        presence_unable(&m->said, m->link, why);
        return;
    }
    if (err == BL_OK && !m->worker)
        err = begin(m, d);
    else if (err == BL_OK && memcmp(&d->hash_key, &m->hash_key, sizeof m->hash_key) != 0) {
        err = BL_ERR_CONFIG; /* what this process remembers belongs to the old one */
        why = "Another data set has taken this one's place: start the worker again.";
    }
    if (err == BL_OK) {
        m->current = true;
        presence_set(&m->said, REDIS_HERE, NULL);
        compare_rules(m, d);
        bl_log(BL_LOG_INFO, "data set open", BL_LOG_INT("partitions", d->partitions),
               BL_LOG_TEXT("env", bl_config_text(m->config, BL_OPTION_ENV)));
        return;
    }
    bl_log(BL_LOG_ERROR, "data set refused", BL_LOG_TEXT("reason", why && why[0] ? why : bl_err_text(err)));
    stop(m, 1);
}

static void open_dataset(struct worker_main *m)
{
    struct bl_dataset_want want = presence_want(m->config, m->worker ? &m->hash_key : NULL);
    if (m->opening || m->stopping || !bl_link_is_up(m->link))
        return;
    m->opening = true;
    want.rules = bl_buf_view(&m->rules);
    want.rules_source = BL_STR("worker");
    bl_dataset_open(m->link, &want, on_dataset, m);
}

static void on_link_up(void *ctx)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    m->current = false;
    open_dataset(m);
}

static void on_link_down(void *ctx)
{
    struct worker_main *m = BL_CAST(struct worker_main, ctx, MAIN_MAGIC);
    if (!m->stopping)
        presence_lost(&m->said, m->link);
}

/* ---- the beginning ---- */

static void start_handles(struct worker_main *m)
{
    signals_open(&m->signals, &m->loop, on_signal, m);
    uv_timer_init(&m->loop, &m->tick);
    m->tick.data = m;
    uv_timer_start(&m->tick, on_tick, BL_WORKER_TICK_MS, BL_WORKER_TICK_MS);
}

static int run(struct worker_main *m)
{
    struct bl_link_options o = {bl_config_text(m->config, BL_OPTION_REDIS),
                                REPLY_TIMEOUT_MS,
                                LINK_RETRY_MS,
                                m,
                                on_link_up,
                                on_link_down};
    enum bl_err err =
        bl_process_new(bl_str_of(bl_config_text(m->config, BL_OPTION_ENV)), "worker", &m->process);
    if (err == BL_OK)
        err = bl_link_new(&m->loop, &o, &m->link);
    if (err != BL_OK) {
        bl_log(BL_LOG_ERROR, "cannot start", BL_LOG_TEXT("reason", bl_err_text(err)));
        return 1;
    }
    start_handles(m);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    return m->status;
}

int bl_main_worker(const struct bl_config *config, int argc, char **argv)
{
    (void)argv;
    struct worker_main *m = argc == 0 ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        fputs("behaviorlens worker: takes options only; see --help\n", stderr);
        return 2;
    }
    m->magic = MAIN_MAGIC;
    m->config = config;
    bl_buf_init(&m->rules, 0);
    bl_rules_write(bl_config_rules(config), &m->rules);
    if (uv_loop_init(&m->loop) != 0)
        bl_out_of_memory();
    int status = run(m);
    bl_worker_free(m->worker);
    bl_process_free(m->process);
    bl_buf_release(&m->rules);
    if (uv_loop_close(&m->loop) != 0)
        bl_log_plain(BL_LOG_WARN, "the loop did not close");
    free(m);
    bl_log_plain(BL_LOG_INFO, "stopped");
    return status;
}
