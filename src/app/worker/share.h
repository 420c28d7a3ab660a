/* Who works on how much: every living worker takes its share, decided by each for itself from the same list.
 */
#ifndef BL_APP_SHARE_H
#define BL_APP_SHARE_H

#include "bl/base/str.h"

/* How many of `partitions` the worker of that rank (0 … workers-1) should own. The shares add up to
 * `partitions` and differ by at most one. With no worker known the caller is taken to be alone. */
size_t bl_share(size_t partitions, size_t workers, size_t rank);
/* The place of `name` in the sorted list; n if it is not there (yet). */
size_t bl_share_rank(const struct bl_str *sorted, size_t n, struct bl_str name);
/* Where a worker of that rank starts to look for free partitions, so that they do not all try the same one.
 */
size_t bl_share_start(size_t partitions, size_t workers, size_t rank);

#endif
