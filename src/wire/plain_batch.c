/* A batch all of whose events are plain, in one pass: an array of them, or an object of `events` and `sent_at` alone.
 * Nothing is handed on before the end is seen, since a body that is no JSON must not have any effect (decode.c). With one
 * event that is not plain the body goes the whole way, where each event is looked at again, alone. */
#include "plain.h"

#include <string.h>

struct batch {
    struct bl_decoder *d;
    const struct bl_decode_options *options;
    const char *p, *end;
    int64_t sent_at_ms;
    bool has_events, has_sent_at;
};

static void skip_space(struct batch *b)
{
    while (b->p < b->end && (*b->p == ' ' || *b->p == '\n' || *b->p == '\r' || *b->p == '\t'))
        b->p++;
}

/* Steps over a byte and the white space around it. */
static bool expect(struct batch *b, char byte)
{
    skip_space(b);
    if (b->p == b->end || *b->p != byte)
        return false;
    b->p++;
    skip_space(b);
    return true;
}

static bool take_event(struct batch *b)
{
    struct bl_buf *plains = &b->d->plains;
    struct bl_str rest = {b->p, (size_t)(b->end - b->p)};
    if (plains->n / sizeof(struct bl_plain) >= b->options->max_events)
        return false;
    struct bl_plain *g = (struct bl_plain *)(void *)bl_buf_reserve(plains, sizeof *g);
    if (!g || !bl_plain_read(b->d, rest, false, g, &g->r) || !bl_plain_is_ours(g, b->options))
        return false;
    plains->n += sizeof *g;
    b->p = g->end;
    return true;
}

static bool take_array(struct batch *b)
{
    if (!expect(b, '['))
        return false;
    if (expect(b, ']'))
        return true;
    do {
        if (!take_event(b))
            return false;
    } while (expect(b, ','));
    return expect(b, ']');
}

static bool take_key(struct batch *b, const char *name)
{
    size_t n = strlen(name);
    if ((size_t)(b->end - b->p) <= n || memcmp(b->p, name, n) != 0)
        return false;
    b->p += n;
    return expect(b, ':');
}

static bool take_time(struct batch *b)
{
    const char *start = b->p;
    while (b->p < b->end && *b->p >= '0' && *b->p <= '9')
        b->p++;
    struct bl_str digits = {start, (size_t)(b->p - start)};
    return digits.n > 0 && digits.n < 16 && *start != '0' && bl_str_int64(digits, &b->sent_at_ms);
}

static bool take_wrapper(struct batch *b)
{
    if (!expect(b, '{'))
        return false;
    do {
        bool good = false;
        if (!b->has_events && take_key(b, "\"events\""))
            good = b->has_events = take_array(b);
        else if (!b->has_sent_at && take_key(b, "\"sent_at\""))
            good = b->has_sent_at = take_time(b);
        if (!good)
            return false;
    } while (expect(b, ','));
    return expect(b, '}') && b->has_events;
}

bool bl_plain_batch(struct bl_decoder *d, struct bl_str body, const struct bl_decode_options *options,
                    int64_t *sent_at_ms)
{
    struct batch b = {.d = d, .options = options, .p = body.p, .end = body.p + body.n, .sent_at_ms = -1};
    bl_buf_clear(&d->plains);
    skip_space(&b);
    if (!(b.p < b.end && *b.p == '[' ? take_array(&b) : take_wrapper(&b)) || b.p != b.end)
        return false;
    *sent_at_ms = b.sent_at_ms;
    return true;
}
