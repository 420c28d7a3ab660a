/* The Redis side in memory: what the scripts of lua/ and the commit's transaction do, each at once, at the time that the
 * store's clock showed. What was carried out is kept in order, as the append-only file keeps it: a lost tail is the rest
 * done again from the beginning. */
#include "store.h"

int64_t store_now(const struct sim *s)
{
    return s->now_ms + s->offset_ms;
}

void store_clear(struct store *st)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct shard *h = &st->shard[p];
        struct shard empty = {.t = h->t,
                              .seen = h->seen,
                              .changes = h->changes,
                              .aside = h->aside,
                              .recent = h->recent,
                              .entries = h->entries,
                              .cap_entries = h->cap_entries};
        *h = empty;
        h->t.n = h->seen.n = h->changes.n = h->aside.n = h->recent.n = 0;
    }
    st->n_living = 0;
}

void store_release(struct store *st)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct shard *h = &st->shard[p];
        table_release(&h->t);
        list_release(&h->seen);
        list_release(&h->changes);
        list_release(&h->aside);
        list_release(&h->recent);
        free(h->entries);
    }
    free(st->log);
}

/* ---- the stream ---- */

void store_add_entry(struct sim *s, int p, int64_t now_ms, enum bl_entry_kind kind, struct bl_str value)
{
    struct shard *h = &s->store.shard[p];
    const struct entry *last = h->n_entries ? &h->entries[h->n_entries - 1] : NULL;
    struct entry e = {.ms = now_ms, .kind = kind, .value = value};
    if (last && last->ms >= now_ms) {
        e.ms = last->ms;
        e.seq = last->seq + 1;
    }
    e.id = sim_text(s, "%lld-%lld", (long long)e.ms, (long long)e.seq);
    if (h->n_entries == h->cap_entries) {
        h->cap_entries = h->cap_entries ? h->cap_entries * 2 : 64;
        h->entries = realloc(h->entries, h->cap_entries * sizeof *h->entries);
        if (!h->entries)
            abort();
    }
    h->entries[h->n_entries++] = e;
}

static void apply_append(struct sim *s, struct request *r)
{
    for (int p = 0; p < s->partitions; p++)
        if (r->p < 0 || r->p == p)
            store_add_entry(s, p, r->store_ms, r->kind, r->text);
}

/* ---- marks ---- */

static const struct bl_str marks = {"suspect:", 8};

static struct bl_str mark_of(struct sim *s, struct fence f)
{
    return sim_text(s, "suspect:%016llx %llu", (unsigned long long)f.nonce, (unsigned long long)f.epoch);
}

static void apply_mark(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    const struct cell *entry = table_get(&h->t, BL_STR("suspect:entry"));
    struct bl_str mine = mark_of(s, r->fence);
    int64_t deaths = 0, others = 0;
    if (fenced(h, r)) {
        r->err = BL_ERR_FENCED;
        return;
    }
    if (!entry || !bl_str_eq(entry->value, r->name)) {
        table_del_all(&h->t, marks);
        table_put(&h->t, BL_STR("suspect:entry"))->value = r->name;
    }
    if (!BL_PLANT(MARK_LEFT))
        table_del_all(&h->t, (struct bl_str){mine.p, marks.n + 16});
    for (size_t i = table_from(&h->t, marks); i < h->t.n && bl_str_starts(h->t.v[i].key, marks); i++)
        others++, deaths += bl_str_eq(h->t.v[i].value, r->text);
    if (r->text.n && deaths < BL_POISON_DEATHS)
        table_put(&h->t, mine)->value = r->text;
    r->marked_reply.deaths = deaths;
    r->marked_reply.others = others - 1; /* the entry is one of these cells */
    r->marked_reply.now_ms = r->store_ms;
}

/* ---- leases ---- */

static void apply_acquire(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    bool held = h->lease_until > r->store_ms;
    r->ok = !held || h->lease.nonce == r->fence.nonce;
    if (!r->ok)
        return;
    r->epoch = h->fence.epoch + 1;
    h->fence = (struct fence){r->fence.nonce, r->epoch};
    h->version++;
    h->lease = h->fence;
    h->lease_until = r->store_ms + SIM_LEASE_MS;
}

static void apply_renew(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    if (fenced(h, r)) {
        r->err = BL_ERR_FENCED;
        return;
    }
    h->lease = r->fence;
    h->lease_until = r->store_ms + SIM_LEASE_MS;
}

