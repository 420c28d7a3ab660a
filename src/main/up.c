/* `behaviorlens up`: everything on this machine, under one supervisor.
 *
 *   check --> start_redis --(answers, has loaded)--> start_others --(is ready)--> running
 *     |             \________________________ stop ____________________/__________________/
 *     v                                        v
 *   exit 1          stopping: simulate, explain, alerts, serve, worker, redis-server, one role after the other --> exit
 *
 * One timer (tick) drives all of it: what is due to be started again, what is asked whether it is there yet,
 * what has had its time to stop. Signals only set the course.
 *
 * Invariants
 *  - Redis is stopped last and by SIGTERM, when nobody writes any more: it syncs its AOF, so nothing accepted
 * is lost.
 *  - A role is not stopped before all roles before it have ended.
 *  - The children read their settings from one file, written at the start: a restart gets what the first
 * start got. */
#include "up.h"
#include "commands.h"
#include "explain.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/config/alerts.h"
#include "bl/config/config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define UP_MAGIC          BL_MAGIC('u', 'p', 'u', 'p')
#define TICK_MS           100
#define REDIS_START_MS    10000 /* to answer at all; loading may take longer */
#define READY_MS          15000
#define PATIENCE_MS       3000
#define FAILURES_AT_START 3

enum up_phase { UP_STARTING_REDIS, UP_STARTING, UP_RUNNING, UP_STOPPING };

struct up {
    uint32_t magic;
    enum up_phase phase;
    enum up_role stopping; /* in UP_STOPPING: whose turn it is */
    int status;            /* what `up` will exit with */
    const struct bl_config *config;
    struct up_data data;
    struct up_child *children;
    size_t n_children;
    char **env[UP_ROLES]; /* of each role's children */
    struct up_acl acl;
    char redis_env[UP_ROLES][UP_URL_MAX + 16]; /* where the store is, and who asks */
    char admin_url[UP_URL_MAX];
    char self[UP_PATH_MAX], redis[UP_PATH_MAX], port_text[16], url[320];
    const char *host; /* to reach serve at */
    int port;
    int64_t began_ms; /* the phase of starting that we are in */
    struct up_rewrite rewrite;
    bool said_waiting;
    bool open_due; /* Redis was started, and nobody may look yet */
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[4];
};

static int64_t now_ms(struct up *up)
{
    uv_update_time(&up->loop);
    return (int64_t)uv_now(&up->loop);
}

static int fail(const struct bl_buf *why)
{
    fprintf(stderr, "behaviorlens up: %.*s.\n", BL_STR_ARG(bl_buf_view(why)));
    return 1;
}

static struct up_child *add_child(struct up *up, enum up_role role, int number, const char *const *argv)
{
    struct up_child *c = &up->children[up->n_children++];
    *c = (struct up_child){.role = role, .number = number};
    for (size_t i = 0; argv[i]; i++)
        memcpy(&c->argv[i], &argv[i],
               sizeof argv[i]); /* execve wants them without const, but changes nothing */
    return c;
}

static void add_redis(struct up *up)
{
    struct up_child *c = &up->children[up->n_children++];
    *c = (struct up_child){.role = UP_REDIS, .number = 1};
    up_redis_argv(up->redis, &up->data, up->config, c->argv);
}

/* A person at a terminal wants to read what is wrong, not each step; a file gets all of it. */
static const char *log_level(const struct up *up)
{
    bool quiet = isatty(STDERR_FILENO) && bl_config_is_default(up->config, BL_OPTION_LOG_LEVEL);
    return quiet ? "warn" : bl_config_text(up->config, BL_OPTION_LOG_LEVEL);
}

static int n_alerts(const struct up *up)
{
    size_t n;
    bl_config_alerts(up->config, &n);
    return (int)n;
}

static void add_others(struct up *up)
{
    const char *level = log_level(up), *settings = up->data.config;
    const char *worker[] = {up->self, "worker", "--config", settings, "--log-level", level, NULL};
    const char *serve[] = {up->self, "serve",  "--config",    settings, "--log-level",
                           level,    "--port", up->port_text, NULL};
    const char *simulate[] = {up->self, "simulate",    "--config", settings, "--url",
                              up->url,  "--log-level", level,      NULL};
    const char *explain[] = {up->self, "explain", "--config", settings, "--log-level", level, NULL};
    const char *alerts[] = {up->self, "alerts", "--config", settings, "--log-level", level, NULL};
    for (int i = 1; i <= bl_config_int(up->config, BL_OPTION_WORKERS); i++)
        add_child(up, UP_WORKER, i, worker);
    for (int i = 1; i <= bl_config_int(up->config, BL_OPTION_SERVE); i++)
        add_child(up, UP_SERVE, i, serve);
    if (explain_has_key(up->config))
        add_child(up, UP_EXPLAIN, 1, explain);
    if (n_alerts(up) > 0)
        add_child(up, UP_ALERTS, 1, alerts);
    if (bl_config_int(up->config, BL_OPTION_DEMO))
        add_child(up, UP_SIMULATE, 1, simulate);
}

