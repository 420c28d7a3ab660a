/* The canonical line: how an accepted event stands in the stream. Compact JSON, fields in the order of
 * BL_FIELDS, texts escaped anew, numbers and metadata with the digits that were sent. Reading it gives the
 * record that was written (the fuzzer holds us to that): a replay in memory and a worker see the same event.
 */
#include "decoder.h"
#include "scan.h"

#define FIELD_NAME(id, name, sent) name,
static const char *const field_names[BL_FIELD_COUNT] = {BL_FIELDS(FIELD_NAME)};
#undef FIELD_NAME
#define FIELD_LENGTH(id, name, sent) sizeof(name) - 1,
static const unsigned char field_lengths[BL_FIELD_COUNT] = {BL_FIELDS(FIELD_LENGTH)};
#undef FIELD_LENGTH
#define FIELD_SENT(id, name, sent) sent,
static const bool field_sent[BL_FIELD_COUNT] = {BL_FIELDS(FIELD_SENT)};
#undef FIELD_SENT

const char *bl_field_name(enum bl_field field)
{
    return field_names[field];
}

bool bl_field_sent(enum bl_field field)
{
    return field_sent[field];
}

enum bl_field bl_field_of(struct bl_str name)
{
    unsigned i = 0;
    while (i < BL_FIELD_COUNT && (name.n != field_lengths[i] || name.p[0] != field_names[i][0] ||
                                  memcmp(name.p, field_names[i], name.n) != 0))
        i++;
    return (enum bl_field)i;
}

static void key(struct bl_buf *b, enum bl_field field)
{
    bl_buf_z(b, b->n ? ",\"" : "{\"");
    bl_buf_add(b, field_names[field], field_lengths[field]);
    bl_buf_add(b, "\":", 2);
}

static void text(struct bl_buf *b, enum bl_field field, struct bl_str value)
{
    if (value.n == 0)
        return;
    key(b, field);
    bl_buf_json(b, value);
}

static void number(struct bl_buf *b, enum bl_field field, int64_t value)
{
    if (value < 0)
        return;
    key(b, field);
    bl_buf_int(b, value);
}

void bl_line_write(struct bl_decoder *d, const struct bl_record *r, const struct bl_str texts[BL_FIELD_COUNT])
{
    struct bl_buf *b = &d->line;
    bl_buf_clear(b);
    text(b, BL_FIELD_USER_ID, r->user_id);
    text(b, BL_FIELD_ACTION, bl_str_of(bl_action_name(r->event.action)));
    key(b, BL_FIELD_PAGE);
    bl_buf_json(b, r->event.page);
    text(b, r->made_id ? BL_FIELD_MADE_ID : BL_FIELD_EVENT_ID, r->event_id);
    number(b, BL_FIELD_TIMESTAMP, r->timestamp_ms);
    number(b, BL_FIELD_SENT_AT, r->sent_at_ms);
    text(b, BL_FIELD_SESSION_ID, r->event.session_id);
    if (d->field[BL_FIELD_DURATION].raw.p) {
        key(b, BL_FIELD_DURATION);
        bl_buf_str(b, d->field[BL_FIELD_DURATION].raw);
    }
    if (d->metadata.n > 2) {
        key(b, BL_FIELD_METADATA);
        bl_buf_str(b, bl_buf_view(&d->metadata));
    }
    for (unsigned f = BL_FIELD_COUNTRY; f <= BL_FIELD_TITLE; f++)
        text(b, (enum bl_field)f, texts[f]);
    bl_buf_char(b, '}');
}

static bool read_text(struct bl_json v, size_t max, struct bl_str *out)
{
    if (bl_json_type(v) != BL_JSON_STRING)
        return false;
    *out = bl_json_str(v);
    return out->n <= max;
}

static bool read_time(struct bl_json v, int64_t *out)
{
    if (bl_json_type(v) != BL_JSON_INT)
        return false;
    *out = bl_json_int(v);
    return *out >= 0 && *out <= BL_TIMESTAMP_MAX_MS;
}

/* In place of event_id; in lines of before, `true` beside it. */
static bool read_made_id(struct bl_json v, struct bl_record *r)
{
    bool is_text = bl_json_type(v) == BL_JSON_STRING;
    r->made_id = is_text || bl_json_bool(v);
    return !is_text || (r->event_id.n == 0 && read_text(v, BL_EVENT_ID_MAX_BYTES, &r->event_id));
}

