/* The way in over in-memory ports: who is answered what and when, how groups are cut, what is never lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/app/ingest.h"
#include "bl/base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define SENT_MAX 256

/* The world: two partitions by the first byte of the user id; appends wait until the test confirms them. */
struct world {
    struct bl_ingest *ingest;
    enum bl_err store;        /* what admit says */
    enum bl_err partition[2]; /* and for each partition */
    int wakes, wake_delay;
    struct {
        int partition;
        size_t events;
        char *text;
    } sent[SENT_MAX];
    size_t sent_n;
    struct {
        bl_appended_fn *fn;
        void *ctx;
        size_t entries;
    } flight[SENT_MAX];
    size_t flights, landed;
    size_t refused;
    enum bl_err last_refusal;
    size_t kept; /* of the refused: with what was sent */
    bool erased; /* users whose id begins with 'x' */
    int tokens;  /* of users whose id begins with 's'; the others have no limit */
};

struct reply {
    int calls, status, retry_after_s;
    char json[4096];
};

static int partition_of(void *ctx, struct bl_str user_id)
{
    (void)ctx;
    return user_id.p[0] == 'b' ? 1 : 0;
}

static enum bl_err admit(void *ctx, int partition)
{
    struct world *w = ctx;
    return partition < 0 ? w->store : w->partition[partition];
}

static int64_t user_wait(void *ctx, struct bl_str user_id)
{
    struct world *w = ctx;
    return user_id.p[0] != 's' || w->tokens-- > 0 ? 0 : 2500;
}

static bool is_erased(void *ctx, struct bl_str user_id)
{
    const struct world *w = ctx;
    return w->erased && (user_id.n == 0 || user_id.p[0] == 'x');
}

static void append(void *ctx, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                   void *fn_ctx)
{
    struct world *w = ctx;
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
    struct world *w = ctx;
    w->wakes++;
    w->wake_delay = delay_ms;
}

static void refused(void *ctx, const struct bl_refusal *refusal)
{
    struct world *w = ctx;
    w->refused++;
    w->last_refusal = refusal->err;
    w->kept += refusal->raw.n > 0;
}

static void land(struct world *w, enum bl_err err)
{
    assert_true(w->landed < w->flights);
    size_t i = w->landed++;
    w->flight[i].fn(w->flight[i].ctx, err);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct bl_ingest_port port = {w, partition_of, admit, user_wait, is_erased, append, wake, refused};
    struct bl_ingest_options options = {1000, false};
    assert_int_equal(bl_ingest_new(&port, &options, &w->ingest), BL_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    while (w->landed < w->flights)
        land(w, BL_OK);
    bl_ingest_free(w->ingest);
    for (size_t i = 0; i < w->sent_n; i++)
        free(w->sent[i].text);
    free(w);
    return 0;
}

static void take(struct reply *r, const struct bl_ingest_answer *a)
{
    r->calls++;
    r->status = a->status;
    r->retry_after_s = a->retry_after_s;
    snprintf(r->json, sizeof r->json, "%.*s", (int)a->json.n, a->json.p);
}

static void on_answer(void *ctx, const struct bl_ingest_answer *a)
{
    take(ctx, a);
}

static void post(struct world *w, enum bl_body_kind kind, const char *body, struct reply *r)
{
    struct bl_ingest_answer now;
    memset(r, 0, sizeof *r);
    if (bl_ingest_post(w->ingest, kind, bl_str_of(body), on_answer, r, &now))
        take(r, &now);
}

#define CLICK(user) "{\"user_id\":\"" user "\",\"action\":\"click\",\"page\":\"/p\"}"

static void an_event_is_answered_only_when_the_store_has_confirmed_it(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_EVENT, "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e1\"}",
         &r);
    assert_int_equal(r.calls, 0);
    assert_int_equal(w->wakes, 1);
    assert_int_equal(w->wake_delay, 0);
    bl_ingest_flush(w->ingest);
    assert_int_equal(r.calls, 0);
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].events, 1);
    assert_non_null(strstr(w->sent[0].text, "\"event_id\":\"e1\""));
    land(w, BL_OK);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.status, 202);
    assert_string_equal(r.json, "{\"status\":\"accepted\",\"event_id\":\"e1\"}");
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 1);
    assert_int_equal(bl_ingest_counts(w->ingest)->bytes_waiting, 0);
}

