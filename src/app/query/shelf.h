/* Patterns as lists have shown them, so that the next list asks the store only for those that have changed since.
 *
 *   each round of a list: shelf_ask (every partition it is of), behind its other reads -> shelf_heard
 *   then, for each pattern it shows: shelf_get | read, shelf_put
 *
 * A list of fifty was fifty reads of whole patterns, two thirds of what it cost Redis, and from one list to the next hardly
 * any of them is another. What has changed the change feed tells: a commit that changes a pattern puts an entry there. (What
 * retention takes away it does not tell: no list names that any more.)
 *
 * Promise: what shelf_get gives is the pattern as it was when the feed was asked, or later. Replies come in the order of
 * their questions, so a pattern that was read before a change is put here before the change is heard, and goes then; one
 * that was read after it has it. Where the feed does not go on from where it was heard last (trimmed, put back), and on a new
 * connection, all is read anew.
 *
 * Who writes a pattern's hash past the worker, with redis-cli, is not heard; so that he is seen all the same, a pattern is kept
 * for SHELF_MS to twice that. Nor does one stay here for long that nobody asks for (an erased user's): it goes with the first
 * query that comes three times SHELF_MS after it was put here.
 *
 * Bounds: SHELF_ROWS patterns of at most SHELF_ROW_MAX bytes; the next one of the same place takes it. */
#ifndef APP_QUERY_SHELF_H
#define APP_QUERY_SHELF_H

#include "bl/app/reads.h"
#include "bl/base/buf.h"
#include "bl/core/pattern.h"

#define SHELF_ROWS    2048
#define SHELF_ROW_MAX 4096
#define SHELF_MS      1000 /* and up to as long again, by its id: those of a list do not come due together */
#define SHELF_CHANGES 16   /* heard at once; after more of them a partition's are all read anew */

struct shelf;

/* NULL: no memory. */
struct shelf *shelf_new(void) __attribute__((warn_unused_result));
void shelf_free(struct shelf *s);
/* Every now and then, at any time. Times are ms of a clock that only goes forward; `connection`: reads.h. */
void shelf_tidy(struct shelf *s, uint64_t connection, int64_t now_ms);
/* Forgets all: it was of another data set. */
void shelf_clear(struct shelf *s);
/* The read that tells what changed in the partition since it was heard last. Its `arg` is borrowed from the shelf. */
struct bl_read shelf_ask(const struct shelf *s, int partition);
/* Takes the reply to it. */
void shelf_heard(struct shelf *s, int partition, const struct bl_read_reply *r);
/* Appends the pattern's JSON to `out`; false: it is not here. */
bool shelf_get(const struct shelf *s, const struct bl_pattern_id *id, int64_t now_ms, struct bl_buf *out);
void shelf_put(struct shelf *s, int partition, const struct bl_pattern_id *id, int64_t now_ms,
               struct bl_str json);

#endif
