/* The configuration: precedence, the file and its problems, and that what is printed can be read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/base/suggest.h"
#include "bl/config/config.h"
#include "bl/core/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS_MAX 16

static char file_path[64];

static const char *write_file(const char *text)
{
    strcpy(file_path, "/tmp/bl-config-XXXXXX");
    int fd = mkstemp(file_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return file_path;
}

/* One reading of a configuration. `command` is a mask, `file` the text of a file or NULL, `args` and `env`
 * are separated by spaces. */
struct reading {
    struct bl_config *config;
    struct bl_buf problems;
    enum bl_err err;
    int rest;
    char *argv[ARGS_MAX];
    char text[512];
};

static int split(char *text, char **out)
{
    int n = 0;
    for (char *word = strtok(text, " "); word && n < ARGS_MAX - 1; word = strtok(NULL, " "))
        out[n++] = word;
    out[n] = NULL;
    return n;
}

static void read_config(struct reading *r, unsigned command, const char *file, const char *env,
                        const char *args)
{
    char env_text[256], *env_list[ARGS_MAX];
    struct bl_config_input in = {command, "serve", env_list};
    memset(r, 0, sizeof *r);
    snprintf(env_text, sizeof env_text, "%s", env);
    split(env_text, env_list);
    snprintf(r->text, sizeof r->text, "%s%s %s", file ? "--config=" : "", file ? write_file(file) : "", args);
    r->rest = split(r->text, r->argv);
    bl_buf_init(&r->problems, 0);
    r->err = bl_config_read(&in, &r->rest, r->argv, &r->config, &r->problems);
    if (file)
        unlink(file_path);
    bl_buf_char(&r->problems, '\0');
}

static void release(struct reading *r)
{
    bl_config_free(r->config);
    bl_buf_release(&r->problems);
}

static void precedence_is_flag_environment_file_default(void **state)
{
    static const struct {
        const char *file, *env, *args;
        int64_t port;
    } cases[] = {
        {NULL, "", "", 8080},
        {"port: 1111\n", "", "", 1111},
        {"port: 1111\n", "PORT=2222", "", 2222},
        {"port: 1111\n", "PORT=2222 BL_PORT=3333", "", 3333},
        {"port: 1111\n", "BL_PORT=3333", "--port 4444", 4444},
        {"port: 1111\n", "BL_PORT=3333", "--port=4444 --port 5555", 5555},
        {"port: 1111\n", "BL_PORT=", "", 1111}, /* empty: not set */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r;
        read_config(&r, BL_FOR_SERVE, cases[i].file, cases[i].env, cases[i].args);
        assert_int_equal(r.err, BL_OK);
        assert_int_equal(bl_config_int(r.config, BL_OPTION_PORT), cases[i].port);
        release(&r);
    }
}

static void values_are_read_by_type(void **state)
{
    struct reading r;
    (void)state;
    read_config(&r, BL_FOR_UP, "grace: 2s\nbatch_max_bytes: 64KiB\nclock: event\nsession-timeout: 1500\n",
                "BL_DEMO=yes", "--lease 1m --no-demo --renew=20s");
    assert_string_equal(r.problems.p, "");
    assert_int_equal(bl_config_int(r.config, BL_OPTION_GRACE), 2000);
    assert_int_equal(bl_config_int(r.config, BL_OPTION_BATCH_MAX_BYTES), 65536);
    assert_int_equal(bl_config_int(r.config, BL_OPTION_LEASE), 60000);
    assert_int_equal(bl_config_int(r.config, BL_OPTION_DEMO), 0);
    assert_int_equal(bl_config_int(r.config, BL_OPTION_CLOCK), 1);
    assert_string_equal(bl_config_text(r.config, BL_OPTION_CLOCK), "event");
    assert_int_equal(bl_config_rules(r.config)->session_timeout_ms, 1500);
    assert_int_equal(bl_config_rules(r.config)->grace_ms, 0);
    assert_int_equal(bl_config_rules(r.config)->floor_ms, 0);
    release(&r);
}

