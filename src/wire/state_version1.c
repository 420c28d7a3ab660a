/* The form that states were stored in by data sets of version 1, read only: JSON in each field, with texts of its own in
 * each.
 *
 *   page, session   plain text
 *   head            {"seen":T,"floor":±,"due":±,"began":±,"page":±,"anchor":±,"events":N,"moments":N,
 *                    "session":1,"hidden":1,"level":L,"friction":F}
 *                   times are ms after (or before) "seen"; no "due": no deadline; of the rest what is 0 or
 *                   false is left out
 *   visits          [T,["/a"],"view",0,["/b"],"nav",1200,[0],"view+",900]
 *                   T: time of the first; then for each visit its kind ('+': its twin has come) and the ms since
 *                   the one before. A list sets the page from here on: a text, or the number of an earlier text
 *                   of this field, from 0
 *   w0…             [N,T,["/a"],"click",0,"scroll",350]: a chunk of the window; N: the number of its first moment
 *                   among all of the user; actions and ms since the one before, pages as in visits. The field's
 *                   number is N / BL_WINDOW_CHUNK modulo 15
 *   open            [["abandonment","exit","high",page,element,other,±detected,±due,n,past],…]
 *   marks           [["hesitation",kind,page,element,±t,±until,±due,n,session],…]; with a place: …,session,x,y]
 *                   page, element and other are a text, the number of an earlier text, or null. The first time is
 *                   absolute, those of further entries count from the entry before; due and until count from the
 *                   entry's own time, null: never. A variant is null where the rule has none
 *
 * It is as strict as the reader of today (state_read.c). Whoever is read from here is written anew, whole, with the next
 * step. */
#include "json.h"
#include "state_fields.h"

#include "bl/core/rule.h"

#define TIME_MAX_MS   BL_STATE_TIME_MAX_MS
#define TEXTS_MAX     (BL_WINDOW_KEEP + 3 * BL_MARKS_MAX)
#define ELEMENT_BYTES BL_STATE_ELEMENT_MAX
#define PAGE_BYTES    BL_STATE_PAGE_MAX
#define SLOTS         (OLD_CHUNK0 + BL_STATE_OLD_CHUNKS)

enum { OLD_PAGE, OLD_SESSION, OLD_HEAD, OLD_VISITS, OLD_OPEN, OLD_MARKS, OLD_CHUNK0 };

static const char *const names[SLOTS] = {"page", "session", "head", "visits", "open", "marks", "w0",
                                         "w1",   "w2",      "w3",   "w4",     "w5",   "w6",    "w7",
                                         "w8",   "w9",      "w10",  "w11",    "w12",  "w13",   "w14"};

/* One field under way: a walk over a list. `bad` sticks. */
struct reader {
    struct bl_user *u;
    struct bl_json_parser *parser;
    struct bl_json_walk walk;
    bool bad;
    bool no_memory;
    bl_name texts[TEXTS_MAX];
    size_t n_texts;
};

static bool open_field(struct reader *r, struct bl_str text, enum bl_json_type type, struct bl_json *root)
{
    const char *why;
    enum bl_err err = bl_json_parse(r->parser, text, root, &why);
    r->n_texts = 0;
    r->no_memory = r->no_memory || err == BL_ERR_NO_MEMORY;
    r->bad = r->bad || err != BL_OK || bl_json_type(*root) != type;
    return !r->bad;
}

/* A missing element is bad, and reads as itself no more. */
static bool next(struct reader *r, enum bl_json_type type, struct bl_json *v)
{
    r->bad = r->bad || !bl_json_next(&r->walk, v) || bl_json_type(*v) != type;
    return !r->bad;
}

static int64_t next_int(struct reader *r, int64_t min, int64_t max)
{
    struct bl_json v;
    int64_t i = next(r, BL_JSON_INT, &v) ? bl_json_int(v) : min;
    r->bad = r->bad || i < min || i > max;
    return i;
}

static int64_t add_time(struct reader *r, int64_t base, int64_t delta)
{
    int64_t t;
    r->bad = r->bad || __builtin_add_overflow(base, delta, &t) || t < -TIME_MAX_MS || t > TIME_MAX_MS;
    return r->bad ? 0 : t;
}

static int64_t next_time(struct reader *r, int64_t base)
{
    return add_time(r, base, next_int(r, INT64_MIN, INT64_MAX));
}

static bl_name intern(struct reader *r, struct bl_str s, size_t max)
{
    r->bad = r->bad || s.n > max || r->u->n_text + s.n > BL_NAMES_BYTES || r->u->n_names == BL_NAMES_MAX;
    return r->bad ? 0 : bl_user_intern(r->u, s);
}

