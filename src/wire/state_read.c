/* The stored text back to a user's state. The text may be anything: every number, name and order is checked before it gets
 * into the state, so that hostile bytes give BL_ERR_CORRUPT and never a state that no step could have made by its form
 * (state_fields.h).
 *
 * One pass over each field with a bare pointer (tests/bench/budget, restore): a JSON parser over the form of version 1 took
 * three times as much. */
#include "json.h"
#include "state_tokens.h"

#include "bl/core/rule.h"

#include <stdlib.h>

enum bl_err bl_state_decoder_new(struct bl_state_decoder **out)
{
    struct bl_state_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return BL_ERR_NO_MEMORY;
    enum bl_err err = bl_json_parser_new(&d->parser);
    if (err != BL_OK) {
        free(d);
        return err;
    }
    bl_buf_init(&d->text, 0);
    *out = d;
    return BL_OK;
}

void bl_state_decoder_free(struct bl_state_decoder *d)
{
    if (!d)
        return;
    bl_json_parser_free(d->parser);
    bl_buf_release(&d->text);
    free(d);
}

/* ---- what the forms share ---- */

static bool within(int64_t v, int64_t max)
{
    return v >= 0 && v <= max;
}

/* A rule's own number: a count that may grow, or a time. */
static bool number_is_fine(int64_t n)
{
    return n <= BL_STATE_TIME_MAX_MS;
}

/* A deadline of a rule that has no code for it could never be taken away. */
static bool due_is_fine(unsigned rule, int64_t due_ms)
{
    return rule == BL_RULE_COUNT || due_ms == BL_NEVER || bl_rule((enum bl_rule_id)rule)->fire;
}

void state_counts(struct reader *r, int64_t events, int64_t moments, int64_t level, int64_t friction)
{
    struct bl_user *u = r->u;
    u->events = events;
    u->level = (uint8_t)(level & 3);
    u->friction = friction;
    r->bad = r->bad || !within(events, BL_TIMESTAMP_MAX_MS) || !within(moments, BL_TIMESTAMP_MAX_MS) ||
             !within(level, 3) || !within(friction, BL_FRICTION_MAX);
}

void state_add_mark(struct reader *r, const struct bl_mark *m)
{
    r->bad =
        r->bad || r->u->n_marks == BL_MARKS_MAX || !due_is_fine(m->rule, m->due_ms) || !number_is_fine(m->n);
    if (!r->bad && m->rule != BL_RULE_COUNT)
        *bl_user_add_mark(r->u) = *m;
}

/* ---- the head ---- */

/* A code in capitals is of a mark that ends with its session. BL_RULE_COUNT: no rule has it. */
static unsigned read_code(struct reader *r, bool *session)
{
    unsigned rule = 0;
    char code[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        char c = peek(r);
        *session = c >= 'A' && c <= 'Z';
        code[i] = (char)(*session ? c - 'A' + 'a' : c);
        r->bad = r->bad || code[i] < 'a' || code[i] > 'z';
        r->p += !r->bad;
    }
    while (rule < BL_RULE_COUNT && memcmp(bl_rule((enum bl_rule_id)rule)->code, code, 2) != 0)
        rule++;
    return rule;
}

static bl_name read_element(struct reader *r)
{
    int64_t place = take(r, '/') ? state_int(r, 1, BL_MARKS_MAX) : 0;
    r->bad = r->bad || place > (int64_t)r->n_elements;
    bl_name name = place && !r->bad ? r->elements[place - 1] : 0;
    r->used[name / 64] |= 1ULL << name % 64;
    return name;
}

/* *m: the mark before, as far as the next one behind a comma is like it; *until: its u. */
static void read_mark(struct reader *r, bool again, struct bl_mark *m, int64_t *until)
{
    enum { TIME, UNTIL, DUE, NUMBER, X, Y };
    struct tags t;
    if (!again) {
        unsigned rule = read_code(r, &m->session);
        m->rule = (uint8_t)rule;
        m->kind = (uint8_t)(take(r, '.') ? state_int(r, 1, UINT8_MAX) : 0);
        r->bad = r->bad || (m->kind && !take(r, ' '));
    }
    m->page = at_digit(r) ? state_name(r, BL_STATE_PAGE_MAX) : 0;
    m->element = read_element(r);
    state_tags(r, BL_STATE_MARK_TAGS, &t);
    if (!again || has(&t, UNTIL))
        *until = has(&t, UNTIL) ? t.v[UNTIL] : BL_NEVER;
    m->t_ms = state_sub_time(r, r->u->seen_ms, t.v[TIME]);
    m->until_ms = *until == BL_NEVER ? BL_NEVER : state_add_time(r, m->t_ms, *until);
    m->due_ms = state_time_of(r, &t, DUE, m->t_ms);
    m->n = t.v[NUMBER];
    m->has_xy = has(&t, X);
    m->x = t.x;
    m->y = t.y;
    r->bad = r->bad || has(&t, X) != has(&t, Y);
    state_add_mark(r, m);
}