static void pass(struct world *w, enum bl_body_kind kind, const char *body, struct reply *r)
{
    struct bl_ingest_answer now;
    memset(r, 0, sizeof *r);
    bl_ingest_pass(w->ingest, kind, bl_str_of(body), &now);
    take(r, &now);
}

static void what_is_not_to_be_kept_is_checked_and_counted(void **state)
{
    struct world *w = *state;
    struct reply r;
    pass(w, BL_BODY_EVENT, "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e1\"}",
         &r);
    assert_int_equal(r.status, 202);
    assert_string_equal(r.json, "{\"status\":\"accepted\",\"event_id\":\"e1\",\"stored\":false}");
    pass(w, BL_BODY_BATCH, "[" CLICK("a") ",7," CLICK("b") "]", &r);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"accepted\":2,\"rejected\":1"));
    assert_non_null(strstr(r.json, "\"stored\":false}"));
    pass(w, BL_BODY_EVENT, "{\"user_id\":\"a\"}", &r);
    assert_int_equal(r.status, 400);
    pass(w, BL_BODY_BATCH, "[7]", &r);
    assert_int_equal(r.status, 400);
    pass(w, BL_BODY_EVENT, "no JSON", &r);
    assert_int_equal(r.status, 400);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->sent_n, 0);
    assert_int_equal(w->wakes, 0);
    assert_int_equal(w->kept, 0); /* not even what was refused */
    assert_int_equal(w->refused, 4);
    assert_int_equal(bl_ingest_counts(w->ingest)->unstored, 3);
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 0);
    post(w, BL_BODY_BATCH, "[" CLICK("a") "]", &r); /* the next one is like any other */
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_null(strstr(r.json, "stored"));
    assert_int_equal(w->sent_n, 1);
    assert_true(bl_ingest_hears(w->ingest));
    bl_ingest_hear(w->ingest, false);
    assert_false(bl_ingest_hears(w->ingest));
}

static void an_event_without_an_id_gets_a_uuid_of_version_7(void **state)
{
    struct world *w = *state;
    struct reply a, b;
    post(w, BL_BODY_EVENT, CLICK("a"), &a);
    post(w, BL_BODY_EVENT, CLICK("a"), &b);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    const char *x = strstr(a.json, "\"event_id\":\""), *y = strstr(b.json, "\"event_id\":\"");
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(x[12 + 14], '7');
    assert_true(strncmp(x + 12, y + 12, 36) < 0);
    assert_non_null(strstr(w->sent[0].text, "\"made_id\":true"));
}

static void requests_of_one_turn_share_a_transaction_and_an_entry_per_partition(void **state)
{
    struct world *w = *state;
    struct reply r[4];
    post(w, BL_BODY_EVENT, CLICK("a1"), &r[0]);
    post(w, BL_BODY_EVENT, CLICK("b1"), &r[1]);
    post(w, BL_BODY_EVENT, CLICK("a2"), &r[2]);
    post(w, BL_BODY_BATCH, "[" CLICK("a3") "," CLICK("b2") "]", &r[3]);
    assert_int_equal(w->wakes, 1);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->flights, 1);
    assert_int_equal(w->sent_n, 2);
    assert_int_equal(w->sent[0].partition, 0);
    assert_int_equal(w->sent[0].events, 3);
    assert_int_equal(w->sent[1].events, 2);
    const char *a1 = strstr(w->sent[0].text, "a1"), *a2 = strstr(w->sent[0].text, "a2"),
               *a3 = strstr(w->sent[0].text, "a3");
    assert_true(a1 < a2 && a2 < a3);
    land(w, BL_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r[i].calls, 1);
        assert_int_equal(r[i].status, 202);
    }
}

