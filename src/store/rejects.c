/* The counts are exact while this process lives and Redis answers; of the events as many are kept between two
 * flushes as the stream holds, the first ones: a flood of garbage costs a fixed amount of work, and some 4.5 MiB
 * while it lasts (each is at most BL_BAD_EVENT_MAX_BYTES, field and message).
 *
 * The field and the message may quote what was sent, so they are redacted like the event. */
#include "bl/store/rejects.h"

#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define REJECTS_MAGIC BL_MAGIC('r', 'j', 'c', 't')
#define KEEP_ENTRIES  1000
#define FIELD_BYTES   64
#define MESSAGE_BYTES 256
/* Redaction reads all of its input; a whole refused body may be megabytes. */
#define RAW_MAX_BYTES (4 * BL_BAD_EVENT_MAX_BYTES)

/* Redacted, one after another in `text`. */
struct kept {
    enum bl_err err;
    uint64_t since_ns;
    size_t field_n, message_n, event_n;
    char text[];
};

struct bl_rejects {
    uint32_t magic;
    struct bl_buf bad, rejected, unstored; /* key names */
    uint64_t unstored_sent;
    uint64_t counts[BL_ERR_COUNT];
    struct kept *kept[KEEP_ENTRIES];
    size_t n;
    struct bl_buf text; /* of the event at hand */
    int64_t keep_ms, hold_ms;
};

enum bl_err bl_rejects_new(const char *env, int64_t keep_ms, int64_t hold_ms, struct bl_rejects **out)
{
    struct bl_rejects *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return BL_ERR_NO_MEMORY;
    r->magic = REJECTS_MAGIC;
    r->keep_ms = keep_ms;
    r->hold_ms = hold_ms;
    bl_buf_init(&r->bad, 0);
    bl_buf_init(&r->rejected, 0);
    bl_buf_init(&r->unstored, 0);
    bl_buf_init(&r->text, 0);
    bl_key_put(&r->bad, bl_str_of(env), BL_KEY_BAD, 0, (struct bl_str){0});
    bl_key_put(&r->rejected, bl_str_of(env), BL_KEY_REJECTED, 0, (struct bl_str){0});
    bl_key_put(&r->unstored, bl_str_of(env), BL_KEY_UNSTORED, 0, (struct bl_str){0});
    if (r->bad.err != BL_OK || r->rejected.err != BL_OK || r->unstored.err != BL_OK) {
        bl_rejects_free(r);
        return BL_ERR_NO_MEMORY;
    }
    *out = r;
    return BL_OK;
}

void bl_rejects_free(struct bl_rejects *r)
{
    if (!r)
        return;
    bl_buf_release(&r->bad);
    bl_buf_release(&r->rejected);
    bl_buf_release(&r->unstored);
    bl_buf_release(&r->text);
    for (size_t i = 0; i < r->n; i++)
        free(r->kept[i]);
    free(r);
}

/* Ends what stands in b from `start` on after at most `max` bytes, at a character: what was UTF-8 stays it. */
static size_t cut(struct bl_buf *b, size_t start, size_t max)
{
    size_t n = start + max;
    if (b->n > n) {
        while (n > start && ((unsigned char)b->p[n] & 0xC0) == 0x80)
            n--;
        b->n = n;
    }
    return b->n - start;
}

/* NULL: no memory; then the event is only counted. */
static struct kept *keep(struct bl_buf *text, const struct bl_refusal *refusal)
{
    const char *message = refusal->message && refusal->message[0] ? refusal->message : NULL;
    struct bl_str raw = refusal->raw;
    if (raw.n > RAW_MAX_BYTES)
        raw.n = RAW_MAX_BYTES;
    bl_buf_clear(text);
    bl_redact_field(bl_str_of(refusal->field ? refusal->field : ""), text);
    size_t field_n = cut(text, 0, FIELD_BYTES), start = text->n;
    bl_redact_message(bl_str_of(message ? message : bl_err_text(refusal->err)), text);
    size_t message_n = cut(text, start, MESSAGE_BYTES);
    start = text->n;
    bl_redact(raw, text);
    struct kept *k = text->err == BL_OK ? malloc(sizeof *k + text->n) : NULL;
    if (!k)
        return NULL;
    *k = (struct kept){refusal->err, uv_hrtime(), field_n, message_n, text->n - start};
    memcpy(k->text, text->p, text->n);
    return k;
}

