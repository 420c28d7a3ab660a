/* `replay --compare OTHER.yaml`: both rule sets over the same events in one pass, and what would change. A pattern is
 * the same in both if its id is (user, type, variant, page, element and the moment of detection); one that only moved
 * in time counts as one gone and one new, which is what a person on the page would have seen. */
#include "replay.h"

#include "bl/app/replay.h"
#include "bl/config/config.h"
#include "bl/core/rule.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES_SHOWN 20

/* Patterns by what they have in common, under both rule sets. */
struct tally {
    char *key; /* owned: type, and page if it is by page, separated by a newline */
    size_t type_bytes;
    int64_t before, after, gone, added, severity;
};

struct tallies {
    struct bl_map by_key;
    struct tally **v;
    size_t n, cap;
};

struct comparison {
    struct bl_replay *before, *after;
    struct tallies types, pages;
    enum bl_err err;
};

/* ---- counting ---- */

static struct tally *tally_new(struct tallies *t, struct bl_str key, size_t type_bytes)
{
    struct tally *x = calloc(1, sizeof *x), **v = t->v;
    if (x && t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        v = realloc(t->v, cap * sizeof(*v));
        if (v) {
            t->v = v;
            t->cap = cap;
        }
    }
    if (!x || !v || !(x->key = strndup(key.p, key.n))) {
        free(x);
        return NULL;
    }
    x->type_bytes = type_bytes;
    if (bl_map_put(&t->by_key, (struct bl_str){x->key, key.n}, x) != BL_OK) {
        free(x->key);
        free(x);
        return NULL;
    }
    return t->v[t->n++] = x;
}

static struct tally *tally_of(struct comparison *c, struct tallies *t, const struct bl_row *row, bool by_page)
{
    struct bl_buf key;
    bl_buf_init(&key, 0);
    bl_buf_str(&key, row->v[BL_COLUMN_TYPE]);
    if (by_page) {
        bl_buf_char(&key, '\n');
        bl_buf_str(&key, row->v[BL_COLUMN_PAGE]);
    }
    struct tally *x = key.err == BL_OK ? bl_map_get(&t->by_key, bl_buf_view(&key)) : NULL;
    if (!x && key.err == BL_OK)
        x = tally_new(t, bl_buf_view(&key), row->v[BL_COLUMN_TYPE].n);
    if (!x)
        c->err = BL_ERR_NO_MEMORY;
    bl_buf_release(&key);
    return x;
}

static void count_entry(struct tally *t, const struct bl_ledger_entry *mine,
                        const struct bl_ledger_entry *other, bool is_after)
{
    if (!t)
        return;
    t->before += !is_after;
    t->after += is_after;
    t->gone += !is_after && !other;
    t->added += is_after && !other;
    t->severity +=
        is_after && other && !bl_str_eq(mine->row.v[BL_COLUMN_SEVERITY], other->row.v[BL_COLUMN_SEVERITY]);
}

static void count_ledger(struct comparison *c, bool is_after)
{
    const struct bl_ledger *mine = bl_replay_ledger(is_after ? c->after : c->before);
    const struct bl_ledger *others = bl_replay_ledger(is_after ? c->before : c->after);
    for (size_t i = 0; i < bl_ledger_count(mine) && c->err == BL_OK; i++) {
        const struct bl_ledger_entry *e = bl_ledger_entry(mine, i), *other = bl_ledger_find(others, e->id);
        count_entry(tally_of(c, &c->types, &e->row, false), e, other, is_after);
        count_entry(tally_of(c, &c->pages, &e->row, true), e, other, is_after);
    }
}

static int by_change(const void *a, const void *b)
{
    const struct tally *x = *(struct tally *const *)a, *y = *(struct tally *const *)b;
    int64_t dx = x->gone + x->added + x->severity, dy = y->gone + y->added + y->severity;
    if (dx != dy)
        return dx > dy ? -1 : 1;
    return strcmp(x->key, y->key);
}

static enum bl_err count_all(struct comparison *c)
{
    count_ledger(c, false);
    count_ledger(c, true);
    if (c->types.n > 1)
        qsort(c->types.v, c->types.n, sizeof(struct tally *), by_change);
    if (c->pages.n > 1)
        qsort(c->pages.v, c->pages.n, sizeof(struct tally *), by_change);
    return c->err;
}

/* ---- the table ---- */

static void put_cell(struct bl_buf *out, int64_t v, int width, bool sign)
{
    bl_buf_printf(out, sign && v ? "%+*lld" : "%*lld", width, (long long)v);
}

static void put_line(struct bl_buf *out, const struct tally *t, const char *name, int width)
{
    bl_buf_printf(out, "%-*.*s", width, width, name);
    put_cell(out, t->before, 10, false);
    put_cell(out, t->after, 10, false);
    put_cell(out, t->after - t->before, 10, true);
    put_cell(out, t->gone, 10, false);
    put_cell(out, t->added, 10, false);
    put_cell(out, t->severity, 10, false);
    bl_buf_char(out, '\n');
}

static void put_head(struct bl_buf *out, const char *what, int width)
{
    bl_buf_printf(out, "%-*s%10s%10s%10s%10s%10s%10s\n", width, what, "now", "then", "change", "gone", "new",
                  "severity");
}

