/* What the files of the audit trail share: one attempt to append, as texts for the script. */
#ifndef STORE_AUDIT_INTERNAL_H
#define STORE_AUDIT_INTERNAL_H

#include "bl/store/audit.h"

#include <hiredis/hiredis.h>

#define AUDIT_ATTEMPTS 1000 /* each lost one means that another writer, a faster one, got its entry in */
#define AUDIT_ARGS     10

/* The trail's end, as the script tells it. */
struct audit_head {
    int64_t n, at_ms, now_ms;
    char hash[BL_AUDIT_HASH_CHARS];
};

/* Arguments of audit_append; they point into it, into the entry and into the key. */
struct audit_call {
    char n[24], at[24];
    char prev[BL_AUDIT_HASH_CHARS], hash[BL_AUDIT_HASH_CHARS];
    struct bl_str args[AUDIT_ARGS];
};

enum audit_said { AUDIT_DONE, AUDIT_MOVED, AUDIT_REFUSED };

/* Is every text within its bound? */
bool audit_entry_fits(const struct bl_audit_entry *e);
/* head NULL: only asks for the head. `cut`: the trail's own note, else empty. */
BL_CHECKED enum bl_err audit_call_make(struct audit_call *c, struct bl_str key,
                                       const struct bl_audit_entry *e, const struct audit_head *head,
                                       struct bl_str cut);
/* The script's reply; MOVED: *head is the one to go on from. */
enum audit_said audit_call_said(const redisReply *reply, struct audit_head *head);
/* Blocks until the entry is in, on a connection of a tool. */
BL_CHECKED enum bl_err audit_append(redisContext *redis, struct bl_str key,
                                    const struct bl_audit_entry *entry, struct bl_buf *why);
/* One stream entry; false: none of ours. */
bool audit_record_of(const redisReply *entry, struct bl_audit_record *out);

#endif
