/* What holds for any sequence of events (SPEC 3.5), tried on random ones that never change:
 *
 *   the same stream gives the same bytes;
 *   a stream cut anywhere, its users stored as text and read back by another partition, gives the same bytes;
 *   what one user does changes nothing about another.
 *
 * Gaps between events are mostly those of the rules' boundaries, to the millisecond. */
#include "bl/app/partition.h"
#include "bl/core/rule.h"
#include "bl/wire/row.h"
#include "bl/wire/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define T0     1700000000000LL
#define LIVES  60
#define STEPS  150
#define USERS  3
#define CUTS   4
#define NOBODY USERS

struct step {
    unsigned user;
    bool resolves; /* a person resolves the user's latest open pattern */
    struct bl_record record;
    int64_t received_ms;
};

struct run {
    struct bl_partition *partition;
    bool event_mode;
    struct bl_buf log;
    unsigned only; /* log this user's effects alone; NOBODY: all */
};

static const char *const users[USERS] = {"ann", "bob", "\xC3\xA9va"};
static struct bl_settings settings;
static struct bl_state_decoder *decoder;
static struct bl_user *scratch;
static struct step steps[STEPS];
static uint64_t seed;

static size_t below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % n);
}

/* Of actions, those that rules look at come up more often. */
static enum bl_action any_action(void)
{
    static const enum bl_action liked[] = {
        BL_ACTION_PAGE_VIEW,   BL_ACTION_PAGE_VIEW,   BL_ACTION_PAGE_VIEW,    BL_ACTION_NAVIGATE,
        BL_ACTION_CLICK,       BL_ACTION_CLICK,       BL_ACTION_CLICK,        BL_ACTION_CLICK,
        BL_ACTION_DEAD_CLICK,  BL_ACTION_ERROR,       BL_ACTION_INPUT_CHANGE, BL_ACTION_INPUT_CHANGE,
        BL_ACTION_FORM_SUBMIT, BL_ACTION_PAGE_EXIT,   BL_ACTION_TAB_HIDDEN,   BL_ACTION_TAB_VISIBLE,
        BL_ACTION_IDLE,        BL_ACTION_SESSION_END, BL_ACTION_PURCHASE,     BL_ACTION_CHECKOUT_START};
    return below(4) ? liked[below(sizeof liked / sizeof *liked)] : (enum bl_action)below(BL_ACTION_COUNT);
}

static struct bl_event any_event(void)
{
    static const char *const pages[] = {"/a", "/b", "/cart", "/checkout", "/payment/2", "/confirm"};
    static const char *const words[] = {"", "", "buy", "f"};
    static const double places[] = {0, 18, 24, 30, 30.5, -0.0, 1e2, 12.50};
    struct bl_event e = {.action = any_action(), .idle_ms = -1};
    bool paged = (bl_action_traits(e.action) & BL_PAGE) || below(2);
    e.page = bl_str_of(paged ? pages[below(below(3) ? 2 : 6)] : "");
    e.target = bl_str_of(words[below(4)]);
    e.form = bl_str_of(words[below(4)]);
    e.session_id = bl_str_of(below(8) ? "" : "s-1");
    e.has_xy = below(2);
    e.x = e.has_xy ? places[below(8)] : 0;
    e.y = e.has_xy ? places[below(8)] : 0;
    if (e.action == BL_ACTION_IDLE && below(2))
        e.idle_ms = (int64_t)below(40000);
    return e;
}

static int64_t any_gap(void)
{
    static const int64_t gaps[] = {999,   1000,  1001,  1999,  2000,  2001,  4999,   5000,   5001,   10000,
                                   15000, 30000, 59999, 60000, 60001, 90000, 120000, 299999, 300000, 1800000};
    return below(3) ? (int64_t)below(400) : gaps[below(below(3) ? 12 : 20)];
}

