/* A blocking connection for tools (bulk.c, tape.c, ruleset.c): serve and worker never use it. Redis that is silent for
 * 5 s counts as a broken connection; who asks for more than that sets another timeout. */
#ifndef BL_STORE_DIAL_H
#define BL_STORE_DIAL_H

#include "bl/base/buf.h"

#include <hiredis/hiredis.h>

/* Connects, authenticates, selects the database. On failure `why` holds a sentence. Free with redisFree. */
BL_CHECKED enum bl_err bl_dial(const char *url, redisContext **out, struct bl_buf *why);
/* One command, pipelined nothing; NULL if the connection broke or Redis refused it. The caller frees it. */
redisReply *bl_dial_call(redisContext *c, size_t n, const struct bl_str *args);

#endif
