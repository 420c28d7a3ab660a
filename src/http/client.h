/* Who the client behind proxies is. X-Forwarded-For is a list to which each proxy adds, at the end, whom it was asked by;
 * what a client wrote there itself comes first. So it is read from the right, and only as long as the one who
 * added an entry is trusted: the first address that is not a trusted proxy is the client, and all before it is hearsay. */
#ifndef BL_HTTP_CLIENT_H
#define BL_HTTP_CLIENT_H

#include "bl/base/net.h"

struct bl_client_trust {
    const struct bl_network *networks;
    size_t n;
};

/* `before(ctx, &line)` gives the header's lines from the last to the first; false: no more. true: *client is somebody
 * else, to be limited; false: it is one of the trusted themselves. An entry that is no address ends the reading: the proxy
 * that added it stands for its client, and is limited. */
bool bl_client_address(struct bl_client_trust trust, const struct bl_address *peer,
                       bool (*before)(void *ctx, struct bl_str *line), void *ctx, struct bl_address *client);

#endif
