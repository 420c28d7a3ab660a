/* The encoder of a commit: each put becomes one or a few commands of the list. None of them can fail when it
 * runs: the keys are of the right type, since nothing else writes them.
 *
 * Every key with a user in its name gets a TTL, and the counting hashes too (world_counts.c); event mode sets none (SPEC 3.6).
 */
#include "world.h"

#include <stdio.h>

#define ACKS_AT_ONCE      512
#define SEEN_AT_ONCE      512
#define CHANGES_MAX       10000
#define QUARANTINE_MAX    1000
#define PATTERNS_SLACK_MS (2 * 24 * 3600 * 1000LL) /* SPEC 3.6: a day, and one in which it is not renewed */

static struct commands *list(void *ctx, int p)
{
    return &world_slot(ctx, p)->commit;
}

static void command(struct commands *c, const char *name, enum bl_key key, struct bl_str arg)
{
    commands_new(c, name);
    commands_key(c, key, arg);
}

#define NO_ARG ((struct bl_str){"", 0})

void world_begin(void *ctx, int p)
{
    struct slot *s = world_slot(ctx, p);
    commands_clear(&s->commit);
    commands_clear(&s->fetch);
    for (size_t i = 0; i < GATHERED_COUNT; i++)
        commands_clear(&s->gathered[i]);
    s->n_acks = s->n_seen = 0;
    world_counts_begin(s);
    s->changes_capped = false;
}

size_t world_put_bytes(void *ctx, int p)
{
    const struct slot *s = world_slot(ctx, p);
    size_t bytes = commands_bytes(&s->commit);
    for (size_t i = 0; i < GATHERED_COUNT; i++)
        bytes += commands_bytes(&s->gathered[i]);
    return bytes;
}

static struct commands *gather(struct slot *s, enum gathered what)
{
    static const struct {
        const char *name;
        enum bl_key key;
    } commands[GATHERED_COUNT] = {
        [GATHERED_DUE] = {"ZADD", BL_KEY_DEADLINES},
        [GATHERED_IDLE] = {"ZREM", BL_KEY_DEADLINES},
        [GATHERED_ACTIVE] = {"ZADD", BL_KEY_ACTIVE},
        [GATHERED_AWAY] = {"ZREM", BL_KEY_ACTIVE},
        [GATHERED_PATTERNS] = {"ZADD", BL_KEY_PATTERNS},
        [GATHERED_OPENED] = {"ZADD", BL_KEY_PATTERNS_OPEN},
        [GATHERED_CLOSED] = {"ZREM", BL_KEY_PATTERNS_OPEN},
        [GATHERED_STORED] = {"RPUSH", BL_KEY_STORED},
    };
    struct commands *c = &s->gathered[what];
    commands_more(c, commands[what].name, commands[what].key);
    return c;
}

void world_gathered(struct slot *s)
{
    for (size_t i = 0; i < GATHERED_COUNT; i++)
        if (s->gathered[i].n > 0 || s->gathered[i].text.err != BL_OK)
            commands_join(&s->commit, &s->gathered[i]);
}

static void gather_score(struct slot *s, enum gathered what, int64_t score, struct bl_str member)
{
    struct commands *c = gather(s, what);
    commands_int(c, score);
    commands_arg(c, member);
}

static void put_gone(struct slot *s, const struct bl_put_user *u)
{
    struct commands *c = &s->commit;
    command(c, "DEL", BL_KEY_USER, u->user_id);
    commands_arg(gather(s, GATHERED_IDLE), u->user_id);
    commands_arg(gather(s, GATHERED_AWAY), u->user_id);
    if (u->recheckout)
        command(c, "DEL", BL_KEY_CHECKOUT, u->user_id);
}

static void put_fields(struct commands *c, const struct bl_put_user *u)
{
    if (u->replace)
        command(c, "DEL", BL_KEY_USER, u->user_id);
    if (u->n_set > 0) {
        command(c, "HSET", BL_KEY_USER, u->user_id);
        for (size_t i = 0; i < u->n_set; i++) {
            commands_z(c, u->set[i].name);
            commands_arg(c, u->set[i].value);
        }
    }
    if (u->n_del > 0) {
        command(c, "HDEL", BL_KEY_USER, u->user_id);
        for (size_t i = 0; i < u->n_del; i++)
            commands_z(c, u->del[i]);
    }
    if (u->expires_ms != BL_NEVER) {
        command(c, "PEXPIREAT", BL_KEY_USER, u->user_id);
        commands_int(c, u->expires_ms);
    }
}

