/* Quick back (SPEC 4.4): the user opens a page and is back at once. Looks at the last three visits since the session
 * began or the last completion; resolved as soon as it is made, so a cooldown (a mark for the page) is all that it
 * leaves. */
#include "bl/core/rule.h"

enum { WITHIN, COOLDOWN };

#define MS(v)                                                                                                \
    {                                                                                                        \
        .i = (v)                                                                                             \
    }
static const struct bl_param params[] = {
    [WITHIN] = {"within", BL_PARAM_MS, MS(5000), 0, 3600000, "back at most this long after the visit"},
    [COOLDOWN] = {"cooldown", BL_PARAM_MS, MS(60000), 0, 86400000,
                  "not again for the same user and page within this time of the last one"},
};

static void cool(struct bl_step *s, const struct bl_rule_settings *c, bl_name page)
{
    struct bl_mark *m = bl_user_mark(s->u, BL_RULE_QUICK_BACK, 0, page, 0);
    if (m)
        bl_user_drop_mark(s->u, m);
    m = bl_user_add_mark(s->u);
    m->rule = BL_RULE_QUICK_BACK;
    m->page = page;
    m->t_ms = s->now_ms;
    m->until_ms = s->now_ms + c->v[COOLDOWN].i;
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_user *u = s->u;
    if (!s->visit || u->n_visits < 3)
        return;
    const struct bl_visit *v = &u->visits[u->n_visits - 3];
    int64_t times[3] = {v[0].t_ms, v[1].t_ms, v[2].t_ms}, stayed_ms = times[2] - times[1];
    const struct bl_mark *last = bl_user_mark(u, BL_RULE_QUICK_BACK, 0, v[1].page, 0);
    if (v[0].page != v[2].page || v[1].page == v[2].page || stayed_ms > c->v[WITHIN].i)
        return;
    if (last && s->now_ms - last->t_ms < c->v[COOLDOWN].i)
        return;
    struct bl_open fresh = {.rule = BL_RULE_QUICK_BACK,
                            .severity = BL_LOW,
                            .page = v[1].page,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER};
    struct bl_story story = {
        .words = {.page = bl_user_str(u, v[1].page), .other = bl_user_str(u, v[2].page)}};
    bl_story_str(&story, "back_to", story.words.other);
    bl_story_int(&story, "stayed_ms", stayed_ms);
    bl_story_times(&story, "visit_times", times, 3);
    struct bl_open *o = bl_step_fire(s, &fresh, &story);
    if (!o)
        return;
    bl_step_resolve(s, o, BL_RESOLVED_ENDED);
    cool(s, c, fresh.page);
}

static const char *const sentences[] = {
    "User opened {page} and went straight back to {other}.",
    NULL,
};

const struct bl_rule bl_rule_quick_back = {
    .name = "quick-back",
    .code = "qb",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 5,
    .trigger = "a page opened and left again for the one before within 5 s; once per page in 60 s",
    .severity = "always low",
    .ends = "at once",
    .sentences = sentences,
    .marks_for_events = true,
    .detect = detect,
    .detects = {BL_VISIT, 0},
};
