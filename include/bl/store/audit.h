/* The audit trail of an environment: the stream `bl:ENV:audit` (keys.def), append-only, a chain of hashes. Each entry
 * has
 *   n        1, 2, 3, … without a gap
 *   at       the store's clock, ms; never less than that of the entry before
 *   action, actor, subject, detail (app/audit.h)
 *   prev     the hash of the entry before; 64 zeros for n = 1
 *   hash     SHA-256, in hex, of the netstrings ("LENGTH:BYTES,") of n, at, action, actor, subject, detail, prev
 * An entry goes in by a script that compares the trail's last hash with `prev`: several writers at once make one chain,
 * whoever was slower tries again.
 *
 * What the chain tells: an entry changed, taken out, put in or moved, in whatever place, breaks it, and anybody can
 * check that with an export and any SHA-256. A keyed hash would hide nothing from who can write to Redis: the data set's
 * key stands there too. Nor can any hash in Redis stop such a person from writing the whole chain anew, or from cutting
 * its end off; for that the head (n and hash of the newest entry) must be kept elsewhere: `serve` logs it, the API and
 * `inspect audit` show it, and `inspect audit --verify --head N:HASH` holds the trail against a remembered one.
 *
 * Old entries go by bl_audit_tidy: in one step with a `trim` entry which says up to which n, and with what hash, the
 * trail was cut. So a trail that does not begin at 1 is whole only if it says itself that it was cut there. */
#ifndef BL_STORE_AUDIT_H
#define BL_STORE_AUDIT_H

#include "bl/app/audit.h"
#include "bl/base/buf.h"
#include "bl/base/hash.h"
#include "bl/store/link.h"

#define BL_AUDIT_HASH_CHARS 64
#define BL_AUDIT_USER_CHARS 32

/* --- writing, for processes with a link */

struct bl_audit;
/* The link, which loads the scripts (bl_dataset_open does), is borrowed and must be closed before bl_audit_free. `env` is
 * copied. One entry is under way at a time, the others of this process wait behind it, at most BL_AUDIT_WAITING_MAX. */
BL_CHECKED enum bl_err bl_audit_new(struct bl_link *link, struct bl_str env, struct bl_audit **out);
/* NULL is fine. */
void bl_audit_free(struct bl_audit *a);
/* As in app/audit.h. */
void bl_audit_write(struct bl_audit *a, const struct bl_audit_entry *entry, bl_audit_fn *fn, void *ctx);
struct bl_audit_port bl_audit_port(struct bl_audit *a);

/* Removes what is older than keep_ms, or over keep_n entries, in steps (a day, a hundredth); and looks whether the
 * newest entry that this process has seen is still where it was. Both log what they find: the head when it has moved,
 * an error when the trail was changed behind our back. Now and then, best effort. */
struct bl_audit_keep {
    int64_t keep_ms, keep_n;
};
void bl_audit_tidy(struct bl_audit *a, const struct bl_audit_keep *keep);

struct bl_audit_counts {
    uint64_t written, failed; /* entries */
    uint64_t lost;            /* gauge: 1 once the trail no longer held what this process had seen in it */
};
const struct bl_audit_counts *bl_audit_counts(const struct bl_audit *a);

/* --- writing, for the command line: blocks, on a connection of its own. BL_OK only once it is confirmed; else `why` has a
 * sentence, and the action must not happen. */
BL_CHECKED enum bl_err bl_audit_write_now(const char *url, const char *env,
                                          const struct bl_audit_entry *entry, struct bl_buf *why);

/* The subject that stands for a user: 128 bits of a keyed hash of the id, as hex, not terminated. Only who has the data
 * set's key and the id can say that they belong together. */
void bl_audit_user(struct bl_hash_key key, struct bl_str user_id, char out[BL_AUDIT_USER_CHARS]);

/* --- reading and verifying */

struct bl_audit_record {
    struct bl_str id; /* of the stream entry */
    int64_t n, at_ms; /* 0: not readable */
    struct bl_audit_entry entry;
    struct bl_str prev, hash;
};
typedef void bl_audit_record_fn(void *ctx, const struct bl_audit_record *record);
/* All entries, oldest first, on a connection of its own; blocks. */
BL_CHECKED enum bl_err bl_audit_each(const char *url, const char *env, bl_audit_record_fn *fn, void *ctx,
                                     struct bl_buf *why);

/* The hash that a record should have. */
BL_CHECKED enum bl_err bl_audit_hash(const struct bl_audit_record *record, char out[BL_AUDIT_HASH_CHARS]);

/* A chain being followed from its first entry to its last: begin, next for each, end. */
struct bl_audit_check {
    int64_t entries, first_n, last_n, last_at_ms;
    char first_prev[BL_AUDIT_HASH_CHARS], last_hash[BL_AUDIT_HASH_CHARS];
    bool anchored;  /* the beginning is explained: n = 1, or a `trim` entry says so */
    int64_t head_n; /* remembered, to be looked for; 0: none */
    char head_hash[BL_AUDIT_HASH_CHARS];
    bool head_found;
    int64_t broken_n;   /* the first entry that does not fit; 0: none so far */
    char broken_id[48]; /* its stream entry */
    const char *why;    /* what is wrong with it; NULL: nothing so far */
};
/* head: a remembered `N:HASH`, or empty. false: it is no head. */
BL_CHECKED bool bl_audit_check_begin(struct bl_audit_check *c, struct bl_str head);
/* After the first break the rest is not looked at. */
void bl_audit_check_next(struct bl_audit_check *c, const struct bl_audit_record *record);
/* true: the chain is whole. false: c->why says why not. */
BL_CHECKED bool bl_audit_check_end(struct bl_audit_check *c);

#endif
