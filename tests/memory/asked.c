/* What is asked: each call of the API over canned replies, and the stream of events. */
#include "flows.h"

#include "bl/app/watch.h"
#include "bl/core/engine.h"
#include "bl/core/rule.h"
#include "bl/wire/state.h"
#include "reads_still.h"
#include "user_room.h"

#define PARTITIONS 3
#define ID         "00112233445566778899aabbccddeeff"
#define NOW        "1700000000000"
#define CALLS_MAX  8
#define ITEMS_MAX  4096

/* ---- a store in memory ---- */

struct waiting {
    bool busy;
    size_t n;
    struct bl_read reads[512];
    bl_reads_fn *read_fn;
    bl_watch_entries_fn *wait_fn;
    void (*later_fn)(void *ctx);
    void *ctx;
};

static struct waiting waiting[CALLS_MAX];
static struct bl_str user_items[2 * BL_STATE_FIELDS_MAX], brief_items[BL_USER_BRIEF_COUNT];
static size_t user_n;

static struct waiting *wait_for(void *ctx)
{
    for (size_t i = 0; i < CALLS_MAX; i++)
        if (!waiting[i].busy) {
            waiting[i] = (struct waiting){.busy = true, .ctx = ctx};
            return &waiting[i];
        }
    flow_broken("too many calls");
}

static void port_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct waiting *w = wait_for(ctx);
    (void)port;
    FLOW_CHECK(n >= 1 && n <= 512);
    w->read_fn = fn;
    w->n = n;
    memcpy(w->reads, reads, n * sizeof *reads);
}

static void port_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    (void)port, (void)ms;
    wait_for(ctx)->later_fn = fn;
}

static void port_wait(void *port, const struct bl_str *after, size_t n, bl_watch_entries_fn *fn, void *ctx)
{
    (void)port, (void)after, (void)n;
    wait_for(ctx)->wait_fn = fn;
}

static void port_audit(void *port, const struct bl_audit_entry *entry, bl_audit_fn *fn, void *ctx)
{
    (void)port, (void)entry;
    fn(ctx, BL_OK);
}

/* Canned replies by kind, words with spaces between them; "$" stands for none. */
#define LINE                                                                                                 \
    "{\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/"                                                   \
    "p\",\"event_id\":\"e\",\"timestamp\":1699999999000}"
#define CHANGE "1700000000000-1 4 change new pattern_id " ID
static const char *const canned[BL_READ_KIND_COUNT] = {
    [BL_READ_META] = "partitions 3 hash_key " ID " clock live",
    [BL_READ_VIEW] = NOW "-0 " NOW " 5 1 " NOW " 6 6 " NOW "-5 1700000000100",
    [BL_READ_CLOCK] = NOW " " NOW "-5 1700000000100",
    [BL_READ_PATTERNS] = ID " 1699999999000 10112233445566778899aabbccddeeff 1699999998000",
    [BL_READ_PATTERNS_OPEN] = ID " 1699999999000",
    [BL_READ_PATTERNS_USER] = ID " 1699999999000",
    [BL_READ_PATTERN] =
        "pattern_id " ID " type hesitation user_id u session_id s page /p severity high explanation words "
        "detected_at 1699999999000 updated_at 1699999999000 evidence {\"events\":[]}",
    [BL_READ_OPEN_COUNT] = "2",
    [BL_READ_COUNTERS] =
        "events 100 duplicates 3 patterns 4 patterns:hesitation 4 severity:high 4 attempts 9 abandoned 3",
    [BL_READ_RATE] = "1699999999:5_1700000000:7",
    [BL_READ_ACTIVE_COUNT] = "2",
    [BL_READ_ACTIVE] = "u 1699999999500 v 1699999999400 w 1699999999300",
    [BL_READ_MINUTE] = "events 5 users 2 pattern:hesitation 1 hesitation 1",
    [BL_READ_PAGES] = "views:/p 5 /p 6 pattern:hesitation:/p 1 v:/p 3 v:/q 4 p:hesitation:/p 2",
    [BL_READ_RECENT] = LINE " 1699999999000_" LINE " x",
    [BL_READ_LEASE] = "nonce_1_worker",
    [BL_READ_FENCE] = "nonce_1",
    [BL_READ_PROCESSES] = "a 1700000000000 b 1700000000000 worker 1699999999999",
    [BL_READ_PROCESS] = "role worker host h pid 5 started_at 1699999000000 counter:x 5 counter:y_total 6 "
                        "counter:latency_le_5 4",
    [BL_READ_REJECTED] = "invalid_json 5 unknown_action 6",
    [BL_READ_UNSTORED] = "gpc 5",
    [BL_READ_BAD] = "1699999999000-0 6 reason invalid_json field $ raw {} 1699999998000-0 4 reason x raw y",
    [BL_READ_ENTRIES] = "1699999999000-0 2 events " LINE " 1699999999500-0 2 event " LINE,
    [BL_READ_ASIDE] = "1699999999000-0 4 entry 1-0 reason x",
    [BL_READ_RULES] = "version 2 settings {} id 1-0",
    [BL_READ_RULES_HISTORY] = "2-0 6 version 2 settings {} author me 1-0 4 version 1 settings {}",
    [BL_READ_AUDIT] = "2-0 16 n 2 at 1699999999000 action resolve actor a subject s detail {} prev x hash y",
    [BL_READ_TOMBSTONE] = NOW,
    [BL_READ_ERASURE] = "at 1699999999000 state done user_id u hash h patterns 4 events 5",
    [BL_READ_COMMAND] = NOW "-7",
    [BL_READ_FEED] = CHANGE " 1700000000000-2 4 change raised pattern_id " ID,
    [BL_READ_FEED_NEWEST] =
        "1700000000000-3 4 change raised pattern_id " ID " 1700000000000-2 4 change raised pattern_id " ID,
    [BL_READ_FEED_PLACE] = "1700000000000-0 7 1",
};

