/* Bodies (SPEC 2.2): cut into events, each of which is decoded alone (event.c), so that a bad one never
 * spoils the others: simdjson sees one event at a time, never a batch. What stands between the events is
 * checked here, by the scanner, before anything is handed on: a body that is no JSON calls fn not even once.
 */
#include "plain.h"
#include "scan.h"

#include <stdlib.h>

enum bl_err bl_decoder_new(struct bl_decoder **out)
{
    struct bl_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return BL_ERR_NO_MEMORY;
    enum bl_err err = bl_json_parser_new(&d->parser);
    if (err != BL_OK) {
        free(d);
        return err;
    }
    *out = d;
    return BL_OK;
}

void bl_decoder_free(struct bl_decoder *d)
{
    if (!d)
        return;
    struct bl_buf *all[] = {&d->line, &d->page,    &d->address, &d->metadata, &d->stack,
                            &d->keys, &d->unknown, &d->slices,  &d->plains};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bl_buf_release(all[i]);
    bl_json_parser_free(d->parser);
    free(d);
}

/* A body at work. */
struct body {
    struct bl_decoder *d;
    const struct bl_decode_options *options;
    bl_decoded_fn *fn;
    void *ctx;
    int64_t sent_at_ms;
};

static void emit(const struct body *b, size_t index, struct bl_str text)
{
    struct bl_record record;
    b->d->problem.err = BL_OK;
    enum bl_err err = bl_event_decode(b->d, text, b->options, b->sent_at_ms, &record);
    b->fn(b->ctx, index, err == BL_OK ? &record : NULL, err == BL_OK ? NULL : &b->d->problem, text);
}

static void emit_all(const struct body *b)
{
    const struct bl_str *event = (const struct bl_str *)(const void *)b->d->slices.p;
    for (size_t i = 0; i < b->d->slices.n / sizeof *event; i++)
        emit(b, i, event[i]);
}

static void emit_plains(const struct body *b)
{
    const struct bl_plain *g = (const struct bl_plain *)(const void *)b->d->plains.p;
    for (size_t i = 0; i < b->d->plains.n / sizeof *g; i++) {
        struct bl_record record;
        struct bl_str raw = {g[i].start, (size_t)(g[i].end - g[i].start)};
        enum bl_err err = bl_plain_line(b->d, &g[i], b->options, b->sent_at_ms, &record);
        b->fn(b->ctx, i, err == BL_OK ? &record : NULL, err == BL_OK ? NULL : &b->d->problem, raw);
    }
}

static enum bl_err add_slice(const struct body *b, struct bl_str text, struct bl_problem *problem)
{
    struct bl_buf *slices = &b->d->slices;
    if (slices->n / sizeof text >= b->options->max_events)
        return bl_problem_set(problem, BL_ERR_TOO_MANY_EVENTS, BL_STR("events"),
                              "A batch may hold at most %zu events: split it.", b->options->max_events);
    bl_buf_add(slices, &text, sizeof text);
    return slices->err == BL_OK ? BL_OK : bl_problem_set(problem, slices->err, BL_STR(""), NULL);
}

static enum bl_err cut_array(const struct body *b, struct bl_str array, struct bl_problem *problem)
{
    struct bl_str event;
    enum bl_err err = BL_OK;
    for (size_t at = 1; err == BL_OK && bl_scan_element(array, &at, &event);)
        err = add_slice(b, event, problem);
    return err;
}

/* The wrapper with its arrays emptied: what simdjson may judge without looking at any event. */
static void write_frame(struct bl_str wrapper, struct bl_buf *out)
{
    struct bl_str key, value;
    bl_buf_clear(out);
    bl_buf_char(out, '{');
    for (size_t at = 1; bl_scan_member(wrapper, &at, &key, &value);) {
        if (out->n > 1)
            bl_buf_char(out, ',');
        bl_buf_str(out, key);
        bl_buf_char(out, ':');
        bl_buf_str(out, value.p[0] == '[' ? BL_STR("[]") : value);
    }
    bl_buf_char(out, '}');
}

/* The members that count. *events stays empty if there is no such array. */
static enum bl_err read_frame(struct body *b, struct bl_json frame, struct bl_str wrapper,
                              struct bl_str *events, struct bl_problem *problem)
{
    struct bl_json_walk w = bl_json_object(frame);
    struct bl_str key, raw_key, raw;
    struct bl_json v;
    size_t at = 1;
    while (bl_json_next_member(&w, &key, &v) && bl_scan_member(wrapper, &at, &raw_key, &raw)) {
        if (bl_str_eqz(key, "events") && raw.p[0] == '[')
            *events = raw;
        else if (bl_str_eqz(key, "events") && bl_json_type(v) != BL_JSON_NULL)
            return bl_problem_set(problem, BL_ERR_INVALID_TYPE, key, "events must be an array of events.");
        if (!bl_str_eqz(key, "sent_at") || bl_json_type(v) == BL_JSON_NULL)
            continue;
        enum bl_err err = bl_check_time(v, "sent_at", &b->sent_at_ms, problem);
        if (err != BL_OK)
            return err;
    }
    return BL_OK;
}

