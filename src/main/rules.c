/* `behaviorlens rules`: the rules of a data set, looked at and changed while it runs.
 * `show` and `history` are in rules_show.c.
 *
 * What FILE does not name has its default: the file says how it shall be, not what shall be different. */
#include "rules.h"
#include "actor.h"
#include "commands.h"
#include "say.h"
#include "up.h"

#include "bl/config/config.h"
#include "bl/core/tunable.h"

#include <stdio.h>
#include <time.h>

#define WAIT_MS 5000 /* for the workers to get there */
#define LOOK_MS 50

int rules_fail(const char *why)
{
    fprintf(stderr, "behaviorlens rules: %s\n", why);
    return 1;
}

/* NULL: it was said why, and *status is the process's. */
static struct bl_config *read_file(const char *path, int *status)
{
    struct bl_config *c = NULL;
    struct bl_buf text;
    bl_buf_init(&text, 0);
    enum bl_err err = bl_config_load(path, &c, &text);
    if (err == BL_ERR_CONFIG) {
        say_problems("rules", bl_buf_view(&text));
        rules_fail("nothing was changed.");
        *status = 2;
    } else if (err != BL_OK) {
        *status = rules_fail(bl_err_text(err));
    } else {
        bl_buf_clear(&text);
        bl_config_others(c, &text);
        if (text.n)
            fprintf(stderr,
                    "behaviorlens rules: note: only the rules, session-timeout and twin are taken from %s, "
                    "not %.*s\n",
                    path, BL_STR_ARG(bl_buf_view(&text)));
    }
    bl_buf_release(&text);
    return c;
}

/* ---- diff ---- */

static int diff(struct bl_ruleset *r, const char *path, bool json, struct bl_buf *out)
{
    struct bl_ruleset_version v;
    struct bl_rules *now = NULL;
    struct bl_buf text;
    int status = 0;
    struct bl_config *file = read_file(path, &status);
    if (!file)
        return status;
    bl_buf_init(&text, 0);
    enum bl_err err = bl_ruleset_newest(r, &v);
    status = err == BL_OK ? 0 : rules_fail(bl_ruleset_why(r));
    if (err == BL_OK && v.version == 0)
        status = rules_fail("the data set has no rules yet: the first worker brings them.");
    else if (err == BL_OK && bl_rules_read(v.settings, &now, &text) != BL_OK)
        status = rules_fail("the rules of the data set cannot be read by this version of the program.");
    bl_buf_clear(&text);
    if (now) {
        size_t n = rules_put_changes(bl_rules_settings(now), bl_config_rules(file), json, &text);
        if (json)
            bl_buf_printf(out, "{\"version\":%lld,\"changes\":", (long long)v.version);
        else
            bl_buf_printf(out, n ? "version %lld -> %s\n" : "version %lld is what %s says.\n",
                          (long long)v.version, path);
        bl_buf_str(out, bl_buf_view(&text));
        bl_buf_z(out, json ? "}\n" : "");
    }
    bl_rules_free(now);
    bl_config_free(file);
    bl_buf_release(&text);
    return status;
}

/* ---- apply ---- */

static enum bl_err wait_for(struct bl_ruleset *r, int64_t version, struct bl_ruleset_effect *e)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct bl_buf none;
    size_t missing = 1;
    enum bl_err err = BL_OK;
    bl_buf_init(&none, 0);
    for (int waited = 0; missing && err == BL_OK; waited += LOOK_MS) {
        err = bl_ruleset_in_effect(r, e);
        missing =
            err == BL_OK ? rules_put_partitions(e, bl_ruleset_partitions(r), version, false, "", &none) : 0;
        if (!missing || waited >= WAIT_MS)
            break;
        nanosleep(&pause, NULL);
    }
    bl_buf_release(&none);
    return err;
}

static void say_applied(const struct bl_ruleset_applied *a, const struct bl_settings *s, struct bl_buf *out)
{
    if (a->same) {
        bl_buf_printf(out, "version %lld says the same: nothing to change.\n", (long long)a->version);
        return;
    }
    bl_buf_printf(out, "version %lld\n", (long long)a->version);
    if (a->before)
        rules_put_changes(bl_rules_settings(a->before), s, false, out);
}

static void say_in_effect(const struct bl_ruleset_effect *e, int n, int64_t version, struct bl_buf *out)
{
    struct bl_buf missing;
    bl_buf_init(&missing, 0);
    if (rules_put_partitions(e, n, version, false, " ", &missing) == 0)
        bl_buf_printf(out, "in effect in all %d partitions.\n", n);
    else
        bl_buf_printf(out,
                      "not in effect yet in partition%s %.*s: it will be as soon as a worker gets there (see "
                      "`behaviorlens inspect lag`).\n",
                      memchr(missing.p, ' ', missing.n) ? "s" : "", BL_STR_ARG(bl_buf_view(&missing)));
    bl_buf_release(&missing);
}

