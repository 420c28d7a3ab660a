/* A run: the queue of what happens next, and what goes wrong in between.
 *
 *   events ──the earliest──> the store carries a command out │ a worker gets an answer, a tick, the doorbell
 *      ^                                   │
 *      └── what that makes happen later <──┴── between any two: a crash, a pause, a cut, a jump of the clock …
 *
 * A run is one to three rounds. In each, things go wrong for a while; then nothing does any more, and when everything
 * appended is committed and no deadline is due, the judge compares. Who is paused by then stays so, and comes back into
 * the next round. */
#include "sim.h"

#define STEPS_MAX     400000
#define CALM_MAX_MS   60000
#define LOST_TAIL_MS  2000
#define FORWARD_JUMPS 10
#define MORE_MS       (6 * SIM_LEASE_MS) /* of trouble, where owners die one after the other */

/* ---- the queue ---- */

struct event *sim_at(struct sim *s, int64_t at_ms, enum event_kind kind, int worker)
{
    if (s->n_events == s->cap_events) {
        bool hungry = memory_hungry(NULL);
        s->cap_events = s->cap_events ? s->cap_events * 2 : 256;
        s->events = realloc(s->events, s->cap_events * sizeof *s->events);
        memory_hungry(hungry ? s : NULL);
        if (!s->events)
            abort();
    }
    struct event *e = &s->events[s->n_events++];
    *e = (struct event){.at_ms = at_ms, .order = s->order++, .kind = kind, .worker = worker};
    if (worker >= 0)
        e->life = s->host[worker].life;
    return e;
}

static struct event take_next(struct sim *s)
{
    size_t first = 0;
    for (size_t i = 1; i < s->n_events; i++) {
        const struct event *a = &s->events[i], *b = &s->events[first];
        if (a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order))
            first = i;
    }
    struct event e = s->events[first];
    s->events[first] = s->events[--s->n_events];
    return e;
}

/* ---- what goes wrong ---- */

static void gone(struct sim *s, int i, int64_t away_ms)
{
    world_crash(s, i);
    sim_at(s, s->now_ms + away_ms, EV_START, i);
}

static void crash(struct sim *s, struct host *h)
{
    sim_say(s, "w%d dies", h->i);
    s->n_crashes++;
    gone(s, h->i, sim_below(s, 2 * SIM_LEASE_MS));
}

static void on_stopped(void *ctx)
{
    struct host *h = ctx;
    h->stopped = true;
}

static void leave(struct sim *s, struct host *h)
{
    if (h->stopping)
        return;
    sim_say(s, "w%d is asked to leave", h->i);
    h->stopping = true;
    bl_worker_stop(h->worker, on_stopped, h);
}

static void pause_worker(struct sim *s, struct host *h)
{
    int64_t ms = SIM_LEASE_MS / 2 + sim_below(s, sim_below(s, 4) ? 2 * SIM_LEASE_MS : 10 * SIM_LEASE_MS);
    h->until_ms = s->now_ms + ms;
    sim_say(s, "w%d stands still for %lld ms", h->i, (long long)ms);
}

static void cut(struct sim *s, struct host *h)
{
    int64_t p = sim_below(s, s->partitions + 1) - 1;
    sim_say(s, "w%d loses its connection %s%lld", h->i, p < 0 ? "for leases " : "to p", (long long)p);
    net_drop(s, p < 0 ? &h->control : &h->slot[p].data, sim_below(s, 2));
}

/* How much of the latest commands is lost: up to two seconds of them, often up to and with the latest take-over. */
static size_t lost_tail(struct sim *s)
{
    const struct store *st = &s->store;
    size_t most = 0, taken = 0;
    for (; most < st->n_log && st->log[st->n_log - 1 - most]->at_ms >= s->now_ms - LOST_TAIL_MS; most++)
        if (!taken && st->log[st->n_log - 1 - most]->op == OP_ACQUIRE && st->log[st->n_log - 1 - most]->ok)
            taken = most + 1;
    if (most == 0 || !sim_chance(s, s->dangers.lost_tail))
        return 0;
    return taken && sim_below(s, 2) ? taken : 1 + (size_t)sim_below(s, (int64_t)most);
}

