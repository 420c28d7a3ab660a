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
#define INLINE     static inline __attribute__((always_inline))

/* Functions that read take the place they begin at and give the place behind what they read; NULL: not mine. The place
 * is handed from one to the next, not kept behind a pointer, so that it stays in a register: that alone makes reading a
 * third cheaper. */

static const char *skip_some(const char *p, const char *end, bool *any)
{
    for (; p < end && (*p == ' ' || *p == '\t' || *p == '\r'); p++)
        *any = true;
    return p;
}

/* There are hardly ever any. */
INLINE const char *skip_blanks(const char *p, const char *end, bool *any)
{
    return p<end && * p> ' ' ? p : skip_some(p, end, any);
}

/* Steps over a byte that must stand here. */
INLINE const char *expect(const char *p, const char *end, char byte)
{
    return p < end && *p == byte ? p + 1 : NULL;
}

INLINE bool is_odd(char byte, bool page)
{
    return byte == '"' || byte == '\\' || (signed char)byte < 0x20 || byte == 0x7F ||
           (page && (byte == '?' || byte == '#'));
}

/* Where a byte stands that ends a plain string or does not belong into one; of a page, a query or fragment. This is where
 * the time goes. */
INLINE const char *find_odd(const char *p, const char *end, bool page)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i quote =
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        __m128i other =
            _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
        if (page) {
            __m128i cut =
                _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('?')), _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
            quote = _mm_or_si128(quote, cut);
        }
        int odd =
            _mm_movemask_epi8(_mm_or_si128(quote, other)); /* a byte over 0x7F is below 0x20, being signed */
        if (odd)
            return p + __builtin_ctz((unsigned)odd);
    }
#endif
    while (p < end && !is_odd(*p, page))
        p++;
    return p;
}

INLINE const char *read_quoted(const char *p, const char *end, bool page, struct bl_str *out)
{
    p = expect(p, end, '"');
    if (!p)
        return NULL;
    const char *close = find_odd(p, end, page);
    *out = (struct bl_str){p, (size_t)(close - p)};
    return expect(close, end, '"');
}

static const char *read_string(const char *p, const char *end, struct bl_str *out)
{
    return read_quoted(p, end, false, out);
}

/* The number of eight digits, the first in the lowest byte; false: there is something else among them. */
INLINE bool eight_digits(uint64_t w, uint32_t *out)
{
    uint64_t low = w - 0x3030303030303030ULL; /* a byte below '0' borrows and shows in its own high half */
    if (((low + 0x7676767676767676ULL) | low | w) & 0x8080808080808080ULL)
        return false;
    low = low * 10 + (low >> 8); /* pairs, in every other byte */
    *out = (uint32_t)(((low & 0x000000FF000000FFULL) * (100 + (1000000ULL << 32)) +
                       ((low >> 16) & 0x000000FF000000FFULL) * (1 + (10000ULL << 32))) >>
                      32);
    return true;
}

/* A whole number without a leading zero, '+', fraction or exponent; what follows it is the caller's to check. Times have
 * thirteen digits: eight at once. */
static const char *read_int(const char *p, const char *end, int64_t *out)
{
    bool minus = p < end && *p == '-';
    const char *start = p += minus;
    int64_t v = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    uint32_t eight;
    if (end - p >= 8 && (memcpy(&word, p, 8), eight_digits(word, &eight))) {
        v = eight;
        p += 8;
    }
#endif
    while (p < end && *p >= '0' && *p <= '9' && p - start <= DIGITS_MAX)
        v = v * 10 + (*p++ - '0');
    size_t n = (size_t)(p - start);
    if (n == 0 || n > DIGITS_MAX || (*start == '0' && n > 1) || (minus && v == 0))
        return NULL;
    *out = minus ? -v : v;
    return p;
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

INLINE const char *read_key(const char *p, const char *end, bool *any, struct bl_str *key)
{
    p = read_string(p, end, key);
    if (!p)
        return NULL;
    p = expect(skip_blanks(p, end, any), end, ':');
    return p ? skip_blanks(p, end, any) : NULL;
}

/* ---- metadata ---- */

static bool is_new_key(const struct bl_str *keys, size_t n, struct bl_str key)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].n == key.n && memcmp(keys[i].p, key.p, key.n) == 0)
            return false;
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
static const char *read_fact(const char *p, const char *end, struct bl_str key, struct bl_facts *f)
{
    struct bl_str text;
    double number;
    if (*p == '"') {
        p = read_string(p, end, &text);
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

static const char *read_metadata(const char *p, const char *end, bool *any, struct bl_facts *f)
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
        p = n < KEYS_MAX ? read_key(p, end, any, &keys[n]) : NULL;
        if (!p || p == end || !is_new_key(keys, n, keys[n]))
            return NULL;
        p = read_fact(p, end, keys[n++], f);
    }
    return p && p - start <= BL_METADATA_MAX_BYTES ? p : NULL;
}

