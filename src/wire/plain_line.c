/* The canonical line of a plain event: its values stand in the text as they will stand in the line, so they are copied,
 * not decoded and written anew. What canonical.c would change (an address to be cut, a referrer with a query, metadata
 * with blanks in it) is not for here; the fuzzer holds both to the same bytes. */
#include "plain.h"

#include <string.h>

#define EXTRA_BYTES 256 /* what a line can have that the event did not: made_id, times */

static bool seen(const struct bl_plain *g, enum bl_field field)
{
    return g->seen & 1U << field;
}

static bool has_byte(struct bl_str s, char byte)
{
    return memchr(s.p, byte, s.n) != NULL;
}

bool bl_plain_is_ours(const struct bl_plain *g, const struct bl_decode_options *options)
{
    if (options->timestamp_needed && !seen(g, BL_FIELD_TIMESTAMP))
        return false;
    if (seen(g, BL_FIELD_IP_ADDRESS) || (seen(g, BL_FIELD_METADATA) && g->spread))
        return false;
    return !seen(g, BL_FIELD_REFERRER) ||
           (!has_byte(g->raw[BL_FIELD_REFERRER], '?') && !has_byte(g->raw[BL_FIELD_REFERRER], '#'));
}

static char *put(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    return to + n;
}

#define KEY(id, name, sent) {",\"" name "\":", sizeof(name) + 3},
static const struct bl_str keys[BL_FIELD_COUNT] = {BL_FIELDS(KEY)};
#undef KEY

static char *put_key(char *to, enum bl_field field)
{
    return put(to, keys[field].p, keys[field].n);
}

/* `empty`: the bytes of a value that is as good as none, "" or {}. */
static char *put_raw(char *to, const struct bl_plain *g, enum bl_field field, size_t empty)
{
    if (!seen(g, field) || g->raw[field].n == empty)
        return to;
    return put(put_key(to, field), g->raw[field].p, g->raw[field].n);
}

static char *put_int(char *to, enum bl_field field, int64_t v)
{
    char digits[20], *p = digits + sizeof digits;
    if (v < 0)
        return to;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    return put(put_key(to, field), p, (size_t)(digits + sizeof digits - p));
}

static char *put_event_id(char *to, const struct bl_plain *g, struct bl_str id)
{
    if (seen(g, BL_FIELD_EVENT_ID))
        return put_raw(to, g, BL_FIELD_EVENT_ID, 0);
    to = put_key(to, BL_FIELD_MADE_ID);
    *to++ = '"';
    to = put(to, id.p, id.n);
    *to++ = '"';
    return to;
}

static char *put_members(char *to, const struct bl_plain *g, const struct bl_record *r)
{
    to = put_raw(to, g, BL_FIELD_USER_ID, 0);
    to = put_raw(to, g, BL_FIELD_ACTION, 0);
    to = seen(g, BL_FIELD_PAGE) ? put_raw(to, g, BL_FIELD_PAGE, 0)
                                : put(put_key(to, BL_FIELD_PAGE), "\"\"", 2);
    to = put_event_id(to, g, r->event_id);
    to = put_int(to, BL_FIELD_TIMESTAMP, r->timestamp_ms);
    to = put_int(to, BL_FIELD_SENT_AT, r->sent_at_ms);
    to = put_raw(to, g, BL_FIELD_SESSION_ID, 0);
    to = put_raw(to, g, BL_FIELD_DURATION, 0);
    to = put_raw(to, g, BL_FIELD_METADATA, 2);
    for (unsigned f = BL_FIELD_COUNTRY; f <= BL_FIELD_TITLE; f++)
        to = put_raw(to, g, (enum bl_field)f, 2);
    return to;
}

enum bl_err bl_plain_line(struct bl_decoder *d, const struct bl_plain *g,
                          const struct bl_decode_options *options, int64_t sent_at_ms, struct bl_record *out)
{
    size_t n = EXTRA_BYTES;
    for (unsigned f = 0; f < BL_FIELD_COUNT; f++)
        n += seen(g, (enum bl_field)f) ? g->raw[f].n + keys[f].n : 0;
    *out = g->r;
    out->sent_at_ms = sent_at_ms;
    out->made_id = out->event_id.n == 0;
    if (out->made_id) {
        options->make_id(options->ctx, d->made_id);
        out->event_id = (struct bl_str){d->made_id, sizeof d->made_id};
    }
    bl_buf_clear(&d->line);
    char *start = bl_buf_reserve(&d->line, n);
    if (!start)
        return bl_problem_set(&d->problem, d->line.err, BL_STR(""), NULL);
    char *end = put_members(start, g, out);
    *start = '{'; /* in place of the first comma */
    *end++ = '}';
    d->line.n = (size_t)(end - start);
    out->line = bl_buf_view(&d->line);
    return BL_OK;
}
