/* One event as the rules see it: already validated, its page normalised, its time decided (SPEC 2.1, 3).
 * All slices are borrowed for the length of the call. */
#ifndef BL_CORE_EVENT_H
#define BL_CORE_EVENT_H

#include "bl/core/action.h"

#include <stdint.h>

#define BL_NEVER INT64_MAX /* a deadline that is not set */

struct bl_event {
    enum bl_action action;
    int64_t t_ms;             /* SPEC 3.2; the engine makes it monotone (3.3) */
    struct bl_str page;       /* empty: none */
    struct bl_str session_id; /* empty: none */
    struct bl_str target;     /* metadata.target if it is a non-empty string */
    struct bl_str form;       /* metadata.form, likewise */
    int64_t idle_ms;          /* D of SPEC 4.1; -1: absent */
    bool has_xy;              /* metadata.x and metadata.y are numbers */
    double x, y;
};

/* The outcome of SPEC 3.2 for one event in live mode. */
struct bl_event_time {
    int64_t t_ms;
    bool late;           /* counts, but drives no rule; t_ms is its own time */
    bool clock_adjusted; /* too old to believe: t_ms is received */
};

/* `raw_ms` and `sent_at_ms` are -1 where absent. */
struct bl_event_time bl_event_time(int64_t raw_ms, int64_t sent_at_ms, int64_t received_ms);

#endif
