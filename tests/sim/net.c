/* Connections between a worker and the store. A message takes its time, and sometimes too much of it; messages of one
 * connection never overtake each other. A worker that has waited too long gives its connection up: what is still under
 * way may arrive and take effect, but no answer to it is ever taken for another's. */
#include "sim.h"

#define RETRY_MAX_MS 400
#define LATE_MAX_MS  (2 * SIM_LEASE_MS)

static int64_t latency(struct sim *s)
{
    if (sim_chance(s, s->dangers.slow))
        return sim_below(s, 300);
    return sim_below(s, 3);
}

void net_open(struct sim *s, struct link *l)
{
    l->conn = sim_get(s, sizeof *l->conn);
    *l->conn = (struct conn){0};
    l->up = true;
    l->n_under_way = 0;
}

static struct event *at_worker(struct sim *s, int64_t at_ms, enum event_kind kind, struct link *l)
{
    struct event *e = sim_at(s, at_ms, kind, l->worker);
    e->link = l;
    e->conn = l->conn;
    return e;
}

void net_send(struct sim *s, struct link *l, struct request *r)
{
    r->link = l;
    r->conn = l->conn;
    if (!l->up || l->n_under_way == sizeof l->under_way / sizeof l->under_way[0]) {
        at_worker(s, s->now_ms, EV_FAIL, l)->request = r;
        return;
    }
    l->under_way[l->n_under_way++] = r;
    int64_t arrives = s->now_ms + latency(s);
    if (sim_chance(s, s->dangers.late))
        arrives = s->now_ms + SIM_TIMEOUT_MS + sim_below(s, LATE_MAX_MS);
    if (sim_chance(s, s->dangers.lost))
        *(sim_below(s, 2) ? &l->conn->dead : &l->conn->mute) = true;
    if (arrives < l->conn->arrives_ms)
        arrives = l->conn->arrives_ms;
    l->conn->arrives_ms = arrives;
    if (l->conn->dead || l->conn->mute || arrives - s->now_ms >= SIM_TIMEOUT_MS)
        at_worker(s, s->now_ms + SIM_TIMEOUT_MS, EV_TIMEOUT, l);
    struct event *e = sim_at(s, arrives, EV_ARRIVE, -1);
    e->request = r;
    e->conn = l->conn;
}

void net_arrive(struct sim *s, struct conn *c, struct request *r)
{
    if (c->dead) {
        sim_say(s, "%s %s is lost", world_whose(s, r), world_name(r));
        return;
    }
    store_apply(s, r);
    if (s->trace)
        sim_say(s, "%s %s%s%s", world_whose(s, r), world_name(r), store_result(s, r),
                r->link->conn == c && r->life == s->host[r->worker].life
                    ? ""
                    : ", on a connection that was given up");
    if (c->mute)
        return;
    int64_t at = s->now_ms + latency(s);
    c->answers_ms = at > c->answers_ms ? at : c->answers_ms;
    struct event *e = at_worker(s, c->answers_ms, EV_ANSWER, r->link);
    e->request = r;
    e->conn = c;
    e->life = r->life;
}

void net_answer(struct sim *s, struct conn *c, struct request *r)
{
    struct link *l = r->link;
    if (r->done || !l->up || l->conn != c)
        return;
    for (size_t i = 0; i < l->n_under_way; i++)
        if (l->under_way[i] == r)
            l->under_way[i] = l->under_way[--l->n_under_way];
    r->done = true;
    world_answer(s, r, true);
}

void net_drop(struct sim *s, struct link *l, bool dead)
{
    if (!l->up)
        return;
    l->up = false;
    l->conn->dead |= dead;
    for (size_t i = 0; i < l->n_under_way; i++)
        if (!l->under_way[i]->done)
            at_worker(s, s->now_ms, EV_FAIL, l)->request = l->under_way[i];
    l->n_under_way = 0;
    at_worker(s, s->now_ms + 10 + sim_below(s, sim_below(s, 4) ? RETRY_MAX_MS : 5 * RETRY_MAX_MS), EV_UP, l);
    world_down(s, l);
}
