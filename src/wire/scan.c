/* The scanner of raw JSON text. bl_scan_valid is strict about the grammar and keeps its own stack (one byte a
 * level, in the caller's buffer), so that depth costs memory in proportion to the text and never recursion.
 */
#include "scan.h"

static bool space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_space(struct bl_str t, size_t at)
{
    while (at < t.n && space(t.p[at]))
        at++;
    return at;
}

/* Behind the string that begins at `at`, or 0 if it is not closed. A quote ends it unless an odd number of
 * backslashes stands before. */
static size_t skip_string(struct bl_str t, size_t at)
{
    size_t from = at + 1;
    while (from < t.n) {
        const char *quote = memchr(t.p + from, '"', t.n - from);
        if (!quote)
            break;
        size_t i = (size_t)(quote - t.p), before = i;
        while (before > from && t.p[before - 1] == '\\')
            before--;
        from = i + 1;
        if ((i - before) % 2 == 0)
            return from;
    }
    return 0;
}

static size_t skip_digits(struct bl_str t, size_t at)
{
    while (at < t.n && digit(t.p[at]))
        at++;
    return at;
}

/* Behind the number, or 0. */
static size_t skip_number(struct bl_str t, size_t at)
{
    size_t start;
    if (at < t.n && t.p[at] == '-')
        at++;
    start = at;
    at = skip_digits(t, at);
    if (at == start || (t.p[start] == '0' && at > start + 1))
        return 0;
    if (at < t.n && t.p[at] == '.') {
        start = ++at;
        at = skip_digits(t, at);
        if (at == start)
            return 0;
    }
    if (at < t.n && (t.p[at] == 'e' || t.p[at] == 'E')) {
        at++;
        if (at < t.n && (t.p[at] == '+' || t.p[at] == '-'))
            at++;
        start = at;
        at = skip_digits(t, at);
        if (at == start)
            return 0;
    }
    return at;
}

bool bl_scan_number(struct bl_str s)
{
    return s.n > 0 && skip_number(s, 0) == s.n;
}

static size_t skip_word(struct bl_str t, size_t at, const char *word)
{
    struct bl_str w = bl_str_of(word);
    return bl_str_starts((struct bl_str){t.p + at, t.n - at}, w) ? at + w.n : 0;
}

/* Behind the string, number or word at `at`, or 0. */
static size_t skip_scalar(struct bl_str t, size_t at)
{
    switch (t.p[at]) {
    case '"':
        return skip_string(t, at);
    case 't':
        return skip_word(t, at, "true");
    case 'f':
        return skip_word(t, at, "false");
    case 'n':
        return skip_word(t, at, "null");
    default:
        return skip_number(t, at);
    }
}

/* In an object: over `"key" :` to the value; 0 if that is not what stands there. */
static size_t skip_key(struct bl_str t, size_t at)
{
    at = skip_space(t, at);
    if (at >= t.n || t.p[at] != '"')
        return 0;
    at = skip_string(t, at);
    if (at == 0)
        return 0;
    at = skip_space(t, at);
    return at < t.n && t.p[at] == ':' ? at + 1 : 0;
}

static char stack_top(const struct bl_buf *stack)
{
    return stack->n ? stack->p[stack->n - 1] : '\0';
}

/* Over one value's beginning: a scalar, or into a container. *done: the value is complete. 0: bad. */
static size_t begin_value(struct bl_str t, size_t at, struct bl_buf *stack, bool *done)
{
    at = skip_space(t, at);
    if (at >= t.n)
        return 0;
    char c = t.p[at];
    *done = true;
    if (c != '{' && c != '[')
        return skip_scalar(t, at);
    char close = c == '{' ? '}' : ']';
    at = skip_space(t, at + 1);
    if (at < t.n && t.p[at] == close)
        return at + 1;
    bl_buf_char(stack, close);
    *done = false;
    if (stack->err != BL_OK)
        return 0;
    return c == '{' ? skip_key(t, at) : at;
}

/* After a complete value inside containers: closes what ends here, stops before the next value. 0: bad. */
static size_t end_value(struct bl_str t, size_t at, struct bl_buf *stack)
{
    while (stack->n) {
        char close = stack_top(stack);
        at = skip_space(t, at);
        if (at >= t.n)
            return 0;
        if (t.p[at] == ',')
            return close == '}' ? skip_key(t, at + 1) : at + 1;
        if (t.p[at] != close)
            return 0;
        at++;
        stack->n--;
    }
    return at;
}

bool bl_scan_valid(struct bl_str text, struct bl_buf *stack)
{
    size_t at = 0;
    bl_buf_clear(stack);
    do {
        bool done = false;
        at = begin_value(text, at, stack, &done);
        if (at && done)
            at = end_value(text, at, stack);
        if (at == 0)
            return false;
    } while (stack->n);
    return skip_space(text, at) == text.n;
}

/* Over the container that begins at `at`, looking at brackets and strings only. */
static size_t skip_container(struct bl_str t, size_t at)
{
    enum { OTHER, STRING, OPEN, CLOSE };
    static const unsigned char kind[256] = {
        ['"'] = STRING, ['{'] = OPEN, ['['] = OPEN, ['}'] = CLOSE, [']'] = CLOSE};
    size_t depth = 0;
    while (at < t.n) {
        unsigned char k = kind[(unsigned char)t.p[at]];
        if (k == STRING) {
            at = skip_string(t, at);
            continue;
        }
        at++;
        if (k == OTHER)
            continue;
        depth += k == OPEN ? 1 : (size_t)-1;
        if (depth == 0)
            break;
    }
    return at;
}

struct bl_str bl_scan_value(struct bl_str text, size_t *at)
{
    size_t start = skip_space(text, *at);
    bool container = text.p[start] == '{' || text.p[start] == '[';
    *at = container ? skip_container(text, start) : skip_scalar(text, start);
    return (struct bl_str){text.p + start, *at - start};
}

static bool at_end(struct bl_str text, size_t *at)
{
    *at = skip_space(text, *at);
    if (text.p[*at] == ',')
        *at = skip_space(text, *at + 1);
    if (text.p[*at] != '}' && text.p[*at] != ']')
        return false;
    ++*at;
    return true;
}

bool bl_scan_element(struct bl_str text, size_t *at, struct bl_str *value)
{
    if (at_end(text, at))
        return false;
    *value = bl_scan_value(text, at);
    return true;
}

bool bl_scan_member(struct bl_str text, size_t *at, struct bl_str *key, struct bl_str *value)
{
    if (at_end(text, at))
        return false;
    *key = bl_scan_value(text, at);
    *at = skip_space(text, *at) + 1; /* the colon */
    *value = bl_scan_value(text, at);
    return true;
}

void bl_scan_minify(struct bl_str value, struct bl_buf *out)
{
    size_t start = 0, i = 0;
    while (i < value.n) {
        if (value.p[i] == '"') {
            i = skip_string(value, i);
        } else if (space(value.p[i])) {
            bl_buf_add(out, value.p + start, i - start);
            i = skip_space(value, i);
            start = i;
        } else {
            i++;
        }
    }
    bl_buf_add(out, value.p + start, value.n - start);
}

bool bl_scan_looks_like_lines(struct bl_str text)
{
    bool ended = false;
    for (size_t i = 0; i < text.n; i++) {
        if (ended && text.p[i] == '{')
            return true;
        if (!strchr(" \t\r\n", text.p[i]) || !text.p[i])
            ended = text.p[i] == '}';
    }
    return false;
}
