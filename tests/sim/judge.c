/* What must be true. After each commit: entries added = committed + lag, and nothing is acknowledged but what is
 * committed. At rest: the very stream is run once more, from its first entry, through a partition in memory that has
 * everybody at hand and never stops; and all that the store holds must be what this gives: states, patterns with all
 * columns, counters, the feed of changes, what was set aside, recent events, rules, position. */
#include "judge.h"
#include "bl/core/rule.h"
#include "bl/wire/command.h"
#include "worker/owner.h"

static struct bl_decoder *decoder;
static struct bl_buf scratch;

void judge_release(void)
{
    if (decoder)
        bl_decoder_free(decoder);
    decoder = NULL;
    bl_buf_release(&scratch);
    states_release();
}

void judge_balance(struct sim *s, int p)
{
    const struct shard *h = &s->store.shard[p];
    const struct cell *entries = table_get(&h->t, BL_STR("position:entries"));
    const struct cell *id = table_get(&h->t, BL_STR("position:id"));
    int64_t committed = entries ? entries->number : 0;
    if (committed != (int64_t)h->n_acked)
        sim_fail(s, "p%d: %lld entries are committed, %zu acknowledged", p, (long long)committed, h->n_acked);
    else if (h->n_acked && !bl_str_eq(id->value, h->entries[h->n_acked - 1].id))
        sim_fail(s, "p%d: %zu entries are committed, but the position is %.*s", p, h->n_acked,
                 BL_STR_ARG(id->value));
    for (size_t i = 0; i < h->n_acked; i++)
        if (!h->entries[i].acked)
            sim_fail(s, "p%d: entry %.*s was passed over", p, BL_STR_ARG(h->entries[i].id));
}

void judge_tick(struct sim *s, int p)
{
    if (table_get(&s->store.shard[p].t, BL_STR("position:users:id")))
        sim_fail(s, "p%d: time enters the stream while users are behind", p);
}

/* ---- the undisturbed run ---- */

static struct bl_str keep(struct reference *x, struct bl_str text)
{
    return sim_copy(x->sim, text);
}

static void add(struct reference *x, enum bl_tally tally, int64_t number, struct bl_str field, int64_t n)
{
    table_put(&x->t, KEY("count:%d:%lld:%.*s", tally, (long long)number, BL_STR_ARG(field)))->number += n;
}

static void total(struct reference *x, struct bl_str field, int64_t n)
{
    add(x, BL_TALLY_COUNTERS, 0, field, n);
}

static struct bl_str column(struct reference *x, struct bl_str id, enum bl_column c)
{
    const struct cell *cell = table_get(&x->t, KEY("pattern:%.*s:%s", BL_STR_ARG(id), bl_column_name(c)));
    return cell ? cell->value : BL_STR("");
}

static void change(struct reference *x, const char *what, struct bl_str id, const char *severity,
                   int64_t at_ms)
{
    struct bl_str type = column(x, id, BL_COLUMN_TYPE);
    struct bl_str page = column(x, id, BL_COLUMN_PAGE);
    list_add(&x->changes, KEY("%s %.*s %.*s %s %.*s %lld", what, BL_STR_ARG(id), BL_STR_ARG(type), severity,
                              BL_STR_ARG(page), (long long)at_ms));
}

static void created(struct reference *x, const struct bl_pattern *p, struct bl_str id)
{
    const char *type = bl_rule(p->rule)->name;
    table_put(&x->t, KEY("patterns:%.*s", BL_STR_ARG(id)))->number = p->detected_ms;
    table_put(&x->t, KEY("open:%.*s", BL_STR_ARG(id)))->number = p->detected_ms;
    table_put(&x->t, KEY("patterns-of:%.*s:%.*s", BL_STR_ARG(p->user_id), BL_STR_ARG(id)))->number =
        p->detected_ms;
    total(x, BL_STR("patterns"), 1);
    total(x, BL_STR("open"), 1);
    total(x, KEY("type:%s", type), 1);
    add(x, BL_TALLY_MINUTE, p->detected_ms / OWNER_MINUTE_MS, KEY("type:%s", type), 1);
    add(x, BL_TALLY_PAGES, p->detected_ms / OWNER_PAGES_MS, KEY("%s %.*s", type, BL_STR_ARG(p->page)), 1);
    x->sim->n_patterns++;
}

