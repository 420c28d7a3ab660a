/* The worker's ports on Redis (include/bl/app/ports.h): leases, the stream, states, commits. */
#ifndef BL_STORE_WORLD_H
#define BL_STORE_WORLD_H

#include "bl/app/ports.h"
#include "bl/base/hash.h"

struct uv_loop_s;
struct bl_world;

struct bl_world_options {
    struct uv_loop_s *loop;
    const char *url, *env, *name; /* copied; name: of this worker */
    int partitions;
    bool event_mode;
    int64_t lease_ms, grace_ms;
    int64_t stream_retention_ms, stream_max;
    int64_t pattern_retention_ms, pattern_max; /* pattern_max: per environment */
    /* Recent events, entries set aside: 0: until others take their place; counts by minute and page: 0: two days. */
    int64_t recent_retention_ms, quarantine_retention_ms, history_retention_ms;
    int64_t reply_timeout_ms; /* longest wait for a reply before the connection is given up */
    int64_t
        silence_ms; /* when nothing at all comes on that of the leases, all are given up; 0: never for that */
};

BL_CHECKED enum bl_err bl_world_new(const struct bl_world_options *options, struct bl_world **out);
/* Borrows w. */
struct bl_ports bl_world_ports(struct bl_world *w);
/* Ends all connections; closed(ctx) runs from the loop, then it is gone. */
void bl_world_close(struct bl_world *w, void (*closed)(void *ctx), void *ctx);

#endif
