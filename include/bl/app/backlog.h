/* How much waits in the streams, and when no more may be added (SPEC 2.4, 5.4). The store is looked at now and then;
 * what this process has sent since is added to what was seen, times the number of processes that append, so that a limit
 * is passed by little more than what is in flight. Pure arithmetic: whoever looks tells, whoever appends asks. */
#ifndef BL_APP_BACKLOG_H
#define BL_APP_BACKLOG_H

#include "bl/base/err.h"
#include "bl/base/limits.h"
#include "bl/base/str.h"

struct bl_backlog_options {
    int partitions;
    int64_t entries_max, bytes_max; /* unprocessed, of one partition */
    int64_t stream_max;             /* entries of one partition, processed or not */
    int64_t headroom_percent;       /* of Redis' maxmemory */
};

enum bl_backlog_state {
    BL_BACKLOG_ROOM,
    BL_BACKLOG_ENTRIES, /* too many unprocessed entries, or too long a stream */
    BL_BACKLOG_BYTES,   /* too many unprocessed bytes */
    BL_BACKLOG_MEMORY,  /* Redis needs what is left for the workers */
    BL_BACKLOG_STATES
};

struct bl_backlog_part {
    int64_t length, lag;                  /* entries, as last seen */
    int64_t sample_entries, sample_bytes; /* what unprocessed ones are like */
    int64_t sent_entries, sent_bytes;     /* by this process, since its start */
    int64_t asked_entries, asked_bytes;   /* of which before the last look was begun */
    int64_t known_entries, known_bytes;   /* of which the last look has seen */
};

struct bl_backlog {
    struct bl_backlog_options options;
    int64_t shares;    /* processes that append */
    int64_t used, max; /* bytes of Redis; max 0: no bound */
    struct bl_backlog_part part[BL_PARTITIONS_MAX];
};

void bl_backlog_init(struct bl_backlog *b, const struct bl_backlog_options *options);
/* A look at the store begins. */
void bl_backlog_asked(struct bl_backlog *b);
/* And has ended: what was told meanwhile (part[], used, max) holds. */
void bl_backlog_seen(struct bl_backlog *b);
/* An entry is on its way. */
void bl_backlog_sent(struct bl_backlog *b, int partition, size_t bytes);
/* May something be added? partition < 0: anywhere at all. */
enum bl_backlog_state bl_backlog_state(const struct bl_backlog *b, int partition);
/* Unprocessed bytes of a partition, estimated. */
int64_t bl_backlog_bytes(const struct bl_backlog *b, int partition);
/* Has so much been sent since the last look that it is time for another? */
bool bl_backlog_is_stale(const struct bl_backlog *b, int partition);

#endif
