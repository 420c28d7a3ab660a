/* See rules.h. Reading knows no rule by name: each member is looked up among the tunables. Its text may come from
 * anywhere (a stream, a key): nothing of it is believed, nothing of it is borrowed afterwards. */
#include "bl/wire/rules.h"

#include "bl/core/rule.h"
#include "bl/core/tunable.h"
#include "decoder.h"
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>

struct block {
    struct block *next;
    max_align_t bytes[];
};

struct bl_rules {
    struct bl_settings settings;
    struct block *blocks;
};

/* ---- writing ---- */

static void write_stage(const struct bl_stage *s, struct bl_buf *out)
{
    bl_buf_z(out, "{\"page\":");
    bl_buf_json(out, s->page);
    bl_buf_z(out, ",\"name\":");
    bl_buf_json(out, s->name);
    bl_buf_printf(out, ",\"depth\":%" PRId64 "}", s->depth);
}

void bl_rules_write_value(enum bl_param_type type, const union bl_value *v, struct bl_buf *out)
{
    if (type == BL_PARAM_FLAG) {
        bl_buf_z(out, v->i ? "true" : "false");
        return;
    }
    if (type != BL_PARAM_PATHS && type != BL_PARAM_STAGES) {
        bl_buf_int(out, v->i);
        return;
    }
    bl_buf_char(out, '[');
    for (size_t i = 0; i < v->list.n; i++) {
        bl_buf_z(out, i ? "," : "");
        if (type == BL_PARAM_PATHS)
            bl_buf_json(out, v->list.paths[i]);
        else
            write_stage(&v->list.stages[i], out);
    }
    bl_buf_char(out, ']');
}

void bl_rules_write(const struct bl_settings *s, struct bl_buf *out)
{
    struct bl_tunable t;
    const char *rule = NULL;
    bl_buf_char(out, '{');
    for (size_t i = 0; bl_tunable_at(i, &t); i++) {
        union bl_value v = bl_tunable_get(s, i);
        if (t.rule != rule)
            bl_buf_printf(out, rule ? "},\"%s\":{" : "\"rules\":{\"%s\":{", t.rule);
        bl_buf_printf(out, t.rule == rule && t.rule ? ",\"%s\":" : "\"%s\":", t.name);
        bl_rules_write_value(t.type, &v, out);
        if (!t.rule)
            bl_buf_char(out, ',');
        rule = t.rule;
    }
    bl_buf_z(out, "}}}");
}

/* ---- reading ---- */

struct reading {
    struct bl_rules *rules;
    struct bl_buf *why;
    struct bl_str rule; /* the section; n == 0: none */
    bool *seen;
    size_t unknown;
    enum bl_err err;
};

static void *get(struct reading *r, size_t n)
{
    struct block *b = calloc(1, sizeof *b + n);
    if (!b) {
        r->err = BL_ERR_NO_MEMORY;
        return NULL;
    }
    b->next = r->rules->blocks;
    r->rules->blocks = b;
    return b->bytes;
}

static bool copy(struct reading *r, struct bl_str s, struct bl_str *out)
{
    char *p = get(r, s.n);
    if (p)
        memcpy(p, s.p, s.n);
    *out = (struct bl_str){p, s.n};
    return p != NULL;
}

static void put_name(struct reading *r, struct bl_str name)
{
    char quoted[BL_QUOTE_BYTES];
    if (r->rule.n)
        bl_buf_printf(r->why, "%s.", bl_quote(r->rule, quoted));
    bl_buf_z(r->why, bl_quote(name, quoted));
}

static bool refuse(struct reading *r, struct bl_str name, const char *why)
{
    if (r->err != BL_OK)
        return false;
    r->err = BL_ERR_CORRUPT;
    bl_buf_clear(r->why);
    put_name(r, name);
    bl_buf_z(r->why, why);
    return false;
}

static void pass_over(struct reading *r, struct bl_str name)
{
    if (r->unknown++ > 8)
        return;
    bl_buf_z(r->why, r->unknown > 1 ? ", " : "");
    put_name(r, name);
}

