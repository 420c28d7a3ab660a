/* Plain lines in one pass. Nearly every recorded event is a flat object of known fields, printable ASCII without
 * escapes, whole numbers, metadata of such values (and prices): that much is read here without a parser, a copy or a second
 * look. Whatever is not so plain, valid or not, is declined and goes the whole way (event.c, canonical.c).
 *
 * Invariant (the fuzzer holds us to it): a line that is taken here is taken there too, as the same record but
 * for the canonical line. So there are no error messages in this file: it only ever says "not mine".
 *
 * Measured with tests/bench/replay: reading an event takes 0.15 us instead of 1.5 us. */
#include "plain.h"

#include <arpa/inet.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define KEYS_MAX   12 /* members of a metadata object */
#define DIGITS_MAX 15 /* a whole number that is exact as a double too */

static inline void skip_blanks(struct bl_plain_cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r')) {
        c->p++;
        c->blanks = true;
    }
}

/* Steps over a byte that must stand here. */
static inline bool expect(struct bl_plain_cursor *c, char byte)
{
    if (c->p == c->end || *c->p != byte)
        return false;
    c->p++;
    return true;
}

static bool is_odd(char byte)
{
    return byte == '"' || byte == '\\' || (signed char)byte < 0x20 || byte == 0x7F;
}

/* Where a byte stands that ends a plain string or does not belong into one. This is where the time goes. */
static const char *find_odd(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i quote =
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        __m128i other =
            _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
        int odd =
            _mm_movemask_epi8(_mm_or_si128(quote, other)); /* a byte over 0x7F is below 0x20, being signed */
        if (odd)
            return p + __builtin_ctz((unsigned)odd);
    }
#endif
    while (p < end && !is_odd(*p))
        p++;
    return p;
}

static inline bool read_string(struct bl_plain_cursor *c, struct bl_str *out)
{
    if (!expect(c, '"'))
        return false;
    const char *start = c->p;
    c->p = find_odd(start, c->end);
    *out = (struct bl_str){start, (size_t)(c->p - start)};
    return expect(c, '"');
}

/* A whole number without a leading zero, '+', fraction or exponent; what follows it is the caller's to check. */
static bool read_int(struct bl_plain_cursor *c, int64_t *out)
{
    bool minus = expect(c, '-');
    const char *start = c->p;
    int64_t v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - start <= DIGITS_MAX)
        v = v * 10 + (*c->p++ - '0');
    size_t n = (size_t)(c->p - start);
    if (n == 0 || n > DIGITS_MAX || (*start == '0' && n > 1) || (minus && v == 0))
        return false;
    *out = minus ? -v : v;
    return true;
}

/* Also one with a fraction. DIGITS_MAX digits and the power of ten are exact as doubles, so that one division rounds as the
 * parser does. */
static bool read_number(struct bl_plain_cursor *c, double *out)
{
    const char *start = c->p, *digits = start + (*start == '-');
    int64_t all = 0, unit = 1;
    if (!read_int(c, &all)) {
        c->p = digits; /* -0 is not plain, but -0.5 is */
        if (digits == start || !expect(c, '0') || c->p == c->end || *c->p != '.')
            return false;
    }
    if (!expect(c, '.')) {
        *out = (double)all;
        return true;
    }
    const char *point = c->p;
    for (all = all < 0 ? -all : all; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        if (c->p - digits > DIGITS_MAX)
            return false;
        all = all * 10 + (*c->p - '0');
        unit *= 10;
    }
    *out = (double)(digits == start ? all : -all) / (double)unit;
    return c->p != point && (all != 0 || digits == start);
}

/* Between members: true at a comma; false at the closing brace (*closed) or anything else. */
static inline bool next_member(struct bl_plain_cursor *c, bool *closed)
{
    skip_blanks(c);
    *closed = expect(c, '}');
    if (*closed || !expect(c, ','))
        return false;
    skip_blanks(c);
    return true;
}

static bool read_key(struct bl_plain_cursor *c, struct bl_str *key)
{
    if (!read_string(c, key))
        return false;
    skip_blanks(c);
    if (!expect(c, ':'))
        return false;
    skip_blanks(c);
    return true;
}

/* ---- metadata ---- */

static bool is_new_key(const struct bl_str *keys, size_t n, struct bl_str key)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].n == key.n && memcmp(keys[i].p, key.p, key.n) == 0)
            return false;
    return true;
}

