/* The growable buffer. Invariant: n <= cap <= max (or BL_BUF_MAX_BYTES); once err is set, n never changes. */
#include "bl/base/buf.h"
#include "bl/base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

void bl_buf_init(struct bl_buf *b, size_t max)
{
    *b = (struct bl_buf){.max = max ? max : BL_BUF_MAX_BYTES};
}

void bl_buf_release(struct bl_buf *b)
{
    free(b->p);
    bl_buf_init(b, b->max);
}

void bl_buf_clear(struct bl_buf *b)
{
    b->n = 0;
    b->err = BL_OK;
}

void bl_buf_trim(struct bl_buf *b, size_t most)
{
    if (b->cap > most) {
        free(b->p);
        b->p = NULL;
        b->cap = 0;
    }
    bl_buf_clear(b);
}

char *bl_buf_reserve(struct bl_buf *b, size_t n)
{
    if (b->err != BL_OK)
        return NULL;
    size_t max = b->max ? b->max : BL_BUF_MAX_BYTES;
    if (n > max || b->n > max - n) {
        b->err = BL_ERR_TOO_LARGE;
        return NULL;
    }
    if (b->cap - b->n < n) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < b->n + n)
            cap *= 2;
        if (cap > max)
            cap = max;
        char *p = realloc(b->p, cap);
        if (!p) {
            b->err = BL_ERR_NO_MEMORY;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void bl_buf_add_more(struct bl_buf *b, const void *p, size_t n)
{
    char *to = n ? bl_buf_reserve(b, n) : NULL;
    if (to) {
        memcpy(to, p, n);
        b->n += n;
    }
}

/* Two digits at a time: numbers are half of what a state is made of. */
static char *put_digits(char *p, uint64_t u)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    for (; u >= 100; u /= 100) {
        p -= 2;
        memcpy(p, pairs + u % 100 * 2, 2);
    }
    if (u >= 10) {
        p -= 2;
        memcpy(p, pairs + u * 2, 2);
    } else {
        *--p = (char)('0' + u);
    }
    return p;
}

#define EIGHT 100000000U

/* Just eight digits, in parallel: halves, pairs, digits, each in its own part of a word. */
static void put_eight(char *p, uint32_t v)
{
    uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (halves * 10486) >> 20 & 0x0000007F0000007FULL; /* of numbers below 10,000 */
    uint64_t pairs = hundreds | (halves - 100 * hundreds) << 16;
    uint64_t tens = (pairs * 103) >> 10 & 0x000F000F000F000FULL; /* of numbers below 100 */
    uint64_t digits = (tens | (pairs - 10 * tens) << 8) + 0x3030303030303030ULL;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    memcpy(p, &digits, sizeof digits);
}

#define INT_BYTES 24

/* Most long ones are times, of thirteen digits: the last eight at once cost a third. */
void bl_buf_int(struct bl_buf *b, int64_t v)
{
    char text[INT_BYTES], *end = text + sizeof text, *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    for (; u >= EIGHT; u /= EIGHT)
        put_eight(p -= 8, (uint32_t)(u % EIGHT));
    p = put_digits(p, u);
    if (v < 0)
        *--p = '-';
    bl_buf_add(b, p, (size_t)(end - p));
}

static const char hex_digits[] = "0123456789abcdef";

void bl_buf_hex(struct bl_buf *b, const void *p, size_t n)
{
    const unsigned char *u = p;
    char *to = bl_buf_reserve(b, 2 * n);
    if (!to)
        return;
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = hex_digits[u[i] >> 4];
        to[2 * i + 1] = hex_digits[u[i] & 15];
    }
    b->n += 2 * n;
}

void bl_buf_hex64(struct bl_buf *b, uint64_t v)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(v >> (56 - 8 * i));
    bl_buf_hex(b, bytes, sizeof bytes);
}

#define WHOLE_BELOW 1e15 /* of the same text as integer and as double */

/* Nearly all are whole: places on a screen. */
void bl_buf_double(struct bl_buf *b, double v)
{
    if (v < WHOLE_BELOW && v > -WHOLE_BELOW && v == (double)(int64_t)v) {
        bl_buf_int(b, (int64_t)v);
        return;
    }
    char text[BL_DOUBLE_BYTES];
    bl_buf_add(b, text, bl_str_double(text, v));
}