/* ---- the event ---- */

INLINE bool has(const struct bl_plain *g, enum bl_field field)
{
    return g->seen & 1U << field;
}

INLINE const char *read_text(const char *p, const char *end, size_t min, size_t max, struct bl_str *out)
{
    p = read_string(p, end, out);
    return p && out->n >= min && out->n <= max ? p : NULL;
}

/* A page that bl_page_normalise would leave as it is; the canonical line of an event without one has an empty one. */
static const char *read_page(const char *p, const char *end, bool canonical, struct bl_str *page)
{
    p = read_quoted(p, end, true, page);
    if (p && page->n == 0 && canonical)
        return p;
    if (!p || page->n == 0 || page->n > BL_PAGE_MAX_BYTES || page->p[0] != '/')
        return NULL;
    if (page->n == 1)
        return p;
    return page->p[1] != '/' && page->p[page->n - 1] != '/' ? p : NULL;
}

static const char *read_time(const char *p, const char *end, int64_t *out)
{
    struct bl_str text;
    if (p < end && *p == '"') {
        p = read_string(p, end, &text);
        p = p && bl_time_parse(text, out) ? p : NULL;
    } else {
        p = read_int(p, end, out);
    }
    return p && *out >= 0 && *out <= BL_TIMESTAMP_MAX_MS ? p : NULL;
}

static const char *read_address(const char *p, const char *end)
{
    struct bl_str s;
    char text[INET6_ADDRSTRLEN];
    unsigned char b[16];
    p = read_text(p, end, 1, sizeof text - 1, &s);
    if (!p)
        return NULL;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET, text, b) == 1 || inet_pton(AF_INET6, text, b) == 1 ? p : NULL;
}

static const char *read_action(const char *p, const char *end, enum bl_action *out)
{
    struct bl_str text;
    p = read_string(p, end, &text);
    *out = p ? bl_action_of(text) : BL_ACTION_COUNT;
    return *out != BL_ACTION_COUNT ? p : NULL;
}

/* There is a byte at p. */
static const char *read_value(struct bl_plain *g, enum bl_field field, const char *p, const char *end)
{
    struct bl_str text;
    switch ((unsigned)field) {
    case BL_FIELD_USER_ID:
        return read_text(p, end, 1, BL_USER_ID_MAX_BYTES, &g->r.user_id);
    case BL_FIELD_ACTION:
        return read_action(p, end, &g->r.event.action);
    case BL_FIELD_PAGE:
        return read_page(p, end, g->canonical, &g->r.event.page);
    case BL_FIELD_EVENT_ID:
        return read_text(p, end, 1, BL_EVENT_ID_MAX_BYTES, &g->r.event_id);
    case BL_FIELD_SESSION_ID:
        return read_text(p, end, 1, BL_SESSION_ID_MAX_BYTES, &g->r.event.session_id);
    case BL_FIELD_TIMESTAMP:
        return g->canonical && *p == '"' ? NULL : read_time(p, end, &g->r.timestamp_ms);
    case BL_FIELD_DURATION:
        return read_int(p, end, &g->duration);
    case BL_FIELD_METADATA:
        return read_metadata(p, end, &g->spread, &g->facts);
    case BL_FIELD_IP_ADDRESS:
        return read_address(p, end);
    case BL_FIELD_SENT_AT:
        return g->canonical && *p != '"' ? read_time(p, end, &g->r.sent_at_ms) : NULL;
    case BL_FIELD_MADE_ID:
        g->r.made_id = true;
        return g->canonical && *p == 't' ? skip_word(p, end) : NULL;
    case BL_FIELD_COUNT:
        return NULL;
    default:
        return read_text(p, end, 0, BL_TEXT_MAX_BYTES, &text);
    }
}