static void make_life(uint64_t number, bool event_mode)
{
    static const int64_t ages[] = {0, 0, 1, 400, 500, 2000, 299999, 400000};
    int64_t now_ms = T0;
    seed = (number + 1) * 0x9E3779B97F4A7C15ULL;
    for (size_t i = 0; i < STEPS; i++) {
        struct step *s = &steps[i];
        bool again = i > 0 && !s[-1].resolves && below(5) < 3; /* as people do: the same once more */
        now_ms += again ? (int64_t)below(500) : any_gap();
        *s = (struct step){.user = (unsigned)below(USERS), .received_ms = now_ms};
        s->resolves = !again && below(15) == 0;
        s->record = (struct bl_record){.event = any_event(), .made_id = true, .sent_at_ms = -1};
        if (again) {
            s->user = s[-1].user;
            s->record.event = s[-1].record.event;
        }
        s->record.user_id = bl_str_of(users[s->user]);
        s->record.timestamp_ms = event_mode ? now_ms : now_ms - ages[below(8)];
    }
}

static void on_pattern(void *ctx, const struct bl_pattern *p)
{
    struct run *r = ctx;
    struct bl_buf text = {0};
    struct bl_row row;
    if (r->only != NOBODY && !bl_str_eqz(p->user_id, users[r->only]))
        return;
    assert_int_equal(bl_row_of(p, &text, &row), BL_OK);
    bl_row_json(&row, &r->log);
    bl_buf_char(&r->log, '\n');
    bl_buf_release(&text);
}

static void open_run(struct run *r, bool event_mode, unsigned only)
{
    struct bl_partition_sink sink = {.ctx = r, .pattern = on_pattern};
    r->event_mode = event_mode;
    r->only = only;
    bl_buf_clear(&r->log);
    assert_int_equal(bl_partition_new(&settings, event_mode, (struct bl_hash_key){1, 2}, 100, 3600000, &sink,
                                      &r->partition),
                     BL_OK);
}

static void close_run(struct run *r)
{
    bl_partition_free(r->partition);
    r->partition = NULL;
}

static void resolve_latest(struct run *r, const struct step *s)
{
    struct bl_str user_id = s->record.user_id;
    assert_int_equal(bl_partition_advance(r->partition, s->received_ms), BL_OK);
    struct bl_member *m = bl_partition_member(r->partition, user_id);
    const struct bl_user *u = m ? bl_partition_state(r->partition, m) : NULL;
    bool found;
    if (!u || u->n_open == 0)
        return;
    const struct bl_open *o = &u->open[u->n_open - 1];
    const struct bl_rule *rule = bl_rule((enum bl_rule_id)o->rule);
    struct bl_pattern_id id =
        bl_pattern_id(user_id, (enum bl_rule_id)o->rule, rule->variants ? rule->variants[o->variant] : NULL,
                      bl_user_str(u, o->page), bl_user_str(u, o->element), o->detected_ms);
    assert_int_equal(bl_partition_resolve(r->partition, user_id, &id, s->received_ms, &found), BL_OK);
    assert_true(found);
}

static void take(struct run *r, const struct step *s)
{
    if (s->resolves)
        resolve_latest(r, s);
    else
        assert_int_equal(bl_partition_record(r->partition, &s->record, s->received_ms), BL_OK);
}

static void finish(struct run *r)
{
    assert_int_equal(bl_partition_advance(r->partition, steps[STEPS - 1].received_ms + 86400000LL * 3),
                     BL_OK);
    assert_int_equal(bl_partition_due(r->partition), BL_NEVER);
    assert_int_equal(r->log.err, BL_OK);
}