static void resolved(struct reference *x, struct bl_str id, int64_t at_ms)
{
    table_del(&x->t, KEY("open:%.*s", BL_STR_ARG(id)));
    total(x, BL_STR("open"), -1);
    add(x, BL_TALLY_MINUTE, at_ms / OWNER_MINUTE_MS, BL_STR("resolved"), 1);
}

static void on_pattern(void *ctx, const struct bl_pattern *p)
{
    static const char *const names[] = {"new", "raised", "resolved"};
    struct reference *x = ctx;
    struct bl_row row;
    char hex[32];
    bl_pattern_id_hex(&p->id, hex);
    struct bl_str id = keep(x, (struct bl_str){hex, sizeof hex}), was = column(x, id, BL_COLUMN_SEVERITY);
    /* Whose state was set aside may make once more what he has made before. */
    if ((p->change == BL_PATTERN_NEW && was.n) ||
        (p->change == BL_PATTERN_RESOLVED && column(x, id, BL_COLUMN_RESOLVED).n))
        return;
    bl_buf_clear(&scratch);
    if (bl_row_of(p, &scratch, &row) != BL_OK)
        abort();
    if (p->change != BL_PATTERN_RESOLVED) {
        total(x, KEY("severity:%s", bl_severity_name(p->severity)), 1);
        if (was.n)
            total(x, KEY("severity:%.*s", BL_STR_ARG(was)), -1);
    }
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if (row.v[i].n)
            table_put(&x->t, KEY("pattern:%.*s:%s", BL_STR_ARG(id), bl_column_name((enum bl_column)i)))
                ->value = keep(x, row.v[i]);
    if (p->change == BL_PATTERN_NEW)
        created(x, p, id);
    int64_t at_ms = p->change == BL_PATTERN_RESOLVED ? p->resolved_ms : p->updated_ms;
    if (p->change == BL_PATTERN_RESOLVED)
        resolved(x, id, at_ms);
    change(x, names[p->change], id, bl_severity_name(p->severity), at_ms);
}

static void on_attempt(void *ctx, enum bl_attempt_end end, int64_t at_ms)
{
    struct reference *x = ctx;
    struct bl_str name =
        end == BL_ATTEMPT_COMPLETED ? BL_STR("attempts:completed") : BL_STR("attempts:abandoned");
    total(x, name, 1);
    add(x, BL_TALLY_MINUTE, at_ms / OWNER_MINUTE_MS, name, 1);
}

static void add_recent(struct reference *x, struct bl_str line, const struct bl_taken *taken)
{
    if (judge_taken_again(x))
        return;
    list_add(&x->recent, KEY("%lld%s%s %.*s", (long long)x->at->ms, taken->late ? ",late" : "",
                             taken->clock_adjusted ? ",clock_adjusted" : "", BL_STR_ARG(line)));
    x->n_recent += x->n_recent < x->sim->recent_max;
}

static void on_event(void *ctx, const struct bl_record *r, const struct bl_taken *taken)
{
    struct reference *x = ctx;
    add_recent(x, r->line, taken);
    int64_t minute = taken->t_ms / OWNER_MINUTE_MS;
    total(x, BL_STR("events"), 1);
    total(x, BL_STR("late"), taken->late);
    total(x, BL_STR("clock_adjusted"), taken->clock_adjusted);
    add(x, BL_TALLY_MINUTE, minute, BL_STR("events"), 1);
    add(x, BL_TALLY_MINUTE, minute, BL_STR("active"), taken->first_in_minute);
    if (taken->visit)
        add(x, BL_TALLY_PAGES, taken->t_ms / OWNER_PAGES_MS, KEY("views %.*s", BL_STR_ARG(r->event.page)), 1);
}

static void on_duplicate(void *ctx, const struct bl_record *r)
{
    (void)r;
    total(ctx, BL_STR("duplicates"), 1);
}

static void on_erased(void *ctx, const struct bl_record *r)
{
    (void)r;
    total(ctx, BL_STR("erased"), 1);
}

void judge_aside(struct reference *x, struct bl_str text)
{
    list_add(&x->aside, text);
    total(x, BL_STR("quarantined"), 1);
}

static void aside(struct reference *x, const struct entry *e, int64_t line, const char *reason,
                  struct bl_str text)
{
    judge_aside(x, judge_aside_text(x, e, line, reason, text));
}