static bool read_number(const struct bl_tunable *t, struct bl_json v, int64_t *out)
{
    enum bl_json_type want = t->type == BL_PARAM_FLAG ? BL_JSON_BOOL : BL_JSON_INT;
    if (bl_json_type(v) != want)
        return false;
    *out = want == BL_JSON_BOOL ? bl_json_bool(v) : bl_json_int(v);
    return *out >= t->min && *out <= t->max;
}

static bool read_stage(struct reading *r, struct bl_json v, struct bl_stage *out)
{
    struct bl_json_walk w = bl_json_object(v);
    struct bl_json value;
    struct bl_str key;
    unsigned seen = 0;
    while (bl_json_next_member(&w, &key, &value)) {
        unsigned bit = bl_str_eqz(key, "page")    ? 1
                       : bl_str_eqz(key, "name")  ? 2
                       : bl_str_eqz(key, "depth") ? 4
                                                  : 0;
        struct bl_str text = bl_json_str(value);
        bool ok = bit == 1   ? bl_page_is_valid(text) && copy(r, text, &out->page)
                  : bit == 2 ? text.n > 0 && text.n <= BL_PAGE_MAX_BYTES && !bl_str_has_control(text) &&
                                   copy(r, text, &out->name)
                  : bit == 4 ? bl_json_type(value) == BL_JSON_INT
                             : true;
        if (bit == 4)
            out->depth = bl_json_int(value);
        if (!ok || (seen & bit))
            return false;
        seen |= bit;
    }
    return seen == 7 && out->depth >= 1 && out->depth <= BL_STAGE_DEPTH_MAX;
}

static bool read_stages(struct reading *r, struct bl_json v, struct bl_list *out)
{
    struct bl_json_walk w = bl_json_array(v);
    struct bl_stage *stages = get(r, out->n * sizeof *stages);
    struct bl_json entry;
    bool ok = stages != NULL;
    for (size_t i = 0; ok && bl_json_next(&w, &entry); i++)
        ok = read_stage(r, entry, &stages[i]);
    out->stages = stages;
    return ok;
}

static bool read_paths(struct reading *r, const struct bl_tunable *t, struct bl_json v, struct bl_list *out)
{
    struct bl_json_walk w = bl_json_array(v);
    struct bl_str *paths = get(r, out->n * sizeof *paths);
    struct bl_json entry;
    bool ok = paths != NULL, pages = bl_tunable_is_pages(t);
    for (size_t i = 0; ok && bl_json_next(&w, &entry); i++) {
        struct bl_str text = bl_json_str(entry);
        ok = (pages ? bl_page_is_valid(text) : bl_entry_is_valid(text)) && copy(r, text, &paths[i]);
    }
    out->paths = paths;
    return ok;
}

static bool read_list(struct reading *r, const struct bl_tunable *t, struct bl_json v, struct bl_list *out)
{
    struct bl_json_walk w = bl_json_array(v);
    struct bl_json entry;
    *out = (struct bl_list){0};
    while (bl_json_next(&w, &entry))
        out->n++;
    int64_t n = (int64_t)out->n;
    if (bl_json_type(v) != BL_JSON_ARRAY || n < t->min || n > t->max || n > BL_LIST_MAX)
        return false;
    return t->type == BL_PARAM_STAGES ? read_stages(r, v, out) : read_paths(r, t, v, out);
}

static bool read_value(struct reading *r, const struct bl_tunable *t, struct bl_json v, union bl_value *out)
{
    if (t->type == BL_PARAM_PATHS || t->type == BL_PARAM_STAGES)
        return read_list(r, t, v, &out->list);
    return read_number(t, v, &out->i);
}

