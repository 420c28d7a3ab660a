/* A commit is put together as a list of small writes and goes out as one, with the watch of the next behind it: the
 * counterpart of src/store/world_put.c and world_commit.c. */
#include "world.h"

static void put(struct host *h, int p, enum put_kind kind, struct bl_str key, struct bl_str value, int64_t n)
{
    struct request *r = h->slot[p].commit;
    if (r->n_puts == r->cap_puts) {
        struct put *old = r->puts;
        r->cap_puts = r->cap_puts ? r->cap_puts * 2 : 32;
        r->puts = sim_get(h->sim, r->cap_puts * sizeof *r->puts);
        if (r->n_puts)
            memcpy(r->puts, old, r->n_puts * sizeof *old);
    }
    r->puts[r->n_puts++] = (struct put){kind, key, value, n};
}

static const struct bl_str none = {"", 0};

void world_begin(void *ctx, int p)
{
    struct host *h = host_of(ctx);
    h->slot[p].commit = request(h, OP_COMMIT, p, NULL);
}

/* The larger ones say what rounds shrink by. */
size_t world_put_bytes(void *ctx, int p)
{
    const struct request *r = host_of(ctx)->slot[p].commit;
    return r->n_puts > 30 ? BL_LINK_BYTES_MAX : 0;
}

#define KEY(...) sim_text(h->sim, __VA_ARGS__)

static void put_due(struct host *h, int p, const char *what, struct bl_str user, int64_t at_ms)
{
    struct bl_str key = KEY("%s:%.*s", what, BL_STR_ARG(user));
    put(h, p, at_ms == BL_NEVER ? PUT_DEL : PUT_NUMBER, key, none, at_ms);
}

void world_put_user(void *ctx, int p, const struct bl_put_user *u)
{
    struct host *h = host_of(ctx);
    if (u->gone) {
        put(h, p, PUT_DEL_ALL, KEY("user:%.*s\x01", BL_STR_ARG(u->user_id)), none, 0);
        put_due(h, p, "due", u->user_id, BL_NEVER);
        put_due(h, p, "active", u->user_id, BL_NEVER);
        if (u->recheckout)
            put_due(h, p, "checkout", u->user_id, BL_NEVER);
        return;
    }
    if (u->replace)
        put(h, p, PUT_DEL_ALL, KEY("user:%.*s\x01", BL_STR_ARG(u->user_id)), none, 0);
    for (size_t i = 0; i < u->n_set; i++)
        put(h, p, PUT_SET, KEY("user:%.*s\x01%s", BL_STR_ARG(u->user_id), u->set[i].name),
            copy(h, u->set[i].value), 0);
    for (size_t i = 0; i < u->n_del; i++)
        put(h, p, PUT_DEL, KEY("user:%.*s\x01%s", BL_STR_ARG(u->user_id), u->del[i]), none, 0);
    if (u->reschedule)
        put_due(h, p, "due", u->user_id, u->due_ms);
    if (u->recheckout) {
        put_due(h, p, "checkout", u->user_id, u->checkout_ms);
        if (u->checkout_ms != BL_NEVER)
            put(h, p, PUT_SET, KEY("checkout:%.*s", BL_STR_ARG(u->user_id)), copy(h, u->page), 0);
    }
    if (u->active_ms != BL_NEVER)
        put_due(h, p, "active", u->user_id, u->active_ms);
}

void world_put_pattern(void *ctx, int p, const struct bl_put_pattern *x)
{
    struct host *h = host_of(ctx);
    for (size_t i = 0; i < BL_COLUMN_COUNT; i++)
        if (x->row->v[i].n > 0)
            put(h, p, PUT_SET, KEY("pattern:%.32s:%s", x->id, bl_column_name((enum bl_column)i)),
                copy(h, x->row->v[i]), 0);
    if (x->created) {
        put(h, p, PUT_NUMBER, KEY("patterns:%.32s", x->id), none, x->detected_ms);
        put(h, p, PUT_NUMBER, KEY("patterns-of:%.*s:%.32s", BL_STR_ARG(x->user_id), x->id), none,
            x->detected_ms);
    }
    if (x->created && !x->resolved)
        put(h, p, PUT_NUMBER, KEY("open:%.32s", x->id), none, x->detected_ms);
    else if (!x->created && x->resolved)
        put(h, p, PUT_DEL, KEY("open:%.32s", x->id), none, 0);
}