static size_t cut(const char *text, struct bl_str *item)
{
    size_t n = 0;
    while (text && *text) {
        size_t len = strcspn(text, " ");
        item[n] = *text == '$' ? (struct bl_str){"", 0} : (struct bl_str){text, len};
        n++;
        text += len + (text[len] == ' ');
    }
    return n;
}

static size_t reply_to(const struct bl_read *r, struct bl_str *item)
{
    static char spaced[64];
    size_t n = 0;
    if (r->kind == BL_READ_USER) {
        memcpy(item, user_items, user_n * sizeof *item);
        return user_n;
    }
    if (r->kind == BL_READ_USER_BRIEF) {
        memcpy(item, brief_items, sizeof brief_items);
        return BL_USER_BRIEF_COUNT;
    }
    if (r->kind == BL_READ_LEASE || r->kind == BL_READ_FENCE || r->kind == BL_READ_RATE) {
        size_t len = strlen(canned[r->kind]);
        for (size_t i = 0; i <= len; i++)
            spaced[i] = canned[r->kind][i] == '_' ? ' ' : canned[r->kind][i];
        item[0] = (struct bl_str){spaced, len};
        return 1;
    }
    if (r->kind == BL_READ_ACTIVE && r->partition == 2)
        return 0;
    if (r->filter) { /* one that passes */
        item[0] = BL_STR(ID), item[1] = BL_STR("1699999999000"), item[2] = BL_STR("1");
        return r->c ? 0 : 3;
    }
    n = cut(canned[r->kind], item);
    if (r->kind == BL_READ_FEED_NEWEST && bl_str_eqz(r->arg, "1700000000000-3"))
        n /= 2; /* nothing since */
    if (r->d && (int64_t)n > 2 * r->d)
        n = 2 * (size_t)r->d;
    return r->c ? 0 : n;
}

static void deliver(struct waiting *w)
{
    static struct bl_str items[ITEMS_MAX];
    static struct bl_read_reply replies[512];
    const struct bl_watch_entry entries[2] = {{0, BL_STR("1700000000000-1"), BL_STR("new"), BL_STR(ID)},
                                              {0, BL_STR("1700000000000-2"), BL_STR("raised"), BL_STR(ID)}};
    struct waiting now = *w;
    size_t at = 0;
    w->busy = false;
    if (now.later_fn) {
        now.later_fn(now.ctx);
        return;
    }
    if (now.wait_fn) {
        now.wait_fn(now.ctx, BL_OK, entries, 2);
        return;
    }
    for (size_t i = 0; i < now.n; i++) {
        replies[i] = (struct bl_read_reply){reply_to(&now.reads[i], items + at), items + at};
        at += replies[i].n;
        FLOW_CHECK(at + 256 < ITEMS_MAX);
    }
    now.read_fn(now.ctx, BL_OK, replies, now.n);
}

