/* `behaviorlens simulate`: virtual shoppers against a running server.
 *
 * Each place in the shop is one sim_user at a time: when one leaves, another comes after a while. A heap
 * holds when who acts next; a timer is set for the earliest. Events go to one of a few connections, always
 * the same one for a user. If the server is slow the queues fill up and the users wait: the load is bounded,
 * nothing is dropped. At the end (--duration, Ctrl-C) nobody acts any more and what is under way is brought
 * home. */
#include "simulate.h"
#include "commands.h"
#include "keys.h"

#include "bl/base/magic.h"
#include "bl/base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SIM_MAGIC        BL_MAGIC('s', 'i', 'm', 'u')
#define LINKS_MAX        16
#define USERS_PER_LINK   64
#define DRAIN_MS         2500
#define PROGRESS_MS      500
#define GAP_MAX_MS       3000 /* between two users in one place */
#define FULL_RETRY_MS    20
#define ACTS_IN_ONE_TURN 2000

struct sim {
    uint32_t magic;
    struct sim_world world;
    struct sim_counts counts;
    struct sim_user *users;
    size_t n_users;
    uint64_t next_number;
    struct bl_heap due;
    struct sim_link links[LINKS_MAX];
    size_t n_links;
    struct addrinfo *address;
    char host[256], service[16], path[256], url_host[280], key[BL_TOKEN_MAX_BYTES + 1];
    struct bl_buf event;
    uv_loop_t loop;
    uv_timer_t turn, progress, end;
    uv_signal_t signals[2];
    int64_t began_ms, duration_ms;
    bool draining, closing, failed, terminal;
    bool told; /* that nobody answers */
};

static void on_turn(uv_timer_t *timer);

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t pending(const struct sim *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_links; i++)
        n += sim_link_pending(&s->links[i]);
    return n;
}

static void close_all(struct sim *s)
{
    if (s->closing)
        return;
    s->closing = true;
    for (size_t i = 0; i < s->n_links; i++)
        sim_link_close(&s->links[i]);
    uv_close((uv_handle_t *)&s->turn, NULL);
    uv_close((uv_handle_t *)&s->progress, NULL);
    uv_close((uv_handle_t *)&s->end, NULL);
    uv_close((uv_handle_t *)&s->signals[0], NULL);
    uv_close((uv_handle_t *)&s->signals[1], NULL);
}

static void on_failed(void *ctx, const char *why)
{
    struct sim *s = BL_CAST(struct sim, ctx, SIM_MAGIC);
    if (!s->failed)
        fprintf(stderr, "%sbehaviorlens simulate: %s; is there a behaviorlens at %s?\n",
                s->terminal ? "\r\033[K" : "", why, s->url_host);
    s->failed = true;
    close_all(s);
}

/* It goes on trying: the server may only be late. */
static void on_nobody(void *ctx, const char *why)
{
    struct sim *s = BL_CAST(struct sim, ctx, SIM_MAGIC);
    if (!s->told)
        fprintf(stderr,
                "%sbehaviorlens simulate: nobody answers at %s (%s); start one there with `behaviorlens up`, "
                "or name "
                "another with --url.\n",
                s->terminal ? "\r\033[K" : "", s->url_host, why);
    s->told = true;
}

static void on_drained_late(uv_timer_t *timer)
{
    close_all(BL_CAST(struct sim, timer->data, SIM_MAGIC));
}

/* Nobody acts any more; what is under way may still be confirmed. */
static void drain(struct sim *s)
{
    if (s->draining)
        return;
    s->draining = true;
    uv_timer_start(&s->end, on_drained_late, DRAIN_MS, 0);
    uv_timer_start(&s->turn, on_turn, 0, 0);
}

static void on_end(uv_timer_t *timer)
{
    drain(BL_CAST(struct sim, timer->data, SIM_MAGIC));
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct sim *s = BL_CAST(struct sim, handle->data, SIM_MAGIC);
    (void)number;
    if (s->draining)
        close_all(s);
    else
        drain(s);
}

/* The place of a user who has left: the next one comes after a while. */
static int64_t replace(struct sim *s, struct sim_user *u)
{
    uint64_t number = s->next_number++;
    int64_t gap_ms = (int64_t)((number * 2654435761u) % GAP_MAX_MS) / s->world.speed;
    return gap_ms + sim_user_begin(u, &s->world, number);
}

