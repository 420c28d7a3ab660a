/* From the change feed to decisions, a step at a time.
 *
 *   alerts_offer (held) -> alerts_step_next -> on_known -> decide -> ask_rows -> on_row … -> commit -> on_committed
 *                               ^                                                                        |
 *                               +------------- feed_done for each change, queues filled <----------------+
 *
 * Invariants
 *  - A change is acknowledged after what was decided about it is stored (or nothing was to be decided).
 *  - What is decided in memory and not stored is never acted on: any failure drops all that is remembered.
 *  - What an erased pattern has made wait for a webhook goes with it: the feed tells of a pattern before it tells that it
 *    was erased, so what is decided about it is stored by then.
 *  - A change that comes again (after a crash between the commit and its acknowledgement) is known, and does nothing. */
#include "alerts.h"

#include "bl/base/limits.h"
#include "bl/base/log.h"

static void done_with(struct alerts *a)
{
    struct alert_step *s = a->step;
    for (size_t i = 0; i < s->n; i++)
        bl_feed_done(a->feed, s->change[i]);
    s->n = s->n_match = 0;
    s->busy = false;
}

/* The feed is going, and with it the changes. Replies that are still to come find another generation. */
void alerts_step_drop(struct alerts *a)
{
    struct alert_step *s = a->step;
    s->n = s->n_held = s->n_match = s->rows_awaited = 0;
    s->busy = false;
}

/* ---- gathering ---- */

static bool is_erased(const struct bl_feed_change *c)
{
    return bl_str_eqz(c->change, "erased");
}

/* Adds the rules that match; false: nothing to look at in this change. */
static bool match_rules(struct alerts *a, const struct bl_feed_change *c, struct bl_alert_change *seen)
{
    struct alert_step *s = a->step;
    size_t before = s->n_match;
    if (!bl_alert_change_of(c->change, c->pattern_id, c->type, c->severity, seen))
        return false;
    seen->page = c->page;
    seen->at_ms = c->at_ms;
    for (size_t i = 0; i < a->n_rules; i++)
        if (c->written_ms >= a->queues[i].since_ms && bl_alert_matches(&a->rules[i], seen)) {
            s->cause[s->n_match] = c;
            s->match[s->n_match++] = (struct bl_alert_match){.rule = i, .change = seen};
        }
    return s->n_match > before;
}

static void gather(struct alerts *a)
{
    struct alert_step *s = a->step;
    size_t taken = 0;
    while (taken < s->n_held && s->n < BL_ALERT_BATCH && s->n_match + a->n_rules <= MATCHES_MAX) {
        const struct bl_feed_change *c = s->held[taken++];
        if (is_erased(c) || match_rules(a, c, &s->seen[s->n]))
            s->change[s->n++] = c;
        else
            bl_feed_done(a->feed, c);
    }
    s->n_held -= taken;
    memmove(s->held, s->held + taken, s->n_held * sizeof s->held[0]);
}

void alerts_offer(struct alerts *a, const struct bl_feed_change *change)
{
    struct alert_step *s = a->step;
    if (a->phase != ALERTS_LEADING || s->n_held == CHANGES_HELD)
        return; /* it stays pending and comes again */
    s->held[s->n_held++] = change;
}

/* ---- the commit ---- */

static bool current(struct alerts *a)
{
    return a->step->busy && a->step->generation == a->generation && a->phase == ALERTS_LEADING;
}

static void on_committed(void *ctx, enum bl_err err)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    struct alert_step *s = a->step;
    if (!current(a))
        return;
    if (err != BL_OK) {
        alerts_drop(a, err);
        return;
    }
    for (size_t i = 0; i < s->n_match; i++) {
        a->counts.suppressed += s->match[i].verdict == BL_ALERT_SUPPRESSED;
        a->counts.fired += s->match[i].verdict == BL_ALERT_FIRED;
    }
    done_with(a);
    alerts_send_due(a);
    alerts_step_next(a);
}

static void put_alert(struct alerts *a, const struct bl_alert_match *m, const struct bl_buf *body)
{
    const struct bl_alert_rule *rule = &a->rules[m->rule];
    char id[BL_ALERT_ID_BYTES], dropped[BL_ALERT_ID_BYTES];
    bl_alert_delivery_id(bl_str_of(bl_config_text(a->config, BL_OPTION_ENV)), rule->name, &m->change->id, id);
    bl_alert_put_fired(a->store, rule->name, a->states[m->rule].fired_ms);
    bl_alert_put_waiting(a->store, rule->name, id, m->change->id, bl_buf_view(body));
    alerts_queue_add(&a->queues[m->rule], id, alerts_now_ms(a), dropped);
    if (!dropped[0])
        return;
    bl_alert_put_gone(a->store, rule->name, dropped);
    if (a->counts.dropped++ % 100 == 0)
        bl_log(BL_LOG_ERROR, "too many alerts wait for a webhook: the oldest is dropped",
               BL_LOG_TEXT("alert", rule->name), BL_LOG_INT("waiting", BL_ALERT_OUTBOX_MAX),
               BL_LOG_INT("dropped", a->counts.dropped));
}

static void put_erased(struct alerts *a, const struct bl_feed_change *c)
{
    char id[BL_ALERT_ID_BYTES];
    struct bl_pattern_id pattern;
    for (size_t i = 0; i < a->n_rules && bl_pattern_id_parse(c->pattern_id, &pattern); i++) {
        bl_alert_delivery_id(bl_str_of(bl_config_text(a->config, BL_OPTION_ENV)), a->rules[i].name, &pattern,
                             id);
        bl_alert_put_gone(a->store, a->rules[i].name, id);
    }
}

