/* The counts are exact while this process lives and Redis answers; of the events at most BURST are kept
 * between two flushes, the first ones: a flood of garbage costs a fixed amount of work. */
#include "bl/store/rejects.h"

#include "bl/base/limits.h"
#include "bl/base/magic.h"
#include "bl/store/keys.h"

#include <stdio.h>
#include <stdlib.h>

#define REJECTS_MAGIC BL_MAGIC('r', 'j', 'c', 't')
#define BURST         64
#define KEEP_ENTRIES  "1000"
#define KEEP_MS       86400000
/* Redaction reads all of its input; a whole refused body may be megabytes. */
#define RAW_MAX_BYTES (4 * BL_BAD_EVENT_MAX_BYTES)

struct kept {
    enum bl_err err;
    char field[64];
    char message[256];
    int64_t at_ms;
    struct bl_buf event;
};

struct bl_rejects {
    uint32_t magic;
    struct bl_buf bad, rejected; /* key names */
    uint64_t counts[BL_ERR_COUNT];
    struct kept kept[BURST];
    size_t n;
};

enum bl_err bl_rejects_new(const char *env, struct bl_rejects **out)
{
    struct bl_rejects *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return BL_ERR_NO_MEMORY;
    r->magic = REJECTS_MAGIC;
    bl_buf_init(&r->bad, 0);
    bl_buf_init(&r->rejected, 0);
    for (size_t i = 0; i < BURST; i++)
        bl_buf_init(&r->kept[i].event, 0);
    bl_key_put(&r->bad, bl_str_of(env), BL_KEY_BAD, 0, (struct bl_str){0});
    bl_key_put(&r->rejected, bl_str_of(env), BL_KEY_REJECTED, 0, (struct bl_str){0});
    if (r->bad.err != BL_OK || r->rejected.err != BL_OK) {
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
    for (size_t i = 0; i < BURST; i++)
        bl_buf_release(&r->kept[i].event);
    free(r);
}

/* Cuts at a character, so that what was UTF-8 stays it. */
static void copy_text(char *to, size_t cap, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= cap)
        n = cap - 1;
    while (n > 0 && from[n] != 0 && ((unsigned char)from[n] & 0xC0) == 0x80)
        n--;
    if (n)
        memcpy(to, from, n);
    to[n] = 0;
}

void bl_rejects_add(struct bl_rejects *r, const struct bl_refusal *refusal)
{
    assert(r->magic == REJECTS_MAGIC && refusal->err < BL_ERR_COUNT);
    r->counts[refusal->err]++;
    if (refusal->raw.n == 0 || r->n == BURST)
        return;
    struct kept *k = &r->kept[r->n++];
    struct bl_str raw = refusal->raw;
    if (raw.n > RAW_MAX_BYTES)
        raw.n = RAW_MAX_BYTES;
    k->err = refusal->err;
    copy_text(k->field, sizeof k->field, refusal->field);
    copy_text(k->message, sizeof k->message,
              refusal->message && refusal->message[0] ? refusal->message : bl_err_text(refusal->err));
    bl_buf_clear(&k->event);
    bl_redact(raw, &k->event);
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

static void send_kept(struct bl_rejects *r, struct bl_link *link, const struct kept *k, struct bl_str at)
{
    struct bl_str argv[] = {BL_STR("XADD"),       bl_buf_view(&r->bad),
                            BL_STR("MAXLEN"),     BL_STR("~"),
                            BL_STR(KEEP_ENTRIES), BL_STR("*"),
                            BL_STR("at"),         at,
                            BL_STR("reason"),     bl_str_of(bl_err_code(k->err)),
                            BL_STR("field"),      bl_str_of(k->field),
                            BL_STR("message"),    bl_str_of(k->message),
                            BL_STR("event"),      bl_buf_view(&k->event)};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
}

static void send_trim(struct bl_rejects *r, struct bl_link *link, int64_t now_ms)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)(now_ms - KEEP_MS));
    struct bl_str argv[] = {
        BL_STR("XTRIM"), bl_buf_view(&r->bad), BL_STR("MINID"), BL_STR("~"), {text, (size_t)n}};
    bl_link_send(link, sizeof argv / sizeof argv[0], argv, NULL, NULL);
}

void bl_rejects_flush(struct bl_rejects *r, struct bl_link *link, int64_t now_ms)
{
    char text[32];
    if (!bl_link_is_up(link) || now_ms <= 0)
        return;
    int n = snprintf(text, sizeof text, "%lld", (long long)now_ms);
    send_counts(r, link);
    for (size_t i = 0; i < r->n; i++)
        send_kept(r, link, &r->kept[i], (struct bl_str){text, (size_t)n});
    if (now_ms > KEEP_MS)
        send_trim(r, link, now_ms);
    r->n = 0;
}
