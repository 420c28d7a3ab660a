/* What a round has to store besides the users' states: gathered while it steps, put into the commit when it is over. All of it
 * is the round's: effects_reset forgets it, and slices stand in its arena. */
#ifndef BL_APP_WORKER_EFFECTS_H
#define BL_APP_WORKER_EFFECTS_H

#include "arena.h"
#include "bl/app/latency.h"
#include "bl/app/partition.h"
#include "bl/app/ports.h"

/* A pattern that the round changed: all its changes in one. */
struct touched {
    struct bl_pattern_id key; /* of by_id */
    char id[32];              /* the same in hex */
    enum bl_rule_id rule;
    enum bl_severity severity;
    enum bl_severity stored_severity; /* 0: not stored, or not to be counted */
    struct bl_str user_id, page;
    int64_t detected_ms;
    int64_t received_ms; /* of the entry that made or changed it; 0: not known */
    bool created, resolved;
    bool later;                /* created, and later than all else of this user */
    bool exists, was_resolved; /* in the store */
    bool stored;               /* something of it is put */
    struct bl_row row;
};

#define CHANGE_EXPLAINED (BL_PATTERN_RESOLVED + 1) /* behind enum bl_pattern_change */

struct change {
    struct touched *of;
    unsigned change;
    enum bl_severity severity;
    int64_t at_ms;
};

/* What is counted of a minute, and of a page in five minutes; from ..._TYPE on patterns by rule. */
enum {
    MINUTE_EVENTS,
    MINUTE_ACTIVE,
    MINUTE_COMPLETED,
    MINUTE_ABANDONED,
    MINUTE_RESOLVED,
    MINUTE_TYPE,
    MINUTE_FIELDS = MINUTE_TYPE + BL_RULE_COUNT
};
enum { PAGE_VIEWS, PAGE_TYPE, PAGE_FIELDS = PAGE_TYPE + BL_RULE_COUNT };

struct minute {
    int64_t number; /* the key of by_minute, as it stands here */
    int64_t n[MINUTE_FIELDS];
};

struct page_count {
    int64_t number;
    struct bl_str page;
    struct page_count *older; /* the same page in another step */
    int64_t n[PAGE_FIELDS];
};

/* Of all time; those that patterns change. */
struct sums {
    int64_t patterns, open, type[BL_RULE_COUNT], severity[BL_HIGH + 1];
};

struct counts {
    struct bl_map by_minute, by_page;
    struct minute **minutes, *last;
    size_t n_minutes, cap_minutes;
    struct page_count **pages;
    size_t n_pages, cap_pages;
    struct sums sum;
};

struct remembered {
    int64_t received_ms;
    uint64_t hash;
};

struct recent_line {
    struct bl_str line; /* of the batch */
    int64_t received_ms;
    bool late, clock_adjusted;
};

struct poison {
    struct bl_str id, text;
    const char *reason;
    int64_t line; /* of the entry, from 0, that workers died of; -1: something else */
};

/* The round's command erases a user, or lets one back in (worker/erase.c). */
struct erase {
    bool on, readmit;
    bool asked, more; /* what the store has is known; it is more than fits this commit */
    struct bl_str user_id;
    int64_t at_ms;
    bool forgotten; /* a tombstone had to go for this one */
    struct bl_hash128 oldest;
    struct bl_owned *patterns;
    size_t n_patterns, n_put;
    struct bl_str *recent; /* elements of the list that others have lines in, newest first */
    size_t *lines;         /* in each */
    size_t n_recent, n_gone;
    bool cut;     /* there are more than one commit can take: the oldest go, too */
    size_t n_cut; /* lines in those */
};

/* What the round has to store, besides the users' states. */
struct effects {
    struct arena arena;
    enum bl_err err; /* the first; nothing is stored then */
    struct bl_map by_id;
    struct touched **touched;
    size_t n_touched, cap_touched;
    struct touched **asked; /* those of them that the store is asked about */
    size_t n_asked;
    struct change *changes;
    size_t n_changes, cap_changes;
    struct counts counts;
    struct remembered *ids;
    size_t n_ids, cap_ids;
    struct poison *poison;
    size_t n_poison, cap_poison;
    struct recent_line *lines; /* the last of them; fewer than twice as many as are kept */
    size_t n_lines, cap_lines;
    struct bl_buf text; /* scratch */
    struct erase erase;
    int64_t erased; /* events of erased users */
    int64_t events, duplicates, late, clock_adjusted, completed, abandoned, forgotten, corrupt, lost;
    int64_t received_ms; /* of the entry being applied */
    bool rate_changed;
};

/* worker/effects.c */
void effects_init(struct effects *e);
void effects_reset(struct effects *e);
void effects_release(struct effects *e);
/* The first stays. */
void effects_fail(struct effects *e, enum bl_err err);
struct bl_str effects_keep(struct effects *e, struct bl_str s); /* a copy, for the round */
void effects_poison(struct effects *e, struct bl_str id, int64_t line, const char *reason,
                    struct bl_str text);

/* worker/patterns.c */
void effects_pattern(struct effects *e, const struct bl_pattern *pattern);
/* A stored pattern, or one of this round, gets its column ai_explanation; of `pattern` only who and what it is. */
void effects_explain(struct effects *e, const struct bl_pattern *pattern, struct bl_str text, int64_t at_ms);
/* After the commit, at `now_ms` by the store's clock. */
void effects_latencies(const struct effects *e, int64_t now_ms, struct bl_latency *out);
/* For bl_map: the id of a struct touched. */
bl_map_key_fn effects_key;
struct touched *effects_find(const struct effects *e, const char id[32]);

/* worker/counts.c */
void counts_init(struct counts *c);
void counts_reset(struct counts *c);
void counts_release(struct counts *c);
void count_minute(struct effects *e, int64_t at_ms, unsigned field);
void count_page(struct effects *e, int64_t at_ms, struct bl_str page, unsigned field);

#endif
