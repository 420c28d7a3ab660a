/* See story.h. Runs over bl_partition, as worker and replay do, with every user at hand. */
#include "story.h"

#include "bl/app/partition.h"
#include "bl/core/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct story {
    struct bl_settings settings;
    struct bl_partition *partition;
    struct bl_buf *log;
    bool live, facts;
    struct bl_str lists[BL_LIST_MAX]; /* entries of the one list setting of a story */
    char list_text[256];
};

static void put_facts(const struct bl_pattern *p, struct bl_buf *log)
{
    bl_buf_z(log, " |");
    for (size_t i = 0; i < p->n_facts; i++) {
        const struct bl_fact *f = &p->facts[i];
        bl_buf_printf(log, " %s=", f->name);
        if (f->kind == BL_FACT_INT)
            bl_buf_int(log, f->i);
        else if (f->kind == BL_FACT_NUMBER)
            bl_buf_double(log, f->number);
        else if (f->kind == BL_FACT_STR)
            bl_buf_str(log, f->s);
        for (size_t j = 0; f->kind == BL_FACT_TIMES && j < f->n_times; j++)
            bl_buf_printf(log, "%s%lld", j ? "," : "", (long long)f->times_ms[j]);
    }
}

static void on_pattern(void *ctx, const struct bl_pattern *p)
{
    static const char *const verbs[] = {"new", "raised", "resolved"};
    struct story *s = ctx;
    bool resolved = p->change == BL_PATTERN_RESOLVED;
    bl_buf_int(s->log, resolved ? p->resolved_ms : p->updated_ms);
    bl_buf_printf(s->log, " %s ", verbs[p->change]);
    if (resolved)
        bl_buf_printf(s->log, "%s ", bl_resolution_name(p->resolution));
    bl_buf_z(s->log, bl_rule(p->rule)->name);
    if (p->variant && !resolved)
        bl_buf_printf(s->log, "/%s", p->variant);
    if (!resolved)
        bl_buf_printf(s->log, " %s", bl_severity_name(p->severity));
    bl_buf_char(s->log, ' ');
    bl_buf_str(s->log, p->page);
    if (!resolved) {
        bl_buf_z(s->log, " | ");
        bl_buf_str(s->log, p->explanation);
        if (s->facts)
            put_facts(p, s->log);
    }
    bl_buf_char(s->log, '\n');
}

static void on_attempt(void *ctx, enum bl_attempt_end end, int64_t at_ms)
{
    (void)at_ms;
    struct story *s = ctx;
    bl_buf_z(s->log, end == BL_ATTEMPT_COMPLETED ? "attempt completed\n" : "attempt abandoned\n");
}

static void on_duplicate(void *ctx, const struct bl_record *record)
{
    struct story *s = ctx;
    (void)record;
    bl_buf_z(s->log, "duplicate\n");
}

static void on_event(void *ctx, const struct bl_record *record, const struct bl_taken *taken)
{
    struct story *s = ctx;
    (void)record;
    if (taken->late)
        bl_buf_printf(s->log, "late %lld\n", (long long)taken->t_ms);
    if (taken->clock_adjusted)
        bl_buf_printf(s->log, "adjusted %lld\n", (long long)taken->t_ms);
}

static int64_t read_time(const char *text)
{
    char *end;
    long long v = strtoll(text, &end, 10);
    if (end == text)
        fail_msg("story: '%s' is no time", text);
    switch (*end) {
    case 's':
        return v * 1000;
    case 'm':
        return v * 60000;
    case 'h':
        return v * 3600000;
    default:
        return v;
    }
}

static void set_list(struct story *s, struct bl_list *list, const char *value)
{
    char *save = NULL;
    snprintf(s->list_text, sizeof s->list_text, "%s", value);
    *list = (struct bl_list){.paths = s->lists};
    for (char *w = strtok_r(s->list_text, ",", &save); w; w = strtok_r(NULL, ",", &save))
        s->lists[list->n++] = bl_str_of(w);
}

