/* One pattern, and the wish to resolve it (SPEC 5.3, 6).
 *
 * An id does not tell its partition: all are asked at once. Resolving is not done here: a command goes into
 * the partition's stream, so that its one writer applies it in order and a replay sees it; then the pattern
 * is read again until it is resolved or two seconds have passed.
 *
 *   resolve_start -> got_target -> (job_command) look -> looked -> (wait) look … -> 200 | 202 */
#include "bl/wire/row.h"
#include "query/job.h"
#include "query/rows.h"

void row_json(const struct bl_read_reply *r, struct bl_str pattern_id, struct bl_buf *out)
{
    struct bl_row row = {0};
    for (size_t i = 0; i + 1 < r->n; i += 2) {
        enum bl_column column = bl_column_of(r->item[i]);
        if (column < BL_COLUMN_COUNT)
            row.v[column] = r->item[i + 1];
    }
    row.v[BL_COLUMN_PATTERN_ID] = pattern_id;
    bl_row_json(&row, out);
}

struct target {
    char hex[32];
    int partition;
    int64_t waited_ms;
};

static job_step got_pattern, got_target, look, looked;

static struct target *ask_everywhere(struct job *j)
{
    struct target *s = job_state(j, sizeof *s, NULL);
    if (!s)
        return NULL;
    bl_pattern_id_hex(&j->query.id, s->hex);
    job_ask_all(j, (struct bl_read){.kind = BL_READ_PATTERN, .arg = {s->hex, sizeof s->hex}});
    return s;
}

/* The partition whose reply holds the pattern; n if there is none. */
static size_t holder(const struct bl_read_reply *r, size_t n)
{
    size_t p = 0;
    while (p < n && reply_get(&r[p], "type").n == 0)
        p++;
    return p;
}

static void answer_pattern(struct job *j, const struct bl_read_reply *r, int status)
{
    struct target *s = j->state;
    j->status = status;
    row_json(r, (struct bl_str){s->hex, sizeof s->hex}, &j->out);
    job_finish(j);
}

static void no_pattern(struct job *j)
{
    job_fail(j, BL_ERR_NOT_FOUND, "There is no pattern of this id (patterns are kept for a limited time).");
}

static void got_pattern(struct job *j, const struct bl_read_reply *r, size_t n)
{
    size_t p = holder(r, n);
    if (p == n)
        no_pattern(j);
    else
        answer_pattern(j, &r[p], 200);
}

void pattern_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    if (ask_everywhere(j))
        job_go(j, got_pattern);
}

void resolve_start(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    if (ask_everywhere(j))
        job_go(j, got_target);
}

static bool resolved(const struct bl_read_reply *r)
{
    return bl_str_eqz(reply_get(r, "resolved"), "true");
}

static void got_target(struct job *j, const struct bl_read_reply *r, size_t n)
{
    struct target *s = j->state;
    size_t p = holder(r, n);
    if (p == n) {
        no_pattern(j);
        return;
    }
    if (resolved(&r[p])) {
        answer_pattern(j, &r[p], 200);
        return;
    }
    s->partition = (int)p;
    struct bl_str user = reply_get(&r[p], "user_id");
    struct bl_command wish = {.kind = BL_COMMAND_RESOLVE, .pattern_id = j->query.id};
    wish.user_bytes = user.n < sizeof wish.user ? user.n : sizeof wish.user;
    if (user.n)
        memcpy(wish.user, user.p, wish.user_bytes);
    job_command(j, s->partition, &wish, BL_STR("resolve"), (struct bl_str){s->hex, sizeof s->hex}, look);
}

static void look(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)r, (void)n;
    struct target *s = j->state;
    s->waited_ms += BL_QUERY_RESOLVE_POLL_MS;
    job_ask(j, (struct bl_read){
                   .kind = BL_READ_PATTERN, .partition = s->partition, .arg = {s->hex, sizeof s->hex}});
    job_go(j, looked);
}

static void looked(struct job *j, const struct bl_read_reply *r, size_t n)
{
    (void)n;
    struct target *s = j->state;
    if (r[0].n == 0)
        no_pattern(j);
    else if (resolved(&r[0]))
        answer_pattern(j, &r[0], 200);
    else if (s->waited_ms >= BL_QUERY_RESOLVE_MS)
        answer_pattern(j, &r[0], 202);
    else
        job_later(j, BL_QUERY_RESOLVE_POLL_MS, look);
}
