/* The entries of one fetch: taken over, surveyed (whom do they concern, how far do they move the clock), applied.
 *
 * Their texts stay where the fetch left them, up to 16 MB, with what the commit before was answered, until the last round of the
 * batch is put: copied, they cost the worker 1.29 us an event in place of 1.18 (10,000 users, bodies of 500).
 *
 * A batch is worked off in rounds of step and commit. A command is a round of its own, so that what it finds
 * in the store is what the entries before it left there; what its own time makes due is in the round's effects
 * only, and comes first. */
#include "bl/wire/command.h"
#include "plant.h"
#include "worker/owner.h"

#include <stdlib.h>

#define AHEAD 32 /* lines */

void batch_reset(struct batch *b)
{
    bl_held_release(&b->held);
    arena_reset(&b->arena);
    b->n = b->at = b->upto = 0;
}

/* They need not wait for the store: what it answers may have their place. */
void batch_let_go(struct owner *o)
{
    struct batch *b = &o->batch;
    if ((!o->partial && b->upto == b->n) || BL_PLANT(TEXTS_EARLY))
        bl_held_release(&b->held);
}

enum bl_err batch_take(struct batch *b, const struct bl_fetched *f)
{
    batch_reset(b);
    b->held = f->held; /* first: whatever happens, it is let go of */
    for (size_t i = 0; i < f->n; i++) {
        const struct bl_entry *from = &f->entries[i];
        if (!OWNER_ROOM(b->v, b->cap, b->n))
            return BL_ERR_NO_MEMORY;
        b->v[b->n++] = (struct batch_entry){.id = from->id,
                                            .value = from->value,
                                            .received_ms = from->received_ms,
                                            .kind = from->kind,
                                            .deliveries = from->deliveries};
    }
    return BL_OK;
}

bool batch_narrow(struct batch *b)
{
    if (b->upto - b->at < 2)
        return false;
    b->upto = b->at + (b->upto - b->at) / 2;
    return true;
}

static bool redelivered(const struct batch_entry *e)
{
    return e->deliveries > 1;
}

void batch_choose(struct batch *b, size_t max_bytes, size_t most)
{
    const struct batch_entry *first = &b->v[b->at];
    size_t bytes = first->value.n;
    b->upto = b->at + 1;
    if (first->kind == BL_ENTRY_COMMAND)
        return;
    for (; b->upto < b->n && b->upto - b->at < most; b->upto++) {
        const struct batch_entry *e = &b->v[b->upto];
        if (e->kind == BL_ENTRY_COMMAND || redelivered(e) != redelivered(first) ||
            bytes + e->value.n > max_bytes)
            return;
        bytes += e->value.n;
    }
}

/* Takes the next line off *text. */
bool batch_next_line(struct bl_str *text, struct bl_str *line)
{
    if (text->n == 0)
        return false;
    const char *end = memchr(text->p, '\n', text->n);
    line->p = text->p;
    line->n = end ? (size_t)(end - text->p) : text->n;
    size_t taken = line->n + (end ? 1 : 0);
    *text = (struct bl_str){text->p + taken, text->n - taken};
    return true;
}

static void want_member(struct owner *o, struct bl_member *m)
{
    o->n_users += m->touched != o->round && !m->dirty;
    owner_touch(o, m);
}

static enum bl_err want_missing(struct owner *o, struct bl_str user_id)
{
    if (bl_map_get(&o->wanted_by_id, user_id) || parts_have(o, user_id))
        return BL_OK;
    if (!OWNER_ROOM(o->wanted, o->cap_wanted, o->n_wanted))
        return BL_ERR_NO_MEMORY;
    struct bl_str *own = arena_entry(&o->batch.arena, user_id);
    if (!own)
        return BL_ERR_NO_MEMORY;
    o->wanted[o->n_wanted++] = *own;
    o->n_users++;
    return bl_map_put(&o->wanted_by_id, own);
}

