/* Who does the work, workers and partitions, and by which rules. */
#include "api.h"

static void get_workers(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_WORKERS);
}

static void get_partitions(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_PARTITIONS);
}

static void get_rules(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_RULES);
}

static const struct bl_route routes[] = {
    {"GET", "/api/workers", get_workers, BL_ACCESS_READ},
    {"GET", "/api/partitions", get_partitions, BL_ACCESS_READ},
    {"GET", "/api/rules", get_rules, BL_ACCESS_READ},
};
API_GROUP(api_cluster, routes);
