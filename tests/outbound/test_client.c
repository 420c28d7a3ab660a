/* The client against a peer that does what the path says. */
#include "address.h"
#include "bl/outbound/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define ANSWER_MAX 65536

static struct {
    pid_t pid;
    int port, input;
    char dir[64], log[128];
} peer;

static void start_peer(void)
{
    int in[2], out[2];
    FILE *said;
    strcpy(peer.dir, "/tmp/bl-outbound-XXXXXX");
    assert_non_null(mkdtemp(peer.dir));
    snprintf(peer.log, sizeof peer.log, "%s/requests", peer.dir);
    assert_int_equal(pipe(in) | pipe(out), 0);
    peer.pid = fork();
    if (peer.pid == 0) {
        dup2(in[0], 0), dup2(out[1], 1);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(PEER, PEER, peer.log, (char *)NULL);
        _exit(127);
    }
    close(in[0]), close(out[1]);
    peer.input = in[1];
    said = fdopen(out[0], "r");
    assert_int_equal(fscanf(said, "%d", &peer.port), 1);
    fclose(said);
}

static void stop_peer(void)
{
    close(peer.input);
    waitpid(peer.pid, NULL, 0);
    unlink(peer.log);
    rmdir(peer.dir);
}

static long long logged(void)
{
    struct stat s;
    return stat(peer.log, &s) == 0 ? (long long)s.st_size : 0;
}

/* For what must happen: only a hang takes so long, on any machine. */
#define PATIENCE_MS 60000

/* An address of the Internet at which nobody listens, whatever network the test runs in. */
#define DEAD_PUBLIC "8.8.4.4"

/* In libc's place: one name that never resolves, one that is not what it seems, and two with two addresses. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &found, sizeof real);
    if (name && strcmp(name, "hangs.example") == 0)
        sleep(3600);
    if (name && strcmp(name, "rebound.example") == 0)
        name = "127.0.0.1";
    bool first = name && strcmp(name, "inside-first.example") == 0;
    if (!first && !(name && strcmp(name, "outside-first.example") == 0))
        return real(name, service, hints, out);
    struct addrinfo **rest = out;
    int code = real(first ? "127.0.0.1" : DEAD_PUBLIC, service, hints, out);
    while (code == 0 && *rest)
        rest = &(*rest)->ai_next;
    return code ? code : real(first ? DEAD_PUBLIC : "127.0.0.1", service, hints, rest);
}

/* In libc's place: so that nothing ever goes to that address. */
int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t n)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    const struct sockaddr *address = to.__sockaddr__;
    void *found = dlsym(RTLD_NEXT, "connect");
    memcpy(&real, &found, sizeof real);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    if (address->sa_family == AF_INET && v4->sin_addr.s_addr == inet_addr(DEAD_PUBLIC)) {
        errno = ECONNREFUSED;
        return -1;
    }
    return real(fd, address, n);
}

struct probe {
    uv_loop_t loop;
    struct bl_outbound *client;
    int answers, closed;
    bool inside; /* a call of the client's is under way */
    int results[BL_OUTBOUND_RESULTS];
    enum bl_outbound_result result;
    const char *outcome;
    int status;
    int64_t retry_after_ms;
    char body[ANSWER_MAX];
};

static void on_done(void *ctx, const struct bl_outbound_answer *a)
{
    struct probe *p = ctx;
    assert_false(p->inside);
    p->answers++;
    p->results[a->result]++;
    p->result = a->result;
    p->outcome = bl_outbound_outcome(a);
    p->status = a->status;
    p->retry_after_ms = a->retry_after_ms;
    snprintf(p->body, sizeof p->body, "%.*s", (int)a->body.n, a->body.n ? a->body.p : "");
}

static void on_closed(void *ctx)
{
    ((struct probe *)ctx)->closed++;
}

static void open_client(struct probe *p, bool http, bool private, int max)
{
    *p = (struct probe){0};
    uv_loop_init(&p->loop);
    struct bl_outbound_options o = {.under_way_max = max, .allow_http = http, .allow_private = private};
    assert_int_equal(bl_outbound_new(&p->loop, &o, &p->client), BL_OK);
}

