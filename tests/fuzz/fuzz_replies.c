/* Any bytes as what Redis says: the first byte chooses who asked, the rest goes through hiredis' reader, and what comes
 * out answers the commands in the order in which they are sent; when no whole reply is left, the connection is lost.
 *
 * The link (store/link.h) is ours here, and so is the blocking connection (store/dial.h), on a socket that has the bytes
 * in it: all else of the store, and the worker on it, is the program's. Wrong types, nested nonsense, counts that
 * promise too much: nobody may crash, and each call is answered once, with an error or with something. */
#include "fuzz.h"

#include "bl/app/worker.h"
#include "bl/base/log.h"
#include "bl/store/changes.h"
#include "bl/store/dataset.h"
#include "bl/store/feed.h"
#include "bl/store/keyring.h"
#include "bl/store/process.h"
#include "bl/store/reads.h"
#include "bl/store/vitals.h"
#include "bl/store/world.h"
#include "replies.h"

#define CALLS_MAX 2000 /* answered in one run */
#define TICKS_MAX 300

static const struct bl_str env = {"dev", 3};
static const struct bl_hash_key key = {1, 2};
static const char id_text[] = "0123456789abcdef0123456789abcdef";
static struct bl_settings settings;

static void answer_all(void)
{
    for (int i = 0; i < CALLS_MAX && fake_answer(); i++)
        ;
}

/* ---- the worker ---- */

static void on_stopped(void *ctx)
{
    *(bool *)ctx = true;
}

static void work(bool event_mode)
{
    struct bl_world_options o = {.loop = fake_loop(),
                                 .url = "redis://h",
                                 .env = "dev",
                                 .name = "w",
                                 .partitions = 1,
                                 .event_mode = event_mode,
                                 .lease_ms = 1500,
                                 .grace_ms = 500,
                                 .stream_retention_ms = 3600000,
                                 .stream_max = 1000,
                                 .pattern_retention_ms = 3600000,
                                 .pattern_max = 1000,
                                 .reply_timeout_ms = 1000};
    struct bl_world *world;
    struct bl_worker *worker;
    bool stopped = false, closed = false;
    FUZZ_CHECK(bl_world_new(&o, &world) == BL_OK);
    struct bl_ports ports = bl_world_ports(world);
    const struct bl_worker_options w = {.name = "w",
                                        .partitions = 1,
                                        .event_mode = event_mode,
                                        .hash_key = key,
                                        .rules = &settings,
                                        .renew_ms = 500,
                                        .seen_ms = 3600000,
                                        .seen_max = 1000,
                                        .hand_max = 4096,
                                        .recent_max = 10};
    FUZZ_CHECK(bl_worker_new(&w, &ports, &worker) == BL_OK);
    for (int i = 0; i < TICKS_MAX && fake_has_more(); i++) {
        bl_worker_tick(worker);
        answer_all();
        fake_time_passes(BL_WORKER_TICK_MS);
    }
    fake_end();
    bl_worker_stop(worker, on_stopped, &stopped);
    for (int i = 0; i < CALLS_MAX && !stopped; i++) {
        fake_time_passes(BL_WORKER_TICK_MS);
        fake_answer();
    }
    FUZZ_CHECK(stopped);
    bl_world_close(world, on_stopped, &closed);
    fake_close_all(&closed);
    bl_worker_free(worker);
}

static void work_live(void)
{
    work(false);
}

static void work_recorded(void)
{
    work(true);
}

/* ---- reads ---- */

static unsigned awaited;

static void on_read(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    size_t sum = 0;
    (void)ctx;
    FUZZ_CHECK((err == BL_OK) == (r != NULL));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r[i].n; k++)
            for (size_t c = 0; c < r[i].item[k].n; c++)
                sum += (unsigned char)r[i].item[k].p[c];
    FUZZ_CHECK(sum + 1 > 0);
    awaited--;
}

static void read_all(void)
{
    struct bl_store_reads *s;
    struct bl_read reads[BL_READ_KIND_COUNT];
    bool closed = false;
    FUZZ_CHECK(bl_store_reads_new(fake_loop(), "redis://h", env, &s) == BL_OK);
    for (unsigned i = 0; i < BL_READ_KIND_COUNT; i++)
        reads[i] =
            (struct bl_read){.kind = (enum bl_read_kind)i, .arg = {id_text, 32}, .a = 5, .b = 1, .d = 5};
    const struct bl_reads *port = bl_store_reads_port(s);
    awaited = 1;
    port->read(port->port, reads, BL_READ_KIND_COUNT, on_read, NULL);
    answer_all();
    fake_end();
    answer_all();
    FUZZ_CHECK(awaited == 0);
    bl_store_reads_close(s, on_stopped, &closed);
    fake_close_all(&closed);
}

/* ---- feeds ---- */

static struct bl_feed *feed;

