/* --help: the options of a command in groups, in two columns, from the table. */
#include "internal.h"

#define LEFT_COLUMN 34
#define WIDTH       110

/* The lines of the table in order: a title, or an option. */
static const struct row {
    const char *title;
    enum bl_option_id id;
} rows[] = {
#define BL_OPTION_GROUP(text)                                           {text, BL_OPTION_COUNT},
#define BL_OPTION(id, name, type, def, min, max, value, commands, help) {NULL, BL_OPTION_##id},
#include "bl/config/options.def"
#undef BL_OPTION
};

static void pad(struct bl_buf *out, size_t from, size_t to)
{
    do
        bl_buf_char(out, ' ');
    while (++from < to);
}

/* Text wrapped at words, from column LEFT_COLUMN on. */
static void put_wrapped(struct bl_buf *out, struct bl_str text)
{
    size_t column = LEFT_COLUMN, i = 0;
    while (i < text.n) {
        size_t end = i;
        while (end < text.n && text.p[end] != ' ')
            end++;
        if (i > 0 && column + 1 + (end - i) > WIDTH) {
            bl_buf_char(out, '\n');
            pad(out, 0, LEFT_COLUMN);
            column = LEFT_COLUMN;
        } else if (i > 0) {
            bl_buf_char(out, ' ');
            column++;
        }
        bl_buf_add(out, text.p + i, end - i);
        column += end - i;
        i = end + 1;
    }
    bl_buf_char(out, '\n');
}

static void put_option(struct bl_buf *out, const struct option_info *o)
{
    struct bl_buf text;
    size_t start = out->n;
    bl_buf_init(&text, 0);
    bl_buf_printf(out, "  --%s", o->name);
    if (o->type == BL_OPT_CHOICE)
        bl_buf_printf(out, " %s", o->value);
    else if (o->type != BL_OPT_FLAG)
        bl_buf_printf(out, " %s", o->value);
    if (out->n - start >= LEFT_COLUMN) {
        bl_buf_char(out, '\n');
        start = out->n;
    }
    pad(out, out->n - start, LEFT_COLUMN);
    bl_buf_z(&text, o->help);
    if (o->def[0] && o->type != BL_OPT_FLAG)
        bl_buf_printf(&text, " [%s]", o->def);
    put_wrapped(out, bl_buf_view(&text));
    bl_buf_release(&text);
}

void bl_config_help(unsigned commands, struct bl_buf *out)
{
    const char *title = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].title) {
            title = rows[i].title;
            continue;
        }
        if (!(bl_options[rows[i].id].commands & commands))
            continue;
        if (title)
            bl_buf_printf(out, "\n%s:\n", title);
        title = NULL;
        put_option(out, &bl_options[rows[i].id]);
    }
}
