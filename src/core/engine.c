/* The engine: one event or one deadline at a time.
 *
 *   bl_engine_event:  sweep, begin session ──> situate (4.0) ──> completion ──> every rule's resolve
 *                                                                              ──> every rule's detect
 *   bl_engine_fire:   the earliest of: a rule's own deadline, an open pattern's, a mark's, the end of the
 * session, the end of everything (nothing left that could matter: the user is forgotten)
 *
 * Order among equal deadlines is the order of rules.def, then the session (SPEC 4.7).
 *
 * The next deadline is worked out once, at the end of a step, and kept in the state (due_ms). So a change of the
 * settings touches nobody: what is due stays due until the user's next step, whoever holds the state, and a
 * worker with a cache and a replay without one agree. A deadline that the new settings no longer know fires
 * nothing; one that they would have put earlier fires at the time that was set.
 *
 * Invariants: floor_ms never falls; after a step no mark is kept past its time; a user outside a session has
 * no visits, no page and only marks and patterns that outlive the session. */
#include "step.h"

#include <assert.h>

struct bl_str bl_engine_session_id(const struct bl_user *u, struct bl_str user_id, char made[32])
{
    static const struct bl_hash_key key = {0x73657373696f6eULL, 0x6964ULL};
    static const char digits[] = "0123456789abcdef";
    if (u->session)
        return bl_user_str(u, u->session);
    uint64_t h = bl_hash64(key, user_id) ^ ((uint64_t)u->session_ms * 0x9e3779b97f4a7c15ULL);
    memcpy(made, "session-", 8);
    for (int i = 0; i < 16; i++)
        made[8 + i] = digits[h >> (60 - 4 * i) & 15];
    return (struct bl_str){made, 24};
}

/* ---- SPEC 4.0: where the user is ---- */

static bool is_twin(struct bl_user *u, const struct bl_step *s, int64_t twin_ms)
{
    bool view = bl_action_traits(s->e->action) & BL_VIEW;
    for (size_t i = u->n_visits; i > 0; i--) {
        struct bl_visit *v = &u->visits[i - 1];
        if (s->now_ms - v->t_ms > twin_ms)
            break;
        if (v->page == s->page && v->view != view && !v->twinned) {
            v->twinned = true;
            return true;
        }
    }
    return false;
}

static void arrive(struct bl_step *s)
{
    s->arrived = s->page != s->u->page;
    if (s->arrived)
        s->u->page_ms = s->now_ms;
    s->u->page = s->page;
}

static void anchor(struct bl_step *s)
{
    s->u->anchor_ms = s->now_ms;
    s->u->level = 0;
}

static void leave(struct bl_step *s)
{
    s->ignored = s->page != s->u->page || !s->page;
    if (s->ignored)
        return;
    if (s->e->action == BL_ACTION_TAB_HIDDEN)
        s->u->hidden = true;
    else
        s->u->page = 0;
}

static void situate(struct bl_step *s)
{
    enum bl_action action = s->e->action;
    unsigned traits = bl_action_traits(action);
    s->activity = traits & BL_ACTIVITY;
    if (traits & BL_VISIT)
        s->visit = !is_twin(s->u, s, s->engine->settings->twin_ms);
    if (action == BL_ACTION_TAB_HIDDEN || action == BL_ACTION_PAGE_EXIT) {
        leave(s);
        return;
    }
    bool shows = s->activity || action == BL_ACTION_TAB_VISIBLE;
    if (!shows && action != BL_ACTION_IDLE)
        return;
    if (s->page)
        arrive(s);
    if (shows)
        s->u->hidden = false;
    if (shows || s->arrived)
        anchor(s);
}

/* ---- visits and completion ---- */

/* Two stay, however old: with this one they are the last three (SPEC 4.4, quick-back). */
static void note_visit(struct bl_step *s)
{
    struct bl_user *u = s->u;
    unsigned old = 0;
    while (old + 2 < u->n_visits && u->visits[old].t_ms <= s->now_ms - BL_VISITS_KEEP_MS)
        old++;
    if (old) {
        u->n_visits = (uint16_t)(u->n_visits - old);
        memmove(u->visits, u->visits + old, u->n_visits * sizeof *u->visits);
    }
    struct bl_visit *v = bl_user_add_visit(u);
    v->t_ms = s->now_ms;
    v->page = s->page;
    v->view = bl_action_traits(s->e->action) & BL_VIEW;
    v->moment = (uint32_t)(u->window_first + u->n_window - 1);
    u->window[u->n_window - 1].visit = true;
}

