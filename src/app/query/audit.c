/* GET /api/audit: the audit trail, newest first. The first entry of the whole list is its head, which whoever wants to
 * find out about a rewritten trail keeps elsewhere (store/audit.h). A filter by action reads on until there are enough.
 *
 *   audit_start -> ask -> got_audit … -> job_finish */
#include "query/job.h"

#include <stdio.h>

struct trail {
    int64_t found, seen;
    char last[48];  /* the last entry read */
    char shown[48]; /* the last one written */
};

static job_step got_audit;

static void ask(struct job *j)
{
    struct trail *s = j->state;
    char from[64] = "+";
    if (s->last[0])
        snprintf(from, sizeof from, "(%s", s->last);
    job_ask(j, (struct bl_read){.kind = BL_READ_AUDIT, .arg = bl_str_of(from), .a = BL_QUERY_CHUNK});
    job_go(j, got_audit);
}

static void put(struct job *j, struct bl_str id, const struct bl_read_reply *entry)
{
    json_open(&j->out, '{');
    json_text(&j->out, "id", id);
    json_int(&j->out, "n", reply_int(entry, "n"));
    json_int(&j->out, "at", reply_int(entry, "at"));
    json_text(&j->out, "action", reply_get(entry, "action"));
    json_text(&j->out, "actor", reply_get(entry, "actor"));
    json_text(&j->out, "subject", reply_get(entry, "subject"));
    json_text_or_null(&j->out, "detail", reply_get(entry, "detail")); /* as text: the hash covers its bytes */
    json_text(&j->out, "prev", reply_get(entry, "prev"));
    json_text(&j->out, "hash", reply_get(entry, "hash"));
    bl_buf_char(&j->out, '}');
}

static void end(struct job *j, const char *next)
{
    bl_buf_char(&j->out, ']');
    snprintf(j->cursor, sizeof j->cursor, "%s", next);
    job_finish(j);
}

static void got_audit(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct trail *s = j->state;
    struct bl_str action = {j->query.action, j->query.action_n};
    struct bl_read_reply entry;
    struct bl_str id;
    int64_t read = 0;
    (void)n;
    for (size_t i = 0; bl_read_entry(&r[0], &i, &id, &entry); read++) {
        snprintf(s->last, sizeof s->last, "%.*s", (int)(id.n < sizeof s->last ? id.n : 0), id.p);
        if (action.n && !bl_str_eq(action, reply_get(&entry, "action")))
            continue;
        if (s->found == j->query.limit) {
            end(j, s->shown);
            return;
        }
        put(j, id, &entry);
        s->found++;
        snprintf(s->shown, sizeof s->shown, "%s", s->last);
    }
    s->seen += read;
    if (read < BL_QUERY_CHUNK || !s->last[0])
        end(j, "");
    else if (s->seen >= BL_QUERY_SCAN_MAX)
        end(j, s->last);
    else
        ask(j);
}

void audit_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    struct trail *s = job_state(j, sizeof *s, NULL);
    if (!s)
        return;
    if (j->query.has_before)
        snprintf(s->last, sizeof s->last, "%lld-%lld", (long long)j->query.before_ms,
                 (long long)j->query.before_seq);
    json_open(&j->out, '[');
    ask(j);
}
