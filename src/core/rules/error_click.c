/* Error click (SPEC 4.4): an error right after a click on the same page. The user's last click on each page is a
 * mark (CLICK) for as long as an error can follow it; a cooldown for the page is another (COOLDOWN). A pattern stays
 * open until the session ends.
 *
 * Where SPEC is silent: several errors after one click are one pattern, for the cooldown is longer than an error
 * may lag behind its click. The click that counts is the latest on that page, with a target or without: T and the
 * pattern's element are its. Its place is kept only where it has no target to be called by. */
#include "bl/core/rule.h"

enum { WITHIN, COOLDOWN_MS };
enum { CLICK, COOLDOWN };

#define MS(v)                                                                                                \
    {                                                                                                        \
        .i = (v)                                                                                             \
    }
static const struct bl_param params[] = {
    [WITHIN] = {"within", BL_PARAM_MS, MS(2000), 0, 60000, "an error at most this long after the click"},
    [COOLDOWN_MS] = {"cooldown", BL_PARAM_MS, MS(60000), 0, 86400000,
                     "not again for the same user and page within this time of the last one"},
};

/* Takes away the clicks that no error can follow any more, and that on this page. */
static void drop_clicks(struct bl_user *u, bl_name page, int64_t now_ms)
{
    for (size_t i = bl_user_marks_from(u, BL_RULE_ERROR_CLICK); i < u->n_marks;) {
        struct bl_mark *m = &u->marks[i];
        if (m->rule == BL_RULE_ERROR_CLICK && m->kind == CLICK && (m->page == page || m->until_ms <= now_ms))
            bl_user_drop_mark(u, m);
        else
            i++;
    }
}

static void note_click(struct bl_step *s, const struct bl_rule_settings *c)
{
    bl_name element = bl_step_target(s);
    drop_clicks(s->u, s->page, s->now_ms);
    struct bl_mark *m = bl_user_add_mark(s->u);
    *m = (struct bl_mark){.rule = BL_RULE_ERROR_CLICK,
                          .kind = CLICK,
                          .session = true,
                          .page = s->page,
                          .element = element,
                          .t_ms = s->now_ms,
                          .until_ms = s->now_ms + c->v[WITHIN].i + 1,
                          .due_ms = BL_NEVER};
    if (!element)
        bl_mark_place(m, s->e);
}

static struct bl_mark *mark_of(struct bl_user *u, unsigned kind, bl_name page)
{
    for (size_t i = u->n_marks; i > 0; i--) {
        struct bl_mark *m = &u->marks[i - 1];
        if (m->rule == BL_RULE_ERROR_CLICK && m->kind == kind && m->page == page)
            return m;
    }
    return NULL;
}

static void cool(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_mark *m = mark_of(s->u, COOLDOWN, s->page);
    if (m)
        bl_user_drop_mark(s->u, m);
    m = bl_user_add_mark(s->u);
    m->rule = BL_RULE_ERROR_CLICK;
    m->kind = COOLDOWN;
    m->page = s->page;
    m->t_ms = s->now_ms;
    m->until_ms = s->now_ms + c->v[COOLDOWN_MS].i;
}

static void note_error(struct bl_step *s, const struct bl_rule_settings *c)
{
    const struct bl_mark *click = mark_of(s->u, CLICK, s->page);
    const struct bl_mark *last = mark_of(s->u, COOLDOWN, s->page);
    if (!click || s->now_ms - click->t_ms > c->v[WITHIN].i)
        return;
    if (last && s->now_ms - last->t_ms < c->v[COOLDOWN_MS].i)
        return;
    struct bl_spot spot = {bl_user_str(s->u, click->element), click->has_xy, click->x, click->y};
    struct bl_story story = {.words = {.page = bl_user_str(s->u, s->page)}};
    struct bl_open fresh = {.rule = BL_RULE_ERROR_CLICK,
                            .severity = BL_MEDIUM,
                            .page = s->page,
                            .element = click->element,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER};
    bl_story_str(&story, "error", bl_str_of(bl_action_name(s->e->action)));
    bl_story_int(&story, "clicked_at", click->t_ms);
    bl_story_int(&story, "delay_ms", s->now_ms - click->t_ms);
    bl_story_spot(&story, &spot);
    if (bl_step_fire(s, &fresh, &story))
        cool(s, c);
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    if (s->e->action == BL_ACTION_CLICK)
        note_click(s, c);
    else if (s->e->action == BL_ACTION_ERROR || s->e->action == BL_ACTION_API_ERROR)
        note_error(s, c);
}

static const char *const sentences[] = {
    "An error followed the user's click on {element} on {page}.",
    NULL,
};

const struct bl_rule bl_rule_error_click = {
    .name = "error-click",
    .code = "ec",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 15,
    .trigger = "`error` or `api_error` at most 2 s after a click on the same page; once per page in 60 s",
    .severity = "always medium",
    .ends = "end of the session",
    .sentences = sentences,
    .marks_for_events = true,
    .detect = detect,
    .detects = {0, BL_ON(CLICK)},
    .follows = {0, BL_ON(ERROR) | BL_ON(API_ERROR)},
};
