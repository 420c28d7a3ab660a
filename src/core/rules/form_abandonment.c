/* Form abandonment (SPEC 4.4): a form begun and left. A form is (page, element). Marks:
 *
 *   BEGUN  a form with an input_change and no form_submit since; t_ms: the first, n: how many
 *   CLOCK  one, while there is any BEGUN: due_ms is 60 s after the last activity. One deadline for all of a user's
 *          forms, since it is the same for all: an activity moves one number, however many forms there are
 *   SPENT  a form whose pattern was resolved by its form_submit: "once per session" holds beyond the resolution
 *
 *   input_change ──> BEGUN ──form_submit──> (none)
 *                      └──a visit elsewhere, a page_exit that counts, CLOCK──> fires ──form_submit──> SPENT
 *
 * "Once per user, page, form and session": not while the pattern is open, nor once its form_submit resolved it. If a
 * person resolved it, the rule may fire again (SPEC 5.3), and leaves no SPENT. While its pattern is open a form is not
 * begun again: a deadline that can fire nothing would still move the user's time (SPEC 3.3).
 *
 * Where SPEC is silent: forms left at one moment fire in the order in which they were begun. `submit_form` is another
 * action and submits nothing here. A purchase is no form_submit. */
#include "bl/core/rule.h"

enum { TIMEOUT };
enum { BEGUN, CLOCK, SPENT };

static const struct bl_param params[] = {
    [TIMEOUT] = {"timeout",
                 BL_PARAM_MS,
                 {.i = 60000},
                 1000,
                 86400000,
                 "a form begun is left this long after the last activity"},
};

/* The first mark of the kind; of that form, unless page is 0. */
static struct bl_mark *mark_of(struct bl_user *u, unsigned kind, bl_name page, bl_name form)
{
    for (size_t i = 0; i < u->n_marks; i++) {
        struct bl_mark *m = &u->marks[i];
        if (m->rule == BL_RULE_FORM_ABANDONMENT && m->kind == kind &&
            (page == 0 || (m->page == page && m->element == form)))
            return m;
    }
    return NULL;
}

static struct bl_open *open_of(struct bl_user *u, bl_name page, bl_name form)
{
    for (size_t i = 0; (i = bl_user_next_open(u, BL_RULE_FORM_ABANDONMENT, i)) < u->n_open; i++)
        if (u->open[i].page == page && u->open[i].element == form)
            return &u->open[i];
    return NULL;
}

static struct bl_mark *add_mark(struct bl_step *s, unsigned kind)
{
    struct bl_mark *m = bl_user_add_mark(s->u);
    m->rule = BL_RULE_FORM_ABANDONMENT;
    m->kind = (uint8_t)kind;
    m->session = true;
    m->t_ms = s->now_ms;
    return m;
}

/* No form is begun any more: nothing is to be waited for. */
static void stop_if_none(struct bl_user *u)
{
    struct bl_mark *clock = mark_of(u, CLOCK, 0, 0);
    if (clock && !mark_of(u, BEGUN, 0, 0))
        bl_user_drop_mark(u, clock);
}

static void begin(struct bl_step *s, const struct bl_rule_settings *c, bl_name form)
{
    struct bl_mark *m = mark_of(s->u, BEGUN, s->page, form);
    if (mark_of(s->u, SPENT, s->page, form) || open_of(s->u, s->page, form))
        return;
    if (m) {
        m->n++;
        return;
    }
    m = add_mark(s, BEGUN);
    m->page = s->page;
    m->element = form;
    m->n = 1;
    if (!mark_of(s->u, CLOCK, 0, 0))
        add_mark(s, CLOCK)->due_ms = s->now_ms + c->v[TIMEOUT].i;
}

static void leave(struct bl_step *s, const struct bl_mark *begun, const char *how)
{
    struct bl_open fresh = {.rule = BL_RULE_FORM_ABANDONMENT,
                            .severity = BL_MEDIUM,
                            .page = begun->page,
                            .element = begun->element,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER};
    struct bl_story story = {
        .words = {.page = bl_user_str(s->u, begun->page), .element = bl_user_str(s->u, begun->element)}};
    if (!how || open_of(s->u, begun->page, begun->element))
        return;
    bl_story_str(&story, "form", story.words.element);
    bl_story_int(&story, "changes", begun->n);
    bl_story_int(&story, "begun_at", begun->t_ms);
    bl_story_int(&story, "elapsed_ms", s->now_ms - begun->t_ms);
    bl_story_str(&story, "left_by", bl_str_of(how));
    bl_step_fire(s, &fresh, &story);
}

/* The forms of all pages but `but` (0: of all); how: NULL if the rule is off, and nothing fires. A mark goes before
 * its pattern comes, so that none is lost for want of room. */
static void leave_all(struct bl_step *s, bl_name but, const char *how)
{
    struct bl_user *u = s->u;
    for (size_t i = 0; i < u->n_marks;) {
        struct bl_mark m = u->marks[i];
        if (m.rule != BL_RULE_FORM_ABANDONMENT || m.kind != BEGUN || m.page == but) {
            i++;
            continue;
        }
        bl_user_drop_mark(u, &u->marks[i]);
        leave(s, &m, how);
    }
    stop_if_none(u);
}

static void resolve(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_user *u = s->u;
    (void)c;
    if (s->e->action != BL_ACTION_FORM_SUBMIT)
        return;
    bl_name form = bl_user_find(u, s->e->form);
    struct bl_mark *m = form ? mark_of(u, BEGUN, s->page, form) : NULL;
    struct bl_open *open = form ? open_of(u, s->page, form) : NULL;
    if (m) {
        bl_user_drop_mark(u, m);
        stop_if_none(u);
    }
    if (open) {
        bl_step_resolve(s, open, BL_RESOLVED_COMPLETION);
        m = add_mark(s, SPENT);
        m->page = s->page;
        m->element = form;
    }
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_mark *clock = mark_of(s->u, CLOCK, 0, 0);
    if (s->activity && clock) {
        clock->t_ms = s->now_ms;
        clock->due_ms = s->now_ms + c->v[TIMEOUT].i;
    }
    if (s->visit)
        leave_all(s, s->page, "visit");
    else if (s->e->action == BL_ACTION_PAGE_EXIT && !s->ignored)
        leave_all(s, 0, "page_exit");
    else if (s->e->action == BL_ACTION_INPUT_CHANGE && s->e->form.n)
        begin(s, c, bl_user_intern(s->u, s->e->form));
}

static void fire(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark,
                 struct bl_open *open)
{
    if (!mark || mark->kind != CLOCK) {
        bl_rule_disarm(mark, open);
        return;
    }
    bl_user_drop_mark(s->u, mark);
    leave_all(s, 0, c->enabled ? "timeout" : NULL);
}

static const char *const sentences[] = {
    "User began to fill in the form {element} on {page} but left it without submitting.",
    NULL,
};

const struct bl_rule bl_rule_form_abandonment = {
    .name = "form-abandonment",
    .code = "fa",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 15,
    .trigger = "a form begun (`input_change`) and left without `form_submit`: by visiting another page, by "
               "`page_exit`, or 60 s after the last activity; once per form and session",
    .severity = "always medium",
    .ends = "`form_submit` of the form, end of the session",
    .sentences = sentences,
    .resolve = resolve,
    .resolves = {0, BL_ON(FORM_SUBMIT)},
    .detect = detect,
    .detects = {0, BL_ON(INPUT_CHANGE)},
    .follows = {BL_ACTIVITY, BL_ON(PAGE_EXIT)},
    .fire = fire,
};
