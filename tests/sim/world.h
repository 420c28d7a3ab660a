/* Private to the ports of the simulation. */
#ifndef BL_SIM_WORLD_H
#define BL_SIM_WORLD_H

#include "sim.h"

static inline struct host *host_of(void *ctx)
{
    return ctx;
}

static inline struct request *request(struct host *h, enum op op, int p, void *arg)
{
    struct request *r = sim_get(h->sim, sizeof *r);
    *r = (struct request){.op = op, .p = p, .worker = h->i, .life = h->life, .arg = arg};
    r->name = h->name;
    r->fence = p >= 0 ? h->slot[p].fence : (struct fence){0};
    return r;
}

static inline void data(struct host *h, struct request *r)
{
    net_send(h->sim, &h->slot[r->p].data, r);
}

static inline struct bl_str copy(struct host *h, struct bl_str s)
{
    return sim_copy(h->sim, s);
}

/* world.c: sends it and a watch behind it, whose answer is the transaction's. */
void world_transact(struct host *h, struct request *r);

/* world_put.c */
void world_begin(void *ctx, int p);
size_t world_put_bytes(void *ctx, int p);
void world_put_user(void *ctx, int p, const struct bl_put_user *u);
void world_put_pattern(void *ctx, int p, const struct bl_put_pattern *x);
void world_put_change(void *ctx, int p, const struct bl_put_change *x);
void world_put_count(void *ctx, int p, enum bl_tally tally, int64_t number, struct bl_str field, int64_t n);
void world_put_rate(void *ctx, int p, struct bl_str text);
void world_put_recent(void *ctx, int p, struct bl_str lines, size_t keep);
void world_put_seen(void *ctx, int p, struct bl_str chunk);
void world_drop_seen(void *ctx, int p, size_t chunks);
void world_put_quarantine(void *ctx, int p, struct bl_str id, int64_t line, const char *reason,
                          struct bl_str text);
void world_put_part(void *ctx, int p, struct bl_str position, bool first);
void world_put_stored(void *ctx, int p, struct bl_str user_id);
void world_put_unmark(void *ctx, int p);
void world_put_rules(void *ctx, int p, const struct bl_put_rules *x);
void world_put_erased_pattern(void *ctx, int p, struct bl_str user_id, struct bl_str id);
void world_put_erased(void *ctx, int p, const struct bl_put_erased *x);
void world_put_readmitted(void *ctx, int p, struct bl_str hash);
void world_put_recent_all(void *ctx, int p, const struct bl_str *elements, size_t n);
void world_put_ack(void *ctx, int p, struct bl_str id);
void world_put_position(void *ctx, int p, const struct bl_put_position *x);
void world_put_fetch(void *ctx, int p, size_t max, enum bl_tick tick, int64_t passed_ms, bl_fetched_fn *fn,
                     void *arg);
void world_end(void *ctx, int p, bl_done_fn *fn, void *arg);

#endif
