/* One watcher. A new one is where its process is (`here`), and is sent what everybody is sent. One that resumes has a
 * place of its own in each feed, and may be behind, or ahead where this process has not read yet what another one has:
 *
 *   begin -> LIVE                                             a new one, or exactly here
 *         -> round -> ranges -> loaded -> round … -> caught up -> LIVE      behind: `until` is where it meets the others
 *         -> reset -> ends -> LIVE                            what it missed is gone: ahead, where the feeds end now
 *
 * While it catches up, what the others are sent is kept in `later`. Where it is ahead, what it has had already is left
 * out, and its ids are its own, until the process has got that far. So the sum of what it is sent is what the feeds
 * hold, once. */
#include "query/job.h"
#include "watch/internal.h"

#include <stdlib.h>

#define RANGE_ENTRIES 64
#define PAUSE_MS      20
#define RETRY         "retry: 2000\n\n"

static void round_begin(struct bl_watcher *x);
static void portion_begin(struct bl_watcher *x);

/* --- life */

static void forget_places(struct bl_watcher *x)
{
    free(x->at);
    free(x->until);
    x->at = x->until = NULL;
    x->catching = false;
    bl_buf_release(&x->later);
    bl_buf_init(&x->later, BL_STREAM_BYTES_MAX);
}

static void release(struct bl_watcher *x)
{
    forget_places(x);
    free(x->batch.v);
    x->magic = 0;
    free(x);
}

static void unlink_watcher(struct bl_watcher *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        x->w->first = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->w->counts.watchers--;
    x->dead = true;
    if (x->holds == 0)
        release(x);
}

void bl_watch_leave(struct bl_watcher *x)
{
    assert(x->magic == WATCHER_MAGIC && !x->dead);
    unlink_watcher(x);
}

void watcher_answer(struct bl_watcher *x, enum bl_err err)
{
    bl_watch_joined_fn *joined = x->joined;
    void *ctx = x->joined_ctx;
    x->joined = NULL;
    if (err == BL_OK) {
        joined(ctx, BL_OK, x);
        return;
    }
    unlink_watcher(x);
    joined(ctx, err, NULL);
}

/* Back from a read or a timer. false: nobody is there any more. */
static bool is_back(struct bl_watcher *x)
{
    bool dead = x->dead;
    if (--x->holds == 0 && dead)
        release(x);
    return !dead;
}

/* --- sending */

static bool write_out(struct bl_watcher *x, struct bl_str text)
{
    if (x->w->options.sink.write(x->to, text))
        return true;
    x->w->counts.slow++;
    unlink_watcher(x);
    return false;
}

static void end(struct bl_watcher *x)
{
    x->w->options.sink.close(x->to);
    unlink_watcher(x);
}

void watcher_say(struct bl_watcher *x, struct bl_str text)
{
    if (!x->to)
        return;
    if (!x->catching) {
        (void)write_out(x, text);
        return;
    }
    bl_buf_str(&x->later, text);
    if (x->later.err != BL_OK) {
        x->w->counts.slow++;
        end(x);
    }
}

/* Made for it alone. Without memory it goes, and comes back with the last id that it has seen. */
static void say_own(struct bl_watcher *x)
{
    const struct bl_buf *own = &x->w->own;
    if (own->err != BL_OK && x->to)
        end(x);
    else
        watcher_say(x, bl_buf_view(own));
}

/* Has the process read all that x had when it came? Then it is one of all. */
static bool is_here(struct bl_watcher *x)
{
    if (x->catching)
        return false;
    for (int p = 0; x->at && p < x->partitions; p++)
        if (place_cmp(x->at[p], x->w->here[p]) > 0)
            return false;
    if (x->at)
        forget_places(x);
    return true;
}

