/* See query/shelf.h. A table in which an id has one place: two that share it take turns, and are read a little more often. */
#include "query/shelf.h"

#include "bl/base/limits.h"
#include "query/job.h"

#include <stdlib.h>

#define SEEN_BYTES 48
#define CHANGES    16 /* heard at once; after more of them all of the partition are read anew */

struct row {
    struct bl_pattern_id id;
    int partition;
    int64_t until_ms;
    struct bl_str json; /* owned; n == 0: an empty place */
};

struct shelf {
    struct row row[SHELF_ROWS];
    char seen[BL_PARTITIONS_MAX][SEEN_BYTES]; /* the feed's entry up to which was heard; "": nothing yet */
};

struct shelf *shelf_new(void)
{
    return calloc(1, sizeof(struct shelf));
}

static void row_drop(struct row *row)
{
    free((char *)(uintptr_t)row->json.p);
    *row = (struct row){0};
}

void shelf_clear(struct shelf *s)
{
    for (size_t i = 0; i < SHELF_ROWS; i++)
        row_drop(&s->row[i]);
    memset(s->seen, 0, sizeof s->seen);
}

void shelf_free(struct shelf *s)
{
    if (s)
        shelf_clear(s);
    free(s);
}

struct bl_read shelf_ask(const struct shelf *s, int partition)
{
    const char *seen = s->seen[partition];
    return (struct bl_read){.kind = BL_READ_FEED_NEWEST,
                            .partition = partition,
                            .arg = *seen ? bl_str_of(seen) : BL_STR("0-0"),
                            .a = CHANGES};
}

/* Ids are hashes. */
static size_t place_of(const struct bl_pattern_id *id)
{
    return ((size_t)id->b[0] << 8 | id->b[1]) % SHELF_ROWS;
}

static void forget(struct shelf *s, struct bl_str pattern_id)
{
    struct bl_pattern_id id;
    if (!bl_pattern_id_parse(pattern_id, &id))
        return;
    struct row *row = &s->row[place_of(&id)];
    if (memcmp(&row->id, &id, sizeof id) == 0)
        row_drop(row);
}

static void forget_all(struct shelf *s, int partition)
{
    for (size_t i = 0; i < SHELF_ROWS; i++)
        if (s->row[i].partition == partition)
            row_drop(&s->row[i]);
}

/* The newest entry comes first. */
void shelf_heard(struct shelf *s, int partition, const struct bl_read_reply *r)
{
    char *seen = s->seen[partition];
    size_t entries = 0;
    bool whole = true;
    for (size_t i = 0; whole && i + 1 < r->n; entries++) {
        size_t items = (size_t)item_int(r, i + 1);
        struct bl_read_reply entry = {items, r->item + i + 2};
        whole = items <= r->n - i - 2;
        if (whole)
            forget(s, reply_get(&entry, "pattern_id"));
        i += 2 + items;
    }
    if (entries >= CHANGES || !whole)
        forget_all(s, partition);
    if (entries > 0 && r->item[0].n < SEEN_BYTES) {
        memcpy(seen, r->item[0].p, r->item[0].n);
        seen[r->item[0].n] = '\0';
    }
}

bool shelf_get(const struct shelf *s, const struct bl_pattern_id *id, int64_t now_ms, struct bl_buf *out)
{
    const struct row *row = &s->row[place_of(id)];
    if (row->json.n == 0 || now_ms >= row->until_ms || memcmp(&row->id, id, sizeof *id) != 0)
        return false;
    bl_buf_str(out, row->json);
    return true;
}

void shelf_put(struct shelf *s, int partition, const struct bl_pattern_id *id, int64_t now_ms,
               struct bl_str json)
{
    struct row *row = &s->row[place_of(id)];
    row_drop(row);
    char *copy = json.n > 0 && json.n <= SHELF_ROW_MAX ? malloc(json.n) : NULL;
    if (!copy)
        return;
    memcpy(copy, json.p, json.n);
    *row = (struct row){*id, partition, now_ms + SHELF_MS + SHELF_MS * id->b[2] / 256, {copy, json.n}};
}
