/* The latest events of a partition as they came, for whoever looks on (GET /api/events). They are stored with users
 * (worker/checkpoint.c): under load each commit brings so many that none of those before are left. Pushed with each, they were 109
 * of 458 bytes that a single POST was to the append-only file, and 7 % of what it cost Redis; so they are 11 of 353. With fewer
 * events each commit is a checkpoint, and brings a few: then the list is cut only when a sixteenth too many are in it.
 *
 *   recent_event ──> effects.lines ──recent_keep, after each round──> o->latest ──recent_put, at a checkpoint──> the list
 *
 * A redo gathers those since the checkpoint anew, with the marks they had (worker/takeover.c). An erasure takes a user's from both
 * (worker/erase.c).
 *
 * Invariants: the list and o->latest together are at least the newest recent_max lines, in order, and without a gap; o->latest
 * holds no more than that, and more than its bytes only until the end of the commit that finds it so, or of the parts that come next. */
#include "plant.h"
#include "worker/owner.h"

#ifndef RECENT_BYTES
#define RECENT_BYTES     ((size_t)8 * 1024 * 1024) /* in a partition; events have up to 32 KiB */
#define RECENT_ALL_BYTES ((size_t)64 * 1024 * 1024)
#endif
#define RECENT_LINE_BYTES                                                                                    \
    512 /* a usual line: recent_max of them have room, however many partitions there are */
#define RECENT_ROOM_BYTES (512 * 1024) /* stays for the next ones */
#ifndef RECENT_SHARE
#define RECENT_SHARE 16 /* of recent_max is to go before any does: few commits of a few events trim */
#endif

/* A round under load has a hundred times the lines that are kept: until it is clear which, they stay where they are. */
void recent_event(struct owner *o, const struct bl_record *r, const struct bl_taken *taken)
{
    struct effects *e = &o->effects;
    size_t most = o->worker->options.recent_max;
    if (most == 0)
        return;
    if (e->n_lines >= 2 * most) {
        memcpy(e->lines, e->lines + e->n_lines - most, most * sizeof *e->lines);
        e->n_lines = most;
    }
    if (!OWNER_ROOM(e->lines, e->cap_lines, e->n_lines)) {
        effects_fail(e, BL_ERR_NO_MEMORY);
        return;
    }
    e->lines[e->n_lines++] =
        (struct recent_line){r->line, e->received_ms, taken->late, taken->clock_adjusted};
}

void recent_clear(struct owner *o)
{
    bl_buf_trim(&o->latest.lines, RECENT_ROOM_BYTES);
    o->latest.n = 0;
}

static void drop_oldest(struct latest *l, size_t n)
{
    size_t from = n == l->n ? l->lines.n : 0;
    for (size_t i = 0; i < n && from < l->lines.n; i++) {
        const char *end = memchr(l->lines.p + from, '\n', l->lines.n - from);
        from = end ? (size_t)(end - l->lines.p) + 1 : l->lines.n;
    }
    memmove(l->lines.p, l->lines.p + from, l->lines.n - from);
    l->lines.n -= from;
    l->n -= n;
}

static void add_line(struct bl_buf *text, const struct recent_line *x)
{
    if (text->n > 0)
        bl_buf_char(text, '\n');
    bl_buf_int(text, x->received_ms);
    if (x->late)
        bl_buf_z(text, ",late");
    if (x->clock_adjusted)
        bl_buf_z(text, ",clock_adjusted");
    bl_buf_char(text, ' ');
    bl_buf_str(text, x->line);
}

void recent_keep(struct owner *o)
{
    struct effects *e = &o->effects;
    struct latest *l = &o->latest;
    size_t most = o->worker->options.recent_max, n = e->n_lines < most ? e->n_lines : most;
    if (n == 0)
        return;
    if (l->n + n > most)
        drop_oldest(l, l->n + n - most);
    for (size_t i = e->n_lines - n; i < e->n_lines; i++)
        add_line(&l->lines, &e->lines[i]);
    l->n += n;
    e->n_lines = 0;
    if (l->lines.err != BL_OK) {
        effects_fail(e, l->lines.err);
        recent_clear(o); /* it is not whole */
    }
}

bool recent_is_full(const struct owner *o)
{
    const struct bl_worker_options *x = &o->worker->options;
    size_t share = RECENT_ALL_BYTES / (size_t)x->partitions, usual = x->recent_max * RECENT_LINE_BYTES;
    size_t most = share > usual ? share : usual;
    return o->latest.lines.n > (most < RECENT_BYTES ? most : RECENT_BYTES);
}

static bool may_drop(struct owner *o, size_t most)
{
    return o->recent.n > 1 && o->recent.total - sizes_oldest(&o->recent)->n >= most;
}

void recent_put(struct owner *o)
{
    const struct latest *l = &o->latest;
    struct bl_worker *w = o->worker;
    size_t most = w->options.recent_max;
    size_t share = l->n < most || BL_PLANT(RECENT_GAP) ? most / RECENT_SHARE : 0;
    if (l->n == 0)
        return;
    if (!sizes_push(&o->recent, 0, l->n))
        effects_fail(&o->effects, BL_ERR_NO_MEMORY);
    bool drops = may_drop(o, most + share); /* share 0: some between the two were never pushed */
    while (drops && may_drop(o, most))
        sizes_pop(&o->recent);
    w->ports.put_recent(w->ports.ctx, o->p, bl_buf_view(&l->lines), drops ? o->recent.n : 0);
    recent_clear(o);
}
