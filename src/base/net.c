/* Text of strangers: nothing is looked up, and what is not exactly an address is none. */
#include "bl/base/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TEXT_MAX  64
#define MAPPED    12 /* bytes before the IPv4 address */
#define WHOSE     8  /* bytes of an IPv6 address that name a client */
#define ALL_BITS  128
#define IPV4_BITS 32

static const unsigned char mapped[MAPPED] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const struct bl_address *a)
{
    return memcmp(a->b, mapped, MAPPED) == 0;
}

bool bl_address_of(const struct sockaddr_storage *from, struct bl_address *out)
{
    const void *at = from;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = at;
        memcpy(out->b, mapped, MAPPED);
        memcpy(out->b + MAPPED, &in->sin_addr, sizeof in->sin_addr);
        return true;
    }
    if (from->ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = at;
    memcpy(out->b, &in6->sin6_addr, sizeof out->b);
    return true;
}

static bool parse(struct bl_str text, struct bl_address *out)
{
    char z[TEXT_MAX];
    if (text.n == 0 || text.n >= sizeof z || memchr(text.p, 0, text.n))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = 0;
    memcpy(out->b, mapped, MAPPED);
    return inet_pton(AF_INET, z, out->b + MAPPED) == 1 || inet_pton(AF_INET6, z, out->b) == 1;
}

static bool is_port(struct bl_str s)
{
    int64_t port;
    return bl_str_int64(s, &port) && port >= 0 && port <= 65535;
}

bool bl_address_parse(struct bl_str text, struct bl_address *out)
{
    text = bl_str_trim(text);
    if (text.n && text.p[0] == '[') {
        const char *end = memchr(text.p, ']', text.n);
        size_t n = end ? (size_t)(end - text.p) : 0;
        struct bl_str rest = {text.p + n + 1, text.n - n - (n > 0)};
        if (n < 2 || (rest.n && (rest.p[0] != ':' || !is_port((struct bl_str){rest.p + 1, rest.n - 1}))))
            return false;
        return parse((struct bl_str){text.p + 1, n - 1}, out);
    }
    const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    size_t n = colon ? (size_t)(colon - text.p) : 0;
    if (n && !memchr(colon + 1, ':', text.n - n - 1) && is_port((struct bl_str){colon + 1, text.n - n - 1}))
        text.n = n; /* one colon: IPv4 with a port */
    return parse(text, out);
}

bool bl_network_has(const struct bl_network *n, const struct bl_address *a)
{
    size_t whole = n->bits / 8;
    unsigned rest = n->bits % 8;
    if (memcmp(n->address.b, a->b, whole) != 0)
        return false;
    return rest == 0 || ((n->address.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

static bool network_parse(struct bl_str text, struct bl_network *out)
{
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    size_t n = slash ? (size_t)(slash - text.p) : text.n;
    if (!parse((struct bl_str){text.p, n}, &out->address))
        return false;
    unsigned most = is_ipv4(&out->address) && !memchr(text.p, ':', n) ? IPV4_BITS : ALL_BITS;
    int64_t bits = most;
    if (slash &&
        (!bl_str_int64((struct bl_str){slash + 1, text.n - n - 1}, &bits) || bits < 0 || bits > most))
        return false;
    out->bits = (unsigned)bits + (ALL_BITS - most);
    return true;
}

bool bl_networks_parse(struct bl_str text, struct bl_network *out, size_t max, size_t *n, struct bl_str *bad)
{
    *n = 0;
    while (text.n) {
        const char *comma = memchr(text.p, ',', text.n);
        size_t at = comma ? (size_t)(comma - text.p) : text.n;
        *bad = bl_str_trim((struct bl_str){text.p, at});
        at += comma != NULL;
        text = (struct bl_str){text.p + at, text.n - at};
        if (bad->n == 0)
            continue;
        if (*n == max || !network_parse(*bad, &out[*n]))
            return false;
        (*n)++;
    }
    return true;
}

void bl_address_whose(struct bl_address *a)
{
    if (!is_ipv4(a))
        memset(a->b + WHOSE, 0, sizeof a->b - WHOSE);
}
