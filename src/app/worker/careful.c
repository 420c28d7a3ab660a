/* What owners did not come back from: they were killed, or they died of it. Who takes it next marks in the store what it is at
 * before it does it, and the narrower, the more the marks of the dead tell (ARCHITECTURE 5, "Poison"):
 *
 *   given out once       no marks. Whoever dies leaves up to a fetch of entries pending.
 *   given out before     `round`: in rounds of BL_SUSPECT_ENTRIES
 *   others died there    `entry`: those one by one
 *   others died of one   step by step. A step that BL_POISON_DEATHS owners have marked and not come back from is set aside: an
 *                        event with its line, a user whose state or deadline it is with the whole state.
 *
 * Steps are `event N` (reading and applying one line), `command`, `user ID` (reading a state, firing a deadline). The
 * entry is still one commit: everybody else's events in it take effect with what was set aside, exactly once.
 *
 * A redo (worker/takeover.c) reads what is committed, so nothing is pending, and it begins anew with each owner: all of it is one
 * place, the checkpoint, under which each mark says of which entry it is. `page` stands for a round; from there on all is the
 * same, and what was set aside is stored with the checkpoint that ends it. An owner that dies of storing leaves the mark of the
 * page behind the last. Then the next one tries each user that is to be stored, under a mark `store user ID`:
 *
 *   redo_end ──others died there──> careful_store ──> store_next ──mark user U──> on_store: encode U for nobody, or set U aside
 *                                                      ^   │ none left                │
 *                                                      │   └──mark nothing──> owner_round
 *                                                      └──────────────────────────────┘
 *
 *   careful_round ──mark round──> on_round ──others died there──mark entry──> on_single ──others died of it──> careful_gate
 *       │                            └──> owner_survey: all at once                └──> owner_survey: it alone       │
 *       ┌────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
 *       v
 *   careful_begin ──> next_unit ──mark event N──> on_unit ──> owner_survey (due) ──> careful_load
 *       ^                 │ none left                                                  │ mark user U, load, for each
 *       │                 v                                                            v
 *   next_unit <── apply <── (mark event N again) <──────────── fire: mark user U, fire one, until nothing is due
 *                 └── the end, or a partial round ──> mark nothing ──> owner_settle
 *
 * One process has many partitions, and what it dies of in one of them must not be laid at another's door. So who is
 * careful has the process to itself: it waits until the other owners' rounds are over, and they wait for it
 * (careful_gate). Then a mark stands only while its step is all that is done here.
 *
 * Invariants: of what is taken step by step nothing is decoded, loaded, fired or applied but under a mark that is confirmed; a mark is
 * one owner's, and is gone when it lives to give the partition back. So an owner that is cut off, paused or fenced does
 * not count, and one that is killed for other reasons counts only for the step of that very moment. */
#include "bl/base/log.h"
#include "plant.h"
#include "worker/owner.h"

#include <stdio.h>

static void next_unit(struct owner *o);
static void fire(struct owner *o);
static void load_next(struct owner *o);

static const struct batch_entry *entry(const struct owner *o)
{
    return &o->batch.v[o->batch.at];
}

static void set_aside(struct owner *o, int64_t line, const char *reason, struct bl_str text)
{
    struct bl_str id = o->careful.store ? bl_str_of(o->position) : entry(o)->id;
    bl_log(BL_LOG_ERROR, "poison is set aside", BL_LOG_INT("partition", o->p), BL_LOG_STR("entry", id),
           BL_LOG_STR("step", bl_buf_view(&o->careful.step)));
    effects_poison(&o->effects, id, line, reason, text);
}

static enum bl_err drop_user(struct owner *o, struct bl_member *m, const char *reason)
{
    set_aside(o, -1, reason, bl_member_id(m));
    o->effects.corrupt++;
    patterns_unsure(o, bl_partition_clock(o->partition));
    return bl_partition_empty(o->partition, m);
}

/* ---- marks ---- */

static void on_marked(void *arg, const struct bl_marked *m)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (!owner_proceed(o, m->err, "mark"))
        return;
    struct careful *c = &o->careful;
    int64_t enough = BL_PLANT(POISON_EARLY) ? 1 : BL_POISON_DEATHS;
    bool poison = m->deaths >= enough && !BL_PLANT(MARK_IGNORED);
    c->deaths = m->deaths;
    c->others = m->others;
    c->marked = !poison;
    if (o->redo.on)
        o->now_ms = m->now_ms; /* nothing has been fetched yet */
    c->then(o, poison);
}

