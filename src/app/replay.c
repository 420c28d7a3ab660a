/* See replay.h.
 *
 *   line ──decode once──> record ──> every run: partition ──patterns──> ledger
 *   entry ──(ticks, commands, lines)──┘
 *
 * A run is one rule set with its own partitions and ledger; nothing else is doubled. Event time runs on one
 * partition, since with every user at hand the outcome does not depend on how users are spread (SPEC 3.5),
 * which the tests check against the whole pipeline. A live stream keeps its partitions: each has its own
 * clock. */
#include "bl/app/replay.h"
#include "bl/app/partition.h"
#include "bl/wire/command.h"
#include "bl/wire/rules.h"

#include <assert.h>
#include <stdlib.h>

#define END_OF_TIME (INT64_MAX / 2)
#define DROP_EVERY  4096 /* events after which dirty members are looked through for forgotten users */

/* Rules that a recorded command brought to a partition. */
struct followed {
    struct bl_rules *rules; /* NULL: none did */
    int64_t version;
};

struct run {
    struct bl_replay *replay;
    const struct bl_config *config;
    struct bl_partition *partitions[BL_PARTITIONS_MAX];
    struct followed followed[BL_PARTITIONS_MAX];
    struct bl_ledger ledger;
    enum bl_err failed; /* of the sink */
};

struct bl_replay {
    struct bl_replay_options options;
    struct bl_recording recording;
    struct bl_replay_counts counts;
    unsigned since_drop;
    size_t n_runs;
    struct run run[BL_REPLAY_RUNS_MAX];
};

/* ---- patterns ---- */

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    struct run *run = ctx;
    int64_t since_ms = run->replay->options.since_ms;
    enum bl_err err = pattern->detected_ms >= since_ms ? bl_ledger_change(&run->ledger, pattern) : BL_OK;
    if (err != BL_OK)
        run->failed = err;
}

static void on_duplicate(void *ctx, const struct bl_record *record)
{
    struct run *run = ctx;
    (void)record;
    run->replay->counts.duplicates += run == run->replay->run;
}

/* ---- making and unmaking ---- */

static enum bl_err partition(struct run *run, size_t i, struct bl_partition **out)
{
    static const struct bl_hash_key key = {0x7265706c6179ULL, 0};
    struct bl_partition_sink sink = {.ctx = run, .pattern = on_pattern, .duplicate = on_duplicate};
    bool live = run->replay->options.live;
    size_t memory = (size_t)bl_config_int(run->config, BL_OPTION_EVENT_MEMORY_MAX);
    if (!live)
        memory *= (size_t)bl_config_int(run->config, BL_OPTION_PARTITIONS);
    enum bl_err err = BL_OK;
    if (!run->partitions[i])
        err =
            bl_partition_new(bl_config_rules(run->config), !live, key, memory,
                             bl_config_int(run->config, BL_OPTION_EVENT_MEMORY), &sink, &run->partitions[i]);
    *out = run->partitions[i];
    return err;
}

enum bl_err bl_replay_new(const struct bl_replay_options *options, struct bl_replay **out)
{
    struct bl_replay *r = calloc(1, sizeof *r);
    if (!r)
        return BL_ERR_NO_MEMORY;
    r->options = *options;
    r->counts.first_ms = r->counts.last_ms = -1;
    for (; r->n_runs < BL_REPLAY_RUNS_MAX && options->config[r->n_runs]; r->n_runs++) {
        struct run *run = &r->run[r->n_runs];
        run->replay = r;
        run->config = options->config[r->n_runs];
        bl_ledger_init(&run->ledger);
    }
    enum bl_err err = bl_recording_init(&r->recording, false);
    if (err != BL_OK) {
        bl_replay_free(r);
        return err;
    }
    *out = r;
    return BL_OK;
}

