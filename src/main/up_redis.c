/* How the private Redis is started: one table of its settings. What is fixed is here word for word; what depends on the
 * data directory or on an option is named by what it is.
 *
 * Three of them are for speed (tests/bench/run, batches, 100,000 users: together they take Redis' time for an event from 25
 * to 20 us). A user's hash stays one piece of memory up to fields of 2 KB; the append-only file is rewritten
 * less often under load, and before that when there is none (up_rewrite.c); and what is written then is not compressed, which
 * took longer than writing it. */
#include "up.h"

#include "bl/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum source {
    AS_IT_STANDS,
    SOCKET,
    DIRECTORY,
    PID_FILE,
    LOG_FILE,
    ACL_FILE,
    APPEND_ONLY,
    FSYNC,
    REWRITE_SIZE
};

static const struct {
    const char *name;
    enum source source;
    const char *value;
} settings[] = {
    {"--port", AS_IT_STANDS, "0"},
    {"--unixsocket", SOCKET, NULL},
    {"--unixsocketperm", AS_IT_STANDS, "700"},
    {"--dir", DIRECTORY, NULL},
    {"--pidfile", PID_FILE, NULL},
    {"--logfile", LOG_FILE, NULL},
    {"--daemonize", AS_IT_STANDS, "no"},
    {"--appendonly", APPEND_ONLY, NULL},
    {"--appendfsync", FSYNC, NULL},
    {"--save", AS_IT_STANDS, ""},
    {"--maxmemory-policy", AS_IT_STANDS, "noeviction"},
    {"--aclfile", ACL_FILE, NULL},
    {"--hash-max-listpack-value", AS_IT_STANDS, "2048"},
    {"--auto-aof-rewrite-min-size", REWRITE_SIZE, NULL},
    {"--rdbcompression", AS_IT_STANDS, "no"},
};
_Static_assert(2 * sizeof settings / sizeof *settings + 2 <= UP_ARGS_MAX, "the child's arguments");

void up_redis_argv(char *program, struct up_data *data, const struct bl_config *config,
                   char *argv[UP_ARGS_MAX])
{
    const char *durability = bl_config_text(config, BL_OPTION_DURABILITY);
    bool none = strcmp(durability, "none") == 0;
    const char *values[] = {[SOCKET] = data->socket,
                            [DIRECTORY] = data->dir,
                            [PID_FILE] = data->pid_file,
                            [LOG_FILE] = data->log,
                            [ACL_FILE] = data->acl,
                            [APPEND_ONLY] = none ? "no" : "yes",
                            [FSYNC] = none ? "no" : durability,
                            [REWRITE_SIZE] = data->rewrite_bytes};
    size_t n = 0;
    snprintf(data->rewrite_bytes, sizeof data->rewrite_bytes, "%" PRId64,
             bl_config_int(config, BL_OPTION_REWRITE_SIZE));
    argv[n++] = program;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *value =
            settings[i].source == AS_IT_STANDS ? settings[i].value : values[settings[i].source];
        memcpy(&argv[n++], &settings[i].name,
               sizeof *argv); /* execve wants them without const, but changes nothing */
        memcpy(&argv[n++], &value, sizeof *argv);
    }
    argv[n] = NULL;
}
