/* Patterns as lists have shown them, so that the next list asks the store only for those that have changed since.
 *
 *   each round of a list: cache_ask (every partition it is of), behind its other reads -> cache_heard
 *   then, for each pattern it shows: cache_get | read, cache_put
 *
 * A list of fifty was fifty reads of whole patterns, two thirds of what it cost Redis, and from one list to the next hardly
 * any of them is another. What has changed the change feed tells: a commit that changes a pattern puts an entry there. (What
 * retention takes away it does not tell: no list names that any more.)
 *
 * Promise: what cache_get gives is the pattern as it was when the feed was asked, or later. Replies come in the order of
 * their questions, so a pattern that was read before a change is put here before the change is heard, and goes then; one
 * that was read after it has it. Where the feed does not go on from where it was heard last (trimmed, put back), and on a new
 * connection, all is read anew.
 *
 * Who writes a pattern's hash past the worker, with redis-cli, is not heard; so that he is seen all the same, a pattern is kept
 * for CACHE_MS to twice that. Nor does one stay here for long that nobody asks for (an erased user's): it goes with the first
 * query that comes three times CACHE_MS after it was put here.
 *
 * Bounds: CACHE_ROWS patterns of at most CACHE_ROW_MAX bytes; the next one of the same place takes it. */
#ifndef APP_QUERY_CACHE_H
#define APP_QUERY_CACHE_H

#include "bl/app/reads.h"
#include "bl/base/buf.h"
#include "bl/core/pattern.h"

#define CACHE_ROWS    2048
#define CACHE_ROW_MAX 4096
#define CACHE_MS      1000 /* and up to as long again, by its id: those of a list do not come due together */
#define CACHE_CHANGES 16   /* heard at once; after more of them a partition's are all read anew */

struct cache;

/* NULL: no memory. */
struct cache *cache_new(void) __attribute__((warn_unused_result));
void cache_free(struct cache *s);
/* Every now and then, at any time. Times are ms of a clock that only goes forward; `connection`: reads.h. */
void cache_tidy(struct cache *s, uint64_t connection, int64_t now_ms);
/* Forgets all: it was of another data set. */
void cache_clear(struct cache *s);
/* The read that tells what changed in the partition since it was heard last. Its `arg` is borrowed from the cache. */
struct bl_read cache_ask(const struct cache *s, int partition);
/* Takes the reply to it. */
void cache_heard(struct cache *s, int partition, const struct bl_read_reply *r);
/* Appends the pattern's JSON to `out`; false: it is not here. */
bool cache_get(const struct cache *s, const struct bl_pattern_id *id, int64_t now_ms, struct bl_buf *out);
void cache_put(struct cache *s, int partition, const struct bl_pattern_id *id, int64_t now_ms,
               struct bl_str json);

#endif
