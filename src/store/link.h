/* Private to the link: see link.c for what it is and how it moves; link_conn.c is one attempt at a
 * connection. */
#ifndef BL_STORE_LINK_PRIVATE_H
#define BL_STORE_LINK_PRIVATE_H

#include "bl/base/buf.h"
#include "bl/base/magic.h"
#include "bl/store/link.h"
#include "url.h"

#include <hiredis/hiredis.h>
#include <uv.h>

#define LINK_MAGIC BL_MAGIC('l', 'i', 'n', 'k')
#define CONN_MAGIC BL_MAGIC('c', 'o', 'n', 'n')
#define READ_BYTES (16 * 1024) /* hiredis moves what is left of it with every kilobyte it takes */
/* Between large commits the memory is given back: with 8 MB kept, here and by lists of commands, a worker of eight owners had as
 * many page faults, and took 60 MB more. */
#define OUT_KEPT_BYTES  ((size_t)1024 * 1024)
#define RETRY_FIRST_MS  20
#define CONNECT_WAIT_MS 2000
#define HANDLES_OF_LINK 4

struct pending {
    struct pending *next;
    bl_reply_fn *fn;
    void *ctx;
    uint64_t sent_ms;
};

struct queue {
    struct pending *first, **last;
};

struct conn {
    uint32_t magic;
    struct bl_link *link; /* NULL: the link has dropped it */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
    uv_write_t write;
    bool looking_up, open, writing_now;
    redisReader *reader;
    struct queue pending;
    struct bl_buf out, writing;
    char in[READ_BYTES];
};

struct bl_link {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_link_options options;
    struct bl_url url;
    struct conn *conn; /* NULL: waiting to retry */
    bool up, down_due, closing, suspect;
    bool loading; /* the last attempt found Redis reading its files */
    bool silent;  /* it did not answer in time: said once, not for each attempt */
    bool refused; /* likewise that it does not let us in */
    unsigned attempt;
    redisReply *at_hand; /* whose callback runs, unless it was kept */
    uint64_t connect_ms; /* when the attempt began */
    uint64_t heard_ms;   /* when anything was last read */
    int64_t silence_ms;
    int64_t retry_ms;
    struct queue failed;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t retry, watchdog;
    int handles; /* still known to libuv */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static inline void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static inline void queue_push(struct queue *q, struct pending *p)
{
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
}

static inline struct pending *queue_pop(struct queue *q)
{
    struct pending *p = q->first;
    q->first = p->next;
    if (!q->first)
        q->last = &q->first;
    return p;
}

static inline void queue_move(struct queue *from, struct queue *to)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    queue_init(from);
}

/* link.c */
struct pending *link_pending(bl_reply_fn *fn, void *ctx, uint64_t now_ms);
/* Starts the idle phase that runs what stands in `failed`. */
void link_run_failures(struct bl_link *link);
void link_schedule_retry(struct bl_link *link);
/* Starts the watchdog unless it is running. */
void link_watch(struct bl_link *link);
void link_handshake_done(struct bl_link *link);

/* link_conn.c */
void link_connect(struct bl_link *link);
/* Lets go of the connection; its commands fail and the next attempt is scheduled. */
void link_drop(struct conn *c);
void link_flush(struct conn *c);
/* False: no room, nothing was changed. link_reserve: for so many commands, of so many arguments and bytes in all. */
bool link_reserve(struct conn *c, size_t commands, size_t args, size_t bytes);
bool link_put(struct conn *c, size_t argc, const struct bl_str *argv);

#endif
