/* One question under TLS, to a server of our own on this machine. */
#ifndef BL_OUTBOUND_ASK_TLS_H
#define BL_OUTBOUND_ASK_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* Over the connected, blocking `fd`, which stays open and has its own time limits. `answer` receives what is said up to
 * the end of a head (an empty line) or its own end, and a NUL. false: no TLS, or nothing was said. Whose certificate is
 * shown is not asked: the name in it is not this machine's, and nothing secret is said. */
bool bl_ask_tls(int fd, const char *question, char *answer, size_t max);

#endif