static void read_marks(struct reader *r)
{
    struct bl_mark m = {0};
    int64_t until = BL_NEVER;
    bool first = true;
    while (more(r)) {
        bool again = !first && take(r, ',');
        r->bad = !again && !take(r, ';');
        first = false;
        if (!r->bad)
            read_mark(r, again, &m, &until);
    }
}

/* What the head tells of its lists. */
struct counts {
    int64_t moments, visits_from; /* visits_from: -1: all count */
    struct bl_str latest;         /* moments that fill no chunk */
};

static void read_head(struct reader *r, struct counts *c)
{
    enum {
        SEEN,
        FLOOR,
        DUE,
        DUE_AS_USUAL,
        ON_PAGE,
        ANCHOR,
        EVENTS,
        MOMENTS,
        PAGE,
        SESSION,
        COUNT_FROM,
        ENDED,
        HIDDEN,
        LEVEL,
        FRICTION
    };
    struct bl_user *u = r->u;
    struct tags t;
    u->session_ms = state_int(r, -BL_STATE_TIME_MAX_MS, BL_STATE_TIME_MAX_MS);
    r->bad = r->bad || !take(r, ' ');
    state_tags(r, BL_STATE_HEAD_TAGS, &t);
    u->seen_ms = state_add_time(r, u->session_ms, t.v[SEEN]);
    u->floor_ms = state_add_time(r, u->seen_ms, t.v[FLOOR]);
    if (has(&t, DUE_AS_USUAL)) {
        r->bad = r->bad || has(&t, DUE);
        t.v[DUE] = BL_STATE_USUAL_MS;
        t.there |= 1U << DUE;
    }
    u->due_ms = state_time_of(r, &t, DUE, u->seen_ms);
    u->page_ms = state_sub_time(r, u->seen_ms, t.v[ON_PAGE]);
    u->anchor_ms = state_sub_time(r, u->seen_ms, t.v[ANCHOR]);
    u->page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX);
    u->session = state_name_of(r, t.v[SESSION], BL_SESSION_ID_MAX_BYTES);
    u->in_session = !has(&t, ENDED);
    u->hidden = has(&t, HIDDEN);
    state_counts(r, has(&t, EVENTS) ? t.v[EVENTS] : t.v[MOMENTS], t.v[MOMENTS], t.v[LEVEL], t.v[FRICTION]);
    r->bad = r->bad || u->seen_ms < 0 || !within(t.v[COUNT_FROM], t.v[MOMENTS]);
    c->moments = t.v[MOMENTS];
    c->visits_from = has(&t, COUNT_FROM) ? t.v[COUNT_FROM] : -1;
    state_elements(r);
    c->latest = (struct bl_str){NULL, 0};
    if (take(r, ':')) {
        const char *from = r->p;
        while (more(r) && *r->p != ';')
            r->p++;
        c->latest = (struct bl_str){from, (size_t)(r->p - from)};
        r->bad = r->bad || c->latest.n == 0;
    }
    read_marks(r);
}

/* ---- moments and visits ---- */

static uint8_t read_action(struct reader *r)
{
    bool letter = at_letter(r);
    unsigned action = letter ? bl_state_actions[*r->p & 127] : 0;
    r->bad = r->bad || !letter;
    r->p += letter;
    return (uint8_t)(action ? action - 1 : BL_ACTION_CUSTOM);
}

static void read_moments(struct reader *r, struct bl_str text)
{
    struct bl_user *u = r->u;
    struct bl_moment m = {.t_ms = u->session_ms};
    for (bool first = open_field(r, text); more(r); first = false) {
        if (first ? at_digit(r) : take(r, ' '))
            m.page = state_name(r, BL_STATE_PAGE_MAX);
        m.action = read_action(r);
        m.visit = !take(r, '\'') && bl_action_traits((enum bl_action)m.action) & BL_VISIT;
        if (at_digit(r) || (first && peek(r) == '-'))
            m.t_ms = state_add_time(r, m.t_ms, state_int(r, INT64_MIN, INT64_MAX));
        r->bad = r->bad || u->n_window == BL_WINDOW_KEEP ||
                 (u->n_window && m.t_ms < u->window[u->n_window - 1].t_ms);
        if (!r->bad)
            u->window[u->n_window++] = m;
    }
}