void bl_replay_free(struct bl_replay *r)
{
    if (!r)
        return;
    for (size_t k = 0; k < r->n_runs; k++) {
        for (size_t i = 0; i < BL_PARTITIONS_MAX; i++) {
            bl_partition_free(r->run[k].partitions[i]);
            bl_rules_free(r->run[k].followed[i].rules);
        }
        bl_ledger_release(&r->run[k].ledger);
    }
    bl_recording_release(&r->recording);
    free(r);
}

/* ---- events ---- */

/* Users whose state has run out are forgotten here, as the store forgets them. */
static void drop_gone(struct bl_partition *p)
{
    struct bl_member *m = bl_partition_dirty(p);
    bl_partition_clean(p);
    for (struct bl_member *next; m; m = next) {
        next = m->next_dirty;
        if (!m->packed)
            bl_partition_member_drop(p, m);
    }
}

static void drop_gone_everywhere(struct bl_replay *r)
{
    if (++r->since_drop < DROP_EVERY)
        return;
    r->since_drop = 0;
    for (size_t k = 0; k < r->n_runs; k++)
        for (size_t i = 0; i < BL_PARTITIONS_MAX; i++)
            if (r->run[k].partitions[i])
                drop_gone(r->run[k].partitions[i]);
}

static void note_time(struct bl_replay *r, int64_t at_ms)
{
    if (r->counts.first_ms < 0 || at_ms < r->counts.first_ms)
        r->counts.first_ms = at_ms;
    if (at_ms > r->counts.last_ms)
        r->counts.last_ms = at_ms;
}

/* Event time: received_ms is the record's own and all events are in partition 0. */
static enum bl_err take_record(struct bl_replay *r, const struct bl_record *record, size_t partition_number,
                               int64_t received_ms)
{
    enum bl_err err = BL_OK;
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        struct bl_partition *p;
        err = partition(&r->run[k], partition_number, &p);
        if (err == BL_OK)
            err = bl_partition_record(p, record, received_ms);
    }
    if (err == BL_OK)
        drop_gone_everywhere(r);
    return err;
}

static enum bl_err on_record(void *ctx, const struct bl_record *record)
{
    struct bl_replay *r = ctx;
    enum bl_err err = take_record(r, record, 0, record->timestamp_ms);
    if (err == BL_OK) {
        r->counts.taken++;
        note_time(r, record->timestamp_ms);
    }
    return err;
}

/* ---- entries of a live stream ---- */

static struct bl_problem unreadable(const char *message)
{
    struct bl_problem problem = {.err = BL_ERR_CORRUPT};
    strncpy(problem.message, message, sizeof problem.message - 1);
    return problem;
}

/* A pattern that the user's state no longer knows (SPEC 5.3): an abandonment of an earlier session. */
static enum bl_err ledger_resolve(struct run *run, const struct bl_pattern_id *id, int64_t now_ms)
{
    struct bl_pattern resolved = {
        .change = BL_PATTERN_RESOLVED, .id = *id, .resolution = BL_RESOLVED_MANUAL, .resolved_ms = now_ms};
    char hex[32];
    bl_pattern_id_hex(id, hex);
    const struct bl_ledger_entry *e = bl_ledger_find(&run->ledger, hex);
    if (!e || e->row.v[BL_COLUMN_RESOLVED].n > 0)
        return BL_OK;
    return bl_ledger_change(&run->ledger, &resolved);
}

static enum bl_err ledger_explain(struct run *run, const struct bl_command *command)
{
    struct bl_row row = {0};
    char hex[32];
    bl_pattern_id_hex(&command->pattern_id, hex);
    row.v[BL_COLUMN_PATTERN_ID] = (struct bl_str){hex, sizeof hex};
    row.v[BL_COLUMN_AI_EXPLANATION] = bl_command_text(command);
    return bl_ledger_find(&run->ledger, hex) ? bl_ledger_row(&run->ledger, &row) : BL_OK;
}

static enum bl_err run_resolve(struct run *run, struct bl_partition *p, const struct bl_replay_entry *e,
                               const struct bl_command *command)
{
    bool found;
    enum bl_err err =
        bl_partition_resolve(p, bl_command_user(command), &command->pattern_id, e->received_ms, &found);
    if (err != BL_OK || found)
        return err;
    return ledger_resolve(run, &command->pattern_id, bl_partition_clock(p));
}