static void store_crash(struct sim *s, struct host *h)
{
    size_t n = lost_tail(s);
    (void)h;
    sim_say(s, "the store dies and comes back, its last %zu commands lost", n);
    if (n > 0)
        store_lose(s, n);
    for (int i = 0; i < s->workers; i++) {
        if (!s->host[i].alive)
            continue;
        net_drop(s, &s->host[i].control, true);
        for (int p = 0; p < s->partitions; p++)
            net_drop(s, &s->host[i].slot[p].data, true);
    }
    for (size_t i = 0; i < s->n_events; i++) /* what the dead have sent is lost too */
        if (s->events[i].kind == EV_ARRIVE)
            s->events[i].conn->dead = true;
}

static void jump(struct sim *s, struct host *h)
{
    static const int64_t far[] = {300, 3000, 3000, 20000, 300000};
    int64_t ms = far[sim_below(s, 5)];
    (void)h;
    ms = sim_below(s, 2 * ms) - ms;
    s->offset_ms += ms;
    sim_say(s, "the store's clock jumps by %lld ms", (long long)ms);
}

static void quiet_for(struct sim *s, int64_t ms)
{
    struct request *r = sim_get(s, sizeof *r);
    *r = (struct request){.op = OP_QUIET, .p = -1, .number = ms, .at_ms = s->now_ms};
    store_apply(s, r);
    s->offset_ms += ms;
    sim_say(s, "%lld ms go by", (long long)ms);
}

static void quiet(struct sim *s, struct host *h)
{
    (void)h;
    quiet_for(s, 1 + sim_below(s, sim_below(s, 4) ? 1500 : 15000));
}

/* Somebody has a lease and waits for a connection to begin: what is lost now is lost with the fence. */
static bool anybody_restoring(const struct sim *s)
{
    for (int i = 0; i < s->workers; i++)
        for (int p = 0; p < s->partitions && s->host[i].alive; p++)
            if (s->host[i].slot[p].restoring)
                return true;
    return false;
}

/* Somebody goes through what others did not come back from: who is cut off now, lives on, and must not count as dead; and who
 * dies now does not die of it. */
static bool anybody_careful(const struct sim *s)
{
    for (int p = 0; p < s->partitions; p++)
        if (table_get(&s->store.shard[p].t, BL_STR("suspect:entry")))
            return true;
    return false;
}

static void endanger(struct sim *s)
{
    bool careful = anybody_careful(s);
    unsigned cuts = s->dangers.cut * (careful ? 32 : 1), crash_more = s->dangers.crash * (careful ? 12 : 1);
    unsigned store_dies = s->dangers.store_crash * (anybody_restoring(s) ? 50 : 1);
    const struct {
        unsigned chance;
        void (*happen)(struct sim *s, struct host *h);
    } all[] = {
        {crash_more, crash},       {s->dangers.leave, leave}, {s->dangers.pause, pause_worker}, {cuts, cut},
        {store_dies, store_crash}, {s->dangers.jump, jump},   {s->dangers.quiet, quiet}};
    for (size_t i = 0; i < sizeof all / sizeof all[0] && !s->calm; i++) {
        if (!sim_chance(s, all[i].chance))
            continue;
        struct host *h = &s->host[sim_below(s, s->workers)];
        if (h->alive)
            all[i].happen(s, h);
    }
}

/* ---- a step ---- */

static void tick(struct sim *s, struct host *h)
{
    bl_worker_tick(h->worker);
    sim_at(s, s->now_ms + BL_WORKER_TICK_MS, EV_TICK, h->i);
}

static void start(struct sim *s, int i)
{
    world_start(s, i);
    sim_say(s, "w%d starts", i);
    sim_at(s, s->now_ms, EV_TICK, i);
}

