/* The way in: what is refused by limits and for the erased, what is shed, what is only counted. */
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

static void what_is_not_to_be_kept_is_checked_and_counted(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_pass(w, BL_BODY_EVENT,
                "{\"user_id\":\"a\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e1\"}", &r);
    assert_int_equal(r.status, 202);
    assert_string_equal(r.json, "{\"status\":\"accepted\",\"event_id\":\"e1\",\"stored\":false}");
    ingest_pass(w, BL_BODY_BATCH, "[" CLICK("a") ",7," CLICK("b") "]", &r);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"accepted\":2,\"rejected\":1"));
    assert_non_null(strstr(r.json, "\"stored\":false}"));
    ingest_pass(w, BL_BODY_EVENT, "{\"user_id\":\"a\"}", &r);
    assert_int_equal(r.status, 400);
    ingest_pass(w, BL_BODY_BATCH, "[7]", &r);
    assert_int_equal(r.status, 400);
    ingest_pass(w, BL_BODY_EVENT, "no JSON", &r);
    assert_int_equal(r.status, 400);
    bl_ingest_flush(w->ingest);
    assert_int_equal(w->sent_n, 0);
    assert_int_equal(w->wakes, 0);
    assert_int_equal(w->kept, 0); /* not even what was refused */
    assert_int_equal(w->refused, 4);
    assert_int_equal(bl_ingest_counts(w->ingest)->unstored, 3);
    assert_int_equal(bl_ingest_counts(w->ingest)->accepted, 0);
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("a") "]", &r); /* the next one is like any other */
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    assert_null(strstr(r.json, "stored"));
    assert_int_equal(w->sent_n, 1);
    assert_true(bl_ingest_hears(w->ingest));
    bl_ingest_hear(w->ingest, false);
    assert_false(bl_ingest_hears(w->ingest));
}

static void an_event_over_its_users_limit_is_429_and_only_counted(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_EVENT, CLICK("s"), &r);
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
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->tokens = 1;
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("s") "," CLICK("a") "," CLICK("s") "," CLICK("b") "]", &r);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_int_equal(r.retry_after_s, 3);
    assert_non_null(strstr(r.json,
                           "\"received\":4,\"accepted\":3,\"rejected\":1,\"errors\":[{\"index\":2,\"error\":"
                           "{\"code\":\"rate_limited\""));
}

static void a_batch_of_nothing_else_is_429_so_that_clients_repeat_it(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("s") ",{}]", &r);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_s, 3);
    assert_non_null(strstr(r.json, "{\"status\":\"rejected\",\"received\":2,\"accepted\":0,\"rejected\":2"));
    ingest_post(w, BL_BODY_BATCH, "[{},{}]", &r);
    assert_int_equal(r.status, 400);
    assert_int_equal(r.retry_after_s, 0);
}

static void a_full_store_sheds_bodies_before_they_are_read(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->store = BL_ERR_BACKLOG_FULL;
    ingest_post(w, BL_BODY_BATCH, "[{}," CLICK("s") "]", &r);
    assert_int_equal(r.status, 503);
    assert_int_equal(r.retry_after_s, 1);
    assert_non_null(strstr(r.json, "backlog_full"));
    assert_int_equal(bl_ingest_received(w->ingest), 0);
    assert_int_equal(bl_ingest_counts(w->ingest)->shed, 1);
    assert_int_equal(w->refused, 0);
}

static void an_erased_user_is_refused_and_only_counted(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->erased = true;
    ingest_post(w, BL_BODY_EVENT, CLICK("x1"), &r);
    assert_int_equal(r.status, 410);
    assert_non_null(strstr(r.json, "user_erased"));
    assert_null(strstr(r.json, "x1"));
    assert_true(w->refused == 1 && w->kept == 0 && w->sent_n == 0);
}

static void of_the_erased_nothing_is_kept_whatever_the_text_is(void **state)
{
    static const char *const texts[] = {
        "{\"user_id\":\"x1\",\"action\":\"cl",
        "{\"user_id\" : \"x1\"}}",
        "{\"user_id\":\"a\",\"user_id\":\"x1\"}",
        "{\"user_id\":\"\\u0078\"",
        "{'user_id':'x1'}",
        "user_id=x1&page=%2F",
        "{user_id: x1}",
        "{\"user_id\":7,\"user_id\":\"x1",
    };
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->erased = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ingest_post(w, BL_BODY_EVENT, texts[i], &r);
        assert_int_equal(r.status, 400);
        ingest_post(w, BL_BODY_BATCH, texts[i], &r);
        assert_int_equal(r.status, 400);
        bl_ingest_refuse(w->ingest, BL_ERR_TOO_LARGE, bl_str_of(texts[i]));
    }
    assert_int_equal(w->refused, 3 * sizeof texts / sizeof *texts);
    assert_int_equal(w->kept, 0);
    ingest_post(w, BL_BODY_EVENT, "{\"user_id\":\"a\",\"x1", &r);
    assert_int_equal(w->kept, 1);
}

static void in_a_batch_only_the_events_of_the_erased_are_refused(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->erased = true;
    ingest_post(w, BL_BODY_BATCH, "[" CLICK("a") "," CLICK("x1") "," CLICK("b") "]", &r);
    bl_ingest_flush(w->ingest);
    ingest_land(w, BL_OK);
    assert_int_equal(r.status, 207);
    assert_non_null(strstr(r.json, "\"accepted\":2,\"rejected\":1,\"errors\":[{\"index\":1,"));
    assert_int_equal(w->kept, 0);
}

static void a_bad_event_of_an_erased_user_is_not_kept(void **state)
{
    struct ingest_world *w = *state;
    struct ingest_reply r;
    w->erased = true;
    ingest_post(w, BL_BODY_BATCH,
                "[{\"user_id\":\"x1\",\"action\":\"dance\"},{\"user_id\":\"a\",\"action\":\"dance\"}]", &r);
    assert_int_equal(r.status, 400);
    assert_int_equal(w->refused, 2);
    assert_int_equal(w->kept, 1);
    ingest_post(w, BL_BODY_EVENT, "{\"\\u0075ser_id\":\"\\u0078\",\"action\":\"dance\"}", &r);
    assert_int_equal(w->kept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_is_not_to_be_kept_is_checked_and_counted),
        STORY(an_event_over_its_users_limit_is_429_and_only_counted),
        STORY(in_a_batch_only_the_events_over_a_limit_are_refused),
        STORY(a_batch_of_nothing_else_is_429_so_that_clients_repeat_it),
        STORY(an_erased_user_is_refused_and_only_counted),
        STORY(of_the_erased_nothing_is_kept_whatever_the_text_is),
        STORY(in_a_batch_only_the_events_of_the_erased_are_refused),
        STORY(a_bad_event_of_an_erased_user_is_not_kept),
        STORY(a_full_store_sheds_bodies_before_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