/* The first run alone may be what was recorded; what it is compared with stays as it is. Rules that cannot be read
 * are passed over, as the worker does. */
static enum bl_err run_rules(struct run *run, struct bl_partition *p, const struct bl_replay_entry *e,
                             const struct bl_command *command)
{
    struct followed *f = &run->followed[e->partition];
    struct bl_rules *rules = NULL;
    struct bl_buf why;
    if (run != run->replay->run || !run->replay->options.follow_rules || command->version <= f->version)
        return bl_partition_advance(p, e->received_ms);
    bl_buf_init(&why, 0);
    enum bl_err err = bl_rules_read(command->settings, &rules, &why);
    bl_buf_release(&why);
    if (err != BL_OK)
        return err == BL_ERR_CORRUPT ? bl_partition_advance(p, e->received_ms) : err;
    err = bl_partition_set_rules(p, bl_rules_settings(rules), e->received_ms);
    bl_rules_free(f->rules);
    *f = (struct followed){rules, command->version};
    return err;
}

static enum bl_err run_command(struct run *run, const struct bl_replay_entry *e,
                               const struct bl_command *command)
{
    struct bl_partition *p;
    enum bl_err err = partition(run, (size_t)e->partition, &p);
    if (err != BL_OK)
        return err;
    if (command->kind == BL_COMMAND_RESOLVE)
        return run_resolve(run, p, e, command);
    if (command->kind == BL_COMMAND_RULES)
        return run_rules(run, p, e, command);
    err = bl_partition_advance(p, e->received_ms);
    return err == BL_OK ? ledger_explain(run, command) : err;
}

static enum bl_err take_command(struct bl_replay *r, const struct bl_replay_entry *e,
                                struct bl_problem *problem)
{
    struct bl_command command;
    enum bl_err err = bl_command_read(e->body, &command);
    if (err == BL_ERR_CORRUPT)
        *problem = unreadable("The command of the entry cannot be read.");
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++)
        err = run_command(&r->run[k], e, &command);
    if (err == BL_OK && command.kind == BL_COMMAND_RULES && !r->options.follow_rules)
        r->counts.rules_ignored++;
    return err;
}

/* What was in effect before the first entry of the partition that the export still had. */
static enum bl_err take_rules(struct bl_replay *r, const struct bl_replay_entry *e,
                              struct bl_problem *problem)
{
    struct bl_replay_entry first = {INT64_MIN, e->partition, e->kind, e->body};
    struct bl_command command;
    struct bl_partition *p;
    enum bl_err err = bl_command_read(e->body, &command);
    if (err == BL_ERR_CORRUPT || (err == BL_OK && command.kind != BL_COMMAND_RULES)) {
        *problem = unreadable("The rules cannot be read.");
        return BL_ERR_CORRUPT;
    }
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        err = partition(&r->run[k], (size_t)e->partition, &p);
        if (err == BL_OK)
            err = run_rules(&r->run[k], p, &first, &command);
    }
    return err;
}

static enum bl_err take_tick(struct bl_replay *r, const struct bl_replay_entry *e)
{
    enum bl_err err = BL_OK;
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        struct bl_partition *p;
        err = partition(&r->run[k], (size_t)e->partition, &p);
        if (err == BL_OK)
            err = bl_partition_advance(p, e->received_ms);
    }
    return err;
}

static struct bl_str cut_line(struct bl_str *rest)
{
    const char *end = memchr(rest->p, '\n', rest->n);
    struct bl_str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t step = line.n + (end != NULL);
    *rest = (struct bl_str){rest->p + step, rest->n - step};
    return line;
}

