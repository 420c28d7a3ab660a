/* Any bytes as a body of each kind, as a line of the stream, as a page, a time and a bad event to be kept.
 *
 * Properties: a line that is read the short way is taken the long way too, as the same record, be it recorded or of
 * the stream, and whether its end is known before or not; an accepted event's line reads back as the same record;
 * taken again it gives the same line; problems are told in UTF-8; what is kept of a bad event is UTF-8 and bounded. */
#include "fuzz.h"

#include "bl/base/limits.h"
#include "bl/wire/decode.h"

static struct bl_decoder *decoder, *worker, *again;
static const struct bl_decode_options *current;

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, "01890a5d-ac96-774b-bcce-b302099a8057", 36);
}

static void check_same(const struct bl_record *a, const struct bl_record *b)
{
    FUZZ_CHECK(bl_str_eq(a->user_id, b->user_id) && bl_str_eq(a->event_id, b->event_id));
    FUZZ_CHECK(a->made_id == b->made_id && a->timestamp_ms == b->timestamp_ms &&
               a->sent_at_ms == b->sent_at_ms);
    FUZZ_CHECK(a->event.action == b->event.action && a->event.idle_ms == b->event.idle_ms);
    FUZZ_CHECK(bl_str_eq(a->event.page, b->event.page) &&
               bl_str_eq(a->event.session_id, b->event.session_id));
    FUZZ_CHECK(bl_str_eq(a->event.target, b->event.target) && bl_str_eq(a->event.form, b->event.form));
    FUZZ_CHECK(a->event.has_xy == b->event.has_xy && a->event.x == b->event.x && a->event.y == b->event.y);
}

static void on_again(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    const struct bl_record *first = ctx;
    (void)index;
    (void)raw;
    FUZZ_CHECK(record && !problem && bl_str_eq(record->line, first->line));
}

/* With a member that is none, nothing is plain any more, and nothing may be different. */
static void check_whole_way(const struct bl_record *record, struct bl_str raw)
{
    static struct bl_buf text;
    struct bl_problem problem;
    size_t end = raw.n;
    while (end && raw.p[end - 1] != '}')
        end--;
    if (record->sent_at_ms >= 0 || end == 0 || memmem(raw.p, raw.n, "\"-\"", 3))
        return;
    bl_buf_clear(&text);
    bl_buf_add(&text, raw.p, end - 1);
    bl_buf_z(&text, ",\"-\":null}");
    union {
        const struct bl_record *in;
        void *out;
    } first = {.in = record};
    FUZZ_CHECK(bl_decode_body(again, BL_BODY_EVENT, bl_buf_view(&text), current, on_again, first.out,
                              &problem) == BL_OK);
}

/* What only the server writes, and a path that looks like a host, do not survive a second time. */
static bool stays_itself(const struct bl_record *r)
{
    bool like_host = r->event.page.n > 1 && memcmp(r->event.page.p, "//", 2) == 0;
    return !r->made_id && r->sent_at_ms < 0 && !like_host && r->event.page.n <= BL_PAGE_MAX_BYTES;
}

static void on_event(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    size_t *calls = ctx;
    struct bl_record read;
    struct bl_problem whole;
    FUZZ_CHECK(index == (*calls)++ && (record == NULL) != (problem == NULL));
    if (problem) {
        FUZZ_CHECK(problem->err != BL_OK && bl_str_utf8(bl_str_of(problem->message)));
        FUZZ_CHECK(bl_str_utf8(bl_str_of(problem->field)));
        return;
    }
    FUZZ_CHECK(bl_str_utf8(record->line) && !memchr(record->line.p, '\n', record->line.n));
    FUZZ_CHECK(bl_record_read(worker, record->line, &read) == BL_OK);
    check_same(record, &read);
    check_whole_way(record, raw);
    if (stays_itself(record)) {
        union {
            const struct bl_record *in;
            void *out;
        } first = {.in = record};
        FUZZ_CHECK(bl_decode_body(again, BL_BODY_EVENT, record->line, current, on_again, first.out, &whole) ==
                   BL_OK);
    }
}

static void on_plain(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    struct bl_record *plain = ctx;
    (void)index;
    (void)raw;
    FUZZ_CHECK(record && !problem && record->made_id == (plain->event_id.n == 0));
    if (record->made_id)
        plain->event_id = record->event_id;
    check_same(record, plain);
}

static void plain(struct bl_str s)
{
    static const struct bl_decode_options options = {
        .max_events = 1, .timestamp_needed = true, .make_id = make_id};
    struct bl_record record;
    struct bl_problem problem;
    if (bl_decode_plain(again, s, &record))
        FUZZ_CHECK(bl_decode_body(decoder, BL_BODY_EVENT, s, &options, on_plain, &record, &problem) == BL_OK);
}

