/* Rage click (SPEC 4.4): the same thing clicked again and again, in quick succession. The burst under way is one
 * mark:
 *
 *   page, element  what is clicked (no element: the place x, y of the last click counts)
 *   n              clicks so far
 *   until_ms       a click from then on begins another burst
 *   kind, t_ms     BURST: it has no pattern yet; t_ms: its first click
 *                  TOLD:  it made the open pattern detected at t_ms, as long as that is open
 *                  MUTE:  its pattern's id existed already (SPEC 5.2), so it has none
 *
 *   (none) ──click──> BURST ──4th──> TOLD ──7th──> raised       any click that does not go on with it: a new BURST
 *                                                               one with neither target nor place: (none)
 *
 * Where SPEC is silent: a visit or an arrival between two clicks breaks nothing, even if the clicks' page was left
 * meanwhile ("only a click breaks a burst"). A burst whose pattern a person resolved goes on without one: it made its
 * own, and the next burst may make another. The ignore list looks at targets: a click without one is never ignored.
 * The pattern of a burst that was broken stays open until its own 2 s are over. */
#include "bl/core/rule.h"

enum { GAP, DISTANCE, MEDIUM, HIGH, QUIET, IGNORE };
enum { BURST, TOLD, MUTE };

#define N(v)                                                                                                 \
    {                                                                                                        \
        .i = (v)                                                                                             \
    }
static const struct bl_param params[] = {
    [GAP] = {"gap", BL_PARAM_MS, N(1000), 1, 60000, "at most this long between two clicks of a burst"},
    [DISTANCE] = {"distance", BL_PARAM_COUNT, N(30), 0, 10000,
                  "px at most between two clicks without a target"},
    [MEDIUM] = {"medium", BL_PARAM_COUNT, N(4), 2, 1000, "clicks for medium"},
    [HIGH] = {"high", BL_PARAM_COUNT, N(7), 0, 1000, "clicks for high; 0: no such level"},
    [QUIET] = {"quiet", BL_PARAM_MS, N(2000), 1, 3600000, "ends this long after the burst's last click"},
    [IGNORE] = {"ignore",
                BL_PARAM_PATHS,
                {.list = {0, NULL, NULL}},
                0,
                BL_LIST_MAX,
                "targets that are clicked often for good reason; * and ? are wildcards"},
};

static bool ignored(const struct bl_rule_settings *c, struct bl_str target)
{
    const struct bl_list *list = &c->v[IGNORE].list;
    for (size_t i = 0; target.n && i < list->n; i++)
        if (bl_str_glob(list->paths[i], target))
            return true;
    return false;
}

static struct bl_mark *burst(struct bl_user *u)
{
    for (size_t i = bl_user_marks_from(u, BL_RULE_RAGE_CLICK); i < u->n_marks; i++)
        if (u->marks[i].rule == BL_RULE_RAGE_CLICK && u->marks[i].kind <= MUTE)
            return &u->marks[i];
    return NULL;
}

/* The pattern that the burst made, if it is still open. */
static struct bl_open *told(struct bl_user *u, const struct bl_mark *m)
{
    size_t i = m->kind == TOLD ? 0 : u->n_open;
    for (; (i = bl_user_next_open(u, BL_RULE_RAGE_CLICK, i)) < u->n_open; i++) {
        struct bl_open *o = &u->open[i];
        if (o->page == m->page && o->element == m->element && o->detected_ms == m->t_ms)
            return o;
    }
    return NULL;
}

static bool goes_on(const struct bl_step *s, const struct bl_rule_settings *c, const struct bl_mark *m,
                    bl_name element)
{
    double dx = s->e->x - m->x, dy = s->e->y - m->y, far = (double)c->v[DISTANCE].i;
    if (s->now_ms >= m->until_ms || m->page != s->page || m->element != element)
        return false;
    return element || (m->has_xy && dx * dx + dy * dy <= far * far);
}

static void tell(struct bl_step *s, const struct bl_rule_settings *c, struct bl_open *o, int64_t clicks)
{
    struct bl_story story = {.words = {.page = bl_user_str(s->u, o->page), .n = clicks}};
    struct bl_spot spot = bl_spot_of(s->e);
    int64_t high = c->v[HIGH].i;
    enum bl_severity severity = high > 0 && clicks >= high ? BL_HIGH : BL_MEDIUM;
    bl_story_int(&story, "clicks", clicks);
    bl_story_int(&story, "first_click_at", o->n);
    bl_story_int(&story, "last_click_at", s->now_ms);
    bl_story_spot(&story, &spot);
    if (o->severity) {
        bl_step_raise(s, o, severity, &story);
        return;
    }
    o->severity = (uint8_t)severity;
    bool made = bl_step_fire(s, o, &story) != NULL;
    struct bl_mark *m = burst(s->u);
    if (m) {
        m->kind = made ? TOLD : MUTE;
        m->t_ms = s->now_ms;
    }
}

/* One click more. The pattern's own number is the time of the burst's first click, for its evidence. */
static void count(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *m)
{
    struct bl_open *o = told(s->u, m);
    struct bl_open fresh = {.rule = BL_RULE_RAGE_CLICK,
                            .page = m->page,
                            .element = m->element,
                            .detected_ms = s->now_ms,
                            .due_ms = s->now_ms + c->v[QUIET].i,
                            .n = m->t_ms};
    if (o)
        o->due_ms = s->now_ms + c->v[QUIET].i;
    if (o && o->severity < BL_HIGH && c->v[HIGH].i > 0 && m->n >= c->v[HIGH].i)
        tell(s, c, o, m->n);
    else if (m->kind == BURST && m->n >= c->v[MEDIUM].i)
        tell(s, c, &fresh, m->n);
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    const struct bl_event *e = s->e;
    if (e->action != BL_ACTION_CLICK || ignored(c, e->target))
        return;
    struct bl_mark *m = burst(s->u);
    bl_name element = bl_step_target(s);
    if (!element && !e->has_xy) {
        if (m)
            bl_user_drop_mark(s->u, m);
        return;
    }
    bool same = m && goes_on(s, c, m, element);
    if (!m)
        m = bl_user_add_mark(s->u);
    if (!same)
        *m = (struct bl_mark){.rule = BL_RULE_RAGE_CLICK,
                              .session = true,
                              .page = s->page,
                              .element = element,
                              .t_ms = s->now_ms,
                              .due_ms = BL_NEVER};
    m->n++;
    m->until_ms = s->now_ms + c->v[GAP].i + 1;
    if (!element)
        bl_mark_place(m, e);
    count(s, c, m);
}

static void fire(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark,
                 struct bl_open *open)
{
    (void)c;
    if (open)
        bl_step_resolve(s, open, BL_RESOLVED_ENDED);
    else
        bl_rule_disarm(mark, open);
}

static const char *const sentences[] = {
    "User clicked {element} {n|time|times} in rapid succession on {page}.",
    NULL,
};

const struct bl_rule bl_rule_rage_click = {
    .name = "rage-click",
    .code = "rc",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 20,
    .trigger =
        "4 clicks on one target (or within 30 px of each other), each at most 1 s after the one before",
    .severity = "4 clicks medium, 7 high",
    .ends = "2 s after the last click, end of the session",
    .sentences = sentences,
    .marks_for_events = true,
    .detect = detect,
    .detects = {0, BL_ON(CLICK)},
    .fire = fire,
};
