/* The queues: one per rule, so that a webhook that is slow or dead delays nobody else.
 *
 *   alerts_send_due -> start --(body from Redis)--> on_body -> alerts_post -> on_answer -> settle
 *        ^                                                                                  |
 *        +---- on_written (gone from the queue, or back in it at next_ms) <----- write -----+
 *
 * A webhook that fails is left alone, as a whole, for a time that grows with each failure in a row up to half a minute (or
 * as its Retry-After says); then one attempt at a time goes out until one succeeds. Each alert has its own number of
 * attempts, its own wait and its own age besides, so one that is never accepted does not stand before the others.
 *
 * Invariants
 *  - An alert is in at most one flight, also across a loss of the lease: flights that are not FREE hold their id.
 *  - It leaves the queue in Redis only when its fate is known; the next one to lead sends what is still there, under the
 *    same delivery id. */
#include "alerts.h"

#include "bl/base/log.h"

#include <sys/random.h>

#define LONG_MS         (60 * 1000) /* a webhook that has failed for so long is worth an error in the log */
#define PAUSE_DOUBLINGS 6           /* the longest pause of a webhook that says nothing else: half a minute */

void alerts_queue_init(struct alerts *a, struct alert_queue *q)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        q->flights[i] = (struct flight){.magic = FLIGHT_MAGIC, .alerts = a, .queue = q};
}

static struct flight *flight_of(struct alert_queue *q, const char *id)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        if (q->flights[i].state != FLIGHT_FREE && strcmp(q->flights[i].id, id) == 0)
            return &q->flights[i];
    return NULL;
}

static size_t place_of(const struct alert_queue *q, const char *id)
{
    size_t i = 0;
    while (i < q->n && strcmp(q->waiting[i].id, id) != 0)
        i++;
    return i;
}

static void take_out(struct alert_queue *q, size_t i)
{
    if (i >= q->n)
        return;
    q->n--;
    memmove(&q->waiting[i], &q->waiting[i + 1], (q->n - i) * sizeof q->waiting[0]);
}

void alerts_queue_add(struct alert_queue *q, const char *id, int64_t next_ms, char dropped[BL_ALERT_ID_BYTES])
{
    size_t oldest = 0;
    dropped[0] = '\0';
    if (place_of(q, id) < q->n)
        return;
    if (q->n == BL_ALERT_OUTBOX_MAX) { /* more waits than there are flights */
        while (flight_of(q, q->waiting[oldest].id))
            oldest++;
        memcpy(dropped, q->waiting[oldest].id, BL_ALERT_ID_BYTES);
        take_out(q, oldest);
    }
    struct alert_waiting *w = &q->waiting[q->n++];
    w->next_ms = next_ms;
    w->attempts = 0;
    memcpy(w->id, id, BL_ALERT_ID_BYTES);
}

/* ---- what came of it ---- */

static struct alert_waiting waiting_again(const struct flight *f)
{
    struct alert_waiting w = {.next_ms = f->next_ms, .attempts = f->attempts};
    memcpy(w.id, f->id, sizeof w.id);
    return w;
}

static void on_written(void *ctx, enum bl_err err)
{
    struct flight *f = BL_CAST(struct flight, ctx, FLIGHT_MAGIC);
    struct alert_queue *q = f->queue;
    bool stale = f->generation != f->alerts->generation;
    if (stale || err != BL_OK) {
        f->state = FLIGHT_SETTLED; /* written by whoever leads next, if that is us */
        if (!stale)
            alerts_drop(f->alerts, err);
        return;
    }
    size_t i = place_of(q, f->id);
    if (f->fate != BL_ALERT_RETRY)
        take_out(q, i);
    else if (i < q->n)
        q->waiting[i] = waiting_again(f);
    f->state = FLIGHT_FREE;
}

static void write_fate(struct flight *f)
{
    struct alerts *a = f->alerts;
    const char *rule = f->queue->rule->name;
    if (!alerts_leads(a))
        return;
    f->state = FLIGHT_COMMITTING;
    f->generation = a->generation;
    bl_alert_store_begin(a->store, alerts_now_ms(a));
    if (f->fate == BL_ALERT_RETRY)
        bl_alert_put_later(a->store, rule, f->id, f->attempts, f->next_ms);
    else
        bl_alert_put_gone(a->store, rule, f->id);
    bl_alert_store_commit(a->store, on_written, f);
}

/* `begins`: the webhook worked before, or nothing had been sent to it. */
static void say_failure(struct flight *f, const struct bl_outbound_answer *answer, bool begins)
{
    struct alert_queue *q = f->queue;
    int64_t now_ms = alerts_now_ms(f->alerts);
    const char *what = bl_outbound_outcome(answer);
    if (f->fate == BL_ALERT_GIVEN_UP)
        bl_log(BL_LOG_ERROR, "an alert was given up", BL_LOG_TEXT("alert", q->rule->name),
               BL_LOG_TEXT("delivery", f->id), BL_LOG_TEXT("result", what),
               BL_LOG_INT("status", answer->status), BL_LOG_INT("attempts", f->attempts));
    else if (begins)
        bl_log(BL_LOG_WARN, "a webhook fails", BL_LOG_TEXT("alert", q->rule->name),
               BL_LOG_TEXT("result", what), BL_LOG_INT("status", answer->status));
    if (begins)
        q->failed_ms = now_ms;
    if (q->failures > 0 && !q->said && now_ms - q->failed_ms >= LONG_MS) {
        q->said = true;
        bl_log(BL_LOG_ERROR, "a webhook has been failing for long", BL_LOG_TEXT("alert", q->rule->name),
               BL_LOG_INT("seconds", (now_ms - q->failed_ms) / 1000), BL_LOG_INT("waiting", q->n));
    }
}

