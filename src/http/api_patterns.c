/* Patterns: the list, one, and the wish to resolve one. */
#include "api.h"

static void get_patterns(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_PATTERNS);
}

static void get_pattern(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_PATTERN);
}

static void resolve_pattern(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_RESOLVE);
}

static const struct bl_route routes[] = {
    {"GET", "/api/patterns", get_patterns, BL_ACCESS_READ},
    {"GET", "/api/patterns/{id}", get_pattern, BL_ACCESS_READ},
    {"PATCH", "/api/patterns/{id}/resolve", resolve_pattern, BL_ACCESS_ADMIN},
};
API_GROUP(api_patterns, routes);
