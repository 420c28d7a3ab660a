/* Plain lines in one pass. Nearly every recorded event is a flat object of known fields, printable ASCII without
 * escapes, whole numbers, metadata of such values (and prices): that much is read here without a parser, a copy or a second
 * look. Whatever is not so plain, valid or not, is declined and goes the whole way (event.c, canonical.c).
 *
 * Invariant (the fuzzer holds us to it): a line that is taken here is taken there too, as the same record but
 * for the canonical line. So there are no error messages in this file: it only ever says "not mine".
 *
 * Measured with tests/bench/replay: reading an event takes 0.15 us instead of 1.5 us. */
#include "plain.h"
#include "plain_scan.h"

#include <arpa/inet.h>

#define KEYS_MAX 12 /* members of a metadata object */
static const char *read_string(const char *begin, const char *p, const char *end, struct bl_str *out)
{
    return p < end && *p == '"' ? read_rest(begin, p + 1, end, false, out) : NULL;
}

/* Also one with a fraction. DIGITS_MAX digits and the power of ten are exact as doubles, so that one division rounds as the
 * parser does. */
static const char *read_number(const char *p, const char *end, double *out)
{
    const char *digits = p + (*p == '-');
    bool minus = digits > p;
    int64_t all = 0, unit = 1;
    p = read_int(p, end, &all);
    if (!p && minus && end - digits > 1 && digits[0] == '0' && digits[1] == '.')
        p = digits + 1; /* -0 is not plain, but -0.5 is */
    if (!p || p == end || *p != '.') {
        *out = (double)all;
        return p;
    }
    const char *point = ++p;
    for (all = all < 0 ? -all : all; p < end && *p >= '0' && *p <= '9'; p++) {
        if (p - digits > DIGITS_MAX)
            return NULL;
        all = all * 10 + (*p - '0');
        unit *= 10;
    }
    *out = (double)(minus ? -all : all) / (double)unit;
    return p != point && (all != 0 || !minus) ? p : NULL;
}

/* Between members: the next one's begin, or behind the closing brace (*closed). */
INLINE const char *next_member(const char *p, const char *end, bool *any, bool *closed)
{
    if (p < end && *p == ',')
        return skip_blanks(p + 1, end, any);
    p = skip_blanks(p, end, any);
    *closed = p < end && *p == '}';
    if (*closed)
        return p + 1;
    p = expect(p, end, ',');
    return p ? skip_blanks(p, end, any) : NULL;
}

INLINE const char *read_key(const char *begin, const char *p, const char *end, bool *any, struct bl_str *key)
{
    p = read_string(begin, p, end, key);
    if (!p)
        return NULL;
    p = expect(skip_blanks(p, end, any), end, ':');
    return p ? skip_blanks(p, end, any) : NULL;
}

/* ---- metadata ---- */

static bool is_new_key(const struct bl_str *keys, size_t n, struct bl_str key)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].n == key.n && *keys[i].p == *key.p && memcmp(keys[i].p, key.p, key.n) == 0)
            return false; /* (behind an empty key stands its quote) */
    return true;
}

static const char *skip_word(const char *p, const char *end)
{
    static const struct bl_str words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (bl_str_starts((struct bl_str){p, (size_t)(end - p)}, words[i]))
            return p + words[i].n;
    return NULL;
}

INLINE bool is(struct bl_str key, const char *name, size_t n)
{
    return key.n == n && memcmp(key.p, name, n) == 0;
}
#define IS(key, name) is(key, name, sizeof(name) - 1)

/* The facts of facts.c; a duration as text is not plain. */
static const char *read_fact(const char *begin, const char *p, const char *end, struct bl_str key,
                             struct bl_facts *f)
{
    struct bl_str text;
    double number;
    if (*p == '"') {
        p = read_string(begin, p, end, &text);
        if (!p || IS(key, "duration_ms"))
            return NULL;
        if (IS(key, "target"))
            f->event->target = text;
        else if (IS(key, "form"))
            f->event->form = text;
        return p;
    }
    if (*p != '-' && (*p < '0' || *p > '9'))
        return skip_word(p, end);
    p = read_number(p, end, &number);
    if (!p)
        return NULL;
    if (IS(key, "duration_ms")) {
        f->duration_ms = number < 0 ? -1 : (int64_t)number;
    } else if (IS(key, "x")) {
        f->has_x = true;
        f->event->x = number;
    } else if (IS(key, "y")) {
        f->has_y = true;
        f->event->y = number;
    }
    return p;
}

