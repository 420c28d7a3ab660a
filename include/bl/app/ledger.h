/* The patterns of a run, each once, in its final state: changes come in, rows come out in order of
 * detected_at, then id (SPEC 8, replay). Owns all its text. */
#ifndef BL_APP_LEDGER_H
#define BL_APP_LEDGER_H

#include "bl/base/map.h"
#include "bl/base/pool.h"
#include "bl/wire/row.h"

struct bl_ledger_entry {
    char id[32];
    int64_t detected_ms;
    int64_t session_ms; /* when its session began */
    int64_t friction;   /* of the session up to and with this pattern; both 0 in a row from the store */
    struct bl_row row;  /* slices into text */
    char *text;
    size_t text_n;
};

struct bl_ledger {
    struct bl_map by_id;
    struct bl_pool pool;             /* of entries and texts */
    struct bl_ledger_entry **sorted; /* made by bl_ledger_sort */
    struct bl_buf scratch;
};

void bl_ledger_init(struct bl_ledger *l);
void bl_ledger_release(struct bl_ledger *l);
/* Takes a change in: a new pattern, or columns of a known one. Copies. */
BL_CHECKED enum bl_err bl_ledger_change(struct bl_ledger *l, const struct bl_pattern *change);
/* Takes a whole row in (from the store). Copies. */
BL_CHECKED enum bl_err bl_ledger_row(struct bl_ledger *l, const struct bl_row *row);
/* Drops what is of this user. */
BL_CHECKED enum bl_err bl_ledger_erase(struct bl_ledger *l, struct bl_str user_id);
size_t bl_ledger_count(const struct bl_ledger *l);
/* Sorts; then entry(0 … count - 1) is in order. */
BL_CHECKED enum bl_err bl_ledger_sort(struct bl_ledger *l);
static inline const struct bl_ledger_entry *bl_ledger_entry(const struct bl_ledger *l, size_t i)
{
    return l->sorted[i];
}
/* NULL if there is none of that id. */
const struct bl_ledger_entry *bl_ledger_find(const struct bl_ledger *l, const char id[32]);

#endif
