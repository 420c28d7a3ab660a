/* The key for the model's API. It comes from a file or the environment, never from a flag (a flag shows in the list of
 * processes), and goes nowhere but into the request's header. */
#include "explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The first line, without the space around it. */
static struct bl_str first_line(struct bl_str s)
{
    const char *end = memchr(s.p, '\n', s.n);
    if (end)
        s.n = (size_t)(end - s.p);
    while (s.n > 0 && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.n--;
    }
    return s;
}

static bool is_plain(struct bl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

static bool keep(struct bl_str text, const char *from, char out[EXPLAIN_KEY_MAX], struct bl_buf *why)
{
    struct bl_str key = first_line(text);
    if (key.n >= EXPLAIN_KEY_MAX || !is_plain(key)) {
        bl_buf_printf(why, "%s holds no key: it must be one word of printable characters", from);
        return false;
    }
    memcpy(out, key.p, key.n);
    out[key.n] = '\0';
    return true;
}

bool explain_has_key(const struct bl_config *config)
{
    const char *value = getenv(EXPLAIN_KEY_VARIABLE);
    return bl_config_text(config, BL_OPTION_EXPLAIN_KEY_FILE)[0] || (value && value[0]);
}

bool explain_key(const struct bl_config *config, char out[EXPLAIN_KEY_MAX], struct bl_buf *why)
{
    const char *path = bl_config_text(config, BL_OPTION_EXPLAIN_KEY_FILE),
               *value = getenv(EXPLAIN_KEY_VARIABLE);
    char text[EXPLAIN_KEY_MAX + 2];
    if (!explain_has_key(config)) {
        bl_buf_z(why, "there is no key for the model: set " EXPLAIN_KEY_VARIABLE " or explain-key-file");
        return false;
    }
    if (!path[0])
        return keep(bl_str_of(value), "the environment's " EXPLAIN_KEY_VARIABLE, out, why);
    FILE *f = fopen(path, "re");
    if (!f) {
        bl_buf_z(why, "explain-key-file ");
        bl_buf_json(why, bl_str_of(path));
        bl_buf_printf(why, " cannot be read: %s", strerror(errno));
        return false;
    }
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    return keep((struct bl_str){text, n}, "explain-key-file", out, why);
}
