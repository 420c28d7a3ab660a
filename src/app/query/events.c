/* GET /api/events: the recent raw events of all partitions, newest first; GET /api/bad-events (SPEC 6, 2.6).
 *
 * A partition's list holds one element a checkpoint (many events or one). A few elements are read at a time,
 * until each partition has as many events as the answer may need, so that a busy list is not read as a whole.
 *
 *   events_start -> ask_recent -> got_recent … -> write_events
 *
 * The list grows at its head meanwhile and shifts: each further read begins with the last element seen, which tells
 * where to go on.
 *
 * Events carry the marks of SPEC 3.2, which the worker kept: `late`, `clock_adjusted`.
 *
 * Events of the same moment: later of its partition first, then the lower partition. */
#include "query/job.h"

#include <stdlib.h>

struct raw {
    int64_t received_ms;
    bool late, clock_adjusted;
    int partition;
    size_t place; /* in its partition, newest first */
    size_t at, n; /* the line without its last brace, in `text` */
};

struct recent {
    struct lane {
        int64_t read;       /* elements */
        uint64_t last_hash; /* of the last of them */
        size_t lines;
        bool done;
    } lane[BL_PARTITIONS_MAX];
    int64_t step; /* elements in one read */
    struct raw *raw;
    size_t n, cap;
    struct bl_buf text;
    struct bl_decoder *decoder; /* only to tell users apart */
    bool failed;
};

static job_step got_recent;

static void release(void *state)
{
    struct recent *s = state;
    free(s->raw);
    bl_buf_release(&s->text);
    bl_decoder_free(s->decoder);
}

static bool wanted(struct job *j, struct recent *s, struct bl_str line)
{
    struct bl_record record;
    if (!s->decoder)
        return true;
    return bl_record_read(s->decoder, line, &record) == BL_OK && bl_str_eq(record.user_id, job_user(j));
}

/* What stands before the event: `received[,late][,clock_adjusted]`. */
static struct raw read_marks(struct bl_str marks)
{
    struct raw raw = {0};
    for (size_t i = 0; marks.n; i++) {
        const char *comma = memchr(marks.p, ',', marks.n);
        size_t n = comma ? (size_t)(comma - marks.p) : marks.n, step = n + (comma != NULL);
        struct bl_str word = {marks.p, n};
        if (i == 0)
            raw.received_ms = text_int(word);
        raw.late |= bl_str_eqz(word, "late");
        raw.clock_adjusted |= bl_str_eqz(word, "clock_adjusted");
        marks = (struct bl_str){marks.p + step, marks.n - step};
    }
    return raw;
}

/* Whether the server made the event's id is the worker's business. */
static void add_line(struct bl_buf *out, struct bl_str line)
{
    static const char made[] = ",\"made_id\":\"", sent[] = ",\"event_id\":\"", tail[] = ",\"made_id\":true}";
    size_t n = sizeof made - 1, n_tail = sizeof tail - 1;
    const char *at = memmem(line.p, line.n, made, n), *other = memmem(line.p, line.n, sent, sizeof sent - 1);
    if (line.n > n_tail && memcmp(line.p + line.n - n_tail, tail, n_tail) == 0) /* lines of before */
        line.n -= n_tail - 1;
    if (at && (!other || at < other)) { /* metadata may have such members, too, but stands behind */
        bl_buf_add(out, line.p, (size_t)(at - line.p));
        bl_buf_z(out, sent);
        line.n -= (size_t)(at - line.p) + n;
        line.p = at + n;
    }
    bl_buf_add(out, line.p, line.n - 1); /* without its brace */
}

/* `line` without its closing brace is what the answer begins with. */
static void keep(struct recent *s, int partition, struct raw made, struct bl_str line)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 128;
        struct raw *raw = realloc(s->raw, cap * sizeof *raw);
        if (!raw) {
            s->failed = true;
            return;
        }
        s->raw = raw;
        s->cap = cap;
    }
    made.partition = partition;
    made.place = s->lane[partition].lines++;
    made.at = s->text.n;
    add_line(&s->text, line);
    made.n = s->text.n - made.at;
    s->raw[s->n++] = made;
}

/* The lines of one commit, `received {…}` each (with marks), the latest last. */
static void take_element(struct job *j, struct recent *s, int partition, struct bl_str element)
{
    struct lane *lane = &s->lane[partition];
    while (element.n && lane->lines < (size_t)j->query.limit) {
        const char *newline = memrchr(element.p, '\n', element.n);
        size_t start = newline ? (size_t)(newline - element.p) + 1 : 0;
        struct bl_str line = {element.p + start, element.n - start};
        const char *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
        element.n = newline ? start - 1 : 0;
        if (!space)
            continue;
        size_t marks = (size_t)(space - line.p);
        struct bl_str json = {space + 1, line.n - marks - 1};
        if (json.n > 2 && json.p[json.n - 1] == '}' && wanted(j, s, json))
            keep(s, partition, read_marks((struct bl_str){line.p, marks}), json);
    }
}

