/* The ports of one worker over the connections of net.c: the counterpart of src/store/world*.c, call by call. */
#include "world.h"

#define DEAF_MS 20

static void control(struct host *h, struct request *r)
{
    net_send(h->sim, &h->control, r);
}

static struct bl_str *copies(struct host *h, const struct bl_str *v, size_t n)
{
    struct bl_str *out = sim_get(h->sim, (n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = copy(h, v[i]);
    return out;
}

/* Each call may move the clock: steps take their time, and sometimes long. */
static int64_t world_now(void *ctx)
{
    struct host *h = host_of(ctx);
    if (sim_chance(h->sim, h->sim->dangers.stall))
        h->clock_ms += sim_below(h->sim, 80);
    return h->sim->now_ms + h->clock_ms;
}

/* ---- leases ---- */

static void world_acquire(void *ctx, int p, bl_acquired_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_ACQUIRE, p, arg);
    r->fence = (struct fence){h->nonce, 0};
    r->acquired = fn;
    control(h, r);
}

static void answer_acquired(struct host *h, struct request *r, enum bl_err err)
{
    struct bl_acquired a = {err, err == BL_OK && r->ok, r->epoch};
    if (a.taken)
        h->slot[r->p].fence = (struct fence){h->nonce, r->epoch};
    r->acquired(r->arg, &a);
}

static void world_renew(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct request *r = request(host_of(ctx), OP_RENEW, p, arg);
    r->finished = fn;
    control(host_of(ctx), r);
}

static void world_release(void *ctx, int p, bl_done_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_RELEASE, p, arg);
    r->finished = fn;
    h->slot[p].watched = false;
    control(h, r);
}

static void world_beat(void *ctx, bool leave, bl_names_fn *living, bl_done_fn *done, void *arg)
{
    struct request *r = request(host_of(ctx), OP_BEAT, -1, arg);
    r->leave = leave;
    r->pages = living;
    r->finished = done;
    control(host_of(ctx), r);
}

/* ---- reading ---- */

static void world_restore(void *ctx, int p, bl_restored_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct slot *x = &h->slot[p];
    struct request *r = request(h, OP_RESTORE, p, arg);
    r->restored = fn;
    x->watched = false;
    if (x->data.up)
        data(h, r);
    else
        x->restoring = r;
}

static void world_reread(void *ctx, int p, struct bl_str after, struct bl_str upto, size_t max,
                         bl_fetched_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_REREAD, p, arg);
    r->name = copy(h, after);
    r->text = copy(h, upto);
    r->max = max;
    r->fetched = fn;
    data(h, r);
}

static void answer_restored(struct host *h, struct request *r, enum bl_err err)
{
    h->slot[r->p].watched = err == BL_OK && r->ok;
    r->restored_reply.err = err == BL_OK && !r->ok ? BL_ERR_FENCED : err;
    r->restored(r->arg, &r->restored_reply);
}

static void world_fetch(void *ctx, int p, size_t max, bool pending, enum bl_tick tick, int64_t passed_ms,
                        bl_fetched_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    bool script = pending && h->slot[p].watched;
    struct request *r = request(h, script ? OP_FETCH : OP_READ, p, arg);
    r->max = max;
    r->pending = pending;
    r->tick = tick;
    r->passed_ms = passed_ms;
    r->fetched = fn;
    r->ask = script ? BL_DUE_FETCHED : 1 + (size_t)sim_below(h->sim, BL_DUE_FETCHED);
    if (script)
        data(h, r);
    else
        world_transact(h, r);
}

static void answer_fetched(struct host *h, struct request *r, enum bl_err err)
{
    r->fetched_reply.err = err == BL_OK && !h->slot[r->p].watched ? BL_ERR_STORE_UNAVAILABLE : err;
    if (r->fetched_reply.err != BL_OK)
        r->fetched_reply.n = 0;
    const struct bl_fetched own = store_hand_over(h->sim, &r->fetched_reply);
    r->fetched(r->arg, &own);
}

/* By transaction: nothing is unread, but somebody is due: the script lets time enter. */
static void answer_read(struct host *h, struct request *r, enum bl_err err)
{
    const struct bl_fetched *f = &r->fetched_reply;
    if (err == BL_OK && r->tick == BL_TICK_DUE && f->n == 0 && f->earliest_ms != BL_NEVER &&
        f->earliest_ms + SIM_GRACE_MS <= f->now_ms) {
        struct request *script = request(h, OP_FETCH, r->p, r->arg);
        script->max = r->max;
        script->tick = BL_TICK_DUE;
        script->passed_ms = r->passed_ms;
        script->fetched = r->fetched;
        script->ask = BL_DUE_FETCHED;
        data(h, script);
        return;
    }
    answer_fetched(h, r, err);
}

