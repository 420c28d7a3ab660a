/* Watching (app/watch.h) on feeds in memory: two processes, watchers that come, go, hop between them with their last
 * id, read slowly, and a store that fails now and then, all by chance. What a watcher was sent before an id must be
 * exactly what lies before the places that the id names: nothing twice, nothing left out. */
#include "watch_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PARTITIONS 3
#define ENTRIES    4000
#define CLIENTS    6
#define CALLS      64
#define STEPS      20000

/* --- the feeds: entry i of partition p has a place of its own and names pattern `pp…iiii` */

static struct place feed[PARTITIONS][ENTRIES];
static size_t feed_n[PARTITIONS], feed_first[PARTITIONS]; /* first: what is before it is trimmed */
static uint64_t clock_ms;
static unsigned seed;

static unsigned chance(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 10) % n;
}

static void append_entry(void)
{
    int p = (int)chance(PARTITIONS);
    if (feed_n[p] == ENTRIES)
        return;
    clock_ms += chance(3);
    uint64_t seq = 0;
    if (feed_n[p] && feed[p][feed_n[p] - 1].ms == clock_ms)
        seq = feed[p][feed_n[p] - 1].seq + 1;
    feed[p][feed_n[p]++] = (struct place){clock_ms, seq};
}

/* How many entries lie at or before the place. */
static size_t before(int p, struct place at)
{
    size_t n = 0, end = feed_n[p];
    while (n < end) {
        size_t middle = n + (end - n) / 2;
        if (place_cmp(feed[p][middle], at) <= 0)
            n = middle + 1;
        else
            end = middle;
    }
    return n;
}

/* The first entry behind the place that is still there: nobody says whether others were in between. */
static size_t kept_after(int p, struct place at)
{
    size_t n = before(p, at);
    return n > feed_first[p] ? n : feed_first[p];
}

/* --- a process: its ports keep what was asked until it is delivered */

enum call_kind { NONE, READ, WAIT, LATER };

struct call {
    enum call_kind kind;
    struct bl_read reads[128];
    char arg[128][PLACE_TEXT];
    size_t n;
    struct place after[PARTITIONS];
    bl_reads_fn *read_fn;
    bl_watch_entries_fn *wait_fn;
    void (*later_fn)(void *ctx);
    void *ctx;
};

struct process {
    struct bl_reads reads;
    struct bl_queries *queries;
    struct bl_watch *watch;
    struct call calls[CALLS];
    bool down;
};

static struct process processes[2];
static char text[256 * 1024];
static size_t text_n;

static struct call *new_call(struct process *s, enum call_kind kind, void *ctx)
{
    for (size_t i = 0; i < CALLS; i++)
        if (s->calls[i].kind == NONE) {
            s->calls[i].kind = kind;
            s->calls[i].ctx = ctx;
            return &s->calls[i];
        }
    fail_msg("too many calls under way");
    abort();
}

static void port_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct call *c = new_call(port, READ, ctx);
    assert_true(n <= 128);
    c->n = n;
    c->read_fn = fn;
    for (size_t i = 0; i < n; i++) {
        c->reads[i] = reads[i];
        assert_true(reads[i].arg.n < PLACE_TEXT);
        if (reads[i].arg.n)
            memcpy(c->arg[i], reads[i].arg.p, reads[i].arg.n);
        c->reads[i].arg.p = c->arg[i];
    }
}

static void port_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    (void)ms;
    new_call(port, LATER, ctx)->later_fn = fn;
}

static void port_wait(void *port, const struct bl_str *after, size_t n, bl_watch_entries_fn *fn, void *ctx)
{
    struct call *c = new_call(port, WAIT, ctx);
    assert_int_equal(n, PARTITIONS);
    c->wait_fn = fn;
    for (size_t p = 0; p < n; p++)
        assert_true(place_read(after[p], &c->after[p]));
}

static struct bl_str say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + text_n, sizeof text - text_n, fmt, ap);
    va_end(ap);
    struct bl_str s = {text + text_n, (size_t)n};
    text_n += (size_t)n + 1;
    assert_true(text_n < sizeof text);
    return s;
}

static struct bl_str entry_id(int p, size_t i)
{
    return say("%llu-%llu", (unsigned long long)feed[p][i].ms, (unsigned long long)feed[p][i].seq);
}

static struct bl_str pattern_id(int p, size_t i)
{
    return say("%016x%016zx", (unsigned)p, i);
}

