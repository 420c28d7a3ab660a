/* A user's state as text: see state_fields.h for the form. The same state always gives the same bytes, and
 * what a step did not touch keeps its bytes, so that only changed fields are stored again: hence each field
 * counts its own texts and times, and none depends on another. */
#include "state_fields.h"

#include "bl/core/rule.h"

#include <assert.h>

_Static_assert(BL_STATE_CHUNKS == 15, "the names below");
_Static_assert(BL_WINDOW_KEEP <= (BL_STATE_CHUNKS - 1) * BL_WINDOW_CHUNK, "chunks at hand share no field");

const char *const bl_state_names[BL_STATE_FIELDS_MAX] = {
    "page", "session", "head", "visits", "open", "marks", "w0",  "w1",  "w2",  "w3", "w4",
    "w5",   "w6",      "w7",   "w8",     "w9",   "w10",   "w11", "w12", "w13", "w14"};

/* One field under way. */
struct writer {
    const struct bl_user *u;
    struct bl_buf *b;
    bl_name
        texts[BL_WINDOW_KEEP + 3 * BL_MARKS_MAX]; /* in order of appearance; their place is their number */
    size_t n_texts;
};

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void comma_int(struct writer *w, int64_t v)
{
    bl_buf_char(w->b, ',');
    bl_buf_int(w->b, v);
}

static void write_name(struct writer *w, bl_name name)
{
    for (size_t i = 0; i < w->n_texts; i++) {
        if (w->texts[i] == name) {
            bl_buf_int(w->b, (int64_t)i);
            return;
        }
    }
    assert(w->n_texts < sizeof w->texts / sizeof *w->texts);
    w->texts[w->n_texts++] = name;
    bl_buf_json(w->b, bl_user_str(w->u, name));
}

static void comma_name(struct writer *w, bl_name name)
{
    bl_buf_char(w->b, ',');
    if (name == 0)
        bl_buf_z(w->b, "null");
    else
        write_name(w, name);
}

/* A change of page in visits and chunks. */
static void comma_page(struct writer *w, bl_name page, bl_name *current)
{
    if (page == *current)
        return;
    bl_buf_z(w->b, ",[");
    if (page)
        write_name(w, page);
    bl_buf_char(w->b, ']');
    *current = page;
}

static void comma_word(struct writer *w, const char *word)
{
    bl_buf_z(w->b, ",\"");
    bl_buf_z(w->b, word);
    bl_buf_char(w->b, '"');
}

static void comma_due(struct writer *w, int64_t due_ms, int64_t t_ms)
{
    if (due_ms == BL_NEVER)
        bl_buf_z(w->b, ",null");
    else
        comma_int(w, minus(due_ms, t_ms));
}

static void member(struct bl_buf *b, const char *name, int64_t v)
{
    bl_buf_z(b, ",\"");
    bl_buf_z(b, name);
    bl_buf_z(b, "\":");
    bl_buf_int(b, v);
}

static void write_head(const struct bl_user *u, struct bl_buf *b)
{
    const struct {
        const char *name;
        int64_t v;
    } may_lack[] = {
        {"began", minus(u->session_ms, u->seen_ms)},
        {"page", minus(u->page_ms, u->seen_ms)},
        {"anchor", minus(u->anchor_ms, u->seen_ms)},
        {"events", u->events},
        {"moments", u->window_first + u->n_window},
        {"session", u->in_session},
        {"hidden", u->hidden},
        {"level", u->level},
        {"friction", u->friction},
    };
    bl_buf_z(b, "{\"seen\":");
    bl_buf_int(b, u->seen_ms);
    member(b, "floor", minus(u->floor_ms, u->seen_ms));
    if (u->due_ms != BL_NEVER)
        member(b, "due", minus(u->due_ms, u->seen_ms));
    for (size_t i = 0; i < sizeof may_lack / sizeof *may_lack; i++)
        if (may_lack[i].v)
            member(b, may_lack[i].name, may_lack[i].v);
    bl_buf_char(b, '}');
}

static void write_visits(struct writer *w)
{
    static const char *const kinds[] = {"nav", "nav+", "view", "view+"};
    const struct bl_user *u = w->u;
    bl_name page = 0;
    if (u->n_visits == 0)
        return;
    int64_t before = u->visits[0].t_ms;
    bl_buf_char(w->b, '[');
    bl_buf_int(w->b, before);
    for (size_t i = 0; i < u->n_visits; i++) {
        const struct bl_visit *v = &u->visits[i];
        comma_page(w, v->page, &page);
        comma_word(w, kinds[2 * v->view + v->twinned]);
        comma_int(w, minus(v->t_ms, before));
        before = v->t_ms;
    }
    bl_buf_char(w->b, ']');
}

