#undef NDEBUG /* a test without its server has nothing to say */
#include "redis_server.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 64

static void nap(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

static _Noreturn void run(const struct bl_test_redis *r)
{
    char *argv[ARGS_MAX];
    const char *const fixed[] = {
        "redis-server", "--port", "0",         "--unixsocket", r->socket,     "--dir", r->dir,
        "--save",       "",       "--logfile", "redis.log",    "--daemonize", "no"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        argv[n++] = strdup(fixed[i]);
    for (size_t i = 0; r->args && r->args[i] && n < ARGS_MAX - 1; i++)
        argv[n++] = r->args[i];
    argv[n] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], argv);
    _exit(127);
}

static redisContext *wait_ready(const struct bl_test_redis *r)
{
    for (int i = 0; i < 5000; i++) {
        redisContext *c = redisConnectUnix(r->socket);
        redisReply *reply = c && !c->err ? redisCommand(c, "PING") : NULL;
        int ready = reply && reply->type == REDIS_REPLY_STATUS;
        if (reply)
            freeReplyObject(reply);
        if (ready)
            return c;
        if (c)
            redisFree(c);
        if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
            break;
        nap();
    }
    fprintf(stderr, "redis-server did not start, see %s/redis.log\n", r->dir);
    abort();
}

void bl_test_redis_spawn(struct bl_test_redis *r)
{
    r->pid = fork();
    if (r->pid == 0)
        run(r);
    assert(r->pid > 0);
}

void bl_test_redis_wait(struct bl_test_redis *r)
{
    r->c = wait_ready(r);
}

void bl_test_redis_restart(struct bl_test_redis *r)
{
    bl_test_redis_spawn(r);
    bl_test_redis_wait(r);
}

void bl_test_redis_start(struct bl_test_redis *r, const char *const *extra)
{
    size_t n = 0;
    *r = (struct bl_test_redis){0};
    strcpy(r->dir, "/tmp/bl-test-XXXXXX");
    char *made = mkdtemp(r->dir);
    assert(made);
    (void)made;
    snprintf(r->socket, sizeof r->socket, "%s/redis.sock", r->dir);
    snprintf(r->url, sizeof r->url, "unix://%s", r->socket);
    while (extra && extra[n])
        n++;
    r->args = calloc(n + 1, sizeof *r->args);
    for (size_t i = 0; i < n; i++)
        r->args[i] = strdup(extra[i]);
    signal(SIGPIPE, SIG_IGN);
    bl_test_redis_restart(r);
}

void bl_test_redis_kill(struct bl_test_redis *r)
{
    if (r->c)
        redisFree(r->c);
    r->c = NULL;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    r->pid = 0;
}

void bl_test_redis_stop(struct bl_test_redis *r)
{
    char command[128];
    bl_test_redis_kill(r);
    for (size_t i = 0; r->args && r->args[i]; i++)
        free(r->args[i]);
    free(r->args);
    snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
    if (system(command) != 0)
        fprintf(stderr, "%s stays behind\n", r->dir);
}

static redisReply *command(struct bl_test_redis *r, const char *format, va_list ap)
{
    redisReply *reply = redisvCommand(r->c, format, ap);
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "redis: %s (%s)\n", reply ? reply->str : r->c->errstr, format);
        abort();
    }
    return reply;
}

redisReply *bl_test_redis(struct bl_test_redis *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(r, format, ap);
    va_end(ap);
    return reply;
}

long long bl_test_redis_int(struct bl_test_redis *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(r, format, ap);
    va_end(ap);
    long long v = reply->type == REDIS_REPLY_INTEGER  ? reply->integer
                  : reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10)
                  : reply->type == REDIS_REPLY_NIL    ? -1
                                                      : 0;
    freeReplyObject(reply);
    return v;
}

char *bl_test_redis_text(struct bl_test_redis *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(r, format, ap);
    va_end(ap);
    char *text = reply->type == REDIS_REPLY_NIL ? NULL : strndup(reply->str, reply->len);
    freeReplyObject(reply);
    return text;
}