/* What the store answers to one read, into item; the number of items. */
static size_t reply_to(const struct bl_read *r, struct bl_str *item)
{
    int p = r->partition;
    struct place at = {0, 0};
    size_t n = 0, known;
    switch ((int)r->kind) {
    case BL_READ_META:
        item[n++] = BL_STR("partitions"), item[n++] = say("%d", PARTITIONS);
        item[n++] = BL_STR("hash_key"), item[n++] = BL_STR("00000000000000000000000000000001");
        return n;
    case BL_READ_FEED_PLACE:
        known = r->arg.n && place_read(r->arg, &at) ? before(p, at) : feed_n[p];
        item[n++] = feed_n[p] ? entry_id(p, feed_n[p] - 1) : BL_STR("0-0");
        bool whole = r->arg.n == 0 || known == feed_n[p] || (known ? known > feed_first[p] : !feed_first[p]);
        item[n++] = whole ? BL_STR("1") : BL_STR("0");
        return n;
    case BL_READ_FEED:
        assert_true(place_read(r->arg, &at));
        known = kept_after(p, at);
        for (size_t i = known; i < feed_n[p] && i < known + (size_t)r->a; i++) {
            item[n++] = entry_id(p, i), item[n++] = BL_STR("4");
            item[n++] = BL_STR("change"), item[n++] = BL_STR("new");
            item[n++] = BL_STR("pattern_id"), item[n++] = pattern_id(p, i);
        }
        return n;
    case BL_READ_PATTERN:
        item[n++] = BL_STR("type"), item[n++] = BL_STR("navigation-loop");
        return n;
    default:
        return 0;
    }
}

static void deliver_read(struct process *s, const struct call *c)
{
    static struct bl_str items[16384];
    struct bl_read_reply replies[128];
    size_t at = 0;
    text_n = 0;
    if (s->down) {
        c->read_fn(c->ctx, BL_ERR_STORE_UNAVAILABLE, NULL, 0);
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        replies[i] = (struct bl_read_reply){reply_to(&c->reads[i], items + at), items + at};
        at += replies[i].n;
    }
    c->read_fn(c->ctx, BL_OK, replies, c->n);
}

static void deliver_wait(struct process *s, const struct call *c)
{
    struct bl_watch_entry e[PARTITIONS * 5];
    size_t n = 0;
    text_n = 0;
    for (int p = 0; p < PARTITIONS; p++)
        for (size_t i = kept_after(p, c->after[p]), k = 0; i < feed_n[p] && k < 5; i++, k++)
            e[n++] = (struct bl_watch_entry){p, entry_id(p, i), BL_STR("new"), pattern_id(p, i)};
    c->wait_fn(c->ctx, s->down ? BL_ERR_STORE_UNAVAILABLE : BL_OK, e, s->down ? 0 : n);
}

/* One of what is under way; false: nothing is. */
static bool deliver(struct process *s)
{
    size_t start = chance(CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        struct call *at = &s->calls[(start + i) % CALLS];
        if (at->kind == NONE)
            continue;
        static struct call c;
        c = *at;
        for (size_t k = 0; k < c.n && c.kind == READ; k++)
            c.reads[k].arg.p = c.arg[k];
        at->kind = NONE;
        if (c.kind == READ)
            deliver_read(s, &c);
        else if (c.kind == WAIT)
            deliver_wait(s, &c);
        else
            c.later_fn(c.ctx);
        return true;
    }
    return false;
}

/* --- the readers */

struct client {
    struct bl_watcher *watcher; /* NULL: not connected */
    bool joining, begun;        /* begun: it has had an id, so `sent` counts */
    char last_id[256];
    size_t sent[PARTITIONS];
    size_t resets;
};

static struct client clients[CLIENTS];
static bool slow_allowed;

static void take_event(struct client *c, struct bl_str event)
{
    char copy[4096], *id = copy, *what, *pattern;
    struct place at[BL_PARTITIONS_MAX];
    assert_true(event.n < sizeof copy);
    memcpy(copy, event.p, event.n);
    copy[event.n] = '\0';
    if (strncmp(copy, "id: ", 4) != 0)
        return; /* retry, status, heartbeat */
    id += 4;
    what = strchr(id, '\n');
    *what++ = '\0';
    assert_int_equal(places_read(bl_str_of(id), at), PARTITIONS);
    pattern = strstr(what, "\"pattern_id\":\"");
    bool reset = strstr(what, "event: reset") != NULL;
    int p = pattern ? (int)strtol((char[]){pattern[29], '\0'}, NULL, 16) : -1;
    if (!c->begun || reset) {
        for (int i = 0; i < PARTITIONS; i++)
            c->sent[i] = before(i, at[i]) - (i == p);
        c->begun = true;
        c->resets += reset;
    }
    if (p >= 0) {
        size_t i = strtoul((char[]){pattern[42], pattern[43], pattern[44], pattern[45], '\0'}, NULL, 16);
        assert_int_equal(i, c->sent[p]); /* in order, once, none left out */
        c->sent[p]++;
    }
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(before(i, at[i]), c->sent[i]);
    snprintf(c->last_id, sizeof c->last_id, "%s", id);
}

static bool sink_write(void *to, struct bl_str s)
{
    struct client *c = to;
    if (slow_allowed && chance(50) == 0) {
        c->watcher = NULL;
        return false;
    }
    while (s.n) {
        const char *end = memmem(s.p, s.n, "\n\n", 2);
        assert_non_null(end);
        size_t n = (size_t)(end - s.p) + 2;
        take_event(c, (struct bl_str){s.p, n - 1});
        s = (struct bl_str){s.p + n, s.n - n};
    }
    return true;
}

