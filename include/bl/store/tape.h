/* The event streams of a data set, read back entry by entry for a replay: synchronous, a bounded chunk at a
 * time, with commands that cost a live system next to nothing (XRANGE with COUNT, no scan of keys). Changes
 * nothing. */
#ifndef BL_STORE_TAPE_H
#define BL_STORE_TAPE_H

#include "bl/base/buf.h"
#include "bl/base/err.h"

struct bl_tape;

struct bl_tape_entry { /* borrowed until the next call */
    int64_t ms, seq;   /* its id */
    struct bl_str field, value;
};

/* What is there of one partition's stream. */
struct bl_tape_reach {
    int64_t entries;  /* in the stream now */
    int64_t trimmed;  /* were there once */
    int64_t first_ms; /* of the oldest entry that is left; -1: none is */
};

/* Connects to the data set `env`, which must exist and run on the live clock. On failure `why` holds a
 * sentence. */
BL_CHECKED enum bl_err bl_tape_open(const char *url, const char *env, struct bl_tape **out,
                                    struct bl_buf *why);
void bl_tape_close(struct bl_tape *t);
int bl_tape_partitions(const struct bl_tape *t);
/* The store's clock when the tape was opened. */
int64_t bl_tape_now_ms(const struct bl_tape *t);
BL_CHECKED enum bl_err bl_tape_reach(struct bl_tape *t, int partition, struct bl_tape_reach *out);
/* The rules of the data set as they were at that time (or the first there are), as in wire/rules.h; appended to
 * `text`. *version 0: it has none. */
BL_CHECKED enum bl_err bl_tape_rules(struct bl_tape *t, int64_t at_ms, struct bl_buf *text, int64_t *version);
/* Winds to a partition: bl_tape_next gives its entries from from_ms to to_ms, both included, without what workers died
 * of and set aside (app/aside.h). */
void bl_tape_wind(struct bl_tape *t, int partition, int64_t from_ms, int64_t to_ms);
/* *more false: that was all. BL_ERR_STORE_UNAVAILABLE, BL_ERR_CORRUPT. */
BL_CHECKED enum bl_err bl_tape_next(struct bl_tape *t, struct bl_tape_entry *out, bool *more);

#endif
