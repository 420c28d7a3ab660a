/* Internet addresses and networks: to tell who may speak for whom. All are 16 bytes; an IPv4 address is the mapped
 * ::ffff:a.b.c.d, so that a client is the same one over either. */
#ifndef BL_BASE_NET_H
#define BL_BASE_NET_H

#include "bl/base/str.h"

struct sockaddr_storage;

struct bl_address {
    unsigned char b[16];
};

struct bl_network {
    struct bl_address address;
    unsigned bits; /* of 128 */
};

/* false: neither IPv4 nor IPv6. */
bool bl_address_of(const struct sockaddr_storage *from, struct bl_address *out);
/* As proxies write it, with or without a port: 192.0.2.7, 192.0.2.7:80, 2001:db8::7, [2001:db8::7], [2001:db8::7]:80. */
bool bl_address_parse(struct bl_str text, struct bl_address *out);
bool bl_network_has(const struct bl_network *n, const struct bl_address *a);
/* A list with commas, spaces between, as in trusted-proxies; an address alone is a network of one. false: more than
 * `max`, or *bad (borrowed from text) is none. */
bool bl_networks_parse(struct bl_str text, struct bl_network *out, size_t max, size_t *n, struct bl_str *bad);
/* Whom a limit is about: an IPv4 address, but of IPv6 the /64, all of which one client has. */
void bl_address_whose(struct bl_address *a);

#endif
