/* What serve refuses so that it and the store stay well: rate limits, and the limits of the backlog. */
#ifndef BL_MAIN_SERVE_LIMITS_H
#define BL_MAIN_SERVE_LIMITS_H

#include "bl/app/ingest.h"
#include "bl/config/settings.h"
#include "bl/store/process.h"
#include "bl/store/vitals.h"

struct uv_loop_s;
struct bl_server;
struct serve_limits;

/* config and loop are borrowed. */
BL_CHECKED enum bl_err serve_limits_new(const struct bl_config *config, struct uv_loop_s *loop,
                                        struct serve_limits **out);
/* NULL is fine. */
void serve_limits_free(struct serve_limits *l);
/* Guards the server's calls; after the guard of keys. ingest counts the bodies that are refused. */
BL_CHECKED enum bl_err serve_limits_guard(struct serve_limits *l, struct bl_server *server,
                                          struct bl_ingest *ingest);
struct bl_backlog_options serve_limits_backlog(const struct bl_config *config, int partitions);

/* As in struct bl_ingest_port. */
int64_t serve_limits_user(struct serve_limits *l, struct bl_str user_id);
enum bl_err serve_limits_admit(struct serve_limits *l, const struct bl_vitals *vitals, int64_t waiting_ms,
                               int partition);
/* Before they are appended. */
void serve_limits_sent(struct serve_limits *l, struct bl_vitals *vitals, struct bl_link *link,
                       const struct bl_append_entry *entries, size_t n);

/* Now and then: who shares the limits. */
void serve_limits_tick(struct serve_limits *l, const struct bl_vitals *vitals);
/* Appends to out, which holds n; how many it holds then. */
size_t serve_limits_counters(const struct serve_limits *l, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                             size_t n);

#endif
