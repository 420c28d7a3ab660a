/* See replay.h.
 *
 *   line ──decode once──> record ──> every run: partition ──patterns──> ledger
 *   entry ──(ticks, commands, lines)──┘
 *
 * A run is one rule set with its own partitions and ledger; nothing else is doubled. Event time runs on one
 * partition, since with every user at hand the outcome does not depend on how users are spread (SPEC 3.5),
 * which the tests check against the whole pipeline. A live stream keeps its partitions: each has its own
 * clock. */
#include "replay/internal.h"

#include <assert.h>
#include <stdlib.h>

#define END_OF_TIME (INT64_MAX / 2)
#define DROP_EVERY  4096 /* events after which dirty members are looked through for forgotten users */

/* ---- patterns ---- */

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    struct run *run = ctx;
    int64_t since_ms = run->replay->options.since_ms;
    enum bl_err err = pattern->detected_ms >= since_ms ? bl_ledger_change(&run->ledger, pattern) : BL_OK;
    if (err != BL_OK && run->failed == BL_OK) /* what follows from the first is not the reason */
        run->failed = err;
}

static void on_duplicate(void *ctx, const struct bl_record *record)
{
    struct run *run = ctx;
    (void)record;
    run->replay->counts.duplicates += run == run->replay->run;
}

/* ---- making and unmaking ---- */

enum bl_err replay_partition_make(struct run *run, size_t i, struct bl_partition **out)
{
    static const struct bl_hash_key key = {0x7265706c6179ULL, 0};
    struct bl_partition_sink sink = {.ctx = run, .pattern = on_pattern, .duplicate = on_duplicate};
    bool live = run->replay->options.live;
    size_t memory = (size_t)bl_config_int(run->config, BL_OPTION_EVENT_MEMORY_MAX);
    if (!live)
        memory *= (size_t)bl_config_int(run->config, BL_OPTION_PARTITIONS);
    enum bl_err err =
        bl_partition_new(bl_config_rules(run->config), !live, key, memory,
                         bl_config_int(run->config, BL_OPTION_EVENT_MEMORY), &sink, &run->partitions[i]);
    if (err == BL_OK)
        bl_partition_unstored(run->partitions[i]);
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
    enum bl_err err = bl_recording_init(&r->recording);
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
    struct bl_member *m;
    if (bl_partition_dirty(p, &m) != BL_OK)
        return; /* the next time, then */
    bl_partition_clean(p);
    for (struct bl_member *next; m; m = next) {
        next = m->next_dirty;
        if (!m->state)
            bl_partition_member_drop(p, m);
    }
}

bool replay_drop_gone(struct bl_replay *r)
{
    if (++r->since_drop < DROP_EVERY)
        return false;
    r->since_drop = 0;
    for (size_t k = 0; k < r->n_runs; k++)
        for (size_t i = 0; i < BL_PARTITIONS_MAX; i++)
            if (r->run[k].partitions[i])
                drop_gone(r->run[k].partitions[i]);
    return true;
}

void replay_note_time(struct bl_replay *r, int64_t at_ms)
{
    if (r->counts.first_ms < 0 || at_ms < r->counts.first_ms)
        r->counts.first_ms = at_ms;
    if (at_ms > r->counts.last_ms)
        r->counts.last_ms = at_ms;
}

enum bl_err replay_take_record(struct bl_replay *r, const struct bl_record *record, size_t partition_number,
                               int64_t received_ms)
{
    enum bl_err err = BL_OK;
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++) {
        struct bl_partition *p;
        err = replay_partition(&r->run[k], partition_number, &p);
        if (err == BL_OK)
            err = bl_partition_record(p, record, received_ms);
    }
    if (err == BL_OK)
        (void)replay_drop_gone(r); /* nobody waits */
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
    enum bl_err err = replay_take_entry(r, e, problem), failed = failure_of_runs(r);
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
        *problem = replay_unreadable("The line is no stream entry as `inspect entries` prints them.");
        err = BL_ERR_CORRUPT;
    } else {
        err = replay_recorded_line(r, line, problem);
    }
    r->counts.rejected += err != BL_OK;
    failed = failure_of_runs(r);
    return failed != BL_OK ? failed : err;
}

size_t bl_replay_plain(struct bl_replay *r, struct bl_str text, enum bl_err *err)
{
    size_t n = r->options.live ? 0 : replay_recorded_plain(r, text, err);
    r->counts.lines += n > 0;
    enum bl_err failed = n ? failure_of_runs(r) : BL_OK;
    if (failed != BL_OK)
        *err = failed;
    return n;
}

enum bl_err bl_replay_end(struct bl_replay *r)
{
    enum bl_err err = replay_recorded_end(r);
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
