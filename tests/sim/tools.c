/* Chance, text and memory of a run: all from its seed and its arena. And what a trace calls a request. */
#include "sim.h"

#include <stdarg.h>

uint64_t sim_random(struct sim *s)
{
    uint64_t x = (s->random += 0x9E3779B97F4A7C15ULL); /* splitmix64 */
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

int64_t sim_below(struct sim *s, int64_t n)
{
    return (int64_t)(sim_random(s) % (uint64_t)n);
}

bool sim_chance(struct sim *s, unsigned in_10000)
{
    return in_10000 > 0 && sim_below(s, 10000) < in_10000;
}

void *sim_get(struct sim *s, size_t n)
{
    bool hungry = memory_hungry(NULL);
    void *p = arena_get(&s->arena, n ? n : 1);
    memory_hungry(hungry ? s : NULL);
    if (!p)
        abort();
    return p;
}

struct bl_str sim_text(struct sim *s, const char *fmt, ...)
{
    char few[512], *p = few;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t n = (size_t)vsnprintf(few, sizeof few, fmt, ap);
    if (n >= sizeof few) {
        p = sim_get(s, n + 1);
        vsnprintf(p, n + 1, fmt, again);
    }
    va_end(again);
    va_end(ap);
    return p == few ? sim_copy(s, (struct bl_str){few, n}) : (struct bl_str){p, n};
}

struct bl_str sim_copy(struct sim *s, struct bl_str text)
{
    bool hungry = memory_hungry(NULL);
    struct bl_str own = arena_copy(&s->arena, text);
    memory_hungry(hungry ? s : NULL);
    if (!own.p)
        abort();
    return own;
}

void sim_say(const struct sim *s, const char *fmt, ...)
{
    va_list ap;
    if (!s->trace)
        return;
    printf("%6lld ms  ", (long long)(s->now_ms - SIM_T0));
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (s->said.n)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bl_buf_z(&s->said, text);
    sim_say(s, "WRONG: %s", text);
}

/* ---- for the trace ---- */

const char *world_name(const struct request *r)
{
    static const char *const names[] = {
        [OP_ACQUIRE] = "acquire", [OP_RENEW] = "renew",       [OP_RELEASE] = "release", [OP_BEAT] = "beat",
        [OP_RESTORE] = "restore", [OP_FETCH] = "fetch",       [OP_DUE] = "due",         [OP_LOAD] = "load",
        [OP_CHECK] = "check",     [OP_ERASABLE] = "erasable", [OP_COMMIT] = "commit",   [OP_WATCH] = "watch",
        [OP_TEND] = "tend",       [OP_MARK] = "mark",         [OP_APPEND] = "append",   [OP_QUIET] = "quiet",
        [OP_READ] = "read",       [OP_REREAD] = "reread"};
    return names[r->op];
}

const char *world_whose(const struct sim *s, const struct request *r)
{
    static char text[32];
    if (r->p < 0)
        snprintf(text, sizeof text, "w%d   ", r->worker);
    else
        snprintf(text, sizeof text, "w%d p%d", r->worker, r->p);
    return s->trace ? text : "";
}
