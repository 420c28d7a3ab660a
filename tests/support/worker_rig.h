/* A worker as it runs, in this process, on a real redis-server: shared by the tests of what a data set holds
 * afterwards. One data set `test` of one partition. */
#ifndef BL_TEST_WORKER_RIG_H
#define BL_TEST_WORKER_RIG_H

#include "bl/app/worker.h"
#include "bl/store/world.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define EVENTS "bl:{test:0}:events"
#define T0     1700000000000LL

struct rig {
    struct bl_world *world;
    struct bl_worker *worker;
    uv_timer_t tick;
    bool stopped, closed;
};

extern struct bl_test_redis redis;
extern int64_t patterns_kept;    /* at most; setup says a million */
extern size_t hand_max;          /* bytes of users at hand; setup says no bound */
extern int64_t behind_ms;        /* how far users may be stored behind the rest; setup says not at all */
extern size_t calm_bytes;        /* of events a second; setup says the program's */
extern int64_t grace_ms;         /* in live time; setup says 50 */
extern struct bl_settings rules; /* of the worker's own configuration; the defaults, set by setup */

/* For cmocka_unit_test_setup_teardown: a redis-server whose data set has version 1 of the rules, the defaults. */
int setup(void **state);
int teardown(void **state);
void start_rig(struct rig *g, bool event_mode, size_t seen_max);
void stop_rig(struct rig *g);
/* The same in a process of its own, which works until it is killed, and leaves what it held as it was. */
pid_t start_rig_apart(bool event_mode, size_t seen_max);
void kill_rig(pid_t pid);
/* One turn of the loop. */
void turn(void);
/* Until all that was appended is committed. */
void drain(void);
void add(const char *user, const char *action, const char *page, int64_t t_ms, const char *id);
void tick(int64_t t_ms);
void command(const char *json);
long long counter(const char *name);
/* To be freed; NULL: there is none. */
char *newest_pattern(void);
void assert_field(const char *id, const char *field, const char *value);

#endif
