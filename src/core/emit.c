/* What a rule does to a pattern (fire, raise, resolve), as a change of state and an effect for the host. The
 * only place where patterns are made, so the only one that knows ids, evidence and sessions (SPEC 5.1, 5.2).
 */
#include "step.h"

#include <assert.h>

static const char *variant_name(const struct bl_rule *rule, unsigned variant)
{
    return rule->variants ? rule->variants[variant] : NULL;
}

static struct bl_pattern_id id_of(const struct bl_step *s, const struct bl_open *o)
{
    return bl_pattern_id(s->user_id, o->rule, variant_name(bl_rule(o->rule), o->variant),
                         bl_user_str(s->u, o->page), bl_user_str(s->u, o->element), o->detected_ms);
}

/* What every effect on a pattern has in common. The lists at the end of *p are left as they are: to clear them costs
 * 100 instructions, as much as a short pattern's text. */
static void identify(const struct bl_step *s, const struct bl_open *o, enum bl_pattern_change change,
                     struct bl_pattern *p)
{
    memset(p, 0, offsetof(struct bl_pattern, facts));
    p->change = change;
    p->rule = o->rule;
    p->variant = variant_name(bl_rule(o->rule), o->variant);
    p->severity = o->severity;
    p->user_id = s->user_id;
    p->page = bl_user_str(s->u, o->page);
    p->detected_ms = o->detected_ms;
    if (o->has_id)
        memcpy(p->id.b, o->id, sizeof p->id.b);
    else
        p->id = id_of(s, o);
}

/* The user's last events, of this session only: what came before is forgotten. */
static void put_events(const struct bl_user *u, struct bl_pattern *p)
{
    size_t n = u->events < BL_EVIDENCE_MAX ? (size_t)u->events : BL_EVIDENCE_MAX;
    if (n > u->n_window)
        n = u->n_window;
    p->n_events = n;
    for (size_t i = 0; i < n; i++) {
        const struct bl_moment *m = &u->window[u->n_window - n + i];
        p->events[i] =
            (struct bl_evidence_event){(enum bl_action)m->action, bl_user_str(u, m->page), m->t_ms};
    }
}

static void emit(const struct bl_step *s, const struct bl_pattern *p)
{
    if (s->engine->sink.pattern)
        s->engine->sink.pattern(s->engine->sink.ctx, p);
}

static void tell(const struct bl_step *s, const struct bl_open *o, enum bl_pattern_change change,
                 enum bl_severity was, const struct bl_story *story)
{
    struct bl_pattern p;
    struct bl_sentence sentence;
    char made[32];
    identify(s, o, change, &p);
    p.was = was;
    p.updated_ms = s->now_ms;
    const struct bl_rule *rule = bl_rule(o->rule);
    bl_explain(rule->sentences[rule->variants ? o->variant - 1U : story->sentence], &story->words, &sentence);
    p.explanation = (struct bl_str){sentence.p, sentence.n};
    if (change == BL_PATTERN_NEW) {
        p.session_id = bl_engine_session_id(s->u, s->user_id, made);
        p.session_ms = s->u->session_ms;
        p.friction = s->u->friction;
        p.later = s->before_ms < o->detected_ms;
    }
    p.n_facts = story->n_facts;
    for (size_t i = 0; i < p.n_facts; i++)
        p.facts[i] = story->facts[i];
    put_events(s->u, &p);
    emit(s, &p);
}

/* An id can come up twice only within one moment (detected_at is part of it): marks of that moment remember.
 */
static bool made_before(struct bl_step *s, const struct bl_open *o)
{
    for (size_t i = 0; i < s->u->n_marks; i++) {
        const struct bl_mark *m = &s->u->marks[i];
        if (m->kind == BL_MARK_MADE && m->rule == o->rule && m->n == o->variant && m->page == o->page &&
            m->element == o->element && m->t_ms == o->detected_ms)
            return true;
    }
    return false;
}

static void remember_made(struct bl_step *s, const struct bl_open *o)
{
    struct bl_mark *m = bl_user_add_mark(s->u);
    m->rule = o->rule;
    m->kind = BL_MARK_MADE;
    m->page = o->page;
    m->element = o->element;
    m->n = o->variant;
    m->t_ms = o->detected_ms;
    m->until_ms = o->detected_ms + 1;
}

