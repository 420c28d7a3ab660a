/* What the store answers to who only asks: at take-over, before a step, before a commit. */
#include "store.h"

static const struct bl_str tombstone_prefix = {"tombstone:", 10};

static struct bl_str text_of(const struct shard *h, const char *key)
{
    const struct cell *c = table_get(&h->t, bl_str_of(key));
    return c ? c->value : BL_STR("");
}

static int64_t number_of(const struct shard *h, const char *key, int64_t otherwise)
{
    const struct cell *c = table_get(&h->t, bl_str_of(key));
    return c ? c->number : otherwise;
}

struct bl_str *store_recent(struct sim *s, const struct shard *h)
{
    struct bl_str *v = sim_get(s, (h->recent.n + 1) * sizeof *v);
    for (size_t i = 0; i < h->recent.n; i++)
        v[i] = h->recent.v[h->recent.n - 1 - i];
    return v;
}

static struct bl_str *store_stored(struct sim *s, const struct shard *h, size_t *n)
{
    static const struct bl_str prefix = {"stored:", 7};
    struct bl_str *v = sim_get(s, (SIM_USERS + 1) * sizeof *v);
    *n = 0;
    for (size_t i = table_from(&h->t, prefix); i < h->t.n && bl_str_starts(h->t.v[i].key, prefix); i++)
        v[(*n)++] = rest_of(h->t.v[i].key, prefix.n);
    return v;
}

void store_restore(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    struct bl_restored *x = &r->restored_reply;
    r->conn->watching = true;
    r->conn->version = h->version;
    r->ok = BL_PLANT(NO_FENCE) || same_fence(h->fence, r->fence);
    if (fenced(h, r)) {
        r->err = BL_ERR_FENCED;
        return;
    }
    *x = (struct bl_restored){
        .position = {text_of(h, "position:id"), number_of(h, "position:clock", -1),
                     number_of(h, "position:entries", 0)},
        .states = {text_of(h, "position:users:id"), number_of(h, "position:users:clock", -1),
                   number_of(h, "position:users:entries", 0)},
        .terms = {number_of(h, "position:users:grace", -1), number_of(h, "position:users:seen-ms", 0),
                  number_of(h, "position:users:seen-max", 0)},
        .rate = text_of(h, "rate"),
        .rules = text_of(h, "rules:settings"),
        .rules_version = number_of(h, "rules:version", 0),
        .rules_at_ms = number_of(h, "rules:at", 0)};
    x->behind = x->states.clock_ms >= 0;
    if (x->behind && (bl_str_eq(text_of(h, "position:part"), x->position.id) || BL_PLANT(PART_KEPT)))
        x->stored = store_stored(s, h, &x->n_stored);
    x->rules_noted = x->rules_version > 0;
    if (!x->rules_noted) {
        x->rules = bl_buf_view(&sim_rules.text[0]);
        x->rules_version = 1;
    }
    struct bl_str *seen = sim_get(s, (h->seen.n + 1) * sizeof *seen);
    if (h->seen.n)
        memcpy(seen, h->seen.v, h->seen.n * sizeof *seen);
    size_t from = table_from(&h->t, tombstone_prefix);
    struct bl_str *erased = sim_get(s, 2 * (BL_TOMBSTONES_MAX + 1) * sizeof *erased);
    x->n_erased = 0;
    for (size_t i = from; i < h->t.n && bl_str_starts(h->t.v[i].key, tombstone_prefix); i++) {
        erased[x->n_erased++] = rest_of(h->t.v[i].key, tombstone_prefix.n);
        erased[x->n_erased++] = sim_text(s, "%lld", (long long)h->t.v[i].number);
    }
    x->erased = erased;
    x->seen = seen;
    x->n_seen = h->seen.n;
    x->recent = store_recent(s, h);
    x->n_recent = h->recent.n;
}

static bool due_before(const struct bl_due *a, const struct bl_due *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : bl_str_cmp(a->user_id, b->user_id) < 0;
}

static void put_in_order(struct bl_due *v, size_t n, struct bl_due d)
{
    for (; n > 0 && due_before(&d, &v[n - 1]); n--)
        v[n] = v[n - 1];
    v[n] = d;
}