/* The moments from index `i` to the end of their chunk; the index behind them. */
static size_t write_chunk(struct writer *w, size_t i)
{
    const struct bl_user *u = w->u;
    int64_t number = u->window_first + (int64_t)i, before = u->window[i].t_ms;
    bl_name page = 0;
    bl_buf_char(w->b, '[');
    bl_buf_int(w->b, number);
    comma_int(w, before);
    do {
        const struct bl_moment *m = &u->window[i++];
        comma_page(w, m->page, &page);
        comma_word(w, bl_action_name((enum bl_action)m->action));
        comma_int(w, minus(m->t_ms, before));
        before = m->t_ms;
    } while (i < u->n_window && ++number % BL_WINDOW_CHUNK != 0);
    bl_buf_char(w->b, ']');
    return i;
}

static void entry_begin(struct writer *w, size_t i, unsigned rule)
{
    bl_buf_z(w->b, i ? ",[\"" : "[[\"");
    bl_buf_z(w->b, bl_rule((enum bl_rule_id)rule)->name);
    bl_buf_char(w->b, '"');
}

static void comma_variant(struct writer *w, const struct bl_rule *rule, unsigned variant)
{
    if (rule->variants)
        comma_word(w, rule->variants[variant]);
    else
        bl_buf_z(w->b, ",null");
}

static void write_open(struct writer *w)
{
    int64_t before = 0;
    for (size_t i = 0; i < w->u->n_open; i++) {
        const struct bl_open *o = &w->u->open[i];
        entry_begin(w, i, o->rule);
        comma_variant(w, bl_rule((enum bl_rule_id)o->rule), o->variant);
        comma_word(w, bl_severity_name((enum bl_severity)o->severity));
        comma_name(w, o->page);
        comma_name(w, o->element);
        comma_name(w, o->other);
        comma_int(w, minus(o->detected_ms, before));
        comma_due(w, o->due_ms, o->detected_ms);
        comma_int(w, o->n);
        bl_buf_z(w->b, o->past ? ",1]" : ",0]");
        before = o->detected_ms;
    }
    if (w->u->n_open)
        bl_buf_char(w->b, ']');
}

static void comma_place(struct writer *w, const struct bl_mark *m)
{
    if (!m->has_xy)
        return;
    bl_buf_char(w->b, ',');
    bl_buf_double(w->b, m->x);
    bl_buf_char(w->b, ',');
    bl_buf_double(w->b, m->y);
}

static void write_marks(struct writer *w)
{
    int64_t before = 0;
    for (size_t i = 0; i < w->u->n_marks; i++) {
        const struct bl_mark *m = &w->u->marks[i];
        entry_begin(w, i, m->rule);
        comma_int(w, m->kind);
        comma_name(w, m->page);
        comma_name(w, m->element);
        comma_int(w, minus(m->t_ms, before));
        comma_due(w, m->until_ms, m->t_ms);
        comma_due(w, m->due_ms, m->t_ms);
        comma_int(w, m->n);
        comma_int(w, m->session);
        comma_place(w, m);
        bl_buf_char(w->b, ']');
        before = m->t_ms;
    }
    if (w->u->n_marks)
        bl_buf_char(w->b, ']');
}

/* Values are noted by length and place and become slices when the text moves no more. */
static void note(struct bl_state_field *f, const struct bl_buf *text, size_t start)
{
    f->value.n = text->n - start;
}

static void write_fields(const struct bl_user *u, struct bl_buf *text, struct bl_state_field *out)
{
    static void (*const lists[])(struct writer * w) = {write_visits, write_open, write_marks};
    static const enum bl_state_slot slots[] = {BL_STATE_VISITS, BL_STATE_OPEN, BL_STATE_MARKS};
    struct writer w = {.u = u, .b = text};
    bl_buf_str(text, bl_user_str(u, u->page));
    note(&out[BL_STATE_PAGE], text, 0);
    size_t start = text->n;
    bl_buf_str(text, bl_user_str(u, u->session));
    note(&out[BL_STATE_SESSION], text, start);
    start = text->n;
    write_head(u, text);
    note(&out[BL_STATE_HEAD], text, start);
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        start = text->n;
        w.n_texts = 0;
        lists[i](&w);
        note(&out[slots[i]], text, start);
    }
}

enum bl_err bl_state_encode(const struct bl_user *u, struct bl_buf *text,
                            struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    struct writer w = {.u = u, .b = text};
    size_t place[BL_STATE_FIELDS_MAX] = {0}, at = 0;
    bl_buf_clear(text);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        out[i] = (struct bl_state_field){.name = bl_state_names[i]};
    if (bl_user_gone(u))
        return BL_OK;
    write_fields(u, text, out);
    for (size_t i = 0; i < BL_STATE_CHUNK0; at += out[i++].value.n)
        place[i] = at;
    for (size_t i = 0; i < u->n_window;) {
        uint64_t chunk = (uint64_t)(u->window_first + (int64_t)i) / BL_WINDOW_CHUNK;
        size_t slot = BL_STATE_CHUNK0 + (size_t)(chunk % BL_STATE_CHUNKS);
        place[slot] = text->n;
        w.n_texts = 0;
        i = write_chunk(&w, i);
        note(&out[slot], text, place[slot]);
    }
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        out[i].value.p = out[i].value.n ? text->p + place[i] : NULL;
    return text->err;
}
