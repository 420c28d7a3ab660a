/* GET /metrics (SPEC 6): Prometheus' text format, of all partitions and of all processes alive, from any of
 * them.
 *
 *   exposition_start (views) -> got_partitions -> got_processes
 *
 * Partition counters live in Redis and never fall; process counters begin anew with each process. The samples
 * of one metric stand together, whatever order they were read in. */
#include "bl/app/latency.h"
#include "bl/core/rule.h"
#include "query/cluster.h"

#include <stdlib.h>

static const struct metric {
    const char *field; /* of the partition's counters */
    const char *name, *help;
} counters[] = {
    {"events", "events_total", "Events that took effect."},
    {"duplicates", "duplicates_total", "Events whose event_id had taken effect already."},
    {"late", "late_events_total", "Events too old to drive a rule."},
    {"clock_adjusted", "clock_adjusted_total", "Events whose timestamp was replaced by the time of receipt."},
    {"patterns", "patterns_total", "Patterns detected."},
    {"seen_forgotten", "event_ids_forgotten_total",
     "Event ids forgotten before their time, for want of room."},
    {"quarantined", "quarantined_total", "Stream entries that could not be processed."},
    {"recent_cut", "recent_events_cut_total",
     "Recent events that went with an erased user's, as one commit could not take them."},
};

enum gauge { LAG, OLDEST, ADDED, COMMITTED, CLOCK, N_VIEW };
static const struct {
    const char *name, *type, *help;
} gauges[N_VIEW] = {
    [LAG] = {"partition_lag_entries", "gauge", "Stream entries that are not committed yet."},
    [OLDEST] = {"partition_lag_seconds", "gauge",
                "Age of the oldest entry that is not committed; 0 without lag."},
    [ADDED] = {"partition_entries_added_total", "counter", "Entries ever added to the stream."},
    [COMMITTED] = {"partition_entries_committed_total", "counter", "Entries committed."},
    [CLOCK] = {"partition_clock_seconds", "gauge", "The partition clock, in seconds since 1970."},
};

static void head(struct bl_buf *b, const char *name, const char *type, const char *help)
{
    bl_buf_printf(b, "# HELP behaviorlens_%s %s\n# TYPE behaviorlens_%s %s\n", name, help, name, type);
}

static void label(struct bl_buf *b, const char *name, struct bl_str value)
{
    if (b->n > 0 && b->p[b->n - 1] != '{')
        bl_buf_char(b, ',');
    bl_buf_z(b, name);
    bl_buf_z(b, "=\"");
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' || value.p[i] == '"')
            bl_buf_char(b, '\\');
        if (value.p[i] == '\n')
            bl_buf_z(b, "\\n");
        else
            bl_buf_char(b, value.p[i]);
    }
    bl_buf_char(b, '"');
}

/* behaviorlens_NAME{partition="p" */
static void sample(struct bl_buf *b, const char *name, int partition)
{
    bl_buf_printf(b, "behaviorlens_%s{partition=\"%d\"", name, partition);
}

static void value(struct bl_buf *b, double v)
{
    bl_buf_z(b, "} ");
    bl_buf_double(b, v);
    bl_buf_char(b, '\n');
}

static void write_counters(struct bl_buf *b, const struct bl_read_reply *r, int partitions)
{
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        head(b, counters[i].name, "counter", counters[i].help);
        for (int p = 0; p < partitions; p++) {
            sample(b, counters[i].name, p);
            value(b, (double)reply_int(&r[p], counters[i].field));
        }
    }
}

/* A counter for each value of a label: the fields PREFIX:VALUE. */
static void write_labelled(struct bl_buf *b, const struct bl_read_reply *r, int partitions,
                           const char *prefix, const char *name, const char *type, const char *label_name,
                           const char *help)
{
    struct bl_str start = bl_str_of(prefix);
    head(b, name, type, help);
    for (int p = 0; p < partitions; p++)
        for (size_t i = 0; i + 1 < r[p].n; i += 2) {
            struct bl_str field = r[p].item[i];
            if (!bl_str_starts(field, start))
                continue;
            sample(b, name, p);
            label(b, label_name, (struct bl_str){field.p + start.n, field.n - start.n});
            value(b, (double)item_int(&r[p], i + 1));
        }
}

