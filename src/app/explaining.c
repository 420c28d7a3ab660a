/* See explaining.h. The limit of calls is exact: the time of each of the last calls_max is remembered, and another one
 * is allowed when the oldest of them is a minute ago. A pause doubles from one failure to the next until something
 * succeeds; Retry-After may lengthen it, within the bound. */
#include "bl/app/explaining.h"

#define MINUTE_MS      60000
#define PAUSE_FIRST_MS 1000
#define PAUSE_LAST_MS  60000
#define KEY_PAUSE_MS   BL_EXPLAIN_PAUSE_MAX_MS /* somebody has to mend it first */
#define NEVER          INT64_MIN

static bool is_named(const char *names, const char *name)
{
    if (!*names)
        return true;
    while (*names) {
        size_t n = strcspn(names, ",");
        if (bl_str_eqz((struct bl_str){names, n}, name))
            return true;
        names += n + (names[n] == ',' ? 1 : 0);
    }
    return false;
}

void bl_explaining_init(struct bl_explaining *e, const char *types, enum bl_severity severity,
                        size_t calls_max, int64_t max_age_ms)
{
    *e = (struct bl_explaining){.severity = severity, .calls_max = calls_max, .max_age_ms = max_age_ms};
    for (int i = 0; i < BL_RULE_COUNT; i++)
        e->types[i] = is_named(types, bl_rule((enum bl_rule_id)i)->name);
    for (size_t i = 0; i < BL_EXPLAIN_CALLS_MAX; i++)
        e->calls[i] = NEVER;
}

bool bl_explaining_wants(const struct bl_explaining *e, struct bl_str change, struct bl_str type,
                         struct bl_str severity)
{
    if (!bl_str_eqz(change, "new") && !bl_str_eqz(change, "raised"))
        return false;
    enum bl_rule_id rule = bl_rule_of(type);
    return rule < BL_RULE_COUNT && e->types[rule] && bl_severity_of(severity) >= e->severity;
}

bool bl_explaining_may_call(const struct bl_explaining *e, int64_t now_ms)
{
    int64_t oldest = e->calls[e->next_call];
    return now_ms >= e->paused_until_ms && (oldest == NEVER || now_ms - oldest >= MINUTE_MS);
}

int bl_explaining_at_once(const struct bl_explaining *e)
{
    return e->pause_ms ? 1 : BL_EXPLAIN_AT_ONCE;
}

void bl_explaining_calls(struct bl_explaining *e, int64_t now_ms)
{
    e->calls[e->next_call] = now_ms;
    e->next_call = (e->next_call + 1) % e->calls_max;
    e->calls_total++;
}

static int64_t pause(struct bl_explaining *e, int64_t at_least_ms, int64_t now_ms)
{
    bool begins = now_ms >= e->paused_until_ms; /* calls that fail together are one failure */
    if (begins)
        e->pause_ms = e->pause_ms ? e->pause_ms * 2 : PAUSE_FIRST_MS;
    if (e->pause_ms > PAUSE_LAST_MS)
        e->pause_ms = PAUSE_LAST_MS;
    int64_t ms = at_least_ms > e->pause_ms ? at_least_ms : e->pause_ms;
    if (ms > BL_EXPLAIN_PAUSE_MAX_MS)
        ms = BL_EXPLAIN_PAUSE_MAX_MS;
    if (e->paused_until_ms < now_ms + ms)
        e->paused_until_ms = now_ms + ms;
    return ms;
}

static enum bl_explained outcome_of(int status, enum bl_silence silence)
{
    if (silence != BL_SILENCE_NONE)
        return silence == BL_SILENCE_TIMEOUT ? BL_EXPLAINED_TIMEOUT : BL_EXPLAINED_UNREACHED;
    if (status == 200)
        return BL_EXPLAINED_WRITTEN;
    if (status == 401 || status == 403)
        return BL_EXPLAINED_KEY;
    if (status == 429)
        return BL_EXPLAINED_LIMITED;
    return status >= 500 ? BL_EXPLAINED_SERVER : BL_EXPLAINED_REFUSED;
}

struct bl_explaining_verdict bl_explaining_answered(struct bl_explaining *e, int status,
                                                    enum bl_silence silence, int64_t retry_after_ms,
                                                    int attempts, int64_t now_ms)
{
    struct bl_explaining_verdict v = {.outcome = outcome_of(status, silence)};
    if (v.outcome == BL_EXPLAINED_WRITTEN) {
        e->pause_ms = 0;
        return v;
    }
    v.pause_ms = pause(e, v.outcome == BL_EXPLAINED_KEY ? KEY_PAUSE_MS : retry_after_ms, now_ms);
    v.again = v.outcome != BL_EXPLAINED_KEY && v.outcome != BL_EXPLAINED_REFUSED &&
              attempts < BL_EXPLAIN_ATTEMPTS_MAX;
    e->retries_total += v.again ? 1 : 0;
    return v;
}

const char *bl_explained_counter(enum bl_explained outcome)
{
#define NAME(id, counter) counter,
    static const char *const names[] = {BL_EXPLAINED(NAME)};
#undef NAME
    return names[outcome];
}
