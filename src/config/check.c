/* What no single value can tell: relations between values, and texts with a form. */
#include "internal.h"

#include "bl/base/limits.h"
#include "bl/base/net.h"
#include "bl/core/tunable.h"

#include <stdio.h>

/* Where the value came from, so that the problem points at the line to change. */
static void at(const struct bl_config *c, enum bl_option_id id, struct problems *p)
{
    const struct source *s = &c->v[id].source;
    char field[64];
    if (s->from == FROM_FLAG)
        snprintf(field, sizeof field, "--%s", bl_options[id].name);
    else
        snprintf(field, sizeof field, "%s", s->from == FROM_ENVIRONMENT ? s->name : bl_options[id].name);
    bl_problem(p,
               s->from == FROM_FILE          ? c->path
               : s->from == FROM_ENVIRONMENT ? "environment"
                                             : "",
               s->line, field);
}

static void check_env(const struct bl_config *c, struct problems *p)
{
    const char *env = c->v[BL_OPTION_ENV].text;
    if (env[strspn(env, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
        return;
    bl_buf_z(&p->why, "may have small letters a-z, digits and - only; it is ");
    bl_buf_json(&p->why, bl_str_of(env));
    at(c, BL_OPTION_ENV, p);
}

static void check_lease(const struct bl_config *c, struct problems *p)
{
    if (c->v[BL_OPTION_RENEW].i * 2 <= c->v[BL_OPTION_LEASE].i)
        return;
    bl_buf_z(&p->why, "must be at most half of lease, which is ");
    bl_number_put(&p->why, BL_OPT_MS, c->v[BL_OPTION_LEASE].i);
    at(c, BL_OPTION_RENEW, p);
}

static bool starts_with_any(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (bl_str_starts(bl_str_of(text), bl_str_of(*prefixes)))
            return true;
    return false;
}

/* What it says may hold a password: it is not repeated. */
static void check_store(const struct bl_config *c, struct problems *p)
{
    static const char *const stores[] = {"redis://", "unix:///", NULL}, *const tls[] = {"rediss://", NULL};
    const char *redis = c->v[BL_OPTION_REDIS].text;
    bool with_user = starts_with_any(redis, (const char *const[]){"unix://", NULL}) && strstr(redis, "@/");
    if (starts_with_any(redis, tls))
        bl_buf_z(&p->why,
                 "TLS to Redis is not supported: use redis:// over a network of your own or through a tunnel "
                 "(stunnel, WireGuard), or unix:///path/of/socket");
    else if (!with_user && !starts_with_any(redis, stores) && strcmp(redis, "private") != 0)
        bl_buf_z(&p->why, "must be redis://host:port or unix:///path/of/socket, with user:password@ before "
                          "the host or path");
    else
        return;
    at(c, BL_OPTION_REDIS, p);
}

static void check_urls(const struct bl_config *c, struct problems *p)
{
    static const char *const sites[] = {"http://", NULL};
    static const char *const public_sites[] = {"http://", "https://", NULL};
    check_store(c, p);
    const char *public_url = c->v[BL_OPTION_PUBLIC_URL].text;
    if (public_url[0] && !starts_with_any(public_url, public_sites)) {
        bl_buf_z(&p->why, "must be http://host or https://host, as people type it; it is ");
        bl_buf_json(&p->why, bl_str_of(public_url));
        at(c, BL_OPTION_PUBLIC_URL, p);
    }
    if (!starts_with_any(c->v[BL_OPTION_URL].text, sites)) {
        bl_buf_z(&p->why, "must be http://host:port; it is ");
        bl_buf_json(&p->why, bl_str_of(c->v[BL_OPTION_URL].text));
        at(c, BL_OPTION_URL, p);
    }
}

static bool is_type(struct bl_str name)
{
    for (int id = 0; id < BL_RULE_COUNT; id++)
        if (bl_str_eqz(name, bl_rule((enum bl_rule_id)id)->name))
            return true;
    return false;
}

static void check_types(const struct bl_config *c, struct problems *p)
{
    const char *at_name = c->v[BL_OPTION_EXPLAIN_TYPES].text;
    while (*at_name) {
        size_t n = strcspn(at_name, ",");
        if (!is_type((struct bl_str){at_name, n})) {
            bl_buf_z(
                &p->why,
                "must be types of patterns with commas between them, such as hesitation,rage-click; it has ");
            bl_buf_json(&p->why, (struct bl_str){at_name, n});
            at(c, BL_OPTION_EXPLAIN_TYPES, p);
            return;
        }
        at_name += n + (at_name[n] == ',' ? 1 : 0);
    }
}

static void check_proxies(const struct bl_config *c, struct problems *p)
{
    struct bl_network networks[BL_CIDRS_MAX];
    struct bl_str bad;
    size_t n;
    if (bl_networks_parse(bl_str_of(c->v[BL_OPTION_TRUSTED_PROXIES].text), networks, BL_CIDRS_MAX, &n, &bad))
        return;
    bl_buf_printf(&p->why,
                  "must be at most %d networks such as 10.0.0.0/8 or ::1, with commas between them; it has ",
                  BL_CIDRS_MAX);
    bl_buf_json(&p->why, bad);
    at(c, BL_OPTION_TRUSTED_PROXIES, p);
}

static void check_levels(const struct bl_config *c, enum bl_rule_id id, struct problems *p)
{
    const struct bl_rule *rule = bl_rule(id);
    const struct bl_rule_settings *v = &c->rules.rule[id];
    int64_t before = 0;
    for (size_t i = 0; (i = bl_rule_disorder(id, v, i, &before)) < rule->n_params; i++) {
        size_t set = i; /* the level itself may be a default: then the line of the one that is above it */
        while (set > 0 && c->param[id][set].from != FROM_FILE)
            set--;
        const struct source *s = &c->param[id][set];
        char field[96];
        bl_buf_printf(&p->why, "must not be below the level before it, which is ");
        bl_number_put(&p->why, bl_param_number(rule->params[i].type), before);
        snprintf(field, sizeof field, "rules.%s.%s", rule->name, rule->params[i].name);
        bl_problem(p, s->from == FROM_FILE ? c->path : "", s->line, field);
        before = v->v[i].i;
    }
}

void bl_config_check(const struct bl_config *c, struct problems *p)
{
    check_env(c, p);
    check_lease(c, p);
    check_urls(c, p);
    check_types(c, p);
    check_proxies(c, p);
}

void bl_config_check_rules(const struct bl_config *c, struct problems *p)
{
    for (int id = 0; id < BL_RULE_COUNT; id++)
        if (!c->spoilt[id])
            check_levels(c, (enum bl_rule_id)id, p);
}
