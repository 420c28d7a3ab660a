/* Two formats of the same news.
 *
 *   json   {"alert","delivery","test","at","text","link","threshold","pattern"}: the pattern as the API gives it
 *   slack  {"text","blocks"}: Slack's incoming webhooks, and the many that take their format
 *
 * Slack reads & < > as its own mark-up (links, mentions of whole channels), so they are escaped in whatever a user could
 * have chosen; a text is cut before it is escaped, so that no escape is cut in half. */
#include "bl/app/alert_message.h"

#include "bl/core/rule.h"

#include <time.h>

#define SLACK_PAGE_BYTES     300
#define SLACK_SENTENCE_BYTES 1000 /* a section takes 3,000 characters; an escape makes five of one */

static void put_time(struct bl_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm))
        bl_buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                      tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Whole units where there are: 1 minute, 90 seconds. */
static void put_span(struct bl_buf *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{3600000, "hour"}, {60000, "minute"}, {1000, "second"}, {1, "millisecond"}};
    size_t u = 0;
    while (u < 3 && (ms % units[u].ms != 0 || ms < units[u].ms))
        u++;
    bl_buf_printf(out, "%lld %s%s", (long long)(ms / units[u].ms), units[u].name,
                  ms == units[u].ms ? "" : "s");
}

/* At most so many bytes, cut before a character and not inside one. */
static struct bl_str cut(struct bl_str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return (struct bl_str){s.p, max};
}

static void put_slack(struct bl_buf *out, struct bl_str s, size_t max)
{
    struct bl_str kept = cut(s, max);
    for (size_t i = 0; i < kept.n; i++)
        switch (kept.p[i]) {
        case '&':
            bl_buf_z(out, "&amp;");
            break;
        case '<':
            bl_buf_z(out, "&lt;");
            break;
        case '>':
            bl_buf_z(out, "&gt;");
            break;
        default:
            bl_buf_char(out, kept.p[i]);
        }
    if (kept.n < s.n)
        bl_buf_z(out, "\xe2\x80\xa6");
}

static void put_plain(struct bl_buf *out, struct bl_str s, size_t max)
{
    (void)max;
    bl_buf_str(out, s);
}

typedef void put_fn(struct bl_buf *out, struct bl_str s, size_t max);

static struct bl_str column(const struct bl_alert_message *m, enum bl_column id)
{
    return m->pattern->v[id];
}

/* "High abandonment on /payment" */
static void put_title(const struct bl_alert_message *m, put_fn *put, struct bl_buf *out)
{
    struct bl_str severity = column(m, BL_COLUMN_SEVERITY);
    if (severity.n) {
        bl_buf_char(out, (char)(severity.p[0] - 'a' + 'A')); /* low, medium, high */
        bl_buf_str(out, (struct bl_str){severity.p + 1, severity.n - 1});
        bl_buf_char(out, ' ');
    }
    bl_buf_str(out, column(m, BL_COLUMN_TYPE));
    bl_buf_z(out, " on ");
    put(out, column(m, BL_COLUMN_PAGE), SLACK_PAGE_BYTES);
}

static void put_threshold(const struct bl_alert_message *m, struct bl_buf *out)
{
    bl_buf_printf(out, "%zu patterns within ", m->count);
    put_span(out, m->rule->within_ms);
    bl_buf_printf(out, " (more than %lld)", (long long)m->rule->over);
}

static void put_news(const struct bl_alert_message *m, put_fn *put, struct bl_buf *out)
{
    if (m->test)
        bl_buf_z(out, "Test of the alert. ");
    if (m->rule->over > 0) {
        put_threshold(m, out);
        bl_buf_z(out, "; the latest: ");
    }
    put_title(m, put, out);
    bl_buf_z(out, " at ");
    put_time(out, m->at_ms);
    bl_buf_z(out, ". ");
    put(out, column(m, BL_COLUMN_EXPLANATION), SLACK_SENTENCE_BYTES);
}

void bl_alert_sentence(const struct bl_alert_message *m, struct bl_buf *out)
{
    put_news(m, put_plain, out);
}

