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
    *x = (struct bl_restored){.id = text_of(h, "position:id"),
                              .clock_ms = number_of(h, "position:clock", -1),
                              .entries = number_of(h, "position:entries", 0),
                              .rate = text_of(h, "rate"),
                              .rules = text_of(h, "rules:settings"),
                              .rules_version = number_of(h, "rules:version", 0),
                              .rules_at_ms = number_of(h, "rules:at", 0)};
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
}

static bool due_before(const struct bl_due *a, const struct bl_due *b)
{
    return a->score_ms != b->score_ms ? a->score_ms < b->score_ms : bl_str_cmp(a->user_id, b->user_id) < 0;
}

void store_due(struct sim *s, struct request *r)
{
    const struct table *t = &s->store.shard[r->p].t;
    struct bl_due *v = sim_get(s, (SIM_USERS + 1) * sizeof *v);
    size_t n = 0;
    for (size_t i = table_from(t, due_prefix); i < t->n && bl_str_starts(t->v[i].key, due_prefix); i++) {
        struct bl_due d = {rest_of(t->v[i].key, due_prefix.n), t->v[i].number};
        size_t at = n;
        if (d.score_ms > r->number || n == SIM_USERS)
            continue;
        for (; at > 0 && due_before(&d, &v[at - 1]); at--)
            v[at] = v[at - 1];
        v[at] = d;
        n++;
    }
    r->dues_reply = (struct bl_dues){BL_OK, v, n < r->max ? n : r->max};
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
