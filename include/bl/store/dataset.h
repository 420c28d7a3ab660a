/* The data set of an environment: what was fixed when it was made (SPEC 1, 7.3). Whoever starts first makes
 * it; one that does not fit the configuration, or a Redis that cannot keep what is promised, is refused with
 * a sentence. */
#ifndef BL_STORE_DATASET_H
#define BL_STORE_DATASET_H

#include "bl/base/buf.h"
#include "bl/base/hash.h"
#include "bl/store/link.h"

/* 5: users who are behind the position may be stored some before others (app/worker/parts.c); 4: they may be stored behind
 * it (app/worker/checkpoint.c); 3: their states in the form of wire/state_fields.h; 2: in that of wire/state_version2.c, 1: of
 * wire/state_version1.c. A data set of an older version that can still be read is raised to this one when it is opened; what
 * is stored in it is written anew as it is touched. */
#define BL_DATASET_VERSION       5
#define BL_DATASET_VERSION_LEAST 1

struct bl_dataset {
    int partitions;
    bool event_clock;
    struct bl_hash_key hash_key;
    int64_t now_ms; /* the store's clock when it was opened */
    /* If rules were wanted: the newest of the data set, borrowed for the length of the callback. */
    int64_t rules_version;
    struct bl_str rules; /* as in wire/rules.h */
};

struct bl_dataset_want {
    struct bl_str env;
    int partitions;
    bool event_clock;
    bool durable;                        /* durability everysec or always: an append-only file is needed */
    const struct bl_hash_key *known_key; /* for a data set that has to be made anew; NULL: a random one */
    bool every_write;                    /* durability always: it is synced before each answer */
    /* A worker's: the rules of a data set that has none yet, as in wire/rules.h, and who brings them. Empty: whatever
     * there is. */
    struct bl_str rules, rules_source;
};

/* BL_OK; BL_ERR_CONFIG: refused, `why` says what to do; BL_ERR_STORE_UNAVAILABLE: no answer, or Redis cannot for
 * now (`why` says what it said): try again. */
typedef void bl_dataset_fn(void *ctx, enum bl_err err, const struct bl_dataset *dataset, const char *why);

/* Loads the scripts, checks Redis' settings, opens or makes the data set. From the link's `up`. `want` is
 * copied; its texts and known_key must live until fn has run. */
void bl_dataset_open(struct bl_link *link, const struct bl_dataset_want *want, bl_dataset_fn *fn, void *ctx);

#endif