static void put_checkout(struct commands *c, const struct bl_put_user *u)
{
    if (u->checkout_ms == BL_NEVER) {
        command(c, "DEL", BL_KEY_CHECKOUT, u->user_id);
        return;
    }
    command(c, "SET", BL_KEY_CHECKOUT, u->user_id);
    commands_arg(c, u->page);
    commands_z(c, "PXAT");
    commands_int(c, u->checkout_ms > 0 ? u->checkout_ms : 1);
}

void world_put_user(void *ctx, int p, const struct bl_put_user *u)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    if (u->gone) {
        put_gone(s, u);
        return;
    }
    put_fields(c, u);
    if (u->reschedule && u->due_ms != BL_NEVER) {
        gather_score(s, GATHERED_DUE, u->due_ms, u->user_id);
        world_due_put(s, u->due_ms);
    } else if (u->reschedule)
        commands_arg(gather(s, GATHERED_IDLE), u->user_id);
    if (u->recheckout)
        put_checkout(c, u);
    if (u->active_ms != BL_NEVER) {
        gather_score(s, GATHERED_ACTIVE, u->active_ms, u->user_id);
        world_due_put(s, u->active_ms + BL_IDLE_MS);
    }
}

void world_put_pattern(void *ctx, int p, const struct bl_put_pattern *x)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    struct bl_str id = {x->id, sizeof x->id};
    command(c, "HSET", BL_KEY_PATTERN, id);
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if (x->row->v[i].n > 0) {
            commands_z(c, bl_column_name((enum bl_column)i));
            commands_arg(c, x->row->v[i]);
        }
    if (x->created) {
        gather_score(s, GATHERED_PATTERNS, x->detected_ms, id);
        command(c, "ZADD", BL_KEY_PATTERNS_USER, x->user_id);
        commands_int(c, x->detected_ms);
        commands_arg(c, id);
        if (x->expires) {
            command(c, "PEXPIRE", BL_KEY_PATTERNS_USER, x->user_id);
            commands_int(c, s->world->options.pattern_retention_ms + PATTERNS_SLACK_MS);
        }
    }
    if (x->created && !x->resolved)
        gather_score(s, GATHERED_OPENED, x->detected_ms, id);
    else if (!x->created && x->resolved)
        commands_arg(gather(s, GATHERED_CLOSED), id);
}

/* max 0: this once not. */
static void capped(struct commands *c, enum bl_key key, int64_t max)
{
    command(c, "XADD", key, NO_ARG);
    if (max > 0) {
        commands_z(c, "MAXLEN");
        commands_z(c, "~");
        commands_int(c, max);
    }
    commands_z(c, "*");
}

static void field(struct commands *c, const char *name, struct bl_str value)
{
    commands_z(c, name);
    commands_arg(c, value);
}

void world_put_change(void *ctx, int p, const struct bl_put_change *x)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    capped(c, BL_KEY_CHANGES,
           s->changes_capped ? 0 : CHANGES_MAX); /* once a commit: it is an eighth of an XADD */
    s->changes_capped = true;
    field(c, "change", bl_str_of(x->change));
    field(c, "pattern_id", (struct bl_str){x->id, sizeof x->id});
    field(c, "type", bl_str_of(x->type));
    field(c, "severity", bl_str_of(x->severity));
    field(c, "page", x->page);
    commands_z(c, "at");
    commands_int(c, x->at_ms);
}

void world_put_rate(void *ctx, int p, struct bl_str text)
{
    struct commands *c = list(ctx, p);
    command(c, "SET", BL_KEY_RATE, NO_ARG);
    commands_arg(c, text);
}

void world_put_recent(void *ctx, int p, struct bl_str lines, size_t keep)
{
    struct commands *c = list(ctx, p);
    command(c, "LPUSH", BL_KEY_RECENT, NO_ARG);
    commands_arg(c, lines);
    if (keep == 0)
        return;
    command(c, "LTRIM", BL_KEY_RECENT, NO_ARG);
    commands_int(c, 0);
    commands_int(c, (int64_t)keep - 1);
}

void world_put_seen(void *ctx, int p, struct bl_str chunk)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    if (s->n_seen++ % SEEN_AT_ONCE == 0)
        command(c, "RPUSH", BL_KEY_SEEN, NO_ARG);
    commands_arg(c, chunk);
}

