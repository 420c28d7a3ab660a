/* What the owner is given of the stream, and with it the store's clock and who is due.
 *
 *   TIME  XREADGROUP > [ZRANGE deadlines  ZRANGE active]
 *                                            in a transaction that a zombie cannot carry out (world_transact.c has the
 *                                            reasons): one of its own, or the commit before, whose end it is then
 *   XREAD BLOCK  MULTI  TIME  XREADGROUP …   the same behind the doorbell: Redis goes on with what stands behind a blocked
 *                                            command as soon as that ends (world_bell.c)
 *   entries_fetch.lua                        for what needs a decision inside Redis: what a predecessor left pending comes
 *                                            first; nothing is unread and somebody is due, so time enters the stream
 *                                            (SPEC 3.4); Redis has too little memory for MULTI
 *
 * At 1 to 4 entries of one event a transaction costs Redis half of what the script does, at 240 events a tenth; within a
 * commit there is neither another MULTI, EXEC, WATCH and GET, nor another round trip.
 *
 * Deadlines are asked for where somebody may be due (world_due.c), in order, a few more than were due the last time: a score
 * costs Redis half a microsecond to print. So are those who were last seen long ago. If all of either are due, more may be, and
 * the owner asks. Where more are due than a fetch tells, the first of all is enough. */
#include "world.h"

#include <stdio.h>

/* Of a transaction's last commands: time, entries; and deadlines, active, if it asks for dues. */
#define ANSWERS      2
#define ANSWERS_DUES 2

static const struct {
    const char *field;
    enum bl_entry_kind kind;
} kinds[] = {{"events", BL_ENTRY_EVENTS}, {"tick", BL_ENTRY_TICK}, {"command", BL_ENTRY_COMMAND}};

static void read_entry(const redisReply *reply, struct bl_entry *out)
{
    const redisReply *fields = reply->elements == 2 ? reply->element[1] : NULL;
    out->id = reply->elements > 0 ? world_text(reply->element[0]) : BL_STR("");
    out->kind = BL_ENTRY_POISON;
    out->value = BL_STR("");
    out->deliveries = 0;
    const char *dash = out->id.n ? memchr(out->id.p, '-', out->id.n) : NULL;
    if (!dash || !bl_str_int64((struct bl_str){out->id.p, (size_t)(dash - out->id.p)}, &out->received_ms))
        out->received_ms = 0;
    if (!fields || fields->type != REDIS_REPLY_ARRAY) {
        out->kind = BL_ENTRY_LOST;
        return;
    }
    if (fields->elements >= 2)
        out->value = world_text(fields->element[1]);
    for (size_t i = 0; fields->elements == 2 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (bl_str_eqz(world_text(fields->element[0]), kinds[i].field))
            out->kind = kinds[i].kind;
}

static void know_now(struct slot *s, struct bl_fetched *f, int64_t now_ms)
{
    f->now_ms = s->now_ms = now_ms;
    s->now_at = (int64_t)uv_now(s->world->options.loop);
}

/* deliveries: of each; NULL, or fewer: not pending. */
static enum bl_err take_entries(struct slot *s, const redisReply *list, const redisReply *deliveries,
                                struct bl_fetched *f)
{
    struct bl_entry *entries = world_items(s, list->elements + 1, sizeof *entries);
    if (!entries)
        return BL_ERR_NO_MEMORY;
    for (size_t i = 0; i < list->elements; i++) {
        read_entry(list->element[i], &entries[i]);
        if (deliveries && i < deliveries->elements)
            entries[i].deliveries = world_int(deliveries->element[i], 0);
    }
    f->entries = entries;
    f->n = list->elements;
    return BL_OK;
}

/* The texts stand in the reply whose callback runs. */
static void tell_all(struct slot *s, struct bl_fetched *f)
{
    if (f->err == BL_OK)
        f->held = (struct bl_held){bl_link_keep(s->data), bl_reply_free};
    s->call.fn.fetched(s->call.arg, f);
}

/* ---- by script ---- */

static enum bl_err read_script(struct slot *s, const redisReply *reply, struct bl_fetched *f)
{
    struct dues dues;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 7)
        return BL_ERR_CORRUPT;
    int64_t earliest = world_int(reply->element[1], -1);
    know_now(s, f, world_int(reply->element[0], 0));
    f->earliest_ms = s->due_from_ms = earliest < 0 ? BL_NEVER : earliest;
    f->pending = world_int(reply->element[2], 0) == 1;
    f->dues = s->dues;
    enum bl_err err = take_entries(s, reply->element[3], reply->element[4], f);
    if (err == BL_OK)
        err = world_take_dues(reply->element[5], reply->element[6], BL_DUE_FETCHED, BL_NEVER, s->dues, &dues);
    if (err != BL_OK)
        return err;
    f->n_dues = dues.n;
    f->dues_known = s->call.tick != BL_TICK_NEVER && dues.most < BL_DUE_FETCHED;
    return BL_OK;
}

