/* The load generator of the benchmarks: keep-alive connections, each with one request under way, on one epoll loop.
 * It is cheap on purpose (events are copied from templates, some 0.05 us each), since it shares the two cores with what it
 * measures; and where it sends as fast as answers come, it takes the processor from nobody (SCHED_BATCH): else each answer
 * written wakes it, in place of who writes, which took 8 % of the single POSTs (of a bare libh2o's none). At a given rate it
 * is awake when it is to be, or it would measure its own wait.
 *
 *   load --port P [--path /health] [--batch N] [--users U] [--connections C] [--seconds S] [--rate R] [--seed X]
 *        [--events N] [--fill passing|living]
 *
 * --path: GET that path. Else events are posted: single ones, or N to a batch; users are drawn uniformly from U and take
 * the next step of their visit (load_site.c), half of the events carry an event_id. --rate: at most R events (or GETs) a
 * second, evenly; 0: as fast as answers come. --events: ends when N were taken, if not before. --fill: instead, each of
 * the U users comes once, in order, which is the end. What was answered other than 200 and 202 is waited out for 10 ms
 * and repeated as a new request. Prints one JSON object; latencies in us. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define ANSWER_MAX      (1024 * 1024)
#define PAUSE_US        10000
#define GRACE_US        30000000
#define SAMPLES_MAX     4000000

struct conn {
    int fd;
    struct request request;
    size_t sent;
    char *answer;
    size_t n, want; /* bytes of the answer at hand, in all (0: the head is not complete) */
    int status;
    int64_t began_us, resume_us; /* resume_us: not before */
    bool busy, done;
};

struct load {
    struct load_options o;
    struct conn conns[CONNECTIONS_MAX];
    int epoll, done; /* done: connections whose users have all passed */
    int turn;        /* whose turn it is to begin */
    uint64_t requests, events, refused, failed, seed, sent;
    int64_t start_us, end_us;
    uint32_t *samples;
    size_t n_samples;
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void conn_open(struct load *l, struct conn *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->o.port)};
    int on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void conn_reopen(struct load *l, struct conn *c)
{
    l->failed++;
    close(c->fd);
    c->busy = false;
    c->resume_us = load_now_us() + PAUSE_US;
    conn_open(l, c);
}

/* false: the connection was lost. */
static bool send_more(struct conn *c)
{
    while (c->sent < c->request.n) {
        ssize_t n = send(c->fd, c->request.text + c->sent, c->request.n - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->sent += (size_t)n;
    }
    return true;
}

static void head_read(struct conn *c)
{
    char *end = memmem(c->answer, c->n, "\r\n\r\n", 4);
    if (!end)
        return;
    *end = '\0'; /* so that the search stays in the head */
    const char *length = strcasestr(c->answer, "content-length:");
    c->status = atoi(c->answer + 9);
    c->want = (size_t)(end + 4 - c->answer) + (length ? (size_t)atol(length + 15) : 0);
    if (c->want > ANSWER_MAX)
        die("an answer is too long");
}

static void answered(struct load *l, struct conn *c)
{
    int64_t now = load_now_us();
    bool taken = c->status == 200 || c->status == 202; /* 207: not all of it */
    c->busy = false;
    if (now < l->start_us)
        return;
    l->requests++;
    if (!taken) {
        l->refused++;
        c->resume_us = now + PAUSE_US;
        return;
    }
    l->events += c->request.events;
    if (l->n_samples < SAMPLES_MAX)
        l->samples[l->n_samples++] = (uint32_t)(now - c->began_us);
}

/* false: the connection was lost. */
static bool read_more(struct load *l, struct conn *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->answer + c->n, ANSWER_MAX - c->n, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        c->n += (size_t)n;
        if (!c->want)
            head_read(c);
        if (c->want && c->n >= c->want) {
            answered(l, c);
            return true;
        }
    }
}

static void conn_next(struct load *l, struct conn *c)
{
    if (!load_request_next(&c->request, &l->seed)) {
        c->done = true;
        l->done++;
        return;
    }
    l->sent += c->request.events ? c->request.events : 1;
    c->sent = c->n = c->want = 0;
    c->busy = true;
    c->began_us = load_now_us();
    if (!send_more(c))
        conn_reopen(l, c);
}

/* How many events may have been begun by now. */
static bool may_begin(const struct load *l, int64_t now)
{
    return l->o.rate == 0 || (double)l->sent <= (double)l->o.rate * (double)(now - l->start_us) / 1e6;
}

/* In turn: at a given rate the first connection would nearly always be free, and its users be all that come. */
static void begin_due(struct load *l)
{
    int64_t now = load_now_us();
    for (int i = 0; i < l->o.connections && may_begin(l, now); i++) {
        struct conn *c = &l->conns[l->turn];
        l->turn = (l->turn + 1) % l->o.connections;
        if (c->busy || c->done || c->resume_us > now)
            continue;
        conn_next(l, c);
    }
}

static bool over(const struct load *l)
{
    if (l->o.fill != LOAD_NOBODY)
        return l->done == l->o.connections;
    int64_t grace = l->n_samples ? 0 : GRACE_US; /* for a first one taken */
    return load_now_us() >= l->end_us + grace || (l->o.events && l->events >= l->o.events);
}

static void run(struct load *l)
{
    struct epoll_event ready[256];
    l->start_us = load_now_us();
    l->end_us = l->start_us + (int64_t)(l->o.seconds * 1e6);
    while (!over(l)) {
        begin_due(l);
        int n = epoll_wait(l->epoll, ready, 256, 1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ready[i].data.ptr;
            if (c->busy && (!send_more(c) || !read_more(l, c)))
                conn_reopen(l, c);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(const struct load *l, double p)
{
    return l->n_samples ? l->samples[(size_t)(p * (double)(l->n_samples - 1))] : 0;
}

static void report(struct load *l)
{
    double s = (double)(load_now_us() - l->start_us) / 1e6;
    qsort(l->samples, l->n_samples, sizeof *l->samples, by_size);
    printf("{\"seconds\":%.3f,\"requests\":%llu,\"requests_per_second\":%.0f,\"events\":%llu,"
           "\"events_per_second\":%.0f,\"refused\":%llu,\"failed\":%llu,\"p50_us\":%u,\"p99_us\":%u,\"max_"
           "us\":%u}\n",
           s, (unsigned long long)l->requests, (double)l->requests / s, (unsigned long long)l->events,
           (double)l->events / s, (unsigned long long)l->refused, (unsigned long long)l->failed,
           percentile(l, 0.5), percentile(l, 0.99), percentile(l, 1));
}

int main(int argc, char **argv)
{
    static struct load l;
    if (!load_options_read(&l.o, argc, argv) || l.o.connections > CONNECTIONS_MAX)
        return 2;
    if (l.o.rate == 0)
        sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}); /* where it may not, it is dearer */
    l.seed = l.o.seed;
    struct load_site *site = load_site_new(l.o.users, l.seed);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.samples = malloc(SAMPLES_MAX * sizeof *l.samples);
    for (int i = 0; i < l.o.connections; i++) {
        l.conns[i].answer = malloc(ANSWER_MAX);
        load_request_make(&l.conns[i].request, &l.o, site, i);
        conn_open(&l, &l.conns[i]);
    }
    run(&l);
    report(&l);
    return 0;
}
