/* What stored states are read with: a bare pointer over one field, that never leaves it (state_tokens.c). */
#ifndef BL_WIRE_STATE_TOKENS_H
#define BL_WIRE_STATE_TOKENS_H

#include "state_fields.h"

struct bl_state_decoder {
    struct bl_json_parser *parser; /* for older forms */
    struct bl_buf text;            /* a name with escapes */
};

/* One field under way. `bad` sticks. */
struct reader {
    struct bl_user *u;
    struct bl_state_decoder *decoder;
    const char *p, *end;
    bool bad, no_memory;
    uint64_t used[BL_NAMES_MAX / 64]; /* names that something tells of */
    uint64_t told[BL_NAMES_MAX / 64]; /* names of field n */
    bl_name elements[BL_MARKS_MAX];   /* the texts behind the marks */
    size_t n_elements;
};

static inline bool open_field(struct reader *r, struct bl_str text)
{
    r->p = text.n ? text.p : "";
    r->end = r->p + text.n;
    return text.n > 0;
}

static inline bool more(const struct reader *r)
{
    return !r->bad && r->p < r->end;
}

static inline bool take(struct reader *r, char c)
{
    bool is = more(r) && *r->p == c;
    r->p += is;
    return is;
}

/* What comes next; '\0' at the end. */
static inline char peek(const struct reader *r)
{
    return more(r) ? *r->p : '\0';
}

static inline bool at_digit(const struct reader *r)
{
    return more(r) && (unsigned char)(*r->p - '0') < 10;
}

static inline bool at_letter(const struct reader *r)
{
    return more(r) && ((unsigned char)((*r->p | 0x20) - 'a') < 26);
}

/* A decimal number as put_int writes it. */
int64_t state_int(struct reader *r, int64_t min, int64_t max);
int64_t state_add_time(struct reader *r, int64_t base, int64_t delta);
int64_t state_sub_time(struct reader *r, int64_t base, int64_t delta);
bl_name state_name_of(struct reader *r, int64_t i, size_t max);
bl_name state_name(struct reader *r, size_t max);
/* Letters, and '-' inside: the name of a rule, a variant, a severity. */
struct bl_str state_word(struct reader *r);
void state_names(struct reader *r);
/* The texts behind the marks, which begin at the first bar; the field ends there then. */
void state_elements(struct reader *r);

/* What stands behind an entry's first words: the number of each tag that is there goes to v, by its place in `tags`. */
struct tags {
    int64_t v[16];
    unsigned there; /* bits, by place */
    double x, y;
};

static inline bool has(const struct tags *t, int tag)
{
    return t->there >> tag & 1;
}

typedef void state_tags_fn(struct reader *r, const char *tags, struct tags *t);
state_tags_fn state_tags;
state_tags_fn state_spaced_tags; /* each behind a space */
/* A deadline, or the like. */
int64_t state_time_of(struct reader *r, const struct tags *t, int tag, int64_t base);

/* What the forms of today and of version 2 have in common (state_read.c). */
void state_counts(struct reader *r, int64_t events, int64_t moments, int64_t level, int64_t friction);
void state_add_mark(struct reader *r, const struct bl_mark *m);
/* To the field's end: visits, whose times count from t_ms; open patterns, with times from base_ms. */
void state_visits(struct reader *r, int64_t t_ms);
void state_opens(struct reader *r, state_tags_fn *tags, int64_t base_ms);
/* How many names something tells of: the others count as dead for the next sweep. */
uint16_t state_names_alive(const struct reader *r);

#endif
