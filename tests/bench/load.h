/* The requests of the load generator: made once, then only written into. */
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
};

/* One event's places in the text. */
struct place {
    size_t user, id, page; /* id 0: it carries none; page 0: it is on one of its own */
};

struct request {
    char *text;
    size_t n;
    unsigned events;
    uint64_t users;
    struct place *places;
};

/* false: said on standard error what is wrong. */
bool load_options_read(struct load_options *o, int argc, char **argv);
/* For the life of the process. */
void load_request_make(struct request *r, const struct load_options *o, uint64_t *seed);
/* `sent`: events that all requests have carried so far. */
void load_request_next(struct request *r, uint64_t *seed, uint64_t sent);
int64_t load_now_us(void);

#endif