static void set(struct story *s, const char *name, const char *value)
{
    char section[64];
    const char *dot = strchr(name, '.');
    if (!dot) {
        if (strcmp(name, "session-timeout") != 0)
            fail_msg("story: no setting '%s'", name);
        s->settings.session_timeout_ms = read_time(value);
        return;
    }
    snprintf(section, sizeof section, "%.*s", (int)(dot - name), name);
    enum bl_rule_id id = bl_rule_of(bl_str_of(section));
    if (id == BL_RULE_COUNT)
        fail_msg("story: no rule '%s'", section);
    if (strcmp(dot + 1, "enabled") == 0) {
        s->settings.rule[id].enabled = read_time(value);
        return;
    }
    for (size_t i = 0; i < bl_rule(id)->n_params; i++) {
        if (strcmp(bl_rule(id)->params[i].name, dot + 1) == 0) {
            if (bl_rule(id)->params[i].type == BL_PARAM_PATHS)
                set_list(s, &s->settings.rule[id].v[i].list, value);
            else
                s->settings.rule[id].v[i].i = read_time(value);
            return;
        }
    }
    fail_msg("story: no setting '%s'", name);
}

static void open_partition(struct story *s)
{
    struct bl_partition_sink sink = {
        .ctx = s, .pattern = on_pattern, .attempt = on_attempt, .event = on_event, .duplicate = on_duplicate};
    if (!s->partition)
        assert_int_equal(bl_partition_new(&s->settings, !s->live, (struct bl_hash_key){1, 2}, 1000, 3600000,
                                          &sink, &s->partition),
                         BL_OK);
}

static bool take(const char *word, const char *key, const char **value)
{
    size_t n = strlen(key);
    if (strncmp(word, key, n) != 0)
        return false;
    *value = word + n;
    return true;
}

static void read_place(struct bl_event *e, double *to, const char *text)
{
    char *end;
    *to = strtod(text, &end);
    if (*end)
        fail_msg("story: '%s' is no number", text);
    e->has_xy = true;
}

static void read_word(struct bl_record *r, const char *word)
{
    const char *v;
    if (word[0] == '/')
        r->event.page = bl_str_of(word);
    else if (take(word, "u=", &v))
        r->user_id = bl_str_of(v);
    else if (take(word, "s=", &v))
        r->event.session_id = bl_str_of(v);
    else if (take(word, "form=", &v))
        r->event.form = bl_str_of(v);
    else if (take(word, "target=", &v))
        r->event.target = bl_str_of(v);
    else if (take(word, "x=", &v))
        read_place(&r->event, &r->event.x, v);
    else if (take(word, "y=", &v))
        read_place(&r->event, &r->event.y, v);
    else if (take(word, "idle=", &v))
        r->event.idle_ms = read_time(v);
    else if (take(word, "ts=", &v))
        r->timestamp_ms = read_time(v);
    else if (take(word, "sent=", &v))
        r->sent_at_ms = read_time(v);
    else if (take(word, "id=", &v)) {
        r->event_id = bl_str_of(v);
        r->made_id = false;
    } else
        fail_msg("story: what is '%s'?", word);
}

static void happen(struct story *s, int64_t at_ms, char *what, char *save)
{
    struct bl_record r = {.user_id = BL_STR("u"), .made_id = true, .timestamp_ms = -1, .sent_at_ms = -1};
    r.event.idle_ms = -1;
    r.event.action = bl_action_of(bl_str_of(what));
    if (r.event.action == BL_ACTION_COUNT)
        fail_msg("story: no action '%s'", what);
    if (!s->live)
        r.timestamp_ms = at_ms;
    for (char *word; (word = strtok_r(NULL, " ", &save));)
        read_word(&r, word);
    assert_int_equal(bl_partition_record(s->partition, &r, at_ms), BL_OK);
}