static void close_client(struct probe *p)
{
    p->inside = true;
    bl_outbound_close(p->client, on_closed, p);
    p->inside = false;
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(p->closed, 1);
    assert_int_equal(uv_loop_close(&p->loop), 0);
}

static void post(struct probe *p, const char *url, int64_t timeout_ms, size_t max)
{
    const struct bl_outbound_header headers[] = {{BL_STR("content-type"), BL_STR("application/json")},
                                                 {BL_STR("x-secret"), BL_STR("s3cret")}};
    struct bl_outbound_request q = {.url = bl_str_of(url),
                                    .headers = headers,
                                    .n_headers = 2,
                                    .body = BL_STR("{\"a\":1}"),
                                    .timeout_ms = timeout_ms,
                                    .connect_timeout_ms = PATIENCE_MS,
                                    .answer_max_bytes = max,
                                    .ctx = p,
                                    .done = on_done};
    p->inside = true;
    bl_outbound_post(p->client, &q);
    p->inside = false;
}

static enum bl_outbound_result ask(struct probe *p, const char *url, int64_t timeout_ms)
{
    int before = p->answers;
    post(p, url, timeout_ms, 4096);
    while (p->answers == before)
        uv_run(&p->loop, UV_RUN_ONCE);
    return p->result;
}

static const char *peer_url(const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer.port, path);
    return url;
}

static void each_behaviour_has_its_result(void **state)
{
    static const struct {
        const char *path;
        enum bl_outbound_result result;
        const char *outcome;
        int status;
        int64_t timeout_ms, retry_after_ms;
    } cases[] = {
        {"/ok", BL_OUTBOUND_DONE, "done", 200, PATIENCE_MS, -1},
        {"/unauthorized", BL_OUTBOUND_DONE, "refused", 401, PATIENCE_MS, -1},
        {"/limited", BL_OUTBOUND_DONE, "refused", 429, PATIENCE_MS, 2000},
        {"/broken", BL_OUTBOUND_DONE, "failed", 500, PATIENCE_MS, -1},
        {"/redirect", BL_OUTBOUND_DONE, "redirected", 302, PATIENCE_MS, -1},
        {"/silent", BL_OUTBOUND_TIMEOUT, "timeout", 0, 200, -1},
        {"/drip", BL_OUTBOUND_TIMEOUT, "timeout", 0, 300, -1},
        {"/midway", BL_OUTBOUND_BROKEN, "broken", 0, PATIENCE_MS, -1},
        {"/gone", BL_OUTBOUND_BROKEN, "broken", 0, PATIENCE_MS, -1},
        {"/garbage", BL_OUTBOUND_BROKEN, "broken", 0, PATIENCE_MS, -1},
        {"/flood", BL_OUTBOUND_TOO_LARGE, "too_large", 0, PATIENCE_MS, -1},
        {"/floodhead", BL_OUTBOUND_TOO_LARGE, "too_large", 0, PATIENCE_MS, -1},
    };
    struct probe p;
    (void)state;
    open_client(&p, true, true, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].path);
        assert_int_equal(ask(&p, peer_url(cases[i].path), cases[i].timeout_ms), cases[i].result);
        assert_string_equal(p.outcome, cases[i].outcome);
        assert_int_equal(p.status, cases[i].status);
        assert_int_equal(p.retry_after_ms, cases[i].retry_after_ms);
        assert_int_equal(bl_outbound_under_way(p.client), 0);
    }
    close_client(&p);
}

static void nothing_is_at_the_door(void **state)
{
    struct probe p;
    (void)state;
    open_client(&p, true, true, 4);
    assert_int_equal(ask(&p, "http://127.0.0.1:1/", PATIENCE_MS), BL_OUTBOUND_CONNECT);
    assert_int_equal(ask(&p, "http://no-such-host.invalid/", PATIENCE_MS), BL_OUTBOUND_UNKNOWN);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/garbage", peer.port); /* no TLS there */
    assert_true(ask(&p, url, 1000) != BL_OUTBOUND_DONE);
    close_client(&p);
}

