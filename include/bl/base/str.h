/* A borrowed run of bytes: pointer and length, not terminated, never owned. Most text of the program comes
 * from requests and replies that it must not copy. An empty slice (n == 0) means "absent" wherever SPEC says
 * optional. */
#ifndef BL_BASE_STR_H
#define BL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bl_str {
    const char *p;
    size_t n;
};

#define BL_STR(literal) ((struct bl_str){"" literal, sizeof(literal) - 1})
/* For printf("%.*s", BL_STR_ARG(s)): only for text known to be short and clean. */
#define BL_STR_ARG(s) (int)(s).n, (s).p

static inline struct bl_str bl_str_of(const char *z)
{
    struct bl_str s = {z, z ? strlen(z) : 0}; /* no compound literal: wire's C++ reads this too */
    return s;
}

static inline bool bl_str_eq(struct bl_str a, struct bl_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool bl_str_eqz(struct bl_str a, const char *z)
{
    return bl_str_eq(a, bl_str_of(z));
}

/* Without spaces and tabs at both ends. */
static inline struct bl_str bl_str_trim(struct bl_str s)
{
    for (; s.n && (s.p[0] == ' ' || s.p[0] == '\t'); s.n--)
        s.p++;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Bytewise order, shorter first where one is a prefix of the other. */
int bl_str_cmp(struct bl_str a, struct bl_str b);
/* ASCII only. */
bool bl_str_ieq(struct bl_str a, struct bl_str b);
/* What stands before the next `at`, or all; *rest is what stands behind it. */
struct bl_str bl_str_cut(struct bl_str *rest, char at);
bool bl_str_starts(struct bl_str s, struct bl_str prefix);
/* Whole string as a decimal integer (optional '-', no '+', no spaces); false if it is anything else or
 * overflows. */
bool bl_str_int64(struct bl_str s, int64_t *out) __attribute__((warn_unused_result));
/* The shortest decimal text that reads back as the same number, without a terminator; its length. In plain digits
 * from 1e-7 up to 1e21 (integers without a fraction, -0 as 0), else with an exponent. v must be finite. The
 * locale does not matter. */
#define BL_DOUBLE_BYTES 32
size_t bl_str_double(char out[BL_DOUBLE_BYTES], double v);
/* Does the pattern fit the whole text? '*' stands for any characters, '?' for one (of UTF-8), all else for itself. */
bool bl_str_glob(struct bl_str pattern, struct bl_str s);
/* Well-formed UTF-8 without surrogates or overlong forms. */
bool bl_str_utf8(struct bl_str s);
/* A C0 control character, DEL, or a C1 control character (as UTF-8) inside? */
bool bl_str_has_control(struct bl_str s);
/* How many bytes the character at `at` has, if a terminal would obey it and not show it: a control character as above, or
 * one that turns the direction of writing. 0: it is none. *code: which. */
size_t bl_str_unshown_at(struct bl_str s, size_t at, unsigned *code);

#endif
