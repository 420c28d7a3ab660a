/* See query/cache.h. A table in which an id has one place: two that share it take turns, and are read a little more often. */
#include "query/cache.h"

#include "bl/base/limits.h"
#include "place.h"
#include "query/job.h"

#include <stdlib.h>

struct row {
    struct bl_pattern_id id;
    int partition;
    int64_t until_ms;
    struct bl_str json; /* owned; n == 0: an empty place */
};

/* The feed's entry up to which was heard. An id may be another change's after a restart: the mark tells them apart. */
struct seen {
    char text[PLACE_TEXT]; /* "": nothing yet */
    uint8_t mark;
};

struct cache {
    struct row row[CACHE_ROWS];
    struct seen seen[BL_PARTITIONS_MAX];
    int rows[BL_PARTITIONS_MAX]; /* of each partition */
    uint64_t connection;
    int64_t tidy_ms; /* nothing is to be done before */
};

struct cache *cache_new(void)
{
    return calloc(1, sizeof(struct cache));
}

static void row_drop(struct cache *s, struct row *row)
{
    if (row->json.n == 0)
        return;
    s->rows[row->partition]--;
    free((char *)(uintptr_t)row->json.p);
    *row = (struct row){0};
}

void cache_clear(struct cache *s)
{
    for (size_t i = 0; i < CACHE_ROWS; i++)
        row_drop(s, &s->row[i]);
    memset(s->seen, 0, sizeof s->seen);
}

void cache_free(struct cache *s)
{
    if (s)
        cache_clear(s);
    free(s);
}

void cache_tidy(struct cache *s, uint64_t connection, int64_t now_ms)
{
    if (connection != s->connection)
        cache_clear(s);
    s->connection = connection;
    if (now_ms < s->tidy_ms)
        return;
    s->tidy_ms = now_ms + CACHE_MS;
    for (size_t i = 0; i < CACHE_ROWS; i++)
        if (s->row[i].until_ms <= now_ms)
            row_drop(s, &s->row[i]);
}

/* Ids are hashes. */
static size_t place_of(const struct bl_pattern_id *id)
{
    return ((size_t)id->b[0] << 8 | id->b[1]) % CACHE_ROWS;
}

static bool is_of(const struct row *row, const struct bl_pattern_id *id)
{
    return row->json.n > 0 && memcmp(&row->id, id, sizeof *id) == 0;
}

static void forget(struct cache *s, struct bl_str pattern_id)
{
    struct bl_pattern_id id;
    if (bl_pattern_id_parse(pattern_id, &id) && is_of(&s->row[place_of(&id)], &id))
        row_drop(s, &s->row[place_of(&id)]);
}

static void forget_all(struct cache *s, int partition)
{
    for (size_t i = 0; i < CACHE_ROWS; i++)
        if (s->row[i].partition == partition)
            row_drop(s, &s->row[i]);
}

/* From the newest back to the one heard last, which tells that none is missing in between. Where nothing is kept it is enough
 * to know from where on to ask the next time. */
struct bl_read cache_ask(const struct cache *s, int partition)
{
    const char *from = s->seen[partition].text;
    bool since = *from && s->rows[partition] > 0;
    return (struct bl_read){.kind = BL_READ_FEED_NEWEST,
                            .partition = partition,
                            .arg = since ? bl_str_of(from) : BL_STR("-"),
                            .a = since ? CACHE_CHANGES + 1 : 1};
}

/* The change at item *i; false: there is none, or it is not what the store would say. */
static bool next_change(const struct bl_read_reply *r, size_t *i, struct seen *change, struct bl_str *pattern)
{
    struct bl_read_reply fields;
    struct bl_str id;
    struct place at;
    size_t next = *i;
    if (!bl_read_entry(r, &next, &id, &fields) || !place_read(id, &at))
        return false;
    *i = next;
    *pattern = reply_get(&fields, "pattern_id");
    place_text(at, change->text);
    change->mark = place_mark(*pattern);
    return true;
}

static bool is_seen(const struct seen *a, const struct seen *b)
{
    return strcmp(a->text, b->text) == 0 && a->mark == b->mark;
}

void cache_heard(struct cache *s, int partition, const struct bl_read_reply *r)
{
    struct seen *seen = &s->seen[partition], change, newest = {0};
    struct bl_str pattern;
    size_t i = 0;
    bool reached = r->n == 0 && !*seen->text; /* nothing has ever changed */
    while (next_change(r, &i, &change, &pattern)) {
        if (!*newest.text)
            newest = change;
        if (is_seen(&change, seen))
            reached = true;
        else
            forget(s, pattern);
    }
    if (!reached || i < r->n)
        forget_all(s, partition);
    *seen = newest;
}

bool cache_get(const struct cache *s, const struct bl_pattern_id *id, int64_t now_ms, struct bl_buf *out)
{
    const struct row *row = &s->row[place_of(id)];
    if (!is_of(row, id) || row->until_ms <= now_ms)
        return false;
    bl_buf_str(out, row->json);
    return true;
}

void cache_put(struct cache *s, int partition, const struct bl_pattern_id *id, int64_t now_ms,
               struct bl_str json)
{
    struct row *row = &s->row[place_of(id)];
    int64_t until_ms = now_ms + CACHE_MS + CACHE_MS * id->b[2] / 256;
    row_drop(s, row);
    char *copy = json.n > 0 && json.n <= CACHE_ROW_MAX ? malloc(json.n) : NULL;
    if (!copy)
        return;
    memcpy(copy, json.p, json.n);
    s->rows[partition]++;
    *row = (struct row){*id, partition, until_ms, {copy, json.n}};
}