static void while_one_is_in_flight_the_next_group_gathers_and_leaves_when_it_lands(void **state)
{
    struct world *w = *state;
    struct reply a, b;
    post(w, BL_BODY_EVENT, CLICK("a"), &a);
    bl_ingest_flush(w->ingest);
    post(w, BL_BODY_EVENT, CLICK("a"), &b);
    assert_int_equal(w->wake_delay, BL_INGEST_DELAY_MS);
    land(w, BL_OK);
    assert_int_equal(w->wakes, 3);
    assert_int_equal(w->wake_delay, 0);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_int_equal(b.status, 202);
}

static void a_large_batch_is_cut_into_entries_but_stays_one_transaction(void **state)
{
    struct world *w = *state;
    struct reply r;
    struct bl_buf body;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 300; i++)
        bl_buf_z(&body, i ? "," CLICK("a") : "[" CLICK("a"));
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->flights, 1);
    assert_int_equal(w->sent_n, 3);
    assert_int_equal(w->sent[0].events + w->sent[1].events + w->sent[2].events, 300);
    land(w, BL_OK);
    assert_string_equal(
        r.json, "{\"status\":\"accepted\",\"received\":300,\"accepted\":300,\"rejected\":0,\"errors\":[]}");
}

static void entries_are_bounded_in_bytes_too(void **state)
{
    struct world *w = *state;
    struct reply r;
    struct bl_buf body;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 40; i++) {
        bl_buf_z(&body, i ? "," : "[");
        bl_buf_z(&body, "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"metadata\":{\"x\":\"");
        for (int k = 0; k < 8000; k++)
            bl_buf_char(&body, 'x');
        bl_buf_z(&body, "\"}}");
    }
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    bl_ingest_flush(w->ingest);
    assert_true(w->sent_n >= 5);
    land(w, BL_OK);
    assert_int_equal(r.status, 202);
}

static void what_is_not_confirmed_is_503_for_every_request_of_the_group(void **state)
{
    struct world *w = *state;
    struct reply a, b;
    post(w, BL_BODY_EVENT, CLICK("a"), &a);
    post(w, BL_BODY_BATCH, "[" CLICK("b") ",{\"no\":1}]", &b);
    bl_ingest_flush(w->ingest);
    land(w, BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(a.status, 503);
    assert_int_equal(a.retry_after_s, 1);
    assert_non_null(strstr(a.json, "\"code\":\"store_unavailable\""));
    assert_int_equal(b.status, 503); /* never 207 */
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->unavailable, 2);
}

static void while_the_store_is_away_good_events_are_503_and_bad_ones_still_400(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->store = BL_ERR_STORE_UNAVAILABLE;
    post(w, BL_BODY_EVENT, CLICK("a"), &r);
    assert_int_equal(r.status, 503);
    post(w, BL_BODY_EVENT, "{\"user_id\":\"a\"}", &r);
    assert_int_equal(r.status, 400);
    post(w, BL_BODY_BATCH, "[{},{}]", &r);
    assert_int_equal(r.status, 400);
    post(w, BL_BODY_BATCH, "[" CLICK("a") ",{}]", &r);
    assert_int_equal(r.status, 503);
    post(w, BL_BODY_BATCH, "[]", &r);
    assert_int_equal(r.status, 202);
    assert_int_equal(w->wakes, 0);
}

static void a_full_partition_refuses_the_whole_request_and_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    struct reply r, other;
    w->partition[1] = BL_ERR_BACKLOG_FULL;
    post(w, BL_BODY_BATCH, "[" CLICK("a") "," CLICK("b") "]", &r);
    assert_int_equal(r.status, 503);
    assert_non_null(strstr(r.json, "backlog_full"));
    post(w, BL_BODY_EVENT, CLICK("a"), &other);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].events, 1);
    land(w, BL_OK);
    assert_int_equal(other.status, 202);
}

