/* What the owner reads. Calls of many commands are pipelined: the replies come in order, the last one ends
 * the call, and one that is missing spoils it. */
#include "bl/base/log.h"
#include "bl/base/memory.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static struct slot *slot_of(void *ctx)
{
    return BL_CAST(struct slot, ctx, SLOT_MAGIC);
}

void world_call_begin(struct slot *s, size_t n, void *arg)
{
    s->call = (struct call){.n = n, .arg = arg};
    commands_clear(&s->commit);
}

bool world_call_reply(struct slot *s, const redisReply *reply)
{
    enum bl_err err = world_error(s->data, reply);
    if (s->call.err == BL_OK)
        s->call.err = err;
    return ++s->call.i == s->call.n;
}

void world_call_done(struct slot *s)
{
    s->call.fn.done(s->call.arg, s->call.err);
}

/* ---- restore ---- */

static void answer_restored(struct slot *s, struct bl_restored *r)
{
    s->call.fn.restored(s->call.arg, r);
}

static size_t take_texts(const redisReply *list, struct bl_str *out)
{
    for (size_t i = 0; i < list->elements; i++)
        out[i] = world_text(list->element[i]);
    return list->elements;
}

/* Of the history's first entry: {{id, {field, value …}}}. */
static void on_first_rules(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    const redisReply *entry =
        reply && reply->type == REDIS_REPLY_ARRAY && reply->elements ? reply->element[0] : NULL;
    const redisReply *fields = entry && entry->elements == 2 ? entry->element[1] : NULL;
    bl_buf_clear(&s->rules);
    s->rules_version = s->rules_at_ms = 0;
    for (size_t i = 0; fields && i + 1 < fields->elements; i += 2) {
        struct bl_str name = world_text(fields->element[i]);
        if (bl_str_eqz(name, "version"))
            s->rules_version = world_int(fields->element[i + 1], 0);
        else if (bl_str_eqz(name, "at"))
            s->rules_at_ms = world_int(fields->element[i + 1], 0);
        else if (bl_str_eqz(name, "settings"))
            bl_buf_str(&s->rules, world_text(fields->element[i + 1]));
    }
}

static void take_rules(struct slot *s, redisReply *const *noted, struct bl_restored *r)
{
    r->rules_noted = world_int(noted[0], 0) > 0;
    r->rules_version = r->rules_noted ? world_int(noted[0], 0) : s->rules_version;
    r->rules_at_ms = r->rules_noted ? world_int(noted[1], 0) : s->rules_at_ms;
    r->rules = r->rules_noted ? world_text(noted[2]) : bl_buf_view(&s->rules);
}

static struct bl_place take_place(redisReply *const *v)
{
    return (struct bl_place){world_text(v[0]), world_int(v[1], -1), world_int(v[2], 0)};
}

static void on_restore(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    struct bl_restored r = {.err = world_error(s->data, reply)};
    if (r.err == BL_OK && !s->watched)
        r.err = BL_ERR_FENCED;
    if (r.err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 17))
        r.err = BL_ERR_CORRUPT;
    if (r.err != BL_OK) {
        answer_restored(s, &r);
        return;
    }
    const redisReply *seen = reply->element[10], *recent = reply->element[11], *erased = reply->element[15],
                     *stored = reply->element[16];
    struct bl_str *texts = world_items(
        s, seen->elements + recent->elements + erased->elements + stored->elements + 1, sizeof *texts);
    if (!texts) {
        r.err = BL_ERR_NO_MEMORY;
        answer_restored(s, &r);
        return;
    }
    r.position = take_place(&reply->element[0]);
    r.states = take_place(&reply->element[3]);
    r.behind = r.states.clock_ms >= 0;
    r.terms = (struct bl_terms){world_int(reply->element[6], -1), world_int(reply->element[7], 0),
                                world_int(reply->element[8], 0)};
    r.rate = world_text(reply->element[9]);
    take_rules(s, &reply->element[12], &r);
    r.seen = texts;
    r.n_seen = take_texts(seen, texts);
    r.recent = texts + r.n_seen;
    r.n_recent = take_texts(recent, texts + r.n_seen);
    r.erased = r.recent + r.n_recent;
    r.n_erased = take_texts(erased, texts + r.n_seen + r.n_recent);
    r.stored = r.erased + r.n_erased;
    r.n_stored = take_texts(stored, texts + r.n_seen + r.n_recent + r.n_erased);
    answer_restored(s, &r);
}

