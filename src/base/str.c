/* Slices: comparison, numbers, UTF-8. Everything here reads only the bytes it is given. */
#include "bl/base/str.h"

int bl_str_cmp(struct bl_str a, struct bl_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c != 0)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Eight letters at once: what is added to a byte carries into its top bit if it is 'A' or more, or more than 'Z'. */
static uint64_t lower8(const char *p)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    uint64_t low = x & (ones * 0x7F);
    uint64_t upper = ((low + ones * (0x80 - 'A')) & ~(low + ones * (0x7F - 'Z'))) & ~x & (ones * 0x80);
    return x | upper >> 2;
}

bool bl_str_ieq(struct bl_str a, struct bl_str b)
{
    size_t i = 0;
    if (a.n != b.n)
        return false;
    for (; a.n - i >= 8; i += 8)
        if (lower8(a.p + i) != lower8(b.p + i))
            return false;
    for (; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

struct bl_str bl_str_cut(struct bl_str *rest, char at)
{
    const char *end = rest->n ? memchr(rest->p, at, rest->n) : NULL;
    struct bl_str part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t n = part.n + (end ? 1 : 0);
    *rest = (struct bl_str){rest->p + n, rest->n - n};
    return part;
}

bool bl_str_starts(struct bl_str s, struct bl_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool bl_str_int64(struct bl_str s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t i = negative;
    uint64_t v = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Length of the well-formed sequence at p (at most n bytes), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t len;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        len = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        len = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return len;
}

bool bl_str_utf8(struct bl_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0, len; i < s.n; i += len) {
        len = utf8_sequence(p + i, s.n - i);
        if (len == 0)
            return false;
    }
    return true;
}

bool bl_str_has_control(struct bl_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n; i++) {
        if (p[i] < 0x20 || p[i] == 0x7F)
            return true;
        if (p[i] == 0xC2 && i + 1 < s.n && p[i + 1] < 0xA0)
            return true;
    }
    return false;
}

size_t bl_str_unshown_at(struct bl_str s, size_t at, unsigned *code)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    size_t left = s.n - at;
    *code = p[0];
    if (p[0] < 0x20 || p[0] == 0x7F)
        return 1;
    *code = left > 1 ? p[1] : 0;
    if (p[0] == 0xC2 && *code >= 0x80 && *code < 0xA0)
        return 2;
    if (p[0] != 0xE2 || left < 3)
        return 0;
    *code = 0x2000U | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    bool turns = (*code >= 0x202A && *code <= 0x202E) || (*code >= 0x2066 && *code <= 0x2069);
    return turns ? 3 : 0;
}

static size_t character(struct bl_str s, size_t at)
{
    size_t n = 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* When something does not fit, the latest '*' takes one character more: an earlier one never needs to. */
bool bl_str_glob(struct bl_str pattern, struct bl_str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, retry = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            retry = i;
        } else if (p < pattern.n && pattern.p[p] == '?') {
            p++;
            i += character(s, i);
        } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            retry += character(s, retry);
            i = retry;
            p = star;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
