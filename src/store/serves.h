/* How many serve processes are alive: those that share a limit. Private to the store. */
#ifndef BL_STORE_SERVES_H
#define BL_STORE_SERVES_H

#include "bl/store/link.h"

struct bl_serves;

BL_CHECKED enum bl_err bl_serves_new(struct bl_str env, struct bl_serves **out);
/* No poll may be pending. NULL is fine. */
void bl_serves_free(struct bl_serves *s);
/* Asks anew, unless the last poll has not been answered. */
void bl_serves_poll(struct bl_serves *s, struct bl_link *link);
/* At least 1: whoever asks is one. */
size_t bl_serves_count(const struct bl_serves *s);

#endif
