/* What the two files of `behaviorlens explain` share: the process (explain.c) and the way of one pattern through it
 * (explain_flow.c). */
#ifndef BL_MAIN_EXPLAIN_H
#define BL_MAIN_EXPLAIN_H

#include "bl/app/explaining.h"
#include "bl/base/buf.h"
#include "bl/config/settings.h"
#include "bl/outbound/client.h"
#include "bl/store/feed.h"
#include "bl/store/link.h"

#include <uv.h>

#define EXPLAIN_KEY_VARIABLE "ANTHROPIC_API_KEY"
#define EXPLAIN_KEY_MAX      512
#define EXPLAIN_ASKED        256 /* patterns asked about lately that are remembered */
#define EXPLAIN_ID_BYTES     32

struct explain_item;

/* What the flow works with. The process owns it all. */
struct explain_flow {
    uint32_t magic;
    uv_loop_t *loop;
    const char *env;
    struct bl_link *link; /* reads patterns, writes commands */
    struct bl_feed *feed; /* NULL until the data set is open */
    struct bl_outbound *client;
    struct bl_buf url;
    const char *model;
    char key[EXPLAIN_KEY_MAX];
    int64_t timeout_ms;
    struct bl_explaining rules;
    struct explain_item *first, **last; /* waiting, in order */
    int busy;                           /* not waiting: read, asked about or written at this moment */
    bool stopping;
    char asked[EXPLAIN_ASKED][EXPLAIN_ID_BYTES];
    size_t next_asked;
};

void explain_flow_init(struct explain_flow *f);
/* The feed's handler; ctx: the flow. */
void explain_flow_take(void *ctx, const struct bl_feed_change *change);
/* Lets begin what may begin: when time has passed, or something has ended. */
void explain_flow_pump(struct explain_flow *f);
/* Nothing begins any more, and who waits is left to the next process. */
void explain_flow_stop(struct explain_flow *f);

/* The key from its file or the environment, into out; else a sentence in `why`, which never repeats it. */
BL_CHECKED bool explain_key(const struct bl_config *config, char out[EXPLAIN_KEY_MAX], struct bl_buf *why);
/* Is there one, as far as the configuration and the environment tell? */
bool explain_has_key(const struct bl_config *config);

#endif
