/* One event: from a JSON text to a record, by the table of SPEC 2.1.
 *
 *   parse, walk the members (DOM and raw text in step) -> d->field[], d->unknown
 *   -> texts and ids -> action and page -> times -> metadata -> the canonical line
 *
 * Depth is counted from the event's own braces: the event is 1, metadata 2, and 8 is the last. An unknown
 * field moves into metadata, one level down, and is left out if it would not fit there by size or depth. */
#include "plain.h"
#include "scan.h"

#include <arpa/inet.h>
#include <assert.h>
#include <math.h>
#include <stdio.h>

struct text_rule {
    enum bl_field field;
    size_t max;
    bool id; /* at least one byte and no control character */
};

static const struct text_rule text_rules[] = {
    {BL_FIELD_USER_ID, BL_USER_ID_MAX_BYTES, true},       {BL_FIELD_EVENT_ID, BL_EVENT_ID_MAX_BYTES, true},
    {BL_FIELD_SESSION_ID, BL_SESSION_ID_MAX_BYTES, true}, {BL_FIELD_COUNTRY, BL_TEXT_MAX_BYTES, false},
    {BL_FIELD_DEVICE, BL_TEXT_MAX_BYTES, false},          {BL_FIELD_USER_AGENT, BL_TEXT_MAX_BYTES, false},
    {BL_FIELD_IP_ADDRESS, BL_TEXT_MAX_BYTES, false},      {BL_FIELD_REFERRER, BL_TEXT_MAX_BYTES, false},
    {BL_FIELD_TITLE, BL_TEXT_MAX_BYTES, false},
};

static struct bl_str name_of(enum bl_field field)
{
    return bl_str_of(bl_field_name(field));
}

static bool present(const struct bl_decoder *d, enum bl_field field)
{
    return d->field[field].raw.p != NULL;
}

static enum bl_err missing(struct bl_decoder *d, const char *field)
{
    return bl_problem_set(&d->problem, BL_ERR_MISSING_FIELD, bl_str_of(field), "The field %s is required.",
                          field);
}

/* The usual slips: another spelling of the name, or a batch. */
static enum bl_err missing_user(struct bl_decoder *d)
{
    static const char *const spellings[] = {"userid", "user", "user-id", "uid"};
    const struct bl_member_text *m = (const struct bl_member_text *)(const void *)d->unknown.p;
    char quoted[BL_QUOTE_BYTES];
    for (size_t i = 0; i < d->unknown.n / sizeof *m; i++) {
        if (bl_str_eqz(m[i].key, "events") && bl_json_type(m[i].v) == BL_JSON_ARRAY)
            return bl_problem_set(&d->problem, BL_ERR_MISSING_FIELD, BL_STR("user_id"),
                                  "The field user_id is required; batches go to /events/batch.");
        for (size_t k = 0; k < sizeof spellings / sizeof *spellings; k++)
            if (bl_str_ieq(m[i].key, bl_str_of(spellings[k])))
                return bl_problem_set(&d->problem, BL_ERR_MISSING_FIELD, BL_STR("user_id"),
                                      "The field user_id is required; this event has \"%s\" instead.",
                                      bl_quote(m[i].key, quoted));
    }
    return missing(d, "user_id");
}

static enum bl_err wrong_type(struct bl_decoder *d, enum bl_field field, const char *type)
{
    return bl_problem_set(&d->problem, BL_ERR_INVALID_TYPE, name_of(field), "The field %s must be %s.",
                          bl_field_name(field), type);
}

static enum bl_err take_member(struct bl_decoder *d, struct bl_member_text *m)
{
    enum bl_field field = bl_field_of(m->key);
    m->depth = 1;
    enum bl_err err = bl_check_value(d, m->v, 2, &m->depth, &d->problem);
    if (err != BL_OK || bl_json_type(m->v) == BL_JSON_NULL)
        return err;
    if (field != BL_FIELD_COUNT && bl_field_sent(field))
        d->field[field] = *m;
    else
        bl_buf_add(&d->unknown, m, sizeof *m);
    return d->unknown.err == BL_OK ? BL_OK : bl_problem_set(&d->problem, d->unknown.err, BL_STR(""), NULL);
}

/* simdjson says what the members are, the scanner where they stand; both see them in the order of the text.
 */
