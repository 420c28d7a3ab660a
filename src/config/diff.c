/* What differs between two configurations, told from what `config` prints of them: the section of the rules
 * has the same lines in the same order whatever the values are, so that comparing is walking both texts side
 * by side, and a setting that is added later is compared without a line here. */
#include "internal.h"

#include "bl/config/config.h"

#include <stdlib.h>

/* The options beside the rules that change what is detected. */
static const char *const detection[] = {"grace", "session-timeout", "twin", "event-memory",
                                        "event-memory-max"};

/* Cuts "  name: value" into both. */
static struct bl_str cut_name(struct bl_str *line)
{
    while (line->n && line->p[0] == ' ') {
        line->p++;
        line->n--;
    }
    const char *colon = line->n ? memchr(line->p, ':', line->n) : NULL;
    struct bl_str name = {line->p, colon ? (size_t)(colon - line->p) : line->n};
    size_t step = name.n + (colon != NULL);
    step += step < line->n && line->p[step] == ' ';
    *line = (struct bl_str){line->p + step, line->n - step};
    return name;
}

/* What stands behind the top-level line that begins so; empty if there is none. */
static struct bl_str behind(struct bl_str text, const char *key)
{
    while (text.n) {
        struct bl_str line = bl_str_cut(&text, '\n');
        bool nested = line.n && line.p[0] == ' ';
        if (!nested && bl_str_eqz(cut_name(&line), key))
            return line.n ? line : text;
    }
    return text;
}

struct walk {
    bl_config_diff_fn *fn;
    void *ctx;
    struct bl_buf name;
};

static void compare_rules(struct walk *w, struct bl_str a, struct bl_str b)
{
    struct bl_str rule = {NULL, 0};
    while (a.n && b.n && a.p[0] == ' ') {
        struct bl_str x = bl_str_cut(&a, '\n'), y = bl_str_cut(&b, '\n');
        bool heads = !bl_str_starts(x, BL_STR("    "));
        struct bl_str name = cut_name(&x);
        cut_name(&y);
        if (heads)
            rule = name;
        if (heads || bl_str_eq(x, y))
            continue;
        bl_buf_clear(&w->name);
        bl_buf_z(&w->name, "rules.");
        bl_buf_str(&w->name, rule);
        bl_buf_char(&w->name, '.');
        bl_buf_str(&w->name, name);
        w->fn(w->ctx, bl_buf_view(&w->name), x, y);
    }
}

enum bl_err bl_config_diff(const struct bl_config *a, const struct bl_config *b, bl_config_diff_fn *fn,
                           void *ctx)
{
    struct bl_buf x, y;
    struct walk w = {.fn = fn, .ctx = ctx};
    bl_buf_init(&x, 0);
    bl_buf_init(&y, 0);
    bl_buf_init(&w.name, 0);
    bl_config_print_yaml(a, false, &x);
    bl_config_print_yaml(b, false, &y);
    enum bl_err err = x.err != BL_OK ? x.err : y.err;
    for (size_t i = 0; i < sizeof detection / sizeof *detection && err == BL_OK; i++) {
        struct bl_str u = behind(bl_buf_view(&x), detection[i]), v = behind(bl_buf_view(&y), detection[i]);
        if (!bl_str_eq(u, v))
            fn(ctx, bl_str_of(detection[i]), u, v);
    }
    if (err == BL_OK)
        compare_rules(&w, behind(bl_buf_view(&x), "rules"), behind(bl_buf_view(&y), "rules"));
    bl_buf_release(&x);
    bl_buf_release(&y);
    bl_buf_release(&w.name);
    return err;
}

enum bl_err bl_config_over(const struct bl_config *base, const struct bl_settings *settings,
                           struct bl_config **out)
{
    struct bl_config *c = malloc(sizeof *c);
    if (!c)
        return BL_ERR_NO_MEMORY;
    *c = *base;
    c->owned = NULL; /* all its texts are the base's */
    c->rules = *settings;
    c->rules.grace_ms = base->rules.grace_ms;
    c->rules.floor_ms = base->rules.floor_ms;
    c->v[BL_OPTION_SESSION_TIMEOUT].i = settings->session_timeout_ms;
    c->v[BL_OPTION_TWIN].i = settings->twin_ms;
    *out = c;
    return BL_OK;
}

bool bl_config_time(struct bl_str text, int64_t *out_ms)
{
    return bl_number_parse(BL_OPT_MS, text, out_ms);
}
