/* Abandonment (SPEC 4.3): a checkout that is begun and not finished. A running attempt is a mark:
 *
 *   page     the page it stands at          n       depth in the funnel
 *   element  the funnel entry's page        t_ms    when it began
 *            (0: begun by checkout_start    due_ms  the deadline
 *            on a page in no entry)
 *
 *   none ──funnel page, checkout_start──> running ──deadline──> timeout        completion: ends, resolves
 *                                         │  └─another entry: re-armed
 *                                         └──a page outside the funnel, abandon──> exit
 *
 * At most one open abandonment is remembered; it outlives the session (open->past). */
#include "bl/core/rule.h"

enum { TIMEOUT, STAGES, COMPLETION_PAGES, EXTEND_ON_ACTIVITY, MEMORY };
enum { BY_TIMEOUT = 1, BY_EXIT };

#define PATH(text)                                                                                           \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }
static const struct bl_stage stages[] = {{PATH("/cart"), PATH("cart"), 1},
                                         {PATH("/checkout"), PATH("checkout"), 2},
                                         {PATH("/payment"), PATH("payment"), 3}};
static const struct bl_str completion_pages[] = {PATH("/confirm"), PATH("/confirmation"), PATH("/thank-you")};

static const struct bl_param params[] = {
    [TIMEOUT] =
        {"timeout", BL_PARAM_MS, {.i = 60000}, 1000, 86400000, "an attempt not finished in this time"},
    [STAGES] = {"stages",
                BL_PARAM_STAGES,
                {.list = {3, NULL, stages}},
                0,
                BL_LIST_MAX,
                "funnel pages: page, depth, name"},
    [COMPLETION_PAGES] = {"completion-pages",
                          BL_PARAM_PATHS,
                          {.list = {3, completion_pages, NULL}},
                          0,
                          BL_LIST_MAX,
                          "a visit to one of these completes the attempt"},
    [EXTEND_ON_ACTIVITY] =
        {"extend-on-activity", BL_PARAM_FLAG, {.i = 0}, 0, 1, "any activity moves the deadline"},
    [MEMORY] = {"memory",
                BL_PARAM_MS,
                {.i = 86400000},
                0,
                30LL * 86400000,
                "a completion this long after an abandonment still resolves it"},
};

bool bl_abandonment_completes(const struct bl_rule_settings *c, struct bl_str page)
{
    const struct bl_list *list = &c->v[COMPLETION_PAGES].list;
    for (size_t i = 0; i < list->n; i++)
        if (bl_path_within(page, list->paths[i]))
            return true;
    return false;
}

int64_t bl_abandonment_memory_ms(const struct bl_rule_settings *c)
{
    return c->v[MEMORY].i;
}

/* The longest entry that the page belongs to; NULL: none. */
static const struct bl_stage *stage_of(const struct bl_rule_settings *c, struct bl_str page)
{
    const struct bl_list *list = &c->v[STAGES].list;
    const struct bl_stage *best = NULL;
    for (size_t i = 0; i < list->n; i++)
        if (bl_path_within(page, list->stages[i].page) && (!best || list->stages[i].page.n > best->page.n))
            best = &list->stages[i];
    return best;
}

static const struct bl_stage elsewhere = {PATH(""), PATH("checkout"), 2};

/* The name of the entry an attempt stands in; settings may have changed since it was armed. */
static struct bl_str stage_name(const struct bl_rule_settings *c, struct bl_str entry)
{
    const struct bl_list *list = &c->v[STAGES].list;
    if (entry.n == 0)
        return elsewhere.name;
    for (size_t i = 0; i < list->n; i++)
        if (bl_str_eq(list->stages[i].page, entry))
            return list->stages[i].name;
    return (struct bl_str){entry.p + 1, entry.n - 1};
}

static struct bl_mark *running(struct bl_user *u)
{
    for (size_t i = bl_user_marks_from(u, BL_RULE_ABANDONMENT); i < u->n_marks; i++)
        if (u->marks[i].rule == BL_RULE_ABANDONMENT && u->marks[i].due_ms != BL_NEVER)
            return &u->marks[i];
    return NULL;
}

static struct bl_open *unresolved(struct bl_user *u)
{
    size_t i = bl_user_next_open(u, BL_RULE_ABANDONMENT, 0);
    return i < u->n_open ? &u->open[i] : NULL;
}

static void end_attempt(struct bl_step *s, struct bl_mark *m, enum bl_attempt_end end)
{
    if (s->engine->sink.attempt)
        s->engine->sink.attempt(s->engine->sink.ctx, end);
    bl_user_drop_mark(s->u, m);
}

