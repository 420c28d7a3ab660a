/* What the files of `replay` share. */
#ifndef BL_MAIN_REPLAY_H
#define BL_MAIN_REPLAY_H

#include "bl/app/compare.h"
#include "bl/app/replay.h"
#include "bl/config/settings.h"

/* ---- input (replay_input.c, replay_live.c) ---- */

/* A bar on standard error while it is a terminal, nothing otherwise. */
struct replay_progress {
    bool on, drawn;
    int64_t started_ms, shown_ms, looked; /* looked: events at the last look at the clock */
};
struct replay_at {
    int64_t done, size;       /* of whatever the input is measured in; size <= 0: not known */
    int64_t events, patterns; /* so far; patterns -1: not known here */
};
void replay_progress_begin(struct replay_progress *p);
/* Cheap: draws a few times a second. */
void replay_progress_show(struct replay_progress *p, const struct replay_at *at);
void replay_progress_end(struct replay_progress *p, const struct replay_at *at);
/* A line on standard error, which the bar must not spoil. */
void replay_say(struct replay_progress *p, struct bl_str line);

typedef enum bl_err replay_line_fn(void *ctx, struct bl_str line, struct bl_problem *problem);
/* Calls fn for each line of the file, reports rejected ones on standard error, shows progress. `replay` (may be
 * NULL) is what they go into: it is asked how many patterns there are, and told of the end. */
BL_CHECKED enum bl_err replay_read(const char *path, replay_line_fn *fn, void *ctx, struct bl_replay *replay);
/* --from-redis: what a replay of the live streams begins with, then all their entries. */
struct replay_live;
BL_CHECKED enum bl_err replay_live_open(const struct bl_config *config, struct replay_live **out);
void replay_live_close(struct replay_live *live);
/* The rules that were in effect where it begins, and their name for people; NULL: the data set keeps none. */
const struct bl_config *replay_live_rules(const struct replay_live *live);
const char *replay_live_name(const struct replay_live *live);
/* 0: all there is. */
int64_t replay_live_since_ms(const struct replay_live *live);
BL_CHECKED enum bl_err replay_live_feed(struct replay_live *live, struct bl_replay *r);

/* ---- output ---- */

/* The sorted ledger as NDJSON on standard output. */
BL_CHECKED enum bl_err replay_print(const struct bl_ledger *ledger);

/* A comparison with what its report says beside it. Everything is borrowed. */
struct replay_report {
    const struct bl_config *config[2];
    const char *name[2]; /* of the rule sets, for people */
    const struct bl_comparison *comparison;
    struct bl_replay_counts counts;
    size_t limit; /* lines of a list; 0: all */
};
/* replay_table.c, replay_json.c: the report on standard output. */
BL_CHECKED enum bl_err replay_table(const struct replay_report *report);
BL_CHECKED enum bl_err replay_json(const struct replay_report *report);

/* ---- the ways ---- */

/* Under the settings of --compare as well; prints what would change. */
BL_CHECKED enum bl_err replay_compare(const struct bl_config *config, const char *path);
/* In memory, under one rule set or two (`other` NULL: one). On an error everything is released. */
struct replay_session {
    struct bl_replay *replay;
    struct replay_live *live;
    const struct bl_config *rules; /* the first rule set: `config`, or what the data set had */
    const char *name;              /* of it, for people; borrowed */
};
BL_CHECKED enum bl_err replay_in_memory(const struct bl_config *config, const struct bl_config *other,
                                        const char *path, struct replay_session *out);
void replay_session_release(struct replay_session *s);
/* Through Redis and real workers: --redis URL or --redis private. */
BL_CHECKED enum bl_err replay_through_store(const struct bl_config *config, const char *path);

#endif