/* The chunks before the latest moments, without a gap: each must hold what a chunk holds. */
static void read_window(struct reader *r, const struct bl_str value[BL_STATE_FIELDS_MAX],
                        const struct counts *c)
{
    struct bl_user *u = r->u;
    int64_t end = c->moments / BL_WINDOW_CHUNK, first = end;
    size_t chunks = 0;
    for (size_t i = BL_STATE_CHUNK0; i < BL_STATE_FIELDS_MAX; i++)
        chunks += value[i].n > 0;
    while (first > 0 && end - first < BL_STATE_CHUNKS - 1 && value[bl_state_chunk_slot(first - 1)].n)
        first--;
    u->window_first = first * BL_WINDOW_CHUNK;
    r->bad = r->bad || (int64_t)chunks != end - first;
    for (int64_t i = first; i < end && !r->bad; i++) {
        read_moments(r, value[bl_state_chunk_slot(i)]);
        r->bad = r->bad || u->n_window != (i - first + 1) * BL_WINDOW_CHUNK;
    }
    read_moments(r, c->latest);
    r->bad = r->bad || u->window_first + u->n_window != c->moments;
}

void state_visits(struct reader *r, int64_t t_ms)
{
    bool first = true;
    do {
        struct bl_visit v = {.moment = (uint32_t)(r->u->window_first - 1)};
        if (at_digit(r))
            v.page = state_name(r, BL_STATE_PAGE_MAX);
        char kind = peek(r);
        r->p += kind != '\0';
        v.view = kind == 'v' || kind == 'V';
        v.twinned = kind == 'N' || kind == 'V';
        r->bad = r->bad || !(v.view || v.twinned || kind == 'n') || r->u->n_visits == BL_VISITS_MAX;
        if (at_digit(r) || (first && peek(r) == '-'))
            t_ms = state_add_time(r, t_ms, state_int(r, INT64_MIN, INT64_MAX));
        v.t_ms = t_ms;
        if (!r->bad)
            *bl_user_add_visit(r->u) = v;
        first = false;
    } while (take(r, ' '));
    r->bad = r->bad || r->p != r->end;
}

/* The latest visit that fits: as engine.c found it then, since any that fits and is later would have been as near in time. Of
 * those that the window has lost none is looked at: they tell by themselves. */
static void note_twin(struct bl_user *u, const struct bl_moment *m, size_t lost)
{
    bool view = bl_action_traits((enum bl_action)m->action) & BL_VIEW;
    for (size_t i = u->n_visits; i > lost; i--) {
        struct bl_visit *v = &u->visits[i - 1];
        if (v->page == m->page && v->view != view && !v->twinned) {
            v->twinned = true;
            return;
        }
    }
}

static void read_visits(struct reader *r, struct bl_str lost, const struct counts *c)
{
    struct bl_user *u = r->u;
    if (open_field(r, lost))
        state_visits(r, u->session_ms);
    size_t before = u->n_visits;
    size_t i = c->visits_from > u->window_first ? (size_t)(c->visits_from - u->window_first) : 0;
    for (; i < u->n_window && !r->bad; i++) {
        const struct bl_moment *m = &u->window[i];
        unsigned traits = bl_action_traits((enum bl_action)m->action);
        if (!(traits & BL_VISIT))
            continue;
        if (!m->visit) {
            note_twin(u, m, before);
            continue;
        }
        r->bad = u->n_visits == BL_VISITS_MAX || (u->n_visits && u->visits[u->n_visits - 1].t_ms > m->t_ms);
        if (!r->bad)
            *bl_user_add_visit(u) = (struct bl_visit){.t_ms = m->t_ms,
                                                      .page = m->page,
                                                      .view = traits & BL_VIEW,
                                                      .moment = (uint32_t)(u->window_first + (int64_t)i)};
    }
}

/* ---- open patterns ---- */

/* The number of a variant; *known is false if there is none of that name. */
static unsigned variant_of(unsigned rule, struct bl_str name, bool *known)
{
    const char *const *variants = *known ? bl_rule((enum bl_rule_id)rule)->variants : NULL;
    unsigned i = 0;
    if (!variants || name.n == 0) {
        *known = *known && !variants && name.n == 0;
        return 0;
    }
    do
        i++;
    while (variants[i] && !bl_str_eqz(name, variants[i]));
    *known = variants[i] != NULL;
    return i;
}

static uint8_t read_severity(struct reader *r)
{
    struct bl_str word = take(r, ' ') ? state_word(r) : (struct bl_str){NULL, 0};
    unsigned severity = BL_LOW;
    while (severity <= BL_HIGH && !bl_str_eqz(word, bl_severity_name((enum bl_severity)severity)))
        severity++;
    r->bad = r->bad || severity > BL_HIGH;
    return (uint8_t)severity;
}

