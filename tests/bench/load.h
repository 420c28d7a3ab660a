/* The requests of the load generator: what the visitors of a shop do, one step after the other. */
#ifndef BL_BENCH_LOAD_H
#define BL_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who comes once, in order, so that a store is full of users: those who pass by, and are not waited for; those who have
 * been to 4 pages in 6 visits, with 20 events, and look at another tab now. */
enum load_fill { LOAD_NOBODY, LOAD_PASSING, LOAD_LIVING };

struct load_options {
    int port, connections;
    const char *path;                   /* NULL: events are posted */
    unsigned batch;                     /* events in a request; 0: single ones */
    uint64_t users, rate, seed, events; /* events: the end when so many were taken; 0: at no number */
    double seconds;
    enum load_fill fill;
};

/* Longest event (its template, rounded up). */
#define LOAD_EVENT_MAX 320

/* Everybody's place in their journey. */
struct load_site;

/* For the life of the process. */
struct load_site *load_site_new(uint64_t users, uint64_t seed);
/* The next step of `user`, as JSON without an end; at most LOAD_EVENT_MAX bytes. Gives its length. */
size_t load_site_step(struct load_site *s, uint64_t user, uint64_t *seed, char *out);
/* The same for who comes only to fill: step 0 … load_site_fill_steps - 1. */
unsigned load_site_fill_steps(const struct load_site *s, enum load_fill fill);
size_t load_site_fill(struct load_site *s, enum load_fill fill, uint64_t user, unsigned step, uint64_t *seed,
                      char *out);
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
