/* The report of --compare for people: 100 columns, the most telling first, every list with an end.
 *
 * What users of the site have sent (pages, user ids, sentences) is shown without anything that a terminal
 * would obey. */
#include "replay.h"

#include <stdio.h>
#include <time.h>

#define WIDTH      100
#define NAME_WIDTH 35

struct table {
    const struct replay_report *report;
    struct bl_buf out;
};

/* ---- cells ---- */

/* Control characters, and marks that turn the direction of text, cannot be shown. */
static bool harmless(unsigned code)
{
    bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    bool turns = code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                 (code >= 0x2066 && code <= 0x2069);
    return !control && !turns && code != 0x2028 && code != 0x2029;
}

/* The character at the start of well-formed UTF-8; *n: its bytes. */
static unsigned decode(struct bl_str s, size_t *n)
{
    unsigned char first = (unsigned char)s.p[0];
    *n = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (*n > s.n)
        *n = s.n;
    unsigned code = *n == 1 ? first : first & (0x7FU >> *n);
    for (size_t i = 1; i < *n; i++)
        code = code << 6 | ((unsigned char)s.p[i] & 0x3FU);
    return code;
}

/* At most `width` characters, the last of them an ellipsis if there are more; filled up with blanks if `pad`. */
static void put_text(struct bl_buf *out, struct bl_str s, size_t width, bool pad)
{
    size_t shown = 0, cut = out->n;
    while (s.n && shown < width) {
        size_t n;
        unsigned code = decode(s, &n);
        if (shown == width - 1)
            cut = out->n;
        bl_buf_str(out, harmless(code) ? (struct bl_str){s.p, n} : BL_STR("?"));
        s = (struct bl_str){s.p + n, s.n - n};
        shown++;
    }
    if (s.n && out->err == BL_OK) {
        out->n = cut;
        bl_buf_z(out, "…");
    }
    for (; pad && shown < width; shown++)
        bl_buf_char(out, ' ');
}

static void put_time(struct bl_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    bl_buf_printf(out, "%-19s", text);
}

static void put_count(struct bl_buf *out, int64_t v, int width, bool sign)
{
    if (v == 0)
        bl_buf_printf(out, "%*s", width, "-");
    else
        bl_buf_printf(out, sign ? "%+*lld" : "%*lld", width, (long long)v);
}

static void end_line(struct bl_buf *out)
{
    while (out->err == BL_OK && out->n && out->p[out->n - 1] == ' ')
        out->n--;
    bl_buf_char(out, '\n');
}

static size_t shown_of(const struct table *t, size_t n)
{
    size_t limit = t->report->limit;
    return limit && n > limit ? limit : n;
}

static void put_more(struct table *t, size_t n)
{
    if (n > shown_of(t, n))
        bl_buf_printf(&t->out, "  and %zu more\n", n - shown_of(t, n));
}

/* ---- settings and input ---- */

struct differing {
    struct table *table;
    size_t n;
};

static void on_setting(void *ctx, struct bl_str name, struct bl_str before, struct bl_str after)
{
    struct differing *d = ctx;
    struct bl_buf *out = &d->table->out;
    if (d->n++ == 0)
        bl_buf_z(out, "\nSettings that differ\n");
    bl_buf_z(out, "  ");
    put_text(out, name, 38, true);
    if (before.n + after.n <= 50) {
        bl_buf_char(out, ' ');
        put_text(out, before, 50, false);
        bl_buf_z(out, " -> ");
        put_text(out, after, 50, false);
    } else {
        bl_buf_z(out, "\n    before  ");
        put_text(out, before, WIDTH - 12, false);
        bl_buf_z(out, "\n    after   ");
        put_text(out, after, WIDTH - 12, false);
    }
    end_line(out);
}

