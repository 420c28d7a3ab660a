/* See aside.h. There are few or none: they are looked through. */
#include "bl/app/aside.h"

#include <stdlib.h>

void bl_aside_release(struct bl_aside *a)
{
    for (size_t i = 0; i < a->n; i++)
        free((void *)(uintptr_t)a->v[i].entry.p);
    free(a->v);
    *a = (struct bl_aside){0};
}

enum bl_err bl_aside_add(struct bl_aside *a, const struct bl_str *fields, size_t n)
{
    struct bl_str entry = {NULL, 0};
    int64_t line = -1;
    for (size_t i = 0; i + 1 < n; i += 2) {
        if (bl_str_eqz(fields[i], "entry"))
            entry = fields[i + 1];
        else if (bl_str_eqz(fields[i], "line") && !bl_str_int64(fields[i + 1], &line))
            line = -1;
    }
    if (line < 0 || entry.n == 0)
        return BL_OK;
    if (a->n == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : 16;
        struct bl_aside_event *v = realloc(a->v, cap * sizeof *v);
        if (!v)
            return BL_ERR_NO_MEMORY;
        a->v = v;
        a->cap = cap;
    }
    char *own = malloc(entry.n);
    if (!own)
        return BL_ERR_NO_MEMORY;
    memcpy(own, entry.p, entry.n);
    a->v[a->n++] = (struct bl_aside_event){{own, entry.n}, line};
    return BL_OK;
}

static bool has(const struct bl_aside *a, struct bl_str entry, int64_t line)
{
    for (size_t i = 0; i < a->n; i++)
        if ((line < 0 || a->v[i].line == line) && bl_str_eq(a->v[i].entry, entry))
            return true;
    return false;
}

enum bl_err bl_aside_leave_out(const struct bl_aside *a, struct bl_str entry, struct bl_str *field,
                               struct bl_str *value, struct bl_buf *scratch)
{
    if (a->n == 0 || !has(a, entry, -1))
        return BL_OK;
    bl_buf_clear(scratch);
    struct bl_str rest = *value;
    for (int64_t line = 0; rest.n > 0; line++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n, step = n + (end != NULL);
        if (!has(a, entry, line)) {
            if (scratch->n)
                bl_buf_char(scratch, '\n');
            bl_buf_str(scratch, (struct bl_str){rest.p, n});
        }
        rest = (struct bl_str){rest.p + step, rest.n - step};
    }
    if (scratch->n == 0) {
        *field = BL_STR("tick");
        bl_buf_char(scratch, '1');
    }
    *value = bl_buf_view(scratch);
    return scratch->err;
}