void world_put_change(void *ctx, int p, const struct bl_put_change *x)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_CHANGE, none,
        KEY("%s %.32s %s %s %.*s %lld", x->change, x->id, x->type, x->severity, BL_STR_ARG(x->page),
            (long long)x->at_ms),
        0);
}

void world_put_part(void *ctx, int p, struct bl_str position, bool first)
{
    struct host *h = host_of(ctx);
    if (first && !BL_PLANT(PART_KEPT))
        put(h, p, PUT_DEL_ALL, BL_STR("stored:"), none, 0);
    put(h, p, PUT_SET, BL_STR("position:part"), copy(h, position), 0);
}

void world_put_stored(void *ctx, int p, struct bl_str user_id)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_SET, KEY("stored:%.*s", BL_STR_ARG(user_id)), none, 0);
}

void world_put_count(void *ctx, int p, enum bl_tally tally, int64_t number, struct bl_str field, int64_t n)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_ADD, KEY("count:%d:%lld:%.*s", tally, (long long)number, BL_STR_ARG(field)), none, n);
}

void world_put_rate(void *ctx, int p, struct bl_str text)
{
    put(host_of(ctx), p, PUT_SET, BL_STR("rate"), copy(host_of(ctx), text), 0);
}

void world_put_recent(void *ctx, int p, struct bl_str lines, size_t keep)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_RECENT, none, copy(h, lines), keep ? (int64_t)keep : INT64_MAX);
}

void world_put_seen(void *ctx, int p, struct bl_str chunk)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_SEEN, none, copy(h, chunk), 0);
}

void world_drop_seen(void *ctx, int p, size_t chunks)
{
    put(host_of(ctx), p, PUT_DROP_SEEN, none, none, (int64_t)chunks);
}

void world_put_quarantine(void *ctx, int p, struct bl_str id, int64_t line, const char *reason,
                          struct bl_str text)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_ASIDE, none,
        KEY("%.*s %lld %s %.*s", BL_STR_ARG(id), (long long)line, reason, BL_STR_ARG(text)), 0);
}

void world_put_unmark(void *ctx, int p)
{
    put(host_of(ctx), p, PUT_UNMARK, none, none, 0);
}

void world_put_rules(void *ctx, int p, const struct bl_put_rules *x)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_NUMBER, BL_STR("rules:version"), none, x->version);
    put(h, p, PUT_NUMBER, BL_STR("rules:at"), none, x->at_ms);
    put(h, p, PUT_SET, BL_STR("rules:settings"), copy(h, x->settings), 0);
    if (x->entry.n)
        put(h, p, PUT_SET, KEY("rules:since:%lld", (long long)x->version), copy(h, x->entry), 0);
}

void world_put_erased_pattern(void *ctx, int p, struct bl_str user_id, struct bl_str id)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_DEL_ALL, KEY("pattern:%.*s:", BL_STR_ARG(id)), none, 0);
    put(h, p, PUT_DEL, KEY("patterns:%.*s", BL_STR_ARG(id)), none, 0);
    put(h, p, PUT_DEL, KEY("open:%.*s", BL_STR_ARG(id)), none, 0);
    put(h, p, PUT_DEL, KEY("patterns-of:%.*s:%.*s", BL_STR_ARG(user_id), BL_STR_ARG(id)), none, 0);
}

void world_put_erased(void *ctx, int p, const struct bl_put_erased *x)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_ADD, KEY("erasure:%.*s:patterns", BL_STR_ARG(x->hash)), none, x->patterns);
    if (!x->last)
        return;
    if (!BL_PLANT(TOMBSTONE_LOST))
        put(h, p, PUT_NUMBER, KEY("tombstone:%.*s", BL_STR_ARG(x->hash)), none, x->at_ms);
    put(h, p, PUT_NUMBER, KEY("erasures:%.*s", BL_STR_ARG(x->hash)), none, x->at_ms);
    put(h, p, PUT_DEL_ALL, KEY("user:%.*s\x01", BL_STR_ARG(x->user_id)), none, 0);
    put(h, p, PUT_DEL_ALL, KEY("patterns-of:%.*s:", BL_STR_ARG(x->user_id)), none, 0);
    if (!BL_PLANT(ERASED_DUE))
        put_due(h, p, "due", x->user_id, BL_NEVER);
    put_due(h, p, "active", x->user_id, BL_NEVER);
    put_due(h, p, "checkout", x->user_id, BL_NEVER);
}