static bool skip_word(struct bl_plain_cursor *c)
{
    static const struct bl_str words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (bl_str_starts((struct bl_str){c->p, (size_t)(c->end - c->p)}, words[i])) {
            c->p += words[i].n;
            return true;
        }
    }
    return false;
}

/* The facts of facts.c; a duration as text is not plain. */
static bool read_fact(struct bl_plain_cursor *c, struct bl_str key, struct bl_facts *f)
{
    struct bl_str text;
    double number;
    if (*c->p == '"') {
        if (!read_string(c, &text) || bl_str_eqz(key, "duration_ms"))
            return false;
        if (bl_str_eqz(key, "target"))
            f->event->target = text;
        else if (bl_str_eqz(key, "form"))
            f->event->form = text;
        return true;
    }
    if (*c->p != '-' && (*c->p < '0' || *c->p > '9'))
        return skip_word(c);
    if (!read_number(c, &number))
        return false;
    if (bl_str_eqz(key, "duration_ms")) {
        f->duration_ms = number < 0 ? -1 : (int64_t)number;
    } else if (bl_str_eqz(key, "x")) {
        f->has_x = true;
        f->event->x = number;
    } else if (bl_str_eqz(key, "y")) {
        f->has_y = true;
        f->event->y = number;
    }
    return true;
}

static bool read_metadata_members(struct bl_plain_cursor *c, struct bl_facts *f)
{
    const char *start = c->p;
    struct bl_str keys[KEYS_MAX];
    size_t n = 0;
    bool closed = false;
    if (!expect(c, '{'))
        return false;
    skip_blanks(c);
    if (expect(c, '}'))
        return true;
    do {
        if (n == KEYS_MAX || !read_key(c, &keys[n]) || c->p == c->end || !is_new_key(keys, n, keys[n]) ||
            !read_fact(c, keys[n++], f))
            return false;
    } while (next_member(c, &closed));
    return closed && c->p - start <= BL_METADATA_MAX_BYTES;
}

/* ---- the event ---- */

static bool has(const struct bl_plain *g, enum bl_field field)
{
    return g->seen & 1U << field;
}

static bool read_metadata(struct bl_plain *g)
{
    g->c.blanks = false;
    bool good = read_metadata_members(&g->c, &g->facts);
    g->spread = g->c.blanks;
    return good;
}

static bool read_text(struct bl_plain *g, size_t min, size_t max, struct bl_str *out)
{
    return read_string(&g->c, out) && out->n >= min && out->n <= max;
}

/* A page that bl_page_normalise would leave as it is. */
static bool read_page(struct bl_plain *g)
{
    struct bl_str *page = &g->r.event.page;
    if (!read_text(g, 1, BL_PAGE_MAX_BYTES, page) || page->p[0] != '/')
        return false;
    if (page->n == 1)
        return true;
    return page->p[1] != '/' && page->p[page->n - 1] != '/' && !memchr(page->p, '?', page->n) &&
           !memchr(page->p, '#', page->n);
}

static bool read_time(struct bl_plain *g, int64_t *out)
{
    struct bl_str text;
    bool good = g->c.p < g->c.end && *g->c.p == '"' ? read_string(&g->c, &text) && bl_time_parse(text, out)
                                                    : read_int(&g->c, out);
    return good && *out >= 0 && *out <= BL_TIMESTAMP_MAX_MS;
}

static bool read_address(struct bl_plain *g)
{
    struct bl_str s;
    char text[INET6_ADDRSTRLEN];
    unsigned char b[16];
    if (!read_text(g, 1, sizeof text - 1, &s))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET, text, b) == 1 || inet_pton(AF_INET6, text, b) == 1;
}

static bool read_value(struct bl_plain *g, enum bl_field field)
{
    struct bl_str text;
    switch ((unsigned)field) {
    case BL_FIELD_USER_ID:
        return read_text(g, 1, BL_USER_ID_MAX_BYTES, &g->r.user_id);
    case BL_FIELD_ACTION:
        if (!read_string(&g->c, &text))
            return false;
        g->r.event.action = bl_action_of(text);
        return g->r.event.action != BL_ACTION_COUNT;
    case BL_FIELD_PAGE:
        return read_page(g);
    case BL_FIELD_EVENT_ID:
        return read_text(g, 1, BL_EVENT_ID_MAX_BYTES, &g->r.event_id);
    case BL_FIELD_SESSION_ID:
        return read_text(g, 1, BL_SESSION_ID_MAX_BYTES, &g->r.event.session_id);
    case BL_FIELD_TIMESTAMP:
        return (!g->canonical || *g->c.p != '"') && read_time(g, &g->r.timestamp_ms);
    case BL_FIELD_DURATION:
        return read_int(&g->c, &g->duration);
    case BL_FIELD_METADATA:
        return read_metadata(g);
    case BL_FIELD_IP_ADDRESS:
        return read_address(g);
    case BL_FIELD_SENT_AT:
        return g->canonical && *g->c.p != '"' && read_time(g, &g->r.sent_at_ms);
    case BL_FIELD_MADE_ID:
        g->r.made_id = true;
        return g->canonical && *g->c.p == 't' && skip_word(&g->c);
    case BL_FIELD_COUNT:
        return false;
    default:
        return read_text(g, 0, BL_TEXT_MAX_BYTES, &text);
    }
}

