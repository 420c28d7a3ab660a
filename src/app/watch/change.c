/* Changes: from an entry of the feed over the stored pattern to the text of an event. The entry only says which pattern
 * changed and how; what goes out is the pattern as it is stored now, which may already be later. */
#include "bl/wire/row.h"
#include "query/job.h"
#include "query/rows.h"
#include "watch/internal.h"

#include <stdlib.h>

#define PORTION 8

bool changes_add(struct changes *c, int partition, struct bl_str id, struct bl_str what,
                 struct bl_str pattern_id)
{
    struct change x = {.partition = partition};
    if (!place_read(id, &x.at))
        return true;
    x.at.mark = place_mark(pattern_id);
    /* What is not of ours names no pattern that there is, so nothing comes of it; but it counts as read. */
    bool ours = pattern_id.n == sizeof x.pattern_id && what.n < sizeof x.what;
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        struct change *v = realloc(c->v, cap * sizeof *v);
        if (!v)
            return false;
        c->v = v;
        c->cap = cap;
    }
    memset(x.pattern_id, '-', sizeof x.pattern_id);
    if (ours && what.n) {
        memcpy(x.pattern_id, pattern_id.p, sizeof x.pattern_id);
        memcpy(x.what, what.p, what.n);
    }
    c->v[c->n++] = x;
    return true;
}

static int in_order(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    int order = place_cmp(x->at, y->at);
    return order ? order : x->partition - y->partition;
}

void changes_sort(struct changes *c)
{
    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, in_order);
}

void changes_clear(struct changes *c)
{
    c->n = c->done = c->loading = 0;
}

void changes_load(struct bl_watch *w, struct changes *c, bl_reads_fn *fn, void *ctx)
{
    struct bl_read asks[PORTION];
    c->loading = c->n - c->done < PORTION ? c->n - c->done : PORTION;
    for (size_t i = 0; i < c->loading; i++) {
        const struct change *x = &c->v[c->done + i];
        asks[i] = (struct bl_read){
            .kind = BL_READ_PATTERN, .partition = x->partition, .arg = {x->pattern_id, sizeof x->pattern_id}};
    }
    w->options.reads->read(w->options.reads->port, asks, c->loading, fn, ctx);
}

static bool is_erased(const struct change *c)
{
    return strcmp(c->what, "erased") == 0;
}

bool change_body(const struct change *c, const struct bl_read_reply *pattern, struct bl_buf *out)
{
    bl_buf_clear(out);
    if (is_erased(c)) {
        bl_buf_printf(out, "event: erased\ndata: {\"pattern_id\":\"%.32s\"}\n\n", c->pattern_id);
        return true;
    }
    if (reply_get(pattern, "type").n == 0)
        return false;
    bl_buf_z(out, "event: pattern\ndata: {\"change\":");
    bl_buf_json(out, bl_str_of(c->what));
    bl_buf_z(out, ",\"pattern\":");
    row_json(pattern, (struct bl_str){c->pattern_id, sizeof c->pattern_id}, out);
    bl_buf_z(out, "}\n\n");
    return true;
}

bool change_matches(const struct bl_query *filter, const struct change *c,
                    const struct bl_read_reply *pattern)
{
    struct bl_str brief[BL_BRIEF_COUNT] = {[BL_BRIEF_TYPE] = reply_get(pattern, "type"),
                                           [BL_BRIEF_SEVERITY] = reply_get(pattern, "severity"),
                                           [BL_BRIEF_USER_ID] = reply_get(pattern, "user_id"),
                                           [BL_BRIEF_PAGE] = reply_get(pattern, "page"),
                                           [BL_BRIEF_RESOLVED] = reply_get(pattern, "resolved"),
                                           [BL_BRIEF_EXPLANATION] = {0}};
    return is_erased(c) || bl_query_match(filter, brief);
}

void frame_begin(struct bl_buf *out, const struct place *at, int partitions)
{
    bl_buf_clear(out);
    bl_buf_z(out, "id: ");
    places_write(at, partitions, out);
    bl_buf_char(out, '\n');
}

struct bl_read place_ask(int p, const struct place *at, char text[PLACE_TEXT])
{
    return (struct bl_read){.kind = BL_READ_FEED_PLACE,
                            .partition = p,
                            .arg = at ? place_text(*at, text) : BL_STR(""),
                            .a = at ? at->mark : 0};
}

bool place_answer(const struct bl_read_reply *r, struct place *end, bool *whole)
{
    if (r->n != 3 || !place_read(r->item[0], end))
        return false;
    end->mark = (uint8_t)item_int(r, 1);
    *whole = bl_str_eqz(r->item[2], "1");
    return true;
}
