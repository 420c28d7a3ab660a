/* GET /api/partitions and /api/workers (SPEC 6): who owns what, and how far it is. */
#include "query/cluster.h"

#include "bl/app/latency.h"

#include <stdlib.h>

/* What stands behind the nth space of a lease `nonce epoch worker` or fence `nonce epoch`. */
static struct bl_str behind(struct bl_str text, int spaces)
{
    for (; spaces > 0 && text.n; spaces--) {
        const char *space = memchr(text.p, ' ', text.n);
        size_t n = space ? (size_t)(space - text.p) + 1 : text.n;
        text.p += n;
        text.n -= n;
    }
    return text;
}

static struct bl_str text_of(const struct bl_read_reply *r)
{
    return r->n ? r->item[0] : (struct bl_str){0};
}

struct bl_str lease_owner(const struct bl_read_reply *lease)
{
    return behind(text_of(lease), 2);
}

int64_t fence_epoch(const struct bl_read_reply *fence)
{
    return text_int(behind(text_of(fence), 1));
}

int64_t view_lag(const struct bl_read_reply *view)
{
    int64_t lag = item_int(view, BL_VIEW_ADDED) - item_int(view, BL_VIEW_ENTRIES);
    bool idle = view->n == BL_VIEW_COUNT && view->item[BL_VIEW_OLDEST].n == 0;
    return idle ? 0 : lag > 0 ? lag : 1;
}

/* Replies live for one step only; of the views this is what the next step needs. */
struct partition {
    int64_t lag, oldest_ms, committed_at_ms, clock_ms, added, entries;
    char committed[48];
    size_t committed_n;
};

