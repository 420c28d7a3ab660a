/* What the stories about serve share: one Redis, one serve process, short words for asking it. Everything fails the
 * running test. */
#ifndef BL_TEST_SERVE_STORY_H
#define BL_TEST_SERVE_STORY_H

#include "redis_server.h"
#include "serve_process.h"

#define GOOD "{\"user_id\":\"u1\",\"action\":\"click\",\"page\":\"/p\"}"
/* Members of an event. */
#define U "\"user_id\":\"u\","
#define A "\"action\":\"click\","
#define P "\"page\":\"/p\""

extern struct bl_test_redis redis;
extern struct bl_test_serve serve;

long long now_ms(void);
/* Between two looks at a condition. */
void nap(void);
/* The reply stands until the next call. */
struct bl_test_reply *post_as(const char *path, const char *headers, const char *body, size_t n);
struct bl_test_reply *post(const char *path, const char *body);
struct bl_test_reply *get(const char *path);
/* The status, the text inside the body (NULL: any), and open CORS. */
void expect(const struct bl_test_reply *r, const char *what, int status, const char *text);
/* Waits until a request gives that status. */
void await(const char *method, const char *path, const char *body, int status, const char *text);
long long stored_entries(void);
void start(const char *const *extra);
/* And waits until the data set is open. */
void start_open(const char *const *extra);

/* For cmocka. */
int setup(void **state);
int setup_redis(void **state);
int teardown(void **state);
int teardown_redis(void **state);

#endif