static void what_is_no_option_is_left_over(void **state)
{
    struct reading r;
    (void)state;
    read_config(&r, BL_FOR_REPLAY, NULL, "", "one --redis private - -- --two");
    assert_int_equal(r.err, BL_OK);
    assert_int_equal(r.rest, 3);
    assert_string_equal(r.argv[0], "one");
    assert_string_equal(r.argv[1], "-");
    assert_string_equal(r.argv[2], "--two");
    release(&r);
}

/* Each wrong input, and what must be in the report. `%` in `says` stands for the path of the file. */
static const struct wrong {
    const char *file, *env, *args, *says;
} wrongs[] = {
    {NULL, "", "--prot 1", "--prot: unknown option; did you mean --port?"},
    {NULL, "", "-x", "-x: unknown option"},
    {NULL, "", "--port", "--port: needs a value: --port N"},
    {NULL, "", "--port 99999", "--port: must be a whole number from 0 to 65535; it is \"99999\""},
    {NULL, "", "--port 0x10", "whole number"},
    {NULL, "", "--users 3", "--users: is not an option of `serve`; it is one of `up` `simulate`"},
    {NULL, "", "--clock sideways", "must be one of live|event; it is \"sideways\""},
    {NULL, "", "--append-timeout 10days", "must be a time from 10ms to 1m (as in"},
    {NULL, "", "--config /nowhere/x.yaml", "/nowhere/x.yaml: cannot be opened: No such file"},
    {NULL, "", "--env Prod", "small letters a-z"},
    {NULL, "", "--redis localhost:6379", "--redis: must be redis://host:port"},
    {NULL, "BL_REDIS=rediss://u:secret@host", "", "environment: BL_REDIS: TLS to Redis is not supported"},
    {NULL, "BL_PORT=many", "", "environment: BL_PORT: must be"},
    {NULL, "PORT=many", "", "environment: PORT: must be"},
    {NULL, "BL_RENEW=1s", "", "environment: BL_RENEW: must be at most half of lease, which is 1500ms"},
    {"port: [1]\n", "", "", "%:1: port: must be a single value"},
    {"\nport: 1\nprot: 2\n", "", "", "%:3: prot: unknown name; did you mean port?"},
    {"port: 1\nport: 2\n", "", "", "%:2: port: stands here for the second time"},
    {"renew: 1s\n", "", "", "%:1: renew: must be at most half"},
    {"stream-max: 1\nstream_max: 2\n", "", "", "second time"},
    {"config: x\n", "", "", "%:1: config: has no place in a file"},
    {"- a\n", "", "", "%:1: must be a list of `name: value` lines"},
    {"port: 'a\n", "", "", "this is not YAML"},
    {"port: 1\n---\nport: 2\n", "", "", "second document"},
    {"rules: 1\n", "", "", "%:1: rules: must be a list"},
    {"rules:\n  hesitaton: {}\n", "", "", "%:2: rules.hesitaton: unknown name; did you mean hesitation?"},
    {"rules:\n  hesitation:\n    lwo: 1s\n", "", "",
     "%:3: rules.hesitation.lwo: unknown name; did you mean low?"},
    {"rules:\n  hesitation:\n    low: 1ms\n", "", "",
     "%:3: rules.hesitation.low: must be a time from 1s to 1h"},
    {"rules:\n  hesitation:\n    low: 20s\n", "", "", "rules.hesitation.medium: must not be below"},
    {"rules:\n  hesitation: {weight: 101}\n", "", "",
     "%:2: rules.hesitation.weight: must be a whole number from 0 to 100"},
    {"rules:\n  hesitation:\n    wieght: 1\n", "", "", "did you mean weight?"},
    {"rules:\n  hesitation: maybe\n", "", "", "%:2: rules.hesitation: must be yes or no"},
    {"rules:\n  abandonment:\n    stages: /x\n", "", "", "%:3: rules.abandonment.stages: must be a list of"},
    {"rules:\n  abandonment:\n    stages:\n    - page: /x\n", "", "",
     "%:4: rules.abandonment.stages[0]: needs a depth"},
    {"rules:\n  abandonment:\n    stages:\n    - {page: /a, depth: 1}\n    - {page: /b, depth: 2}\n"
     "    - {page: /A/, depth: 3}\n",
     "", "", "%:6: rules.abandonment.stages[2].page: matches the same pages as stages[0]"},
    {"rules:\n  abandonment:\n    stages:\n    - {page: x, depth: 1}\n", "", "",
     "rules.abandonment.stages[0].page: must be a page that begins with /"},
    {"rules:\n  abandonment:\n    stages:\n    - {page: /x, dpeth: 1}\n", "", "",
     "stages[0].dpeth: unknown name; did you mean depth?"},
    {"rules:\n  rage-click:\n    ignore: plus\n", "", "",
     "%:3: rules.rage-click.ignore: must be a list of 0 to 32"},
    {"rules:\n  rage-click:\n    ignore: ['']\n", "", "",
     "rules.rage-click.ignore[0]: must be 1 to 512 bytes"},
    {"rules:\n  rage-click:\n    high: 3\n", "", "",
     "rules.rage-click.high: must not be below the level before it"},
    {"rules:\n  abandonment:\n    completion-pages: [thanks]\n", "", "",
     "completion-pages[0]: must be a page"},
    {"\"a\\u0001b\": 1\n", "", "", "a\\u0001b"},
};

