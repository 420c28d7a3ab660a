/* The section `rules` of the file: one mapping per rule, whose names are those of the rule's descriptor. A
 * rule that gets a parameter needs nothing here. `hesitation: off` is short for `hesitation: {enabled: off}`.
 */
#include "document.h"

#include "bl/core/tunable.h"

#include <stdio.h>

static bool page_ends_name(const char *name)
{
    size_t n = strlen(name);
    return n >= 5 && strcmp(name + n - 5, "pages") == 0;
}

/* A page as events carry it (SPEC 2.1): begins with '/', no '/' at the end. */
static bool read_page(struct yaml_file *f, struct bl_str text, struct bl_str *out)
{
    if (!bl_page_is_valid(text)) {
        bl_buf_z(&f->p->why, "must be a page that begins with /, such as /checkout; it is ");
        bl_buf_json(&f->p->why, text.n > 80 ? (struct bl_str){text.p, 80} : text);
        return false;
    }
    while (text.n > 1 && text.p[text.n - 1] == '/')
        text.n--;
    *out = (struct bl_str){bl_config_copy(f->c, text), text.n};
    return out->p != NULL;
}

static bool read_text(struct yaml_file *f, struct bl_str text, struct bl_str *out)
{
    if (!bl_entry_is_valid(text)) {
        bl_buf_printf(&f->p->why, "must be 1 to %d bytes of text without control characters",
                      BL_TEXT_MAX_BYTES);
        return false;
    }
    *out = (struct bl_str){bl_config_copy(f->c, text), text.n};
    return out->p != NULL;
}

/* One stage of a funnel while it is read. */
struct stage_reading {
    struct bl_stage stage;
    bool has_page, has_name, has_depth;
};

static void read_stage_member(struct yaml_file *f, const struct yaml_member *m, void *ctx)
{
    static const char *const names[] = {"page", "name", "depth"};
    struct stage_reading *r = ctx;
    struct bl_str text;
    bool ok;
    if (!bl_str_eqz(m->key, "page") && !bl_str_eqz(m->key, "name") && !bl_str_eqz(m->key, "depth")) {
        bl_yaml_unknown(f, m, names, 3);
        return;
    }
    if (!bl_yaml_text(f, m, &text))
        return;
    if (m->key.p[0] == 'p')
        r->has_page = ok = read_page(f, text, &r->stage.page);
    else if (m->key.p[0] == 'n')
        r->has_name = ok = read_text(f, text, &r->stage.name);
    else
        r->has_depth = ok =
            bl_number_check(BL_OPT_COUNT, 1, BL_STAGE_DEPTH_MAX, text, &r->stage.depth, &f->p->why);
    if (!ok)
        bl_yaml_problem(f, m->line, m->field);
}

/* The page without its slashes at the ends: what stands in the sentence. */
static struct bl_str name_of_page(struct bl_str page)
{
    return page.n > 1 ? (struct bl_str){page.p + 1, page.n - 1} : page;
}

static void read_stage(struct yaml_file *f, yaml_node_t *node, const char *field, struct bl_stage *out)
{
    struct stage_reading r = {{{NULL, 0}, {NULL, 0}, 0}, false, false, false};
    size_t before = f->p->n;
    bl_yaml_members(f, node, field, read_stage_member, &r);
    if (f->p->n == before && (!r.has_page || !r.has_depth)) {
        bl_buf_printf(&f->p->why, "needs a %s, as in {page: /checkout, name: checkout, depth: 2}",
                      r.has_page ? "depth" : "page");
        bl_yaml_problem(f, bl_yaml_line(node), field);
    }
    if (!r.has_name)
        r.stage.name = name_of_page(r.stage.page);
    *out = r.stage;
}

static void read_entry(struct yaml_file *f, yaml_node_t *node, const char *field,
                       const struct bl_param *param, struct bl_str *out)
{
    struct yaml_member m = {{NULL, 0}, field, bl_yaml_line(node), node};
    struct bl_str text;
    if (!bl_yaml_text(f, &m, &text))
        return;
    bool ok = page_ends_name(param->name) ? read_page(f, text, out) : read_text(f, text, out);
    if (!ok)
        bl_yaml_problem(f, m.line, field);
}

static bool list_fits(struct yaml_file *f, const struct yaml_member *m, const struct bl_param *param,
                      size_t *n)
{
    bool is_list = m->value->type == YAML_SEQUENCE_NODE;
    *n = is_list ? (size_t)(m->value->data.sequence.items.top - m->value->data.sequence.items.start) : 0;
    if (is_list && *n >= (size_t)param->min && *n <= (size_t)param->max && *n <= BL_LIST_MAX)
        return true;
    bl_buf_printf(&f->p->why, "must be a list of %d to %d entries", (int)param->min,
                  (int)(param->max < BL_LIST_MAX ? param->max : BL_LIST_MAX));
    bl_yaml_problem(f, m->line, m->field);
    return false;
}

/* Pages are told apart whatever the case of their letters: of two stages that match the same pages one would never
 * be reached. */
