/* The way of one pattern through `behaviorlens explain`:
 *
 *   explain_flow_take -> waiting --pump: a call is allowed--> read -> on_read --post--> on_answer --write--> on_written
 *                          ^  |                                 |                         |               |    |
 *                          |  +-- too old ------> done <--------+-- known, gone           +-- given up    |    +-> done
 *                          +---- again: no call left meanwhile, a failure that may pass, Redis away ------+
 *
 * done: counted, and acknowledged in the feed. Invariants
 *  - An item is either in `waiting` or counted in `busy`, never both; it is freed when it is done or the flow stops.
 *  - A pattern costs at most BL_EXPLAIN_ATTEMPTS_MAX calls; its text, once paid for, is written as often as it takes
 *    within WRITES_MAX.
 *  - The model sees what bl_message_write makes, nothing else; no log line has the key, the question or the answer. */
#include "explain.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/store/keys.h"
#include "bl/wire/command.h"
#include "bl/wire/message.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#define FLOW_MAGIC         BL_MAGIC('f', 'l', 'o', 'w')
#define ITEM_MAGIC         BL_MAGIC('i', 't', 'e', 'm')
#define WRITES_MAX         5
#define CONNECT_TIMEOUT_MS 2000

struct explain_item {
    uint32_t magic;
    struct explain_flow *flow;
    struct explain_item *next;
    const struct bl_feed_change *change;
    uint64_t taken_ms; /* of the loop's clock */
    int attempts, writes;
    struct bl_buf text; /* the explanation, once there is one */
};

static int64_t now_ms(const struct explain_flow *f)
{
    return (int64_t)uv_now(f->loop);
}

/* ---- where an item is ---- */

static void item_free(struct explain_item *i)
{
    bl_buf_release(&i->text);
    i->magic = 0;
    free(i);
}

static struct explain_item *pop(struct explain_flow *f)
{
    struct explain_item *i = f->first;
    f->first = i->next;
    if (!f->first)
        f->last = &f->first;
    i->next = NULL;
    return i;
}

static void push_front(struct explain_flow *f, struct explain_item *i)
{
    i->next = f->first;
    f->first = i;
    if (!i->next)
        f->last = &i->next;
}

static void done(struct explain_item *i, enum bl_explained outcome)
{
    struct explain_flow *f = i->flow;
    f->rules.counts[outcome]++;
    bl_feed_done(f->feed, i->change);
    item_free(i);
}

/* From busy. */
static void finish(struct explain_item *i, enum bl_explained outcome)
{
    struct explain_flow *f = i->flow;
    f->busy--;
    done(i, outcome);
    explain_flow_pump(f);
}

static void again(struct explain_item *i)
{
    struct explain_flow *f = i->flow;
    f->busy--;
    if (f->stopping)
        item_free(i); /* still pending in the feed */
    else
        push_front(f, i);
}

static bool is_asked(const struct explain_flow *f, struct bl_str id)
{
    for (size_t i = 0; i < EXPLAIN_ASKED; i++)
        if (id.n == EXPLAIN_ID_BYTES && memcmp(f->asked[i], id.p, id.n) == 0)
            return true;
    return false;
}

static void remember(struct explain_flow *f, struct bl_str id)
{
    if (id.n != EXPLAIN_ID_BYTES || is_asked(f, id))
        return;
    memcpy(f->asked[f->next_asked], id.p, id.n);
    f->next_asked = (f->next_asked + 1) % EXPLAIN_ASKED;
}

/* It was raised while it waited: that change has an item too, and both read the same pattern. */
static bool is_asked_by_another(const struct explain_item *i)
{
    return i->attempts == 0 && is_asked(i->flow, i->change->pattern_id);
}

/* ---- writing ---- */

static void on_written(void *ctx, const redisReply *reply)
{
    struct explain_item *i = BL_CAST(struct explain_item, ctx, ITEM_MAGIC);
    if (reply && reply->type != REDIS_REPLY_ERROR) {
        finish(i, BL_EXPLAINED_WRITTEN);
        return;
    }
    if (reply)
        bl_log(BL_LOG_WARN, "an explanation could not be stored",
               BL_LOG_STR("reason", ((struct bl_str){reply->str, reply->len})));
    if (i->writes < WRITES_MAX)
        again(i); /* twice is no harm: it sets a column */
    else
        finish(i, BL_EXPLAINED_STORE);
}

