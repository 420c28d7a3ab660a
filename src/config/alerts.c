/* The table of an alert rule's fields, the forms of its texts, and the checks that look at several fields or
 * several rules. */
#include "alerts.h"

#include <stdio.h>
#include <string.h>

static const char *type_word(int64_t i)
{
    if (i == 0)
        return "any";
    return i <= BL_RULE_COUNT ? bl_rule((enum bl_rule_id)(i - 1))->name : NULL;
}

static const char *severity_word(int64_t i)
{
    static const char *const words[] = {"low", "medium", "high"};
    return i < 3 ? words[i] : NULL;
}

static const char *format_word(int64_t i)
{
    static const char *const words[] = {[BL_ALERT_SLACK] = "slack", [BL_ALERT_JSON] = "json"};
    return i < 2 ? words[i] : NULL;
}

static bool form_name(struct bl_str text, struct bl_buf *why)
{
    bool ok = true;
    for (size_t i = 0; i < text.n && ok; i++)
        ok = text.p[i] && strchr("abcdefghijklmnopqrstuvwxyz0123456789-", text.p[i]) != NULL;
    if (!ok)
        bl_buf_z(why, "may have small letters a-z, digits and - only");
    return ok;
}

static bool form_page(struct bl_str text, struct bl_buf *why)
{
    if (text.p[0] == '/')
        return true;
    bl_buf_z(why, "must be a page that begins with /, such as /checkout");
    return false;
}

/* No word about what stands there: the address of a webhook is often a secret. */
static bool form_url(struct bl_str text, struct bl_buf *why)
{
    struct bl_str rest = {text.p, 0};
    if (bl_str_starts(text, BL_STR("http://")))
        rest = (struct bl_str){text.p + 7, text.n - 7};
    else if (bl_str_starts(text, BL_STR("https://")))
        rest = (struct bl_str){text.p + 8, text.n - 8};
    size_t host = 0;
    while (host < rest.n && !strchr("/?#", rest.p[host]))
        host++;
    bool ok = host > 0 && rest.p[0] != ':' && !memchr(rest.p, '@', host) && !memchr(rest.p, ' ', rest.n) &&
              !memchr(rest.p, '#', rest.n);
    if (!ok)
        bl_buf_z(why, "must be https://host/path (or http:// with allow-http), without user, password, "
                      "space or #");
    return ok;
}