void bl_buf_printf(struct bl_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->err = BL_ERR_INTERNAL;
        return;
    }
    if ((size_t)n < sizeof small) {
        bl_buf_add(b, small, (size_t)n);
        return;
    }
    char *to = bl_buf_reserve(b, (size_t)n + 1);
    if (!to)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

static void json_escape(struct bl_buf *b, unsigned char c)
{
    static const char letters[] = "btnvfr"; /* 8..13; \v has no short form in JSON */
    if (c == '"' || c == '\\') {
        bl_buf_char(b, '\\');
        bl_buf_char(b, (char)c);
    } else if (c >= 8 && c <= 13 && c != 11) {
        bl_buf_char(b, '\\');
        bl_buf_char(b, letters[c - 8]);
    } else {
        bl_buf_z(b, "\\u00");
        bl_buf_hex(b, &c, 1);
    }
}

/* How many bytes stand for themselves: printable ASCII but quote and backslash. Nearly all do. */
static size_t plain_prefix(const char *p, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i quote =
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        __m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* and all over 0x7F, being signed */
        int odd = _mm_movemask_epi8(_mm_or_si128(quote, other));
        if (odd)
            return i + (size_t)__builtin_ctz((unsigned)odd);
    }
#endif
    while (i < n && (signed char)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

static size_t utf8_prefix(struct bl_str s)
{
    size_t n = 1;
    while (n < s.n && n < 4 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n++;
    return bl_str_utf8((struct bl_str){s.p, n}) ? n : 0;
}

static void json_rest(struct bl_buf *b, struct bl_str s, size_t i);

/* Nearly every text is plain and fits: one copy between two quotes. */
void bl_buf_json(struct bl_buf *b, struct bl_str s)
{
    size_t plain = plain_prefix(s.p, s.n);
    char *to = plain == s.n ? bl_buf_reserve(b, s.n + 2) : NULL;
    if (!to) {
        json_rest(b, s, plain);
        return;
    }
    *to++ = '"';
    if (s.n)
        memcpy(to, s.p, s.n);
    to[s.n] = '"';
    b->n += s.n + 2;
}

/* The text from its start, of which i bytes are known to be plain. */
static void json_rest(struct bl_buf *b, struct bl_str s, size_t i)
{
    size_t start = 0;
    bl_buf_char(b, '"');
    for (; i < s.n; i += plain_prefix(s.p + i, s.n - i)) {
        unsigned char c = (unsigned char)s.p[i];
        size_t n = c < 0x80 ? 1 : utf8_prefix((struct bl_str){s.p + i, s.n - i});
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += n;
            continue;
        }
        bl_buf_add(b, s.p + start, i - start);
        if (n == 0)
            bl_buf_z(b, "\xEF\xBF\xBD");
        else
            json_escape(b, c);
        start = ++i;
    }
    if (start < s.n) /* an absent text may have no pointer to add to */
        bl_buf_add(b, s.p + start, s.n - start);
    bl_buf_char(b, '"');
}

void bl_buf_shown(struct bl_buf *b, struct bl_str text)
{
    for (size_t i = 0; i < text.n;) {
        unsigned code;
        size_t n = bl_str_unshown_at(text, i, &code);
        if (n == 0 || code == '\n')
            bl_buf_char(b, text.p[i]);
        else
            bl_buf_printf(b, "\\u%04x", code);
        i += n ? n : 1;
    }
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

void bl_buf_percent(struct bl_buf *b, struct bl_str s)
{
    static const char upper[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (unreserved(s.p[i])) {
            bl_buf_char(b, s.p[i]);
        } else {
            char esc[3] = {'%', upper[c >> 4], upper[c & 15]};
            bl_buf_add(b, esc, 3);
        }
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool bl_buf_unpercent(struct bl_buf *b, struct bl_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            bl_buf_char(b, s.p[i]);
            continue;
        }
        int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
        int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        bl_buf_char(b, (char)(high * 16 + low));
        i += 2;
    }
    return b->err == BL_OK;
}
