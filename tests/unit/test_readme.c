/* The README's tables say what the tables in the code say: every key, option, action; each rule, in its order and no
 * other, with its trigger, severity and end, and in these every number that is a setting. Run with the README's path
 * as BL_README. */
#include "bl/base/buf.h"
#include "bl/core/rule.h"
#include "bl/store/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct bl_buf readme;

static void need(const char *what, struct bl_buf *text)
{
    bl_buf_char(text, '\0');
    if (!strstr(readme.p, text->p))
        fail_msg("README.md lacks the %s: %s", what, text->p);
    bl_buf_release(text);
}

static void names_every_key(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BL_KEY_COUNT; i++) {
        const struct bl_key_doc *doc = bl_key_doc((enum bl_key)i);
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_buf_printf(&b, "| `%s%s", doc->partition ? "bl:{dev:3}:" : "bl:dev:", doc->name);
        need("key", &b);
        bl_buf_printf(&b, "| %s | %s |", doc->type, doc->what);
        need("key's meaning", &b);
    }
}

static void tells_every_option(void **state)
{
    static const struct {
        const char *name, *def, *help;
    } options[] = {
#define BL_OPTION(id, name, type, def, min, max, value, commands, help) {name, def, help},
#include "bl/config/options.def"
#undef BL_OPTION
    };
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *quote = options[i].def[0] ? "`" : "";
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_buf_printf(&b, "\n| `%s` | %s%s%s | %s |\n", options[i].name, quote, options[i].def, quote,
                      options[i].help);
        need("option", &b);
    }
}

static void names_every_action(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BL_ACTION_COUNT; i++) {
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_buf_printf(&b, "`%s`", bl_action_name((enum bl_action)i));
        need("action", &b);
    }
}

static void tells_every_rule(void **state)
{
    struct bl_buf b;
    (void)state;
    bl_buf_init(&b, 0);
    bl_buf_z(&b, "\n| rule | fires when | severity | ends |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < BL_RULE_COUNT; i++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)i);
        bl_buf_printf(&b, "| `%s` | %s | %s | %s |\n", rule->name, rule->trigger, rule->severity, rule->ends);
    }
    bl_buf_char(&b, '\n'); /* no further row */
    need("table of rules", &b);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "4" stands in "4 clicks", but not in "24 h" or "4.5". */
static bool has_number(const char *row, const char *number)
{
    size_t n = strlen(number);
    for (const char *p = row; (p = strstr(p, number)); p++)
        if ((p == row || (!digit(p[-1]) && p[-1] != '.')) && !digit(p[n]) &&
            (p[n] != '.' || !digit(p[n + 1])))
            return true;
    return false;
}

static bool has_time(const char *row, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{1000, "s"}, {60000, "min"}, {3600000, "h"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        char text[32];
        snprintf(text, sizeof text, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
        if (ms % units[i].ms == 0 && has_number(row, text))
            return true;
    }
    return false;
}

static bool has_list(const char *row, const struct bl_param *p)
{
    for (size_t i = 0; i < p->def.list.n; i++) {
        char text[64];
        struct bl_str page = p->type == BL_PARAM_STAGES ? p->def.list.stages[i].page : p->def.list.paths[i];
        snprintf(text, sizeof text, "`%.*s`", BL_STR_ARG(page));
        if (!strstr(row, text))
            return false;
    }
    return true;
}

static bool has_default(const char *row, const struct bl_param *p)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)p->def.i);
    switch (p->type) {
    case BL_PARAM_MS:
        return has_time(row, p->def.i);
    case BL_PARAM_COUNT:
        return p->def.i == 0 || has_number(row, text);
    case BL_PARAM_PATHS:
    case BL_PARAM_STAGES:
        return has_list(row, p);
    case BL_PARAM_FLAG:
        break;
    }
    return true;
}

/* A default that changes must change the words, so these must have it. */
static void rules_tell_every_threshold(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BL_RULE_COUNT; i++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)i);
        char row[1024];
        snprintf(row, sizeof row, "%s | %s | %s", rule->trigger, rule->severity, rule->ends);
        for (size_t k = 0; k < rule->n_params; k++)
            if (!has_default(row, &rule->params[k]))
                fail_msg("the words of %s lack its %s: %s", rule->name, rule->params[k].name, row);
    }
}

static int read_readme(void **state)
{
    FILE *f = fopen(BL_README, "re");
    char block[4096];
    (void)state;
    bl_buf_init(&readme, 0);
    for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0;)
        bl_buf_add(&readme, block, n);
    bl_buf_char(&readme, '\0');
    return f && fclose(f) == 0 ? 0 : -1;
}

static int release_readme(void **state)
{
    (void)state;
    bl_buf_release(&readme);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_key),
        cmocka_unit_test(tells_every_option),
        cmocka_unit_test(names_every_action),
        cmocka_unit_test(tells_every_rule),
        cmocka_unit_test(rules_tell_every_threshold),
    };
    return cmocka_run_group_tests(tests, read_readme, release_readme);
}