/* Another partition takes over what this one would have stored. */
static void hand_over(struct run *r)
{
    struct bl_partition *old = r->partition;
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    struct bl_partition_sink sink = {.ctx = r, .pattern = on_pattern};
    struct bl_buf text = {0};
    struct bl_member *m;
    size_t i = 0;
    assert_int_equal(bl_partition_new(&settings, r->event_mode, (struct bl_hash_key){1, 2}, 100, 3600000,
                                      &sink, &r->partition),
                     BL_OK);
    bl_partition_set_clock(r->partition, bl_partition_clock(old));
    while ((m = bl_partition_member_next(old, &i))) {
        assert_int_equal(bl_state_encode(bl_partition_state(old, m), &text, f), BL_OK);
        for (size_t k = 0; k < BL_STATE_FIELDS_MAX; k++)
            pairs[k] = (struct bl_state_pair){bl_str_of(f[k].name), f[k].value};
        assert_int_equal(bl_state_decode(decoder, scratch, pairs, BL_STATE_FIELDS_MAX, NULL), BL_OK);
        assert_int_equal(bl_partition_member_put(r->partition, bl_member_id(m), scratch, &m), BL_OK);
    }
    bl_partition_free(old);
    bl_buf_release(&text);
}

static void assert_same(const struct run *a, const struct run *b, uint64_t life, const char *what)
{
    if (!bl_str_eq(bl_buf_view(&a->log), bl_buf_view(&b->log)))
        fail_msg("life %d: %s\n--- one:\n%.*s--- other:\n%.*s", (int)life, what, (int)a->log.n, a->log.p,
                 (int)b->log.n, b->log.p);
}

/* Runs the first n steps, with a hand-over before step `cut`. */
static void run_steps(struct run *r, bool event_mode, size_t n, size_t cut)
{
    open_run(r, event_mode, NOBODY);
    for (size_t i = 0; i < n; i++) {
        if (i == cut)
            hand_over(r);
        take(r, &steps[i]);
    }
}

static void each_life(void (*check)(uint64_t life, bool event_mode))
{
    for (uint64_t life = 0; life < LIVES; life++) {
        make_life(life, life % 2);
        check(life, life % 2);
    }
}

static struct run one, other;

static void check_prefix(uint64_t life, bool event_mode)
{
    size_t n = below(STEPS);
    run_steps(&one, event_mode, n, STEPS);
    run_steps(&other, event_mode, n, STEPS);
    close_run(&other);
    assert_same(&one, &other, life, "a prefix gives other patterns the second time");
    /* and the whole begins with what its prefix gave */
    run_steps(&other, event_mode, STEPS, STEPS);
    assert_true(other.log.n >= one.log.n &&
                (one.log.n == 0 || memcmp(other.log.p, one.log.p, one.log.n) == 0));
    close_run(&one);
    close_run(&other);
}

static void check_cut(uint64_t life, bool event_mode)
{
    run_steps(&one, event_mode, STEPS, STEPS);
    finish(&one);
    for (int i = 0; i < CUTS; i++) {
        run_steps(&other, event_mode, STEPS, below(STEPS));
        hand_over(&other);
        finish(&other);
        assert_same(&one, &other, life, "cut in two it gives other patterns");
        close_run(&other);
    }
    close_run(&one);
}

static void check_alone(uint64_t life, bool event_mode)
{
    for (unsigned user = 0; user < USERS; user++) {
        open_run(&one, event_mode, user);
        open_run(&other, event_mode, user);
        for (size_t i = 0; i < STEPS; i++) {
            take(&one, &steps[i]);
            if (steps[i].user == user)
                take(&other, &steps[i]);
        }
        finish(&one);
        finish(&other);
        assert_same(&one, &other, life, "alone a user has other patterns than among others");
        close_run(&one);
        close_run(&other);
    }
}

static void the_same_stream_gives_the_same_bytes(void **state)
{
    (void)state;
    each_life(check_prefix);
}

static void a_stream_cut_anywhere_gives_the_same_bytes(void **state)
{
    (void)state;
    each_life(check_cut);
}

static void users_do_not_touch_each_other(void **state)
{
    (void)state;
    each_life(check_alone);
}

