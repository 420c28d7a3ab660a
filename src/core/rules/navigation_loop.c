/* Navigation loop (SPEC 4.2): the user goes round in circles. Two variants over the user's last visits:
 * `revisit` (one page again and again) and `bounce` (to and fro between two pages). An open loop stands for
 * its `page`; a page has at most one. open->n is the highest count so far; open->due_ms when it ends for want
 * of visits. */
#include "bl/core/rule.h"

enum {
    REVISIT_WINDOW,
    REVISIT_LOW,
    REVISIT_MEDIUM,
    REVISIT_HIGH,
    BOUNCE_WINDOW,
    BOUNCE_LOW,
    BOUNCE_MEDIUM,
    BOUNCE_HIGH,
    QUIET
};
enum { REVISIT = 1, BOUNCE };

#define N(v)                                                                                                 \
    {                                                                                                        \
        .i = (v)                                                                                             \
    }
static const struct bl_param params[] = {
    [REVISIT_WINDOW] = {"revisit-window", BL_PARAM_MS, N(120000), 1000, BL_VISITS_KEEP_MS,
                        "visits to one page are counted over this time"},
    [REVISIT_LOW] = {"revisit-low", BL_PARAM_COUNT, N(0), 0, BL_VISITS_MAX,
                     "visits for low; 0: no such level"},
    [REVISIT_MEDIUM] = {"revisit-medium", BL_PARAM_COUNT, N(3), 2, BL_VISITS_MAX, "visits for medium"},
    [REVISIT_HIGH] = {"revisit-high", BL_PARAM_COUNT, N(4), 2, BL_VISITS_MAX, "visits for high"},
    [BOUNCE_WINDOW] = {"bounce-window", BL_PARAM_MS, N(300000), 1000, BL_VISITS_KEEP_MS,
                       "all visits of a bounce lie within this time"},
    [BOUNCE_LOW] = {"bounce-low", BL_PARAM_COUNT, N(0), 0, BL_VISITS_MAX / 2,
                    "round trips for low; 0: no such level"},
    [BOUNCE_MEDIUM] = {"bounce-medium", BL_PARAM_COUNT, N(3), 1, BL_VISITS_MAX / 2, "round trips for medium"},
    [BOUNCE_HIGH] = {"bounce-high", BL_PARAM_COUNT, N(4), 1, BL_VISITS_MAX / 2, "round trips for high"},
    [QUIET] = {"quiet", BL_PARAM_MS, N(120000), 1000, BL_VISITS_KEEP_MS,
               "a loop ends when its page is not visited for this long"},
};

/* A run of visits found at the end of the list. */
struct run {
    size_t visits;
    int64_t count; /* visits, or round trips */
    bl_name other;
    int64_t times[BL_VISITS_MAX]; /* the first `visits` of them */
};

static void begin(struct run *run)
{
    run->visits = 0;
    run->count = 0;
    run->other = 0;
}

static unsigned severity(const struct bl_rule_settings *c, unsigned low, int64_t count)
{
    for (unsigned level = BL_HIGH; level >= BL_LOW; level--) {
        int64_t at = c->v[low + level - BL_LOW].i;
        if (at > 0 && count >= at)
            return level;
    }
    return 0;
}

static struct bl_open *loop_of(struct bl_user *u, bl_name page)
{
    for (size_t i = 0; (i = bl_user_next_open(u, BL_RULE_NAVIGATION_LOOP, i)) < u->n_open; i++)
        if (u->open[i].page == page)
            return &u->open[i];
    return NULL;
}

static void find_revisits(const struct bl_step *s, int64_t window_ms, struct run *run)
{
    const struct bl_user *u = s->u;
    begin(run);
    for (size_t i = 0; i < u->n_visits; i++)
        if (u->visits[i].page == s->page && u->visits[i].t_ms > s->now_ms - window_ms)
            run->times[run->visits++] = u->visits[i].t_ms;
    run->count = (int64_t)run->visits;
}

/* The longest run at the end that alternates strictly between two pages. */
static void find_bounces(const struct bl_step *s, int64_t window_ms, struct run *run)
{
    const struct bl_user *u = s->u;
    size_t k = 0;
    begin(run);
    if (u->n_visits < 2)
        return;
    const struct bl_visit *last = &u->visits[u->n_visits - 1];
    bl_name pages[2] = {last->page, last[-1].page};
    if (pages[0] == pages[1])
        return;
    while (k < u->n_visits && last[-(ptrdiff_t)k].page == pages[k % 2] &&
           last[-(ptrdiff_t)k].t_ms > s->now_ms - window_ms)
        k++;
    for (size_t i = 0; i < k; i++)
        run->times[i] = last[-(ptrdiff_t)(k - 1 - i)].t_ms;
    run->visits = k;
    run->count = (int64_t)(k / 2);
    run->other = pages[1];
}

