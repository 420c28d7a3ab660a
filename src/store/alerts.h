/* Private to the alerts' store: see bl/store/alerts.h. */
#ifndef BL_STORE_ALERTS_PRIVATE_H
#define BL_STORE_ALERTS_PRIVATE_H

#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/alerts.h"
#include "commands.h"
#include "scripts.h"

#include <hiredis/hiredis.h>

#define ALERT_STORE_MAGIC BL_MAGIC('a', 'l', 's', 't')
#define WAIT_MAGIC        BL_MAGIC('a', 'l', 'w', 't')

#define RULE_KEEP_MS (30LL * 24 * 3600 * 1000) /* what a rule remembers, since it was used last */

struct bl_alert_store {
    uint32_t magic;
    struct bl_link *link;
    struct bl_str env;
    char holder[160], name[200]; /* name: under which the lease was taken last */
    unsigned takes;
    int64_t now_ms; /* of the commit under construction */
    struct commands commit, scratch;
};

/* A caller that waits for a reply: its function, cast back by whoever knows the kind. */
struct wait {
    uint32_t magic;
    struct bl_alert_store *store;
    void (*fn)(void);
    void *ctx;
    size_t n; /* answers there must be */
};

struct wait *alert_wait(struct bl_alert_store *s, void (*fn)(void), void *ctx);
/* Takes it out of the reply's context. */
struct wait alert_waited(void *ctx);
enum bl_err alert_error(struct bl_alert_store *s, const redisReply *reply);
/* The member of alerts:decided. */
void alert_member(struct commands *c, const char *rule, struct bl_pattern_id id);
/* The first command of the list. */
void alert_send(struct bl_alert_store *s, struct commands *c, bl_reply_fn *fn, void *ctx);

#endif
