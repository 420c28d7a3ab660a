/* GET /api/patterns: filters before the limit, newest first, by pages of ids merged over the partitions.
 *
 *   start -> fill -> filled -> pick (-> fill …) -> show -> shown
 *
 * Only what is shown is read in full, and of that only what has changed since a list showed it last (query/cache.h). Each
 * partition is asked for some more than its share of the limit and, seldom, again: a million patterns cost no more than fifty.
 * With a filter the store tells of each candidate whether it passes, some 500 in a round so that nobody waits long for Redis,
 * until the limit is full or BL_QUERY_SCAN_MAX were examined; then the cursor of the last one examined lets the caller go on.
 * `user_id` and `resolved=false` have indexes of their own. */
#include "bl/core/rule.h"
#include "bl/wire/row.h"
#include "query/cache.h"
#include "query/job.h"
#include "query/rows.h"
#include "query/scan.h"

#include <stdio.h>

#define ROUND 512 /* candidates of all partitions in a round with a filter, once the rounds have grown */

struct patterns {
    struct scan scan;
    enum bl_read_kind index;
    struct bl_read_filter filter;
    char q[BL_QUERY_Q_MAX]; /* in lower case */
    size_t examined, n_found;
    struct scan_item last; /* the last one examined */
    struct scan_item found[BL_QUERY_LIMIT_MAX];
    bool from_cache;     /* not worth a question to each partition where there are more of them than rows */
    struct bl_buf known; /* of the found ones those in the cache, as JSON, one behind another */
    size_t known_n[BL_QUERY_LIMIT_MAX]; /* their bytes; 0: it is read */
    char hex[BL_QUERY_LIMIT_MAX][32];
};

static job_step filled, shown;
static void pick(struct job *j);

static void release(void *state)
{
    struct patterns *s = state;
    scan_release(&s->scan);
    bl_buf_release(&s->known);
}

static struct bl_str hex_of(struct patterns *s, size_t i, const struct scan_item *item)
{
    bl_pattern_id_hex(&item->id, s->hex[i]);
    return (struct bl_str){s->hex[i], 32};
}

static void fill(struct job *j)
{
    struct patterns *s = j->state;
    struct bl_read read;
    for (size_t i = 0; i < s->scan.lanes; i++)
        if (scan_hungry(&s->scan, i, j->query.since_ms, &read)) {
            read.kind = s->index;
            read.arg = s->index == BL_READ_PATTERNS_USER ? job_user(j) : (struct bl_str){0};
            job_ask(j, read);
        }
    for (size_t i = 0; i < s->scan.lanes && s->from_cache; i++)
        job_ask(j, cache_ask(j->q->cache, s->scan.lane[i].partition));
    job_go(j, filled);
}

static void filled(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct patterns *s = j->state;
    struct bl_read read;
    size_t k = 0;
    for (size_t i = 0; i < s->scan.lanes && k < n; i++)
        if (scan_hungry(&s->scan, i, j->query.since_ms, &read))
            scan_feed(&s->scan, i, &r[k++]);
    for (size_t i = 0; i < s->scan.lanes && s->from_cache; i++)
        cache_heard(j->q->cache, s->scan.lane[i].partition, &r[k++]);
    scan_fed(&s->scan);
    pick(j);
}

static void show(struct job *j)
{
    struct patterns *s = j->state;
    const struct scan_item *last =
        s->n_found == (size_t)j->query.limit ? &s->found[s->n_found - 1] : &s->last;
    bool more =
        scan_more(&s->scan) && (s->n_found == (size_t)j->query.limit || s->examined >= BL_QUERY_SCAN_MAX);
    if (more) {
        char hex[32];
        bl_pattern_id_hex(&last->id, hex);
        snprintf(j->cursor, sizeof j->cursor, "%lld:%.32s", (long long)last->ms, hex);
    }
    int64_t now_ms = j->q->reads.now(j->q->reads.port);
    for (size_t i = 0; i < s->n_found; i++) {
        size_t before = s->known.n;
        if (!s->from_cache || !cache_get(j->q->cache, &s->found[i].id, now_ms, &s->known))
            job_ask(j, (struct bl_read){.kind = BL_READ_PATTERN,
                                        .partition = s->found[i].partition,
                                        .arg = hex_of(s, i, &s->found[i])});
        s->known_n[i] = s->known.n - before;
    }
    job_go(j, shown);
}

/* Takes the next candidates; asks for more ids where a lane ran empty before there were enough. */
static void pick(struct job *j)
{
    struct patterns *s = j->state;
    struct scan_item item;
    size_t limit = (size_t)j->query.limit;
    while (s->n_found < limit && s->examined < BL_QUERY_SCAN_MAX && scan_next(&s->scan, &item)) {
        s->examined++;
        s->last = item;
        if (item.passes)
            s->found[s->n_found++] = item;
    }
    if (s->n_found < limit && s->examined < BL_QUERY_SCAN_MAX && scan_more(&s->scan))
        fill(j);
    else
        show(j);
}

