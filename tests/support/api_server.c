#include "api_server.h"

#include "bl/http/api.h"
#include "bl/store/reads.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#undef NDEBUG
#include <assert.h>

struct child {
    uv_loop_t loop;
    uv_signal_t term;
    struct bl_server *server;
    struct bl_store_reads *reads;
    struct bl_queries *queries;
};

static void on_reads_closed(void *ctx)
{
    struct child *c = ctx;
    c->reads = NULL;
    uv_stop(&c->loop); /* the server keeps handles of its own until it is freed */
}

static void on_stopped(void *ctx)
{
    struct child *c = ctx;
    bl_store_reads_close(c->reads, on_reads_closed, c);
}

static void on_term(uv_signal_t *handle, int number)
{
    struct child *c = handle->data;
    (void)number;
    uv_close((uv_handle_t *)handle, NULL);
    bl_server_stop(c->server, on_stopped, c);
}

static void expect(enum bl_err err)
{
    if (err != BL_OK) {
        fprintf(stderr, "api server: %s\n", bl_err_code(err));
        exit(2);
    }
}

static _Noreturn void serve(const char *redis_url, const char *env, int to_parent)
{
    static struct child c;
    struct bl_server_options options = {
        .listen = "127.0.0.1", .connections_max = 100, .body_max_bytes = 1 << 20, .drain_ms = 2000};
    uv_loop_init(&c.loop);
    expect(bl_store_reads_new(&c.loop, redis_url, bl_str_of(env), &c.reads));
    expect(bl_queries_new(bl_store_reads_port(c.reads), &c.queries));
    expect(bl_server_new(&c.loop, &options, &c.server));
    expect(bl_http_api(c.server, c.queries));
    expect(bl_server_listen(c.server));
    uv_signal_init(&c.loop, &c.term);
    c.term.data = &c;
    uv_signal_start(&c.term, on_term, SIGTERM);
    int port = bl_server_port(c.server);
    assert(write(to_parent, &port, sizeof port) == sizeof port);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    assert(!c.reads);
    bl_queries_free(c.queries);
    bl_server_free(c.server);
    uv_run(&c.loop, UV_RUN_NOWAIT);
    uv_loop_close(&c.loop);
    exit(0);
}

void bl_test_api_start(struct bl_test_api *a, const char *redis_url, const char *env)
{
    int ends[2];
    assert(pipe(ends) == 0);
    a->pid = fork();
    assert(a->pid >= 0);
    if (a->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        serve(redis_url, env, ends[1]);
    }
    close(ends[1]);
    assert(read(ends[0], &a->port, sizeof a->port) == sizeof a->port);
    close(ends[0]);
}

void bl_test_api_stop(struct bl_test_api *a)
{
    int status = 0;
    kill(a->pid, SIGTERM);
    assert(waitpid(a->pid, &status, 0) == a->pid);
    assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

struct bl_test_answer bl_test_curl(const struct bl_test_api *a, const char *options, const char *path)
{
    struct bl_test_answer answer = {0};
    char command[8192];
    size_t n = 0, cap = 1 << 22;
    snprintf(command, sizeof command, "curl -s -i --max-time 20 --path-as-is %s 'http://127.0.0.1:%d%s'",
             options, a->port, path);
    FILE *f = popen(command, "r");
    assert(f);
    char *text = malloc(cap + 1);
    for (size_t got; (got = fread(text + n, 1, cap - n, f)) > 0;)
        n += got;
    text[n] = 0;
    pclose(f);
    char *split = strstr(text, "\r\n\r\n");
    if (!split) {
        fprintf(stderr, "no answer: %s\n", command);
        abort();
    }
    answer.head = strndup(text, (size_t)(split + 2 - text));
    answer.body = strdup(split + 4);
    answer.status = atoi(text + strlen("HTTP/1.1 "));
    answer.json = json_loads(answer.body, 0, NULL);
    free(text);
    return answer;
}

void bl_test_answer_free(struct bl_test_answer *answer)
{
    json_decref(answer->json);
    free(answer->head);
    free(answer->body);
    *answer = (struct bl_test_answer){0};
}

void bl_test_header(const struct bl_test_answer *answer, const char *name, char *out, size_t max)
{
    size_t n = strlen(name);
    out[0] = 0;
    for (const char *line = answer->head; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            const char *from = line + n + 1 + (line[n + 1] == ' ');
            snprintf(out, max, "%.*s", (int)strcspn(from, "\r\n"), from);
            return;
        }
    }
}
