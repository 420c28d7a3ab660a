/* What the files of `behaviorlens up` share. The supervisor (up.c) decides, the others each know one thing:
 * the data directory (up_data.c), a child process (up_child.c), and how to ask Redis and the server whether
 * they are there (up_probe.c). */
#ifndef BL_MAIN_UP_H
#define BL_MAIN_UP_H

#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/store/acl.h"

#include <sys/types.h>

#define UP_PATH_MAX      4096
#define UP_URL_MAX       (UP_PATH_MAX + 128) /* of the private Redis, with user and password */
#define UP_ARGS_MAX      48
#define UP_ROLES         6
#define UP_SECRET_BYTES  64
#define UP_ACL_FILE      "redis.acl"
#define UP_PASSWORD_FILE "redis." /* and the user's name */

/* In order of stopping: a role is stopped when all before it have ended. */
enum up_role { UP_SIMULATE, UP_EXPLAIN, UP_ALERTS, UP_SERVE, UP_WORKER, UP_REDIS };

/* One process that is to run. Owned by the supervisor's table; strings in argv are borrowed. */
struct up_child {
    enum up_role role;
    int number;              /* among those of its role, from 1 */
    char *argv[UP_ARGS_MAX]; /* [0] is the path to run */
    pid_t pid;               /* 0: not running */
    int64_t started_ms;      /* when it was started last */
    int64_t retry_ms;        /* when to start it again; 0: not waiting */
    int64_t backoff_ms;
    int64_t kill_ms; /* when SIGTERM becomes SIGKILL; 0: not being stopped */
    int failures;    /* exits in a row that it chose itself, with a status other than 0 */
};

const char *up_role_name(enum up_role role);
/* The environment for children of that role, with `redis` (BL_REDIS=…) where it needs the store: the list is the caller's to
 * free, its texts are borrowed. NULL: no memory. */
struct bl_config;
char **up_env(const struct bl_config *config, enum up_role role, char *redis);
/* Starts it: in its own process group (Ctrl-C is the supervisor's alone), to be told to end when the
 * supervisor dies in any way. A fork that fails counts as a death. */
void up_child_start(struct up_child *c, char **env, int64_t now_ms);
/* Looks whether it has ended. True if it did just now; then it waits for its next start. */
bool up_child_reap(struct up_child *c, int64_t now_ms, bool stopping);
void up_child_stop(struct up_child *c, int64_t now_ms);
/* The stop has taken too long. */
void up_child_kill_overdue(struct up_child *c, int64_t now_ms);

/* The data directory. */
struct up_data {
    char dir[UP_PATH_MAX];        /* absolute */
    char socket[UP_PATH_MAX];     /* of the private Redis */
    char socket_dir[UP_PATH_MAX]; /* a directory made for the socket alone, to be removed; empty: none */
    char config[UP_PATH_MAX];     /* the settings the children read */
    char log[UP_PATH_MAX];        /* of Redis */
    char pid_file[UP_PATH_MAX];   /* of Redis */
    char acl[UP_PATH_MAX];        /* its users */
    char rewrite_bytes[24];       /* --rewrite-size, as Redis reads it */
    int lock;                     /* held while we live */
};

/* Makes the directory, takes the lock, ends a Redis that an earlier supervisor left behind. `wanted` may be
 * empty. On failure `why` has a sentence. */
BL_CHECKED bool up_data_open(struct up_data *d, const char *wanted, struct bl_buf *why);
/* The socket of the private Redis of an `up` that runs on that directory; false if there is none. Opens
 * nothing. */
bool up_data_socket(const char *wanted, char out[UP_PATH_MAX]);
struct bl_config;
/* For commands that look at a running system: where its store is. --redis, else an `up` on this machine (as its user
 * `admin`), else the default of --redis. NULL: no `up` runs on the directory of --data. May point into `url`. It may hold a
 * password: not for messages. */
