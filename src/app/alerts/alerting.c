/* See the header. The window is (x - within, x]: the moment that lies exactly `within` before x is out of it, as in the
 * rules of detection (SPEC 4.2). A cooldown is over when its time has passed (SPEC 4.0). */
#include "bl/app/alerting.h"

#include "bl/core/rule.h"

#include <string.h>

/* Fixed for ever: a delivery has the same id in every version. */
static const struct bl_hash_key delivery_key = {0x616c65727473ULL, 0x64656c6976657279ULL};

bool bl_alert_change_of(struct bl_str change, struct bl_str pattern_id, struct bl_str type,
                        struct bl_str severity, struct bl_alert_change *out)
{
    bool fresh = bl_str_eqz(change, "new");
    out->raised = !fresh;
    out->type = bl_rule_of(type);
    out->severity = bl_severity_of(severity);
    return (fresh || bl_str_eqz(change, "raised")) && out->type < BL_RULE_COUNT && out->severity >= BL_LOW &&
           bl_pattern_id_parse(pattern_id, &out->id);
}

bool bl_alert_matches(const struct bl_alert_rule *rule, const struct bl_alert_change *c)
{
    if (rule->type < BL_RULE_COUNT && rule->type != c->type)
        return false;
    if (c->severity < rule->severity)
        return false;
    if (c->raised && rule->severity <= BL_LOW) /* it matched when it was new */
        return false;
    return rule->page[0] == '\0' || bl_path_within(c->page, bl_str_of(rule->page));
}

void bl_alert_state_init(struct bl_alert_state *s)
{
    s->fired_ms = BL_ALERT_NOT_YET;
    s->n = 0;
}

int64_t bl_alert_horizon(const struct bl_alert_rule *rule, const struct bl_alert_state *s)
{
    int64_t out;
    if (s->n == 0 || __builtin_sub_overflow(s->v[s->n - 1].at_ms, 2 * rule->within_ms, &out))
        return INT64_MIN;
    return out;
}

static void drop_first(struct bl_alert_state *s, size_t k)
{
    s->n -= k;
    memmove(s->v, s->v + k, s->n * sizeof *s->v);
}

/* Where it was put; s->n: it is too old to matter. */
static size_t insert(const struct bl_alert_rule *rule, struct bl_alert_state *s, struct bl_pattern_id id,
                     int64_t at_ms)
{
    size_t at, old = 0;
    if (s->n > 0 && at_ms <= bl_alert_horizon(rule, s))
        return s->n;
    if (s->n == BL_ALERT_WINDOW_MAX) {
        if (at_ms < s->v[0].at_ms)
            return s->n;
        drop_first(s, 1);
    }
    for (at = s->n; at > 0 && s->v[at - 1].at_ms > at_ms; at--)
        s->v[at] = s->v[at - 1];
    s->v[at] = (struct bl_alert_counted){at_ms, id};
    s->n++;
    while (s->v[old].at_ms <= bl_alert_horizon(rule, s))
        old++;
    drop_first(s, old);
    return at - old;
}

void bl_alert_state_add(const struct bl_alert_rule *rule, struct bl_alert_state *s, struct bl_pattern_id id,
                        int64_t at_ms)
{
    (void)insert(rule, s, id, at_ms);
}

/* How many lie in the window that ends with entry `last`. */
static size_t count_until(const struct bl_alert_rule *rule, const struct bl_alert_state *s, size_t last)
{
    size_t n = 0;
    while (n <= last && s->v[last - n].at_ms > s->v[last].at_ms - rule->within_ms)
        n++;
    return n;
}

/* Of the windows that hold entry `at`, the latest with more than `over`: its end, or s->n. */
static size_t crossing(const struct bl_alert_rule *rule, const struct bl_alert_state *s, size_t at,
                       size_t *count)
{
    size_t found = s->n;
    for (size_t x = at; x < s->n && s->v[x].at_ms - rule->within_ms < s->v[at].at_ms; x++) {
        size_t n = count_until(rule, s, x);
        if (n <= (size_t)rule->over)
            continue;
        found = x;
        *count = n;
    }
    return found;
}

