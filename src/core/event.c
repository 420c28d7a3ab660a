/* Whose clock to believe (SPEC 3.2). The store's counts; a client's is trusted for five minutes, and
 * corrected in whole steps of five minutes, so that transit delay is never taken for clock skew. */
#include "bl/core/event.h"
#include "bl/base/limits.h"

struct bl_event_time bl_event_time(int64_t raw_ms, int64_t sent_at_ms, int64_t received_ms)
{
    if (raw_ms < 0)
        return (struct bl_event_time){.t_ms = received_ms};
    if (sent_at_ms >= 0) {
        int64_t skew = received_ms - sent_at_ms;
        if (skew > BL_SKEW_MS || skew < -BL_SKEW_MS)
            raw_ms += skew / BL_SKEW_MS * BL_SKEW_MS;
    }
    if (raw_ms > received_ms)
        return (struct bl_event_time){.t_ms = received_ms};
    if (received_ms - raw_ms <= BL_SKEW_MS)
        return (struct bl_event_time){.t_ms = raw_ms};
    if (sent_at_ms >= 0)
        return (struct bl_event_time){.t_ms = raw_ms < 0 ? 0 : raw_ms, .late = true};
    return (struct bl_event_time){.t_ms = received_ms, .clock_adjusted = true};
}