/* A text, or the number of an earlier one. */
static bl_name name_of(struct reader *r, struct bl_json v, size_t max)
{
    enum bl_json_type type = bl_json_type(v);
    if (type == BL_JSON_INT) {
        int64_t i = bl_json_int(v);
        r->bad = r->bad || i < 0 || (size_t)i >= r->n_texts;
        bl_name name = r->bad ? 0 : r->texts[i];
        r->bad = r->bad || bl_user_str(r->u, name).n > max;
        return name;
    }
    r->bad = r->bad || type != BL_JSON_STRING || r->n_texts == TEXTS_MAX || bl_json_str(v).n == 0;
    bl_name name = r->bad ? 0 : intern(r, bl_json_str(v), max);
    if (!r->bad)
        r->texts[r->n_texts++] = name;
    return name;
}

static bl_name next_name(struct reader *r, size_t max)
{
    struct bl_json v;
    if (r->bad || !bl_json_next(&r->walk, &v)) {
        r->bad = true;
        return 0;
    }
    return bl_json_type(v) == BL_JSON_NULL ? 0 : name_of(r, v, max);
}

static int64_t next_due(struct reader *r, int64_t t_ms)
{
    struct bl_json v;
    if (r->bad || !bl_json_next(&r->walk, &v)) {
        r->bad = true;
        return BL_NEVER;
    }
    if (bl_json_type(v) == BL_JSON_NULL)
        return BL_NEVER;
    r->bad = bl_json_type(v) != BL_JSON_INT;
    return r->bad ? BL_NEVER : add_time(r, t_ms, bl_json_int(v));
}

/* Words and pages of visits and chunks: takes changes of page on the way to the next word; false at the end.
 */
static bool next_word(struct reader *r, bl_name *page, struct bl_str *word)
{
    struct bl_json v, inner;
    while (!r->bad && bl_json_next(&r->walk, &v)) {
        if (bl_json_type(v) == BL_JSON_STRING) {
            *word = bl_json_str(v);
            return true;
        }
        r->bad = bl_json_type(v) != BL_JSON_ARRAY;
        struct bl_json_walk w = bl_json_array(v);
        *page = bl_json_next(&w, &inner) ? name_of(r, inner, PAGE_BYTES) : 0;
        r->bad = r->bad || bl_json_next(&w, &inner);
    }
    return false;
}

static void read_visits(struct reader *r, struct bl_json root)
{
    static const char *const kinds[] = {"nav", "nav+", "view", "view+"};
    struct bl_str word;
    bl_name page = 0;
    r->walk = bl_json_array(root);
    int64_t t = next_time(r, 0);
    while (next_word(r, &page, &word)) {
        unsigned kind = 0;
        while (kind < 4 && !bl_str_eqz(word, kinds[kind]))
            kind++;
        t = add_time(r, t, next_int(r, 0, INT64_MAX));
        r->bad = r->bad || kind == 4 || r->u->n_visits == BL_VISITS_MAX;
        if (!r->bad)
            *bl_user_add_visit(r->u) =
                (struct bl_visit){.t_ms = t, .page = page, .view = kind / 2, .twinned = kind % 2};
    }
}

/* Entries of lists of lists. `e` walks over the entry's own elements. */
static bool next_entry(struct reader *e, struct bl_json_walk *list, unsigned *rule)
{
    struct bl_json v, name;
    if (e->bad || !bl_json_next(list, &v))
        return false;
    e->bad = bl_json_type(v) != BL_JSON_ARRAY;
    e->walk = bl_json_array(v);
    *rule = next(e, BL_JSON_STRING, &name) ? (unsigned)bl_rule_of(bl_json_str(name)) : BL_RULE_COUNT;
    return !e->bad;
}

static void end_entry(struct reader *e)
{
    struct bl_json v;
    e->bad = e->bad || bl_json_next(&e->walk, &v);
}

/* The number of a variant; *known is false if there is none of that name. */
static unsigned next_variant(struct reader *e, unsigned rule, bool *known)
{
    const char *const *variants = *known ? bl_rule((enum bl_rule_id)rule)->variants : NULL;
    struct bl_json v;
    unsigned i = 0;
    e->bad = e->bad || !bl_json_next(&e->walk, &v);
    if (e->bad || !*known)
        return 0;
    if (bl_json_type(v) == BL_JSON_NULL || !variants) {
        *known = bl_json_type(v) == BL_JSON_NULL && !variants;
        return 0;
    }
    do
        i++;
    while (variants[i] && !bl_str_eqz(bl_json_str(v), variants[i]));
    *known = variants[i] != NULL;
    return i;
}

