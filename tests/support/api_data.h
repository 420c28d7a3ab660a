/* A data set written by hand, key by key as store/keys.def says, and short ways to ask the API about it. */
#ifndef BL_TEST_API_DATA_H
#define BL_TEST_API_DATA_H

#include "api_server.h"
#include "redis_server.h"

#include "bl/core/pattern.h"
#include "bl/store/keys.h"

#define P      4 /* partitions */
#define NOW_MS 1700000000000LL

extern struct bl_test_redis redis;
extern struct bl_test_api api;

#define DO(...) freeReplyObject(bl_test_redis(&redis, __VA_ARGS__))

int partition_of(const char *user);
/* The key's name, good for the next seven calls. */
const char *key(enum bl_key id, int p, const char *arg);
void position(int p, long long clock_ms, int entries);
/* An empty data set whose clocks stand at NOW_MS and a little before. */
void data_set(const char *clock);

struct example {
    const char *user, *page, *explanation;
    enum bl_rule_id rule;
    enum bl_severity severity;
    long long at_ms;
    bool resolved;
};

/* The id in hex, as the product would make it. */
const char *put_pattern(struct example x);
/* A user who has come by these pages (NULL ends them), five seconds each, the last one at NOW_MS. */
void put_user(const char *user, const char *const *pages);
/* One who has seen one page, as data sets of version 2 hold it. */
void put_old_user(const char *user, const char *page);

struct bl_test_answer get(const char *path);
/* Fails unless it is 200 and JSON. */
json_t *get_json(const char *path);
void assert_count(const char *path, size_t n);
void assert_error(const char *options, const char *path, int status, const char *code, const char *field);
const char *text(const json_t *object, const char *name);
long long number(const json_t *object, const char *name);

/* For all tests of a program: one Redis and one API, which answers. */
int api_set_up(void **state);
int api_tear_down(void **state);

#endif
