/* The way in over in-memory ports: who is answered what and when, how groups are cut, what is never lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/base/limits.h"
#include "ingest_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void an_event_is_answered_only_when_the_store_has_confirmed_it(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_EVENT,
                "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e1\"}", &r);
    assert_int_equal(r.calls, 0);
    assert_int_equal(w->wakes, 1);
    assert_int_equal(w->wake_delay, 0);
    bl_ingest_flush(w->ingest);
    assert_int_equal(r.calls, 0);
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].events, 1);
    assert_non_null(strstr(w->sent[0].text, "\"event_id\":\"e1\""));
    ingest_land(w, BL_OK);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.status, 202);
    assert_string_equal(r.json, "{\"status\":\"accepted\",\"event_id\":\"e1\"}");
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 1);
    assert_int_equal(bl_ingest_counts(w->ingest)->bytes_waiting, 0);
}

static void an_event_without_an_id_gets_a_uuid_of_version_7(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply a, b;
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &a);
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &b);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    const char *x = strstr(a.json, "\"event_id\":\""), *y = strstr(b.json, "\"event_id\":\"");
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(x[12 + 14], '7');
    assert_true(strncmp(x + 12, y + 12, 36) < 0);
    assert_non_null(strstr(w->sent[0].text, "\"made_id\":\""));
}

static void requests_of_one_turn_share_a_transaction_and_an_entry_per_partition(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r[4];
    ingest_post(w, BL_BODY_EVENT, CLICK("a1"), &r[0]);
    ingest_post(w, BL_BODY_EVENT, CLICK("b1"), &r[1]);
    ingest_post(w, BL_BODY_EVENT, CLICK("a2"), &r[2]);
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("a3") "," CLICK("b2") "]", &r[3]);
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
    ingest_land(w, BL_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r[i].calls, 1);
        assert_int_equal(r[i].status, 202);
    }
}

static void while_one_is_in_flight_the_next_group_gathers_and_leaves_when_it_lands(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply a, b;
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &a);
    bl_ingest_flush(w->ingest);
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &b);
    assert_int_equal(w->wake_delay, BL_INGEST_DELAY_MS);
    ingest_land(w, BL_OK);
    assert_int_equal(w->wakes, 3);
    assert_int_equal(w->wake_delay, 0);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    assert_int_equal(b.status, 202);
}

static void a_large_batch_is_cut_into_entries_but_stays_one_transaction(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    struct bl_buf body;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 1000; i++)
        bl_buf_z(&body, i ? "," CLICK("a") : "[" CLICK("a"));
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    ingest_post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->flights, 1);
    assert_int_equal(w->sent_n, 2);
    assert_int_equal(w->sent[0].events + w->sent[1].events, 1000);
    ingest_land(w, BL_OK);
    assert_string_equal(
        r.json, "{\"status\":\"accepted\",\"received\":1000,\"accepted\":1000,\"rejected\":0,\"errors\":[]}");
}

static void entries_are_bounded_in_bytes_too(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
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
    ingest_post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    bl_ingest_flush(w->ingest);
    assert_true(w->sent_n >= 5);
    ingest_land(w, BL_OK);
    assert_int_equal(r.status, 202);
}

static void what_is_not_confirmed_is_503_for_every_request_of_the_group(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply a, b;
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &a);
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("b") ",{\"no\":1}]", &b);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_ERR_STORE_UNAVAILABLE);
    assert_int_equal(a.status, 503);
    assert_int_equal(a.retry_after_s, 1);
    assert_non_null(strstr(a.json, "\"code\":\"store_unavailable\""));
    assert_int_equal(b.status, 503); /* never 207 */
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->unavailable, 2);
}

static void while_the_store_is_away_good_events_are_503_and_bad_ones_still_400(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->store = BL_ERR_STORE_UNAVAILABLE;
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &r);
    assert_int_equal(r.status, 503);
    ingest_post(w, BL_BODY_EVENT, "{\"user_id\":\"a\"}", &r);
    assert_int_equal(r.status, 400);
    ingest_post(w, BL_BODY_BATCH, "[{},{}]", &r);
    assert_int_equal(r.status, 400);
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("a") ",{}]", &r);
    assert_int_equal(r.status, 503);
    ingest_post(w, BL_BODY_BATCH, "[]", &r);
    assert_int_equal(r.status, 202);
    assert_int_equal(w->wakes, 0);
}

static void a_full_partition_refuses_the_whole_request_and_leaves_nothing_behind(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r, other;
    w->partition[1] = BL_ERR_BACKLOG_FULL;
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("a") "," CLICK("b") "]", &r);
    assert_int_equal(r.status, 503);
    assert_non_null(strstr(r.json, "backlog_full"));
    ingest_post(w, BL_BODY_EVENT, CLICK("a"), &other);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].events, 1);
    ingest_land(w, BL_OK);
    assert_int_equal(other.status, 202);
}

static void a_bad_event_never_spoils_the_others(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_BATCH, "{\"events\":[{}," CLICK("a") ",7," CLICK("b") "]}", &r);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
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
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_BATCH, "[{", &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.json, "{\"error\":{\"code\":\"invalid_json\""));
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->last_refusal, BL_ERR_INVALID_JSON);
}

static void a_line_that_is_no_json_costs_that_line_only(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_NDJSON, CLICK("a") "\n{oops\n\n" CLICK("b") "\n", &r);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"received\":3,\"accepted\":2,\"rejected\":1"));
}

static void too_many_events_are_refused_as_a_whole(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    struct bl_buf body;
    bl_buf_init(&body, 0);
    for (int i = 0; i < 1001; i++)
        bl_buf_z(&body, i ? "," CLICK("a") : "[" CLICK("a"));
    bl_buf_z(&body, "]");
    bl_buf_char(&body, 0);
    ingest_post(w, BL_BODY_BATCH, body.p, &r);
    bl_buf_release(&body);
    assert_int_equal(r.status, 413);
    assert_int_equal(w->wakes, 0);
}

static void what_waits_is_bounded(void **state)
{
    struct ingest_world *w = *state;
    struct bl_buf body;
    static struct ingest_reply r[64];
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
        ingest_post(w, BL_BODY_BATCH, body.p, &r[i]);
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
        ingest_land(w, BL_OK);
    assert_int_equal(bl_ingest_counts(w->ingest)->bytes_waiting, 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->requests_waiting, 0);
    for (; w->sent_n > 0; w->sent_n--)
        free(w->sent[w->sent_n - 1].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_event_is_answered_only_when_the_store_has_confirmed_it),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
