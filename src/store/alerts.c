/* See the header. Reading and the lease; alerts_put.c is the writing side. */
#include "alerts.h"
#include "bl/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum bl_err bl_alert_store_new(struct bl_link *link, const char *env, const char *holder,
                               struct bl_alert_store **out)
{
    struct bl_alert_store *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return BL_ERR_NO_MEMORY;
    *s = (struct bl_alert_store){.magic = ALERT_STORE_MAGIC, .link = link, .env = bl_str_of(env)};
    snprintf(s->holder, sizeof s->holder, "%s", holder);
    commands_init(&s->commit, s->env, 0);
    commands_init(&s->scratch, s->env, 0);
    *out = s;
    return BL_OK;
}

void bl_alert_store_free(struct bl_alert_store *s)
{
    if (!s)
        return;
    commands_release(&s->commit);
    commands_release(&s->scratch);
    s->magic = 0;
    free(s);
}

enum bl_err alert_error(struct bl_alert_store *s, const redisReply *reply)
{
    if (!reply)
        return BL_ERR_STORE_UNAVAILABLE;
    if (reply->type != REDIS_REPLY_ERROR)
        return BL_OK;
    if (bl_script_lost(reply))
        bl_link_reset(s->link);
    if (strncmp(reply->str, "FENCED", 6) == 0)
        return BL_ERR_FENCED;
    bl_log(BL_LOG_WARN, "redis refused a command of the alerts",
           BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
    return BL_ERR_STORE_UNAVAILABLE;
}

struct wait *alert_wait(struct bl_alert_store *s, void (*fn)(void), void *ctx)
{
    struct wait *w = calloc(1, sizeof *w);
    if (!w)
        bl_out_of_memory(); /* the promise to call back needs memory to remember it */
    *w = (struct wait){.magic = WAIT_MAGIC, .store = s, .fn = fn, .ctx = ctx};
    return w;
}

struct wait alert_waited(void *ctx)
{
    struct wait *w = BL_CAST(struct wait, ctx, WAIT_MAGIC), out = *w;
    w->magic = 0;
    free(w);
    return out;
}

static struct bl_str text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct bl_str){reply->str, reply->len} : (struct bl_str){0};
}

static int64_t number_of(const redisReply *reply, int64_t otherwise)
{
    int64_t v;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return bl_str_int64(text_of(reply), &v) ? v : otherwise;
}

/* ---- the lease ---- */

static void on_lease(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    bool answered =
        alert_error(w.store, reply) == BL_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    ((bl_alert_lease_fn *)w.fn)(w.ctx, answered && number_of(reply->element[0], 0) == 1,
                                answered ? number_of(reply->element[1], 0) : 0);
}

static void lease(struct bl_alert_store *s, const char *what, bl_reply_fn *fn, void *ctx)
{
    char ms[24], key_text[128];
    struct bl_buf key = {.p = key_text, .cap = sizeof key_text, .max = sizeof key_text};
    bl_key_put(&key, s->env, BL_KEY_ALERTS_LEASE, 0, BL_STR(""));
    snprintf(ms, sizeof ms, "%d", BL_ALERT_LEASE_MS);
    struct bl_str args[] = {bl_buf_view(&key), bl_str_of(what), bl_str_of(s->name), bl_str_of(ms)};
    bl_script_send(s->link, BL_SCRIPT_alerts_lease, 1, 4, args, fn, ctx);
}

void bl_alert_store_take(struct bl_alert_store *s, bl_alert_lease_fn *fn, void *ctx)
{
    uint64_t nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) < 0)
        nonce = 0;
    snprintf(s->name, sizeof s->name, "%s %016llx%u", s->holder, (unsigned long long)nonce, s->takes++);
    lease(s, "take", on_lease, alert_wait(s, (void (*)(void))fn, ctx));
}

void bl_alert_store_renew(struct bl_alert_store *s, bl_alert_lease_fn *fn, void *ctx)
{
    lease(s, "renew", on_lease, alert_wait(s, (void (*)(void))fn, ctx));
}

void bl_alert_store_give(struct bl_alert_store *s)
{
    if (bl_link_is_up(s->link) && s->name[0])
        lease(s, "give", NULL, NULL);
}

/* ---- one rule ---- */

static void put_window(const struct bl_alert_loader *l, const redisReply *list)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2) {
        struct bl_pattern_id id;
        if (bl_pattern_id_parse(text_of(list->element[i]), &id))
            l->counted(l->ctx, id, number_of(list->element[i + 1], 0));
    }
}

static void on_loaded(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    const struct bl_alert_loader *l = w.ctx;
    enum bl_err err = alert_error(w.store, reply);
    if (err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4))
        err = BL_ERR_CORRUPT;
    if (err == BL_OK) {
        const redisReply *queue = reply->element[3];
        l->head(l->ctx, number_of(reply->element[0], 0), number_of(reply->element[1], INT64_MIN));
        put_window(l, reply->element[2]);
        for (size_t i = 0; i + 1 < queue->elements; i += 2)
            l->waiting(l->ctx, text_of(queue->element[i]), number_of(queue->element[i + 1], 0));
    }
    l->done(l->ctx, err);
}

