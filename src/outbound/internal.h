/* Private to the client: client.c keeps the requests, exchange.c is one request as libcurl sees it, drive.c lets
 * libcurl run on the loop. */
#ifndef BL_OUTBOUND_INTERNAL_H
#define BL_OUTBOUND_INTERNAL_H

#include "bl/base/buf.h"
#include "bl/base/magic.h"
#include "bl/outbound/client.h"

#include <curl/curl.h>
#include <uv.h>

#define CLIENT_MAGIC   BL_MAGIC('o', 'u', 't', 'b')
#define EXCHANGE_MAGIC BL_MAGIC('e', 'x', 'c', 'h')
#define SOCKET_MAGIC   BL_MAGIC('s', 'o', 'c', 'k')

#define URL_MAX_BYTES  4096
#define HEAD_MAX_BYTES (64 * 1024) /* of an answer's status lines and headers */

/* One request, from post until done has run. */
struct exchange {
    uint32_t magic;
    struct bl_outbound *client;
    struct exchange *next, **from; /* in the client's list `running` or `finished` */
    bool counted;                  /* among those under way */
    CURL *easy;                    /* NULL: never begun */
    struct curl_slist *headers;
    struct bl_buf sent, got;
    size_t head_bytes;
    bool refused; /* an address was */
    bool allowed; /* another one was not */
    uint64_t began_ms;
    struct bl_outbound_answer answer;
    void *ctx;
    bl_outbound_fn *done;
};

struct bl_outbound {
    uint32_t magic;
    uv_loop_t *loop;
    struct bl_outbound_options options;
    CURLM *multi;
    uv_timer_t timer; /* libcurl's */
    uv_idle_t idle;   /* runs while something is finished or the end is due */
    struct exchange *running, *finished, **finished_last;
    int under_way;
    int handles; /* still known to libuv */
    bool closing, ended;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* exchange.c */
/* Always gives one, or NULL without memory; ready to run if its result is DONE. */
struct exchange *exchange_new(struct bl_outbound *o, const struct bl_outbound_request *request);
/* Libcurl is through with it: fills in the answer. */
void exchange_settle(struct exchange *x, CURLcode code);
void exchange_free(struct exchange *x);

/* drive.c */
BL_CHECKED enum bl_err drive_start(struct bl_outbound *o);
/* Ends libcurl's part; its sockets close through the loop. */
void drive_stop(struct bl_outbound *o);
void drive_on_handle_closed(uv_handle_t *handle);

/* client.c */
/* Moves it to `finished`. */
void client_finish(struct exchange *x);
void client_handle_gone(struct bl_outbound *o);

#endif