static void take_lines(struct reference *x, const struct entry *e)
{
    int64_t number = -1;
    for (struct bl_str rest = e->value; rest.n > 0;) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct bl_str line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        struct bl_record r;
        x->line = ++number;
        if (bl_record_read(decoder, line, &r) != BL_OK)
            aside(x, e, -1, "unreadable event", line);
        else if (judge_kills(x, e, number, r.event.page, line))
            aside(x, e, number, JUDGE_DIED_OF_EVENT, line);
        else
            must(bl_partition_record(x->partition, &r, e->ms));
        size_t step = line.n + (end != NULL);
        rest = (struct bl_str){rest.p + step, rest.n - step};
    }
}

static void take_resolve(struct reference *x, const struct bl_command *c, struct bl_str id, int64_t now_ms)
{
    bool found;
    must(bl_partition_resolve(x->partition, bl_command_user(c), &c->pattern_id, now_ms, &found));
    if (found || !column(x, id, BL_COLUMN_USER_ID).n || column(x, id, BL_COLUMN_RESOLVED).n)
        return;
    struct bl_pattern p = {.change = BL_PATTERN_RESOLVED,
                           .id = c->pattern_id,
                           .severity = bl_severity_of(column(x, id, BL_COLUMN_SEVERITY)),
                           .resolution = BL_RESOLVED_MANUAL,
                           .resolved_ms = bl_partition_clock(x->partition)};
    on_pattern(x, &p);
}

static void take_explain(struct reference *x, const struct bl_command *c, struct bl_str id, int64_t now_ms)
{
    must(bl_partition_advance(x->partition, now_ms));
    struct bl_str severity = column(x, id, BL_COLUMN_SEVERITY);
    if (!severity.n)
        return;
    table_put(&x->t, KEY("pattern:%.*s:%s", BL_STR_ARG(id), bl_column_name(BL_COLUMN_AI_EXPLANATION)))
        ->value = keep(x, bl_command_text(c));
    change(x, "explained", id, bl_severity_name(bl_severity_of(severity)), bl_partition_clock(x->partition));
}

static void note_rules(struct reference *x, int64_t version, int64_t at_ms, struct bl_str text)
{
    x->version = version;
    table_put(&x->t, BL_STR("rules:version"))->number = version;
    table_put(&x->t, BL_STR("rules:at"))->number = at_ms;
    table_put(&x->t, BL_STR("rules:settings"))->value = keep(x, text);
}

static void take_rules(struct reference *x, const struct bl_command *c, const struct entry *e)
{
    struct bl_rules *rules = NULL;
    if (c->version <= x->version)
        return;
    bl_buf_clear(&scratch);
    if (bl_rules_read(c->settings, &rules, &scratch) != BL_OK) {
        aside(x, e, -1, "unreadable rules", e->value);
        return;
    }
    must(bl_partition_set_rules(x->partition, bl_rules_settings(rules), e->ms));
    bl_rules_free(x->rules);
    x->rules = rules;
    note_rules(x, c->version, e->ms, c->settings);
    table_put(&x->t, KEY("rules:since:%lld", (long long)c->version))->value = e->id;
}

static struct bl_str hash_text(struct reference *x, struct bl_hash128 hash)
{
    char hex[BL_ERASED_HEX];
    bl_erased_hex(hash, hex);
    return keep(x, (struct bl_str){hex, sizeof hex});
}

static void erase_pattern(struct reference *x, struct bl_str id, int64_t at_ms)
{
    if (table_get(&x->t, KEY("open:%.*s", BL_STR_ARG(id))))
        total(x, BL_STR("open"), -1);
    table_del(&x->t, KEY("open:%.*s", BL_STR_ARG(id)));
    table_del(&x->t, KEY("patterns:%.*s", BL_STR_ARG(id)));
    table_del_all(&x->t, KEY("pattern:%.*s:", BL_STR_ARG(id)));
    list_add(&x->changes, KEY("erased %.*s    %lld", BL_STR_ARG(id), (long long)at_ms));
}

static void erase_recent(struct reference *x, struct bl_str user)
{
    struct bl_str of = KEY(" {\"user_id\":\"%.*s\",", BL_STR_ARG(user));
    size_t n = 0, first = x->recent.n - x->n_recent;
    for (size_t i = 0; i < x->recent.n; i++)
        if (memmem(x->recent.v[i].p, x->recent.v[i].n, of.p, of.n))
            x->n_recent -= i >= first;
        else
            x->recent.v[n++] = x->recent.v[i];
    x->recent.n = n;
}

