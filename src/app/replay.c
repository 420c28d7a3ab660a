/* See replay.h. Event time runs on one partition: with every user at hand the outcome does not depend on how
 * users are spread (SPEC 3.5), which the tests check against the whole pipeline. A live stream keeps its
 * partitions, since each has its own clock. */
#include "bl/app/replay.h"
#include "bl/app/partition.h"
#include "bl/wire/command.h"

#include <stdlib.h>

#define END_OF_TIME (INT64_MAX / 2)
#define DROP_EVERY  4096 /* dirty members looked through for forgotten users after so many records */

struct bl_replay {
    const struct bl_config *config;
    bool entries;
    struct bl_partition *partitions[BL_PARTITIONS_MAX];
    struct bl_recording recording;
    struct bl_ledger ledger;
    struct bl_replay_counts counts;
    enum bl_err failed; /* of the sink */
    unsigned since_drop;
};

/* ---- reading recorded lines ---- */

enum bl_err bl_recording_init(struct bl_recording *rec)
{
    *rec = (struct bl_recording){.last_ms = -1};
    bl_buf_init(&rec->line, 0);
    return bl_decoder_new(&rec->decoder);
}

void bl_recording_release(struct bl_recording *rec)
{
    bl_decoder_free(rec->decoder);
    bl_buf_release(&rec->line);
}

struct reading {
    struct bl_recording *rec;
    enum bl_err (*fn)(void *ctx, const struct bl_record *record);
    void *ctx;
    struct bl_problem *problem;
    enum bl_err err;
};

static void on_decoded(void *ctx, size_t index, const struct bl_record *record,
                       const struct bl_problem *problem, struct bl_str raw)
{
    struct reading *reading = ctx;
    (void)index;
    (void)raw;
    if (problem) {
        *reading->problem = *problem;
        reading->err = problem->err;
    } else if (record->timestamp_ms < reading->rec->last_ms) {
        *reading->problem = (struct bl_problem){
            .err = BL_ERR_INVALID_TIMESTAMP,
            .field = "timestamp",
            .message = "The timestamp lies before that of an earlier line: sort the file by time."};
        reading->err = BL_ERR_INVALID_TIMESTAMP;
    } else {
        reading->rec->last_ms = record->timestamp_ms;
        reading->err = reading->fn(reading->ctx, record);
    }
}

static void no_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, "00000000-0000-7000-8000-000000000000", 36);
}

static bool blank(struct bl_str line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return false;
    return true;
}

enum bl_err bl_recording_read(struct bl_recording *rec, struct bl_str line,
                              enum bl_err (*fn)(void *ctx, const struct bl_record *record), void *ctx,
                              struct bl_problem *problem)
{
    static const struct bl_decode_options options = {
        .max_events = 1, .timestamp_needed = true, .make_id = no_id};
    struct reading reading = {rec, fn, ctx, problem, BL_OK};
    if (blank(line))
        return BL_OK;
    enum bl_err err =
        bl_decode_body(rec->decoder, BL_BODY_EVENT, line, &options, on_decoded, &reading, problem);
    return err != BL_OK ? err : reading.err;
}

/* ---- the run ---- */

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    struct bl_replay *r = ctx;
    enum bl_err err = bl_ledger_change(&r->ledger, pattern);
    if (err != BL_OK)
        r->failed = err;
}

static void on_duplicate(void *ctx, const struct bl_record *record)
{
    struct bl_replay *r = ctx;
    (void)record;
    r->counts.duplicates++;
}

static enum bl_err partition(struct bl_replay *r, size_t i, struct bl_partition **out)
{
    static const struct bl_hash_key key = {0x7265706c6179ULL, 0};
    struct bl_partition_sink sink = {.ctx = r, .pattern = on_pattern, .duplicate = on_duplicate};
    size_t memory = (size_t)bl_config_int(r->config, BL_OPTION_EVENT_MEMORY_MAX);
    if (!r->entries)
        memory *= (size_t)bl_config_int(r->config, BL_OPTION_PARTITIONS);
    enum bl_err err = BL_OK;
    if (!r->partitions[i])
        err = bl_partition_new(bl_config_rules(r->config), !r->entries, key, memory,
                               bl_config_int(r->config, BL_OPTION_EVENT_MEMORY), &sink, &r->partitions[i]);
    *out = r->partitions[i];
    return err;
}

enum bl_err bl_replay_new(const struct bl_config *config, bool entries, struct bl_replay **out)
{
    struct bl_replay *r = calloc(1, sizeof *r);
    if (!r)
        return BL_ERR_NO_MEMORY;
    r->config = config;
    r->entries = entries;
    bl_ledger_init(&r->ledger);
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
    for (size_t i = 0; i < BL_PARTITIONS_MAX; i++)
        bl_partition_free(r->partitions[i]);
    bl_recording_release(&r->recording);
    bl_ledger_release(&r->ledger);
    free(r);
}

/* Users whose state has run out are forgotten here, as the store forgets them. */
static void drop_gone(struct bl_replay *r, struct bl_partition *p)
{
    if (++r->since_drop < DROP_EVERY)
        return;
    r->since_drop = 0;
    struct bl_member *m = bl_partition_dirty(p);
    bl_partition_clean(p);
    for (struct bl_member *next; m; m = next) {
        next = m->next_dirty;
        if (!m->packed)
            bl_partition_member_drop(p, m);
    }
}