static void every_problem_says_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct reading r;
        char says[256];
        read_config(&r, BL_FOR_SERVE, wrongs[i].file, wrongs[i].env, wrongs[i].args);
        snprintf(says, sizeof says, "%s%s", wrongs[i].says[0] == '%' ? file_path : "",
                 wrongs[i].says + (wrongs[i].says[0] == '%'));
        if (r.err != BL_ERR_CONFIG || r.config || !strstr(r.problems.p, says))
            fail_msg("case %zu: wanted %s\ngot (%s): %s", i, says, bl_err_code(r.err), r.problems.p);
        release(&r);
    }
}

static void all_problems_are_told_at_once(void **state)
{
    struct reading r;
    (void)state;
    read_config(&r, BL_FOR_SERVE, "prot: 1\nport: x\nrules:\n  hesitation:\n    low: x\n    hihg: 2\n",
                "BL_LEASE=x", "--nope");
    assert_non_null(strstr(r.problems.p, "prot: unknown"));
    assert_non_null(strstr(r.problems.p, "port: must"));
    assert_non_null(strstr(r.problems.p, "low: must"));
    assert_non_null(strstr(r.problems.p, "hihg: unknown"));
    assert_non_null(strstr(r.problems.p, "BL_LEASE: must"));
    assert_non_null(strstr(r.problems.p, "--nope: unknown"));
    release(&r);
}

/* The value of a rule's parameter, by its name. */
static const union bl_value *param(const struct bl_config *c, const char *rule_name, const char *name)
{
    enum bl_rule_id id = bl_rule_of(bl_str_of(rule_name));
    assert_true(id < BL_RULE_COUNT);
    for (size_t i = 0; i < bl_rule(id)->n_params; i++)
        if (strcmp(bl_rule(id)->params[i].name, name) == 0)
            return &bl_config_rules(c)->rule[id].v[i];
    fail_msg("rule %s has no %s", rule_name, name);
    return NULL;
}

