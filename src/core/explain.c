/* Plain English out of a template. The templates stand in the rules' descriptors; this fills in the
 * placeholders:
 *
 *   {page} {other} {element}   as they are (escaping is the business of whoever shows them)
 *   {n}                        the count
 *   {n|second|seconds}         the count with the noun that fits it
 *   {minutes}                  the span in minutes if it is a whole number of them, else in seconds
 *   {seconds}                  the span in seconds
 *
 * A sentence never overflows its buffer: what does not fit is cut. */
#include "step.h"

static void put(struct bl_sentence *out, struct bl_str s)
{
    size_t room = sizeof out->p - out->n;
    size_t n = s.n < room ? s.n : room;
    if (n)
        memcpy(out->p + out->n, s.p, n);
    out->n += n;
}

static void put_int(struct bl_sentence *out, int64_t v)
{
    char text[24], *end = text + sizeof text, *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        *--p = '-';
    put(out, (struct bl_str){p, (size_t)(end - p)});
}

static void put_noun(struct bl_sentence *out, bool one, const char *singular, const char *plural)
{
    put(out, BL_STR(" "));
    put(out, bl_str_of(one ? singular : plural));
}

static void put_seconds(struct bl_sentence *out, int64_t ms)
{
    put_int(out, ms / 1000);
    int64_t rest = ms % 1000;
    if (rest) {
        char digits[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                          (char)('0' + rest % 10)};
        size_t n = sizeof digits;
        while (digits[n - 1] == '0')
            n--;
        put(out, (struct bl_str){digits, n});
    }
    put_noun(out, ms == 1000, "second", "seconds");
}

static void put_minutes(struct bl_sentence *out, int64_t ms)
{
    if (ms % 60000 != 0) {
        put_seconds(out, ms);
        return;
    }
    put_int(out, ms / 60000);
    put_noun(out, ms == 60000, "minute", "minutes");
}

/* "n|second|seconds": the count and its noun. */
static void put_count(struct bl_sentence *out, struct bl_str nouns, int64_t n)
{
    const char *bar = memchr(nouns.p, '|', nouns.n);
    size_t first = bar ? (size_t)(bar - nouns.p) : nouns.n;
    put_int(out, n);
    put(out, BL_STR(" "));
    if (n == 1 || !bar)
        put(out, (struct bl_str){nouns.p, first});
    else
        put(out, (struct bl_str){bar + 1, nouns.n - first - 1});
}

static void put_placeholder(struct bl_sentence *out, struct bl_str name, const struct bl_words *w)
{
    if (bl_str_eqz(name, "page"))
        put(out, w->page);
    else if (bl_str_eqz(name, "other"))
        put(out, w->other);
    else if (bl_str_eqz(name, "element"))
        put(out, w->element);
    else if (bl_str_eqz(name, "n"))
        put_int(out, w->n);
    else if (bl_str_eqz(name, "minutes"))
        put_minutes(out, w->span_ms);
    else if (bl_str_eqz(name, "seconds"))
        put_seconds(out, w->span_ms);
    else if (bl_str_starts(name, BL_STR("n|")))
        put_count(out, (struct bl_str){name.p + 2, name.n - 2}, w->n);
}

void bl_explain(const char *template, const struct bl_words *words, struct bl_sentence *out)
{
    out->n = 0;
    for (const char *p = template; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        if (close) {
            put_placeholder(out, (struct bl_str){p + 1, (size_t)(close - p - 1)}, words);
            p = close + 1;
        } else {
            const char *brace = strchr(p + 1, '{');
            size_t n = brace ? (size_t)(brace - p) : strlen(p);
            put(out, (struct bl_str){p, n});
            p += n;
        }
    }
}
