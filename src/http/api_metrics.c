/* Numbers: totals, history by minute, pages. */
#include "api.h"

static void get_metrics(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_METRICS);
}

static void get_history(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_HISTORY);
}

static void get_pages(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_PAGES);
}

static const struct bl_route routes[] = {
    {"GET", "/api/metrics", get_metrics, BL_ACCESS_READ},
    {"GET", "/api/stats", get_metrics, BL_ACCESS_READ},
    {"GET", "/api/metrics/history", get_history, BL_ACCESS_READ},
    {"GET", "/api/pages", get_pages, BL_ACCESS_READ},
};
API_GROUP(api_metrics, routes);