static void a_bad_event_never_spoils_the_others(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_BATCH, "{\"events\":[{}," CLICK("a") ",7," CLICK("b") "]}", &r);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json,
                           "{\"status\":\"partial\",\"received\":4,\"accepted\":2,\"rejected\":2,\"errors\":["
                           "{\"index\":0,\"error\":{\"code\":\"missing_field\""));
    assert_non_null(strstr(r.json, "{\"index\":2,\"error\":{"));
    assert_int_equal(w->refused, 2);
    assert_int_equal(bl_ingest_counts(w->ingest)->rejected, 2);
}

static void a_body_that_is_no_json_is_one_refusal(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_BATCH, "[{", &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.json, "{\"error\":{\"code\":\"invalid_json\""));
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->last_refusal, BL_ERR_INVALID_JSON);
}

static void a_line_that_is_no_json_costs_that_line_only(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_NDJSON, CLICK("a") "\n{oops\n\n" CLICK("b") "\n", &r);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"received\":3,\"accepted\":2,\"rejected\":1"));
}

static void too_many_events_are_refused_as_a_whole(void **state)
{
    struct world *w = *state;
    struct reply r;
    struct bl_buf body;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 1001; i++)
        bl_buf_z(&body, i ? "," CLICK("a") : "[" CLICK("a"));
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    assert_int_equal(r.status, 413);
    assert_int_equal(w->wakes, 0);
}

static void what_waits_is_bounded(void **state)
{
    struct world *w = *state;
    struct bl_buf body;
    static struct reply r[64];
    int refused_n = 0;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 100; i++) {
        bl_buf_z(&body, i ? "," : "[");
        bl_buf_z(&body, "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"metadata\":{\"x\":\"");
        for (int k = 0; k < 8000; k++)
            bl_buf_char(&body, 'x');
        bl_buf_z(&body, "\"}}");
    }
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    for (int i = 0; i < 64; i++) { /* 52 MB; nothing lands */
        post(w, BL_BODY_BATCH, body.p, &r[i]);
        w->sent_n = w->sent_n > 100 ? 100 : w->sent_n;
        for (; w->sent_n > 0; w->sent_n--)
            free(w->sent[w->sent_n - 1].text);
        refused_n += r[i].calls;
        assert_true(bl_ingest_counts(w->ingest)->bytes_waiting <= BL_INGEST_BYTES_MAX);
    }
    bl_buf_release(&body);
    assert_true(refused_n > 0 && refused_n < 64);
    assert_int_equal(r[63].status, 503);
    assert_int_equal(r[63].retry_after_s, 1);
    assert_non_null(strstr(r[63].json, "\"code\":\"overloaded\""));
    bl_ingest_flush(w->ingest);
    while (w->landed < w->flights)
        land(w, BL_OK);
    assert_int_equal(bl_ingest_counts(w->ingest)->bytes_waiting, 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->requests_waiting, 0);
    for (; w->sent_n > 0; w->sent_n--)
        free(w->sent[w->sent_n - 1].text);
}

static void an_event_over_its_users_limit_is_429_and_only_counted(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_EVENT, CLICK("s"), &r);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_s, 3);
    assert_non_null(strstr(r.json, "{\"error\":{\"code\":\"rate_limited\""));
    assert_non_null(strstr(r.json, "\"field\":\"user_id\""));
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->kept, 0);
    assert_int_equal(w->wakes, 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->limited, 1);
}

static void in_a_batch_only_the_events_over_a_limit_are_refused(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->tokens = 1;
    post(w, BL_BODY_BATCH, "[" CLICK("s") "," CLICK("a") "," CLICK("s") "," CLICK("b") "]", &r);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_int_equal(r.retry_after_s, 3);
    assert_non_null(strstr(r.json,
                           "\"received\":4,\"accepted\":3,\"rejected\":1,\"errors\":[{\"index\":2,\"error\":"
                           "{\"code\":\"rate_limited\""));
}

