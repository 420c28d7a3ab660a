/* The words of a stored state (state_fields.h). Numbers are read as they would be written and no other way: no sign or
 * zero too many, fractions only in their one form. */
#include "state_tokens.h"

#include <math.h>
#include <stdlib.h>

int64_t state_int(struct reader *r, int64_t min, int64_t max)
{
    bool negative = take(r, '-');
    const char *from = r->p, *p = from, *end = r->end; /* not through r: 600 instructions a user */
    uint64_t m = 0;
    while (p < end && (unsigned char)(*p - '0') < 10)
        m = m * 10 + (uint64_t)(*p++ - '0');
    size_t n = (size_t)(p - from);
    r->p = p;
    uint64_t most = (uint64_t)INT64_MAX + negative;
    r->bad = r->bad || n == 0 || n > 19 || (n == 19 && m > most) || (*from == '0' && (n > 1 || negative));
    int64_t v = negative ? (int64_t)(0 - m) : (int64_t)m;
    r->bad = r->bad || v < min || v > max;
    return r->bad ? min : v;
}

int64_t state_add_time(struct reader *r, int64_t base, int64_t delta)
{
    int64_t t;
    r->bad = r->bad || __builtin_add_overflow(base, delta, &t) || t < -BL_STATE_TIME_MAX_MS ||
             t > BL_STATE_TIME_MAX_MS;
    return r->bad ? 0 : t;
}

int64_t state_sub_time(struct reader *r, int64_t base, int64_t delta)
{
    r->bad = r->bad || delta == INT64_MIN;
    return state_add_time(r, base, r->bad ? 0 : -delta);
}

bl_name state_name_of(struct reader *r, int64_t i, size_t max)
{
    r->bad =
        r->bad || i < 0 || i >= r->u->n_names || r->u->names[i].n > max || (i > 0 && r->u->names[i].n == 0);
    if (r->bad)
        return 0;
    r->used[i / 64] |= 1ULL << i % 64;
    return (bl_name)i;
}

bl_name state_name(struct reader *r, size_t max)
{
    return state_name_of(r, state_int(r, 0, BL_NAMES_MAX), max);
}

struct bl_str state_word(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && ((*r->p >= 'a' && *r->p <= 'z') || *r->p == '-'))
        r->p++;
    r->bad = r->bad || r->p == from;
    return (struct bl_str){from, (size_t)(r->p - from)};
}

/* As bl_str_double writes it, and nothing else. */
static double read_place(struct reader *r)
{
    char text[BL_DOUBLE_BYTES + 1], again[BL_DOUBLE_BYTES + 1];
    const char *from = r->p;
    if (more(r)) {
        int64_t v = state_int(r, INT64_MIN, INT64_MAX);
        char c = peek(r);
        if (c != '.' && c != 'e' && v > -(int64_t)BL_STATE_PLACE_PLAIN && v < (int64_t)BL_STATE_PLACE_PLAIN)
            return (double)v;
        r->bad = false; /* it may be no whole number */
        r->p = from;
    }
    while (at_digit(r) || (peek(r) && strchr(".-+e", *r->p)))
        r->p++;
    size_t n = (size_t)(r->p - from);
    r->bad = r->bad || n == 0 || n > BL_DOUBLE_BYTES;
    if (r->bad)
        return 0;
    memcpy(text, from, n);
    text[n] = '\0';
    double v = strtod(text, NULL);
    r->bad = !isfinite(v) || bl_str_double(again, v) != n || memcmp(again, text, n) != 0;
    return r->bad ? 0 : v;
}

/* The tag that comes next, which is behind place *at of the list. */
static inline void read_tag(struct reader *r, const char *tags, int *at, struct tags *t)
{
    while (tags[++*at] != *r->p)
        if (tags[*at] == '\0') {
            r->bad = true;
            return;
        }
    char tag = *r->p++;
    t->there |= 1U << *at;
    if (tag == 'x')
        t->x = read_place(r);
    else if (tag == 'y')
        t->y = read_place(r);
    else if (tag >= 'a')
        t->v[*at] = state_int(r, INT64_MIN, INT64_MAX);
}

void state_tags(struct reader *r, const char *tags, struct tags *t)
{
    int at = -1;
    *t = (struct tags){.there = 0};
    while (at_letter(r))
        read_tag(r, tags, &at, t);
}

void state_spaced_tags(struct reader *r, const char *tags, struct tags *t)
{
    int at = -1;
    *t = (struct tags){.there = 0};
    while (take(r, ' ')) {
        r->bad = !at_letter(r);
        if (!r->bad)
            read_tag(r, tags, &at, t);
    }
}

int64_t state_time_of(struct reader *r, const struct tags *t, int tag, int64_t base)
{
    return has(t, tag) ? state_add_time(r, base, t->v[tag]) : BL_NEVER;
}

/* ---- texts ---- */

/* Up to the next bar, without escapes: what follows a backslash stands for itself. */
static struct bl_str read_text(struct reader *r)
{
    const char *p = r->p, *from = p, *end = r->end;
    bool escapes = false, ascii = true;
    for (; p < end && *p != '|'; p++) {
        bool escape = *p == '\\' && p + 1 < end;
        escapes |= escape;
        p += escape;
        ascii &= (unsigned char)*p < 0x80;
    }
    struct bl_str s = {from, (size_t)(p - from)};
    r->p = p;
    if (escapes) {
        struct bl_buf *text = &r->decoder->text;
        bl_buf_clear(text);
        for (p = from; p < r->p; p++) {
            p += *p == '\\' && p + 1 < r->p;
            bl_buf_char(text, *p);
        }
        r->no_memory = r->no_memory || text->err == BL_ERR_NO_MEMORY;
        r->bad = r->bad || text->err != BL_OK;
        s = bl_buf_view(text);
    }
    r->bad = r->bad || s.n == 0 || (!ascii && !bl_str_utf8(s)) || r->u->n_text + s.n > BL_NAMES_BYTES ||
             r->u->n_names == BL_NAMES_MAX;
    return s;
}

/* Numbers that are left out are of names that nobody tells of. */
void state_names(struct reader *r)
{
    struct bl_user *u = r->u;
    do {
        int64_t number = state_int(r, u->n_names, BL_NAMES_MAX - 1);
        while (!r->bad && u->n_names < number)
            u->names[u->n_names++] = (struct bl_name_slot){.at = u->n_text};
        struct bl_str s = r->bad ? (struct bl_str){NULL, 0} : read_text(r);
        r->bad = r->bad || bl_user_intern(u, s) != number; /* twice in the list */
        if (!r->bad)
            r->told[number / 64] |= 1ULL << number % 64;
    } while (take(r, '|'));
    r->bad = r->bad || r->p != r->end;
}

void state_elements(struct reader *r)
{
    const char *start = r->p, *bar = more(r) ? memchr(start, '|', (size_t)(r->end - start)) : NULL;
    if (!bar)
        return;
    r->p = bar;
    while (take(r, '|')) {
        struct bl_str s = read_text(r);
        r->bad = r->bad || r->n_elements == BL_MARKS_MAX || s.n > BL_STATE_ELEMENT_MAX;
        if (!r->bad)
            r->elements[r->n_elements++] = bl_user_intern(r->u, s);
    }
    r->p = start;
    r->end = bar;
}
