/* Is it there yet? Short blocking questions to processes of our own on this machine, each with a time limit
 * far below what a person notices; the supervisor has nothing else to do meanwhile. */
#include "up.h"

#include "bl/outbound/ask_tls.h"
#include "bl/store/link.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 500

static void limit_time(int fd)
{
    struct timeval limit = {.tv_usec = ANSWER_MS * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* Sends the question, reads until `answer` is full, the peer is done, or `until` stands in it. */
static bool ask(int fd, const char *question, char *answer, size_t max, const char *until)
{
    size_t n = 0, length = strlen(question);
    answer[0] = '\0';
    if (send(fd, question, length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    while (n + 1 < max && !strstr(answer, until)) {
        ssize_t got = recv(fd, answer + n, max - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        answer[n] = '\0';
    }
    return n > 0;
}

/* As the user `operator` if there is a secret. Inline commands, a line each. */
static bool ask_redis(const char *socket_path, const char *secret, const char *question, char *answer,
                      size_t max, const char *until)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char all[1024];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok = strlen(socket_path) < sizeof at.sun_path;
    snprintf(all, sizeof all, "%s%s%s%s\r\n", secret ? "AUTH operator " : "", secret ? secret : "",
             secret ? "\r\n" : "", question);
    if (ok)
        strcpy(at.sun_path, socket_path);
    limit_time(fd);
    ok = ok && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 && ask(fd, all, answer, max, until);
    close(fd);
    return ok;
}

enum up_redis_state up_probe_redis(const char *socket_path, const char *secret)
{
    char answer[16384];
    if (!ask_redis(socket_path, secret, "INFO everything", answer, sizeof answer, "\r\nloading:"))
        return UP_REDIS_ABSENT;
    const char *version = strstr(answer, "redis_version:");
    if (version && strtol(version + strlen("redis_version:"), NULL, 10) < BL_REDIS_LEAST_MAJOR)
        return UP_REDIS_TOO_OLD;
    return strstr(answer, "\r\nloading:0") ? UP_REDIS_READY : UP_REDIS_LOADING;
}

bool up_probe_open(const char *socket_path, const char *secret)
{
    char answer[256];
    return ask_redis(socket_path, secret, "ACL SETUSER " BL_ACL_LOOKING, answer, sizeof answer,
                     "+OK\r\n+OK") &&
           strstr(answer, "+OK\r\n+OK") != NULL;
}

bool up_probe_info(const char *socket_path, const char *secret, char *answer, size_t max)
{
    return ask_redis(socket_path, secret, "INFO persistence cpu", answer, max, "\r\nused_cpu_sys_children:");
}

bool up_probe_rewrite(const char *socket_path, const char *secret)
{
    char answer[256];
    return ask_redis(socket_path, secret, "BGREWRITEAOF", answer, sizeof answer, "ackground") &&
           strstr(answer, "+Background") != NULL;
}

static void say_why(const char *listen_at, int port, int error, struct bl_buf *why)
{
    if (error == EADDRINUSE)
        bl_buf_printf(why,
                      "port %d on %s is in use: choose another with --port, or stop the program that has it "
                      "(`ss -ltnp 'sport = :%d'` names it)",
                      port, listen_at, port);
    else if (error == EACCES)
        bl_buf_printf(why, "port %d needs the right to use low ports: choose one above 1023 with --port",
                      port);
    else
        bl_buf_printf(why, "cannot listen on %s port %d: %s", listen_at, port, strerror(error));
}

bool up_probe_port(const char *listen_at, int *port, struct bl_buf *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    struct sockaddr_storage bound;
    socklen_t bound_size = sizeof bound;
    char service[16], chosen[16];
    int yes = 1, error = 0;
    snprintf(service, sizeof service, "%d", *port);
    int status = getaddrinfo(listen_at, service, &hints, &found);
    if (status != 0) {
        bl_buf_printf(why, "cannot listen on %s: %s", listen_at, gai_strerror(status));
        return false;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0)
        error = errno;
    else if (getsockname(fd, (struct sockaddr *)&bound, &bound_size) == 0 &&
             getnameinfo((struct sockaddr *)&bound, bound_size, NULL, 0, chosen, sizeof chosen,
                         NI_NUMERICSERV) == 0)
        *port = (int)strtol(chosen, NULL, 10);
    freeaddrinfo(found);
    if (fd >= 0)
        close(fd);
    if (error)
        say_why(listen_at, *port, error, why);
    return error == 0;
}

bool up_probe_http(const char *host, int port, bool tls, const char *path)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char service[16], question[128], answer[512];
    bool ok = false;
    snprintf(service, sizeof service, "%d", port);
    snprintf(question, sizeof question, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
             path);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return false;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        limit_time(fd);
        ok = connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
             (tls ? bl_ask_tls(fd, question, answer, sizeof answer)
                  : ask(fd, question, answer, sizeof answer, "\r\n\r\n")) &&
             strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0;
        close(fd);
    }
    freeaddrinfo(found);
    return ok;
}
