/* The README's tables say what the tables in the code say: every key, option, action; each rule with its trigger,
 * severity and end. Run with the README's path as BL_README. */
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

static void names_every_option(void **state)
{
    static const char *const names[] = {
#define BL_OPTION(id, name, type, def, min, max, value, commands, help) name,
#include "bl/config/options.def"
#undef BL_OPTION
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_buf_printf(&b, "| `%s` |", names[i]);
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
    (void)state;
    for (unsigned i = 0; i < BL_RULE_COUNT; i++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)i);
        struct bl_buf b;
        bl_buf_init(&b, 0);
        bl_buf_printf(&b, "| `%s` | %s | %s | %s |", rule->name, rule->trigger, rule->severity, rule->ends);
        need("row of the rule", &b);
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
        cmocka_unit_test(names_every_option),
        cmocka_unit_test(names_every_action),
        cmocka_unit_test(tells_every_rule),
    };
    return cmocka_run_group_tests(tests, read_readme, release_readme);
}
