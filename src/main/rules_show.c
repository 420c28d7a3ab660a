/* `behaviorlens rules show` and `history`: versions for people and, with --json, for programs. */
#include "rules.h"

#include "bl/config/config.h"
#include "bl/core/tunable.h"

#include <stdlib.h>
#include <time.h>

const char *rules_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

void rules_put_time(int64_t ms, struct bl_buf *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32] = "at an unknown time";
    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    bl_buf_z(out, text);
}

static void put_name(const struct bl_tunable *t, struct bl_buf *out)
{
    if (t->rule)
        bl_buf_printf(out, "rules.%s.", t->rule);
    bl_buf_z(out, t->name);
}

static void put_change(const struct bl_tunable *t, const union bl_value *a, const union bl_value *b,
                       struct bl_buf *out)
{
    bl_buf_z(out, "  ");
    put_name(t, out);
    bl_buf_z(out, ": ");
    bl_config_print_value(t->type, a, out);
    bl_buf_z(out, " -> ");
    bl_config_print_value(t->type, b, out);
    bl_buf_char(out, '\n');
}

static void put_change_json(const struct bl_tunable *t, const union bl_value *a, const union bl_value *b,
                            struct bl_buf *out)
{
    bl_buf_z(out, "{\"setting\":\"");
    put_name(t, out);
    bl_buf_z(out, "\",\"old\":");
    bl_rules_write_value(t->type, a, out);
    bl_buf_z(out, ",\"new\":");
    bl_rules_write_value(t->type, b, out);
    bl_buf_char(out, '}');
}

size_t rules_put_changes(const struct bl_settings *from, const struct bl_settings *to, bool json,
                         struct bl_buf *out)
{
    struct bl_tunable t;
    size_t n = 0;
    bl_buf_z(out, json ? "[" : "");
    for (size_t i = 0; bl_tunable_at(i, &t); i++) {
        union bl_value a = bl_tunable_get(from, i), b = bl_tunable_get(to, i);
        if (bl_tunable_same(t.type, &a, &b))
            continue;
        bl_buf_z(out, json && n ? "," : "");
        if (json)
            put_change_json(&t, &a, &b, out);
        else
            put_change(&t, &a, &b, out);
        n++;
    }
    bl_buf_z(out, json ? "]" : "");
    return n;
}

size_t rules_put_partitions(const struct bl_ruleset_effect *e, int n, int64_t wanted, bool have,
                            const char *between, struct bl_buf *out)
{
    size_t found = 0;
    for (int p = 0; p < n; p++) {
        if ((rules_version_of(e, p) >= wanted) != have)
            continue;
        bl_buf_printf(out, "%s%d", found++ ? between : "", p);
    }
    return found;
}

/* ---- show ---- */

static void show_people(const struct bl_ruleset_version *v, const struct bl_settings *s,
                        const struct bl_ruleset_effect *e, int n, struct bl_buf *out)
{
    struct bl_buf missing;
    bl_buf_init(&missing, 0);
    bl_buf_printf(out, "# version %lld, since ", (long long)v->version);
    rules_put_time(v->at_ms, out);
    bl_buf_z(out, " (");
    bl_buf_json(out, v->source);
    if (rules_put_partitions(e, n, v->version, false, "", &missing) == 0)
        bl_buf_printf(out, "), in effect in all %d partitions\n", n);
    else
        bl_buf_z(out, ")\n");
    for (int p = 0; missing.n && p < n; p++) {
        bl_buf_printf(out, "# partition %d: version %lld", p, (long long)rules_version_of(e, p));
        if (e->version[p]) {
            bl_buf_z(out, ", since ");
            rules_put_time(e->at_ms[p], out);
        }
        bl_buf_char(out, '\n');
    }
    bl_config_print_rules(s, out);
    bl_buf_release(&missing);
}