static bool cooling(const struct bl_alert_rule *rule, const struct bl_alert_state *s, int64_t at_ms)
{
    return rule->cooldown_ms > 0 && s->fired_ms != BL_ALERT_NOT_YET &&
           at_ms < s->fired_ms + rule->cooldown_ms;
}

static enum bl_alert_verdict offer(const struct bl_alert_rule *rule, struct bl_alert_state *s,
                                   const struct bl_alert_change *c, size_t *count)
{
    int64_t at_ms = c->at_ms;
    *count = 1;
    if (rule->over > 0) {
        size_t at = insert(rule, s, c->id, at_ms);
        size_t end = at < s->n ? crossing(rule, s, at, count) : s->n;
        if (end == s->n)
            return BL_ALERT_COUNTED;
        at_ms = s->v[end].at_ms;
    }
    if (cooling(rule, s, at_ms))
        return BL_ALERT_SUPPRESSED;
    if (s->fired_ms == BL_ALERT_NOT_YET || at_ms > s->fired_ms)
        s->fired_ms = at_ms;
    s->n = 0;
    return BL_ALERT_FIRED;
}

static bool same(const struct bl_alert_match *a, const struct bl_alert_match *b)
{
    return a->rule == b->rule && memcmp(&a->change->id, &b->change->id, sizeof a->change->id) == 0;
}

void bl_alert_decide(const struct bl_alert_rule *rules, struct bl_alert_state *states,
                     struct bl_alert_match *matches, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bl_alert_match *m = &matches[i];
        bool known = m->known;
        for (size_t k = 0; k < i && !known; k++)
            known = same(m, &matches[k]);
        m->verdict = known ? BL_ALERT_KNOWN : offer(&rules[m->rule], &states[m->rule], m->change, &m->count);
    }
}

void bl_alert_delivery_id(struct bl_str env, const char *rule, const struct bl_pattern_id *pattern,
                          char out[BL_ALERT_ID_BYTES])
{
    char text[BL_ENV_MAX_BYTES + BL_ALERT_NAME_MAX_BYTES + sizeof pattern->b + 2];
    struct bl_buf b = {.p = text, .cap = sizeof text, .max = sizeof text};
    struct bl_pattern_id id;
    bl_buf_str(&b, env);
    bl_buf_char(&b, '\0');
    bl_buf_z(&b, rule);
    bl_buf_char(&b, '\0');
    bl_buf_add(&b, pattern->b, sizeof pattern->b);
    struct bl_hash128 h = bl_hash128(delivery_key, bl_buf_view(&b));
    for (size_t i = 0; i < 8; i++) {
        id.b[i] = (unsigned char)(h.lo >> (8 * i));
        id.b[8 + i] = (unsigned char)(h.hi >> (8 * i));
    }
    bl_pattern_id_hex(&id, out);
    out[32] = '\0';
}

enum bl_alert_fate bl_alert_fate(const struct bl_alert_attempt *a)
{
    bool again = a->status == 0 ? !a->hopeless : a->status == 408 || a->status == 429 || a->status >= 500;
    if (a->status >= 200 && a->status < 300)
        return BL_ALERT_DELIVERED;
    if (again && a->attempts < BL_ALERT_ATTEMPTS_MAX && a->age_ms < BL_ALERT_AGE_MAX_MS)
        return BL_ALERT_RETRY;
    return BL_ALERT_GIVEN_UP;
}

int64_t bl_alert_delay_ms(int failures, int64_t retry_after_ms, uint32_t random)
{
    int64_t delay = BL_ALERT_DELAY_MIN_MS;
    for (int i = 1; i < failures && delay < BL_ALERT_DELAY_MAX_MS; i++)
        delay *= 2;
    if (delay > BL_ALERT_DELAY_MAX_MS)
        delay = BL_ALERT_DELAY_MAX_MS;
    delay -= (int64_t)((uint64_t)delay / 2 * random / UINT32_MAX);
    if (retry_after_ms > BL_ALERT_DELAY_MAX_MS)
        retry_after_ms = BL_ALERT_DELAY_MAX_MS;
    return retry_after_ms > delay ? retry_after_ms : delay;
}