static const char *promise(const struct up *up)
{
    static const char *const promises[] = {"synced before each answer", "synced every second",
                                           "in memory only: gone when it stops"};
    return promises[bl_config_int(up->config, BL_OPTION_DURABILITY)];
}

static void say_where(const struct up *up)
{
    printf("\nBehaviorLens is running.\n\n"
           "  Dashboard  %s/\n"
           "  Shop       %s/demo/ (a shop to try things in)\n"
           "  Events     POST %s/events\n"
           "  Patterns   %s/api/patterns\n"
           "  Metrics    %s/metrics\n"
           "  Redis      redis-cli -s %s\n"
           "  Data       %s (%s)\n",
           up->url, up->url, up->url, up->url, up->url, up->data.socket, up->data.dir, promise(up));
    if (up->data.socket_dir[0])
        printf("             (the socket is in %s: the path of the data directory is too long for one)\n",
               up->data.socket_dir);
    if (explain_has_key(up->config))
        printf("  Explained  by %s, at most %d a minute\n",
               bl_config_text(up->config, BL_OPTION_EXPLAIN_MODEL),
               (int)bl_config_int(up->config, BL_OPTION_EXPLAIN_CALLS));
    if (n_alerts(up) > 0)
        printf("  Alerts     %d, to the webhooks of the file\n", n_alerts(up));
    if (bl_config_int(up->config, BL_OPTION_DEMO))
        printf("  Demo       %d simulated shoppers; the first patterns come within two minutes\n",
               (int)bl_config_int(up->config, BL_OPTION_USERS));
    else
        printf("  Try        curl -d '{\"user_id\":\"me\",\"action\":\"page_view\",\"page\":\"/cart\"}' "
               "%s/events\n",
               up->url);
    printf("\nCtrl-C stops it (or: kill %d). What was accepted stays.\n\n", (int)getpid());
    fflush(stdout);
}

static void stop(struct up *up, int status)
{
    if (up->phase == UP_STOPPING)
        return;
    up->phase = UP_STOPPING;
    up->stopping = UP_SIMULATE;
    up->status = status;
    printf("Stopping ...\n");
    fflush(stdout);
}

static bool any_running(const struct up *up, enum up_role role)
{
    for (size_t i = 0; i < up->n_children; i++)
        if (up->children[i].role == role && up->children[i].pid)
            return true;
    return false;
}

static void close_handles(struct up *up)
{
    uv_close((uv_handle_t *)&up->timer, NULL);
    for (size_t i = 0; i < sizeof up->signals / sizeof *up->signals; i++)
        uv_close((uv_handle_t *)&up->signals[i], NULL);
}

static void tick_stopping(struct up *up)
{
    int64_t now = now_ms(up);
    while (up->stopping < UP_ROLES && !any_running(up, up->stopping))
        up->stopping++;
    if (up->stopping == UP_ROLES) {
        close_handles(up);
        return;
    }
    for (size_t i = 0; i < up->n_children; i++) {
        if (up->children[i].role != up->stopping)
            continue;
        up_child_stop(&up->children[i], now);
        up_child_kill_overdue(&up->children[i], now);
    }
}

/* A child that gives up by itself again and again before all runs will not do better later: it has said why.
 */
static bool gave_up(struct up *up)
{
    for (size_t i = 0; i < up->n_children; i++) {
        const struct up_child *c = &up->children[i];
        if (c->failures < FAILURES_AT_START)
            continue;
        fprintf(stderr, "behaviorlens up: %s cannot start; what it says is %s%s.\n", up_role_name(c->role),
                c->role == UP_REDIS ? "in " : "above", c->role == UP_REDIS ? up->data.log : "");
        return true;
    }
    return false;
}

/* Once, when the start takes longer than a person expects. */
static void say_waiting(struct up *up, const char *what)
{
    if (up->said_waiting || now_ms(up) - up->began_ms < PATIENCE_MS)
        return;
    up->said_waiting = true;
    printf("%s ...\n", what);
    fflush(stdout);
}

/* Before the workers, so that they begin with them. Without them the data set's own hold, which is worth a word, not a
 * reason to stay down. */
