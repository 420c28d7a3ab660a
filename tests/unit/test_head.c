/* The head of a request: which byte may stand where, at every place of a short and of a long text (several are looked at at
 * once). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "head.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 40

static bool in_token(unsigned char c)
{
    return c < 128 && (isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static bool in_host(unsigned char c)
{
    return c < 128 && (isalnum(c) || (c && strchr("!$%&'()*+,-.:;=[]_~", c)));
}

static bool in_value(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 127);
}

static bool in_target(unsigned char c)
{
    return c > ' ' && c != 127;
}

static const struct {
    const char *what, *before, *behind;
    bool (*may)(unsigned char c);
    unsigned char apart; /* means something else there */
} places[] = {
    {"a name", "GET / HTTP/1.1\r\nHost: h\r\na", "a: v\r\n\r\n", in_token, ':'},
    {"a value", "GET / HTTP/1.1\r\nHost: h\r\na: b", "b\r\n\r\n", in_value, '\n'},
    {"a host", "GET / HTTP/1.1\r\nHost: h", "h\r\n\r\n", in_host, '\n'},
    {"a target", "GET /", "t HTTP/1.1\r\nHost: h\r\n\r\n", in_target, ' '},
    {"a method", "G", "T / HTTP/1.1\r\nHost: h\r\n\r\n", in_token, ' '},
};

static void every_byte_at_every_place(void **state)
{
    struct bl_head_line lines[4];
    struct bl_head head;
    (void)state;
    for (size_t k = 0; k < sizeof places / sizeof *places; k++)
        for (int c = 0; c < 256; c++)
            for (size_t n = 1; n <= TEXT_MAX && c != places[k].apart && (k < 4 || n < 30); n++) {
                char text[512] = {0}, what[128];
                size_t before = strlen(places[k].before), behind = strlen(places[k].behind);
                memcpy(text, places[k].before, before);
                memset(text + before, 'x', n);
                text[before + (n * 7 + (size_t)c) % n] = (char)c;
                memcpy(text + before + n, places[k].behind, behind);
                enum bl_head_state got =
                    bl_head_read((struct bl_str){text, before + n + behind}, 0, &head, lines, 4);
                snprintf(what, sizeof what, "%s of %zu with byte %d", places[k].what, n, c);
                if ((got == BL_HEAD_WHOLE) != places[k].may((unsigned char)c))
                    fail_msg("%s: %d", what, (int)got);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_at_every_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
