/* The audit trail. */
#include "api.h"

static void get_audit(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_AUDIT);
}

static const struct bl_route routes[] = {
    {"GET", "/api/audit", get_audit, BL_ACCESS_ADMIN},
};
API_GROUP(api_audit, routes);
