/* A double as the shortest text that reads back as itself. The C library knows the correctly rounded digits of any
 * length; this asks for one more until they are enough, and sets them itself, so that the locale's decimal point
 * never shows. */
#include "bl/base/str.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX  17 /* enough for every double */
#define PLAIN_BELOW 21 /* powers of ten: 1e21 and more have an exponent, as in JavaScript */
#define PLAIN_FROM  (-7)

struct decimal {
    char digits[DIGITS_MAX];
    int n;
    int exponent; /* of the first digit */
};

static void shortest(double v, struct decimal *d)
{
    char text[40];
    int precision = 0;
    do
        snprintf(text, sizeof text, "%.*e", precision, v);
    while (strtod(text, NULL) != v && ++precision < DIGITS_MAX);
    const char *p = text;
    for (d->n = 0; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d->digits[d->n++] = *p;
    d->exponent = (int)strtol(p + 1, NULL, 10);
}

static char *put(char *to, const char *digits, int n)
{
    memcpy(to, digits, (size_t)n);
    return to + n;
}

static char *zeros(char *to, int n)
{
    memset(to, '0', (size_t)n);
    return to + n;
}

static char *put_plain(char *to, const struct decimal *d)
{
    int whole = d->exponent + 1; /* digits before the point */
    if (whole <= 0) {
        *to++ = '0';
        *to++ = '.';
        return put(zeros(to, -whole), d->digits, d->n);
    }
    if (whole >= d->n)
        return zeros(put(to, d->digits, d->n), whole - d->n);
    to = put(to, d->digits, whole);
    *to++ = '.';
    return put(to, d->digits + whole, d->n - whole);
}

static char *put_scientific(char *to, const struct decimal *d)
{
    char text[8];
    to = put(to, d->digits, 1);
    if (d->n > 1) {
        *to++ = '.';
        to = put(to, d->digits + 1, d->n - 1);
    }
    *to++ = 'e';
    return put(to, text, snprintf(text, sizeof text, "%d", d->exponent));
}

size_t bl_str_double(char out[BL_DOUBLE_BYTES], double v)
{
    struct decimal d;
    char *to = out;
    assert(isfinite(v));
    if (v < 0)
        *to++ = '-';
    shortest(fabs(v), &d);
    bool plain = d.exponent >= PLAIN_FROM && d.exponent < PLAIN_BELOW;
    return (size_t)((plain ? put_plain : put_scientific)(to, &d) - out);
}
