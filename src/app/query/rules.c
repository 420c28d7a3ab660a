/* GET /api/rules: the newest version of the data set's rules, and which version each partition has in effect. What the
 * store holds is read and written anew: nothing that is no settings of ours gets into the answer. */
#include "bl/wire/rules.h"
#include "query/job.h"

/* The fields of the newest entry; false: there is none. */
static bool newest(const struct bl_read_reply *history, struct bl_read_reply *out)
{
    struct bl_str id;
    size_t at = 0;
    return bl_read_entry(history, &at, &id, out) && reply_int(out, "version") > 0;
}

/* What is not noted yet is version 1, in effect since the beginning. */
static void write_partitions(struct job *j, const struct bl_read_reply *noted, int64_t since_1_ms)
{
    json_key(&j->out, "partitions");
    bl_buf_char(&j->out, '[');
    for (int p = 0; p < j->partitions; p++) {
        int64_t version = reply_int(&noted[p], "version");
        json_open(&j->out, '{');
        json_int(&j->out, "partition", p);
        json_int(&j->out, "version", version > 0 ? version : 1);
        json_time_or_null(&j->out, "since", version > 0 ? reply_int(&noted[p], "at") : since_1_ms);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
}

static void got_rules(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct bl_read_reply fields;
    struct bl_rules *rules;
    struct bl_buf why;
    if (!newest(&r[n - 1], &fields)) {
        job_fail(j, BL_ERR_NOT_FOUND, "There are no rules yet: the first worker brings them.");
        return;
    }
    bl_buf_init(&why, 0);
    enum bl_err err = bl_rules_read(reply_get(&fields, "settings"), &rules, &why);
    bl_buf_release(&why);
    if (err != BL_OK) {
        job_fail(j, err, NULL);
        return;
    }
    int64_t version = reply_int(&fields, "version"), at_ms = reply_int(&fields, "at");
    json_open(&j->out, '{');
    json_int(&j->out, "version", version);
    json_int(&j->out, "since", at_ms);
    json_text(&j->out, "source", reply_get(&fields, "source"));
    json_key(&j->out, "settings");
    bl_rules_write(bl_rules_settings(rules), &j->out);
    write_partitions(j, r, version == 1 ? at_ms : BL_NEVER);
    bl_buf_char(&j->out, '}');
    bl_rules_free(rules);
    job_finish(j);
}

void rules_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    job_ask_all(j, (struct bl_read){.kind = BL_READ_RULES});
    job_ask(j, (struct bl_read){.kind = BL_READ_RULES_HISTORY, .a = 1});
    job_go(j, got_rules);
}