static void write_text(struct explain_item *i)
{
    struct explain_flow *f = i->flow;
    struct bl_command c = {.kind = BL_COMMAND_EXPLAIN};
    struct bl_buf key, command;
    bl_buf_init(&key, 0);
    bl_buf_init(&command, 0);
    bool ok = bl_pattern_id_parse(i->change->pattern_id, &c.pattern_id) && i->text.n <= sizeof c.text;
    if (ok) {
        memcpy(c.text, i->text.p, i->text.n);
        c.text_bytes = i->text.n;
        bl_command_write(&c, &command);
        bl_key_put(&key, bl_str_of(f->env), BL_KEY_EVENTS, i->change->partition, BL_STR(""));
    }
    i->writes++;
    if (ok && command.err == BL_OK && key.err == BL_OK)
        bl_link_send(f->link, 5,
                     (const struct bl_str[]){BL_STR("XADD"), bl_buf_view(&key), BL_STR("*"),
                                             BL_STR("command"), bl_buf_view(&command)},
                     on_written, i);
    else
        finish(i, BL_EXPLAINED_STORE);
    bl_buf_release(&key);
    bl_buf_release(&command);
}

/* ---- asking ---- */

static void log_failure(const struct explain_item *i, const struct bl_outbound_answer *a,
                        const struct bl_explaining_verdict *v)
{
    if (v->outcome == BL_EXPLAINED_KEY)
        bl_log(BL_LOG_ERROR,
               "the model's API does not take the key: check ANTHROPIC_API_KEY or explain-key-file, then "
               "start explain "
               "again",
               BL_LOG_INT("status", a->status), BL_LOG_INT("pause_ms", v->pause_ms));
    else if (a->result == BL_OUTBOUND_REFUSED)
        bl_log_plain(BL_LOG_ERROR,
                     "explain-url leads to a private address: set explain-allow-private if that is meant");
    else
        bl_log(BL_LOG_WARN, "no explanation came", BL_LOG_TEXT("result", bl_outbound_outcome(a)),
               BL_LOG_INT("status", a->status), BL_LOG_INT("attempt", i->attempts),
               BL_LOG_INT("again", v->again ? 1 : 0), BL_LOG_INT("pause_ms", v->pause_ms));
}

static void read_answer(struct explain_item *i, struct bl_str body)
{
    bl_buf_clear(&i->text);
    enum bl_err err = bl_message_read(body, &i->text);
    if (err == BL_OK) {
        write_text(i);
        return;
    }
    bl_log(BL_LOG_WARN, "the model's answer is of no use", BL_LOG_TEXT("reason", bl_err_code(err)),
           BL_LOG_INT("bytes", body.n));
    finish(i, BL_EXPLAINED_ANSWER);
}

static void on_answer(void *ctx, const struct bl_outbound_answer *a)
{
    struct explain_item *i = BL_CAST(struct explain_item, ctx, ITEM_MAGIC);
    struct explain_flow *f = i->flow;
    if (a->result == BL_OUTBOUND_CANCELLED) {
        again(i);
        return;
    }
    enum bl_silence silence = a->result == BL_OUTBOUND_DONE      ? BL_SILENCE_NONE
                              : a->result == BL_OUTBOUND_TIMEOUT ? BL_SILENCE_TIMEOUT
                                                                 : BL_SILENCE_UNREACHED;
    struct bl_explaining_verdict v =
        bl_explaining_answered(&f->rules, a->status, silence, a->retry_after_ms, i->attempts, now_ms(f));
    if (v.outcome == BL_EXPLAINED_WRITTEN) {
        read_answer(i, a->body);
        return;
    }
    log_failure(i, a, &v);
    if (v.again)
        again(i);
    else
        finish(i, v.outcome);
}

static void post(struct explain_item *i, struct bl_str body)
{
    struct explain_flow *f = i->flow;
    const struct bl_outbound_header headers[] = {{BL_STR("content-type"), BL_STR("application/json")},
                                                 {BL_STR("anthropic-version"), BL_STR("2023-06-01")},
                                                 {BL_STR("x-api-key"), bl_str_of(f->key)}};
    const struct bl_outbound_request q = {
        .url = bl_buf_view(&f->url),
        .headers = headers,
        .n_headers = sizeof headers / sizeof *headers,
        .body = body,
        .timeout_ms = f->timeout_ms,
        .connect_timeout_ms = f->timeout_ms < CONNECT_TIMEOUT_MS ? f->timeout_ms : CONNECT_TIMEOUT_MS,
        .answer_max_bytes = BL_EXPLAIN_ANSWER_BYTES,
        .ctx = i,
        .done = on_answer};
    i->attempts++;
    remember(f, i->change->pattern_id);
    bl_explaining_calls(&f->rules, now_ms(f));
    bl_outbound_post(f->client, &q);
}

/* ---- reading the pattern ---- */

enum column { TYPE, SEVERITY, PAGE, EXPLANATION, EVIDENCE, AI_EXPLANATION, COLUMNS };