static enum bl_err put_head(struct table *t)
{
    const struct replay_report *r = t->report;
    struct differing d = {t, 0};
    bl_buf_z(&t->out, "before  ");
    put_text(&t->out, bl_str_of(r->name[0]), WIDTH - 8, false);
    bl_buf_z(&t->out, "\nafter   ");
    put_text(&t->out, bl_str_of(r->name[1]), WIDTH - 8, false);
    bl_buf_printf(&t->out, "\ninput   %lld events", (long long)r->counts.taken);
    if (r->counts.first_ms >= 0) {
        bl_buf_z(&t->out, ", ");
        put_time(&t->out, r->counts.first_ms);
        bl_buf_z(&t->out, " to ");
        put_time(&t->out, r->counts.last_ms);
        bl_buf_z(&t->out, " UTC");
    }
    bl_buf_char(&t->out, '\n');
    enum bl_err err = bl_config_diff(r->config[0], r->config[1], on_setting, &d);
    if (err == BL_OK && d.n == 0)
        bl_buf_z(&t->out, "\nBoth rule sets are the same.\n");
    return err;
}

/* ---- counts ---- */

static void put_tally_head(struct bl_buf *out, const char *what)
{
    bl_buf_printf(out, "\n%-*s%8s%8s%8s%7s%8s%8s%10s%8s\n", NAME_WIDTH, what, "before", "after", "change",
                  "gone", "new", "moved", "severity", "other");
}

static void put_tally(struct bl_buf *out, const struct bl_tally *x, struct bl_str name)
{
    put_text(out, name, NAME_WIDTH - 1, true);
    bl_buf_char(out, ' ');
    put_count(out, x->before, 8, false);
    put_count(out, x->after, 8, false);
    put_count(out, x->after - x->before, 8, true);
    put_count(out, x->only_before, 7, false);
    put_count(out, x->only_after, 8, false);
    put_count(out, x->moved, 8, false);
    put_count(out, x->severity, 10, false);
    put_count(out, x->otherwise, 8, false);
    bl_buf_char(out, '\n');
}

static void put_counts(struct table *t)
{
    const struct bl_comparison *c = t->report->comparison;
    put_tally_head(&t->out, "type");
    for (size_t i = 0; i < c->types.n; i++)
        put_tally(&t->out, &c->types.v[i], c->types.v[i].key);
    put_tally(&t->out, &c->all, BL_STR("all"));
    if (c->pages.n == 0)
        return;
    put_tally_head(&t->out, "page");
    for (size_t i = 0; i < shown_of(t, c->pages.n); i++)
        put_tally(&t->out, &c->pages.v[i], c->pages.v[i].key);
    put_more(t, c->pages.n);
}

/* ---- lists of patterns ---- */

static bool is_gone(const struct bl_difference *d)
{
    return !d->after;
}

static bool is_new(const struct bl_difference *d)
{
    return !d->before;
}

static bool has_severity(const struct bl_difference *d)
{
    return d->how & BL_DIFF_SEVERITY;
}

static bool is_other(const struct bl_difference *d)
{
    return d->how && !(d->how & BL_DIFF_SEVERITY);
}

static void put_span(struct bl_buf *out, int64_t ms)
{
    int64_t abs = ms < 0 ? -ms : ms;
    bl_buf_printf(out, "%lld.%lld s %s", (long long)(abs / 1000), (long long)(abs % 1000 / 100),
                  ms < 0 ? "earlier" : "later");
}

static struct bl_str resolution(const struct bl_ledger_entry *e)
{
    struct bl_str s = e->row.v[BL_COLUMN_RESOLUTION];
    return s.n ? s : BL_STR("open");
}

/* What became of a pattern that is in both. */
static void put_how(struct bl_buf *out, const struct bl_difference *d)
{
    const char *comma = "";
    if (d->how & BL_DIFF_MOVED) {
        put_span(out, d->after->detected_ms - d->before->detected_ms);
        comma = ", ";
    }
    if (d->how & BL_DIFF_RESOLUTION) {
        struct bl_str before = resolution(d->before), after = resolution(d->after);
        bl_buf_z(out, comma);
        bl_buf_z(out, bl_str_eq(before, after) ? "resolved at another time: " : "");
        if (!bl_str_eq(before, after)) {
            put_text(out, before, 12, false);
            bl_buf_z(out, " -> ");
        }
        put_text(out, after, 12, false);
        comma = ", ";
    }
    if (d->how & BL_DIFF_TEXT) {
        bl_buf_z(out, comma);
        put_text(out, d->after->row.v[BL_COLUMN_EXPLANATION], WIDTH, false);
    }
}

