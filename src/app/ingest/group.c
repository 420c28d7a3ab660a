/* Each partition has one text, in which a stream entry is a range (a cut): the memory is kept from group to
 * group, so that a busy server copies lines and allocates nothing. */
#include "ingest/group.h"

#include <assert.h>
#include <stdlib.h>

/* What a partition's text may grow to before its memory is given back. */
#define KEEP_BYTES (256 * 1024)

void bl_group_init(struct bl_group *g)
{
    memset(g, 0, sizeof *g);
    for (size_t p = 0; p < BL_PARTITIONS_MAX; p++)
        bl_buf_init(&g->text[p], 0);
}

void bl_group_release(struct bl_group *g)
{
    for (size_t p = 0; p < BL_PARTITIONS_MAX; p++)
        bl_buf_release(&g->text[p]);
    free(g->cuts);
    free(g->entries);
    g->cuts = NULL;
    g->entries = NULL;
}

enum bl_err bl_group_reserve(struct bl_group *g, size_t events)
{
    size_t cap = g->cuts_cap ? g->cuts_cap : 64;
    while (cap < g->cuts_n + events)
        cap *= 2;
    if (cap == g->cuts_cap)
        return BL_OK;
    struct bl_group_cut *cuts = realloc(g->cuts, cap * sizeof *cuts);
    if (!cuts)
        return BL_ERR_NO_MEMORY;
    g->cuts = cuts;
    struct bl_append_entry *entries = realloc(g->entries, cap * sizeof *entries);
    if (!entries)
        return BL_ERR_NO_MEMORY;
    g->entries = entries;
    g->cuts_cap = cap;
    return BL_OK;
}

static struct bl_group_cut *cut_for(struct bl_group *g, int partition, size_t bytes)
{
    size_t open = g->open[partition];
    if (open) {
        struct bl_group_cut *c = &g->cuts[open - 1];
        if (c->events < BL_RECORD_BATCH_EVENTS && c->to - c->from + 1 + bytes <= BL_RECORD_BATCH_BYTES)
            return c;
    }
    assert(g->cuts_n < g->cuts_cap);
    struct bl_group_cut *c = &g->cuts[g->cuts_n++];
    *c = (struct bl_group_cut){partition, g->text[partition].n, g->text[partition].n, 0};
    g->open[partition] = g->cuts_n;
    return c;
}

enum bl_err bl_group_make_room(struct bl_group *g, int partition, size_t bytes)
{
    assert(partition >= 0 && partition < BL_PARTITIONS_MAX);
    struct bl_buf *text = &g->text[partition];
    enum bl_err err = bl_buf_reserve(text, bytes) ? BL_OK : text->err;
    text->err = BL_OK; /* the next request may be smaller, or find memory */
    return err;
}

void bl_group_add(struct bl_group *g, int partition, struct bl_str line)
{
    struct bl_buf *text = &g->text[partition];
    assert(text->cap - text->n > line.n);
    struct bl_group_cut *c = cut_for(g, partition, line.n);
    if (c->events)
        bl_buf_char(text, '\n');
    bl_buf_str(text, line);
    c->to = text->n;
    c->events++;
    g->events++;
    g->bytes += line.n;
}

const struct bl_append_entry *bl_group_entries(struct bl_group *g, size_t *n)
{
    for (size_t i = 0; i < g->cuts_n; i++) {
        const struct bl_group_cut *c = &g->cuts[i];
        g->entries[i] = (struct bl_append_entry){
            c->partition, {g->text[c->partition].p + c->from, c->to - c->from}, c->events};
    }
    *n = g->cuts_n;
    return g->entries;
}

void bl_group_clear(struct bl_group *g)
{
    for (size_t i = 0; i < g->cuts_n; i++) {
        struct bl_buf *text = &g->text[g->cuts[i].partition];
        if (text->cap > KEEP_BYTES)
            bl_buf_release(text);
        else
            bl_buf_clear(text);
        g->open[g->cuts[i].partition] = 0;
    }
    g->cuts_n = g->bytes = g->events = 0;
}