void watcher_send(struct bl_watcher *x, struct bl_str frame, struct bl_str body)
{
    struct bl_watch *w = x->w;
    struct place furthest[BL_PARTITIONS_MAX];
    if (x->resetting)
        return;
    if (is_here(x)) {
        watcher_say(x, frame);
        return;
    }
    for (int p = 0; p < x->partitions; p++)
        furthest[p] = place_cmp(x->at[p], w->here[p]) > 0 ? x->at[p] : w->here[p];
    frame_begin(&w->own, furthest, x->partitions);
    bl_buf_str(&w->own, body);
    say_own(x);
}

bool watcher_has(const struct bl_watcher *x, const struct change *c)
{
    return x->at && place_cmp(c->at, x->at[c->partition]) <= 0;
}

/* --- beginning anew */

static void say_reset(struct bl_watcher *x, const struct place *at)
{
    struct bl_watch *w = x->w;
    x->resetting = false;
    w->counts.resets++;
    frame_begin(&w->own, at, w->partitions);
    bl_buf_z(&w->own, "event: reset\ndata: {}\n\n");
    say_own(x);
}

void watcher_reset(struct bl_watcher *x)
{
    forget_places(x);
    say_reset(x, x->w->here);
}

void watcher_doubt(struct bl_watcher *x)
{
    if (x->to && (x->at || x->resetting))
        end(x);
}

static void on_ends(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watcher *x = BL_CAST(struct bl_watcher, ctx, WATCHER_MAGIC);
    struct bl_watch *w = x->w;
    bool whole;
    if (!is_back(x) || !x->resetting)
        return;
    x->partitions = w->partitions;
    x->at = err == BL_OK && n == (size_t)w->partitions ? calloc(n, sizeof *x->at) : NULL;
    for (size_t p = 0; x->at && p < n; p++) {
        if (!place_answer(&r[p], &x->at[p], &whole))
            forget_places(x);
        else if (place_cmp(x->at[p], w->here[p]) < 0)
            x->at[p] = w->here[p];
    }
    if (x->at)
        say_reset(x, x->at);
    else
        end(x);
}

/* `here` may itself lie behind the gap, and what is told from there would be older than the lists that x reads now. */
static void reset(struct bl_watcher *x)
{
    const struct bl_reads *reads = x->w->options.reads;
    struct bl_read asks[BL_PARTITIONS_MAX];
    forget_places(x);
    x->resetting = true;
    for (int p = 0; p < x->w->partitions; p++)
        asks[p] = place_ask(p, NULL, NULL);
    x->holds++;
    reads->read(reads->port, asks, (size_t)x->w->partitions, on_ends, x);
}

/* --- catching up */

static void caught_up(struct bl_watcher *x)
{
    x->catching = false;
    if (x->later.n && !write_out(x, bl_buf_view(&x->later)))
        return;
    bl_buf_release(&x->later);
    bl_buf_init(&x->later, BL_STREAM_BYTES_MAX);
    (void)is_here(x);
}

/* The first round also asks whether places beyond `here` exist, and such as are another change's here. */
static bool is_asked(const struct bl_watcher *x, int p)
{
    int order = place_cmp(x->at[p], x->until[p]);
    return order < 0 || (x->first_round && (order > 0 || x->at[p].mark != x->until[p].mark));
}

