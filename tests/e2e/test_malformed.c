/* Over a thousand requests that are wrong in one way each (tests/malformed): every one is refused in our words, and none
 * of them does any harm. A real serve process, a real Redis, bytes on a socket.
 *
 * A line of a file: `STATUS CODE TEXT`. In TEXT stand \r \n \\ \xHH, and \(N:…) for N times what is inside. What is
 * made of the text depends on the file (kinds, below). After the answer the connection either ends or takes a good
 * request as if nothing had been; so does a new one; and at the end exactly the good ones are stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve_story.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)4 * 1024 * 1024)
#define LINE_MAX_   ((size_t)256 * 1024)
#define POSTED      "POST /events HTTP/1.1\r\nHost: t\r\n"

struct bytes {
    char *p;
    size_t n;
};

static struct bytes text, request;
static char line[LINE_MAX_];
static long long good;

static void put(struct bytes *b, const char *p, size_t n)
{
    assert_true(b->n + n <= REQUEST_MAX);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_z(struct bytes *b, const char *z)
{
    put(b, z, strlen(z));
}

/* --- the files */

/* One escape; what follows it. */
static const char *unescape(const char *at, struct bytes *out);

static const char *repeated(const char *at, struct bytes *out)
{
    char *end;
    unsigned long times = strtoul(at, &end, 10);
    size_t from = out->n;
    assert_true(*end == ':');
    for (at = end + 1; *at != ')';) {
        if (*at == '\\')
            at = unescape(at + 1, out);
        else
            put(out, at++, 1);
    }
    size_t n = out->n - from;
    for (unsigned long i = 1; i < times; i++)
        put(out, out->p + from, n);
    return at + 1;
}

static const char *unescape(const char *at, struct bytes *out)
{
    unsigned value;
    char c;
    switch (*at) {
    case 'r':
        put(out, "\r", 1);
        return at + 1;
    case 'n':
        put(out, "\n", 1);
        return at + 1;
    case '\\':
        put(out, "\\", 1);
        return at + 1;
    case '(':
        return repeated(at + 1, out);
    default:
        assert_int_equal(sscanf(at, "x%2x", &value), 1);
        c = (char)value;
        put(out, &c, 1);
        return at + 3;
    }
}

static void read_text(const char *at)
{
    text.n = 0;
    while (*at && *at != '\n') {
        if (*at == '\\')
            at = unescape(at + 1, &text);
        else
            put(&text, at++, 1);
    }
}

/* --- what is made of a text */

static void with_body(const char *head, const char *body, size_t n)
{
    char length[64];
    put_z(&request, head);
    put(&request, length, (size_t)snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", n));
    put(&request, body, n);
}

static void as_request(void)
{
    put(&request, text.p, text.n);
}

static void as_event(void)
{
    with_body(POSTED, text.p, text.n);
}

static void as_batch(void)
{
    with_body("POST /events/batch HTTP/1.1\r\nHost: t\r\n", text.p, text.n);
}

static void as_lines(void)
{
    with_body("POST /events/batch HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-ndjson\r\n", text.p,
              text.n);
}

static void as_headers(void)
{
    put_z(&request, POSTED);
    put(&request, text.p, text.n);
    with_body("", GOOD, strlen(GOOD));
}

static void as_chunks(void)
{
    put_z(&request, POSTED "Transfer-Encoding: chunked\r\n\r\n");
    put(&request, text.p, text.n);
}

/* `coding bytes`; the coding -: none is named. */
static void as_packed(void)
{
    char head[256], coding[32];
    const char *space = memchr(text.p, ' ', text.n);
    assert_true(space && space - text.p < (ptrdiff_t)sizeof coding);
    size_t n = (size_t)(space - text.p);
    memcpy(coding, text.p, n);
    coding[n] = 0;
    if (strcmp(coding, "-") == 0)
        snprintf(head, sizeof head, POSTED "Content-Type: text/plain\r\n");
    else
        snprintf(head, sizeof head, POSTED "Content-Encoding: %s\r\n", coding);
    with_body(head, space + 1, text.n - n - 1);
}

static void as_target(void)
{
    put_z(&request, "GET ");
    put(&request, text.p, text.n);
    put_z(&request, " HTTP/1.1\r\nHost: t\r\n\r\n");
}

static const struct kind {
    const char *file;
    void (*make)(void);
} kinds[] = {{"requests.txt", as_request}, {"headers.txt", as_headers}, {"targets.txt", as_target},
             {"chunks.txt", as_chunks},    {"packed.txt", as_packed},   {"events.txt", as_event},
             {"batches.txt", as_batch},    {"lines.txt", as_lines}};

/* --- sent and judged */

static bool is_over(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    char c;
    return poll(&p, 1, 0) > 0 && read(fd, &c, 1) <= 0;
}

/* Either the server has said that it closes, and does; or the connection is as good as new. */
static void connection_is_sane(int fd, const struct bl_test_reply *r, const char *what)
{
    static struct bl_test_reply next;
    if (strcmp(bl_test_reply_header(r, "connection"), "close") == 0) {
        assert_false(bl_test_receive(fd, &next));
        return;
    }
    if (is_over(fd))
        fail_msg("%s: closed without a word", what);
    request.n = 0;
    with_body(POSTED, GOOD, strlen(GOOD));
    bl_test_send(fd, request.p, request.n);
    if (!bl_test_receive(fd, &next) || next.status != 202)
        fail_msg("%s: then %d %s", what, next.status, next.body);
    good++;
}

static void judge(const struct bl_test_reply *r, int status, const char *code, const char *what)
{
    char begin[128];
    snprintf(begin, sizeof begin,
             strcmp(code, "rejected") == 0 ? "{\"status\":\"%s\"" : "{\"error\":{\"code\":\"%s\",", code);
    if (r->status != status || strncmp(r->body, begin, strlen(begin)) != 0)
        fail_msg("%s: %d %s", what, r->status, r->body);
    if (r->status < 400 || r->status > 499)
        fail_msg("%s: %d is no refusal", what, r->status);
    assert_string_equal(bl_test_reply_header(r, "content-type"), "application/json; charset=utf-8");
    assert_string_equal(bl_test_reply_header(r, "x-content-type-options"), "nosniff");
}

static void try_line(const struct kind *k, int number)
{
    static struct bl_test_reply reply;
    char what[64], code[64];
    int status, at;
    snprintf(what, sizeof what, "%s:%d", k->file, number);
    assert_int_equal(sscanf(line, "%d %63s%n", &status, code, &at), 2);
    read_text(line + at + 1);
    request.n = 0;
    k->make();
    int fd = bl_test_connect(&serve);
    bl_test_send(fd, request.p, request.n);
    if (!bl_test_receive(fd, &reply))
        fail_msg("%s: no answer", what);
    judge(&reply, status, code, what);
    connection_is_sane(fd, &reply, what);
    close(fd);
}

static void try_file(const struct kind *k, size_t *cases)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", CASES, k->file);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is not there", path);
    for (int number = 1; fgets(line, sizeof line, f); number++) {
        if (line[0] == '#')
            continue;
        assert_non_null(strchr(line, '\n'));
        try_line(k, number);
        ++*cases;
    }
    fclose(f);
}

