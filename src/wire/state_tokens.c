/* The words of a stored state (state_fields.h). Each is read as it would be written and no other way: no sign, zero or
 * space too many, escapes and fractions only in their one form. */
#include "state_tokens.h"
#include "unescape.h"

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

int64_t state_time(struct reader *r, int64_t base)
{
    return state_add_time(r, base, state_int(r, INT64_MIN, INT64_MAX));
}

bl_name state_name_of(struct reader *r, int64_t i, size_t max)
{
    r->bad = r->bad || i < 0 || i >= r->u->n_names || r->u->names[i].n > max;
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

/* As put_place writes it, and nothing else. */
static double read_place(struct reader *r)
{
    char text[BL_DOUBLE_BYTES + 1], again[BL_DOUBLE_BYTES + 1];
    struct bl_buf b = {.p = again, .cap = sizeof again, .max = sizeof again};
    const char *from = r->p;
    while (r->p < r->end && *r->p != ' ' && *r->p != ';')
        r->p++;
    size_t n = (size_t)(r->p - from);
    r->bad = r->bad || n == 0 || n > BL_DOUBLE_BYTES;
    if (r->bad)
        return 0;
    memcpy(text, from, n);
    text[n] = '\0';
    double v = strtod(text, NULL);
    r->bad = !isfinite(v);
    if (!r->bad)
        bl_buf_double(&b, v);
    r->bad = r->bad || !bl_str_eq(bl_buf_view(&b), (struct bl_str){text, n});
    return r->bad ? 0 : v;
}

void state_tags(struct reader *r, const char *tags, struct tags *t)
{
    int at = -1;
    *t = (struct tags){.there = 0};
    while (more(r) && *r->p != ';') {
        r->bad = !take(r, ' ') || !more(r) || *r->p == '\0'; /* which would be found at the end of `tags` */
        while (!r->bad && tags[++at] != *r->p)
            r->bad = tags[at] == '\0';
        if (r->bad)
            return;
        char tag = *r->p++;
        t->there |= 1U << at;
        if (tag == 'x')
            t->x = read_place(r);
        else if (tag == 'y')
            t->y = read_place(r);
        else if (tag >= 'a')
            t->v[at] = state_int(r, INT64_MIN, INT64_MAX);
    }
}

int64_t state_time_of(struct reader *r, const struct tags *t, int tag, int64_t base)
{
    return has(t, tag) ? state_add_time(r, base, t->v[tag]) : BL_NEVER;
}

/* What stands between quotes, with escapes: only as it would be written. */
static struct bl_str unescaped(struct reader *r, struct bl_str quoted)
{
    struct bl_buf *text = &r->decoder->text, *again = &r->decoder->again;
    bl_buf_clear(text);
    bl_buf_clear(again);
    bl_unescape((struct bl_str){quoted.p + 1, quoted.n - 2}, text);
    bl_buf_json(again, bl_buf_view(text));
    r->no_memory = r->no_memory || text->err == BL_ERR_NO_MEMORY || again->err == BL_ERR_NO_MEMORY;
    r->bad = r->bad || text->err != BL_OK || again->err != BL_OK || !bl_str_eq(bl_buf_view(again), quoted);
    return bl_buf_view(text);
}

static void read_text(struct reader *r)
{
    const char *from = r->p;
    bool escapes = false, ascii = true;
    r->bad = !take(r, '"');
    const char *p = r->p, *end = r->bad ? p : r->end;
    while (p < end && *p != '"') {
        unsigned char c = (unsigned char)*p;
        escapes |= c == '\\' || c < 0x20;
        ascii &= c < 0x80;
        p += c == '\\' && end - p > 1 ? 2 : 1;
    }
    r->p = p;
    r->bad = !take(r, '"');
    if (r->bad)
        return;
    struct bl_str s = {from + 1, (size_t)(r->p - from) - 2};
    if (escapes)
        s = unescaped(r, (struct bl_str){from, (size_t)(r->p - from)});
    unsigned before = r->u->n_names;
    r->bad = r->bad || s.n == 0 || before == BL_NAMES_MAX || (!ascii && !bl_str_utf8(s)) ||
             r->u->n_text + s.n > BL_NAMES_BYTES;
    r->bad = r->bad || bl_user_intern(r->u, s) != before; /* twice in the list */
}

void state_names(struct reader *r)
{
    r->bad = !take(r, '[');
    do
        read_text(r);
    while (take(r, ','));
    r->bad = !take(r, ']') || r->p != r->end;
}
