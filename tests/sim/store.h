/* Private to the store in memory. */
#ifndef BL_SIM_STORE_H
#define BL_SIM_STORE_H

#include "sim.h"

static const struct bl_str due_prefix = {"due:", 4}, active_prefix = {"active:", 7};

static inline struct bl_str rest_of(struct bl_str key, size_t n)
{
    return (struct bl_str){key.p + n, key.n - n};
}

static inline bool same_fence(struct fence a, struct fence b)
{
    return (BL_PLANT(NO_NONCE) || a.nonce == b.nonce) && a.epoch == b.epoch;
}

static inline bool fenced(const struct shard *h, const struct request *r)
{
    return !BL_PLANT(NO_FENCE) && !same_fence(h->fence, r->fence);
}

/* store.c */
void store_add_entry(struct sim *s, int p, int64_t now_ms, enum bl_entry_kind kind, struct bl_str value);

/* store_fetch.c */
/* As the script does. */
void store_fetch(struct sim *s, struct request *r);
/* What has been read before, between two places. */
void store_reread(struct sim *s, struct request *r);
/* As within a transaction that is carried out. */
void store_fetch_unread(struct sim *s, struct request *r);

/* store_read.c */
/* The list of recent events, newest first. */
struct bl_str *store_recent(struct sim *s, const struct shard *h);
void store_restore(struct sim *s, struct request *r);
size_t store_due(struct sim *s, struct request *r);
void store_load(struct sim *s, struct request *r);
void store_check(struct sim *s, struct request *r);

/* store_erase.c */
void store_erasable(struct sim *s, struct request *r);

#endif
