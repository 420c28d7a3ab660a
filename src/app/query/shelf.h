/* Patterns as lists have shown them, so that the next list asks the store only for those that have changed since.
 *
 *   shelf_ask (a partition, with the list's first round) -> shelf_heard -> shelf_get … | read, shelf_put
 *
 * A list of fifty was fifty reads of whole patterns, two thirds of what it cost Redis, and from one list to the next hardly
 * any of them is another. What has changed the change feed tells: a commit that writes a pattern puts an entry there.
 *
 * Promise: what shelf_get gives is the pattern as it was when the feed was asked, or later. Replies come in the order of
 * their questions, so a pattern that was read before a change is put here before the change is heard, and goes then; one
 * that was read after it has it. Who writes a pattern's hash past the worker, with redis-cli,
 * is not heard; so that he is seen all the same, a pattern is read anew after a second or two.
 *
 * Bounds: SHELF_ROWS patterns of at most SHELF_ROW_MAX bytes; the next one of the same place takes it. */
#ifndef APP_QUERY_SHELF_H
#define APP_QUERY_SHELF_H

#include "bl/app/reads.h"
#include "bl/base/buf.h"
#include "bl/core/pattern.h"

#define SHELF_ROWS    2048
#define SHELF_ROW_MAX 4096
#define SHELF_MS                                                                                             \
    1000 /* and up to as long again, by its id: so that those of a list do not come due together */

struct shelf;

/* NULL: no memory. */
struct shelf *shelf_new(void) __attribute__((warn_unused_result));
void shelf_free(struct shelf *s);
/* Forgets all: of another data set, or of a store that may have lost what was read of it. */
void shelf_clear(struct shelf *s);
/* The read that tells what changed in the partition since it was heard last. Its `arg` is borrowed from the shelf. */
struct bl_read shelf_ask(const struct shelf *s, int partition);
/* Takes the reply to it. */
void shelf_heard(struct shelf *s, int partition, const struct bl_read_reply *r);
/* Appends the pattern's JSON to `out`; false: it is not here, or has been for too long. Times are ms of any one clock that
 * only goes forward. */
bool shelf_get(const struct shelf *s, const struct bl_pattern_id *id, int64_t now_ms, struct bl_buf *out);
void shelf_put(struct shelf *s, int partition, const struct bl_pattern_id *id, int64_t now_ms,
               struct bl_str json);

#endif