static enum bl_err cut_wrapper(struct body *b, struct bl_str wrapper, struct bl_problem *problem)
{
    struct bl_decoder *d = b->d;
    struct bl_str events = {NULL, 0};
    struct bl_json frame;
    unsigned depth = 1;
    const char *why;
    write_frame(wrapper, &d->line);
    enum bl_err err = d->line.err;
    if (err == BL_OK)
        err = bl_json_parse(d->parser, bl_buf_view(&d->line), &frame, &why);
    if (err == BL_ERR_INVALID_JSON)
        return bl_problem_set(problem, err, BL_STR(""), "The body is not valid JSON: %s.", why);
    if (err != BL_OK)
        return bl_problem_set(problem, err, BL_STR(""), NULL);
    err = bl_check_value(d, frame, 1, &depth, problem);
    if (err == BL_OK)
        err = read_frame(b, frame, wrapper, &events, problem);
    if (err != BL_OK)
        return err;
    if (!events.p)
        return bl_problem_set(
            problem, BL_ERR_MISSING_FIELD, BL_STR("events"),
            "A batch is {\"events\":[…],\"sent_at\":…}, a JSON array of events, or NDJSON: the array "
            "events is missing.");
    return cut_array(b, events, problem);
}

static enum bl_err decode_batch(struct body *b, struct bl_str body, struct bl_problem *problem)
{
    size_t at = 0;
    if (bl_plain_batch(b->d, body, b->options, &b->sent_at_ms)) {
        emit_plains(b);
        return BL_OK;
    }
    bool valid = bl_scan_valid(body, &b->d->stack);
    if (b->d->stack.err == BL_ERR_NO_MEMORY)
        return bl_problem_set(problem, BL_ERR_NO_MEMORY, BL_STR(""), NULL);
    if (!valid)
        return bl_problem_set(
            problem, BL_ERR_INVALID_JSON, BL_STR(""),
            bl_scan_looks_like_lines(body)
                ? "The body is not valid JSON. " BL_LINES_HINT
                : "The body is not valid JSON: send {\"events\":[…]}, a JSON array of events, or NDJSON "
                  "under application/x-ndjson.");
    struct bl_str value = bl_scan_value(body, &at);
    enum bl_err err;
    if (value.p[0] == '[')
        err = cut_array(b, value, problem);
    else if (value.p[0] == '{')
        err = cut_wrapper(b, value, problem);
    else
        err = bl_problem_set(problem, BL_ERR_INVALID_TYPE, BL_STR(""),
                             "A batch is {\"events\":[…],\"sent_at\":…}, a JSON array of events, or NDJSON.");
    if (err == BL_OK)
        emit_all(b);
    return err;
}

static struct bl_str trim(struct bl_str s)
{
    while (s.n && strchr(" \t\r", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    while (s.n && strchr(" \t\r", s.p[0]) && s.p[0]) {
        s.p++;
        s.n--;
    }
    return s;
}

static enum bl_err decode_lines(struct body *b, struct bl_str body, struct bl_problem *problem)
{
    enum bl_err err = BL_OK;
    while (body.n && err == BL_OK) {
        const char *end = memchr(body.p, '\n', body.n);
        size_t n = end ? (size_t)(end - body.p) : body.n;
        struct bl_str line = trim((struct bl_str){body.p, n});
        if (line.n)
            err = add_slice(b, line, problem);
        n += end != NULL;
        body.p += n;
        body.n -= n;
    }
    if (err == BL_OK)
        emit_all(b);
    return err;
}

/* A single event: if it is no JSON, so is the body. */
static enum bl_err decode_single(struct body *b, struct bl_str body, struct bl_problem *problem)
{
    struct bl_record record;
    b->d->problem.err = BL_OK;
    enum bl_err err = bl_event_decode(b->d, body, b->options, -1, &record);
    if (err == BL_ERR_INVALID_JSON || err == BL_ERR_NO_MEMORY || err == BL_ERR_TOO_LARGE) {
        *problem = b->d->problem;
        return err;
    }
    b->fn(b->ctx, 0, err == BL_OK ? &record : NULL, err == BL_OK ? NULL : &b->d->problem, body);
    return BL_OK;
}

enum bl_err bl_decode_body(struct bl_decoder *d, enum bl_body_kind kind, struct bl_str body,
                           const struct bl_decode_options *options, bl_decoded_fn *fn, void *ctx,
                           struct bl_problem *problem)
{
    struct body b = {d, options, fn, ctx, -1};
    problem->err = BL_OK; /* not the kilobyte of its message */
    problem->field[0] = problem->message[0] = '\0';
    bl_buf_clear(&d->slices);
    if (kind == BL_BODY_EVENT)
        return decode_single(&b, body, problem);
    return kind == BL_BODY_BATCH ? decode_batch(&b, body, problem) : decode_lines(&b, body, problem);
}
