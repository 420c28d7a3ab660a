/* One serve process: its parts, private to serve.c (its life) and serve_make.c (its wiring). */
#ifndef BL_MAIN_SERVE_PARTS_H
#define BL_MAIN_SERVE_PARTS_H

#include "bl/app/ingest.h"
#include "bl/base/magic.h"
#include "bl/http/api.h"
#include "bl/http/calls.h"
#include "bl/store/append.h"
#include "bl/store/changes.h"
#include "bl/store/dataset.h"
#include "bl/store/erasure.h"
#include "bl/store/process.h"
#include "bl/store/reads.h"
#include "bl/store/rejects.h"
#include "bl/store/vitals.h"
#include "presence.h"
#include "serve_audit.h"
#include "serve_keys.h"
#include "serve_limits.h"
#include "signals.h"

#include <uv.h>

#define SERVE_MAGIC BL_MAGIC('s', 'e', 'r', 'v')

struct serve {
    uint32_t magic;
    uv_loop_t loop;
    const struct bl_config *config;
    struct bl_link *link;
    struct bl_append *append;
    struct bl_ingest *ingest;
    struct bl_rejects *rejects;
    struct bl_erasure *erasure;
    struct bl_vitals *vitals; /* NULL until the data set is open */
    struct bl_store_reads *reads;
    struct bl_queries *queries;
    struct bl_store_changes *changes;
    struct bl_watch *watch;
    struct bl_process *process;
    struct serve_limits *limits;
    struct serve_audit *audit;
    struct bl_server *server;
    struct serve_keys *keys;
    struct bl_http_health health;
    struct bl_hash_key hash_key;
    bool dataset_open, stopping, tick_open;
    bool opening, current; /* current: opened since Redis came up, and not found gone since */
    enum presence said;
    char refused[512]; /* why the data set was refused */
    uv_timer_t tick;
    struct signals signals;
    int closing; /* links and handles that are not closed yet */
    int status;
};

/* serve_make.c: in this order. */
BL_CHECKED enum bl_err serve_make_store(struct serve *s);
BL_CHECKED enum bl_err serve_make_flows(struct serve *s);
BL_CHECKED enum bl_err serve_make_server(struct serve *s);

/* serve.c; ctx: the serve. */
void serve_link_up(void *ctx);
void serve_link_down(void *ctx);
void serve_ready(void *ctx, struct bl_ready *out);
/* The keys are such that it must not serve. */
void serve_keys_refused(void *ctx, const char *why);

#endif
