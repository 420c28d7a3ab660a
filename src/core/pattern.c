/* Names and ids of patterns. The id is a hash of what the pattern is, under a fixed key (SPEC 5.2):
 * reprocessing a stream, in any data set, makes the same ids. The key and the layout of the hashed text must
 * never change. */
#include "bl/core/pattern.h"
#include "bl/core/rule.h"

#include <assert.h>

static const struct bl_hash_key id_key = {0x62656861766975ULL, 0x6f726c656e73ULL};

const char *bl_severity_name(enum bl_severity severity)
{
    static const char *const names[] = {"", "low", "medium", "high"};
    return names[severity];
}

enum bl_severity bl_severity_of(struct bl_str name)
{
    for (int s = BL_LOW; s <= BL_HIGH; s++)
        if (bl_str_eqz(name, bl_severity_name((enum bl_severity)s)))
            return (enum bl_severity)s;
    return (enum bl_severity)0;
}

const char *bl_resolution_name(enum bl_resolution resolution)
{
    static const char *const names[BL_RESOLUTION_COUNT] = {NULL,         "activity",    "left",  "ended",
                                                           "completion", "session-end", "manual"};
    return names[resolution];
}

void bl_pattern_id_hex(const struct bl_pattern_id *id, char out[32])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id->b; i++) {
        out[2 * i] = digits[id->b[i] >> 4];
        out[2 * i + 1] = digits[id->b[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bl_pattern_id_parse(struct bl_str hex, struct bl_pattern_id *out)
{
    if (hex.n != 2 * sizeof out->b)
        return false;
    for (size_t i = 0; i < sizeof out->b; i++) {
        int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->b[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

struct text {
    char p[BL_USER_ID_MAX_BYTES + BL_PAGE_MAX_BYTES + BL_METADATA_MAX_BYTES + 128];
    size_t n;
};

static inline void put(struct text *t, struct bl_str s)
{
    assert(s.n < sizeof t->p - t->n);
    if (s.n)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->p[t->n++] = '\0';
}

struct bl_pattern_id bl_pattern_id(struct bl_str user_id, enum bl_rule_id rule, const char *variant,
                                   struct bl_str page, struct bl_str element, int64_t detected_ms)
{
    struct text t;
    struct bl_pattern_id id;
    unsigned char time[8];
    t.n = 0;
    for (int i = 0; i < 8; i++)
        time[i] = (unsigned char)((uint64_t)detected_ms >> (8 * i));
    put(&t, user_id);
    put(&t, bl_str_of(bl_rule(rule)->name));
    put(&t, bl_str_of(variant));
    put(&t, page);
    put(&t, element);
    put(&t, (struct bl_str){(const char *)time, sizeof time});
    struct bl_hash128 h = bl_hash128(id_key, (struct bl_str){t.p, t.n});
    for (int i = 0; i < 8; i++) {
        id.b[i] = (unsigned char)(h.lo >> (8 * i));
        id.b[8 + i] = (unsigned char)(h.hi >> (8 * i));
    }
    return id;
}