static size_t sink_waiting(const void *to)
{
    (void)to;
    return slow_allowed && chance(3) == 0 ? BL_STREAM_BYTES_MAX : 0;
}

static void sink_close(void *to)
{
    ((struct client *)to)->watcher = NULL;
}

static void on_joined(void *ctx, enum bl_err err, struct bl_watcher *x)
{
    struct client *c = ctx;
    c->joining = false;
    if (err != BL_OK)
        return;
    if (slow_allowed && chance(10) == 0) {
        bl_watch_leave(x);
        return;
    }
    c->watcher = x;
    bl_watch_begin(x, c);
}

static void join(struct client *c)
{
    struct bl_query filter = {.rule = -1, .resolved = -1};
    if (c->watcher || c->joining)
        return;
    c->joining = true;
    bl_watch_join(processes[chance(2)].watch, &filter, bl_str_of(c->last_id), on_joined, c);
}

/* --- the run */

static void set_up(unsigned s)
{
    memset(processes, 0, sizeof processes);
    memset(clients, 0, sizeof clients);
    memset(feed_n, 0, sizeof feed_n);
    memset(feed_first, 0, sizeof feed_first);
    seed = s;
    clock_ms = 1795328358864;
    slow_allowed = true;
    for (int i = 0; i < 2; i++) {
        struct process *x = &processes[i];
        x->reads = (struct bl_reads){x, port_read, port_later};
        assert_int_equal(bl_queries_new(&x->reads, &x->queries), BL_OK);
        struct bl_watch_options o = {
            &x->reads, x->queries, {x, port_wait}, {sink_write, sink_waiting, sink_close}, CLIENTS};
        assert_int_equal(bl_watch_new(&o, &x->watch), BL_OK);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < CLIENTS; i++)
        if (clients[i].watcher)
            bl_watch_leave(clients[i].watcher);
    for (int i = 0; i < 2; i++) {
        bl_watch_stop(processes[i].watch);
        processes[i].down = true;
        while (deliver(&processes[i]))
            ;
        bl_watch_free(processes[i].watch);
        bl_queries_free(processes[i].queries);
    }
}

static void anything_happens(int64_t *now_ms, bool trim)
{
    struct client *c = &clients[chance(CLIENTS)];
    unsigned what = chance(1000);
    *now_ms += 20;
    if (what < 200)
        append_entry();
    else if (what < 930)
        (void)deliver(&processes[chance(2)]);
    else if (what < 970)
        join(c);
    else if (what < 980 && c->watcher) {
        bl_watch_leave(c->watcher);
        c->watcher = NULL;
    } else if (what < 995)
        bl_watch_tick(processes[chance(2)].watch, *now_ms);
    else if (trim && chance(2) == 0)
        for (int p = 0; p < PARTITIONS; p++) /* as by MAXLEN 1 */
            feed_first[p] = feed_n[p] ? feed_n[p] - 1 : 0;
    else
        processes[chance(2)].down = chance(3) == 0;
}

static bool all_know_all(void)
{
    for (int i = 0; i < CLIENTS; i++)
        for (int p = 0; p < PARTITIONS; p++)
            if (!clients[i].begun || clients[i].sent[p] != feed_n[p])
                return false;
    return true;
}

static void settle(int64_t now_ms)
{
    slow_allowed = false;
    for (int round = 0; round < 500000 && !all_know_all(); round++) {
        processes[0].down = processes[1].down = false;
        for (int i = 0; i < 2; i++) {
            (void)deliver(&processes[i]);
            if (round % 100 == 0)
                bl_watch_tick(processes[i].watch, now_ms += 500);
        }
        if (round % 50 == 0)
            join(&clients[(round / 50) % CLIENTS]);
    }
}

static void no_gap_and_no_double_whatever_happens(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= 6; s++) {
        int64_t now_ms = 20000;
        set_up(s);
        for (int i = 0; i < STEPS; i++)
            anything_happens(&now_ms, false);
        settle(now_ms);
        for (int i = 0; i < CLIENTS; i++) {
            assert_true(clients[i].begun);
            assert_int_equal(clients[i].resets, 0);
            for (int p = 0; p < PARTITIONS; p++)
                assert_int_equal(clients[i].sent[p], feed_n[p]);
        }
        tear_down();
    }
}

static void what_is_gone_leads_to_a_reset(void **state)
{
    (void)state;
    size_t resets = 0;
    for (unsigned s = 100; s < 104; s++) {
        int64_t now_ms = 20000;
        set_up(s);
        for (int i = 0; i < STEPS; i++)
            anything_happens(&now_ms, true);
        settle(now_ms);
        for (int i = 0; i < CLIENTS; i++) {
            resets += clients[i].resets;
            for (int p = 0; p < PARTITIONS; p++)
                assert_int_equal(clients[i].sent[p], feed_n[p]);
        }
        tear_down();
    }
    assert_true(resets > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gap_and_no_double_whatever_happens),
        cmocka_unit_test(what_is_gone_leads_to_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
