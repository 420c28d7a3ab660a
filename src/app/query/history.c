/* GET /api/metrics/history and /api/pages (SPEC 6): what the partitions count by minute, and by page in steps
 * of five minutes. Both read many small hashes, a chunk of keys at a time.
 *
 * Pages: the last hour (12 steps, the running one included). `trend` compares the patterns of its later half
 * with those of the half before: rising, falling or steady. Pages with the most patterns first, then most
 * views, then by name. */
#include "bl/base/map.h"
#include "bl/core/rule.h"
#include "query/job.h"

#include <stdlib.h>

#define MINUTE_MS  60000
#define STEP_MS    300000
#define PAGE_STEPS 12

struct minute {
    int64_t events, active, resolved, completed, abandoned, type[BL_RULE_COUNT];
};

struct history {
    size_t asked; /* keys asked for so far, of minutes * partitions: minute-major, newest first */
    size_t chunk; /* of them in the round under way */
    struct minute minute[1440];
};

static job_step got_minutes;

/* "type:T" or "T" -> the rule; -1: it is another counter. */
static int rule_of(struct bl_str name)
{
    enum bl_rule_id rule = bl_rule_of(name);
    return rule < BL_RULE_COUNT ? (int)rule : -1;
}

static void ask_minutes(struct job *j)
{
    struct history *s = j->state;
    size_t all = (size_t)j->query.minutes * (size_t)j->partitions;
    for (s->chunk = 0; s->chunk < BL_QUERY_CHUNK && s->asked < all; s->chunk++, s->asked++) {
        int64_t back = (int64_t)(s->asked / (size_t)j->partitions);
        job_ask(j, (struct bl_read){.kind = BL_READ_MINUTE,
                                    .partition = (int)(s->asked % (size_t)j->partitions),
                                    .a = j->now_ms / MINUTE_MS - back});
    }
    job_go(j, got_minutes);
}

static const struct {
    const char *field;
    size_t at;
} plain[] = {{"events", offsetof(struct minute, events)},
             {"active", offsetof(struct minute, active)},
             {"resolved", offsetof(struct minute, resolved)},
             {"attempts:completed", offsetof(struct minute, completed)},
             {"attempts:abandoned", offsetof(struct minute, abandoned)}};

static void add_minute(struct minute *m, const struct bl_read_reply *r)
{
    for (size_t i = 0; i + 1 < r->n; i += 2) {
        struct bl_str name = r->item[i];
        int64_t v = item_int(r, i + 1);
        for (size_t k = 0; k < sizeof plain / sizeof plain[0]; k++)
            if (bl_str_eqz(name, plain[k].field))
                *(int64_t *)(void *)((char *)m + plain[k].at) += v;
        if (bl_str_starts(name, BL_STR("type:"))) {
            int rule = rule_of((struct bl_str){name.p + 5, name.n - 5});
            if (rule >= 0)
                m->type[rule] += v;
        }
    }
}

static void write_types(struct bl_buf *out, const int64_t type[BL_RULE_COUNT])
{
    json_key(out, "patterns_by_type");
    bl_buf_char(out, '{');
    for (int i = 0; i < BL_RULE_COUNT; i++)
        json_int(out, bl_rule((enum bl_rule_id)i)->name, type[i]);
    bl_buf_char(out, '}');
}

static int64_t sum(const int64_t type[BL_RULE_COUNT])
{
    int64_t all = 0;
    for (int i = 0; i < BL_RULE_COUNT; i++)
        all += type[i];
    return all;
}