/* Case counts only beyond ASCII. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool contains(struct bl_str in, struct bl_str what)
{
    for (size_t i = 0; what.n <= in.n && i <= in.n - what.n; i++) {
        size_t k = 0;
        while (k < what.n && lower(in.p[i + k]) == lower(what.p[k]))
            k++;
        if (k == what.n)
            return true;
    }
    return false;
}

bool bl_query_match(const struct bl_query *q, const struct bl_str brief[BL_BRIEF_COUNT])
{
    bool resolved = brief[BL_BRIEF_RESOLVED].n && !bl_str_eqz(brief[BL_BRIEF_RESOLVED], "false");
    struct bl_str text = {q->q, q->q_n};
    if (brief[BL_BRIEF_TYPE].n == 0)
        return false;
    if (q->rule >= 0 && !bl_str_eqz(brief[BL_BRIEF_TYPE], bl_rule((enum bl_rule_id)q->rule)->name))
        return false;
    if (q->severity && !bl_str_eqz(brief[BL_BRIEF_SEVERITY], bl_severity_name((enum bl_severity)q->severity)))
        return false;
    if (q->resolved >= 0 && resolved != (q->resolved == 1))
        return false;
    if (q->page_n && !bl_str_eq(brief[BL_BRIEF_PAGE], (struct bl_str){q->page, q->page_n}))
        return false;
    if (q->user_n && !bl_str_eq(brief[BL_BRIEF_USER_ID], (struct bl_str){q->user, q->user_n}))
        return false;
    return q->q_n == 0 || contains(brief[BL_BRIEF_USER_ID], text) || contains(brief[BL_BRIEF_PAGE], text) ||
           contains(brief[BL_BRIEF_EXPLANATION], text);
}

/* A pattern that has gone meanwhile has no fields. */
static void show_read(struct job *j, const struct scan_item *item, const struct bl_read_reply *r)
{
    struct patterns *s = j->state;
    if (r->n == 0)
        return;
    json_open(&j->out, 0);
    size_t before = j->out.n;
    row_json(r, hex_of(s, 0, item), &j->out);
    if (s->from_cache && j->out.err == BL_OK)
        cache_put(j->q->cache, item->partition, &item->id, j->q->reads.now(j->q->reads.port),
                  (struct bl_str){j->out.p + before, j->out.n - before});
}

static void shown(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct patterns *s = j->state;
    size_t known = 0, k = 0;
    if (s->known.err != BL_OK) {
        job_fail(j, s->known.err, NULL);
        return;
    }
    json_open(&j->out, '[');
    for (size_t i = 0; i < s->n_found; i++)
        if (s->known_n[i] > 0) {
            json_open(&j->out, 0);
            bl_buf_add(&j->out, s->known.p + known, s->known_n[i]);
            known += s->known_n[i];
        } else if (k < n) {
            show_read(j, &s->found[i], &r[k++]);
        }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

/* What the index does not see to. True: there is something. */
static bool set_filter(struct job *j, bool open)
{
    struct patterns *s = j->state;
    const struct bl_query *q = &j->query;
    if (q->rule >= 0)
        s->filter.type = bl_str_of(bl_rule((enum bl_rule_id)q->rule)->name);
    if (q->severity)
        s->filter.severity = bl_str_of(bl_severity_name((enum bl_severity)q->severity));
    if (q->resolved >= 0 && !open)
        s->filter.resolved = bl_str_of(q->resolved ? "true" : "false");
    s->filter.page = (struct bl_str){q->page, q->page_n};
    for (size_t i = 0; i < q->q_n; i++)
        s->q[i] = lower(q->q[i]);
    s->filter.q = (struct bl_str){s->q, q->q_n};
    const struct bl_read_filter *f = &s->filter;
    return f->type.n || f->severity.n || f->resolved.n || f->page.n || f->q.n;
}

/* Enough for nearly every first round: the share of a partition, and four standard deviations. */
static size_t share_of(size_t limit, size_t lanes)
{
    size_t mean = limit / lanes + 1, page = mean + 4;
    while ((page - mean) * (page - mean) < 16 * mean)
        page++;
    return page < limit + 1 ? page : limit + 1;
}

void patterns_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    const struct bl_query *q = &j->query;
    struct patterns *s = job_state(j, sizeof *s, release);
    if (!s)
        return;
    bl_buf_init(&s->known, 0);
    int only = q->user_n ? job_partition_of(j, job_user(j)) : -1;
    size_t lanes = only < 0 ? (size_t)j->partitions : 1;
    s->from_cache = lanes <= (size_t)q->limit;
    bool open = q->resolved == 0 && only < 0, filtered = set_filter(j, open);
    s->index = only >= 0 ? BL_READ_PATTERNS_USER : open ? BL_READ_PATTERNS_OPEN : BL_READ_PATTERNS;
    struct scan_item from = scan_top();
    if (q->has_before)
        from = (struct scan_item){.ms = q->before_ms, .id = q->before_id};
    size_t page = share_of((size_t)q->limit, lanes),
           most = filtered ? ROUND / lanes + 1 : (size_t)q->limit + 1;
    if (scan_init(&s->scan, j->partitions, only, from, page < most ? page : most, most,
                  filtered ? &s->filter : NULL))
        fill(j);
    else
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
}
