/* What becomes of each event of a body: it is staged, or refused with what is wrong with it, and then kept for a day for
 * who wants to know (SPEC 2.6), but for what must not be kept: events over a limit, of erased users, or of who asked for
 * nothing to be stored. */
#include "bl/app/answer.h"
#include "ingest/request.h"

#include <assert.h>
#include <stdio.h>

static bool is_erased(const struct bl_ingest *i, struct bl_str user_id)
{
    return i->port.is_erased && i->port.is_erased(i->port.ctx, user_id);
}

static bool names_erased(void *ctx, struct bl_str user_id)
{
    return is_erased(ctx, user_id);
}

/* What cannot be taken is not kept either, if it says that it is of somebody who is erased: an event, or any text. */
static bool keeps(struct bl_ingest *i, struct bl_str raw)
{
    char user[BL_USER_ID_MAX_BYTES];
    size_t n;
    if (raw.n == 0 || !is_erased(i, BL_STR("")))
        return true;
    if (bl_event_user(raw, user, &n) && is_erased(i, (struct bl_str){user, n}))
        return false;
    return !bl_text_users(raw, names_erased, i);
}

static void hand_on(struct bl_ingest *i, enum bl_err err, const char *field, const char *message,
                    struct bl_str raw)
{
    i->counts.rejected++;
    if (!keeps(i, raw))
        raw = (struct bl_str){0};
    i->port.refused(i->port.ctx, &(struct bl_refusal){err, field, message, raw});
}

void ingest_refuse(struct bl_ingest *i, const struct bl_problem *problem, struct bl_str raw)
{
    hand_on(i, problem->err, problem->field, problem->message, raw);
}

void bl_ingest_refuse(struct bl_ingest *i, enum bl_err err, struct bl_str body)
{
    hand_on(i, err, "", "", body);
}

static void take_bad(struct bl_ingest *i, size_t index, const struct bl_problem *problem, struct bl_str raw)
{
    if (i->rejected++ == 0)
        i->problem = *problem;
    else
        bl_buf_char(&i->errors, ',');
    bl_buf_z(&i->errors, "{\"index\":");
    bl_buf_int(&i->errors, (int64_t)index);
    bl_buf_z(&i->errors, ",\"error\":");
    bl_error_object(&i->errors, problem->err, problem->field, problem->message);
    bl_buf_char(&i->errors, '}');
    ingest_refuse(i, problem, raw);
}

int ingest_seconds(int64_t ms)
{
    int64_t s = (ms + 999) / 1000;
    return s > BL_RETRY_AFTER_MAX_S ? BL_RETRY_AFTER_MAX_S : s < 1 ? 1 : (int)s;
}

/* Over the user's limit: only counted (SPEC 2.6). */
static void take_limited(struct bl_ingest *i, size_t index, int64_t wait_ms)
{
    struct bl_problem problem = {.err = BL_ERR_RATE_LIMITED, .field = "user_id"};
    snprintf(problem.message, sizeof problem.message,
             "Too many events of this user: slow down, and repeat this one after %d s.",
             ingest_seconds(wait_ms));
    i->limited++;
    i->counts.limited++;
    if (wait_ms > i->wait_ms)
        i->wait_ms = wait_ms;
    take_bad(i, index, &problem, (struct bl_str){0});
}

/* Only counted, since the event would be kept for a day with the id. */
static void take_erased(struct bl_ingest *i, size_t index)
{
    struct bl_problem problem = {.err = BL_ERR_USER_ERASED, .field = "user_id"};
    snprintf(problem.message, sizeof problem.message, "%s", bl_err_text(BL_ERR_USER_ERASED));
    take_bad(i, index, &problem, (struct bl_str){0});
}

static void keep_id(struct bl_ingest *i, struct bl_str event_id)
{
    if (i->staged_n == 0 && event_id.n < sizeof i->event_id) {
        memcpy(i->event_id, event_id.p, event_id.n);
        i->event_id[event_id.n] = 0;
    }
}

static void take_good(struct bl_ingest *i, size_t index, const struct bl_record *record)
{
    if (i->denied == BL_OK && is_erased(i, record->user_id)) {
        take_erased(i, index);
        return;
    }
    int64_t wait_ms =
        i->denied == BL_OK && i->port.user_wait ? i->port.user_wait(i->port.ctx, record->user_id) : 0;
    if (wait_ms > 0) {
        take_limited(i, index, wait_ms);
        return;
    }
    keep_id(i, record->event_id);
    assert(i->staged_n < i->options.max_events);
    struct staged *s = &i->staged[i->staged_n++];
    if (i->denied != BL_OK)
        return;
    *s = (struct staged){i->port.partition_of(i->port.ctx, record->user_id), i->lines.n, record->line.n};
    if (!i->admitted[s->partition])
        i->denied = i->port.admit(i->port.ctx, s->partition);
    i->admitted[s->partition] = true;
    bl_buf_str(&i->lines, record->line);
}

void ingest_event(void *ctx, size_t index, const struct bl_record *record, const struct bl_problem *problem,
                  struct bl_str raw)
{
    struct bl_ingest *i = ctx;
    i->received++;
    if (record)
        take_good(i, index, record);
    else if (problem->err == BL_ERR_NO_MEMORY)
        i->no_memory = true;
    else
        take_bad(i, index, problem, raw);
}

void ingest_passed(void *ctx, size_t index, const struct bl_record *record, const struct bl_problem *problem,
                   struct bl_str raw)
{
    struct bl_ingest *i = ctx;
    (void)raw;
    i->received++;
    if (!record && problem->err == BL_ERR_NO_MEMORY) {
        i->no_memory = true;
        return;
    }
    if (!record) {
        take_bad(i, index, problem, (struct bl_str){0});
        return;
    }
    keep_id(i, record->event_id);
    i->staged_n++;
}
