/* A serve process of the test's own, and a client that sends any bytes. Everything asserts. */
#ifndef BL_TEST_SERVE_PROCESS_H
#define BL_TEST_SERVE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bl_test_serve {
    pid_t pid;
    int port;
    int log; /* its standard error, to be read */
};

/* `program serve --redis url --port 0 --durability none extra…`; returns when it listens. */
void bl_test_serve_start(struct bl_test_serve *s, const char *program, const char *url,
                         const char *const *extra);
/* Sends the signal, waits up to 10 s; the exit status, or 1000 + the signal that killed it. */
int bl_test_serve_end(struct bl_test_serve *s, int signal);

struct bl_test_reply {
    int status;
    char head[4096]; /* with lower-case header names as sent */
    char body[524288];
    size_t body_n;
};

int bl_test_connect(const struct bl_test_serve *s);
void bl_test_send(int fd, const char *bytes, size_t n);
/* Reads one response (by its Content-Length; none: no body). false: the connection ended before one came. */
bool bl_test_receive(int fd, struct bl_test_reply *out);
/* The value of a header in lower case; "" if absent. Static memory. */
const char *bl_test_reply_header(const struct bl_test_reply *r, const char *name);

/* One request on a fresh connection. headers: lines that end in \r\n, or "". body may be NULL. */
void bl_test_request(const struct bl_test_serve *s, const char *method, const char *path, const char *headers,
                     const char *body, size_t body_n, struct bl_test_reply *out);

#endif
