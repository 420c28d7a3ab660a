/* Replay through the whole pipeline: a data set of its own in event time (env `replay-…`), real workers as
 * children, the same output as in memory, byte for byte. What it made, in Redis and on disk, is gone when it
 * ends.
 *
 *   redis (private only) ──> data set ──> workers ──> append all, tick ──> lag 0 ──> read patterns ──> erase
 *
 * A worker that dies is started again: the others take over meanwhile, as in life. */
#include "bl/app/replay.h"
#include "bl/config/config.h"
#include "bl/store/bulk.h"
#include "replay.h"
#include "up.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_US       20000
#define REDIS_WAIT_MS 10000
#define STUCK_MS      60000 /* no entry committed for so long: give up */
/* Past every deadline that a setting can make, and still within what pattern-retention can keep. */
#define TICK_AFTER_MS (365LL * 86400000)

struct pipeline {
    const struct bl_config *config;
    char dir[64], socket[96], redis_url[UP_PATH_MAX], settings[96], env[BL_ENV_MAX_BYTES + 1];
    char self[UP_PATH_MAX], redis_path[UP_PATH_MAX], partitions[16];
    struct up_child redis;
    struct up_child *workers;
    size_t n_workers;
    struct bl_bulk *bulk;
    struct bl_recording recording;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum bl_err give_up(const char *why)
{
    fprintf(stderr, "behaviorlens replay: %s\n", why);
    return BL_ERR_IO;
}

static void look_after(void *ctx)
{
    struct pipeline *l = ctx;
    for (size_t i = 0; i < l->n_workers; i++) {
        struct up_child *c = &l->workers[i];
        up_child_reap(c, now_ms(), false);
        if (!c->pid && now_ms() >= c->retry_ms)
            up_child_start(c, environ, now_ms());
    }
}

/* ---- setting up ---- */

static void set_argv(struct up_child *c, const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++)
        memcpy(&c->argv[i], &argv[i],
               sizeof argv[i]); /* execve wants them without const, but changes nothing */
}

static enum bl_err start_redis(struct pipeline *l)
{
    const char *argv[] = {l->redis_path,
                          "--port",
                          "0",
                          "--unixsocket",
                          l->socket,
                          "--dir",
                          l->dir,
                          "--save",
                          "",
                          "--appendonly",
                          "no",
                          "--maxmemory-policy",
                          "noeviction",
                          "--logfile",
                          "/dev/null",
                          NULL};
    up_find_program("redis-server", l->redis_path);
    if (!l->redis_path[0])
        return give_up("redis-server is not installed: run deploy/install, or apt-get install redis-server");
    l->redis = (struct up_child){.role = UP_REDIS, .number = 1};
    set_argv(&l->redis, argv);
    up_child_start(&l->redis, environ, now_ms());
    for (int64_t until = now_ms() + REDIS_WAIT_MS; up_probe_redis(l->socket, NULL) != UP_REDIS_READY;) {
        if (now_ms() > until)
            return give_up("the private redis-server does not answer");
        usleep(LOOK_US);
    }
    return BL_OK;
}

static enum bl_err write_settings(struct pipeline *l)
{
    struct bl_buf yaml;
    bl_buf_init(&yaml, 0);
    bl_config_print_yaml(l->config, false, &yaml);
    FILE *f = fopen(l->settings, "we");
    bool ok = f && yaml.err == BL_OK && fwrite(yaml.p, 1, yaml.n, f) == yaml.n;
    ok = f && fclose(f) == 0 && ok;
    bl_buf_release(&yaml);
    return ok ? BL_OK : give_up("cannot write the settings for the workers into /tmp");
}

static enum bl_err start_workers(struct pipeline *l)
{
    const char *argv[] = {l->self,
                          "worker",
                          "--config",
                          l->settings,
                          "--env",
                          l->env,
                          "--clock",
                          "event",
                          "--partitions",
                          l->partitions,
                          "--durability",
                          "none",
                          "--pattern-retention",
                          "3650d",
                          "--pattern-max",
                          "1000000000",
                          "--log-level",
                          "warn",
                          NULL};
    ssize_t n = readlink("/proc/self/exe", l->self, sizeof l->self - 1);
    setenv("BL_REDIS", l->redis_url, 1); /* it may hold a password, which is no argument */
    l->self[n > 0 ? n : 0] = '\0';
    l->n_workers = (size_t)bl_config_int(l->config, BL_OPTION_WORKERS);
    l->workers = calloc(l->n_workers, sizeof *l->workers);
    if (!l->workers)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i < l->n_workers; i++) {
        l->workers[i] = (struct up_child){.role = UP_WORKER, .number = (int)i + 1};
        set_argv(&l->workers[i], argv);
    }
    look_after(l);
    return BL_OK;
}