static void got_leases(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    const struct partition *part = j->state;
    json_open(&j->out, '[');
    for (int p = 0; p < j->partitions; p++) {
        const struct partition *x = &part[p];
        json_open(&j->out, '{');
        json_int(&j->out, "partition", p);
        json_text_or_null(&j->out, "owner", lease_owner(&r[p]));
        json_int(&j->out, "epoch", fence_epoch(&r[p + j->partitions]));
        json_int(&j->out, "lag", x->lag);
        json_time_or_null(&j->out, "oldest_unprocessed", x->oldest_ms);
        json_text_or_null(&j->out, "committed", (struct bl_str){x->committed, x->committed_n});
        json_time_or_null(&j->out, "committed_at", x->committed_at_ms ? x->committed_at_ms : BL_NEVER);
        json_int(&j->out, "entries_added", x->added);
        json_int(&j->out, "entries_committed", x->entries);
        json_time_or_null(&j->out, "clock", x->clock_ms ? x->clock_ms : BL_NEVER);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

void partitions_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct partition *part = job_state(j, n * sizeof *part, NULL);
    if (!part)
        return;
    for (size_t p = 0; p < n; p++) {
        if (r[p].n != BL_VIEW_COUNT)
            continue;
        struct bl_str committed = r[p].item[BL_VIEW_ID], oldest = r[p].item[BL_VIEW_OLDEST];
        part[p] = (struct partition){.lag = view_lag(&r[p]),
                                     .oldest_ms = oldest.n ? entry_ms(oldest) : BL_NEVER,
                                     .committed_at_ms = item_int(&r[p], BL_VIEW_COMMITTED_AT_MS),
                                     .clock_ms = item_int(&r[p], BL_VIEW_CLOCK_MS),
                                     .added = item_int(&r[p], BL_VIEW_ADDED),
                                     .entries = item_int(&r[p], BL_VIEW_ENTRIES)};
        part[p].committed_n = committed.n < sizeof part[p].committed ? committed.n : 0;
        if (part[p].committed_n)
            memcpy(part[p].committed, committed.p, committed.n);
    }
    job_ask_all(j, (struct bl_read){.kind = BL_READ_LEASE});
    job_ask_all(j, (struct bl_read){.kind = BL_READ_FENCE});
    job_go(j, got_leases);
}

/* --- workers: the live processes of that role, by id. Whose hash has expired is gone. */

struct ids {
    size_t n;
    struct bl_str *id; /* in the bytes behind */
};

static job_step got_workers;

static int by_id(const void *a, const void *b)
{
    return bl_str_cmp(*(const struct bl_str *)a, *(const struct bl_str *)b);
}

static void release_ids(void *state)
{
    free(((struct ids *)state)->id);
}

bool cluster_ask_processes(struct job *j, const struct bl_read_reply *list)
{
    struct ids *s = job_state(j, sizeof *s, release_ids);
    size_t bytes = 0, n = list->n / 2;
    if (!s)
        return false;
    for (size_t i = 0; i < n; i++)
        bytes += list->item[2 * i].n;
    s->id = malloc(n * sizeof *s->id + bytes + 1);
    if (!s->id) {
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
        return false;
    }
    char *at = (char *)(s->id + n);
    for (size_t i = 0; i < n; i++) {
        struct bl_str id = list->item[2 * i];
        if (id.n == 0)
            continue;
        memcpy(at, id.p, id.n);
        s->id[s->n++] = (struct bl_str){at, id.n};
        at += id.n;
    }
    if (s->n)
        qsort(s->id, s->n, sizeof *s->id, by_id);
    for (size_t i = 0; i < s->n; i++)
        job_ask(j, (struct bl_read){.kind = BL_READ_PROCESS, .arg = s->id[i]});
    return true;
}

size_t cluster_processes(const struct job *j)
{
    return ((const struct ids *)j->state)->n;
}

struct bl_str cluster_process(const struct job *j, size_t i)
{
    return ((const struct ids *)j->state)->id[i];
}

static void write_held(struct job *j, struct bl_str worker, const struct bl_read_reply *lease)
{
    json_key(&j->out, "partitions");
    bl_buf_char(&j->out, '[');
    for (int p = 0; p < j->partitions; p++)
        if (bl_str_eq(lease_owner(&lease[p]), worker)) {
            json_open(&j->out, 0);
            bl_buf_int(&j->out, p);
        }
    bl_buf_char(&j->out, ']');
}

static void write_quantile(struct bl_buf *out, const char *name, const struct bl_latency *l, double q)
{
    double ms;
    json_key(out, name);
    if (bl_latency_quantile(l, q, &ms))
        bl_buf_double(out, ms);
    else
        bl_buf_z(out, "null");
}

static void write_counters(struct job *j, const struct bl_read_reply *process)
{
    struct bl_latency latency = {0};
    json_key(&j->out, "counters");
    bl_buf_char(&j->out, '{');
    for (size_t i = 0; i + 1 < process->n; i += 2) {
        struct bl_str name = process->item[i];
        if (!bl_str_starts(name, BL_STR("counter:")))
            continue;
        name = (struct bl_str){name.p + 8, name.n - 8};
        if (bl_latency_take(&latency, name, (uint64_t)item_int(process, i + 1)))
            continue;
        json_open(&j->out, 0);
        bl_buf_json(&j->out, name);
        bl_buf_char(&j->out, ':');
        bl_buf_int(&j->out, item_int(process, i + 1));
    }
    bl_buf_char(&j->out, '}');
    write_quantile(&j->out, "latency_p50_ms", &latency, 0.5);
    write_quantile(&j->out, "latency_p99_ms", &latency, 0.99);
}

static void got_workers(struct job *j, const struct bl_read_reply *r, size_t n)
{
    const struct bl_read_reply *lease = r + (n - (size_t)j->partitions);
    json_open(&j->out, '[');
    for (size_t i = 0; i < cluster_processes(j); i++) {
        if (!bl_str_eqz(reply_get(&r[i], "role"), "worker"))
            continue;
        json_open(&j->out, '{');
        json_text(&j->out, "worker", cluster_process(j, i));
        json_text_or_null(&j->out, "host", reply_get(&r[i], "host"));
        json_int(&j->out, "pid", reply_int(&r[i], "pid"));
        json_int(&j->out, "started_at", reply_int(&r[i], "started_at"));
        json_int(&j->out, "last_heartbeat", reply_int(&r[i], "at_ms"));
        write_held(j, cluster_process(j, i), lease);
        write_counters(j, &r[i]);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

static void got_list(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    if (!cluster_ask_processes(j, &r[0]))
        return;
    job_ask_all(j, (struct bl_read){.kind = BL_READ_LEASE});
    job_go(j, got_workers);
}

void workers_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    job_ask(j, (struct bl_read){.kind = BL_READ_PROCESSES});
    job_go(j, got_list);
}