static void rules_are_read_by_their_descriptors(void **state)
{
    struct reading r;
    (void)state;
    read_config(
        &r, BL_FOR_SERVE,
        "rules:\n  hesitation: off\n  navigation_loop: {revisit_high: 9}\n"
        "  abandonment:\n    extend-on-activity: on\n    timeout: 90s\n    completion-pages: [/done/]\n"
        "    stages:\n    - {page: /basket/, depth: 1}\n    - {page: /till, name: pay desk, depth: 2}\n"
        "  rage-click: {ignore: ['qty-*', \"+?\"], distance: 12}\n",
        "", "");
    assert_string_equal(r.problems.p, "");
    assert_false(bl_config_rules(r.config)->rule[BL_RULE_HESITATION].enabled);
    assert_int_equal(param(r.config, "navigation-loop", "revisit-high")->i, 9);
    assert_int_equal(param(r.config, "abandonment", "extend-on-activity")->i, 1);
    assert_int_equal(param(r.config, "abandonment", "timeout")->i, 90000);
    const struct bl_list *done = &param(r.config, "abandonment", "completion-pages")->list;
    assert_int_equal(done->n, 1);
    assert_true(bl_str_eqz(done->paths[0], "/done"));
    const struct bl_list *stages = &param(r.config, "abandonment", "stages")->list;
    assert_int_equal(stages->n, 2);
    assert_true(bl_str_eqz(stages->stages[0].page, "/basket"));
    assert_true(bl_str_eqz(stages->stages[0].name, "basket"));
    assert_true(bl_str_eqz(stages->stages[1].name, "pay desk"));
    assert_int_equal(stages->stages[1].depth, 2);
    const struct bl_list *ignored = &param(r.config, "rage-click", "ignore")->list;
    assert_int_equal(ignored->n, 2);
    assert_true(bl_str_eqz(ignored->paths[0], "qty-*") && bl_str_eqz(ignored->paths[1], "+?"));
    assert_int_equal(param(r.config, "rage-click", "distance")->i, 12);
    release(&r);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    struct reading a, b;
    struct bl_buf first, second;
    (void)state;
    read_config(&a, BL_FOR_UP,
                "data: \"a \\\"#: b\"\nrules:\n  hesitation: {low: 5s, enabled: no}\n"
                "  abandonment:\n    completion-pages: ['/d\"one', \"/\\u00e4\"]\n"
                "  rage-click: {ignore: ['*', 'a \"?\"', '- #']}\n",
                "BL_GRACE=1s", "--port 81 --demo");
    bl_buf_init(&first, 0);
    bl_buf_init(&second, 0);
    assert_string_equal(a.problems.p, "");
    bl_config_print_yaml(a.config, true, &first);
    bl_buf_char(&first, '\0');
    assert_non_null(strstr(first.p, "# environment BL_GRACE"));
    assert_non_null(strstr(first.p, "# flag --port"));
    assert_non_null(strstr(first.p, ":3\n"));
    read_config(&b, BL_FOR_UP, first.p, "", "");
    assert_string_equal(b.problems.p, "");
    bl_buf_clear(&first);
    bl_config_print_yaml(a.config, false, &first);
    bl_config_print_yaml(b.config, false, &second);
    assert_true(bl_str_eq(bl_buf_view(&first), bl_buf_view(&second)));
    bl_buf_release(&first);
    bl_buf_release(&second);
    release(&a);
    release(&b);
}

static void the_preset_loads(void **state)
{
    struct bl_config *c;
    struct bl_buf problems;
    (void)state;
    bl_buf_init(&problems, 0);
    assert_int_equal(bl_config_load(BL_SOURCE_DIR "/deploy/presets/behaviourlens.yaml", &c, &problems),
                     BL_OK);
    assert_int_equal(param(c, "hesitation", "low")->i, 10000);
    assert_int_equal(param(c, "hesitation", "medium")->i, 20000);
    assert_int_equal(param(c, "hesitation", "high")->i, 40000);
    assert_int_equal(param(c, "hesitation", "cooldown")->i, 120000);
    assert_int_equal(param(c, "navigation-loop", "revisit-low")->i, 3);
    assert_int_equal(param(c, "navigation-loop", "bounce-high")->i, 5);
    assert_int_equal(param(c, "navigation-loop", "quiet")->i, 300000);
    assert_int_equal(param(c, "abandonment", "stages")->list.n, 2);
    struct bl_settings defaults; /* the rest as default (SPEC 4.5) */
    bl_settings_defaults(&defaults);
    for (unsigned id = BL_RULE_ABANDONMENT + 1; id < BL_RULE_COUNT; id++) {
        const struct bl_rule_settings *have = &bl_config_rules(c)->rule[id], *want = &defaults.rule[id];
        assert_true(have->enabled && have->weight == want->weight);
        assert_memory_equal(have->v, want->v, bl_rule((enum bl_rule_id)id)->n_params * sizeof have->v[0]);
    }
    assert_int_equal(param(c, "abandonment", "timeout")->i, 60000);
    bl_config_free(c);
    bl_buf_release(&problems);
}

