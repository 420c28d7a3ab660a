/* What a site sends: mostly clicks, scrolls and pages, some typing, now and then somebody at the checkout. One kind of
 * event per place in a batch; who it is, where, and its id change with every request. A user stays on a page for some
 * PAGE_EVENTS events, then goes to the next. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_DIGITS 8
#define ID_DIGITS   16
#define EVENT_MAX   320
#define HEAD_MAX    256
#define PAGES       200
#define PAGE_DIGITS 3
#define PAGE_EVENTS 5

static uint64_t next(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static const struct {
    unsigned share; /* of 100 */
    const char *action, *page, *metadata;
} mix[] = {
    {35, "click", NULL, ",\"metadata\":{\"target\":\"#buy\",\"x\":512,\"y\":240}"},
    {25, "page_view", NULL, ""},
    {20, "scroll", NULL, ",\"metadata\":{\"depth\":50}"},
    {8, "input_change", "/search", ",\"metadata\":{\"form\":\"search\",\"field\":\"q\"}"},
    {5, "product_view", NULL, ""},
    {3, "page_view", "/cart", ""},
    {2, "page_view", "/checkout", ""},
    {1, "purchase", "/checkout", ""},
    {1, "error", NULL, ",\"metadata\":{\"message\":\"x is undefined\"}"},
};

static size_t put_event(char *out, struct place *s, uint64_t *seed)
{
    unsigned draw = (unsigned)(next(seed) % 100), k = 0;
    while (k < sizeof mix / sizeof *mix - 1 && draw >= mix[k].share)
        draw -= mix[k++].share;
    *s = (struct place){0};
    size_t n = (size_t)snprintf(out, EVENT_MAX, "{\"user_id\":\"user-%0*d\"", USER_DIGITS, 0);
    s->user = n - 1 - USER_DIGITS;
    if (next(seed) % 2) {
        n += (size_t)snprintf(out + n, EVENT_MAX - n, ",\"event_id\":\"%0*d\"", ID_DIGITS, 0);
        s->id = n - 1 - ID_DIGITS;
    }
    n += (size_t)snprintf(out + n, EVENT_MAX - n, ",\"action\":\"%s\",\"page\":\"%s\"", mix[k].action,
                          mix[k].page ? mix[k].page : "/products/item-000");
    if (!mix[k].page)
        s->page = n - 1 - PAGE_DIGITS;
    return n + (size_t)snprintf(out + n, EVENT_MAX - n, ",\"device\":\"desktop\"%s}", mix[k].metadata);
}

static void place_move(struct place *s, size_t by)
{
    s->user += by;
    s->id += s->id ? by : 0;
    s->page += s->page ? by : 0;
}

void load_request_make(struct request *r, const struct load_options *o, uint64_t *seed)
{
    unsigned n = o->path ? 0 : o->batch ? o->batch : 1;
    char *body = malloc((size_t)n * (EVENT_MAX + 1) + 16);
    size_t at = 0;
    *r = (struct request){.events = n, .users = o->users, .places = calloc(n + 1, sizeof *r->places)};
    if (o->batch)
        body[at++] = '[';
    for (unsigned i = 0; i < n; i++) {
        if (i)
            body[at++] = ',';
        size_t from = at;
        at += put_event(body + at, &r->places[i], seed);
        place_move(&r->places[i], from);
    }
    if (o->batch)
        body[at++] = ']';
    r->text = malloc(HEAD_MAX + at);
    int head =
        o->path ? snprintf(r->text, HEAD_MAX, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", o->path)
                : snprintf(r->text, HEAD_MAX,
                           "POST /events%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n",
                           o->batch ? "/batch" : "", at);
    memcpy(r->text + head, body, at);
    r->n = (size_t)head + at;
    for (unsigned i = 0; i < n; i++)
        place_move(&r->places[i], (size_t)head);
    free(body);
}

static void put_digits(char *at, size_t digits, uint64_t v)
{
    while (digits--) {
        at[digits] = (char)('0' + v % 10);
        v /= 10;
    }
}

void load_request_next(struct request *r, uint64_t *seed, uint64_t sent)
{
    uint64_t turn = sent / (r->users * PAGE_EVENTS);
    for (unsigned i = 0; i < r->events; i++) {
        const struct place *s = &r->places[i];
        uint64_t user = next(seed) % r->users;
        put_digits(r->text + s->user, USER_DIGITS, user);
        if (s->id)
            put_digits(r->text + s->id, ID_DIGITS, next(seed));
        if (s->page)
            put_digits(r->text + s->page, PAGE_DIGITS, (user * 7919 + turn) % PAGES);
    }
}

bool load_options_read(struct load_options *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'},        {"path", 1, NULL, 'g'},    {"batch", 1, NULL, 'b'},
        {"users", 1, NULL, 'u'},       {"rate", 1, NULL, 'r'},    {"seed", 1, NULL, 'x'},
        {"connections", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'}, {NULL, 0, NULL, 0}};
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
        default:
            return false;
        }
    }
    if (o->port > 0 && o->connections > 0 && o->users > 0)
        return true;
    fprintf(stderr, "load: --port is needed; --connections and --users are at least 1\n");
    return false;
}
