/* Entries of a live stream in a replay, in live time: events, ticks and commands, as the worker takes them. */
#include "replay/internal.h"

#include "bl/wire/command.h"

struct bl_problem replay_unreadable(const char *message)
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

/* The worker finds them in the store, here they are in the ledger. */
static enum bl_err run_erase(struct run *run, struct bl_partition *p, const struct bl_replay_entry *e,
                             const struct bl_command *command)
{
    bool forgotten;
    struct bl_hash128 oldest;
    enum bl_err err =
        bl_partition_erase(p, bl_command_user(command), e->received_ms, e->received_ms, &forgotten, &oldest);
    return err == BL_OK ? bl_ledger_erase(&run->ledger, bl_command_user(command)) : err;
}

static enum bl_err run_command(struct run *run, const struct bl_replay_entry *e,
                               const struct bl_command *command)
{
    struct bl_partition *p;
    enum bl_err err = replay_partition(run, (size_t)e->partition, &p);
    if (err != BL_OK)
        return err;
    if (command->kind == BL_COMMAND_RESOLVE)
        return run_resolve(run, p, e, command);
    if (command->kind == BL_COMMAND_RULES)
        return run_rules(run, p, e, command);
    if (command->kind == BL_COMMAND_ERASE)
        return run_erase(run, p, e, command);
    if (command->kind == BL_COMMAND_READMIT)
        return bl_partition_readmit(p, bl_command_user(command), e->received_ms);
    err = bl_partition_advance(p, e->received_ms);
    return err == BL_OK ? ledger_explain(run, command) : err;
}

static enum bl_err take_command(struct bl_replay *r, const struct bl_replay_entry *e,
                                struct bl_problem *problem)
{
    struct bl_command command;
    enum bl_err err = bl_command_read(e->body, &command);
    if (err == BL_ERR_CORRUPT)
        *problem = replay_unreadable("The command of the entry cannot be read.");
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
        *problem = replay_unreadable("The rules cannot be read.");
        return BL_ERR_CORRUPT;
    }
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        err = replay_partition(&r->run[k], (size_t)e->partition, &p);
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
        err = replay_partition(&r->run[k], (size_t)e->partition, &p);
        if (err == BL_OK)
            err = bl_partition_advance(p, e->received_ms);
    }
    return err;
}

/* A line that cannot be read is passed over, as the worker does (it keeps it aside). */
static enum bl_err take_lines(struct bl_replay *r, const struct bl_replay_entry *e,
                              struct bl_problem *problem)
{
    enum bl_err bad = BL_OK;
    for (struct bl_str rest = e->body; rest.n;) {
        struct bl_record record;
        struct bl_str line = bl_str_cut(&rest, '\n');
        enum bl_err err = line.n ? bl_record_read(r->recording.decoder, line, &record) : BL_OK;
        if (line.n && err == BL_OK)
            err = replay_take_record(r, &record, (size_t)e->partition, e->received_ms);
        if (err == BL_ERR_CORRUPT) {
            *problem = replay_unreadable("An event of the entry cannot be read.");
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

enum bl_err replay_take_entry(struct bl_replay *r, const struct bl_replay_entry *e,
                              struct bl_problem *problem)
{
    enum bl_err err;
    if (e->partition < 0 || e->partition >= BL_PARTITIONS_MAX) {
        *problem = replay_unreadable("There is no such partition.");
        return BL_ERR_CORRUPT;
    }
    replay_note_time(r, e->received_ms);
    if (bl_str_eqz(e->kind, "events") || bl_str_eqz(e->kind, "event"))
        return take_lines(r, e, problem);
    if (bl_str_eqz(e->kind, "tick")) {
        err = take_tick(r, e);
    } else if (bl_str_eqz(e->kind, "rules")) {
        err = take_rules(r, e, problem);
    } else if (bl_str_eqz(e->kind, "command")) {
        err = take_command(r, e, problem);
    } else {
        *problem = replay_unreadable("The entry holds neither events nor a tick nor a command.");
        err = BL_ERR_CORRUPT;
    }
    r->counts.rejected += err == BL_ERR_CORRUPT;
    return err;
}
