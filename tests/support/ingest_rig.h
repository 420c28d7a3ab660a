/* The way in over in-memory ports: a world whose store confirms when the test says so. One instance per test. */
#ifndef BL_TEST_INGEST_RIG_H
#define BL_TEST_INGEST_RIG_H

#include "bl/app/ingest.h"

#define SENT_MAX    256
#define CLICK(user) "{\"user_id\":\"" user "\",\"action\":\"click\",\"page\":\"/p\"}"

/* The world: two partitions by the first byte of the user id; appends wait until the test confirms them. */
struct ingest_world {
    struct bl_ingest *ingest;
    enum bl_err store;        /* what admit says */
    enum bl_err partition[2]; /* and for each partition */
    int wakes, wake_delay;
    struct {
        int partition;
        size_t events;
        char *text;
    } sent[SENT_MAX];
    size_t sent_n;
    struct {
        bl_appended_fn *fn;
        void *ctx;
        size_t entries;
    } flight[SENT_MAX];
    size_t flights, landed;
    size_t refused;
    enum bl_err last_refusal;
    size_t kept; /* of the refused: with what was sent */
    bool erased; /* users whose id begins with 'x' */
    int tokens;  /* of users whose id begins with 's'; the others have no limit */
};

struct ingest_reply {
    int calls, status, retry_after_s;
    char json[4096];
};

int ingest_setup(void **state);
int ingest_teardown(void **state);
/* Confirms the oldest transaction in flight, or fails it. */
void ingest_land(struct ingest_world *w, enum bl_err err);
/* The reply is there at once, or when its transaction lands. */
void ingest_post(struct ingest_world *w, enum bl_body_kind kind, const char *body, struct ingest_reply *r);
/* What is not to be kept. */
void ingest_pass(struct ingest_world *w, enum bl_body_kind kind, const char *body, struct ingest_reply *r);

#define STORY(f) cmocka_unit_test_setup_teardown(f, ingest_setup, ingest_teardown)

#endif
