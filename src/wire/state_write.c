/* A user's state as text: see state_fields.h for the form. The same state always gives the same bytes, and what a step did
 * not touch keeps its bytes, so that only changed fields are stored again.
 *
 * What changed is told without a copy of what was stored. Names and the window only grow at the end, and lose at the
 * front by whole chunks, so two numbers say which fields are new; unless names were numbered anew (u->renumbered) or all
 * was forgotten and began again, which the time of the last stored moment tells: then everything is written. Visits and
 * open patterns are compared by a hash of their text. The head, with the marks in it, changes with every step.
 *
 * It is written with a bare pointer into room for the longest state: 7,000 instructions for a whole one (tests/bench/budget),
 * where JSON by an encoder with a check at each byte took 13,000. */
#include "state_fields.h"

#include "bl/core/rule.h"

#include <assert.h>

_Static_assert(BL_STATE_CHUNKS == 15, "the names below");
_Static_assert(BL_WINDOW_KEEP <= (BL_STATE_CHUNKS - 1) * BL_WINDOW_CHUNK, "chunks at hand share no field");

const char *const bl_state_names[BL_STATE_FIELDS_MAX] = {"head", "names", "visits", "open", "w0", "w1", "w2",
                                                         "w3",   "w4",    "w5",     "w6",   "w7", "w8", "w9",
                                                         "w10",  "w11",   "w12",    "w13",  "w14"};

const char bl_state_codes[BL_ACTION_COUNT][3] = {
    [BL_ACTION_NAVIGATE] = "na",
    [BL_ACTION_PAGE_VIEW] = "vi",
    [BL_ACTION_ROUTE_CHANGE] = "rc",
    [BL_ACTION_CLICK] = "cl",
    [BL_ACTION_SCROLL] = "sc",
    [BL_ACTION_IDLE] = "id",
    [BL_ACTION_ABANDON] = "ab",
    [BL_ACTION_TAB_HIDDEN] = "th",
    [BL_ACTION_TAB_VISIBLE] = "tv",
    [BL_ACTION_PAGE_EXIT] = "pe",
    [BL_ACTION_COMPLETE] = "co",
    [BL_ACTION_CONFIRM] = "cf",
    [BL_ACTION_PURCHASE] = "pu",
    [BL_ACTION_PRODUCT_VIEW] = "pv",
    [BL_ACTION_ADD_TO_CART] = "ac",
    [BL_ACTION_CHECKOUT_START] = "cs",
    [BL_ACTION_CHECKOUT_COMPLETE] = "cc",
    [BL_ACTION_FORM_SUBMIT] = "fs",
    [BL_ACTION_INPUT_CHANGE] = "ic",
    [BL_ACTION_SEARCH] = "se",
    [BL_ACTION_SEARCH_RESULT_CLICK] = "sr",
    [BL_ACTION_VIDEO_PLAY] = "vp",
    [BL_ACTION_VIDEO_PAUSE] = "vh",
    [BL_ACTION_VIDEO_COMPLETE] = "vc",
    [BL_ACTION_FILE_DOWNLOAD] = "fd",
    [BL_ACTION_SHARE] = "sh",
    [BL_ACTION_SIGNUP] = "su",
    [BL_ACTION_SUBSCRIBE] = "sb",
    [BL_ACTION_DOWNLOAD] = "do",
    [BL_ACTION_SUBMIT_FORM] = "sf",
    [BL_ACTION_ERROR] = "er",
    [BL_ACTION_API_ERROR] = "ae",
    [BL_ACTION_PAGE_PERFORMANCE] = "pp",
    [BL_ACTION_API_PERFORMANCE] = "ap",
    [BL_ACTION_DEAD_CLICK] = "dc",
    [BL_ACTION_SESSION_START] = "ss",
    [BL_ACTION_SESSION_END] = "sx",
    [BL_ACTION_CUSTOM] = "cu",
};

