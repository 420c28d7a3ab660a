/* See tunable.h. The list is never built: number i is found by counting. */
#include "bl/core/tunable.h"

#include "bl/core/rule.h"

#define OF_NO_RULE 2
#define OF_EACH    2 /* enabled, weight */

static const struct bl_tunable general[OF_NO_RULE] = {
    {NULL, "session-timeout", BL_PARAM_MS, BL_SESSION_TIMEOUT_MIN_MS, BL_SESSION_TIMEOUT_MAX_MS},
    {NULL, "twin", BL_PARAM_MS, 0, BL_TWIN_MAX_MS},
};

/* Of number i: the rule, and what is left of i inside it. BL_RULE_COUNT: behind the last. */
static enum bl_rule_id place(size_t i, size_t *inside)
{
    unsigned r = 0;
    i -= OF_NO_RULE;
    while (r < BL_RULE_COUNT && i >= OF_EACH + bl_rule((enum bl_rule_id)r)->n_params)
        i -= OF_EACH + bl_rule((enum bl_rule_id)r++)->n_params;
    *inside = i;
    return (enum bl_rule_id)r;
}

bool bl_tunable_at(size_t i, struct bl_tunable *out)
{
    if (i < OF_NO_RULE) {
        *out = general[i];
        return true;
    }
    size_t k;
    enum bl_rule_id id = place(i, &k);
    if (id == BL_RULE_COUNT)
        return false;
    const struct bl_rule *rule = bl_rule(id);
    if (k == 0)
        *out = (struct bl_tunable){rule->name, "enabled", BL_PARAM_FLAG, 0, 1};
    else if (k == 1)
        *out = (struct bl_tunable){rule->name, "weight", BL_PARAM_COUNT, 0, BL_FRICTION_MAX};
    else {
        const struct bl_param *p = &rule->params[k - OF_EACH];
        *out = (struct bl_tunable){rule->name, p->name, p->type, p->min, p->max};
    }
    return true;
}

size_t bl_tunable_count(void)
{
    size_t n = OF_NO_RULE;
    for (unsigned r = 0; r < BL_RULE_COUNT; r++)
        n += OF_EACH + bl_rule((enum bl_rule_id)r)->n_params;
    return n;
}

size_t bl_tunable_of(struct bl_str rule, struct bl_str name)
{
    struct bl_tunable t;
    size_t i = 0;
    for (; bl_tunable_at(i, &t); i++)
        if (bl_str_eqz(name, t.name) && (t.rule ? bl_str_eqz(rule, t.rule) : rule.n == 0))
            break;
    return i;
}

static union bl_value number(int64_t i)
{
    return (union bl_value){.i = i};
}

union bl_value bl_tunable_get(const struct bl_settings *s, size_t i)
{
    if (i < OF_NO_RULE)
        return number(i == 0 ? s->session_timeout_ms : s->twin_ms);
    size_t k;
    enum bl_rule_id id = place(i, &k);
    const struct bl_rule_settings *c = &s->rule[id];
    return k == 0 ? number(c->enabled) : k == 1 ? number(c->weight) : c->v[k - OF_EACH];
}

void bl_tunable_set(struct bl_settings *s, size_t i, union bl_value v)
{
    if (i < OF_NO_RULE) {
        *(i == 0 ? &s->session_timeout_ms : &s->twin_ms) = v.i;
        return;
    }
    size_t k;
    enum bl_rule_id id = place(i, &k);
    struct bl_rule_settings *c = &s->rule[id];
    if (k == 0)
        c->enabled = v.i != 0;
    else if (k == 1)
        c->weight = v.i;
    else
        c->v[k - OF_EACH] = v;
}

static bool same_stage(const struct bl_stage *a, const struct bl_stage *b)
{
    return bl_str_eq(a->page, b->page) && bl_str_eq(a->name, b->name) && a->depth == b->depth;
}

bool bl_tunable_same(enum bl_param_type type, const union bl_value *a, const union bl_value *b)
{
    if (type != BL_PARAM_PATHS && type != BL_PARAM_STAGES)
        return a->i == b->i;
    bool same = a->list.n == b->list.n;
    for (size_t i = 0; same && i < a->list.n; i++)
        same = type == BL_PARAM_PATHS ? bl_str_eq(a->list.paths[i], b->list.paths[i])
                                      : same_stage(&a->list.stages[i], &b->list.stages[i]);
    return same;
}

bool bl_settings_same(const struct bl_settings *a, const struct bl_settings *b)
{
    struct bl_tunable t;
    for (size_t i = 0; bl_tunable_at(i, &t); i++) {
        union bl_value x = bl_tunable_get(a, i), y = bl_tunable_get(b, i);
        if (!bl_tunable_same(t.type, &x, &y))
            return false;
    }
    return true;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && memcmp(name + n - m, end, m) == 0;
}

size_t bl_rule_disorder(enum bl_rule_id id, const struct bl_rule_settings *c, size_t from, int64_t *before)
{
    static const char *const levels[] = {"low", "medium", "high"};
    const struct bl_rule *rule = bl_rule(id);
    for (size_t i = from; i < rule->n_params; i++) {
        size_t level = 0;
        while (level < 3 && !ends_with(rule->params[i].name, levels[level]))
            level++;
        if (level == 3 || rule->params[i].type > BL_PARAM_COUNT)
            continue;
        if (level > 0 && c->v[i].i < *before && c->v[i].i != 0)
            return i;
        *before = c->v[i].i;
    }
    return rule->n_params;
}

bool bl_tunable_is_pages(const struct bl_tunable *t)
{
    return ends_with(t->name, "pages");
}

bool bl_page_is_valid(struct bl_str page)
{
    return page.n > 0 && page.n <= BL_PAGE_MAX_BYTES && page.p[0] == '/' && bl_str_utf8(page) &&
           !bl_str_has_control(page);
}

bool bl_entry_is_valid(struct bl_str text)
{
    return text.n > 0 && text.n <= BL_TEXT_MAX_BYTES && bl_str_utf8(text) && !bl_str_has_control(text);
}
