/* Recorded events through the rules, in memory (SPEC 8): decoded once, run under one rule set or under two at
 * the same time, a ledger of patterns out of each. Two kinds of input: recorded events in event time (any
 * NDJSON that `POST /events` would take, with timestamps), and the entries of a live stream, which run in live
 * time, ticks and commands included, and give the very patterns the live run gave. */
#ifndef BL_APP_REPLAY_H
#define BL_APP_REPLAY_H

#include "bl/app/ledger.h"
#include "bl/config/settings.h"
#include "bl/wire/decode.h"

#define BL_REPLAY_RUNS_MAX 2

struct bl_replay;

struct bl_replay_options {
    const struct bl_config *config[BL_REPLAY_RUNS_MAX]; /* the rule sets, borrowed; [1] NULL: only one */
    bool live;                                          /* the input is entries of a live stream */
    /* live: recorded commands that change the rules take effect in the first rule set; else it stands */
    bool follow_rules;
    int64_t since_ms; /* patterns detected before are not kept: the input began earlier, to warm up */
};

struct bl_replay_counts {
    int64_t lines;             /* or entries */
    int64_t taken;             /* events */
    int64_t rejected;          /* events, or what is none of what a stream holds */
    int64_t duplicates;        /* events whose id was seen before */
    int64_t rules_ignored;     /* recorded changes of the rules that were not followed */
    int64_t first_ms, last_ms; /* time of the first and last thing taken; -1: none */
    size_t patterns;           /* in the first ledger */
};

/* One item of a live stream. */
struct bl_replay_entry {
    int64_t received_ms; /* the ms part of the entry's id */
    int64_t partition;
    struct bl_str
        kind; /* the field's name: `events` (or `event`), `tick`, `command`; or `rules`, of an export */
    struct bl_str body; /* canonical lines, one an event; of a command (and of `rules`) its JSON */
};

#define BL_REPLAY_STAY (64 * 1024)

/* A line as `inspect entries` prints it; false if it is none. Borrows from the line. */
bool bl_replay_entry_parse(struct bl_str line, struct bl_replay_entry *out)
    __attribute__((warn_unused_result));

BL_CHECKED enum bl_err bl_replay_new(const struct bl_replay_options *options, struct bl_replay **out);
void bl_replay_free(struct bl_replay *r);
/* One line: a recorded event or, live, an entry as `inspect entries` prints it. Borrowed up to the first call after lines of
 * BL_REPLAY_STAY bytes have come behind it, or to the end (bl_replay_end). BL_OK: taken (or empty). BL_ERR_NO_MEMORY ends the
 * run; any other error means the line was rejected, *problem says why, and nothing changed. */
BL_CHECKED enum bl_err bl_replay_line(struct bl_replay *r, struct bl_str line, struct bl_problem *problem);
/* For whoever has read ahead: the same of the plain line that the text begins with, so that nobody looks for its end. Its
 * bytes with its end; 0: it is not so plain, or is rejected, or its end is not there. *err: BL_ERR_NO_MEMORY ends the run. */
size_t bl_replay_plain(struct bl_replay *r, struct bl_str text, enum bl_err *err);
/* Live: one entry of the stream itself. Entries of one partition come in order; partitions in any. As above;
 * of an entry with a line that cannot be read the others are taken. */
BL_CHECKED enum bl_err bl_replay_entry(struct bl_replay *r, const struct bl_replay_entry *e,
                                       struct bl_problem *problem);
/* The end of the input: advances the clock past every deadline (event time only) and sorts the ledgers. */
BL_CHECKED enum bl_err bl_replay_end(struct bl_replay *r);
/* Of rule set `i`, below the number of those given. */
const struct bl_ledger *bl_replay_ledger(const struct bl_replay *r, size_t i);
struct bl_replay_counts bl_replay_counts(const struct bl_replay *r);

/* What replay through the store shares with it: reads recorded lines and checks their order. */
struct bl_recording {
    struct bl_decoder *decoder;
    int64_t last_ms; /* timestamp of the last line taken; starts at -1 */
};
BL_CHECKED enum bl_err bl_recording_init(struct bl_recording *rec);
void bl_recording_release(struct bl_recording *rec);
/* One line; fn is called with its record, borrowed for the length of the call, unless it is empty or rejected
 * (then *problem says why). */
BL_CHECKED enum bl_err bl_recording_read(struct bl_recording *rec, struct bl_str line,
                                         enum bl_err (*fn)(void *ctx, const struct bl_record *record),
                                         void *ctx, struct bl_problem *problem);
/* Is the record not earlier than the one before? If so it is the last one now, else *problem says what is wrong. */
BL_CHECKED enum bl_err bl_recording_order(struct bl_recording *rec, const struct bl_record *record,
                                          struct bl_problem *problem);
/* Nothing but blanks. */
bool bl_recording_blank(struct bl_str line);

#endif