static unsigned next_severity(struct reader *e)
{
    struct bl_json v;
    unsigned severity = BL_LOW;
    if (!next(e, BL_JSON_STRING, &v))
        return BL_LOW;
    while (severity < BL_HIGH && !bl_str_eqz(bl_json_str(v), bl_severity_name((enum bl_severity)severity)))
        severity++;
    e->bad = !bl_str_eqz(bl_json_str(v), bl_severity_name((enum bl_severity)severity));
    return severity;
}

/* A deadline of a rule that has no code for it could never be taken away. */
static void check_due(struct reader *e, unsigned rule, bool known, int64_t due_ms)
{
    e->bad = e->bad || (known && due_ms != BL_NEVER && !bl_rule((enum bl_rule_id)rule)->fire);
}

static void read_open(struct reader *r, struct bl_json root)
{
    struct bl_json_walk list = bl_json_array(root);
    int64_t t = 0;
    unsigned rule;
    while (next_entry(r, &list, &rule)) {
        bool known = rule != BL_RULE_COUNT;
        struct bl_open o = {.rule = (uint8_t)rule};
        o.variant = (uint8_t)next_variant(r, rule, &known);
        o.severity = (uint8_t)next_severity(r);
        o.page = next_name(r, PAGE_BYTES);
        o.element = next_name(r, ELEMENT_BYTES);
        o.other = next_name(r, PAGE_BYTES);
        o.detected_ms = t = next_time(r, t);
        o.due_ms = next_due(r, t);
        o.n = next_int(r, INT64_MIN, TIME_MAX_MS);
        o.past = next_int(r, 0, 1);
        end_entry(r);
        check_due(r, rule, known, o.due_ms);
        r->bad = r->bad || r->u->n_open == BL_OPEN_MAX;
        if (!r->bad && known)
            *bl_user_add_open(r->u) = o;
    }
}

static double number_of(struct reader *e, struct bl_json v)
{
    enum bl_json_type type = bl_json_type(v);
    e->bad = e->bad || (type != BL_JSON_INT && type != BL_JSON_UINT && type != BL_JSON_DOUBLE);
    return e->bad ? 0 : bl_json_double(v);
}

/* Two numbers more, or nothing. */
static void next_place(struct reader *e, struct bl_mark *m)
{
    struct bl_json x, y;
    if (e->bad || !bl_json_next(&e->walk, &x))
        return;
    e->bad = !bl_json_next(&e->walk, &y);
    m->has_xy = true;
    m->x = number_of(e, x);
    m->y = e->bad ? 0 : number_of(e, y);
}

static void read_marks(struct reader *r, struct bl_json root)
{
    struct bl_json_walk list = bl_json_array(root);
    int64_t t = 0;
    unsigned rule;
    while (next_entry(r, &list, &rule)) {
        struct bl_mark m = {.rule = (uint8_t)rule};
        m.kind = (uint8_t)next_int(r, 0, UINT8_MAX);
        m.page = next_name(r, PAGE_BYTES);
        m.element = next_name(r, ELEMENT_BYTES);
        m.t_ms = t = next_time(r, t);
        m.until_ms = next_due(r, t);
        m.due_ms = next_due(r, t);
        m.n = next_int(r, INT64_MIN, TIME_MAX_MS);
        m.session = next_int(r, 0, 1);
        next_place(r, &m);
        end_entry(r);
        check_due(r, rule, rule != BL_RULE_COUNT, m.due_ms);
        r->bad = r->bad || r->u->n_marks == BL_MARKS_MAX;
        if (!r->bad && rule != BL_RULE_COUNT)
            *bl_user_add_mark(r->u) = m;
    }
}

static const char *const head_names[] = {"seen",   "floor",   "due",     "began",  "page",  "anchor",
                                         "events", "moments", "session", "hidden", "level", "friction"};
enum {
    SEEN,
    FLOOR,
    DUE,
    BEGAN,
    ON_PAGE,
    ANCHOR,
    EVENTS,
    MOMENTS,
    IN_SESSION,
    HIDDEN,
    LEVEL,
    FRICTION,
    HEAD_COUNT
};