static void tell(struct bl_story *story, const struct bl_user *u, const struct bl_open *o,
                 const struct run *run, const struct bl_rule_settings *c)
{
    bool bounce = o->variant == BOUNCE;
    *story = (struct bl_story){.words = {.page = bl_user_str(u, o->page),
                                         .other = bl_user_str(u, o->other),
                                         .n = o->n,
                                         .span_ms = c->v[bounce ? BOUNCE_WINDOW : REVISIT_WINDOW].i}};
    bl_story_int(story, bounce ? "round_trips" : "visits", o->n);
    if (bounce)
        bl_story_str(story, "other_page", bl_user_str(u, o->other));
    bl_story_times(story, "visit_times", run->times, run->visits);
}

static void raise_if_higher(struct bl_step *s, const struct bl_rule_settings *c, struct bl_open *o,
                            const struct run *run)
{
    struct bl_story story;
    if (run->count <= o->n)
        return;
    unsigned level = severity(c, o->variant == BOUNCE ? BOUNCE_LOW : REVISIT_LOW, run->count);
    o->n = run->count;
    tell(&story, s->u, o, run, c);
    bl_step_raise(s, o, (enum bl_severity)(level > o->severity ? level : o->severity), &story);
}

static void fire_new(struct bl_step *s, const struct bl_rule_settings *c, unsigned variant,
                     const struct run *run)
{
    struct bl_story story;
    unsigned level = severity(c, variant == BOUNCE ? BOUNCE_LOW : REVISIT_LOW, run->count);
    struct bl_open fresh = {.rule = BL_RULE_NAVIGATION_LOOP,
                            .variant = (uint8_t)variant,
                            .severity = (uint8_t)level,
                            .page = s->page,
                            .other = run->other,
                            .detected_ms = s->now_ms,
                            .due_ms = s->now_ms + c->v[QUIET].i,
                            .n = run->count};
    if (!level)
        return;
    tell(&story, s->u, &fresh, run, c);
    bl_step_fire(s, &fresh, &story);
}

static void revisit(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct run run;
    struct bl_open *o = loop_of(s->u, s->page);
    find_revisits(s, c->v[REVISIT_WINDOW].i, &run);
    if (!o)
        fire_new(s, c, REVISIT, &run);
    else if (o->variant == REVISIT)
        raise_if_higher(s, c, o, &run);
}

static void bounce(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_user *u = s->u;
    struct run run;
    find_bounces(s, c->v[BOUNCE_WINDOW].i, &run);
    if (!run.other)
        return;
    for (size_t i = 0; (i = bl_user_next_open(u, BL_RULE_NAVIGATION_LOOP, i)) < u->n_open; i++) {
        struct bl_open *o = &u->open[i];
        bool same =
            (o->page == s->page && o->other == run.other) || (o->page == run.other && o->other == s->page);
        if (o->variant == BOUNCE && same)
            raise_if_higher(s, c, o, &run);
    }
    if (!loop_of(u, s->page) && !loop_of(u, run.other))
        fire_new(s, c, BOUNCE, &run);
}

static void resolve(struct bl_step *s, const struct bl_rule_settings *c)
{
    struct bl_user *u = s->u;
    (void)c;
    if (!s->completion)
        return;
    for (size_t i = 0; (i = bl_user_next_open(u, BL_RULE_NAVIGATION_LOOP, i)) < u->n_open;)
        bl_step_resolve(s, &u->open[i], BL_RESOLVED_COMPLETION);
}

static void detect(struct bl_step *s, const struct bl_rule_settings *c)
{
    if (!s->visit)
        return;
    struct bl_open *o = loop_of(s->u, s->page);
    if (o)
        o->due_ms = s->now_ms + c->v[QUIET].i;
    revisit(s, c);
    bounce(s, c);
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

static const char *const variants[] = {NULL, "revisit", "bounce", NULL};
static const char *const sentences[] = {
    "User navigated to {page} {n|time|times} within {minutes}, suggesting confusion or indecision.",
    "User bounced between {page} and {other} {n|time|times} within {minutes}, unable to find what they need.",
    NULL,
};

const struct bl_rule bl_rule_navigation_loop = {
    .name = "navigation-loop",
    .code = "nl",
    .variants = variants,
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .weight = 15,
    .trigger =
        "3 visits to one page within 2 min (revisit); 3 round trips between two pages within 5 min (bounce)",
    .severity = "3 medium, 4 and more high",
    .ends = "2 min without a visit to the page, completion, end of the session",
    .sentences = sentences,
    .resolve = resolve,
    .resolves = {BL_VISIT | BL_DONE, 0},
    .detect = detect,
    .detects = {BL_VISIT, 0},
    .fire = fire,
};