static void show_json(const struct bl_ruleset_version *v, const struct bl_ruleset_effect *e, int n,
                      struct bl_buf *out)
{
    bl_buf_printf(out, "{\"version\":%lld,\"since\":%lld,\"source\":", (long long)v->version,
                  (long long)v->at_ms);
    bl_buf_json(out, v->source);
    bl_buf_z(out, ",\"settings\":");
    bl_buf_str(out, v->settings);
    bl_buf_z(out, ",\"partitions\":[");
    for (int p = 0; p < n; p++) {
        bl_buf_printf(out, "%s{\"partition\":%d,\"version\":%lld,\"since\":", p ? "," : "", p,
                      (long long)rules_version_of(e, p));
        if (e->version[p])
            bl_buf_printf(out, "%lld}", (long long)e->at_ms[p]);
        else
            bl_buf_z(out, "null}");
    }
    bl_buf_z(out, "]}\n");
}

int rules_show(struct bl_ruleset *r, bool json, struct bl_buf *out)
{
    struct bl_ruleset_version v;
    struct bl_ruleset_effect e = {0};
    struct bl_rules *rules = NULL;
    struct bl_buf why;
    enum bl_err err = bl_ruleset_in_effect(r, &e);
    if (err == BL_OK)
        err = bl_ruleset_newest(r, &v);
    if (err != BL_OK)
        return rules_fail(bl_ruleset_why(r));
    if (v.version == 0)
        return rules_fail("the data set has no rules yet: the first worker brings them.");
    bl_buf_init(&why, 0);
    err = bl_rules_read(v.settings, &rules, &why);
    bl_buf_release(&why);
    if (err != BL_OK)
        return rules_fail("the rules of the data set cannot be read by this version of the program.");
    if (json)
        show_json(&v, &e, bl_ruleset_partitions(r), out);
    else
        show_people(&v, bl_rules_settings(rules), &e, bl_ruleset_partitions(r), out);
    bl_rules_free(rules);
    return 0;
}

/* ---- history ---- */

/* A version is told when the one before it is known, which comes after it. */
struct telling {
    struct bl_buf *out, source;
    bool json;
    size_t n;
    int64_t version, at_ms;
    struct bl_rules *rules; /* NULL: not readable */
};

static void tell_json(struct telling *t, const struct bl_rules *before)
{
    bl_buf_printf(t->out, "%s{\"version\":%lld,\"at\":%lld,\"source\":", t->n++ ? "," : "[",
                  (long long)t->version, (long long)t->at_ms);
    bl_buf_json(t->out, bl_buf_view(&t->source));
    bl_buf_z(t->out, ",\"changes\":");
    if (before && t->rules)
        rules_put_changes(bl_rules_settings(before), bl_rules_settings(t->rules), true, t->out);
    else
        bl_buf_z(t->out, "null");
    bl_buf_char(t->out, '}');
}

static void tell_version(struct telling *t, const struct bl_rules *before)
{
    if (t->version == 0)
        return;
    if (t->json) {
        tell_json(t, before);
        return;
    }
    bl_buf_printf(t->out, "version %lld  ", (long long)t->version);
    rules_put_time(t->at_ms, t->out);
    bl_buf_z(t->out, "  ");
    bl_buf_json(t->out, bl_buf_view(&t->source));
    bl_buf_char(t->out, '\n');
    if (before && t->rules)
        rules_put_changes(bl_rules_settings(before), bl_rules_settings(t->rules), false, t->out);
}

static void on_version(void *ctx, const struct bl_ruleset_version *v)
{
    struct telling *t = ctx;
    struct bl_rules *rules = NULL;
    struct bl_buf why;
    bl_buf_init(&why, 0);
    if (bl_rules_read(v->settings, &rules, &why) != BL_OK)
        rules = NULL;
    tell_version(t, rules);
    bl_rules_free(t->rules);
    t->rules = rules;
    t->version = v->version;
    t->at_ms = v->at_ms;
    bl_buf_clear(&t->source);
    bl_buf_str(&t->source, v->source);
    bl_buf_release(&why);
}

int rules_history(struct bl_ruleset *r, bool json, struct bl_buf *out)
{
    struct telling t = {.out = out, .json = json};
    bl_buf_init(&t.source, 0);
    enum bl_err err = bl_ruleset_history(r, BL_RULES_KEPT, on_version, &t);
    tell_version(&t, NULL);
    if (json)
        bl_buf_z(out, t.n ? "]\n" : "[]\n");
    bl_rules_free(t.rules);
    bl_buf_release(&t.source);
    return err == BL_OK ? 0 : rules_fail(bl_ruleset_why(r));
}
