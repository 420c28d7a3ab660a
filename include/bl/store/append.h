/* The store's side of the way in: one transaction per group, on a link of its own whose timeout is the
 * longest that a client waits. A group that is not confirmed by then resets the link, so that no late reply
 * can be taken for the answer to something else (SPEC 2.5). */
#ifndef BL_STORE_APPEND_H
#define BL_STORE_APPEND_H

#include "bl/app/ingest.h"
#include "bl/base/hash.h"

struct uv_loop_s;
struct bl_append;

struct bl_append_options {
    const char *url, *env; /* borrowed for its life */
    int64_t timeout_ms;
    void *ctx;
    void (*flush)(void *ctx); /* the port's wake: at the end of a turn, or after a delay */
};

struct bl_append_counts {
    uint64_t count, us; /* appends confirmed, and how long they took together */
    int64_t last_ms;    /* the largest time in an id the store gave */
};

BL_CHECKED enum bl_err bl_append_new(struct uv_loop_s *loop, const struct bl_append_options *options,
                                     struct bl_append **out);
/* The data set is open. Until then, nothing is appended. */
BL_CHECKED enum bl_err bl_append_open(struct bl_append *a, struct bl_hash_key key, int partitions);
/* Connected, and the data set is open. */
bool bl_append_is_up(const struct bl_append *a);
int bl_append_partition(const struct bl_append *a, struct bl_str user_id);
/* As in struct bl_ingest_port. */
void bl_append_send(struct bl_append *a, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                    void *ctx);
void bl_append_wake(struct bl_append *a, int delay_ms);
/* How long the store has been at the oldest append that is not confirmed, in ms; 0: at none. */
int64_t bl_append_waiting_ms(const struct bl_append *a);
const struct bl_append_counts *bl_append_counts(const struct bl_append *a);
void bl_append_close(struct bl_append *a, void (*closed)(void *ctx), void *ctx);

#endif