static enum bl_err set_up(struct pipeline *l)
{
    struct bl_buf why;
    uint32_t random;
    int partitions = (int)bl_config_int(l->config, BL_OPTION_PARTITIONS);
    bool private = strcmp(bl_config_text(l->config, BL_OPTION_REDIS), "private") == 0;
    snprintf(l->dir, sizeof l->dir, "/tmp/behaviorlens-replay-XXXXXX");
    if (!mkdtemp(l->dir) || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return give_up("cannot make a directory in /tmp");
    snprintf(l->socket, sizeof l->socket, "%s/redis.sock", l->dir);
    snprintf(l->settings, sizeof l->settings, "%s/settings.yaml", l->dir);
    snprintf(l->env, sizeof l->env, "replay-%08x", random);
    snprintf(l->partitions, sizeof l->partitions, "%d", partitions);
    snprintf(l->redis_url, sizeof l->redis_url, "%s%s", private ? "unix://" : "",
             private ? l->socket : bl_config_text(l->config, BL_OPTION_REDIS));
    enum bl_err err = private ? start_redis(l) : BL_OK;
    if (err == BL_OK)
        err = write_settings(l);
    if (err != BL_OK)
        return err;
    bl_buf_init(&why, 0);
    err = bl_bulk_open(l->redis_url, l->env, partitions, &l->bulk, &why);
    bl_buf_char(&why, '\0');
    if (err != BL_OK)
        err = give_up(why.p);
    bl_buf_release(&why);
    return err == BL_OK ? start_workers(l) : err;
}

/* ---- taking down ---- */

static void stop_child(struct up_child *c)
{
    up_child_stop(c, now_ms());
    while (c->pid) {
        up_child_reap(c, now_ms(), true);
        up_child_kill_overdue(c, now_ms());
        usleep(LOOK_US / 10);
    }
}

static void take_down(struct pipeline *l)
{
    char path[128];
    for (size_t i = 0; i < l->n_workers; i++)
        if (l->workers[i].pid)
            stop_child(&l->workers[i]);
    if (l->bulk && bl_bulk_erase(l->bulk) != BL_OK)
        fprintf(stderr, "behaviorlens replay: keys of the data set %s may be left in Redis\n", l->env);
    bl_bulk_close(l->bulk);
    if (l->redis.pid)
        stop_child(&l->redis);
    free(l->workers);
    unlink(l->settings);
    unlink(l->socket);
    snprintf(path, sizeof path, "%s/dump.rdb", l->dir);
    unlink(path);
    rmdir(l->dir);
}

/* ---- the run ---- */

static enum bl_err append(void *ctx, const struct bl_record *record)
{
    struct pipeline *l = ctx;
    return bl_bulk_append(l->bulk, record->user_id, record->line);
}

static enum bl_err line(void *ctx, struct bl_str text, struct bl_problem *problem)
{
    struct pipeline *l = ctx;
    enum bl_err err = bl_recording_read(&l->recording, text, append, l, problem);
    return err == BL_ERR_STORE_UNAVAILABLE ? BL_ERR_IO : err;
}

static enum bl_err wait_for_workers(struct pipeline *l)
{
    int64_t lag, least = INT64_MAX, since = now_ms();
    for (;;) {
        enum bl_err err = bl_bulk_lag(l->bulk, &lag);
        if (err != BL_OK || lag == 0)
            return err;
        if (lag < least) {
            least = lag;
            since = now_ms();
        }
        if (now_ms() - since > STUCK_MS)
            return give_up("the workers do not get on; what they say is above");
        look_after(l);
        usleep(LOOK_US);
    }
}

static enum bl_err run(struct pipeline *l, const char *path)
{
    struct bl_ledger ledger;
    enum bl_err err = replay_read(path, line, l, NULL);
    bl_ledger_init(&ledger);
    if (err == BL_OK)
        err = bl_bulk_end(l->bulk, (l->recording.last_ms > 0 ? l->recording.last_ms : 0) + TICK_AFTER_MS);
    if (err == BL_OK)
        err = wait_for_workers(l);
    if (err == BL_OK)
        err = bl_bulk_patterns(l->bulk, &ledger);
    if (err == BL_OK)
        err = bl_ledger_sort(&ledger);
    if (err == BL_OK)
        err = replay_print(&ledger);
    bl_ledger_release(&ledger);
    return err;
}

enum bl_err replay_through_store(const struct bl_config *config, const char *path)
{
    struct pipeline l = {.config = config};
    signal(SIGPIPE, SIG_IGN);
    enum bl_err err = bl_recording_init(&l.recording);
    if (err == BL_OK)
        err = set_up(&l);
    if (err == BL_OK) {
        bl_bulk_on_wait(l.bulk, look_after, &l);
        err = run(&l, path);
    }
    take_down(&l);
    bl_recording_release(&l.recording);
    if (err == BL_ERR_STORE_UNAVAILABLE)
        err = give_up("the connection to Redis was lost");
    return err;
}