static void take_erase(struct reference *x, struct bl_str user, const struct entry *e)
{
    struct bl_hash128 hash = bl_erased_hash(sim_key, user), oldest;
    struct bl_str name = hash_text(x, hash), prefix = KEY("patterns-of:%.*s:", BL_STR_ARG(user));
    int64_t n = 0;
    bool forgotten;
    must(bl_partition_erase(x->partition, user, e->ms, e->ms, &forgotten, &oldest));
    if (forgotten)
        table_del(&x->t, KEY("tombstone:%.*s", BL_STR_ARG(hash_text(x, oldest))));
    for (size_t i; i = table_from(&x->t, prefix), i < x->t.n && bl_str_starts(x->t.v[i].key, prefix); n++) {
        struct bl_str key = x->t.v[i].key;
        table_del(&x->t, key);
        erase_pattern(x, (struct bl_str){key.p + prefix.n, key.n - prefix.n}, e->ms);
    }
    erase_recent(x, user);
    table_put(&x->t, KEY("tombstone:%.*s", BL_STR_ARG(name)))->number = e->ms;
    table_put(&x->t, KEY("erasures:%.*s", BL_STR_ARG(name)))->number = e->ms;
    table_put(&x->t, KEY("erasure:%.*s:patterns", BL_STR_ARG(name)))->number += n;
}

static void take_readmit(struct reference *x, struct bl_str user, const struct entry *e)
{
    table_del(&x->t, KEY("tombstone:%.*s", BL_STR_ARG(hash_text(x, bl_erased_hash(sim_key, user)))));
    must(bl_partition_readmit(x->partition, user, e->ms));
}

static void take_command(struct reference *x, const struct entry *e)
{
    struct bl_command c = {0};
    char hex[32];
    if (bl_command_read(e->value, &c) != BL_OK) {
        aside(x, e, -1, "unreadable command", e->value);
        return;
    }
    bl_pattern_id_hex(&c.pattern_id, hex);
    struct bl_str id = keep(x, (struct bl_str){hex, sizeof hex}), user = keep(x, bl_command_user(&c));
    if (c.kind == BL_COMMAND_RULES)
        take_rules(x, &c, e);
    else if (c.kind == BL_COMMAND_ERASE)
        take_erase(x, user, e);
    else if (c.kind == BL_COMMAND_READMIT)
        take_readmit(x, user, e);
    else if (c.kind == BL_COMMAND_RESOLVE)
        take_resolve(x, &c, id, e->ms);
    else
        take_explain(x, &c, id, e->ms);
}

static void take(struct reference *x, const struct entry *e)
{
    x->at = e;
    if (e->kind == BL_ENTRY_EVENTS)
        take_lines(x, e);
    else if (e->kind == BL_ENTRY_COMMAND)
        take_command(x, e);
    else if (e->kind == BL_ENTRY_POISON)
        aside(x, e, -1, "not an entry of ours", e->value);
    must(bl_partition_advance(x->partition, e->ms));
    judge_drop_stored(x, e);
}

