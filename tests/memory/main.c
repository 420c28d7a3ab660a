/* The N-th allocation of a flow fails, for every N until a whole session runs through without having met it; once that one
 * alone, and once it and all that follow. A step may then fail with BL_ERR_NO_MEMORY, and has to succeed when it is
 * repeated with memory; what does not fail must come out as if nothing had been; and nothing may crash or leak, which the
 * sanitizers see. usage: no_memory [FLOW [N [all]]] */
#include "flows.h"
#include "hunger.h"

#include <jansson.h>
#include <limits.h>
#include <stdarg.h>

#define EVERY_MAX 450 /* allocations of a flow that are all tried; of more, about so many */

struct step {
    bool known;
    enum bl_err err;
    size_t n;
    char *text;
};

static struct step steps[STEPS_MAX]; /* of the run that lacked nothing */
static int failures[STEPS_MAX];
static char said[SAID_MAX];
static size_t said_n;
static const char *running;
static long made, fail_at, failed; /* fail_at 0: none fails */
static bool fail_all, tracing;

static bool fails(void)
{
    made++;
    bool now = fail_at && (fail_all ? made >= fail_at : made == fail_at);
    failed += now;
    if (now && tracing && failed == 1)
        abort();
    return now;
}

bool full_begin(void)
{
    bool was = hunger_fails != NULL;
    hunger_fails = NULL;
    return was;
}

void full_end(bool was)
{
    hunger_fails = was ? fails : NULL;
}

void flow_broken(const char *fmt, ...)
{
    va_list ap;
    hunger_fails = NULL;
    fprintf(stderr, "no_memory %s %ld%s: ", running, fail_at, fail_all ? " all" : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(said + said_n, sizeof said - said_n, fmt, ap);
    va_end(ap);
    FLOW_CHECK(n >= 0 && (size_t)n < sizeof said - said_n);
    said_n += (size_t)n;
}

void say_str(struct bl_str s)
{
    FLOW_CHECK(s.n < sizeof said - said_n);
    if (s.n)
        memcpy(said + said_n, s.p, s.n);
    said_n += s.n;
}

void say_nothing(void)
{
    said_n = 0;
}

static void remember(struct step *s, enum bl_err err)
{
    bool was = full_begin();
    if (s->known || err == BL_ERR_NO_MEMORY)
        flow_broken("a step twice, or without memory though there is some");
    *s = (struct step){true, err, said_n, malloc(said_n + 1)};
    FLOW_CHECK(s->text);
    memcpy(s->text, said, said_n);
    full_end(was);
}

bool came(int step, enum bl_err err)
{
    FLOW_CHECK(step >= 0 && step < STEPS_MAX);
    struct step *s = &steps[step];
    struct bl_str text = {said, said_n};
    if (err == BL_ERR_NO_MEMORY)
        say_nothing();
    if (fail_at == 0) {
        remember(s, err);
    } else if (err == BL_ERR_NO_MEMORY) {
        if (!failed)
            flow_broken("step %d: no memory, though none was refused", step);
        if (++failures[step] > 1 && !fail_all)
            flow_broken("step %d fails again, with memory", step);
    } else if (!s->known || s->err != err || !bl_str_eq(text, (struct bl_str){s->text, s->n})) {
        flow_broken("step %d is wrong: %d %.*s\ninstead of: %d %.*s", step, err, BL_STR_ARG(text), s->err,
                    (int)s->n, s->text);
    }
    said_n = 0;
    return err != BL_ERR_NO_MEMORY;
}

static void run_once(const struct flow *f, long at, bool all)
{
    memset(failures, 0, sizeof failures);
    made = failed = 0;
    said_n = 0;
    fail_at = at;
    fail_all = all;
    hunger_fails = fails;
    f->run();
    hunger_fails = NULL;
}

static void forget(void)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        free(steps[i].text);
        steps[i] = (struct step){0};
    }
}

static void run_flow(const struct flow *f, long only, bool only_all)
{
    running = f->name;
    run_once(f, 0, false);
    run_once(f, LONG_MAX, false); /* without what is made once in a process */
    long n = made, stride = n / EVERY_MAX + 1, met = 0;
    if (only) {
        tracing = getenv("NO_MEMORY_ABORT") != NULL;
        run_once(f, only, only_all);
    } else {
        for (long at = 1;; at += stride) {
            run_once(f, at, true);
            run_once(f, at, false);
            if (!failed) /* this many are never asked for: the session went through */
                break;
            met++;
        }
    }
    printf("%-14s %6ld allocations, %ld failed one by one\n", f->name, n, met);
    if (n == 0 || (!only && met < n / stride))
        flow_broken("%ld allocations of %ld failed", met, n);
    forget();
}

int main(int argc, char **argv)
{
    static const struct flow *const all[] = {decode_flows, ask_flows, run_flows};
    bool any = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_set_alloc_funcs(hunger_malloc, hunger_free);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const struct flow *f = all[i]; f->name; f++)
            if (argc < 2 || strcmp(argv[1], f->name) == 0) {
                run_flow(f, argc > 2 ? strtol(argv[2], NULL, 10) : 0, argc > 3);
                any = true;
            }
    return any ? 0 : 2;
}
