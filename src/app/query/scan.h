/* Merging of the partitions' lists of patterns into one, newest first: (detected_at descending, pattern id
 * descending). Each partition is a lane with one page of ids read ahead; a lane that runs empty asks for its
 * next page. Pages begin short, since most scans end soon, and double with each round. Pure: who reads is the caller's
 * business.
 *
 * A page is asked for from the last place seen, inclusive, since many patterns may share a millisecond; what
 * was seen before is dropped on arrival. Only if a whole page lies within that one millisecond is an offset
 * used. So a pattern that is added or removed between two pages makes nothing else appear twice or vanish. */
#ifndef APP_QUERY_SCAN_H
#define APP_QUERY_SCAN_H

#include "bl/app/reads.h"
#include "bl/core/pattern.h"

struct scan_item {
    int64_t ms;
    struct bl_pattern_id id;
    int partition;
    bool passes; /* the filter, if there is one */
};

struct scan_lane {
    int partition;
    bool done;             /* nothing is left in the store */
    struct scan_item last; /* the oldest place read so far */
    int64_t skip;          /* entries of millisecond last.ms to skip at the next page */
    size_t at, n;
    struct scan_item *item; /* the page */
};

struct scan {
    struct scan_lane *lane;
    size_t lanes, page, page_max;
    const struct bl_read_filter *filter;
    struct scan_item *items;
};

/* Ids of all partitions (`only` < 0) or of one; older than `from`; at first `page` at a time, later page_max. `filter` is
 * borrowed; NULL: all pass. False: no memory. */
bool scan_init(struct scan *s, int partitions, int only, struct scan_item from, size_t page, size_t page_max,
               const struct bl_read_filter *filter) __attribute__((warn_unused_result));
void scan_release(struct scan *s);
/* The newest place of all: what scan_init takes to begin at the top. */
struct scan_item scan_top(void);
/* <0: a comes before b (is newer). */
int scan_cmp(const struct scan_item *a, const struct scan_item *b);
/* Does lane i have to be fed before the next item is known? Then *read says with what (kind is the caller's).
 */
bool scan_hungry(const struct scan *s, size_t i, int64_t since_ms, struct bl_read *read);
void scan_feed(struct scan *s, size_t i, const struct bl_read_reply *reply);
/* All that were hungry are fed: the next pages are longer. */
void scan_fed(struct scan *s);
/* The next item of all lanes. False: a lane is hungry, or this was all. */
bool scan_next(struct scan *s, struct scan_item *out);
/* Is there, or may there be, anything left? */
bool scan_more(const struct scan *s);

#endif
