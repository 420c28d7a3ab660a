/* The one reader of all change feeds, and those who watch.
 *
 *   IDLE -> start -> got_meta -> got_places -> LIVE: listen -> heard -> confirmed -> loaded (tell all) -> listen …
 *                                              LIVE, what was heard begins behind a gap -> start
 *                                              LIVE, nobody watches any more -> IDLE
 *                                              LIVE, every few seconds -> start …
 *   any failure -> AWAY (watchers are told) -> tick -> start …
 *
 * start goes on from `here`, and resets everybody if that is gone: trimmed, or with all of Redis.
 *
 * `here` moves only in loaded(), together with what is sent, so at any moment outside of it every watcher that does
 * not catch up has been sent exactly what lies before `here`. */
#include "watch/internal.h"

#include "query/job.h"

#include <stdlib.h>

#define STATS_MS 5000
#define BEAT_MS  15000

static const char says_down[] = "event: status\ndata: {\"store\":\"down\"}\n\n";
static const char says_up[] = "event: status\ndata: {\"store\":\"up\"}\n\n";

static bl_watch_entries_fn heard;
static bl_reads_fn got_meta, got_places, confirmed, loaded;

enum bl_err bl_watch_new(const struct bl_watch_options *options, struct bl_watch **out)
{
    struct bl_watch *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return BL_ERR_NO_MEMORY;
    w->magic = WATCH_MAGIC;
    w->options = *options;
    w->stats_ms = INT64_MIN / 2;
    bl_buf_init(&w->frame, 0);
    bl_buf_init(&w->own, 0);
    bl_buf_init(&w->body, 0);
    bl_buf_init(&w->stats, 0);
    return BL_OK;
}

void bl_watch_free(struct bl_watch *w)
{
    if (!w)
        return;
    assert(w->magic == WATCH_MAGIC && !w->first);
    bl_buf_release(&w->frame);
    bl_buf_release(&w->own);
    bl_buf_release(&w->body);
    bl_buf_release(&w->stats);
    free(w->batch.v);
    free(w);
}

const struct bl_watch_counts *bl_watch_counts(const struct bl_watch *w)
{
    return &w->counts;
}

/* --- telling all */

static void say_all(struct bl_watch *w, struct bl_str text)
{
    struct bl_watcher *next;
    for (struct bl_watcher *x = w->first; x; x = next) {
        next = x->next;
        watcher_say(x, text);
    }
}

/* To all whom it concerns; c and pattern NULL: everybody. false: there is no memory, and nobody was sent anything. */
static bool send_all(struct bl_watch *w, struct bl_str body, const struct change *c,
                     const struct bl_read_reply *pattern)
{
    struct bl_watcher *next;
    frame_begin(&w->frame, w->here, w->partitions);
    bl_buf_str(&w->frame, body);
    if (w->frame.err != BL_OK)
        return false;
    for (struct bl_watcher *x = w->first; x; x = next) {
        next = x->next;
        if (x->to && (!c || (change_matches(&x->filter, c, pattern) && !watcher_has(x, c))))
            watcher_send(x, bl_buf_view(&w->frame), body);
    }
    return true;
}

static void answer_joins(struct bl_watch *w, enum bl_err err)
{
    struct bl_watcher *next;
    for (struct bl_watcher *x = w->first; x; x = next) {
        next = x->next;
        if (x->joined)
            watcher_answer(x, err);
    }
}

/* --- finding out where the feeds are */

static void doubt_all(struct bl_watch *w)
{
    struct bl_watcher *next;
    for (struct bl_watcher *x = w->first; x; x = next) {
        next = x->next;
        watcher_doubt(x);
    }
}

static void away(struct bl_watch *w, enum bl_err err)
{
    w->state = w->stopping ? WATCH_IDLE : WATCH_AWAY;
    answer_joins(w, err);
    doubt_all(w);
    if (w->first && !w->down && !w->stopping)
        say_all(w, bl_str_of(says_down));
    w->down = w->first != NULL;
}

static void start(struct bl_watch *w)
{
    const struct bl_read meta = {.kind = BL_READ_META};
    w->state = WATCH_STARTING;
    w->options.reads->read(w->options.reads->port, &meta, 1, got_meta, w);
}

