/* The form that states were stored in by data sets of version 2, read only: text in each field, in which names are told by
 * their place in one list.
 *
 *   names    ["/","/cart","s-1"]      a JSON list, told by number from 1; 0, or no number: none
 *   head     SEEN tag…;MARK…          what is 0 is left out
 *   visits   T 1v 2n1200 2V300        T: from where times count; then for each visit its page, its kind (v: view,
 *                                     n: navigation; capital: its twin has come) and the ms since the one before
 *   open     RULE.VARIANT SEVERITY tag…;…
 *   w0…      N T 1vi cl350            a chunk of the window; N: the number of its first moment among all of the user, T: from
 *                                     where times count; then the page, where it is another than the one before, two letters
 *                                     for the action, the ms since the one before. The field's number is
 *                                     N / BL_WINDOW_CHUNK modulo 15
 *   MARK     RULE.KIND tag…           .KIND if it is not 0
 *
 * Each tag stands behind a space, in the order of these lists. Times of the head count from SEEN, those of an entry from
 * its own t, which counts from SEEN (a mark) or is absolute (an open pattern).
 *
 *   head     f floor, d due, b when the session began, o on the page since, a anchor, e events, m moments ever, p page,
 *            i session id, S in a session, H tab hidden, l level, r friction
 *   a mark   p page, e element, t its time, u until, d due, n number, S ends with the session, x y place
 *   open     as today (BL_STATE_OPEN_TAGS)
 *
 * It is as strict as the reader of today, with which it shares what is alike (state_read.c, state_tokens.c). Whoever is
 * read from here is written anew, whole, with the next step. */
#include "json.h"
#include "state_tokens.h"

#include "bl/core/rule.h"

#define HEAD_TAGS "fdboaempiSHlr"
#define MARK_TAGS "petudnSxy"

enum { HEAD, NAMES, VISITS, OPEN, CHUNK0, SLOTS = CHUNK0 + BL_STATE_OLD_CHUNKS };

static const char *const names[SLOTS] = {"head", "names", "visits", "open", "w0", "w1", "w2",
                                         "w3",   "w4",    "w5",     "w6",   "w7", "w8", "w9",
                                         "w10",  "w11",   "w12",    "w13",  "w14"};

static const char codes[BL_ACTION_COUNT][3] = {
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

static void read_names(struct reader *r, struct bl_str text)
{
    struct bl_user *u = r->u;
    struct bl_json root, v;
    const char *why;
    enum bl_err err = bl_json_parse(r->decoder->parser, text, &root, &why);
    r->no_memory = err == BL_ERR_NO_MEMORY;
    r->bad = err != BL_OK || bl_json_type(root) != BL_JSON_ARRAY;
    if (r->bad)
        return;
    struct bl_json_walk list = bl_json_array(root);
    while (!r->bad && bl_json_next(&list, &v)) {
        struct bl_str s = bl_json_str(v);
        unsigned number = u->n_names;
        r->bad = number == BL_NAMES_MAX || u->n_text + s.n > BL_NAMES_BYTES ||
                 bl_user_intern(u, s) != number; /* empty, no text, or twice in the list */
    }
}

static void read_mark(struct reader *r)
{
    enum { PAGE, ELEMENT, TIME, UNTIL, DUE, NUMBER, SESSION, X, Y };
    struct bl_mark m = {.rule = (uint8_t)bl_rule_of(state_word(r))};
    struct tags t;
    m.kind = (uint8_t)(take(r, '.') ? state_int(r, 0, UINT8_MAX) : 0);
    state_spaced_tags(r, MARK_TAGS, &t);
    m.page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX);
    m.element = state_name_of(r, t.v[ELEMENT], BL_STATE_ELEMENT_MAX);
    m.t_ms = state_add_time(r, r->u->seen_ms, t.v[TIME]);
    m.until_ms = state_time_of(r, &t, UNTIL, m.t_ms);
    m.due_ms = state_time_of(r, &t, DUE, m.t_ms);
    m.n = t.v[NUMBER];
    m.session = has(&t, SESSION);
    m.has_xy = has(&t, X);
    m.x = t.x;
    m.y = t.y;
    r->bad = r->bad || has(&t, X) != has(&t, Y);
    state_add_mark(r, &m);
}

