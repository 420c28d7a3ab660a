/* The requests of the load generator: what the visitors of a shop do, one step after the other. */
#ifndef BL_BENCH_LOAD_H
#define BL_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_options {
    int port, connections;
    const char *path; /* NULL: events are posted */
    unsigned batch;   /* events in a request; 0: single ones */
    uint64_t users, rate, seed;
    double seconds;
    bool fill; /* each user once, a short visit, in order; then the end */
};

/* Longest event (its template, rounded up). */
#define LOAD_EVENT_MAX 320

/* Everybody's place in their journey. */
struct load_site;

/* For the life of the process. */
struct load_site *load_site_new(uint64_t users, uint64_t seed);
/* The next step of `user`, as JSON without an end; at most LOAD_EVENT_MAX bytes. Gives its length. */
size_t load_site_step(struct load_site *s, uint64_t user, uint64_t *seed, char *out);
/* The steps of a visitor who only passes by, so that everybody is known and nobody is waited for. */
#define LOAD_PASSING_STEPS 3
size_t load_site_pass(struct load_site *s, uint64_t user, unsigned step, uint64_t *seed, char *out);
uint64_t load_random(uint64_t *seed);

struct request {
    char *text, *room; /* the text stands inside the room */
    size_t n;
    unsigned events;
    struct load_site *site;
    const struct load_options *options;
    uint64_t first, passed; /* its users: first, first + connections, …; steps done while filling */
};

/* false: said on standard error what is wrong. */
bool load_options_read(struct load_options *o, int argc, char **argv);
/* The requests of one connection, which has users of its own, so that each one's steps arrive in order. Borrows all, for
 * the life of the process. */
void load_request_make(struct request *r, const struct load_options *o, struct load_site *site,
                       int connection);
/* false: all users of this connection have passed (fill). */
bool load_request_next(struct request *r, uint64_t *seed);
int64_t load_now_us(void);

#endif
