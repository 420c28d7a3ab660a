/* What an owner is given of the stream, by the script or by the transaction of src/store/world_fetch.c. */
#include "store.h"

static void hand_out(struct bl_entry *to, const struct entry *from)
{
    *to = (struct bl_entry){from->id, from->ms, from->kind, from->value, from->deliveries};
}

static void read_pending(struct shard *h, size_t max, struct bl_fetched *f, struct bl_entry *out)
{
    for (size_t i = 0; i < h->n_read && f->n < max; i++)
        if (!h->entries[i].acked) {
            h->entries[i].deliveries++;
            hand_out(&out[f->n++], &h->entries[i]);
        }
    f->pending = f->n > 0;
    for (size_t i = 0; BL_PLANT(PENDING_SHUFFLED) && i < f->n / 2; i++) {
        struct bl_entry e = out[i];
        out[i] = out[f->n - 1 - i];
        out[f->n - 1 - i] = e;
    }
}

static void read_new(struct shard *h, size_t max, struct bl_fetched *f, struct bl_entry *out)
{
    for (f->n = 0; h->n_read < h->n_entries && f->n < max;) {
        hand_out(&out[f->n++], &h->entries[h->n_read]);
        h->entries[h->n_read++].deliveries = 1;
    }
}

int64_t store_passed(const struct shard *h)
{
    const struct cell *clock = table_get(&h->t, BL_STR("position:clock"));
    return clock && clock->number >= 0 ? clock->number - SIM_GRACE_MS : INT64_MIN;
}

int64_t store_earliest(const struct sim *s, int p, int64_t passed_ms)
{
    const struct table *t = &s->store.shard[p].t;
    int64_t first = BL_NEVER;
    for (size_t i = table_from(t, due_prefix); i < t->n && bl_str_starts(t->v[i].key, due_prefix); i++)
        first = t->v[i].number < first ? t->v[i].number : first;
    for (size_t i = table_from(t, active_prefix); i < t->n && bl_str_starts(t->v[i].key, active_prefix);
         i++) {
        int64_t idle_ms = t->v[i].number + BL_IDLE_MS;
        first = idle_ms > passed_ms && idle_ms < first ? idle_ms : first;
    }
    return first;
}

/* In live time, by the time of the last entry; of the first `ask` deadlines. */
static void tell_dues(struct sim *s, struct request *r)
{
    struct bl_fetched *f = &r->fetched_reply;
    size_t max = r->max;
    if (f->n == 0)
        return;
    r->number = f->entries[f->n - 1].received_ms - SIM_GRACE_MS;
    r->max = r->ask;
    f->dues_known = store_due(s, r) < r->ask || BL_PLANT(DUES_SOME);
    r->max = max;
    f->dues = r->dues_reply.users;
    f->n_dues = r->dues_reply.n;
}

static void by_script(struct sim *s, struct request *r, struct bl_entry *out)
{
    struct shard *h = &s->store.shard[r->p];
    struct bl_fetched *f = &r->fetched_reply;
    if (r->pending)
        read_pending(h, r->max, f, out);
    if (f->n == 0)
        read_new(h, r->max, f, out);
    tell_dues(s, r);
    f->earliest_ms = store_earliest(s, r->p, r->passed_ms);
    if ((f->n > 0 && !BL_PLANT(TICK_UNREAD)) || r->tick != BL_TICK_DUE || f->earliest_ms == BL_NEVER ||
        f->earliest_ms + SIM_GRACE_MS > r->store_ms)
        return;
    if (h->n_entries == 0 || h->entries[h->n_entries - 1].ms < r->store_ms) {
        judge_tick(s, r->p);
        store_add_entry(s, r->p, r->store_ms, BL_ENTRY_TICK, BL_STR("1"));
        read_new(h, r->max, f, out);
        tell_dues(s, r);
    }
}

void store_reread(struct sim *s, struct request *r)
{
    const struct shard *h = &s->store.shard[r->p];
    struct bl_entry *out = sim_get(s, r->max * sizeof *out);
    struct bl_fetched *f = &r->fetched_reply;
    bool after = r->name.n == 0, upto = false;
    *f = (struct bl_fetched){.now_ms = r->store_ms, .entries = out};
    for (size_t i = 0; i < h->n_entries && f->n < r->max && !upto; i++) {
        upto = bl_str_eq(h->entries[i].id, r->text);
        if (after)
            out[f->n++] = (struct bl_entry){h->entries[i].id, h->entries[i].ms, h->entries[i].kind,
                                            h->entries[i].value, 0};
        after = after || bl_str_eq(h->entries[i].id, r->name);
    }
}

/* ---- handed over ---- */

struct texts {
    struct sim *sim;
    char *bytes;
    size_t n;
};

static void let_go(void *arg)
{
    struct texts *t = arg;
    if (!t->bytes)
        sim_fail(t->sim, "the texts of a fetch were let go of twice");
    else
        memset(t->bytes, '~', t->n);
    t->bytes = NULL;
    t->sim->n_held--;
}

static struct bl_str hand_text(struct texts *t, struct bl_str s)
{
    char *p = t->bytes + t->n;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    t->n += s.n;
    return (struct bl_str){p, s.n};
}

struct bl_fetched store_hand_over(struct sim *s, const struct bl_fetched *f)
{
    struct bl_fetched own = *f;
    struct texts *t = sim_get(s, sizeof *t);
    struct bl_entry *entries = sim_get(s, f->n * sizeof *entries);
    size_t n = 0;
    if (f->err != BL_OK)
        return own;
    for (size_t i = 0; i < f->n; i++)
        n += f->entries[i].id.n + f->entries[i].value.n;
    *t = (struct texts){s, sim_get(s, n), 0};
    for (size_t i = 0; i < f->n; i++) {
        entries[i] = f->entries[i];
        entries[i].id = hand_text(t, f->entries[i].id);
        entries[i].value = hand_text(t, f->entries[i].value);
    }
    s->n_held++;
    own.entries = entries;
    own.held = (struct bl_held){t, let_go};
    return own;
}

/* ---- by transaction ---- */

static struct bl_entry *begin(struct sim *s, struct request *r)
{
    struct bl_entry *out = sim_get(s, BL_FETCH_ENTRIES * sizeof *out);
    r->fetched_reply = (struct bl_fetched){.now_ms = r->store_ms, .entries = out};
    return out;
}

/* Who asks by transaction knows it from before, if nobody is due (store/world_due.c): then the first of all may come later
 * than is told. */
static void tell_first(struct sim *s, struct request *r)
{
    struct bl_fetched *f = &r->fetched_reply;
    int64_t *told_ms = &s->store.shard[r->p].told_ms, first_ms = store_earliest(s, r->p, r->passed_ms);
    bool stale = BL_PLANT(DUES_STALE) && *told_ms > r->store_ms;
    f->earliest_ms = *told_ms = stale ? *told_ms : first_ms;
    f->dues_known |= stale && f->n > 0;
    f->n_dues = stale ? 0 : f->n_dues;
    if (first_ms != BL_NEVER && sim_chance(s, 2500))
        f->earliest_ms -= sim_below(s, SIM_EARLY_MS);
}

void store_fetch_unread(struct sim *s, struct request *r)
{
    struct bl_entry *out = begin(s, r);
    read_new(&s->store.shard[r->p], r->max, &r->fetched_reply, out);
    tell_dues(s, r);
    tell_first(s, r);
}

void store_fetch(struct sim *s, struct request *r)
{
    struct bl_entry *out = begin(s, r);
    if (fenced(&s->store.shard[r->p], r))
        r->err = BL_ERR_FENCED;
    else
        by_script(s, r, out);
}
