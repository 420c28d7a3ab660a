/* `behaviorlens replay FILE`: recorded events through the rules, patterns out as NDJSON (SPEC 8). In memory
 * here; through the whole pipeline in replay_store.c. Output is made at the end, so a run that fails prints
 * no half. */
#include "replay.h"
#include "commands.h"

#include "bl/app/replay.h"
#include "bl/base/log.h"
#include "bl/file/lines.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRESS_EVERY 65536 /* lines */
#define BAR_COLUMNS    40

static void show_progress(const struct bl_lines *lines, int64_t n, bool end)
{
    int64_t done, size;
    char bar[BAR_COLUMNS + 1];
    if (!isatty(STDERR_FILENO))
        return;
    bl_lines_progress(lines, &done, &size);
    int filled = size > 0 && done <= size ? (int)(done * BAR_COLUMNS / size) : 0;
    for (int i = 0; i < BAR_COLUMNS; i++)
        bar[i] = i < filled || end ? '#' : '.';
    bar[BAR_COLUMNS] = '\0';
    fprintf(stderr, "\r[%s] %lld lines%s", bar, (long long)n, end ? "\n" : "");
}

/* Line numbers count from 1; the message quotes nothing that could disturb a terminal. */
static void report(int64_t number, const struct bl_problem *problem)
{
    struct bl_buf line;
    bl_buf_init(&line, 0);
    bl_buf_printf(&line, "line %lld: %s: ", (long long)number, bl_err_code(problem->err));
    if (problem->field[0])
        bl_buf_printf(&line, "%s: ", problem->field);
    bl_buf_z(&line, problem->message[0] ? problem->message : bl_err_text(problem->err));
    bl_buf_char(&line, '\n');
    fwrite(line.p, 1, line.n, stderr);
    bl_buf_release(&line);
}

enum bl_err replay_read(const char *path, replay_line_fn *fn, void *ctx)
{
    struct bl_lines *lines;
    struct bl_str line;
    bool too_long;
    int64_t number = 0;
    enum bl_err err = bl_lines_open(path, &lines);
    if (err != BL_OK) {
        fprintf(stderr, "behaviorlens replay: cannot read %s: %s\n", path, strerror(errno));
        return err;
    }
    while (err == BL_OK && bl_lines_next(lines, &line, &too_long)) {
        struct bl_problem problem = {.err = BL_ERR_TOO_LARGE, .message = "The line is longer than 1 MiB."};
        enum bl_err bad = too_long ? BL_ERR_TOO_LARGE : fn(ctx, line, &problem);
        number++;
        if (bad == BL_ERR_NO_MEMORY || bad == BL_ERR_IO)
            err = bad;
        else if (bad != BL_OK)
            report(number, &problem);
        if (number % PROGRESS_EVERY == 0)
            show_progress(lines, number, false);
    }
    if (number >= PROGRESS_EVERY)
        show_progress(lines, number, true);
    if (err == BL_OK && (err = bl_lines_error(lines)) != BL_OK)
        fprintf(stderr, "behaviorlens replay: reading %s failed after line %lld\n", path, (long long)number);
    bl_lines_close(lines);
    return err;
}

enum bl_err replay_print(const struct bl_ledger *ledger)
{
    struct bl_buf out;
    enum bl_err err = BL_OK;
    bl_buf_init(&out, 0);
    for (size_t i = 0; i < bl_ledger_count(ledger) && err == BL_OK; i++) {
        bl_buf_clear(&out);
        bl_row_json(&bl_ledger_entry(ledger, i)->row, &out);
        bl_buf_char(&out, '\n');
        err = out.err;
        if (err == BL_OK && fwrite(out.p, 1, out.n, stdout) != out.n)
            err = BL_ERR_IO;
    }
    if (err == BL_OK && fflush(stdout) != 0)
        err = BL_ERR_IO;
    bl_buf_release(&out);
    return err;
}

static enum bl_err in_memory_line(void *ctx, struct bl_str line, struct bl_problem *problem)
{
    return bl_replay_line(ctx, line, problem);
}

static enum bl_err in_memory(const struct bl_config *config, const char *path)
{
    struct bl_replay *r;
    enum bl_err err = bl_replay_new(config, bl_config_int(config, BL_OPTION_ENTRIES), &r);
    if (err != BL_OK)
        return err;
    err = replay_read(path, in_memory_line, r);
    if (err == BL_OK)
        err = bl_replay_end(r);
    if (err == BL_OK)
        err = replay_print(bl_replay_ledger(r));
    bl_replay_free(r);
    return err;
}

typedef enum bl_err replay_fn(const struct bl_config *config, const char *path);

static replay_fn *way(const struct bl_config *config)
{
    if (bl_config_text(config, BL_OPTION_COMPARE)[0])
        return replay_compare;
    /* Only a flag: an environment made for `serve` must not send a replay into the live store. */
    return bl_config_is_flag(config, BL_OPTION_REDIS) ? replay_through_store : in_memory;
}

int bl_main_replay(const struct bl_config *config, int argc, char **argv)
{
    if (argc != 1) {
        fprintf(stderr,
                "behaviorlens replay: name one file of recorded events (NDJSON), or - for standard input\n");
        return 2;
    }
    enum bl_err err = way(config)(config, argv[0]);
    if (err != BL_OK && err != BL_ERR_IO && err != BL_ERR_CONFIG)
        fprintf(stderr, "behaviorlens replay: %s\n", bl_err_text(err));
    return err == BL_OK ? 0 : 1;
}
