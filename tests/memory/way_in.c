/* The way in: bodies of every kind decoded, unpacked, taken in and appended. */
#include "flows.h"

#include "bl/app/ingest.h"
#include "body.h"

#include <zlib.h>

#define GOOD                                                                                                 \
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/"                                                   \
    "p\",\"timestamp\":1700000000000,\"event_id\":\"e\"}"
#define ODD                                                                                                  \
    "{\"user_id\":\"\\u00e9\\n\",\"action\":\"form_submit\",\"page\":\"https://h/a/b?c\",\"timestamp\":"     \
    "\"2024-02-29T01:02:03Z\",\"event_id\":\"o\"}"
#define RICH                                                                                                 \
    "{\"user_id\":\"u\",\"action\":\"idle\",\"page\":\"https://h/\\u00e9/"                                   \
    "?q=1\",\"timestamp\":1700000000000,"                                                                    \
    "\"event_id\":\"r\",\"session_id\":\"s\",\"duration\":1.5,\"metadata\":{\"a\" : [1, "                    \
    "{\"b\":\"\\ud83d\\ude00\"}],"                                                                           \
    "\"duration_ms\":\"12e2\",\"target\":\"#x\",\"form\":\"f\"},\"ip_address\":\"10.1.2.3\",\"title\":"      \
    "\"t\","                                                                                                 \
    "\"unknown\":{\"x\":[[[1]]]},\"other\":\"y\"}"
#define BARE "{\"user_id\":\"bob\",\"action\":\"purchase\",\"page\":\"/p\"}"