static void got_meta(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    struct bl_read asks[BL_PARTITIONS_MAX];
    int64_t partitions = err == BL_OK ? reply_int(r, "partitions") : 0;
    (void)n;
    if (partitions < 1 || partitions > BL_PARTITIONS_MAX) {
        away(w, BL_ERR_STORE_UNAVAILABLE);
        return;
    }
    bool on = w->known && w->partitions == partitions;
    if (!on)
        memset(w->here, 0, sizeof w->here);
    w->known = on;
    w->check = false;
    w->partitions = (int)partitions;
    for (int p = 0; p < w->partitions; p++)
        asks[p] = place_ask(p, on ? &w->here[p] : NULL, w->text[p]);
    w->options.reads->read(w->options.reads->port, asks, (size_t)partitions, got_places, w);
}

static void listen(struct bl_watch *w)
{
    struct bl_str after[BL_PARTITIONS_MAX];
    if (w->stopping || !w->first) {
        w->state = WATCH_IDLE;
        w->known = w->down = w->check = false;
        return;
    }
    if (w->check) {
        start(w);
        return;
    }
    w->state = WATCH_LIVE;
    for (int p = 0; p < w->partitions; p++)
        after[p] = place_text(w->here[p], w->text[p]);
    w->options.feed.wait(w->options.feed.port, after, (size_t)w->partitions, heard, w);
}

static void reset_all(struct bl_watch *w)
{
    struct bl_watcher *next;
    for (struct bl_watcher *x = w->first; x; x = next) {
        next = x->next;
        if (x->to)
            watcher_reset(x);
    }
}

static void got_places(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    struct place tip[BL_PARTITIONS_MAX];
    bool whole = w->known, one = false;
    for (size_t p = 0; err == BL_OK && p < n; p++) {
        if (!place_answer(&r[p], &tip[p], &one))
            err = BL_ERR_STORE_UNAVAILABLE;
        whole = whole && one;
    }
    if (err != BL_OK || w->stopping) {
        away(w, BL_ERR_STORE_UNAVAILABLE);
        return;
    }
    if (!whole)
        memcpy(w->here, tip, n * sizeof *tip);
    w->known = true;
    if (w->down)
        say_all(w, bl_str_of(says_up));
    w->down = false;
    if (!whole)
        reset_all(w);
    w->state = WATCH_LIVE;
    answer_joins(w, BL_OK);
    listen(w);
}

/* --- the feeds */

/* News come from the first entry behind `here` that is kept. If `here` is there still, nothing was in between. */
static void confirm(struct bl_watch *w)
{
    struct bl_read asks[BL_PARTITIONS_MAX];
    bool asked[BL_PARTITIONS_MAX] = {false};
    size_t n = 0;
    for (size_t i = 0; i < w->batch.n; i++) {
        int p = w->batch.v[i].partition;
        if (!asked[p])
            asks[n++] = place_ask(p, &w->here[p], w->text[p]);
        asked[p] = true;
    }
    w->options.reads->read(w->options.reads->port, asks, n, confirmed, w);
}

static void heard(void *ctx, enum bl_err err, const struct bl_watch_entry *e, size_t n)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    changes_clear(&w->batch);
    for (size_t i = 0; err == BL_OK && i < n; i++)
        if (e[i].partition < w->partitions &&
            !changes_add(&w->batch, e[i].partition, e[i].id, e[i].change, e[i].pattern_id))
            err = BL_ERR_NO_MEMORY;
    if (err != BL_OK) {
        away(w, err);
    } else if (w->batch.n == 0 || !w->first) {
        listen(w);
    } else {
        changes_sort(&w->batch);
        confirm(w);
    }
}

