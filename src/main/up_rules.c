/* `up` and the rules of its data set. The file says what shall hold when it has changed since the last start; what was
 * applied by `behaviorlens rules apply` meanwhile stays else: a restart is no reason to undo it. The data set remembers
 * what the last start applied. */
#include "up.h"

#include "actor.h"
#include "bl/config/config.h"
#include "bl/core/tunable.h"
#include "rules.h"

#include <stdio.h>

struct starting {
    const struct bl_settings *own;
    const char *file; /* "" for the defaults */
    struct bl_ruleset *ruleset;
};

static const char *name_of(const struct starting *s)
{
    return s->file[0] ? s->file : "the defaults";
}

/* Are these settings, as JSON, our own? */
static enum bl_err is_own(const struct starting *s, struct bl_str json, bool *same)
{
    struct bl_rules *rules = NULL;
    struct bl_buf why;
    bl_buf_init(&why, 0);
    enum bl_err err = bl_rules_read(json, &rules, &why);
    *same = err == BL_OK && bl_settings_same(bl_rules_settings(rules), s->own);
    bl_rules_free(rules);
    bl_buf_release(&why);
    return err == BL_ERR_CORRUPT ? BL_OK : err;
}

static enum bl_err apply(struct starting *s)
{
    struct bl_ruleset_applied a;
    struct bl_buf text;
    bl_buf_init(&text, 0);
    bl_buf_printf(&text, "up %s%c", rules_file_name(name_of(s)), '\0');
    enum bl_err err =
        text.err == BL_OK ? bl_ruleset_apply(s->ruleset, s->own, text.p, true, ACTOR_UP, &a) : text.err;
    bl_buf_clear(&text);
    if (err == BL_OK && a.before && !a.same) {
        rules_put_changes(bl_rules_settings(a.before), s->own, false, &text);
        printf("Rules version %lld, from %s:\n%.*s", (long long)a.version, name_of(s),
               BL_STR_ARG(bl_buf_view(&text)));
    }
    if (err == BL_OK)
        bl_rules_free(a.before);
    bl_buf_release(&text);
    return err;
}

static enum bl_err decide(struct starting *s)
{
    struct bl_ruleset_version newest;
    struct bl_str last;
    bool applied = false, in_effect = false;
    enum bl_err err = bl_ruleset_of_up(s->ruleset, &last);
    if (err == BL_OK && last.n)
        err = is_own(s, last, &applied);
    if (err == BL_OK && !applied)
        return apply(s);
    if (err == BL_OK)
        err = bl_ruleset_newest(s->ruleset, &newest);
    if (err == BL_OK && newest.version == 0)
        return apply(s);
    if (err == BL_OK)
        err = is_own(s, newest.settings, &in_effect);
    if (err == BL_OK && !in_effect)
        printf("Rules version %lld of the data set are in effect, not those of %s: see `behaviorlens rules "
               "diff`.\n",
               (long long)newest.version, name_of(s));
    return err;
}

bool up_apply_rules(const struct bl_config *config, const char *redis_url, struct bl_buf *why)
{
    struct starting s = {.own = bl_config_rules(config), .file = bl_config_text(config, BL_OPTION_CONFIG)};
    enum bl_err err = bl_ruleset_open(redis_url, bl_config_text(config, BL_OPTION_ENV), &s.ruleset, why);
    if (err != BL_OK)
        return false;
    err = decide(&s);
    if (err != BL_OK)
        bl_buf_z(why, bl_ruleset_why(s.ruleset));
    bl_ruleset_close(s.ruleset);
    fflush(stdout);
    return err == BL_OK;
}
