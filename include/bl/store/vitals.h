/* What a serve process watches of the store, twice a second and more often near a limit: how far workers lag behind, how
 * long the streams are, whether a worker lives, who else serves, memory, the clock. Decides nothing; serve asks before it
 * appends (SPEC 2.5) and for /ready. */
#ifndef BL_STORE_VITALS_H
#define BL_STORE_VITALS_H

#include "bl/app/backlog.h"
#include "bl/app/ready.h"
#include "bl/base/hash.h"
#include "bl/store/link.h"

struct bl_vitals;

struct bl_vitals_options {
    const char *env; /* borrowed */
    struct bl_backlog_options backlog;
};

BL_CHECKED enum bl_err bl_vitals_new(const struct bl_vitals_options *options, struct bl_vitals **out);
/* No poll may be pending: close the link first. NULL is fine. */
void bl_vitals_free(struct bl_vitals *v);
/* Asks everything anew, unless the last poll has not been answered. */
void bl_vitals_poll(struct bl_vitals *v, struct bl_link *link);
/* May something be added to the partition (< 0: anywhere)? */
enum bl_backlog_state bl_vitals_backlog(const struct bl_vitals *v, int partition);
/* An entry of so many bytes is on its way. true: so much was sent since the last poll that it is time for the next. */
bool bl_vitals_sent(struct bl_vitals *v, int partition, size_t bytes);
/* Live serve processes as of the last poll, at least 1: each has its share of a limit. */
size_t bl_vitals_serves(const struct bl_vitals *v);
/* The data set that this process works with, from now on. */
void bl_vitals_entered(struct bl_vitals *v, struct bl_hash_key key);
/* Is it gone (somebody emptied Redis), or another one in its place? Open it anew. */
bool bl_vitals_replaced(const struct bl_vitals *v);
/* The store's clock as of the last poll; 0: not known yet. */
int64_t bl_vitals_time_ms(const struct bl_vitals *v);
/* Fills in what this knows; last_id_ms: the newest id this process has seen. */
void bl_vitals_ready(const struct bl_vitals *v, int64_t last_id_ms, struct bl_ready *out);

#endif
