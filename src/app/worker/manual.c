/* Commands about a single pattern whose truth is in the store, not in a user's state: a resolve of an abandonment of an
 * earlier session whose place another has taken (SPEC 5.3), and every explanation. The round is the command's alone, so
 * the store holds what the entries before it left there; what the command's own time made due is in the effects. */
#include "bl/core/rule.h"
#include "worker/owner.h"

static void resolve(struct owner *o, struct bl_pattern *x, const struct bl_checked *c)
{
    const struct touched *now = effects_find(&o->effects, o->manual_id);
    if (c->resolved || (now && now->resolved))
        return; /* the latter by a deadline that the command's own time made due */
    x->change = BL_PATTERN_RESOLVED;
    x->resolution = BL_RESOLVED_MANUAL;
    x->resolved_ms = bl_partition_clock(o->partition);
    effects_pattern(&o->effects, x);
}

void manual_checked(struct owner *o, const struct bl_checked *c)
{
    struct bl_pattern x = {.user_id = c->user_id, .page = c->page};
    const struct touched *now = effects_find(&o->effects, o->manual_id);
    bool is_new = !c->exists && now && now->created && o->explanation.n; /* of this very round */
    x.rule = is_new ? now->rule : bl_rule_of(c->type);
    x.severity = is_new ? now->severity : bl_severity_of(c->severity);
    if ((!c->exists && !is_new) || x.rule == BL_RULE_COUNT || !x.severity ||
        (!is_new && !bl_str_int64(c->detected_at, &x.detected_ms)) ||
        !bl_pattern_id_parse((struct bl_str){o->manual_id, 32}, &x.id))
        return;
    if (o->explanation.n)
        effects_explain(&o->effects, &x, o->explanation, bl_partition_clock(o->partition));
    else
        resolve(o, &x, c);
    struct touched *t = effects_find(&o->effects, o->manual_id);
    if (t && !is_new) {
        t->exists = true;
        t->stored_severity = x.severity;
    }
}