/* Even with a proxy in the environment. The address is refused before a byte is sent. */
static void private_addresses_are_refused(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.1:%d/ok", "http://localhost:%d/ok",       "http://2130706433:%d/ok",
        "http://0x7f.1:%d/ok",    "http://[::1]:%d/ok",           "http://[::ffff:127.0.0.1]:%d/ok",
        "http://0:%d/ok",         "http://rebound.example:%d/ok", "http://10.0.0.1:%d/"};
    struct probe p;
    char url[128];
    long long before = logged();
    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", peer.port);
    setenv("http_proxy", url, 1);
    setenv("ALL_PROXY", url, 1);
    open_client(&p, true, false, 4);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(url, sizeof url, urls[i], peer.port);
#pragma GCC diagnostic pop
        print_message("%s\n", url);
        assert_int_equal(ask(&p, url, PATIENCE_MS), BL_OUTBOUND_REFUSED);
    }
    close_client(&p);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(logged(), before);
}

/* The public address may answer later: what fails is the connection, and the private one still gets nothing. */
static void a_name_with_a_private_and_a_dead_address_may_be_tried_again(void **state)
{
    static const char *const names[] = {"inside-first", "outside-first"};
    struct probe p;
    char url[128];
    long long before = logged();
    (void)state;
    open_client(&p, true, false, 4);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(url, sizeof url, "http://%s.example:%d/ok", names[i], peer.port);
        assert_int_equal(ask(&p, url, PATIENCE_MS), BL_OUTBOUND_CONNECT);
    }
    close_client(&p);
    assert_int_equal(logged(), before);
}

/* A certificate that nobody vouches for: nothing is sent. */
static void a_certificate_is_verified(void **state)
{
    char command[1024], url[64];
    int port = 20000 + (int)getpid() % 12000;
    struct probe p;
    (void)state;
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj "
             "/CN=127.0.0.1 "
             "-addext subjectAltName=IP:127.0.0.1 2> /dev/null",
             peer.dir);
    assert_int_equal(system(command), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char accept[32];
        snprintf(accept, sizeof accept, "127.0.0.1:%d", port);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (chdir(peer.dir) == 0 && freopen("tls", "w", stdout) && freopen("/dev/null", "w", stderr))
            execlp("openssl", "openssl", "s_server", "-accept", accept, "-key", "key", "-cert", "cert",
                   (char *)NULL);
        _exit(127);
    }
    open_client(&p, false, true, 4);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    while (ask(&p, url, PATIENCE_MS) == BL_OUTBOUND_CONNECT) /* it is not listening yet */
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(p.result, BL_OUTBOUND_TLS);
    close_client(&p);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    snprintf(command, sizeof command, "cd %s && ! grep s3cret tls && rm key cert tls", peer.dir);
    assert_int_equal(system(command), 0);
}

/* Neither the request's time nor the end of the process waits for it. */
static void a_look_up_that_hangs_holds_nobody_up(void **state)
{
    struct probe p;
    (void)state;
    open_client(&p, true, true, 4);
    assert_int_equal(ask(&p, "http://hangs.example/", 200), BL_OUTBOUND_TIMEOUT);
    post(&p, "http://hangs.example/", 60000, 4096);
    for (int i = 0; i < 10; i++)
        uv_run(&p.loop, UV_RUN_NOWAIT);
    close_client(&p);
    assert_int_equal(p.result, BL_OUTBOUND_CANCELLED);
}

static void requests_are_checked(void **state)
{
    static const char *const wrong[] = {"",
                                        "127.0.0.1/x",
                                        "ftp://example.com/",
                                        "file:///etc/passwd",
                                        "https://user:pw@example.com/",
                                        "https://exa mple.com/",
                                        "https://example.com/\r\nX: y",
                                        "http://example.com/"};
    struct bl_outbound_options o = {.under_way_max = 1};
    struct probe p;
    (void)state;
    open_client(&p, false, true, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(bl_outbound_url_fault(bl_str_of(wrong[i]), &o));
        assert_int_equal(ask(&p, wrong[i], 1000), BL_OUTBOUND_INVALID);
    }
    assert_null(bl_outbound_url_fault(BL_STR("https://api.anthropic.com/v1"), &o));
    const struct bl_outbound_header smuggled = {BL_STR("x-a"), BL_STR("b\r\nx-c: d")};
    struct bl_outbound_request q = {.url = BL_STR("https://127.0.0.1:1/"),
                                    .headers = &smuggled,
                                    .n_headers = 1,
                                    .timeout_ms = 1000,
                                    .connect_timeout_ms = 1000,
                                    .answer_max_bytes = 1,
                                    .ctx = &p,
                                    .done = on_done};
    bl_outbound_post(p.client, &q);
    while (p.answers < (int)(sizeof wrong / sizeof *wrong) + 1)
        uv_run(&p.loop, UV_RUN_ONCE);
    assert_int_equal(p.result, BL_OUTBOUND_INVALID);
    close_client(&p);
}

