/* What may stay of a model's text: words. It goes through three sieves, one character at a time: tags and marks of
 * emphasis go (strip), what is no printable character becomes space and space never doubles (put), and the second end
 * of a sentence or the bound ends it. */
#include "bl/wire/message.h"

#define SENTENCES_MAX 2
#define ELLIPSIS      "\xe2\x80\xa6"

/* Bytes of the UTF-8 character at p. */
static size_t width(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static uint32_t code_of(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    uint32_t code = n == 1 ? u[0] : n == 2 ? u[0] & 0x1fU : n == 3 ? u[0] & 0x0fU : u[0] & 0x07U;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (u[i] & 0x3fU);
    return code;
}

/* Spaces, control characters, and what hides or turns the text around it. */
static bool is_blank(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {{0, 0x20},        {0x7f, 0xa0},     {0xad, 0xad},       {0x61c, 0x61c},
                  {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},
                  {0x205f, 0x206f}, {0x3000, 0x3000}, {0xd800, 0xf8ff},   {0xfe00, 0xfe0f},
                  {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

/* `<b>`, `</p>`, `<!--`: its bytes, to the bracket or the end; 0: no tag. */
static size_t tag_bytes(struct bl_str s)
{
    char next = s.n > 1 ? s.p[1] : '\0';
    bool opens = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '/' || next == '!';
    if (s.p[0] != '<' || !opens)
        return 0;
    const char *close = memchr(s.p, '>', s.n);
    return close ? (size_t)(close - s.p) + 1 : s.n;
}

static bool is_mark(char c)
{
    return c == '*' || c == '`' || c == '<' || c == '>' || c == '#';
}

struct sieve {
    struct bl_buf *out;
    size_t start;
    bool space, stop; /* a space is due before the next character; the last one was an end mark */
    int sentences;
};

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

/* `e.g.` and the like, with `next` after it: its last point ends no sentence. */
static bool is_abbreviation(const struct bl_buf *b, size_t start, char next)
{
    const char *end = b->p + b->n;
    return b->n - start >= 4 && end[-1] == '.' && is_small(end[-2]) && end[-3] == '.' && is_small(next);
}

static void put(struct sieve *s, const char *p, size_t n)
{
    size_t have = s->out->n - s->start;
    if (s->space && have) {
        if (s->stop && !is_abbreviation(s->out, s->start, *p) && ++s->sentences == SENTENCES_MAX)
            return;
        bl_buf_char(s->out, ' ');
    }
    s->space = false;
    if (*p == '.' || *p == '!' || *p == '?')
        s->stop = true;
    else if (*p != ')' && *p != '"' && *p != '\'')
        s->stop = false;
    bl_buf_add(s->out, p, n);
}

/* What is over the bound goes, with the word it cuts. */
static void shorten(struct bl_buf *out, size_t start)
{
    size_t room = BL_MESSAGE_TEXT_MAX_BYTES - (sizeof ELLIPSIS - 1), n = room;
    if (out->err != BL_OK || out->n - start <= BL_MESSAGE_TEXT_MAX_BYTES)
        return;
    while (n > room / 2 && out->p[start + n] != ' ')
        n--;
    if (n == room / 2)
        for (n = room; ((unsigned char)out->p[start + n] & 0xc0) == 0x80;)
            n--;
    out->n = start + n;
    bl_buf_z(out, ELLIPSIS);
}

void bl_message_clean(struct bl_str raw, struct bl_buf *out)
{
    struct sieve s = {.out = out, .start = out->n};
    size_t at = 0;
    while (at < raw.n && s.sentences < SENTENCES_MAX && out->n - s.start <= BL_MESSAGE_TEXT_MAX_BYTES) {
        size_t tag = tag_bytes((struct bl_str){raw.p + at, raw.n - at});
        size_t n = width((unsigned char)raw.p[at]);
        if (tag) {
            at += tag;
            continue;
        }
        if (n > raw.n - at)
            break;
        if (is_blank(code_of(raw.p + at, n)))
            s.space = true;
        else if (!is_mark(raw.p[at]))
            put(&s, raw.p + at, n);
        at += n;
    }
    shorten(out, s.start);
}