static void succeed(struct flight *f)
{
    struct alert_queue *q = f->queue;
    f->alerts->counts.delivered++;
    if (q->failures > 0)
        bl_log(BL_LOG_INFO, "a webhook works again", BL_LOG_TEXT("alert", q->rule->name),
               BL_LOG_INT("failures", q->failures));
    q->failures = 0;
    q->pause_ms = 0;
    q->said = false;
}

static void fail(struct flight *f, const struct bl_outbound_answer *answer)
{
    struct alerts *a = f->alerts;
    struct alert_queue *q = f->queue;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = 0;
    int64_t now_ms = alerts_now_ms(a), after_ms = answer->retry_after_ms;
    bool worked = q->failures == 0;
    f->next_ms = now_ms + bl_alert_delay_ms(f->attempts, after_ms, random);
    if (f->fate == BL_ALERT_RETRY)
        a->counts.retried++;
    else
        a->counts.failed++;
    if (f->fate == BL_ALERT_RETRY || answer->status == 0) {
        int row = q->failures < PAUSE_DOUBLINGS ? q->failures + 1 : PAUSE_DOUBLINGS;
        int64_t pause_ms = now_ms + bl_alert_delay_ms(row, after_ms, random);
        q->failures += q->pause_ms <= now_ms; /* of attempts at the same time the first counts */
        if (pause_ms > q->pause_ms)
            q->pause_ms = pause_ms;
    }
    say_failure(f, answer, worked && q->failures > 0);
}

static void on_answer(void *ctx, const struct bl_outbound_answer *answer)
{
    struct flight *f = BL_CAST(struct flight, ctx, FLIGHT_MAGIC);
    if (answer->result == BL_OUTBOUND_CANCELLED || answer->result == BL_OUTBOUND_BUSY) {
        f->state = FLIGHT_FREE; /* it waits in the queue as before */
        return;
    }
    f->attempts++;
    f->fate = bl_alert_fate(&(struct bl_alert_attempt){
        .status = answer->result == BL_OUTBOUND_DONE ? answer->status : 0,
        .hopeless = answer->result == BL_OUTBOUND_INVALID || answer->result == BL_OUTBOUND_REFUSED,
        .attempts = f->attempts,
        .age_ms = alerts_now_ms(f->alerts) - f->made_ms,
    });
    f->state = FLIGHT_SETTLED;
    if (f->fate == BL_ALERT_DELIVERED)
        succeed(f);
    else
        fail(f, answer);
    write_fate(f);
}

/* ---- the way out ---- */

static void on_body(void *ctx, enum bl_err err, const struct bl_alert_delivery *d)
{
    struct flight *f = BL_CAST(struct flight, ctx, FLIGHT_MAGIC);
    struct alerts *a = f->alerts;
    f->state = FLIGHT_FREE;
    if (f->generation != a->generation)
        return;
    if (err != BL_OK) {
        alerts_drop(a, err);
        return;
    }
    if (!alerts_leads(a))
        return;
    if (!d->found) { /* it has outlived its key */
        a->counts.dropped++;
        f->fate = BL_ALERT_GIVEN_UP;
        write_fate(f);
        return;
    }
    f->state = FLIGHT_FLYING;
    f->attempts = d->attempts;
    f->made_ms = d->made_ms;
    alerts_post(f->queue, f->id, d->body, alerts_now_ms(a) / 1000, on_answer, f);
}

/* The one to send next: due, in no flight; NULL: none. The one that is due longest; while the webhook fails, by turns
 * with the one that was tried most, so that neither an alert that is never taken nor a row of new ones keeps the others
 * from their turn. */
static const struct alert_waiting *due(struct alert_queue *q, int64_t now_ms)
{
    const struct alert_waiting *best = NULL;
    bool tried = q->failures % 2 == 1;
    for (size_t i = 0; i < q->n; i++) {
        const struct alert_waiting *w = &q->waiting[i];
        if (w->next_ms > now_ms || flight_of(q, w->id))
            continue;
        if (!best || (tried && w->attempts > best->attempts) ||
            (!(tried && w->attempts < best->attempts) && w->next_ms < best->next_ms))
            best = w;
    }
    return best;
}

void alerts_send_settle(struct alerts *a)
{
    for (size_t i = 0; i < a->n_rules; i++)
        for (size_t k = 0; k < FLIGHTS; k++)
            if (a->queues[i].flights[k].state == FLIGHT_SETTLED)
                write_fate(&a->queues[i].flights[k]);
}

static void send_queue(struct alerts *a, struct alert_queue *q, int64_t now_ms)
{
    size_t busy = 0;
    for (size_t i = 0; i < FLIGHTS; i++)
        busy += q->flights[i].state != FLIGHT_FREE;
    for (size_t i = 0; i < FLIGHTS && q->pause_ms <= now_ms && (q->failures == 0 || busy == 0); i++) {
        struct flight *f = &q->flights[i];
        const struct alert_waiting *w = f->state == FLIGHT_FREE ? due(q, now_ms) : NULL;
        if (!w)
            continue;
        f->state = FLIGHT_FETCHING;
        f->generation = a->generation;
        memcpy(f->id, w->id, sizeof f->id);
        busy++;
        bl_alert_store_delivery(a->store, f->id, on_body, f);
    }
}

void alerts_send_due(struct alerts *a)
{
    int64_t now_ms = alerts_now_ms(a);
    if (!alerts_leads(a) || a->stopping)
        return;
    alerts_send_settle(a);
    for (size_t i = 0; i < a->n_rules && a->phase == ALERTS_LEADING; i++)
        send_queue(a, &a->queues[i], now_ms);
}