static void note_users(struct reference *x, const struct shard *h, int p)
{
    const struct bl_member *m;
    for (size_t i = 0; (m = bl_partition_member_next(x->partition, &i));) {
        const struct bl_user *u = bl_partition_state(x->partition, m);
        struct bl_state_field f[BL_STATE_FIELDS_MAX];
        struct bl_str page = {"", 0}, id = bl_member_id(m);
        const struct cell *due = table_get(&h->t, KEY("due:%.*s", BL_STR_ARG(id)));
        const struct cell *active = table_get(&h->t, KEY("active:%.*s", BL_STR_ARG(id)));
        int64_t idle_ms = active ? active->number + BL_IDLE_MS : BL_NEVER;
        bool idle = idle_ms > store_passed(h) && idle_ms <= u->due_ms;
        if (bl_user_gone(u)) {
            if (due)
                sim_fail(x->sim, "p%d: %.*s is forgotten, but has a deadline", p, BL_STR_ARG(id));
            continue;
        }
        if (u->due_ms != BL_NEVER && !idle && (!due || due->number > u->due_ms))
            sim_fail(x->sim, "p%d: the deadline of %.*s, %lld, is not scheduled in time (%lld)", p,
                     BL_STR_ARG(id), (long long)u->due_ms, due ? (long long)due->number : -1);
        must(bl_state_encode(u, &scratch, f));
        for (size_t k = 0; k < BL_STATE_FIELDS_MAX; k++)
            if (f[k].value.n)
                table_put(&x->t, KEY("user:%.*s\x01%s", BL_STR_ARG(id), f[k].name))->value =
                    keep(x, f[k].value);
        bool near = active && active->number <= u->seen_ms && u->seen_ms - active->number < BL_ACTIVE_LAG_MS;
        if (u->seen_ms >= 0)
            table_put(&x->t, KEY("active:%.*s", BL_STR_ARG(id)))->number = near ? active->number : u->seen_ms;
        int64_t checkout_ms = load_checkout(u, &page);
        if (checkout_ms != BL_NEVER)
            *table_put(&x->t, KEY("checkout:%.*s", BL_STR_ARG(id))) =
                (struct cell){KEY("checkout:%.*s", BL_STR_ARG(id)), keep(x, page), checkout_ms};
    }
}

static void run_reference(struct reference *x, const struct shard *h, int p)
{
    struct bl_settings settings = sim_rules.settings[0];
    struct bl_partition_sink sink = {.ctx = x,
                                     .pattern = on_pattern,
                                     .attempt = on_attempt,
                                     .event = on_event,
                                     .duplicate = on_duplicate,
                                     .erased = on_erased};
    if (!decoder)
        must(bl_decoder_new(&decoder));
    settings.grace_ms = SIM_GRACE_MS;
    must(
        bl_partition_new(&settings, false, sim_key, x->sim->seen_max, x->sim->seen_ms, &sink, &x->partition));
    note_rules(x, 1, 0, bl_buf_view(&sim_rules.text[0]));
    judge_runs(x);
    for (size_t i = 0; i < h->n_entries; i++)
        take(x, &h->entries[i]);
    judge_runs(NULL);
    note_users(x, h, p);
    table_put(&x->t, BL_STR("position:id"))->value = h->entries[h->n_entries - 1].id;
    table_put(&x->t, BL_STR("position:clock"))->number = bl_partition_clock(x->partition);
    table_put(&x->t, BL_STR("position:entries"))->number = (int64_t)h->n_entries;
    bl_partition_free(x->partition);
    bl_rules_free(x->rules);
}

/* What an erasure could not take back depends on when lines were stored; how many there were is told. */
static void take_cut(struct reference *x, const struct shard *h)
{
    struct bl_str key = KEY("count:%d:0:recent_cut", BL_TALLY_COUNTERS);
    const struct cell *c = table_get(&h->t, key);
    if (!c)
        return;
    table_put(&x->t, key)->number = c->number;
    x->n_recent -= (size_t)c->number < x->n_recent ? (size_t)c->number : x->n_recent;
}

/* ---- all of it ---- */

void judge_all(struct sim *s)
{
    enum bl_plant planted = bl_plant;
    bl_plant = BL_PLANT_NONE;
    for (int p = 0; p < s->partitions && !s->said.n; p++) {
        const struct shard *h = &s->store.shard[p];
        struct reference x = {.sim = s, .stored = &h->aside};
        if (h->n_entries == 0)
            continue;
        run_reference(&x, h, p);
        judge_redone(&x);
        take_cut(&x, h);
        struct table have = states_in_one_form(s, &h->t), want = states_in_one_form(s, &x.t);
        compare_tables(s, p, &have, &want);
        table_release(&have);
        table_release(&want);
        compare_sort_erased(&s->store.shard[p].changes);
        compare_sort_erased(&x.changes);
        compare_lists(s, p, "changes", &h->changes, &x.changes);
        struct list aside = {0};
        for (size_t i = 0; i < h->aside.n; i++)
            list_add(&aside, h->aside.v[i]);
        compare_lists(s, p, "entries set aside", compare_sorted(&aside), compare_sorted(&x.aside));
        list_release(&aside);
        compare_recent(s, p, &h->recent, &x.recent, x.n_recent);
        table_release(&x.t);
        list_release(&x.changes);
        list_release(&x.aside);
        list_release(&x.recent);
    }
    bl_plant = planted;
}
