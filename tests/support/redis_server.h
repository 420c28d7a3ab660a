/* A redis-server of the test's own: a private unix socket in a fresh directory, no TCP port unless asked for.
 * It dies with the test. Everything here asserts: a test without its server has nothing to say. */
#ifndef BL_TEST_REDIS_SERVER_H
#define BL_TEST_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct bl_test_redis {
    char dir[64];
    char socket[96];
    char url[128]; /* unix://… */
    char **args;   /* extra, owned */
    pid_t pid;
    redisContext *c; /* a blocking connection for the test itself */
};

/* `extra` is a list of arguments that ends with NULL (or NULL): "--maxmemory", "10mb", NULL. */
void bl_test_redis_start(struct bl_test_redis *r, const char *const *extra);
/* kill -9 and wait; the directory stays. */
void bl_test_redis_kill(struct bl_test_redis *r);
/* Starts again on the same socket and directory. */
void bl_test_redis_restart(struct bl_test_redis *r);
/* Its two halves: the process, and until it answers (it may be loading for long). */
void bl_test_redis_spawn(struct bl_test_redis *r);
void bl_test_redis_wait(struct bl_test_redis *r);
void bl_test_redis_stop(struct bl_test_redis *r);
/* One command, format as hiredis'. The reply is the caller's to free; never NULL. */
redisReply *bl_test_redis(struct bl_test_redis *r, const char *format, ...);
/* The same for replies that are an integer (nil: -1, status: 0), or a string as a number. */
long long bl_test_redis_int(struct bl_test_redis *r, const char *format, ...);
/* The same for strings; the text is the caller's to free (nil: NULL). */
char *bl_test_redis_text(struct bl_test_redis *r, const char *format, ...);

#endif