static void on_script(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    struct bl_fetched f = {.err = world_error(s->data, reply)};
    if (f.err == BL_OK && !s->watched)
        f.err = BL_ERR_STORE_UNAVAILABLE;
    if (f.err == BL_OK)
        f.err = read_script(s, reply, &f);
    tell_all(s, &f);
}

static void send_script(struct slot *s, bool pending)
{
    static const enum bl_key keys[] = {BL_KEY_EVENTS, BL_KEY_FENCE, BL_KEY_DEADLINES, BL_KEY_ACTIVE};
    char count[24], grace[24], dues[16], idle[24], after[24];
    snprintf(count, sizeof count, "%zu", s->call.max);
    snprintf(dues, sizeof dues, "%d", BL_DUE_FETCHED);
    snprintf(grace, sizeof grace, "%lld",
             s->call.tick == BL_TICK_NEVER ? -1LL : (long long)s->world->options.grace_ms);
    snprintf(idle, sizeof idle, "%d", BL_IDLE_MS);
    const struct bl_str args[] = {bl_str_of(s->fence),
                                  BL_STR(GROUP),
                                  BL_STR(CONSUMER),
                                  bl_str_of(count),
                                  bl_str_of(pending ? "1" : "0"),
                                  bl_str_of(grace),
                                  bl_str_of(dues),
                                  bl_str_of(idle),
                                  world_seen_after(s->call.passed_ms, after),
                                  bl_str_of(s->call.tick == BL_TICK_DUE ? "1" : "0")};
    world_script(s, s->data, BL_SCRIPT_entries_fetch, keys, 4, args, 10, on_script, s);
}

/* ---- by transaction ---- */

static void ask_dues(struct slot *s)
{
    struct commands *c = &s->fetch;
    char after[24];
    int64_t dues =
        s->call.tick == BL_TICK_NEVER ? 1 : (int64_t)s->ask_dues; /* in event time only who is the first */
    commands_new(c, "ZRANGE");
    commands_key(c, BL_KEY_DEADLINES, BL_STR(""));
    commands_int(c, 0);
    commands_int(c, dues - 1);
    commands_z(c, "WITHSCORES");
    commands_new(c, "ZRANGE");
    commands_key(c, BL_KEY_ACTIVE, BL_STR(""));
    commands_arg(c, world_seen_after(s->call.passed_ms, after));
    commands_z(c, "+inf");
    commands_z(c, "BYSCORE");
    commands_z(c, "LIMIT");
    commands_int(c, 0);
    commands_int(c, dues);
    commands_z(c, "WITHSCORES");
}

static void ask(struct slot *s)
{
    struct commands *c = &s->fetch;
    commands_clear(c);
    commands_new(c, "TIME");
    commands_new(c, "XREADGROUP");
    commands_z(c, "GROUP");
    commands_z(c, GROUP);
    commands_z(c, CONSUMER);
    commands_z(c, "COUNT");
    commands_int(c, (int64_t)s->call.max);
    commands_z(c, "STREAMS");
    commands_key(c, BL_KEY_EVENTS, BL_STR(""));
    commands_z(c, ">");
    s->asks_dues = s->call.tick == BL_TICK_NEVER || world_due_in(s) == 0;
    if (s->asks_dues)
        ask_dues(s);
}

/* {{stream, entries}}, or nil: nothing is unread. NULL: neither. */
static const redisReply *entries_of(const redisReply *streams)
{
    static const redisReply none = {.type = REDIS_REPLY_ARRAY};
    if (streams->type == REDIS_REPLY_NIL)
        return &none;
    const redisReply *only = streams->elements == 1 ? streams->element[0] : NULL;
    return only && only->elements == 2 ? only->element[1] : NULL;
}

static int64_t due_until(const struct slot *s, const struct bl_fetched *f)
{
    return f->entries[f->n - 1].received_ms - s->world->options.grace_ms;
}

static void tell_nobody_due(const struct slot *s, struct bl_fetched *f)
{
    f->earliest_ms = s->due_from_ms;
    f->dues_known = f->n > 0 && s->due_from_ms > due_until(s, f);
    f->dues = s->dues;
}

static enum bl_err read_dues(struct slot *s, const redisReply *deadlines, const redisReply *active,
                             struct bl_fetched *f)
{
    bool known = f->n > 0 && s->call.tick != BL_TICK_NEVER;
    int64_t until_ms = known ? due_until(s, f) : INT64_MIN;
    struct dues dues;
    enum bl_err err = world_take_dues(deadlines, active, s->ask_dues, until_ms, s->dues, &dues);
    if (err != BL_OK)
        return err;
    f->earliest_ms = s->due_from_ms = dues.earliest_ms;
    f->dues_known = known && dues.most < s->ask_dues;
    f->dues = s->dues;
    f->n_dues = f->dues_known ? dues.n : 0;
    if (f->dues_known)
        world_saw_due(s, dues.most);
    return BL_OK;
}

