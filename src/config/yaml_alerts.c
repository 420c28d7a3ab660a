/* The section `alerts` of the file: a list, each entry a mapping with the fields of the table in alerts.c. */
#include "alerts.h"
#include "document.h"

#include <stdio.h>

static bool read_choice(const struct alert_field_info *info, struct bl_str text, int64_t *out,
                        struct bl_buf *why)
{
    for (int64_t i = 0; info->choice(i); i++)
        if (bl_name_same(text, info->choice(i))) {
            *out = i;
            return true;
        }
    bl_buf_z(why, "must be one of");
    for (int64_t i = 0; info->choice(i); i++)
        bl_buf_printf(why, "%s %s", i ? "," : "", info->choice(i));
    bl_buf_z(why, "; it is ");
    bl_buf_json(why, text.n > 80 ? (struct bl_str){text.p, 80} : text);
    return false;
}

static bool read_text(struct yaml_file *f, const struct alert_field_info *info, struct bl_str text,
                      const char **out)
{
    struct bl_buf *why = &f->p->why;
    if (text.n < (size_t)info->min || text.n > (size_t)info->max || !bl_str_utf8(text) ||
        bl_str_has_control(text)) {
        bl_buf_printf(why, "must be %d to %d bytes of text without control characters", (int)info->min,
                      (int)info->max);
        return false;
    }
    if (text.n && info->form && !info->form(text, why))
        return false;
    while (info == &bl_alert_fields[ALERT_PAGE] && text.n > 1 && text.p[text.n - 1] == '/')
        text.n--;
    *out = bl_config_copy(f->c, text);
    if (!*out)
        bl_buf_z(why, "out of memory");
    return *out != NULL;
}

static bool read_value(struct yaml_file *f, const struct alert_field_info *info, struct bl_str text,
                       struct alert_value *out)
{
    if (info->type == BL_OPT_TEXT)
        return read_text(f, info, text, &out->text);
    if (info->type == BL_OPT_CHOICE)
        return read_choice(info, text, &out->i, &f->p->why);
    return bl_number_check(info->type, info->min, info->max, text, &out->i, &f->p->why);
}

static void read_field(struct yaml_file *f, const struct yaml_member *m, void *ctx)
{
    struct alert *a = ctx;
    const char *names[ALERT_FIELDS];
    struct bl_str text;
    size_t i = 0;
    while (i < ALERT_FIELDS && !bl_name_same(m->key, bl_alert_fields[i].name))
        i++;
    if (i == ALERT_FIELDS) {
        for (size_t k = 0; k < ALERT_FIELDS; k++)
            names[k] = bl_alert_fields[k].name;
        bl_yaml_unknown(f, m, names, ALERT_FIELDS);
    } else if (bl_yaml_text(f, m, &text)) {
        struct alert_value next = {.text = "", .source = {.from = FROM_FILE, .line = m->line}};
        if (read_value(f, &bl_alert_fields[i], text, &next))
            a->v[i] = next;
        else
            bl_yaml_problem(f, m->line, m->field);
    }
}

void bl_yaml_alerts(struct yaml_file *f, yaml_node_t *node)
{
    bool is_list = node->type == YAML_SEQUENCE_NODE;
    size_t n = is_list ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start) : 0;
    if (!is_list || n > BL_ALERT_RULES_MAX) {
        bl_buf_printf(&f->p->why, "must be a list of 0 to %d rules, each a mapping that begins `- name: …`",
                      BL_ALERT_RULES_MAX);
        bl_yaml_problem(f, bl_yaml_line(node), "alerts");
        return;
    }
    struct alert *alerts = bl_config_alloc(f->c, n * sizeof *alerts);
    if (!alerts) {
        bl_buf_z(&f->p->why, "out of memory");
        bl_yaml_problem(f, bl_yaml_line(node), "alerts");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *entry = yaml_document_get_node(&f->doc, node->data.sequence.items.start[i]);
        char field[32];
        snprintf(field, sizeof field, "alerts[%zu]", i);
        bl_alert_init(&alerts[i]);
        alerts[i].line = bl_yaml_line(entry);
        size_t before = f->p->n;
        bl_yaml_members(f, entry, field, read_field, &alerts[i]);
        alerts[i].spoilt = f->p->n > before;
    }
    f->c->alerts = alerts;
    f->c->n_alerts = n;
}