/* A line that cannot be read is passed over, as the worker does (it keeps it aside). */
static enum bl_err take_lines(struct bl_replay *r, const struct bl_replay_entry *e,
                              struct bl_problem *problem)
{
    enum bl_err bad = BL_OK;
    for (struct bl_str rest = e->body; rest.n;) {
        struct bl_record record;
        struct bl_str line = cut_line(&rest);
        enum bl_err err = line.n ? bl_record_read(r->recording.decoder, line, &record) : BL_OK;
        if (line.n && err == BL_OK)
            err = take_record(r, &record, (size_t)e->partition, e->received_ms);
        if (err == BL_ERR_CORRUPT) {
            *problem = unreadable("An event of the entry cannot be read.");
            r->counts.rejected++;
            bad = err;
        } else if (err != BL_OK) {
            return err;
        } else {
            r->counts.taken += line.n > 0;
        }
    }
    return bad;
}

static enum bl_err take_entry(struct bl_replay *r, const struct bl_replay_entry *e,
                              struct bl_problem *problem)
{
    enum bl_err err;
    if (e->partition < 0 || e->partition >= BL_PARTITIONS_MAX) {
        *problem = unreadable("There is no such partition.");
        return BL_ERR_CORRUPT;
    }
    note_time(r, e->received_ms);
    if (bl_str_eqz(e->kind, "events") || bl_str_eqz(e->kind, "event"))
        return take_lines(r, e, problem);
    if (bl_str_eqz(e->kind, "tick")) {
        err = take_tick(r, e);
    } else if (bl_str_eqz(e->kind, "rules")) {
        err = take_rules(r, e, problem);
    } else if (bl_str_eqz(e->kind, "command")) {
        err = take_command(r, e, problem);
    } else {
        *problem = unreadable("The entry holds neither events nor a tick nor a command.");
        err = BL_ERR_CORRUPT;
    }
    r->counts.rejected += err == BL_ERR_CORRUPT;
    return err;
}

/* ---- in and out ---- */

static enum bl_err failure_of_runs(const struct bl_replay *r)
{
    for (size_t k = 0; k < r->n_runs; k++)
        if (r->run[k].failed != BL_OK)
            return r->run[k].failed;
    return BL_OK;
}

enum bl_err bl_replay_entry(struct bl_replay *r, const struct bl_replay_entry *e, struct bl_problem *problem)
{
    assert(r->options.live);
    r->counts.lines++;
    enum bl_err err = take_entry(r, e, problem), failed = failure_of_runs(r);
    return failed != BL_OK ? failed : err;
}

enum bl_err bl_replay_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem)
{
    struct bl_replay_entry e;
    enum bl_err err, failed;
    if (r->options.live && bl_recording_blank(line)) {
        r->counts.lines++;
        return BL_OK;
    }
    if (r->options.live && bl_replay_entry_parse(line, &e))
        return bl_replay_entry(r, &e, problem);
    r->counts.lines++;
    if (r->options.live) {
        *problem = unreadable("The line is no stream entry as `inspect entries` prints them.");
        err = BL_ERR_CORRUPT;
    } else {
        err = bl_recording_read(&r->recording, line, on_record, r, problem);
    }
    r->counts.rejected += err != BL_OK;
    failed = failure_of_runs(r);
    return failed != BL_OK ? failed : err;
}

enum bl_err bl_replay_end(struct bl_replay *r)
{
    enum bl_err err = BL_OK;
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        struct run *run = &r->run[k];
        if (run->partitions[0] && !r->options.live)
            err = bl_partition_advance(run->partitions[0], END_OF_TIME);
        if (err == BL_OK)
            err = run->failed;
        if (err == BL_OK)
            err = bl_ledger_sort(&run->ledger);
    }
    return err;
}

const struct bl_ledger *bl_replay_ledger(const struct bl_replay *r, size_t i)
{
    assert(i < r->n_runs);
    return &r->run[i].ledger;
}

struct bl_replay_counts bl_replay_counts(const struct bl_replay *r)
{
    struct bl_replay_counts counts = r->counts;
    counts.patterns = bl_ledger_count(&r->run[0].ledger);
    return counts;
}