/* The oldest of what waits, if there is any. */
static bool deliver_some(bool reads_only)
{
    for (size_t i = 0; i < CALLS_MAX; i++)
        if (waiting[i].busy && (!reads_only || waiting[i].read_fn || waiting[i].later_fn)) {
            deliver(&waiting[i]);
            return true;
        }
    return false;
}

static void ignore_pattern(void *ctx, const struct bl_pattern *p)
{
    (void)ctx, (void)p;
}

/* A user's stored state, made once, with memory. */
static void make_user(void)
{
    static _Alignas(max_align_t) char block[BL_TEST_USER_BYTES];
    struct bl_user *u = bl_user_place(block, &bl_test_room);
    static struct bl_buf text;
    struct bl_settings settings;
    struct bl_state_field field[BL_STATE_FIELDS_MAX];
    if (user_n)
        return;
    bool was = full_begin();
    bl_settings_defaults(&settings);
    struct bl_engine engine = bl_engine_of(&settings, (struct bl_sink){.pattern = ignore_pattern});
    for (int i = 0; i < 40; i++) {
        struct bl_event e = {.action = i % 3 ? BL_ACTION_PAGE_VIEW : BL_ACTION_CLICK,
                             .page = i % 2 ? BL_STR("/p") : BL_STR("/q"),
                             .idle_ms = -1};
        e.t_ms = 1699999950000 + 1000 * (int64_t)i;
        bl_engine_event(&engine, u, BL_STR("u"), &e);
    }
    FLOW_CHECK(bl_state_encode(u, &text, field) == BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++) {
        static const char *const brief[BL_USER_BRIEF_COUNT] = {"h",     "n",    "o",    "head",
                                                               "names", "open", "page", "session"};
        for (size_t b = 0; b < BL_USER_BRIEF_COUNT; b++)
            if (strcmp(brief[b], field[i].name) == 0)
                brief_items[b] = field[i].value;
        if (field[i].value.n) {
            user_items[user_n++] = bl_str_of(field[i].name);
            user_items[user_n++] = field[i].value;
        }
    }
    full_end(was);
}

/* ---- queries ---- */

static enum bl_err answer_err;
static int answers;

static void on_answer(void *ctx, const struct bl_answer *a)
{
    (void)ctx;
    answers++;
    answer_err = a->err;
    if (a->err != BL_OK)
        return;
    say("%d %016llx ", a->status, (unsigned long long)a->print.lo);
    say_str(a->body);
    say(" ");
    say_str(a->next);
}

static const struct {
    enum bl_call call;
    const char *id, *name, *value;
} asked[] = {{BL_CALL_PATTERNS, "", NULL, NULL},
             {BL_CALL_PATTERNS, "", "q", "words"},
             {BL_CALL_PATTERNS, "", "limit", "1"},
             {BL_CALL_PATTERNS, "", "user_id", "u"},
             {BL_CALL_PATTERNS, "", "resolved", "false"},
             {BL_CALL_PATTERN, ID, NULL, NULL},
             {BL_CALL_RESOLVE, ID, NULL, NULL},
             {BL_CALL_METRICS, "", NULL, NULL},
             {BL_CALL_HISTORY, "", "minutes", "5"},
             {BL_CALL_PAGES, "", NULL, NULL},
             {BL_CALL_USERS, "", NULL, NULL},
             {BL_CALL_USERS_ACTIVE, "", NULL, NULL},
             {BL_CALL_USER, "u", NULL, NULL},
             {BL_CALL_USER_EVENTS, "u", NULL, NULL},
             {BL_CALL_ERASE, "u", NULL, NULL},
             {BL_CALL_ERASURE, "u", NULL, NULL},
             {BL_CALL_READMIT, "u", NULL, NULL},
             {BL_CALL_EVENTS, "", NULL, NULL},
             {BL_CALL_EVENTS, "", "user_id", "u"},
             {BL_CALL_BAD_EVENTS, "", NULL, NULL},
             {BL_CALL_WORKERS, "", NULL, NULL},
             {BL_CALL_PARTITIONS, "", NULL, NULL},
             {BL_CALL_RULES, "", NULL, NULL},
             {BL_CALL_AUDIT, "", NULL, NULL},
             {BL_CALL_EXPOSITION, "", NULL, NULL}};

