/* A stored pattern (pairs of a reply) as the JSON of SPEC 5.1, and the filters on its brief form. */
#ifndef APP_QUERY_ROWS_H
#define APP_QUERY_ROWS_H

#include "bl/app/query.h"

void row_json(const struct bl_read_reply *r, struct bl_str pattern_id, struct bl_buf *out);
/* Does the pattern pass the filters type, severity, resolved, page, user_id and q? */
bool bl_query_match(const struct bl_query *q, const struct bl_str brief[BL_BRIEF_COUNT]);

#endif
