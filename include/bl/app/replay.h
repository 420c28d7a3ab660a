/* Recorded events through the rules, in memory (SPEC 8): lines in, a ledger of patterns out. Two kinds of
 * input: recorded events in event time (any NDJSON that `POST /events` would take, with timestamps), and the
 * entries of a live stream (`inspect entries`), which run in live time, ticks and commands included, and give
 * the very patterns the live run gave. */
#ifndef BL_APP_REPLAY_H
#define BL_APP_REPLAY_H

#include "bl/app/ledger.h"
#include "bl/config/settings.h"
#include "bl/wire/decode.h"

struct bl_replay;

struct bl_replay_counts {
    int64_t lines, taken, rejected, duplicates;
};

BL_CHECKED enum bl_err bl_replay_new(const struct bl_config *config, bool entries, struct bl_replay **out);
void bl_replay_free(struct bl_replay *r);
/* One line. BL_OK: taken (or empty). BL_ERR_NO_MEMORY ends the run; any other error means the line was
 * rejected, *problem says why, and nothing changed. */
BL_CHECKED enum bl_err bl_replay_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem);
/* The end of the input: advances the clock past every deadline (event time only) and sorts the ledger. */
BL_CHECKED enum bl_err bl_replay_end(struct bl_replay *r);
const struct bl_ledger *bl_replay_ledger(const struct bl_replay *r);
struct bl_replay_counts bl_replay_counts(const struct bl_replay *r);

/* What replay through the store shares with it: reads one recorded line and checks its order. *record borrows
 * until the next call. BL_ERR_OK with record->line.n == 0: an empty line. */
struct bl_recording {
    struct bl_decoder *decoder;
    int64_t last_ms; /* timestamp of the last line taken; starts at -1 */
    struct bl_buf line;
};
BL_CHECKED enum bl_err bl_recording_init(struct bl_recording *rec);
void bl_recording_release(struct bl_recording *rec);
BL_CHECKED enum bl_err bl_recording_read(struct bl_recording *rec, struct bl_str line,
                                         enum bl_err (*fn)(void *ctx, const struct bl_record *record),
                                         void *ctx, struct bl_problem *problem);

#endif