static void abandon(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *m, unsigned variant)
{
    struct bl_user *u = s->u;
    struct bl_open *before = unresolved(u);
    struct bl_open fresh = {.rule = BL_RULE_ABANDONMENT,
                            .variant = (uint8_t)variant,
                            .severity = BL_HIGH,
                            .page = m->page,
                            .detected_ms = s->now_ms,
                            .due_ms = BL_NEVER};
    struct bl_str stage = stage_name(c, bl_user_str(u, m->element));
    struct bl_story story = {
        .words = {.page = bl_user_str(u, m->page), .element = stage, .span_ms = c->v[TIMEOUT].i}};
    bl_story_str(&story, "stage", stage);
    bl_story_int(&story, "depth", m->n);
    bl_story_int(&story, "attempt_started_at", m->t_ms);
    bl_story_int(&story, "elapsed_ms", s->now_ms - m->t_ms);
    end_attempt(s, m, BL_ATTEMPT_ABANDONED);
    if (!c->enabled || (before && !before->past))
        return;
    if (before)
        bl_user_drop_open(u, (size_t)(before - u->open));
    bl_step_fire(s, &fresh, &story);
}

static void arm(struct bl_step *s, const struct bl_rule_settings *c, const struct bl_stage *stage)
{
    struct bl_mark *m = running(s->u);
    bl_name entry = bl_user_intern(s->u, stage->page);
    if (m && m->element == entry)
        return;
    if (!m) {
        m = bl_user_add_mark(s->u);
        m->rule = BL_RULE_ABANDONMENT;
        m->session = true;
        m->t_ms = s->now_ms;
    }
    m->page = s->page;
    m->element = entry;
    m->n = stage->depth;
    m->due_ms = s->now_ms + c->v[TIMEOUT].i;
}

static void resolve(struct bl_step *s, const struct bl_rule_settings *c)
{
    if (!s->completion)
        return;
    struct bl_mark *m = running(s->u);
    struct bl_open *open = unresolved(s->u);
    if (m)
        end_attempt(s, m, BL_ATTEMPT_COMPLETED);
    if (!open)
        return;
    if (s->now_ms - open->detected_ms < c->v[MEMORY].i)
        bl_step_resolve(s, open, BL_RESOLVED_COMPLETION);
    else if (open->past) /* in its own session it still suppresses */
        bl_user_drop_open(s->u, (size_t)(open - s->u->open));
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    bool start = s->e->action == BL_ACTION_CHECKOUT_START;
    struct bl_mark *m = running(s->u);
    if (s->completion)
        return;
    const struct bl_stage *stage = s->visit || start ? stage_of(c, s->e->page) : NULL;
    if (start && !stage)
        stage = &elsewhere;
    bool exits =
        s->e->action == BL_ACTION_ABANDON || (s->visit && !stage && m && m->n >= 2 && m->page != s->page);
    if (m && exits)
        abandon(s, c, m, BY_EXIT);
    else if (stage)
        arm(s, c, stage);
    if (!s->activity || !c->v[EXTEND_ON_ACTIVITY].i)
        return;
    m = running(s->u);
    if (m)
        m->due_ms = s->now_ms + c->v[TIMEOUT].i;
}

static void fire(struct bl_step *s, const struct bl_rule_settings *c, struct bl_mark *mark,
                 struct bl_open *open)
{
    if (mark)
        abandon(s, c, mark, BY_TIMEOUT);
    else
        bl_rule_disarm(mark, open);
}

static const char *const variants[] = {NULL, "timeout", "exit", NULL};
static const char *const sentences[] = {
    "User entered the checkout flow on {page} but did not complete the transaction within {seconds}.",
    "User reached {page} but navigated away without completing the purchase. "
    "Checkout flow was abandoned at the {element} stage.",
    NULL,
};

const struct bl_rule bl_rule_abandonment = {
    .name = "abandonment",
    .code = "ab",
    .variants = variants,
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 30,
    .trigger = "60 s after reaching `/cart`, `/checkout` or `/payment` without completing (timeout); leaving "
               "`/checkout` or "
               "`/payment` for another page, or `abandon` (exit)",
    .severity = "always high",
    .ends = "completion (a purchase, `/confirm`, `/confirmation`, `/thank-you`) within 24 h",
    .sentences = sentences,
    .outlives_session = true,
    .resolve = resolve,
    .resolves = {BL_VISIT | BL_DONE, 0},
    .detect = detect,
    .detects = {BL_VISIT, BL_ON(CHECKOUT_START)},
    .follows = {BL_ACTIVITY, 0},
    .fire = fire,
};
