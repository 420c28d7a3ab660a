/* Parameters of the API as text -> struct bl_query (SPEC 6: bad query values get 400). One table says which
 * call takes which parameter, one how each is read. Parameters a call does not take are ignored, so that
 * cache busters and keys do no harm. An empty text to look for (q, user_id, page) is an absent filter, as an empty
 * form field sends it; an empty number, name or cursor is wrong: whoever pages with an empty cursor would begin
 * anew for ever. Named twice, the last counts. */
#include "bl/core/rule.h"
#include "query/job.h"

#include <stdio.h>

#define P(id) (1u << BL_QUERY_PARAM_##id)
#define LIST_FILTERS                                                                                         \
    (P(LIMIT) | P(TYPE) | P(SEVERITY) | P(USER_ID) | P(PAGE) | P(RESOLVED) | P(SINCE) | P(BEFORE) | P(Q))

static const struct {
    unsigned params;
    bool needs_id; /* {id} of the path, or `id` */
} calls[BL_CALL_COUNT] = {
    [BL_CALL_PATTERNS] = {LIST_FILTERS, false},
    [BL_CALL_PATTERN] = {0, true},
    [BL_CALL_RESOLVE] = {0, true},
    [BL_CALL_HISTORY] = {P(MINUTES), false},
    [BL_CALL_PAGES] = {P(LIMIT), false},
    [BL_CALL_USERS] = {P(LIMIT) | P(WITHIN_MINUTES), false},
    [BL_CALL_USERS_ACTIVE] = {P(LIMIT) | P(WITHIN_SECONDS), false},
    [BL_CALL_USER] = {P(ID), true},
    [BL_CALL_USER_EVENTS] = {P(ID), true},
    [BL_CALL_ERASE] = {P(ID), true},
    [BL_CALL_ERASURE] = {P(ID), true},
    [BL_CALL_READMIT] = {P(ID), true},
    [BL_CALL_EVENTS] = {P(LIMIT) | P(USER_ID), false},
    [BL_CALL_BAD_EVENTS] = {P(LIMIT), false},
    [BL_CALL_AUDIT] = {P(LIMIT) | P(BEFORE) | P(ACTION), false},
    [BL_CALL_STREAM] = {P(TYPE) | P(SEVERITY) | P(USER_ID) | P(PAGE), false},
};

static enum bl_err refuse(struct bl_problem *problem, const char *field, const char *message)
{
    problem->err = BL_ERR_INVALID_QUERY;
    snprintf(problem->field, sizeof problem->field, "%s", field);
    snprintf(problem->message, sizeof problem->message, "%s", message);
    return BL_ERR_INVALID_QUERY;
}

static enum bl_err read_number(struct bl_str v, const char *field, int64_t min, int64_t max, int64_t *out,
                               struct bl_problem *problem)
{
    char text[128];
    if (bl_str_int64(v, out) && *out >= min && *out <= max)
        return BL_OK;
    snprintf(text, sizeof text, "`%s` must be an integer from %lld to %lld.", field, (long long)min,
             (long long)max);
    return refuse(problem, field, text);
}

static enum bl_err read_limit(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    return read_number(v, "limit", 1, BL_QUERY_LIMIT_MAX, &q->limit, problem);
}

static enum bl_err read_minutes(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    return read_number(v, "minutes", 1, 1440, &q->minutes, problem);
}

static enum bl_err read_within_minutes(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    enum bl_err err = read_number(v, "within", 1, 1440, &q->within_ms, problem);
    q->within_ms *= 60000;
    return err;
}

static enum bl_err read_within_seconds(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    enum bl_err err = read_number(v, "within", 1, 86400, &q->within_ms, problem);
    q->within_ms *= 1000;
    return err;
}