static void put_json(const struct bl_ruleset_applied *a, const struct bl_settings *s,
                     const struct bl_ruleset_effect *e, int n, struct bl_buf *out)
{
    bl_buf_printf(out, "{\"version\":%lld,\"same\":%s,\"changes\":", (long long)a->version,
                  a->same ? "true" : "false");
    if (a->before && !a->same)
        rules_put_changes(bl_rules_settings(a->before), s, true, out);
    else
        bl_buf_z(out, "[]");
    bl_buf_z(out, ",\"in_effect\":[");
    rules_put_partitions(e, n, a->version, true, ",", out);
    bl_buf_z(out, "],\"not_yet\":[");
    rules_put_partitions(e, n, a->version, false, ",", out);
    bl_buf_z(out, "]}\n");
}

static int apply(struct bl_ruleset *r, const char *path, bool json, struct bl_buf *out)
{
    struct bl_ruleset_applied a;
    struct bl_ruleset_effect e = {0};
    struct bl_buf source;
    char actor[BL_AUDIT_ACTOR_MAX + 1];
    int n = bl_ruleset_partitions(r);
    if (n == 0)
        return rules_fail("there is no data set of this environment yet: start a worker first.");
    int status = 0;
    struct bl_config *file = read_file(path, &status);
    if (!file)
        return status;
    bl_buf_init(&source, 0);
    bl_buf_printf(&source, "apply %s%c", rules_file_name(path), '\0');
    const struct bl_settings *s = bl_config_rules(file);
    enum bl_err err =
        source.err == BL_OK ? bl_ruleset_apply(r, s, source.p, false, actor_local(actor), &a) : source.err;
    if (err == BL_OK) {
        if (!json)
            say_applied(&a, s, out);
        err = wait_for(r, a.version, &e);
        if (err == BL_OK && json)
            put_json(&a, s, &e, n, out);
        else if (err == BL_OK)
            say_in_effect(&e, n, a.version, out);
        bl_rules_free(a.before);
    }
    bl_buf_release(&source);
    bl_config_free(file);
    return err == BL_OK ? 0 : rules_fail(bl_ruleset_why(r));
}

/* ---- the command ---- */

static int show(struct bl_ruleset *r, const char *path, bool json, struct bl_buf *out)
{
    (void)path;
    return rules_show(r, json, out);
}

static int history(struct bl_ruleset *r, const char *path, bool json, struct bl_buf *out)
{
    (void)path;
    return rules_history(r, json, out);
}

/* The first is done where none is named. */
static const struct action {
    const char *name;
    bool takes_file;
    int (*run)(struct bl_ruleset *r, const char *path, bool json, struct bl_buf *out);
    const char *help;
} actions[] = {
    {"show", false, show, "the rules in effect, their version, since when, and in which partitions"},
    {"history", false, history, "all versions, and what each changed"},
    {"diff", true, diff, "what FILE (a configuration) would change"},
    {"apply", true, apply, "the rules of FILE become the data set's, on the running system"},
};
#define N_ACTIONS (sizeof actions / sizeof *actions)

static const struct action *action_of(const char *name)
{
    for (size_t i = 0; i < N_ACTIONS; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

void rules_words(struct bl_buf *out)
{
    bl_buf_printf(out, "\nWhat to do (without: %s):\n", actions[0].name);
    for (size_t i = 0; i < N_ACTIONS; i++)
        bl_buf_printf(out, "  %-7s %-4s  %s\n", actions[i].name, actions[i].takes_file ? "FILE" : "",
                      actions[i].help);
}

static int usage(void)
{
    struct bl_buf words;
    bl_buf_init(&words, 0);
    rules_words(&words);
    fputs("usage: behaviorlens rules apply FILE | diff FILE | show | history\n", stderr);
    fwrite(words.p, 1, words.n, stderr);
    bl_buf_release(&words);
    return 2;
}

int bl_main_rules(const struct bl_config *config, int argc, char **argv)
{
    struct bl_ruleset *r;
    struct bl_buf out;
    char url[UP_URL_MAX];
    const struct action *action = argc > 0 ? action_of(argv[0]) : &actions[0];
    if (!action || argc > 2 || action->takes_file != (argc == 2))
        return usage();
    const char *at = up_data_address(config, url);
    if (!at)
        return rules_fail("no `up` runs on the directory of --data.");
    bl_buf_init(&out, 0);
    enum bl_err err = bl_ruleset_open(at, bl_config_text(config, BL_OPTION_ENV), &r, &out);
    int status = 1;
    if (err != BL_OK) {
        bl_buf_char(&out, '\0');
        rules_fail(out.n > 1 ? out.p : bl_err_text(err));
    } else {
        status = action->run(r, argc > 1 ? argv[1] : "", bl_config_int(config, BL_OPTION_JSON) != 0, &out);
        if (out.err != BL_OK || (out.n && fwrite(out.p, 1, out.n, stdout) != out.n) || fflush(stdout) != 0)
            status = 1;
        bl_ruleset_close(r);
    }
    bl_buf_release(&out);
    return status;
}