static void send_mark(struct owner *o, void (*then)(struct owner *, bool))
{
    struct careful *c = &o->careful;
    struct bl_str place = o->redo.on || c->store ? bl_str_of(o->checkpoint.id) : entry(o)->id;
    c->marked = false;
    c->any = true;
    c->then = then;
    o->state = OWNER_MARKING;
    if (owner_proceed(o, c->step.err, "mark"))
        PORT(o, mark, place, bl_buf_view(&c->step), on_marked, o);
}

/* Under one place for all of a redo, a mark says of which entry it is. */
static void mark(struct owner *o, const char *what, struct bl_str of, void (*then)(struct owner *, bool))
{
    struct careful *c = &o->careful;
    bl_buf_clear(&c->step);
    if (o->redo.on && *what) {
        bl_buf_str(&c->step, entry(o)->id);
        bl_buf_char(&c->step, ' ');
    }
    bl_buf_z(&c->step, what);
    bl_buf_str(&c->step, of);
    c->of_user = false;
    send_mark(o, then);
}

static void mark_unit(struct owner *o, void (*then)(struct owner *, bool))
{
    char number[24];
    snprintf(number, sizeof number, "%zu", o->careful.n_lines - 1);
    if (entry(o)->kind == BL_ENTRY_COMMAND)
        mark(o, "command", BL_STR(""), then);
    else
        mark(o, "event ", bl_str_of(number), then);
}

static void mark_user(struct owner *o, struct bl_str user_id, void (*then)(struct owner *, bool))
{
    mark(o, "user ", user_id, then);
    o->careful.of_user = true;
}

/* ---- which entry ---- */

static bool is_suspect(const struct owner *o)
{
    return o->careful.store || (o->batch.at < o->batch.n && entry(o)->suspect);
}

static bool is_watched(const struct owner *o)
{
    return o->redo.on || entry(o)->deliveries > 1;
}

bool careful_gate(struct owner *o)
{
    struct bl_worker *w = o->worker;
    bool others = w->careful && w->careful != o;
    if (!others && is_suspect(o)) {
        w->careful = o;
        others = w->rounds > 0;
    }
    if (others) {
        o->state = OWNER_QUEUED;
        return false;
    }
    o->in_round = true;
    w->rounds++;
    return true;
}

void careful_leave(struct owner *o)
{
    struct bl_worker *w = o->worker;
    if (!o->in_round)
        return;
    o->in_round = false;
    w->rounds--;
    if (w->careful == o)
        w->careful = NULL;
    if (w->rounds == 0 && w->careful && w->careful->state == OWNER_QUEUED)
        owner_round(w->careful);
    for (int p = 0; p < w->options.partitions && !w->careful; p++)
        if (w->owners[p].state == OWNER_QUEUED)
            owner_round(&w->owners[p]);
}

size_t careful_most(const struct owner *o)
{
    bool single = is_watched(o) && o->careful.single > 0;
    if (single || is_suspect(o))
        return 1;
    return entry(o)->deliveries > 1 ? BL_SUSPECT_ENTRIES : o->batch.n;
}

/* With the process to itself: it may have to wait for that. */
static void on_single(struct owner *o, bool poison)
{
    (void)poison;
    if (o->careful.deaths == 0) {
        owner_survey(o);
        return;
    }
    o->batch.v[o->batch.at].suspect = true;
    careful_leave(o);
    owner_round(o);
}

static void mark_single(struct owner *o)
{
    o->careful.single--;
    mark(o, "entry", BL_STR(""), on_single);
}

static void on_round(struct owner *o, bool poison)
{
    (void)poison;
    if (o->careful.others == 0) {
        owner_survey(o);
        return;
    }
    o->careful.single = BL_SUSPECT_ENTRIES;
    o->batch.upto = o->batch.at + 1;
    mark_single(o);
}

static void on_page(struct owner *o, bool poison)
{
    (void)poison;
    o->careful.then_page(o, o->careful.deaths > 0);
}

