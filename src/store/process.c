/* The heartbeat: the name goes into `processes` by the store's clock, the figures into a hash with a TTL. Both by scripts that
 * may write over maxmemory: an HSET of its own is refused there, and what is told of a full Redis would stand still. */
#include "bl/store/process.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"
#include "scripts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define PROCESS_MAGIC BL_MAGIC('p', 'r', 'o', 'c')
#define NUMBER_BYTES  24
#define HEAD_FIELDS   5

struct bl_process {
    uint32_t magic;
    const char *role;
    char host[64], id[128], live[NUMBER_BYTES], pid[NUMBER_BYTES];
    struct bl_buf key, all;     /* process:ID, processes */
    int64_t now_ms, started_ms; /* by the store's clock; 0: not known yet */
    struct bl_link *link;       /* of the last beat */
};

enum bl_err bl_process_new(struct bl_str env, const char *role, struct bl_process **out)
{
    struct bl_process *p = calloc(1, sizeof *p);
    uint32_t nonce = 0;
    *out = NULL;
    if (!p)
        return BL_ERR_NO_MEMORY;
    p->magic = PROCESS_MAGIC;
    p->role = role;
    if (gethostname(p->host, sizeof p->host - 1) != 0)
        memcpy(p->host, "host", 5);
    if (getrandom(&nonce, sizeof nonce, 0) < 0)
        nonce = 0; /* the pid tells them apart on one host */
    snprintf(p->pid, sizeof p->pid, "%d", (int)getpid());
    snprintf(p->id, sizeof p->id, "%s-%s-%08x", p->host, p->pid, nonce);
    snprintf(p->live, sizeof p->live, "%d", BL_PROCESS_LIVE_MS);
    bl_buf_init(&p->key, 0);
    bl_buf_init(&p->all, 0);
    bl_key_put(&p->key, env, BL_KEY_PROCESS, 0, bl_str_of(p->id));
    bl_key_put(&p->all, env, BL_KEY_PROCESSES, 0, (struct bl_str){0});
    if (p->key.err != BL_OK || p->all.err != BL_OK) {
        bl_process_free(p);
        return BL_ERR_NO_MEMORY;
    }
    *out = p;
    return BL_OK;
}

void bl_process_free(struct bl_process *p)
{
    if (!p)
        return;
    bl_buf_release(&p->key);
    bl_buf_release(&p->all);
    p->magic = 0;
    free(p);
}

const char *bl_process_id(const struct bl_process *p)
{
    return p->id;
}

static void on_beat(void *ctx, const redisReply *reply)
{
    struct bl_process *p = BL_CAST(struct bl_process, ctx, PROCESS_MAGIC);
    if (bl_script_lost(reply))
        bl_link_reset(p->link);
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER)
        return;
    p->now_ms = reply->element[0]->integer;
    if (p->started_ms == 0)
        p->started_ms = p->now_ms;
}

static void send_beat(struct bl_process *p, struct bl_link *link, const char *stay)
{
    struct bl_str args[] = {bl_buf_view(&p->all), bl_str_of(p->id), bl_str_of(p->live), bl_str_of(stay)};
    p->link = link;
    bl_script_send(link, BL_SCRIPT_workers_beat, 1, sizeof args / sizeof args[0], args, on_beat, p);
}

static void send_figures(struct bl_process *p, struct bl_link *link, const struct bl_counter *counters,
                         size_t n)
{
    char started[NUMBER_BYTES], now[NUMBER_BYTES], names[BL_PROCESS_COUNTERS_MAX][64];
    char values[BL_PROCESS_COUNTERS_MAX][NUMBER_BYTES];
    struct bl_str argv[5 + 2 * (HEAD_FIELDS + BL_PROCESS_COUNTERS_MAX)] = {
        BL_STR("EVALSHA"), bl_script_sha(BL_SCRIPT_process_tell), BL_STR("1"), bl_buf_view(&p->key),
        bl_str_of(p->live)};
    size_t argc = 5;
    snprintf(started, sizeof started, "%lld", (long long)p->started_ms);
    snprintf(now, sizeof now, "%lld", (long long)p->now_ms);
    const char *head[HEAD_FIELDS][2] = {
        {"role", p->role}, {"host", p->host}, {"pid", p->pid}, {"started_at", started}, {"at_ms", now}};
    for (size_t i = 0; i < HEAD_FIELDS; i++) {
        argv[argc++] = bl_str_of(head[i][0]);
        argv[argc++] = bl_str_of(head[i][1]);
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "counter:%s", counters[i].name);
        snprintf(values[i], sizeof values[i], "%llu", (unsigned long long)counters[i].value);
        argv[argc++] = bl_str_of(names[i]);
        argv[argc++] = bl_str_of(values[i]);
    }
    bl_link_send(link, argc, argv, NULL, NULL);
}

void bl_process_beat(struct bl_process *p, struct bl_link *link, const struct bl_counter *counters, size_t n)
{
    assert(n <= BL_PROCESS_COUNTERS_MAX);
    if (!bl_link_is_up(link))
        return;
    send_beat(p, link, "1");
    if (p->now_ms > 0)
        send_figures(p, link, counters, n);
}

void bl_process_leave(struct bl_process *p, struct bl_link *link)
{
    struct bl_str argv[] = {BL_STR("DEL"), bl_buf_view(&p->key)};
    if (!bl_link_is_up(link))
        return;
    send_beat(p, link, "0");
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
}
