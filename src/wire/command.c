/* See command.h. Commands are rare: each read takes a parser of its own. What members a command has stands in one
 * table; a text with one missing, twice or too many is no command. */
#include "bl/wire/command.h"
#include "json.h"
#include "scan.h"

#define KIND(kind) (1U << (kind))
#define PATTERN    (KIND(BL_COMMAND_RESOLVE) | KIND(BL_COMMAND_EXPLAIN))
#define USER       (KIND(BL_COMMAND_RESOLVE) | KIND(BL_COMMAND_ERASE) | KIND(BL_COMMAND_READMIT))

static const char *const kinds[BL_COMMAND_KINDS] = {[BL_COMMAND_RESOLVE] = "resolve",
                                                    [BL_COMMAND_EXPLAIN] = "explain",
                                                    [BL_COMMAND_RULES] = "rules",
                                                    [BL_COMMAND_ERASE] = "erase",
                                                    [BL_COMMAND_READMIT] = "readmit"};

static bool read_kind(struct bl_json v, struct bl_command *out)
{
    unsigned k = 0;
    while (k < BL_COMMAND_KINDS && !bl_str_eqz(bl_json_str(v), kinds[k]))
        k++;
    out->kind = (enum bl_command_kind)k;
    return k < BL_COMMAND_KINDS;
}

static bool read_pattern_id(struct bl_json v, struct bl_command *out)
{
    return bl_pattern_id_parse(bl_json_str(v), &out->pattern_id);
}

static bool read_text(struct bl_json v, char *to, size_t max, size_t *n)
{
    struct bl_str s = bl_json_str(v);
    if (s.n == 0 || s.n > max || bl_str_has_control(s))
        return false;
    memcpy(to, s.p, s.n);
    *n = s.n;
    return true;
}

static bool read_user(struct bl_json v, struct bl_command *out)
{
    return read_text(v, out->user, sizeof out->user, &out->user_bytes);
}

static bool read_explanation(struct bl_json v, struct bl_command *out)
{
    return read_text(v, out->text, sizeof out->text, &out->text_bytes);
}

static bool read_version(struct bl_json v, struct bl_command *out)
{
    out->version = bl_json_int(v);
    return out->version > 0;
}

static bool read_settings(struct bl_json v, struct bl_command *out)
{
    (void)v, (void)out; /* the slice is cut out of the text afterwards */
    return true;
}

static const struct member {
    const char *name;
    enum bl_json_type type;
    unsigned kinds; /* of commands that must have it */
    unsigned may;   /* of others that can */
    bool (*read)(struct bl_json v, struct bl_command *out);
} members[] = {
    {"command", BL_JSON_STRING, KIND(BL_COMMAND_KINDS) - 1, 0, read_kind},
    {"pattern_id", BL_JSON_STRING, PATTERN, 0, read_pattern_id},
    {"user_id", BL_JSON_STRING, USER, KIND(BL_COMMAND_EXPLAIN), read_user},
    {"text", BL_JSON_STRING, KIND(BL_COMMAND_EXPLAIN), 0, read_explanation},
    {"version", BL_JSON_INT, KIND(BL_COMMAND_RULES), 0, read_version},
    {"settings", BL_JSON_OBJECT, KIND(BL_COMMAND_RULES), 0, read_settings},
};
#define MEMBERS (sizeof members / sizeof *members)

static bool read_member(struct bl_str key, struct bl_json v, struct bl_command *out, unsigned *seen)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (bl_str_eqz(key, members[i].name)) {
            bool again = *seen & (1U << i);
            *seen |= 1U << i;
            return !again && bl_json_type(v) == members[i].type && members[i].read(v, out);
        }
    return false;
}

static bool complete(enum bl_command_kind kind, unsigned seen)
{
    unsigned wanted = 0, may = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        wanted |= members[i].kinds & KIND(kind) ? 1U << i : 0;
        may |= members[i].may & KIND(kind) ? 1U << i : 0;
    }
    return (seen & ~may) == wanted;
}

static bool read_object(struct bl_json root, struct bl_command *out)
{
    struct bl_json_walk walk = bl_json_object(root);
    struct bl_json value;
    struct bl_str key;
    unsigned seen = 0;
    while (bl_json_next_member(&walk, &key, &value))
        if (!read_member(key, value, out, &seen))
            return false;
    return (seen & 1) && complete(out->kind, seen);
}

/* Of text that read_object has accepted: the one member whose value is an object. */
static struct bl_str cut_object(struct bl_str text)
{
    struct bl_str key, value = {NULL, 0};
    size_t at = 0;
    struct bl_str object = bl_scan_value(text, &at);
    at = 1;
    while (bl_scan_member(object, &at, &key, &value) && value.p[0] != '{')
        ;
    return value;
}

enum bl_err bl_command_read(struct bl_str text, struct bl_command *out)
{
    struct bl_json_parser *parser;
    struct bl_json root;
    const char *why;
    enum bl_err err = bl_json_parser_new(&parser);
    if (err != BL_OK)
        return err;
    err = bl_json_parse(parser, text, &root, &why);
    if (err == BL_ERR_INVALID_JSON)
        err = BL_ERR_CORRUPT;
    if (err == BL_OK && (bl_json_type(root) != BL_JSON_OBJECT || !read_object(root, out)))
        err = BL_ERR_CORRUPT;
    if (err == BL_OK && out->kind == BL_COMMAND_RULES)
        out->settings = cut_object(text);
    bl_json_parser_free(parser);
    return err;
}

static void pad(struct bl_buf *out, size_t n)
{
    char *space = bl_buf_reserve(out, n);
    if (!space)
        return;
    memset(space, ' ', n);
    out->n += n;
}

void bl_command_write(const struct bl_command *c, struct bl_buf *out)
{
    char hex[32];
    bl_buf_printf(out, "{\"command\":\"%s\"", kinds[c->kind]);
    if (c->kind == BL_COMMAND_RULES) {
        bl_buf_printf(out, ",\"version\":%lld,\"settings\":", (long long)c->version);
        bl_buf_str(out, c->settings);
        bl_buf_char(out, '}');
        return;
    }
    if (PATTERN & KIND(c->kind)) {
        bl_pattern_id_hex(&c->pattern_id, hex);
        bl_buf_printf(out, ",\"pattern_id\":\"%.32s\"", hex);
    }
    if (USER & KIND(c->kind)) {
        bl_buf_z(out, ",\"user_id\":");
        bl_buf_json(out, bl_command_user(c));
    }
    if (c->kind == BL_COMMAND_EXPLAIN) {
        bl_buf_z(out, ",\"text\":");
        bl_buf_json(out, bl_command_text(c));
    }
    bl_buf_char(out, '}');
    if (c->kind == BL_COMMAND_ERASE)
        pad(out, BL_ERASE_ENTRY_BYTES);
}
