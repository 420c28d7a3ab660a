/* SPEC 2.1: JSON is read under whatever harmless type a client sends it (beacons: text/plain; curl -d: form). Some
 * trackers send gzip without saying so; nothing that starts like it is text, so it is known by its first bytes. */
#include "body.h"

#include "inflate.h"

static const struct {
    const char *type;
    bool lines;
} types[] = {{"application/json", false},      {"text/plain", false},
             {"application/x-ndjson", true},   {"application/x-www-form-urlencoded", false},
             {"application/ndjson", true},     {"application/jsonl", true},
             {"application/x-jsonlines", true}};

static const struct {
    const char *name;
    enum bl_packing packing;
} codings[] = {{"gzip", BL_PACKING_GZIP}, {"x-gzip", BL_PACKING_GZIP}, {"deflate", BL_PACKING_DEFLATE}};

/* A charset must be UTF-8 (or its subset); other parameters do no harm. */
static bool charset_is_ours(struct bl_str param)
{
    static const struct bl_str name = {"charset=", 8};
    if (param.n < name.n || !bl_str_ieq((struct bl_str){param.p, name.n}, name))
        return true;
    struct bl_str v = {param.p + name.n, param.n - name.n};
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = (struct bl_str){v.p + 1, v.n - 2};
    return bl_str_ieq(v, BL_STR("utf-8")) || bl_str_ieq(v, BL_STR("utf8")) ||
           bl_str_ieq(v, BL_STR("us-ascii"));
}

static enum bl_err kind_of(const struct bl_body_head *head, enum bl_body_kind *kind)
{
    struct bl_str rest = head->type, type = bl_str_trim(bl_str_cut(&rest, ';'));
    *kind = head->batch ? BL_BODY_BATCH : BL_BODY_EVENT;
    if (type.n == 0)
        return BL_OK;
    while (rest.n)
        if (!charset_is_ours(bl_str_trim(bl_str_cut(&rest, ';'))))
            return BL_ERR_UNSUPPORTED_TYPE;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!bl_str_ieq(type, bl_str_of(types[i].type)))
            continue;
        if (types[i].lines && !head->batch)
            return BL_ERR_UNSUPPORTED_TYPE;
        if (types[i].lines)
            *kind = BL_BODY_NDJSON;
        return BL_OK;
    }
    return BL_ERR_UNSUPPORTED_TYPE;
}

static bool packing_named(struct bl_str name, enum bl_packing *out)
{
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++)
        if (bl_str_ieq(name, bl_str_of(codings[i].name))) {
            *out = codings[i].packing;
            return true;
        }
    return false;
}

/* One coding at most; `identity` and empty elements are none. */
static enum bl_err packing_of(struct bl_str coding, struct bl_str bytes, enum bl_packing *out,
                              const char **why)
{
    *out = BL_PACKING_NONE;
    while (coding.n) {
        struct bl_str name = bl_str_trim(bl_str_cut(&coding, ','));
        if (name.n == 0 || bl_str_ieq(name, BL_STR("identity")))
            continue;
        if (*out != BL_PACKING_NONE) {
            *why = "Compress the body once: several codings are not taken.";
            return BL_ERR_UNSUPPORTED_ENCODING;
        }
        if (!packing_named(name, out))
            return BL_ERR_UNSUPPORTED_ENCODING;
    }
    if (*out == BL_PACKING_NONE && bl_inflate_is_gzip(bytes))
        *out = BL_PACKING_GZIP;
    return BL_OK;
}

enum bl_err bl_body_open(const struct bl_body_head *head, struct bl_str bytes, size_t max,
                         struct bl_buf *room, struct bl_body *out, const char **why)
{
    enum bl_packing packing = BL_PACKING_NONE;
    *why = NULL;
    if (bytes.n > max)
        return BL_ERR_BODY_TOO_LARGE;
    if (head->twice) {
        *why = "Send one Content-Type and one Content-Encoding header, not several.";
        return BL_ERR_BAD_REQUEST;
    }
    enum bl_err err = kind_of(head, &out->kind);
    if (err == BL_ERR_UNSUPPORTED_TYPE && !head->batch)
        *why = "Send one event as application/json in UTF-8; several, as NDJSON too, go to /events/batch.";
    if (err == BL_OK)
        err = packing_of(head->coding, bytes, &packing, why);
    if (err != BL_OK)
        return err;
    out->text = bytes;
    if (packing == BL_PACKING_NONE)
        return BL_OK;
    err = bl_inflate(packing, bytes, max, room, why);
    out->text = bl_buf_view(room);
    if (err == BL_ERR_BODY_TOO_LARGE)
        *why = "The body is too large once it is unpacked: send smaller batches.";
    return err;
}