/* What goes first when there is no room: an abandonment stays, there is one at the most. */
static struct bl_open *oldest_of_session(struct bl_user *u)
{
    for (size_t i = 0; i < u->n_open; i++)
        if (!bl_rule(u->open[i].rule)->outlives_session)
            return &u->open[i];
    return &u->open[0];
}

static void add_friction(struct bl_step *s, unsigned rule)
{
    int64_t sum = s->u->friction + s->engine->settings->rule[rule].weight;
    s->u->friction = sum < BL_FRICTION_MAX ? sum : BL_FRICTION_MAX;
}

struct bl_open *bl_step_fire(struct bl_step *s, const struct bl_open *pattern, const struct bl_story *story)
{
    if (made_before(s, pattern))
        return NULL;
    if (s->u->n_open == BL_OPEN_MAX)
        bl_step_resolve(s, oldest_of_session(s->u), BL_RESOLVED_ENDED);
    struct bl_open *o = bl_user_add_open(s->u);
    *o = *pattern;
    struct bl_pattern_id id = id_of(s, o);
    o->has_id = true; /* what raises and resolves it needs it again: 600 instructions for a hash */
    memcpy(o->id, id.b, sizeof o->id);
    remember_made(s, o);
    add_friction(s, o->rule);
    tell(s, o, BL_PATTERN_NEW, o->severity, story);
    return o;
}

void bl_step_raise(struct bl_step *s, struct bl_open *open, enum bl_severity severity,
                   const struct bl_story *story)
{
    enum bl_severity was = (enum bl_severity)open->severity;
    open->severity = (uint8_t)severity;
    tell(s, open, BL_PATTERN_RAISED, was, story);
}

void bl_step_resolve(struct bl_step *s, struct bl_open *open, enum bl_resolution resolution)
{
    struct bl_pattern p;
    identify(s, open, BL_PATTERN_RESOLVED, &p);
    p.resolution = resolution;
    p.resolved_ms = s->now_ms;
    emit(s, &p);
    bl_user_drop_open(s->u, (size_t)(open - s->u->open));
}

static struct bl_fact *next_fact(struct bl_story *story)
{
    assert(story->n_facts < BL_FACTS_MAX);
    return &story->facts[story->n_facts++];
}

void bl_story_int(struct bl_story *story, const char *name, int64_t v)
{
    *next_fact(story) = (struct bl_fact){.name = name, .kind = BL_FACT_INT, .i = v};
}

void bl_story_number(struct bl_story *story, const char *name, double v)
{
    *next_fact(story) = (struct bl_fact){.name = name, .kind = BL_FACT_NUMBER, .number = v};
}

void bl_story_str(struct bl_story *story, const char *name, struct bl_str v)
{
    *next_fact(story) = (struct bl_fact){.name = name, .kind = BL_FACT_STR, .s = v};
}

void bl_story_times(struct bl_story *story, const char *name, const int64_t *times_ms, size_t n)
{
    *next_fact(story) =
        (struct bl_fact){.name = name, .kind = BL_FACT_TIMES, .times_ms = times_ms, .n_times = n};
}

static struct bl_str put_spot(char *out, double x, double y)
{
    char *p = out;
    *p++ = '(';
    p += bl_str_double(p, x);
    *p++ = ',';
    *p++ = ' ';
    p += bl_str_double(p, y);
    *p++ = ')';
    return (struct bl_str){out, (size_t)(p - out)};
}

void bl_story_spot(struct bl_story *story, const struct bl_spot *spot)
{
    struct bl_words *w = &story->words;
    w->element = spot->target.n ? spot->target : BL_STR("an element");
    if (spot->target.n)
        bl_story_str(story, "target", spot->target);
    else if (spot->has_xy)
        w->element = put_spot(story->spot, spot->x, spot->y);
    if (spot->has_xy) {
        bl_story_number(story, "x", spot->x);
        bl_story_number(story, "y", spot->y);
    }
}