static void more_than_allowed_is_busy_and_close_cancels(void **state)
{
    struct probe p;
    (void)state;
    open_client(&p, true, true, 2);
    for (int i = 0; i < 3; i++)
        post(&p, peer_url("/silent"), 60000, 4096);
    assert_int_equal(bl_outbound_under_way(p.client), 2);
    while (p.answers == 0)
        uv_run(&p.loop, UV_RUN_ONCE);
    assert_int_equal(p.result, BL_OUTBOUND_BUSY);
    close_client(&p);
    assert_int_equal(p.answers, 3);
    assert_int_equal(p.results[BL_OUTBOUND_CANCELLED], 2);
}

static void what_is_sent_arrives_as_it_is(void **state)
{
    struct probe p;
    char all[8192] = "";
    (void)state;
    open_client(&p, true, true, 2);
    assert_int_equal(ask(&p, peer_url("/alert/x"), PATIENCE_MS), BL_OUTBOUND_DONE);
    assert_string_equal(p.body, "ok");
    close_client(&p);
    FILE *f = fopen(peer.log, "r");
    fseek(f, -300 < -logged() ? -logged() : -300, SEEK_END);
    all[fread(all, 1, sizeof all - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(all, "POST /alert/x HTTP/1.1\r\n"));
    assert_non_null(strstr(all, "x-secret: s3cret\r\n"));
    assert_non_null(strstr(all, "\r\n\r\n{\"a\":1}\n===="));
    assert_null(strstr(all, "Expect"));
}

static void addresses(void **state)
{
    static const struct {
        const char *text;
        bool public;
    } cases[] = {
        {"8.8.8.8", true},
        {"160.79.104.10", true},
        {"0.0.0.0", false},
        {"10.255.0.1", false},
        {"100.64.0.1", false},
        {"100.127.255.255", false},
        {"100.128.0.1", true},
        {"127.9.9.9", false},
        {"169.254.169.254", false},
        {"172.15.0.1", true},
        {"172.31.0.1", false},
        {"172.32.0.1", true},
        {"192.168.1.1", false},
        {"192.0.2.1", false},
        {"198.19.0.1", false},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"::", false},
        {"::1", false},
        {"::ffff:8.8.8.8", false},
        {"::ffff:10.0.0.1", false},
        {"::8.8.8.8", false},
        {"fe80::1", false},
        {"fc00::1", false},
        {"fd12:3456::1", false},
        {"ff02::1", false},
        {"2001:db8::1", false},
        {"2002:7f00:1::", false},
        {"2001::1", false},
        {"64:ff9b::8.8.8.8", true},
        {"64:ff9b::10.0.0.1", false},
        {"64:ff9b:1::8.8.8.8", false},
        {"2607:f8b0::1", true},
        {"fec0::1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_storage s = {0};
        struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;
        bool six = strchr(cases[i].text, ':') != NULL;
        s.ss_family = six ? AF_INET6 : AF_INET;
        assert_int_equal(
            inet_pton(s.ss_family, cases[i].text, six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr), 1);
        if (outbound_is_public((struct sockaddr *)&s) != cases[i].public)
            fail_msg("%s", cases[i].text);
    }
    assert_false(outbound_is_public(&(struct sockaddr){.sa_family = AF_UNIX}));
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    start_peer();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop_peer();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(requests_are_checked),
        cmocka_unit_test(each_behaviour_has_its_result),
        cmocka_unit_test(nothing_is_at_the_door),
        cmocka_unit_test(a_certificate_is_verified),
        cmocka_unit_test(a_look_up_that_hangs_holds_nobody_up),
        cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(a_name_with_a_private_and_a_dead_address_may_be_tried_again),
        cmocka_unit_test(more_than_allowed_is_busy_and_close_cancels),
        cmocka_unit_test(what_is_sent_arrives_as_it_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