/* Whether the event completes a purchase is the abandonment rule's to say, even when that rule is off. */
static bool completes(const struct bl_step *s)
{
    if (bl_action_traits(s->e->action) & BL_DONE)
        return true;
    return s->visit && bl_abandonment_completes(&s->engine->settings->rule[BL_RULE_ABANDONMENT], s->e->page);
}

/* ---- sessions (4.6) ---- */

static void begin_session(struct bl_step *s)
{
    struct bl_user *u = s->u;
    u->in_session = true;
    u->session_ms = s->now_ms;
    u->page_ms = s->now_ms; /* of no page yet: near the other times all the same */
    u->anchor_ms = s->now_ms;
    u->level = 0;
    u->events = 0;
    u->friction = 0;
}

static void end_session(struct bl_step *s)
{
    struct bl_user *u = s->u;
    for (size_t i = 0; i < u->n_open;) {
        if (bl_rule(u->open[i].rule)->outlives_session)
            u->open[i++].past = true;
        else
            bl_step_resolve(s, &u->open[i], BL_RESOLVED_SESSION_END);
    }
    for (size_t i = 0; i < u->n_marks;) {
        if (u->marks[i].session)
            bl_user_drop_mark(u, &u->marks[i]);
        else
            i++;
    }
    u->n_visits = 0;
    u->page = 0;
    u->session = 0;
    u->hidden = false;
    u->level = 0;
    u->events = 0;
    u->friction = 0;
    u->in_session = false;
}

/* A deadline that waits (for its grace, or for the clock to move) may lie so far before an event's t. */
static int64_t slack_ms(const struct bl_settings *settings)
{
    return settings->floor_ms > settings->grace_ms ? settings->floor_ms : settings->grace_ms;
}

/* No event comes with a time before now_ms any more, but deadlines may, by `slack`. */
static void drop_spent_marks(struct bl_user *u, int64_t now_ms, int64_t slack)
{
    if (u->spent_ms > now_ms)
        return;
    for (size_t i = 0; i < u->n_marks;) {
        const struct bl_mark *m = &u->marks[i];
        if (m->until_ms <= now_ms - (bl_rule((enum bl_rule_id)m->rule)->marks_for_events ? 0 : slack))
            bl_user_drop_mark(u, &u->marks[i]);
        else
            i++;
    }
}

/* ---- room ---- */

/* What rules add at one step: a pattern each at the most, with a mark of its id and at most one of the rule's own, but
 * form-abandonment one for each form begun, whose mark goes. A visit may add most; a click has as many marks less one. */
#define STEP_OPEN  3 /* loop, abandonment, quick-back */
#define STEP_MARKS 4 /* these, and the cooldown of quick-back */
#define STEP_NAMES 3 /* page, session, entry of the funnel; then target and form if there are any */

static inline struct bl_room needs(const struct bl_user *u, const struct bl_event *e)
{
    struct bl_room need = {.open = STEP_OPEN, .marks = STEP_MARKS};
    if (u->marked >> BL_RULE_FORM_ABANDONMENT & 1)
        need.open = (uint16_t)(need.open + u->n_marks);
    if (e) {
        need.visits = need.window = 1;
        need.names = (uint16_t)(STEP_NAMES + (e->target.n != 0) + (e->form.n != 0));
        need.text = (uint32_t)(2 * e->page.n + e->session_id.n + e->target.n + e->form.n);
    }
    return need;
}

struct bl_room bl_engine_needs(const struct bl_user *u, const struct bl_event *e)
{
    return needs(u, e);
}

bool bl_engine_fits(const struct bl_user *u, const struct bl_event *e)
{
    struct bl_room need = needs(u, e);
    return bl_user_fits(u, &need);
}

/* ---- events ---- */

static void note_moment(struct bl_step *s)
{
    struct bl_moment *m = bl_user_add_moment(s->u, s->now_ms);
    m->t_ms = s->now_ms;
    m->page = s->page;
    m->action = (uint8_t)s->e->action;
}

