/* A body in chunks, taken apart in place (RFC 9112, 7.1).
 *
 *   SIZE -> (EXT) -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE …
 *                            -> LINE -> (TRAILER -> TRAILER_LF -> LINE) -> END_LF -> the end
 *
 * Each line ends in CR LF and in nothing else; extensions and trailers are read and forgotten, up to a bound: a sender
 * of nothing else would otherwise never grow what is kept, and never end. */
#include "head.h"

#define DIGITS_MAX  8
#define EXT_MAX     256
#define TRAILER_MAX 8192
#define HALF        32

_Static_assert(sizeof(size_t) == 8, "two counters in one");

enum { SIZE, EXT, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, TRAILER, TRAILER_LF, END_LF };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(char c)
{
    return (unsigned char)c >= ' ' ? c != 127 : c == '\t';
}

/* Counts in the upper half. */
static bool more_of_line(struct bl_chunks *c, size_t max)
{
    c->left += (size_t)1 << HALF;
    return (c->left >> HALF) <= max;
}

static size_t size_of(const struct bl_chunks *c)
{
    return c->left & (((size_t)1 << HALF) - 1);
}

static int size_char(struct bl_chunks *c, char b)
{
    int v = hex(b);
    if (v >= 0) {
        if (c->digits == DIGITS_MAX)
            return -1;
        c->left = c->left * 16 + (size_t)v;
        c->digits++;
        return SIZE;
    }
    if (c->digits == 0)
        return -1;
    return b == '\r' ? SIZE_LF : b == ';' ? EXT : -1;
}

/* Of all states but DATA: the next one, or -1. */
static int step(struct bl_chunks *c, char b)
{
    switch (c->state) {
    case SIZE:
        return size_char(c, b);
    case EXT:
        if (b == '\r')
            return SIZE_LF;
        return is_text(b) && more_of_line(c, EXT_MAX) ? EXT : -1;
    case SIZE_LF:
        c->digits = 0;
        c->left = size_of(c);
        return b != '\n' ? -1 : c->left ? DATA : LINE;
    case DATA_CR:
        return b == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return b == '\n' ? SIZE : -1;
    case LINE:
        if (b == '\r')
            return END_LF;
        return b > ' ' && b != ':' && is_text(b) && more_of_line(c, TRAILER_MAX) ? TRAILER : -1;
    case TRAILER:
        if (b == '\r')
            return TRAILER_LF;
        return is_text(b) && more_of_line(c, TRAILER_MAX) ? TRAILER : -1;
    case TRAILER_LF:
        return b == '\n' ? LINE : -1;
    default:
        return -1;
    }
}

ptrdiff_t bl_chunks_read(struct bl_chunks *c, char *p, size_t *n)
{
    size_t to = 0, from = 0, all = *n;
    while (from < all) {
        if (c->state == DATA) {
            size_t k = all - from < c->left ? all - from : c->left;
            memmove(p + to, p + from, k);
            to += k;
            from += k;
            c->left -= k;
            c->state = c->left ? DATA : DATA_CR;
            continue;
        }
        char b = p[from++];
        if (c->state == END_LF && b == '\n') {
            memmove(p + to, p + from, all - from);
            *n = to;
            return (ptrdiff_t)(all - from);
        }
        int next = step(c, b);
        if (next < 0) {
            *n = to;
            return BL_CHUNKS_BAD;
        }
        c->state = (char)next;
    }
    *n = to;
    return BL_CHUNKS_MORE;
}