/* BL_… is taken away from the children of `up`: those are the program's own settings. */
static bool form_variable(struct bl_str text, struct bl_buf *why)
{
    bool ok = !(text.p[0] >= '0' && text.p[0] <= '9') && !bl_str_starts(text, BL_STR("BL_"));
    for (size_t i = 0; i < text.n && ok; i++) {
        char c = text.p[i];
        ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (!ok)
        bl_buf_z(why,
                 "must be the name of an environment variable (letters, digits and _) that does not begin "
                 "with BL_; the variable holds the secret");
    return ok;
}

const struct alert_field_info bl_alert_fields[ALERT_FIELDS] = {
    [ALERT_NAME] = {"name", BL_OPT_TEXT, 1, BL_ALERT_NAME_MAX_BYTES, form_name, NULL},
    [ALERT_TYPE] = {"type", BL_OPT_CHOICE, 0, 0, NULL, type_word},
    [ALERT_SEVERITY] = {"severity", BL_OPT_CHOICE, 0, 0, NULL, severity_word},
    [ALERT_PAGE] = {"page", BL_OPT_TEXT, 0, BL_PAGE_MAX_BYTES, form_page, NULL},
    [ALERT_OVER] = {"over", BL_OPT_COUNT, 0, BL_ALERT_OVER_MAX, NULL, NULL},
    [ALERT_WITHIN] = {"within", BL_OPT_MS, 0, 86400000, NULL, NULL},
    [ALERT_COOLDOWN] = {"cooldown", BL_OPT_MS, 0, 604800000, NULL, NULL},
    [ALERT_WEBHOOK] = {"webhook", BL_OPT_TEXT, 0, BL_ALERT_URL_MAX_BYTES, form_url, NULL},
    [ALERT_SECRET_ENV] = {"secret-env", BL_OPT_TEXT, 0, 128, form_variable, NULL},
    [ALERT_SECRET_FILE] = {"secret-file", BL_OPT_TEXT, 0, 4096, NULL, NULL},
    [ALERT_FORMAT] = {"format", BL_OPT_CHOICE, 0, 0, NULL, format_word},
    [ALERT_ALLOW_HTTP] = {"allow-http", BL_OPT_FLAG, 0, 1, NULL, NULL},
    [ALERT_ALLOW_PRIVATE] = {"allow-private", BL_OPT_FLAG, 0, 1, NULL, NULL},
};

void bl_alert_init(struct alert *a)
{
    memset(a, 0, sizeof *a);
    for (size_t f = 0; f < ALERT_FIELDS; f++)
        a->v[f].text = "";
    a->v[ALERT_FORMAT].i = BL_ALERT_JSON;
}

/* A problem of field f of rule i (ALERT_FIELDS: of the rule as a whole), at the line where it stands. */
static void at(const struct bl_config *c, size_t i, enum alert_field f, struct problems *p)
{
    const struct alert *a = &c->alerts[i];
    bool set = f < ALERT_FIELDS && a->v[f].source.from == FROM_FILE;
    char field[64];
    snprintf(field, sizeof field, "alerts[%zu]%s%s", i, f < ALERT_FIELDS ? "." : "",
             f < ALERT_FIELDS ? bl_alert_fields[f].name : "");
    bl_problem(p, c->path ? c->path : "", set ? a->v[f].source.line : a->line, field);
}

static bool is_set(const struct alert *a, enum alert_field f)
{
    return a->v[f].i != 0 || a->v[f].text[0] != '\0';
}

/* A threshold is both of them, each more than 0; without it both are absent, or 0. */
static void check_threshold(const struct bl_config *c, size_t i, struct problems *p)
{
    const struct alert *a = &c->alerts[i];
    bool over = is_set(a, ALERT_OVER);
    enum alert_field missing = over ? ALERT_WITHIN : ALERT_OVER;
    if (over == is_set(a, ALERT_WITHIN))
        return;
    if (a->v[missing].source.from != FROM_FILE) {
        bl_buf_printf(&p->why, "needs %s: a threshold is both, as in over: 5 and within: 1m",
                      bl_alert_fields[missing].name);
        at(c, i, over ? ALERT_OVER : ALERT_WITHIN, p);
    } else if (over) {
        bl_buf_z(&p->why, "must be more than 0 beside over: the time in which the patterns are counted");
        at(c, i, ALERT_WITHIN, p);
    } else {
        bl_buf_printf(&p->why,
                      "must be from 1 to %d beside within; for an alert of every pattern leave out both",
                      BL_ALERT_OVER_MAX);
        at(c, i, ALERT_OVER, p);
    }
}

static void check_needs(const struct bl_config *c, size_t i, struct problems *p)
{
    const struct alert *a = &c->alerts[i];
    if (!is_set(a, ALERT_NAME)) {
        bl_buf_z(&p->why, "is missing: every alert has a name of its own");
        at(c, i, ALERT_NAME, p);
    }
    if (!is_set(a, ALERT_WEBHOOK)) {
        bl_buf_z(&p->why, "is missing: the address that alerts are sent to, https://host/path");
        at(c, i, ALERT_WEBHOOK, p);
    }
    check_threshold(c, i, p);
}

static void check_fits(const struct bl_config *c, size_t i, struct problems *p)
{
    const struct alert *a = &c->alerts[i];
    bool plain = bl_str_starts(bl_str_of(a->v[ALERT_WEBHOOK].text), BL_STR("http://"));
    if (plain && !a->v[ALERT_ALLOW_HTTP].i) {
        bl_buf_z(&p->why,
                 "is plain http, which anybody on the way can read: use https://, or allow-http: yes");
        at(c, i, ALERT_WEBHOOK, p);
    }
    if (is_set(a, ALERT_SECRET_ENV) && is_set(a, ALERT_SECRET_FILE)) {
        bl_buf_z(&p->why, "stands beside secret-env: keep one of them");
        at(c, i, ALERT_SECRET_FILE, p);
    }
    for (size_t k = 0; k < i; k++)
        if (is_set(a, ALERT_NAME) && strcmp(a->v[ALERT_NAME].text, c->alerts[k].v[ALERT_NAME].text) == 0) {
            bl_buf_printf(&p->why, "is the name of alerts[%zu] too: names are unique", k);
            at(c, i, ALERT_NAME, p);
            return;
        }
}

void bl_alerts_check(const struct bl_config *c, struct problems *p)
{
    for (size_t i = 0; i < c->n_alerts; i++) {
        if (c->alerts[i].spoilt)
            continue;
        check_needs(c, i, p);
        check_fits(c, i, p);
    }
}

static struct bl_alert_rule rule_of(const struct alert *a)
{
    const struct alert_value *v = a->v;
    int64_t type = v[ALERT_TYPE].i;
    return (struct bl_alert_rule){
        .name = v[ALERT_NAME].text,
        .type = type > 0 ? (enum bl_rule_id)(type - 1) : BL_RULE_COUNT,
        .severity = (enum bl_severity)(v[ALERT_SEVERITY].i + BL_LOW),
        .page = v[ALERT_PAGE].text,
        .over = v[ALERT_OVER].i,
        .within_ms = v[ALERT_WITHIN].i,
        .cooldown_ms = v[ALERT_COOLDOWN].i,
        .webhook = v[ALERT_WEBHOOK].text,
        .secret_env = v[ALERT_SECRET_ENV].text,
        .secret_file = v[ALERT_SECRET_FILE].text,
        .format = (enum bl_alert_format)v[ALERT_FORMAT].i,
        .allow_http = v[ALERT_ALLOW_HTTP].i != 0,
        .allow_private = v[ALERT_ALLOW_PRIVATE].i != 0,
    };
}

bool bl_alerts_settle(struct bl_config *c)
{
    if (c->n_alerts == 0)
        return true;
    c->alert_rules = bl_config_alloc(c, c->n_alerts * sizeof *c->alert_rules);
    for (size_t i = 0; c->alert_rules && i < c->n_alerts; i++)
        c->alert_rules[i] = rule_of(&c->alerts[i]);
    return c->alert_rules != NULL;
}

const struct bl_alert_rule *bl_config_alerts(const struct bl_config *c, size_t *n)
{
    *n = c->n_alerts;
    return c->alert_rules;
}
