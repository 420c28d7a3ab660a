/* What the rules read of an event's metadata (SPEC 4.1, 4.4). Both sides, ingest and worker, go through here,
 * so that an event means the same wherever it is read. */
#include "decoder.h"
#include "scan.h"

#include <stdlib.h>

#define IDLE_MAX_MS (INT64_MAX / 4)

/* Whole ms of a number, cut toward zero; -1: negative. */
static int64_t whole_ms(double v)
{
    if (!(v >= 0))
        return -1;
    return v > (double)IDLE_MAX_MS ? IDLE_MAX_MS : (int64_t)v;
}

static bool is_number(struct bl_json v)
{
    enum bl_json_type type = bl_json_type(v);
    return type == BL_JSON_INT || type == BL_JSON_UINT || type == BL_JSON_DOUBLE;
}

/* A duration by SPEC 4.1; -1: absent. */
static int64_t idle_of(struct bl_json v)
{
    if (is_number(v))
        return whole_ms(bl_json_double(v));
    if (bl_json_type(v) != BL_JSON_STRING)
        return -1;
    struct bl_str s = bl_json_str(v);
    /* simdjson ends every string with a NUL, and a number has none inside: strtod stops in time. */
    return bl_scan_number(s) ? whole_ms(strtod(s.p, NULL)) : -1;
}

void bl_facts_begin(struct bl_facts *f, struct bl_event *event)
{
    *f = (struct bl_facts){.event = event, .duration_ms = -1};
}

void bl_facts_member(struct bl_facts *f, struct bl_str key, struct bl_json v)
{
    if (bl_str_eqz(key, "target")) {
        if (bl_json_type(v) == BL_JSON_STRING)
            f->event->target = bl_json_str(v);
    } else if (bl_str_eqz(key, "form")) {
        if (bl_json_type(v) == BL_JSON_STRING)
            f->event->form = bl_json_str(v);
    } else if (bl_str_eqz(key, "duration_ms")) {
        f->duration_ms = idle_of(v);
    } else if (bl_str_eqz(key, "x") && is_number(v)) {
        f->has_x = true;
        f->event->x = bl_json_double(v);
    } else if (bl_str_eqz(key, "y") && is_number(v)) {
        f->has_y = true;
        f->event->y = bl_json_double(v);
    }
}

void bl_facts_end(struct bl_facts *f, const struct bl_json *duration)
{
    struct bl_event *e = f->event;
    e->has_xy = f->has_x && f->has_y;
    if (!e->has_xy)
        e->x = e->y = 0;
    e->idle_ms = f->duration_ms;
    if (e->idle_ms < 0 && duration && is_number(*duration))
        e->idle_ms = whole_ms(bl_json_double(*duration));
}
