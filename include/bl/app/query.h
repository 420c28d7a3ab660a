/* Reading: every GET of the API (SPEC 6) and the wish to resolve a pattern, as small state machines over a
 * port. The layer above brings a call and its parameters as text; the answer is a status and a body. Nothing
 * here knows HTTP or Redis.
 *
 *   bl_query_parse -> bl_query_run -> rounds of reads through the port -> answer
 *
 * Promises: the same data gives the same bytes from every process (order is always decided, nothing of the
 * process goes in); work is bounded (BL_QUERY_*); an answer comes exactly once, from inside
 * bl_query_run only if it fails at once for want of memory; it is as fresh as if nobody else had asked.
 *
 * Identical queries share their reads: who asks while the same is being read waits for the end of that, and then one
 * reading answers all who came meanwhile. So a thousand dashboards cost the store what one does that asks without a
 * pause, and no answer is older than its question (which joining the reading under way would make it). That holds for
 * patterns kept from an earlier list, too: each list asks what has changed since (query/cache.h).
 *
 * "Now" (SPEC 6): the partitions' clock, the largest of them. A partition with nothing unprocessed has read
 * its stream up to the store's present, so in live mode its clock is taken to stand there; a partition that
 * lags stands at its last committed entry. In event mode only entries move the clock. */
#ifndef BL_APP_QUERY_H
#define BL_APP_QUERY_H

#include "bl/app/audit.h"
#include "bl/app/reads.h"
#include "bl/base/buf.h"
#include "bl/base/hash.h"
#include "bl/core/pattern.h"
#include "bl/wire/decode.h"

#define BL_QUERY_LIMIT           50
#define BL_QUERY_LIMIT_MAX       500
#define BL_QUERY_Q_MAX           256    /* bytes of a search text */
#define BL_QUERY_SCAN_MAX        100000 /* patterns examined for one answer; then it carries a cursor to go on */
#define BL_QUERY_CHUNK           256    /* patterns, users or keys asked for in one round */
#define BL_QUERY_PAGES_MAX       20000 /* distinct pages added up for /api/pages */
#define BL_QUERY_RESOLVE_MS      2000
#define BL_QUERY_RESOLVE_POLL_MS 25

/* Parameters: BL_QUERY_PARAM(id, name). A call says which it takes; others are ignored. */
#define BL_QUERY_PARAMS(X)                                                                                   \
    X(LIMIT, "limit")                                                                                        \
    X(TYPE, "type")                                                                                          \
    X(SEVERITY, "severity")                                                                                  \
    X(USER_ID, "user_id")                                                                                    \
    X(PAGE, "page")                                                                                          \
    X(RESOLVED, "resolved")                                                                                  \
    X(SINCE, "since")                                                                                        \
    X(BEFORE, "before")                                                                                      \
    X(Q, "q")                                                                                                \
    X(MINUTES, "minutes")                                                                                    \
    X(WITHIN_MINUTES, "within")                                                                              \
    X(WITHIN_SECONDS, "within")                                                                              \
    X(ID, "id")                                                                                              \
    X(ACTION, "action")

#define BL_QUERY_PARAM_ENUM(id, name) BL_QUERY_PARAM_##id,
enum bl_query_param { BL_QUERY_PARAMS(BL_QUERY_PARAM_ENUM) BL_QUERY_PARAM_COUNT };
#undef BL_QUERY_PARAM_ENUM

enum bl_call {
    BL_CALL_PATTERNS,
    BL_CALL_PATTERN,
    BL_CALL_RESOLVE,
    BL_CALL_METRICS,
    BL_CALL_HISTORY,
    BL_CALL_PAGES,
    BL_CALL_USERS,
    BL_CALL_USERS_ACTIVE,
    BL_CALL_USER,
    BL_CALL_USER_EVENTS,
    BL_CALL_ERASE,
    BL_CALL_ERASURE, /* what has become of an erase */
    BL_CALL_READMIT,
    BL_CALL_EVENTS,
    BL_CALL_BAD_EVENTS,
    BL_CALL_WORKERS,
    BL_CALL_PARTITIONS,
    BL_CALL_RULES,
    BL_CALL_AUDIT,
    BL_CALL_EXPOSITION, /* Prometheus text */
    BL_CALL_STREAM,     /* its filters only: see app/watch.h */
    BL_CALL_COUNT
};

