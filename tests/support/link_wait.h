/* Waiting for a link to Redis, on a loop that runs for nothing else: until a condition holds, until all that was sent has
 * been answered, until it is closed. */
#ifndef BL_TEST_LINK_WAIT_H
#define BL_TEST_LINK_WAIT_H

#include "bl/store/link.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#define RUN_UNTIL(loop, condition)                                                                           \
    while (!(condition))                                                                                     \
    uv_run(loop, UV_RUN_ONCE)

static void link_wait_pong(void *ctx, const redisReply *reply)
{
    assert_non_null(reply);
    *(bool *)ctx = true;
}

static void link_wait_closed(void *ctx)
{
    *(bool *)ctx = true;
}

/* Replies come in order: that of a PING behind all others. */
static inline void link_wait_answered(uv_loop_t *loop, struct bl_link *link)
{
    const struct bl_str ping = BL_STR("PING");
    bool answered = false;
    bl_link_send(link, 1, &ping, link_wait_pong, &answered);
    RUN_UNTIL(loop, answered);
}

static inline void link_wait_close(uv_loop_t *loop, struct bl_link *link)
{
    bool closed = false;
    bl_link_close(link, link_wait_closed, &closed);
    RUN_UNTIL(loop, closed);
}

#endif
