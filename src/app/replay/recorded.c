/* Recorded events of a replay, in event time, all in partition 0.
 *
 * A step is mostly waiting for memory: states lie all over it. So a line is decoded when it comes, but its event
 * waits in a ring for REPLAY_AHEAD - 1 others while its user's state is fetched, stage by stage
 * (bl_partition_fetch). With 4,000 users at a time (tests/bench/replay shop) that saves a fifth of the time.
 * Whatever is not plain, or long, waits for nobody: the ring is emptied, and it is taken at once. So is the ring when a line
 * is rejected: those in it are never more than BL_REPLAY_STAY bytes behind, so long their lines stay where they are. */
#include "replay/internal.h"

/* Events between first sight and the stages. */
#define FETCH_APART 4

static enum bl_err note_taken(struct bl_replay *r, const struct bl_record *record, enum bl_err err)
{
    if (err == BL_OK) {
        r->counts.taken++;
        replay_note_time(r, record->timestamp_ms);
    }
    return err;
}

static enum bl_err on_record(void *ctx, const struct bl_record *record)
{
    struct bl_replay *r = ctx;
    return note_taken(r, record, replay_take_record(r, record, 0, record->timestamp_ms));
}

static struct waiting *waiting(struct bl_replay *r, size_t number)
{
    return &r->waiting[number & (REPLAY_AHEAD - 1)];
}

/* Members were dropped: those that wait for their state may be among them. */
static void forget_members(struct bl_replay *r)
{
    for (size_t i = 0; i < REPLAY_AHEAD; i++)
        for (size_t k = 0; k < r->n_runs; k++)
            r->waiting[i].member[k] = NULL;
}

static enum bl_err take_oldest(struct bl_replay *r)
{
    const struct waiting *w = waiting(r, r->n_done++);
    enum bl_err err = BL_OK;
    for (size_t k = 0; k < r->n_runs && err == BL_OK; k++)
        err = bl_partition_record_hashed(r->run[k].partitions[0], &w->record, w->record.timestamp_ms,
                                         w->hash[k], w->member[k]);
    if (err == BL_OK && replay_drop_gone(r))
        forget_members(r);
    return note_taken(r, &w->record, err);
}

enum bl_err replay_recorded_end(struct bl_replay *r)
{
    enum bl_err err = BL_OK;
    while (r->n_done < r->n_seen && err == BL_OK)
        err = take_oldest(r);
    return err;
}

static void fetch_member(const struct bl_member *m, enum bl_partition_stage stage)
{
    if (m)
        bl_member_fetch(m, stage);
}

/* The next stage of each that waits for one. */
static void fetch(struct bl_replay *r)
{
    size_t waits = r->n_seen - r->n_done;
    for (size_t k = 0; k < r->n_runs; k++) {
        const struct bl_partition *p = r->run[k].partitions[0];
        if (waits > 1) /* the hash of the newest is still being worked out */
            bl_partition_fetch(p, waiting(r, r->n_seen - 2)->hash[k], BL_FETCH_SLOT);
        if (waits <= 3 * FETCH_APART)
            continue; /* the first ones go without */
        struct waiting *w = waiting(r, r->n_seen - 1 - FETCH_APART);
        w->member[k] = bl_partition_peek(p, w->hash[k]);
        fetch_member(w->member[k], BL_FETCH_MEMBER);
        fetch_member(waiting(r, r->n_seen - 1 - 2 * FETCH_APART)->member[k], BL_FETCH_STATE);
        fetch_member(waiting(r, r->n_seen - 1 - 3 * FETCH_APART)->member[k], BL_FETCH_LISTS);
    }
}

/* The longest line that waits. */
#define WAITING_BYTES (BL_REPLAY_STAY / REPLAY_AHEAD)

/* The event that was read into the next place queues up. */
static enum bl_err queue(struct bl_replay *r)
{
    struct waiting *w = waiting(r, r->n_seen);
    for (size_t k = 0; k < r->n_runs; k++) {
        struct bl_partition *p;
        enum bl_err err = replay_partition(&r->run[k], 0, &p);
        if (err != BL_OK)
            return err;
        w->hash[k] = bl_partition_hash(p, w->record.user_id);
        w->member[k] = NULL;
    }
    r->n_seen++;
    fetch(r);
    return r->n_seen - r->n_done == REPLAY_AHEAD ? take_oldest(r) : BL_OK;
}

size_t replay_recorded_plain(struct bl_replay *r, struct bl_str text, enum bl_err *err)
{
    struct bl_problem problem;
    struct bl_record *record = &waiting(r, r->n_seen)->record;
    size_t n = bl_decode_plain_first(r->recording.decoder, text, record);
    if (n == 0 || n > WAITING_BYTES || bl_recording_order(&r->recording, record, &problem) != BL_OK)
        return 0;
    *err = queue(r);
    return n;
}

enum bl_err replay_recorded_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem)
{
    struct bl_record *record = &waiting(r, r->n_seen)->record;
    bool plain = line.n < WAITING_BYTES && bl_decode_plain(r->recording.decoder, line, record);
    enum bl_err err = plain ? bl_recording_order(&r->recording, record, problem) : BL_OK;
    if (plain && err == BL_OK)
        return queue(r);
    enum bl_err failed = replay_recorded_end(r);
    if (failed != BL_OK || err != BL_OK)
        return failed != BL_OK ? failed : err;
    return bl_recording_read(&r->recording, line, on_record, r, problem);
}
