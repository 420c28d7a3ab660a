/* IANA's registries of special-purpose addresses, as two tables. IPv4: all but the listed. IPv6: only global unicast
 * (2000::/3) but the listed, and NAT64 (64:ff9b::/96) of an IPv4 address that would do by itself: where a network has
 * nothing else, that is the public Internet. A mapped address (::ffff:a.b.c.d) is never public: nobody
 * resolves to one by honest means. */
#include "address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define N(table) (sizeof(table) / sizeof *(table))

static const struct {
    uint8_t a, b, c, bits;
} not_public4[] = {
    {0, 0, 0, 8},       /* this network */
    {10, 0, 0, 8},      /* private */
    {100, 64, 0, 10},   /* shared (CGNAT) */
    {127, 0, 0, 8},     /* loopback */
    {169, 254, 0, 16},  /* link-local: the metadata services of clouds among them */
    {172, 16, 0, 12},   /* private */
    {192, 0, 0, 24},    /* protocol assignments */
    {192, 0, 2, 24},    /* documentation */
    {192, 88, 99, 24},  /* 6to4 relays */
    {192, 168, 0, 16},  /* private */
    {198, 18, 0, 15},   /* benchmarks */
    {198, 51, 100, 24}, /* documentation */
    {203, 0, 113, 24},  /* documentation */
    {224, 0, 0, 4},     /* multicast */
    {240, 0, 0, 4},     /* reserved, broadcast */
};

static const struct {
    uint8_t prefix[4];
    uint8_t bits; /* at most 32 */
} not_public6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4: wraps any IPv4 address */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static uint32_t first_four(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool within(uint32_t address, uint32_t prefix, unsigned bits)
{
    return (address ^ prefix) >> (32 - bits) == 0;
}

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < N(not_public4); i++) {
        const uint8_t prefix[4] = {not_public4[i].a, not_public4[i].b, not_public4[i].c, 0};
        if (within(address, first_four(prefix), not_public4[i].bits))
            return false;
    }
    return true;
}

static bool is_public6(const uint8_t *p)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(p, nat64, sizeof nat64) == 0)
        return is_public4(first_four(p + 12));
    if (p[0] >> 5 != 1)
        return false;
    for (size_t i = 0; i < N(not_public6); i++)
        if (within(first_four(p), first_four(not_public6[i].prefix), not_public6[i].bits))
            return false;
    return true;
}

bool outbound_is_public(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (address->sa_family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        return is_public4(ntohl(in4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}