void world_transact(struct host *h, struct request *r)
{
    struct request *watch = request(h, OP_WATCH, r->p, r->arg);
    watch->of = r;
    if (!h->slot[r->p].watched) {
        sim_at(h->sim, h->sim->now_ms, EV_FAIL, h->i)->request = watch;
        return;
    }
    data(h, r);
    data(h, watch);
}

/* What the watch behind a transaction says of it. */
static void answer_watch(struct host *h, struct request *r, enum bl_err err)
{
    if (!r->of)
        return;
    if (err == BL_OK && (!r->ok || !r->of->ok))
        err = BL_ERR_FENCED;
    if (err != BL_OK)
        h->slot[r->p].watched = false;
    if (r->of->op == OP_READ)
        answer_read(h, r->of, err);
    else
        r->of->finished(r->of->arg, err);
    if (r->of->ahead && err == BL_OK)
        answer_read(h, r->of->ahead, err);
}

static void world_mark(void *ctx, int p, struct bl_str entry, struct bl_str step, bl_marked_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_MARK, p, arg);
    r->name = copy(h, entry);
    r->text = copy(h, step);
    r->marked = fn;
    data(h, r);
}

static void answer_marked(struct host *h, struct request *r, enum bl_err err)
{
    r->marked_reply.err = err == BL_OK && !h->slot[r->p].watched ? BL_ERR_STORE_UNAVAILABLE : err;
    r->marked(r->arg, &r->marked_reply);
}

static void world_due(void *ctx, int p, int64_t passed_ms, int64_t until_ms, size_t max, bl_dues_fn *fn,
                      void *arg)
{
    struct request *r = request(host_of(ctx), OP_DUE, p, arg);
    r->passed_ms = passed_ms;
    r->number = until_ms;
    r->max = max;
    r->dues = fn;
    data(host_of(ctx), r);
}

static void world_load(void *ctx, int p, const struct bl_str *users, size_t n, bl_loaded_fn *each,
                       bl_done_fn *done, void *arg)
{
    struct request *r = request(host_of(ctx), OP_LOAD, p, arg);
    r->names = copies(host_of(ctx), users, n);
    r->n_names = n;
    r->loaded = each;
    r->finished = done;
    data(host_of(ctx), r);
}

static void world_check(void *ctx, int p, const struct bl_str *ids, size_t n_ids, const int64_t *buckets,
                        size_t n_buckets, bl_checked_fn *each, bl_names_fn *pages, bl_done_fn *done,
                        void *arg)
{
    struct host *h = host_of(ctx);
    struct request *r = request(h, OP_CHECK, p, arg);
    r->names = copies(h, ids, n_ids);
    r->n_names = n_ids;
    r->buckets = sim_get(h->sim, (n_buckets + 1) * sizeof *r->buckets);
    if (n_buckets)
        memcpy(r->buckets, buckets, n_buckets * sizeof *buckets);
    r->n_buckets = n_buckets;
    r->checked = each;
    r->pages = pages;
    r->finished = done;
    data(h, r);
}

static void world_erasable(void *ctx, int p, struct bl_str user_id, size_t patterns_max, size_t recent_bytes,
                           bl_erasable_fn *fn, void *arg)
{
    struct request *r = request(host_of(ctx), OP_ERASABLE, p, arg);
    r->text = copy(host_of(ctx), user_id);
    r->max = patterns_max;
    r->ask = recent_bytes;
    r->erasable = fn;
    data(host_of(ctx), r);
}

static void answer_erasable(struct request *r, enum bl_err err)
{
    r->erasable(r->arg, err == BL_OK ? &r->erasable_reply : &(struct bl_erasable){.err = err});
}

static void world_tend(void *ctx, int p, int64_t clock_ms, bl_trimmed_fn *trimmed, bl_done_fn *fn, void *arg)
{
    struct request *r = request(host_of(ctx), OP_TEND, p, arg);
    (void)clock_ms, (void)trimmed; /* patterns are kept */
    r->finished = fn;
    data(host_of(ctx), r);
}