static enum bl_err read_type(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    enum bl_rule_id rule = v.n ? bl_rule_of(v) : BL_RULE_COUNT;
    q->rule = (int)rule;
    if (rule < BL_RULE_COUNT)
        return BL_OK;
    struct bl_buf text;
    bl_buf_init(&text, sizeof problem->message - 1);
    bl_buf_z(&text, "`type` must be one of");
    for (int i = 0; i < BL_RULE_COUNT; i++)
        bl_buf_printf(&text, "%s %s", i ? "," : "", bl_rule((enum bl_rule_id)i)->name);
    bl_buf_char(&text, '.');
    bl_buf_char(&text, '\0');
    refuse(problem, "type", text.err == BL_OK ? text.p : "`type` must be the name of a rule.");
    bl_buf_release(&text);
    return BL_ERR_INVALID_QUERY;
}

static enum bl_err read_severity(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    q->severity = (int)bl_severity_of(v);
    return q->severity ? BL_OK : refuse(problem, "severity", "`severity` must be one of low, medium, high.");
}

static enum bl_err read_resolved(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    bool yes = bl_str_eqz(v, "true") || bl_str_eqz(v, "1"), no = bl_str_eqz(v, "false") || bl_str_eqz(v, "0");
    q->resolved = yes ? 1 : no ? 0 : -1;
    return yes || no ? BL_OK : refuse(problem, "resolved", "`resolved` must be true or false.");
}

static enum bl_err read_user(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    const char *field = calls[q->call].params & P(ID) ? "id" : "user_id";
    if (v.n > sizeof q->user || !bl_str_utf8(v) || bl_str_has_control(v))
        return refuse(problem, field, "A user id is 1 to 128 bytes of UTF-8 without control characters.");
    q->user_n = v.n;
    if (v.n)
        memcpy(q->user, v.p, v.n);
    return BL_OK;
}

static enum bl_err read_page(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    q->page_n = 0;
    if (!v.n)
        return BL_OK;
    struct bl_buf page;
    bl_buf_init(&page, 0);
    if (v.n <= BL_PAGE_MAX_BYTES && bl_str_utf8(v) && !bl_str_has_control(v))
        bl_page_normalise(v, &page);
    bool fits = page.err == BL_OK && page.n > 0 && page.n <= sizeof q->page;
    if (fits) {
        memcpy(q->page, page.p, page.n);
        q->page_n = page.n;
    }
    bl_buf_release(&page);
    return fits ? BL_OK
                : refuse(problem, "page",
                         "`page` must be 1 to 2048 bytes of UTF-8 without control characters.");
}

static enum bl_err read_since(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    if (bl_str_int64(v, &q->since_ms) && q->since_ms >= 0 && q->since_ms <= BL_TIMESTAMP_MAX_MS)
        return BL_OK;
    if (bl_time_parse(v, &q->since_ms) && q->since_ms >= 0)
        return BL_OK;
    return refuse(problem, "since",
                  "`since` must be milliseconds since 1970 (0 to 2^53) or an RFC 3339 time.");
}

/* The id of a stream entry, `ms-n`. */
static enum bl_err read_before_entry(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    const char *dash = v.n > 1 ? memchr(v.p + 1, '-', v.n - 1) : NULL;
    size_t at = dash ? (size_t)(dash - v.p) : 0;
    q->has_before = dash && bl_str_int64((struct bl_str){v.p, at}, &q->before_ms) && q->before_ms >= 0 &&
                    bl_str_int64((struct bl_str){dash + 1, v.n - at - 1}, &q->before_seq) &&
                    q->before_seq >= 0;
    return q->has_before
               ? BL_OK
               : refuse(problem, "before",
                        "`before` must be the id of an entry, as in the Link header of the page before.");
}

static enum bl_err read_action(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    if (v.n > sizeof q->action || !bl_str_utf8(v) || bl_str_has_control(v))
        return refuse(problem, "action",
                      "`action` must be the name of an audited action, as resolve or erase.");
    q->action_n = v.n;
    if (v.n)
        memcpy(q->action, v.p, v.n);
    return BL_OK;
}