#define FIELD_KEY(id, name, sent) {"\"" name "\":", sizeof(name) + 2},
static const struct bl_str field_keys[BL_FIELD_COUNT] = {BL_FIELDS(FIELD_KEY)};
#undef FIELD_KEY

/* Events look alike: behind a member likely comes the one that came there in the event before. BL_FIELD_COUNT: a field that
 * is not known. */
static enum bl_field read_field(unsigned char *after, struct bl_plain_cursor *c)
{
    struct bl_str key, guess = field_keys[*after];
    if ((size_t)(c->end - c->p) > guess.n && memcmp(c->p, guess.p, guess.n) == 0) {
        c->p += guess.n;
        skip_blanks(c);
        return (enum bl_field) * after;
    }
    enum bl_field field = read_key(c, &key) ? bl_field_of(key) : BL_FIELD_COUNT;
    if (field != BL_FIELD_COUNT)
        *after = (unsigned char)field;
    return field;
}

static bool read_members(struct bl_decoder *d, struct bl_plain *g)
{
    unsigned char *after = &d->after[BL_FIELD_COUNT];
    bool closed = false;
    skip_blanks(&g->c);
    if (!expect(&g->c, '{'))
        return false;
    skip_blanks(&g->c);
    do {
        enum bl_field field = read_field(after, &g->c);
        if (field == BL_FIELD_COUNT || has(g, field) || g->c.p == g->c.end)
            return false;
        g->seen |= 1U << field;
        const char *start = g->c.p;
        if (!read_value(g, field))
            return false;
        g->raw[field] = (struct bl_str){start, (size_t)(g->c.p - start)};
        after = &d->after[field];
    } while (next_member(&g->c, &closed));
    return closed;
}

static void finish(struct bl_plain *g)
{
    struct bl_event *e = &g->r.event;
    e->has_xy = g->facts.has_x && g->facts.has_y;
    if (!e->has_xy)
        e->x = e->y = 0;
    e->idle_ms = g->facts.duration_ms;
    if (e->idle_ms < 0 && has(g, BL_FIELD_DURATION) && g->duration >= 0)
        e->idle_ms = g->duration;
}

bool bl_plain_read(struct bl_decoder *d, struct bl_str text, bool canonical, struct bl_plain *g)
{
    g->c = (struct bl_plain_cursor){text.p, text.p + text.n, false};
    g->start = text.p;
    g->canonical = canonical;
    g->spread = false;
    g->seen = 0;
    g->r = (struct bl_record){.timestamp_ms = -1, .sent_at_ms = -1};
    bl_facts_begin(&g->facts, &g->r.event);
    if (!read_members(d, g) || g->c.p - text.p > BL_EVENT_MAX_BYTES)
        return false;
    bool page_needed = bl_action_traits(g->r.event.action) & BL_PAGE;
    if (!has(g, BL_FIELD_USER_ID) || !has(g, BL_FIELD_ACTION) || (page_needed && !has(g, BL_FIELD_PAGE)))
        return false;
    finish(g);
    g->facts.event = NULL; /* *g may move */
    return true;
}

static bool read_line(struct bl_decoder *d, struct bl_str line, bool canonical, struct bl_record *out)
{
    struct bl_plain g;
    if (!bl_plain_read(d, line, canonical, &g))
        return false;
    skip_blanks(&g.c);
    *out = g.r;
    return g.c.p == g.c.end;
}

bool bl_decode_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
{
    if (!read_line(d, line, false, out) || out->timestamp_ms < 0)
        return false;
    out->made_id = out->event_id.n == 0;
    return true;
}

bool bl_record_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
{
    if (!read_line(d, line, true, out) || out->event_id.n == 0)
        return false;
    out->line = line;
    return true;
}