static void answer_each(struct request *r, enum bl_err err)
{
    for (size_t i = 0; i < r->n_names && err == BL_OK && r->loaded; i++)
        r->loaded(r->arg, i, &r->loaded_reply[i]);
    for (size_t i = 0; i < r->n_names && err == BL_OK && r->checked; i++)
        r->checked(r->arg, i, &r->checked_reply[i]);
    for (size_t i = 0; i < r->n_buckets && err == BL_OK; i++)
        r->pages(r->arg, i, r->pages_reply[i].v, r->pages_reply[i].n);
    if (r->op == OP_BEAT && err == BL_OK)
        r->pages(r->arg, 0, r->living_reply.v, r->living_reply.n);
    r->finished(r->arg, err);
}

/* ---- the doorbell ---- */

static void ring_at(struct host *h, int p, int64_t at_ms)
{
    struct event *e = sim_at(h->sim, at_ms, EV_BELL, h->i);
    e->p = p;
    e->number = h->slot[p].rung_number;
}

static bool unread_after(const struct shard *d, struct bl_str id)
{
    return d->n_entries > 0 && !bl_str_eq(d->entries[d->n_entries - 1].id, id);
}

static void world_wait(void *ctx, int p, struct bl_str id, int64_t wait_ms, bl_done_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    struct slot *x = &h->slot[p];
    x->rung = fn;
    x->rung_arg = arg;
    x->rung_id = copy(h, id);
    x->rung_number++;
    ring_at(h, p, h->sim->now_ms + (wait_ms < 1 ? 1 : wait_ms));
    if (unread_after(&h->sim->store.shard[p], id))
        ring_at(h, p, h->sim->now_ms + sim_below(h->sim, 3));
}

/* The store's answer comes as it would behind the bell; that nothing is asked in between is all that is saved. */
static void on_rung_fetch(void *arg, enum bl_err err)
{
    struct slot *x = arg;
    (void)err;
    world_fetch(x->await.ctx, x->await.p, x->await.max, false, x->await.tick, x->await.passed_ms,
                x->await.fetched, x->await.arg);
}

static void world_await(void *ctx, int p, struct bl_str id, int64_t wait_ms, size_t max, enum bl_tick tick,
                        int64_t passed_ms, bl_fetched_fn *fn, void *arg)
{
    struct slot *x = &host_of(ctx)->slot[p];
    x->await = (struct awaiting){ctx, p, max, tick, passed_ms, fn, arg};
    world_wait(ctx, p, id, wait_ms, on_rung_fetch, x);
}

static void world_pause(void *ctx, int p, int64_t ms, bl_done_fn *fn, void *arg)
{
    struct host *h = host_of(ctx);
    h->slot[p].rung = fn;
    h->slot[p].rung_arg = arg;
    h->slot[p].rung_number++;
    ring_at(h, p, h->sim->now_ms + ms + sim_below(h->sim, 2));
}

static void world_wake(void *ctx, int p)
{
    struct host *h = host_of(ctx);
    if (h->slot[p].rung)
        ring_at(h, p, h->sim->now_ms);
}

void world_bell(struct sim *s, int worker, int p, int64_t number)
{
    struct slot *x = &s->host[worker].slot[p];
    bl_done_fn *fn = x->rung;
    if (!fn || x->rung_number != number)
        return;
    x->rung = NULL;
    fn(x->rung_arg, BL_OK);
}

void world_ring(struct sim *s, int p)
{
    for (int i = 0; i < s->workers; i++)
        if (s->host[i].alive && s->host[i].slot[p].rung)
            ring_at(&s->host[i], p, s->now_ms + sim_below(s, 3));
}

/* ---- answers ---- */

void world_answer(struct sim *s, struct request *r, bool answered)
{
    struct host *h = &s->host[r->worker];
    enum bl_err err = answered ? r->err : BL_ERR_STORE_UNAVAILABLE;
    if (!answered)
        sim_say(s, "%s %s has no answer", world_whose(s, r), world_name(r));
    if (r->op == OP_COMMIT || r->op == OP_READ)
        return; /* the watch behind it says how it went */
    if (r->op == OP_WATCH)
        answer_watch(h, r, err);
    else if (r->op == OP_ACQUIRE)
        answer_acquired(h, r, err);
    else if (r->op == OP_RESTORE)
        answer_restored(h, r, err);
    else if (r->op == OP_FETCH || r->op == OP_REREAD)
        answer_fetched(h, r, err);
    else if (r->op == OP_MARK)
        answer_marked(h, r, err);
    else if (r->op == OP_ERASABLE)
        answer_erasable(r, err);
    else if (r->op == OP_DUE)
        r->dues_reply.err = err, r->dues_reply.n = err == BL_OK ? r->dues_reply.n : 0,
        r->dues(r->arg, &r->dues_reply);
    else
        answer_each(r, err);
}