void world_put_readmitted(void *ctx, int p, struct bl_str hash)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_DEL, KEY("tombstone:%.*s", BL_STR_ARG(hash)), none, 0);
}

void world_put_recent_all(void *ctx, int p, const struct bl_str *elements, size_t n)
{
    struct host *h = host_of(ctx);
    put(h, p, PUT_RECENT, none, none, 0);
    for (size_t i = n; i > 0; i--)
        put(h, p, PUT_RECENT, none, copy(h, elements[i - 1]), (int64_t)n);
}

void world_put_ack(void *ctx, int p, struct bl_str id)
{
    put(host_of(ctx), p, PUT_ACK, none, copy(host_of(ctx), id), 0);
}

static void put_place(struct host *h, int p, const char *what, const struct bl_place *place)
{
    put(h, p, PUT_SET, KEY("%s:id", what), copy(h, place->id), 0);
    put(h, p, PUT_NUMBER, KEY("%s:clock", what), none, place->clock_ms);
    put(h, p, PUT_NUMBER, KEY("%s:entries", what), none, place->entries);
}

void world_put_position(void *ctx, int p, const struct bl_put_position *x)
{
    struct host *h = host_of(ctx);
    put_place(h, p, "position", &x->place);
    put(h, p, PUT_NUMBER, BL_STR("position:epoch"), none, (int64_t)x->epoch);
    if (x->states) {
        put_place(h, p, "position:users", x->states);
        put(h, p, PUT_NUMBER, BL_STR("position:users:grace"), none, x->terms.grace_ms);
        put(h, p, PUT_NUMBER, BL_STR("position:users:seen-ms"), none, x->terms.seen_ms);
        put(h, p, PUT_NUMBER, BL_STR("position:users:seen-max"), none, x->terms.seen_max);
    }
    if (x->caught_up)
        put(h, p, PUT_DEL_ALL, BL_STR("position:users:"), none, 0);
    if (x->caught_up && !BL_PLANT(PART_KEPT)) {
        put(h, p, PUT_DEL_ALL, BL_STR("stored:"), none, 0);
        put(h, p, PUT_DEL, BL_STR("position:part"), none, 0);
    }
}

/* Planted: a part of the commit goes ahead of it. */
static void send_ahead(struct host *h, struct request *r, enum put_kind kind)
{
    struct request *ahead = request(h, OP_COMMIT, r->p, NULL);
    size_t n = 0;
    ahead->puts = sim_get(h->sim, (r->n_puts + 1) * sizeof *ahead->puts);
    for (size_t i = 0; i < r->n_puts; i++)
        if (r->puts[i].kind == kind)
            ahead->puts[ahead->n_puts++] = r->puts[i];
        else
            r->puts[n++] = r->puts[i];
    r->n_puts = n;
    data(h, ahead);
    data(h, request(h, OP_WATCH, r->p, NULL));
}

void world_put_fetch(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                     void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_READ, p, arg);
    r->max = max;
    r->tick = tick;
    r->passed_ms = passed_ms;
    r->fetched = fn;
    r->ask = 1 + (size_t)sim_below(h->sim, BL_DUE_FETCHED);
    h->slot[p].commit->ahead = r;
}

/* The feed says which patterns a commit changes: lists go by it (src/app/query/cache.h), not only those who listen. */
static void check_told(struct host *h, const struct request *r)
{
    for (size_t i = 0; i < r->n_puts; i++) {
        struct bl_str key = r->puts[i].key, what = bl_str_cut(&key, ':'), id = bl_str_cut(&key, ':');
        bool told =
            r->puts[i].kind == PUT_CHANGE || !bl_str_eqz(what, "pattern") || bl_str_eqz(key, "pattern_id");
        for (size_t k = 0; k < r->n_puts && !told; k++) {
            struct bl_str change = r->puts[k].value;
            bl_str_cut(&change, ' ');
            told = r->puts[k].kind == PUT_CHANGE && bl_str_eq(bl_str_cut(&change, ' '), id);
        }
        if (!told)
            sim_fail(h->sim, "a commit changes pattern %.*s and does not tell", BL_STR_ARG(id));
    }
}

void world_end(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = h->slot[p].commit;
    check_told(h, r);
    r->finished = fn;
    r->arg = arg;
    if (h->slot[p].watched && (BL_PLANT(ACK_FIRST) || BL_PLANT(IDS_FIRST)))
        send_ahead(h, r, BL_PLANT(ACK_FIRST) ? PUT_ACK : PUT_SEEN);
    world_transact(h, r);
}
