/* A pattern's effect as a row of text. All bytes depend on the effect alone (no locale, no clock, no order of
 * a hash), so that a replay prints what a worker stored.
 *
 * Room for everything is reserved before the first slice is taken: the slices of one row never move. */
#include "bl/wire/row.h"

#include "bl/core/rule.h"

#define COLUMN_NAME(id, name, how) name,
static const char *const column_names[BL_COLUMN_COUNT] = {BL_COLUMNS(COLUMN_NAME)};
#undef COLUMN_NAME

enum how { STRING, NUMBER, FLAG, JSON, OPTIONAL };
#define COLUMN_HOW(id, name, how) how,
static const enum how column_how[BL_COLUMN_COUNT] = {BL_COLUMNS(COLUMN_HOW)};
#undef COLUMN_HOW

const char *bl_column_name(enum bl_column column)
{
    return column_names[column];
}

enum bl_column bl_column_of(struct bl_str name)
{
    unsigned i = 0;
    while (i < BL_COLUMN_COUNT && !bl_str_eqz(name, column_names[i]))
        i++;
    return (enum bl_column)i;
}

/* An upper bound for the bytes of a fact or event: escapes take at most six bytes for one. */
#define NUMBER_BYTES BL_DOUBLE_BYTES
#define FRAME_BYTES  48

static size_t evidence_bound(const struct bl_pattern *p)
{
    size_t n = FRAME_BYTES;
    for (size_t i = 0; i < p->n_facts; i++) {
        const struct bl_fact *f = &p->facts[i];
        n += FRAME_BYTES + strlen(f->name) + 6 * f->s.n + NUMBER_BYTES * (1 + f->n_times);
    }
    for (size_t i = 0; i < p->n_events; i++)
        n += 2 * FRAME_BYTES + NUMBER_BYTES + 6 * p->events[i].page.n;
    return n;
}

static void write_fact(const struct bl_fact *f, struct bl_buf *out)
{
    bl_buf_json(out, bl_str_of(f->name));
    bl_buf_char(out, ':');
    if (f->kind == BL_FACT_INT) {
        bl_buf_int(out, f->i);
    } else if (f->kind == BL_FACT_NUMBER) {
        bl_buf_double(out, f->number);
    } else if (f->kind == BL_FACT_STR) {
        bl_buf_json(out, f->s);
    } else {
        bl_buf_char(out, '[');
        for (size_t i = 0; i < f->n_times; i++) {
            if (i)
                bl_buf_char(out, ',');
            bl_buf_int(out, f->times_ms[i]);
        }
        bl_buf_char(out, ']');
    }
    bl_buf_char(out, ',');
}

static void write_evidence(const struct bl_pattern *p, struct bl_buf *out)
{
    bl_buf_char(out, '{');
    for (size_t i = 0; i < p->n_facts; i++)
        write_fact(&p->facts[i], out);
    bl_buf_z(out, "\"events\":[");
    for (size_t i = 0; i < p->n_events; i++) {
        const struct bl_evidence_event *e = &p->events[i];
        bl_buf_z(out, i ? ",{\"action\":\"" : "{\"action\":\"");
        bl_buf_z(out, bl_action_name(e->action));
        bl_buf_z(out, "\",\"page\":");
        if (e->page.n)
            bl_buf_json(out, e->page);
        else
            bl_buf_z(out, "null");
        bl_buf_z(out, ",\"t\":");
        bl_buf_int(out, e->t_ms);
        bl_buf_char(out, '}');
    }
    bl_buf_z(out, "]}");
}

static struct bl_str since(const struct bl_buf *text, size_t start)
{
    return (struct bl_str){text->p + start, text->n - start};
}

static struct bl_str put(struct bl_buf *text, struct bl_str s)
{
    size_t start = text->n;
    bl_buf_str(text, s);
    return since(text, start);
}

