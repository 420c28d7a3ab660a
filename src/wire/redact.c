/* Rejected events are kept for a day so that their sender can be helped (SPEC 2.6), without what could name a
 * person: long strings, addresses and queries go. The text may be anything, so it is read as a row of tokens,
 * never parsed: strings in quotes, white space, JSON's punctuation, and runs of everything else. A valid
 * event comes out as a valid event, unless the bound cuts it. */
#include "bl/base/limits.h"
#include "bl/wire/decode.h"
#include "unescape.h"

#include <arpa/inet.h>

#define STRING_MAX_BYTES 64
#define RAW_MAX_BYTES    (6 * STRING_MAX_BYTES) /* as long as 64 bytes can be when escaped */
#define ADDRESS          "…(address)"

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of something like an IPv4 address at the start of s, 0 if there is none. */
static size_t ipv4(struct bl_str s)
{
    size_t i = 0;
    for (int group = 0; group < 4; group++) {
        size_t start = i;
        while (i < s.n && i - start < 3 && digit(s.p[i]))
            i++;
        if (i == start || (group < 3 && (i == s.n || s.p[i] != '.')))
            return 0;
        i += group < 3;
    }
    return i;
}

static size_t ipv6(struct bl_str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char b[16];
    size_t n = 0, colons = 0;
    for (; n < s.n && (hex_value(s.p[n]) >= 0 || s.p[n] == ':' || s.p[n] == '.'); n++)
        colons += s.p[n] == ':';
    if (colons < 2 || n >= sizeof text)
        return 0;
    memcpy(text, s.p, n);
    for (size_t cut = 0; cut < 2 && cut < n; cut++) { /* the address may end a sentence */
        text[n - cut] = '\0';
        if (inet_pton(AF_INET6, text, b) == 1)
            return n - cut;
    }
    return 0;
}

static size_t address(struct bl_str s, char before)
{
    if (digit(before) || before == '.')
        return 0;
    size_t n = ipv4(s);
    return n || hex_value(before) >= 0 ? n : ipv6(s);
}

/* A word (no white space inside): no query, no mail address, no IP address. */
static void mask_word(struct bl_str w, struct bl_buf *out)
{
    size_t query = w.n, start = 0, n;
    bool pathlike = memchr(w.p, '/', w.n) || memchr(w.p, '=', w.n);
    for (size_t i = 0; i < query; i++) {
        if (w.p[i] == '@' && i > 0 && i + 1 < w.n) {
            bl_buf_z(out, ADDRESS);
            return;
        }
        if ((pathlike && one_of(w.p[i], "?#")) || w.p[i] == '&')
            query = i;
    }
    for (size_t i = 0; i < query; i += n ? n : 1) {
        n = address((struct bl_str){w.p + i, query - i}, i ? w.p[i - 1] : '\0');
        if (n == 0)
            continue;
        bl_buf_add(out, w.p + start, i - start);
        bl_buf_z(out, ADDRESS);
        start = i + n;
    }
    bl_buf_add(out, w.p + start, query - start);
    if (query < w.n) {
        bl_buf_char(out, w.p[query]);
        bl_buf_z(out, "…");
    }
}

static void mask_text(struct bl_str s, struct bl_buf *out)
{
    for (size_t i = 0; i < s.n;) {
        size_t start = i;
        while (i < s.n && (unsigned char)s.p[i] > ' ')
            i++;
        mask_word((struct bl_str){s.p + start, i - start}, out);
        for (; i < s.n && (unsigned char)s.p[i] <= ' '; i++)
            bl_buf_char(out, s.p[i]);
    }
}

struct redaction {
    struct bl_str raw;
    size_t at;
    bool secret; /* the value to come is an address */
    struct bl_buf text, masked;
};

static void put_size(struct bl_buf *b, size_t n)
{
    bl_buf_z(b, "…(");
    bl_buf_int(b, (int64_t)n);
    bl_buf_z(b, " bytes)");
}

static bool is_key(const struct redaction *r)
{
    size_t i = r->at;
    while (i < r->raw.n && one_of(r->raw.p[i], " \t\r\n"))
        i++;
    return i < r->raw.n && r->raw.p[i] == ':';
}

static void redact_string(struct redaction *r, struct bl_buf *out)
{
    size_t start = ++r->at;
    while (r->at < r->raw.n && r->raw.p[r->at] != '"')
        r->at += r->raw.p[r->at] == '\\' ? 2 : 1;
    size_t end = r->at < r->raw.n ? r->at : r->raw.n;
    struct bl_str inside = {r->raw.p + start, end - start};
    r->at = end + 1;
    if (inside.n <= RAW_MAX_BYTES)
        bl_unescape(inside, &r->text);
    bool key = is_key(r);
    if (inside.n > RAW_MAX_BYTES)
        put_size(&r->masked, inside.n);
    else if (r->text.n > STRING_MAX_BYTES)
        put_size(&r->masked, r->text.n);
    else if (r->secret && !key)
        bl_buf_z(&r->masked, ADDRESS);
    else
        mask_text(bl_buf_view(&r->text), &r->masked);
    r->secret = key && bl_str_eqz(bl_buf_view(&r->text), "ip_address");
    bl_buf_json(out, bl_buf_view(&r->masked));
}

