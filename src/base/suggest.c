/* "Did you mean …?": the nearest name by edits (insert, delete, replace, swap of neighbours). */
#include "bl/base/suggest.h"

#define NAME_MAX_BYTES 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char fold(char c)
{
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t distance(struct bl_str a, struct bl_str b)
{
    size_t row[3][NAME_MAX_BYTES + 1] = {{0}};
    for (size_t j = 0; j <= b.n; j++)
        row[1][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *before = row[(i + 2) % 3], *last = row[i % 3], *now = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = fold(a.p[i - 1]) == fold(b.p[j - 1]);
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + !same);
            if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
                fold(a.p[i - 2]) == fold(b.p[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[(a.n + 1) % 3][b.n];
}

const char *bl_suggest(struct bl_str typed, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    if (typed.n == 0 || typed.n > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct bl_str name = bl_str_of(names[i]);
        if (name.n > NAME_MAX_BYTES)
            continue;
        size_t d = distance(typed, name);
        /* A third of the letters may be wrong, or the word may just be unfinished. */
        bool near = d <= 1 + least(typed.n, name.n) / 3 || (typed.n >= 3 && bl_str_starts(name, typed));
        if (near && d < name.n && d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
