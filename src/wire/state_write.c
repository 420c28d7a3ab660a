/* The parts of a user's state as text: see state_fields.h for the form. The same state always gives the same bytes, and
 * what a step did not touch keeps its bytes.
 *
 * It is written with a bare pointer into room for the longest state (tests/bench/budget, encode): JSON by an encoder with
 * a check at each byte took three times as much. */
#include "state_fields.h"

#include "bl/core/rule.h"

/* The one list of letters. */
#define LETTERS(X)                                                                                           \
    X(NAVIGATE, 'n')                                                                                         \
    X(PAGE_VIEW, 'v')                                                                                        \
    X(ROUTE_CHANGE, 'r')                                                                                     \
    X(CLICK, 'c')                                                                                            \
    X(SCROLL, 's')                                                                                           \
    X(IDLE, 'i')                                                                                             \
    X(ABANDON, 'a')                                                                                          \
    X(TAB_HIDDEN, 'h')                                                                                       \
    X(TAB_VISIBLE, 't')                                                                                      \
    X(PAGE_EXIT, 'x')                                                                                        \
    X(COMPLETE, 'k')                                                                                         \
    X(CONFIRM, 'o')                                                                                          \
    X(PURCHASE, 'p')                                                                                         \
    X(PRODUCT_VIEW, 'l')                                                                                     \
    X(ADD_TO_CART, 'b')                                                                                      \
    X(CHECKOUT_START, 'g')                                                                                   \
    X(CHECKOUT_COMPLETE, 'y')                                                                                \
    X(FORM_SUBMIT, 'f')                                                                                      \
    X(INPUT_CHANGE, 'w')                                                                                     \
    X(SEARCH, 'q')                                                                                           \
    X(SEARCH_RESULT_CLICK, 'u')                                                                              \
    X(VIDEO_PLAY, 'P')                                                                                       \
    X(VIDEO_PAUSE, 'U')                                                                                      \
    X(VIDEO_COMPLETE, 'V')                                                                                   \
    X(FILE_DOWNLOAD, 'F')                                                                                    \
    X(SHARE, 'H')                                                                                            \
    X(SIGNUP, 'N')                                                                                           \
    X(SUBSCRIBE, 'B')                                                                                        \
    X(DOWNLOAD, 'D')                                                                                         \
    X(SUBMIT_FORM, 'T')                                                                                      \
    X(ERROR, 'e')                                                                                            \
    X(API_ERROR, 'E')                                                                                        \
    X(PAGE_PERFORMANCE, 'R')                                                                                 \
    X(API_PERFORMANCE, 'A')                                                                                  \
    X(DEAD_CLICK, 'd')                                                                                       \
    X(SESSION_START, 'S')                                                                                    \
    X(SESSION_END, 'X')                                                                                      \
    X(CUSTOM, 'C')

#define LETTER(action, letter) [BL_ACTION_##action] = (letter),
#define ACTION(action, letter) [(letter)] = BL_ACTION_##action + 1,

const char bl_state_letters[BL_ACTION_COUNT] = {LETTERS(LETTER)};
const uint8_t bl_state_actions[128] = {LETTERS(ACTION)};

/* Of a visit that is none. */
static const char twin_signs[BL_ACTION_COUNT] = {
#define BL_ACTION(name, text, traits) [BL_ACTION_##name] = (traits)&BL_VISIT ? '\'' : '\0',
#include "bl/core/actions.def"
#undef BL_ACTION
};

/* The longest text of each part; words are names of rules, variants and severities. */
#define INT_MAX_BYTES   20
#define WORD_MAX_BYTES  32
#define HEAD_MAX_BYTES  (15 * (2 + INT_MAX_BYTES))
#define MARK_MAX_BYTES  (2 + 8 + 2 * (1 + INT_MAX_BYTES) + 4 * (1 + INT_MAX_BYTES) + 2 * (1 + BL_DOUBLE_BYTES))
#define VISIT_MAX_BYTES (2 * INT_MAX_BYTES + 2)
#define OPEN_MAX_BYTES  (3 * WORD_MAX_BYTES + 7 * (2 + INT_MAX_BYTES) + 4)
#define MOMENT_BYTES    (2 * INT_MAX_BYTES + 3)
#define TEXT_MAX_BYTES                                                                                       \
    (HEAD_MAX_BYTES + BL_MARKS_MAX * (MARK_MAX_BYTES + 1) + BL_VISITS_MAX * VISIT_MAX_BYTES +                \
     BL_OPEN_MAX * OPEN_MAX_BYTES + BL_WINDOW_KEEP * MOMENT_BYTES)

/* Each text may stand in n and in h, with an escape before each byte. */
size_t bl_state_room(const struct bl_user *u)
{
    return TEXT_MAX_BYTES + 4 * (size_t)u->n_text + (size_t)u->n_names * (INT_MAX_BYTES + 2);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* In place: most have one digit, and a copy of a few bytes is a call. */
static char *put_int(char *p, int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0)
        *p++ = '-';
    size_t n = 1;
    for (uint64_t left = m; left >= 10; left /= 10)
        n++;
    for (char *at = p + n; at > p; m /= 10)
        *--at = (char)('0' + m % 10);
    return p + n;
}