static void on_loaded(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watcher *x = BL_CAST(struct bl_watcher, ctx, WATCHER_MAGIC);
    struct bl_watch *w = x->w;
    if (!is_back(x) || !x->catching)
        return;
    if (err != BL_OK) {
        end(x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct change *c = &x->batch.v[x->batch.done++];
        x->at[c->partition] = c->at;
        if (!change_matches(&x->filter, c, &r[i]) || !change_body(c, &r[i], &w->body))
            continue;
        frame_begin(&w->own, x->at, x->partitions);
        bl_buf_str(&w->own, bl_buf_view(&w->body));
        if (w->body.err != BL_OK || w->own.err != BL_OK) {
            end(x);
            return;
        }
        if (!write_out(x, bl_buf_view(&w->own)))
            return;
    }
    portion_begin(x);
}

static void on_pause_over(void *ctx)
{
    struct bl_watcher *x = BL_CAST(struct bl_watcher, ctx, WATCHER_MAGIC);
    if (is_back(x) && x->catching)
        portion_begin(x);
}

/* No faster than the watcher reads. */
static void portion_begin(struct bl_watcher *x)
{
    const struct bl_reads *reads = x->w->options.reads;
    if (x->batch.done == x->batch.n) {
        round_begin(x);
    } else if (x->w->options.sink.waiting(x->to) > BL_STREAM_BYTES_MAX / 8) {
        x->holds++;
        reads->later(reads->port, PAUSE_MS, on_pause_over, x);
    } else {
        x->holds++;
        changes_load(x->w, &x->batch, on_loaded, x);
    }
}

/* Takes what a partition's reply holds up to `until`. */
static bool take_range(struct bl_watcher *x, int p, const struct bl_read_reply *r)
{
    size_t before = x->batch.n;
    bool beyond = false;
    struct bl_read_reply entry;
    struct bl_str id;
    for (size_t i = 0; bl_read_entry(r, &i, &id, &entry);) {
        struct place at;
        beyond = beyond || !place_read(id, &at) || place_cmp(at, x->until[p]) > 0;
        if (!beyond &&
            !changes_add(&x->batch, p, id, reply_get(&entry, "change"), reply_get(&entry, "pattern_id")))
            return false;
    }
    if (x->batch.n == before && place_cmp(x->at[p], x->until[p]) < 0)
        x->at[p] = x->until[p];
    return true;
}

static void on_ranges(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    struct bl_watcher *x = BL_CAST(struct bl_watcher, ctx, WATCHER_MAGIC);
    struct place end_of;
    size_t k = 0;
    bool whole = true, one;
    (void)n;
    if (!is_back(x) || !x->catching)
        return;
    changes_clear(&x->batch);
    for (int p = 0; err == BL_OK && p < x->partitions; p++) {
        if (!is_asked(x, p))
            continue;
        whole = whole && place_answer(&r[k + 1], &end_of, &one) && one;
        if (!take_range(x, p, &r[k]))
            err = BL_ERR_NO_MEMORY;
        k += 2;
    }
    x->first_round = false;
    if (err != BL_OK) {
        end(x);
    } else if (!whole) {
        reset(x);
    } else {
        changes_sort(&x->batch);
        portion_begin(x);
    }
}

static void round_begin(struct bl_watcher *x)
{
    struct bl_read asks[2 * BL_PARTITIONS_MAX];
    char text[BL_PARTITIONS_MAX][PLACE_TEXT];
    const struct bl_reads *reads = x->w->options.reads;
    size_t n = 0;
    for (int p = 0; p < x->partitions; p++) {
        if (!is_asked(x, p))
            continue;
        struct bl_str after = place_text(x->at[p], text[p]);
        asks[n++] = (struct bl_read){.kind = BL_READ_FEED, .partition = p, .arg = after, .a = RANGE_ENTRIES};
        asks[n++] = place_ask(p, &x->at[p], text[p]);
    }
    if (n == 0) {
        caught_up(x);
        return;
    }
    x->holds++;
    reads->read(reads->port, asks, n, on_ranges, x);
}

static void resume(struct bl_watcher *x)
{
    struct bl_watch *w = x->w;
    x->until =
        x->at && x->partitions == w->partitions ? calloc((size_t)x->partitions, sizeof *x->until) : NULL;
    if (!x->until) {
        reset(x);
        return;
    }
    memcpy(x->until, w->here, (size_t)x->partitions * sizeof *x->until);
    x->catching = x->first_round = true;
    round_begin(x);
}

void bl_watch_begin(struct bl_watcher *x, void *to)
{
    struct bl_watch *w = x->w;
    assert(x->magic == WATCHER_MAGIC && !x->to && !x->joined);
    x->to = to;
    if (!write_out(x, BL_STR(RETRY)))
        return;
    x->holds++; /* so that it is still there to look at */
    if (x->resumes)
        resume(x);
    if (is_back(x))
        watch_show_stats(w, x);
}
