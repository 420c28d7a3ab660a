/* Keys as text: a line of a file or of BL_KEYS, and what the store holds of one. No sentence here repeats what it
 * complains of: it may be half of a secret. */
#include "bl/app/access.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static bool read_hex(struct bl_str s, uint8_t out[BL_TOKEN_HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (s.n != 2 * (size_t)BL_TOKEN_HASH_BYTES)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i] | 32) : NULL;
        if (!d)
            return false;
        out[i / 2] = (uint8_t)((i % 2 ? out[i / 2] << 4 : 0) | (d - digits));
    }
    return true;
}

/* Cuts what stands before the next ':' off. */
static struct bl_str next_part(struct bl_str *rest)
{
    const char *end = rest->n ? memchr(rest->p, ':', rest->n) : NULL;
    struct bl_str part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t n = part.n + (end ? 1 : 0);
    *rest = (struct bl_str){rest->p + n, rest->n - n};
    return part;
}

/* A key that is given by its hash is named by that, since its token is not known. */
static bool take_secret(struct bl_str part, struct bl_access_key *out, const char **why)
{
    static const struct bl_str hashed = {"sha256=", 7};
    if (bl_str_starts(part, hashed)) {
        struct bl_str hex = {part.p + hashed.n, part.n - hashed.n};
        *why = "after sha256= there must be 64 hexadecimal digits";
        if (!read_hex(hex, out->hash))
            return false;
        snprintf(out->id, sizeof out->id, "x%02x%02x%02x%02x%02x%02x", out->hash[0], out->hash[1],
                 out->hash[2], out->hash[3], out->hash[4], out->hash[5]);
        return true;
    }
    *why = bl_token_fault(part);
    if (*why)
        return false;
    bl_token_hash(part, out->hash);
    bl_token_id(part, out->id);
    return true;
}

bool bl_key_read_line(struct bl_str line, struct bl_access_key *out, const char **why)
{
    struct bl_str rest = line;
    *out = (struct bl_access_key){.kind = bl_key_kind_of(next_part(&rest))};
    *why = "a key is kind:token or kind:sha256=HEX, where kind is write, read or admin";
    if (out->kind == BL_KIND_COUNT || rest.n == 0 || !take_secret(next_part(&rest), out, why))
        return false;
    *why = "only write keys have origins";
    if (rest.n && out->kind != BL_KIND_WRITE)
        return false;
    *why = "an origin is scheme://host or scheme://host:port, with commas between several";
    return bl_origins_read(rest, out->origins);
}

void bl_access_key_put(const struct bl_access_key *key, struct bl_buf *out)
{
    bl_buf_printf(out, "{\"kind\":\"%s\",\"name\":", bl_key_kind_name(key->kind));
    bl_buf_json(out, bl_str_of(key->name));
    bl_buf_z(out, ",\"origins\":");
    bl_buf_json(out, bl_str_of(key->origins));
    bl_buf_printf(out, ",\"created_at\":%lld,\"sha256\":\"", (long long)key->created_ms);
    bl_buf_hex(out, key->hash, sizeof key->hash);
    bl_buf_z(out, "\"}");
}

static struct bl_str text_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? (struct bl_str){json_string_value(v), json_string_length(v)} : BL_STR("");
}

static bool copy(struct bl_str s, char *to, size_t max)
{
    if (s.n > max || bl_str_has_control(s))
        return false;
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

/* jansson does not notice in all places that it got no memory: a text would come out shorter, a list of origins as none. */
static bool starved;

static void *ask(size_t n)
{
    void *p = malloc(n);
    starved = starved || !p;
    return p;
}

enum bl_err bl_access_key_read(struct bl_str id, struct bl_str json, struct bl_access_key *out)
{
    *out = (struct bl_access_key){.kind = BL_KIND_COUNT};
    json_set_alloc_funcs(ask, free);
    starved = false;
    json_t *o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    if (starved) {
        json_decref(o);
        return BL_ERR_NO_MEMORY;
    }
    bool ok = json_is_object(o) && id.n && copy(id, out->id, BL_KEY_ID_MAX_BYTES);
    if (ok) {
        out->kind = bl_key_kind_of(text_of(o, "kind"));
        out->created_ms = json_integer_value(json_object_get(o, "created_at"));
        ok = out->kind < BL_KIND_COUNT && read_hex(text_of(o, "sha256"), out->hash) &&
             copy(text_of(o, "name"), out->name, BL_KEY_NAME_MAX_BYTES) &&
             bl_origins_read(text_of(o, "origins"), out->origins);
    }
    json_decref(o);
    return ok ? BL_OK : BL_ERR_CORRUPT;
}