static void put_table(struct comparison *c, struct bl_buf *out)
{
    struct tally sum = {0};
    put_head(out, "type", 44);
    for (size_t i = 0; i < c->types.n; i++) {
        const struct tally *t = c->types.v[i];
        put_line(out, t, t->key, 44);
        sum.before += t->before;
        sum.after += t->after;
        sum.gone += t->gone;
        sum.added += t->added;
        sum.severity += t->severity;
    }
    put_line(out, &sum, "all", 44);
    bl_buf_char(out, '\n');
    put_head(out, "type and page", 44);
    for (size_t i = 0; i < c->pages.n && i < PAGES_SHOWN; i++) {
        c->pages.v[i]->key[c->pages.v[i]->type_bytes] = ' ';
        put_line(out, c->pages.v[i], c->pages.v[i]->key, 44);
    }
    if (c->pages.n > PAGES_SHOWN)
        bl_buf_printf(out, "(%zu more; --json lists all)\n", c->pages.n - PAGES_SHOWN);
}

/* ---- JSON ---- */

static void put_tally_json(struct bl_buf *out, const struct tally *t, bool by_page)
{
    bl_buf_z(out, "{\"type\":");
    bl_buf_json(out, (struct bl_str){t->key, t->type_bytes});
    if (by_page) {
        bl_buf_z(out, ",\"page\":");
        bl_buf_json(out, bl_str_of(t->key + t->type_bytes + 1));
    }
    bl_buf_printf(out, ",\"now\":%lld,\"then\":%lld,\"gone\":%lld,\"new\":%lld,\"severity_changed\":%lld}",
                  (long long)t->before, (long long)t->after, (long long)t->gone, (long long)t->added,
                  (long long)t->severity);
}

static void put_tallies_json(struct bl_buf *out, const char *name, const struct tallies *t, bool by_page)
{
    bl_buf_printf(out, "\"%s\":[", name);
    for (size_t i = 0; i < t->n; i++) {
        if (i)
            bl_buf_char(out, ',');
        put_tally_json(out, t->v[i], by_page);
    }
    bl_buf_z(out, "],");
}

/* Patterns of one run that the other lacks, or (changed) has with another severity. */
static void put_rows_json(struct bl_buf *out, const char *name, const struct bl_ledger *mine,
                          const struct bl_ledger *others, bool changed)
{
    bool any = false;
    bl_buf_printf(out, "\"%s\":[", name);
    for (size_t i = 0; i < bl_ledger_count(mine); i++) {
        const struct bl_ledger_entry *e = bl_ledger_entry(mine, i), *other = bl_ledger_find(others, e->id);
        bool differs = other && !bl_str_eq(e->row.v[BL_COLUMN_SEVERITY], other->row.v[BL_COLUMN_SEVERITY]);
        if (changed ? !differs : other != NULL)
            continue;
        if (any)
            bl_buf_char(out, ',');
        any = true;
        bl_row_json(&e->row, out);
    }
    bl_buf_char(out, ']');
}

static void put_json(struct comparison *c, struct bl_buf *out)
{
    const struct bl_ledger *before = bl_replay_ledger(c->before), *after = bl_replay_ledger(c->after);
    bl_buf_char(out, '{');
    put_tallies_json(out, "types", &c->types, false);
    put_tallies_json(out, "pages", &c->pages, true);
    put_rows_json(out, "gone", before, after, false);
    bl_buf_char(out, ',');
    put_rows_json(out, "new", after, before, false);
    bl_buf_char(out, ',');
    put_rows_json(out, "severity_changed", after, before, true);
    bl_buf_z(out, "}\n");
}

/* ---- the run ---- */

static enum bl_err line(void *ctx, struct bl_str text, struct bl_problem *problem)
{
    struct comparison *c = ctx;
    enum bl_err err = bl_replay_line(c->before, text, problem);
    if (err != BL_OK)
        return err;
    err = bl_replay_line(c->after, text, problem);
    return err == BL_ERR_NO_MEMORY ? err
                                   : BL_OK; /* what one takes the other takes: reading has no thresholds */
}

static enum bl_err print(struct comparison *c, bool json)
{
    struct bl_buf out;
    bl_buf_init(&out, 0);
    if (json)
        put_json(c, &out);
    else
        put_table(c, &out);
    enum bl_err err = out.err;
    if (err == BL_OK && (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0))
        err = BL_ERR_IO;
    bl_buf_release(&out);
    return err;
}

static void release(struct tallies *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i]->key);
        free(t->v[i]);
    }
    free(t->v);
    bl_map_release(&t->by_key);
}

static enum bl_err run(struct comparison *c, const struct bl_config *config, const struct bl_config *other,
                       const char *path)
{
    bool entries = bl_config_int(config, BL_OPTION_ENTRIES);
    enum bl_err err = bl_replay_new(config, entries, &c->before);
    if (err == BL_OK)
        err = bl_replay_new(other, entries, &c->after);
    if (err == BL_OK)
        err = replay_read(path, line, c);
    if (err == BL_OK)
        err = bl_replay_end(c->before);
    if (err == BL_OK)
        err = bl_replay_end(c->after);
    if (err == BL_OK)
        err = count_all(c);
    return err == BL_OK ? print(c, bl_config_int(config, BL_OPTION_JSON)) : err;
}

enum bl_err replay_compare(const struct bl_config *config, const char *path)
{
    struct comparison c = {0};
    struct bl_config *other = NULL;
    struct bl_buf problems;
    bl_buf_init(&problems, 0);
    bl_map_init(&c.types.by_key);
    bl_map_init(&c.pages.by_key);
    enum bl_err err = bl_config_load(bl_config_text(config, BL_OPTION_COMPARE), &other, &problems);
    if (err == BL_OK)
        err = run(&c, config, other, path);
    else if (problems.n)
        fwrite(problems.p, 1, problems.n, stderr);
    bl_replay_free(c.before);
    bl_replay_free(c.after);
    release(&c.types);
    release(&c.pages);
    bl_config_free(other);
    bl_buf_release(&problems);
    return err;
}