static void a_batch_of_nothing_else_is_429_so_that_clients_repeat_it(void **state)
{
    struct world *w = *state;
    struct reply r;
    post(w, BL_BODY_BATCH, "[" CLICK("s") ",{}]", &r);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_s, 3);
    assert_non_null(strstr(r.json, "{\"status\":\"rejected\",\"received\":2,\"accepted\":0,\"rejected\":2"));
    post(w, BL_BODY_BATCH, "[{},{}]", &r);
    assert_int_equal(r.status, 400);
    assert_int_equal(r.retry_after_s, 0);
}

static void a_full_store_sheds_bodies_before_they_are_read(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->store = BL_ERR_BACKLOG_FULL;
    post(w, BL_BODY_BATCH, "[{}," CLICK("s") "]", &r);
    assert_int_equal(r.status, 503);
    assert_int_equal(r.retry_after_s, 1);
    assert_non_null(strstr(r.json, "backlog_full"));
    assert_int_equal(bl_ingest_received(w->ingest), 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->shed, 1);
    assert_int_equal(w->refused, 0);
}

static void an_erased_user_is_refused_and_only_counted(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->erased = true;
    post(w, BL_BODY_EVENT, CLICK("x1"), &r);
    assert_int_equal(r.status, 410);
    assert_non_null(strstr(r.json, "user_erased"));
    assert_null(strstr(r.json, "x1"));
    assert_true(w->refused == 1 && w->kept == 0 && w->sent_n == 0);
}

static void in_a_batch_only_the_events_of_the_erased_are_refused(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->erased = true;
    post(w, BL_BODY_BATCH, "[" CLICK("a") "," CLICK("x1") "," CLICK("b") "]", &r);
    bl_ingest_flush(w->ingest);
    land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"accepted\":2,\"rejected\":1,\"errors\":[{\"index\":1,"));
    assert_int_equal(w->kept, 0);
}

static void a_bad_event_of_an_erased_user_is_not_kept(void **state)
{
    struct world *w = *state;
    struct reply r;
    w->erased = true;
    post(w, BL_BODY_BATCH,
         "[{\"user_id\":\"x1\",\"action\":\"dance\"},{\"user_id\":\"a\",\"action\":\"dance\"}]", &r);
    assert_int_equal(r.status, 400);
    assert_int_equal(w->refused, 2);
    assert_int_equal(w->kept, 1);
    post(w, BL_BODY_EVENT, "{\"\\u0075ser_id\":\"\\u0078\",\"action\":\"dance\"}", &r);
    assert_int_equal(w->kept, 1);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_event_is_answered_only_when_the_store_has_confirmed_it),
        STORY(what_is_not_to_be_kept_is_checked_and_counted),
        STORY(an_event_without_an_id_gets_a_uuid_of_version_7),
        STORY(requests_of_one_turn_share_a_transaction_and_an_entry_per_partition),
        STORY(while_one_is_in_flight_the_next_group_gathers_and_leaves_when_it_lands),
        STORY(a_large_batch_is_cut_into_entries_but_stays_one_transaction),
        STORY(entries_are_bounded_in_bytes_too),
        STORY(what_is_not_confirmed_is_503_for_every_request_of_the_group),
        STORY(while_the_store_is_away_good_events_are_503_and_bad_ones_still_400),
        STORY(a_full_partition_refuses_the_whole_request_and_leaves_nothing_behind),
        STORY(a_bad_event_never_spoils_the_others),
        STORY(a_body_that_is_no_json_is_one_refusal),
        STORY(a_line_that_is_no_json_costs_that_line_only),
        STORY(too_many_events_are_refused_as_a_whole),
        STORY(what_waits_is_bounded),
        STORY(an_event_over_its_users_limit_is_429_and_only_counted),
        STORY(in_a_batch_only_the_events_over_a_limit_are_refused),
        STORY(a_batch_of_nothing_else_is_429_so_that_clients_repeat_it),
        STORY(an_erased_user_is_refused_and_only_counted),
        STORY(in_a_batch_only_the_events_of_the_erased_are_refused),
        STORY(a_bad_event_of_an_erased_user_is_not_kept),
        STORY(a_full_store_sheds_bodies_before_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
