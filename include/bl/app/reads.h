/* The port through which queries see the store: a batch of small reads by kind, answered together. Kinds name
 * what is wanted, not keys; the store's table (store/reads.c) says how each is read. */
#ifndef BL_APP_READS_H
#define BL_APP_READS_H

#include "bl/base/err.h"
#include "bl/base/str.h"

/* kind: what `arg`, a, b, c, d mean -> the reply's items. "member, score" and "name, value" are pairs of
 * items. */
enum bl_read_kind {
    BL_READ_META,     /* -> name, value … of the data set */
    BL_READ_VIEW,     /* -> enum bl_view */
    BL_READ_CLOCK,    /* -> enum bl_clock: of a view what `now` needs, at a third of the cost */
    BL_READ_PATTERNS, /* detected_at from a down to b, c skipped, at most d -> pattern id, ms … newest first;
                         with `filter`: -> pattern id, ms, 1 (passes) or 0 … */
    BL_READ_PATTERNS_OPEN, /* the same of unresolved ones */
    BL_READ_PATTERNS_USER, /* the same of user `arg` */
    BL_READ_PATTERN,       /* id `arg` -> name, value … */
    BL_READ_OPEN_COUNT,    /* -> one number */
    BL_READ_COUNTERS,      /* -> name, value … */
    BL_READ_RATE,          /* -> one text `second:count …` */
    BL_READ_ACTIVE_COUNT,  /* users seen after a -> one number */
    BL_READ_ACTIVE,        /* users seen after a, at most b -> user id, ms … latest first */
    BL_READ_USER,          /* state of user `arg` -> name, value … */
    BL_READ_USER_BRIEF,    /* the same, without visits, marks and window -> values of enum bl_user_brief */
    BL_READ_MINUTE,        /* minute number a -> name, value … */
    BL_READ_PAGES,         /* five-minute step number a -> name, value … */
    BL_READ_RECENT,        /* a … b of the list -> texts */
    BL_READ_LEASE,         /* -> one text `nonce epoch worker` */
    BL_READ_FENCE,         /* -> one text `nonce epoch` */
    BL_READ_PROCESSES,     /* -> process id, ms … */
    BL_READ_PROCESS,       /* id `arg` -> name, value … */
    BL_READ_REJECTED,      /* -> reason, count … */
    BL_READ_UNSTORED,      /* -> by whose wish, count … */
    BL_READ_BAD, /* at most a, newest first -> per entry: its id, number of items n, then n items name, value
                    … */
    BL_READ_ENTRIES,       /* events after entry id `arg`, at most a -> as BAD */
    BL_READ_ASIDE,         /* the whole quarantine of the partition -> as BAD */
    BL_READ_RULES,         /* in effect in the partition -> name, value … */
    BL_READ_RULES_HISTORY, /* at most a, newest first -> as BAD */
    BL_READ_AUDIT, /* entries of the audit trail before `arg` (`+`: all), at most a, newest first -> as BAD */
    BL_READ_TOMBSTONE,   /* of the erased user with hash `arg` -> ms */
    BL_READ_ERASURE,     /* the erasure with hash `arg` -> name, value … */
    BL_READ_COMMAND,     /* appends the command `arg` to the stream (the one that writes) -> entry id */
    BL_READ_FEED,        /* changes after the feed's entry `arg`, at most a -> as BAD */
    BL_READ_FEED_NEWEST, /* from the newest change back to entry `arg` (`-`: the first), at most a -> as BAD */
    BL_READ_FEED_PLACE, /* a reader of the change feed is at entry `arg` -> last entry's id; `1` if nothing after
                           `arg` is gone */
    BL_READ_KIND_COUNT
};

/* Items of a VIEW: how far a partition is. Absent values are empty. */
enum bl_view {
    BL_VIEW_ID,       /* last committed entry */
    BL_VIEW_CLOCK_MS, /* the partition clock as committed */
    BL_VIEW_ENTRIES,  /* entries committed */
    BL_VIEW_EPOCH,
    BL_VIEW_COMMITTED_AT_MS,
    BL_VIEW_ADDED,   /* entries ever added */
    BL_VIEW_LENGTH,  /* entries kept */
    BL_VIEW_OLDEST,  /* id of the oldest entry that is not committed */
    BL_VIEW_TIME_MS, /* the store's time */
    BL_VIEW_COUNT
};

enum bl_clock {
    BL_CLOCK_MS,     /* as BL_VIEW_CLOCK_MS */
    BL_CLOCK_OLDEST, /* as BL_VIEW_OLDEST */
    BL_CLOCK_TIME_MS,
    BL_CLOCK_COUNT
};

/* What bl_query_match asks of a pattern. */
enum bl_brief {
    BL_BRIEF_TYPE,
    BL_BRIEF_SEVERITY,
    BL_BRIEF_USER_ID,
    BL_BRIEF_PAGE,
    BL_BRIEF_RESOLVED,
    BL_BRIEF_EXPLANATION,
    BL_BRIEF_COUNT
};

enum bl_user_brief {
    BL_USER_BRIEF_HEAD,
    BL_USER_BRIEF_NAMES,
    BL_USER_BRIEF_OPEN,
    BL_USER_BRIEF_OLD_HEAD, /* of data sets of versions 1 and 2, like what follows */
    BL_USER_BRIEF_OLD_NAMES,
    BL_USER_BRIEF_OLD_OPEN,
    BL_USER_BRIEF_OLD_PAGE,
    BL_USER_BRIEF_OLD_SESSION,
    BL_USER_BRIEF_COUNT
};

/* Of lists of patterns: an empty text asks nothing. */
struct bl_read_filter {
    struct bl_str type, severity, page, user_id;
    struct bl_str resolved; /* true or false */
    struct bl_str q; /* to be found in user_id, page or explanation; in lower case as far as it is ASCII */
};

struct bl_read {
    enum bl_read_kind kind;
    int partition;     /* where the kind has one */
    struct bl_str arg; /* borrowed for the length of the call */
    int64_t a, b, c, d;
    const struct bl_read_filter *filter; /* NULL: none; borrowed like arg */
};

struct bl_read_reply {
    size_t n;                  /* items; 0: there is nothing (nil, empty list) */
    const struct bl_str *item; /* numbers as decimal text */
};

/* Of a reply such as that to BL_READ_BAD the entry at item *at, which begins as 0 and goes on behind it; false: that was the
 * last, or what comes is no entry. All is borrowed from the reply. */
bool bl_read_entry(const struct bl_read_reply *r, size_t *at, struct bl_str *id,
                   struct bl_read_reply *fields);

/* err != BL_OK: the store did not answer all of them; replies is NULL. Replies are borrowed for the call. */
typedef void bl_reads_fn(void *ctx, enum bl_err err, const struct bl_read_reply *replies, size_t n);

struct bl_reads {
    void *port;
    /* fn runs exactly once, from inside only if it fails at once for want of memory or because the port
     * closes. n >= 1. */
    void (*read)(void *port, const struct bl_read *reads, size_t n, bl_reads_fn *fn, void *ctx);
    /* fn runs once, after ms. */
    void (*later)(void *port, int64_t ms, void (*fn)(void *ctx), void *ctx);
    /* Replies come in the order of the questions as long as this number stays; with another one the store may have lost
     * what it had said before. */
    uint64_t (*connection)(void *port);
    /* ms of a clock that only goes forward. */
    int64_t (*now)(void *port);
};

#endif
