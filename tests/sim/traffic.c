/* What is appended: what people do, again and again a duplicate, a person's resolve, other rules, an explanation,
 * an erasure, what nobody can read. Each goes in at once, as a confirmed append does. */
#include "sim.h"

#define EVENTS_MAX 5
#define POISON_MAX 3 /* in one run: each kills a handful of workers */

static const char *any(struct sim *s, const char *const *words, size_t n)
{
    return words[sim_below(s, (int64_t)n)];
}

void traffic_append(struct sim *s, int p, enum bl_entry_kind kind, struct bl_str text)
{
    struct request *r = sim_get(s, sizeof *r);
    *r = (struct request){.op = OP_APPEND, .p = p, .kind = kind, .text = text, .at_ms = s->now_ms};
    store_apply(s, r);
    sim_say(s, "p%d + %.*s", p, (int)(text.n < 200 ? text.n : 200), text.p);
    for (int i = 0; i < s->partitions; i++)
        if (p < 0 || i == p)
            world_ring(s, i);
}

static struct bl_str any_event(struct sim *s, int user)
{
    static const char *const actions[] = {
        "page_view", "page_view",  "page_view",  "navigate",    "click",        "click",
        "click",     "click",      "dead_click", "error",       "input_change", "form_submit",
        "page_exit", "tab_hidden", "idle",       "session_end", "purchase",     "checkout_start"};
    static const char *const pages[] = {"/a", "/b", "/a", "/cart", "/checkout", "/payment", "/confirm"};
    static const char *const deadly_pages[] = {"/deadly", "/deadly-later", "/deadly-stored",
                                               "/deadly-stored"};
    static const int64_t ages[] = {0, 0, 0, 0, 1, 300, 2000, 400000};
    char time[80] = "", id[32];
    if (sim_below(s, 3) == 0)
        snprintf(time, sizeof time, ",\"timestamp\":%lld", (long long)(store_now(s) - ages[sim_below(s, 8)]));
    unsigned number = s->event_number++;
    if (number > 3 && sim_below(s, 6) == 0)
        number -=
            1 + (unsigned)sim_below(s, 3); /* may be one that was there: of this user it is a duplicate */
    snprintf(id, sizeof id, "e%u", number);
    const char *page = any(s, pages, sizeof pages / sizeof *pages);
    bool made = sim_below(s, 8) == 0;
    if (s->n_poison < POISON_MAX && sim_chance(s, s->dangers.poison)) {
        s->n_poison++;
        page = any(s, deadly_pages, sizeof deadly_pages / sizeof *deadly_pages);
    } else if (sim_chance(s, 4 * s->dangers.poison)) {
        page = "/again/deadly"; /* SIM_DEADLY_REDO */
        made = true;            /* or its id would be forgotten */
        snprintf(time, sizeof time, ",\"timestamp\":%lld,\"sent_at\":%lld",
                 (long long)(store_now(s) - 400000), (long long)store_now(s));
    }
    return sim_text(
        s,
        "{\"user_id\":\"u%d\",\"action\":\"%s\",\"page\":\"%s\",\"event_id\":\"%s\"%s,\"metadata\":{"
        "\"target\":\"buy\",\"form\":\"f%d\",\"x\":%d,\"y\":2}%s}",
        user, any(s, actions, sizeof actions / sizeof *actions), page, id, time, (int)sim_below(s, 2),
        (int)sim_below(s, 2) * 40, made ? ",\"made_id\":true" : "");
}

static void append_events(struct sim *s)
{
    int user = (int)sim_below(s, SIM_USERS), p = user % s->partitions;
    struct bl_str text = {"", 0};
    for (int64_t n = 1 + sim_below(s, EVENTS_MAX); n > 0; n--) {
        struct bl_str line = sim_below(s, 60) ? any_event(s, user) : BL_STR("{\"user_id\":\"u\",\"act");
        text = text.n ? sim_text(s, "%.*s\n%.*s", BL_STR_ARG(text), BL_STR_ARG(line)) : line;
        if (sim_below(s, 3) == 0)
            user =
                (user + s->partitions) % SIM_USERS - (user + s->partitions) % SIM_USERS % s->partitions + p;
        if (user >= SIM_USERS)
            user = p;
    }
    traffic_append(s, p, BL_ENTRY_EVENTS, text);
}

