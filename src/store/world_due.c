/* Who is due, in the store's two orders (ports.h): `deadlines` has who is to be looked at and when; `active` has everybody
 * by the last event, and who comes BL_IDLE_MS behind it is looked at once. Both are asked for in order, from the front: of
 * the second, the front is where the owner has come to, which it tells with each question.
 *
 *   a fetch       the first few of both come with the entries (world_fetch.c)
 *   dues_read.lua when they were not enough
 *
 * In live time a fetch asks only if somebody may be due. Nobody but the owner writes either, under the fence; so from the first
 * of them in an answer, and from who was put since, follows before when nobody is due (`due_from_ms`). Who is taken
 * out, or put later, leaves it too early: then it is asked, and known again. A take-over, or a commit of which nobody knows
 * what became, makes it unknown. Who is put there by hand is seen when it is asked for another reason. At 20,000 events/s in
 * batches of 50 one fetch of seven asks in the first seconds, and Redis takes 18.7 us an event in place of 20.3; once there are
 * 100,000 users somebody is due nearly all the time, and nine of ten ask.
 *
 * BL_IDLE_MS is a constant, not the session timeout of the rules, so that a change of rules, or an owner that does not know the old
 * ones, leaves nobody behind: who is due before that time, or not yet at it, has his place in `deadlines`. */
#include "world.h"

#include <stdio.h>

#define DUES_ASKED_LEAST 4
#define DUE_SOON_MS      25 /* a fetch may take so long, and our clock go as much slower than the store's */

struct bl_str world_seen_after(int64_t passed_ms, char out[24])
{
    if (passed_ms == INT64_MIN)
        return BL_STR("-inf");
    int n = snprintf(out, 24, "(%lld", (long long)(passed_ms - BL_IDLE_MS));
    return (struct bl_str){out, (size_t)n};
}

void world_saw_due(struct slot *s, size_t n)
{
    size_t ask = 2 * n + DUES_ASKED_LEAST;
    s->ask_dues = n >= BL_DUE_FETCHED ? 1 : ask < BL_DUE_FETCHED ? ask : BL_DUE_FETCHED;
}

void world_due_put(struct slot *s, int64_t due_ms)
{
    if (due_ms < s->due_from_ms)
        s->due_from_ms = due_ms;
}

void world_due_forget(struct slot *s)
{
    s->due_from_ms = INT64_MIN;
}

/* A wrong guess is found out: what the entries say counts, and the owner asks (world_fetch.c). */
int64_t world_due_in(const struct slot *s)
{
    int64_t now_ms = s->now_ms + (int64_t)(uv_now(s->world->options.loop)) - s->now_at;
    int64_t soon_ms = now_ms - s->world->options.grace_ms + DUE_SOON_MS;
    if (s->due_from_ms <= soon_ms)
        return 0;
    return s->due_from_ms == BL_NEVER ? BL_NEVER : s->due_from_ms - soon_ms;
}

/* Behind the *n there are in out. */
static enum bl_err take(const redisReply *reply, size_t max, bool idle, int64_t until_ms, struct bl_due *out,
                        struct dues *dues)
{
    size_t n = reply->elements / 2 < max ? reply->elements / 2 : max, taken = 0;
    for (size_t i = 0; i < n; i++) {
        struct bl_due d = {world_text(reply->element[2 * i]), world_int(reply->element[2 * i + 1], 0), idle};
        d.due_ms += idle ? BL_IDLE_MS : 0;
        if (d.user_id.n == 0 || d.user_id.n > BL_USER_ID_MAX_BYTES)
            return BL_ERR_CORRUPT; /* nobody is called so */
        if (d.due_ms < dues->earliest_ms)
            dues->earliest_ms = d.due_ms;
        if (d.due_ms > until_ms)
            break;
        out[dues->n + taken++] = d;
    }
    dues->n += taken;
    dues->most = taken > dues->most ? taken : dues->most;
    return BL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct bl_due *x = a, *y = b;
    if (x->due_ms != y->due_ms)
        return x->due_ms < y->due_ms ? -1 : 1;
    return bl_str_cmp(x->user_id, y->user_id);
}

enum bl_err world_take_dues(const redisReply *deadlines, const redisReply *active, size_t max,
                            int64_t until_ms, struct bl_due *out, struct dues *dues)
{
    *dues = (struct dues){.earliest_ms = BL_NEVER};
    enum bl_err err = take(deadlines, max, false, until_ms, out, dues);
    size_t first = dues->n;
    if (err == BL_OK)
        err = take(active, max, true, until_ms, out, dues);
    if (err == BL_OK && first > 0 && dues->n > first)
        qsort(out, dues->n, sizeof *out, by_time);
    return err;
}

static void on_due(void *ctx, const redisReply *reply)
{
    struct slot *s = BL_CAST(struct slot, ctx, SLOT_MAGIC);
    struct bl_dues d = {.err = world_error(s->data, reply)};
    struct dues dues = {0};
    struct bl_due *users = NULL;
    if (d.err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2))
        d.err = BL_ERR_CORRUPT;
    if (d.err == BL_OK) {
        size_t room = (reply->element[0]->elements + reply->element[1]->elements) / 2;
        users = world_items(s, room + 1, sizeof *users);
        d.err =
            users ? world_take_dues(reply->element[0], reply->element[1], s->call.max, BL_NEVER, users, &dues)
                  : BL_ERR_NO_MEMORY;
    }
    d.users = users;
    d.n = d.err != BL_OK ? 0 : dues.n < s->call.max ? dues.n : s->call.max;
    world_saw_due(s, dues.most);
    s->call.fn.dues(s->call.arg, &d);
}

void world_due(void *ctx, int p, int64_t passed_ms, int64_t until_ms, size_t max, bl_dues_fn *fn, void *arg)
{
    static const enum bl_key keys[] = {BL_KEY_DEADLINES, BL_KEY_ACTIVE};
    struct slot *s = world_slot(ctx, p);
    char until[24], most[24], after[24], seen[24];
    snprintf(until, sizeof until, "%lld", (long long)until_ms);
    snprintf(most, sizeof most, "%zu", max);
    snprintf(seen, sizeof seen, "%lld", (long long)until_ms - BL_IDLE_MS);
    const struct bl_str args[] = {bl_str_of(until), bl_str_of(most), world_seen_after(passed_ms, after),
                                  bl_str_of(seen)};
    world_call_begin(s, 1, arg);
    s->call.fn.dues = fn;
    s->call.max = max;
    world_script(s, s->data, BL_SCRIPT_dues_read, keys, 2, args, 4, on_due, s);
}