/* The longest text of each part; words are names of rules, variants and severities. */
#define INT_MAX_BYTES   20
#define WORD_MAX_BYTES  32
#define HEAD_MAX_BYTES  (12 * (2 + INT_MAX_BYTES))
#define MARK_MAX_BYTES  (WORD_MAX_BYTES + 7 * (2 + INT_MAX_BYTES) + 2 * (2 + BL_DOUBLE_BYTES) + 4)
#define VISIT_MAX_BYTES (2 * INT_MAX_BYTES + 2)
#define OPEN_MAX_BYTES  (3 * WORD_MAX_BYTES + 7 * (2 + INT_MAX_BYTES) + 4)
#define CHUNK_MAX_BYTES (2 * INT_MAX_BYTES + BL_WINDOW_CHUNK * (2 * INT_MAX_BYTES + 3))
#define TEXT_MAX_BYTES                                                                                       \
    (HEAD_MAX_BYTES + BL_MARKS_MAX * MARK_MAX_BYTES + INT_MAX_BYTES + BL_VISITS_MAX * VISIT_MAX_BYTES +      \
     BL_OPEN_MAX * OPEN_MAX_BYTES + BL_STATE_CHUNKS * CHUNK_MAX_BYTES)

uint64_t bl_state_text_hash(struct bl_str text)
{
    static const uint64_t factor = 0x9e3779b97f4a7c15ULL;
    uint64_t h = text.n * factor, word;
    size_t i = 0;
    for (; i + sizeof word <= text.n; i += sizeof word) {
        memcpy(&word, text.p + i, sizeof word);
        h = (h ^ word) * factor;
        h ^= h >> 29;
    }
    word = 0;
    if (i < text.n)
        memcpy(&word, text.p + i, text.n - i);
    h = (h ^ word) * factor;
    h ^= h >> 32;
    return text.n == 0 ? 0 : h ? h : 1;
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static char *put_int(char *p, int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char digits[INT_MAX_BYTES], *end = digits + sizeof digits, *at = end;
    if (v < 0)
        *p++ = '-';
    do
        *--at = (char)('0' + m % 10);
    while (m /= 10);
    memcpy(p, at, (size_t)(end - at));
    return p + (end - at);
}

static char *put_word(char *p, const char *z)
{
    while (*z)
        *p++ = *z++;
    return p;
}

static char *put_tag(char *p, char tag, int64_t v)
{
    *p++ = ' ';
    *p++ = tag;
    return put_int(p, v);
}

static char *put_some(char *p, char tag, int64_t v)
{
    return v ? put_tag(p, tag, v) : p;
}

static char *put_flag(char *p, char tag, bool is)
{
    if (is) {
        *p++ = ' ';
        *p++ = tag;
    }
    return p;
}

static char *put_due(char *p, char tag, int64_t due_ms, int64_t t_ms)
{
    return due_ms == BL_NEVER ? p : put_tag(p, tag, minus(due_ms, t_ms));
}

static char *put_place(char *p, char tag, double v)
{
    char text[BL_DOUBLE_BYTES + 1];
    struct bl_buf b = {.p = text, .cap = sizeof text, .max = sizeof text};
    bl_buf_double(&b, v);
    *p++ = ' ';
    *p++ = tag;
    memcpy(p, text, b.n);
    return p + b.n;
}

static char *write_marks(const struct bl_user *u, char *p)
{
    for (size_t i = 0; i < u->n_marks; i++) {
        const struct bl_mark *m = &u->marks[i];
        *p++ = ';';
        p = put_word(p, bl_rule((enum bl_rule_id)m->rule)->name);
        if (m->kind) {
            *p++ = '.';
            p = put_int(p, m->kind);
        }
        p = put_some(p, 'p', m->page);
        p = put_some(p, 'e', m->element);
        p = put_some(p, 't', minus(m->t_ms, u->seen_ms));
        p = put_due(p, 'u', m->until_ms, m->t_ms);
        p = put_due(p, 'd', m->due_ms, m->t_ms);
        p = put_some(p, 'n', m->n);
        p = put_flag(p, 'S', m->session);
        if (m->has_xy)
            p = put_place(put_place(p, 'x', m->x), 'y', m->y);
    }
    return p;
}

static char *write_head(const struct bl_user *u, char *p)
{
    p = put_int(p, u->seen_ms);
    p = put_some(p, 'f', minus(u->floor_ms, u->seen_ms));
    p = put_due(p, 'd', u->due_ms, u->seen_ms);
    p = put_some(p, 'b', minus(u->session_ms, u->seen_ms));
    p = put_some(p, 'o', minus(u->page_ms, u->seen_ms));
    p = put_some(p, 'a', minus(u->anchor_ms, u->seen_ms));
    p = put_some(p, 'e', u->events);
    p = put_some(p, 'm', u->window_first + u->n_window);
    p = put_some(p, 'p', u->page);
    p = put_some(p, 'i', u->session);
    p = put_flag(p, 'S', u->in_session);
    p = put_flag(p, 'H', u->hidden);
    p = put_some(p, 'l', u->level);
    p = put_some(p, 'r', u->friction);
    return write_marks(u, p);
}

static char *write_visits(const struct bl_user *u, char *p)
{
    static const char kinds[] = "nNvV";
    if (u->n_visits == 0)
        return p;
    int64_t before = u->visits[0].t_ms;
    p = put_int(p, before);
    for (size_t i = 0; i < u->n_visits; i++) {
        const struct bl_visit *v = &u->visits[i];
        *p++ = ' ';
        if (v->page)
            p = put_int(p, v->page);
        *p++ = kinds[2 * v->view + v->twinned];
        if (v->t_ms != before)
            p = put_int(p, minus(v->t_ms, before));
        before = v->t_ms;
    }
    return p;
}

static char *write_open(const struct bl_user *u, char *p)
{
    for (size_t i = 0; i < u->n_open; i++) {
        const struct bl_open *o = &u->open[i];
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)o->rule);
        if (i > 0)
            *p++ = ';';
        p = put_word(p, rule->name);
        if (rule->variants) {
            *p++ = '.';
            p = put_word(p, rule->variants[o->variant]);
        }
        *p++ = ' ';
        p = put_word(p, bl_severity_name((enum bl_severity)o->severity));
        p = put_some(p, 'p', o->page);
        p = put_some(p, 'e', o->element);
        p = put_some(p, 'o', o->other);
        p = put_some(p, 't', o->detected_ms);
        p = put_due(p, 'd', o->due_ms, o->detected_ms);
        p = put_some(p, 'n', o->n);
        p = put_flag(p, 'P', o->past);
    }
    return p;
}

