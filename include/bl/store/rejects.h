/* Refused events (SPEC 2.6): counted by reason in `rejected`, kept redacted in the stream `bad` for 24 h, at
 * most some thousand. Best effort on a link that nobody waits for: gathered in memory, as many as the stream
 * holds, written every half second; what does not fit is counted only, what cannot be sent while Redis is away waits (the counts)
 * or makes room (the texts). */
#ifndef BL_STORE_REJECTS_H
#define BL_STORE_REJECTS_H

#include "bl/app/ingest.h"
#include "bl/base/hash.h"
#include "bl/store/link.h"

struct bl_rejects;

/* `env` is borrowed. keep_ms: how long the stream keeps them. hold_ms: a text that has waited so long for the link is only
 * counted; whoever it is of may have been erased meanwhile, and the stream been swept (erasure.h). */
BL_CHECKED enum bl_err bl_rejects_new(const char *env, int64_t keep_ms, int64_t hold_ms,
                                      struct bl_rejects **out);
/* The key under which users are named, so that an erasure finds what is theirs; another than before forgets what was
 * gathered. Until it is called texts are not kept, only reasons. */
void bl_rejects_open(struct bl_rejects *r, struct bl_hash_key key);
void bl_rejects_free(struct bl_rejects *r);
/* As in struct bl_ingest_port. */
void bl_rejects_add(struct bl_rejects *r, const struct bl_refusal *refusal);
/* Writes what has been gathered, if the link is up. now_ms: the store's clock. unstored: how many events in all were only
 * counted, by the visitor's wish. */
void bl_rejects_flush(struct bl_rejects *r, struct bl_link *link, int64_t now_ms, uint64_t unstored);

#endif
