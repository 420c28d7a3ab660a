/* The port of the queries (app/reads.h) on Redis: a connection of its own, so that a slow read never stands
 * before an append. Each batch of reads is one pipeline. */
#ifndef BL_STORE_READS_H
#define BL_STORE_READS_H

#include "bl/app/reads.h"

struct uv_loop_s;
struct bl_store_reads;

/* url and env are borrowed until new returns. */
BL_CHECKED enum bl_err bl_store_reads_new(struct uv_loop_s *loop, const char *url, struct bl_str env,
                                          struct bl_store_reads **out);
/* Lives as long as the store_reads. */
const struct bl_reads *bl_store_reads_port(const struct bl_store_reads *s);
/* Connected? Reads fail at once while it is not. */
bool bl_store_reads_up(const struct bl_store_reads *s);
/* What is under way fails; then closed(ctx), from the loop, and it is gone. */
void bl_store_reads_close(struct bl_store_reads *s, void (*closed)(void *ctx), void *ctx);

#endif
