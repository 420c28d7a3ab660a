/* Included before everything else in the simulation and its copy of the worker: bounds so small that full rounds,
 * evictions and partial rounds happen all the time. */
#include "bl/base/limits.h"

#define OWNER_SLICE_BYTES   1
#define OWNER_SLICE_USERS   1
#define OWNER_SLICE_FREED   1
#define OWNER_USERS_MAX     3
#define OWNER_COMERS_MAX    2
#define OWNER_BEHIND_MAX    4
#define OWNER_PART_USERS    2
#define OWNER_PART_BYTES    400
#define PACE_TOGETHER_BYTES 400 /* commits are held for others */
#define REDO_ENTRIES        2
#define RECENT_SHARE        2
#define RECENT_BYTES        1000 /* some six lines */
#define RECENT_ALL_BYTES    3000
#undef BL_FETCH_ENTRIES
#define BL_FETCH_ENTRIES 4
#undef BL_SUSPECT_ENTRIES
#define BL_SUSPECT_ENTRIES 2
#undef BL_DUE_FETCHED
#define BL_DUE_FETCHED 2
#undef BL_DUE_MAX
#define BL_DUE_MAX 3
#undef BL_GRACE_MAX_MS
#define BL_GRACE_MAX_MS 700
#undef BL_IDLE_MS
#define BL_IDLE_MS 3000 /* the session timeout of half of the rules; others have half of it, or twice */
#undef BL_ERASE_RECENT_BYTES
#define BL_ERASE_RECENT_BYTES 2000 /* some twelve lines: a few lists are longer */
#undef BL_ERASE_PATTERNS
#define BL_ERASE_PATTERNS 2
#undef BL_TOMBSTONES_MAX
#define BL_TOMBSTONES_MAX 3
#undef BL_ERASE_ENTRY_BYTES
#define BL_ERASE_ENTRY_BYTES 1