/* The answers to what `ask` asked. */
static enum bl_err read_answers(struct slot *s, redisReply *const *answers, struct bl_fetched *f)
{
    const redisReply *time = answers[0], *list = entries_of(answers[1]);
    if (time->elements != 2 || !list || list->type != REDIS_REPLY_ARRAY)
        return BL_ERR_CORRUPT;
    know_now(s, f, world_int(time->element[0], 0) * 1000 + world_int(time->element[1], 0) / 1000);
    enum bl_err err = take_entries(s, list, NULL, f);
    if (err == BL_OK && s->asks_dues)
        err = read_dues(s, answers[2], answers[3], f);
    else if (err == BL_OK)
        tell_nobody_due(s, f);
    return err;
}

static bool wants_tick(const struct slot *s, const struct bl_fetched *f)
{
    return s->call.tick == BL_TICK_DUE && f->n == 0 && f->earliest_ms != BL_NEVER &&
           f->earliest_ms + s->world->options.grace_ms <= f->now_ms;
}

void world_fetched(struct slot *s)
{
    redisReply *reply = s->answers;
    struct bl_fetched f = {.err = BL_ERR_CORRUPT};
    s->answers = NULL; /* what is told of it may lead to the next transaction */
    size_t n = ANSWERS + (s->asks_dues ? ANSWERS_DUES : 0);
    redisReply **answers = reply && reply->elements >= n ? reply->element + (reply->elements - n) : NULL;
    if (answers)
        f.err = read_answers(s, answers, &f);
    if (!reply || (f.err == BL_OK && wants_tick(s, &f))) {
        send_script(s, false);
    } else if (f.err == BL_OK) {
        f.held = (struct bl_held){reply, bl_reply_free};
        reply = NULL;
        s->call.fn.fetched(s->call.arg, &f);
    } else {
        s->call.fn.fetched(s->call.arg, &f);
    }
    bl_reply_free(reply);
}

static void on_over(struct slot *s, enum bl_err err)
{
    const struct bl_fetched failed = {.err = err};
    if (err == BL_OK || s->oom)
        world_fetched(s);
    else
        s->call.fn.fetched(s->call.arg, &failed);
}

/* ---- once more ---- */

static void on_reread(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    struct bl_fetched f = {.err = world_error(s->data, reply)};
    if (f.err == BL_OK && reply->type != REDIS_REPLY_ARRAY)
        f.err = BL_ERR_CORRUPT;
    if (f.err == BL_OK)
        f.err = take_entries(s, reply, NULL, &f);
    tell_all(s, &f);
}

/* Not fenced: what is read does not change, and nothing is written for its sake but by a commit. */
void world_reread(void *ctx, int p, struct bl_str after, struct bl_str upto, size_t max, bl_fetched_fn *fn,
                  void *arg)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    char from[64];
    world_call_begin(s, 1, arg);
    s->call.fn.fetched = fn;
    snprintf(from, sizeof from, "(%.*s", BL_STR_ARG(after));
    commands_new(c, "XRANGE");
    commands_key(c, BL_KEY_EVENTS, BL_STR(""));
    commands_z(c, after.n ? from : "-");
    commands_arg(c, upto);
    commands_z(c, "COUNT");
    commands_int(c, (int64_t)max);
    world_send(s->data, c, 0, on_reread, s);
}

/* ---- asking ---- */

static struct call call_of(size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn, void *arg)
{
    return (struct call){.arg = arg, .fn.fetched = fn, .max = max, .tick = tick, .passed_ms = passed_ms};
}

void world_fetch(void *ctx, int p, size_t max, bool pending, enum bl_tick tick, int64_t passed_ms,
                 bl_fetched_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->call = call_of(max, tick, passed_ms, fn, arg);
    if (pending && s->watched) {
        send_script(s, true);
        return;
    }
    commands_clear(&s->commit);
    ask(s);
    world_transact(s, on_over);
}

/* Nobody gets due while it waits, or it asks who: so it may end before. */
void world_await(void *ctx, int p, struct bl_str id, int64_t wait_ms, size_t max, enum bl_tick tick,
                 int64_t passed_ms, bl_fetched_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->call = call_of(max, tick, passed_ms, fn, arg);
    commands_clear(&s->commit);
    ask(s);
    int64_t due_in = s->asks_dues ? BL_NEVER : world_due_in(s);
    world_bell(s, id, due_in < wait_ms ? due_in : wait_ms);
    world_transact(s, on_over);
}

void world_put_fetch(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                     void *arg)
{
    struct slot *s = world_slot(ctx, p);
    s->call = call_of(max, tick, passed_ms, fn, arg);
    ask(s);
}