/* The moments from index *i to the end of their chunk; *i is behind them afterwards. */
static char *write_chunk(const struct bl_user *u, size_t *i, char *p)
{
    int64_t number = u->window_first + (int64_t)*i, before = u->window[*i].t_ms;
    bl_name page = 0;
    p = put_int(p, number);
    *p++ = ' ';
    p = put_int(p, before);
    do {
        const struct bl_moment *m = &u->window[(*i)++];
        *p++ = ' ';
        if (m->page != page)
            p = put_int(p, page = m->page);
        memcpy(p, bl_state_codes[m->action], 2);
        p += 2;
        if (m->t_ms != before)
            p = put_int(p, minus(m->t_ms, before));
        before = m->t_ms;
    } while (*i < u->n_window && ++number % BL_WINDOW_CHUNK != 0);
    return p;
}

static void write_names(const struct bl_user *u, struct bl_buf *text)
{
    if (u->n_names <= 1)
        return;
    for (unsigned i = 1; i < u->n_names; i++) {
        bl_buf_char(text, i > 1 ? ',' : '[');
        bl_buf_json(text, bl_user_str(u, (bl_name)i));
    }
    bl_buf_char(text, ']');
}

/* ---- which ---- */

static size_t chunk_slot(int64_t chunk)
{
    return BL_STATE_CHUNK0 + (size_t)(chunk % BL_STATE_CHUNKS);
}

static struct bl_str written(const char *from, const char *to)
{
    return (struct bl_str){from < to ? from : NULL, (size_t)(to - from)};
}

/* Can what is stored stay where it did not change? */
static bool goes_on(const struct bl_user *u, const struct bl_state_stored *had)
{
    int64_t last = had->moments - 1 - u->window_first;
    return had->any && had->renumbered == u->renumbered && had->names <= u->n_names && had->moments > 0 &&
           last >= 0 && last < u->n_window && u->window[last].t_ms == had->last_ms &&
           had->first <= u->window_first;
}

