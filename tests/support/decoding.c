/* See decoding.h. */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static struct bl_decoder *decoder;
struct bl_decoder *worker;
struct outcome got;

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, MADE, 36);
}

static void copy(char *to, size_t cap, struct bl_str s)
{
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

static void assert_same(struct bl_str a, struct bl_str b)
{
    if (!bl_str_eq(a, b))
        fail_msg("%.*s is not %.*s", BL_STR_ARG(a), BL_STR_ARG(b));
}

static void assert_reads_back(const struct bl_record *r)
{
    struct bl_record w;
    assert_int_equal(bl_record_read(worker, r->line, &w), BL_OK);
    assert_same(w.user_id, r->user_id);
    assert_same(w.event_id, r->event_id);
    assert_same(w.event.page, r->event.page);
    assert_same(w.event.session_id, r->event.session_id);
    assert_same(w.event.target, r->event.target);
    assert_same(w.event.form, r->event.form);
    assert_int_equal(w.event.action, r->event.action);
    assert_int_equal(w.event.idle_ms, r->event.idle_ms);
    assert_int_equal(w.event.has_xy, r->event.has_xy);
    assert_true(w.event.x == r->event.x && w.event.y == r->event.y);
    assert_int_equal(w.made_id, r->made_id);
    assert_int_equal(w.timestamp_ms, r->timestamp_ms);
    assert_int_equal(w.sent_at_ms, r->sent_at_ms);
}

static void on_event(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    struct outcome *o = ctx;
    assert_int_equal(index, o->calls);
    assert_true((record == NULL) != (problem == NULL));
    size_t i = o->calls++ % 8;
    copy(o->raw[i], sizeof o->raw[i], raw);
    o->err[i] = problem ? problem->err : BL_OK;
    o->line[i][0] = o->field[i][0] = o->message[i][0] = '\0';
    if (problem) {
        assert_true(bl_str_utf8(bl_str_of(problem->message)) && problem->message[0]);
        copy(o->field[i], sizeof o->field[i], bl_str_of(problem->field));
        copy(o->message[i], sizeof o->message[i], bl_str_of(problem->message));
        return;
    }
    o->accepted++;
    o->record = *record;
    copy(o->line[i], sizeof o->line[i], record->line);
    copy(o->target, sizeof o->target, record->event.target);
    copy(o->form, sizeof o->form, record->event.form);
    assert_reads_back(record);
}

struct bl_decode_options options = {.max_events = 5, .make_id = make_id};
struct bl_problem body_problem;

enum bl_err decode(enum bl_body_kind kind, struct bl_str body)
{
    /* Exactly as long as it is: a byte too far is seen by the sanitizer. */
    char *p = malloc(body.n + 1);
    got.calls = got.accepted = 0;
    memcpy(p, body.p, body.n);
    enum bl_err err =
        bl_decode_body(decoder, kind, (struct bl_str){p, body.n}, &options, on_event, &got, &body_problem);
    free(p);
    assert_int_equal(err == BL_OK, body_problem.err == BL_OK);
    if (err != BL_OK)
        assert_int_equal(got.calls, 0);
    return err;
}

enum bl_err one(struct bl_str body)
{
    enum bl_err err = decode(BL_BODY_EVENT, body);
    if (err != BL_OK)
        return err;
    assert_int_equal(got.calls, 1);
    return got.err[0];
}

int decoding_set_up(void **state)
{
    (void)state;
    return bl_decoder_new(&decoder) == BL_OK && bl_decoder_new(&worker) == BL_OK ? 0 : -1;
}

int decoding_tear_down(void **state)
{
    (void)state;
    bl_decoder_free(decoder);
    bl_decoder_free(worker);
    return 0;
}