void world_down(struct sim *s, struct link *l)
{
    struct host *h = &s->host[l->worker];
    if (l->p < 0)
        return;
    struct slot *x = &h->slot[l->p];
    if (!BL_PLANT(WATCH_KEPT))
        x->watched = false;
    if (x->restoring)
        sim_at(s, s->now_ms, EV_FAIL, h->i)->request = x->restoring;
    x->restoring = NULL;
}

void world_up(struct sim *s, struct link *l)
{
    struct host *h = &s->host[l->worker];
    net_open(s, l);
    if (l->p < 0 || !h->slot[l->p].restoring)
        return;
    struct request *r = h->slot[l->p].restoring;
    h->slot[l->p].restoring = NULL;
    net_send(s, l, r);
}

/* ---- life ---- */

static struct bl_ports ports_of(struct host *h)
{
    return (struct bl_ports){
        .ctx = h,
        .now_ms = world_now,
        .acquire = world_acquire,
        .restore = world_restore,
        .reread = world_reread,
        .renew = world_renew,
        .release = world_release,
        .fetch = world_fetch,
        .mark = world_mark,
        .due = world_due,
        .load = world_load,
        .check = world_check,
        .pause = world_pause,
        .wait = world_wait,
        .await = world_await,
        .wake = world_wake,
        .tend = world_tend,
        .erasable = world_erasable,
        .begin = world_begin,
        .put_bytes = world_put_bytes,
        .put_user = world_put_user,
        .put_pattern = world_put_pattern,
        .put_change = world_put_change,
        .put_count = world_put_count,
        .put_rate = world_put_rate,
        .put_recent = world_put_recent,
        .put_seen = world_put_seen,
        .drop_seen = world_drop_seen,
        .put_quarantine = world_put_quarantine,
        .put_part = world_put_part,
        .put_stored = world_put_stored,
        .put_unmark = world_put_unmark,
        .put_rules = world_put_rules,
        .put_erased_pattern = world_put_erased_pattern,
        .put_erased = world_put_erased,
        .put_readmitted = world_put_readmitted,
        .put_recent_all = world_put_recent_all,
        .put_ack = world_put_ack,
        .put_position = world_put_position,
        .put_fetch = world_put_fetch,
        .end = world_end,
        .beat = world_beat,
    };
}

void world_start(struct sim *s, int i)
{
    struct host *h = &s->host[i];
    unsigned life = h->life + 1;
    *h = (struct host){.sim = s, .i = i, .life = life, .alive = true};
    h->nonce = sim_random(s);
    h->clock_ms = 1000 + sim_below(s, 1000000);
    h->name = sim_text(s, "w%d.%u", i, life);
    h->control = (struct link){.worker = i, .p = -1};
    net_open(s, &h->control);
    for (int p = 0; p < s->partitions; p++) {
        h->slot[p].data = (struct link){.worker = i, .p = p};
        net_open(s, &h->slot[p].data);
    }
    const struct bl_worker_options options = {.name = h->name.p,
                                              .partitions = s->partitions,
                                              .hash_key = sim_key,
                                              .rules = &s->own,
                                              .renew_ms = SIM_RENEW_MS,
                                              .gather_ms = SIM_GATHER_MS,
                                              .behind_ms = s->behind_ms,
                                              .calm_bytes = SIM_CALM_BYTES,
                                              .seen_ms = s->seen_ms,
                                              .seen_max = s->seen_max,
                                              .recent_max = s->recent_max,
                                              .hand_max = s->hand_max};
    const struct bl_ports ports = ports_of(h);
    if (bl_worker_new(&options, &ports, &h->worker) != BL_OK)
        abort();
}

void world_crash(struct sim *s, int i)
{
    struct host *h = &s->host[i];
    const struct bl_worker_totals *t = bl_worker_totals(h->worker);
    s->n_commits += t->commits;
    s->n_fenced += t->fenced;
    s->n_takeovers += t->takeovers;
    bl_worker_free(h->worker);
    h->worker = NULL;
    h->alive = false;
    bool dead = sim_below(s, 2);
    h->control.conn->dead |= dead;
    for (int p = 0; p < s->partitions; p++)
        h->slot[p].data.conn->dead |= dead;
}
