/* Erasing a user, what has become of it, and the way back. As with a resolve nothing is done here: a command goes into
 * the user's partition, so that its one writer applies it in order, and the tombstone is looked for until it stands (or
 * is gone) or two seconds have passed. Asked again, an erasure that stands is only reported.
 *
 *   start -> known ──stands──────────────────────────────────────────────> report
 *                └─> (job_command) look -> looked -> … -> report 200 | 202 */
#include "bl/app/erased.h"
#include "query/job.h"

#define DELIVERY_MS 86400000 /* the longest that an alert waits for its webhook */

struct erase {
    char hex[BL_ERASED_HEX];
    int partition;
    int64_t waited_ms;
    bool wanted; /* the tombstone is to stand, or to be gone */
};

enum look { LOOK_TOMBSTONE, LOOK_ERASURE, LOOK_STREAM, LOOKS };

static job_step known, look, looked;

static void ask(struct job *j, job_step *next)
{
    const struct erase *s = j->state;
    struct bl_str hash = {s->hex, sizeof s->hex};
    const struct bl_read asks[LOOKS] = {
        [LOOK_TOMBSTONE] = {.kind = BL_READ_TOMBSTONE, .partition = s->partition, .arg = hash},
        [LOOK_ERASURE] = {.kind = BL_READ_ERASURE, .partition = s->partition, .arg = hash},
        [LOOK_STREAM] = {.kind = BL_READ_ENTRIES, .partition = s->partition, .arg = BL_STR("0-0"), .a = 1},
    };
    for (size_t i = 0; i < LOOKS; i++)
        job_ask(j, asks[i]);
    job_go(j, next);
}

static void start(struct job *j, bool wanted)
{
    struct erase *s = job_state(j, sizeof *s, NULL);
    if (!s)
        return;
    bl_erased_hex(bl_erased_hash(j->hash_key, job_user(j)), s->hex);
    s->partition = job_partition_of(j, job_user(j));
    s->wanted = wanted;
    ask(j, known);
}

void erase_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    start(j, true);
}

void erasure_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    start(j, true);
}

void readmit_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    start(j, false);
}

static bool stands(const struct bl_read_reply *r)
{
    return r[LOOK_TOMBSTONE].n > 0;
}

/* ---- the report ---- */

static void put_removed(struct bl_buf *b, const struct bl_read_reply *e)
{
    json_key(b, "removed");
    json_open(b, '{');
    json_int(b, "patterns", reply_int(e, "patterns"));
    json_int(b, "recent_events", reply_int(e, "events"));
    json_int(b, "bad_events", reply_int(e, "bad_events"));
    json_int(b, "quarantined", reply_int(e, "quarantined"));
    bl_buf_char(b, '}');
}

/* What is there still, and until when at the latest (if workers work). */
static void put_pending(struct job *j, const struct bl_read_reply *r, bool applied)
{
    struct bl_buf *b = &j->out;
    const struct bl_read_reply *e = &r[LOOK_ERASURE], *first = &r[LOOK_STREAM];
    int64_t at_ms = reply_int(e, "at"), finished_ms = reply_int(e, "finished_at");
    bool finished = finished_ms >= at_ms && finished_ms > 0;
    int64_t last_ms = finished ? finished_ms : at_ms + BL_ERASE_SETTLE_MS;
    bool stream = !finished || (first->n > 0 && entry_ms(first->item[0]) <= finished_ms);
    json_key(b, "pending");
    json_open(b, '{');
    json_bool(b, "worker", !applied);
    json_bool(b, "bad_events", !applied || !finished);
    json_bool(b, "stream", !applied || stream);
    json_time_or_null(b, "stream_until", applied && stream ? last_ms + j->q->stream_retention_ms : BL_NEVER);
    json_time_or_null(b, "alerts_until", applied ? at_ms + DELIVERY_MS : BL_NEVER);
    bl_buf_char(b, '}');
}

static void report(struct job *j, const struct bl_read_reply *r, int status)
{
    const struct erase *s = j->state;
    bool applied = stands(r);
    int64_t at_ms = applied ? item_int(&r[LOOK_TOMBSTONE], 0) : BL_NEVER;
    if (applied && j->q->erased.stands)
        j->q->erased.stands(j->q->erased.ctx, job_user(j), at_ms);
    j->status = status;
    json_open(&j->out, '{');
    json_bool(&j->out, "erased", applied);
    json_text(&j->out, "user", (struct bl_str){s->hex, sizeof s->hex});
    if (s->wanted) {
        json_time_or_null(&j->out, "at", at_ms);
        put_removed(&j->out, &r[LOOK_ERASURE]);
        put_pending(j, r, applied);
    }
    bl_buf_char(&j->out, '}');
    job_finish(j);
}

/* ---- the wish ---- */

static void wish(struct job *j)
{
    struct erase *s = j->state;
    struct bl_command c = {.kind = s->wanted ? BL_COMMAND_ERASE : BL_COMMAND_READMIT};
    struct bl_str user = job_user(j);
    memcpy(c.user, user.p, user.n);
    c.user_bytes = user.n;
    job_command(j, s->partition, &c, s->wanted ? BL_STR("erase") : BL_STR("readmit"),
                (struct bl_str){s->hex, sizeof s->hex}, look);
}

static void known(struct job *j, const struct bl_read_reply *r, size_t n)
{
    const struct erase *s = j->state;
    (void)n;
    if (stands(r) == s->wanted)
        report(j, r, 200);
    else if (j->query.call == BL_CALL_ERASURE)
        job_fail(j, BL_ERR_NOT_FOUND, "This user has not been erased.");
    else
        wish(j);
}

static void look(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    ((struct erase *)j->state)->waited_ms += BL_QUERY_RESOLVE_POLL_MS;
    ask(j, looked);
}

static void looked(struct job *j, const struct bl_read_reply *r, size_t n)
{
    const struct erase *s = j->state;
    (void)n;
    if (stands(r) == s->wanted)
        report(j, r, 200);
    else if (s->waited_ms >= BL_QUERY_RESOLVE_MS)
        report(j, r, 202);
    else
        job_later(j, BL_QUERY_RESOLVE_POLL_MS, look);
}
