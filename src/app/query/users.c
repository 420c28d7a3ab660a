/* GET /api/users, /api/users/active, /api/users/{id} and its events (SPEC 6): the users' states as the rules
 * see them, decoded from the store.
 *
 *   users_start -> got_active (merge, cut to the limit) -> ask_states -> got_states … -> finish
 *
 * Latest first; users seen at the same moment in order of their ids. The store's order, by which the list is cut, may be
 * BL_ACTIVE_LAG_MS behind for who was seen under load, and so may the list's. Who belongs into it is exact: users of before
 * are read, too, and left out if their states do not say that they were seen later. */
#include "bl/core/rule.h"
#include "query/job.h"

#include <stdlib.h>

#define STATES_CHUNK 64

struct seen {
    struct bl_str user_id; /* in `text` */
    int64_t ms;
    int partition;
};

struct users {
    struct seen *seen;
    size_t n, shown, chunk;
    struct bl_buf text;
};

static job_step got_active, got_states;

static void release(void *state)
{
    struct users *s = state;
    free(s->seen);
    bl_buf_release(&s->text);
}

static int latest_first(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->ms != y->ms)
        return x->ms > y->ms ? -1 : 1;
    return bl_str_cmp(x->user_id, y->user_id);
}

static int64_t oldest_ms(const struct job *j)
{
    return j->now_ms - j->query.within_ms;
}

void users_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    struct users *s = job_state(j, sizeof *s, release);
    if (!s)
        return;
    bl_buf_init(&s->text, 0);
    job_ask_all(j, (struct bl_read){
                       .kind = BL_READ_ACTIVE, .a = oldest_ms(j) - BL_ACTIVE_LAG_MS, .b = j->query.limit});
    job_go(j, got_active);
}

static void ask_states(struct job *j)
{
    struct users *s = j->state;
    for (s->chunk = 0; s->chunk < STATES_CHUNK && s->shown + s->chunk < s->n; s->chunk++) {
        const struct seen *seen = &s->seen[s->shown + s->chunk];
        job_ask(j, (struct bl_read){
                       .kind = BL_READ_USER_BRIEF, .partition = seen->partition, .arg = seen->user_id});
    }
    job_go(j, got_states);
}

/* The ids that will be shown outlive the reply. */
static void keep_ids(struct users *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->n; i++)
        bytes += s->seen[i].user_id.n;
    if (bytes == 0 || !bl_buf_reserve(&s->text, bytes))
        return;
    for (size_t i = 0; i < s->n; i++) {
        const char *at = s->text.p + s->text.n;
        bl_buf_str(&s->text, s->seen[i].user_id);
        s->seen[i].user_id.p = at;
    }
}

static void got_active(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct users *s = j->state;
    size_t all = 0;
    for (size_t p = 0; p < n; p++)
        all += r[p].n / 2;
    s->seen = calloc(all + 1, sizeof *s->seen);
    if (!s->seen) {
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
        return;
    }
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i + 1 < r[p].n; i += 2)
            if (r[p].item[i].n > 0)
                s->seen[s->n++] = (struct seen){r[p].item[i], item_int(&r[p], i + 1), (int)p};
    qsort(s->seen, s->n, sizeof *s->seen, latest_first);
    if (s->n > (size_t)j->query.limit)
        s->n = (size_t)j->query.limit;
    keep_ids(s);
    json_open(&j->out, '[');
    if (s->text.err != BL_OK)
        job_fail(j, s->text.err, NULL);
    else
        ask_states(j);
}

static void write_listed(struct job *j, const struct seen *seen, const struct bl_user *u)
{
    char made[32];
    int64_t seen_ms = u && u->seen_ms > seen->ms ? u->seen_ms : seen->ms;
    if (seen_ms <= oldest_ms(j))
        return;
    json_open(&j->out, '{');
    json_text(&j->out, "user_id", seen->user_id);
    json_text_or_null(&j->out, "current_page", u ? bl_user_str(u, u->page) : (struct bl_str){0});
    json_int(&j->out, "last_seen", seen_ms);
    json_text_or_null(&j->out, "session_id",
                      u && u->in_session ? bl_engine_session_id(u, seen->user_id, made) : (struct bl_str){0});
    json_bool(&j->out, "has_active_pattern", u && u->n_open > 0);
    json_int(&j->out, "friction", u ? u->friction : 0);
    bl_buf_char(&j->out, '}');
}

