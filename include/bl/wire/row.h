/* A pattern as a row of text: the form in which it is stored (fields of a Redis hash), merged (replay) and
 * printed (JSON of SPEC 5.1). All slices are borrowed. */
#ifndef BL_WIRE_ROW_H
#define BL_WIRE_ROW_H

#include "bl/base/buf.h"
#include "bl/core/pattern.h"

/* Columns, in the order of SPEC 5.1: BL_COLUMN(id, name, how it is printed in JSON). */
#define BL_COLUMNS(X)                                                                                        \
    X(PATTERN_ID, "pattern_id", STRING)                                                                      \
    X(TYPE, "type", STRING)                                                                                  \
    X(VARIANT, "variant", STRING)                                                                            \
    X(USER_ID, "user_id", STRING)                                                                            \
    X(SESSION_ID, "session_id", STRING)                                                                      \
    X(PAGE, "page", STRING)                                                                                  \
    X(SEVERITY, "severity", STRING)                                                                          \
    X(EXPLANATION, "explanation", STRING)                                                                    \
    X(DETECTED_AT, "detected_at", NUMBER)                                                                    \
    X(UPDATED_AT, "updated_at", NUMBER)                                                                      \
    X(RESOLVED, "resolved", FLAG)                                                                            \
    X(RESOLVED_AT, "resolved_at", NUMBER)                                                                    \
    X(RESOLUTION, "resolution", STRING)                                                                      \
    X(EVIDENCE, "evidence", JSON)                                                                            \
    X(AI_EXPLANATION, "ai_explanation", OPTIONAL)

#define BL_COLUMN_ENUM(id, name, how) BL_COLUMN_##id,
enum bl_column { BL_COLUMNS(BL_COLUMN_ENUM) BL_COLUMN_COUNT };
#undef BL_COLUMN_ENUM

struct bl_row {
    struct bl_str
        v[BL_COLUMN_COUNT]; /* n == 0: null (false for RESOLVED, {} for EVIDENCE, not printed if OPTIONAL) */
};

const char *bl_column_name(enum bl_column column);
/* BL_COLUMN_COUNT if there is none of that name. */
enum bl_column bl_column_of(struct bl_str name);

/* The columns that an effect sets: the id always; of a new pattern all but the resolution; what a raise changes;
 * what a resolution changes. The rest stay empty. Texts made here are appended to `text`; the slices point into it,
 * so that a later append may move them: copy a row out before making the next one in the same buffer. */
BL_CHECKED enum bl_err bl_row_of(const struct bl_pattern *pattern, struct bl_buf *text, struct bl_row *out);
/* The text of bl_row_of now stands at `to`. */
void bl_row_move(struct bl_row *row, struct bl_str text, const char *to);
/* Takes over the columns that are set in `change`. */
void bl_row_merge(struct bl_row *row, const struct bl_row *change);
/* The JSON object of SPEC 5.1, all fields in order. */
void bl_row_json(const struct bl_row *row, struct bl_buf *out);

#endif
