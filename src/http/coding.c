/* Accept-Encoding: `br;q=1.0, gzip;q=0.8, *;q=0.1`. Weights are kept in thousandths, as they are written; what cannot
 * be read counts as not named. */
#include "coding.h"

#include <string.h>

#define Q_MAX 1000

static const char *const names[BL_CODING_COUNT] = {"identity", "gzip", "br"};

/* "0.8" -> 800; -1: no weight. */
static int weight(struct bl_str s)
{
    int q, unit = Q_MAX / 10;
    if (s.n == 0 || s.n > 5 || s.p[0] < '0' || s.p[0] > '1' || (s.n > 1 && s.p[1] != '.'))
        return -1;
    q = (s.p[0] - '0') * Q_MAX;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        q += (s.p[i] - '0') * unit;
    }
    return q <= Q_MAX ? q : -1;
}

/* One element: its name, and its weight (-1: it cannot be read). */
static struct bl_str element(struct bl_str text, int *q)
{
    struct bl_str name = bl_str_trim(bl_str_cut(&text, ';'));
    *q = Q_MAX;
    while (text.n) {
        struct bl_str param = bl_str_trim(bl_str_cut(&text, ';'));
        if (param.n >= 2 && (param.p[0] | 0x20) == 'q' && param.p[1] == '=')
            *q = weight((struct bl_str){param.p + 2, param.n - 2});
    }
    return name;
}

enum bl_coding bl_coding_choose(struct bl_str accept, const struct bl_web_file *f)
{
    int q[BL_CODING_COUNT] = {-1, -1, -1}, any = -1, w;
    while (accept.n) {
        struct bl_str name = element(bl_str_trim(bl_str_cut(&accept, ',')), &w);
        if (w < 0)
            continue;
        if (bl_str_eqz(name, "*"))
            any = w;
        for (int i = 0; i < BL_CODING_COUNT; i++)
            if (bl_str_ieq(name, bl_str_of(names[i])))
                q[i] = w;
    }
    enum bl_coding best = BL_CODING_IDENTITY;
    for (int i = 0; i < BL_CODING_COUNT; i++) {
        if (q[i] < 0 && any >= 0)
            q[i] = any;
        if (q[i] < 0)
            q[i] = i == BL_CODING_IDENTITY ? 1 : 0; /* what is not named: only as it is, and rather not */
        bool there = f->bytes[i].p && q[i] > 0;
        if (there &&
            (q[best] <= 0 || q[i] > q[best] || (q[i] == q[best] && f->bytes[i].n < f->bytes[best].n)))
            best = (enum bl_coding)i;
    }
    return best;
}

const char *bl_coding_name(enum bl_coding coding)
{
    return coding == BL_CODING_IDENTITY ? NULL : names[coding];
}
