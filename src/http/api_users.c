/* Users: who is here, one user's state and events, and the user's erasure. A user named `active` is reached as
 * /api/users/%61ctive or by the calls that take the id as a parameter. */
#include "api.h"

static void get_users(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_USERS);
}

static void get_active(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_USERS_ACTIVE);
}

static void get_user_by_path(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_USER);
}

static void get_user_events_by_path(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_USER_EVENTS);
}

static void get_user(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_USER);
}

static void get_user_events(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_USER_EVENTS);
}

static void erase_user_by_path(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_ERASE);
}

static void get_erasure_by_path(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_ERASURE);
}

static void readmit_user_by_path(struct bl_request *r, void *ctx)
{
    api_run_id(r, ctx, BL_CALL_READMIT);
}

static void erase_user(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_ERASE);
}

static void get_erasure(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_ERASURE);
}

static void readmit_user(struct bl_request *r, void *ctx)
{
    api_run(r, ctx, BL_CALL_READMIT);
}

static const struct bl_route routes[] = {
    {"GET", "/api/users", get_users, BL_ACCESS_READ},
    {"GET", "/api/users/active", get_active, BL_ACCESS_READ},
    {"GET", "/api/users/{id}", get_user_by_path, BL_ACCESS_READ},
    {"GET", "/api/users/{id}/events", get_user_events_by_path, BL_ACCESS_READ},
    {"DELETE", "/api/users/{id}", erase_user_by_path, BL_ACCESS_ADMIN},
    {"GET", "/api/users/{id}/erasure", get_erasure_by_path, BL_ACCESS_ADMIN},
    {"DELETE", "/api/users/{id}/tombstone", readmit_user_by_path, BL_ACCESS_ADMIN},
    {"GET", "/api/user", get_user, BL_ACCESS_READ},
    {"DELETE", "/api/user", erase_user, BL_ACCESS_ADMIN},
    {"GET", "/api/user/erasure", get_erasure, BL_ACCESS_ADMIN},
    {"DELETE", "/api/user/tombstone", readmit_user, BL_ACCESS_ADMIN},
    {"GET", "/api/user/events", get_user_events, BL_ACCESS_READ},
};
API_GROUP(api_users, routes);
