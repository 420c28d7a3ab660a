/* One side of a struggle for a partition: the worker's ports on Redis, called one at a time and waited for. */
#ifndef BL_TEST_SIDE_H
#define BL_TEST_SIDE_H

#include "bl/store/world.h"
#include "redis_server.h"

#include <uv.h>

#define EVENTS "bl:{test:0}:events"

extern uv_loop_t side_loop;
extern struct bl_test_redis side_redis;

struct side {
    struct bl_world *world;
    struct bl_ports ports;
    bool done, each_done, committing;
    enum bl_err err;
    struct bl_acquired acquired;
    size_t n;
    char ids[32][48];
    enum bl_entry_kind kinds[32];
    struct bl_str values[32]; /* as long as they are held */
    struct bl_held *keep;     /* where what holds the next ones goes; NULL: it is let go of */
    char text[512];
    bool pending, dues_known;
    size_t n_dues;
    int64_t earliest_ms, score_ms;
    int64_t passed_ms; /* for the next fetch */
    char users_id[48]; /* commits leave users as of there; empty: they do not */
    bool caught_up;    /* users were behind, and the commits' position says that they are no more */
};

void side_open(struct side *s, const char *name);
/* silence_ms: as in bl_world_options. */
void side_open_minding(struct side *s, const char *name, int64_t silence_ms);
void side_run(struct side *s);
void side_closed(void *ctx);
void side_close(struct side *s);
void side_done(void *arg, enum bl_err err);
bool side_acquire(struct side *s);
enum bl_err side_restore(struct side *s);
void side_take(struct side *s);
/* Until it has it, though it may have lost it, or have it: then it knows nothing of what it knew. */
void side_take_anew(struct side *s);
enum bl_err side_fetch(struct side *s, bool pending, bool tick);
/* Opens, takes the partition, and what there is: from then on fetches go by transaction. */
void side_begin(struct side *s, const char *name);
/* A fetch of what comes behind `id`, under way: side_run waits for it. */
void side_await(struct side *s, const char *id, int64_t wait_ms);
/* From the first entry on. */
enum bl_err side_reread(struct side *s, const char *upto);
enum bl_err side_renew(struct side *s);
enum bl_err side_commit(struct side *s, size_t n);
/* The same, fetching what comes next: if it is BL_OK that is here, too. A user of that deadline is put with it (0: none). */
enum bl_err side_commit_fetching(struct side *s, size_t n, int64_t due_ms);
void side_append(int n);
long long side_pending(void);
void side_steal(void);
int side_setup(void **state);
int side_teardown(void **state);

#endif