static const char *read_metadata(const char *begin, const char *p, const char *end, bool *any,
                                 struct bl_facts *f)
{
    const char *start = p;
    struct bl_str keys[KEYS_MAX];
    size_t n = 0;
    bool closed = false;
    p = expect(p, end, '{');
    if (!p)
        return NULL;
    p = skip_blanks(p, end, any);
    if (p < end && *p == '}')
        return p + 1;
    for (; p && !closed; p = p ? next_member(p, end, any, &closed) : NULL) {
        p = n < KEYS_MAX ? read_key(begin, p, end, any, &keys[n]) : NULL;
        if (!p || p == end || !is_new_key(keys, n, keys[n]))
            return NULL;
        p = read_fact(begin, p, end, keys[n++], f);
    }
    return p && p - start <= BL_METADATA_MAX_BYTES ? p : NULL;
}

/* ---- the event ---- */

INLINE bool has(const struct bl_plain *g, enum bl_field field)
{
    return g->seen & 1U << field;
}

/* Would bl_page_normalise leave it as it is? The canonical line of an event without a page has an empty one. */
INLINE bool is_plain_page(struct bl_str page, bool canonical)
{
    if (page.n == 0)
        return canonical;
    if (page.n > BL_PAGE_MAX_BYTES || page.p[0] != '/')
        return false;
    return page.n == 1 || (page.p[1] != '/' && page.p[page.n - 1] != '/');
}

static bool is_address(struct bl_str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char b[16];
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET, text, b) == 1 || inet_pton(AF_INET6, text, b) == 1;
}

/* A few actions come again and again: the one that was found last for a name of this look is compared first. To go through
 * all of them costs 60 instructions an event. */
INLINE bool read_action(struct bl_decoder *d, struct bl_str name, enum bl_action *out)
{
    if (name.n == 0)
        return false;
    unsigned look = (unsigned)name.n + (unsigned char)name.p[0] + 3U * (unsigned char)name.p[name.n - 1];
    unsigned char *known = &d->actions[look % sizeof d->actions];
    struct bl_str guess = bl_action_text((enum bl_action) * known);
    if (guess.n != name.n || memcmp(guess.p, name.p, name.n) != 0) {
        enum bl_action action = bl_action_of(name);
        if (action == BL_ACTION_COUNT)
            return false;
        *known = (unsigned char)action;
    }
    *out = (enum bl_action) * known;
    return true;
}

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= BL_TIMESTAMP_MAX_MS;
}

/* A text as it must be for its field; user_id, event_id and session_id are taken over at the end (finish). */
INLINE bool take_text(struct bl_decoder *d, struct bl_plain *g, enum bl_field field, struct bl_str text)
{
    switch ((unsigned)field) {
    case BL_FIELD_USER_ID:
        return text.n >= 1 && text.n <= BL_USER_ID_MAX_BYTES;
    case BL_FIELD_ACTION:
        return read_action(d, text, &g->to->event.action);
    case BL_FIELD_PAGE:
        g->to->event.page = text;
        return is_plain_page(text, g->canonical);
    case BL_FIELD_EVENT_ID:
        return text.n >= 1 && text.n <= BL_EVENT_ID_MAX_BYTES;
    case BL_FIELD_MADE_ID:
        g->to->made_id = true;
        return g->canonical && text.n >= 1 && text.n <= BL_EVENT_ID_MAX_BYTES;
    case BL_FIELD_SESSION_ID:
        return text.n >= 1 && text.n <= BL_SESSION_ID_MAX_BYTES;
    case BL_FIELD_TIMESTAMP:
        return !g->canonical && bl_time_parse(text, &g->to->timestamp_ms) && is_time(g->to->timestamp_ms);
    case BL_FIELD_IP_ADDRESS:
        return is_address(text);
    case BL_FIELD_SENT_AT:
    case BL_FIELD_DURATION:
    case BL_FIELD_METADATA:
        return false;
    default:
        return text.n <= BL_TEXT_MAX_BYTES;
    }
}