/* PUBLIC/?pattern=ID; the id is hexadecimal, the base the operator's. */
static void put_link(const struct bl_alert_message *m, struct bl_buf *out)
{
    struct bl_str base = bl_str_of(m->public_url);
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    bl_buf_str(out, base);
    bl_buf_z(out, "/?pattern=");
    bl_buf_percent(out, column(m, BL_COLUMN_PATTERN_ID));
}

static void json_body(const struct bl_alert_message *m, const struct bl_row *row, struct bl_buf *text,
                      struct bl_buf *out)
{
    bl_buf_printf(out,
                  "{\"alert\":\"%s\",\"delivery\":\"%s\",\"test\":%s,\"at\":%lld,\"text\":", m->rule->name,
                  m->delivery, m->test ? "true" : "false", (long long)m->at_ms);
    bl_alert_sentence(m, text);
    bl_buf_json(out, bl_buf_view(text));
    bl_buf_z(out, ",\"link\":");
    bl_buf_clear(text);
    put_link(m, text);
    if (m->public_url[0])
        bl_buf_json(out, bl_buf_view(text));
    else
        bl_buf_z(out, "null");
    bl_buf_z(out, ",\"threshold\":");
    if (m->rule->over > 0)
        bl_buf_printf(out, "{\"over\":%lld,\"within_ms\":%lld,\"count\":%zu}", (long long)m->rule->over,
                      (long long)m->rule->within_ms, m->count);
    else
        bl_buf_z(out, "null");
    bl_buf_z(out, ",\"pattern\":");
    bl_row_json(row, out);
    bl_buf_char(out, '}');
}

static void slack_body(const struct bl_alert_message *m, struct bl_buf *text, struct bl_buf *out)
{
    put_news(m, put_slack, text);
    bl_buf_z(out, "{\"text\":");
    bl_buf_json(out, bl_buf_view(text));
    bl_buf_z(out, ",\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
    bl_buf_json(out, bl_buf_view(text));
    bl_buf_z(out, "}},{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":");
    bl_buf_clear(text);
    bl_buf_printf(text, "Alert %s, user ", m->rule->name);
    put_slack(text, column(m, BL_COLUMN_USER_ID), BL_USER_ID_MAX_BYTES);
    if (m->public_url[0]) {
        bl_buf_z(text, ", <");
        put_link(m, text);
        bl_buf_z(text, "|open in BehaviorLens>");
    }
    bl_buf_json(out, bl_buf_view(text));
    bl_buf_z(out, "}]}]}");
}

void bl_alert_body(const struct bl_alert_message *m, struct bl_buf *out)
{
    struct bl_row row = *m->pattern;
    struct bl_buf text;
    size_t start = out->n;
    bl_buf_init(&text, 0);
    if (m->rule->format == BL_ALERT_SLACK) {
        slack_body(m, &text, out);
    } else {
        json_body(m, &row, &text, out);
        if (out->err == BL_OK && out->n - start > BL_ALERT_BODY_MAX_BYTES) {
            row.v[BL_COLUMN_EVIDENCE] = (struct bl_str){0};
            out->n = start;
            bl_buf_clear(&text);
            json_body(m, &row, &text, out);
        }
    }
    if (out->err == BL_OK)
        out->err = text.err;
    bl_buf_release(&text);
}

void bl_alert_sample(const struct bl_alert_rule *rule, struct bl_str at_ms, struct bl_row *out)
{
    bool any = rule->type == BL_RULE_COUNT;
    *out = (struct bl_row){0};
    out->v[BL_COLUMN_PATTERN_ID] = BL_STR("00000000000000000000000000000000");
    out->v[BL_COLUMN_TYPE] = bl_str_of(bl_rule(any ? BL_RULE_HESITATION : rule->type)->name);
    out->v[BL_COLUMN_USER_ID] = BL_STR("sample-user");
    out->v[BL_COLUMN_SESSION_ID] = BL_STR("sample-session");
    out->v[BL_COLUMN_PAGE] = rule->page[0] ? bl_str_of(rule->page) : BL_STR("/sample");
    out->v[BL_COLUMN_SEVERITY] = bl_str_of(bl_severity_name(rule->severity));
    out->v[BL_COLUMN_EXPLANATION] = BL_STR("This is a sample: no user has done anything.");
    out->v[BL_COLUMN_DETECTED_AT] = at_ms;
    out->v[BL_COLUMN_UPDATED_AT] = at_ms;
}
