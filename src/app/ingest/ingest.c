/* Bodies in, groups out, answers back. A request's good events are staged while its body is decoded and go
 * into the open group only when the whole request is known to fit: a request that is refused leaves nothing
 * behind. While a transaction is in flight the open group gathers (up to 1 ms), so that a busy server sends
 * few, large ones, and a quiet one sends each event at once. What becomes of each event: ingest/events.c. */
#include "bl/app/answer.h"
#include "bl/base/magic.h"
#include "ingest/request.h"

#include <stdlib.h>

#define TICKET_MAGIC BL_MAGIC('t', 'i', 'c', 'k')
#define FLIGHT_MAGIC BL_MAGIC('f', 'l', 'i', 'g')

/* A request that waits; its answer is made already, in case all goes well. */
struct ticket {
    uint32_t magic;
    int status, retry_after_s;
    size_t events;
    bl_ingest_fn *fn;
    void *ctx;
    struct ticket *next;
    size_t json_n;
    char json[];
};

/* The requests of one group, in order. */
struct flight {
    uint32_t magic;
    struct bl_ingest *ingest;
    struct ticket *first, **last;
    size_t bytes;
};

static void make_id(void *ctx, char out[36])
{
    bl_uuid_make(ctx, out);
}

enum bl_err bl_ingest_new(const struct bl_ingest_port *port, const struct bl_ingest_options *options,
                          struct bl_ingest **out)
{
    struct bl_ingest *i = calloc(1, sizeof *i);
    *out = NULL;
    if (!i)
        return BL_ERR_NO_MEMORY;
    i->port = *port;
    i->options = *options;
    bl_uuid_init(&i->uuids);
    bl_group_init(&i->group);
    bl_buf_init(&i->lines, 0);
    bl_buf_init(&i->errors, 0);
    bl_buf_init(&i->json, 0);
    i->staged = calloc(options->max_events ? options->max_events : 1, sizeof *i->staged);
    enum bl_err err = i->staged ? bl_decoder_new(&i->decoder) : BL_ERR_NO_MEMORY;
    if (err != BL_OK) {
        bl_ingest_free(i);
        return err;
    }
    *out = i;
    return BL_OK;
}

static void ticket_free(struct ticket *t)
{
    t->magic = 0;
    free(t);
}

void bl_ingest_free(struct bl_ingest *i)
{
    if (!i)
        return;
    assert(i->in_flight == 0);
    for (struct ticket *t = i->open ? i->open->first : NULL, *next; t; t = next) {
        next = t->next;
        ticket_free(t);
    }
    free(i->open);
    bl_group_release(&i->group);
    bl_decoder_free(i->decoder);
    bl_buf_release(&i->lines);
    bl_buf_release(&i->errors);
    bl_buf_release(&i->json);
    free(i->staged);
    free(i);
}

const struct bl_ingest_counts *bl_ingest_counts(const struct bl_ingest *i)
{
    return &i->counts;
}

size_t bl_ingest_received(const struct bl_ingest *i)
{
    return i->received;
}

/* --- one request */

static void begin(struct bl_ingest *i)
{
    bl_buf_clear(&i->lines);
    bl_buf_clear(&i->errors);
    bl_buf_clear(&i->json);
    i->staged_n = i->received = i->rejected = i->limited = 0;
    i->wait_ms = 0;
    i->pass = i->no_memory = false;
    i->event_id[0] = 0;
    memset(i->admitted, 0, sizeof i->admitted);
    i->denied = i->port.admit(i->port.ctx, -1);
}

/* --- answers */

/* Needs no memory. */
static void no_memory_answer(struct bl_ingest_answer *answer)
{
    *answer =
        (struct bl_ingest_answer){503, BL_INGEST_RETRY_AFTER_S,
                                  BL_STR("{\"error\":{\"code\":\"out_of_memory\",\"message\":\"Not enough "
                                         "memory: repeat later.\",\"field\":null}}")};
}

static void error_answer(struct bl_ingest *i, enum bl_err err, const char *field, const char *message,
                         struct bl_ingest_answer *answer)
{
    bl_buf_clear(&i->json);
    bl_error_json(&i->json, err, field, message);
    if (i->json.err != BL_OK) {
        no_memory_answer(answer);
        return;
    }
    int status = bl_err_http(err), after_s = status == 503 ? BL_INGEST_RETRY_AFTER_S : 0;
    if (err == BL_ERR_RATE_LIMITED)
        after_s = ingest_seconds(i->wait_ms);
    *answer = (struct bl_ingest_answer){status, after_s, bl_buf_view(&i->json)};
}

/* SPEC 2.4. An empty batch is accepted. Clients repeat what was answered 429 and give up what was answered 400: of a batch
 * of which nothing was taken, what a repetition may help decides. */
