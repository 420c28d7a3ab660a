/* What the files of the replay share: replay/replay.c (making, applying, the end), replay/recorded.c (recorded events),
 * replay/entries.c (a live stream). */
#ifndef BL_APP_REPLAY_INTERNAL_H
#define BL_APP_REPLAY_INTERNAL_H

#include "bl/app/partition.h"
#include "bl/app/replay.h"
#include "bl/wire/rules.h"

#define REPLAY_AHEAD 16 /* recorded events that wait; a power of two */

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

/* A recorded event that waits for its turn while its user's state is fetched into the cache. */
struct waiting {
    struct bl_record record;                      /* borrows from its line */
    uint64_t hash[BL_REPLAY_RUNS_MAX];            /* of its user, in the partition of each run */
    struct bl_member *member[BL_REPLAY_RUNS_MAX]; /* who that is; NULL: not known, or not any more */
};

struct bl_replay {
    struct bl_replay_options options;
    struct bl_recording recording;
    struct bl_replay_counts counts;
    unsigned since_drop;
    struct waiting waiting[REPLAY_AHEAD]; /* a ring */
    size_t n_seen, n_done;                /* events that went in and out of it */
    size_t n_runs;
    struct run run[BL_REPLAY_RUNS_MAX];
};

/* The partition of a run, made when it is first needed. */
BL_CHECKED enum bl_err replay_partition_make(struct run *run, size_t i, struct bl_partition **out);
BL_CHECKED static inline enum bl_err replay_partition(struct run *run, size_t i, struct bl_partition **out)
{
    *out = run->partitions[i];
    return *out ? BL_OK : replay_partition_make(run, i, out);
}
/* After each event: users whose state has run out are forgotten here, as the store forgets them. True: some may have been. */
bool replay_drop_gone(struct bl_replay *r);
void replay_note_time(struct bl_replay *r, int64_t at_ms);
/* One event into every run. */
BL_CHECKED enum bl_err replay_take_record(struct bl_replay *r, const struct bl_record *record,
                                          size_t partition, int64_t received_ms);

/* One recorded line; those that wait. */
BL_CHECKED enum bl_err replay_recorded_line(struct bl_replay *r, struct bl_str line,
                                            struct bl_problem *problem);
size_t replay_recorded_plain(struct bl_replay *r, struct bl_str text, enum bl_err *err);
BL_CHECKED enum bl_err replay_recorded_end(struct bl_replay *r);

/* One entry of a live stream. */
BL_CHECKED enum bl_err replay_take_entry(struct bl_replay *r, const struct bl_replay_entry *e,
                                         struct bl_problem *problem);
struct bl_problem replay_unreadable(const char *message);

#endif