static void on_watched(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    s->watched = reply && bl_str_eqz(world_text(reply), s->fence);
}

/* UNWATCH first: a watch of an earlier ownership has seen the fence change since and would spoil every commit. */
void world_restore_now(struct slot *s)
{
    static const enum bl_key keys[] = {BL_KEY_FENCE,  BL_KEY_POSITION, BL_KEY_RATE,       BL_KEY_SEEN,
                                       BL_KEY_RECENT, BL_KEY_RULES,    BL_KEY_TOMBSTONES, BL_KEY_STORED};
    const struct bl_str args[] = {bl_str_of(s->fence)};
    s->restoring = false;
    commands_clear(&s->commit);
    commands_new(&s->commit, "WATCH");
    commands_key(&s->commit, BL_KEY_FENCE, BL_STR(""));
    commands_new(&s->commit, "GET");
    commands_key(&s->commit, BL_KEY_FENCE, BL_STR(""));
    commands_new(&s->commit, "UNWATCH");
    commands_new(&s->commit, "XRANGE");
    commands_key(&s->commit, BL_KEY_RULES_HISTORY, BL_STR(""));
    commands_z(&s->commit, "-");
    commands_z(&s->commit, "+");
    commands_z(&s->commit, "COUNT");
    commands_int(&s->commit, 1);
    world_send(s->data, &s->commit, 2, NULL, NULL);
    world_send(s->data, &s->commit, 0, NULL, NULL);
    world_send(s->data, &s->commit, 1, on_watched, s);
    world_send(s->data, &s->commit, 3, on_first_rules, s);
    world_script(s, s->data, BL_SCRIPT_partition_restore, keys, 8, args, 1, on_restore, s);
}

void world_restore_fail(struct slot *s)
{
    struct bl_restored r = {.err = BL_ERR_STORE_UNAVAILABLE};
    s->restoring = false;
    answer_restored(s, &r);
}

void world_restore(void *ctx, int p, bl_restored_fn *fn, void *arg)
{
    struct slot *s = world_slot(ctx, p);
    world_call_begin(s, 1, arg);
    s->call.fn.restored = fn;
    s->watched = false;
    if (bl_link_is_up(s->data))
        world_restore_now(s);
    else
        s->restoring = true;
}

/* ---- marks ---- */

static void on_mark(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    struct bl_marked m = {.err = world_error(s->data, reply)};
    if (m.err == BL_OK && !s->watched)
        m.err = BL_ERR_STORE_UNAVAILABLE;
    if (m.err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3))
        m.err = BL_ERR_CORRUPT;
    if (m.err == BL_OK) {
        m.deaths = world_int(reply->element[0], 0);
        m.others = world_int(reply->element[1], 0);
        m.now_ms = world_int(reply->element[2], 0);
    }
    s->call.fn.marked(s->call.arg, &m);
}

void world_mark(void *ctx, int p, struct bl_str place, struct bl_str step, bl_marked_fn *fn, void *arg)
{
    static const enum bl_key keys[] = {BL_KEY_FENCE, BL_KEY_SUSPECT};
    struct slot *s = world_slot(ctx, p);
    char deaths[16], most[16];
    world_call_begin(s, 1, arg);
    s->call.fn.marked = fn;
    snprintf(deaths, sizeof deaths, "%d", BL_POISON_DEATHS);
    snprintf(most, sizeof most, "%d", BL_DEAD_MARKS_MAX);
    const struct bl_str args[] = {bl_str_of(s->fence), place, step, bl_str_of(deaths), bl_str_of(most)};
    world_script(s, s->data, BL_SCRIPT_suspect_mark, keys, 2, args, 5, on_mark, s);
}

/* ---- load: users in groups, of each the scheduled deadlines and then the hashes ---- */

static void take_scores(struct slot *s, const redisReply *reply)
{
    for (size_t i = 0; i < LOAD_GROUP; i++)
        s->scores[i] =
            s->call.err == BL_OK && i < reply->elements ? world_int(reply->element[i], BL_NEVER) : BL_NEVER;
}