static void apply_rules(struct up *up)
{
    struct bl_buf why;
    bl_buf_init(&why, 0);
    if (!up_apply_rules(up->config, up->admin_url, &why))
        fprintf(stderr, "behaviorlens up: the rules of the configuration are not applied: %.*s.\n",
                BL_STR_ARG(bl_buf_view(&why)));
    bl_buf_release(&why);
}

static void tick_starting_redis(struct up *up)
{
    enum up_redis_state state = up_probe_redis(up->data.socket, up_acl_secret(&up->acl, "operator"));
    bool silent = state == UP_REDIS_ABSENT && now_ms(up) - up->began_ms > REDIS_START_MS;
    if (state == UP_REDIS_TOO_OLD)
        fprintf(stderr, "behaviorlens up: %s is older than Redis 7: install a newer one.\n", up->redis);
    else if (silent)
        fprintf(stderr, "behaviorlens up: redis-server does not answer; its log is %s.\n", up->data.log);
    if (state == UP_REDIS_LOADING)
        say_waiting(up, "Redis is loading what it has kept");
    if (state == UP_REDIS_TOO_OLD || silent ||
        (state == UP_REDIS_READY && !up_keys_fit(up->config, up->admin_url))) {
        stop(up, 1);
    } else if (state == UP_REDIS_READY) {
        apply_rules(up);
        add_others(up);
        up->began_ms = now_ms(up);
        up->phase = UP_STARTING;
    }
}

static bool speaks_tls(const struct up *up)
{
    return bl_config_text(up->config, BL_OPTION_TLS_CERT)[0] != '\0';
}

/* Ready, or at least at work with something to catch up on (/ready says what). Health alone is not enough at once: a
 * server listens before it knows whether the data set fits. */
static bool is_there(struct up *up)
{
    bool late = now_ms(up) - up->began_ms > READY_MS;
    return up_probe_http(up->host, up->port, speaks_tls(up), late ? "/health" : "/ready");
}

static void tick_starting(struct up *up)
{
    if (is_there(up)) {
        up->phase = UP_RUNNING;
        say_where(up);
    } else {
        say_waiting(up, "Waiting for the server to answer");
    }
}

/* Once Redis has loaded; see up_acl.c. */
static void open_redis(struct up *up)
{
    const char *secret = up_acl_secret(&up->acl, "operator");
    if (up->open_due && up_probe_redis(up->data.socket, secret) == UP_REDIS_READY)
        up->open_due = !up_probe_open(up->data.socket, secret);
}

static void shorten_aof(struct up *up)
{
    const char *secret = up_acl_secret(&up->acl, "operator");
    char info[8192];
    if (!up_rewrite_looks(&up->rewrite, now_ms(up)))
        return;
    bool there = up_probe_info(up->data.socket, secret, info, sizeof info);
    if (up_rewrite_due(&up->rewrite, there ? info : "", up_data_room(&up->data), now_ms(up)) &&
        !up_probe_rewrite(up->data.socket, secret))
        bl_log_plain(BL_LOG_WARN, "redis refuses to rewrite its append-only file: see its log");
}

/* The simulator begins when there is a server to talk to. */
static void start_due(struct up *up)
{
    int64_t now = now_ms(up);
    for (size_t i = 0; i < up->n_children; i++) {
        struct up_child *c = &up->children[i];
        if (c->pid || now < c->retry_ms || (c->role == UP_SIMULATE && up->phase != UP_RUNNING))
            continue;
        if (c->role == UP_REDIS && !up_aof_mend(up->data.dir))
            continue; /* it logs why, and the next tick may do better */
        up->open_due |= c->role == UP_REDIS;
        up_child_start(c, up->env[c->role], now);
    }
}

static void reap(struct up *up)
{
    int64_t now = now_ms(up);
    for (size_t i = 0; i < up->n_children; i++)
        up_child_reap(&up->children[i], now, up->phase == UP_STOPPING);
}

static void on_tick(uv_timer_t *timer)
{
    struct up *up = BL_CAST(struct up, timer->data, UP_MAGIC);
    reap(up);
    if (up->phase < UP_RUNNING && gave_up(up))
        stop(up, 1);
    if (up->phase != UP_STOPPING)
        open_redis(up);
    if (up->phase == UP_STARTING_REDIS)
        tick_starting_redis(up);
    if (up->phase == UP_STARTING)
        tick_starting(up);
    if (up->phase == UP_RUNNING)
        shorten_aof(up);
    if (up->phase == UP_STOPPING)
        tick_stopping(up);
    else
        start_due(up);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct up *up = BL_CAST(struct up, handle->data, UP_MAGIC);
    if (number != SIGCHLD)
        stop(up, 0);
    on_tick(&up->timer);
}

