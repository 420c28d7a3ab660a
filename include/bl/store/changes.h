/* The partitions' change feeds, listened to (app/watch.h): one blocking XREAD over all of them, on a connection of its
 * own. It takes nothing and decides nothing. */
#ifndef BL_STORE_CHANGES_H
#define BL_STORE_CHANGES_H

#include "bl/app/watch.h"

struct uv_loop_s;
struct bl_store_changes;

/* url and env are copied. */
BL_CHECKED enum bl_err bl_store_changes_new(struct uv_loop_s *loop, const char *url, struct bl_str env,
                                            struct bl_store_changes **out);
struct bl_watch_feed bl_store_changes_port(struct bl_store_changes *s);
/* A wait under way fails; then closed(ctx), from the loop, and it is gone. */
void bl_store_changes_close(struct bl_store_changes *s, void (*closed)(void *ctx), void *ctx);

#endif
