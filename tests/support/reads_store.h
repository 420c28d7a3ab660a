/* A store for queries, in which patterns have a version, and a change feed: a port of reads for one test. As over a
 * connection, questions are answered in their order: served one after another, and heard in that order, at any time after. */
#ifndef TESTS_READS_STORE_H
#define TESTS_READS_STORE_H

#include "bl/app/reads.h"

#define PARTITIONS 2
#define PATTERNS   20 /* of a partition; detected at NOW and a ms later each */
#define FEED       4096
#define ROUNDS     16 /* under way */
#define NOW        1700000000000

struct reads_store {
    int version[PARTITIONS][PATTERNS];
    int feed[PARTITIONS][FEED];                    /* of each entry the pattern; its id is its number + 1 */
    int feed_n[PARTITIONS], feed_from[PARTITIONS]; /* those before are trimmed */
    int64_t store_ms, process_ms;
    uint64_t connection;
    const char *clock_mode, *hash_key;
    bool sharing;                /* patterns share places in the cache */
    bool wordy;                  /* their texts are long */
    const char *const *nonsense; /* told in place of the feeds; NULL ends it */
    size_t asked, served, heard; /* rounds */
    size_t patterns_read;
};

extern struct reads_store reads_store;
extern const struct bl_reads reads_store_port;

/* As new. */
void reads_store_begin(void);
/* In hex, good for a while. */
struct bl_str reads_store_id_of(int p, int i);
void reads_store_change(int p, int i);
/* What was changed last was never changed. */
void reads_store_take_back(int p);
void reads_store_serve(void);
void reads_store_hear(void);
/* Who waits is told so, and then the store is another, which never had the latest changes. */
void reads_store_fail_over(void);

#endif
