/* The effective configuration on paper: YAML that reads back as the same configuration (a test holds it to
 * that), or JSON for programs. Passwords in addresses are the operator's own and stay: the output is made to
 * be used again. */
#include "internal.h"

#define COMMENT_COLUMN 44

void bl_source_put(struct bl_buf *b, const struct bl_config *c, const struct source *s, enum bl_option_id id)
{
    switch (s->from) {
    case FROM_DEFAULT:
        bl_buf_z(b, "default");
        break;
    case FROM_FILE:
        bl_buf_printf(b, "%s:%zu", c->path, s->line);
        break;
    case FROM_ENVIRONMENT:
        bl_buf_printf(b, "environment %s", s->name);
        break;
    case FROM_FLAG:
        bl_buf_printf(b, "flag --%s", id < BL_OPTION_COUNT ? bl_options[id].name : "");
        break;
    }
}

/* "  # source" from COMMENT_COLUMN of the line that began at `start`. */
void bl_source_comment(struct bl_buf *out, size_t start, const struct bl_config *c, const struct source *s,
                       enum bl_option_id id)
{
    while (out->err == BL_OK && out->n - start < COMMENT_COLUMN)
        bl_buf_char(out, ' ');
    bl_buf_z(out, " # ");
    bl_source_put(out, c, s, id);
}

static void put_value(struct bl_buf *out, const struct bl_config *c, enum bl_option_id id)
{
    enum bl_option_type type = bl_options[id].type;
    if (type == BL_OPT_TEXT)
        bl_buf_json(out, bl_str_of(c->v[id].text));
    else if (type == BL_OPT_CHOICE)
        bl_buf_z(out, c->v[id].text);
    else
        bl_number_put(out, type, c->v[id].i);
}

void bl_config_print_yaml(const struct bl_config *c, bool sources, struct bl_buf *out)
{
    for (int i = 0; i < BL_OPTION_COUNT; i++) {
        enum bl_option_id id = (enum bl_option_id)i;
        size_t start = out->n;
        if (bl_options[id].commands & BL_ONCE)
            continue;
        bl_buf_printf(out, "%s: ", bl_options[id].name);
        put_value(out, c, id);
        if (sources)
            bl_source_comment(out, start, c, &c->v[id].source, id);
        bl_buf_char(out, '\n');
    }
    bl_rules_print_yaml(&c->rules, sources ? c : NULL, out);
    bl_alerts_print_yaml(c, sources, out);
}

void bl_source_json(struct bl_buf *out, const struct bl_config *c, const struct source *s,
                    enum bl_option_id id)
{
    struct bl_buf text;
    bl_buf_init(&text, 0);
    bl_source_put(&text, c, s, id);
    bl_buf_z(out, ",\"source\":");
    bl_buf_json(out, bl_buf_view(&text));
    bl_buf_char(out, '}');
    if (text.err != BL_OK && out->err == BL_OK)
        out->err = text.err;
    bl_buf_release(&text);
}

void bl_config_print_json(const struct bl_config *c, struct bl_buf *out)
{
    bl_buf_char(out, '{');
    for (int i = 0; i < BL_OPTION_COUNT; i++) {
        enum bl_option_id id = (enum bl_option_id)i;
        enum bl_option_type type = bl_options[id].type;
        if (bl_options[id].commands & BL_ONCE)
            continue;
        bl_buf_json(out, bl_str_of(bl_options[id].name));
        bl_buf_z(out, ":{\"value\":");
        if (type == BL_OPT_TEXT || type == BL_OPT_CHOICE)
            bl_buf_json(out, bl_str_of(c->v[id].text));
        else if (type == BL_OPT_FLAG)
            bl_buf_z(out, c->v[id].i ? "true" : "false");
        else
            bl_buf_int(out, c->v[id].i);
        bl_source_json(out, c, &c->v[id].source, id);
        bl_buf_char(out, ',');
    }
    bl_rules_print_json(c, out);
    bl_alerts_print_json(c, out);
    bl_buf_z(out, "}\n");
}