static int batch_answer(const struct bl_ingest *i, struct bl_buf *out)
{
    bool none = i->received && i->staged_n == 0;
    const char *status = none ? "rejected" : i->rejected ? "partial" : "accepted";
    bl_buf_printf(out, "{\"status\":\"%s\",\"received\":%zu,\"accepted\":%zu,\"rejected\":%zu,\"errors\":[",
                  status, i->received, i->staged_n, i->rejected);
    bl_buf_str(out, bl_buf_view(&i->errors));
    if (i->errors.err != BL_OK)
        out->err = i->errors.err;
    bl_buf_z(out, i->pass ? "],\"stored\":false}" : "]}");
    return none && i->limited ? 429 : none ? 400 : i->rejected ? 207 : 202;
}

static int good_answer(const struct bl_ingest *i, enum bl_body_kind kind, struct bl_buf *out)
{
    if (kind != BL_BODY_EVENT)
        return batch_answer(i, out);
    bl_buf_z(out, "{\"status\":\"accepted\",\"event_id\":");
    bl_buf_json(out, bl_str_of(i->event_id));
    bl_buf_z(out, i->pass ? ",\"stored\":false}" : "}");
    return 202;
}

/* Nothing of the request is to be stored. */
static void bad_answer(struct bl_ingest *i, enum bl_body_kind kind, struct bl_ingest_answer *answer)
{
    if (kind == BL_BODY_EVENT && i->rejected) {
        error_answer(i, i->problem.err, i->problem.field, i->problem.message, answer);
        return;
    }
    int status = batch_answer(i, &i->json);
    *answer =
        (struct bl_ingest_answer){status, i->limited ? ingest_seconds(i->wait_ms) : 0, bl_buf_view(&i->json)};
}

/* --- group commit */

/* Only the partitions that the request names are looked at: one event names one of up to BL_PARTITIONS_MAX. */
static enum bl_err make_room(struct bl_ingest *i)
{
    for (size_t k = 0; k < i->staged_n; k++)
        i->room[i->staged[k].partition] += i->staged[k].n + 1;
    enum bl_err err = bl_group_reserve(&i->group, i->staged_n);
    for (size_t k = 0; k < i->staged_n; k++) {
        size_t *bytes = &i->room[i->staged[k].partition];
        if (*bytes && err == BL_OK)
            err = bl_group_make_room(&i->group, i->staged[k].partition, *bytes);
        *bytes = 0;
    }
    return err;
}

static enum bl_err join(struct bl_ingest *i, struct ticket *t)
{
    if (i->counts.requests_waiting >= BL_INGEST_REQUESTS_MAX ||
        i->counts.bytes_waiting + i->lines.n > BL_INGEST_BYTES_MAX)
        return BL_ERR_OVERLOADED;
    if (!i->open) {
        i->open = calloc(1, sizeof *i->open);
        if (!i->open)
            return BL_ERR_NO_MEMORY;
        *i->open = (struct flight){.magic = FLIGHT_MAGIC, .ingest = i, .last = &i->open->first};
        i->port.wake(i->port.ctx, i->in_flight ? BL_INGEST_DELAY_MS : 0);
    }
    enum bl_err err = make_room(i);
    if (err != BL_OK)
        return err;
    for (size_t k = 0; k < i->staged_n; k++) {
        const struct staged *s = &i->staged[k];
        bl_group_add(&i->group, s->partition, (struct bl_str){i->lines.p + s->at, s->n});
    }
    *i->open->last = t;
    i->open->last = &t->next;
    i->open->bytes += i->lines.n;
    i->counts.bytes_waiting += i->lines.n;
    i->counts.requests_waiting++;
    return BL_OK;
}

static struct ticket *ticket_new(struct bl_ingest *i, enum bl_body_kind kind, bl_ingest_fn *fn, void *ctx)
{
    int status = good_answer(i, kind, &i->json);
    struct ticket *t = i->json.err == BL_OK ? malloc(sizeof *t + i->json.n) : NULL;
    if (!t)
        return NULL;
    *t = (struct ticket){.magic = TICKET_MAGIC,
                         .status = status,
                         .retry_after_s = i->limited ? ingest_seconds(i->wait_ms) : 0,
                         .events = i->staged_n,
                         .fn = fn,
                         .ctx = ctx,
                         .json_n = i->json.n};
    memcpy(t->json, i->json.p, i->json.n);
    return t;
}

static void count_unavailable(struct bl_ingest *i, enum bl_err err, size_t events)
{
    if (err == BL_ERR_BACKLOG_FULL)
        i->counts.backlog += events;
    else
        i->counts.unavailable += events;
}

/* Of work that cannot be taken on, as little as possible is done. */
static enum bl_err shed(const struct bl_ingest *i, struct bl_str body)
{
    if (i->denied == BL_ERR_BACKLOG_FULL || i->denied == BL_ERR_OVERLOADED)
        return i->denied;
    bool full = i->counts.requests_waiting >= BL_INGEST_REQUESTS_MAX ||
                i->counts.bytes_waiting + body.n > BL_INGEST_BYTES_MAX;
    return full ? BL_ERR_OVERLOADED : BL_OK;
}