static enum bl_err take_members(struct bl_decoder *d, struct bl_json root, struct bl_str text)
{
    struct bl_json_walk w = bl_json_object(root);
    struct bl_member_text m;
    struct bl_str raw_key;
    size_t at = 1;
    memset(d->field, 0, sizeof d->field);
    bl_buf_clear(&d->unknown);
    enum bl_err err = bl_check_keys(d, root, &d->problem);
    while (err == BL_OK && bl_json_next_member(&w, &m.key, &m.v)) {
        bool more = bl_scan_member(text, &at, &raw_key, &m.raw);
        assert(more);
        (void)more;
        err = take_member(d, &m);
    }
    return err;
}

static enum bl_err check_text(struct bl_decoder *d, const struct text_rule *rule, struct bl_str *out)
{
    const char *name = bl_field_name(rule->field);
    if (!present(d, rule->field))
        return BL_OK;
    if (bl_json_type(d->field[rule->field].v) != BL_JSON_STRING)
        return wrong_type(d, rule->field, "a string");
    *out = bl_json_str(d->field[rule->field].v);
    if (out->n > rule->max || (rule->id && out->n == 0))
        return bl_problem_set(&d->problem, BL_ERR_INVALID_FIELD, bl_str_of(name),
                              "The field %s must have %sat most %zu bytes; it has %zu.", name,
                              rule->id ? "at least 1 and " : "", rule->max, out->n);
    if (rule->id && bl_str_has_control(*out))
        return bl_problem_set(&d->problem, BL_ERR_INVALID_FIELD, bl_str_of(name),
                              "The field %s must not hold control characters.", name);
    return BL_OK;
}

static enum bl_err check_texts(struct bl_decoder *d, struct bl_str texts[BL_FIELD_COUNT])
{
    if (!present(d, BL_FIELD_USER_ID))
        return missing_user(d);
    for (size_t i = 0; i < sizeof text_rules / sizeof *text_rules; i++) {
        enum bl_err err = check_text(d, &text_rules[i], &texts[text_rules[i].field]);
        if (err != BL_OK)
            return err;
    }
    struct bl_str *referrer = &texts[BL_FIELD_REFERRER];
    for (size_t i = 0; i < referrer->n; i++)
        if (referrer->p[i] == '?' || referrer->p[i] == '#')
            referrer->n = i;
    return BL_OK;
}

/* Cut before anything is stored: the network of an IPv4 address (/24) or an IPv6 one (/48). */
static enum bl_err cut_address(struct bl_decoder *d, struct bl_str *address)
{
    unsigned char b[16];
    char text[INET6_ADDRSTRLEN] = "";
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (address->n == 0)
        return BL_OK;
    if (address->n < sizeof text && !memchr(address->p, '\0', address->n))
        memcpy(text, address->p, address->n);
    bool v4 = inet_pton(AF_INET, text, b) == 1;
    if (!v4 && inet_pton(AF_INET6, text, b) != 1)
        return bl_problem_set(
            &d->problem, BL_ERR_INVALID_FIELD, BL_STR("ip_address"),
            "The field ip_address must be one IPv4 or IPv6 address, like \"203.0.113.7\", without "
            "port, prefix length or zone.");
    if (!v4 && memcmp(b, mapped, sizeof mapped) == 0) {
        memmove(b, b + 12, 4);
        v4 = true;
    }
    memset(b + (v4 ? 3 : 6), 0, v4 ? 1 : 10);
    bl_buf_clear(&d->address);
    bl_buf_z(&d->address, inet_ntop(v4 ? AF_INET : AF_INET6, b, text, sizeof text) ? text : "");
    *address = bl_buf_view(&d->address);
    return d->address.err;
}

static enum bl_err check_action(struct bl_decoder *d, enum bl_action *out)
{
    char quoted[BL_QUOTE_BYTES], list[800];
    if (!present(d, BL_FIELD_ACTION))
        return missing(d, "action");
    if (bl_json_type(d->field[BL_FIELD_ACTION].v) != BL_JSON_STRING)
        return wrong_type(d, BL_FIELD_ACTION, "a string");
    struct bl_str name = bl_json_str(d->field[BL_FIELD_ACTION].v);
    *out = bl_action_of(name);
    if (*out != BL_ACTION_COUNT)
        return BL_OK;
    size_t n = 0;
    for (unsigned a = 0; a < BL_ACTION_COUNT && n < sizeof list; a++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", a ? ", " : "",
                              bl_action_name((enum bl_action)a));
    return bl_problem_set(&d->problem, BL_ERR_UNKNOWN_ACTION, BL_STR("action"),
                          "The action \"%s\" is unknown. Use one of: %s.", bl_quote(name, quoted), list);
}