/* The fields that differ from what is there go to v, by slot; others are left empty. */
static enum bl_err write_since(const struct bl_user *u, const struct bl_state_stored *had, bool on,
                               struct bl_buf *text, struct bl_str v[BL_STATE_FIELDS_MAX])
{
    static char *(*const lists[])(const struct bl_user *, char *) = {write_head, NULL, write_visits,
                                                                     write_open};
    bl_buf_clear(text);
    if (!on || had->names != u->n_names)
        write_names(u, text);
    size_t names = text->n;
    char *p = bl_buf_reserve(text, TEXT_MAX_BYTES);
    if (!p)
        return text->err;
    v[BL_STATE_NAMES] = written(text->p, text->p + names);
    for (size_t slot = 0; slot < BL_STATE_CHUNK0; slot++)
        if (lists[slot]) {
            char *from = p;
            p = lists[slot](u, p);
            v[slot] = written(from, p);
        }
    int64_t start = on ? had->moments / BL_WINDOW_CHUNK * BL_WINDOW_CHUNK : 0;
    bool grew = !on || had->moments != u->window_first + u->n_window;
    for (size_t i = start > u->window_first ? (size_t)(start - u->window_first) : 0;
         grew && i < u->n_window;) {
        int64_t chunk = (u->window_first + (int64_t)i) / BL_WINDOW_CHUNK;
        char *from = p;
        p = write_chunk(u, &i, p);
        v[chunk_slot(chunk)] = written(from, p);
    }
    text->n = (size_t)(p - text->p);
    return BL_OK;
}

enum bl_err bl_state_encode(const struct bl_user *u, struct bl_buf *text,
                            struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    static const struct bl_state_stored nothing;
    struct bl_str v[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    bl_buf_clear(text);
    enum bl_err err = bl_user_gone(u) ? BL_OK : write_since(u, &nothing, false, text, v);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        out[i] = (struct bl_state_field){bl_state_names[i], v[i]};
    return err;
}

void bl_state_note(const struct bl_user *u, struct bl_state_stored *stored)
{
    stored->any = true;
    stored->names = u->n_names;
    stored->renumbered = u->renumbered;
    stored->first = u->window_first;
    stored->moments = u->window_first + u->n_window;
    stored->last_ms = u->n_window ? u->window[u->n_window - 1].t_ms : 0;
}

/* Chunks that the window has left, unless their field has got another. */
static void drop_chunks(const struct bl_user *u, const struct bl_state_stored *had,
                        const struct bl_str v[BL_STATE_FIELDS_MAX], struct bl_state_changes *out)
{
    int64_t last = (had->moments - 1) / BL_WINDOW_CHUNK;
    for (int64_t c = had->first / BL_WINDOW_CHUNK; c <= last && c < u->window_first / BL_WINDOW_CHUNK; c++)
        if (v[chunk_slot(c)].n == 0)
            out->del[out->n_del++] = bl_state_names[chunk_slot(c)];
}

enum bl_err bl_state_changes(const struct bl_user *u, struct bl_state_stored *stored, struct bl_buf *text,
                             struct bl_state_changes *out)
{
    struct bl_str v[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    bool on = goes_on(u, stored);
    enum bl_err err = write_since(u, stored, on, text, v);
    if (err != BL_OK)
        return err;
    out->replace = stored->any && !on;
    out->n_set = out->n_del = 0;
    uint64_t visits = bl_state_text_hash(v[BL_STATE_VISITS]), open = bl_state_text_hash(v[BL_STATE_OPEN]);
    if (on) {
        if (visits == 0 && stored->visits != 0)
            out->del[out->n_del++] = bl_state_names[BL_STATE_VISITS];
        if (open == 0 && stored->open != 0)
            out->del[out->n_del++] = bl_state_names[BL_STATE_OPEN];
        if (visits == stored->visits)
            v[BL_STATE_VISITS].n = 0;
        if (open == stored->open)
            v[BL_STATE_OPEN].n = 0;
        drop_chunks(u, stored, v, out);
    }
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (v[i].n)
            out->set[out->n_set++] = (struct bl_state_field){bl_state_names[i], v[i]};
    bl_state_note(u, stored);
    stored->visits = visits;
    stored->open = open;
    return BL_OK;
}
