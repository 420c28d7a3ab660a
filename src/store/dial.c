/* See dial.h. */
#include "dial.h"
#include "bl/store/link.h"
#include "reader.h"
#include "url.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S   5 /* for the connection, and for each reply */
#define ARGS_MAX 16

static redisContext *connect_to(const struct bl_url *url)
{
    struct timeval wait = {WAIT_S, 0};
    redisContext *c = url->port ? redisConnectWithTimeout(url->host, url->port, wait)
                                : redisConnectUnixWithTimeout(url->host, wait);
    if (c && (c->err || redisSetTimeout(c, wait) != REDIS_OK)) {
        redisFree(c);
        return NULL;
    }
    if (c)
        bl_reader_bound(c->reader);
    return c;
}

redisReply *bl_dial_call(redisContext *c, size_t n, const struct bl_str *args)
{
    const char *argv[ARGS_MAX];
    size_t lens[ARGS_MAX];
    assert(n <= ARGS_MAX);
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].p;
        lens[i] = args[i].n;
    }
    redisReply *r = redisCommandArgv(c, (int)n, argv, lens);
    if (r && r->type == REDIS_REPLY_ERROR) {
        freeReplyObject(r);
        return NULL;
    }
    return r;
}

static bool said_ok(redisContext *c, size_t n, const struct bl_str *args)
{
    redisReply *r = bl_dial_call(c, n, args);
    bool ok = r != NULL;
    freeReplyObject(r);
    return ok;
}

/* Scripts with flags came with 7.0. Who may not ask is believed. */
static bool is_too_old(redisContext *c)
{
    struct bl_str info[2] = {BL_STR("INFO"), BL_STR("server")};
    redisReply *r = bl_dial_call(c, 2, info);
    const char *at = r && r->type == REDIS_REPLY_STRING ? strstr(r->str, "redis_version:") : NULL;
    bool old = at && strtol(at + strlen("redis_version:"), NULL, 10) < BL_REDIS_LEAST_MAJOR;
    freeReplyObject(r);
    return old;
}

static bool introduce(redisContext *c, const struct bl_url *url)
{
    char db[16];
    struct bl_str auth[3] = {BL_STR("AUTH"), bl_str_of(url->user[0] ? url->user : "default"),
                             bl_str_of(url->password)};
    snprintf(db, sizeof db, "%d", url->db);
    struct bl_str select[2] = {BL_STR("SELECT"), bl_str_of(db)}, ping = BL_STR("PING");
    return (!url->password[0] || said_ok(c, 3, auth)) && (!url->db || said_ok(c, 2, select)) &&
           said_ok(c, 1, &ping);
}

enum bl_err bl_dial(const char *text, redisContext **out, struct bl_buf *why)
{
    struct bl_url url;
    if (bl_url_parse(text, &url) != BL_OK) {
        bl_buf_z(why, "the URL of the store is not valid");
        return BL_ERR_CONFIG;
    }
    redisContext *c = connect_to(&url);
    if (!c || !introduce(c, &url)) {
        bl_buf_z(why, !c       ? "Redis cannot be reached: check --redis (or --data) and that it is running"
                      : c->err ? "Redis does not answer: check that it is not stopped or busy"
                               : "Redis refuses us: check user and password in --redis");
        if (c)
            redisFree(c);
        return BL_ERR_STORE_UNAVAILABLE;
    }
    if (is_too_old(c)) {
        bl_buf_z(why, "Redis is too old: version 7.0 or later is needed");
        redisFree(c);
        return BL_ERR_CONFIG;
    }
    *out = c;
    return BL_OK;
}