void world_drop_seen(void *ctx, int p, size_t chunks)
{
    struct commands *c = list(ctx, p);
    command(c, "LPOP", BL_KEY_SEEN, NO_ARG);
    commands_int(c, (int64_t)chunks);
}

void world_put_quarantine(void *ctx, int p, struct bl_str id, int64_t line, const char *reason,
                          struct bl_str text)
{
    struct commands *c = list(ctx, p);
    capped(c, BL_KEY_QUARANTINE, QUARANTINE_MAX);
    field(c, "entry", id);
    field(c, "reason", bl_str_of(reason));
    field(c, "text", text);
    if (line >= 0) {
        commands_z(c, "line");
        commands_int(c, line);
    }
}

void world_put_unmark(void *ctx, int p)
{
    command(list(ctx, p), "DEL", BL_KEY_SUSPECT, NO_ARG);
}

void world_put_rules(void *ctx, int p, const struct bl_put_rules *x)
{
    struct commands *c = list(ctx, p);
    char name[40];
    command(c, "HSET", BL_KEY_RULES, NO_ARG);
    commands_z(c, "version");
    commands_int(c, x->version);
    commands_z(c, "at");
    commands_int(c, x->at_ms);
    field(c, "settings", x->settings);
    if (x->entry.n == 0)
        return;
    snprintf(name, sizeof name, "since:%lld", (long long)x->version);
    field(c, name, x->entry);
    command(c, "HDEL", BL_KEY_RULES, NO_ARG);
    snprintf(name, sizeof name, "since:%lld", (long long)x->version - BL_RULES_KEPT);
    commands_z(c, name);
}

void world_put_ack(void *ctx, int p, struct bl_str id)
{
    struct slot *s = world_slot(ctx, p);
    struct commands *c = &s->commit;
    if (s->n_acks++ % ACKS_AT_ONCE == 0) {
        command(c, "XACK", BL_KEY_EVENTS, NO_ARG);
        commands_z(c, GROUP);
    }
    commands_arg(c, id);
}

static void put_place(struct commands *c, const struct bl_place *place, const char *id, const char *clock,
                      const char *entries)
{
    field(c, id, place->id);
    commands_z(c, clock);
    commands_int(c, place->clock_ms);
    commands_z(c, entries);
    commands_int(c, place->entries);
}

static void put_states(struct commands *c, const struct bl_put_position *x)
{
    put_place(c, x->states, "users_id", "users_clock_ms", "users_entries");
    commands_z(c, "users_grace_ms");
    commands_int(c, x->terms.grace_ms);
    commands_z(c, "users_seen_ms");
    commands_int(c, x->terms.seen_ms);
    commands_z(c, "users_seen_max");
    commands_int(c, x->terms.seen_max);
}

void world_put_position(void *ctx, int p, const struct bl_put_position *x)
{
    struct commands *c = list(ctx, p);
    command(c, "HSET", BL_KEY_POSITION, NO_ARG);
    put_place(c, &x->place, "id", "clock_ms", "entries");
    commands_z(c, "epoch");
    commands_int(c, (int64_t)x->epoch);
    commands_z(c, "committed_at_ms");
    commands_int(c, x->now_ms);
    if (x->states)
        put_states(c, x);
    if (!x->caught_up)
        return;
    command(c, "HDEL", BL_KEY_POSITION, NO_ARG);
    commands_z(c, "users_id");
    commands_z(c, "users_clock_ms");
    commands_z(c, "users_entries");
    commands_z(c, "users_grace_ms");
    commands_z(c, "users_seen_ms");
    commands_z(c, "users_seen_max");
    commands_z(c, "users_part_id");
    command(c, "DEL", BL_KEY_STORED, NO_ARG);
}

void world_put_part(void *ctx, int p, struct bl_str position, bool first)
{
    struct commands *c = list(ctx, p);
    if (first) /* a worker that knows nothing of parts may have left them */
        command(c, "DEL", BL_KEY_STORED, NO_ARG);
    command(c, "HSET", BL_KEY_POSITION, NO_ARG);
    field(c, "users_part_id", position);
}

void world_put_stored(void *ctx, int p, struct bl_str user_id)
{
    commands_arg(gather(world_slot(ctx, p), GATHERED_STORED), user_id);
}