static void help_lists_each_option_of_the_command(void **state)
{
    struct bl_buf out;
    (void)state;
    bl_buf_init(&out, 0);
    bl_config_help(BL_FOR_SIMULATE, &out);
    bl_buf_char(&out, '\0');
    assert_non_null(strstr(out.p, "--users N"));
    assert_null(strstr(out.p, "--port"));
    bl_buf_release(&out);
}

static void suggestions_are_near(void **state)
{
    static const char *const names[] = {"serve", "simulate", "worker", "up"};
    (void)state;
    assert_string_equal(bl_suggest(BL_STR("serv"), names, 4), "serve");
    assert_string_equal(bl_suggest(BL_STR("wroker"), names, 4), "worker");
    assert_string_equal(bl_suggest(BL_STR("SIMULTE"), names, 4), "simulate");
    assert_null(bl_suggest(BL_STR("banana"), names, 4));
    assert_null(bl_suggest(BL_STR(""), names, 4));
}

static void a_misspelt_variable_is_told_and_harmless(void **state)
{
    static const struct {
        const char *env, *want;
    } cases[] = {
        {"BL_PROT=1 BL_PORT=2",
         "environment: BL_PROT: is no option and has no effect; did you mean BL_PORT?\n"},
        {"BL_SESION_TIMEOUT=5s",
         "environment: BL_SESION_TIMEOUT: is no option and has no effect; did you mean "
         "BL_SESSION_TIMEOUT?\n"},
        {"BL_port=1", "environment: BL_port: is no option and has no effect; did you mean BL_PORT?\n"},
        {"BL_PORT=2 BLPORT=1 BL_=3 PORT=4 BL_SOURCE_DIR_OF_TESTS=/x", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r;
        read_config(&r, BL_FOR_SERVE, NULL, cases[i].env, "");
        assert_int_equal(r.err, BL_OK);
        assert_string_equal(r.problems.p, cases[i].want);
        release(&r);
    }
}

/* Relations are looked at rule by rule: a mistake in one does not hide another's, nor make up one. */
static void every_problem_of_the_rules_is_told_at_once(void **state)
{
    struct reading r;
    (void)state;
    read_config(
        &r, BL_FOR_SERVE,
        "prot: 1\nrules:\n  hesitation: {low: x, medium: 8s}\n  navigation-loop: {revisit-medium: 9}\n"
        "  rage-click: {medium: 9}\n",
        "", "");
    assert_int_equal(r.err, BL_ERR_CONFIG);
    assert_non_null(strstr(r.problems.p, "prot: unknown name; did you mean port?"));
    assert_non_null(strstr(r.problems.p, "rules.hesitation.low: must be a time"));
    assert_null(strstr(r.problems.p, "rules.hesitation.medium"));
    assert_non_null(strstr(r.problems.p, ":4: rules.navigation-loop.revisit-high: must not be below"));
    assert_non_null(strstr(r.problems.p, "rules.rage-click.high: must not be below"));
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence_is_flag_environment_file_default),
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(what_is_no_option_is_left_over),
        cmocka_unit_test(every_problem_says_where_and_what),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(rules_are_read_by_their_descriptors),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(the_preset_loads),
        cmocka_unit_test(help_lists_each_option_of_the_command),
        cmocka_unit_test(suggestions_are_near),
        cmocka_unit_test(a_misspelt_variable_is_told_and_harmless),
        cmocka_unit_test(every_problem_of_the_rules_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
