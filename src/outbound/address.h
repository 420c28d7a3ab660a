/* Which addresses belong to the public Internet. */
#ifndef BL_OUTBOUND_ADDRESS_H
#define BL_OUTBOUND_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/* False for every range that is private, local, shared, reserved, for documentation, multicast, or wraps an address
 * of such a range; and for every family but IPv4 and IPv6. */
bool outbound_is_public(const struct sockaddr *address);

#endif
