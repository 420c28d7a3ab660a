/* The data directory of `up`: who may use it, and what lies in it.
 *
 *   lock         flock(2) held by the supervisor for its life, with its pid for people
 *   config.yaml  the effective settings, for the children
 *   redis.sock redis.pid redis.log appendonlydir/    of the private Redis
 *   redis.acl redis.admin redis.operator             its users (up_acl.c)
 *
 * Invariant: whoever holds the lock is the only supervisor; so a Redis found at work on the directory is an
 * orphan. */
#include "up.h"

#include "bl/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ORPHAN_WAIT_MS 30000

/* snprintf that knows whether all of it fitted. */
#define FORMAT_PATH(out, ...) ((size_t)snprintf((out), UP_PATH_MAX, __VA_ARGS__) < UP_PATH_MAX)

static bool default_dir(char out[UP_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const struct passwd *user = home && home[0] == '/' ? NULL : getpwuid(geteuid());
    if (state && state[0] == '/')
        return FORMAT_PATH(out, "%s/behaviorlens", state);
    if (user)
        home = user->pw_dir;
    return home && home[0] == '/' && FORMAT_PATH(out, "%s/.local/state/behaviorlens", home);
}

/* mkdir -p; what it makes is for this user alone. */
static bool make_dirs(const char *path)
{
    char part[UP_PATH_MAX];
    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
        if (path[i] == '\0')
            return true;
    }
}

/* A directory that holds other things and was never ours must not become ours: we would change its mode. */
static bool is_foreign(const char *dir)
{
    DIR *d = opendir(dir);
    bool any = false, ours = false;
    if (!d)
        return false;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        any = true;
        ours = ours || strcmp(e->d_name, "lock") == 0;
    }
    closedir(d);
    return any && !ours;
}

