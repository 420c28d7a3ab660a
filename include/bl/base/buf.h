/* A growable byte buffer with a bound and a sticky error: callers append freely and look once, at the end.
 * After the first failure (no memory, bound reached) every append does nothing and `err` stays set. */
#ifndef BL_BASE_BUF_H
#define BL_BASE_BUF_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#include <stdarg.h>

struct bl_buf {
    char *p;
    size_t n, cap;
    size_t max; /* bytes; 0: BL_BUF_MAX_BYTES */
    enum bl_err err;
};

void bl_buf_init(struct bl_buf *b, size_t max);
void bl_buf_release(struct bl_buf *b);
/* Empties it and clears the error, keeps the memory. */
void bl_buf_clear(struct bl_buf *b);
/* The same, but gives the memory back if it is more than most. */
void bl_buf_trim(struct bl_buf *b, size_t most);
/* Room for n more bytes at the end, or NULL. The caller adds what it wrote to b->n. */
char *bl_buf_reserve(struct bl_buf *b, size_t n);
/* bl_buf_add where there is no room, or nothing to add. */
void bl_buf_add_more(struct bl_buf *b, const void *p, size_t n);
/* Inline, so that a length that is known when it is compiled makes a move or two of it, not two calls: half of what writing
 * a state or a pattern costs. */
static inline void bl_buf_add(struct bl_buf *b, const void *p, size_t n)
{
    if (n == 0 || b->err != BL_OK || b->cap - b->n < n) {
        bl_buf_add_more(b, p, n);
        return;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}
static inline void bl_buf_str(struct bl_buf *b, struct bl_str s)
{
    bl_buf_add(b, s.p, s.n);
}
static inline void bl_buf_z(struct bl_buf *b, const char *z)
{
    bl_buf_add(b, z, strlen(z));
}
static inline void bl_buf_char(struct bl_buf *b, char c)
{
    if (b->err == BL_OK && b->n < b->cap)
        b->p[b->n++] = c;
    else
        bl_buf_add(b, &c, 1);
}
void bl_buf_int(struct bl_buf *b, int64_t v);
/* Lower-case hexadecimal. */
void bl_buf_hex(struct bl_buf *b, const void *p, size_t n);
void bl_buf_hex64(struct bl_buf *b, uint64_t v); /* all 16 digits, the highest first */
/* Shortest decimal text that reads back as the same double; integers without a fraction. v must be finite. */
void bl_buf_double(struct bl_buf *b, double v);
void bl_buf_printf(struct bl_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. s must be UTF-8; anything else comes out as U+FFFD. */
void bl_buf_json(struct bl_buf *b, struct bl_str s);
/* Text for a terminal: what bl_str_unshown_at tells of, but the ends of lines, as \uXXXX. JSON stays the same JSON. */
void bl_buf_shown(struct bl_buf *b, struct bl_str text);
/* Percent-escapes everything but [A-Za-z0-9._~-] (key names, SPEC 7.1; paths). */
void bl_buf_percent(struct bl_buf *b, struct bl_str s);

static inline struct bl_str bl_buf_view(const struct bl_buf *b)
{
    return (struct bl_str){b->p, b->n};
}

/* Reverses bl_buf_percent, appends to b; false on a bad escape. */
bool bl_buf_unpercent(struct bl_buf *b, struct bl_str s) __attribute__((warn_unused_result));

#endif