/* A person resolves the latest open pattern of that type on that page. */
static void resolve(struct story *s, int64_t at_ms, const char *type, const char *page)
{
    const struct bl_member *m = bl_partition_member(s->partition, BL_STR("u"));
    const struct bl_user *u = m ? bl_partition_state(s->partition, m) : NULL;
    enum bl_rule_id rule = type ? bl_rule_of(bl_str_of(type)) : BL_RULE_COUNT;
    bool applied = false;
    for (size_t i = u && page ? u->n_open : 0; i > 0; i--) {
        const struct bl_open *o = &u->open[i - 1];
        const char *variant = bl_rule(rule)->variants ? bl_rule(rule)->variants[o->variant] : NULL;
        if (o->rule != rule || !bl_str_eqz(bl_user_str(u, o->page), page))
            continue;
        struct bl_pattern_id id = bl_pattern_id(BL_STR("u"), rule, variant, bl_user_str(u, o->page),
                                                bl_user_str(u, o->element), o->detected_ms);
        assert_int_equal(bl_partition_resolve(s->partition, BL_STR("u"), &id, at_ms, &applied), BL_OK);
        assert_true(applied);
        return;
    }
    fail_msg("story: no open %s on %s", type, page);
}

static void run_line(struct story *s, char *line)
{
    char *save = NULL, *time = strtok_r(line, " ", &save), *what = strtok_r(NULL, " ", &save);
    if (!time || !what)
        fail_msg("story: a line needs a time and what happens");
    if (strcmp(time, "-") == 0) {
        char *name = strtok_r(NULL, " ", &save), *value = strtok_r(NULL, " ", &save);
        if (strcmp(what, "live") == 0)
            s->live = true;
        else if (strcmp(what, "facts") == 0)
            s->facts = true;
        else
            set(s, name, value);
        return;
    }
    open_partition(s);
    if (strcmp(what, "resolve") == 0 || strcmp(what, "set") == 0) {
        char *one = strtok_r(NULL, " ", &save), *two = strtok_r(NULL, " ", &save);
        if (what[0] == 'r') {
            resolve(s, read_time(time), one, two);
            return;
        }
        set(s, one, two);
        assert_int_equal(bl_partition_set_rules(s->partition, &s->settings, read_time(time)), BL_OK);
        return;
    }
    if (strcmp(what, "tick") == 0)
        assert_int_equal(bl_partition_advance(s->partition, read_time(time)), BL_OK);
    else
        happen(s, read_time(time), what, save);
}

void story_run(const char *script, struct bl_buf *log)
{
    struct story s = {.log = log};
    bl_settings_defaults(&s.settings);
    char *copy = strdup(script), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        run_line(&s, line);
    bl_partition_free(s.partition);
    free(copy);
}

void story_check(const char *name, const char *script, const char *expected)
{
    struct bl_buf log;
    bl_buf_init(&log, 0);
    story_run(script, &log);
    bl_buf_char(&log, '\0');
    const char *have = log.p, *want = expected;
    while (*want || *have) {
        size_t n = strcspn(want, "\n"), m = strcspn(have, "\n");
        if (n > m || strncmp(want, have, n) != 0 || (n == 0 && m > 0))
            fail_msg("%s\n--- expected, from here:\n%s\n--- all that happened:\n%s", name, want, log.p);
        want += n + (want[n] == '\n');
        have += m + (have[m] == '\n');
    }
    bl_buf_release(&log);
}

void story_check_all(const struct story_case *cases, size_t n, const char *prelude)
{
    struct bl_buf script;
    bl_buf_init(&script, 0);
    for (size_t i = 0; i < n; i++) {
        bl_buf_clear(&script);
        bl_buf_z(&script, prelude);
        bl_buf_add(&script, cases[i].script, strlen(cases[i].script) + 1);
        story_check(cases[i].name, script.p, cases[i].expected);
    }
    bl_buf_release(&script);
}
