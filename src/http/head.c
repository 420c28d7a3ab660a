/* Line by line, each byte by a table of what may stand there. One pass over a head that has come whole; one that comes
 * in pieces is only searched for its end meanwhile, so that a byte at a time costs no more than its bytes.
 *
 * Stricter than the specification must be, on purpose: a line that ends in a bare LF, a folded header and an empty
 * Transfer-Encoding are each read differently by some proxy. */
#include "head.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define METHOD_MAX 32
#define DIGITS_MAX 18

enum { TOKEN = 1, HOST = 2 };

/* What a character may be part of. Nothing over 127 is part of either. */
static const unsigned char kinds[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /*                 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /*                 */
    0, 3, 0, 1, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 0, /*  !"#$%&'()*+,-./ */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 0, 2, 0, 0, /* 0123456789:;<=>? */
    0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* @ABCDEFGHIJKLMNO */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 0, 2, 1, 3, /* PQRSTUVWXYZ[\]^_ */
    1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* `abcdefghijklmno */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 1, 0, 3, 0, /* pqrstuvwxyz{|}~ */
};

/* No way out in the middle: the lines are short, and nearly always right. */
static bool all_of(unsigned kind, struct bl_str s)
{
    unsigned all = kind;
    for (size_t i = 0; i < s.n; i++)
        all &= kinds[(unsigned char)s.p[i]];
    return all != 0;
}

static bool is_plain_byte(unsigned char c, unsigned char least)
{
    return c != 127 && (c >= least || (c == '\t' && least <= ' '));
}

/* Bytes over 127 pass: some clients send UTF-8 as it is. `least` is ' ', then tabs pass, or '!'. */
static bool is_plain(struct bl_str s, unsigned char least)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i below = _mm_set1_epi8((char)(least - 1)), del = _mm_set1_epi8(127);
    const __m128i tab = _mm_set1_epi8(least == ' ' ? '\t' : 127);
    for (; s.n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));
        __m128i low = _mm_andnot_si128(_mm_cmpeq_epi8(v, tab), _mm_cmpeq_epi8(_mm_min_epu8(v, below), v));
        if (_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(v, del))))
            return false;
    }
#endif
    for (; i < s.n; i++)
        if (!is_plain_byte((unsigned char)s.p[i], least))
            return false;
    return true;
}

enum line { LINE_WHOLE, LINE_PART, LINE_BARE };

/* Cuts a line off, without its CR LF. */
static enum line cut_line(struct bl_str *rest, struct bl_str *out)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    if (!end)
        return LINE_PART;
    size_t n = (size_t)(end - rest->p);
    if (n == 0 || end[-1] != '\r')
        return LINE_BARE;
    *out = (struct bl_str){rest->p, n - 1};
    *rest = (struct bl_str){end + 1, rest->n - n - 1};
    return LINE_WHOLE;
}

static bool cut_word(struct bl_str *rest, struct bl_str *out)
{
    const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    if (!space)
        return false;
    size_t n = (size_t)(space - rest->p);
    *out = (struct bl_str){rest->p, n};
    *rest = (struct bl_str){space + 1, rest->n - n - 1};
    return true;
}

static bool target_is_ours(struct bl_str target, struct bl_str method)
{
    if (!is_plain(target, '!'))
        return false;
    return bl_str_starts(target, BL_STR("/")) || bl_str_starts(target, BL_STR("http://")) ||
           bl_str_starts(target, BL_STR("https://")) ||
           (bl_str_eqz(target, "*") && bl_str_eqz(method, "OPTIONS"));
}

static enum bl_head_fault request_line(struct bl_str line, struct bl_head *out)
{
    if (!cut_word(&line, &out->method) || !cut_word(&line, &out->target))
        return BL_HEAD_LINE;
    if (out->method.n == 0 || out->method.n > METHOD_MAX || !all_of(TOKEN, out->method))
        return BL_HEAD_METHOD;
    if (!target_is_ours(out->target, out->method))
        return BL_HEAD_TARGET;
    if (!bl_str_eqz(line, "HTTP/1.1") && !bl_str_eqz(line, "HTTP/1.0"))
        return BL_HEAD_VERSION;
    out->minor = line.p[7] - '0';
    return BL_HEAD_OK;
}

static enum bl_head_fault header(struct bl_str line, struct bl_head_line *out)
{
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return BL_HEAD_FOLD;
    const char *colon = memchr(line.p, ':', line.n);
    size_t n = colon ? (size_t)(colon - line.p) : 0;
    out->name = (struct bl_str){line.p, n};
    if (n == 0 || !all_of(TOKEN, out->name))
        return BL_HEAD_NAME;
    out->value = bl_str_trim((struct bl_str){colon + 1, line.n - n - 1});
    return is_plain(out->value, ' ') ? BL_HEAD_OK : BL_HEAD_VALUE;
}

/* What decides where the request ends and whose it is. */
struct framing {
    size_t lengths, codings, hosts;
};

static enum bl_head_fault look(const struct bl_head_line *line, int minor, struct framing *f)
{
    int64_t length;
    switch (line->name.n) { /* few headers have these lengths */
    case 4:
        if (!bl_str_ieq(line->name, BL_STR("host")))
            return BL_HEAD_OK;
        f->hosts++;
        return line->value.n && all_of(HOST, line->value) ? BL_HEAD_OK : BL_HEAD_HOST;
    case 14:
        if (!bl_str_ieq(line->name, BL_STR("content-length")))
            return BL_HEAD_OK;
        f->lengths++;
        return line->value.n <= DIGITS_MAX && bl_str_int64(line->value, &length) && line->value.p[0] != '-'
                   ? BL_HEAD_OK
                   : BL_HEAD_LENGTH;
    case 17:
        if (!bl_str_ieq(line->name, BL_STR("transfer-encoding")))
            return BL_HEAD_OK;
        f->codings++;
        return minor == 1 && bl_str_ieq(line->value, BL_STR("chunked")) ? BL_HEAD_OK : BL_HEAD_CODING;
    default:
        return BL_HEAD_OK;
    }
}

static enum bl_head_fault whole(const struct bl_head *h, const struct framing *f)
{
    if (f->lengths + f->codings > 1)
        return BL_HEAD_FRAMING;
    if (f->hosts > 1)
        return BL_HEAD_HOSTS;
    return f->hosts == 0 && h->minor == 1 ? BL_HEAD_NO_HOST : BL_HEAD_OK;
}

static enum bl_head_state bad(struct bl_head *out, enum bl_head_fault fault)
{
    out->fault = fault;
    return BL_HEAD_BAD;
}

/* The lines behind the request line. The first fault of a header that frames is told only if nothing worse is there:
 * a second Content-Length may be what is wrong with both. */
static enum bl_head_state headers(struct bl_str rest, struct bl_head *out, struct bl_head_line *lines,
                                  size_t max, const char *begin)
{
    struct framing f = {0};
    enum bl_head_fault fault, first = BL_HEAD_OK;
    struct bl_str line;
    for (enum line got;;) {
        got = cut_line(&rest, &line);
        if (got != LINE_WHOLE)
            return got == LINE_PART ? BL_HEAD_PART : bad(out, BL_HEAD_LINE_END);
        if (line.n == 0)
            break;
        if (out->lines_n == max)
            return bad(out, BL_HEAD_MANY);
        struct bl_head_line *l = &lines[out->lines_n++];
        fault = header(line, l);
        if (fault != BL_HEAD_OK)
            return bad(out, fault);
        fault = look(l, out->minor, &f);
        first = first == BL_HEAD_OK ? fault : first;
    }
    fault = whole(out, &f);
    fault = fault == BL_HEAD_OK ? first : fault;
    out->bytes = (size_t)(rest.p - begin);
    return fault == BL_HEAD_OK ? BL_HEAD_WHOLE : bad(out, fault);
}

static bool has_end(struct bl_str in, size_t seen)
{
    size_t from = seen > 3 ? seen - 3 : 0;
    struct bl_str rest = {in.p + from, in.n - from};
    for (const char *lf; rest.n && (lf = memchr(rest.p, '\n', rest.n));) {
        size_t n = (size_t)(lf - rest.p) + 1;
        rest = (struct bl_str){lf + 1, rest.n - n};
        if (rest.n && (rest.p[0] == '\n' || (rest.n > 1 && rest.p[0] == '\r' && rest.p[1] == '\n')))
            return true;
    }
    return false;
}

static enum bl_head_state read_all(struct bl_str in, struct bl_head *out, struct bl_head_line *lines,
                                   size_t max)
{
    struct bl_str rest = in, line;
    if (bl_str_starts(rest, BL_STR("\r\n"))) /* left over from the request before (RFC 9112, 2.2) */
        rest = (struct bl_str){rest.p + 2, rest.n - 2};
    enum line got = cut_line(&rest, &line);
    if (got != LINE_WHOLE)
        return got == LINE_PART ? BL_HEAD_PART : bad(out, BL_HEAD_LINE_END);
    enum bl_head_fault fault = request_line(line, out);
    if (fault != BL_HEAD_OK)
        return bad(out, fault);
    return headers(rest, out, lines, max, in.p);
}

enum bl_head_state bl_head_read(struct bl_str in, size_t seen, struct bl_head *out,
                                struct bl_head_line *lines, size_t lines_max)
{
    *out = (struct bl_head){.fault = BL_HEAD_OK};
    enum bl_head_state state = BL_HEAD_PART;
    if (seen == 0 || seen > in.n || has_end(in, seen))
        state = read_all(in, out, lines, lines_max);
    if ((state == BL_HEAD_WHOLE && out->bytes > BL_HEAD_MAX_BYTES) ||
        (state == BL_HEAD_PART && in.n > BL_HEAD_READ_BYTES))
        return bad(out, BL_HEAD_LARGE);
    return state;
}

static const struct {
    enum bl_err err;
    const char *text;
} faults[BL_HEAD_FAULT_COUNT] = {[BL_HEAD_OK] = {BL_OK, ""},
#define F(name, err, text) [BL_HEAD_##name] = {BL_ERR_##err, text},
                                 BL_HEAD_FAULTS(F)
#undef F
};

enum bl_err bl_head_fault_err(enum bl_head_fault fault)
{
    return faults[fault].err;
}

const char *bl_head_fault_text(enum bl_head_fault fault)
{
    return faults[fault].text;
}
