/* GET /api/metrics (SPEC 6): the partitions' counters, added up. */
#include "bl/core/rule.h"
#include "query/job.h"

#include <stdio.h>

#define ACTIVE_MS 60000
#define RATE_S    10

static int64_t rate_sum(struct bl_str text, int64_t now_s)
{
    int64_t total = 0;
    while (text.n) {
        const char *space = memchr(text.p, ' ', text.n);
        size_t n = space ? (size_t)(space - text.p) : text.n;
        const char *colon = memchr(text.p, ':', n);
        if (colon) {
            size_t at = (size_t)(colon - text.p);
            int64_t second = text_int((struct bl_str){text.p, at});
            if (second > now_s - RATE_S && second <= now_s)
                total += text_int((struct bl_str){colon + 1, n - at - 1});
        }
        text.p += space ? n + 1 : n;
        text.n -= space ? n + 1 : n;
    }
    return total;
}

static int64_t sum(const struct bl_read_reply *r, int partitions, const char *name)
{
    int64_t total = 0;
    for (int p = 0; p < partitions; p++)
        total += reply_int(&r[p], name);
    return total;
}

static int64_t sum_items(const struct bl_read_reply *r, int partitions)
{
    int64_t total = 0;
    for (int p = 0; p < partitions; p++)
        total += item_int(&r[p], 0);
    return total;
}

/* The counts of a reply of names and counts. */
static int64_t sum_counts(const struct bl_read_reply *r)
{
    int64_t total = 0;
    for (size_t i = 1; i < r->n; i += 2)
        total += item_int(r, i);
    return total;
}

static void write_groups(struct job *j, const struct bl_read_reply *counters)
{
    char name[64];
    json_key(&j->out, "patterns_by_type");
    bl_buf_char(&j->out, '{');
    for (int i = 0; i < BL_RULE_COUNT; i++) {
        const char *type = bl_rule((enum bl_rule_id)i)->name;
        snprintf(name, sizeof name, "type:%s", type);
        json_int(&j->out, type, sum(counters, j->partitions, name));
    }
    bl_buf_char(&j->out, '}');
    json_key(&j->out, "patterns_by_severity");
    bl_buf_char(&j->out, '{');
    for (int s = BL_LOW; s <= BL_HIGH; s++) {
        const char *severity = bl_severity_name((enum bl_severity)s);
        snprintf(name, sizeof name, "severity:%s", severity);
        json_int(&j->out, severity, sum(counters, j->partitions, name));
    }
    bl_buf_char(&j->out, '}');
}

static void got_metrics(struct job *j, const struct bl_read_reply *r, size_t n)
{
    int P = j->partitions;
    const struct bl_read_reply *counters = r, *rates = r + P, *active = r + 2 * P, *open = r + 3 * P;
    int64_t rejected = sum_counts(&r[n - 2]), rate = 0;
    for (int p = 0; p < P; p++)
        rate += rates[p].n ? rate_sum(rates[p].item[0], j->now_ms / 1000) : 0;
    int64_t abandoned = sum(counters, P, "attempts:abandoned");
    int64_t finished = abandoned + sum(counters, P, "attempts:completed");

    json_open(&j->out, '{');
    json_int(&j->out, "total_events", sum(counters, P, "events"));
    json_int(&j->out, "duplicates", sum(counters, P, "duplicates"));
    json_int(&j->out, "rejected", rejected);
    json_int(&j->out, "unstored", sum_counts(&r[n - 1]));
    json_key(&j->out, "events_per_second");
    bl_buf_double(&j->out, (double)rate / RATE_S);
    json_int(&j->out, "active_users", sum_items(active, P));
    json_int(&j->out, "patterns_detected", sum(counters, P, "patterns"));
    json_int(&j->out, "open_patterns", sum_items(open, P));
    write_groups(j, counters);
    json_key(&j->out, "abandonment_rate");
    bl_buf_double(&j->out, finished > 0 ? (double)abandoned / (double)finished : 0);
    j->tagged = j->out.n;
    json_int(&j->out, "as_of", j->now_ms);
    bl_buf_char(&j->out, '}');
    job_finish(j);
}

void metrics_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    job_ask_all(j, (struct bl_read){.kind = BL_READ_COUNTERS});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_RATE});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_ACTIVE_COUNT, .a = j->now_ms - ACTIVE_MS});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_OPEN_COUNT});
    job_ask(j, (struct bl_read){.kind = BL_READ_REJECTED});
    job_ask(j, (struct bl_read){.kind = BL_READ_UNSTORED});
    job_go(j, got_metrics);
}