void careful_page(struct owner *o, struct bl_str after, void (*then)(struct owner *o, bool died))
{
    struct careful *c = &o->careful;
    bl_buf_clear(&c->step);
    bl_buf_z(&c->step, "page ");
    bl_buf_str(&c->step, after);
    c->then_page = then;
    send_mark(o, on_page);
}

static void careful_begin(struct owner *o)
{
    struct careful *c = &o->careful;
    const struct batch_entry *e = entry(o);
    c->on = true;
    c->rest = e->kind == BL_ENTRY_EVENTS ? e->value : BL_STR("");
    c->n_lines = 0;
    c->at_end = false;
    o->effects.received_ms = o->worker->options.event_mode ? 0 : e->received_ms;
    bl_log(BL_LOG_WARN, "an entry is taken step by step, for owners did not come back from it",
           BL_LOG_INT("partition", o->p), BL_LOG_STR("entry", e->id),
           BL_LOG_INT("deliveries", e->deliveries));
    next_unit(o);
}

bool careful_round(struct owner *o)
{
    struct careful *c = &o->careful;
    if (!is_watched(o))
        c->single = 0;
    if (is_suspect(o))
        careful_begin(o);
    else if (c->single > 0)
        mark_single(o);
    else if (is_watched(o) && !o->redo.on)
        mark(o, "round", BL_STR(""), on_round);
    else
        return false;
    return true;
}

/* ---- one event, or the command ---- */

bool careful_at_start(const struct owner *o)
{
    return o->careful.n_lines <= 1 && o->effects.n_poison == 0;
}

static void on_unit(struct owner *o, bool poison)
{
    bool command = entry(o)->kind == BL_ENTRY_COMMAND;
    if (!poison) {
        owner_survey(o);
        return;
    }
    set_aside(o, (int64_t)o->careful.n_lines - 1,
              command      ? "workers died of this command"
              : o->redo.on ? "workers died of this event when its user's state was made again"
                           : "workers died of this event",
              o->careful.line);
    if (BL_PLANT(NEIGHBOURS))
        o->careful.rest = BL_STR("");
    next_unit(o);
}

static void next_unit(struct owner *o)
{
    struct careful *c = &o->careful;
    bool command = entry(o)->kind == BL_ENTRY_COMMAND && c->n_lines == 0;
    c->line = entry(o)->value;
    c->at_end = !command && !batch_next_line(&c->rest, &c->line);
    c->marked = false;
    if (c->at_end) {
        owner_survey(o);
        return;
    }
    c->n_lines++;
    mark_unit(o, on_unit);
}

enum bl_err careful_survey(struct owner *o)
{
    const struct batch_entry *e = entry(o);
    struct batch_entry only = *e;
    o->horizon_ms = bl_partition_clock(o->partition);
    o->first_ms = o->worker->options.event_mode ? INT64_MIN : e->received_ms;
    if (o->careful.at_end && e->kind == BL_ENTRY_COMMAND)
        only.value = BL_STR(""); /* it is done, or set aside: only its time counts */
    enum bl_err err = batch_survey_rest(o, &only);
    if (err == BL_OK && !o->careful.at_end && e->kind == BL_ENTRY_EVENTS)
        err = batch_survey_line(o, o->careful.line);
    return err;
}

/* ---- users to load, one by one ---- */

static void on_one(void *arg, size_t i, const struct bl_loaded *l)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    struct bl_str id = o->wanted[o->careful.n_loaded];
    if (o->careful.marked) {
        owner_loaded(arg, o->careful.n_loaded, l);
        return;
    }
    (void)i;
    if (o->drop || o->load_err != BL_OK)
        return;
    if (l->n > 0) {
        set_aside(o, -1, "workers died of this user's state", id);
        o->effects.corrupt++;
    }
    o->load_err = owner_take_empty(o, id, l);
}

static void on_one_done(void *arg, enum bl_err err)
{
    struct owner *o = BL_CAST(struct owner, arg, OWNER_MAGIC);
    if (err == BL_OK)
        err = o->load_err;
    if (!owner_proceed(o, err, "load"))
        return;
    o->careful.n_loaded++;
    load_next(o);
}

