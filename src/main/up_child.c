/* One child of the supervisor.
 *
 *   waiting --(retry_ms)--> up_child_start --> running --up_child_reap--> waiting (back-off)
 *                                                                                 or ended (stopping)
 *                                                 \--up_child_stop--> stopping --(kill_ms)--> SIGKILL
 *
 * fork and exec by hand and not by libuv: between the two the child asks for PR_SET_PDEATHSIG, so that no
 * process outlives a supervisor that was killed with -9. */
#include "up.h"

#include "bl/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define HEALTHY_MS     10000 /* having lived so long, a child starts with a short back-off again */

static const struct {
    const char *name;
    int64_t stop_ms; /* how long it may take to end */
} roles[UP_ROLES] = {
    [UP_SIMULATE] = {"simulate", 3000}, [UP_EXPLAIN] = {"explain", 5000},
    [UP_ALERTS] = {"alerts", 15000},    [UP_SERVE] = {"serve", 10000},
    [UP_WORKER] = {"worker", 10000},    [UP_REDIS] = {"redis-server", 30000},
};

const char *up_role_name(enum up_role role)
{
    return roles[role].name;
}

/* In the child, between fork and exec: only calls that are safe there. */
static _Noreturn void become(const struct up_child *c, char **env, pid_t parent)
{
    int null = open("/dev/null", O_RDWR);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        /* Results of the simulator and the banner of Redis are of no use here; what goes wrong is on stderr.
         */
        dup2(null, STDOUT_FILENO);
    }
    /* Redis has an AOF to sync; the others hold nothing, and must not be left hanging in a slow farewell. */
    prctl(PR_SET_PDEATHSIG, c->role == UP_REDIS ? SIGTERM : SIGKILL);
    if (getppid() == parent) /* else it died before the prctl */
        execve(c->argv[0], c->argv, env);
    _exit(127);
}

static void wait_for_retry(struct up_child *c, int64_t now_ms)
{
    bool healthy = now_ms - c->started_ms >= HEALTHY_MS;
    c->backoff_ms = healthy || c->backoff_ms == 0 ? BACKOFF_MIN_MS : c->backoff_ms * 2;
    if (c->backoff_ms > BACKOFF_MAX_MS)
        c->backoff_ms = BACKOFF_MAX_MS;
    if (healthy)
        c->failures = 0;
    c->retry_ms = now_ms + c->backoff_ms;
}

void up_child_start(struct up_child *c, char **env, int64_t now_ms)
{
    pid_t parent = getpid();
    c->started_ms = now_ms;
    c->retry_ms = 0;
    pid_t pid = fork();
    if (pid == 0)
        become(c, env, parent);
    if (pid < 0) {
        wait_for_retry(c, now_ms);
        bl_log(BL_LOG_ERROR, "cannot start a process", BL_LOG_TEXT("process", roles[c->role].name),
               BL_LOG_TEXT("reason", strerror(errno)));
        return;
    }
    c->pid = pid;
    bl_log(BL_LOG_DEBUG, "started", BL_LOG_TEXT("process", roles[c->role].name),
           BL_LOG_INT("number", c->number), BL_LOG_INT("child", pid));
}

static void log_death(const struct up_child *c, pid_t pid, int status)
{
    bool signalled = WIFSIGNALED(status);
    bl_log(BL_LOG_WARN, "a process ended and is started again", BL_LOG_TEXT("process", roles[c->role].name),
           BL_LOG_INT("number", c->number), BL_LOG_INT("child", pid),
           BL_LOG_INT(signalled ? "signal" : "status", signalled ? WTERMSIG(status) : WEXITSTATUS(status)),
           BL_LOG_INT("again_in_ms", c->backoff_ms));
}

bool up_child_reap(struct up_child *c, int64_t now_ms, bool stopping)
{
    int status;
    pid_t pid = c->pid;
    if (pid == 0 || waitpid(pid, &status, WNOHANG) != pid)
        return false;
    c->pid = 0;
    c->kill_ms = 0;
    if (stopping)
        return true;
    c->failures = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? c->failures + 1 : 0;
    wait_for_retry(c, now_ms);
    log_death(c, pid, status);
    return true;
}

void up_child_stop(struct up_child *c, int64_t now_ms)
{
    c->retry_ms = 0;
    if (c->pid == 0 || c->kill_ms)
        return;
    kill(c->pid, SIGTERM);
    c->kill_ms = now_ms + roles[c->role].stop_ms;
}

void up_child_kill_overdue(struct up_child *c, int64_t now_ms)
{
    if (c->pid == 0 || c->kill_ms == 0 || now_ms < c->kill_ms)
        return;
    bl_log(BL_LOG_ERROR, "a process did not end in time and is killed",
           BL_LOG_TEXT("process", roles[c->role].name), BL_LOG_INT("child", c->pid));
    kill(c->pid, SIGKILL);
    c->kill_ms = now_ms + roles[c->role].stop_ms;
}