/* A value that is no text. */
INLINE const char *read_other(struct bl_plain *g, enum bl_field field, const char *p, const char *end)
{
    int64_t *out = field == BL_FIELD_TIMESTAMP ? &g->to->timestamp_ms : &g->to->sent_at_ms;
    switch ((unsigned)field) {
    case BL_FIELD_SENT_AT:
        if (!g->canonical)
            return NULL;
        /* fall through */
    case BL_FIELD_TIMESTAMP:
        p = read_int(p, end, out);
        return p && is_time(*out) ? p : NULL;
    case BL_FIELD_METADATA:
        return read_metadata(g->start, p, end, &g->spread, &g->facts);
    case BL_FIELD_DURATION:
        return read_int(p, end, &g->duration);
    case BL_FIELD_MADE_ID: /* beside event_id, in lines of before */
        g->to->made_id = true;
        return g->canonical && *p == 't' ? skip_word(p, end) : NULL;
    default:
        return NULL;
    }
}

/* There is a byte at p. */
INLINE const char *read_value(struct bl_decoder *d, struct bl_plain *g, enum bl_field field, const char *p,
                              const char *end)
{
    struct bl_str text;
    if (*p != '"')
        return read_other(g, field, p, end);
    p = read_rest(g->start, p + 1, end, field == BL_FIELD_PAGE, &text);
    return p && take_text(d, g, field, text) ? p : NULL;
}

#define KEY_BYTES 16 /* of a key with its quotes and colon, padded */
static const struct {
    char text[KEY_BYTES];
    unsigned n, behind; /* bits of the places behind it */
} field_keys[BL_FIELD_COUNT] = {
#define FIELD_KEY(id, name, sent) {"\"" name "\":", sizeof(name) + 2, 0xFFFFU << (sizeof(name) + 2) & 0xFFFF},
    BL_FIELDS(FIELD_KEY)
#undef FIELD_KEY
};
#define FIELD_FITS(id, name, sent) _Static_assert(sizeof(name) + 2 <= KEY_BYTES, "a key is longer");
BL_FIELDS(FIELD_FITS)
#undef FIELD_FITS

/* Does this key stand here? All of it at once where there is room: a call of memcmp for each field costs 150 instructions
 * an event. */
INLINE bool is_key(const char *p, const char *end, unsigned field)
{
#ifdef __SSE2__
    if (end - p >= KEY_BYTES) {
        __m128i have = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i want = _mm_loadu_si128((const __m128i *)(const void *)field_keys[field].text);
        unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(have, want));
        return (same | field_keys[field].behind) == 0xFFFF;
    }
#endif
    return (size_t)(end - p) > field_keys[field].n &&
           memcmp(p, field_keys[field].text, field_keys[field].n) == 0;
}

/* A key that was not expected here, or stands behind blanks. */
static const char *read_other_key(struct bl_decoder *d, const struct bl_plain *g, unsigned before,
                                  const char *p, const char *end, enum bl_field *field)
{
    struct bl_str key;
    bool any;
    p = read_key(g->start, skip_blanks(p, end, &any), end, &any, &key);
    *field = p ? bl_field_of(key) : BL_FIELD_COUNT;
    if (*field == BL_FIELD_COUNT)
        return NULL;
    d->other[before] = d->after[before];
    d->after[before] = (unsigned char)*field;
    return p;
}

/* Lines look alike: after a field comes what came after it before, or, where that is left out, what came after that, or what
 * came in its place (made_id and event_id). Gives the place of its value. */
INLINE const char *read_field(struct bl_decoder *d, const struct bl_plain *g, unsigned before, const char *p,
                              const char *end, enum bl_field *field)
{
    unsigned guess = d->after[before];
    bool any;
    if (!is_key(p, end, guess) && !is_key(p, end, guess = d->after[guess]) &&
        !is_key(p, end, guess = d->other[before]))
        return read_other_key(d, g, before, p, end, field);
    *field = (enum bl_field)guess;
    p += field_keys[guess].n;
    return p < end && *p == '"' ? p : skip_blanks(p, end, &any);
}