/* Not in quotes: a number or word of JSON, or whatever a body that is no JSON holds. */
static void redact_run(struct redaction *r, struct bl_buf *out)
{
    size_t start = r->at;
    while (r->at < r->raw.n && (unsigned char)r->raw.p[r->at] > ' ' && !one_of(r->raw.p[r->at], "\"{}[],"))
        r->at++;
    struct bl_str run = {r->raw.p + start, r->at - start};
    const char *equals = memchr(run.p, '=', run.n);
    if (run.n > STRING_MAX_BYTES)
        put_size(&r->masked, run.n);
    else if (r->secret)
        bl_buf_z(&r->masked, ADDRESS);
    else if (equals)
        mask_word((struct bl_str){run.p, (size_t)(equals - run.p) + 1}, &r->masked);
    else
        mask_word(run, &r->masked);
    if (r->masked.n && r->masked.p[r->masked.n - 1] == '=')
        bl_buf_z(&r->masked, "…");
    r->secret = false;
    /* Written as JSON would, without the quotes: clean UTF-8 and nothing that could spoil a line. */
    bl_buf_clear(&r->text);
    bl_buf_json(&r->text, bl_buf_view(&r->masked));
    if (r->text.n > 2)
        bl_buf_add(out, r->text.p + 1, r->text.n - 2);
}

static void cut(struct bl_buf *out, size_t start)
{
    size_t n = start + BL_BAD_EVENT_MAX_BYTES - 3;
    if (out->n - start <= BL_BAD_EVENT_MAX_BYTES)
        return;
    while (n > start && ((unsigned char)out->p[n] & 0xC0) == 0x80)
        n--;
    out->n = n;
    bl_buf_z(out, "…");
}

void bl_redact(struct bl_str raw, struct bl_buf *out)
{
    struct redaction r = {.raw = raw};
    size_t start = out->n;
    while (r.at < raw.n && out->n - start <= BL_BAD_EVENT_MAX_BYTES && out->err == BL_OK) {
        char c = raw.p[r.at];
        bl_buf_clear(&r.text);
        bl_buf_clear(&r.masked);
        if (c == '"') {
            redact_string(&r, out);
        } else if (one_of(c, "{}[],:")) {
            r.secret = r.secret && c == ':';
            bl_buf_char(out, c);
            r.at++;
        } else if ((unsigned char)c <= ' ') {
            bl_buf_char(out, ' ');
            while (r.at < raw.n && (unsigned char)raw.p[r.at] <= ' ')
                r.at++;
        } else {
            redact_run(&r, out);
        }
        /* A word that was read in part alone could be a secret that is not seen as one. */
        if (out->err == BL_OK && (r.text.err != BL_OK || r.masked.err != BL_OK))
            out->err = BL_ERR_NO_MEMORY;
    }
    cut(out, start);
    bl_buf_release(&r.text);
    bl_buf_release(&r.masked);
}

/* bl_quote cuts long input and says so. */
void bl_redact_field(struct bl_str field, struct bl_buf *out)
{
    static const struct bl_str ellipsis = {"…", sizeof "…" - 1};
    bool was_cut =
        field.n >= ellipsis.n && memcmp(field.p + field.n - ellipsis.n, ellipsis.p, ellipsis.n) == 0;
    if (field.n > STRING_MAX_BYTES)
        put_size(out, field.n);
    else if (was_cut)
        bl_buf_str(out, ellipsis);
    else
        mask_text(field, out);
}

/* Input stands in quotes and may hold quotes itself; before the first and after the last one are our own words.
 * Quotes around words of our own do no harm: those are short and name nobody. */
void bl_redact_message(struct bl_str message, struct bl_buf *out)
{
    const char *first = message.n ? memchr(message.p, '"', message.n) : NULL;
    if (!first) {
        bl_buf_str(out, message);
        return;
    }
    const char *last = memrchr(message.p, '"', message.n), *end = message.p + message.n;
    bl_buf_add(out, message.p, (size_t)(first + 1 - message.p));
    if (last > first)
        bl_redact_field((struct bl_str){first + 1, (size_t)(last - first) - 1}, out);
    else
        last = end;
    bl_buf_add(out, last, (size_t)(end - last));
}
