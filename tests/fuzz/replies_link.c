/* store/link.h and store/dial.h without a Redis. Commands wait in one line, of all links together, and are answered from
 * the bytes by hiredis' reader with our bounds; a blocking connection is one end of a socket in which the bytes stand. */
#include "fuzz.h"
#include "replies.h"

#include "dial.h"
#include "reader.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX 4096

struct bl_link {
    struct bl_link_options options;
    bool closing, reset, fresh;
    redisReply *at_hand;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct bl_link *next;
};

static struct {
    uv_loop_t loop;
    bool looped, over;
    uint64_t ns;
    redisReader *reader;
    const uint8_t *data;
    size_t size;
    struct bl_link *links;
    struct waiting {
        struct bl_link *link;
        bl_reply_fn *fn;
        void *ctx;
    } waiting[WAITING_MAX];
    size_t first, n;
    int peer;
} all;

/* ---- what makes one run like the next ---- */

uint64_t uv_hrtime(void)
{
    return all.ns;
}

ssize_t getrandom(void *to, size_t n, unsigned flags)
{
    (void)flags;
    memset(to, 0x11, n);
    return (ssize_t)n;
}

uv_loop_t *fake_loop(void)
{
    if (!all.looped)
        FUZZ_CHECK(uv_loop_init(&all.loop) == 0);
    all.looped = true;
    return &all.loop;
}

void fake_time_passes(int64_t ms)
{
    all.ns += (uint64_t)ms * 1000000;
    uv_run(fake_loop(), UV_RUN_NOWAIT);
}

/* ---- replies ---- */

void fake_begin(const uint8_t *data, size_t size)
{
    all.data = data;
    all.size = size;
    all.over = false;
    all.ns = 1000000000;
    all.first = all.n = 0;
    all.reader = bl_reader_new();
    FUZZ_CHECK(all.reader && redisReaderFeed(all.reader, (const char *)data, size) == REDIS_OK);
}

void fake_end(void)
{
    all.over = true;
}

bool fake_has_more(void)
{
    return !all.over;
}

static redisReply *next_reply(void)
{
    void *reply = NULL;
    if (all.over)
        return NULL;
    if (redisReaderGetReply(all.reader, &reply) != REDIS_OK || !reply) {
        bl_reply_free(reply);
        all.over = true;
        return NULL;
    }
    return reply;
}

/* What the links' owners are told from the loop: that one is up, that one was lost. */
static bool tell_links(void)
{
    for (struct bl_link *l = all.links; l; l = l->next) {
        if (l->closing || (!l->fresh && !l->reset))
            continue;
        if (l->reset && l->options.down)
            l->options.down(l->options.ctx);
        l->reset = false;
        l->fresh = false;
        if (!all.over && l->options.up)
            l->options.up(l->options.ctx);
        return true;
    }
    return false;
}

bool fake_answer(void)
{
    if (tell_links())
        return true;
    if (all.n == 0)
        return false;
    struct waiting w = all.waiting[all.first];
    all.first = (all.first + 1) % WAITING_MAX;
    all.n--;
    bool lost = w.link->closing || w.link->reset;
    redisReply *reply = lost ? NULL : next_reply();
    if (!lost && !reply)
        w.link->reset = true;
    w.link->at_hand = reply;
    if (w.fn)
        w.fn(w.ctx, reply);
    bl_reply_free(w.link->at_hand);
    w.link->at_hand = NULL;
    return true;
}

/* ---- store/link.h ---- */

enum bl_err bl_link_new(struct uv_loop_s *loop, const struct bl_link_options *options, struct bl_link **out)
{
    struct bl_link *l = calloc(1, sizeof *l);
    (void)loop;
    FUZZ_CHECK(l);
    l->options = *options;
    l->fresh = true;
    l->next = all.links;
    all.links = l;
    *out = l;
    return BL_OK;
}

bool bl_link_is_up(const struct bl_link *link)
{
    return !all.over && !link->reset && !link->closing;
}

