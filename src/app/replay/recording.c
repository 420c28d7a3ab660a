/* Recorded events, line by line (replay.h): what `POST /events` takes, with a timestamp, in order of time. */
#include "bl/app/replay.h"

enum bl_err bl_recording_init(struct bl_recording *rec)
{
    *rec = (struct bl_recording){.last_ms = -1};
    return bl_decoder_new(&rec->decoder);
}

void bl_recording_release(struct bl_recording *rec)
{
    bl_decoder_free(rec->decoder);
}

struct reading {
    struct bl_recording *rec;
    enum bl_err (*fn)(void *ctx, const struct bl_record *record);
    void *ctx;
    struct bl_problem *problem;
    enum bl_err err;
};

enum bl_err bl_recording_order(struct bl_recording *rec, const struct bl_record *record,
                               struct bl_problem *problem)
{
    if (record->timestamp_ms < rec->last_ms) {
        *problem = (struct bl_problem){
            .err = BL_ERR_INVALID_TIMESTAMP,
            .field = "timestamp",
            .message = "The timestamp lies before that of an earlier line: sort the file by time."};
        return BL_ERR_INVALID_TIMESTAMP;
    }
    rec->last_ms = record->timestamp_ms;
    return BL_OK;
}

static void on_decoded(void *ctx, size_t index, const struct bl_record *record,
                       const struct bl_problem *problem, struct bl_str raw)
{
    struct reading *reading = ctx;
    (void)index;
    (void)raw;
    if (problem) {
        *reading->problem = *problem;
        reading->err = problem->err;
    } else {
        reading->err = bl_recording_order(reading->rec, record, reading->problem);
        if (reading->err == BL_OK)
            reading->err = reading->fn(reading->ctx, record);
    }
}

/* Nobody sees it: an id that is made is not remembered (SPEC 2.7). */
static void no_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, "00000000-0000-7000-8000-000000000000", 36);
}

bool bl_recording_blank(struct bl_str line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return false;
    return true;
}

enum bl_err bl_recording_read(struct bl_recording *rec, struct bl_str line,
                              enum bl_err (*fn)(void *ctx, const struct bl_record *record), void *ctx,
                              struct bl_problem *problem)
{
    static const struct bl_decode_options options = {
        .max_events = 1, .timestamp_needed = true, .make_id = no_id};
    struct reading reading = {rec, fn, ctx, problem, BL_OK};
    if (bl_recording_blank(line))
        return BL_OK;
    enum bl_err err =
        bl_decode_body(rec->decoder, BL_BODY_EVENT, line, &options, on_decoded, &reading, problem);
    return err != BL_OK ? err : reading.err;
}