static void everything_malformed_is_refused(void **state)
{
    size_t cases = 0;
    (void)state;
    text.p = malloc(REQUEST_MAX);
    request.p = malloc(REQUEST_MAX);
    assert_true(text.p && request.p);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        try_file(&kinds[i], &cases);
        expect(post("/events", GOOD), kinds[i].file, 202, NULL);
        good++;
    }
    assert_true(cases >= 1000);
    assert_int_equal(stored_entries(), good);
    free(text.p);
    free(request.p);
}

/* The other side of being strict: unusual, and right. All in one pipeline. */
static void what_is_right_is_taken_in_any_pieces(void **state)
{
    static const char *const right[] = {
        POSTED "Transfer-Encoding: chunked\r\n\r\n2d\r\n" GOOD "\r\n0\r\n\r\n",
        POSTED "transfer-encoding:Chunked\r\n\r\n1\r\n{\r\n02C;a=\"b\"\r\n\"user_id\":\"u1\",\"action\":"
               "\"click\",\"page\":\"/p\"}"
               "\r\n0;x\r\nX: y\r\nZ:\r\n\r\n",
        "\r\nPOST http://elsewhere/events HTTP/1.1\r\nhOST:[::1]:8080\r\nContent-Length:\t45 \r\n\r\n" GOOD,
        "POST /ingest?key=&x=%20 HTTP/1.1\r\nHost: t\r\nX-Empty:\r\nX-Text: "
        "\xc3\xa9\t\"(;)\r\nContent-Length: 00045\r\n\r\n" GOOD,
        "POST /events HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 45\r\n\r\n" GOOD,
        POSTED "Content-Length: 45\r\n\r\n" GOOD};
    static const size_t pieces[] = {SIZE_MAX, 1, 7};
    static struct bl_test_reply reply;
    size_t count = sizeof right / sizeof *right;
    (void)state;
    request.p = malloc(REQUEST_MAX);
    assert_non_null(request.p);
    request.n = 0;
    for (size_t i = 0; i < count; i++)
        put_z(&request, right[i]);
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        int on = 1, fd = bl_test_connect(&serve);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        for (size_t at = 0, n; at < request.n; at += n) {
            n = request.n - at < pieces[k] ? request.n - at : pieces[k];
            bl_test_send(fd, request.p + at, n);
            if (n == 1)
                sched_yield(); /* so that most bytes come alone */
        }
        for (size_t i = 0; i < count; i++)
            if (!bl_test_receive(fd, &reply) || reply.status != 202)
                fail_msg("%s in pieces of %zu: %d %s", right[i], pieces[k], reply.status, reply.body);
        close(fd);
    }
    free(request.p);
    assert_int_equal(stored_entries(), count * (sizeof pieces / sizeof *pieces));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_malformed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_right_is_taken_in_any_pieces, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