static char *put_word(char *p, const char *z)
{
    while (*z)
        *p++ = *z++;
    return p;
}

static char *put_tag(char *p, char tag, int64_t v)
{
    *p++ = tag;
    return put_int(p, v);
}

static char *put_some(char *p, char tag, int64_t v)
{
    return v ? put_tag(p, tag, v) : p;
}

static char *put_flag(char *p, char tag, bool is)
{
    if (is)
        *p++ = tag;
    return p;
}

static char *put_due(char *p, char tag, int64_t due_ms, int64_t t_ms)
{
    return due_ms == BL_NEVER ? p : put_tag(p, tag, minus(due_ms, t_ms));
}

/* ---- names ---- */

/* Most have nothing to be escaped. */
static char *put_text(char *p, struct bl_str s)
{
    unsigned strange = (unsigned char)(s.p[0] - '0') < 10;
    for (size_t i = 0; i < s.n; i++)
        strange |= (unsigned)(s.p[i] == '|') | (unsigned)(s.p[i] == '\\');
    if (!strange) {
        memcpy(p, s.p, s.n);
        return p + s.n;
    }
    if ((unsigned char)(s.p[0] - '0') < 10)
        *p++ = '\\';
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|' || s.p[i] == '\\')
            *p++ = '\\';
        *p++ = s.p[i];
    }
    return p;
}

static void use(uint64_t *used, bl_name name)
{
    used[name / 64] |= 1ULL << name % 64;
}

/* What more than marks' elements tells of. */
static void find_used(const struct bl_user *u, uint64_t used[BL_NAMES_MAX / 64])
{
    memset(used, 0, (u->n_names / 64U + 1) * sizeof *used);
    use(used, u->page);
    use(used, u->session);
    for (size_t i = 0; i < u->n_visits; i++)
        use(used, u->visits[i].page);
    for (size_t i = 0; i < u->n_window; i++)
        use(used, u->window[i].page);
    for (size_t i = 0; i < u->n_open; i++) {
        use(used, u->open[i].page);
        use(used, u->open[i].element);
        use(used, u->open[i].other);
    }
    for (size_t i = 0; i < u->n_marks; i++)
        use(used, u->marks[i].page);
    used[0] &= ~1ULL;
}

char *bl_state_write_names(const struct bl_user *u, char *p, uint64_t *told)
{
    uint64_t used[BL_NAMES_MAX / 64 + 1];
    const char *start = p;
    find_used(u, used);
    for (size_t w = 0; w <= u->n_names / 64U; w++)
        for (uint64_t left = used[w]; left; left &= left - 1) {
            bl_name name = (bl_name)(64 * w + (size_t)__builtin_ctzll(left));
            if (p > start)
                *p++ = '|';
            p = put_text(put_int(p, name), bl_user_str(u, name));
        }
    *told = u->n_names <= BL_STATE_TEXTS_TOLD
                ? used[0]
                : bl_state_text_hash((struct bl_str){start, (size_t)(p - start)});
    return p;
}

/* ---- the head ---- */

/* Whole pixels, as most are, are not worth a search for the shortest form: 2,000 instructions a user. */
static char *put_place(char *p, char tag, double v)
{
    char text[BL_DOUBLE_BYTES + 1];
    *p++ = tag;
    if (v > -BL_STATE_PLACE_PLAIN && v < BL_STATE_PLACE_PLAIN && v == (double)(int64_t)v)
        return put_int(p, (int64_t)v);
    size_t n = bl_str_double(text, v);
    memcpy(p, text, n);
    return p + n;
}

/* The texts that marks tell of, in the order in which they do. */
struct elements {
    bl_name name[BL_MARKS_MAX];
    size_t n;
};

static int64_t place_of(struct elements *e, bl_name name)
{
    size_t i = 0;
    while (i < e->n && e->name[i] != name)
        i++;
    if (i == e->n)
        e->name[e->n++] = name;
    return (int64_t)i + 1;
}

static int64_t until_of(const struct bl_mark *m)
{
    return m->until_ms == BL_NEVER ? BL_NEVER : minus(m->until_ms, m->t_ms);
}

static bool alike(const struct bl_mark *a, const struct bl_mark *b)
{
    return a->rule == b->rule && a->kind == b->kind && a->session == b->session && until_of(a) == until_of(b);
}

static char *write_code(const struct bl_mark *m, char *p)
{
    const char *code = bl_rule((enum bl_rule_id)m->rule)->code;
    int capital = m->session ? 'a' - 'A' : 0;
    *p++ = ';';
    *p++ = (char)(code[0] - capital);
    *p++ = (char)(code[1] - capital);
    if (m->kind) {
        *p++ = '.';
        p = put_int(p, m->kind);
        *p++ = ' ';
    }
    return p;
}

