/* What is sent, and how it is asked for: requests of one event or a batch, written anew for each time into a room that
 * is kept. Which step whose visit takes next is load_site.c's. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 192

void load_request_make(struct request *r, const struct load_options *o, struct load_site *site,
                       int connection)
{
    unsigned n = o->path ? 0 : o->batch ? o->batch : 1;
    *r = (struct request){.events = n, .site = site, .options = o};
    r->first = (uint64_t)connection % o->users;
    r->room = r->text = malloc(HEAD_MAX + (size_t)n * (LOAD_EVENT_MAX + 1) + 2);
    if (o->path)
        r->n = (size_t)snprintf(r->text, HEAD_MAX, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", o->path);
}

/* How many users this connection has: they are dealt out to all of them. */
static uint64_t users_of(const struct request *r)
{
    uint64_t all = (uint64_t)r->options->connections, users = r->options->users;
    return r->first < users ? (users - r->first + all - 1) / all : 0;
}

static size_t event_write(struct request *r, uint64_t users, uint64_t *seed, char *out)
{
    uint64_t all = (uint64_t)r->options->connections, step = r->passed;
    if (r->options->fill == LOAD_NOBODY)
        return load_site_step(r->site, r->first + load_random(seed) % users * all, seed, out);
    unsigned steps = load_site_fill_steps(r->site, r->options->fill);
    r->passed++;
    return load_site_fill(r->site, r->options->fill, r->first + step / steps * all, (unsigned)(step % steps),
                          seed, out);
}

/* How many events the next request has. */
static unsigned events_of(const struct request *r, uint64_t users)
{
    unsigned most = r->options->batch ? r->options->batch : 1;
    if (r->options->fill == LOAD_NOBODY)
        return most;
    uint64_t left = users * load_site_fill_steps(r->site, r->options->fill) - r->passed;
    return left < most ? (unsigned)left : most;
}

/* The head stands right before the body, whatever the length of either. */
static void head_write(struct request *r, char *body, size_t n)
{
    char head[HEAD_MAX];
    int used = snprintf(head, sizeof head,
                        "POST /events%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        r->options->batch ? "/batch" : "", n);
    r->text = body - used;
    memcpy(r->text, head, (size_t)used);
    r->n = (size_t)used + n;
}

bool load_request_next(struct request *r, uint64_t *seed)
{
    if (r->options->path)
        return true;
    uint64_t users = users_of(r);
    char *body = r->room + HEAD_MAX, *at = body;
    r->events = events_of(r, users);
    if (r->events == 0)
        return false;
    if (r->options->batch)
        *at++ = '[';
    for (unsigned i = 0; i < r->events; i++) {
        if (i)
            *at++ = ',';
        at += event_write(r, users, seed, at);
    }
    if (r->options->batch)
        *at++ = ']';
    head_write(r, body, (size_t)(at - body));
    return true;
}

bool load_options_read(struct load_options *o, int argc, char **argv)
{
    static const struct option names[] = {{"port", 1, NULL, 'p'},    {"path", 1, NULL, 'g'},
                                          {"batch", 1, NULL, 'b'},   {"users", 1, NULL, 'u'},
                                          {"rate", 1, NULL, 'r'},    {"seed", 1, NULL, 'x'},
                                          {"events", 1, NULL, 'n'},  {"connections", 1, NULL, 'c'},
                                          {"seconds", 1, NULL, 's'}, {"fill", 1, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    *o = (struct load_options){.connections = 64, .users = 100000, .seconds = 5, .seed = 1};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p':
            o->port = atoi(optarg);
            break;
        case 'g':
            o->path = optarg;
            break;
        case 'b':
            o->batch = (unsigned)atoi(optarg);
            break;
        case 'u':
            o->users = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            o->rate = strtoull(optarg, NULL, 10);
            break;
        case 'x':
            o->seed = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            o->connections = atoi(optarg);
            break;
        case 's':
            o->seconds = atof(optarg);
            break;
        case 'n':
            o->events = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            o->fill = strcmp(optarg, "living") == 0 ? LOAD_LIVING : LOAD_PASSING;
            break;
        default:
            return false;
        }
    }
    if (o->port > 0 && o->connections > 0 && o->users >= (uint64_t)o->connections && o->users <= 100000000)
        return true;
    fprintf(stderr,
            "load: --port is needed; --users is at least --connections (1 or more), at most 100000000\n");
    return false;
}