static void ask_recent(struct job *j)
{
    struct recent *s = j->state;
    for (int p = 0; p < j->partitions; p++)
        if (!s->lane[p].done)
            job_ask(j, (struct bl_read){.kind = BL_READ_RECENT,
                                        .partition = p,
                                        .a = s->lane[p].read - (s->lane[p].read > 0),
                                        .b = s->lane[p].read + s->step - 1});
    job_go(j, got_recent);
}

/* The first element of the reply that was not read before. */
static size_t unread(const struct job *j, const struct lane *lane, const struct bl_read_reply *r)
{
    size_t i = 0;
    if (lane->read == 0)
        return 0;
    while (i < r->n && bl_hash64(j->hash_key, r->item[i]) != lane->last_hash)
        i++;
    return i < r->n ? i + 1 : r->n;
}

static void take_reply(struct job *j, struct recent *s, int partition, const struct bl_read_reply *r)
{
    struct lane *lane = &s->lane[partition];
    size_t again = lane->read > 0, first = unread(j, lane, r);
    for (size_t i = first; i < r->n; i++)
        take_element(j, s, partition, r->item[i]);
    if (first < r->n)
        lane->last_hash = bl_hash64(j->hash_key, r->item[r->n - 1]);
    lane->done = r->n < (size_t)s->step + again || lane->lines >= (size_t)j->query.limit;
    lane->read += (int64_t)r->n - (int64_t)again;
}

static int newest_first(const void *a, const void *b)
{
    const struct raw *x = a, *y = b;
    if (x->received_ms != y->received_ms)
        return x->received_ms > y->received_ms ? -1 : 1;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void write_events(struct job *j)
{
    struct recent *s = j->state;
    if (s->failed || s->text.err != BL_OK) {
        job_fail(j, BL_ERR_NO_MEMORY, NULL);
        return;
    }
    if (s->n)
        qsort(s->raw, s->n, sizeof *s->raw, newest_first);
    json_open(&j->out, '[');
    for (size_t i = 0; i < s->n && i < (size_t)j->query.limit; i++) {
        json_open(&j->out, 0);
        bl_buf_add(&j->out, s->text.p + s->raw[i].at, s->raw[i].n);
        json_int(&j->out, "received", s->raw[i].received_ms);
        if (s->raw[i].late)
            json_bool(&j->out, "late", true);
        if (s->raw[i].clock_adjusted)
            json_bool(&j->out, "clock_adjusted", true);
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

static void got_recent(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct recent *s = j->state;
    size_t k = 0;
    bool more = false;
    for (int p = 0; p < j->partitions && k < n; p++) {
        if (s->lane[p].done)
            continue;
        take_reply(j, s, p, &r[k]);
        more = more || !s->lane[p].done;
        k++;
    }
    s->step *= 2;
    if (more)
        ask_recent(j);
    else
        write_events(j);
}

void events_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    struct recent *s = job_state(j, sizeof *s, release);
    if (!s)
        return;
    bl_buf_init(&s->text, 0);
    s->step = 4;
    if (j->query.user_n) {
        int mine = job_partition_of(j, job_user(j));
        for (int p = 0; p < j->partitions; p++)
            s->lane[p].done = p != mine;
        if (bl_decoder_new(&s->decoder) != BL_OK) {
            job_fail(j, BL_ERR_NO_MEMORY, NULL);
            return;
        }
    }
    ask_recent(j);
}

/* --- what was refused */

static void got_bad(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct bl_read_reply entry;
    struct bl_str id;
    (void)n;
    json_open(&j->out, '[');
    for (size_t i = 0; bl_read_entry(&r[0], &i, &id, &entry);) {
        struct bl_str at = reply_get(&entry, "at");
        json_open(&j->out, '{');
        json_text(&j->out, "id", id);
        json_int(&j->out, "at", at.n ? text_int(at) : entry_ms(id));
        json_text_or_null(&j->out, "reason", reply_get(&entry, "reason"));
        json_text_or_null(&j->out, "field", reply_get(&entry, "field"));
        json_text_or_null(&j->out, "message", reply_get(&entry, "message"));
        json_text_or_null(&j->out, "event", reply_get(&entry, "event"));
        bl_buf_char(&j->out, '}');
    }
    bl_buf_char(&j->out, ']');
    job_finish(j);
}

void bad_events_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    job_ask(j, (struct bl_read){.kind = BL_READ_BAD, .a = j->query.limit});
    job_go(j, got_bad);
}