#define KEY_BYTES 16 /* of a key with its quotes and colon, padded */
#define ONES(n)   ((n) >= 8 ? ~0ULL : (1ULL << 8 * ((n) % 8)) - 1)
static const struct {
    char text[KEY_BYTES];
    uint64_t mask[2]; /* of its two words, as a little-endian machine reads them */
    size_t n;
} field_keys[BL_FIELD_COUNT] = {
#define FIELD_KEY(id, name, sent)                                                                            \
    {"\"" name "\":",                                                                                        \
     {ONES(sizeof(name) + 2), sizeof(name) + 2 > 8 ? ONES(sizeof(name) + 2 - 8) : 0},                        \
     sizeof(name) + 2},
    BL_FIELDS(FIELD_KEY)
#undef FIELD_KEY
};
#define FIELD_FITS(id, name, sent) _Static_assert(sizeof(name) + 2 <= KEY_BYTES, "a key is longer");
BL_FIELDS(FIELD_FITS)
#undef FIELD_FITS

/* Does this key stand here? Two words at once where there is room for them: a call of memcmp for each field costs 150
 * instructions an event. */
INLINE bool is_key(const char *p, const char *end, unsigned field)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t have[2], want[2];
    if (end - p >= KEY_BYTES) {
        memcpy(have, p, KEY_BYTES);
        memcpy(want, field_keys[field].text, KEY_BYTES);
        return (((have[0] ^ want[0]) & field_keys[field].mask[0]) |
                ((have[1] ^ want[1]) & field_keys[field].mask[1])) == 0;
    }
#endif
    return (size_t)(end - p) > field_keys[field].n &&
           memcmp(p, field_keys[field].text, field_keys[field].n) == 0;
}

/* Lines look alike: after a field comes what came after it before, or, where that is left out, what came after that. */
INLINE const char *read_field(struct bl_decoder *d, unsigned before, const char *p, const char *end,
                              bool *any, enum bl_field *field)
{
    struct bl_str key;
    unsigned guess = d->after[before];
    if (is_key(p, end, guess) || is_key(p, end, guess = d->after[guess])) {
        *field = (enum bl_field)guess;
        return skip_blanks(p + field_keys[guess].n, end, any);
    }
    p = read_key(p, end, any, &key);
    *field = p ? bl_field_of(key) : BL_FIELD_COUNT;
    if (*field != BL_FIELD_COUNT)
        d->after[before] = (unsigned char)*field;
    return p;
}

static const char *read_members(struct bl_decoder *d, struct bl_plain *g, const char *p, const char *end)
{
    bool closed = false, any = false;
    enum bl_field field = BL_FIELD_COUNT; /* before the first */
    p = expect(skip_blanks(p, end, &any), end, '{');
    p = p ? skip_blanks(p, end, &any) : NULL;
    while (p && !closed) {
        p = read_field(d, field, p, end, &any, &field);
        if (!p || field == BL_FIELD_COUNT || has(g, field) || p == end)
            return NULL;
        g->seen |= 1U << field;
        const char *start = p;
        p = read_value(g, field, p, end);
        if (!p)
            return NULL;
        g->raw[field] = (struct bl_str){start, (size_t)(p - start)};
        p = next_member(p, end, &any, &closed);
    }
    return p;
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
    g->start = text.p;
    g->canonical = canonical;
    g->spread = false;
    g->seen = 0;
    g->r = (struct bl_record){.timestamp_ms = -1, .sent_at_ms = -1};
    bl_facts_begin(&g->facts, &g->r.event);
    g->end = read_members(d, g, text.p, text.p + text.n);
    if (!g->end || g->end - text.p > BL_EVENT_MAX_BYTES)
        return false;
    bool page_needed = bl_action_traits(g->r.event.action) & BL_PAGE;
    if (!has(g, BL_FIELD_USER_ID) || !has(g, BL_FIELD_ACTION) || (page_needed && g->r.event.page.n == 0))
        return false;
    finish(g);
    g->facts.event = NULL; /* *g may move */
    return true;
}

static bool read_line(struct bl_decoder *d, struct bl_str line, bool canonical, struct bl_record *out)
{
    struct bl_plain g;
    bool any;
    if (!bl_plain_read(d, line, canonical, &g))
        return false;
    *out = g.r;
    return skip_blanks(g.end, line.p + line.n, &any) == line.p + line.n;
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