static struct bl_str put_int(struct bl_buf *text, int64_t v)
{
    size_t start = text->n;
    bl_buf_int(text, v);
    return since(text, start);
}

static void fill_new(const struct bl_pattern *p, struct bl_buf *text, struct bl_str *v)
{
    v[BL_COLUMN_TYPE] = bl_str_of(bl_rule(p->rule)->name);
    v[BL_COLUMN_VARIANT] = bl_str_of(p->variant);
    v[BL_COLUMN_USER_ID] = put(text, p->user_id);
    v[BL_COLUMN_SESSION_ID] = put(text, p->session_id);
    v[BL_COLUMN_PAGE] = put(text, p->page);
    v[BL_COLUMN_DETECTED_AT] = put_int(text, p->detected_ms);
}

static void fill_raised(const struct bl_pattern *p, struct bl_buf *text, struct bl_str *v)
{
    v[BL_COLUMN_SEVERITY] = bl_str_of(bl_severity_name(p->severity));
    v[BL_COLUMN_EXPLANATION] = put(text, p->explanation);
    v[BL_COLUMN_UPDATED_AT] = put_int(text, p->updated_ms);
    size_t start = text->n;
    write_evidence(p, text);
    v[BL_COLUMN_EVIDENCE] = since(text, start);
}

enum bl_err bl_row_of(const struct bl_pattern *pattern, struct bl_buf *text, struct bl_row *out)
{
    size_t bound = 32 + 4 * NUMBER_BYTES + pattern->user_id.n + pattern->session_id.n + pattern->page.n +
                   pattern->explanation.n + evidence_bound(pattern);
    char *hex = bl_buf_reserve(text, bound);
    *out = (struct bl_row){0};
    if (!hex)
        return text->err;
    bl_pattern_id_hex(&pattern->id, hex);
    text->n += 32;
    out->v[BL_COLUMN_PATTERN_ID] = (struct bl_str){hex, 32};
    if (pattern->change == BL_PATTERN_NEW)
        fill_new(pattern, text, out->v);
    if (pattern->change != BL_PATTERN_RESOLVED) {
        fill_raised(pattern, text, out->v);
    } else {
        out->v[BL_COLUMN_RESOLVED] = BL_STR("true");
        out->v[BL_COLUMN_RESOLVED_AT] = put_int(text, pattern->resolved_ms);
        out->v[BL_COLUMN_RESOLUTION] = bl_str_of(bl_resolution_name(pattern->resolution));
    }
    return text->err;
}

/* Names stand elsewhere, and stay. */
void bl_row_move(struct bl_row *row, struct bl_str text, const char *to)
{
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if ((uintptr_t)row->v[i].p - (uintptr_t)text.p < text.n)
            row->v[i].p = to + (row->v[i].p - text.p);
}

void bl_row_merge(struct bl_row *row, const struct bl_row *change)
{
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if (change->v[i].n)
            row->v[i] = change->v[i];
}

static void write_value(enum how how, struct bl_str v, struct bl_buf *out)
{
    int64_t number;
    if (how == FLAG)
        bl_buf_z(out, v.n && !bl_str_eqz(v, "false") && !bl_str_eqz(v, "0") ? "true" : "false");
    else if (v.n == 0)
        bl_buf_z(out, how == JSON ? "{}" : "null");
    else if (how == STRING || how == OPTIONAL)
        bl_buf_json(out, v);
    else if (how == NUMBER && !bl_str_int64(v, &number))
        bl_buf_z(out, "null");
    else
        bl_buf_str(out, v);
}

void bl_row_json(const struct bl_row *row, struct bl_buf *out)
{
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++) {
        if (column_how[i] == OPTIONAL && row->v[i].n == 0)
            continue;
        bl_buf_z(out, i ? ",\"" : "{\"");
        bl_buf_z(out, column_names[i]);
        bl_buf_z(out, "\":");
        write_value(column_how[i], row->v[i], out);
    }
    bl_buf_char(out, '}');
}
