/* Raw events: the recent ones and the refused ones. */
#include "api.h"

static void get_events(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_EVENTS);
}

static void get_bad_events(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_BAD_EVENTS);
}

static const struct bl_route routes[] = {
    {"GET", "/api/events", get_events, BL_ACCESS_READ},
    {"GET", "/events", get_events, BL_ACCESS_READ},
    {"GET", "/api/bad-events", get_bad_events, BL_ACCESS_READ},
};
API_GROUP(api_events, routes);
