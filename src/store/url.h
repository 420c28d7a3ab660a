/* Where Redis is: redis://[[user]:password@]host[:port][/db], unix://[[user]:password@]/path[?db=N], or a
 * path. */
#ifndef BL_STORE_URL_H
#define BL_STORE_URL_H

#include "bl/base/err.h"

struct bl_url {
    char host[256];     /* or the socket's path; IPv6 without its brackets */
    char user[128];     /* "": none */
    char password[512]; /* "": none */
    int port;           /* 0: a unix socket */
    int db;
};

/* BL_ERR_CONFIG if it is none of these. Credentials are percent-decoded. */
BL_CHECKED enum bl_err bl_url_parse(const char *text, struct bl_url *out);

#endif
