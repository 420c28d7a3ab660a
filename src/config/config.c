/* The configuration: defaults, then the file, the environment, the flags, each over the one before; then the
 * checks that look at more than one value. Reading goes on after a problem, so that one run tells of all of
 * them, but a configuration with a problem is never handed out.
 *
 * Invariant: every text in a configuration, and every list of its rules, lives in its own memory (`owned`),
 * but for the defaults of the rules' descriptors, which are static. */
#include "alerts.h"

#include "bl/base/suggest.h"

#include <assert.h>
#include <stdlib.h>

struct owned {
    struct owned *next;
    max_align_t bytes[];
};

void *bl_config_alloc(struct bl_config *c, size_t n)
{
    struct owned *block = calloc(1, sizeof *block + n);
    if (!block)
        return NULL;
    block->next = c->owned;
    c->owned = block;
    return block->bytes;
}

const char *bl_config_copy(struct bl_config *c, struct bl_str s)
{
    char *copy = bl_config_alloc(c, s.n + 1);
    if (copy && s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

void bl_config_free(struct bl_config *c)
{
    if (!c)
        return;
    for (struct owned *block = c->owned, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(c);
}

void bl_problem(struct problems *p, const char *place, size_t line, const char *field)
{
    p->n++;
    if (place[0]) {
        bl_buf_z(p->out, place);
        if (line)
            bl_buf_printf(p->out, ":%zu", line);
        bl_buf_z(p->out, ": ");
    }
    if (field[0]) {
        bl_buf_z(p->out, field);
        bl_buf_z(p->out, ": ");
    }
    bl_buf_str(p->out, bl_buf_view(&p->why));
    if (p->why.err != BL_OK || p->why.n == 0) /* a reason that there was no memory for */
        bl_buf_z(p->out, "out of memory");
    bl_buf_char(p->out, '\n');
    bl_buf_clear(&p->why);
}

static struct bl_config *config_new(struct problems *p)
{
    struct bl_config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    bl_settings_defaults(&c->rules);
    for (int id = 0; id < BL_OPTION_COUNT; id++) {
        bool ok =
            bl_setting_parse(c, (enum bl_option_id)id, bl_str_of(bl_options[id].def), &c->v[id], &p->why);
        if (!ok)
            bl_problem(p, "options.def", 0, bl_options[id].name);
    }
    return c;
}

static const char *env_get(char **env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=' && (*env)[n + 1] != '\0')
            return *env + n + 1;
    return NULL;
}

static bool is_option(struct bl_str name)
{
    for (int id = 0; id < BL_OPTION_COUNT; id++)
        if (bl_str_eqz(name, bl_options[id].env + 3))
            return true;
    return false;
}

/* Secrets are in the environment and no options: neither shown nor kept with them (main/keys.h). */
static bool is_secret(struct bl_str name)
{
    static const char *const names[] = {"KEYS", "KEY", "UP_KEY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bl_str_eqz(name, names[i]))
            return true;
    return false;
}

/* Variables that look like a misspelt option of ours. Others may begin with BL_ too, so this is no problem, only
 * worth a word. */
static void warn_env(char **env, struct bl_buf *out)
{
    const char *names[BL_OPTION_COUNT];
    for (int id = 0; id < BL_OPTION_COUNT; id++)
        names[id] = bl_options[id].env + 3;
    for (; env && *env; env++) {
        struct bl_str name = {*env + 3, strcspn(*env, "=")};
        if (strncmp(*env, "BL_", 3) != 0 || name.n < 4)
            continue;
        name.n -= 3;
        bool known = is_option(name) || is_secret(name);
        const char *near = known ? NULL : bl_suggest(name, names, BL_OPTION_COUNT);
        if (!near)
            continue;
        bl_buf_z(out, "environment: BL_");
        bl_buf_str(out, name);
        bl_buf_printf(out, ": is no option and has no effect; did you mean BL_%s?\n", near);
    }
}

static void read_env(struct bl_config *c, char **env, struct problems *p)
{
    for (int id = 0; id < BL_OPTION_COUNT; id++) {
        const char *name = bl_options[id].env, *value = env_get(env, name);
        struct setting next = {.source = {.from = FROM_ENVIRONMENT}};
        if (!value && id == BL_OPTION_PORT)
            value = env_get(env, name = "PORT");
        if (!value)
            continue;
        next.source.name = name;
        if (bl_setting_parse(c, (enum bl_option_id)id, bl_str_of(value), &next, &p->why))
            c->v[id] = next;
        else
            bl_problem(p, "environment", 0, name);
    }
}

static const char *const command_names[] = {"up",      "serve",  "worker",  "simulate", "replay", "config",
                                            "inspect", "alerts", "explain", "rules",    "key"};

/* An option that this command does not take as a flag: say who does. */
static void not_for(const struct option_info *o, const char *command, struct problems *p, const char *flag)
{
    bl_buf_printf(&p->why, "is not an option of `%s`; it is one of", command);
    for (size_t i = 0; i < sizeof command_names / sizeof *command_names; i++)
        if (o->commands & (1U << i))
            bl_buf_printf(&p->why, " `%s`", command_names[i]);
    bl_problem(p, "", 0, flag);
}

static void unknown_flag(const struct bl_config_input *in, const char *flag, struct bl_str name,
                         struct problems *p)
{
    const char *names[BL_OPTION_COUNT + 2], *near;
    size_t n = 0;
    for (int id = 0; id < BL_OPTION_COUNT; id++)
        if (bl_options[id].commands & in->command)
            names[n++] = bl_options[id].name;
    names[n++] = "help";
    names[n++] = "version";
    near = bl_suggest(name, names, n);
    bl_buf_z(&p->why, "unknown option");
    if (near)
        bl_buf_printf(&p->why, "; did you mean --%s?", near);
    else
        bl_buf_printf(&p->why, "; `behaviorlens %s --help` lists them", in->command_name);
    bl_problem(p, "", 0, flag);
}

/* A flag as it stands: its option and the text of its value. */
struct flag {
    enum bl_option_id id;
    struct bl_str text;
};

/* --demo, --no-demo: a flag's value need not be given. */
static enum bl_option_id negated(struct bl_str name)
{
    if (!bl_str_starts(name, BL_STR("no-")))
        return BL_OPTION_COUNT;
    enum bl_option_id id = bl_option_of((struct bl_str){name.p + 3, name.n - 3});
    return id < BL_OPTION_COUNT && bl_options[id].type == BL_OPT_FLAG ? id : BL_OPTION_COUNT;
}

/* Reads argv[*i] (and its value, if that is the next argument). False: a problem was noted. */
static bool read_flag(const struct bl_config_input *in, int argc, char **argv, int *i, struct flag *out,
                      struct problems *p)
{
    const char *arg = argv[*i], *equals = strchr(arg, '=');
    struct bl_str name = {arg + 2, equals ? (size_t)(equals - arg) - 2 : strlen(arg + 2)};
    if (arg[1] != '-')
        name = (struct bl_str){arg + 1, strlen(arg + 1)};
    enum bl_option_id no = equals ? BL_OPTION_COUNT : negated(name);
    out->id = arg[1] != '-' ? BL_OPTION_COUNT : no < BL_OPTION_COUNT ? no : bl_option_of(name);
    if (out->id == BL_OPTION_COUNT) {
        unknown_flag(in, arg, name, p);
        return false;
    }
    const struct option_info *o = &bl_options[out->id];
    if (equals)
        out->text = bl_str_of(equals + 1);
    else if (o->type == BL_OPT_FLAG)
        out->text = no < BL_OPTION_COUNT ? BL_STR("no") : BL_STR("yes");
    else if (*i + 1 < argc)
        out->text = bl_str_of(argv[++*i]);
    else {
        bl_buf_printf(&p->why, "needs a value: --%s %s", o->name, o->value);
        bl_problem(p, "", 0, arg);
        return false;
    }
    if (!(o->commands & in->command)) {
        not_for(o, in->command_name, p, arg);
        return false;
    }
    return true;
}

/* Splits argv into flags and the rest; the rest moves to the front. */
static size_t read_flags(const struct bl_config_input *in, int *argc, char **argv, struct flag *flags,
                         struct problems *p)
{
    size_t n = 0;
    int rest = 0;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (++i < *argc)
                argv[rest++] = argv[i];
        } else if (argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[rest++] = argv[i];
        } else if (read_flag(in, *argc, argv, &i, &flags[n], p)) {
            n++;
        }
    }
    *argc = rest;
    return n;
}

/* Of an option that may be given several times: what was said before, and this. */
static bool parse_flag(struct bl_config *c, const struct flag *f, struct setting *next, struct bl_buf *why)
{
    const struct setting *now = &c->v[f->id];
    if (!(bl_options[f->id].commands & BL_MANY) || now->source.from != FROM_FLAG)
        return bl_setting_parse(c, f->id, f->text, next, why);
    struct bl_buf all;
    bl_buf_init(&all, 0);
    bl_buf_z(&all, now->text);
    bl_buf_char(&all, ',');
    bl_buf_str(&all, f->text);
    bool ok = all.err == BL_OK && bl_setting_parse(c, f->id, bl_buf_view(&all), next, why);
    bl_buf_release(&all);
    return ok;
}

static void apply_flags(struct bl_config *c, const struct flag *flags, size_t n, struct problems *p)
{
    for (size_t i = 0; i < n; i++) {
        struct setting next = {.source = {.from = FROM_FLAG}};
        if (parse_flag(c, &flags[i], &next, &p->why)) {
            c->v[flags[i].id] = next;
        } else {
            struct bl_buf name;
            bl_buf_init(&name, 0);
            bl_buf_printf(&name, "--%s%c", bl_options[flags[i].id].name, '\0');
            bl_problem(p, "", 0, name.err == BL_OK ? name.p : "");
            bl_buf_release(&name);
        }
    }
}

/* The file's name is itself an option: the last flag wins, then the environment. */
static struct bl_str file_of(const struct bl_config_input *in, const struct flag *flags, size_t n)
{
    for (size_t i = n; i > 0; i--)
        if (flags[i - 1].id == BL_OPTION_CONFIG)
            return flags[i - 1].text;
    return bl_str_of(env_get(in->env, bl_options[BL_OPTION_CONFIG].env));
}

/* Settings of the rules that are options of the program. */
static void settle(struct bl_config *c)
{
    bool event = c->v[BL_OPTION_CLOCK].i != 0;
    c->rules.session_timeout_ms = c->v[BL_OPTION_SESSION_TIMEOUT].i;
    c->rules.twin_ms = c->v[BL_OPTION_TWIN].i;
    c->rules.grace_ms = event ? 0 : c->v[BL_OPTION_GRACE].i;
    c->rules.floor_ms = event ? 0 : BL_SKEW_MS;
}

static enum bl_err finish(struct bl_config *c, struct problems *p, struct bl_config **out)
{
    bool whole = p->n == 0;
    bl_config_check_rules(c, p);
    bl_alerts_check(c, p);
    if (whole) {
        settle(c);
        bl_config_check(c, p);
        if (!bl_alerts_settle(c)) {
            bl_buf_z(&p->why, "out of memory");
            bl_problem(p, "", 0, "alerts");
        }
    }
    bool failed = p->n > 0;
    bl_buf_release(&p->why);
    if (failed) {
        bl_config_free(c);
        return BL_ERR_CONFIG;
    }
    *out = c;
    return BL_OK;
}

enum bl_err bl_config_read(const struct bl_config_input *in, int *argc, char **argv, struct bl_config **out,
                           struct bl_buf *problems)
{
    struct problems p = {.out = problems};
    struct flag *flags = calloc((size_t)*argc + 1, sizeof *flags);
    struct bl_config *c = config_new(&p);
    *out = NULL;
    if (!flags || !c) {
        free(flags);
        bl_config_free(c);
        return BL_ERR_NO_MEMORY;
    }
    size_t n = read_flags(in, argc, argv, flags, &p);
    struct bl_str file = file_of(in, flags, n);
    if (file.n)
        bl_config_file(c, file.p, &p);
    read_env(c, in->env, &p);
    apply_flags(c, flags, n, &p);
    free(flags);
    warn_env(in->env, problems);
    return finish(c, &p, out);
}

enum bl_err bl_config_load(const char *path, struct bl_config **out, struct bl_buf *problems)
{
    struct problems p = {.out = problems};
    struct bl_config *c = config_new(&p);
    *out = NULL;
    if (!c)
        return BL_ERR_NO_MEMORY;
    bl_config_file(c, path, &p);
    return finish(c, &p, out);
}

int64_t bl_config_int(const struct bl_config *c, enum bl_option_id id)
{
    assert(id < BL_OPTION_COUNT && bl_options[id].type != BL_OPT_TEXT);
    return c->v[id].i;
}

const char *bl_config_text(const struct bl_config *c, enum bl_option_id id)
{
    assert(id < BL_OPTION_COUNT);
    assert(bl_options[id].type == BL_OPT_TEXT || bl_options[id].type == BL_OPT_CHOICE);
    return c->v[id].text;
}

bool bl_config_is_flag(const struct bl_config *c, enum bl_option_id id)
{
    assert(id < BL_OPTION_COUNT);
    return c->v[id].source.from == FROM_FLAG;
}

bool bl_config_is_default(const struct bl_config *c, enum bl_option_id id)
{
    return c->v[id].source.from == FROM_DEFAULT;
}

const struct bl_settings *bl_config_rules(const struct bl_config *c)
{
    return &c->rules;
}
