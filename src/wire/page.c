/* Pages (SPEC 2.1): whatever a client calls a page is kept as a path, so that the same page is always the
 * same bytes. Nothing is decoded or folded: pages compare byte for byte. */
#include "bl/wire/decode.h"

static bool scheme_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

/* Length of "scheme:" if "//" follows it, else 0. */
static size_t scheme(struct bl_str s)
{
    size_t i = 0;
    while (i < s.n && scheme_char(s.p[i], i == 0))
        i++;
    return i > 0 && i + 2 < s.n && memcmp(s.p + i, "://", 3) == 0 ? i + 1 : 0;
}

static struct bl_str cut_host(struct bl_str s)
{
    size_t at = scheme(s);
    if (!bl_str_starts((struct bl_str){s.p + at, s.n - at}, BL_STR("//")))
        return s;
    at += 2;
    while (at < s.n && s.p[at] != '/')
        at++;
    return (struct bl_str){s.p + at, s.n - at};
}

void bl_page_normalise(struct bl_str page, struct bl_buf *out)
{
    for (size_t i = 0; i < page.n; i++)
        if (page.p[i] == '?' || page.p[i] == '#')
            page.n = i;
    page = cut_host(page);
    while (page.n && page.p[page.n - 1] == '/')
        page.n--;
    if (page.n == 0 || page.p[0] != '/')
        bl_buf_char(out, '/');
    bl_buf_str(out, page);
}