/* A generator that makes no patterns would prove nothing: each type comes up, raised and resolved where it can be. */
static void these_lives_have_every_pattern(void **state)
{
    struct bl_buf all = {0}, word = {0};
    (void)state;
    for (uint64_t life = 0; life < LIVES; life++) {
        make_life(life, life % 2);
        run_steps(&one, life % 2, STEPS, STEPS);
        finish(&one);
        bl_buf_str(&all, bl_buf_view(&one.log));
        close_run(&one);
    }
    bl_buf_char(&all, '\0');
    for (unsigned r = 0; r < BL_RULE_COUNT; r++) {
        bl_buf_clear(&word);
        bl_buf_printf(&word, "\"type\":\"%s\"", bl_rule((enum bl_rule_id)r)->name);
        bl_buf_char(&word, '\0');
        if (!strstr(all.p, word.p))
            fail_msg("no %s", word.p);
    }
    assert_non_null(strstr(all.p, "User clicked buy 7 times"));
    assert_non_null(strstr(all.p, "3 times on"));
    assert_non_null(strstr(all.p, "\"resolution\":\"manual\""));
    bl_buf_release(&all);
    bl_buf_release(&word);
}

static size_t count(const struct bl_buf *log, const char *word)
{
    size_t n = 0, length = strlen(word);
    for (size_t i = 0; i + length <= log->n; i++)
        n += memcmp(log->p + i, word, length) == 0;
    return n;
}

/* Who begins more forms than a state holds is told of the latest ones; the deadlines of other rules stay. */
static void a_full_state_loses_no_deadline(void **state)
{
    struct bl_record r = {.user_id = BL_STR("ann"), .made_id = true, .timestamp_ms = T0, .sent_at_ms = -1};
    char form[16];
    (void)state;
    open_run(&one, true, NOBODY);
    r.event = (struct bl_event){.action = BL_ACTION_PAGE_VIEW, .page = BL_STR("/checkout"), .idle_ms = -1};
    assert_int_equal(bl_partition_record(one.partition, &r, T0), BL_OK);
    r.event.action = BL_ACTION_INPUT_CHANGE;
    for (int i = 0; i < 4 * BL_MARKS_MAX; i++) {
        r.event.form = (struct bl_str){form, (size_t)snprintf(form, sizeof form, "f%d", i)};
        r.timestamp_ms = T0 + i;
        assert_int_equal(bl_partition_record(one.partition, &r, r.timestamp_ms), BL_OK);
    }
    assert_int_equal(bl_partition_advance(one.partition, r.timestamp_ms + 59999), BL_OK);
    assert_int_equal(count(&one.log, "\"type\":\"abandonment\""), 1);
    assert_int_equal(count(&one.log, "\"type\":\"form-abandonment\""), 0);
    assert_int_equal(bl_partition_advance(one.partition, r.timestamp_ms + 60000), BL_OK);
    assert_in_range(count(&one.log, "\"type\":\"form-abandonment\""), BL_MARKS_MAX - 8, BL_MARKS_MAX);
    const struct bl_user *u =
        bl_partition_state(one.partition, bl_partition_member(one.partition, BL_STR("ann")));
    assert_true(u->n_open <= BL_OPEN_MAX && u->n_marks <= BL_MARKS_MAX);
    close_run(&one);
}

/* By event time a user can be forgotten and come again at the same moment: the state that is stored then looks like the
 * one before, but for what its names are. */
static void who_begins_again_is_stored_whole(void **state)
{
    struct bl_record r = {.user_id = BL_STR("ann"), .timestamp_ms = T0, .made_id = true, .sent_at_ms = -1};
    struct bl_state_changes changes;
    struct bl_buf text = {0};
    (void)state;
    open_run(&one, true, NOBODY);
    r.event = (struct bl_event){.action = BL_ACTION_SESSION_END, .page = BL_STR("/a"), .idle_ms = -1};
    assert_int_equal(bl_partition_record(one.partition, &r, T0), BL_OK);
    struct bl_member *m = bl_partition_member(one.partition, BL_STR("ann"));
    assert_int_equal(bl_state_changes(m->state, &m->stored, &text, &changes), BL_OK);
    assert_false(changes.replace);
    bl_partition_clean(one.partition);
    r.user_id = BL_STR("bob");
    r.timestamp_ms = T0 + 5;
    assert_int_equal(bl_partition_record(one.partition, &r, T0 + 5), BL_OK);
    assert_null(m->state);
    r.user_id = BL_STR("ann");
    r.timestamp_ms = T0;
    r.event.page = BL_STR("/b");
    assert_int_equal(bl_partition_record(one.partition, &r, T0), BL_OK);
    assert_int_equal(bl_state_changes(m->state, &m->stored, &text, &changes), BL_OK);
    assert_true(changes.replace);
    assert_int_equal(changes.n_set, 2); /* h, n */
    bl_buf_release(&text);
    close_run(&one);
}

