/* Watching (app/watch.h) on feeds in memory: two processes, watchers that come, go, hop between them with their last
 * id, read slowly, and a store that fails now and then, all by chance. What a watcher was sent before an id must be
 * exactly what lies before the places that the id names: nothing twice, nothing left out.
 *
 * The store may also go back: the last changes are lost, and their ids given out again. Who was told of them is stale,
 * whatever it is told then, until it is reset, which must come. */
#include "reads_still.h"
#include "watch/internal.h"
#include "watch_feeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CLIENTS   6
#define CALLS     64
#define STEPS     20000
#define FEW_STEPS 800 /* the next fault may hide what the last one has done */

/* --- a process: its ports keep what was asked until it is delivered */

enum call_kind { NONE, READ, WAIT, LATER };

struct call {
    enum call_kind kind;
    bool lost; /* with the connection */
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
static struct call *new_call(struct process *s, enum call_kind kind, void *ctx)
{
    for (size_t i = 0; i < CALLS; i++)
        if (s->calls[i].kind == NONE) {
            s->calls[i].kind = kind;
            s->calls[i].lost = false;
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

/* What the store answers to one read, into item; the number of items. */
static size_t reply_to(const struct bl_read *r, struct bl_str *item)
{
    int p = r->partition;
    struct place at = {0, 0, 0};
    size_t n = 0, known;
    switch ((int)r->kind) {
    case BL_READ_META:
        item[n++] = BL_STR("partitions"), item[n++] = say("%d", PARTITIONS);
        item[n++] = BL_STR("hash_key"), item[n++] = BL_STR("00000000000000000000000000000001");
        return n;
    case BL_READ_FEED_PLACE:
        assert_true(r->arg.n == 0 || place_read(r->arg, &at));
        at.mark = (uint8_t)r->a;
        item[n++] = feed_n[p] ? entry_id(p, feed_n[p] - 1) : BL_STR("0-0");
        item[n++] = say("%d", feed_first[p] < feed_n[p] ? feed[p][feed_n[p] - 1].mark : 0);
        item[n++] = r->arg.n == 0 || is_whole(p, at) ? BL_STR("1") : BL_STR("0");
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
    if (s->down || c->lost) {
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
    bool fails = s->down || c->lost;
    c->wait_fn(c->ctx, fails ? BL_ERR_STORE_UNAVAILABLE : BL_OK, e, fails ? 0 : n);
}

/* One of what is under way; false: nothing is. */
static bool deliver(struct process *s, bool waits)
{
    size_t start = chance(CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        struct call *at = &s->calls[(start + i) % CALLS];
        if (at->kind == NONE || (at->kind == WAIT && !waits))
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
    bool stale;                                /* it was told what is no more */
    size_t sent[PARTITIONS], ends[PARTITIONS]; /* ends: of the feeds when it came */
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
        c->stale = false;
        for (int i = 0; i < PARTITIONS; i++) {
            c->sent[i] = before(i, at[i]) - (i == p);
            assert_true(!reset || c->sent[i] >= c->ends[i]); /* what it reads now is no older */
        }
        c->begun = true;
        c->resets += reset;
    }
    snprintf(c->last_id, sizeof c->last_id, "%s", id);
    for (int i = 0; i < PARTITIONS; i++)
        c->stale |= !is_known(i, at[i]);
    if (c->stale)
        return;
    if (p >= 0) {
        size_t i = strtoul((char[]){pattern[42], pattern[43], pattern[44], pattern[45], '\0'}, NULL, 16);
        assert_int_equal(i, c->sent[p]); /* in order, once, none left out */
        c->sent[p]++;
    }
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(before(i, at[i]), c->sent[i]);
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

static void join(struct client *c, struct process *s)
{
    struct bl_query filter = {.rule = -1, .resolved = -1};
    if (c->watcher || c->joining)
        return;
    c->joining = true;
    memcpy(c->ends, feed_n, sizeof c->ends);
    bl_watch_join(s->watch, &filter, bl_str_of(c->last_id), on_joined, c);
}

static void leave(struct client *c)
{
    if (c->watcher)
        bl_watch_leave(c->watcher);
    c->watcher = NULL;
}

/* --- the run */

static void set_up(unsigned s)
{
    memset(processes, 0, sizeof processes);
    memset(clients, 0, sizeof clients);
    memset(feed_n, 0, sizeof feed_n);
    memset(feed_first, 0, sizeof feed_first);
    seed = s;
    mark = 1;
    clock_ms = 1795328358864;
    slow_allowed = true;
    for (int i = 0; i < 2; i++) {
        struct process *x = &processes[i];
        x->reads = (struct bl_reads){x, port_read, port_later, reads_still_connection, reads_still_now};
        assert_int_equal(bl_queries_new(&x->reads, &x->queries), BL_OK);
        struct bl_watch_options o = {
            &x->reads, x->queries, {x, port_wait}, {sink_write, sink_waiting, sink_close}, CLIENTS};
        assert_int_equal(bl_watch_new(&o, &x->watch), BL_OK);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < CLIENTS; i++)
        leave(&clients[i]);
    for (int i = 0; i < 2; i++) {
        bl_watch_stop(processes[i].watch);
        processes[i].down = true;
        while (deliver(&processes[i], true))
            ;
        bl_watch_free(processes[i].watch);
        bl_queries_free(processes[i].queries);
    }
}

static void lose(int p, size_t n)
{
    feed_n[p] -= n < feed_n[p] ? n : feed_n[p];
    feed_first[p] = feed_first[p] < feed_n[p] ? feed_first[p] : feed_n[p];
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];
        c->stale |= c->begun && c->sent[p] > feed_n[p];
        c->ends[p] = c->ends[p] < feed_n[p] ? c->ends[p] : feed_n[p];
    }
}

/* As after a crash with the last second not stored, on a host whose clock is behind. */
static void go_back(uint64_t ms, unsigned most)
{
    clock_ms -= ms;
    mark++;
    for (int p = 0; p < PARTITIONS; p++)
        lose(p, chance(most));
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < CALLS; k++)
            processes[i].calls[k].lost = true;
}

enum { TRIMS = 1, GOES_BACK = 2 };

static void anything_happens(int64_t *now_ms, unsigned how)
{
    struct client *c = &clients[chance(CLIENTS)];
    unsigned what = chance(1000);
    *now_ms += 20;
    if (what < 200)
        append_entry();
    else if (what < 930)
        (void)deliver(&processes[chance(2)], true);
    else if (what < 970)
        join(c, &processes[chance(2)]);
    else if (what < 980)
        leave(c);
    else if (what < 995)
        bl_watch_tick(processes[chance(2)].watch, *now_ms);
    else if (how & TRIMS && chance(3) == 0)
        trim();
    else if (how & GOES_BACK && chance(2) == 0)
        go_back(chance(8), 4);
    else
        processes[chance(2)].down = chance(3) == 0;
}

static bool all_know_all(void)
{
    for (int i = 0; i < CLIENTS; i++)
        for (int p = 0; p < PARTITIONS; p++)
            if (!clients[i].begun || clients[i].stale || clients[i].sent[p] != feed_n[p])
                return false;
    return true;
}

static void settle(int64_t now_ms)
{
    slow_allowed = false;
    for (int round = 0; round < 500000 && !all_know_all(); round++) {
        processes[0].down = processes[1].down = false;
        for (int i = 0; i < 2; i++) {
            (void)deliver(&processes[i], true);
            if (round % 100 == 0)
                bl_watch_tick(processes[i].watch, now_ms += 500);
        }
        if (round % 50 == 0)
            join(&clients[(round / 50) % CLIENTS], &processes[chance(2)]);
    }
}

static void no_gap_and_no_double_whatever_happens(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= 6; s++) {
        int64_t now_ms = 20000;
        set_up(s);
        for (int i = 0; i < STEPS; i++)
            anything_happens(&now_ms, 0);
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

static void resets_and_then_no_gap(unsigned from, unsigned to, unsigned how)
{
    size_t resets = 0;
    for (unsigned s = from; s < to; s++) {
        int64_t now_ms = 20000;
        set_up(s);
        for (int i = 0; i < (s % 20 ? FEW_STEPS : STEPS); i++)
            anything_happens(&now_ms, how);
        settle(now_ms);
        for (int i = 0; i < CLIENTS; i++) {
            resets += clients[i].resets;
            assert_false(clients[i].stale);
            for (int p = 0; p < PARTITIONS; p++)
                assert_int_equal(clients[i].sent[p], feed_n[p]);
        }
        tear_down();
    }
    assert_true(resets > 0);
}

static void what_is_gone_leads_to_a_reset(void **state)
{
    (void)state;
    resets_and_then_no_gap(100, 140, TRIMS);
}

static void what_was_never_leads_to_a_reset(void **state)
{
    (void)state;
    resets_and_then_no_gap(200, 240, GOES_BACK);
    resets_and_then_no_gap(300, 340, TRIMS | GOES_BACK);
}

static void read_all(struct process *s, bool waits)
{
    for (int i = 0; i < 100; i++)
        (void)deliver(s, waits);
}

/* It was told by one process of what another has not read yet when all of it is lost. What takes its place lies before. */
static void who_is_ahead_of_a_process_is_not_left_ahead_of_the_store(void **state)
{
    struct client *other = &clients[0], *c = &clients[1];
    (void)state;
    set_up(7);
    slow_allowed = false;
    append_entry();
    join(other, &processes[0]);
    read_all(&processes[0], false);
    join(c, &processes[1]);
    read_all(&processes[1], false);
    assert_true(other->begun && c->begun);
    clock_ms += 1000;
    for (int i = 0; i < 12; i++)
        append_entry();
    read_all(&processes[1], true);
    leave(c);
    join(c, &processes[0]);
    read_all(&processes[0], false);
    assert_true(c->watcher && c->sent[0] > other->sent[0] && c->resets == 0);
    for (int p = 0; p < PARTITIONS; p++)
        lose(p, feed_n[p] - other->sent[p]);
    go_back(900, 1);
    assert_true(c->stale && !other->stale);
    for (int i = 0; i < 12; i++)
        append_entry();
    settle(20000);
    assert_true(all_know_all() && c->resets == 1 && other->resets == 0);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gap_and_no_double_whatever_happens),
        cmocka_unit_test(what_is_gone_leads_to_a_reset),
        cmocka_unit_test(what_was_never_leads_to_a_reset),
        cmocka_unit_test(who_is_ahead_of_a_process_is_not_left_ahead_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
