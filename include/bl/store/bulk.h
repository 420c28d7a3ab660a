/* Recorded events through the store, for tools that may block: replay fills a data set of its own, waits for
 * real workers to process it, reads the patterns back and erases it. Synchronous and pipelined; never used by
 * serve or worker. */
#ifndef BL_STORE_BULK_H
#define BL_STORE_BULK_H

#include "bl/app/ledger.h"
#include "bl/base/err.h"

struct bl_bulk;

/* Connects and makes the data set `env` (which must not exist) with the event clock. On failure `why` holds a
 * sentence. */
BL_CHECKED enum bl_err bl_bulk_open(const char *url, const char *env, int partitions, struct bl_bulk **out,
                                    struct bl_buf *why);
/* One canonical line of one user, in order. Waits while the workers are far behind. */
BL_CHECKED enum bl_err bl_bulk_append(struct bl_bulk *b, struct bl_str user_id, struct bl_str line);
/* Sends what is gathered, and a tick at that time to every partition. */
BL_CHECKED enum bl_err bl_bulk_end(struct bl_bulk *b, int64_t tick_ms);
/* Entries appended that no worker has committed yet. */
BL_CHECKED enum bl_err bl_bulk_lag(struct bl_bulk *b, int64_t *entries);
BL_CHECKED enum bl_err bl_bulk_patterns(struct bl_bulk *b, struct bl_ledger *ledger);
/* Deletes every key of the data set. */
BL_CHECKED enum bl_err bl_bulk_erase(struct bl_bulk *b);
void bl_bulk_close(struct bl_bulk *b);
/* Called by append while it waits, so that the caller can look after its workers. May be NULL. */
void bl_bulk_on_wait(struct bl_bulk *b, void (*fn)(void *ctx), void *ctx);

#endif
