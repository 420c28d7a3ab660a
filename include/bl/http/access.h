/* Keys, as the HTTP side sees them: the guard that asks for one, who may ask from other sites (CORS), and the login of the
 * dashboard. What is decided stands in app/access. */
#ifndef BL_HTTP_ACCESS_H
#define BL_HTTP_ACCESS_H

#include "bl/app/access.h"
#include "bl/app/audit.h"
#include "bl/base/limits.h"
#include "bl/http/server.h"

/* A login that stands in the audit trail. */
struct bl_http_login {
    char id[BL_KEY_ID_MAX_BYTES + 1];
    uint64_t at_ms; /* of the loop */
};

struct bl_http_access {
    const struct bl_access_keys *keys; /* all borrowed for the life of the server */
    const char *env;                   /* each environment has a cookie of its own */
    const char *dashboards; /* origins that may read by their pages, as bl_origins_read leaves them */
    void *ctx;
    /* A request that sends events had no key, or not the right one: it is counted (SPEC 2.6). */
    void (*refused)(void *ctx, enum bl_err err);
    const struct bl_audit_port
        *audit; /* a login is written before it takes effect (BL_LOGIN_AGAIN_MS); NULL: nowhere */
    /* Totals since start. */
    uint64_t unauthorized, forbidden, logins;
    char cookie[BL_ENV_MAX_BYTES + 16]; /* set by bl_http_access */
    struct bl_http_login written[BL_KEYS_MAX];
};

/* The guard, CORS, GET and POST /login, POST /logout. Before listen, and before other guards. */
BL_CHECKED enum bl_err bl_http_access(struct bl_server *s, struct bl_http_access *access);
/* The keys have changed: event streams whose key does not hold any more end. */
void bl_http_access_changed(struct bl_server *s, struct bl_http_access *access);

#endif
