/* Hesitation (SPEC 4.1): the user stays on a page without activity. Nothing has to arrive for it: the levels
 * are deadlines counted from the anchor. An `idle` report is evidence that moves the anchor back.
 *
 *   anchor ──low──> fired (low) ──medium──> raised ──high──> raised        any activity, leaving: resolved
 *
 * u->level is the highest level reached since the anchor was set; a level passed over in the cooldown counts.
 * At most one is open, for the current page. */
#include "bl/core/rule.h"

enum { LOW, MEDIUM, HIGH, COOLDOWN, IDLE_MAX };

#define MS(v)                                                                                                \
    {                                                                                                        \
        .i = (v)                                                                                             \
    }
static const struct bl_param params[] = {
    [LOW] = {"low", BL_PARAM_MS, MS(10000), 1000, 3600000, "without activity for this long: low"},
    [MEDIUM] = {"medium", BL_PARAM_MS, MS(15000), 1000, 3600000, "this long: medium"},
    [HIGH] = {"high", BL_PARAM_MS, MS(30000), 1000, 3600000, "this long: high"},
    [COOLDOWN] = {"cooldown", BL_PARAM_MS, MS(60000), 0, 86400000,
                  "not again for the same user and page within this time of the last one"},
    [IDLE_MAX] = {"idle-max", BL_PARAM_MS, MS(600000), 0, 86400000, "the most that an idle report can claim"},
};

static int64_t threshold(const struct bl_rule_settings *c, unsigned level)
{
    return c->v[LOW + level - 1].i;
}

static struct bl_open *current(struct bl_user *u)
{
    size_t i = bl_user_next_open(u, BL_RULE_HESITATION, 0);
    return i < u->n_open ? &u->open[i] : NULL;
}

static bool cooling(struct bl_step *s, const struct bl_rule_settings *c)
{
    const struct bl_mark *m = bl_user_mark(s->u, BL_RULE_HESITATION, 0, s->u->page, 0);
    return m && s->now_ms - m->t_ms < c->v[COOLDOWN].i;
}

static void cool(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_mark *m = bl_user_mark(s->u, BL_RULE_HESITATION, 0, s->u->page, 0);
    if (!m)
        m = bl_user_add_mark(s->u);
    m->rule = BL_RULE_HESITATION;
    m->page = s->u->page;
    m->t_ms = s->now_ms;
    m->until_ms = s->now_ms + c->v[COOLDOWN].i;
}

/* The user has reached `level` at s->now_ms. */
static void reach(struct bl_step *s, const struct bl_rule_settings *c, unsigned level)
{
    struct bl_user *u = s->u;
    struct bl_open *open = current(u);
    struct bl_story story = {
        .words = {.page = bl_user_str(u, u->page), .n = (s->now_ms - u->anchor_ms) / 1000}};
    u->level = (uint8_t)level;
    bl_story_int(&story, "idle_ms", s->now_ms - u->anchor_ms);
    bl_story_int(&story, "since", u->anchor_ms);
    if (open) {
        if (level > open->severity)
            bl_step_raise(s, open, (enum bl_severity)level, &story);
        return;
    }
    if (cooling(s, c))
        return;
    struct bl_open fresh = {.rule = BL_RULE_HESITATION,
                            .severity = (uint8_t)level,
                            .page = u->page,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER};
    if (bl_step_fire(s, &fresh, &story))
        cool(s, c);
}

static void resolve(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_open *open = current(s->u);
    enum bl_action action = s->e->action;
    bool leaving = (action == BL_ACTION_TAB_HIDDEN || action == BL_ACTION_PAGE_EXIT) && !s->ignored;
    (void)c;
    if (!open)
        return;
    if (s->activity)
        bl_step_resolve(s, open, BL_RESOLVED_ACTIVITY);
    else if (leaving || s->arrived)
        bl_step_resolve(s, open, BL_RESOLVED_LEFT);
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_user *u = s->u;
    if (s->e->action != BL_ACTION_IDLE || s->e->idle_ms < 0 || u->hidden || !u->page)
        return;
    int64_t idle = s->e->idle_ms < c->v[IDLE_MAX].i ? s->e->idle_ms : c->v[IDLE_MAX].i;
    if (s->now_ms - idle < u->anchor_ms)
        u->anchor_ms = s->now_ms - idle;
    unsigned level = u->level;
    while (level < BL_HIGH && s->now_ms - u->anchor_ms >= threshold(c, level + 1))
        level++;
    if (level > u->level)
        reach(s, c, level);
}

static int64_t due(const struct bl_user *u, const struct bl_rule_settings *c)
{
    if (!u->page || u->hidden || u->level >= BL_HIGH)
        return BL_NEVER;
    return u->anchor_ms + threshold(c, u->level + 1U);
}

static void fire(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark,
                 struct bl_open *open)
{
    if (!mark && !open)
        reach(s, c, s->u->level + 1U);
    bl_rule_disarm(mark, open);
}

static const char *const sentences[] = {
    "User paused for {n|second|seconds} on {page} without taking action.",
    NULL,
};

const struct bl_rule bl_rule_hesitation = {
    .name = "hesitation",
    .code = "he",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 10,
    .trigger = "no activity on a page (an `idle` report counts for up to 10 min); once per page in 60 s",
    .severity = "10 s low, 15 s medium, 30 s high",
    .ends = "next activity, leaving the page, end of the session",
    .sentences = sentences,
    .resolve = resolve,
    .resolves = {BL_ACTIVITY, BL_ON(IDLE) | BL_ON(TAB_HIDDEN) | BL_ON(TAB_VISIBLE) | BL_ON(PAGE_EXIT)},
    .detect = detect,
    .detects = {0, BL_ON(IDLE)},
    .due = due,
    .fire = fire,
};