static void write_history(struct job *j)
{
    struct history *s = j->state;
    json_open(&j->out, '[');
    for (int64_t i = 0; i < j->query.minutes; i++) {
        const struct minute *m = &s->minute[i];
        json_open(&j->out, '{');
        json_int(&j->out, "minute", (j->now_ms / MINUTE_MS - i) * MINUTE_MS);
        json_int(&j->out, "events", m->events);
        json_int(&j->out, "active_users", m->active);
        write_types(&j->out, m->type);
        json_int(&j->out, "patterns_detected", sum(m->type));
        json_int(&j->out, "patterns_resolved", m->resolved);
        json_int(&j->out, "attempts_completed", m->completed);
        json_int(&j->out, "attempts_abandoned", m->abandoned);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

static void got_minutes(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct history *s = j->state;
    for (size_t i = 0; i < n; i++)
        add_minute(&s->minute[(s->asked - s->chunk + i) / (size_t)j->partitions], &r[i]);
    if (s->asked < (size_t)j->query.minutes * (size_t)j->partitions)
        ask_minutes(j);
    else
        write_history(j);
}

void history_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    if (job_state(j, sizeof(struct history), NULL))
        ask_minutes(j);
}

/* --- pages */

struct page {
    struct bl_str name; /* in the bytes behind the struct */
    int64_t views, patterns, half[2], type[BL_RULE_COUNT];
};

struct pages {
    struct bl_map map; /* name -> struct page, owned */
    int64_t step;      /* the next step to add, counted back from now */
    int64_t asked;     /* the next one to ask for */
};

static job_step got_pages;

static void release_pages(void *state)
{
    struct pages *s = state;
    struct page *page;
    for (size_t i = 0; (page = bl_map_next(&s->map, &i)) != NULL;)
        free(page);
    bl_map_release(&s->map);
}

/* NULL: no memory, or too many pages already. */
static struct page *page_of(struct pages *s, struct bl_str name)
{
    struct page *page = bl_map_get(&s->map, name);
    if (page || s->map.n >= BL_QUERY_PAGES_MAX)
        return page;
    page = calloc(1, sizeof *page + name.n);
    if (!page)
        return NULL;
    char *copy = (char *)(page + 1);
    if (name.n)
        memcpy(copy, name.p, name.n);
    page->name = (struct bl_str){copy, name.n};
    if (bl_map_put(&s->map, page) == BL_OK)
        return page;
    free(page);
    return NULL;
}

/* A field `views PAGE` or `T PAGE`, T a rule's name. */
static void add_page(struct pages *s, struct bl_str field, int64_t v, bool earlier)
{
    const char *space = field.n ? memchr(field.p, ' ', field.n) : NULL;
    if (!space)
        return;
    struct bl_str what = {field.p, (size_t)(space - field.p)};
    bool views = bl_str_eqz(what, "views");
    int rule = rule_of(what);
    struct page *page =
        views || rule >= 0 ? page_of(s, (struct bl_str){space + 1, field.n - what.n - 1}) : NULL;
    if (!page)
        return;
    if (views) {
        page->views += v;
    } else {
        page->type[rule] += v;
        page->patterns += v;
        page->half[earlier] += v;
    }
}

/* As many at once as BL_QUERY_CHUNK says, in whole steps: a round trip each costs more than they do. */
static void ask_pages(struct job *j)
{
    struct pages *s = j->state;
    int64_t most = BL_QUERY_CHUNK / 8 / j->partitions;
    s->asked = s->step;
    do
        job_ask_all(j, (struct bl_read){.kind = BL_READ_PAGES, .a = j->now_ms / STEP_MS - s->asked});
    while (++s->asked < PAGE_STEPS && s->asked - s->step < most);
    job_go(j, got_pages);
}

static int by_weight(const void *a, const void *b)
{
    const struct page *x = *(struct page *const *)a, *y = *(struct page *const *)b;
    if (x->patterns != y->patterns)
        return x->patterns > y->patterns ? -1 : 1;
    if (x->views != y->views)
        return x->views > y->views ? -1 : 1;
    return bl_str_cmp(x->name, y->name);
}

static const char *trend(const struct page *page)
{
    if (page->half[0] == page->half[1])
        return "steady";
    return page->half[0] > page->half[1] ? "rising" : "falling";
}

static void write_pages(struct job *j)
{
    struct pages *s = j->state;
    struct page **sorted = calloc(s->map.n + 1, sizeof *sorted), *page;
    size_t n = 0;
    if (!sorted) {
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
        return;
    }
    for (size_t i = 0; (page = bl_map_next(&s->map, &i)) != NULL;)
        sorted[n++] = page;
    qsort(sorted, n, sizeof(struct page *), by_weight);
    json_open(&j->out, '[');
    for (size_t i = 0; i < n && i < (size_t)j->query.limit; i++) {
        json_open(&j->out, '{');
        json_text(&j->out, "page", sorted[i]->name);
        json_int(&j->out, "views", sorted[i]->views);
        json_int(&j->out, "patterns", sorted[i]->patterns);
        write_types(&j->out, sorted[i]->type);
        json_text(&j->out, "trend", bl_str_of(trend(sorted[i])));
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    free(sorted);
    job_finish(j);
}

static void got_pages(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct pages *s = j->state;
    for (size_t k = 0; k < n; k++) {
        bool earlier = s->step + (int64_t)k / j->partitions >= PAGE_STEPS / 2;
        for (size_t i = 0; i + 1 < r[k].n; i += 2)
            add_page(s, r[k].item[i], item_int(&r[k], i + 1), earlier);
    }
    s->step = s->asked;
    if (s->step < PAGE_STEPS)
        ask_pages(j);
    else
        write_pages(j);
}

void pages_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    struct pages *s = job_state(j, sizeof *s, release_pages);
    if (!s)
        return;
    bl_map_init(&s->map, bl_map_first);
    ask_pages(j);
}
