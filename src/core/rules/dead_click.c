/* Dead click (SPEC 4.4): the tracker saw a click that did nothing. One pattern for a page and target, open until the
 * session ends; open->n counts its clicks, and the third raises it.
 *
 * Being open is all there is to "one per session": nothing but a person resolves it before, and then the rule may
 * fire again (SPEC 5.3), counting from one. Where SPEC is silent: the clicks need not be near each other in time. */
#include "bl/core/rule.h"

enum { MEDIUM };

static const struct bl_param params[] = {
    [MEDIUM] = {"medium", BL_PARAM_COUNT, {.i = 3}, 0, 1000, "dead clicks for medium; 0: no such level"},
};

static struct bl_open *open_on(struct bl_user *u, bl_name page, bl_name element)
{
    for (size_t i = 0; (i = bl_user_next_open(u, BL_RULE_DEAD_CLICK, i)) < u->n_open; i++)
        if (u->open[i].page == page && u->open[i].element == element)
            return &u->open[i];
    return NULL;
}

static void tell(const struct bl_step *s, const struct bl_open *o, struct bl_story *story)
{
    struct bl_spot spot = bl_spot_of(s->e);
    story->words.page = bl_user_str(s->u, o->page);
    story->words.n = o->n;
    story->sentence = o->n > 1;
    bl_story_int(story, "clicks", o->n);
    bl_story_int(story, "first_click_at", o->detected_ms);
    bl_story_spot(story, &spot);
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    if (s->e->action != BL_ACTION_DEAD_CLICK)
        return;
    struct bl_story story = {.sentence = 0};
    int64_t medium = c->v[MEDIUM].i;
    bl_name element = bl_step_target(s);
    struct bl_open *o = open_on(s->u, s->page, element);
    if (o) {
        o->n++;
        if (o->severity >= BL_MEDIUM || medium == 0 || o->n < medium)
            return;
        tell(s, o, &story);
        bl_step_raise(s, o, BL_MEDIUM, &story);
        return;
    }
    struct bl_open fresh = {.rule = BL_RULE_DEAD_CLICK,
                            .severity = medium == 1 ? BL_MEDIUM : BL_LOW,
                            .page = s->page,
                            .element = element,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER,
                            .n = 1};
    tell(s, &fresh, &story);
    bl_step_fire(s, &fresh, &story);
}

static const char *const sentences[] = {
    "User clicked {element} on {page} and nothing happened.",
    "User clicked {element} {n|time|times} on {page} and nothing happened.",
    NULL,
};

const struct bl_rule bl_rule_dead_click = {
    .name = "dead-click",
    .code = "dc",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 10,
    .trigger = "a `dead_click`; once per page, target and session",
    .severity = "low, the 3rd medium",
    .ends = "end of the session",
    .sentences = sentences,
    .detect = detect,
    .detects = {0, BL_ON(DEAD_CLICK)},
};