enum bl_err owner_want(struct owner *o, struct bl_str user_id)
{
    struct bl_member *m = bl_partition_member(o->partition, user_id);
    if (!m)
        return want_missing(o, user_id);
    want_member(o, m);
    return BL_OK;
}

/* A canonical line begins with the user id: most need no parser to be told from each other. */
static bool quick_user(struct bl_str line, struct bl_str *out)
{
    static const struct bl_str head = {"{\"user_id\":\"", 12};
    if (!bl_str_starts(line, head))
        return false;
    const char *from = line.p + head.n, *end = memchr(from, '"', line.n - head.n);
    if (!end || end == from || memchr(from, '\\', (size_t)(end - from)) ||
        (size_t)(end - from) > BL_USER_ID_MAX_BYTES)
        return false;
    *out = (struct bl_str){from, (size_t)(end - from)};
    return true;
}

static void move_horizon(struct owner *o, int64_t ms)
{
    if (ms > o->horizon_ms)
        o->horizon_ms = ms;
}

enum bl_err batch_survey_line(struct owner *o, struct bl_str line)
{
    struct bl_record r;
    bool event_mode = o->worker->options.event_mode;
    struct bl_str user;
    if (!event_mode && quick_user(line, &user))
        return owner_want(o, user);
    enum bl_err err = bl_record_read(o->worker->decoder, line, &r);
    if (err == BL_ERR_NO_MEMORY)
        return err;
    if (err != BL_OK)
        return BL_OK; /* the step sets it aside */
    if (event_mode)
        move_horizon(o, r.timestamp_ms);
    if (o->first_ms == INT64_MIN)
        o->first_ms = r.timestamp_ms;
    return owner_want(o, r.user_id);
}

/* In event time a tick says what time it is; "1" of live mode moves nothing. */
static int64_t tick_ms(const struct owner *o, const struct batch_entry *e)
{
    int64_t ms;
    if (!o->worker->options.event_mode)
        return e->received_ms;
    return bl_str_int64(e->value, &ms) ? ms : INT64_MIN;
}

enum bl_err batch_survey_rest(struct owner *o, const struct batch_entry *e)
{
    struct bl_command command;
    if (!o->worker->options.event_mode)
        move_horizon(o, e->received_ms);
    if (e->kind == BL_ENTRY_TICK) {
        move_horizon(o, tick_ms(o, e));
        if (o->first_ms == INT64_MIN)
            o->first_ms = tick_ms(o, e);
    }
    if (e->kind != BL_ENTRY_COMMAND)
        return BL_OK;
    enum bl_err err = bl_command_read(e->value, &command);
    if (err == BL_OK && command.kind == BL_COMMAND_RESOLVE)
        return owner_want(o, bl_command_user(&command));
    return err == BL_ERR_NO_MEMORY ? err : BL_OK; /* the step sets aside what it cannot read */
}

/* A line of the survey. With many users most of it is waiting for what lies somewhere in memory: the place in the table, then
 * the member. So some lines are looked at together. */
struct sight {
    struct bl_str user; /* empty: it takes a parser to tell */
    uint64_t hash;
};

static enum bl_err survey_sight(struct owner *o, const struct sight *sight, struct surveyed *line)
{
    if (sight->user.n == 0)
        return batch_survey_line(o, line->text);
    line->member = bl_partition_member_hashed(o->partition, sight->user, sight->hash);
    if (!line->member)
        return want_missing(o, sight->user);
    want_member(o, line->member);
    return BL_OK;
}

/* Takes up to AHEAD lines off *text. */
static enum bl_err survey_lines(struct owner *o, struct bl_str *text)
{
    struct sight sights[AHEAD];
    struct bl_str line;
    size_t n = 0, first = o->n_surveyed;
    enum bl_err err = BL_OK;
    for (; n < AHEAD && batch_next_line(text, &line); n++) {
        if (!OWNER_ROOM(o->surveyed, o->cap_surveyed, o->n_surveyed))
            return BL_ERR_NO_MEMORY;
        o->surveyed[o->n_surveyed++] = (struct surveyed){.text = line};
        sights[n].user = BL_STR("");
        if (o->worker->options.event_mode || !quick_user(line, &sights[n].user))
            continue;
        sights[n].hash = bl_partition_hash(o->partition, sights[n].user);
        bl_partition_fetch(o->partition, sights[n].hash, BL_FETCH_SLOT);
    }
    for (size_t i = 0; i < n; i++)
        if (sights[i].user.n > 0)
            bl_partition_fetch(o->partition, sights[i].hash, BL_FETCH_MEMBER);
    for (size_t i = 0; i < n && err == BL_OK; i++)
        err = survey_sight(o, &sights[i], &o->surveyed[first + i]);
    return err;
}