static void commit(struct alerts *a)
{
    struct alert_step *s = a->step;
    bool touched[BL_ALERT_RULES_MAX] = {false};
    bl_alert_store_begin(a->store, alerts_now_ms(a));
    for (size_t i = 0; i < s->n_match; i++) {
        const struct bl_alert_match *m = &s->match[i];
        const struct bl_alert_rule *rule = &a->rules[m->rule];
        if (m->verdict == BL_ALERT_KNOWN)
            continue;
        bl_alert_put_decided(a->store, rule->name, m->change->id);
        if (m->verdict == BL_ALERT_FIRED)
            put_alert(a, m, &s->body[i]);
        else if (rule->over > 0)
            bl_alert_put_counted(a->store, rule->name, m->change->id, m->change->at_ms);
        touched[m->rule] |= rule->over > 0;
    }
    for (size_t i = 0; i < a->n_rules; i++)
        if (touched[i])
            bl_alert_put_horizon(a->store, a->rules[i].name, bl_alert_horizon(&a->rules[i], &a->states[i]));
    for (size_t i = 0; i < s->n; i++)
        if (is_erased(s->change[i]))
            put_erased(a, s->change[i]);
    bl_alert_store_commit(a->store, on_committed, a);
}

/* ---- the words ---- */

/* What the feed alone tells of a pattern that is not stored any more. */
static struct bl_row row_of(const struct bl_feed_change *c)
{
    struct bl_row row = {0};
    row.v[BL_COLUMN_TYPE] = c->type;
    row.v[BL_COLUMN_PAGE] = c->page;
    row.v[BL_COLUMN_SEVERITY] = c->severity;
    return row;
}

static void compose(struct alerts *a, size_t i, const struct bl_row *stored)
{
    struct alert_step *s = a->step;
    const struct bl_alert_match *m = &s->match[i];
    char id[BL_ALERT_ID_BYTES];
    struct bl_row row = stored ? *stored : row_of(s->cause[i]);
    row.v[BL_COLUMN_PATTERN_ID] = s->cause[i]->pattern_id;
    bl_alert_delivery_id(bl_str_of(bl_config_text(a->config, BL_OPTION_ENV)), a->rules[m->rule].name,
                         &m->change->id, id);
    bl_buf_clear(&s->body[i]);
    bl_alert_body(&(struct bl_alert_message){.rule = &a->rules[m->rule],
                                             .pattern = &row,
                                             .at_ms = m->change->at_ms,
                                             .count = m->count,
                                             .delivery = id,
                                             .public_url = bl_config_text(a->config, BL_OPTION_PUBLIC_URL)},
                  &s->body[i]);
    s->failed |= s->body[i].err != BL_OK;
}

/* Rows are asked for in the order of what fired, and come in that order. */
static size_t next_fired(const struct alert_step *s)
{
    size_t left = s->rows_awaited, i = s->n_match;
    while (left > 0)
        left -= s->match[--i].verdict == BL_ALERT_FIRED;
    return i;
}

static void on_row(void *ctx, enum bl_err err, const struct bl_row *row)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    struct alert_step *s = a->step;
    if (!current(a) || s->rows_awaited == 0)
        return;
    if (err != BL_OK) {
        alerts_drop(a, err);
        return;
    }
    compose(a, next_fired(s), row);
    if (--s->rows_awaited > 0)
        return;
    if (s->failed)
        alerts_drop(a, BL_ERR_NO_MEMORY);
    else
        commit(a);
}

/* ---- deciding ---- */

static void ask_rows(struct alerts *a)
{
    struct alert_step *s = a->step;
    s->rows_awaited = 0;
    s->failed = false;
    for (size_t i = 0; i < s->n_match; i++)
        s->rows_awaited += s->match[i].verdict == BL_ALERT_FIRED;
    for (size_t i = 0; i < s->n_match; i++)
        if (s->match[i].verdict == BL_ALERT_FIRED)
            bl_alert_store_pattern(a->store, s->cause[i]->partition, s->match[i].change->id, on_row, a);
}

static void on_known(void *ctx, enum bl_err err, const bool *known, size_t n)
{
    struct alerts *a = BL_CAST(struct alerts, ctx, ALERTS_MAGIC);
    struct alert_step *s = a->step;
    bool news = false;
    if (!current(a))
        return;
    if (err != BL_OK || n != s->n_match) {
        alerts_drop(a, err != BL_OK ? err : BL_ERR_CORRUPT);
        return;
    }
    for (size_t i = 0; i < n; i++)
        s->match[i].known = known[i];
    bl_alert_decide(a->rules, a->states, s->match, n);
    for (size_t i = 0; i < n; i++)
        news |= s->match[i].verdict != BL_ALERT_KNOWN;
    for (size_t i = 0; i < s->n; i++)
        news |= is_erased(s->change[i]);
    ask_rows(a);
    if (!news) {
        done_with(a);
        alerts_step_next(a);
    } else if (s->rows_awaited == 0) {
        commit(a);
    }
}

void alerts_step_next(struct alerts *a)
{
    struct alert_step *s = a->step;
    struct bl_alert_asked asked[MATCHES_MAX];
    if (s->busy || a->phase != ALERTS_LEADING || !alerts_leads(a))
        return;
    gather(a);
    if (s->n == 0)
        return;
    s->busy = true;
    s->generation = a->generation;
    for (size_t i = 0; i < s->n_match; i++)
        asked[i] = (struct bl_alert_asked){a->rules[s->match[i].rule].name, s->match[i].change->id};
    if (s->n_match > 0)
        bl_alert_store_known(a->store, asked, s->n_match, on_known, a);
    else
        commit(a);
}