static void check_twins(struct yaml_file *f, const struct bl_stage *stages, size_t i, size_t line,
                        const char *field)
{
    char full[FIELD_MAX_BYTES + sizeof ".page"];
    for (size_t k = 0; k < i; k++)
        if (stages[i].page.n && bl_str_ieq(stages[k].page, stages[i].page)) {
            bl_buf_printf(&f->p->why, "matches the same pages as stages[%zu]: each page has one stage", k);
            snprintf(full, sizeof full, "%s.page", field);
            bl_yaml_problem(f, line, full);
            return;
        }
}

static void read_list(struct yaml_file *f, const struct yaml_member *m, const struct bl_param *param,
                      union bl_value *out)
{
    bool staged = param->type == BL_PARAM_STAGES;
    struct bl_stage *stages = NULL;
    struct bl_str *paths = NULL;
    size_t n;
    if (!list_fits(f, m, param, &n))
        return;
    if (staged)
        stages = bl_config_alloc(f->c, n * sizeof *stages);
    else
        paths = bl_config_alloc(f->c, n * sizeof *paths);
    if (!stages && !paths) {
        bl_buf_z(&f->p->why, "out of memory");
        bl_yaml_problem(f, m->line, m->field);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *node = yaml_document_get_node(&f->doc, m->value->data.sequence.items.start[i]);
        char field[FIELD_MAX_BYTES];
        snprintf(field, sizeof field, "%s[%zu]", m->field, i);
        if (!staged) {
            read_entry(f, node, field, param, &paths[i]);
            continue;
        }
        read_stage(f, node, field, &stages[i]);
        check_twins(f, stages, i, bl_yaml_line(node), field);
    }
    out->list = (struct bl_list){.n = n, .paths = paths, .stages = stages};
}

static void read_param(struct yaml_file *f, const struct yaml_member *m, const struct bl_param *param,
                       union bl_value *out)
{
    struct bl_str text;
    if (param->type == BL_PARAM_PATHS || param->type == BL_PARAM_STAGES) {
        read_list(f, m, param, out);
    } else if (bl_yaml_text(f, m, &text)) {
        int64_t v;
        if (bl_number_check(bl_param_number(param->type), param->min, param->max, text, &v, &f->p->why))
            out->i = v;
        else
            bl_yaml_problem(f, m->line, m->field);
    }
}

static void read_enabled(struct yaml_file *f, const struct yaml_member *m, enum bl_rule_id id)
{
    struct bl_str text;
    int64_t v;
    if (!bl_yaml_text(f, m, &text))
        return;
    if (!bl_number_check(BL_OPT_FLAG, 0, 1, text, &v, &f->p->why)) {
        bl_yaml_problem(f, m->line, m->field);
        return;
    }
    f->c->rules.rule[id].enabled = v != 0;
    f->c->enabled[id] = (struct source){.from = FROM_FILE, .line = m->line};
}

static void read_weight(struct yaml_file *f, const struct yaml_member *m, enum bl_rule_id id)
{
    struct bl_str text;
    if (!bl_yaml_text(f, m, &text))
        return;
    if (!bl_number_check(BL_OPT_COUNT, 0, BL_FRICTION_MAX, text, &f->c->rules.rule[id].weight, &f->p->why)) {
        bl_yaml_problem(f, m->line, m->field);
        return;
    }
    f->c->weight[id] = (struct source){.from = FROM_FILE, .line = m->line};
}

static void read_rule_member(struct yaml_file *f, const struct yaml_member *m, void *ctx)
{
    enum bl_rule_id id = *(const enum bl_rule_id *)ctx;
    const struct bl_rule *rule = bl_rule(id);
    const char *names[BL_RULE_PARAMS_MAX + 2] = {"enabled", "weight"};
    if (bl_str_eqz(m->key, "enabled")) {
        read_enabled(f, m, id);
        return;
    }
    if (bl_str_eqz(m->key, "weight")) {
        read_weight(f, m, id);
        return;
    }
    for (size_t i = 0; i < rule->n_params; i++) {
        names[i + 2] = rule->params[i].name;
        if (bl_name_same(m->key, rule->params[i].name)) {
            read_param(f, m, &rule->params[i], &f->c->rules.rule[id].v[i]);
            f->c->param[id][i] = (struct source){.from = FROM_FILE, .line = m->line};
            return;
        }
    }
    bl_yaml_unknown(f, m, names, rule->n_params + 2);
}

static void read_rule(struct yaml_file *f, const struct yaml_member *m, void *ctx)
{
    const char *names[BL_RULE_COUNT];
    (void)ctx;
    for (int i = 0; i < BL_RULE_COUNT; i++) {
        enum bl_rule_id id = (enum bl_rule_id)i;
        names[i] = bl_rule(id)->name;
        if (!bl_name_same(m->key, names[i]))
            continue;
        size_t before = f->p->n;
        if (m->value->type == YAML_SCALAR_NODE)
            read_enabled(f, m, id);
        else
            bl_yaml_members(f, m->value, m->field, read_rule_member, &id);
        f->c->spoilt[id] |= f->p->n > before;
        return;
    }
    bl_yaml_unknown(f, m, names, BL_RULE_COUNT);
}

void bl_yaml_rules(struct yaml_file *f, yaml_node_t *node)
{
    bl_yaml_members(f, node, "rules", read_rule, NULL);
}
