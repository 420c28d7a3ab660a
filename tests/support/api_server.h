/* The reading side of the API in a process of its own, on a free port, against a test's Redis; and curl to
 * ask it. */
#ifndef BL_TEST_API_SERVER_H
#define BL_TEST_API_SERVER_H

#include <jansson.h>
#include <sys/types.h>

struct bl_test_api {
    pid_t pid;
    int port;
};

void bl_test_api_start(struct bl_test_api *a, const char *redis_url, const char *env);
/* Ends it as a person would; asserts that it ended well (leaks are reported by the sanitizer). */
void bl_test_api_stop(struct bl_test_api *a);

struct bl_test_answer {
    int status;
    char *head; /* status line and headers */
    char *body;
    json_t *json; /* NULL: the body is no JSON */
};

/* curl -s -i [options] http://127.0.0.1:port<path>. Path and options go through the shell in single quotes.
 */
struct bl_test_answer bl_test_curl(const struct bl_test_api *a, const char *options, const char *path);
void bl_test_answer_free(struct bl_test_answer *answer);
/* A header's value (name in lower case) copied into out; "" if there is none. */
void bl_test_header(const struct bl_test_answer *answer, const char *name, char *out, size_t max);

#endif