static void happen_at_worker(struct sim *s, const struct event *e, struct host *h)
{
    switch ((unsigned)e->kind) {
    case EV_ANSWER:
        net_answer(s, e->conn, e->request);
        break;
    case EV_FAIL:
        if (!e->request->done) {
            e->request->done = true;
            world_answer(s, e->request, false);
        }
        break;
    case EV_TIMEOUT:
        if (e->link->conn == e->conn && e->link->n_under_way > 0)
            net_drop(s, e->link, false);
        break;
    case EV_UP:
        if (e->link->conn == e->conn)
            world_up(s, e->link);
        break;
    case EV_BELL:
        world_bell(s, e->worker, e->p, e->number);
        break;
    default:
        tick(s, h);
        break;
    }
}

static void happen(struct sim *s, struct event *e)
{
    struct host *h = e->worker >= 0 ? &s->host[e->worker] : NULL;
    if (e->kind == EV_TRAFFIC) {
        bool more = !s->calm && s->now_ms < s->traffic_ms;
        if (more)
            traffic_step(s);
        if (more && !s->calm)
            sim_at(s, s->now_ms + sim_below(s, 120), EV_TRAFFIC, -1);
    } else if (e->kind == EV_ARRIVE) {
        net_arrive(s, e->conn, e->request);
    } else if (e->kind == EV_START) {
        start(s, e->worker);
    } else if (h->alive && h->life == e->life && h->until_ms > s->now_ms) {
        e->at_ms = h->until_ms; /* keeps its place among its like */
        struct event *later = sim_at(s, e->at_ms, e->kind, e->worker);
        *later = *e;
    } else if (h->alive && h->life == e->life) {
        memory_hungry(s);
        happen_at_worker(s, e, h);
        memory_hungry(NULL);
    }
    if (h && h->alive && h->stopped) {
        sim_say(s, "w%d has left", h->i);
        gone(s, h->i, sim_below(s, SIM_LEASE_MS));
    }
}

/* Returns where the worker at hand dies of what it does. */
static void die_of_it(struct sim *s, int i)
{
    memory_hungry(NULL);
    sim_say(s, "w%d dies of what it does", i);
    s->n_crashes++;
    s->deadly_ms = s->now_ms;
    gone(s, i, sim_below(s, SIM_LEASE_MS / 4));
}

static void step(struct sim *s)
{
    struct event e = take_next(s);
    jmp_buf death;
    if (e.at_ms > s->now_ms)
        s->now_ms = e.at_ms;
    sim_death = &death;
    if (setjmp(death) == 0)
        happen(s, &e);
    else
        die_of_it(s, e.worker);
    if (!s->calm)
        endanger(s);
    if (++s->n_steps > STEPS_MAX)
        sim_fail(s, "there is no end");
}

/* ---- a run ---- */

static unsigned some(struct sim *s, unsigned most)
{
    return sim_below(s, 2) ? 0 : 1 + (unsigned)sim_below(s, most);
}

/* Each run has some of the dangers only: the worst schedules are not those where everything goes wrong. */
static struct dangers some_dangers(struct sim *s)
{
    struct dangers d = {.crash = some(s, 30),
                        .leave = some(s, 10),
                        .pause = some(s, 60),
                        .cut = some(s, 150),
                        .store_crash = some(s, 20),
                        .lost_tail = some(s, 10000),
                        .jump = some(s, 20),
                        .quiet = some(s, 150),
                        .late = some(s, 60),
                        .lost = some(s, 60),
                        .slow = some(s, 2000),
                        .stall = some(s, 3000),
                        .hunger = sim_below(s, 4) ? 0 : some(s, 60),
                        .poison = sim_below(s, 3) ? 0 : some(s, 200)};
    return d;
}

static void begin(struct sim *s, uint64_t seed, bool trace)
{
    arena_reset(&s->arena);
    store_clear(&s->store);
    bl_buf_clear(&s->said);
    s->store.n_log = s->n_events = 0;
    s->seed = seed;
    s->random = seed * 0xD1342543DE82EF95ULL + 1;
    s->trace = trace;
    s->calm = false;
    s->now_ms = SIM_T0;
    s->offset_ms = 0;
    s->order = 0;
    s->n_steps = 0;
    s->rules_version = 1;
    s->event_number = s->n_poison = 0;
    s->deadly_ms = 0;
    s->partitions = 1 + (int)sim_below(s, SIM_PARTITIONS);
    s->workers = 2 + (int)sim_below(s, SIM_WORKERS - 1);
    s->seen_max = sim_below(s, 2) ? 5 : 1000;
    s->recent_max = (size_t)(seed % 6 * 3);
    s->hand_max = seed % 5 * 6000; /* from nobody who is not needed to everybody */
    s->behind_ms = (int64_t)(seed % 3) * 700;
    s->seen_ms = sim_below(s, 2) ? 3000 : 600000;
    sim_say(s, "seed %llu: %d workers, %d partitions", (unsigned long long)seed, s->workers, s->partitions);
    for (int i = 0; i < s->workers; i++) {
        s->host[i].life = 0;
        start(s, i);
    }
}