static const struct bl_reads reads_port = {NULL, port_read, port_later, reads_still_connection,
                                           reads_still_now};

static void queries(void)
{
    static struct bl_query q;
    const struct bl_audit_port audit = {NULL, port_audit};
    struct bl_queries *all = NULL;
    struct bl_problem problem;
    make_user();
    memset(waiting, 0, sizeof waiting);
    for (TRIES)
        if (came(0, bl_queries_new(&reads_port, &all)))
            break;
        else
            all = NULL;
    if (!all)
        return;
    bl_queries_audit(all, &audit);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (TRIES) {
            const struct bl_query_pair pair = {bl_str_of(asked[i].name ? asked[i].name : ""),
                                               bl_str_of(asked[i].value ? asked[i].value : "")};
            FLOW_CHECK(bl_query_parse(asked[i].call, bl_str_of(asked[i].id), &pair, asked[i].name ? 1 : 0, &q,
                                      &problem) == BL_OK);
            answers = 0;
            bl_query_run(all, &q, on_answer, NULL);
            while (deliver_some(false))
                ;
            FLOW_CHECK(answers == 1 && bl_queries_running(all) == 0);
            if (came(1 + (int)i, answer_err))
                break;
        }
    bl_queries_free(all);
}

/* ---- the stream ---- */

static struct bl_watcher *watcher;
static bool joining;
static size_t news, resets;

static bool sink_write(void *to, struct bl_str text)
{
    (void)to;
    for (size_t i = 0; i + 12 < text.n; i++) {
        news += memcmp(text.p + i, "event: patte", 12) == 0;
        resets += memcmp(text.p + i, "event: reset", 12) == 0;
    }
    return true;
}

static size_t sink_waiting(const void *to)
{
    (void)to;
    return 0;
}

static void sink_close(void *to)
{
    (void)to;
    watcher = NULL;
}

static void on_joined(void *ctx, enum bl_err err, struct bl_watcher *x)
{
    (void)ctx;
    joining = false;
    answer_err = err;
    answers++;
    if (err != BL_OK)
        return;
    watcher = x;
    bl_watch_begin(x, &watcher);
}

/* A watcher joins, new or where it was, sees what comes, and goes; one that is closed comes back. */
static void watch(void)
{
    static const char *const ids[] = {"", "0.1699999999999-0_1699999999999-0_1699999999999-0", "x"};
    struct bl_queries *all = NULL;
    struct bl_watch *w = NULL;
    const struct bl_query filter = {.rule = -1, .resolved = -1};
    memset(waiting, 0, sizeof waiting);
    watcher = NULL;
    for (TRIES) {
        enum bl_err err = all ? BL_OK : bl_queries_new(&reads_port, &all);
        const struct bl_watch_options o = {
            &reads_port, all, {NULL, port_wait}, {sink_write, sink_waiting, sink_close}, 4};
        if (err == BL_OK)
            err = bl_watch_new(&o, &w);
        if (err != BL_OK)
            w = NULL;
        if (came(0, err))
            break;
    }
    int64_t now_ms = 1;
    for (int i = 0; w && i < 3; i++)
        for (TRIES) {
            answers = 0;
            joining = true;
            news = resets = 0;
            bl_watch_join(w, &filter, bl_str_of(ids[i]), on_joined, NULL);
            for (int k = 0; k < 12; k++) {
                now_ms += 600;
                bl_watch_tick(w, now_ms);
                for (int d = 0; d < 4 && deliver_some(k % 4 != 3); d++)
                    ;
            }
            FLOW_CHECK(answers == 1 && !joining);
            bool gone = answer_err == BL_OK && !watcher;
            if (watcher) {
                gone = news == 0 && resets == 0; /* it has been told that all is not well */
                bl_watch_leave(watcher);
                watcher = NULL;
            }
            if (came(1 + i, gone || answer_err == BL_ERR_STORE_UNAVAILABLE ? BL_ERR_NO_MEMORY : answer_err))
                break;
        }
    if (w)
        bl_watch_stop(w);
    for (int i = 0; i < 100 && deliver_some(false); i++)
        ;
    bl_watch_free(w);
    bl_queries_free(all);
}

const struct flow ask_flows[] = {{"queries", queries}, {"watch", watch}, {0}};
