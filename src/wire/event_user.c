/* The user of an event that was refused (decode.h). */
#include "bl/base/limits.h"
#include "bl/wire/decode.h"
#include "json.h"

static bool find(struct bl_json root, char out[BL_USER_ID_MAX_BYTES], size_t *n)
{
    struct bl_json value;
    struct bl_str key;
    struct bl_json_walk walk = bl_json_object(root);
    while (bl_json_next_member(&walk, &key, &value)) {
        if (!bl_str_eqz(key, "user_id") || bl_json_type(value) != BL_JSON_STRING)
            continue;
        struct bl_str id = bl_json_str(value);
        if (id.n == 0 || id.n > BL_USER_ID_MAX_BYTES)
            return false;
        memcpy(out, id.p, id.n);
        *n = id.n;
        return true;
    }
    return false;
}

bool bl_event_user(struct bl_str text, char out[BL_USER_ID_MAX_BYTES], size_t *n)
{
    struct bl_json_parser *parser;
    struct bl_json root;
    const char *why;
    if (text.n == 0 || bl_json_parser_new(&parser) != BL_OK)
        return false;
    bool found = bl_json_parse(parser, text, &root, &why) == BL_OK && bl_json_type(root) == BL_JSON_OBJECT &&
                 find(root, out, n);
    bl_json_parser_free(parser);
    return found;
}