static void trouble(struct sim *s)
{
    int64_t until = s->now_ms + 500 + sim_below(s, 3000);
    s->calm = false;
    s->traffic_ms = until;
    s->dangers = some_dangers(s);
    sim_at(s, s->now_ms, EV_TRAFFIC, -1);
    while ((s->now_ms < until || (anybody_careful(s) && s->now_ms < until + MORE_MS)) && !s->said.n)
        step(s);
    s->calm = true;
    s->dangers = (struct dangers){.slow = s->dangers.slow};
}

static void come_to_rest(struct sim *s)
{
    int64_t until = s->now_ms + CALM_MAX_MS;
    for (int i = 0; i < s->workers; i++)
        if (s->host[i].until_ms + CALM_MAX_MS > until)
            until = s->host[i].until_ms + CALM_MAX_MS;
    while (!s->said.n && !store_at_rest(s)) {
        step(s);
        if (s->now_ms > until && s->now_ms > s->deadly_ms + CALM_MAX_MS)
            sim_fail(s, "something is never committed, or a deadline never fires");
    }
    for (int p = 0; p < s->partitions; p++)
        judge_balance(s, p);
}

/* The store's clock may have been put back: no tick comes before it is past its last entry again, and a lease given
 * before that stands for as long as it was put back. What waits for that is not what is judged here. */
static void catch_up(struct sim *s)
{
    int64_t last = store_now(s);
    for (int p = 0; p < s->partitions; p++) {
        const struct shard *h = &s->store.shard[p];
        if (h->n_entries && h->entries[h->n_entries - 1].ms >= last)
            last = h->entries[h->n_entries - 1].ms + 1;
        if (h->lease_until - SIM_LEASE_MS > last)
            last = h->lease_until - SIM_LEASE_MS;
    }
    if (last > store_now(s))
        sim_say(s, "the store's clock is put right, by %lld ms", (long long)(last - store_now(s)));
    s->offset_ms += last - store_now(s);
}

/* To the next deadline, whoever it belongs to. */
static bool forward(struct sim *s)
{
    int64_t first = BL_NEVER;
    for (int p = 0; p < s->partitions; p++) {
        int64_t due_ms = store_earliest(s, p, store_passed(&s->store.shard[p]));
        first = due_ms < first ? due_ms : first;
    }
    if (first == BL_NEVER)
        return false;
    if (first + SIM_GRACE_MS > store_now(s))
        quiet_for(s, first + SIM_GRACE_MS - store_now(s));
    return true;
}

bool sim_run(struct sim *s, uint64_t seed, bool trace)
{
    begin(s, seed, trace);
    for (int64_t rounds = 1 + sim_below(s, 3); rounds > 0 && !s->said.n; rounds--) {
        trouble(s);
        catch_up(s);
        come_to_rest(s);
        bool far = sim_below(s, 4) == 0;
        for (int i = 0; far && i < FORWARD_JUMPS && !s->said.n && forward(s); i++)
            come_to_rest(s);
        if (!s->said.n)
            judge_all(s);
    }
    for (int i = 0; i < s->workers; i++)
        if (s->host[i].alive)
            world_crash(s, i);
    if (s->n_held > 0)
        sim_fail(s, "the texts of %zu fetches were never let go of", s->n_held);
    return s->said.n == 0;
}

void sim_release(struct sim *s)
{
    arena_release(&s->arena);
    store_release(&s->store);
    bl_buf_release(&s->said);
    free(s->events);
}
