/* The counts are exact while this process lives and Redis answers; of the events as many are kept between two
 * flushes as the stream holds, the first ones: a flood of garbage costs a fixed amount of work, and some 5.5 MiB
 * while it lasts (each is at most BL_BAD_EVENT_MAX_BYTES, field, message and users).
 *
 * The field and the message may quote what was sent, so they are redacted like the event.
 *
 * Redaction may take away the very id by which an erasure would know whose an event is. So each is kept with the hashes of
 * all the users that it names, made of the text as it was sent; and where those cannot be told, nothing of what was sent is
 * kept, but the reason. */
#include "bl/store/rejects.h"

#include "bl/app/erased.h"
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
/* What is looked through for users: how many bytes, how often any are named, how many of them. */
#define SCAN_MAX_BYTES (256 * 1024)
#define SCAN_MAX_NAMED 256
#define USERS_MAX      32

/* Redacted, one after another in `text`. */
struct kept {
    enum bl_err err;
    uint64_t since_ns;
    size_t users_n, field_n, message_n, event_n;
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
    bool open;
    struct bl_hash_key key; /* of users, once open */
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

static void forget(struct bl_rejects *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->kept[i]);
    r->n = 0;
}

void bl_rejects_open(struct bl_rejects *r, struct bl_hash_key key)
{
    if (r->open && (r->key.k0 != key.k0 || r->key.k1 != key.k1))
        forget(r);
    r->open = true;
    r->key = key;
}

void bl_rejects_free(struct bl_rejects *r)
{
    if (!r)
        return;
    forget(r);
    bl_buf_release(&r->bad);
    bl_buf_release(&r->rejected);
    bl_buf_release(&r->unstored);
    bl_buf_release(&r->text);
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

struct naming {
    struct bl_hash_key key;
    struct bl_buf *out;
    size_t named;
};

/* true: too many. */
static bool put_user(void *ctx, struct bl_str user_id)
{
    struct naming *n = ctx;
    char hex[BL_ERASED_HEX];
    bl_erased_hex(bl_erased_hash(n->key, user_id), hex);
    size_t at = 0;
    while (at < n->out->n && memcmp(n->out->p + at, hex, BL_ERASED_HEX) != 0)
        at += BL_ERASED_HEX;
    if (at == n->out->n)
        bl_buf_add(n->out, hex, BL_ERASED_HEX);
    return ++n->named > SCAN_MAX_NAMED || n->out->n > USERS_MAX * BL_ERASED_HEX;
}

/* Puts whom the text names; false, and nothing put: that cannot be told. */
static bool put_users(const struct bl_rejects *r, struct bl_str raw, struct bl_buf *out)
{
    struct naming n = {.key = r->key, .out = out};
    bool told = r->open && raw.n <= SCAN_MAX_BYTES && !bl_text_users(raw, put_user, &n);
    if (!told)
        out->n = 0;
    return told;
}

/* NULL: no memory; then the event is only counted. */
static struct kept *keep(struct bl_rejects *r, const struct bl_refusal *refusal)
{
    struct bl_buf *text = &r->text;
    struct kept k = {.err = refusal->err, .since_ns = uv_hrtime()};
    struct bl_str raw = refusal->raw;
    bl_buf_clear(text);
    bool told = put_users(r, raw, text);
    const char *field = told && refusal->field ? refusal->field : "";
    const char *message = told && refusal->message ? refusal->message : "";
    if (!told)
        raw.n = 0;
    if (raw.n > RAW_MAX_BYTES)
        raw.n = RAW_MAX_BYTES;
    k.users_n = text->n;
    bl_redact_field(bl_str_of(field), text);
    k.field_n = cut(text, k.users_n, FIELD_BYTES);
    bl_redact_message(bl_str_of(message[0] ? message : bl_err_text(k.err)), text);
    k.message_n = cut(text, k.users_n + k.field_n, MESSAGE_BYTES);
    bl_redact(raw, text);
    k.event_n = text->n - k.users_n - k.field_n - k.message_n;
    struct kept *out = text->err == BL_OK ? malloc(sizeof k + text->n) : NULL;
    if (!out)
        return NULL;
    *out = k;
    memcpy(out->text, text->p, text->n);
    return out;
}

void bl_rejects_add(struct bl_rejects *r, const struct bl_refusal *refusal)
{
    assert(r->magic == REJECTS_MAGIC && refusal->err < BL_ERR_COUNT);
    r->counts[refusal->err]++;
    if (refusal->raw.n == 0 || r->n == KEEP_ENTRIES)
        return;
    struct kept *k = keep(r, refusal);
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
    const char *field = k->text + k->users_n, *message = field + k->field_n, *event = message + k->message_n;
    struct bl_str argv[] = {BL_STR("XADD"),       bl_buf_view(&r->bad),
                            BL_STR("MAXLEN"),     BL_STR("~"),
                            {cap, (size_t)cap_n}, BL_STR("*"),
                            BL_STR("at"),         at,
                            BL_STR("reason"),     bl_str_of(bl_err_code(k->err)),
                            BL_STR("field"),      {field, k->field_n},
                            BL_STR("message"),    {message, k->message_n},
                            BL_STR("event"),      {event, k->event_n},
                            BL_STR("users"),      {k->text, k->users_n}};
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
    for (size_t i = 0; i < r->n; i++)
        if (uv_hrtime() - r->kept[i]->since_ns < (uint64_t)r->hold_ms * 1000000)
            send_kept(r, link, r->kept[i], (struct bl_str){text, (size_t)n});
    forget(r);
    if (now_ms > r->keep_ms)
        send_trim(r, link, now_ms);
}