static char *write_mark(const struct bl_user *u, size_t i, struct elements *e, char *p)
{
    const struct bl_mark *m = &u->marks[i];
    bool again = i > 0 && alike(m, m - 1);
    if (again)
        *p++ = ',';
    else
        p = write_code(m, p);
    if (m->page)
        p = put_int(p, m->page);
    if (m->element) {
        *p++ = '/';
        p = put_int(p, place_of(e, m->element));
    }
    p = put_some(p, 't', minus(u->seen_ms, m->t_ms));
    if (!again)
        p = put_due(p, 'u', m->until_ms, m->t_ms);
    p = put_due(p, 'd', m->due_ms, m->t_ms);
    p = put_some(p, 'n', m->n);
    if (m->has_xy)
        p = put_place(put_place(p, 'x', m->x), 'y', m->y);
    return p;
}

static char *write_marks(const struct bl_user *u, char *p)
{
    struct elements e;
    e.n = 0;
    for (size_t i = 0; i < u->n_marks; i++)
        p = write_mark(u, i, &e, p);
    for (size_t i = 0; i < e.n; i++) {
        *p++ = '|';
        p = put_text(p, bl_user_str(u, e.name[i]));
    }
    return p;
}

/* The visits that are not in the window any more. */
static size_t lost_visits(const struct bl_user *u)
{
    size_t i = 0;
    while (i < u->n_visits && (int32_t)(u->visits[i].moment - (uint32_t)u->window_first) < 0)
        i++;
    return i;
}

/* Where the first visit of the window does not count any more: the number of the first that does, or of the next moment. */
static char *put_count_from(const struct bl_user *u, char *p)
{
    size_t lost = lost_visits(u), i = 0;
    int64_t ever = u->window_first + u->n_window;
    uint32_t from = lost < u->n_visits ? u->visits[lost].moment : (uint32_t)ever;
    while (i < u->n_window && !u->window[i].visit)
        i++;
    if (i == u->n_window || (uint32_t)(u->window_first + (int64_t)i) == from)
        return p;
    return put_tag(p, 'c', u->window_first + (int64_t)(from - (uint32_t)u->window_first));
}

char *bl_state_write_head(const struct bl_user *u, char *p)
{
    int64_t ever = u->window_first + u->n_window;
    p = put_int(p, u->session_ms);
    *p++ = ' ';
    p = put_some(p, 's', minus(u->seen_ms, u->session_ms));
    p = put_some(p, 'f', minus(u->floor_ms, u->seen_ms));
    if (minus(u->due_ms, u->seen_ms) == BL_STATE_USUAL_MS)
        *p++ = 'D';
    else
        p = put_due(p, 'd', u->due_ms, u->seen_ms);
    p = put_some(p, 'o', minus(u->seen_ms, u->page_ms));
    p = put_some(p, 'a', minus(u->seen_ms, u->anchor_ms));
    if (u->events != ever)
        p = put_tag(p, 'e', u->events);
    p = put_some(p, 'm', ever);
    p = put_some(p, 'p', u->page);
    p = put_some(p, 'i', u->session);
    p = put_count_from(u, p);
    p = put_flag(p, 'E', !u->in_session);
    p = put_flag(p, 'H', u->hidden);
    p = put_some(p, 'l', u->level);
    p = put_some(p, 'r', u->friction);
    if (ever % BL_WINDOW_CHUNK && u->n_window) {
        *p++ = ':';
        p = bl_state_write_moments(u, ever - ever % BL_WINDOW_CHUNK, ever, p);
    }
    return write_marks(u, p);
}

/* ---- lists ---- */

char *bl_state_write_moments(const struct bl_user *u, int64_t from, int64_t to, char *p)
{
    const struct bl_moment *m = &u->window[from - u->window_first], *end = m + (to - from);
    const char *start = p;
    int64_t before = u->session_ms;
    bl_name page = 0;
    for (; m < end; m++) {
        if (m->page != page) {
            if (p > start)
                *p++ = ' ';
            p = put_int(p, page = m->page);
        }
        *p++ = bl_state_letters[m->action];
        if (!m->visit && twin_signs[m->action])
            *p++ = twin_signs[m->action];
        if (m->t_ms != before)
            p = put_int(p, minus(m->t_ms, before));
        before = m->t_ms;
    }
    return p;
}

char *bl_state_write_visits(const struct bl_user *u, char *p)
{
    static const char kinds[] = "nNvV";
    size_t n = lost_visits(u);
    int64_t before = u->session_ms;
    for (size_t i = 0; i < n; i++) {
        const struct bl_visit *v = &u->visits[i];
        if (i > 0)
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

char *bl_state_write_open(const struct bl_user *u, char *p)
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
        *p++ = ' ';
        p = put_some(p, 'p', o->page);
        p = put_some(p, 'e', o->element);
        p = put_some(p, 'o', o->other);
        p = put_some(p, 't', minus(o->detected_ms, u->session_ms));
        p = put_due(p, 'd', o->due_ms, o->detected_ms);
        p = put_some(p, 'n', o->n);
        p = put_flag(p, 'P', o->past);
    }
    return p;
}