static bool open_dir(struct up_data *d, const char *wanted, struct bl_buf *why)
{
    char path[UP_PATH_MAX];
    struct stat st;
    if (wanted[0] ? !FORMAT_PATH(path, "%s", wanted) : !default_dir(path)) {
        bl_buf_z(why, "there is no place for the data: name a directory with --data");
        return false;
    }
    if (!make_dirs(path) || !realpath(path, d->dir) || stat(d->dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        bl_buf_printf(why, "cannot make the data directory %s: %s", path, strerror(errno));
        return false;
    }
    if (st.st_uid != geteuid()) {
        bl_buf_printf(why, "the data directory %s belongs to another user: choose another with --data",
                      d->dir);
        return false;
    }
    if (is_foreign(d->dir)) {
        bl_buf_printf(why, "%s holds other things: choose an empty or new directory with --data", d->dir);
        return false;
    }
    if ((st.st_mode & 077) && chmod(d->dir, 0700) != 0) {
        bl_buf_printf(why, "cannot close %s to others: %s", d->dir, strerror(errno));
        return false;
    }
    return true;
}

static bool take_lock(struct up_data *d, struct bl_buf *why)
{
    char path[UP_PATH_MAX + 8], pid[32] = "";
    snprintf(path, sizeof path, "%s/lock", d->dir);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0) {
        bl_buf_printf(why, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = read(d->lock, pid, sizeof pid - 1);
        pid[n > 0 ? n : 0] = '\0';
        pid[strspn(pid, "0123456789")] = '\0';
        bl_buf_printf(why,
                      "%s is in use by another `behaviorlens up`, pid %s: stop that one (kill %s), or choose "
                      "another directory with --data",
                      d->dir, pid[0] ? pid : "unknown", pid[0] ? pid : "PID");
        return false;
    }
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(d->lock, 0) != 0 || write(d->lock, pid, (size_t)n) != n) {
        bl_buf_printf(why, "cannot write %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static bool name_files(struct up_data *d, struct bl_buf *why)
{
    static const size_t socket_max = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    bool ok =
        FORMAT_PATH(d->socket, "%s/redis.sock", d->dir) && FORMAT_PATH(d->config, "%s/config.yaml", d->dir) &&
        FORMAT_PATH(d->log, "%s/redis.log", d->dir) && FORMAT_PATH(d->pid_file, "%s/redis.pid", d->dir) &&
        FORMAT_PATH(d->acl, "%s/" UP_ACL_FILE, d->dir);
    if (ok && strlen(d->socket) > socket_max) {
        strcpy(d->socket_dir, "/tmp/behaviorlens-XXXXXX");
        ok = mkdtemp(d->socket_dir) != NULL;
        if (!ok)
            d->socket_dir[0] = '\0';
        ok = ok && FORMAT_PATH(d->socket, "%s/redis.sock", d->socket_dir);
    }
    if (!ok)
        bl_buf_printf(why, "the path of the data directory %s is too long", d->dir);
    return ok;
}

/* The pid of a Redis at work on the directory, 0 if there is none. A pid file may be old and its number given
 * to another process by now: what runs under it must be a redis-server whose working directory is ours. */
static pid_t orphan_pid(const struct up_data *d)
{
    char path[64], name[32] = "", cwd[UP_PATH_MAX];
    long pid = 0;
    FILE *in = fopen(d->pid_file, "re");
    if (!in)
        return 0;
    bool got = fscanf(in, "%ld", &pid) == 1 && pid > 1;
    fclose(in);
    if (!got)
        return 0;
    snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
    ssize_t n = readlink(path, cwd, sizeof cwd - 1);
    if (n < 0)
        return 0;
    cwd[n] = '\0';
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    in = fopen(path, "re");
    if (!in)
        return 0;
    got = fgets(name, sizeof name, in) != NULL;
    fclose(in);
    return got && strcmp(name, "redis-server\n") == 0 && strcmp(cwd, d->dir) == 0 ? (pid_t)pid : 0;
}

static bool end_orphan(const struct up_data *d, struct bl_buf *why)
{
    pid_t pid = orphan_pid(d);
    struct timespec pause = {.tv_nsec = 20000000};
    if (pid == 0)
        return true;
    kill(pid, SIGTERM); /* Redis writes and syncs its AOF */
    for (int64_t waited = 0; waited < ORPHAN_WAIT_MS; waited += 20) {
        if (orphan_pid(d) != pid)
            return true;
        nanosleep(&pause, NULL);
    }
    bl_buf_printf(
        why, "a redis-server (pid %d) of an earlier run still works on %s and does not end: stop it first",
        (int)pid, d->dir);
    return false;
}

bool up_data_open(struct up_data *d, const char *wanted, struct bl_buf *why)
{
    *d = (struct up_data){.lock = -1};
    bool ok = open_dir(d, wanted, why) && take_lock(d, why) && name_files(d, why) && end_orphan(d, why);
    if (!ok)
        up_data_close(d);
    return ok;
}

bool up_data_socket(const char *wanted, char out[UP_PATH_MAX])
{
    char path[UP_PATH_MAX], dir[UP_PATH_MAX];
    struct stat st;
    bool named = wanted[0] ? FORMAT_PATH(path, "%s", wanted) : default_dir(path);
    return named && realpath(path, dir) && FORMAT_PATH(out, "%s/redis.sock", dir) && stat(out, &st) == 0 &&
           S_ISSOCK(st.st_mode);
}

const char *up_data_socket_in(const char *url)
{
    if (strncmp(url, "unix://", 7) != 0)
        return url[0] == '/' ? url : NULL;
    const char *at = url[7] == '/' ? NULL : strstr(url, "@/");
    return at ? at + 1 : url + 7;
}

const char *up_data_address(const struct bl_config *config, char url[UP_URL_MAX])
{
    char socket[UP_PATH_MAX], dir[UP_PATH_MAX], secret[UP_SECRET_BYTES + 1] = "";
    bool asked = !bl_config_is_default(config, BL_OPTION_DATA);
    bool named_redis = !bl_config_is_default(config, BL_OPTION_REDIS);
    if (!asked && named_redis)
        return bl_config_text(config, BL_OPTION_REDIS);
    if (!up_data_socket(bl_config_text(config, BL_OPTION_DATA), socket))
        return asked && !named_redis ? NULL : bl_config_text(config, BL_OPTION_REDIS);
    bool named = FORMAT_PATH(dir, "%.*s", (int)(strrchr(socket, '/') - socket), socket) &&
                 up_acl_read(dir, "admin", secret);
    snprintf(url, UP_URL_MAX, "unix://%s%s%s%s", named ? "admin:" : "", named ? secret : "", named ? "@" : "",
             socket);
    return url;
}

bool up_data_write_config(const struct up_data *d, struct bl_str text, struct bl_buf *why)
{
    int fd = open(d->config, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (!ok)
        bl_buf_printf(why, "cannot write %s: %s", d->config, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

double up_data_room(const struct up_data *d)
{
    struct statvfs disk; /* f_bavail: what others than root may use */
    return statvfs(d->dir, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : HUGE_VAL;
}

void up_data_close(struct up_data *d)
{
    if (d->socket_dir[0]) {
        unlink(d->socket);
        rmdir(d->socket_dir);
        d->socket_dir[0] = '\0';
    }
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
}

void up_find_program(const char *name, char out[UP_PATH_MAX])
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin", *end;; p = end + 1) {
        end = p + strcspn(p, ":");
        if (end > p && FORMAT_PATH(out, "%.*s/%s", (int)(end - p), p, name) && access(out, X_OK) == 0)
            return;
        if (*end == '\0')
            break;
    }
    out[0] = '\0';
}

bool up_find_programs(char self[UP_PATH_MAX], char redis[UP_PATH_MAX], struct bl_buf *why)
{
    ssize_t n = readlink("/proc/self/exe", self, UP_PATH_MAX - 1);
    self[n > 0 ? n : 0] = '\0';
    up_find_program("redis-server", redis);
    if (!self[0])
        bl_buf_z(why, "cannot find this program's own file: is /proc mounted?");
    else if (!redis[0])
        bl_buf_z(why, "redis-server is not installed: run deploy/install, or `apt-get install redis-server` "
                      "(Debian, Ubuntu), `dnf install redis` (Fedora)");
    return self[0] && redis[0];
}
