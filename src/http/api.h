/* What the groups of calls share: a request's parameters go to the query, its answer goes back. */
#ifndef HTTP_API_H
#define HTTP_API_H

#include "bl/http/api.h"
#include "route.h"

/* Answers `r` by the call; ctx is the struct bl_queries. {id} of the path, if there is one, is the first. */
void api_run(struct bl_request *r, void *ctx, enum bl_call call);
void api_run_id(struct bl_request *r, void *ctx, enum bl_call call);

struct api_group {
    const struct bl_route *routes;
    size_t n;
};
#define API_GROUP(name, table) const struct api_group name = {table, sizeof table / sizeof *table}
extern const struct api_group api_patterns, api_metrics, api_users, api_events, api_cluster, api_prometheus,
    api_audit;

#endif