static bool read_tunable(struct reading *r, struct bl_str name, struct bl_json v)
{
    struct bl_tunable t;
    union bl_value value;
    size_t i = bl_tunable_of(r->rule, name);
    if (!bl_tunable_at(i, &t)) {
        pass_over(r, name);
        return true;
    }
    if (r->seen[i])
        return refuse(r, name, " stands there twice");
    r->seen[i] = true;
    if (!read_value(r, &t, v, &value))
        return refuse(r, name, " is out of range or of the wrong type");
    bl_tunable_set(&r->rules->settings, i, value);
    return true;
}

static bool read_rule(struct reading *r, struct bl_str name, struct bl_json v)
{
    struct bl_json_walk w = bl_json_object(v);
    struct bl_json value;
    struct bl_str key;
    if (bl_rule_of(name) == BL_RULE_COUNT) {
        pass_over(r, name);
        return true;
    }
    if (bl_json_type(v) != BL_JSON_OBJECT)
        return refuse(r, name, " is no object");
    bool ok = true;
    r->rule = name;
    while (ok && bl_json_next_member(&w, &key, &value))
        ok = read_tunable(r, key, value);
    r->rule = BL_STR("");
    return ok;
}

static bool read_all(struct reading *r, struct bl_json root)
{
    struct bl_json_walk w = bl_json_object(root), rules;
    struct bl_json value;
    struct bl_str key;
    bool ok = bl_json_type(root) == BL_JSON_OBJECT || refuse(r, BL_STR("the text"), " is no object");
    while (ok && bl_json_next_member(&w, &key, &value)) {
        if (!bl_str_eqz(key, "rules")) {
            ok = read_tunable(r, key, value);
            continue;
        }
        if (bl_json_type(value) != BL_JSON_OBJECT)
            return refuse(r, key, " is no object");
        rules = bl_json_object(value);
        while (ok && bl_json_next_member(&rules, &key, &value))
            ok = read_rule(r, key, value);
    }
    for (unsigned id = 0; ok && id < BL_RULE_COUNT; id++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)id);
        int64_t before = 0;
        size_t i = bl_rule_disorder((enum bl_rule_id)id, &r->rules->settings.rule[id], 0, &before);
        if (i < rule->n_params) {
            r->rule = bl_str_of(rule->name);
            ok = refuse(r, bl_str_of(rule->params[i].name), " is below the level before it");
        }
    }
    return ok;
}

static enum bl_err parse(struct reading *r, struct bl_json_parser *parser, struct bl_str text)
{
    struct bl_json root;
    const char *why = "";
    enum bl_err err =
        text.n > BL_RULES_MAX_BYTES ? BL_ERR_INVALID_JSON : bl_json_parse(parser, text, &root, &why);
    if (err == BL_ERR_INVALID_JSON) {
        bl_buf_z(r->why, why[0] ? why : "the text is too long");
        return BL_ERR_CORRUPT;
    }
    if (err == BL_OK && !read_all(r, root))
        return r->err;
    if (err == BL_OK && r->unknown)
        bl_buf_z(r->why, r->unknown > 9 ? " and more" : "");
    return err;
}

enum bl_err bl_rules_read(struct bl_str text, struct bl_rules **out, struct bl_buf *why)
{
    struct bl_json_parser *parser = NULL;
    struct reading r = {.rules = calloc(1, sizeof *r.rules), .why = why};
    r.seen = calloc(bl_tunable_count(), sizeof *r.seen);
    bl_buf_clear(why);
    enum bl_err err = r.rules && r.seen ? bl_json_parser_new(&parser) : BL_ERR_NO_MEMORY;
    if (err == BL_OK) {
        bl_settings_defaults(&r.rules->settings);
        err = parse(&r, parser, text);
    }
    bl_json_parser_free(parser);
    free(r.seen);
    if (err != BL_OK) {
        bl_rules_free(r.rules);
        return err;
    }
    *out = r.rules;
    return BL_OK;
}

const struct bl_settings *bl_rules_settings(const struct bl_rules *r)
{
    return &r->settings;
}

void bl_rules_free(struct bl_rules *r)
{
    if (!r)
        return;
    for (struct block *b = r->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(r);
}