/* Returns how many moments there ever were. */
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
    state_spaced_tags(r, HEAD_TAGS, &t);
    u->floor_ms = state_add_time(r, u->seen_ms, t.v[FLOOR]);
    u->due_ms = state_time_of(r, &t, DUE, u->seen_ms);
    u->session_ms = state_add_time(r, u->seen_ms, t.v[BEGAN]);
    u->page_ms = state_add_time(r, u->seen_ms, t.v[ON_PAGE]);
    u->anchor_ms = state_add_time(r, u->seen_ms, t.v[ANCHOR]);
    u->page = state_name_of(r, t.v[PAGE], BL_STATE_PAGE_MAX);
    u->session = state_name_of(r, t.v[SESSION], BL_SESSION_ID_MAX_BYTES);
    u->in_session = has(&t, IN_SESSION);
    u->hidden = has(&t, HIDDEN);
    state_counts(r, t.v[EVENTS], t.v[MOMENTS], t.v[LEVEL], t.v[FRICTION]);
    while (take(r, ';'))
        read_mark(r);
    r->bad = r->bad || r->p != r->end;
    return t.v[MOMENTS];
}

/* The time that those behind it count from. */
static int64_t read_base(struct reader *r)
{
    int64_t t_ms = state_int(r, -BL_STATE_TIME_MAX_MS, BL_STATE_TIME_MAX_MS);
    r->bad = r->bad || !take(r, ' ');
    return t_ms;
}

/* An unknown action counts as `custom`, so that the numbers of the moments stay what they are. */
static uint8_t read_action(struct reader *r)
{
    unsigned i = 0;
    r->bad = r->bad || r->end - r->p < 2 || r->p[0] < 'a' || r->p[0] > 'z' || r->p[1] < 'a' || r->p[1] > 'z';
    if (r->bad)
        return 0;
    while (i < BL_ACTION_COUNT && memcmp(codes[i], r->p, 2) != 0)
        i++;
    r->p += 2;
    return (uint8_t)(i < BL_ACTION_COUNT ? i : BL_ACTION_CUSTOM);
}

static void read_chunk(struct reader *r, size_t slot)
{
    struct bl_user *u = r->u;
    int64_t number = state_int(r, 0, BL_TIMESTAMP_MAX_MS),
            end = number - number % BL_WINDOW_CHUNK + BL_WINDOW_CHUNK;
    r->bad = r->bad || !take(r, ' ');
    struct bl_moment m = {.t_ms = read_base(r)};
    r->bad = r->bad || !bl_state_chunk_follows(u, slot, number, m.t_ms);
    do {
        if (at_digit(r))
            m.page = state_name(r, BL_STATE_PAGE_MAX);
        m.action = read_action(r);
        if (at_digit(r))
            m.t_ms = state_add_time(r, m.t_ms, state_int(r, 0, INT64_MAX));
        r->bad = r->bad || u->n_window == BL_WINDOW_KEEP || number++ == end;
        if (!r->bad)
            u->window[u->n_window++] = m;
    } while (take(r, ' '));
    r->bad = r->bad || r->p != r->end;
}

static void read_fields(struct reader *r, const struct bl_str value[SLOTS])
{
    size_t order[BL_STATE_OLD_CHUNKS], chunks = bl_state_chunk_order(value + CHUNK0, order);
    if (value[NAMES].n)
        read_names(r, value[NAMES]);
    open_field(r, value[HEAD]);
    int64_t moments = read_head(r);
    for (size_t i = 0; i < chunks && !r->bad; i++) {
        open_field(r, value[CHUNK0 + order[i]]);
        read_chunk(r, order[i]);
    }
    r->bad = r->bad || !bl_state_end_window(r->u, moments);
    if (!r->bad && open_field(r, value[VISITS]))
        state_visits(r, read_base(r));
    if (!r->bad && open_field(r, value[OPEN]))
        state_opens(r, state_spaced_tags, 0);
}

enum bl_err bl_state_version2_decode(struct bl_state_decoder *decoder, struct bl_user *u,
                                     const struct bl_state_pair *pairs, size_t n)
{
    struct bl_str value[SLOTS] = {{NULL, 0}};
    struct reader r = {.u = u, .decoder = decoder};
    bl_state_values(names, SLOTS, pairs, n, value);
    read_fields(&r, value);
    if (r.bad || r.no_memory)
        return r.no_memory ? BL_ERR_NO_MEMORY : BL_ERR_CORRUPT;
    bl_state_find_visits(u);
    u->names_swept = state_names_alive(&r);
    return BL_OK;
}
