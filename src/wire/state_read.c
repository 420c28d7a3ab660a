/* The stored text back to a user's state. The text may be anything: every number, name and order is checked before it gets
 * into the state, so that hostile bytes give BL_ERR_CORRUPT and never a state that no step could have made by its form
 * (state_fields.h).
 *
 * One pass over each field with a bare pointer: a whole state takes 17,000 instructions (tests/bench/budget), where a JSON
 * parser over the form of version 1 took 34,000. */
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
    bl_buf_init(&d->again, 0);
    *out = d;
    return BL_OK;
}

void bl_state_decoder_free(struct bl_state_decoder *d)
{
    if (!d)
        return;
    bl_json_parser_free(d->parser);
    bl_buf_release(&d->text);
    bl_buf_release(&d->again);
    free(d);
}

static bool within(int64_t v, int64_t max)
{
    return v >= 0 && v <= max;
}

/* A rule's own number: a count that may grow, or a time. */
static bool number_is_fine(int64_t n)
{
    return n <= BL_STATE_TIME_MAX_MS;
}

/* ---- the head ---- */

/* A deadline of a rule that has no code for it could never be taken away. */
static bool due_is_fine(unsigned rule, int64_t due_ms)
{
    return rule == BL_RULE_COUNT || due_ms == BL_NEVER || bl_rule((enum bl_rule_id)rule)->fire;
}

static void read_mark(struct reader *r)
{
    enum { PAGE, ELEMENT, TIME, UNTIL, DUE, NUMBER, SESSION, X, Y };
    unsigned rule = (unsigned)bl_rule_of(state_word(r));
    int64_t kind = take(r, '.') ? state_int(r, 0, UINT8_MAX) : 0;
    struct tags t;
    state_tags(r, "petudnSxy", &t);
    int64_t t_ms = state_add_time(r, r->u->seen_ms, t.v[TIME]);
    struct bl_mark m = {.rule = (uint8_t)rule,
                        .kind = (uint8_t)kind,
                        .page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX),
                        .element = state_name_of(r, t.v[ELEMENT], BL_STATE_ELEMENT_MAX),
                        .t_ms = t_ms,
                        .until_ms = state_time_of(r, &t, UNTIL, t_ms),
                        .due_ms = state_time_of(r, &t, DUE, t_ms),
                        .n = t.v[NUMBER],
                        .session = has(&t, SESSION),
                        .has_xy = has(&t, X),
                        .x = t.x,
                        .y = t.y};
    r->bad = r->bad || has(&t, X) != has(&t, Y) || r->u->n_marks == BL_MARKS_MAX ||
             !due_is_fine(rule, m.due_ms) || !number_is_fine(m.n);
    if (!r->bad && rule != BL_RULE_COUNT)
        *bl_user_add_mark(r->u) = m;
}

static int64_t read_head(struct reader *r)
{
    enum {
        FLOOR,
        DUE,
        BEGAN,
        ON_PAGE,
        ANCHOR,
        EVENTS,
        MOMENTS,
        PAGE,
        SESSION,
        IN_SESSION,
        HIDDEN,
        LEVEL,
        FRICTION
    };
    struct bl_user *u = r->u;
    struct tags t;
    u->seen_ms = state_int(r, 0, BL_STATE_TIME_MAX_MS);
    state_tags(r, "fdboaempiSHlr", &t);
    u->floor_ms = state_add_time(r, u->seen_ms, t.v[FLOOR]);
    u->due_ms = state_time_of(r, &t, DUE, u->seen_ms);
    u->session_ms = state_add_time(r, u->seen_ms, t.v[BEGAN]);
    u->page_ms = state_add_time(r, u->seen_ms, t.v[ON_PAGE]);
    u->anchor_ms = state_add_time(r, u->seen_ms, t.v[ANCHOR]);
    u->events = t.v[EVENTS];
    u->page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX);
    u->session = state_name_of(r, t.v[SESSION], BL_SESSION_ID_MAX_BYTES);
    u->in_session = has(&t, IN_SESSION);
    u->hidden = has(&t, HIDDEN);
    u->level = (uint8_t)(t.v[LEVEL] & 3);
    u->friction = t.v[FRICTION];
    r->bad = r->bad || !within(t.v[EVENTS], BL_TIMESTAMP_MAX_MS) ||
             !within(t.v[MOMENTS], BL_TIMESTAMP_MAX_MS) || !within(t.v[LEVEL], 3) ||
             !within(t.v[FRICTION], BL_FRICTION_MAX);
    while (take(r, ';'))
        read_mark(r);
    r->bad = r->bad || r->p != r->end;
    return t.v[MOMENTS];
}