static struct bl_str text_of(const redisReply *reply, enum column column)
{
    const redisReply *r = reply->element[column];
    return r->type == REDIS_REPLY_STRING ? (struct bl_str){r->str, r->len} : (struct bl_str){0};
}

static void ask(struct explain_item *i, const redisReply *reply)
{
    struct bl_message_pattern p = {.type = text_of(reply, TYPE),
                                   .severity = text_of(reply, SEVERITY),
                                   .page = text_of(reply, PAGE),
                                   .explanation = text_of(reply, EXPLANATION),
                                   .evidence = text_of(reply, EVIDENCE)};
    struct bl_buf body;
    bl_buf_init(&body, 0);
    if (bl_message_write(&p, bl_str_of(i->flow->model), &body) == BL_OK)
        post(i, bl_buf_view(&body));
    else
        finish(i, BL_EXPLAINED_STORE);
    bl_buf_release(&body);
}

static void on_read(void *ctx, const redisReply *reply)
{
    struct explain_item *i = BL_CAST(struct explain_item, ctx, ITEM_MAGIC);
    bool whole = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == COLUMNS;
    if (!whole || i->flow->stopping) /* Redis is away or loading; old age bounds it */
        again(i);
    else if (text_of(reply, TYPE).n == 0)
        finish(i, BL_EXPLAINED_GONE);
    else if (text_of(reply, AI_EXPLANATION).n > 0 || is_asked_by_another(i))
        finish(i, BL_EXPLAINED_ALREADY);
    else if (!bl_explaining_may_call(&i->flow->rules, now_ms(i->flow)))
        again(i);
    else
        ask(i, reply);
}

static void read_pattern(struct explain_item *i)
{
    static const char *const names[COLUMNS] = {"type",        "severity", "page",
                                               "explanation", "evidence", "ai_explanation"};
    struct explain_flow *f = i->flow;
    struct bl_str argv[2 + COLUMNS] = {BL_STR("HMGET")};
    struct bl_buf key;
    bl_buf_init(&key, 0);
    bl_key_put(&key, bl_str_of(f->env), BL_KEY_PATTERN, i->change->partition, i->change->pattern_id);
    argv[1] = bl_buf_view(&key);
    for (int c = 0; c < COLUMNS; c++)
        argv[2 + c] = bl_str_of(names[c]);
    bl_link_send(f->link, 2 + COLUMNS, argv, on_read, i);
    bl_buf_release(&key);
}

/* ---- the flow ---- */

static bool is_old(const struct explain_item *i)
{
    const struct bl_feed_change *c = i->change;
    int64_t age = c->now_ms - c->written_ms + (now_ms(i->flow) - (int64_t)i->taken_ms);
    return age > i->flow->rules.max_age_ms;
}

void explain_flow_pump(struct explain_flow *f)
{
    while (f->first && !f->stopping && bl_link_is_up(f->link)) {
        struct explain_item *i = f->first;
        bool paid = i->text.n > 0;
        if (!paid && is_old(i)) {
            done(pop(f), BL_EXPLAINED_OLD);
            continue;
        }
        if (f->busy >= bl_explaining_at_once(&f->rules) ||
            (!paid && !bl_explaining_may_call(&f->rules, now_ms(f))))
            return;
        f->busy++;
        if (paid)
            write_text(pop(f));
        else
            read_pattern(pop(f));
    }
}

static void pass_over(struct explain_flow *f, const struct bl_feed_change *change, enum bl_explained outcome)
{
    bool first = bl_str_eqz(change->change, "new"); /* its later changes are the same pattern */
    f->rules.counts[outcome] += first ? 1 : 0;
    bl_feed_done(f->feed, change);
}

void explain_flow_take(void *ctx, const struct bl_feed_change *change)
{
    struct explain_flow *f = BL_CAST(struct explain_flow, ctx, FLOW_MAGIC);
    if (!bl_explaining_wants(&f->rules, change->change, change->type, change->severity)) {
        pass_over(f, change, BL_EXPLAINED_UNFIT);
        return;
    }
    if (is_asked(f, change->pattern_id)) {
        pass_over(f, change, BL_EXPLAINED_ALREADY);
        return;
    }
    struct explain_item *i = calloc(1, sizeof *i);
    if (!i)
        bl_out_of_memory(); /* the change is held by promise */
    i->magic = ITEM_MAGIC;
    i->flow = f;
    i->change = change;
    i->taken_ms = uv_now(f->loop);
    bl_buf_init(&i->text, 0);
    *f->last = i;
    f->last = &i->next;
    explain_flow_pump(f);
}

void explain_flow_init(struct explain_flow *f)
{
    f->magic = FLOW_MAGIC;
    f->last = &f->first;
}

void explain_flow_stop(struct explain_flow *f)
{
    f->stopping = true;
    while (f->first)
        item_free(pop(f));
}