static bool read_action(struct bl_json v, enum bl_action *out)
{
    if (bl_json_type(v) != BL_JSON_STRING)
        return false;
    *out = bl_action_of(bl_json_str(v));
    return *out != BL_ACTION_COUNT;
}

static bool read_metadata(struct bl_json v, struct bl_facts *facts)
{
    struct bl_json_walk w;
    struct bl_str k;
    struct bl_json inner;
    if (bl_json_type(v) != BL_JSON_OBJECT)
        return false;
    for (w = bl_json_object(v); bl_json_next_member(&w, &k, &inner);)
        bl_facts_member(facts, k, inner);
    return facts->event->target.n <= BL_METADATA_MAX_BYTES && facts->event->form.n <= BL_METADATA_MAX_BYTES;
}

struct reading {
    struct bl_record *r;
    struct bl_facts facts;
    struct bl_json duration;
    bool has_duration;
    unsigned seen; /* a bit for each enum bl_field */
};

static bool read_field(struct reading *g, enum bl_field field, struct bl_json v)
{
    struct bl_record *r = g->r;
    bool again = field != BL_FIELD_COUNT && (g->seen & 1U << field);
    if (again) /* whoever looks at the first only (worker/batch.c: whose it is) must mean the same */
        return false;
    if (field != BL_FIELD_COUNT)
        g->seen |= 1U << field;
    switch ((unsigned)field) {
    case BL_FIELD_USER_ID:
        return read_text(v, BL_USER_ID_MAX_BYTES, &r->user_id);
    case BL_FIELD_ACTION:
        return read_action(v, &r->event.action);
    case BL_FIELD_PAGE: /* a missing first '/' was added to what had the limit */
        return read_text(v, BL_PAGE_MAX_BYTES + 1, &r->event.page);
    case BL_FIELD_EVENT_ID:
        return r->event_id.n == 0 && read_text(v, BL_EVENT_ID_MAX_BYTES, &r->event_id);
    case BL_FIELD_TIMESTAMP:
        return read_time(v, &r->timestamp_ms);
    case BL_FIELD_SENT_AT:
        return read_time(v, &r->sent_at_ms);
    case BL_FIELD_SESSION_ID:
        return read_text(v, BL_SESSION_ID_MAX_BYTES, &r->event.session_id);
    case BL_FIELD_DURATION:
        g->duration = v;
        g->has_duration = true;
        return true;
    case BL_FIELD_METADATA:
        return read_metadata(v, &g->facts);
    case BL_FIELD_MADE_ID:
        return read_made_id(v, r);
    default: /* what no rule reads */
        return true;
    }
}

enum bl_err bl_record_read(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
{
    struct reading g = {.r = out};
    struct bl_json root, v;
    struct bl_str k;
    const char *why;
    if (line.n > BL_EVENT_MAX_BYTES)
        return BL_ERR_CORRUPT;
    if (bl_record_plain(d, line, out))
        return BL_OK;
    *out = (struct bl_record){.timestamp_ms = -1, .sent_at_ms = -1, .line = line};
    out->event.action = BL_ACTION_COUNT;
    enum bl_err err = bl_json_parse(d->parser, line, &root, &why);
    if (err != BL_OK || bl_json_type(root) != BL_JSON_OBJECT)
        return err == BL_ERR_NO_MEMORY ? err : BL_ERR_CORRUPT;
    bl_facts_begin(&g.facts, &out->event);
    struct bl_json_walk w = bl_json_object(root);
    while (bl_json_next_member(&w, &k, &v))
        if (!read_field(&g, bl_field_of(k), v))
            return BL_ERR_CORRUPT;
    bl_facts_end(&g.facts, g.has_duration ? &g.duration : NULL);
    if (out->user_id.n == 0 || out->event_id.n == 0 || out->event.action == BL_ACTION_COUNT)
        return BL_ERR_CORRUPT;
    bool page_needed = bl_action_traits(out->event.action) & BL_PAGE;
    return page_needed && out->event.page.n == 0 ? BL_ERR_CORRUPT : BL_OK;
}