static void put_difference(struct bl_buf *line, const struct bl_difference *d)
{
    const struct bl_ledger_entry *e = d->after ? d->after : d->before;
    const struct bl_str *v = e->row.v;
    bl_buf_z(line, "  ");
    put_time(line, e->detected_ms);
    bl_buf_z(line, "  ");
    size_t start = line->n;
    if (d->how & BL_DIFF_SEVERITY) {
        put_text(line, d->before->row.v[BL_COLUMN_SEVERITY], 6, false);
        bl_buf_z(line, " -> ");
    }
    put_text(line, v[BL_COLUMN_SEVERITY], 6, false);
    for (size_t width = d->how & BL_DIFF_SEVERITY ? 18 : 8; line->err == BL_OK && line->n < start + width;)
        bl_buf_char(line, ' ');
    put_text(line, v[BL_COLUMN_TYPE], 17, true);
    put_text(line, v[BL_COLUMN_USER_ID], 20, false);
    bl_buf_z(line, "  ");
    put_text(line, v[BL_COLUMN_PAGE], 30, false);
    if (d->how) {
        bl_buf_z(line, "  ");
        put_how(line, d);
    }
}

/* A line of patterns ends at the width, whatever stands in it. */
static void put_list(struct table *t, const char *title, bool (*in)(const struct bl_difference *d))
{
    const struct bl_comparison *c = t->report->comparison;
    struct bl_buf line;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += in(&c->v[i]);
    if (n == 0)
        return;
    bl_buf_init(&line, 0);
    bl_buf_printf(&t->out, "\n%s: %zu\n", title, n);
    for (size_t i = 0, k = 0; i < c->n && k < shown_of(t, n); i++) {
        if (!in(&c->v[i]))
            continue;
        k++;
        bl_buf_clear(&line);
        put_difference(&line, &c->v[i]);
        put_text(&t->out, bl_buf_view(&line), WIDTH, false);
        end_line(&t->out);
    }
    put_more(t, n);
    bl_buf_release(&line);
}

/* ---- friction ---- */

static void put_friction(struct table *t)
{
    const struct bl_comparison *c = t->report->comparison;
    bl_buf_printf(
        &t->out,
        "\nFriction: %zu sessions have another score; %lld -> %lld have any, their sum is %lld -> %lld\n",
        c->n_sessions, (long long)c->scored_before, (long long)c->scored_after, (long long)c->friction_before,
        (long long)c->friction_after);
    for (size_t i = 0; i < shown_of(t, c->n_sessions); i++) {
        const struct bl_session_change *s = &c->sessions[i];
        bl_buf_z(&t->out, "  ");
        put_time(&t->out, s->session_ms);
        bl_buf_z(&t->out, "  ");
        put_text(&t->out, s->user_id, 40, true);
        bl_buf_printf(&t->out, "%5lld ->%4lld  (%+lld)\n", (long long)s->before, (long long)s->after,
                      (long long)(s->after - s->before));
    }
    put_more(t, c->n_sessions);
}

enum bl_err replay_table(const struct replay_report *report)
{
    struct table t = {.report = report};
    bl_buf_init(&t.out, 0);
    enum bl_err err = put_head(&t);
    put_counts(&t);
    put_list(&t, "Gone (only before)", is_gone);
    put_list(&t, "New (only after)", is_new);
    put_list(&t, "Another severity", has_severity);
    put_list(&t, "Changed otherwise", is_other);
    put_friction(&t);
    if (err == BL_OK)
        err = t.out.err;
    if (err == BL_OK && (fwrite(t.out.p, 1, t.out.n, stdout) != t.out.n || fflush(stdout) != 0))
        err = BL_ERR_IO;
    bl_buf_release(&t.out);
    return err;
}
