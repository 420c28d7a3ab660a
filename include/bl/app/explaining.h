/* When a model is asked to explain a pattern, and when not (SPEC 5.5): which patterns, how many calls in a minute, what
 * an answer's status means, how long to keep away. No clock and no I/O: time comes in, in ms that only go forward. */
#ifndef BL_APP_EXPLAINING_H
#define BL_APP_EXPLAINING_H

#include "bl/base/limits.h"
#include "bl/core/rule.h"

/* What became of a pattern's explanation, each with the counter that says so. */
#define BL_EXPLAINED(X)                                                                                      \
    X(WRITTEN, "explanations_written_total")                                                                 \
    X(UNFIT, "explanations_skipped_filtered_total") /* by type or severity */                                \
    X(OLD, "explanations_skipped_old_total")                                                                 \
    X(ALREADY, "explanations_skipped_already_total")                                                         \
    X(GONE, "explanations_skipped_gone_total") /* the pattern is no longer stored */                         \
    X(KEY, "explanations_failed_key_total")                                                                  \
    X(LIMITED, "explanations_failed_limited_total")                                                          \
    X(SERVER, "explanations_failed_server_total")                                                            \
    X(REFUSED, "explanations_failed_refused_total") /* any other status */                                   \
    X(TIMEOUT, "explanations_failed_timeout_total")                                                          \
    X(UNREACHED, "explanations_failed_unreached_total")                                                      \
    X(ANSWER, "explanations_failed_answer_total") /* no text in it that could be used */                     \
    X(STORE, "explanations_failed_store_total")

#define BL_EXPLAINED_ENUM(id, counter) BL_EXPLAINED_##id,
enum bl_explained { BL_EXPLAINED(BL_EXPLAINED_ENUM) BL_EXPLAINED_COUNT };
#undef BL_EXPLAINED_ENUM

struct bl_explaining {
    int64_t max_age_ms;
    enum bl_severity severity; /* at least */
    bool types[BL_RULE_COUNT];
    size_t calls_max;                    /* in any minute */
    int64_t calls[BL_EXPLAIN_CALLS_MAX]; /* when the last ones were, a ring */
    size_t next_call;
    int64_t paused_until_ms, pause_ms; /* pause_ms: the last one; 0 after a success */
    uint64_t counts[BL_EXPLAINED_COUNT], calls_total, retries_total;
};

/* types: names with commas between them; empty: all. */
void bl_explaining_init(struct bl_explaining *e, const char *types, enum bl_severity severity,
                        size_t calls_max, int64_t max_age_ms);
/* Is it one of those to explain? change: as in the change feed. */
bool bl_explaining_wants(const struct bl_explaining *e, struct bl_str change, struct bl_str type,
                         struct bl_str severity);
bool bl_explaining_may_call(const struct bl_explaining *e, int64_t now_ms);
/* How many calls may be under way: one, as long as nothing has succeeded since a failure. */
int bl_explaining_at_once(const struct bl_explaining *e);
void bl_explaining_calls(struct bl_explaining *e, int64_t now_ms);

/* No status, since there was no answer. */
enum bl_silence { BL_SILENCE_NONE, BL_SILENCE_TIMEOUT, BL_SILENCE_UNREACHED };

struct bl_explaining_verdict {
    enum bl_explained outcome; /* WRITTEN: the answer is to be read */
    bool again;                /* the same pattern once more, after the pause */
    int64_t pause_ms;          /* a pause that has begun with this; 0: none */
};

/* An attempt (the attempts-th for this pattern) has ended so; retry_after_ms < 0: not said. */
struct bl_explaining_verdict bl_explaining_answered(struct bl_explaining *e, int status,
                                                    enum bl_silence silence, int64_t retry_after_ms,
                                                    int attempts, int64_t now_ms);
const char *bl_explained_counter(enum bl_explained outcome);

#endif
