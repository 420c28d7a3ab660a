/* When the append-only file is made short again. Redis does it by itself once the file has doubled and is large (up_redis.c),
 * which is in the midst of load: the fork, the pages copied since, and the writing took 0.5 us an event at 380,000 events a
 * second, a fifth of all that Redis did. So when Redis has little to do it is told to, long before: a short file is what a
 * restart is quick with, as well (270 MB a second of commands, 600 of what a rewrite makes of them).
 *
 *   it has doubled, and grown by REWRITE_BYTES
 *   Redis was at work for less than REWRITE_BUSY of the time since the last look
 *   no rewrite is under way, and none has come to nothing a short time ago: where the disk has no room for a second file Redis
 *   cannot write at all while it tries, and is quiet, too. Then the next is a minute later, two, four, at last an hour
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
    if (base != r->base)
        r->pause_ms = 0;
    r->base = base;
    return r->pause_ms > 0 && now_ms - r->asked_ms < r->pause_ms;
}

static void note_asked(struct up_rewrite *r, int64_t now_ms)
{
    if (r->pause_ms > 0)
        bl_log_plain(BL_LOG_WARN,
                     "redis did not rewrite its append-only file when it was asked to: see its log");
    r->pause_ms = r->pause_ms == 0                 ? PAUSE_MIN_MS
                  : r->pause_ms < PAUSE_MAX_MS / 2 ? 2 * r->pause_ms
                                                   : PAUSE_MAX_MS;
    r->asked_ms = now_ms;
}

bool up_rewrite_due(struct up_rewrite *r, const char *info, int64_t now_ms)
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
    note_asked(r, now_ms);
    return true;
}
