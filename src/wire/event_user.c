/* Whose what was refused is (decode.h). */
#include "bl/base/limits.h"
#include "bl/wire/decode.h"
#include "json.h"

#include <string.h>

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

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static size_t skip(struct bl_str s, size_t at, const char *set)
{
    while (at < s.n && one_of(s.p[at], set))
        at++;
    return at;
}

/* What stands behind the word, as in {"user_id": "…"} or user_id=…, cut when it is too long for an id; empty: nothing
 * of the kind. */
static struct bl_str value_behind(struct bl_str rest)
{
    static const char blanks[] = " \t\r\n";
    size_t at = skip(rest, skip(rest, 0, "\"'"), blanks);
    if (at == rest.n || !one_of(rest.p[at], ":="))
        return BL_STR("");
    at = skip(rest, at + 1, blanks);
    bool quoted = at < rest.n && one_of(rest.p[at], "\"'");
    char quote = quoted ? rest.p[at++] : '\0';
    size_t end = at;
    while (end < rest.n && end - at <= BL_USER_ID_MAX_BYTES &&
           (quoted ? rest.p[end] != quote : !one_of(rest.p[end], " \t\r\n,;&{}[]\"'")))
        end += rest.p[end] == '\\' && end + 1 < rest.n ? 2 : 1;
    return (struct bl_str){rest.p + at, end - at};
}

bool bl_text_users(struct bl_str text, bool (*is)(void *ctx, struct bl_str user_id), void *ctx)
{
    static const struct bl_str word = {"user_id", 7};
    const char *at;
    while (text.n && (at = memmem(text.p, text.n, word.p, word.n))) {
        size_t behind = (size_t)(at - text.p) + word.n;
        text = (struct bl_str){text.p + behind, text.n - behind};
        struct bl_str id = value_behind(text);
        if (id.n && (memchr(id.p, '\\', id.n) || (id.n <= BL_USER_ID_MAX_BYTES && is(ctx, id))))
            return true;
    }
    return false;
}