/* ---- lists ---- */

static void read_visits(struct reader *r)
{
    int64_t t = state_time(r, 0);
    do {
        struct bl_visit v = {0};
        r->bad = !take(r, ' ');
        if (at_digit(r))
            v.page = state_name(r, BL_STATE_PAGE_MAX);
        char kind = more(r) ? *r->p++ : '\0';
        v.view = kind == 'v' || kind == 'V';
        v.twinned = kind == 'N' || kind == 'V';
        r->bad = r->bad || !(v.view || v.twinned || kind == 'n') || r->u->n_visits == BL_VISITS_MAX;
        if (at_digit(r))
            t = state_add_time(r, t, state_int(r, 0, INT64_MAX));
        v.t_ms = t;
        if (!r->bad)
            *bl_user_add_visit(r->u) = v;
    } while (more(r));
}

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

static void read_open(struct reader *r)
{
    enum { PAGE, ELEMENT, OTHER, TIME, DUE, NUMBER, PAST };
    unsigned rule = (unsigned)bl_rule_of(state_word(r));
    bool known = rule != BL_RULE_COUNT;
    struct bl_str none = {NULL, 0};
    unsigned variant = variant_of(rule, take(r, '.') ? state_word(r) : none, &known);
    uint8_t severity = read_severity(r);
    struct tags t;
    state_tags(r, "peotdnP", &t);
    struct bl_open o = {.rule = (uint8_t)rule,
                        .variant = (uint8_t)variant,
                        .severity = severity,
                        .page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX),
                        .element = state_name_of(r, t.v[ELEMENT], BL_STATE_ELEMENT_MAX),
                        .other = state_name_of(r, t.v[OTHER], BL_STATE_PAGE_MAX),
                        .detected_ms = state_add_time(r, 0, t.v[TIME]),
                        .n = t.v[NUMBER],
                        .past = has(&t, PAST)};
    o.due_ms = state_time_of(r, &t, DUE, o.detected_ms);
    r->bad = r->bad || r->u->n_open == BL_OPEN_MAX || !due_is_fine(known ? rule : BL_RULE_COUNT, o.due_ms) ||
             !number_is_fine(o.n);
    if (!r->bad && known)
        *bl_user_add_open(r->u) = o;
}

static void read_opens(struct reader *r)
{
    do
        read_open(r);
    while (take(r, ';'));
    r->bad = r->bad || r->p != r->end;
}

static uint8_t read_action(struct reader *r)
{
    unsigned i = 0;
    r->bad = r->bad || r->end - r->p < 2 || r->p[0] < 'a' || r->p[0] > 'z' || r->p[1] < 'a' || r->p[1] > 'z';
    if (r->bad)
        return 0;
    while (i < BL_ACTION_COUNT && (bl_state_codes[i][0] != r->p[0] || bl_state_codes[i][1] != r->p[1]))
        i++;
    r->p += 2;
    return (uint8_t)(i < BL_ACTION_COUNT ? i : BL_ACTION_CUSTOM);
}

/* One chunk, which must follow the moments that are there already. */
static void read_chunk(struct reader *r, size_t slot)
{
    struct bl_user *u = r->u;
    bl_name page = 0;
    int64_t number = state_int(r, 0, BL_TIMESTAMP_MAX_MS);
    r->bad = r->bad || !take(r, ' ');
    int64_t t = state_time(r, 0);
    if (u->n_window == 0)
        u->window_first = number;
    size_t chunk = (size_t)(number / BL_WINDOW_CHUNK), before = u->n_window;
    r->bad = r->bad || number != u->window_first + u->n_window || chunk % BL_STATE_CHUNKS != slot ||
             (before && number % BL_WINDOW_CHUNK != 0) || (before && t < u->window[before - 1].t_ms);
    do {
        r->bad = r->bad || !take(r, ' ');
        if (at_digit(r))
            page = state_name(r, BL_STATE_PAGE_MAX);
        uint8_t action = read_action(r);
        if (at_digit(r))
            t = state_add_time(r, t, state_int(r, 0, INT64_MAX));
        r->bad = r->bad || u->n_window == BL_WINDOW_KEEP || (size_t)(number / BL_WINDOW_CHUNK) != chunk;
        number++;
        if (!r->bad)
            u->window[u->n_window++] = (struct bl_moment){t, page, action};
    } while (more(r));
}

