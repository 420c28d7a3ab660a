/* The rule table, made from rules.def, and the defaults that the descriptors declare. */
#include "bl/core/rule.h"

#define BL_RULE(id, symbol, name) extern const struct bl_rule bl_rule_##symbol;
#include "bl/core/rules.def"
#undef BL_RULE

const struct bl_rule *const bl_rule_table[BL_RULE_COUNT] = {
#define BL_RULE(id, symbol, name) &bl_rule_##symbol,
#include "bl/core/rules.def"
#undef BL_RULE
};

enum bl_rule_id bl_rule_of(struct bl_str name)
{
    unsigned i = 0;
    while (i < BL_RULE_COUNT && !bl_str_eqz(name, bl_rule((enum bl_rule_id)i)->name))
        i++;
    return (enum bl_rule_id)i;
}

void bl_settings_defaults(struct bl_settings *s)
{
    *s = (struct bl_settings){
        .session_timeout_ms = 1800000, .grace_ms = 500, .twin_ms = 1000, .floor_ms = BL_SKEW_MS};
    for (unsigned r = 0; r < BL_RULE_COUNT; r++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)r);
        s->rule[r].enabled = true;
        s->rule[r].weight = rule->weight;
        for (size_t i = 0; i < rule->n_params; i++)
            s->rule[r].v[i] = rule->params[i].def;
    }
}

static bool is_among(struct bl_events events, unsigned action)
{
    return (bl_action_traits((enum bl_action)action) & events.traits) || (events.actions >> action & 1);
}

struct bl_engine bl_engine_of(const struct bl_settings *settings, struct bl_sink sink)
{
    struct bl_engine g = {.settings = settings, .sink = sink};
    for (unsigned r = 0; r < BL_RULE_COUNT; r++) {
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)r);
        g.due = (bl_rule_set)(g.due | (rule->due != NULL) << r);
        for (unsigned a = 0; a < BL_ACTION_COUNT; a++) {
            g.resolves[a] = (bl_rule_set)(g.resolves[a] | is_among(rule->resolves, a) << r);
            g.detects[a] = (bl_rule_set)(g.detects[a] | is_among(rule->detects, a) << r);
            g.follows[a] = (bl_rule_set)(g.follows[a] | is_among(rule->follows, a) << r);
        }
    }
    return g;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool bl_path_within(struct bl_str page, struct bl_str entry)
{
    if (entry.n == 1 && entry.p[0] == '/')
        return true;
    if (page.n < entry.n || (page.n > entry.n && page.p[entry.n] != '/')) /* nearly all */
        return false;
    for (size_t i = 0; i < entry.n; i++)
        if (lower(page.p[i]) != lower(entry.p[i]))
            return false;
    return true;
}