static enum bl_err check_page(struct bl_decoder *d, struct bl_event *e)
{
    bool needed = bl_action_traits(e->action) & BL_PAGE;
    struct bl_str page = {NULL, 0};
    if (present(d, BL_FIELD_PAGE)) {
        if (bl_json_type(d->field[BL_FIELD_PAGE].v) != BL_JSON_STRING)
            return wrong_type(d, BL_FIELD_PAGE, "a string");
        page = bl_json_str(d->field[BL_FIELD_PAGE].v);
    } else if (needed) {
        return bl_problem_set(&d->problem, BL_ERR_MISSING_FIELD, BL_STR("page"),
                              "The field page is required for the action %s.", bl_action_name(e->action));
    }
    if (page.n > BL_PAGE_MAX_BYTES || (needed && page.n == 0))
        return bl_problem_set(&d->problem, BL_ERR_INVALID_FIELD, BL_STR("page"),
                              "The field page must have 1 to %d bytes; it has %zu.", BL_PAGE_MAX_BYTES,
                              page.n);
    if (bl_str_has_control(page))
        return bl_problem_set(&d->problem, BL_ERR_INVALID_FIELD, BL_STR("page"),
                              "The field page must not hold control characters.");
    bl_buf_clear(&d->page);
    if (page.n)
        bl_page_normalise(page, &d->page);
    e->page = bl_buf_view(&d->page);
    return d->page.err;
}

static enum bl_err check_numbers(struct bl_decoder *d, const struct bl_decode_options *options,
                                 struct bl_record *r)
{
    if (present(d, BL_FIELD_TIMESTAMP)) {
        enum bl_err err =
            bl_check_time(d->field[BL_FIELD_TIMESTAMP].v, "timestamp", &r->timestamp_ms, &d->problem);
        if (err != BL_OK)
            return err;
    } else if (options->timestamp_needed) {
        return missing(d, "timestamp");
    }
    if (!present(d, BL_FIELD_DURATION))
        return BL_OK;
    enum bl_json_type type = bl_json_type(d->field[BL_FIELD_DURATION].v);
    if (type != BL_JSON_INT && type != BL_JSON_UINT && type != BL_JSON_DOUBLE)
        return wrong_type(d, BL_FIELD_DURATION, "a number of milliseconds");
    return BL_OK;
}

static bool has_key(struct bl_json object, struct bl_str key)
{
    struct bl_json_walk w = bl_json_object(object);
    struct bl_str k;
    struct bl_json v;
    while (bl_json_next_member(&w, &k, &v))
        if (bl_str_eq(k, key))
            return true;
    return false;
}

/* Puts an unknown field into the metadata under way, if it fits. Size is looked at first: it bounds how many
 * fields are ever compared with the metadata's own. */
static void keep_unknown(struct bl_decoder *d, const struct bl_member_text *m, struct bl_facts *facts)
{
    struct bl_buf *b = &d->metadata;
    const struct bl_member_text *own = &d->field[BL_FIELD_METADATA];
    size_t end = b->n;
    if (m->depth + (m->depth > 1) > BL_JSON_MAX_DEPTH || m->key.n > BL_METADATA_MAX_BYTES)
        return;
    b->n--; /* the closing brace */
    if (b->n > 1)
        bl_buf_char(b, ',');
    bl_buf_json(b, m->key);
    bl_buf_char(b, ':');
    bl_scan_minify(m->raw, b);
    bl_buf_char(b, '}');
    if (b->err == BL_OK && b->n <= BL_METADATA_MAX_BYTES && (!own->raw.p || !has_key(own->v, m->key))) {
        bl_facts_member(facts, m->key, m->v);
        return;
    }
    if (b->err == BL_OK) {
        b->n = end;
        b->p[end - 1] = '}';
    }
}