/* The parsed parameters: a plain value. A text of n == 0 is absent. */
struct bl_query {
    enum bl_call call;
    int64_t limit, minutes, within_ms, since_ms; /* since_ms 0: from the beginning */
    int rule;                                    /* enum bl_rule_id, or -1 */
    int severity;                                /* enum bl_severity, or 0 */
    int resolved;                                /* 1, 0, or -1 */
    bool has_before;
    int64_t before_ms;
    int64_t before_seq; /* of AUDIT */
    struct bl_pattern_id before_id;
    size_t user_n, page_n, q_n;
    char user[BL_USER_ID_MAX_BYTES], page[BL_PAGE_MAX_BYTES + 1], q[BL_QUERY_Q_MAX];
    struct bl_pattern_id id; /* of PATTERN and RESOLVE */
    size_t action_n;
    char action[BL_AUDIT_ACTION_MAX];
    size_t
        actor_n; /* who asks, for what is audited; not read from the parameters; last, since no answer depends on it */
    char actor[BL_AUDIT_ACTOR_MAX];
};

struct bl_query_pair {
    struct bl_str name, value; /* decoded */
};

/* Reads the parameters of a call. `path_id` is what stands for {id} in the path, decoded (empty where there
 * is none; `id` is looked for among the pairs then). On error *problem says what is wrong; err is
 * INVALID_QUERY, or NOT_FOUND for a pattern id that cannot exist. */
BL_CHECKED enum bl_err bl_query_parse(enum bl_call call, struct bl_str path_id,
                                      const struct bl_query_pair *pairs, size_t n, struct bl_query *out,
                                      struct bl_problem *problem);

struct bl_answer {
    enum bl_err err;     /* not BL_OK: an error, with `field` and `message` to go with it */
    const char *message; /* NULL: bl_err_text(err) */
    int status;          /* 200 or 202 */
    const char *type;    /* NULL: JSON */
    struct bl_str body;
    struct bl_hash128 print; /* of what the ETag covers: the body before `as_of` */
    struct bl_str next;      /* cursor of the next page; empty: this was the last */
    const char *path;        /* of the call that it is for */
};
typedef void bl_answer_fn(void *ctx, const struct bl_answer *answer);

struct bl_queries;
/* Borrows the port, which must outlive it. */
BL_CHECKED enum bl_err bl_queries_new(const struct bl_reads *reads, struct bl_queries **out);
/* What is asked before a query changes anything (a resolve); copied. Without one, nothing is asked. */
void bl_queries_audit(struct bl_queries *q, const struct bl_audit_port *audit);
/* Told of each user that a query finds erased, before its answer goes out; copied. */
struct bl_erased_port {
    void *ctx;
    void (*stands)(void *ctx, struct bl_str user_id, int64_t at_ms); /* NULL: nobody is told */
};
void bl_queries_erased(struct bl_queries *q, const struct bl_erased_port *erased);
/* No query may be under way. */
void bl_queries_free(struct bl_queries *q);
/* How long the streams are kept once they are committed, for the report of an erasure. */
void bl_queries_retention(struct bl_queries *q, int64_t stream_ms);
/* Queries under way. */
size_t bl_queries_running(const struct bl_queries *q);

/* Copies the query. What `done` is given is borrowed for the length of the call. */
void bl_query_run(struct bl_queries *q, const struct bl_query *query, bl_answer_fn *done, void *ctx);

#endif