/* One event of one user. False: their connection has no room, they wait. */
static bool act(struct sim *s, struct sim_user *u, int64_t now)
{
    struct sim_link *link = &s->links[(size_t)(u - s->users) % s->n_links];
    struct sim_user before = *u;
    bl_buf_clear(&s->event);
    int64_t wait_ms = sim_user_act(u, &s->world, wall_ms(), &s->event);
    if (!sim_link_add(link, bl_buf_view(&s->event))) {
        struct bl_heap_node node = u->node;
        *u = before;
        u->node = node;
        return bl_heap_set(&s->due, &u->node, now + FULL_RETRY_MS) != BL_OK;
    }
    if (wait_ms < 0)
        wait_ms = replace(s, u);
    /* The node is in the heap already: moving it cannot fail. */
    return bl_heap_set(&s->due, &u->node, now + wait_ms) == BL_OK;
}

static void on_turn(uv_timer_t *timer)
{
    struct sim *s = BL_CAST(struct sim, timer->data, SIM_MAGIC);
    struct bl_heap_node *top;
    int64_t now = (int64_t)uv_now(&s->loop);
    for (int i = 0; i < ACTS_IN_ONE_TURN && !s->draining; i++) {
        top = bl_heap_top(&s->due);
        if (!top || top->due_ms > now)
            break;
        act(s, BL_CONTAINER(struct sim_user, top, node), now);
    }
    for (size_t i = 0; i < s->n_links && !s->closing; i++)
        sim_link_flush(&s->links[i]);
    if (s->closing)
        return;
    if (s->draining && pending(s) == 0) {
        close_all(s);
        return;
    }
    top = bl_heap_top(&s->due);
    int64_t wait_ms = s->draining || !top ? 10 : top->due_ms > now ? top->due_ms - now : 1;
    uv_timer_start(&s->turn, on_turn, (uint64_t)wait_ms, 0);
}

static void say_counts(const struct sim *s, FILE *to, const char *end)
{
    fprintf(to,
            "%lld users, %lld events: %lld accepted, %lld rejected, %lld waiting; %lld requests repeated; "
            "%.1f s%s",
            (long long)s->next_number, (long long)s->counts.sent + (long long)pending(s),
            (long long)s->counts.accepted, (long long)s->counts.rejected, (long long)pending(s),
            (long long)s->counts.retries, (double)((int64_t)uv_now(&s->loop) - s->began_ms) / 1000.0, end);
}

static void on_progress(uv_timer_t *timer)
{
    struct sim *s = BL_CAST(struct sim, timer->data, SIM_MAGIC);
    fputs("\r\033[K", stderr);
    say_counts(s, stderr, "");
    fflush(stderr);
}

/* http://host[:port][/path] */
static bool parse_url(struct sim *s, const char *url)
{
    const char *host = url + strlen("http://");
    size_t n = strcspn(host, "/"), host_n, path_n = strlen(host + n);
    if (n == 0 || n >= sizeof s->host || path_n >= sizeof s->path)
        return false;
    snprintf(s->url_host, sizeof s->url_host, "%.*s", (int)n, host);
    const char *colon = memrchr(host, ':', n), *bracket = memchr(host, ']', n);
    if (colon && bracket && colon < bracket)
        colon = NULL;
    host_n = colon ? (size_t)(colon - host) : n;
    snprintf(s->service, sizeof s->service, "%.*s", colon ? (int)(n - host_n - 1) : 2,
             colon ? colon + 1 : "80");
    if (host[0] == '[' && host_n > 2)
        snprintf(s->host, sizeof s->host, "%.*s", (int)host_n - 2, host + 1);
    else
        snprintf(s->host, sizeof s->host, "%.*s", (int)host_n, host);
    while (path_n > 0 && host[n + path_n - 1] == '/')
        path_n--;
    snprintf(s->path, sizeof s->path, "%.*s", (int)path_n, host + n);
    return true;
}

static bool find_server(struct sim *s, const char *url)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (!parse_url(s, url)) {
        fprintf(stderr, "behaviorlens simulate: --url must be http://host:port.\n");
        return false;
    }
    int status = getaddrinfo(s->host, s->service, &hints, &s->address);
    if (status != 0)
        fprintf(stderr, "behaviorlens simulate: cannot find %s: %s.\n", s->url_host, gai_strerror(status));
    return status == 0;
}

