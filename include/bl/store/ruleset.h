/* The rules of a data set, seen and changed from outside (`behaviorlens rules`, `up`): the history of versions, what
 * each partition has in effect, a new version. Synchronous, on a connection of its own; serve and worker never use it.
 *
 * A change is one transaction: the version into the history, the same command into every partition's stream. So either
 * all partitions get it, each at its place in the stream, or none; and two changes at once become two versions, of which
 * the later one holds everywhere. (Beside a request's events in `serve` the one write that spans partitions.) */
#ifndef BL_STORE_RULESET_H
#define BL_STORE_RULESET_H

#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/base/limits.h"
#include "bl/wire/rules.h"

struct bl_ruleset;

struct bl_ruleset_version { /* texts are borrowed for the length of the call, or until the next one */
    int64_t version;        /* 0: there is none */
    int64_t at_ms;          /* the store's clock */
    struct bl_str source, settings;
};

/* On failure of this and of all calls below, bl_ruleset_why (here: `why`) has a sentence. */
BL_CHECKED enum bl_err bl_ruleset_open(const char *url, const char *env, struct bl_ruleset **out,
                                       struct bl_buf *why);
void bl_ruleset_close(struct bl_ruleset *r);
const char *bl_ruleset_why(const struct bl_ruleset *r);
/* 0: nobody has made the data set yet. */
int bl_ruleset_partitions(const struct bl_ruleset *r);

BL_CHECKED enum bl_err bl_ruleset_newest(struct bl_ruleset *r, struct bl_ruleset_version *out);
/* At most `max`, newest first. */
typedef void bl_ruleset_fn(void *ctx, const struct bl_ruleset_version *v);
BL_CHECKED enum bl_err bl_ruleset_history(struct bl_ruleset *r, int max, bl_ruleset_fn *fn, void *ctx);

/* What each partition has in effect; 0: nothing noted yet (version 1, or no worker has been there). */
struct bl_ruleset_effect {
    int64_t version[BL_PARTITIONS_MAX], at_ms[BL_PARTITIONS_MAX];
};
BL_CHECKED enum bl_err bl_ruleset_in_effect(struct bl_ruleset *r, struct bl_ruleset_effect *out);

/* What `up` applied last, as JSON; empty: nothing. Borrowed until the next call. */
BL_CHECKED enum bl_err bl_ruleset_of_up(struct bl_ruleset *r, struct bl_str *out);

struct bl_ruleset_applied {
    int64_t version;         /* in the history now */
    bool same;               /* these settings were the newest already: nothing was changed */
    struct bl_rules *before; /* given: those before; NULL: there were none, or none that can be read */
};
/* Makes s the newest version; of a data set without rules, version 1. `of_up`: remembered as what `up` applied. The audit
 * trail is told before (app/audit.h); without that nothing is changed. `actor` is who it names. */
BL_CHECKED enum bl_err bl_ruleset_apply(struct bl_ruleset *r, const struct bl_settings *s, const char *source,
                                        bool of_up, struct bl_str actor, struct bl_ruleset_applied *out);

#endif
