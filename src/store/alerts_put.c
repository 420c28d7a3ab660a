/* The writing side: the commands of one step, sent through the script that fences them (commit_oom.lua, whose fence is
 * the lease here). None of them can fail when it runs: nothing else writes these keys. */
#include "alerts.h"

#include <stdio.h>
#include <stdlib.h>

#define DECIDED_KEEP_MS  (2LL * 24 * 3600 * 1000)
#define WINDOW_KEEP_MS   (3LL * 24 * 3600 * 1000) /* twice the longest window, and then some */
#define DELIVERY_KEEP_MS (24LL * 3600 * 1000)     /* far beyond the age at which it is given up */

static void command(struct commands *c, const char *name, enum bl_key key, const char *arg)
{
    commands_new(c, name);
    commands_key(c, key, bl_str_of(arg));
}

static void keep(struct commands *c, enum bl_key key, const char *arg, int64_t ms)
{
    command(c, "PEXPIRE", key, arg);
    commands_int(c, ms);
}

static void hex_arg(struct commands *c, struct bl_pattern_id id)
{
    char hex[32];
    bl_pattern_id_hex(&id, hex);
    commands_arg(c, (struct bl_str){hex, sizeof hex});
}

void bl_alert_store_begin(struct bl_alert_store *s, int64_t now_ms)
{
    commands_clear(&s->commit);
    s->now_ms = now_ms;
}

void bl_alert_put_decided(struct bl_alert_store *s, const char *rule, struct bl_pattern_id id)
{
    struct commands *c = &s->commit;
    command(c, "ZADD", BL_KEY_ALERTS_DECIDED, "");
    commands_int(c, s->now_ms);
    alert_member(c, rule, id);
    keep(c, BL_KEY_ALERTS_RULE, rule, RULE_KEEP_MS);
}

void bl_alert_put_counted(struct bl_alert_store *s, const char *rule, struct bl_pattern_id id, int64_t at_ms)
{
    struct commands *c = &s->commit;
    command(c, "ZADD", BL_KEY_ALERTS_WINDOW, rule);
    commands_int(c, at_ms);
    hex_arg(c, id);
    keep(c, BL_KEY_ALERTS_WINDOW, rule, WINDOW_KEEP_MS);
}

void bl_alert_put_horizon(struct bl_alert_store *s, const char *rule, int64_t horizon_ms)
{
    struct commands *c = &s->commit;
    if (horizon_ms > INT64_MIN) {
        command(c, "ZREMRANGEBYSCORE", BL_KEY_ALERTS_WINDOW, rule);
        commands_z(c, "-inf");
        commands_int(c, horizon_ms);
    }
    command(c, "ZREMRANGEBYRANK", BL_KEY_ALERTS_WINDOW, rule);
    commands_int(c, 0);
    commands_int(c, -(int64_t)BL_ALERT_WINDOW_MAX - 1);
}

void bl_alert_put_fired(struct bl_alert_store *s, const char *rule, int64_t fired_ms)
{
    struct commands *c = &s->commit;
    command(c, "HSET", BL_KEY_ALERTS_RULE, rule);
    commands_z(c, "fired_at");
    commands_int(c, fired_ms);
    command(c, "DEL", BL_KEY_ALERTS_WINDOW, rule);
}

void bl_alert_put_waiting(struct bl_alert_store *s, const char *rule, const char *delivery,
                          struct bl_pattern_id id, struct bl_str body)
{
    struct commands *c = &s->commit;
    command(c, "HSET", BL_KEY_ALERTS_DELIVERY, delivery);
    commands_z(c, "alert");
    commands_z(c, rule);
    commands_z(c, "pattern_id");
    hex_arg(c, id);
    commands_z(c, "made_at");
    commands_int(c, s->now_ms);
    commands_z(c, "attempts");
    commands_int(c, 0);
    commands_z(c, "body");
    commands_arg(c, body);
    keep(c, BL_KEY_ALERTS_DELIVERY, delivery, DELIVERY_KEEP_MS);
    command(c, "ZADD", BL_KEY_ALERTS_QUEUE, rule);
    commands_int(c, s->now_ms);
    commands_z(c, delivery);
    keep(c, BL_KEY_ALERTS_QUEUE, rule, DELIVERY_KEEP_MS);
}

void bl_alert_put_later(struct bl_alert_store *s, const char *rule, const char *delivery, int attempts,
                        int64_t next_ms)
{
    struct commands *c = &s->commit;
    command(c, "ZADD", BL_KEY_ALERTS_QUEUE, rule);
    commands_z(c, "XX");
    commands_int(c, next_ms);
    commands_z(c, delivery);
    command(c, "HSET", BL_KEY_ALERTS_DELIVERY, delivery);
    commands_z(c, "attempts");
    commands_int(c, attempts);
    keep(c, BL_KEY_ALERTS_DELIVERY, delivery, DELIVERY_KEEP_MS);
}

void bl_alert_put_gone(struct bl_alert_store *s, const char *rule, const char *delivery)
{
    struct commands *c = &s->commit;
    command(c, "ZREM", BL_KEY_ALERTS_QUEUE, rule);
    commands_z(c, delivery);
    command(c, "DEL", BL_KEY_ALERTS_DELIVERY, delivery);
}

/* What is remembered of decisions stays within its bounds. */
static void trim_decided(struct bl_alert_store *s)
{
    struct commands *c = &s->commit;
    command(c, "ZREMRANGEBYSCORE", BL_KEY_ALERTS_DECIDED, "");
    commands_z(c, "-inf");
    commands_int(c, s->now_ms - DECIDED_KEEP_MS);
    command(c, "ZREMRANGEBYRANK", BL_KEY_ALERTS_DECIDED, "");
    commands_int(c, 0);
    commands_int(c, -(int64_t)BL_ALERT_DECIDED_MAX - 1);
    keep(c, BL_KEY_ALERTS_DECIDED, "", DECIDED_KEEP_MS);
}

static void on_committed(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    ((bl_alert_done_fn *)w.fn)(w.ctx, alert_error(w.store, reply));
}

void bl_alert_store_commit(struct bl_alert_store *s, bl_alert_done_fn *fn, void *ctx)
{
    trim_decided(s);
    commands_script(&s->commit, s->link, BL_KEY_ALERTS_LEASE, bl_str_of(s->name), on_committed,
                    alert_wait(s, (void (*)(void))fn, ctx));
}