static enum bl_err survey_entry(struct owner *o, struct batch_entry *e)
{
    struct bl_str text = e->kind == BL_ENTRY_EVENTS ? e->value : BL_STR("");
    size_t before = o->n_surveyed;
    enum bl_err err = batch_survey_rest(o, e);
    while (err == BL_OK && text.n > 0)
        err = survey_lines(o, &text);
    e->n_lines = o->n_surveyed - before;
    return err;
}

/* Redis does a commit in one go, and it costs by users: some 5 us each, 15 with a million of them in all. */
static bool is_full(const struct owner *o)
{
    return o->n_users >= OWNER_USERS_MAX || o->n_wanted >= OWNER_COMERS_MAX;
}

/* The round ends with the entry that fills it. */
enum bl_err batch_survey(struct owner *o)
{
    struct batch *b = &o->batch;
    enum bl_err err = BL_OK;
    o->n_surveyed = o->at_line = 0;
    o->horizon_ms = bl_partition_clock(o->partition);
    /* In event time the first record says when it is; what cannot be read says nothing. */
    o->first_ms = o->worker->options.event_mode ? INT64_MIN : o->batch.v[o->batch.at].received_ms;
    for (size_t i = b->at; i < b->upto && err == BL_OK; i++) {
        err = survey_entry(o, &b->v[i]);
        if (is_full(o))
            b->upto = i + 1;
    }
    return err;
}

static enum bl_err step_line(struct owner *o, const struct batch_entry *e, const struct surveyed *line)
{
    struct bl_record r;
    enum bl_err err = bl_record_read(o->worker->decoder, line->text, &r);
    if (err == BL_ERR_NO_MEMORY)
        return err;
    if (err != BL_OK || (o->worker->options.event_mode && r.timestamp_ms < 0)) {
        effects_poison(&o->effects, e->id, -1, err != BL_OK ? "unreadable event" : "event without timestamp",
                       line->text);
        return BL_OK;
    }
    o->effects.received_ms = o->worker->options.event_mode ? r.timestamp_ms : e->received_ms;
    if (parts_have(o, r.user_id))
        return BL_PLANT(PART_SKIPPED) ? BL_OK : bl_partition_record_known(o->partition, &r, e->received_ms);
    struct bl_member *m = BL_PLANT(NEEDED_LEAVE) ? NULL : line->member;
    if (!m || !bl_str_eq(bl_member_id(m), r.user_id))
        m = bl_partition_member(o->partition, r.user_id);
    if (!m)
        return BL_ERR_INTERNAL; /* the survey missed a user: without the state nothing may be written */
    o->careful.stepped = m;
    return bl_partition_record_hashed(o->partition, &r, e->received_ms, 0,
                                      m); /* it is he: no hash is needed */
}

enum bl_err batch_step_line(struct owner *o, const struct batch_entry *e, struct bl_str line)
{
    const struct surveyed only = {.text = line};
    return step_line(o, e, &only);
}

/* Their states are on the way into the cache before the first is stepped: with 300,000 users the worker takes 5.6 us an event
 * so, and 6.3 without. */
static void fetch_ahead(const struct surveyed *v, size_t n)
{
    if (BL_PLANT(NEEDED_LEAVE))
        return;
    for (enum bl_partition_stage stage = BL_FETCH_MEMBER; stage <= BL_FETCH_LISTS; stage++)
        for (size_t i = 0; i < n; i++)
            if (v[i].member)
                bl_member_fetch(v[i].member, stage);
}

