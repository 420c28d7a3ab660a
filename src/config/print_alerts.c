/* The section `alerts` on paper: all fields of all rules, in the form that reads back. */
#include "alerts.h"

static void put_value(struct bl_buf *out, enum alert_field f, const struct alert_value *v, bool json)
{
    const struct alert_field_info *info = &bl_alert_fields[f];
    if (info->type == BL_OPT_TEXT)
        bl_buf_json(out, bl_str_of(v->text));
    else if (info->type == BL_OPT_CHOICE && json)
        bl_buf_json(out, bl_str_of(info->choice(v->i)));
    else if (info->type == BL_OPT_CHOICE)
        bl_buf_z(out, info->choice(v->i));
    else if (json && info->type == BL_OPT_FLAG)
        bl_buf_z(out, v->i ? "true" : "false");
    else if (json)
        bl_buf_int(out, v->i);
    else
        bl_number_put(out, info->type, v->i);
}

void bl_alerts_print_yaml(const struct bl_config *c, bool sources, struct bl_buf *out)
{
    bl_buf_z(out, c->n_alerts ? "alerts:\n" : "alerts: []\n");
    for (size_t i = 0; i < c->n_alerts; i++)
        for (size_t f = 0; f < ALERT_FIELDS; f++) {
            const struct alert_value *v = &c->alerts[i].v[f];
            size_t start = out->n;
            bl_buf_printf(out, "%s%s: ", f ? "    " : "  - ", bl_alert_fields[f].name);
            put_value(out, (enum alert_field)f, v, false);
            if (sources)
                bl_source_comment(out, start, c, &v->source, BL_OPTION_COUNT);
            bl_buf_char(out, '\n');
        }
}

void bl_alerts_print_json(const struct bl_config *c, struct bl_buf *out)
{
    bl_buf_z(out, "\"alerts\":[");
    for (size_t i = 0; i < c->n_alerts; i++) {
        bl_buf_z(out, i ? ",{" : "{");
        for (size_t f = 0; f < ALERT_FIELDS; f++) {
            const struct alert_value *v = &c->alerts[i].v[f];
            bl_buf_printf(out, "%s\"%s\":{\"value\":", f ? "," : "", bl_alert_fields[f].name);
            put_value(out, (enum alert_field)f, v, true);
            bl_source_json(out, c, &v->source, BL_OPTION_COUNT);
        }
        bl_buf_char(out, '}');
    }
    bl_buf_char(out, ']');
}
