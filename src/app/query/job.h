/* One query under way: its parameters, the round of reads being gathered, the answer being written. A call is
 * a chain of steps; a step asks for reads and names the next step:
 *
 *   job_ask(j, …) as often as needed -> job_go(j, next) -> next(j, replies, n) -> … -> job_finish | job_fail
 *
 * Where the call needs `now` a job begins with the partitions' clocks or views. The job frees itself at the end; jobs,
 * and who waits for them, are bounded by the connections.
 */
#ifndef APP_QUERY_JOB_H
#define APP_QUERY_JOB_H

#include "bl/app/query.h"
#include "bl/base/magic.h"
#include "bl/wire/command.h"
#include "bl/wire/state.h"

#define JOB_MAGIC BL_MAGIC('q', 'j', 'o', 'b')

struct job;
struct cache;
typedef void job_step(struct job *j, const struct bl_read_reply *r, size_t n);

/* What a data set says of itself (META). */
struct job_set {
    int partitions; /* 0: not known */
    struct bl_hash_key hash_key;
    bool event_mode;
};

/* Who is answered by a job. */
struct asker {
    bl_answer_fn *done;
    void *ctx;
    struct asker *next;
};

struct bl_queries {
    struct bl_reads reads;
    struct bl_audit_port audit; /* write NULL: none */
    struct bl_erased_port erased;
    size_t running;
    struct job_set set; /* as last read */
    struct {
        int64_t now_ms, at_ms; /* what now was when the process' clock was at_ms */
        bool known;
    } time;
    struct cache *cache;
    struct job *shared; /* those under way that others may wait for */
    int64_t stream_retention_ms;
    struct bl_state_decoder *decoder;
    struct bl_user *scratch; /* one unpacked user: too large for a stack or a job */
};

struct job {
    uint32_t magic;
    struct bl_queries *q;
    struct bl_query query;
    struct asker *askers, *later, **later_last; /* later: asked while it ran; the next job is theirs */
    struct job *next_shared;

    /* the data set */
    int partitions;
    struct bl_hash_key hash_key;
    bool event_mode;
    bool unsure;  /* all that is only what was read last time: the first round says whether it still holds */
    bool guessed; /* now_ms is a guess: the first round says what it is */
    int64_t now_ms;
    int64_t time_ms; /* the store's clock at the views */

    /* the round */
    struct bl_read *asks;
    size_t n_asks, cap_asks;
    job_step *next;
    bool no_memory;

    struct bl_buf out;
    size_t tagged; /* 0: all of out */
    int status;
    const char *type;
    char cursor[64];

    struct {
        struct bl_buf command;
        int partition;
        job_step *look;
    } wish; /* of job_command */

    void *state; /* the call's own */
    void (*state_free)(void *state);
};

/* Adds a read to the round. `arg` must live until job_go returns. */
void job_ask(struct job *j, struct bl_read read);
/* The same read of every partition. */
void job_ask_all(struct job *j, struct bl_read read);
void job_go(struct job *j, job_step *next);
/* Runs step(j, NULL, 0) after ms. */
void job_later(struct job *j, int64_t ms, job_step *next);
void job_finish(struct job *j);
/* `message` NULL: the error's own. */
void job_fail(struct job *j, enum bl_err err, const char *message);
/* Memory that the job frees at its end; zeroed. NULL: job_fail was called. One per job. */
void *job_state(struct job *j, size_t bytes, void (*release)(void *state));
/* Hands a command to the partition's worker once the audit trail has it, and runs look(j, NULL, 0) a moment later. */
void job_command(struct job *j, int partition, const struct bl_command *c, struct bl_str action,
                 struct bl_str subject, job_step *look);
int job_partition_of(const struct job *j, struct bl_str user_id);
struct bl_str job_user(const struct job *j);

/* The value of `name` in a reply of pairs; empty if it is not there. */
struct bl_str reply_get(const struct bl_read_reply *r, const char *name);
int64_t reply_int(const struct bl_read_reply *r, const char *name);
/* An item as a number; 0 if it is none. */
int64_t item_int(const struct bl_read_reply *r, size_t i);
/* The value of a decimal text; 0 if it is none. */
int64_t text_int(struct bl_str s);
/* Milliseconds of a stream entry's id. */
int64_t entry_ms(struct bl_str id);
/* Reads a user's stored state into the scratch; NULL: nothing is known of the user, or the state is
 * unreadable. */
const struct bl_user *job_decode_user(struct job *j, const struct bl_read_reply *r);

/* JSON, member by member: the comma is put where one is needed. */
/* '{' or '['; 0: only the comma, for an element written elsewhere. */
void json_open(struct bl_buf *b, char bracket);
void json_key(struct bl_buf *b, const char *name);
void json_int(struct bl_buf *b, const char *name, int64_t v);
void json_bool(struct bl_buf *b, const char *name, bool v);
void json_text(struct bl_buf *b, const char *name, struct bl_str v);
/* null where the text is empty. */
void json_text_or_null(struct bl_buf *b, const char *name, struct bl_str v);
/* null where v is BL_NEVER. */
void json_time_or_null(struct bl_buf *b, const char *name, int64_t v);

/* The calls: first step after META and, if the call needs it, the views. */
job_step patterns_start, pattern_start, resolve_start, metrics_start, history_start, pages_start, users_start,
    user_start, user_events_start, erase_start, erasure_start, readmit_start, events_start, bad_events_start,
    workers_start, partitions_start, rules_start, audit_start, exposition_start;

#endif