/* They were surveyed in this order. */
static enum bl_err step_lines(struct owner *o, const struct batch_entry *e)
{
    const struct surveyed *v = o->surveyed + o->at_line;
    enum bl_err err = BL_OK;
    for (size_t i = 0; i < e->n_lines && err == BL_OK; i++) {
        if (i % AHEAD == 0)
            fetch_ahead(v + i, e->n_lines - i < AHEAD ? e->n_lines - i : AHEAD);
        err = step_line(o, e, &v[i]);
    }
    o->at_line += e->n_lines;
    return err;
}

static enum bl_err step_resolve(struct owner *o, const struct bl_command *command, int64_t now_ms)
{
    bool found;
    enum bl_err err =
        bl_partition_resolve(o->partition, bl_command_user(command), &command->pattern_id, now_ms, &found);
    o->manual = err == BL_OK && !found;
    if (err == BL_OK && found)
        o->careful.stepped = bl_partition_member(o->partition, bl_command_user(command));
    return err;
}

static enum bl_err step_explain(struct owner *o, const struct bl_command *command, int64_t now_ms)
{
    o->explanation = arena_copy(&o->effects.arena, bl_command_text(command));
    o->manual = true;
    return o->explanation.p ? bl_partition_advance(o->partition, now_ms) : BL_ERR_NO_MEMORY;
}

enum bl_err batch_step_command(struct owner *o, const struct batch_entry *e)
{
    struct bl_command command;
    int64_t now_ms = o->worker->options.event_mode ? INT64_MIN : e->received_ms;
    enum bl_err err = bl_command_read(e->value, &command);
    if (err == BL_ERR_NO_MEMORY)
        return err;
    if (err != BL_OK) {
        effects_poison(&o->effects, e->id, -1, "unreadable command", e->value);
        return bl_partition_advance(o->partition, now_ms);
    }
    if (command.kind == BL_COMMAND_RULES)
        return rules_command(o, e, command.version, command.settings);
    if (command.kind == BL_COMMAND_ERASE)
        return erase_command(o, e, bl_command_user(&command), now_ms);
    if (command.kind == BL_COMMAND_READMIT)
        return erase_readmit(o, bl_command_user(&command), now_ms);
    bl_pattern_id_hex(&command.pattern_id, o->manual_id);
    o->explanation = BL_STR("");
    return command.kind == BL_COMMAND_EXPLAIN ? step_explain(o, &command, now_ms)
                                              : step_resolve(o, &command, now_ms);
}

enum bl_err batch_end(struct owner *o, const struct batch_entry *e)
{
    if (e->kind == BL_ENTRY_POISON)
        effects_poison(&o->effects, e->id, -1, "not an entry of ours", e->value);
    if (e->kind == BL_ENTRY_LOST)
        o->effects.lost++;
    if (e->kind == BL_ENTRY_TICK || !o->worker->options.event_mode)
        return bl_partition_advance(o->partition, tick_ms(o, e));
    return BL_OK;
}

static enum bl_err step_entry(struct owner *o, const struct batch_entry *e)
{
    enum bl_err err = BL_OK;
    o->effects.received_ms = o->worker->options.event_mode ? 0 : e->received_ms;
    if (e->kind == BL_ENTRY_COMMAND)
        return batch_step_command(o, e);
    if (e->kind == BL_ENTRY_EVENTS)
        err = step_lines(o, e);
    return err == BL_OK ? batch_end(o, e) : err;
}

enum bl_err batch_step(struct owner *o, bool *done)
{
    size_t n = o->batch.upto - o->batch.at;
    for (size_t bytes = 0; o->stepped < n && bytes < OWNER_SLICE_BYTES;) {
        const struct batch_entry *e = &o->batch.v[o->batch.at + o->stepped++];
        enum bl_err err = step_entry(o, e);
        if (err != BL_OK)
            return err;
        bytes += e->value.n + sizeof *e;
    }
    *done = o->stepped == n;
    return o->effects.err;
}