void bl_alert_store_load(struct bl_alert_store *s, const char *rule, int64_t since_ms,
                         struct bl_alert_loader *loader)
{
    static const enum bl_key keys[] = {BL_KEY_ALERTS_RULE, BL_KEY_ALERTS_WINDOW, BL_KEY_ALERTS_QUEUE};
    struct commands *c = &s->scratch;
    struct bl_str args[7];
    commands_clear(c);
    commands_new(c, "");
    commands_key(c, BL_KEY_ALERTS_LEASE, BL_STR(""));
    for (size_t i = 0; i < 3; i++)
        commands_key(c, keys[i], bl_str_of(rule));
    commands_z(c, s->name);
    commands_int(c, since_ms);
    commands_int(c, RULE_KEEP_MS);
    struct bl_str words[8];
    commands_argv(c, 0, words);
    memcpy(args, words + 1, sizeof args);
    bl_script_send(s->link, BL_SCRIPT_alerts_load, 4, 7, args, on_loaded, alert_wait(s, NULL, loader));
}

/* ---- what is decided ---- */

static void on_known(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    bl_alert_known_fn *fn = (bl_alert_known_fn *)w.fn;
    enum bl_err err = alert_error(w.store, reply);
    if (err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != w.n))
        err = BL_ERR_CORRUPT;
    size_t n = err == BL_OK ? reply->elements : 0;
    bool *known = calloc(n + 1, sizeof *known);
    if (!known)
        bl_out_of_memory();
    for (size_t i = 0; i < n; i++)
        known[i] = reply->element[i]->type != REDIS_REPLY_NIL;
    fn(w.ctx, err, known, n);
    free(known);
}

void alert_member(struct commands *c, const char *rule, struct bl_pattern_id id)
{
    char text[BL_ALERT_NAME_MAX_BYTES + 40], hex[33] = "";
    bl_pattern_id_hex(&id, hex);
    snprintf(text, sizeof text, "%s %s", hex, rule);
    commands_z(c, text);
}

void alert_send(struct bl_alert_store *s, struct commands *c, bl_reply_fn *fn, void *ctx)
{
    size_t argc = c->n ? commands_argc(c, 0) : 0;
    struct bl_str *argv = malloc((argc + 1) * sizeof *argv);
    if (!argv || c->text.err != BL_OK)
        bl_out_of_memory();
    commands_argv(c, 0, argv);
    bl_link_send(s->link, argc, argv, fn, ctx);
    free(argv);
}

void bl_alert_store_known(struct bl_alert_store *s, const struct bl_alert_asked *asked, size_t n,
                          bl_alert_known_fn *fn, void *ctx)
{
    struct commands *c = &s->scratch;
    commands_clear(c);
    commands_new(c, "ZMSCORE");
    commands_key(c, BL_KEY_ALERTS_DECIDED, BL_STR(""));
    for (size_t i = 0; i < n; i++)
        alert_member(c, asked[i].rule, asked[i].pattern);
    struct wait *w = alert_wait(s, (void (*)(void))fn, ctx);
    w->n = n;
    alert_send(s, c, on_known, w);
}

/* ---- patterns and deliveries ---- */

static void on_row(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    bl_alert_row_fn *fn = (bl_alert_row_fn *)w.fn;
    enum bl_err err = alert_error(w.store, reply);
    struct bl_row row = {0};
    bool found = false;
    if (err == BL_OK && reply->type != REDIS_REPLY_ARRAY)
        err = BL_ERR_CORRUPT;
    for (size_t i = 0; err == BL_OK && i + 1 < reply->elements; i += 2) {
        enum bl_column column = bl_column_of(text_of(reply->element[i]));
        if (column < BL_COLUMN_COUNT)
            row.v[column] = text_of(reply->element[i + 1]);
        found |= column == BL_COLUMN_TYPE;
    }
    fn(w.ctx, err, found ? &row : NULL);
}

void bl_alert_store_pattern(struct bl_alert_store *s, int partition, struct bl_pattern_id id,
                            bl_alert_row_fn *fn, void *ctx)
{
    struct commands *c = &s->scratch;
    char hex[32];
    bl_pattern_id_hex(&id, hex);
    commands_clear(c);
    c->partition = partition;
    commands_new(c, "HGETALL");
    commands_key(c, BL_KEY_PATTERN, (struct bl_str){hex, sizeof hex});
    c->partition = 0;
    alert_send(s, c, on_row, alert_wait(s, (void (*)(void))fn, ctx));
}

static void on_delivery(void *ctx, const redisReply *reply)
{
    struct wait w = alert_waited(ctx);
    bl_alert_delivery_fn *fn = (bl_alert_delivery_fn *)w.fn;
    enum bl_err err = alert_error(w.store, reply);
    struct bl_alert_delivery d = {0};
    if (err == BL_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3))
        err = BL_ERR_CORRUPT;
    if (err == BL_OK && reply->element[0]->type == REDIS_REPLY_STRING)
        d = (struct bl_alert_delivery){.found = true,
                                       .body = text_of(reply->element[0]),
                                       .attempts = (int)number_of(reply->element[1], 0),
                                       .made_ms = number_of(reply->element[2], 0)};
    fn(w.ctx, err, &d);
}

void bl_alert_store_delivery(struct bl_alert_store *s, const char *id, bl_alert_delivery_fn *fn, void *ctx)
{
    struct commands *c = &s->scratch;
    commands_clear(c);
    commands_new(c, "HMGET");
    commands_key(c, BL_KEY_ALERTS_DELIVERY, bl_str_of(id));
    commands_z(c, "body");
    commands_z(c, "attempts");
    commands_z(c, "made_at");
    alert_send(s, c, on_delivery, alert_wait(s, (void (*)(void))fn, ctx));
}