static void apply_release(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    if (!BL_PLANT(MARK_LEFT))
        table_del(&h->t, mark_of(s, r->fence));
    if (h->lease_until > r->store_ms && same_fence(h->lease, r->fence))
        h->lease_until = 0;
}

static void apply_beat(struct sim *s, struct request *r)
{
    struct store *st = &s->store;
    size_t n = 0;
    for (size_t i = 0; i < st->n_living; i++)
        if (!bl_str_eq(st->living[i].name, r->name) && st->living[i].at_ms > r->store_ms - SIM_LEASE_MS)
            st->living[n++] = st->living[i];
    st->n_living = n;
    if (!r->leave && n < sizeof st->living / sizeof st->living[0]) {
        while (n > 0 && bl_str_cmp(st->living[n - 1].name, r->name) > 0)
            st->living[n] = st->living[n - 1], n--;
        st->living[n] = (struct living){r->name, r->store_ms};
        st->n_living++;
    }
    r->living_reply = (struct list){sim_get(s, (st->n_living + 1) * sizeof(struct bl_str)), st->n_living, 0};
    for (size_t i = 0; i < st->n_living; i++)
        r->living_reply.v[i] = st->living[i].name;
}

static void apply_quiet(struct sim *s, const struct request *r)
{
    for (int p = 0; p < s->partitions; p++)
        if (s->store.shard[p].lease_until > r->store_ms)
            s->store.shard[p].lease_until += r->number;
    for (size_t i = 0; i < s->store.n_living; i++)
        s->store.living[i].at_ms += r->number;
}

/* ---- the commit ---- */

static void acknowledge(struct shard *h, struct bl_str id)
{
    for (size_t i = 0; i < h->n_read; i++)
        if (bl_str_eq(h->entries[i].id, id) && !h->entries[i].acked) {
            h->entries[i].acked = true;
            h->n_acked++;
        }
}

static void drop_first(struct list *l, size_t n)
{
    n = n < l->n ? n : l->n;
    memmove(l->v, l->v + n, (l->n - n) * sizeof *l->v);
    l->n -= n;
}

static void push_recent(struct list *l, struct bl_str lines, size_t keep)
{
    if (lines.n > 0)
        list_add(l, lines);
    drop_first(l, l->n > keep ? l->n - keep : 0);
}

static void apply_put(struct shard *h, const struct put *x)
{
    size_t n = (size_t)x->n;
    switch (x->kind) {
    case PUT_SET:
        table_put(&h->t, x->key)->value = x->value;
        break;
    case PUT_NUMBER:
        table_put(&h->t, x->key)->number = x->n;
        break;
    case PUT_DEL:
        table_del(&h->t, x->key);
        break;
    case PUT_DEL_ALL:
        table_del_all(&h->t, x->key);
        break;
    case PUT_ADD:
        table_put(&h->t, x->key)->number += x->n;
        break;
    case PUT_SEEN:
        list_add(&h->seen, x->value);
        break;
    case PUT_DROP_SEEN:
        drop_first(&h->seen, n);
        break;
    case PUT_RECENT:
        push_recent(&h->recent, x->value, n);
        break;
    case PUT_CHANGE:
        list_add(&h->changes, x->value);
        break;
    case PUT_ASIDE:
        list_add(&h->aside, x->value);
        break;
    case PUT_UNMARK:
        table_del_all(&h->t, marks);
        break;
    case PUT_ACK:
        if (!BL_PLANT(NO_ACK))
            acknowledge(h, x->value);
        break;
    }
}

/* MULTI ... EXEC: as the connection has watched the fence. */
static bool transact(const struct shard *h, struct conn *c)
{
    bool held = !c->watching || c->version == h->version || BL_PLANT(NO_FENCE);
    c->watching = false;
    return held;
}

static void apply_read(struct sim *s, struct request *r)
{
    r->ok = transact(&s->store.shard[r->p], r->conn) || BL_PLANT(READ_UNFENCED);
    if (r->ok)
        store_fetch_unread(s, r);
}

static void read_ahead(struct sim *s, const struct request *r)
{
    r->ahead->store_ms = r->store_ms;
    store_fetch_unread(s, r->ahead);
}

static void apply_commit(struct sim *s, struct request *r)
{
    struct shard *h = &s->store.shard[r->p];
    r->ok = transact(h, r->conn);
    if (r->ok && r->ahead && BL_PLANT(DUES_EARLY))
        read_ahead(s, r);
    for (size_t i = 0; i < r->n_puts && r->ok; i++)
        apply_put(h, &r->puts[i]);
    if (r->ok && r->ahead && !BL_PLANT(DUES_EARLY))
        read_ahead(s, r);
}

