/* The rules' part of the configuration on paper: in a whole configuration, or alone, as the data set has it. Walks over
 * the tunables; the first of them, of no rule, are options of the program and printed as such in a whole one. */
#include "internal.h"

#include "bl/core/tunable.h"

/* A JSON list is a YAML list too. */
static void put_list(struct bl_buf *out, enum bl_param_type type, const struct bl_list *list)
{
    bl_buf_char(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        bl_buf_z(out, i ? ", " : "");
        if (type == BL_PARAM_PATHS) {
            bl_buf_json(out, list->paths[i]);
            continue;
        }
        bl_buf_z(out, "{\"page\": ");
        bl_buf_json(out, list->stages[i].page);
        bl_buf_z(out, ", \"name\": ");
        bl_buf_json(out, list->stages[i].name);
        bl_buf_z(out, ", \"depth\": ");
        bl_buf_int(out, list->stages[i].depth);
        bl_buf_char(out, '}');
    }
    bl_buf_char(out, ']');
}

static bool is_list(enum bl_param_type type)
{
    return type == BL_PARAM_PATHS || type == BL_PARAM_STAGES;
}

void bl_config_print_value(enum bl_param_type type, const union bl_value *v, struct bl_buf *out)
{
    if (is_list(type))
        put_list(out, type, &v->list);
    else
        bl_number_put(out, bl_param_number(type), v->i);
}

/* Where a rule's k-th value came from: enabled, weight, then its params. */
static const struct source *source_of(const struct bl_config *c, const char *rule, size_t k)
{
    enum bl_rule_id id = bl_rule_of(bl_str_of(rule));
    return k == 0 ? &c->enabled[id] : k == 1 ? &c->weight[id] : &c->param[id][k - 2];
}

void bl_rules_print_yaml(const struct bl_settings *s, const struct bl_config *sources, struct bl_buf *out)
{
    struct bl_tunable t;
    const char *rule = NULL;
    bl_buf_z(out, "rules:\n");
    for (size_t i = 0, k = 0; bl_tunable_at(i, &t); i++) {
        union bl_value v = bl_tunable_get(s, i);
        if (!t.rule)
            continue;
        if (t.rule != rule) {
            bl_buf_printf(out, "  %s:\n", t.rule);
            k = 0;
        }
        size_t start = out->n;
        bl_buf_printf(out, "    %s: ", t.name);
        bl_config_print_value(t.type, &v, out);
        if (sources)
            bl_source_comment(out, start, sources, source_of(sources, t.rule, k), BL_OPTION_COUNT);
        bl_buf_char(out, '\n');
        rule = t.rule;
        k++;
    }
}

void bl_config_print_rules(const struct bl_settings *s, struct bl_buf *out)
{
    struct bl_tunable t;
    for (size_t i = 0; bl_tunable_at(i, &t) && !t.rule; i++) {
        union bl_value v = bl_tunable_get(s, i);
        bl_buf_printf(out, "%s: ", t.name);
        bl_config_print_value(t.type, &v, out);
        bl_buf_char(out, '\n');
    }
    bl_rules_print_yaml(s, NULL, out);
}

void bl_rules_print_json(const struct bl_config *c, struct bl_buf *out)
{
    struct bl_tunable t;
    const char *rule = NULL;
    bl_buf_z(out, "\"rules\":{");
    for (size_t i = 0, k = 0; bl_tunable_at(i, &t); i++) {
        union bl_value v = bl_tunable_get(&c->rules, i);
        if (!t.rule)
            continue;
        if (t.rule != rule) {
            bl_buf_printf(out, rule ? "},\"%s\":{" : "\"%s\":{", t.rule);
            k = 0;
        }
        bl_buf_printf(out, k ? ",\"%s\":{\"value\":" : "\"%s\":{\"value\":", t.name);
        if (is_list(t.type))
            put_list(out, t.type, &v.list);
        else if (t.type == BL_PARAM_FLAG)
            bl_buf_z(out, v.i ? "true" : "false");
        else
            bl_buf_int(out, v.i);
        bl_source_json(out, c, source_of(c, t.rule, k++), BL_OPTION_COUNT);
        rule = t.rule;
    }
    bl_buf_z(out, "}},");
}

void bl_config_others(const struct bl_config *c, struct bl_buf *out)
{
    for (int i = 0; i < BL_OPTION_COUNT; i++) {
        const struct setting *v = &c->v[i];
        if (v->source.from == FROM_DEFAULT || i == BL_OPTION_SESSION_TIMEOUT || i == BL_OPTION_TWIN)
            continue;
        bl_buf_z(out, out->n ? ", " : "");
        bl_buf_z(out, bl_options[i].name);
    }
    if (c->n_alerts)
        bl_buf_z(out, out->n ? ", alerts" : "alerts");
}
