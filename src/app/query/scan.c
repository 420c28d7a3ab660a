/* See query/scan.h. The number of lanes is small (256 at most): the newest head is found by looking at all.
 */
#include "query/scan.h"
#include "query/job.h"

#include <stdlib.h>

struct scan_item scan_top(void)
{
    struct scan_item top = {.ms = INT64_MAX};
    memset(top.id.b, 0xFF, sizeof top.id.b);
    return top;
}

bool scan_init(struct scan *s, int partitions, int only, struct scan_item from, size_t page, size_t page_max,
               const struct bl_read_filter *filter)
{
    size_t lanes = only < 0 ? (size_t)partitions : 1;
    *s = (struct scan){.lanes = lanes, .page = page, .page_max = page_max, .filter = filter};
    s->lane = calloc(lanes, sizeof *s->lane);
    s->items = calloc(lanes * page_max, sizeof *s->items);
    if (!s->lane || !s->items) {
        scan_release(s);
        return false;
    }
    for (size_t i = 0; i < lanes; i++)
        s->lane[i] = (struct scan_lane){
            .partition = only < 0 ? (int)i : only, .last = from, .item = s->items + i * page_max};
    return true;
}

void scan_release(struct scan *s)
{
    free(s->lane);
    free(s->items);
    *s = (struct scan){0};
}

int scan_cmp(const struct scan_item *a, const struct scan_item *b)
{
    if (a->ms != b->ms)
        return a->ms > b->ms ? -1 : 1;
    return memcmp(b->id.b, a->id.b, sizeof a->id.b);
}

bool scan_hungry(const struct scan *s, size_t i, int64_t since_ms, struct bl_read *read)
{
    const struct scan_lane *lane = &s->lane[i];
    if (lane->done || lane->at < lane->n)
        return false;
    *read = (struct bl_read){.partition = lane->partition,
                             .a = lane->last.ms,
                             .b = since_ms,
                             .c = lane->skip,
                             .d = (int64_t)s->page,
                             .filter = s->filter};
    return true;
}

void scan_feed(struct scan *s, size_t i, const struct bl_read_reply *reply)
{
    struct scan_lane *lane = &s->lane[i];
    size_t stride = s->filter ? 3 : 2, read = reply->n / stride;
    int64_t was_ms = lane->last.ms, oldest_ms = was_ms;
    lane->at = lane->n = 0;
    for (size_t k = 0; k < read && k < s->page; k++) {
        const struct bl_str *of = &reply->item[stride * k];
        struct scan_item item = {.partition = lane->partition};
        if (!bl_str_int64(of[1], &item.ms)) /* no score of ours */
            continue;
        oldest_ms = item.ms;
        item.passes = !s->filter || bl_str_eqz(of[2], "1");
        if (!bl_pattern_id_parse(of[0], &item.id) || scan_cmp(&lane->last, &item) >= 0)
            continue;
        lane->item[lane->n++] = item;
        lane->last = item;
    }
    lane->skip = oldest_ms == was_ms ? lane->skip + (int64_t)read : 0;
    lane->done = read < s->page;
}

void scan_fed(struct scan *s)
{
    s->page = s->page * 2 < s->page_max ? s->page * 2 : s->page_max;
}

static struct scan_lane *newest(const struct scan *s)
{
    struct scan_lane *best = NULL;
    for (size_t i = 0; i < s->lanes; i++) {
        struct scan_lane *lane = &s->lane[i];
        if (lane->at == lane->n) {
            if (!lane->done)
                return NULL;
            continue;
        }
        if (!best || scan_cmp(&lane->item[lane->at], &best->item[best->at]) < 0)
            best = lane;
    }
    return best;
}

bool scan_next(struct scan *s, struct scan_item *out)
{
    struct scan_lane *lane = newest(s);
    if (lane)
        *out = lane->item[lane->at++];
    return lane != NULL;
}

bool scan_more(const struct scan *s)
{
    for (size_t i = 0; i < s->lanes; i++)
        if (!s->lane[i].done || s->lane[i].at < s->lane[i].n)
            return true;
    return false;
}