static double gauge(const struct bl_read_reply *view, enum gauge g, int64_t time_ms)
{
    struct bl_str oldest = view->n == BL_VIEW_COUNT ? view->item[BL_VIEW_OLDEST] : (struct bl_str){0};
    switch (g) {
    case LAG:
        return (double)view_lag(view);
    case OLDEST:
        return oldest.n && entry_ms(oldest) < time_ms ? (double)(time_ms - entry_ms(oldest)) / 1000 : 0;
    case ADDED:
        return (double)item_int(view, BL_VIEW_ADDED);
    case COMMITTED:
        return (double)item_int(view, BL_VIEW_ENTRIES);
    case CLOCK:
    case N_VIEW:
        break;
    }
    return (double)item_int(view, BL_VIEW_CLOCK_MS) / 1000;
}

static void write_views(struct job *j, const struct bl_read_reply *view)
{
    for (size_t g = 0; g < N_VIEW; g++) {
        head(&j->out, gauges[g].name, gauges[g].type, gauges[g].help);
        for (int p = 0; p < j->partitions; p++) {
            sample(&j->out, gauges[g].name, p);
            value(&j->out, gauge(&view[p], (enum gauge)g, j->time_ms));
        }
    }
}

/* Names and counts of the environment. */
static void write_counts(struct bl_buf *b, const struct bl_read_reply *r, const char *name, const char *help)
{
    head(b, name, "counter", help);
    for (size_t i = 0; i + 1 < r->n; i += 2) {
        bl_buf_printf(b, "behaviorlens_%s{", name);
        label(b, "reason", r->item[i]);
        value(b, (double)item_int(r, i + 1));
    }
}

static void write_owners(struct bl_buf *b, const struct bl_read_reply *lease,
                         const struct bl_read_reply *fence, const struct bl_read_reply *open, int partitions)
{
    head(b, "partition_epoch", "gauge", "How often the partition has changed hands.");
    for (int p = 0; p < partitions; p++) {
        sample(b, "partition_epoch", p);
        value(b, (double)fence_epoch(&fence[p]));
    }
    head(b, "partition_owned", "gauge", "1 while a worker holds the partition's lease.");
    for (int p = 0; p < partitions; p++) {
        struct bl_str owner = lease_owner(&lease[p]);
        sample(b, "partition_owned", p);
        label(b, "worker", owner);
        value(b, owner.n ? 1 : 0);
    }
    head(b, "patterns_open", "gauge", "Patterns that are not resolved.");
    for (int p = 0; p < partitions; p++) {
        sample(b, "patterns_open", p);
        value(b, (double)item_int(&open[p], 0));
    }
}

/* --- processes */

struct counted {
    struct bl_str name;
    size_t process;
    int64_t v;
};

static int by_name(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    int c = bl_str_cmp(x->name, y->name);
    return c ? c : (x->process > y->process) - (x->process < y->process);
}

static void process_labels(struct job *j, const struct bl_read_reply *r, size_t i)
{
    bl_buf_char(&j->out, '{');
    label(&j->out, "process", cluster_process(j, i));
    label(&j->out, "role", reply_get(&r[i], "role"));
    label(&j->out, "host", reply_get(&r[i], "host"));
}

/* A metric's name has only letters, digits and '_'. */
static void metric_name(struct bl_buf *b, struct bl_str name)
{
    bl_buf_z(b, "behaviorlens_process_");
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bl_buf_char(b, plain ? c : '_');
    }
}

static bool is_total(struct bl_str name)
{
    const struct bl_str end = BL_STR("_total");
    return name.n > end.n && memcmp(name.p + name.n - end.n, end.p, end.n) == 0;
}

static size_t gather(const struct bl_read_reply *r, size_t n, struct counted *out)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f + 1 < r[i].n; f += 2)
            if (bl_str_starts(r[i].item[f], BL_STR("counter:"))) {
                struct bl_str name = {r[i].item[f].p + 8, r[i].item[f].n - 8};
                if (bl_str_starts(name, BL_STR(BL_LATENCY_PREFIX)))
                    continue; /* a histogram of its own */
                if (out)
                    out[k] = (struct counted){name, i, item_int(&r[i], f + 1)};
                k++;
            }
    return k;
}