static void read_open(struct reader *r, state_tags_fn *tags, int64_t base_ms)
{
    enum { PAGE, ELEMENT, OTHER, TIME, DUE, NUMBER, PAST };
    unsigned rule = (unsigned)bl_rule_of(state_word(r));
    bool known = rule != BL_RULE_COUNT;
    struct bl_str none = {NULL, 0};
    unsigned variant = variant_of(rule, take(r, '.') ? state_word(r) : none, &known);
    uint8_t severity = read_severity(r);
    struct tags t;
    tags(r, BL_STATE_OPEN_TAGS, &t);
    struct bl_open o = {.rule = (uint8_t)rule,
                        .variant = (uint8_t)variant,
                        .severity = severity,
                        .page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX),
                        .element = state_name_of(r, t.v[ELEMENT], BL_STATE_ELEMENT_MAX),
                        .other = state_name_of(r, t.v[OTHER], BL_STATE_PAGE_MAX),
                        .detected_ms = state_add_time(r, base_ms, t.v[TIME]),
                        .n = t.v[NUMBER],
                        .past = has(&t, PAST)};
    o.due_ms = state_time_of(r, &t, DUE, o.detected_ms);
    r->bad = r->bad || r->u->n_open == BL_OPEN_MAX || !due_is_fine(known ? rule : BL_RULE_COUNT, o.due_ms) ||
             !number_is_fine(o.n);
    if (!r->bad && known)
        *bl_user_add_open(r->u) = o;
}

void state_opens(struct reader *r, state_tags_fn *tags, int64_t base_ms)
{
    do
        read_open(r, tags, base_ms);
    while (take(r, ';'));
    r->bad = r->bad || r->p != r->end;
}

static void open_tags(struct reader *r, const char *tags, struct tags *t)
{
    r->bad = r->bad || !take(r, ' ');
    state_tags(r, tags, t);
}

static void read_fields(struct reader *r, const struct bl_str value[BL_STATE_FIELDS_MAX])
{
    struct counts c;
    if (open_field(r, value[BL_STATE_NAMES]))
        state_names(r);
    r->bad = r->bad || !open_field(r, value[BL_STATE_HEAD]);
    if (!r->bad)
        read_head(r, &c);
    if (!r->bad)
        read_window(r, value, &c);
    if (!r->bad)
        read_visits(r, value[BL_STATE_VISITS], &c);
    if (!r->bad && open_field(r, value[BL_STATE_OPEN]))
        state_opens(r, open_tags, r->u->session_ms);
}

uint16_t state_names_alive(const struct reader *r)
{
    unsigned n = 1;
    for (size_t i = 0; i <= r->u->n_names / 64U && i < sizeof r->used / sizeof *r->used; i++)
        n += (unsigned)__builtin_popcountll(r->used[i] & (i ? ~0ULL : ~1ULL));
    return (uint16_t)n;
}

static bool has_value(const struct bl_state_pair *pairs, size_t n)
{
    size_t i = 0;
    while (i < n && pairs[i].value.n == 0)
        i++;
    return i < n;
}

static enum bl_err decode(struct bl_state_decoder *d, struct bl_user *u, const struct bl_state_pair *pairs,
                          size_t n, struct bl_state_stored *stored)
{
    struct bl_str value[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    struct reader r = {.u = u, .decoder = d};
    size_t known = bl_state_values(bl_state_names, BL_STATE_FIELDS_MAX, pairs, n, value);
    if (known == 0)
        return has_value(pairs, n) ? BL_ERR_CORRUPT : BL_OK; /* another program wrote it: not nobody */
    read_fields(&r, value);
    if (r.bad || r.no_memory)
        return r.no_memory ? BL_ERR_NO_MEMORY : BL_ERR_CORRUPT;
    u->names_swept = state_names_alive(&r);
    if (known == n) {
        bl_state_note(u, stored);
        stored->names =
            u->n_names <= BL_STATE_TEXTS_TOLD ? r.told[0] : bl_state_text_hash(value[BL_STATE_NAMES]);
        stored->visits = bl_state_text_hash(value[BL_STATE_VISITS]);
        stored->open = bl_state_text_hash(value[BL_STATE_OPEN]);
    }
    return BL_OK;
}

/* Empty in today's form. */
static struct bl_str head_before(const struct bl_state_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bl_str_eqz(pairs[i].name, "head"))
            return pairs[i].value;
    return (struct bl_str){NULL, 0};
}

enum bl_err bl_state_decode(struct bl_state_decoder *d, struct bl_user *u, const struct bl_state_pair *pairs,
                            size_t n, struct bl_state_stored *stored)
{
    struct bl_state_stored here, *s = stored ? stored : &here;
    *s = (struct bl_state_stored){.any = n > 0};
    bl_user_init(u);
    struct bl_str head = head_before(pairs, n);
    enum bl_err err = head.n == 0        ? decode(d, u, pairs, n, s)
                      : head.p[0] == '{' ? bl_state_version1_decode(d->parser, u, pairs, n)
                                         : bl_state_version2_decode(d, u, pairs, n);
    if (err != BL_OK)
        bl_user_init(u);
    return err;
}
