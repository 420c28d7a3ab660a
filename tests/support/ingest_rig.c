#include "ingest_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int partition_of(void *ctx, struct bl_str user_id)
{
    (void)ctx;
    return user_id.p[0] == 'b' ? 1 : 0;
}

static enum bl_err admit(void *ctx, int partition)
{
    struct ingest_world *w = ctx;
    return partition < 0 ? w->store : w->partition[partition];
}

static int64_t user_wait(void *ctx, struct bl_str user_id)
{
    struct ingest_world *w = ctx;
    return user_id.p[0] != 's' || w->tokens-- > 0 ? 0 : 2500;
}

static bool is_erased(void *ctx, struct bl_str user_id)
{
    const struct ingest_world *w = ctx;
    return w->erased && (user_id.n == 0 || user_id.p[0] == 'x');
}

static void append(void *ctx, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                   void *fn_ctx)
{
    struct ingest_world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        assert_true(entries[i].events <= BL_RECORD_BATCH_EVENTS);
        assert_true(entries[i].text.n <= BL_RECORD_BATCH_BYTES);
        assert_true(w->sent_n < SENT_MAX);
        w->sent[w->sent_n].partition = entries[i].partition;
        w->sent[w->sent_n].events = entries[i].events;
        w->sent[w->sent_n++].text = strndup(entries[i].text.p, entries[i].text.n);
    }
    w->flight[w->flights].fn = fn;
    w->flight[w->flights].ctx = fn_ctx;
    w->flight[w->flights++].entries = n;
}

static void wake(void *ctx, int delay_ms)
{
    struct ingest_world *w = ctx;
    w->wakes++;
    w->wake_delay = delay_ms;
}

static void refused(void *ctx, const struct bl_refusal *refusal)
{
    struct ingest_world *w = ctx;
    w->refused++;
    w->last_refusal = refusal->err;
    w->kept += refusal->raw.n > 0;
}

void ingest_land(struct ingest_world *w, enum bl_err err)
{
    assert_true(w->landed < w->flights);
    size_t i = w->landed++;
    w->flight[i].fn(w->flight[i].ctx, err);
}

int ingest_setup(void **state)
{
    struct ingest_world *w = calloc(1, sizeof *w);
    struct bl_ingest_port port = {w, partition_of, admit, user_wait, is_erased, append, wake, refused};
    struct bl_ingest_options options = {1000, false};
    assert_int_equal(bl_ingest_new(&port, &options, &w->ingest), BL_OK);
    *state = w;
    return 0;
}

int ingest_teardown(void **state)
{
    struct ingest_world *w = *state;
    while (w->landed < w->flights)
        ingest_land(w, BL_OK);
    bl_ingest_free(w->ingest);
    for (size_t i = 0; i < w->sent_n; i++)
        free(w->sent[i].text);
    free(w);
    return 0;
}

static void ingest_take(struct ingest_reply *r, const struct bl_ingest_answer *a)
{
    r->calls++;
    r->status = a->status;
    r->retry_after_s = a->retry_after_s;
    snprintf(r->json, sizeof r->json, "%.*s", (int)a->json.n, a->json.p);
}

static void on_answer(void *ctx, const struct bl_ingest_answer *a)
{
    ingest_take(ctx, a);
}

void ingest_post(struct ingest_world *w, enum bl_body_kind kind, const char *body, struct ingest_reply *r)
{
    struct bl_ingest_answer now;
    memset(r, 0, sizeof *r);
    if (bl_ingest_post(w->ingest, kind, bl_str_of(body), on_answer, r, &now))
        ingest_take(r, &now);
}

void ingest_pass(struct ingest_world *w, enum bl_body_kind kind, const char *body, struct ingest_reply *r)
{
    struct bl_ingest_answer now;
    memset(r, 0, sizeof *r);
    bl_ingest_pass(w->ingest, kind, bl_str_of(body), &now);
    ingest_take(r, &now);
}
