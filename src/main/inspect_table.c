/* Lists for people: a JSON array of objects, as the queries give it, printed as a table of chosen columns. Values
 * stay as JSON wrote them (so what a user sent cannot move the cursor of a terminal), strings without quotes,
 * times as UTC. The JSON is our own: it is scanned, not checked. */
#include "inspect.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 16
#define CELL_MAX    96

struct column {
    char name[32];
    bool time;
    size_t width;
};

/* Where the value that begins at `i` ends. */
static size_t value_end(struct bl_str json, size_t i)
{
    size_t depth = 0;
    bool quoted = false;
    for (; i < json.n; i++) {
        char c = json.p[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
            if (!quoted && depth == 0)
                return i + 1;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']' || c == ',') && depth == 0) {
            return i;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return json.n;
}

/* The member's value in an object; empty if it has none. */
static struct bl_str member(struct bl_str object, const char *name)
{
    for (size_t i = 1; i < object.n && object.p[i] != '}';) {
        size_t key_end = value_end(object, i), end = value_end(object, key_end + 1);
        struct bl_str key = {object.p + i + 1, key_end - i - 2};
        if (bl_str_eqz(key, name))
            return (struct bl_str){object.p + key_end + 1, end - key_end - 1};
        i = end + (end < object.n && object.p[end] == ',');
    }
    return (struct bl_str){0};
}

static void cell(struct bl_str value, bool is_time, char out[CELL_MAX])
{
    int64_t ms;
    if (value.n >= 2 && value.p[0] == '"')
        value = (struct bl_str){value.p + 1, value.n - 2};
    if (is_time && bl_str_int64(value, &ms) && ms >= 0) {
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        char text[32] = "";
        if (gmtime_r(&seconds, &tm))
            strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(out, CELL_MAX, "%s.%03d", text, (int)(ms % 1000));
        return;
    }
    if (bl_str_eqz(value, "null") || value.n == 0)
        value = BL_STR("-");
    size_t n = value.n < CELL_MAX ? value.n : CELL_MAX - 1;
    while (n < value.n && n > 0 && ((unsigned char)value.p[n] & 0xC0) == 0x80)
        n--;
    size_t put = 0;
    for (size_t i = 0; i < n; i++) /* a quote of ours may stand as it is: JSON within JSON stays readable */
        if (value.p[i] != '\\' || i + 1 == n || value.p[i + 1] != '"')
            out[put++] = value.p[i];
    out[put] = 0;
}

/* In characters, not bytes. */
static size_t width_of(const char *z)
{
    size_t n = 0;
    for (; *z; z++)
        n += ((unsigned char)*z & 0xC0) != 0x80;
    return n;
}

static size_t parse_columns(const char *names, struct column out[COLUMNS_MAX])
{
    size_t n = 0;
    for (const char *p = names; *p && n < COLUMNS_MAX; n++) {
        size_t length = strcspn(p, " ");
        out[n] = (struct column){.time = p[0] == '@'};
        snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)(length - out[n].time), p + out[n].time);
        out[n].width = width_of(out[n].name);
        p += length + (p[length] == ' ');
    }
    return n;
}

static void put_cell(struct bl_buf *out, const char *text, const struct column *c, bool last)
{
    size_t width = width_of(text);
    bl_buf_z(out, text);
    if (!last)
        bl_buf_printf(out, "%*s", (int)(c->width - width + 2), "");
}

/* One pass over the rows: measuring (out NULL) or writing. */
static void pass(struct bl_str json, struct column *columns, size_t n, struct bl_buf *out)
{
    for (size_t i = 1; i < json.n && json.p[i] == '{';) {
        size_t end = value_end(json, i);
        struct bl_str row = {json.p + i, end - i};
        for (size_t c = 0; c < n; c++) {
            char text[CELL_MAX];
            cell(member(row, columns[c].name), columns[c].time, text);
            if (out)
                put_cell(out, text, &columns[c], c + 1 == n);
            else if (width_of(text) > columns[c].width)
                columns[c].width = width_of(text);
        }
        if (out)
            bl_buf_char(out, '\n');
        i = end + 1;
    }
}

void inspect_table(struct bl_str json, const char *names, struct bl_buf *out)
{
    struct column columns[COLUMNS_MAX];
    size_t n = parse_columns(names, columns);
    pass(json, columns, n, NULL);
    for (size_t c = 0; c < n; c++)
        put_cell(out, columns[c].name, &columns[c], c + 1 == n);
    bl_buf_char(out, '\n');
    pass(json, columns, n, out);
}
