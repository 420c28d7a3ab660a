/* What a round counts: per minute, per page and five minutes, and in all. Everything is added up here, in numbers, and
 * becomes text once a commit: a field of a counting hash is told to the store at most once a commit, however many events
 * and patterns it counts. */
#include "bl/core/rule.h"
#include "worker/owner.h"

#include <stdlib.h>

static struct bl_str minute_key(const void *entry)
{
    const struct minute *m = entry;
    return (struct bl_str){(const char *)&m->number, sizeof m->number};
}

static struct bl_str page_key(const void *entry)
{
    return ((const struct page_count *)entry)->page;
}

void counts_init(struct counts *c)
{
    *c = (struct counts){0};
    bl_map_init(&c->by_minute, minute_key);
    bl_map_init(&c->by_page, page_key);
}

void counts_reset(struct counts *c)
{
    bl_map_clear(&c->by_minute);
    bl_map_clear(&c->by_page);
    c->last = NULL;
    c->n_minutes = c->n_pages = 0;
    c->sum = (struct sums){0};
}

void counts_release(struct counts *c)
{
    bl_map_release(&c->by_minute);
    bl_map_release(&c->by_page);
    free(c->minutes);
    free(c->pages);
}

static struct minute *minute_new(struct effects *e, int64_t number)
{
    struct counts *c = &e->counts;
    struct minute *m = arena_get(&e->arena, sizeof *m);
    if (!m || !OWNER_ROOM(c->minutes, c->cap_minutes, c->n_minutes))
        return NULL;
    *m = (struct minute){.number = number};
    c->minutes[c->n_minutes++] = m;
    return bl_map_put(&c->by_minute, m) == BL_OK ? m : NULL;
}

void count_minute(struct effects *e, int64_t at_ms, unsigned field)
{
    struct counts *c = &e->counts;
    int64_t number = at_ms / OWNER_MINUTE_MS;
    if (!c->last || c->last->number != number) /* nearly all fall into the minute of the one before */
        c->last = bl_map_get(&c->by_minute, (struct bl_str){(const char *)&number, sizeof number});
    if (!c->last)
        c->last = minute_new(e, number);
    if (c->last)
        c->last->n[field]++;
    else
        effects_fail(e, BL_ERR_NO_MEMORY);
}

static struct page_count *page_new(struct effects *e, int64_t number, struct bl_str page,
                                   struct page_count *older)
{
    struct counts *c = &e->counts;
    struct page_count *x = arena_get(&e->arena, sizeof *x);
    if (!x || !OWNER_ROOM(c->pages, c->cap_pages, c->n_pages))
        return NULL;
    *x = (struct page_count){
        .number = number, .page = older ? older->page : arena_copy(&e->arena, page), .older = older};
    if (!x->page.p || bl_map_put(&c->by_page, x) != BL_OK)
        return NULL;
    c->pages[c->n_pages++] = x;
    return x;
}

void count_page(struct effects *e, int64_t at_ms, struct bl_str page, unsigned field)
{
    int64_t number = at_ms / OWNER_PAGES_MS;
    struct page_count *newest = bl_map_get(&e->counts.by_page, page), *x = newest;
    while (x && x->number != number)
        x = x->older;
    if (!x)
        x = page_new(e, number, page, newest);
    if (x)
        x->n[field]++;
    else
        effects_fail(e, BL_ERR_NO_MEMORY);
}

/* ---- to the store ---- */

#define PUT(o, ...) (o)->worker->ports.put_count((o)->worker->ports.ctx, (o)->p, __VA_ARGS__)

static struct bl_str name_of(struct effects *e, const char *a, const char *b, struct bl_str c)
{
    bl_buf_clear(&e->text);
    bl_buf_z(&e->text, a);
    bl_buf_z(&e->text, b);
    bl_buf_str(&e->text, c);
    if (e->text.err != BL_OK)
        effects_fail(e, e->text.err);
    return bl_buf_view(&e->text);
}

static void put_total(struct owner *o, const char *kind, const char *name, int64_t n)
{
    if (n != 0)
        PUT(o, BL_TALLY_COUNTERS, 0, name_of(&o->effects, kind, name, BL_STR("")), n);
}

static void put_minute(struct owner *o, const struct minute *m)
{
    static const char *const names[MINUTE_TYPE] = {
        [MINUTE_EVENTS] = "events",
        [MINUTE_ACTIVE] = "active",
        [MINUTE_COMPLETED] = "attempts:completed",
        [MINUTE_ABANDONED] = "attempts:abandoned",
        [MINUTE_RESOLVED] = "resolved",
    };
    for (unsigned i = 0; i < MINUTE_FIELDS; i++) {
        if (m->n[i] == 0)
            continue;
        bool type = i >= MINUTE_TYPE;
        const char *name = type ? bl_rule((enum bl_rule_id)(i - MINUTE_TYPE))->name : names[i];
        PUT(o, BL_TALLY_MINUTE, m->number, name_of(&o->effects, type ? "type:" : "", name, BL_STR("")),
            m->n[i]);
    }
}

static void put_page(struct owner *o, const struct page_count *x)
{
    struct page_step *s = steps_get(o, x->number);
    struct bl_str as;
    if (!s || steps_page(s, x->page, &as) != BL_OK) {
        effects_fail(&o->effects, BL_ERR_NO_MEMORY);
        return;
    }
    for (unsigned i = 0; i < PAGE_FIELDS; i++)
        if (x->n[i] != 0)
            PUT(o, BL_TALLY_PAGES, x->number,
                name_of(&o->effects,
                        i >= PAGE_TYPE ? bl_rule((enum bl_rule_id)(i - PAGE_TYPE))->name : "views", " ", as),
                x->n[i]);
}

void counts_put(struct owner *o)
{
    const struct effects *e = &o->effects;
    const struct sums *sum = &e->counts.sum;
    for (size_t i = 0; i < e->counts.n_minutes; i++)
        put_minute(o, e->counts.minutes[i]);
    for (size_t i = 0; i < e->counts.n_pages; i++)
        put_page(o, e->counts.pages[i]);
    for (unsigned r = 0; r < BL_RULE_COUNT; r++)
        put_total(o, "type:", bl_rule((enum bl_rule_id)r)->name, sum->type[r]);
    for (unsigned s = BL_LOW; s <= BL_HIGH; s++)
        put_total(o, "severity:", bl_severity_name((enum bl_severity)s), sum->severity[s]);
    put_total(o, "", "patterns", sum->patterns);
    put_total(o, "", "open", sum->open);
    put_total(o, "", "events", e->events);
    put_total(o, "", "duplicates", e->duplicates);
    put_total(o, "", "erased", e->erased);
    put_total(o, "", "late", e->late);
    put_total(o, "", "clock_adjusted", e->clock_adjusted);
    put_total(o, "", "attempts:completed", e->completed);
    put_total(o, "", "attempts:abandoned", e->abandoned);
    put_total(o, "", "seen_forgotten", e->forgotten);
    put_total(o, "", "quarantined", (int64_t)e->n_poison);
    put_total(o, "", "lost", e->lost);
    put_total(o, "", "recent_cut", (int64_t)e->erase.n_cut);
}