static const char *read_members(struct bl_decoder *d, struct bl_plain *g, const char *p, const char *end)
{
    bool closed = false, any = false;
    unsigned seen = 0;
    enum bl_field field = BL_FIELD_COUNT; /* before the first */
    p = expect(skip_blanks(p, end, &any), end, '{');
    while (p && !closed) {
        p = read_field(d, g, field, p, end, &field);
        if (!p || p == end || seen >> field & 1)
            return NULL;
        seen |= 1U << field;
        const char *start = p;
        p = read_value(d, g, field, p, end);
        if (!p)
            return NULL;
        g->raw[field] = (struct bl_str){start, (size_t)(p - start)};
        p = p < end && *p == ',' ? p + 1 : next_member(p, end, &any, &closed);
    }
    g->seen = seen;
    return p;
}

INLINE struct bl_str unquoted(const struct bl_plain *g, enum bl_field field)
{
    return has(g, field) ? (struct bl_str){g->raw[field].p + 1, g->raw[field].n - 2}
                         : (struct bl_str){NULL, 0};
}

static void finish(struct bl_plain *g, enum bl_field id)
{
    struct bl_event *e = &g->to->event;
    g->to->user_id = unquoted(g, BL_FIELD_USER_ID);
    g->to->event_id = unquoted(g, id);
    e->session_id = unquoted(g, BL_FIELD_SESSION_ID);
    e->has_xy = g->facts.has_x && g->facts.has_y;
    if (!e->has_xy)
        e->x = e->y = 0;
    e->idle_ms = g->facts.duration_ms;
    if (e->idle_ms < 0 && has(g, BL_FIELD_DURATION) && g->duration >= 0)
        e->idle_ms = g->duration;
}

bool bl_plain_read(struct bl_decoder *d, struct bl_str text, bool canonical, struct bl_plain *g,
                   struct bl_record *out)
{
    g->start = text.p;
    g->canonical = canonical;
    g->spread = false;
    g->seen = 0;
    g->to = out;
    *out = (struct bl_record){.timestamp_ms = -1, .sent_at_ms = -1};
    bl_facts_begin(&g->facts, &out->event);
    g->end = read_members(d, g, text.p, text.p + text.n);
    if (!g->end || g->end - text.p > BL_EVENT_MAX_BYTES)
        return false;
    bool page_needed = bl_action_traits(out->event.action) & BL_PAGE;
    if (!has(g, BL_FIELD_USER_ID) || !has(g, BL_FIELD_ACTION) || (page_needed && out->event.page.n == 0))
        return false;
    bool is_made = has(g, BL_FIELD_MADE_ID) && *g->raw[BL_FIELD_MADE_ID].p == '"';
    if (is_made && has(g, BL_FIELD_EVENT_ID))
        return false;
    finish(g, is_made ? BL_FIELD_MADE_ID : BL_FIELD_EVENT_ID);
    g->facts.event = NULL; /* *g may move, and *out with it */
    g->to = NULL;
    return true;
}

/* The place behind the event that the text begins with, and the blanks after it. */
static const char *read_event(struct bl_decoder *d, struct bl_str text, bool canonical, struct bl_record *out)
{
    struct bl_plain g;
    bool any;
    return bl_plain_read(d, text, canonical, &g, out) ? skip_blanks(g.end, text.p + text.n, &any) : NULL;
}

/* What a recorded event needs. */
static bool is_recorded(struct bl_record *out)
{
    out->made_id = out->event_id.n == 0;
    return out->timestamp_ms >= 0;
}

bool bl_decode_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
{
    return read_event(d, line, false, out) == line.p + line.n && is_recorded(out);
}

size_t bl_decode_plain_first(struct bl_decoder *d, struct bl_str text, struct bl_record *out)
{
    const char *end = text.p + text.n, *p = text.n ? read_event(d, text, false, out) : NULL;
    return p && p < end && *p == '\n' && is_recorded(out) ? (size_t)(p + 1 - text.p) : 0;
}

bool bl_record_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
{
    if (read_event(d, line, true, out) != line.p + line.n || out->event_id.n == 0)
        return false;
    out->line = line;
    return true;
}