static enum bl_err take(void *ctx, const struct bl_record *record)
{
    struct bl_replay *r = ctx;
    struct bl_partition *p;
    enum bl_err err = partition(r, 0, &p);
    if (err == BL_OK)
        err = bl_partition_record(p, record, record->timestamp_ms);
    if (err == BL_OK)
        drop_gone(r, p);
    return err;
}

/* ---- entries of a live stream ---- */

struct entry {
    int64_t received_ms, partition;
    struct bl_str kind, body;
};

static bool skip(struct bl_str *s, const char *literal)
{
    struct bl_str want = bl_str_of(literal);
    if (!bl_str_starts(*s, want))
        return false;
    s->p += want.n;
    s->n -= want.n;
    return true;
}

static bool number(struct bl_str *s, int64_t *out)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    struct bl_str digits = {s->p, n};
    s->p += n;
    s->n -= n;
    return bl_str_int64(digits, out);
}

/* The layout is our own (`inspect entries`), so it is matched, not parsed. */
static bool entry_read(struct bl_str line, struct entry *e)
{
    if (!skip(&line, "{\"received\":") || !number(&line, &e->received_ms) ||
        !skip(&line, ",\"partition\":") || !number(&line, &e->partition) ||
        e->partition >= BL_PARTITIONS_MAX || !skip(&line, ",\""))
        return false;
    const char *quote = memchr(line.p, '"', line.n);
    if (!quote)
        return false;
    e->kind = (struct bl_str){line.p, (size_t)(quote - line.p)};
    line.n -= e->kind.n;
    line.p = quote;
    if (!skip(&line, "\":") || line.n < 2 || line.p[line.n - 1] != '}')
        return false;
    e->body = (struct bl_str){line.p, line.n - 1};
    return true;
}

/* A pattern that the user's state no longer knows (SPEC 5.3): an abandonment of an earlier session. */
static enum bl_err ledger_resolve(struct bl_replay *r, const struct bl_pattern_id *id, int64_t now_ms)
{
    struct bl_pattern resolved = {
        .change = BL_PATTERN_RESOLVED, .id = *id, .resolution = BL_RESOLVED_MANUAL, .resolved_ms = now_ms};
    char hex[32];
    bl_pattern_id_hex(id, hex);
    const struct bl_ledger_entry *e = bl_ledger_find(&r->ledger, hex);
    if (!e || e->row.v[BL_COLUMN_RESOLVED].n > 0)
        return BL_OK;
    return bl_ledger_change(&r->ledger, &resolved);
}

static enum bl_err entry_resolve(struct bl_replay *r, struct bl_partition *p, const struct entry *e)
{
    struct bl_command command;
    bool found;
    enum bl_err err = bl_command_read(e->body, &command);
    if (err == BL_OK && command.kind != BL_COMMAND_RESOLVE)
        err = BL_ERR_CORRUPT;
    if (err == BL_OK)
        err = bl_partition_resolve(p, bl_command_user(&command), &command.pattern_id, e->received_ms, &found);
    if (err != BL_OK || found)
        return err;
    return ledger_resolve(r, &command.pattern_id, bl_partition_clock(p));
}

static enum bl_err entry_apply(struct bl_replay *r, const struct entry *e)
{
    struct bl_partition *p;
    struct bl_record record;
    enum bl_err err = partition(r, (size_t)e->partition, &p);
    if (err != BL_OK)
        return err;
    if (bl_str_eqz(e->kind, "tick"))
        return bl_partition_advance(p, e->received_ms);
    if (bl_str_eqz(e->kind, "command"))
        return entry_resolve(r, p, e);
    if (!bl_str_eqz(e->kind, "event"))
        return BL_ERR_CORRUPT;
    err = bl_record_read(r->recording.decoder, e->body, &record);
    return err == BL_OK ? bl_partition_record(p, &record, e->received_ms) : err;
}

static enum bl_err entry_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem)
{
    struct entry e;
    if (blank(line))
        return BL_OK;
    enum bl_err err = entry_read(line, &e) ? entry_apply(r, &e) : BL_ERR_CORRUPT;
    if (err == BL_ERR_CORRUPT)
        *problem = (struct bl_problem){
            .err = err, .message = "The line is no stream entry as `inspect entries` prints them."};
    return err;
}

/* ---- in and out ---- */

enum bl_err bl_replay_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem)
{
    r->counts.lines++;
    enum bl_err err =
        r->entries ? entry_line(r, line, problem) : bl_recording_read(&r->recording, line, take, r, problem);
    if (r->failed != BL_OK)
        return r->failed;
    if (err == BL_OK)
        r->counts.taken += !blank(line);
    else
        r->counts.rejected++;
    return err;
}

enum bl_err bl_replay_end(struct bl_replay *r)
{
    enum bl_err err = BL_OK;
    for (size_t i = 0; i < BL_PARTITIONS_MAX && err == BL_OK; i++)
        if (r->partitions[i] && !r->entries)
            err = bl_partition_advance(r->partitions[i], END_OF_TIME);
    if (err == BL_OK)
        err = r->failed;
    return err == BL_OK ? bl_ledger_sort(&r->ledger) : err;
}

const struct bl_ledger *bl_replay_ledger(const struct bl_replay *r)
{
    return &r->ledger;
}

struct bl_replay_counts bl_replay_counts(const struct bl_replay *r)
{
    return r->counts;
}
