/* Alive, and able. */
#include "route.h"

#include "bl/http/calls.h"

#include <time.h>

static void get_health(struct bl_request *r, void *ctx)
{
    struct timespec now;
    struct bl_buf json;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    bl_buf_init(&json, 0);
    bl_buf_printf(&json, "{\"status\":\"ok\",\"timestamp\":%lld}",
                  (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    bl_answer_json(r, 200, bl_buf_view(&json));
    bl_buf_release(&json);
}

static void get_ready(struct bl_request *r, void *ctx)
{
    const struct bl_http_health *health = ctx;
    struct bl_ready ready = {0};
    struct bl_buf json;
    health->ready(health->ctx, &ready);
    bl_buf_init(&json, 0);
    bool ok = bl_ready_json(&ready, &json);
    if (!ok)
        bl_answer_header(r, "retry-after", BL_STR("1"));
    bl_answer_json(r, ok ? 200 : 503, bl_buf_view(&json));
    bl_buf_release(&json);
}

static const struct bl_route routes[] = {{"GET", "/health", get_health, BL_ACCESS_OPEN},
                                         {"GET", "/ready", get_ready, BL_ACCESS_OPEN}};

enum bl_err bl_http_health(struct bl_server *s, struct bl_http_health *health)
{
    return bl_server_add(s, routes, sizeof routes / sizeof routes[0], health);
}