static uint32_t up_to(uint32_t n, uint32_t max)
{
    return n < max ? n : max;
}

/* The state in a block with room for what the step is said to need, and no more: whatever adds more stops at an assertion or
 * at the end of the block. */
static struct bl_user *tight(struct bl_user *u, const struct bl_event *e)
{
    struct bl_room need = bl_engine_needs(u, e);
    struct bl_room room = {.visits = (uint16_t)up_to(u->n_visits + need.visits, BL_VISITS_MAX),
                           .window = (uint16_t)up_to(u->n_window + need.window, BL_WINDOW_KEEP),
                           .open = (uint16_t)up_to(u->n_open + need.open, BL_OPEN_MAX),
                           .marks = (uint16_t)up_to(u->n_marks + need.marks, BL_MARKS_MAX),
                           .names = (uint16_t)up_to(u->n_names + need.names, BL_NAMES_MAX),
                           .text = up_to(u->n_text + need.text, BL_NAMES_BYTES)};
    struct bl_user *to = bl_user_place(malloc(bl_user_bytes(&room)), &room);
    assert_non_null(to);
    assert_true(bl_user_fits(to, &need));
    bl_user_copy(to, u);
    free(u);
    return to;
}

static void a_step_needs_no_more_room_than_is_said(void **state)
{
    static const char *const forms[] = {"f1", "f2", "f3", "f4", "f5", "f6", "f7"};
    static const struct bl_room least = {.names = 1};
    const struct bl_engine engine = bl_engine_of(&settings, (struct bl_sink){NULL, NULL, NULL});
    (void)state;
    for (uint64_t life = 0; life < LIVES; life++) {
        struct bl_user *u = bl_user_place(malloc(bl_user_bytes(&least)), &least);
        make_life(life, true);
        for (size_t i = 0; i < STEPS; i++) {
            struct bl_event *e = &steps[i].record.event;
            e->t_ms = steps[i].received_ms;
            if (e->form.n)
                e->form = bl_str_of(forms[i % (sizeof forms / sizeof *forms)]);
            while (u->due_ms <= e->t_ms) {
                u = tight(u, NULL);
                bl_engine_fire(&engine, u, BL_STR("ann"));
            }
            if (!steps[i].resolves) {
                u = tight(u, e);
                bl_engine_event(&engine, u, BL_STR("ann"), e);
            }
        }
        free(u);
    }
}

static int set_up(void **state)
{
    (void)state;
    bl_settings_defaults(&settings);
    scratch = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    bl_buf_init(&one.log, 0);
    bl_buf_init(&other.log, 0);
    return scratch && bl_state_decoder_new(&decoder) == BL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(scratch);
    bl_state_decoder_free(decoder);
    bl_buf_release(&one.log);
    bl_buf_release(&other.log);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_stream_gives_the_same_bytes),
        cmocka_unit_test(a_stream_cut_anywhere_gives_the_same_bytes),
        cmocka_unit_test(users_do_not_touch_each_other),
        cmocka_unit_test(these_lives_have_every_pattern),
        cmocka_unit_test(a_full_state_loses_no_deadline),
        cmocka_unit_test(who_begins_again_is_stored_whole),
        cmocka_unit_test(a_step_needs_no_more_room_than_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