void bl_link_mind_silence(struct bl_link *link, int64_t silence_ms)
{
    (void)link;
    (void)silence_ms;
}

bool bl_link_is_silent(const struct bl_link *link)
{
    return link->reset;
}

bool bl_link_is_loading(const struct bl_link *link)
{
    (void)link;
    return false;
}

void bl_link_address(const struct bl_link *link, struct bl_buf *out)
{
    (void)link;
    bl_buf_z(out, "redis");
}

bool bl_link_reserve(struct bl_link *link, size_t commands, size_t args, size_t bytes)
{
    (void)link;
    (void)args;
    (void)bytes;
    return all.n + commands <= WAITING_MAX;
}

void bl_link_send(struct bl_link *link, size_t argc, const struct bl_str *argv, bl_reply_fn *fn, void *ctx)
{
    FUZZ_CHECK(argc > 0 && argv[0].n > 0);
    FUZZ_CHECK(all.n < WAITING_MAX);
    all.waiting[(all.first + all.n++) % WAITING_MAX] = (struct waiting){link, fn, ctx};
}

redisReply *bl_link_keep(struct bl_link *link)
{
    redisReply *reply = link->at_hand;
    FUZZ_CHECK(reply);
    link->at_hand = NULL;
    return reply;
}

void bl_link_reset(struct bl_link *link)
{
    link->reset = true;
}

void bl_link_close(struct bl_link *link, void (*closed)(void *ctx), void *ctx)
{
    link->closing = true;
    link->closed = closed;
    link->closed_ctx = ctx;
}

static bool end_a_link(void)
{
    for (struct bl_link **at = &all.links; *at; at = &(*at)->next) {
        struct bl_link *l = *at;
        if (!l->closing)
            continue;
        *at = l->next;
        void (*closed)(void *) = l->closed;
        void *ctx = l->closed_ctx;
        free(l);
        if (closed)
            closed(ctx);
        return true;
    }
    return false;
}

void fake_close_all(const bool *closed)
{
    fake_end();
    for (int i = 0; i < 10000 && !*closed; i++) {
        while (fake_answer())
            ;
        if (!end_a_link())
            fake_time_passes(1);
    }
    FUZZ_CHECK(*closed);
}

struct bl_link *fake_link(void)
{
    const struct bl_link_options o = {.url = "redis://h"};
    struct bl_link *l;
    FUZZ_CHECK(bl_link_new(NULL, &o, &l) == BL_OK);
    return l;
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

void fake_link_close(struct bl_link *link)
{
    bool closed = false;
    bl_link_close(link, on_closed, &closed);
    fake_close_all(&closed);
}

void fake_clear(void)
{
    FUZZ_CHECK(all.n == 0 && !all.links);
    redisReaderFree(all.reader);
    if (all.peer > 0)
        close(all.peer);
    all.peer = 0;
}

/* ---- store/dial.h ---- */

enum bl_err bl_dial(const char *url, redisContext **out, struct bl_buf *why)
{
    const struct timeval soon = {0, 1000};
    int ends[2], big = 1 << 20;
    (void)url, (void)why;
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    ssize_t n = send(ends[1], all.data, all.size, MSG_DONTWAIT);
    FUZZ_CHECK(n >= 0 || all.size == 0);
    shutdown(ends[1], SHUT_WR); /* after the bytes comes the end; what is said to us nobody reads */
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    if (all.peer > 0)
        close(all.peer);
    all.peer = ends[1];
    *out = redisConnectFd(ends[0]);
    FUZZ_CHECK(*out);
    bl_reader_bound((*out)->reader);
    return BL_OK;
}

redisReply *bl_dial_call(redisContext *c, size_t n, const struct bl_str *args)
{
    const char *argv[64];
    size_t lens[64];
    FUZZ_CHECK(n <= 64);
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].p;
        lens[i] = args[i].n;
    }
    redisReply *r = redisCommandArgv(c, (int)n, argv, lens);
    if (r && r->type == REDIS_REPLY_ERROR) {
        freeReplyObject(r);
        return NULL;
    }
    return r;
}