/* nohup: whoever started us wants us to outlive the terminal. */
static bool hangup_is_ignored(void)
{
    struct sigaction now;
    return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void run(struct up *up)
{
    static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    if (uv_loop_init(&up->loop) != 0)
        bl_out_of_memory();
    uv_timer_init(&up->loop, &up->timer);
    up->timer.data = up;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&up->loop, &up->signals[i]);
        up->signals[i].data = up;
        if (numbers[i] != SIGHUP || !hangup_is_ignored())
            uv_signal_start(&up->signals[i], on_signal, numbers[i]);
    }
    up->began_ms = now_ms(up);
    add_redis(up);
    uv_timer_start(&up->timer, on_tick, 0, TICK_MS);
    uv_run(&up->loop, UV_RUN_DEFAULT);
    uv_loop_close(&up->loop);
}

static void name_addresses(struct up *up)
{
    const char *at = bl_config_text(up->config, BL_OPTION_LISTEN);
    bool all = strcmp(at, "0.0.0.0") == 0 || strcmp(at, "::") == 0;
    up->host = all ? "127.0.0.1" : at;
    snprintf(up->port_text, sizeof up->port_text, "%d", up->port);
    snprintf(up->url, sizeof up->url, strchr(up->host, ':') ? "http%s://[%s]:%d" : "http%s://%s:%d",
             speaks_tls(up) ? "s" : "", up->host, up->port);
}

/* The store's address, with the name and the secret of that user. */
static void name_store(const struct up *up, const char *user, char *out, size_t max)
{
    const char *secret = up_acl_secret(&up->acl, user);
    snprintf(out, max, "unix://%s:%s@%s", user, secret ? secret : "", up->data.socket);
}

static bool make_users(struct up *up, struct bl_buf *why)
{
    bool ok = up_acl_write(&up->acl, up->data.dir, bl_config_text(up->config, BL_OPTION_ENV), why);
    name_store(up, "admin", up->admin_url, sizeof up->admin_url);
    for (size_t i = 0; i < UP_ROLES && ok; i++) {
        size_t n = (size_t)snprintf(up->redis_env[i], sizeof up->redis_env[i], "BL_REDIS=");
        name_store(up, up_role_name((enum up_role)i), up->redis_env[i] + n, sizeof up->redis_env[i] - n);
        up->env[i] = up_env(up->config, (enum up_role)i, up->redis_env[i]);
        if (!up->env[i])
            bl_buf_z(why, "out of memory");
        ok = up->env[i] != NULL;
    }
    return ok;
}

static bool prepare(struct up *up, struct bl_buf *why)
{
    struct bl_buf yaml;
    bool ok = up_tls_fits(up->config, why) && up_find_programs(up->self, up->redis, why);
    up->port = (int)bl_config_int(up->config, BL_OPTION_PORT);
    if (!ok || !up_data_open(&up->data, bl_config_text(up->config, BL_OPTION_DATA), why))
        return false;
    bl_buf_init(&yaml, 0);
    bl_config_print_yaml(up->config, false, &yaml);
    ok = up_probe_port(bl_config_text(up->config, BL_OPTION_LISTEN), &up->port, why) &&
         up_data_write_config(&up->data, bl_buf_view(&yaml), why) && make_users(up, why);
    bl_buf_release(&yaml);
    name_addresses(up);
    if (!ok)
        up_data_close(&up->data);
    return ok;
}

static void up_free(struct up *up)
{
    if (!up)
        return;
    for (size_t i = 0; i < UP_ROLES; i++)
        free(up->env[i]);
    free(up->children);
    free(up);
}

static struct up *up_new(const struct bl_config *config)
{
    struct up *up = calloc(1, sizeof *up);
    int64_t n = bl_config_int(config, BL_OPTION_SERVE) + bl_config_int(config, BL_OPTION_WORKERS) + UP_ROLES;
    if (!up)
        return NULL;
    *up = (struct up){.magic = UP_MAGIC, .config = config};
    up->children = calloc((size_t)n, sizeof *up->children);
    if (up->children)
        return up;
    up_free(up);
    return NULL;
}

int bl_main_up(const struct bl_config *config, int argc, char **argv)
{
    struct bl_buf why;
    int status = 1;
    (void)argv;
    if (argc > 0) {
        fprintf(stderr, "behaviorlens up takes no arguments; `behaviorlens up --help` explains it.\n");
        return 2;
    }
    struct up *up = up_new(config);
    bl_buf_init(&why, 0);
    umask(077);
    if (!up) {
        bl_buf_z(&why, "out of memory");
        status = fail(&why);
    } else if (!prepare(up, &why)) {
        status = fail(&why);
    } else {
        run(up);
        status = up->status;
        up_data_close(&up->data);
    }
    bl_buf_release(&why);
    up_free(up);
    return status;
}