static enum bl_err check_metadata(struct bl_decoder *d, struct bl_event *e)
{
    const struct bl_member_text *own = &d->field[BL_FIELD_METADATA];
    const struct bl_member_text *unknown = (const struct bl_member_text *)(const void *)d->unknown.p;
    struct bl_facts facts;
    struct bl_str key;
    struct bl_json v;
    bl_facts_begin(&facts, e);
    bl_buf_clear(&d->metadata);
    if (own->raw.p) {
        if (bl_json_type(own->v) != BL_JSON_OBJECT)
            return wrong_type(d, BL_FIELD_METADATA, "an object");
        if (own->raw.n > BL_METADATA_MAX_BYTES)
            return bl_problem_set(&d->problem, BL_ERR_METADATA_TOO_LARGE, BL_STR("metadata"), NULL);
        bl_scan_minify(own->raw, &d->metadata);
        for (struct bl_json_walk w = bl_json_object(own->v); bl_json_next_member(&w, &key, &v);)
            bl_facts_member(&facts, key, v);
    } else {
        bl_buf_z(&d->metadata, "{}");
    }
    for (size_t i = 0; i < d->unknown.n / sizeof *unknown; i++)
        keep_unknown(d, &unknown[i], &facts);
    bl_facts_end(&facts, present(d, BL_FIELD_DURATION) ? &d->field[BL_FIELD_DURATION].v : NULL);
    return d->metadata.err;
}

static enum bl_err check_fields(struct bl_decoder *d, const struct bl_decode_options *options,
                                struct bl_record *r, struct bl_str texts[BL_FIELD_COUNT])
{
    enum bl_err err = check_texts(d, texts);
    if (err == BL_OK)
        err = check_action(d, &r->event.action);
    if (err == BL_OK)
        err = check_page(d, &r->event);
    if (err == BL_OK)
        err = check_numbers(d, options, r);
    if (err == BL_OK)
        err = cut_address(d, &texts[BL_FIELD_IP_ADDRESS]);
    return err == BL_OK ? check_metadata(d, &r->event) : err;
}

static enum bl_err parse(struct bl_decoder *d, struct bl_str text, struct bl_json *root)
{
    const char *why;
    enum bl_err err = bl_json_parse(d->parser, text, root, &why);
    if (err == BL_ERR_INVALID_JSON && bl_scan_looks_like_lines(text))
        return bl_problem_set(&d->problem, err, BL_STR(""), "The event is not valid JSON: %s. " BL_LINES_HINT,
                              why);
    if (err != BL_OK)
        return bl_problem_set(&d->problem, err, BL_STR(""), *why ? "The event is not valid JSON: %s." : "%s",
                              *why ? why : bl_err_text(err));
    if (bl_json_type(*root) != BL_JSON_OBJECT)
        return bl_problem_set(&d->problem, BL_ERR_INVALID_TYPE, BL_STR(""),
                              "An event must be a JSON object.");
    return BL_OK;
}

/* The whole way: any event, and what is wrong with it. */
static enum bl_err decode_any(struct bl_decoder *d, struct bl_str text,
                              const struct bl_decode_options *options, int64_t sent_at_ms,
                              struct bl_record *out)
{
    struct bl_json root;
    struct bl_str texts[BL_FIELD_COUNT] = {{NULL, 0}};
    *out = (struct bl_record){.timestamp_ms = -1, .sent_at_ms = sent_at_ms};
    enum bl_err err = parse(d, text, &root);
    size_t start = 0;
    if (err == BL_OK)
        err = take_members(d, root, bl_scan_value(text, &start));
    if (err == BL_OK)
        err = check_fields(d, options, out, texts);
    if (err == BL_OK) {
        out->user_id = texts[BL_FIELD_USER_ID];
        out->event_id = texts[BL_FIELD_EVENT_ID];
        out->event.session_id = texts[BL_FIELD_SESSION_ID];
        out->made_id = out->event_id.n == 0;
        if (out->made_id) {
            options->make_id(options->ctx, d->made_id);
            out->event_id = (struct bl_str){d->made_id, sizeof d->made_id};
        }
        bl_line_write(d, out, texts);
        out->line = bl_buf_view(&d->line);
        err = d->line.err;
    }
    if (err != BL_OK && d->problem.err != err) /* a buffer's own failure */
        bl_problem_set(&d->problem, err, BL_STR(""), NULL);
    return err;
}

enum bl_err bl_event_decode(struct bl_decoder *d, struct bl_str text, const struct bl_decode_options *options,
                            int64_t sent_at_ms, struct bl_record *out)
{
    struct bl_plain plain;
    if (bl_plain_read(d, text, false, &plain, &plain.r) && plain.end == text.p + text.n &&
        bl_plain_is_ours(&plain, options))
        return bl_plain_line(d, &plain, options, sent_at_ms, out);
    return decode_any(d, text, options, sent_at_ms, out);
}
