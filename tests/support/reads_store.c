/* See reads_store.h. */
#include "reads_store.h"

#include "query/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READS 160
#define ITEMS 4096

struct reads_store reads_store;

static struct round {
    size_t n;
    struct bl_read read[READS];
    char arg[READS][48];
    struct bl_read_reply reply[READS];
    struct bl_str item[ITEMS];
    size_t items;
    bl_reads_fn *fn;
    void *ctx;
} rounds[ROUNDS];

__attribute__((format(printf, 1, 2))) static struct bl_str say(const char *fmt, ...)
{
    static char text[1 << 20];
    static size_t at;
    va_list args;
    if (at > sizeof text - 200)
        at = 0;
    char *p = text + at;
    va_start(args, fmt);
    int n = vsnprintf(p, 200, fmt, args);
    va_end(args);
    at += (size_t)n + 1;
    return (struct bl_str){p, (size_t)n};
}

struct bl_str reads_store_id_of(int p, int i)
{
    int group = reads_store.sharing ? 0 : i / 8; /* the first eleven bits say the place */
    return say("%02x%02x0000000000000000000000000000", (unsigned)i, (unsigned)(p + PARTITIONS * group));
}

void reads_store_change(int p, int i)
{
    assert_true(reads_store.feed_n[p] < FEED);
    reads_store.version[p][i]++;
    reads_store.feed[p][reads_store.feed_n[p]++] = i;
}

static void add(struct round *r, struct bl_str item)
{
    assert_true(r->items < ITEMS);
    r->item[r->items++] = item;
}

static void add_pair(struct round *r, const char *name, struct bl_str value)
{
    add(r, bl_str_of(name));
    add(r, value);
}

static void list(struct round *r, const struct bl_read *q)
{
    for (int i = PATTERNS - 1, left = (int)q->d; i >= 0 && left > 0; i--)
        if (NOW + i <= q->a && left-- > 0) {
            add(r, reads_store_id_of(q->partition, i));
            add(r, say("%lld", (long long)NOW + i));
            if (q->filter)
                add(r, reads_store.version[q->partition][i] > 0 ? BL_STR("1") : BL_STR("0"));
        }
}

static void newest_changes(struct round *r, const struct bl_read *q, const char *from)
{
    int p = q->partition, left = (int)q->a;
    for (size_t i = 0; reads_store.nonsense && reads_store.nonsense[i]; i++)
        add(r, *reads_store.nonsense[i] ? bl_str_of(reads_store.nonsense[i]) : (struct bl_str){0});
    for (int i = reads_store.feed_n[p] - 1;
         !reads_store.nonsense && i >= reads_store.feed_from[p] && i + 1 >= atoi(from) && left-- > 0; i--) {
        add(r, say("%d-0", i + 1));
        add(r, BL_STR("4"));
        add_pair(r, "change", BL_STR("raised"));
        add_pair(r, "pattern_id", reads_store_id_of(p, reads_store.feed[p][i]));
    }
}

static void pattern(struct round *r, const char *id)
{
    static char words[CACHE_ROW_MAX];
    char digits[5] = {id[0], id[1], id[2], id[3], 0};
    long at = strtol(digits, NULL, 16), p = (at & 255) % PARTITIONS, i = at >> 8;
    memset(words, 'x', sizeof words);
    reads_store.patterns_read++;
    add_pair(r, "type", BL_STR("hesitation"));
    add_pair(r, "explanation", say("v%d", reads_store.version[p][i]));
    if (reads_store.wordy)
        add_pair(r, "session_id", (struct bl_str){words, sizeof words});
}

static void reply_to(struct round *r, size_t k)
{
    const struct bl_read *q = &r->read[k];
    switch ((int)q->kind) {
    case BL_READ_META:
        add_pair(r, "partitions", BL_STR("2"));
        add_pair(r, "hash_key", bl_str_of(reads_store.hash_key));
        add_pair(r, "clock", bl_str_of(reads_store.clock_mode));
        return;
    case BL_READ_CLOCK:
        add(r, say("%lld", (long long)reads_store.store_ms));
        add(r, BL_STR("1-0"));
        add(r, say("%lld", (long long)reads_store.store_ms));
        return;
    case BL_READ_PATTERNS:
        list(r, q);
        return;
    case BL_READ_FEED_NEWEST:
        newest_changes(r, q, r->arg[k]);
        return;
    case BL_READ_PATTERN:
        pattern(r, r->arg[k]);
        return;
    default:
        return;
    }
}

void reads_store_serve(void)
{
    struct round *r = &rounds[reads_store.served++ % ROUNDS];
    size_t first[READS];
    r->items = 0;
    for (size_t k = 0; k < r->n; k++) {
        first[k] = r->items;
        reply_to(r, k);
        r->reply[k] = (struct bl_read_reply){r->items - first[k], &r->item[first[k]]};
    }
}

void reads_store_hear(void)
{
    struct round *r = &rounds[reads_store.heard++ % ROUNDS];
    r->fn(r->ctx, BL_OK, r->reply, r->n);
}

void reads_store_take_back(int p)
{
    if (reads_store.feed_n[p] > reads_store.feed_from[p])
        reads_store.version[p][reads_store.feed[p][--reads_store.feed_n[p]]]--;
}

void reads_store_fail_over(void)
{
    while (reads_store.heard < reads_store.asked) {
        struct round *r = &rounds[reads_store.heard++ % ROUNDS];
        reads_store.served = reads_store.heard;
        r->fn(r->ctx, BL_ERR_STORE_UNAVAILABLE, NULL, 0);
    }
    reads_store.connection++;
    for (int p = 0; p < PARTITIONS; p++)
        reads_store_take_back(p);
}

/* ---- the port ---- */

static void port_read(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx)
{
    struct round *r = &rounds[reads_store.asked++ % ROUNDS];
    (void)port;
    assert_in_range(n, 1, READS);
    assert_true(reads_store.asked - reads_store.heard <= ROUNDS);
    r->n = n;
    r->fn = fn;
    r->ctx = ctx;
    for (size_t i = 0; i < n; i++) {
        r->read[i] = reads[i];
        assert_true(reads[i].arg.n < sizeof r->arg[i]);
        snprintf(r->arg[i], sizeof r->arg[i], "%.*s", BL_STR_ARG(reads[i].arg));
    }
}

static void port_later(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    (void)port, (void)ms, (void)fn, (void)ctx;
    fail();
}

static uint64_t port_connection(void *port)
{
    (void)port;
    return reads_store.connection;
}

static int64_t port_now(void *port)
{
    (void)port;
    return reads_store.process_ms;
}

const struct bl_reads reads_store_port = {NULL, port_read, port_later, port_connection, port_now};

void reads_store_begin(void)
{
    reads_store = (struct reads_store){.connection = 1,
                                       .store_ms = NOW,
                                       .process_ms = 5000,
                                       .clock_mode = "live",
                                       .hash_key = "00112233445566778899aabbccddeeff"};
}
