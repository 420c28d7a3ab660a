/* When the append-only file is made short again. Redis does it by itself once the file has doubled and is large (up_redis.c),
 * which is in the midst of load: the fork, the pages copied since, and the writing took 0.5 us an event at 380,000 events a
 * second, a fifth of all that Redis did. So when Redis has little to do it is told to, long before: a short file is what a
 * restart is quick with, as well (270 MB a second of commands, 600 of what a rewrite makes of them).
 *
 *   it has doubled, and grown by REWRITE_BYTES
 *   Redis was at work for less than REWRITE_BUSY of the time since the last look
 *   no rewrite is under way
 *   the disk has as much room as the whole file takes (its base and what was added): the new one stands beside it until it is
 *   complete, and on a full disk Redis takes no writes. How long it will be cannot be asked, but no longer than that, as it says
 *   once what is there, where the file says how it came to be. What is written meanwhile would be without it, too
 *
 * Where there is no room, or nothing came of it, the next try is a minute later, two, four, at last an hour.
 *
 * Invariant: what Redis did before the first look, and while it did not answer or was started anew (its processor time is less
 * than before), is not known, and counts as much. */
#include "up.h"

#include "bl/base/log.h"

#include <math.h>
#include <stdlib.h>

#define REWRITE_LOOK_MS 5000
#define REWRITE_BUSY    0.1
#define REWRITE_BYTES   (64 * 1024 * 1024)
#define PAUSE_MIN_MS    60000
#define PAUSE_MAX_MS    3600000

/* Of `name:number` on a line of its own. */
static bool number(const char *info, const char *name, double *out)
{
    size_t n = strlen(name);
    for (const char *at = info; (at = strstr(at, name)); at += n)
        if ((at == info || at[-1] == '\n') && at[n] == ':') {
            *out = strtod(at + n + 1, NULL);
            return true;
        }
    return false;
}

bool up_rewrite_looks(const struct up_rewrite *r, int64_t now_ms)
{
    return now_ms - r->looked_ms >= REWRITE_LOOK_MS;
}

/* What has been asked for and done shows in the size of the base. */
static bool is_paused(struct up_rewrite *r, double base, int64_t now_ms)
{
    if (base != r->base) {
        r->pause_ms = 0;
        r->no_room = false;
    }
    r->base = base;
    return r->pause_ms > 0 && now_ms - r->tried_ms < r->pause_ms;
}

/* Says once that there is none. */
static bool has_room(struct up_rewrite *r, double size, double room)
{
    bool lacked = r->no_room;
    r->no_room = room < size;
    if (r->no_room && !lacked)
        bl_log(BL_LOG_WARN,
               "redis is not asked to rewrite its append-only file: the disk has no room for another",
               BL_LOG_INT("bytes", size), BL_LOG_INT("free", room));
    else if (!r->no_room && !lacked && r->pause_ms > 0)
        bl_log_plain(BL_LOG_WARN,
                     "redis did not rewrite its append-only file when it was asked to: see its log");
    return !r->no_room;
}

static void note_tried(struct up_rewrite *r, int64_t now_ms)
{
    r->pause_ms = r->pause_ms == 0                 ? PAUSE_MIN_MS
                  : r->pause_ms < PAUSE_MAX_MS / 2 ? 2 * r->pause_ms
                                                   : PAUSE_MAX_MS;
    r->tried_ms = now_ms;
}

bool up_rewrite_due(struct up_rewrite *r, const char *info, double room, int64_t now_ms)
{
    double size, base, running, system_s, user_s;
    double passed_s = (double)(now_ms - r->looked_ms) / 1000;
    double before_s = r->looked_ms > 0 ? r->worked_s : HUGE_VAL;
    bool known = number(info, "used_cpu_sys", &system_s) && number(info, "used_cpu_user", &user_s);
    r->looked_ms = now_ms;
    r->worked_s = known ? system_s + user_s : HUGE_VAL;
    double worked_s = r->worked_s - before_s;
    if (!known || worked_s < 0 || worked_s >= REWRITE_BUSY * passed_s)
        return false;
    bool has_file = number(info, "aof_current_size", &size) && number(info, "aof_base_size", &base) &&
                    number(info, "aof_rewrite_in_progress", &running);
    if (!has_file || running != 0 || is_paused(r, base, now_ms) || size - base < REWRITE_BYTES ||
        size < 2 * base)
        return false;
    bool asks = has_room(r, size, room);
    note_tried(r, now_ms);
    return asks;
}
