/* Compressed bodies that are taken, and a bomb that costs nothing. (Those that are refused: tests/malformed/packed.txt.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP      (15 + 16)
#define ZLIB      15
#define RAW       (-15)
#define MOST      1048576
#define BOMB      ((size_t)256 * 1024 * 1024)
#define BOMB_STEP ((size_t)1024 * 1024)
#define ROOM      ((size_t)2 * 1024 * 1024)

static char packed[ROOM];

/* `times` the text, as one stream behind the `at` bytes there are already; the bytes there are then. */
static size_t pack(size_t at, int bits, const char *text, size_t n, size_t times)
{
    z_stream z = {0};
    union {
        const char *in;
        unsigned char *z;
    } bytes = {text};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = (unsigned char *)packed + at;
    z.avail_out = (unsigned)(sizeof packed - at);
    for (size_t i = 0; i < times; i++) {
        z.next_in = bytes.z;
        z.avail_in = (unsigned)n;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    at += z.total_out;
    deflateEnd(&z);
    return at;
}

static void what_clients_send_is_taken(void **state)
{
    static const struct {
        const char *path, *headers;
        int bits;
        const char *body;
    } all[] = {
        {"/events", "Content-Encoding: gzip\r\n", GZIP, GOOD},
        {"/events", "Content-Encoding: x-gzip\r\nContent-Type: application/json\r\n", GZIP, GOOD},
        {"/events", "Content-Encoding: GZip , identity\r\n", GZIP, GOOD},
        {"/events", "Content-Encoding: deflate\r\n", ZLIB, GOOD},
        {"/events", "Content-Encoding: deflate\r\n", RAW, GOOD},
        {"/events", "", GZIP, GOOD},
        {"/events", "Content-Encoding: identity\r\n", GZIP, GOOD},
        {"/events", "Content-Type: text/plain\r\n", GZIP, GOOD},
        {"/events", "Content-Type: application/x-www-form-urlencoded\r\n", GZIP, GOOD},
        {"/events/batch", "Content-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\n",
         GZIP, "[" GOOD "]"},
        {"/ingest/batch", "Content-Encoding: deflate\r\nContent-Type: application/x-ndjson\r\n", ZLIB,
         GOOD "\n"},
    };
    size_t count = sizeof all / sizeof *all;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t n = pack(0, all[i].bits, all[i].body, strlen(all[i].body), 1);
        expect(post_as(all[i].path, all[i].headers, packed, n), all[i].headers, 202, "accepted");
    }
    assert_int_equal(stored_entries(), count);
}

static void members_are_one_body(void **state)
{
    static const char gzip[] = "Content-Encoding: gzip\r\n";
    size_t half = strlen(GOOD) / 2, n = 0;
    (void)state;
    n = pack(n, GZIP, GOOD, half, 1);
    n = pack(n, GZIP, "", 0, 1);
    n = pack(n, GZIP, GOOD + half, strlen(GOOD) - half, 1);
    expect(post_as("/events", gzip, packed, n), "members", 202, "accepted");
    for (n = 0, half = 0; half < 63; half++)
        n = pack(n, GZIP, "", 0, 1);
    n = pack(n, GZIP, GOOD, strlen(GOOD), 1);
    expect(post_as("/events", gzip, packed, n), "64 members", 202, "accepted");
    assert_int_equal(stored_entries(), 2);
}

static void the_bound_is_of_what_is_inside(void **state)
{
    static char body[MOST + 1];
    (void)state;
    memset(body, ' ', sizeof body);
    memcpy(body, GOOD, strlen(GOOD));
    size_t n = pack(0, GZIP, body, MOST, 1);
    expect(post_as("/events", "Content-Encoding: gzip\r\n", packed, n), "the most", 202, "accepted");
    n = pack(0, GZIP, body, MOST + 1, 1);
    expect(post_as("/events", "Content-Encoding: gzip\r\n", packed, n), "one more", 413,
           "once it is unpacked");
}

/* Most memory it ever had, in KiB. */
static long memory_of(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) != 1)
            kib = -1;
    fclose(f);
    assert_true(kib > 0);
    return kib;
}

static void a_bomb_costs_what_an_honest_body_does(void **state)
{
    char *zeros = calloc(1, BOMB_STEP);
    (void)state;
    assert_non_null(zeros);
    size_t n = pack(0, GZIP, zeros, BOMB_STEP, BOMB / BOMB_STEP);
    free(zeros);
    long before = memory_of(serve.pid);
    expect(post_as("/events", "Content-Encoding: gzip\r\n", packed, n), "bomb", 413, "body_too_large");
    assert_true(memory_of(serve.pid) - before < 32 * 1024);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {STORY(what_clients_send_is_taken), STORY(members_are_one_body),
                                       STORY(the_bound_is_of_what_is_inside),
                                       STORY(a_bomb_costs_what_an_honest_body_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