static void apply_watch(struct sim *s, struct request *r)
{
    const struct shard *h = &s->store.shard[r->p];
    r->conn->watching = true;
    r->conn->version = h->version;
    r->ok = BL_PLANT(NO_FENCE) || same_fence(h->fence, r->fence);
}

static void apply_tend(struct sim *s, struct request *r)
{
    if (fenced(&s->store.shard[r->p], r))
        r->err = BL_ERR_FENCED;
}

/* ---- all of them ---- */

static void carry_out(struct sim *s, struct request *r)
{
    r->err = BL_OK;
    r->ok = false;
    switch (r->op) {
    case OP_ACQUIRE:
        apply_acquire(s, r);
        break;
    case OP_RENEW:
        apply_renew(s, r);
        break;
    case OP_RELEASE:
        apply_release(s, r);
        break;
    case OP_BEAT:
        apply_beat(s, r);
        break;
    case OP_RESTORE:
        store_restore(s, r);
        break;
    case OP_FETCH:
        store_fetch(s, r);
        break;
    case OP_REREAD:
        store_reread(s, r);
        break;
    case OP_READ:
        apply_read(s, r);
        break;
    case OP_MARK:
        apply_mark(s, r);
        break;
    case OP_DUE:
        store_due(s, r);
        r->dues_reply.n = r->dues_reply.n < r->max ? r->dues_reply.n : r->max;
        break;
    case OP_LOAD:
        store_load(s, r);
        break;
    case OP_CHECK:
        store_check(s, r);
        break;
    case OP_ERASABLE:
        store_erasable(s, r);
        break;
    case OP_COMMIT:
        apply_commit(s, r);
        break;
    case OP_WATCH:
        apply_watch(s, r);
        break;
    case OP_TEND:
        apply_tend(s, r);
        break;
    case OP_APPEND:
        apply_append(s, r);
        break;
    case OP_QUIET:
        apply_quiet(s, r);
        break;
    }
    if (r->op == OP_COMMIT)
        judge_balance(s, r->p);
}

void store_apply(struct sim *s, struct request *r)
{
    struct store *st = &s->store;
    if (st->n_log == st->cap_log) {
        st->cap_log = st->cap_log ? st->cap_log * 2 : 1024;
        st->log = realloc(st->log, st->cap_log * sizeof(struct request *));
        if (!st->log)
            abort();
    }
    st->log[st->n_log++] = r;
    r->at_ms = s->now_ms;
    r->store_ms = store_now(s);
    carry_out(s, r);
}

void store_lose(struct sim *s, size_t n)
{
    struct store *st = &s->store;
    st->n_log -= n < st->n_log ? n : st->n_log;
    store_clear(st);
    for (size_t i = 0; i < st->n_log; i++)
        carry_out(s, st->log[i]);
}

bool store_at_rest(const struct sim *s)
{
    for (int p = 0; p < s->partitions; p++) {
        const struct shard *h = &s->store.shard[p];
        int64_t due_ms = store_earliest(s, p, store_passed(h));
        if (h->n_acked != h->n_entries || table_get(&h->t, BL_STR("position:users:id")) ||
            (due_ms != BL_NEVER && due_ms + SIM_GRACE_MS <= store_now(s)))
            return false;
    }
    return true;
}

const char *store_result(const struct sim *s, const struct request *r)
{
    static char text[128];
    const struct shard *h = r->p >= 0 ? &s->store.shard[r->p] : NULL;
    if (r->err != BL_OK)
        return ": fenced";
    if (r->op == OP_ACQUIRE && r->ok)
        snprintf(text, sizeof text, ": taken, epoch %llu", (unsigned long long)r->epoch);
    else if (r->op == OP_FETCH || (r->op == OP_READ && r->ok))
        snprintf(text, sizeof text, ": %zu %sentries", r->fetched_reply.n,
                 r->fetched_reply.pending ? "pending " : "");
    else if (r->op == OP_COMMIT && r->ok)
        snprintf(text, sizeof text, ": done, %zu of %zu acknowledged, %zu fetched", h->n_acked, h->n_entries,
                 r->ahead ? r->ahead->fetched_reply.n : 0);
    else
        return r->ok || r->op > OP_WATCH || r->op == OP_RENEW || r->op == OP_RELEASE || r->op == OP_BEAT ||
                       r->op == OP_DUE || r->op == OP_MARK || r->op == OP_LOAD || r->op == OP_CHECK ||
                       r->op == OP_ERASABLE
                   ? ""
                   : ": refused";
    return text;
}
