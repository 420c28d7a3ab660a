/* The small readers of plain.c. Functions that read take the place they begin at and give the place behind what they read;
 * NULL: not mine. The place is handed from one to the next, not kept behind a pointer, so that it stays in a register: that
 * alone makes reading a third cheaper. */
#ifndef BL_WIRE_PLAIN_SCAN_H
#define BL_WIRE_PLAIN_SCAN_H

#include "bl/base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DIGITS_MAX 15 /* a whole number that is exact as a double too */
#define INLINE     static inline __attribute__((always_inline))

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

/* What ends a plain string or does not belong into one; in a page, a query or fragment, too. */
INLINE bool is_odd(char byte, bool page)
{
    return byte == '"' || byte == '\\' || (signed char)byte < 0x20 || byte == 0x7F ||
           (page && (byte == '?' || byte == '#'));
}

#ifdef __SSE2__
/* A bit for each odd one of sixteen bytes. */
INLINE unsigned odd_among(const char *p, bool page)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    /* One more makes 0x7F negative, as what is over it is. */
    odd = _mm_or_si128(odd, _mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(1)), _mm_set1_epi8(0x21)));
    if (page)
        odd = _mm_or_si128(
            odd, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('?')), _mm_cmpeq_epi8(v, _mm_set1_epi8('#'))));
    return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* Where the first odd byte stands. This is where the time goes. `begin`: of the text, so that its last bytes can be looked
 * at together with some that come before them; one by one they cost 100 instructions an event. */
INLINE const char *find_odd(const char *begin, const char *p, const char *end, bool page)
{
#ifdef __SSE2__
    unsigned odd;
    for (; end - p >= 16; p += 16)
        if ((odd = odd_among(p, page)))
            return p + __builtin_ctz(odd);
    if (end - begin >= 16) {
        odd = p == end ? 0 : odd_among(end - 16, page) >> (16 - (end - p));
        return odd ? p + __builtin_ctz(odd) : end;
    }
#endif
    while (p < end && !is_odd(*p, page))
        p++;
    return p;
}

/* What stands in quotes, behind the first of them; gives the place behind the second. */
INLINE const char *read_rest(const char *begin, const char *p, const char *end, bool page, struct bl_str *out)
{
    const char *close = find_odd(begin, p, end, page);
    *out = (struct bl_str){p, (size_t)(close - p)};
    return close < end && *close == '"' ? close + 1 : NULL;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The digits that stand here, eight at the most: their number, and how many. */
INLINE unsigned read_digits(const char *p, uint32_t *out)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    w ^= 0x3030303030303030ULL; /* a digit is below 10 */
    uint64_t other =
        ((w + 0x7676767676767676ULL) | w) & 0x8080808080808080ULL; /* the lowest bit set is right */
    unsigned n = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
    if (n == 0)
        return 0;
    w <<= 64 - 8 * n;      /* zeros before them */
    w = w * 10 + (w >> 8); /* pairs, in every other byte */
    *out = (uint32_t)(((w & 0x000000FF000000FFULL) * (100 + (1000000ULL << 32)) +
                       ((w >> 16) & 0x000000FF000000FFULL) * (1 + (10000ULL << 32))) >>
                      32);
    return n;
}
#endif

/* A whole number without a leading zero, '+', fraction or exponent; what follows it is the caller's to check. Times have
 * thirteen digits: eight at once. */
INLINE const char *read_int(const char *p, const char *end, int64_t *out)
{
    bool minus = p < end && *p == '-';
    const char *start = p += minus;
    int64_t v = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const int64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    unsigned k = 8;
    uint32_t digits = 0;
    while (k == 8 && end - p >= 8 && p - start <= DIGITS_MAX) {
        k = read_digits(p, &digits);
        v = k ? v * power[k] + digits : v;
        p += k;
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

#endif