/* Whoever looks for the line's end only behind its event finds the same as who has it cut off before. */
static void plain_first(struct bl_str s)
{
    struct bl_record first, alone;
    struct bl_buf longer = {0};
    size_t n = bl_decode_plain_first(again, s, &first);
    struct bl_str line = {s.p, n ? n - 1 : 0};
    if (n) {
        FUZZ_CHECK(n <= s.n && s.p[n - 1] == '\n' && !memchr(line.p, '\n', line.n));
        FUZZ_CHECK(bl_decode_plain(worker, line, &alone));
        check_same(&first, &alone);
    }
    if (memchr(s.p, '\n', s.n) || !bl_decode_plain(worker, s, &alone))
        return;
    bl_buf_str(&longer, s);
    bl_buf_z(&longer, "\n{");
    FUZZ_CHECK(longer.err == BL_OK && bl_decode_plain_first(again, bl_buf_view(&longer), &first) == s.n + 1);
    check_same(&first, &alone);
    bl_buf_release(&longer);
}

/* A newline behind it is nothing to JSON, and too much for the short way. */
static void stream_line(struct bl_str s)
{
    struct bl_record record, slow;
    struct bl_buf longer = {0};
    bl_buf_str(&longer, s);
    bl_buf_char(&longer, '\n');
    enum bl_err err = bl_record_read(worker, s, &record);
    FUZZ_CHECK(err == BL_OK || err == BL_ERR_CORRUPT);
    FUZZ_CHECK(longer.err == BL_OK && bl_record_read(again, bl_buf_view(&longer), &slow) == err);
    if (err == BL_OK)
        check_same(&slow, &record);
    bl_buf_release(&longer);
}

static void body(struct bl_str s, enum bl_body_kind kind, bool timestamp_needed)
{
    struct bl_decode_options options = {
        .max_events = 50, .timestamp_needed = timestamp_needed, .make_id = make_id};
    struct bl_problem problem;
    size_t calls = 0;
    current = &options;
    enum bl_err err = bl_decode_body(decoder, kind, s, &options, on_event, &calls, &problem);
    FUZZ_CHECK(err == BL_OK || (calls == 0 && problem.err == err && problem.message[0]));
    FUZZ_CHECK(calls <= options.max_events);
}

struct named {
    struct bl_str id;
    bool found;
};

static bool named(void *ctx, struct bl_str user_id)
{
    struct named *n = ctx;
    FUZZ_CHECK(user_id.n > 0 && user_id.n <= BL_USER_ID_MAX_BYTES);
    n->found = n->found || (user_id.n == n->id.n && memcmp(user_id.p, n->id.p, n->id.n) == 0);
    return false;
}

/* Whom a parser finds is found in the text, or the text is said to be unreadable. */
static void users(struct bl_str s)
{
    char id[BL_USER_ID_MAX_BYTES];
    struct named n = {.id = {id, 0}};
    bool is = bl_event_user(s, id, &n.id.n), unreadable = bl_text_users(s, named, &n);
    FUZZ_CHECK(!is || n.found || unreadable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_str s = {(const char *)data, size};
    struct bl_buf out = {0};
    int64_t ms;
    if (!decoder)
        FUZZ_CHECK(bl_decoder_new(&decoder) == BL_OK && bl_decoder_new(&worker) == BL_OK &&
                   bl_decoder_new(&again) == BL_OK);
    for (unsigned kind = BL_BODY_EVENT; kind <= BL_BODY_NDJSON; kind++)
        body(s, (enum bl_body_kind)kind, size % 2);
    plain(s);
    if (size)
        plain_first(s);
    stream_line(s);
    bl_redact(s, &out);
    FUZZ_CHECK(out.err == BL_OK && out.n <= BL_BAD_EVENT_MAX_BYTES && bl_str_utf8(bl_buf_view(&out)));
    FUZZ_CHECK(!out.n || !memchr(out.p, '\n', out.n));
    bl_buf_clear(&out);
    bl_page_normalise(s, &out);
    FUZZ_CHECK(out.n && out.p[0] == '/' && (out.n == 1 || out.p[out.n - 1] != '/'));
    FUZZ_CHECK(!memchr(out.p, '?', out.n) && !memchr(out.p, '#', out.n));
    if (bl_time_parse(s, &ms))
        FUZZ_CHECK(size >= 20);
    users(s);
    bl_buf_release(&out);
    return 0;
}