void bl_rejects_add(struct bl_rejects *r, const struct bl_refusal *refusal)
{
    assert(r->magic == REJECTS_MAGIC && refusal->err < BL_ERR_COUNT);
    r->counts[refusal->err]++;
    if (refusal->raw.n == 0 || r->n == KEEP_ENTRIES)
        return;
    struct kept *k = keep(&r->text, refusal);
    if (k)
        r->kept[r->n++] = k;
}

static void send_counts(struct bl_rejects *r, struct bl_link *link)
{
    for (size_t e = 0; e < BL_ERR_COUNT; e++) {
        char text[24];
        if (r->counts[e] == 0)
            continue;
        int n = snprintf(text, sizeof text, "%llu", (unsigned long long)r->counts[e]);
        struct bl_str argv[] = {BL_STR("HINCRBY"),
                                bl_buf_view(&r->rejected),
                                bl_str_of(bl_err_code((enum bl_err)e)),
                                {text, (size_t)n}};
        bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
        r->counts[e] = 0;
    }
}

static void send_unstored(struct bl_rejects *r, struct bl_link *link, uint64_t total)
{
    char text[24];
    if (total == r->unstored_sent)
        return;
    snprintf(text, sizeof text, "%llu", (unsigned long long)(total - r->unstored_sent));
    struct bl_str argv[] = {BL_STR("HINCRBY"), bl_buf_view(&r->unstored), BL_STR("gpc"), bl_str_of(text)};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
    r->unstored_sent = total;
}

static void send_kept(struct bl_rejects *r, struct bl_link *link, const struct kept *k, struct bl_str at)
{
    char cap[24];
    int cap_n = snprintf(cap, sizeof cap, "%d", KEEP_ENTRIES);
    const char *message = k->text + k->field_n, *event = message + k->message_n;
    struct bl_str argv[] = {BL_STR("XADD"),       bl_buf_view(&r->bad),
                            BL_STR("MAXLEN"),     BL_STR("~"),
                            {cap, (size_t)cap_n}, BL_STR("*"),
                            BL_STR("at"),         at,
                            BL_STR("reason"),     bl_str_of(bl_err_code(k->err)),
                            BL_STR("field"),      {k->text, k->field_n},
                            BL_STR("message"),    {message, k->message_n},
                            BL_STR("event"),      {event, k->event_n}};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
}

/* Exactly, not by whole nodes of the stream: of a few bad events, none would ever go. */
static void send_trim(struct bl_rejects *r, struct bl_link *link, int64_t now_ms)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)(now_ms - r->keep_ms));
    struct bl_str argv[] = {BL_STR("XTRIM"), bl_buf_view(&r->bad), BL_STR("MINID"), {text, (size_t)n}};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
}

void bl_rejects_flush(struct bl_rejects *r, struct bl_link *link, int64_t now_ms, uint64_t unstored)
{
    char text[32];
    if (!bl_link_is_up(link) || now_ms <= 0)
        return;
    int n = snprintf(text, sizeof text, "%lld", (long long)now_ms);
    send_counts(r, link);
    send_unstored(r, link, unstored);
    for (size_t i = 0; i < r->n; i++) {
        if (uv_hrtime() - r->kept[i]->since_ns < (uint64_t)r->hold_ms * 1000000)
            send_kept(r, link, r->kept[i], (struct bl_str){text, (size_t)n});
        free(r->kept[i]);
    }
    if (now_ms > r->keep_ms)
        send_trim(r, link, now_ms);
    r->n = 0;
}