static void on_user(struct owner *o, bool poison)
{
    (void)poison; /* on_one sees that it is not marked */
    o->state = OWNER_LOADING;
    PORT(o, load, &o->wanted[o->careful.n_loaded], 1, on_one, on_one_done, o);
}

static void load_next(struct owner *o)
{
    if (o->careful.n_loaded < o->n_wanted)
        mark_user(o, o->wanted[o->careful.n_loaded], on_user);
    else if (owner_proceed(o, owner_visit_dues(o), "load"))
        fire(o);
}

void careful_load(struct owner *o)
{
    o->careful.n_loaded = 0;
    load_next(o);
}

/* ---- deadlines, one by one ---- */

static void finish(struct owner *o, bool poison)
{
    (void)poison;
    owner_settle(o);
}

static void apply(struct owner *o, bool poison)
{
    struct careful *c = &o->careful;
    const struct batch_entry *e = entry(o);
    if (poison) {
        on_unit(o, true);
        return;
    }
    c->stepped = NULL;
    enum bl_err err = e->kind == BL_ENTRY_COMMAND ? batch_step_command(o, e) : batch_step_line(o, e, c->line);
    if (err == BL_OK && c->stepped)
        err = commit_try(o, c->stepped);
    if (owner_proceed(o, err, "step"))
        next_unit(o);
}

static void fired(struct owner *o)
{
    const struct careful *c = &o->careful;
    enum bl_err err = BL_OK;
    if (o->partial)
        err = bl_partition_fire_until(o->partition, o->horizon_ms);
    else if (c->at_end)
        err = batch_end(o, entry(o));
    if (!owner_proceed(o, err, "step"))
        return;
    if (o->partial || c->at_end)
        mark(o, "", BL_STR(""), finish);
    else if (c->marked && !c->of_user)
        apply(o, false); /* nobody was loaded and nothing fired: it is still the unit's */
    else
        mark_unit(o, apply);
}

static void on_fire(struct owner *o, bool poison)
{
    struct bl_member *m = bl_partition_due_by(o->partition, o->horizon_ms);
    enum bl_err err = BL_OK;
    if (poison) {
        err = drop_user(o, m, "workers died of this user's state");
    } else {
        err = bl_partition_fire_one(o->partition, m);
        if (err == BL_OK)
            err = commit_try(o, m);
    }
    if (owner_proceed(o, err, "step"))
        fire(o);
}

static void fire(struct owner *o)
{
    /* Half a round may end before the clock: a deadline may have passed when it is made. */
    bool moves = o->partial || o->horizon_ms > bl_partition_clock(o->partition);
    const struct bl_member *m = moves ? bl_partition_due_by(o->partition, o->horizon_ms) : NULL;
    if (m)
        mark_user(o, bl_member_id(m), on_fire);
    else
        fired(o);
}

/* ---- users at the end of a redo, one by one ---- */

static void store_next(struct owner *o);

static void on_stored(struct owner *o, bool poison)
{
    (void)poison;
    o->careful.store = false;
    careful_leave(o);
    owner_round(o);
}

static void on_store(struct owner *o, bool poison)
{
    struct bl_member *m = o->next;
    enum bl_err err =
        poison ? drop_user(o, m, "workers died of storing this user's state") : commit_try(o, m);
    o->next = m->next_dirty;
    if (owner_proceed(o, err, "store"))
        store_next(o);
}

static void store_next(struct owner *o)
{
    if (o->give_up) {
        owner_finish(o); /* nothing is written yet: whoever comes next begins anew */
        return;
    }
    while (o->next && !o->next->state)
        o->next = o->next->next_dirty;
    if (o->next)
        mark(o, "store user ", bl_member_id(o->next), on_store);
    else
        mark(o, "", BL_STR(""), on_stored);
}

bool careful_store(struct owner *o)
{
    if (!o->careful.store)
        return false;
    bl_log(BL_LOG_WARN, "users are tried one by one, for owners did not come back from storing them",
           BL_LOG_INT("partition", o->p), BL_LOG_STR("entry", bl_str_of(o->position)),
           BL_LOG_INT("users", (int64_t)bl_partition_dirty_count(o->partition)));
    if (owner_proceed(o, bl_partition_dirty(o->partition, &o->next), "store"))
        store_next(o);
    return true;
}
