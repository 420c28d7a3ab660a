/* A pattern as it leaves the engine (SPEC 5.1). All slices are borrowed: valid during the sink's call only.
 */
#ifndef BL_CORE_PATTERN_H
#define BL_CORE_PATTERN_H

#include "bl/base/hash.h"
#include "bl/core/user.h"

enum bl_pattern_change { BL_PATTERN_NEW, BL_PATTERN_RAISED, BL_PATTERN_RESOLVED };

enum bl_resolution {
    BL_UNRESOLVED,
    BL_RESOLVED_ACTIVITY,
    BL_RESOLVED_LEFT,
    BL_RESOLVED_ENDED,
    BL_RESOLVED_COMPLETION,
    BL_RESOLVED_SESSION_END,
    BL_RESOLVED_MANUAL,
    BL_RESOLUTION_COUNT
};

struct bl_pattern_id {
    unsigned char b[16];
};

enum bl_fact_kind { BL_FACT_INT, BL_FACT_NUMBER, BL_FACT_STR, BL_FACT_TIMES };

/* One of the numbers behind the sentence: a member of `evidence`. */
struct bl_fact {
    const char *name;
    enum bl_fact_kind kind;
    int64_t i;
    double number; /* finite */
    struct bl_str s;
    const int64_t *times_ms;
    size_t n_times;
};

struct bl_evidence_event {
    enum bl_action action;
    struct bl_str page;
    int64_t t_ms;
};

struct bl_pattern {
    enum bl_pattern_change change;
    struct bl_pattern_id id;
    enum bl_rule_id rule;
    const char *variant; /* NULL: none */
    struct bl_str user_id, page;
    int64_t detected_ms;
    enum bl_severity severity;
    enum bl_severity was; /* RAISED: before that */

    /* NEW only: when the session began, and its friction with this pattern (SPEC 4.6) */
    int64_t session_ms, friction;
    /* NEW only: detected later than all that this state of the user has seen before; so none of its patterns has this id */
    bool later;

    /* NEW and RAISED only */
    struct bl_str session_id, explanation;
    int64_t updated_ms;

    /* RESOLVED only */
    enum bl_resolution resolution;
    int64_t resolved_ms;

    /* NEW and RAISED only. Last: whoever makes a pattern need not clear them */
    size_t n_facts, n_events;
    struct bl_fact facts[BL_FACTS_MAX];
    struct bl_evidence_event events[BL_EVIDENCE_MAX];
};

const char *bl_severity_name(enum bl_severity severity);
/* 0 if there is none of that name. */
enum bl_severity bl_severity_of(struct bl_str name);
const char *bl_resolution_name(enum bl_resolution resolution); /* NULL for BL_UNRESOLVED */
/* Hex text of an id, without a terminator, into 32 bytes; and back (false: not an id). */
void bl_pattern_id_hex(const struct bl_pattern_id *id, char out[32]);
bool bl_pattern_id_parse(struct bl_str hex, struct bl_pattern_id *out) __attribute__((warn_unused_result));
/* SPEC 5.2: from these alone, with a fixed key. `variant` may be NULL. */
struct bl_pattern_id bl_pattern_id(struct bl_str user_id, enum bl_rule_id rule, const char *variant,
                                   struct bl_str page, struct bl_str element, int64_t detected_ms);

#endif
