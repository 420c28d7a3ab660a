/* What the files of watching share: watch/watch.c reads the feeds and tells all, watch/client.c is one watcher and how it
 * catches up, watch/change.c is a change on its way to text. */
#ifndef APP_WATCH_INTERNAL_H
#define APP_WATCH_INTERNAL_H

#include "bl/app/watch.h"
#include "bl/base/magic.h"
#include "place.h"

#define WATCH_MAGIC   BL_MAGIC('w', 't', 'c', 'h')
#define WATCHER_MAGIC BL_MAGIC('w', 't', 'c', 'r')

/* One entry of a feed, kept beyond the reply that brought it. */
struct change {
    int partition;
    struct place at;
    char pattern_id[32];
    char what[12]; /* new, raised, resolved, explained, erased */
};

struct changes {
    struct change *v;
    size_t n, cap;
    size_t done, loading; /* sent; of the next, so many are being loaded */
};

enum watch_state {
    WATCH_IDLE,     /* nobody watches: nothing is read */
    WATCH_STARTING, /* finding out where the feeds are */
    WATCH_LIVE,
    WATCH_AWAY /* the store is; tried again with each tick */
};

struct bl_watch {
    uint32_t magic;
    struct bl_watch_options options;
    enum watch_state state;
    bool known; /* `here` says where this process is; kept while the store is away */
    bool down;  /* and the watchers have been told */
    bool check; /* whether `here` still exists: somebody may have emptied Redis */
    bool stopping;
    int partitions;
    struct place here[BL_PARTITIONS_MAX];
    char text[BL_PARTITIONS_MAX][PLACE_TEXT]; /* of a read under way */
    struct changes batch;
    struct bl_watcher *first;
    struct bl_buf frame, own, body; /* scratch: a frame for all, one for one, what comes behind the id */
    struct bl_buf stats;            /* the last one's body */
    bool asking_stats;
    int64_t now_ms, stats_ms, beat_ms;
    struct bl_watch_counts counts;
};

struct bl_watcher {
    uint32_t magic;
    struct bl_watch *w;
    struct bl_watcher *next, *prev;
    struct bl_query filter;
    bl_watch_joined_fn *joined; /* NULL: answered */
    void *joined_ctx;
    void *to; /* NULL: not begun */
    bool resumes, catching, first_round;
    bool resetting; /* the ends of the feeds are asked for: what the others are sent lies before them */
    int holds;      /* reads and timers of its own under way: gone means `dead` until the last is back */
    bool dead;
    int partitions;
    struct place *at;     /* where it is, as long as that is not `here`; NULL: it is */
    struct place *until;  /* while catching: `here` when it began */
    struct changes batch; /* of the round */
    struct bl_buf later;  /* what the others were sent meanwhile */
};

/* --- watch/change.c */

BL_CHECKED bool changes_add(struct changes *c, int partition, struct bl_str id, struct bl_str what,
                            struct bl_str pattern_id);
/* In the order in which they happened; those of one partition keep theirs. */
void changes_sort(struct changes *c);
/* Asks for the patterns of the next few: no more than a reader's queue can take at once, whatever their size; between
 * two portions the loop turns and queues go out. c stays as it is until fn. */
void changes_load(struct bl_watch *w, struct changes *c, bl_reads_fn *fn, void *ctx);
void changes_clear(struct changes *c);
/* What goes out behind the id. false: the pattern is gone. */
BL_CHECKED bool change_body(const struct change *c, const struct bl_read_reply *pattern, struct bl_buf *out);
/* An erased pattern goes to everybody: nobody knows any more who asked for it. */
bool change_matches(const struct bl_query *filter, const struct change *c,
                    const struct bl_read_reply *pattern);
void frame_begin(struct bl_buf *out, const struct place *at, int partitions);
/* Where partition p's feed ends, and whether it still holds what stands behind `at` (NULL: somebody new asks). text is
 * kept until the read is begun. */
struct bl_read place_ask(int p, const struct place *at, char text[PLACE_TEXT]);
/* false: that is no answer to it. */
BL_CHECKED bool place_answer(const struct bl_read_reply *r, struct place *end, bool *whole);

/* --- watch/client.c */

/* `frame` is what goes to everybody who is `here`; `body` the same without the id. x may be gone afterwards. */
void watcher_send(struct bl_watcher *x, struct bl_str frame, struct bl_str body);
/* Without an id: it says nothing of the feeds. x may be gone afterwards. */
void watcher_say(struct bl_watcher *x, struct bl_str text);
/* Has it had this one already? */
bool watcher_has(const struct bl_watcher *x, const struct change *c);
/* It begins anew from `here`, which is where the feeds end. x may be gone afterwards. */
void watcher_reset(struct bl_watcher *x);
/* Redis may have gone back behind a place of its own, which nobody looks at again: it is to come back with it. */
void watcher_doubt(struct bl_watcher *x);
void watcher_answer(struct bl_watcher *x, enum bl_err err);

/* --- watch.c */

/* What the process has read last goes to x, or is asked for. */
void watch_show_stats(struct bl_watch *w, struct bl_watcher *x);

#endif
