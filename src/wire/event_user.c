/* Whose what was refused is (decode.h). */
#include "bl/base/limits.h"
#include "bl/wire/decode.h"
#include "json.h"
#include "unescape.h"

#include <ctype.h>
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

/* Longer than an id of which each byte is escaped. */
#define VALUE_MAX_BYTES (6 * BL_USER_ID_MAX_BYTES)

enum said { SAYS_NOTHING, SAYS_ID, SAYS_UNREADABLE };

/* What follows a value that has been read to its end, and not to a quote or blank in its middle. */
static bool ends(struct bl_str rest, size_t at)
{
    at = skip(rest, at, " \t");
    return at == rest.n || one_of(rest.p[at], ",;&}]\r\n");
}

static enum said quoted(struct bl_str rest, char quote, struct bl_buf *id)
{
    size_t end = 0;
    while (end < rest.n && end <= VALUE_MAX_BYTES && rest.p[end] != quote)
        end += rest.p[end] == '\\' ? 2 : 1;
    if (end >= rest.n || end > VALUE_MAX_BYTES || !ends(rest, end + 1))
        return SAYS_UNREADABLE;
    bl_unescape((struct bl_str){rest.p, end}, id);
    return id->err == BL_OK && id->n ? SAYS_ID : SAYS_NOTHING;
}

static enum said bare(struct bl_str rest, struct bl_buf *id)
{
    size_t end = 0;
    while (end < rest.n && end <= BL_USER_ID_MAX_BYTES && !one_of(rest.p[end], " \t\r\n,;&{}[]\"'\\%+"))
        end++;
    if (end > BL_USER_ID_MAX_BYTES || !ends(rest, end))
        return SAYS_UNREADABLE;
    bl_buf_add(id, rest.p, end);
    return end ? SAYS_ID : SAYS_NOTHING;
}

/* What stands behind the word, as in {"user_id": "…"} or user_id=…; too long for an id: nothing. */
static enum said value_behind(struct bl_str rest, struct bl_buf *id)
{
    size_t at = skip(rest, 0, "\"'");
    if (at == 0 && rest.n && (isalnum((unsigned char)rest.p[0]) || rest.p[0] == '_'))
        return SAYS_NOTHING; /* another word */
    at = skip(rest, at, " \t\r\n");
    if (at == rest.n || !one_of(rest.p[at], ":="))
        return SAYS_UNREADABLE;
    at = skip(rest, at + 1, " \t\r\n");
    bool in_quotes = at < rest.n && one_of(rest.p[at], "\"'");
    struct bl_str value = {rest.p + at + in_quotes, rest.n - at - in_quotes};
    bl_buf_clear(id);
    return in_quotes ? quoted(value, rest.p[at], id) : bare(value, id);
}

static struct bl_str behind(struct bl_str text, const char *at, size_t n)
{
    at += n;
    return (struct bl_str){at, (size_t)(text.p + text.n - at)};
}

/* Nobody needs to escape a letter of the word, but who wants to hide it. */
static bool hides(struct bl_str text, struct bl_str word)
{
    const char *at;
    while (text.n && (at = memmem(text.p, text.n, "\\u00", 4))) {
        char room[1];
        struct bl_buf one = {.p = room, .cap = sizeof room, .max = sizeof room};
        text = behind(text, at, 4);
        bl_unescape((struct bl_str){at, text.n < 2 ? 4 + text.n : 6}, &one);
        if (one.n == 1 && memchr(word.p, room[0], word.n))
            return true;
    }
    return false;
}

bool bl_text_users(struct bl_str text, bool (*is)(void *ctx, struct bl_str user_id), void *ctx)
{
    static const struct bl_str word = {"user_id", 7};
    char room[BL_USER_ID_MAX_BYTES];
    struct bl_buf id = {.p = room, .cap = sizeof room, .max = sizeof room};
    const char *at;
    if (hides(text, word))
        return true;
    while (text.n && (at = memmem(text.p, text.n, word.p, word.n))) {
        text = behind(text, at, word.n);
        enum said said = value_behind(text, &id);
        if (said == SAYS_UNREADABLE || (said == SAYS_ID && is(ctx, bl_buf_view(&id))))
            return true;
    }
    return false;
}