static const struct {
    enum bl_body_kind kind;
    const char *text;
} bodies[] = {
    {BL_BODY_EVENT, GOOD},
    {BL_BODY_EVENT, RICH},
    {BL_BODY_EVENT, ODD},
    {BL_BODY_EVENT, BARE},
    {BL_BODY_EVENT, "{\"user_id\":\"u\",\"action\":\"fly\"}"},
    {BL_BODY_EVENT, "{\"user_id\":\"u\",\"user_id\":\"v\"}"},
    {BL_BODY_EVENT, "{\"a\":[}"},
    {BL_BODY_BATCH, "[" GOOD "," GOOD "]"},
    {BL_BODY_BATCH, "[" RICH "," BARE ",{}," ODD ",[1]]"},
    {BL_BODY_BATCH, "{\"events\":[" GOOD "," GOOD "],\"sent_at\":1700000000000}"},
    {BL_BODY_BATCH, "{\"sent_at\" : \"2024-01-01T00:00:00Z\",\"x\":[1],\"events\":[" RICH ",null]}"},
    {BL_BODY_BATCH, "{\"events\":{}}"},
    {BL_BODY_BATCH, "[{},{}]"},
    {BL_BODY_BATCH,
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
    {BL_BODY_BATCH, "[1,"},
    {BL_BODY_NDJSON, GOOD "\n" RICH "\n\nx\n" ODD "\n" BARE},
    {BL_BODY_NDJSON, "x\ny"}};

#define BODIES (int)(sizeof bodies / sizeof *bodies)

static void make_id(void *ctx, char out[36])
{
    (void)ctx;
    memcpy(out, "01890a5d-ac96-774b-bcce-b302099a8057", 36);
}

/* ---- decoding ---- */

static bool no_memory; /* of one event among others */

static void on_event(void *ctx, size_t index, const struct bl_record *record,
                     const struct bl_problem *problem, struct bl_str raw)
{
    (void)ctx, (void)raw;
    say("%zu ", index);
    if (problem) {
        no_memory = no_memory || problem->err == BL_ERR_NO_MEMORY;
        say("%s %s %s\n", bl_err_code(problem->err), problem->field, problem->message);
        return;
    }
    say_str(record->line);
    say("\n");
}

static enum bl_err decode(struct bl_decoder *d, enum bl_body_kind kind, struct bl_str text)
{
    const struct bl_decode_options options = {.max_events = 100, .make_id = make_id};
    struct bl_problem problem;
    no_memory = false;
    enum bl_err err = bl_decode_body(d, kind, text, &options, on_event, NULL, &problem);
    if (err != BL_OK)
        say("%s %s", problem.field, problem.message);
    return no_memory ? BL_ERR_NO_MEMORY : err;
}

/* Each body by a decoder that has decoded none before, and by one that has seen them all. */
static void run_decode(bool fresh)
{
    struct bl_decoder *d = NULL;
    for (int i = 0; i < BODIES; i++)
        for (TRIES) {
            enum bl_err err = d ? BL_OK : bl_decoder_new(&d);
            if (err == BL_OK)
                err = decode(d, bodies[i].kind, bl_str_of(bodies[i].text));
            bool done = came(i, err);
            if (fresh || i == BODIES - 1) {
                bl_decoder_free(d);
                d = NULL;
            }
            if (done)
                break;
        }
    bl_decoder_free(d);
}

static void decode_fresh(void)
{
    run_decode(true);
}

static void decode_again(void)
{
    run_decode(false);
}

/* What a worker reads back, a replay reads, and what is kept of what was refused. */
static void read_back(void)
{
    static const char *const lines[] = {
        "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e\",\"timestamp\":1}",
        "{\"user_id\":\"\\u0001\",\"action\":\"idle\",\"page\":\"/"
        "\\u00e9\",\"event_id\":\"e\",\"metadata\":{\"target\":"
        "\"\\u00e9\"}}",
        "{\"user_id\":1}"};
    struct bl_decoder *d = NULL;
    struct bl_record r;
    struct bl_buf out = {0};
    char user[BL_USER_ID_MAX_BYTES];
    size_t n;
    for (int i = 0; i < 3; i++) {
        struct bl_str line = bl_str_of(lines[i]);
        for (TRIES) {
            enum bl_err err = d ? BL_OK : bl_decoder_new(&d);
            if (err == BL_OK)
                err = bl_record_read(d, line, &r);
            if (err == BL_OK) {
                say_str(r.user_id);
                say_str(r.event.page);
                say_str(r.event.target);
            }
            if (came(i, err))
                break;
        }
        for (TRIES) {
            bl_buf_clear(&out);
            bl_redact(line, &out);
            if (out.err == BL_OK)
                say_str(bl_buf_view(&out));
            if (came(10 + i, out.err))
                break;
        }
        if (bl_event_user(line, user, &n)) /* false: nothing is known */
            FLOW_CHECK(i < 2 && n == 1);
        if (d && bl_decode_plain(d, line, &r))
            FLOW_CHECK(i == 0);
    }
    bl_buf_release(&out);
    bl_decoder_free(d);
}

/* ---- unpacking ---- */

static size_t pack(const char *text, int bits, unsigned char *out, size_t cap)
{
    bool was = full_begin();
    z_stream z = {0};
    FLOW_CHECK(deflateInit2(&z, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    union {
        const char *in;
        unsigned char *z;
    } bytes = {text};
    z.next_in = bytes.z;
    z.avail_in = (unsigned)strlen(text);
    z.next_out = out;
    z.avail_out = (unsigned)cap;
    FLOW_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    full_end(was);
    return cap - z.avail_out;
}

static void unpack(void)
{
    static const struct {
        const char *coding;
        int bits;
    } codings[] = {{"gzip", 31}, {"deflate", 15}, {"deflate", -15}, {"", 31}};
    static unsigned char packed[4096];
    struct bl_decoder *d = NULL;
    for (int i = 0; i < 4; i++) {
        size_t n = pack("[" GOOD "," RICH "," ODD "]", codings[i].bits, packed, sizeof packed);
        struct bl_body_head head = {
            .type = BL_STR("text/plain"), .coding = bl_str_of(codings[i].coding), .batch = true};
        for (TRIES) {
            struct bl_buf room = {0};
            struct bl_body body;
            const char *why;
            enum bl_err err = d ? BL_OK : bl_decoder_new(&d);
            if (err == BL_OK)
                err =
                    bl_body_open(&head, (struct bl_str){(const char *)packed, n}, 65536, &room, &body, &why);
            if (err == BL_OK)
                err = decode(d, body.kind, body.text);
            bl_buf_release(&room);
            if (came(i, err))
                break;
        }
    }
    bl_decoder_free(d);
}

/* ---- taking in ---- */

struct world {
    struct bl_ingest *ingest;
    struct {
        bl_appended_fn *fn;
        void *ctx;
    } flight[8];
    size_t flights;
    bool wakes;
    size_t stored; /* events */
    int answers, status;
    char json[8192];
};

static int partition_of(void *ctx, struct bl_str user_id)
{
    (void)ctx;
    return user_id.p[0] == 'b';
}

static enum bl_err admit(void *ctx, int partition)
{
    (void)ctx, (void)partition;
    return BL_OK;
}

static void append(void *ctx, const struct bl_append_entry *entries, size_t n, bl_appended_fn *fn,
                   void *fn_ctx)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++)
        w->stored += entries[i].events;
    FLOW_CHECK(w->flights < 8);
    w->flight[w->flights].fn = fn;
    w->flight[w->flights++].ctx = fn_ctx;
}

static void wake(void *ctx, int delay_ms)
{
    (void)delay_ms;
    ((struct world *)ctx)->wakes = true;
}

/* What had no memory is not bad: nothing of it may be counted as refused. */
static void refused(void *ctx, const struct bl_refusal *r)
{
    (void)ctx;
    FLOW_CHECK(r->err != BL_ERR_NO_MEMORY);
}

static void answered(void *ctx, const struct bl_ingest_answer *a)
{
    struct world *w = ctx;
    w->answers++;
    w->status = a->status;
    FLOW_CHECK(a->json.n > 0 && a->json.n < sizeof w->json && a->json.p[0] == '{' &&
               a->json.p[a->json.n - 1] == '}');
    memcpy(w->json, a->json.p, a->json.n);
    w->json[a->json.n] = '\0';
    FLOW_CHECK(a->status != 503 || (a->retry_after_s > 0 && strstr(w->json, "out_of_memory")));
}

/* A request to its end; the error if it had no memory. */
static enum bl_err post(struct world *w, int i, bool pass)
{
    struct bl_ingest_answer now;
    size_t before = w->stored;
    struct bl_str body = bl_str_of(bodies[i].text);
    w->answers = 0;
    if (pass) {
        bl_ingest_pass(w->ingest, bodies[i].kind, body, &now);
        answered(w, &now);
    } else if (bl_ingest_post(w->ingest, bodies[i].kind, body, answered, w, &now)) {
        answered(w, &now);
    }
    while (w->wakes || w->flights) {
        if (w->wakes) {
            w->wakes = false;
            bl_ingest_flush(w->ingest);
        }
        if (w->flights) {
            w->flights--;
            w->flight[w->flights].fn(w->flight[w->flights].ctx, BL_OK);
        }
    }
    FLOW_CHECK(w->answers == 1);
    if (w->status == 503) {
        FLOW_CHECK(w->stored == before); /* all of a request or nothing */
        return BL_ERR_NO_MEMORY;
    }
    const char *id = strstr(w->json, "\"event_id\":\"0"); /* one that was made differs each time */
    say("%d %zu %.*s", w->status, w->stored - before, (int)(id ? id - w->json : (long)strlen(w->json)),
        w->json);
    return BL_OK;
}

static void ingest(void)
{
    struct world w = {0};
    const struct bl_ingest_port port = {.ctx = &w,
                                        .partition_of = partition_of,
                                        .admit = admit,
                                        .append = append,
                                        .wake = wake,
                                        .refused = refused};
    const struct bl_ingest_options options = {100, false};
    for (TRIES) {
        w.ingest = NULL;
        if (came(0, bl_ingest_new(&port, &options, &w.ingest)))
            break;
    }
    for (int i = 0; i < 2 * BODIES && w.ingest; i++)
        for (TRIES)
            if (came(1 + i, post(&w, i / 2, i % 2)))
                break;
    bl_ingest_free(w.ingest);
}

const struct flow decode_flows[] = {{"decode-fresh", decode_fresh},
                                    {"decode-again", decode_again},
                                    {"read-back", read_back},
                                    {"unpack", unpack},
                                    {"ingest", ingest},
                                    {0}};
