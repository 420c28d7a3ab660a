/* What another rule set would have changed: two ledgers of the same events, paired pattern by pattern
 * (`replay --compare`). A pattern is the same in both if its id is (user, type, variant, page, element and
 * the moment of detection). What is left is paired by user, session, type, variant and page if the moments
 * lie close to each other: that one was detected earlier or later, which is not the same as one pattern lost
 * and another found. The rest is in one ledger only. */
#ifndef BL_APP_COMPARE_H
#define BL_APP_COMPARE_H

#include "bl/app/ledger.h"

#define BL_COMPARE_MOVED_MS 60000 /* moments further apart are two patterns */

enum bl_difference_how {
    BL_DIFF_MOVED = 1,      /* detected at another time */
    BL_DIFF_SEVERITY = 2,   /* another severity in the end */
    BL_DIFF_RESOLUTION = 4, /* resolved otherwise, or (not moved) at another time */
    BL_DIFF_TEXT = 8        /* not moved, and another sentence: another count, another span of time */
};

struct bl_difference {
    const struct bl_ledger_entry *before, *after; /* borrowed; one is NULL: in the other ledger only */
    unsigned how;                                 /* of both: at least one of enum bl_difference_how */
};

struct bl_tally {
    struct bl_str key; /* a type or a page, borrowed from a ledger */
    int64_t before, after;
    int64_t only_before, only_after, moved, severity, otherwise; /* otherwise: resolution or text */
};

struct bl_tallies {
    struct bl_tally *v;
    size_t n;
};

/* A session whose friction is not the same. */
struct bl_session_change {
    struct bl_str user_id; /* borrowed from a ledger */
    int64_t session_ms, before, after;
};

struct bl_comparison {
    struct bl_difference *v; /* high severity first, then in order of detected_at and id */
    size_t n;
    struct bl_tallies types, pages; /* most differences first */
    struct bl_tally all;
    struct bl_session_change *sessions; /* the largest change first */
    size_t n_sessions;
    int64_t scored_before, scored_after;     /* sessions with any friction */
    int64_t friction_before, friction_after; /* their sums */
};

/* Both ledgers must be sorted and outlive the comparison. On an error *out needs no release. */
BL_CHECKED enum bl_err bl_compare(const struct bl_ledger *before, const struct bl_ledger *after,
                                  struct bl_comparison *out);
void bl_comparison_release(struct bl_comparison *c);

#endif
