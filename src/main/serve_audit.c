#include "serve_audit.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK_MS     60000 /* how often the trail is looked after, at most */
#define LOOK_MIN_MS 500

struct serve_audit {
    struct bl_audit *audit;
    struct bl_audit_keep keep;
    int64_t next_ms;
};

enum bl_err serve_audit_new(const struct bl_config *config, struct bl_link *link, struct serve_audit **out)
{
    struct serve_audit *a = calloc(1, sizeof *a);
    if (!a)
        return BL_ERR_NO_MEMORY;
    a->keep = (struct bl_audit_keep){bl_config_int(config, BL_OPTION_AUDIT_RETENTION),
                                     bl_config_int(config, BL_OPTION_AUDIT_MAX)};
    enum bl_err err = bl_audit_new(link, bl_str_of(bl_config_text(config, BL_OPTION_ENV)), &a->audit);
    if (err != BL_OK) {
        free(a);
        return err;
    }
    *out = a;
    return BL_OK;
}

void serve_audit_free(struct serve_audit *a)
{
    if (!a)
        return;
    bl_audit_free(a->audit);
    free(a);
}

struct bl_audit_port serve_audit_port(struct serve_audit *a)
{
    return bl_audit_port(a->audit);
}

void serve_audit_queries(struct serve_audit *a, struct bl_queries *q)
{
    struct bl_audit_port port = bl_audit_port(a->audit);
    bl_queries_audit(q, &port);
}

void serve_audit_tick(struct serve_audit *a, int64_t now_ms)
{
    int64_t every_ms = a->keep.keep_ms / 12;
    every_ms = every_ms > LOOK_MS ? LOOK_MS : every_ms < LOOK_MIN_MS ? LOOK_MIN_MS : every_ms;
    if (now_ms < a->next_ms)
        return;
    a->next_ms = now_ms + every_ms;
    bl_audit_tidy(a->audit, &a->keep);
}

size_t serve_audit_counters(const struct serve_audit *a, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                            size_t n)
{
    const struct bl_audit_counts *c = bl_audit_counts(a->audit);
    const struct bl_counter all[] = {
        {"audit_entries_total", c->written},
        {"audit_failures_total", c->failed},
        {"audit_lost", c->lost},
    };
    assert(n + sizeof all / sizeof all[0] <= BL_PROCESS_COUNTERS_MAX);
    memcpy(out + n, all, sizeof all);
    return n + sizeof all / sizeof all[0];
}