/* The number at the start of a chunk's text; -1: none. Just for the order: read_chunk checks. */
static int64_t chunk_number(struct reader *r, struct bl_str text)
{
    bool was = r->bad;
    int64_t number = open_field(r, text) ? state_int(r, -1, BL_TIMESTAMP_MAX_MS) : -1;
    r->bad = was;
    return number;
}

static void read_window(struct reader *r, const struct bl_str value[BL_STATE_FIELDS_MAX], int64_t moments)
{
    size_t order[BL_STATE_CHUNKS], n = 0;
    int64_t numbers[BL_STATE_CHUNKS];
    for (size_t i = 0; i < BL_STATE_CHUNKS; i++) {
        if (value[BL_STATE_CHUNK0 + i].n == 0)
            continue;
        int64_t number = chunk_number(r, value[BL_STATE_CHUNK0 + i]);
        size_t at = n++;
        for (; at > 0 && numbers[at - 1] > number; at--) {
            order[at] = order[at - 1];
            numbers[at] = numbers[at - 1];
        }
        order[at] = i;
        numbers[at] = number;
    }
    for (size_t i = 0; i < n && !r->bad && open_field(r, value[BL_STATE_CHUNK0 + order[i]]); i++)
        read_chunk(r, order[i]);
    if (n == 0)
        r->u->window_first = moments;
    r->bad = r->bad || r->u->window_first + r->u->n_window != moments;
}

static void read_fields(struct reader *r, const struct bl_str value[BL_STATE_FIELDS_MAX])
{
    int64_t moments = 0;
    if (open_field(r, value[BL_STATE_NAMES]))
        state_names(r);
    r->bad = r->bad || !open_field(r, value[BL_STATE_HEAD]);
    if (!r->bad)
        moments = read_head(r);
    if (!r->bad && open_field(r, value[BL_STATE_VISITS]))
        read_visits(r);
    if (!r->bad && open_field(r, value[BL_STATE_OPEN]))
        read_opens(r);
    if (!r->bad)
        read_window(r, value, moments);
}

/* Names that nothing tells of any more count as dead for the next sweep. */
static uint16_t names_alive(const struct reader *r)
{
    unsigned n = 1;
    for (size_t i = 0; i <= r->u->n_names / 64U && i < sizeof r->used / sizeof *r->used; i++)
        n += (unsigned)__builtin_popcountll(r->used[i] & (i ? ~0ULL : ~1ULL));
    return (uint16_t)n;
}

static enum bl_err decode(struct bl_state_decoder *d, struct bl_user *u, const struct bl_state_pair *pairs,
                          size_t n, struct bl_state_stored *stored)
{
    struct bl_str value[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    struct reader r = {.u = u, .decoder = d};
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        size_t slot = 0;
        while (slot < BL_STATE_FIELDS_MAX && !bl_str_eqz(pairs[i].name, bl_state_names[slot]))
            slot++;
        if (slot == BL_STATE_FIELDS_MAX || pairs[i].value.n == 0)
            continue;
        value[slot] = pairs[i].value;
        known++;
    }
    if (known == 0)
        return BL_OK;
    read_fields(&r, value);
    if (r.bad || r.no_memory)
        return r.no_memory ? BL_ERR_NO_MEMORY : BL_ERR_CORRUPT;
    u->names_swept = names_alive(&r);
    if (known == n) {
        bl_state_note(u, stored);
        stored->visits = bl_state_text_hash(value[BL_STATE_VISITS]);
        stored->open = bl_state_text_hash(value[BL_STATE_OPEN]);
    }
    return BL_OK;
}

enum bl_err bl_state_decode(struct bl_state_decoder *d, struct bl_user *u, const struct bl_state_pair *pairs,
                            size_t n, struct bl_state_stored *stored)
{
    struct bl_state_stored here, *s = stored ? stored : &here;
    *s = (struct bl_state_stored){.any = n > 0};
    bl_user_init(u);
    enum bl_err err =
        bl_state_is_old(pairs, n) ? bl_state_old_decode(d->parser, u, pairs, n) : decode(d, u, pairs, n, s);
    if (err != BL_OK)
        bl_user_init(u);
    return err;
}
