/* See ledger.h. A row and its text are one block each; a change that replaces columns builds the block anew,
 * which is rare beside the first sight of a pattern. The blocks are a pool's, which goes as a whole: malloc's, given back
 * one by one, take 2 % of a replay. */
#include "bl/app/ledger.h"

#include <stdlib.h>

static struct bl_str key_of(const void *entry)
{
    const struct bl_ledger_entry *e = entry;
    return (struct bl_str){e->id, sizeof e->id};
}

void bl_ledger_init(struct bl_ledger *l)
{
    *l = (struct bl_ledger){0};
    bl_map_init(&l->by_id, key_of);
    bl_pool_init(&l->pool);
    bl_buf_init(&l->scratch, 0);
}

void bl_ledger_release(struct bl_ledger *l)
{
    bl_map_release(&l->by_id);
    bl_pool_release(&l->pool);
    bl_buf_release(&l->scratch);
    free(l->sorted);
    l->sorted = NULL;
}

static void drop(struct bl_ledger *l, struct bl_ledger_entry *e)
{
    bl_pool_give(&l->pool, e->text, e->text_n);
    bl_pool_give(&l->pool, e, sizeof *e);
}

/* Gives the entry a text of its own with all columns of the row. */
static enum bl_err keep(struct bl_ledger *l, struct bl_ledger_entry *e, const struct bl_row *row)
{
    size_t n = 1; /* a pool has no empty blocks */
    for (size_t c = 0; c < BL_COLUMN_COUNT; c++)
        n += row->v[c].n;
    char *text = bl_pool_take(&l->pool, n), *p = text;
    if (!text)
        return BL_ERR_NO_MEMORY;
    for (size_t c = 0; c < BL_COLUMN_COUNT; c++) {
        struct bl_str v = row->v[c];
        if (v.n)
            memcpy(p, v.p, v.n);
        e->row.v[c] = (struct bl_str){p, v.n};
        p += v.n;
    }
    bl_pool_give(&l->pool, e->text, e->text_n);
    e->text = text;
    e->text_n = n;
    return BL_OK;
}

static enum bl_err add(struct bl_ledger *l, const struct bl_row *row, struct bl_ledger_entry **out)
{
    struct bl_str id = row->v[BL_COLUMN_PATTERN_ID];
    struct bl_ledger_entry *e = id.n == sizeof e->id ? bl_pool_take(&l->pool, sizeof *e) : NULL;
    if (!e)
        return id.n == sizeof e->id ? BL_ERR_NO_MEMORY : BL_ERR_CORRUPT;
    *e = (struct bl_ledger_entry){0};
    memcpy(e->id, id.p, sizeof e->id);
    enum bl_err err = bl_str_int64(row->v[BL_COLUMN_DETECTED_AT], &e->detected_ms) ? BL_OK : BL_ERR_CORRUPT;
    if (err == BL_OK)
        err = keep(l, e, row);
    if (err == BL_OK)
        err = bl_map_put(&l->by_id, e);
    if (err != BL_OK) {
        drop(l, e);
        return err;
    }
    *out = e;
    return BL_OK;
}

static enum bl_err put(struct bl_ledger *l, const struct bl_row *change, struct bl_ledger_entry **out)
{
    *out = bl_map_get(&l->by_id, change->v[BL_COLUMN_PATTERN_ID]);
    if (!*out)
        return add(l, change, out);
    struct bl_row row = (*out)->row;
    bl_row_merge(&row, change);
    return keep(l, *out, &row);
}

enum bl_err bl_ledger_row(struct bl_ledger *l, const struct bl_row *change)
{
    struct bl_ledger_entry *e;
    return put(l, change, &e);
}

enum bl_err bl_ledger_change(struct bl_ledger *l, const struct bl_pattern *change)
{
    struct bl_row row;
    bl_buf_clear(&l->scratch);
    struct bl_ledger_entry *e;
    enum bl_err err = bl_row_of(change, &l->scratch, &row);
    if (err == BL_OK)
        err = put(l, &row, &e);
    if (err == BL_OK && change->change == BL_PATTERN_NEW) {
        e->session_ms = change->session_ms;
        e->friction = change->friction;
    }
    return err;
}

/* The map must not change while it is gone through: first who, then away with them. */
enum bl_err bl_ledger_erase(struct bl_ledger *l, struct bl_str user_id)
{
    struct bl_ledger_entry **gone = malloc((l->by_id.n ? l->by_id.n : 1) * sizeof(struct bl_ledger_entry *));
    size_t n = 0, i = 0;
    if (!gone)
        return BL_ERR_NO_MEMORY;
    for (struct bl_ledger_entry *e; (e = bl_map_next(&l->by_id, &i));)
        if (bl_str_eq(e->row.v[BL_COLUMN_USER_ID], user_id))
            gone[n++] = e;
    for (i = 0; i < n; i++) {
        bl_map_del(&l->by_id, key_of(gone[i]));
        drop(l, gone[i]);
    }
    free(gone);
    return BL_OK;
}

size_t bl_ledger_count(const struct bl_ledger *l)
{
    return l->by_id.n;
}

static int by_time_and_id(const void *a, const void *b)
{
    const struct bl_ledger_entry *x = *(struct bl_ledger_entry *const *)a;
    const struct bl_ledger_entry *y = *(struct bl_ledger_entry *const *)b;
    if (x->detected_ms != y->detected_ms)
        return x->detected_ms < y->detected_ms ? -1 : 1;
    return memcmp(x->id, y->id, sizeof x->id);
}

enum bl_err bl_ledger_sort(struct bl_ledger *l)
{
    size_t n = 0, i = 0;
    free(l->sorted);
    l->sorted = malloc((l->by_id.n ? l->by_id.n : 1) * sizeof(struct bl_ledger_entry *));
    if (!l->sorted)
        return BL_ERR_NO_MEMORY;
    for (struct bl_ledger_entry *e; (e = bl_map_next(&l->by_id, &i));)
        l->sorted[n++] = e;
    qsort(l->sorted, n, sizeof(struct bl_ledger_entry *), by_time_and_id);
    return BL_OK;
}

const struct bl_ledger_entry *bl_ledger_find(const struct bl_ledger *l, const char id[32])
{
    return bl_map_get(&l->by_id, (struct bl_str){id, 32});
}