static enum bl_err read_before(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    if (q->call == BL_CALL_AUDIT)
        return read_before_entry(q, v, problem);
    const char *colon = v.n ? memchr(v.p, ':', v.n) : NULL;
    size_t at = colon ? (size_t)(colon - v.p) : 0;
    q->has_before = colon && bl_str_int64((struct bl_str){v.p, at}, &q->before_ms) && q->before_ms >= 0 &&
                    bl_pattern_id_parse((struct bl_str){colon + 1, v.n - at - 1}, &q->before_id);
    return q->has_before ? BL_OK
                         : refuse(problem, "before",
                                  "`before` must be a cursor `detected_at:pattern_id`, as in the Link header "
                                  "of the page before.");
}

static enum bl_err read_q(struct bl_query *q, struct bl_str v, struct bl_problem *problem)
{
    if (v.n > sizeof q->q || !bl_str_utf8(v) || bl_str_has_control(v))
        return refuse(problem, "q", "`q` must be at most 256 bytes of UTF-8 without control characters.");
    q->q_n = v.n;
    if (v.n)
        memcpy(q->q, v.p, v.n);
    return BL_OK;
}

#define PARAM_NAME(id, name) [BL_QUERY_PARAM_##id] = name,
static const char *const names[BL_QUERY_PARAM_COUNT] = {BL_QUERY_PARAMS(PARAM_NAME)};

static enum bl_err (*const readers[BL_QUERY_PARAM_COUNT])(struct bl_query *q, struct bl_str v,
                                                          struct bl_problem *problem) = {
    [BL_QUERY_PARAM_LIMIT] = read_limit,
    [BL_QUERY_PARAM_TYPE] = read_type,
    [BL_QUERY_PARAM_SEVERITY] = read_severity,
    [BL_QUERY_PARAM_USER_ID] = read_user,
    [BL_QUERY_PARAM_PAGE] = read_page,
    [BL_QUERY_PARAM_RESOLVED] = read_resolved,
    [BL_QUERY_PARAM_SINCE] = read_since,
    [BL_QUERY_PARAM_BEFORE] = read_before,
    [BL_QUERY_PARAM_Q] = read_q,
    [BL_QUERY_PARAM_MINUTES] = read_minutes,
    [BL_QUERY_PARAM_WITHIN_MINUTES] = read_within_minutes,
    [BL_QUERY_PARAM_WITHIN_SECONDS] = read_within_seconds,
    [BL_QUERY_PARAM_ID] = read_user,
    [BL_QUERY_PARAM_ACTION] = read_action,
};

static enum bl_err read_path_id(struct bl_query *q, struct bl_str id, struct bl_problem *problem)
{
    if (calls[q->call].params & P(ID))
        return id.n ? read_user(q, id, problem) : BL_OK;
    if (bl_pattern_id_parse(id, &q->id))
        return BL_OK;
    refuse(problem, "pattern_id", "There is no pattern of this id: an id is 32 hexadecimal digits.");
    return problem->err = BL_ERR_NOT_FOUND;
}

enum bl_err bl_query_parse(enum bl_call call, struct bl_str path_id, const struct bl_query_pair *pairs,
                           size_t n, struct bl_query *out, struct bl_problem *problem)
{
    *out =
        (struct bl_query){.call = call, .limit = BL_QUERY_LIMIT, .minutes = 60, .rule = -1, .resolved = -1};
    out->within_ms = call == BL_CALL_USERS ? 30 * 60000 : 60000;
    enum bl_err err = calls[call].needs_id ? read_path_id(out, path_id, problem) : BL_OK;
    bool named = path_id.n > 0;
    for (size_t i = 0; i < n && err == BL_OK; i++)
        for (unsigned p = 0; p < BL_QUERY_PARAM_COUNT && err == BL_OK; p++) {
            bool taken = (calls[call].params & (1u << p)) && bl_str_eqz(pairs[i].name, names[p]);
            if (taken && !(p == BL_QUERY_PARAM_ID && named))
                err = readers[p](out, pairs[i].value, problem);
        }
    if (err == BL_OK && calls[call].needs_id && (calls[call].params & P(ID)) && out->user_n == 0)
        err = refuse(problem, "id", "`id` is required: the user's id.");
    return err;
}
