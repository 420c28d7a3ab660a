/* behaviorlens: finds the command, reads its configuration, hands over. What each command does is its own
 * file. */
#include "commands.h"
#include "say.h"

#include "bl/base/log.h"
#include "bl/base/suggest.h"
#include "bl/config/config.h"

#include <signal.h>
#include <stdio.h>

extern char **environ;

#define EXIT_USAGE 2

static const struct command {
    const char *name, *args, *help;
    unsigned mask;
    int (*run)(const struct bl_config *config, int argc, char **argv);
    void (*words)(struct bl_buf *out);
} commands[] = {
#define BL_COMMAND(id, name, args, help, words) {#name, args, help, BL_FOR_##id, bl_main_##name, words},
#include "commands.def"
#undef BL_COMMAND
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[N_COMMANDS], *near;
    struct bl_buf line;
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    near = bl_suggest(bl_str_of(name), names, N_COMMANDS);
    bl_buf_init(&line, 0);
    bl_buf_z(&line, "behaviorlens: unknown command ");
    bl_buf_json(&line, bl_str_of(name));
    if (near)
        bl_buf_printf(&line, "; did you mean `%s`?\n", near);
    else
        bl_buf_z(&line, "; `behaviorlens --help` lists them.\n");
    fwrite(line.p, 1, line.n, stderr);
    bl_buf_release(&line);
    return EXIT_USAGE;
}

static int print(struct bl_buf *b)
{
    bool ok = b->err == BL_OK && fwrite(b->p, 1, b->n, stdout) == b->n && fflush(stdout) == 0;
    bl_buf_release(b);
    return ok ? 0 : 1;
}

static int help_all(void)
{
    struct bl_buf b;
    bl_buf_init(&b, 0);
    bl_buf_z(&b,
             "behaviorlens: finds where users of a site get stuck, live.\n\n"
             "  behaviorlens COMMAND [options]\n  behaviorlens COMMAND --help\n  behaviorlens --version\n\n"
             "Commands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        bl_buf_printf(&b, "  %-10s %s\n", commands[i].name, commands[i].help);
    bl_buf_z(
        &b,
        "\nTo look at it: behaviorlens up --demo\n\n"
        "Every option is a flag (--port 80), an environment variable (BL_PORT=80) and a line of the YAML\n"
        "file named by --config (port: 80), in this order of precedence. The file also holds the rules'\n"
        "thresholds: `behaviorlens config` prints all of them in the form of such a file.\n\n"
        "`behaviorlens COMMAND --help` lists the options of a command, `config --help` nearly all.\n");
    return print(&b);
}

static int help_command(const struct command *c)
{
    struct bl_buf b;
    bl_buf_init(&b, 0);
    bl_buf_printf(&b, "behaviorlens %s [options]%s%s\n  %s\n", c->name, c->args[0] ? " " : "", c->args,
                  c->help);
    if (c->words)
        c->words(&b);
    bl_config_help(c->mask, &b);
    bl_buf_z(&b,
             "\nFlags may be written --name value or --name=value; --no-NAME switches a yes/no option off.\n"
             "Environment: BL_ and the name in capitals. Precedence: flag, environment, file, default.\n");
    return print(&b);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct bl_config_input in = {command->mask, command->name, environ};
    struct bl_config *config = NULL;
    struct bl_buf problems;
    bl_buf_init(&problems, 0);
    enum bl_err err = bl_config_read(&in, &argc, argv, &config, &problems);
    say_problems(command->name, bl_buf_view(&problems));
    if (err != BL_OK && (problems.n == 0 || problems.err != BL_OK))
        say_problems(command->name, BL_STR("out of memory\n"));
    if (err != BL_OK) {
        if (err != BL_ERR_CONFIG)
            fprintf(stderr, "behaviorlens %s: %s\n", command->name, bl_err_text(err));
        bl_buf_release(&problems);
        return EXIT_USAGE;
    }
    bl_buf_release(&problems);
    bl_log_setup(command->name, (enum bl_log_level)bl_config_int(config, BL_OPTION_LOG_LEVEL));
    /* A peer that goes away shows as a failed write, not as our death. */
    signal(SIGPIPE, SIG_IGN);
    int status = command->run(config, argc, argv);
    bl_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help_all();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("behaviorlens " BL_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_all();
    const struct command *command = command_of(strcmp(argv[1], "help") == 0 && argc > 2 ? argv[2] : argv[1]);
    if (!command)
        return strcmp(argv[1], "help") == 0 ? help_all() : unknown_command(argv[1]);
    if (strcmp(argv[1], "help") == 0 || wants_help(argc - 2, argv + 2))
        return help_command(command);
    return run(command, argc - 2, argv + 2);
}