/* The lowest rule of a set, and the set without it. */
static inline enum bl_rule_id first_of(unsigned set)
{
    return (enum bl_rule_id)__builtin_ctz(set);
}

static inline unsigned without_first(unsigned set)
{
    return set & (set - 1);
}

static void run_rules(struct bl_step *s)
{
    const struct bl_engine *g = s->engine;
    const struct bl_user *u = s->u;
    enum bl_action action = s->e->action;
    for (unsigned set = g->resolves[action] & (u->opened | u->marked); set; set = without_first(set))
        bl_rule(first_of(set))->resolve(s, &g->settings->rule[first_of(set)]);
    for (unsigned set = g->detects[action] | (g->follows[action] & u->marked); set; set = without_first(set))
        if (g->settings->rule[first_of(set)].enabled)
            bl_rule(first_of(set))->detect(s, &g->settings->rule[first_of(set)]);
}

static bool apply(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                  const struct bl_event *e)
{
    int64_t now = e->t_ms > u->floor_ms ? e->t_ms : u->floor_ms;
    struct bl_step s = {.engine = g,
                        .u = u,
                        .user_id = user_id,
                        .now_ms = now,
                        .before_ms = bl_user_gone(u) ? BL_NEVER : u->floor_ms,
                        .e = e};
    bl_user_sweep(u);
    drop_spent_marks(u, now, slack_ms(g->settings));
    if (!u->in_session && e->action != BL_ACTION_SESSION_END)
        begin_session(&s);
    u->floor_ms = now;
    u->seen_ms = now;
    u->events++;
    u->session = bl_user_intern_as(u, e->session_id, u->session);
    s.page = bl_user_intern_as(u, e->page, u->page);
    note_moment(&s);
    if (e->action == BL_ACTION_SESSION_END) {
        end_session(&s);
        return false;
    }
    situate(&s);
    s.completion = completes(&s);
    if (s.completion)
        u->n_visits = 0;
    if (s.visit)
        note_visit(&s);
    run_rules(&s);
    return s.visit;
}

/* ---- deadlines ---- */

struct deadline {
    int64_t due_ms;
    enum bl_rule_id rule; /* BL_RULE_COUNT: the session; BL_RULE_COUNT + 1: the user is forgotten */
    uint16_t mark, open;  /* index + 1 */
};

#define SESSION_END ((enum bl_rule_id)BL_RULE_COUNT)
#define FORGET      ((enum bl_rule_id)(BL_RULE_COUNT + 1))

