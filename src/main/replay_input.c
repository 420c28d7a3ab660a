/* The input of a replay: lines of a file or of standard input, and the progress bar. */
#include "replay.h"

#include "bl/file/lines.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY  4096 /* events between looks at the clock */
#define DRAW_MS     100
#define BAR_COLUMNS 30

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- progress ---- */

void replay_progress_begin(struct replay_progress *p)
{
    *p = (struct replay_progress){.on = isatty(STDERR_FILENO) == 1};
    if (p->on)
        p->started_ms = p->shown_ms = now_ms();
}

static void draw(struct replay_progress *p, const struct replay_at *at, int64_t elapsed_ms)
{
    char bar[BAR_COLUMNS + 1] = "";
    fputs("\r\033[K", stderr);
    if (at->size > 0) {
        int64_t done = at->done < at->size ? at->done : at->size;
        for (int i = 0; i < BAR_COLUMNS; i++)
            bar[i] = i < done * BAR_COLUMNS / at->size ? '#' : '.';
        fprintf(stderr, "[%s] %3d%%  ", bar, (int)(done * 100 / at->size));
    }
    fprintf(stderr, "%lld events", (long long)at->events);
    if (elapsed_ms > 0)
        fprintf(stderr, "  %lld/s", (long long)(at->events * 1000 / elapsed_ms));
    if (at->patterns >= 0)
        fprintf(stderr, "  %lld patterns", (long long)at->patterns);
    fflush(stderr);
    p->drawn = true;
}

void replay_progress_show(struct replay_progress *p, const struct replay_at *at)
{
    if (!p->on || at->events - p->looked < LOOK_EVERY)
        return;
    p->looked = at->events;
    int64_t now = now_ms();
    if (now - p->shown_ms < DRAW_MS)
        return;
    p->shown_ms = now;
    draw(p, at, now - p->started_ms);
}

void replay_progress_end(struct replay_progress *p, const struct replay_at *at)
{
    if (!p->drawn)
        return;
    draw(p, at, now_ms() - p->started_ms);
    fputc('\n', stderr);
    p->drawn = false;
}

void replay_say(struct replay_progress *p, struct bl_str line)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
    fwrite(line.p, 1, line.n, stderr);
}

/* ---- lines ---- */

static_assert(BL_LINES_STAY >= BL_REPLAY_STAY, "lines stay as long as the replay looks at them");

/* Line numbers count from 1; the message quotes nothing that could disturb a terminal. */
static void report(struct replay_progress *progress, int64_t number, const struct bl_problem *problem)
{
    struct bl_buf line;
    bl_buf_init(&line, 0);
    bl_buf_printf(&line, "line %lld: %s: ", (long long)number, bl_err_code(problem->err));
    if (problem->field[0])
        bl_buf_printf(&line, "%s: ", problem->field);
    bl_buf_z(&line, problem->message[0] ? problem->message : bl_err_text(problem->err));
    bl_buf_char(&line, '\n');
    replay_say(progress, bl_buf_view(&line));
    bl_buf_release(&line);
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static enum bl_err complain(const char *path, const struct bl_lines *lines, int64_t number)
{
    const char *name = name_of(path);
    if (bl_lines_cut(lines))
        fprintf(
            stderr,
            "behaviorlens replay: %s ends in the middle of its gzip data, after line %lld: it was cut off; "
            "nothing is printed\n",
            name, (long long)number);
    else
        fprintf(
            stderr,
            "behaviorlens replay: reading %s failed after line %lld: damaged gzip data, or an I/O error\n",
            name, (long long)number);
    return BL_ERR_IO;
}

static struct replay_at where(const struct bl_lines *lines, int64_t number, const struct bl_replay *replay)
{
    struct replay_at at = {.events = number, .patterns = -1};
    bl_lines_progress(lines, &at.done, &at.size);
    if (replay)
        at.patterns = (int64_t)bl_replay_counts(replay).patterns;
    return at;
}

struct reading {
    struct bl_lines *lines;
    replay_line_fn *fn;
    void *ctx;
    struct bl_replay *replay;
    struct replay_progress progress;
    struct replay_at at;
    enum bl_err err;
};

/* The next line; false at the end. Nearly all are plain, and found to end where their event does: to look for the end before
 * takes 2 % of a replay. */
static bool read_one(struct reading *in)
{
    struct bl_problem problem;
    struct bl_str line;
    bool too_long;
    size_t n = in->replay ? bl_replay_plain(in->replay, bl_lines_ahead(in->lines), &in->err) : 0;
    in->at.events += n > 0;
    if (n) {
        bl_lines_pass(in->lines, n);
        return true;
    }
    if (!bl_lines_next(in->lines, &line, &too_long))
        return false;
    in->at.events++;
    enum bl_err bad = BL_ERR_TOO_LARGE;
    if (too_long)
        problem = (struct bl_problem){.err = BL_ERR_TOO_LARGE, .message = "The line is longer than 1 MiB."};
    else
        bad = in->fn(in->ctx, line, &problem);
    if (bad == BL_ERR_NO_MEMORY || bad == BL_ERR_IO)
        in->err = bad;
    else if (bad != BL_OK)
        report(&in->progress, in->at.events, &problem);
    return true;
}

static enum bl_err read_all(struct reading *in, const char *path)
{
    replay_progress_begin(&in->progress);
    while (in->err == BL_OK && read_one(in)) {
        if (in->progress.on && in->at.events % LOOK_EVERY == 0) {
            in->at = where(in->lines, in->at.events, in->replay);
            replay_progress_show(&in->progress, &in->at);
        }
    }
    in->at = where(in->lines, in->at.events, in->replay);
    replay_progress_end(&in->progress, &in->at);
    if (in->err == BL_OK && bl_lines_error(in->lines) != BL_OK)
        return complain(path, in->lines, in->at.events);
    if (bl_lines_garbage(in->lines))
        fprintf(stderr,
                "behaviorlens replay: what follows the gzip data in %s is no gzip data: it was ignored\n",
                name_of(path));
    return in->err;
}

enum bl_err replay_read(const char *path, replay_line_fn *fn, void *ctx, struct bl_replay *replay)
{
    struct bl_lines *lines;
    enum bl_err err = bl_lines_open(path, &lines);
    if (err != BL_OK) {
        fprintf(stderr, "behaviorlens replay: cannot read %s: %s\n", path, strerror(errno));
        return err;
    }
    struct reading in = {
        .lines = lines, .fn = fn, .ctx = ctx, .replay = replay, .at.patterns = -1, .err = BL_OK};
    err = read_all(&in, path);
    if (err == BL_OK && replay)
        err = bl_replay_end(replay); /* while the last lines are still there */
    bl_lines_close(lines);
    return err;
}
