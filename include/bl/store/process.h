/* A live process (serve, worker, explain, alerts) in the store: a heartbeat with its counters, so that any serve can show
 * all of them (GET /metrics). It expires by itself when the process dies. */
#ifndef BL_STORE_PROCESS_H
#define BL_STORE_PROCESS_H

#include "bl/base/buf.h"
#include "bl/store/link.h"

#define BL_PROCESS_COUNTERS_MAX 64
#define BL_PROCESS_LIVE_MS      1500

struct bl_process;

struct bl_counter {
    const char *name;
    uint64_t value;
};

/* role: the name of the command, static. */
BL_CHECKED enum bl_err bl_process_new(struct bl_str env, const char *role, struct bl_process **out);
/* No beat may be pending: close the link first. NULL is fine. */
void bl_process_free(struct bl_process *p);
/* host-pid-random, as in `processes`. */
const char *bl_process_id(const struct bl_process *p);
void bl_process_beat(struct bl_process *p, struct bl_link *link, const struct bl_counter *counters, size_t n);
/* Says farewell; best effort. */
void bl_process_leave(struct bl_process *p, struct bl_link *link);

#endif
