/* What the files of `behaviorlens rules` share. */
#ifndef BL_MAIN_RULES_H
#define BL_MAIN_RULES_H

#include "bl/store/ruleset.h"

/* What differs, one setting a line ("  rules.hesitation.low: 10s -> 12s"), or as a JSON list. Gives their number. */
size_t rules_put_changes(const struct bl_settings *from, const struct bl_settings *to, bool json,
                         struct bl_buf *out);
/* The file's name without its directories: what the history, which the API shows, has to know of it. */
const char *rules_file_name(const char *path);
/* "2025-01-31 12:00:00 UTC" */
void rules_put_time(int64_t ms, struct bl_buf *out);
/* The partitions that have not (`which` false: that have) version `wanted` in effect: "0 3 5"; gives their number. */
size_t rules_put_partitions(const struct bl_ruleset_effect *e, int n, int64_t wanted, bool have,
                            const char *between, struct bl_buf *out);
/* Of partition p; what is not noted yet is version 1. */
static inline int64_t rules_version_of(const struct bl_ruleset_effect *e, int p)
{
    return e->version[p] ? e->version[p] : 1;
}

int rules_show(struct bl_ruleset *r, bool json, struct bl_buf *out);
int rules_history(struct bl_ruleset *r, bool json, struct bl_buf *out);
/* Says on standard error why it failed; gives 1. */
int rules_fail(const char *why);

#endif