/* Of either list as many as are asked for; of both in order. The most of either is what there is of it. */
size_t store_due(struct sim *s, struct request *r)
{
    const struct table *t = &s->store.shard[r->p].t;
    struct bl_due *v = sim_get(s, 2 * SIM_USERS * sizeof *v), d;
    size_t n = 0, first, most;
    for (size_t i = table_from(t, due_prefix); i < t->n && bl_str_starts(t->v[i].key, due_prefix); i++) {
        d = (struct bl_due){rest_of(t->v[i].key, due_prefix.n), t->v[i].number, false};
        if (d.due_ms <= r->number && n < SIM_USERS)
            put_in_order(v, n++, d);
    }
    n = most = n < r->max ? n : r->max;
    struct bl_due *idle = sim_get(s, SIM_USERS * sizeof *idle);
    first = n;
    for (size_t i = table_from(t, active_prefix), k = 0;
         i < t->n && bl_str_starts(t->v[i].key, active_prefix); i++) {
        d = (struct bl_due){rest_of(t->v[i].key, active_prefix.n), t->v[i].number + BL_IDLE_MS, true};
        if (d.due_ms > r->passed_ms && d.due_ms <= r->number && k < SIM_USERS)
            put_in_order(idle, k++, d), n = first + k;
    }
    n = n < first + r->max ? n : first + r->max;
    most = n - first > most ? n - first : most;
    for (size_t i = first; i < n; i++)
        put_in_order(v, i, idle[i - first]);
    r->dues_reply = (struct bl_dues){BL_OK, v, n};
    return most;
}

void store_load(struct sim *s, struct request *r)
{
    const struct table *t = &s->store.shard[r->p].t;
    r->loaded_reply = sim_get(s, (r->n_names + 1) * sizeof *r->loaded_reply);
    for (size_t k = 0; k < r->n_names; k++) {
        struct bl_str prefix = sim_text(s, "user:%.*s\x01", BL_STR_ARG(r->names[k]));
        const struct cell *due = table_get(t, sim_text(s, "due:%.*s", BL_STR_ARG(r->names[k])));
        struct bl_state_pair *pairs = sim_get(s, BL_STATE_FIELDS_MAX * sizeof *pairs);
        size_t n = 0;
        for (size_t i = table_from(t, prefix); i < t->n && bl_str_starts(t->v[i].key, prefix); i++)
            pairs[n++] = (struct bl_state_pair){rest_of(t->v[i].key, prefix.n), t->v[i].value};
        r->loaded_reply[k] = (struct bl_loaded){pairs, n, due ? due->number : BL_NEVER};
    }
}

static struct bl_str column(struct sim *s, const struct table *t, struct bl_str id, enum bl_column c)
{
    const struct cell *cell = table_get(t, sim_text(s, "pattern:%.*s:%s", BL_STR_ARG(id), bl_column_name(c)));
    return cell ? cell->value : BL_STR("");
}

void store_check(struct sim *s, struct request *r)
{
    const struct table *t = &s->store.shard[r->p].t;
    r->checked_reply = sim_get(s, (r->n_names + 1) * sizeof *r->checked_reply);
    for (size_t k = 0; k < r->n_names; k++) {
        struct bl_checked *c = &r->checked_reply[k];
        *c = (struct bl_checked){.user_id = column(s, t, r->names[k], BL_COLUMN_USER_ID),
                                 .type = column(s, t, r->names[k], BL_COLUMN_TYPE),
                                 .variant = column(s, t, r->names[k], BL_COLUMN_VARIANT),
                                 .page = column(s, t, r->names[k], BL_COLUMN_PAGE),
                                 .severity = column(s, t, r->names[k], BL_COLUMN_SEVERITY),
                                 .detected_at = column(s, t, r->names[k], BL_COLUMN_DETECTED_AT)};
        c->exists = c->user_id.n > 0;
        c->resolved = bl_str_eqz(column(s, t, r->names[k], BL_COLUMN_RESOLVED), "true");
    }
    r->pages_reply = sim_get(s, (r->n_buckets + 1) * sizeof *r->pages_reply);
    for (size_t k = 0; k < r->n_buckets; k++) {
        struct bl_str prefix = sim_text(s, "count:%d:%lld:", BL_TALLY_PAGES, (long long)r->buckets[k]);
        size_t from = table_from(t, prefix), to = from;
        while (to < t->n && bl_str_starts(t->v[to].key, prefix))
            to++;
        struct list *l = &r->pages_reply[k];
        *l = (struct list){sim_get(s, (to - from + 1) * sizeof *l->v), 0, 0};
        for (size_t i = from; i < to; i++)
            l->v[l->n++] = rest_of(t->v[i].key, prefix.n);
    }
}
