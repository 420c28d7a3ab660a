/* What a person wants done to a partition's data. A query does not do it: a command goes into the partition's stream, so
 * that its one writer applies it in order and a replay sees it. Before it, the wish goes into the audit trail: what is
 * not in the trail does not happen.
 *
 *   job_command -> audited -> command -> commanded -> (a pause) the query looks what has become of it */
#include "query/job.h"

static void commanded(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    job_later(j, BL_QUERY_RESOLVE_POLL_MS, j->wish.look);
}

static void command(struct job *j)
{
    job_ask(j, (struct bl_read){.kind = BL_READ_COMMAND,
                                .partition = j->wish.partition,
                                .arg = bl_buf_view(&j->wish.command)});
    job_go(j, commanded);
}

static void audited(void *ctx, enum bl_err err)
{
    struct job *j = BL_CAST(struct job, ctx, JOB_MAGIC);
    if (err == BL_OK)
        command(j);
    else
        job_fail(j, BL_ERR_STORE_UNAVAILABLE,
                 "The audit trail cannot be written, so nothing was done: repeat it later.");
}

void job_command(struct job *j, int partition, const struct bl_command *c, struct bl_str action,
                 struct bl_str subject, job_step *look)
{
    const struct bl_audit_entry entry = {action, {j->query.actor, j->query.actor_n}, subject, BL_STR("")};
    j->wish.partition = partition;
    j->wish.look = look;
    bl_command_write(c, &j->wish.command);
    if (j->wish.command.err != BL_OK)
        job_fail(j, j->wish.command.err, NULL);
    else if (j->q->audit.write)
        j->q->audit.write(j->q->audit.ctx, &entry, audited, j);
    else
        command(j);
}
