/* One connection to Redis on the libuv loop: hiredis' reply reader on a libuv stream of our own (its asynchronous
 * context never reports a refused connection, and its adapter costs six epoll_ctl a command). Reconnects
 * by itself with back-off; commands sent while it is down fail at once; a command without a reply within the
 * timeout closes the connection, so that every pending one fails.
 *
 * Promises: a reply callback runs exactly once and never from inside bl_link_send; with reply == NULL if the
 * outcome is unknown or the command was never sent. Replies are borrowed for the length of the callback
 * (but see bl_link_keep).
 * Commands sent in one turn of the loop leave in one write. */
#ifndef BL_STORE_LINK_H
#define BL_STORE_LINK_H

#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_REDIS_LEAST_MAJOR 7 /* of the versions that have what we use: scripts with flags */

struct uv_loop_s;
struct redisReply;
struct bl_link;

typedef void bl_reply_fn(void *ctx, const struct redisReply *reply);

struct bl_link_options {
    const char *url;      /* redis://[:password@]host:port, or unix:///path; borrowed until new returns */
    int64_t timeout_ms;   /* longest wait for a reply; 0: none (blocking reads) */
    int64_t retry_max_ms; /* back-off grows up to this */
    void *ctx;
    void (*up)(void *ctx);   /* connected (and authenticated): every time; may send */
    void (*down)(void *ctx); /* lost or could not connect; all pending callbacks have run. May be NULL */
};

BL_CHECKED enum bl_err bl_link_new(struct uv_loop_s *loop, const struct bl_link_options *options,
                                   struct bl_link **out);
/* From now on a connection that owes a reply and says nothing at all for silence_ms is given up, too; 0: no longer. Unlike
 * the timeout this bears with replies that come late one after another. */
void bl_link_mind_silence(struct bl_link *link, int64_t silence_ms);
bool bl_link_is_up(const struct bl_link *link);
/* Not up because the other end did not answer in time; nothing tells more of a peer that has vanished. */
bool bl_link_is_silent(const struct bl_link *link);
/* Not up because Redis still reads its files. That counts as away: it answers, but nothing of use. */
bool bl_link_is_loading(const struct bl_link *link);
/* Where it leads, without user and password: host:port, or the path of a socket. */
void bl_link_address(const struct bl_link *link, struct bl_buf *out);
/* Makes room for that many commands with that many arguments of that many bytes in all; false: they would not all go out.
 * What has been made room for and is sent at once is sent whole, if the link is up. */
BL_CHECKED bool bl_link_reserve(struct bl_link *link, size_t commands, size_t args, size_t bytes);
/* argv are copied. The only way to send: data is never part of a format string. */
void bl_link_send(struct bl_link *link, size_t argc, const struct bl_str *argv, bl_reply_fn *fn, void *ctx);
/* Inside a reply's callback: the reply is the caller's from now on, to be given to bl_reply_free. Once for each. */
struct redisReply *bl_link_keep(struct bl_link *link);
/* A reply from a link, as a whole: its elements go with it. Not one of hiredis' own, nor the other way round. NULL: nothing. */
void bl_reply_free(void *reply);
/* Drops the connection (pending callbacks get NULL) and connects again. */
void bl_link_reset(struct bl_link *link);
/* Ends it; pending callbacks get NULL, then closed(ctx) runs from the loop and the link is gone. */
void bl_link_close(struct bl_link *link, void (*closed)(void *ctx), void *ctx);

#endif