bool bl_ingest_post(struct bl_ingest *i, enum bl_body_kind kind, struct bl_str body, bl_ingest_fn *fn,
                    void *ctx, struct bl_ingest_answer *answer)
{
    struct bl_decode_options options = {i->options.max_events, i->options.timestamp_needed, make_id,
                                        &i->uuids};
    begin(i);
    enum bl_err err = shed(i, body);
    if (err != BL_OK) {
        i->counts.shed++;
        error_answer(i, err, NULL, NULL, answer);
        return true;
    }
    err = bl_decode_body(i->decoder, kind, body, &options, ingest_event, i, &i->problem);
    if (i->no_memory || err == BL_ERR_NO_MEMORY) {
        count_unavailable(i, BL_ERR_NO_MEMORY, i->staged_n);
        error_answer(i, BL_ERR_NO_MEMORY, NULL, NULL, answer);
        return true;
    }
    if (err != BL_OK) {
        ingest_refuse(i, &i->problem, body);
        error_answer(i, err, i->problem.field, i->problem.message, answer);
        return true;
    }
    if (i->staged_n == 0) {
        bad_answer(i, kind, answer);
        if (i->json.err != BL_OK)
            error_answer(i, BL_ERR_NO_MEMORY, NULL, NULL, answer);
        return true;
    }
    struct ticket *t = NULL;
    err = i->denied;
    if (err == BL_OK)
        err = i->lines.err;
    if (err == BL_OK && !(t = ticket_new(i, kind, fn, ctx)))
        err = BL_ERR_NO_MEMORY;
    if (err == BL_OK)
        err = join(i, t);
    if (err != BL_OK) {
        if (t)
            ticket_free(t);
        count_unavailable(i, err, i->staged_n);
        error_answer(i, err, NULL, NULL, answer);
        return true;
    }
    if (i->group.bytes >= BL_INGEST_GROUP_BYTES || i->group.events >= BL_INGEST_GROUP_EVENTS)
        bl_ingest_flush(i);
    return false;
}

void bl_ingest_pass(struct bl_ingest *i, enum bl_body_kind kind, struct bl_str body,
                    struct bl_ingest_answer *answer)
{
    struct bl_decode_options options = {i->options.max_events, i->options.timestamp_needed, make_id,
                                        &i->uuids};
    begin(i);
    i->pass = true;
    enum bl_err err = bl_decode_body(i->decoder, kind, body, &options, ingest_passed, i, &i->problem);
    if (i->no_memory || err == BL_ERR_NO_MEMORY) {
        error_answer(i, BL_ERR_NO_MEMORY, NULL, NULL, answer);
        return;
    }
    if (err != BL_OK) {
        ingest_refuse(i, &i->problem, (struct bl_str){0});
        error_answer(i, err, i->problem.field, i->problem.message, answer);
    } else if (i->staged_n == 0) {
        bad_answer(i, kind, answer);
    } else {
        int status = good_answer(i, kind, &i->json);
        i->counts.unstored += i->staged_n;
        *answer = (struct bl_ingest_answer){status, 0, bl_buf_view(&i->json)};
    }
    if (i->json.err != BL_OK)
        error_answer(i, BL_ERR_NO_MEMORY, NULL, NULL, answer);
}

void bl_ingest_hear(struct bl_ingest *i, bool wish)
{
    i->deaf = !wish;
}

bool bl_ingest_hears(const struct bl_ingest *i)
{
    return !i->deaf;
}

static void answer_ticket(struct bl_ingest *i, struct ticket *t, enum bl_err err)
{
    struct bl_ingest_answer answer = {t->status, t->retry_after_s, {t->json, t->json_n}};
    i->counts.requests_waiting--;
    if (err == BL_OK) {
        i->counts.accepted += t->events;
    } else {
        count_unavailable(i, err, t->events);
        error_answer(i, err, NULL, NULL, &answer);
    }
    t->fn(t->ctx, &answer);
    ticket_free(t);
}

static void on_appended(void *ctx, enum bl_err err)
{
    struct flight *f = BL_CAST(struct flight, ctx, FLIGHT_MAGIC);
    struct bl_ingest *i = f->ingest;
    i->in_flight--;
    i->counts.bytes_waiting -= f->bytes;
    i->counts.failed += err != BL_OK;
    for (struct ticket *t = f->first, *next; t; t = next) {
        next = t->next;
        answer_ticket(i, t, err);
    }
    f->magic = 0;
    free(f);
    if (i->open && i->in_flight == 0)
        i->port.wake(i->port.ctx, 0);
}

void bl_ingest_flush(struct bl_ingest *i)
{
    struct flight *f = i->open;
    size_t n;
    if (!f)
        return;
    const struct bl_append_entry *entries = bl_group_entries(&i->group, &n);
    i->open = NULL;
    if (n == 0) { /* the first request of the group did not get in */
        free(f);
        return;
    }
    i->in_flight++;
    i->counts.groups++;
    i->counts.entries += n;
    i->port.append(i->port.ctx, entries, n, on_appended, f);
    bl_group_clear(&i->group);
}
