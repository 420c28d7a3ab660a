/* What a client sends to POST /events and /events/batch: two lines with Content-Type and Content-Encoding, then the
 * body, through unpacking and decoding.
 *
 * Properties: nothing is longer than the bound, packed or not; a refusal is a 4xx with UTF-8 words; what is not packed is
 * the bytes as sent; twice the same gives the same. */
#include "fuzz.h"

#include "bl/wire/decode.h"
#include "body.h"

#define BODY_MAX   65536
#define EVENTS_MAX 100

static struct bl_decoder *decoder;

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, "01890a5d-ac96-774b-bcce-b302099a8057", 36);
}

static void on_event(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    size_t *calls = ctx;
    (void)raw;
    FUZZ_CHECK(index == (*calls)++ && (record == NULL) != (problem == NULL));
    FUZZ_CHECK(problem ? bl_err_http(problem->err) / 100 == 4 : bl_str_utf8(record->line));
}

static void decode(const struct bl_body *body)
{
    struct bl_decode_options options = {.max_events = EVENTS_MAX, .make_id = make_id};
    struct bl_problem problem;
    size_t calls = 0;
    enum bl_err err = bl_decode_body(decoder, body->kind, body->text, &options, on_event, &calls, &problem);
    FUZZ_CHECK(err == BL_OK || (calls == 0 && bl_err_http(err) / 100 == 4));
}

static struct bl_str line(struct bl_str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n, cut = n + (end ? 1 : 0);
    struct bl_str l = {rest->p, n};
    *rest = (struct bl_str){rest->p + cut, rest->n - cut};
    return l;
}

static void post(const struct bl_body_head *head, struct bl_str bytes)
{
    struct bl_buf room, again;
    struct bl_body body, second;
    const char *why, *why_again;
    bl_buf_init(&room, 0);
    bl_buf_init(&again, 0);
    enum bl_err err = bl_body_open(head, bytes, BODY_MAX, &room, &body, &why);
    FUZZ_CHECK(bl_body_open(head, bytes, BODY_MAX, &again, &second, &why_again) == err && why == why_again);
    FUZZ_CHECK(room.n <= BODY_MAX && room.cap <= 4 * BODY_MAX);
    if (err == BL_OK) {
        FUZZ_CHECK(body.text.n <= BODY_MAX && bl_str_eq(body.text, second.text));
        FUZZ_CHECK(room.p || body.text.p == bytes.p);
        decode(&body);
    } else {
        FUZZ_CHECK(bl_err_http(err) / 100 == 4 && (!why || (why[0] && bl_str_utf8(bl_str_of(why)))));
    }
    bl_buf_release(&room);
    bl_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_str rest = {(const char *)data, size};
    struct bl_body_head head = {.type = line(&rest), .coding = line(&rest)};
    if (!decoder)
        FUZZ_CHECK(bl_decoder_new(&decoder) == BL_OK);
    for (int batch = 0; batch < 2; batch++) {
        head.batch = batch;
        post(&head, rest);
    }
    return 0;
}