static void read_head(struct reader *r, struct bl_json root, int64_t *moments)
{
    int64_t h[HEAD_COUNT] = {[DUE] = BL_NEVER};
    struct bl_json_walk w = bl_json_object(root);
    struct bl_user *u = r->u;
    struct bl_str key;
    struct bl_json v;
    while (!r->bad && bl_json_next_member(&w, &key, &v)) {
        size_t i = 0;
        while (i < HEAD_COUNT && !bl_str_eqz(key, head_names[i]))
            i++;
        r->bad = bl_json_type(v) != BL_JSON_INT;
        if (i < HEAD_COUNT && !r->bad)
            h[i] = bl_json_int(v);
    }
    u->seen_ms = add_time(r, 0, h[SEEN]);
    u->floor_ms = add_time(r, h[SEEN], h[FLOOR]);
    u->due_ms = h[DUE] == BL_NEVER ? BL_NEVER : add_time(r, h[SEEN], h[DUE]);
    u->session_ms = add_time(r, h[SEEN], h[BEGAN]);
    u->page_ms = add_time(r, h[SEEN], h[ON_PAGE]);
    u->anchor_ms = add_time(r, h[SEEN], h[ANCHOR]);
    u->events = h[EVENTS];
    u->in_session = h[IN_SESSION] != 0;
    u->hidden = h[HIDDEN] != 0;
    u->level = (uint8_t)(h[LEVEL] & 3);
    u->friction = h[FRICTION];
    *moments = h[MOMENTS];
    r->bad = r->bad || h[SEEN] < 0 || h[EVENTS] < 0 || h[EVENTS] > BL_TIMESTAMP_MAX_MS || h[MOMENTS] < 0 ||
             h[MOMENTS] > BL_TIMESTAMP_MAX_MS || h[LEVEL] < 0 || h[LEVEL] > 3 || h[FRICTION] < 0 ||
             h[FRICTION] > BL_FRICTION_MAX;
}

/* One chunk, which must follow the moments that are there already. An unknown action counts as `custom`, so
 * that the numbers of the moments stay what they are. */
static void read_chunk(struct reader *r, struct bl_json root, size_t slot)
{
    struct bl_user *u = r->u;
    struct bl_str word;
    bl_name page = 0;
    r->walk = bl_json_array(root);
    int64_t number = next_int(r, 0, BL_TIMESTAMP_MAX_MS), t = next_time(r, 0);
    size_t chunk = (size_t)(number / BL_WINDOW_CHUNK), before = u->n_window;
    r->bad = r->bad || !bl_state_chunk_follows(u, slot, number, t);
    while (next_word(r, &page, &word)) {
        enum bl_action action = bl_action_of(word);
        t = add_time(r, t, next_int(r, 0, INT64_MAX));
        r->bad = r->bad || u->n_window == BL_WINDOW_KEEP || (size_t)(number / BL_WINDOW_CHUNK) != chunk;
        number++;
        if (!r->bad)
            u->window[u->n_window++] = (struct bl_moment){
                t, page, (uint8_t)(action == BL_ACTION_COUNT ? BL_ACTION_CUSTOM : action), false};
    }
    r->bad = r->bad || u->n_window == before;
}

static void read_window(struct reader *r, const struct bl_str value[SLOTS], int64_t moments)
{
    size_t order[BL_STATE_OLD_CHUNKS], n = bl_state_chunk_order(value + OLD_CHUNK0, order);
    struct bl_json root;
    for (size_t i = 0; i < n && open_field(r, value[OLD_CHUNK0 + order[i]], BL_JSON_ARRAY, &root); i++)
        read_chunk(r, root, order[i]);
    r->bad = r->bad || !bl_state_end_window(r->u, moments);
}

static void read_fields(struct reader *r, const struct bl_str value[SLOTS])
{
    static void (*const lists[])(struct reader * r, struct bl_json root) = {read_visits, read_open,
                                                                            read_marks};
    struct bl_user *u = r->u;
    struct bl_json root;
    int64_t moments = 0;
    if (open_field(r, value[OLD_HEAD], BL_JSON_OBJECT, &root))
        read_head(r, root, &moments);
    for (unsigned i = 0; i < 2; i++)
        r->bad = r->bad || !bl_str_utf8(value[OLD_PAGE + i]);
    u->page = intern(r, value[OLD_PAGE], PAGE_BYTES);
    u->session = intern(r, value[OLD_SESSION], BL_SESSION_ID_MAX_BYTES);
    for (unsigned i = 0; i < 3; i++)
        if (value[OLD_VISITS + i].n && open_field(r, value[OLD_VISITS + i], BL_JSON_ARRAY, &root))
            lists[i](r, root);
    read_window(r, value, moments);
    bl_state_find_visits(u);
}

enum bl_err bl_state_version1_decode(struct bl_json_parser *parser, struct bl_user *u,
                                     const struct bl_state_pair *pairs, size_t n)
{
    struct bl_str value[SLOTS] = {{NULL, 0}};
    struct reader r = {.u = u, .parser = parser};
    bl_state_values(names, SLOTS, pairs, n, value);
    read_fields(&r, value);
    if (!r.bad) {
        u->names_swept = u->n_names;
        return BL_OK;
    }
    return r.no_memory ? BL_ERR_NO_MEMORY : BL_ERR_CORRUPT;
}
