/* GET /metrics for Prometheus: any process answers for all (app/query/exposition.c). */
#include "api.h"

static void get_exposition(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_EXPOSITION);
}

static const struct bl_route routes[] = {
    {"GET", "/metrics", get_exposition, BL_ACCESS_READ},
};
API_GROUP(api_prometheus, routes);