static void confirmed(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    struct place end;
    bool whole = true, one;
    if (err != BL_OK || w->stopping) {
        away(w, BL_ERR_STORE_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i < n; i++)
        whole = whole && place_answer(&r[i], &end, &one) && one;
    if (whole)
        changes_load(w, &w->batch, loaded, w);
    else
        start(w);
}

static void loaded(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    if (err != BL_OK || w->stopping) {
        away(w, BL_ERR_STORE_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct change *c = &w->batch.v[w->batch.done++];
        struct place before = w->here[c->partition];
        bool says = change_body(c, &r[i], &w->body);
        w->here[c->partition] = c->at;
        if (says && (w->body.err != BL_OK || !send_all(w, bl_buf_view(&w->body), c, &r[i]))) {
            w->here[c->partition] = before; /* read again when there is memory */
            away(w, BL_ERR_NO_MEMORY);
            return;
        }
        w->counts.changes++;
    }
    if (w->batch.done < w->batch.n)
        changes_load(w, &w->batch, loaded, w);
    else
        listen(w);
}

/* --- stats and heartbeat */

static void got_stats(void *ctx, const struct bl_answer *a)
{
    struct bl_watch *w = BL_CAST(struct bl_watch, ctx, WATCH_MAGIC);
    w->asking_stats = false;
    if (a->err != BL_OK || w->stopping || !w->known)
        return;
    bl_buf_clear(&w->stats);
    bl_buf_z(&w->stats, "event: stats\ndata: ");
    bl_buf_str(&w->stats, a->body);
    bl_buf_z(&w->stats, "\n\n");
    if (w->stats.err != BL_OK)
        bl_buf_clear(&w->stats);
    else
        (void)send_all(w, bl_buf_view(&w->stats), NULL, NULL);
}

static void ask_stats(struct bl_watch *w)
{
    static const struct bl_query metrics = {.call = BL_CALL_METRICS};
    if (w->asking_stats || w->stopping)
        return;
    w->asking_stats = true;
    w->stats_ms = w->now_ms;
    w->check = true;
    bl_query_run(w->options.queries, &metrics, got_stats, w);
}

void watch_show_stats(struct bl_watch *w, struct bl_watcher *x)
{
    if (w->now_ms - w->stats_ms >= STATS_MS || w->stats.n == 0) {
        ask_stats(w);
        return;
    }
    frame_begin(&w->frame, w->here, w->partitions);
    bl_buf_str(&w->frame, bl_buf_view(&w->stats));
    if (w->frame.err == BL_OK)
        watcher_send(x, bl_buf_view(&w->frame), bl_buf_view(&w->stats));
}

void bl_watch_tick(struct bl_watch *w, int64_t now_ms)
{
    w->now_ms = now_ms;
    if (w->state == WATCH_AWAY && w->first)
        start(w);
    else if (w->state == WATCH_AWAY)
        listen(w); /* nobody: IDLE */
    if (!w->first)
        return;
    if (w->state == WATCH_LIVE && now_ms - w->stats_ms >= STATS_MS)
        ask_stats(w);
    if (now_ms - w->beat_ms >= BEAT_MS) {
        w->beat_ms = now_ms;
        say_all(w, BL_STR(": still here\n\n"));
    }
}

/* --- coming and going */

/* Whoever had a place that cannot be read begins anew: no places. */
static enum bl_err keep_places(struct bl_watcher *x, struct bl_str last_id)
{
    struct place at[BL_PARTITIONS_MAX];
    x->resumes = last_id.n > 0;
    x->partitions = places_read(last_id, at);
    if (x->partitions == 0)
        return BL_OK;
    size_t bytes = (size_t)x->partitions * sizeof *at;
    x->at = malloc(bytes);
    if (!x->at)
        return BL_ERR_NO_MEMORY;
    memcpy(x->at, at, bytes);
    return BL_OK;
}

void bl_watch_join(struct bl_watch *w, const struct bl_query *filter, struct bl_str last_id,
                   bl_watch_joined_fn *joined, void *ctx)
{
    enum bl_err err = w->stopping ? BL_ERR_STORE_UNAVAILABLE : BL_OK;
    if (err == BL_OK && w->counts.watchers >= w->options.watchers_max)
        err = BL_ERR_TOO_MANY_STREAMS;
    struct bl_watcher *x = err == BL_OK ? calloc(1, sizeof *x) : NULL;
    if (err == BL_OK)
        err = x ? keep_places(x, last_id) : BL_ERR_NO_MEMORY;
    if (err != BL_OK) {
        free(x);
        joined(ctx, err, NULL);
        return;
    }
    x->magic = WATCHER_MAGIC;
    x->w = w;
    x->filter = *filter;
    x->joined = joined;
    x->joined_ctx = ctx;
    bl_buf_init(&x->later, BL_STREAM_BYTES_MAX);
    x->next = w->first;
    if (x->next)
        x->next->prev = x;
    w->first = x;
    w->counts.watchers++;
    if (w->state == WATCH_IDLE || w->state == WATCH_AWAY)
        start(w);
    else if (w->state == WATCH_LIVE)
        watcher_answer(x, BL_OK);
}

void bl_watch_stop(struct bl_watch *w)
{
    w->stopping = true;
    answer_joins(w, BL_ERR_STORE_UNAVAILABLE);
}