static void write_processes(struct job *j, const struct bl_read_reply *r)
{
    size_t n = cluster_processes(j), total = gather(r, n, NULL);
    head(&j->out, "process_up", "gauge", "1 for each process alive.");
    for (size_t i = 0; i < n; i++)
        if (r[i].n > 0) {
            bl_buf_z(&j->out, "behaviorlens_process_up");
            process_labels(j, r, i);
            value(&j->out, 1);
        }
    struct counted *all = calloc(total + 1, sizeof *all);
    if (!all) {
        j->out.err = BL_ERR_NO_MEMORY;
        return;
    }
    gather(r, n, all);
    qsort(all, total, sizeof *all, by_name);
    for (size_t i = 0; i < total; i++) {
        if (i == 0 || !bl_str_eq(all[i].name, all[i - 1].name)) {
            bl_buf_z(&j->out, "# TYPE ");
            metric_name(&j->out, all[i].name);
            bl_buf_z(&j->out, is_total(all[i].name) ? " counter\n" : " gauge\n");
        }
        metric_name(&j->out, all[i].name);
        process_labels(j, r, all[i].process);
        value(&j->out, (double)all[i].v);
    }
    free(all);
}

/* Of the workers that have made a pattern. Prometheus wants seconds, and each bucket with all below it. */
static void write_latency(struct job *j, const struct bl_read_reply *r)
{
    static const char *const name = "behaviorlens_pattern_latency_seconds";
    head(&j->out, "pattern_latency_seconds", "histogram",
         "From the moment the store took an event to the commit of the pattern it made.");
    for (size_t i = 0; i < cluster_processes(j); i++) {
        struct bl_latency l = {0};
        uint64_t all = 0;
        bool any = false;
        for (size_t f = 0; f + 1 < r[i].n; f += 2)
            if (bl_str_starts(r[i].item[f], BL_STR("counter:" BL_LATENCY_PREFIX)))
                any |= bl_latency_take(&l, (struct bl_str){r[i].item[f].p + 8, r[i].item[f].n - 8},
                                       (uint64_t)item_int(&r[i], f + 1));
        for (size_t b = 0; any && b < BL_LATENCY_BUCKETS; b++) {
            bl_buf_printf(&j->out, "%s_bucket", name);
            process_labels(j, r, i);
            all += l.bucket[b];
            if (bl_latency_bound(b) < 0)
                bl_buf_z(&j->out, ",le=\"+Inf\"");
            else
                bl_buf_printf(&j->out, ",le=\"%g\"", (double)bl_latency_bound(b) / 1000);
            value(&j->out, (double)all);
        }
        if (!any)
            continue;
        bl_buf_printf(&j->out, "%s_sum", name);
        process_labels(j, r, i);
        value(&j->out, (double)l.sum_ms / 1000);
        bl_buf_printf(&j->out, "%s_count", name);
        process_labels(j, r, i);
        value(&j->out, (double)all);
    }
}

static void got_processes(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    write_processes(j, r);
    write_latency(j, r);
    job_finish(j);
}

static void got_partitions(struct job *j, const struct bl_read_reply *r, size_t n)
{
    int P = j->partitions;
    write_counters(&j->out, r, P);
    write_labelled(&j->out, r, P, "type:", "patterns_by_type_total", "counter", "type",
                   "Patterns detected, by type.");
    write_labelled(&j->out, r, P, "severity:", "patterns_by_severity", "gauge", "severity",
                   "Patterns detected, by the severity they have now.");
    write_labelled(&j->out, r, P, "attempts:", "attempts_total", "counter", "result",
                   "Attempts at buying that ended.");
    write_labelled(&j->out, r, P, "cut:", "stream_cut_total", "counter", "group",
                   "Entries trimmed before a consumer group had read them.");
    write_owners(&j->out, r + P, r + 2 * P, r + 3 * P, P);
    write_counts(&j->out, &r[n - 3], "rejected_total", "Events and bodies rejected, by reason.");
    write_counts(&j->out, &r[n - 2], "unstored_total", "Events counted but not stored, by whose wish.");
    if (cluster_ask_processes(j, &r[n - 1]))
        job_go(j, got_processes);
}

void exposition_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    j->type = "text/plain; version=0.0.4; charset=utf-8";
    write_views(j, r);
    job_ask_all(j, (struct bl_read){.kind = BL_READ_COUNTERS});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_LEASE});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_FENCE});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_OPEN_COUNT});
    job_ask(j, (struct bl_read){.kind = BL_READ_REJECTED});
    job_ask(j, (struct bl_read){.kind = BL_READ_UNSTORED});
    job_ask(j, (struct bl_read){.kind = BL_READ_PROCESSES});
    job_go(j, got_partitions);
}