static void on_change(void *ctx, const struct bl_feed_change *c)
{
    (void)ctx;
    FUZZ_CHECK(c->change.n && c->pattern_id.n);
    bl_feed_done(feed, c);
}

static void follow(void)
{
    const struct bl_feed_options o = {.url = "redis://h",
                                      .env = "dev",
                                      .group = "g",
                                      .consumer = "c",
                                      .partitions = 2,
                                      .held_max = 8,
                                      .idle_ms = 2000,
                                      .deliveries_max = 3,
                                      .each = on_change};
    bool closed = false;
    FUZZ_CHECK(bl_feed_new(fake_loop(), &o, &feed) == BL_OK);
    for (int i = 0; i < TICKS_MAX && fake_has_more(); i++) {
        fake_time_passes(1);
        answer_all();
    }
    fake_end();
    bl_feed_close(feed, on_stopped, &closed);
    fake_close_all(&closed);
}

static void on_entries(void *ctx, enum bl_err err, const struct bl_watch_entry *entries, size_t n)
{
    (void)ctx, (void)entries;
    FUZZ_CHECK(err == BL_OK || n == 0);
    awaited--;
}

static void listen_to(void)
{
    static const struct bl_str after[2] = {{"1-0", 3}, {"2-0", 3}};
    struct bl_store_changes *s;
    bool closed = false;
    FUZZ_CHECK(bl_store_changes_new(fake_loop(), "redis://h", env, &s) == BL_OK);
    struct bl_watch_feed port = bl_store_changes_port(s);
    for (int i = 0; i < 20 && fake_has_more(); i++) {
        awaited = 1;
        port.wait(port.port, after, 2, on_entries, NULL);
        answer_all();
        FUZZ_CHECK(awaited == 0 || !fake_has_more());
        if (awaited)
            break;
    }
    fake_end();
    bl_store_changes_close(s, on_stopped, &closed);
    fake_close_all(&closed);
}

/* ---- what serve, alerts and explain ask on a link of their own ---- */

static void on_opened(void *ctx, enum bl_err err, const struct bl_dataset *d, const char *why)
{
    (void)ctx;
    FUZZ_CHECK(err != BL_OK || (d && d->partitions >= 1 && d->partitions <= BL_PARTITIONS_MAX));
    FUZZ_CHECK(err != BL_ERR_CONFIG || why);
    awaited--;
}

static void open_dataset(void)
{
    struct bl_link *link = fake_link();
    struct bl_dataset_want want = {.env = env, .partitions = 8, .durable = true, .rules = BL_STR("{}")};
    awaited = 1;
    bl_dataset_open(link, &want, on_opened, NULL);
    answer_all();
    fake_end();
    answer_all();
    FUZZ_CHECK(awaited == 0);
    fake_link_close(link);
}

static void on_keys(void *ctx)
{
    (void)ctx;
}

static void watch_vitals(void)
{
    struct bl_link *link = fake_link();
    const struct bl_vitals_options o = {
        .env = "dev", .backlog = {.partitions = 8, .entries_max = 10, .bytes_max = 1000, .stream_max = 100}};
    struct bl_vitals *v;
    struct bl_process *p;
    struct bl_keyring *k;
    struct bl_access_keys *keys;
    struct bl_keyring_options ko = {.env = "dev", .changed = on_keys};
    struct bl_ready ready = {0};
    FUZZ_CHECK(bl_vitals_new(&o, &v) == BL_OK && bl_process_new(env, "serve", &p) == BL_OK);
    FUZZ_CHECK(bl_access_new(&keys) == BL_OK);
    ko.keys = keys;
    FUZZ_CHECK(bl_keyring_new(&ko, &k) == BL_OK);
    for (int i = 0; i < 20 && fake_has_more(); i++) {
        const struct bl_counter counters[] = {{"x", 1}};
        bl_vitals_poll(v, link);
        bl_process_beat(p, link, counters, 1);
        bl_keyring_poll(k, link);
        answer_all();
        bl_vitals_ready(v, 5, &ready);
    }
    fake_end();
    fake_link_close(link);
    bl_vitals_free(v);
    bl_process_free(p);
    bl_keyring_free(k);
    bl_access_free(keys);
}

/* ---- all ---- */

static void (*const flows[])(void) = {work_live,    work_recorded, read_all,    follow,      listen_to,
                                      open_dataset, watch_vitals,  lead_alerts, append_some, follow_erasures,
                                      write_audit,  read_tape,     see_rules,   collect};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) {
        bl_settings_defaults(&settings);
        bl_log_setup("fuzz", (enum bl_log_level)(BL_LOG_ERROR + 1));
        ready = true;
    }
    if (size == 0)
        return 0;
    fake_begin(data + 1, size - 1);
    flows[data[0] % (sizeof flows / sizeof *flows)]();
    fake_clear();
    return 0;
}
