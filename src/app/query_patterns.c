/* GET /api/patterns: filters before the limit, newest first, by pages of ids merged over the partitions.
 *
 *   start -> fill -> filled -> pick -> (briefs: filter) -> pick … -> show -> shown
 *
 * Without a filter only what is shown is read in full, and each partition is asked for limit + 1 ids: a
 * million patterns cost no more than fifty. With one, candidates are read in brief, a chunk at a time, until
 * the limit is full or BL_QUERY_SCAN_MAX were examined; then the cursor of the last one examined lets the
 * caller go on. `user_id` and `resolved=false` have indexes of their own. */
#include "bl/core/rule.h"
#include "bl/wire/row.h"
#include "query_job.h"
#include "query_rows.h"
#include "query_scan.h"

#include <stdio.h>

struct patterns {
    struct scan scan;
    enum bl_read_kind index;
    bool filtered;
    size_t examined;
    struct scan_item last; /* the last one examined */
    size_t n_candidates, n_found;
    struct scan_item candidate[BL_QUERY_CHUNK];
    struct scan_item found[BL_QUERY_LIMIT_MAX];
    char hex[BL_QUERY_LIMIT_MAX][32];
};

static job_step filled, got_briefs, shown;
static void pick(struct job *j);

static void release(void *state)
{
    struct patterns *s = state;
    scan_release(&s->scan);
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
    for (size_t i = 0; i < s->n_found; i++)
        job_ask(j, (struct bl_read){.kind = BL_READ_PATTERN,
                                    .partition = s->found[i].partition,
                                    .arg = hex_of(s, i, &s->found[i])});
    job_go(j, shown);
}

/* Takes the next candidates; asks for more ids where a lane ran empty before there was any. */
static void pick(struct job *j)
{
    struct patterns *s = j->state;
    size_t want = s->filtered ? BL_QUERY_CHUNK : (size_t)j->query.limit - s->n_found;
    if (!s->filtered) {
        while (want > 0 && scan_next(&s->scan, &s->found[s->n_found])) {
            s->n_found++;
            want--;
        }
        if (want > 0 && scan_more(&s->scan))
            fill(j);
        else
            show(j);
        return;
    }
    s->n_candidates = 0;
    while (s->n_candidates < want && scan_next(&s->scan, &s->candidate[s->n_candidates]))
        s->n_candidates++;
    if (s->n_candidates == 0) {
        if (scan_more(&s->scan))
            fill(j);
        else
            show(j);
        return;
    }
    for (size_t i = 0; i < s->n_candidates; i++)
        job_ask(j, (struct bl_read){.kind = BL_READ_PATTERN_BRIEF,
                                    .partition = s->candidate[i].partition,
                                    .arg = hex_of(s, i, &s->candidate[i])});
    job_go(j, got_briefs);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Case counts only beyond ASCII. */
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

static void got_briefs(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct patterns *s = j->state;
    for (size_t i = 0; i < n && s->n_found < (size_t)j->query.limit; i++) {
        s->examined++;
        s->last = s->candidate[i];
        if (r[i].n == BL_BRIEF_COUNT && bl_query_match(&j->query, r[i].item))
            s->found[s->n_found++] = s->candidate[i];
    }
    if (s->n_found == (size_t)j->query.limit || s->examined >= BL_QUERY_SCAN_MAX)
        show(j);
    else
        pick(j);
}

static void shown(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct patterns *s = j->state;
    json_open(&j->out, '[');
    for (size_t i = 0; i < n; i++)
        if (r[i].n > 0) {
            json_open(&j->out, 0);
            row_json(&r[i], hex_of(s, 0, &s->found[i]), &j->out);
        }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

void patterns_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    const struct bl_query *q = &j->query;
    struct patterns *s = job_state(j, sizeof *s, release);
    if (!s)
        return;
    int only = q->user_n ? job_partition_of(j, job_user(j)) : -1;
    bool open = q->resolved == 0 && only < 0;
    s->index = only >= 0 ? BL_READ_PATTERNS_USER : open ? BL_READ_PATTERNS_OPEN : BL_READ_PATTERNS;
    s->filtered = q->rule >= 0 || q->severity || q->page_n || q->q_n || (q->resolved >= 0 && !open);
    struct scan_item from = scan_top();
    if (q->has_before)
        from = (struct scan_item){.ms = q->before_ms, .id = q->before_id};
    size_t page = s->filtered ? BL_QUERY_CHUNK : (size_t)q->limit + 1;
    if (scan_init(&s->scan, j->partitions, only, from, page))
        fill(j);
    else
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
}
