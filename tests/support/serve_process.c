#include "serve_process.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 32
/* Only a hang takes so long, on any machine. */
#define START_MS 60000
#define END_MS   60000
#define REPLY_MS 60000

#define MUST(x)                                                                                              \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "%s:%d: %s failed: %s\n", __FILE__, __LINE__, #x, strerror(errno));              \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The log says which port it is, in its line "listening". */
static void wait_listening(struct bl_test_serve *s)
{
    char text[8192];
    size_t n = 0;
    long long end = now_ms() + START_MS;
    while (now_ms() < end) {
        struct pollfd p = {s->log, POLLIN, 0};
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t got = read(s->log, text + n, sizeof text - 1 - n);
        MUST(got > 0);
        n += (size_t)got;
        text[n] = 0;
        const char *line = strstr(text, "\"message\":\"listening\""),
                   *port = line ? strstr(line, "\"port\":") : NULL;
        if (port && strchr(port, '}')) {
            s->port = atoi(port + 7);
            return;
        }
    }
    MUST(!"serve listens");
}

void bl_test_serve_start(struct bl_test_serve *s, const char *program, const char *url,
                         const char *const *extra)
{
    char path[4096], redis[512];
    snprintf(path, sizeof path, "%s", program);
    snprintf(redis, sizeof redis, "%s", url);
    char *argv[ARGS_MAX] = {path};
    static char words[][16] = {"serve", "--redis", "--port", "0", "--durability", "none"};
    int pipes[2], n = 1;
    argv[n++] = words[0];
    argv[n++] = words[1];
    argv[n++] = redis;
    for (size_t i = 2; i < sizeof words / sizeof *words; i++)
        argv[n++] = words[i];
    for (; extra && *extra; extra++) {
        MUST(n < ARGS_MAX - 1);
        argv[n++] = (char *)(uintptr_t)*extra; /* execv does not write */
    }
    MUST(pipe(pipes) == 0);
    s->pid = fork();
    MUST(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execv(argv[0], argv);
        _exit(127);
    }
    close(pipes[1]);
    s->log = pipes[0];
    wait_listening(s);
}

int bl_test_serve_end(struct bl_test_serve *s, int number)
{
    int status = 0;
    long long end = now_ms() + END_MS;
    char rest[4096];
    kill(s->pid, number);
    for (;;) {
        struct pollfd p = {s->log, POLLIN, 0};
        ssize_t got = poll(&p, 1, 20) > 0 ? read(s->log, rest, sizeof rest) : 0;
        if (got > 0 && strstr(rest, "ERROR: AddressSanitizer"))
            fwrite(rest, 1, (size_t)got, stderr);
        if (waitpid(s->pid, &status, WNOHANG) == s->pid)
            break;
        MUST(now_ms() < end);
    }
    while (read(s->log, rest, sizeof rest) > 0)
        ;
    close(s->log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int bl_test_connect(const struct bl_test_serve *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    MUST(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* A server that refuses may close before it has read all. */
void bl_test_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static bool read_some(int fd, char *to, size_t room, size_t *n)
{
    struct pollfd p = {fd, POLLIN, 0};
    MUST(poll(&p, 1, REPLY_MS) > 0);
    ssize_t got = read(fd, to + *n, room - *n);
    if (got <= 0)
        return false;
    *n += (size_t)got;
    return true;
}

bool bl_test_receive(int fd, struct bl_test_reply *out)
{
    size_t n = 0;
    memset(out, 0, sizeof *out);
    while (!strstr(out->head, "\r\n\r\n")) { /* a byte at a time: the next response stays in the socket */
        MUST(n < sizeof out->head - 1);
        size_t one = 0;
        if (!read_some(fd, out->head + n, 1, &one))
            return false;
        n += one;
    }
    MUST(sscanf(out->head, "HTTP/1.1 %d", &out->status) == 1);
    size_t length = (size_t)atoll(bl_test_reply_header(out, "content-length"));
    MUST(length < sizeof out->body);
    while (out->body_n < length)
        if (!read_some(fd, out->body, length, &out->body_n))
            return false;
    return true;
}

const char *bl_test_reply_header(const struct bl_test_reply *r, const char *name)
{
    static char value[1024];
    size_t n = strlen(name);
    value[0] = 0;
    for (const char *line = strstr(r->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
            continue;
        const char *at = line + 2 + n + 1 + strspn(line + 2 + n + 1, " ");
        size_t k = strcspn(at, "\r\n");
        MUST(k < sizeof value);
        memcpy(value, at, k);
        value[k] = 0;
        break;
    }
    return value;
}

void bl_test_request(const struct bl_test_serve *s, const char *method, const char *path, const char *headers,
                     const char *body, size_t body_n, struct bl_test_reply *out)
{
    char head[8192];
    int fd = bl_test_connect(s);
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n%s", method, path,
                     headers);
    if (body)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", body_n);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    bl_test_send(fd, head, (size_t)n);
    if (body)
        bl_test_send(fd, body, body_n);
    if (strcmp(method, "HEAD") == 0) {
        size_t got = 0;
        while (got < sizeof out->head - 1 && read_some(fd, out->head, sizeof out->head - 1, &got))
            ;
        out->head[got] = 0;
        out->status = atoi(out->head + 9);
    } else {
        MUST(bl_test_receive(fd, out));
    }
    close(fd);
}