/* The parts of a state that a list shows; the window, most of it, is left out. */
static const struct bl_user *decode_brief(struct job *j, const struct bl_read_reply *r)
{
    static const char *const names[BL_USER_BRIEF_COUNT] = {"h",     "n",    "o",    "head",
                                                           "names", "open", "page", "session"};
    struct bl_str item[2 * BL_USER_BRIEF_COUNT];
    struct bl_read_reply pairs = {0, item};
    for (size_t i = 0; i < BL_USER_BRIEF_COUNT && i < r->n; i++)
        if (r->item[i].n) {
            item[pairs.n++] = bl_str_of(names[i]);
            item[pairs.n++] = r->item[i];
        }
    return job_decode_user(j, &pairs);
}

static void got_states(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct users *s = j->state;
    for (size_t i = 0; i < n; i++)
        write_listed(j, &s->seen[s->shown + i], decode_brief(j, &r[i]));
    s->shown += n;
    if (s->shown < s->n) {
        ask_states(j);
        return;
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

/* --- one user */

static void ask_user(struct job *j, job_step *next)
{
    job_ask(j, (struct bl_read){
                   .kind = BL_READ_USER, .partition = job_partition_of(j, job_user(j)), .arg = job_user(j)});
    job_go(j, next);
}

static const char *rule_name(unsigned rule)
{
    return rule < BL_RULE_COUNT ? bl_rule((enum bl_rule_id)rule)->name : "made";
}

static void write_checkout(struct job *j, const struct bl_user *u)
{
    json_key(&j->out, "checkout");
    for (size_t i = 0; i < u->n_marks; i++) {
        const struct bl_mark *m = &u->marks[i];
        if (m->rule != BL_RULE_ABANDONMENT || m->due_ms == BL_NEVER)
            continue;
        bl_buf_char(&j->out, '{');
        json_text_or_null(&j->out, "page", bl_user_str(u, m->page));
        json_int(&j->out, "depth", m->n);
        json_int(&j->out, "started_at", m->t_ms);
        json_int(&j->out, "deadline", m->due_ms);
        json_int(&j->out, "ttl_ms", m->due_ms > j->now_ms ? m->due_ms - j->now_ms : 0);
        bl_buf_char(&j->out, '}');
        return;
    }
    bl_buf_z(&j->out, "null");
}

static void write_open(struct job *j, const struct bl_user *u)
{
    json_key(&j->out, "open_patterns");
    bl_buf_char(&j->out, '[');
    for (size_t i = u->n_open; i-- > 0;) {
        const struct bl_open *o = &u->open[i];
        if (o->rule >= BL_RULE_COUNT)
            continue;
        const struct bl_rule *rule = bl_rule((enum bl_rule_id)o->rule);
        const char *variant = rule->variants && o->variant ? rule->variants[o->variant] : NULL;
        struct bl_pattern_id id =
            bl_pattern_id(job_user(j), (enum bl_rule_id)o->rule, variant, bl_user_str(u, o->page),
                          bl_user_str(u, o->element), o->detected_ms);
        char hex[32];
        bl_pattern_id_hex(&id, hex);
        json_open(&j->out, '{');
        json_text(&j->out, "pattern_id", (struct bl_str){hex, sizeof hex});
        json_text(&j->out, "type", bl_str_of(rule->name));
        json_text_or_null(&j->out, "variant", bl_str_of(variant));
        json_text_or_null(&j->out, "page", bl_user_str(u, o->page));
        json_text(&j->out, "severity", bl_str_of(bl_severity_name((enum bl_severity)o->severity)));
        json_int(&j->out, "detected_at", o->detected_ms);
        json_time_or_null(&j->out, "deadline", o->due_ms);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
}

static void write_visits(struct job *j, const struct bl_user *u)
{
    json_key(&j->out, "visits");
    bl_buf_char(&j->out, '[');
    for (size_t i = u->n_visits; i-- > 0;) {
        json_open(&j->out, '{');
        json_text_or_null(&j->out, "page", bl_user_str(u, u->visits[i].page));
        json_int(&j->out, "t", u->visits[i].t_ms);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
}

/* Cooldowns and other small facts of the rules; the running attempt stands in `checkout`. */
static void write_marks(struct job *j, const struct bl_user *u)
{
    json_key(&j->out, "marks");
    bl_buf_char(&j->out, '[');
    for (size_t i = u->n_marks; i-- > 0;) {
        const struct bl_mark *m = &u->marks[i];
        if (m->rule == BL_RULE_ABANDONMENT && m->due_ms != BL_NEVER)
            continue;
        json_open(&j->out, '{');
        json_text(&j->out, "rule", bl_str_of(rule_name(m->rule)));
        json_text_or_null(&j->out, "page", bl_user_str(u, m->page));
        json_text_or_null(&j->out, "element", bl_user_str(u, m->element));
        json_int(&j->out, "t", m->t_ms);
        json_time_or_null(&j->out, "until", m->until_ms);
        json_time_or_null(&j->out, "deadline", m->due_ms);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
}

/* Why a state that is there could not be read. */
static enum bl_err unread(const struct job *j)
{
    return j->out.err != BL_OK ? j->out.err : BL_ERR_CORRUPT;
}

static void got_user(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    const struct bl_user *u = job_decode_user(j, &r[0]);
    char made[32];
    if (!u) {
        job_fail(j, r[0].n ? unread(j) : BL_ERR_NOT_FOUND,
                 r[0].n ? NULL
                        : "Nothing is known of this user: no event yet, or all of it is forgotten by now.");
        return;
    }
    bool on_page = u->page != 0;
    json_open(&j->out, '{');
    json_text(&j->out, "user_id", job_user(j));
    json_text_or_null(&j->out, "current_page", bl_user_str(u, u->page));
    json_time_or_null(&j->out, "page_since", on_page ? u->page_ms : BL_NEVER);
    json_text_or_null(&j->out, "session_id",
                      u->in_session ? bl_engine_session_id(u, job_user(j), made) : (struct bl_str){0});
    json_time_or_null(&j->out, "session_started", u->in_session ? u->session_ms : BL_NEVER);
    json_int(&j->out, "session_events", u->in_session ? u->events : 0);
    json_time_or_null(&j->out, "last_seen", u->seen_ms >= 0 ? u->seen_ms : BL_NEVER);
    json_bool(&j->out, "hidden", u->hidden);
    json_time_or_null(&j->out, "anchor", on_page ? u->anchor_ms : BL_NEVER);
    json_int(&j->out, "hesitation_level", u->level);
    json_bool(&j->out, "has_active_pattern", u->n_open > 0);
    json_int(&j->out, "friction", u->friction);
    write_checkout(j, u);
    write_open(j, u);
    write_visits(j, u);
    write_marks(j, u);
    j->tagged = j->out.n;
    json_int(&j->out, "as_of", j->now_ms);
    bl_buf_char(&j->out, '}');
    job_finish(j);
}

void user_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    ask_user(j, got_user);
}

static void got_user_events(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    const struct bl_user *u = job_decode_user(j, &r[0]);
    size_t shown = 0;
    if (!u && r[0].n) {
        job_fail(j, unread(j), NULL);
        return;
    }
    json_open(&j->out, '[');
    for (size_t i = u ? u->n_window : 0; i-- > 0 && shown < BL_WINDOW_MAX;) {
        const struct bl_moment *m = &u->window[i];
        if (m->t_ms <= j->now_ms - BL_WINDOW_MS || m->action >= BL_ACTION_COUNT)
            continue;
        json_open(&j->out, '{');
        json_text(&j->out, "action", bl_str_of(bl_action_name((enum bl_action)m->action)));
        json_text_or_null(&j->out, "page", bl_user_str(u, m->page));
        json_int(&j->out, "t", m->t_ms);
        bl_buf_char(&j->out, '}');
        shown++;
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

void user_events_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    ask_user(j, got_user_events);
}