/* Nearly nothing has a deadline that is earlier: one comparison tells. */
static inline void consider(struct deadline *best, int64_t due_ms, unsigned rule, size_t mark, size_t open)
{
    if (due_ms > best->due_ms || (due_ms == best->due_ms && rule >= best->rule))
        return;
    *best = (struct deadline){due_ms, (enum bl_rule_id)rule, (uint16_t)mark, (uint16_t)open};
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When nothing that is left of a user outside a session can matter any more (SPEC 4.6, 3.3): until then an event
 * could still come whose t, floor_ms behind, lies before the last of it. */
static int64_t forget_ms(const struct bl_settings *settings, const struct bl_user *u)
{
    int64_t at = u->floor_ms;
    for (unsigned i = 0; i < u->n_marks; i++)
        at = later(at, u->marks[i].until_ms);
    for (unsigned i = 0; i < u->n_open; i++)
        at = later(at,
                   u->open[i].detected_ms + bl_abandonment_memory_ms(&settings->rule[BL_RULE_ABANDONMENT]));
    return at < BL_NEVER - settings->floor_ms ? at + settings->floor_ms : BL_NEVER;
}

static struct deadline earliest(const struct bl_engine *g, const struct bl_user *u)
{
    if (bl_user_gone(u))
        return (struct deadline){.due_ms = BL_NEVER};
    if (!u->in_session)
        return (struct deadline){.due_ms = forget_ms(g->settings, u), .rule = FORGET};
    struct deadline best = {.due_ms = u->seen_ms + g->settings->session_timeout_ms, .rule = SESSION_END};
    for (unsigned set = g->due; set; set = without_first(set)) {
        enum bl_rule_id r = first_of(set);
        if (g->settings->rule[r].enabled)
            consider(&best, bl_rule(r)->due(u, &g->settings->rule[r]), r, 0, 0);
    }
    for (size_t i = 0; i < u->n_open; i++)
        consider(&best, u->open[i].due_ms, u->open[i].rule, 0, i + 1);
    for (size_t i = 0; i < u->n_marks; i++)
        consider(&best, u->marks[i].due_ms, u->marks[i].rule, i + 1, 0);
    return best;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* earliest().due_ms of a user in a session, but for what stands in lists. */
static int64_t due_of_rules(const struct bl_engine *g, const struct bl_user *u)
{
    int64_t due_ms = u->seen_ms + g->settings->session_timeout_ms;
    for (unsigned set = g->due; set; set = without_first(set)) {
        enum bl_rule_id r = first_of(set);
        if (g->settings->rule[r].enabled)
            due_ms = sooner(due_ms, bl_rule(r)->due(u, &g->settings->rule[r]));
    }
    return due_ms;
}

/* The end of every step. Each list is gone through once, without branches: to ask earliest() and then sum up took 2 % of a
 * replay more. */
static void settle(const struct bl_engine *g, struct bl_user *u)
{
    unsigned marked = 0, opened = 0;
    int64_t spent_ms = BL_NEVER, due_ms = BL_NEVER;
    for (size_t i = 0; i < u->n_open; i++) {
        opened |= 1U << u->open[i].rule;
        due_ms = sooner(due_ms, u->open[i].due_ms);
    }
    for (size_t i = 0; i < u->n_marks; i++) {
        marked |= 1U << u->marks[i].rule;
        spent_ms = sooner(spent_ms, u->marks[i].until_ms);
        due_ms = sooner(due_ms, u->marks[i].due_ms);
    }
    u->marked = (uint8_t)marked;
    u->opened = (uint8_t)opened;
    u->spent_ms = spent_ms;
    bool in_session = u->in_session && !bl_user_gone(u);
    u->due_ms = in_session ? sooner(due_ms, due_of_rules(g, u)) : earliest(g, u).due_ms;
    assert(u->due_ms == earliest(g, u).due_ms);
}

bool bl_engine_event(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                     const struct bl_event *e)
{
    bool visit = apply(g, u, user_id, e);
    settle(g, u);
    return visit;
}

static void fire(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                 const struct deadline *d)
{
    struct bl_step s = {
        .engine = g, .u = u, .user_id = user_id, .now_ms = u->due_ms, .before_ms = u->floor_ms};
    u->floor_ms = later(u->floor_ms, u->due_ms);
    if (d->rule == SESSION_END)
        end_session(&s);
    else
        bl_rule(d->rule)->fire(&s, &g->settings->rule[d->rule], d->mark ? &u->marks[d->mark - 1] : NULL,
                               d->open ? &u->open[d->open - 1] : NULL);
    drop_spent_marks(u, u->floor_ms, slack_ms(g->settings));
}

void bl_engine_fire(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id)
{
    struct deadline d = earliest(g, u);
    int64_t now_ms = u->due_ms;
    assert(now_ms != BL_NEVER);
    if (d.due_ms <= now_ms && d.rule == FORGET) {
        bl_user_init(u);
        return;
    }
    if (d.due_ms <= now_ms)
        fire(g, u, user_id, &d);
    settle(g, u);
    u->due_ms = later(u->due_ms, now_ms); /* differs only where the settings have changed */
}

/* ---- a person's resolve (5.3) ---- */

bool bl_engine_resolve(const struct bl_engine *g, struct bl_user *u, struct bl_str user_id,
                       const struct bl_pattern_id *id, int64_t now_ms)
{
    struct bl_step s = {.engine = g, .u = u, .user_id = user_id, .now_ms = now_ms};
    for (size_t i = 0; i < u->n_open; i++) {
        const struct bl_open *o = &u->open[i];
        const struct bl_rule *rule = bl_rule(o->rule);
        struct bl_pattern_id have =
            bl_pattern_id(user_id, o->rule, rule->variants ? rule->variants[o->variant] : NULL,
                          bl_user_str(u, o->page), bl_user_str(u, o->element), o->detected_ms);
        if (memcmp(have.b, id->b, sizeof have.b) == 0) {
            bl_step_resolve(&s, &u->open[i], BL_RESOLVED_MANUAL);
            settle(g, u);
            return true;
        }
    }
    return false;
}