static void take_user(struct slot *s, const redisReply *reply, size_t i)
{
    size_t n = s->call.err == BL_OK ? reply->elements / 2 : 0;
    struct bl_state_pair *pairs = world_items(s, n + 1, sizeof *pairs);
    if (!pairs)
        s->call.err = BL_ERR_NO_MEMORY;
    if (s->call.err != BL_OK)
        return;
    for (size_t k = 0; k < n; k++)
        pairs[k] =
            (struct bl_state_pair){world_text(reply->element[2 * k]), world_text(reply->element[2 * k + 1])};
    const struct bl_loaded l = {pairs, n, s->scores[i % LOAD_GROUP]};
    s->call.loaded(s->call.arg, i, &l);
}

static void on_load(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    size_t group = s->call.i / (LOAD_GROUP + 1), place = s->call.i % (LOAD_GROUP + 1);
    bool last = world_call_reply(s, reply);
    if (place == 0)
        take_scores(s, reply);
    else
        take_user(s, reply, group * LOAD_GROUP + place - 1);
    if (last)
        world_call_done(s);
}

void world_load(void *ctx, int p, const struct bl_str *users, size_t n, bl_loaded_fn *each, bl_done_fn *done,
                void *arg)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    size_t replies = n + (n + LOAD_GROUP - 1) / LOAD_GROUP;
    world_call_begin(s, replies, arg);
    s->call.fn.done = done;
    s->call.loaded = each;
    for (size_t from = 0; from < n; from += LOAD_GROUP) {
        size_t upto = from + LOAD_GROUP < n ? from + LOAD_GROUP : n;
        commands_new(c, "ZMSCORE");
        commands_key(c, BL_KEY_DEADLINES, BL_STR(""));
        for (size_t i = from; i < upto; i++)
            commands_arg(c, users[i]);
        for (size_t i = from; i < upto; i++) {
            commands_new(c, "HGETALL");
            commands_key(c, BL_KEY_USER, users[i]);
        }
    }
    for (size_t i = 0; i < replies; i++)
        world_send(s->data, c, i, on_load, s);
}

/* ---- check ---- */

static void read_checked(const redisReply *reply, struct bl_checked *c)
{
    struct bl_str v[7] = {{NULL, 0}};
    for (size_t i = 0; i < 7 && i < reply->elements; i++)
        v[i] = world_text(reply->element[i]);
    *c = (struct bl_checked){.exists = v[0].n > 0,
                             .user_id = v[0],
                             .type = v[1],
                             .variant = v[2],
                             .page = v[3],
                             .severity = v[4],
                             .detected_at = v[5],
                             .resolved = bl_str_eqz(v[6], "true")};
}

static void on_check(void *ctx, const redisReply *reply)
{
    struct slot *s = slot_of(ctx);
    struct call *call = &s->call;
    size_t i = call->i;
    bool last = world_call_reply(s, reply);
    if (call->err == BL_OK && i < call->n_ids) {
        struct bl_checked c;
        read_checked(reply, &c);
        call->checked(call->arg, i, &c);
    } else if (call->err == BL_OK) {
        struct bl_str *names = world_items(s, reply->elements + 1, sizeof *names);
        if (names)
            call->names(call->arg, i - call->n_ids, names, take_texts(reply, names));
        else
            call->err = BL_ERR_NO_MEMORY;
    }
    if (last)
        world_call_done(s);
}

void world_check(void *ctx, int p, const struct bl_str *ids, size_t n_ids, const int64_t *buckets,
                 size_t n_buckets, bl_checked_fn *each, bl_names_fn *pages, bl_done_fn *done, void *arg)
{
    static const enum bl_column columns[] = {BL_COLUMN_USER_ID, BL_COLUMN_TYPE,     BL_COLUMN_VARIANT,
                                             BL_COLUMN_PAGE,    BL_COLUMN_SEVERITY, BL_COLUMN_DETECTED_AT,
                                             BL_COLUMN_RESOLVED};
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    world_call_begin(s, n_ids + n_buckets, arg);
    s->call.fn.done = done;
    s->call.checked = each;
    s->call.names = pages;
    s->call.n_ids = n_ids;
    for (size_t i = 0; i < n_ids; i++) {
        commands_new(c, "HMGET");
        commands_key(c, BL_KEY_PATTERN, ids[i]);
        for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++)
            commands_z(c, bl_column_name(columns[k]));
    }
    for (size_t i = 0; i < n_buckets; i++) {
        commands_new(c, "HKEYS");
        commands_key_int(c, BL_KEY_PAGES, buckets[i]);
    }
    for (size_t i = 0; i < c->n; i++)
        world_send(s->data, c, i, on_check, s);
}