const char *up_data_address(const struct bl_config *config, char url[UP_URL_MAX]);
/* The socket in such an address; NULL: it leads to a host. */
const char *up_data_socket_in(const char *url);
BL_CHECKED bool up_data_write_config(const struct up_data *d, struct bl_str text, struct bl_buf *why);
/* Bytes that are free on its disk; HUGE_VAL: that cannot be told. */
double up_data_room(const struct up_data *d);
void up_data_close(struct up_data *d);
/* The program of that name in PATH; empty text if there is none. */
void up_find_program(const char *name, char out[UP_PATH_MAX]);
/* This program and redis-server. On failure `why` has a sentence. */
BL_CHECKED bool up_find_programs(char self[UP_PATH_MAX], char redis[UP_PATH_MAX], struct bl_buf *why);

/* The users of the private Redis (SPEC 7). */
struct up_acl {
    char secret[BL_ACL_COUNT][UP_SECRET_BYTES + 1]; /* in the order of acl.def */
};
/* Makes secrets, writes them into the directory. On failure `why` has a sentence. */
BL_CHECKED bool up_acl_write(struct up_acl *acl, const char *dir, const char *env, struct bl_buf *why);
const char *up_acl_secret(const struct up_acl *acl, const char *user);
/* The password of `admin` or `operator` of the `up` that runs there; false: it has none. */
BL_CHECKED bool up_acl_read(const char *dir, const char *user, char out[UP_SECRET_BYTES + 1]);

/* The command line of the private Redis. All is borrowed. */
void up_redis_argv(char *program, struct up_data *data, const struct bl_config *config,
                   char *argv[UP_ARGS_MAX]);

/* Before a Redis starts on that directory: cuts its append-only file where its last transaction has no end. False: it should
 * and cannot. */
bool up_aof_mend(const char *dir);
/* How many bytes of such a file may stay. */
size_t up_aof_whole(struct bl_str file);

/* The append-only file, while all runs. */
struct up_rewrite {
    int64_t looked_ms; /* 0: never */
    double worked_s;   /* processor time of Redis by then */
    double base;       /* bytes of the last rewrite that was seen */
    int64_t tried_ms;  /* when one was due last */
    int64_t pause_ms;  /* until the next, if that came to nothing */
    bool no_room;      /* then, on the disk: it has been said */
};
/* Is it time for another look? */
bool up_rewrite_looks(const struct up_rewrite *r, int64_t now_ms);
/* `info`: what Redis answers to INFO; empty: nothing. `room`: bytes that are free on the disk. Should the file be made short
 * now? If so, it counts as asked for. */
bool up_rewrite_due(struct up_rewrite *r, const char *info, double room, int64_t now_ms);

/* May the servers start as they are configured, with these keys or without? False: it was said why not. */
bool up_keys_fit(const struct bl_config *config, const char *redis_url);
/* NAME=value for children of that role that need the key of the shoppers; NULL: they do not. Static memory. */
char *up_keys_variable(enum up_role role);

/* The configuration's rules become those of the data set, if they are others than at the last start. On failure `why`
 * has a sentence. */
BL_CHECKED bool up_apply_rules(const struct bl_config *config, const char *redis_url, struct bl_buf *why);

enum up_redis_state { UP_REDIS_ABSENT, UP_REDIS_LOADING, UP_REDIS_READY, UP_REDIS_TOO_OLD };
/* `secret`: the user operator's; NULL: there are no users. */
enum up_redis_state up_probe_redis(const char *socket, const char *secret);
/* Lets everybody who can open the socket look. False: not now. */
BL_CHECKED bool up_probe_open(const char *socket, const char *secret);
/* What it says of itself: sections of INFO that end with its processor time. False: not now. */
BL_CHECKED bool up_probe_info(const char *socket, const char *secret, char *answer, size_t max);
/* Has it begun to rewrite its append-only file? */
BL_CHECKED bool up_probe_rewrite(const char *socket, const char *secret);
/* Can we listen there? *port == 0: a free one is chosen. On failure `why` has a sentence. */
BL_CHECKED bool up_probe_port(const char *listen, int *port, struct bl_buf *why);
/* Does GET path on that port answer 200? */
bool up_probe_http(const char *host, int port, bool tls, const char *path);
/* Can HTTPS be had with these options? On failure `why` has a sentence. */
BL_CHECKED bool up_tls_fits(const struct bl_config *config, struct bl_buf *why);

#endif
