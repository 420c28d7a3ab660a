/* See command.h. Commands are rare: each read takes a parser of its own. */
#include "bl/wire/command.h"
#include "json.h"

static const char *const kinds[] = {[BL_COMMAND_RESOLVE] = "resolve"};

static bool read_member(struct bl_str key, struct bl_json value, struct bl_command *out, unsigned *seen)
{
    if (bl_json_type(value) != BL_JSON_STRING)
        return false;
    struct bl_str s = bl_json_str(value);
    if (bl_str_eqz(key, "command")) {
        *seen |= 1;
        out->kind = BL_COMMAND_RESOLVE;
        return bl_str_eqz(s, kinds[BL_COMMAND_RESOLVE]);
    }
    if (bl_str_eqz(key, "pattern_id")) {
        *seen |= 2;
        return bl_pattern_id_parse(s, &out->pattern_id);
    }
    if (bl_str_eqz(key, "user_id") && s.n > 0 && s.n <= sizeof out->user) {
        *seen |= 4;
        memcpy(out->user, s.p, s.n);
        out->user_bytes = s.n;
        return true;
    }
    return false;
}

enum bl_err bl_command_read(struct bl_str text, struct bl_command *out)
{
    struct bl_json_parser *parser;
    struct bl_json root, value;
    struct bl_str key;
    const char *why;
    unsigned seen = 0;
    enum bl_err err = bl_json_parser_new(&parser);
    if (err != BL_OK)
        return err;
    err = bl_json_parse(parser, text, &root, &why);
    if (err == BL_ERR_INVALID_JSON || (err == BL_OK && bl_json_type(root) != BL_JSON_OBJECT))
        err = BL_ERR_CORRUPT;
    if (err == BL_OK) {
        struct bl_json_walk walk = bl_json_object(root);
        while (err == BL_OK && bl_json_next_member(&walk, &key, &value))
            err = read_member(key, value, out, &seen) ? BL_OK : BL_ERR_CORRUPT;
        if (seen != 7)
            err = BL_ERR_CORRUPT;
    }
    bl_json_parser_free(parser);
    return err;
}

void bl_command_write(const struct bl_command *c, struct bl_buf *out)
{
    char hex[32];
    bl_pattern_id_hex(&c->pattern_id, hex);
    bl_buf_printf(out, "{\"command\":\"%s\",\"pattern_id\":\"%.32s\",\"user_id\":", kinds[c->kind], hex);
    bl_buf_json(out, bl_command_user(c));
    bl_buf_char(out, '}');
}
