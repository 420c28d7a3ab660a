/* Who is asked for a limit: addresses as text, networks, and X-Forwarded-For as it comes from friend and foe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bl/base/limits.h"
#include "client.h"

#include <stdio.h>

static bool parses(const char *text, struct bl_address *a)
{
    return bl_address_parse(bl_str_of(text), a);
}

static void addresses_are_read_as_proxies_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *same; /* NULL: no address */
    } table[] = {
        {"192.0.2.7", "192.0.2.7"},
        {" 192.0.2.7\t", "192.0.2.7"},
        {"192.0.2.7:8080", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"[::ffff:192.0.2.7]:1", "192.0.2.7"},
        {"2001:db8::7", "2001:db8:0:0:0:0:0:7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"[2001:db8::7]:443", "2001:db8::7"},
        {"", NULL},
        {"unknown", NULL},
        {"_hidden", NULL},
        {"192.0.2", NULL},
        {"192.0.2.7:", NULL},
        {"192.0.2.7:99999", NULL},
        {"192.0.2.256", NULL},
        {"0300.0.2.1", NULL},
        {"[2001:db8::7", NULL},
        {"[2001:db8::7]x", NULL},
        {"[]", NULL},
        {"[", NULL},
        {"fe80::1%eth0", NULL},
        {"\"192.0.2.7\"", NULL},
        {"1111111111111111111111111111111111111111111111111111111111111111111111", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bl_address a, b;
        bool read = parses(table[i].text, &a);
        if (read != (table[i].same != NULL))
            fail_msg("%s", table[i].text);
        if (read && (!parses(table[i].same, &b) || memcmp(&a, &b, sizeof a) != 0))
            fail_msg("%s is not %s", table[i].text, table[i].same);
    }
}

static void networks_hold_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *network, *in, *out;
    } table[] = {
        {"10.0.0.0/8", "10.255.1.2", "11.0.0.1"},
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"0.0.0.0/0", "203.0.113.9", "2001:db8::"},
        {"::/0", "203.0.113.9", NULL},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::1", "::1", "127.0.0.1"},
        {"172.16.0.0/12", "172.31.0.1", "172.32.0.1"},
    };
    static const char *const none[] = {"10.0.0.0/33", "::/129", "10.0.0.0/",   "10.0.0.0/-1",
                                       "10/8",        "x",      "10.0.0.0/8/8"};
    struct bl_network n;
    struct bl_address a;
    struct bl_str bad;
    size_t count;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_true(bl_networks_parse(bl_str_of(table[i].network), &n, 1, &count, &bad) && count == 1);
        assert_true(parses(table[i].in, &a));
        if (!bl_network_has(&n, &a))
            fail_msg("%s not in %s", table[i].in, table[i].network);
        if (table[i].out && (!parses(table[i].out, &a) || bl_network_has(&n, &a)))
            fail_msg("%s in %s", table[i].out, table[i].network);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(bl_networks_parse(bl_str_of(none[i]), &n, 1, &count, &bad));
    assert_false(bl_networks_parse(BL_STR("::1, ::2"), &n, 1, &count, &bad));
    assert_true(bl_networks_parse(BL_STR(" , ::1 ,"), &n, 1, &count, &bad) && count == 1);
}

/* The header's lines, the last first. */
struct lines {
    const char *const *line;
    size_t n;
};

static bool before(void *ctx, struct bl_str *line)
{
    struct lines *l = ctx;
    if (l->n == 0)
        return false;
    *line = bl_str_of(l->line[--l->n]);
    return true;
}

static void the_client_is_the_last_whom_no_trusted_proxy_answers_for(void **state)
{
    (void)state;
    static const struct {
        const char *name, *peer;
        const char *lines[3];
        const char *client; /* NULL: one of the trusted, not limited */
    } table[] = {
        {"nobody is trusted with the header of a stranger", "203.0.113.9", {"198.51.100.1"}, "203.0.113.9"},
        {"a proxy says who", "10.0.0.1", {"198.51.100.1"}, "198.51.100.1"},
        {"what the client wrote itself comes first",
         "10.0.0.1",
         {"1.1.1.1, 2.2.2.2, 198.51.100.1"},
         "198.51.100.1"},
        {"two proxies", "10.0.0.1", {"1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
        {"a line of their own", "10.0.0.1", {"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
        {"a forged proxy", "10.0.0.1", {"1.1.1.1, 10.0.0.9, 198.51.100.1"}, "198.51.100.1"},
        {"no header", "10.0.0.1", {NULL}, NULL},
        {"all are ours", "10.0.0.1", {"10.0.0.2, 10.0.0.3"}, NULL},
        {"blank entries", "10.0.0.1", {"198.51.100.1, ,"}, "198.51.100.1"},
        {"what is no address", "10.0.0.1", {"198.51.100.1, unknown"}, "10.0.0.1"},
        {"over IPv6 too", "::1", {"2001:db8::7"}, "2001:db8::7"},
        {"an IPv4 proxy, mapped", "::ffff:10.0.0.1", {"198.51.100.1"}, "198.51.100.1"},
    };
    struct bl_network trusted[2];
    struct bl_str bad;
    size_t n;
    assert_true(bl_networks_parse(BL_STR("10.0.0.0/8,::1"), trusted, 2, &n, &bad));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lines lines = {table[i].lines, 0};
        struct bl_address peer, client, want;
        while (lines.n < 3 && table[i].lines[lines.n])
            lines.n++;
        assert_true(parses(table[i].peer, &peer));
        bool limited =
            bl_client_address((struct bl_client_trust){trusted, n}, &peer, before, &lines, &client);
        if (limited != (table[i].client != NULL))
            fail_msg("%s: limited %d", table[i].name, limited);
        if (limited && (!parses(table[i].client, &want) || memcmp(&client, &want, sizeof want) != 0))
            fail_msg("%s: another client", table[i].name);
    }
}

static void a_long_chain_ends(void **state)
{
    (void)state;
    char text[BL_FORWARDED_MAX * 40] = "";
    const char *line[1] = {text};
    struct lines lines = {line, 1};
    struct bl_network all = {.bits = 0};
    struct bl_address peer, client;
    for (int i = 0; i < BL_FORWARDED_MAX * 2; i++)
        snprintf(text + strlen(text), 16, "10.0.0.%d,", i);
    assert_true(parses("10.0.0.1", &peer));
    assert_true(bl_client_address((struct bl_client_trust){&all, 1}, &peer, before, &lines, &client));
}

static void of_ipv6_the_first_half_is_one_client(void **state)
{
    (void)state;
    struct bl_address a, b, c;
    assert_true(parses("2001:db8:1:2:3:4:5:6", &a) && parses("2001:db8:1:2::", &b) &&
                parses("192.0.2.7", &c));
    bl_address_whose(&a);
    bl_address_whose(&b);
    assert_memory_equal(&a, &b, sizeof a);
    struct bl_address whole = c;
    bl_address_whose(&c);
    assert_memory_equal(&whole, &c, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_proxies_write_them),
        cmocka_unit_test(networks_hold_what_they_say),
        cmocka_unit_test(the_client_is_the_last_whom_no_trusted_proxy_answers_for),
        cmocka_unit_test(a_long_chain_ends),
        cmocka_unit_test(of_ipv6_the_first_half_is_one_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
