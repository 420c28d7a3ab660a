/* Change feeds in memory, for tests of watching: they grow by chance, are trimmed, and lose their ends. Entry i of
 * partition p has a place of its own and names pattern `mm…pp…iiii`, m being its mark: how often the store has gone back. */
#ifndef TESTS_WATCH_FEEDS_H
#define TESTS_WATCH_FEEDS_H

#include "place.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define PARTITIONS 3
#define ENTRIES    4000

static struct place feed[PARTITIONS][ENTRIES];
static size_t feed_n[PARTITIONS], feed_first[PARTITIONS]; /* first: what is before it is trimmed */
static uint64_t clock_ms;
static uint8_t mark;
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
    struct place at = {clock_ms, 0, mark};
    if (feed_n[p] && feed[p][feed_n[p] - 1].ms >= clock_ms) {
        at.ms = feed[p][feed_n[p] - 1].ms;
        at.seq = feed[p][feed_n[p] - 1].seq + 1;
    }
    feed[p][feed_n[p]++] = at;
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

/* Was this place given out, and is it still the same entry? A mark of 0 is not known. */
static bool is_known(int p, struct place at)
{
    size_t n = before(p, at);
    if (at.ms == 0)
        return true;
    return n && place_cmp(feed[p][n - 1], at) == 0 && (!at.mark || at.mark == feed[p][n - 1].mark);
}

/* As feed_place.lua. */
static bool is_whole(int p, struct place at)
{
    size_t n = before(p, at);
    if (at.ms == 0)
        return feed_first[p] == 0;
    bool exists = n && place_cmp(feed[p][n - 1], at) == 0;
    return exists && (n > feed_first[p] ? feed[p][n - 1].mark == at.mark : n == feed_n[p]);
}

static void trim(void)
{
    size_t keep = chance(2); /* as by MAXLEN */
    for (int p = 0; p < PARTITIONS; p++)
        feed_first[p] = feed_n[p] > keep ? feed_n[p] - keep : 0;
}

static char text[256 * 1024];
static size_t text_n;

static struct bl_str say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + text_n, sizeof text - text_n, fmt, ap);
    va_end(ap);
    struct bl_str s = {text + text_n, (size_t)n};
    text_n += (size_t)n + 1;
    assert(text_n < sizeof text);
    return s;
}

static struct bl_str entry_id(int p, size_t i)
{
    return say("%llu-%llu", (unsigned long long)feed[p][i].ms, (unsigned long long)feed[p][i].seq);
}

static struct bl_str pattern_id(int p, size_t i)
{
    return say("%02x%014x%016zx", (unsigned)feed[p][i].mark, (unsigned)p, i);
}

#endif