/* The first users come in over the first seconds, not all in one moment. */
static bool let_users_in(struct sim *s)
{
    int64_t now = (int64_t)uv_now(&s->loop);
    for (size_t i = 0; i < s->n_users; i++) {
        struct sim_user *u = &s->users[i];
        int64_t wait_ms = sim_user_begin(u, &s->world, s->next_number++);
        wait_ms += (int64_t)i * 2000 / (int64_t)s->n_users;
        if (bl_heap_set(&s->due, &u->node, now + wait_ms) != BL_OK)
            return false;
    }
    return true;
}

static void init_handles(struct sim *s)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    uv_timer_init(&s->loop, &s->turn);
    uv_timer_init(&s->loop, &s->progress);
    uv_timer_init(&s->loop, &s->end);
    s->turn.data = s->progress.data = s->end.data = s;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    for (size_t i = 0; i < s->n_links; i++) {
        s->links[i] = (struct sim_link){.address = s->address, .host = s->url_host, .path = s->path};
        s->links[i].counts = &s->counts;
        s->links[i].key = s->key;
        s->links[i].failed = on_failed;
        s->links[i].nobody = on_nobody;
        s->links[i].ctx = s;
        sim_link_init(&s->links[i], &s->loop);
    }
    uv_timer_start(&s->turn, on_turn, 0, 0);
    if (s->terminal)
        uv_timer_start(&s->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
    if (s->duration_ms)
        uv_timer_start(&s->end, on_end, (uint64_t)s->duration_ms, 0);
}

static int run(struct sim *s)
{
    if (uv_loop_init(&s->loop) != 0)
        bl_out_of_memory();
    s->began_ms = (int64_t)uv_now(&s->loop);
    if (!let_users_in(s)) {
        fprintf(stderr, "behaviorlens simulate: out of memory.\n");
        return 1;
    }
    init_handles(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (s->terminal)
        fputs("\r\033[K", stderr);
    say_counts(s, stdout, "\n");
    for (size_t i = 0; i < s->n_links; i++)
        sim_link_release(&s->links[i]);
    bool home = pending(s) == 0;
    uv_loop_close(&s->loop);
    return s->failed || !home ? 1 : 0;
}

static void set_up(struct sim *s, const struct bl_config *config)
{
    uint64_t random[2] = {0, 0};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        random[0] = random[1] = (uint64_t)wall_ms();
    s->magic = SIM_MAGIC;
    s->world = (struct sim_world){.seed = (uint64_t)bl_config_int(config, BL_OPTION_SEED),
                                  .run = random[0],
                                  .rate_ms = bl_config_int(config, BL_OPTION_RATE),
                                  .speed = bl_config_int(config, BL_OPTION_SPEED)};
    if (s->world.seed == 0)
        s->world.seed = random[1];
    s->n_users = (size_t)bl_config_int(config, BL_OPTION_USERS);
    s->n_links = s->n_users / USERS_PER_LINK + 1;
    if (s->n_links > LINKS_MAX)
        s->n_links = LINKS_MAX;
    s->duration_ms = bl_config_int(config, BL_OPTION_DURATION);
    s->terminal = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
    s->users = calloc(s->n_users, sizeof *s->users);
    bl_heap_init(&s->due);
    bl_buf_init(&s->event, 0);
}

static bool read_key(struct sim *s, const struct bl_config *config)
{
    struct bl_buf why;
    bl_buf_init(&why, 0);
    bool ok = keys_read_own(config, s->key, &why);
    if (!ok)
        fprintf(stderr, "behaviorlens simulate: %.*s.\n", BL_STR_ARG(bl_buf_view(&why)));
    bl_buf_release(&why);
    return ok;
}

int bl_main_simulate(const struct bl_config *config, int argc, char **argv)
{
    struct sim *s = calloc(1, sizeof *s);
    int status = 1;
    (void)argv;
    if (argc > 0) {
        fprintf(stderr,
                "behaviorlens simulate takes no arguments; `behaviorlens simulate --help` explains it.\n");
        free(s);
        return 2;
    }
    if (!s)
        return 1;
    set_up(s, config);
    if (s->users && read_key(s, config) && find_server(s, bl_config_text(config, BL_OPTION_URL)))
        status = run(s);
    if (s->address)
        freeaddrinfo(s->address);
    bl_heap_release(&s->due);
    bl_buf_release(&s->event);
    free(s->users);
    free(s);
    return status;
}
