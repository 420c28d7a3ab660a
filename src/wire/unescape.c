/* See unescape.h. */
#include "unescape.h"

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_code_point(struct bl_buf *out, unsigned c)
{
    if (c < 0x80) {
        bl_buf_char(out, (char)c);
    } else if (c < 0x800) {
        bl_buf_char(out, (char)(0xC0 | c >> 6));
        bl_buf_char(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        bl_buf_char(out, (char)(0xE0 | c >> 12)); /* a lone surrogate becomes U+FFFD when written */
        bl_buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        bl_buf_char(out, (char)(0x80 | (c & 0x3F)));
    } else {
        bl_buf_char(out, (char)(0xF0 | c >> 18));
        bl_buf_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        bl_buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        bl_buf_char(out, (char)(0x80 | (c & 0x3F)));
    }
}

/* Four hex digits, or -1. */
static int unit(struct bl_str s, size_t at)
{
    int v = 0;
    for (size_t i = at; i < at + 4; i++) {
        int h = i < s.n ? hex_value(s.p[i]) : -1;
        if (h < 0)
            return -1;
        v = v * 16 + h;
    }
    return v;
}

void bl_unescape(struct bl_str s, struct bl_buf *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\' || i + 1 == s.n) {
            bl_buf_char(out, s.p[i]);
            continue;
        }
        i++;
        int high = s.p[i] == 'u' ? unit(s, i + 1) : -1;
        if (high < 0) {
            bl_buf_char(out, one_of(s.p[i], from) ? to[strchr(from, s.p[i]) - from] : s.p[i]);
            continue;
        }
        i += 4;
        int low = high >> 10 == 0x36 && i + 2 < s.n && s.p[i + 1] == '\\' && s.p[i + 2] == 'u'
                      ? unit(s, i + 3)
                      : -1;
        if (low >> 10 == 0x37) {
            i += 6;
            add_code_point(out, 0x10000 + (((unsigned)high & 0x3FF) << 10) + ((unsigned)low & 0x3FF));
        } else {
            add_code_point(out, (unsigned)high);
        }
    }
}