static bool deadly(struct bl_str text)
{
    return memmem(text.p, text.n, SIM_DEADLY.p, SIM_DEADLY.n) != NULL;
}

/* A client that had no answer sends again. */
static void append_again(struct sim *s)
{
    int p = (int)sim_below(s, s->partitions);
    const struct shard *h = &s->store.shard[p];
    if (h->n_entries == 0)
        return;
    size_t back = 1 + (size_t)sim_below(s, h->n_entries < 12 ? (int64_t)h->n_entries : 12);
    const struct entry *e = &h->entries[h->n_entries - back];
    if (e->kind != BL_ENTRY_TICK && !deadly(e->value))
        traffic_append(s, p, e->kind, e->value);
}

/* A stored pattern of the partition: its id is what stands behind "patterns:". */
static struct bl_str any_pattern(struct sim *s, int p)
{
    const struct table *t = &s->store.shard[p].t;
    static const struct bl_str prefix = {"patterns:", 9};
    size_t from = table_from(t, prefix), n = 0;
    while (from + n < t->n && bl_str_starts(t->v[from + n].key, prefix))
        n++;
    if (n == 0)
        return BL_STR("00000000000000000000000000000000");
    struct bl_str key = t->v[from + (size_t)sim_below(s, (int64_t)n)].key;
    return (struct bl_str){key.p + prefix.n, key.n - prefix.n};
}

static void append_command(struct sim *s)
{
    int p = (int)sim_below(s, s->partitions);
    struct bl_str id = any_pattern(s, p);
    const struct cell *c =
        table_get(&s->store.shard[p].t, sim_text(s, "pattern:%.*s:user_id", BL_STR_ARG(id)));
    struct bl_str user = c ? c->value : BL_STR("u0");
    bool resolve = sim_below(s, 3) > 0;
    traffic_append(s, p, BL_ENTRY_COMMAND,
                   resolve
                       ? sim_text(s, "{\"command\":\"resolve\",\"pattern_id\":\"%.*s\",\"user_id\":\"%.*s\"}",
                                  BL_STR_ARG(id), BL_STR_ARG(user))
                       : sim_text(s,
                                  "{\"command\":\"explain\",\"pattern_id\":\"%.*s\",\"user_id\":\"%.*s\","
                                  "\"text\":\"as said at %lld\"}",
                                  BL_STR_ARG(id), BL_STR_ARG(user), (long long)s->now_ms));
}

static void append_erase(struct sim *s)
{
    int user = (int)sim_below(s, SIM_USERS);
    const char *what = sim_below(s, 3) ? "erase" : "readmit";
    traffic_append(s, user % s->partitions, BL_ENTRY_COMMAND,
                   sim_text(s, "{\"command\":\"%s\",\"user_id\":\"u%d\"}", what, user));
}

static void append_rules(struct sim *s)
{
    const struct bl_buf *text = &sim_rules.text[sim_below(s, SIM_RULES)];
    struct bl_str settings = sim_below(s, 8) ? bl_buf_view(text) : BL_STR("{\"twin\":-1}");
    s->rules_version++;
    traffic_append(s, -1, BL_ENTRY_COMMAND,
                   sim_text(s, "{\"command\":\"rules\",\"version\":%lld,\"settings\":%.*s}",
                            (long long)s->rules_version, BL_STR_ARG(settings)));
}

void traffic_step(struct sim *s)
{
    int64_t dice = sim_below(s, 100);
    if (dice < 74)
        append_events(s);
    else if (dice < 86)
        append_again(s);
    else if (dice < 92)
        append_command(s);
    else if (dice < 94)
        append_erase(s);
    else if (dice < 98)
        append_rules(s);
    else
        traffic_append(s, (int)sim_below(s, s->partitions), dice == 98 ? BL_ENTRY_POISON : BL_ENTRY_COMMAND,
                       BL_STR("{\"what\":1}"));
}
